//! The use cases, whole.

use crate::cloudtrail::key;
use crate::cloudtrail::scan::{self, Judge};
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

impl Counts {
    /// The counts of one log file.
    pub fn of(file: &scan::Counts) -> Counts {
        Counts {
            log_files: 1,
            records: file.records,
            judged: file.records - file.unreadable,
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
        self.unreadable += other.unreadable;
        self.unreadable_log_files += other.unreadable_log_files;
    }
}

/// Judges every record of one log file; `name` is its `s3://bucket/key` or path.
///
/// `read` reads it and shows every record that is worth parsing to the judge that it is given.
///
/// # Errors
/// What `read` answers, when the file could not be fetched to its end; it should be fetched again.
pub fn judge_log_file<E>(
    name: &str,
    config: &Config,
    findings: &mut Vec<Finding>,
    read: impl FnOnce(&mut Judge<'_>) -> Result<scan::Counts, E>,
) -> Result<Counts, E> {
    let delivered = key::delivered(name);
    let counts = read(&mut |index, json| {
        let place = Place { log_file: name, record: index, delivered };
        findings.extend(detections::judge(json, config, place)?);
        Ok(())
    })?;
    findings.extend(detections::unreadable_log_file(name, &counts));
    Ok(Counts::of(&counts))
}

/// Makes one finding of those that say the same of the same event, found in several log files, and puts
/// all in order of time. The order in which the log files were read changes nothing.
pub fn merged(mut findings: Vec<Finding>) -> Vec<Finding> {
    let place = |finding: &Finding| (finding.evidence.log_file.clone(), finding.evidence.record);
    findings.sort_by(|a, b| (&a.id, place(a)).cmp(&(&b.id, place(b))));
    let mut merged: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match merged.last_mut() {
            Some(same) if same.id == finding.id => {
                let elsewhere =
                    finding.evidence.log_file.filter(|file| same.evidence.log_file.as_ref() != Some(file));
                same.evidence.also_in.extend(elsewhere);
                same.evidence.also_in.dedup();
            }
            _ => merged.push(finding),
        }
    }
    merged.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    merged
}
