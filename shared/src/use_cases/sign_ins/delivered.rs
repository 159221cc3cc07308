//! What starts a delivery, and its result.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::formats::cloudtrail::counts::Counts;
use crate::formats::events::delivery::DeliveryMessage;
use crate::ports::AwsError;
use crate::severity::Severity;
use crate::use_cases::notify::NotificationResult;

/// Why log files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// They were delivered: only CloudTrail's log files are read, and a deleted one raises a finding.
    Delivery,
    /// A person names them, and reads the answer.
    ByHand {
        /// Whether the findings are published.
        notify: bool,
    },
    /// They were delivered, and have no receipt.
    MissedDeliveries,
}

/// The result of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// The log files and records that were read.
    pub counts: Counts,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// How many findings there are of each severity; every severity is present.
    pub findings: BTreeMap<Severity, u64>,
    /// The mails.
    pub mails: Vec<NotificationResult>,
    /// How many findings were only counted, because a mail reported others like them.
    pub counted_only: u64,
    /// How many findings are suppressed.
    pub suppressed: u64,
    /// Why log files could not be fetched, by [`crate::formats::events::delivery::LogFileObject::identity`].
    pub unfetched: BTreeMap<String, AwsError>,
    /// Why the findings of log files could not be published, by [`crate::formats::events::delivery::LogFileObject::identity`].
    pub unnotified: BTreeMap<String, AwsError>,
    /// Why messages could not be understood.
    pub not_understood: Vec<String>,
    /// The errors of the state bucket, including those that a retry resolved.
    pub state_errors: Vec<AwsError>,
    /// The longest time from the delivery of a log file to its reading.
    pub delivery_lag: Option<Duration>,
}

impl Delivered {
    /// An empty result.
    pub(super) fn new() -> Delivered {
        let findings = Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
        Delivered { findings, ..Delivered::default() }
    }

    /// The log files that must be processed again, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&String, &AwsError)> {
        self.unfetched.iter().chain(&self.unnotified)
    }

    /// Whether a message must be delivered again: one of its log files failed, or it could not be understood.
    pub fn must_come_again(&self, message: &DeliveryMessage) -> bool {
        let failed = |identity: &String| {
            self.unfetched.contains_key(identity) || self.unnotified.contains_key(identity)
        };
        match &message.content {
            Ok(objects) => objects.iter().any(|object| failed(&object.identity())),
            Err(_) => true,
        }
    }
}
