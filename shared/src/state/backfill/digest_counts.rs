//! How many findings a digest notifies people of, and what became of the others.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The findings of a digest, by what became of them. Each finding is counted once, unless nobody is to be notified:
/// then only `left_out` is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestCounts {
    /// ListingPage in the mail.
    #[serde(rename = "told")]
    pub notified: u64,
    /// Notified before, by whatever mail.
    pub known: u64,
    /// Suppressed.
    #[serde(rename = "accepted")]
    pub suppressed: u64,
    /// Below `MAIL_MIN_SEVERITY`, or too few to be mailed.
    #[serde(rename = "counted")]
    pub counted_only: u64,
    /// Left out for lack of room: only their severity is known.
    pub left_out: u64,
}

impl AddAssign for DigestCounts {
    fn add_assign(&mut self, other: DigestCounts) {
        self.notified += other.notified;
        self.known += other.known;
        self.suppressed += other.suppressed;
        self.counted_only += other.counted_only;
        self.left_out += other.left_out;
    }
}
