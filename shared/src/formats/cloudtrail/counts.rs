//! Counts of log files and records.

use serde::{Deserialize, Serialize};

use super::scan;

/// The counts of one or several log files. They add up:
/// `records == judged + unreadable + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Log files that were read, completely or in part.
    pub log_files: u64,
    /// Elements of `Records`.
    pub records: u64,
    /// Records that a rule looks at and that were evaluated.
    pub judged: u64,
    /// Records that no rule looks at, which were not parsed.
    pub skipped: u64,
    /// Records that could not be read.
    pub unreadable: u64,
    /// Log files with unreadable parts.
    pub unreadable_log_files: u64,
}

impl Counts {
    /// The counts of one log file, of which `judged` records were evaluated.
    pub fn of(file: &scan::ScanCounts, judged: u64) -> Counts {
        Counts {
            log_files: 1,
            records: file.records,
            judged,
            skipped: file.skipped,
            unreadable: file.unreadable,
            unreadable_log_files: u64::from(!file.problems.is_empty()),
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.log_files += other.log_files;
        self.records += other.records;
        self.judged += other.judged;
        self.skipped += other.skipped;
        self.unreadable += other.unreadable;
        self.unreadable_log_files += other.unreadable_log_files;
    }
}
