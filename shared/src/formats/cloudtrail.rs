//! CloudTrail log files and what is in them.

mod block;
pub mod counts;
pub mod export;
pub mod key;
pub mod log_file;
pub mod period;
pub mod prefilter;
pub mod record;
#[cfg(any(test, feature = "cases"))]
#[expect(clippy::panic, reason = "only tests use the samples, and a bad change is a mistake in a test")]
pub mod samples;
pub mod scan;
pub mod sign_in;

pub use record::{Record, UserIdentity};
pub use sign_in::{Mfa, Outcome, SignIn, Way};
