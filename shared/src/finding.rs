//! Findings: one problem each, with the rule that raised it, its severity, whom it is about, and the evidence.

mod check_outcome;
mod evidence;
#[expect(clippy::module_inception, reason = "the file is named after the type that it defines")]
mod finding;
mod json;
mod merge;
pub mod ocsf;
mod principal;
pub mod query;
pub mod rule;
mod status;
mod subject;
pub(crate) mod summary;
pub mod suppression;
#[cfg(test)]
pub(crate) mod test_rules;

pub use crate::text::stable_id;
pub use check_outcome::{CheckOutcome, Gap, is_unjudged};
#[cfg(test)]
pub(crate) use evidence::EVIDENCE_MEMBERS;
pub use evidence::{Evidence, EvidenceFacts, RecordPlace, masked};
pub use finding::{CheckLine, Finding};
pub use merge::merged;
pub use principal::Principal;
pub(crate) use principal::partition;
pub use status::Status;
pub use subject::Subject;
pub(crate) use subject::network_of;
