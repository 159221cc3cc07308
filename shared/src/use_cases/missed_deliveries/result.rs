//! The result of looking for missed deliveries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::formats::cloudtrail::counts::Counts;
use crate::ports::AwsError;
use crate::severity::Severity;
use crate::use_cases::notify::NotificationResult;
use crate::use_cases::sign_ins::Delivered;

/// The result of one invocation.
#[derive(Debug, Default)]
pub struct MissedDeliveriesResult {
    /// Whether it was the first comparison of the bucket: log files are compared from now on.
    pub is_first: bool,
    /// From when to when log files were compared completely.
    pub compared: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many log files were delivered in that time.
    pub delivered: u64,
    /// How many of them had not been read on delivery.
    pub missed: u64,
    /// How many of these could not be fetched, and are left to a person.
    pub unfetched: u64,
    /// The log files and records that this invocation has read.
    pub counts: Counts,
    /// How many findings they have of each severity; every severity is present.
    pub findings: BTreeMap<Severity, u64>,
    /// The mails.
    pub mails: Vec<NotificationResult>,
    /// How many findings were only counted, because a mail reported others like them.
    pub counted_only: u64,
    /// How many findings are suppressed.
    pub suppressed: u64,
    /// Why it has to be invoked again; `None` if it is finished.
    pub unfinished: Option<AwsError>,
    /// Why nothing could be compared, if another invocation does not help.
    pub could_not_look: Option<String>,
    /// The errors of the state bucket, including those that a retry resolved.
    pub state_errors: Vec<AwsError>,
}

impl MissedDeliveriesResult {
    /// An empty result.
    pub(super) fn new() -> MissedDeliveriesResult {
        let findings = Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
        MissedDeliveriesResult { findings, ..MissedDeliveriesResult::default() }
    }

    /// Adds what was read.
    pub(super) fn add(&mut self, delivered: Delivered) {
        self.counts += delivered.counts;
        for (severity, count) in delivered.findings {
            *self.findings.entry(severity).or_default() += count;
        }
        self.mails.extend(delivered.mails);
        self.counted_only += delivered.counted_only;
        self.suppressed += delivered.suppressed;
        self.state_errors.extend(delivered.state_errors);
    }
}
