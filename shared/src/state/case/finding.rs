//! A finding as a case takes it in.

use crate::finding::Finding;

/// A finding about the subject of a case.
#[derive(Clone, Copy, Debug)]
pub struct CaseFinding<'f> {
    /// The finding.
    pub finding: &'f Finding,
    /// Whether a suppression matches it.
    pub suppressed: bool,
}
