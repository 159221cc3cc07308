//! The use cases, whole.

use crate::cloudtrail::key;
use crate::cloudtrail::log_file::LogFileReader;
use crate::config::Config;
use crate::detections;
use crate::finding::{Finding, Place};

/// What judging one log file, or several, came to. The counts add up: `records == judged + unreadable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Log files that were read, wholly or in part.
    pub log_files: u64,
    /// Elements of `Records`.
    pub records: u64,
    /// Records that were judged.
    pub judged: u64,
    /// Records that could not be.
    pub unreadable: u64,
    /// Log files of which something could not be read.
    pub unreadable_log_files: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.log_files += other.log_files;
        self.records += other.records;
        self.judged += other.judged;
        self.unreadable += other.unreadable;
        self.unreadable_log_files += other.unreadable_log_files;
    }
}

/// Judges every record of one log file; `name` is its `s3://bucket/key` or path.
pub fn judge_log_file(
    reader: &mut LogFileReader,
    name: &str,
    file: &[u8],
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Counts {
    let delivered = key::delivered(name);
    let counts = reader.read(file, &mut |index, json| {
        let place = Place { log_file: name, record: index, delivered };
        findings.extend(detections::judge(json, config, place)?);
        Ok(())
    });
    findings.extend(detections::unreadable_log_file(name, &counts));
    Counts {
        log_files: 1,
        records: counts.records,
        judged: counts.records - counts.unreadable,
        unreadable: counts.unreadable,
        unreadable_log_files: u64::from(!counts.problems.is_empty()),
    }
}
