//! Judging one log file, record by record.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::finding::{Finding, Place};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::scan::{self, Judge};
use crate::rules::{detections, health};
use crate::severity::Severity;

/// The judging of one log file, record by record.
pub struct Judging<'a> {
    name: String,
    config: &'a Config,
    delivered: Option<DateTime<Utc>>,
    judged: u64,
    findings: Vec<Finding>,
    max_findings: usize,
    left_out: BTreeMap<Severity, u64>,
}

impl<'a> Judging<'a> {
    /// `name` is the log file's `s3://bucket/key` or path.
    pub fn new(name: &str, config: &'a Config) -> Judging<'a> {
        Judging::with_at_most(usize::MAX, name, config)
    }

    /// The same, with a limit to the findings that are kept: the least severe are left out, and what anyone can
    /// cause before all else that somebody is told.
    pub fn with_at_most(max_findings: usize, name: &str, config: &'a Config) -> Judging<'a> {
        let (delivered, findings, left_out) = (key::delivered(name), Vec::new(), BTreeMap::new());
        let name = name.to_owned();
        Judging { name, config, delivered, judged: 0, findings, max_findings, left_out }
    }

    /// Judges one record: its place in `Records` and its JSON.
    ///
    /// # Errors
    /// A phrase that says why no rule can judge it.
    pub fn judge(&mut self, index: u64, json: &[u8]) -> Result<(), String> {
        let place = Place { log_file: &self.name, record: index, delivered: self.delivered };
        self.findings.extend(detections::judge(json, self.config, place)?);
        self.judged += 1;
        // Not at each one, for it means to sort.
        if self.findings.len() > self.max_findings.saturating_add(self.max_findings / 10) {
            self.leave_out();
        }
        Ok(())
    }

    /// What it came to, now that the file was read to its end, and how many findings of each severity were
    /// left out.
    pub fn end(mut self, counts: &scan::Counts) -> (Counts, Vec<Finding>, BTreeMap<Severity, u64>) {
        self.leave_out();
        self.findings.extend(health::unreadable_log_file(&self.name, counts));
        self.findings.extend(health::findings_left_out(&self.name, self.left_out.values().sum()));
        (Counts::of(counts, self.judged), self.findings, self.left_out)
    }

    /// The worst of a log file that held more than could be kept of it; nothing where all was kept.
    pub fn worst(&mut self) -> Option<Vec<Finding>> {
        self.leave_out();
        (!self.left_out.is_empty()).then(|| std::mem::take(&mut self.findings))
    }

    fn leave_out(&mut self) {
        if self.findings.len() > self.max_findings {
            self.findings.sort_by_key(|finding| Reverse(finding.retention_priority()));
            for finding in self.findings.drain(self.max_findings..) {
                *self.left_out.entry(finding.severity).or_default() += 1;
            }
        }
    }
}

/// Judges every record of one log file that `read` shows to the judge that it is given.
///
/// # Errors
/// What `read` answers, when the file could not be read to its end.
pub fn judge_log_file<E>(
    name: &str,
    config: &Config,
    findings: &mut Vec<Finding>,
    read: impl FnOnce(&mut Judge<'_>) -> Result<scan::Counts, E>,
) -> Result<Counts, E> {
    let mut judging = Judging::new(name, config);
    let counts = read(&mut |index, json| judging.judge(index, json))?;
    let (counts, found, _) = judging.end(&counts);
    findings.extend(found);
    Ok(counts)
}
