//! Findings: one problem each, with the rule that raised it, its severity, whom it is about, and the evidence.

mod evidence;
#[expect(clippy::module_inception, reason = "the file is named after the type that it defines")]
mod finding;
mod json;
mod judged;
mod merge;
pub mod ocsf;
mod principal;
pub mod query;
pub mod rule;
mod status;
mod subject;
pub(crate) mod summary;
pub mod suppression;

pub use crate::text::stable_id;
#[cfg(test)]
pub(crate) use evidence::EVIDENCE_MEMBERS;
pub use evidence::{Evidence, Facts, Place, masked};
pub use finding::Finding;
pub use judged::{Gap, Judged, is_unjudged};
pub use merge::merged;
pub use principal::Principal;
pub(crate) use principal::partition;
pub use status::Status;
pub use subject::Subject;
pub(crate) use subject::network_of;
pub use summary::what_of;
