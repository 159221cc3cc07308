//! The rules over CloudTrail records: a table of entries, one file for each family, each entry with its cases.
//!
//! To add a rule, add its entry and its cases to the file of its family. The order of [`table()`] is the order of
//! precedence: a record raises the first rule that matches, so that the more specific rule comes first.

mod calls;
#[cfg(any(test, feature = "cases"))]
#[expect(clippy::panic, reason = "only tests call it, and a case that is no record is a mistake in a test")]
mod case_findings;
#[cfg(any(test, feature = "cases"))]
#[expect(
    clippy::panic,
    reason = "only tests read the cases, and a case that is no record is a mistake in a test"
)]
pub mod cases;
mod credential_change;
mod detection;
mod grant;
mod identity_center;
mod judging;
mod root;
mod sign_in;
mod table;
mod tampered;
mod trail;

pub use detection::{Detection, DetectionRaised, RecordScope};
pub use judging::{detect, judge, judge_record, wanted};
pub use table::table;

#[cfg(test)]
mod tests;
