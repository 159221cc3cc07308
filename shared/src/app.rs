//! The use cases, whole.

mod accepted;
mod audit;
mod backfill;
mod budgets;
mod deliveries;
mod memory;
mod reading;
mod receipts;
mod sweep;
mod telling;

pub use audit::{Audit, Audited, audit_credentials};
pub use backfill::{Backfilled, Progress, Scanned, Skipped, Unplanned, backfill, plan, scan};
pub use deliveries::{Asked, Delivered, process_deliveries, process_messages};
pub use reading::Reader;
pub use sweep::{LooksFor, Sweep, Swept, sweep};
pub use telling::{Mailed, Outcome};

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cloudtrail::key;
use crate::cloudtrail::scan::{self, Judge};
use crate::config::Config;
use crate::detections;
use crate::finding::{Evidence, Finding, Place};
use crate::rule::Severity;

/// What judging one log file, or several, came to. The counts add up:
/// `records == judged + unreadable + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Log files that were read, wholly or in part.
    pub log_files: u64,
    /// Elements of `Records`.
    pub records: u64,
    /// Records that a rule asks for, and that were judged.
    pub judged: u64,
    /// Records that no rule asks for: they were left unparsed.
    pub skipped: u64,
    /// Records that could not be.
    pub unreadable: u64,
    /// Log files of which something could not be read.
    pub unreadable_log_files: u64,
}

impl Counts {
    /// The counts of one log file of which so many records were judged.
    pub fn of(file: &scan::Counts, judged: u64) -> Counts {
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
        self.findings.extend(detections::unreadable_log_file(&self.name, counts));
        self.findings.extend(detections::findings_left_out(&self.name, self.left_out.values().sum()));
        (Counts::of(counts, self.judged), self.findings, self.left_out)
    }

    /// The worst of a log file that held more than could be kept of it; nothing where all was kept.
    pub fn worst(&mut self) -> Option<Vec<Finding>> {
        self.leave_out();
        (!self.left_out.is_empty()).then(|| std::mem::take(&mut self.findings))
    }

    fn leave_out(&mut self) {
        if self.findings.len() > self.max_findings {
            self.findings.sort_by_key(|finding| Reverse(weight(finding)));
            for finding in self.findings.drain(self.max_findings..) {
                *self.left_out.entry(finding.severity).or_default() += 1;
            }
        }
    }
}

/// How much a finding matters where there is not room for all: what anyone can cause, the least.
fn weight(finding: &Finding) -> Severity {
    if finding.by_anyone { finding.severity.min(Severity::Low) } else { finding.severity }
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

/// Makes one finding of those that say the same of the same event, found in several log files, and puts
/// all in order of time. The order in which the log files were read changes nothing; what the files are
/// called decides no more than which of equal copies is the evidence.
pub fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut same: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        same.entry(finding.id.clone()).or_default().push(finding);
    }
    let mut merged: Vec<Finding> = same.into_values().filter_map(one_of).collect();
    merged.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    merged
}

/// One finding for several of one id. A corrected copy says more than the first one; in another account the
/// same event may matter less.
fn one_of(mut findings: Vec<Finding>) -> Option<Finding> {
    if findings.len() > 1 {
        findings.sort_by_cached_key(|finding| {
            let Evidence { log_file, record, original_event_id, .. } = &finding.evidence;
            let said = (Reverse(finding.severity), content(finding));
            (original_event_id.is_none(), said, log_file.clone(), *record)
        });
    }
    let mut findings = findings.into_iter();
    let mut one = findings.next()?;
    let own = one.evidence.log_file.clone();
    let mut files: BTreeSet<String> = std::mem::take(&mut one.evidence.also_in).into_iter().collect();
    for Evidence { log_file, also_in, .. } in findings.map(|finding| finding.evidence) {
        files.extend(log_file.into_iter().chain(also_in));
    }
    one.evidence.also_in = files.into_iter().filter(|file| Some(file) != own.as_ref()).collect();
    Some(one)
}

/// What a finding says, whichever file it was read from.
fn content(finding: &Finding) -> String {
    let Evidence { event_id, error_code, error_message, facts, .. } = &finding.evidence;
    let Finding { severity, summary, resource, source_ip, user_agent, .. } = finding;
    let said = (severity, summary, resource, source_ip, user_agent);
    format!("{said:?} {:?}", (event_id, error_code, error_message, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(log_file: &str, json: &str) -> Finding {
        let place = Place { log_file, record: 0, delivered: None };
        detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap()
    }

    fn failure(id: &str, agent: &str, addendum: &str) -> String {
        format!(
            r#"{{"eventID": "{id}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "recipientAccountId": "111122223333", "userIdentity": {{"type": "IAMUser", "userName": "alice"}},
                "responseElements": {{"ConsoleLogin": "Failure"}}, "userAgent": "{agent}"{addendum}}}"#
        )
    }

    #[test]
    fn the_corrected_copy_speaks_for_an_event_whatever_the_files_are_called() {
        let original = failure("1", "unknown", "");
        let corrected = failure("2", "Firefox", r#", "addendum": {"originalEventID": "1"}"#);
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let merged = merged(vec![
                finding(first, &original),
                finding(second, &corrected),
                finding(second, &corrected),
                finding("c.json", &original),
            ]);
            assert_eq!(merged.len(), 1);
            assert_eq!(merged[0].user_agent.as_deref(), Some("Firefox"));
            assert_eq!(merged[0].evidence.log_file.as_deref(), Some(second));
            assert_eq!(merged[0].evidence.also_in, [first, "c.json"]);
        }
    }

    #[test]
    fn the_worst_speaks_for_an_event_that_two_accounts_received() {
        let copy = |severity| Finding { severity, ..finding("a.json", &failure("1", "one", "")) };
        for severities in
            [[Severity::Informational, Severity::Medium], [Severity::Medium, Severity::Informational]]
        {
            let merged = merged(severities.map(copy).to_vec());
            assert_eq!((merged.len(), merged[0].severity), (1, Severity::Medium));
        }
    }

    #[test]
    fn of_differing_copies_the_same_one_speaks_whatever_the_files_are_called() {
        let (one, other) = (failure("1", "one", ""), failure("1", "other", ""));
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let merged = merged(vec![finding(first, &one), finding(second, &other)]);
            assert_eq!((merged.len(), merged[0].user_agent.as_deref()), (1, Some("one")));
        }
    }
}
