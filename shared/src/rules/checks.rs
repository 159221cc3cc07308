//! The rules over the credential report: a table of entries, one file for each family, each entry with its cases.
//!
//! To add a rule, add its entry and its cases to the file of its family, and name in `columns` every column that
//! its function reads. If one of them cannot be read in a row, the row is not clean: `watch.could-not-look` is
//! raised, and a [`Gap`](crate::finding::Gap) keeps the rule's findings from being resolved.
//!
//! Ages are whole days, up to the time of the report. An old key or certificate is raised the day after its limit
//! (CIS has keys rotated "every 90 days or less"), an unused credential from exactly its limit on (CIS has
//! credentials disabled that are "unused for 45 days or more").

mod access_key;
#[cfg(any(test, feature = "cases"))]
#[expect(clippy::panic, reason = "only tests call it, and a case that is no report is a mistake in a test")]
mod case_outcomes;
#[cfg(any(test, feature = "cases"))]
#[expect(
    clippy::panic,
    reason = "only tests read the cases, and a case that is no report is a mistake in a test"
)]
pub mod cases;
mod certificate;
mod check;
mod context;
mod gaps;
mod judging;
mod password;
mod root;
mod table;
mod user;
mod verdict;

pub use check::{Check, CheckInput, RowScope};
pub use context::ReportContext;
pub use judging::judge;
pub use table::table;
pub use verdict::CheckVerdict;

#[cfg(test)]
mod tests;
