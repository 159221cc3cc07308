//! The log files of a delivery: which of them are read, and the findings of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::delivered::{Delivered, Trigger};
use super::judging::{JudgedLogFile, Judges};
use crate::config::Config;
use crate::finding::{Finding, merged};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, AwsErrorKind, LogStore, Ports, Runtime};
use crate::rules::health::log_file_gone;
use crate::use_cases::log_file_reader::{ConcurrentReader, KnownLogFiles, out_of_time};
use crate::use_cases::notify::OnStateFailure;

/// What a delivery has to process.
pub(crate) struct Work<'a> {
    /// The log files.
    pub objects: &'a [LogFileObject],
    /// Why they are read.
    pub trigger: Trigger,
    /// What to do if the state bucket fails.
    pub persistence: OnStateFailure,
    /// Those of messages that were received often, by [`LogFileObject::identity`].
    pub late: &'a BTreeSet<String>,
}

impl<'a> Work<'a> {
    /// Whether a person named the log files.
    pub fn is_by_hand(&self) -> bool {
        matches!(self.trigger, Trigger::ByHand { .. })
    }

    /// Whether the findings are published.
    pub fn notifies(&self) -> bool {
        self.trigger != Trigger::ByHand { notify: false }
    }

    /// The objects to read, each once, by [`LogFileObject::identity`]; and how many others there are.
    pub(super) fn log_files(&self) -> (BTreeMap<String, &'a LogFileObject>, u64) {
        let objects: BTreeMap<String, &LogFileObject> =
            self.objects.iter().map(|object| (object.identity(), object)).collect();
        let (log_files, skipped): (BTreeMap<_, _>, BTreeMap<_, _>) =
            objects.into_iter().partition(|(_, object)| self.is_wanted(object));
        (log_files, skipped.len() as u64)
    }

    /// A person may have copied a log file to any key.
    fn is_wanted(&self, object: &LogFileObject) -> bool {
        match ObjectKind::of_key(&object.key) {
            ObjectKind::LogFile => true,
            ObjectKind::Other => self.is_by_hand(),
            _ => false,
        }
    }
}

/// Reads and judges log files concurrently, as far as memory and time allow. Those that were not read have an error of
/// the kind `DeadlineExceeded`.
pub(super) async fn read_log_files<L: LogStore, S, A, P: Runtime>(
    log_files: &BTreeMap<String, &LogFileObject>,
    time_to_notify: Duration,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> Vec<(String, Result<JudgedLogFile, AwsError>)> {
    let judges = Judges::new(config);
    let reader = ConcurrentReader::new(&judges, config, ports.logs, ports.runtime, time_to_notify);
    let mut source = KnownLogFiles::new(log_files.values().map(|object| (*object).clone()).collect());
    let mut results = BTreeMap::new();
    // Neither the source nor what is done fails; whatever time left unread is an error below.
    let _ = reader
        .read_all(&mut source, &mut |object, outcome| {
            let judged = outcome.map(|(judging, counts)| judges.end(judging, &counts));
            results.insert(object.identity(), judged);
            Ok(())
        })
        .await;
    let result = |(identity, object): (&String, &&LogFileObject)| {
        let result = results.remove(identity).unwrap_or_else(|| Err(out_of_time(&object.uri())));
        (identity.clone(), result)
    };
    log_files.iter().map(result).collect()
}

/// The findings of all log files.
#[derive(Default)]
pub(super) struct DeliveryFindings {
    /// Those of log files that were read.
    findings: Vec<Finding>,
    /// The worst ones of log files that have to be read again.
    of_unfinished: Vec<Finding>,
    /// The ids of the findings of each log file, by [`LogFileObject::identity`].
    ids: BTreeMap<String, BTreeSet<String>>,
    /// The log files that were read, by [`LogFileObject::identity`].
    read: BTreeSet<String>,
}

impl DeliveryFindings {
    /// Sorts what was read of log files: into findings, counts and errors.
    pub fn collect(
        results: Vec<(String, Result<JudgedLogFile, AwsError>)>,
        work: &Work<'_>,
        log_files: &BTreeMap<String, &LogFileObject>,
        now: DateTime<Utc>,
        delivered: &mut Delivered,
    ) -> DeliveryFindings {
        let mut all = DeliveryFindings::default();
        for (identity, result) in results {
            let object = log_files[&identity];
            let findings = match result {
                Ok(JudgedLogFile { findings, is_whole: false, .. }) => {
                    all.of_unfinished.extend(findings);
                    delivered.unfetched.insert(identity, out_of_time(&object.uri()));
                    continue;
                }
                Ok(JudgedLogFile { counts, findings, left_out, .. }) => {
                    delivered.counts += counts;
                    for (severity, count) in left_out {
                        *delivered.findings.entry(severity).or_default() += count;
                    }
                    all.read.insert(identity.clone());
                    // Others were delivered long ago.
                    if work.trigger == Trigger::Delivery {
                        delivered.delivery_lag = delivered.delivery_lag.max(lag(object, now));
                    }
                    findings
                }
                Err(error) if error.kind == AwsErrorKind::NotFound && !work.is_by_hand() => {
                    delivered.counts += Counts { log_files: 1, unreadable_log_files: 1, ..Counts::default() };
                    vec![log_file_gone(&object.uri(), &error.answer)]
                }
                Err(error) => {
                    delivered.unfetched.insert(identity, error);
                    continue;
                }
            };
            all.ids.insert(identity, findings.iter().map(|finding| finding.id.clone()).collect());
            all.findings.extend(findings);
        }
        all
    }

    /// All findings to publish, with those about what could not be looked at. Counts them, except those of log files that
    /// have to be read again.
    pub fn take_all(&mut self, could_not_look: Vec<Finding>, delivered: &mut Delivered) -> Vec<Finding> {
        let mut findings = merged(std::mem::take(&mut self.findings));
        findings.extend(could_not_look);
        for finding in &findings {
            *delivered.findings.entry(finding.severity).or_default() += 1;
        }
        findings.append(&mut self.of_unfinished);
        merged(findings)
    }

    /// The log files of which a finding was not published, by [`LogFileObject::identity`], and why.
    pub fn unnotified(&self, by_finding: &BTreeMap<String, AwsError>) -> BTreeMap<String, AwsError> {
        let error = |ids: &BTreeSet<String>| ids.iter().find_map(|id| by_finding.get(id)).cloned();
        self.ids.iter().filter_map(|(identity, ids)| Some((identity.clone(), error(ids)?))).collect()
    }

    /// The log files that need not be read again. Deleted ones are not among them: they would be read if restored.
    pub fn read_and_notified(
        &self,
        unnotified: &BTreeMap<String, AwsError>,
    ) -> impl Iterator<Item = &String> {
        self.read.iter().filter(|identity| !unnotified.contains_key(*identity))
    }
}

/// The time since a log file was delivered.
fn lag(object: &LogFileObject, now: DateTime<Utc>) -> Option<Duration> {
    let created = object.created.or_else(|| key::delivered(&object.key))?;
    (now - created).to_std().ok()
}
