//! A finding compared with the run before.

use serde::{Deserialize, Serialize};

/// A finding compared with the run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The run before did not find it.
    New,
    /// It was resolved, and is found again.
    CameBack,
    /// The run before found it too.
    Still,
    /// The run before found it, and this one does not.
    Resolved,
}

impl Status {
    /// The name in JSON and in message attributes.
    pub fn name(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::CameBack => "came-back",
            Status::Still => "still",
            Status::Resolved => "resolved",
        }
    }
}
