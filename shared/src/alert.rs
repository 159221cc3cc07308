//! What a person is told, in English. (Nothing else in this crate writes to a person.)

use crate::finding::Finding;

/// Who did what, when, and from where: one sentence that a pager can show.
pub fn summary(finding: &Finding) -> String {
    finding.what.clone()
}
