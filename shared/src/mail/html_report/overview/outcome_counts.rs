//! Sign-ins counted by outcome.

use crate::formats::cloudtrail::Outcome;

/// Numbers of sign-ins by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutcomeCounts {
    /// The sign-in succeeded.
    pub successes: u64,
    /// The sign-in failed.
    pub failures: u64,
    /// The record has no outcome.
    pub unknown: u64,
}

impl OutcomeCounts {
    /// One sign-in.
    pub fn one(outcome: Outcome) -> OutcomeCounts {
        let is = |wanted| u64::from(outcome == wanted);
        OutcomeCounts {
            successes: is(Outcome::Success),
            failures: is(Outcome::Failure),
            unknown: is(Outcome::Unknown),
        }
    }

    /// All sign-ins.
    pub fn all(self) -> u64 {
        self.successes + self.failures + self.unknown
    }
}

impl std::ops::AddAssign for OutcomeCounts {
    fn add_assign(&mut self, other: OutcomeCounts) {
        self.successes += other.successes;
        self.failures += other.failures;
        self.unknown += other.unknown;
    }
}
