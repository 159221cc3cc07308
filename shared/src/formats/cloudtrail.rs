//! CloudTrail log files and what is in them.

mod block;
pub mod counts;
pub mod export;
pub mod key;
pub mod log_file;
pub mod period;
pub mod prefilter;
pub mod record;
pub mod scan;
pub mod sign_in;

pub use record::{Record, UserIdentity};
pub use sign_in::{Mfa, Outcome, SignIn, Way};
