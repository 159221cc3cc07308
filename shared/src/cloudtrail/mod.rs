//! CloudTrail log files and what is in them.

pub mod record;
pub mod sign_in;

pub use record::{Record, UserIdentity};
pub use sign_in::{Mfa, Outcome, SignIn, Way};
