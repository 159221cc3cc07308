//! Judging one log file, record by record.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::bounded::{Limits, Ranked, WorstSet};
use crate::config::Config;
use crate::finding::{Finding, RecordPlace};
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
    /// By the record's place in the log file.
    findings: WorstSet<u64, Finding>,
    left_out: BTreeMap<Severity, u64>,
}

impl<'a> Judging<'a> {
    /// `name` is the log file's `s3://bucket/key` or path.
    pub fn new(name: &str, config: &'a Config) -> Judging<'a> {
        Judging::with_at_most(usize::MAX, name, config)
    }

    /// The same, with a limit to the findings that are kept: the least severe are left out, and unauthenticated
    /// findings before all others that are mailed.
    pub fn with_at_most(max_findings: usize, name: &str, config: &'a Config) -> Judging<'a> {
        let (delivered, findings) = (key::delivered(name), WorstSet::new(Limits::of_items(max_findings)));
        Judging { name: name.to_owned(), config, delivered, judged: 0, findings, left_out: BTreeMap::new() }
    }

    /// Judges one record: its place in `Records` and its JSON.
    ///
    /// # Errors
    /// A phrase that says why no rule can judge it.
    pub fn judge(&mut self, index: u64, json: &[u8]) -> Result<(), String> {
        let place = RecordPlace { log_file: &self.name, record: index, delivered: self.delivered };
        if let Some(finding) = detections::judge(json, self.config, place)? {
            let dropped = self.findings.insert(index, finding);
            self.leave_out(dropped);
        }
        self.judged += 1;
        Ok(())
    }

    /// The findings and counts of the file, which was read to its end, and how many findings of each severity were
    /// left out.
    pub fn end(mut self, counts: &scan::ScanCounts) -> (Counts, Vec<Finding>, BTreeMap<Severity, u64>) {
        let mut findings = self.kept();
        findings.extend(health::unreadable_log_file(&self.name, counts));
        findings.extend(health::findings_left_out(&self.name, self.left_out.values().sum()));
        (Counts::of(counts, self.judged), findings, self.left_out)
    }

    /// The worst of a log file that held more than could be kept of it; nothing where all was kept.
    pub fn worst(&mut self) -> Option<Vec<Finding>> {
        self.trim();
        (!self.left_out.is_empty()).then(|| self.kept())
    }

    /// Takes the findings that are kept: in the order of their records, or the worst first if some were left out.
    fn kept(&mut self) -> Vec<Finding> {
        self.trim();
        let mut kept: Vec<Finding> = self.findings.take().into_values().collect();
        if !self.left_out.is_empty() {
            kept.sort_by_key(Ranked::rank);
        }
        kept
    }

    fn trim(&mut self) {
        let dropped = self.findings.trim();
        self.leave_out(dropped);
    }

    fn leave_out(&mut self, dropped: Vec<(u64, Finding)>) {
        for (_, finding) in dropped {
            *self.left_out.entry(finding.severity).or_default() += 1;
        }
    }
}

/// Judges every record of one log file that `read` shows to the judge that it is given.
///
/// # Errors
/// The error of `read` if the file could not be read to its end.
pub fn judge_log_file<E>(
    name: &str,
    config: &Config,
    findings: &mut Vec<Finding>,
    read: impl FnOnce(&mut Judge<'_>) -> Result<scan::ScanCounts, E>,
) -> Result<Counts, E> {
    let mut judging = Judging::new(name, config);
    let counts = read(&mut |index, json| judging.judge(index, json))?;
    let (counts, found, _) = judging.end(&counts);
    findings.extend(found);
    Ok(counts)
}
