//! The messages of a queue: the log files that they name, and those that cannot be understood.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::finding::Finding;
use crate::formats::events::delivery::{DeliveryMessage, LogFileObject};
use crate::mail::phrases;
use crate::rules::health::could_not_look;
use crate::severity::Severity;
use crate::use_cases::notify::OnStateFailure;

/// From this receive on, a log file that could not be read for lack of time raises a finding.
const LATE_RECEIVES: u32 = 3;

/// The messages of one invocation.
pub(super) struct QueueBatch<'m> {
    pub objects: Vec<LogFileObject>,
    /// The log files of messages that were received often, by [`LogFileObject::identity`].
    pub late: BTreeSet<String>,
    is_late: bool,
    /// Why messages could not be understood, by queue.
    errors: BTreeMap<&'m str, Vec<String>>,
}

impl<'m> QueueBatch<'m> {
    /// Reads the messages.
    pub fn of(messages: &'m [DeliveryMessage]) -> QueueBatch<'m> {
        let (mut objects, mut late) = (Vec::new(), BTreeSet::new());
        let mut errors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for message in messages {
            match &message.content {
                Ok(named) => {
                    objects.extend(named.iter().cloned());
                    if message.receives >= LATE_RECEIVES {
                        late.extend(named.iter().map(LogFileObject::identity));
                    }
                }
                Err(error) => errors.entry(&message.queue_arn).or_default().push(error.to_string()),
            }
        }
        let is_late = messages.iter().any(|message| message.receives >= LATE_RECEIVES);
        QueueBatch { objects, late, is_late, errors }
    }

    /// If the state bucket fails, nothing is published at first: the messages come again.
    pub fn persistence(&self) -> OnStateFailure {
        if self.is_late { OnStateFailure::PublishWithoutState } else { OnStateFailure::Retry }
    }

    /// One finding for each queue with messages that could not be understood.
    pub fn not_understood(&self, account: Option<&str>, now: DateTime<Utc>) -> Vec<Finding> {
        let finding = |(queue, errors): (&&str, &Vec<String>)| {
            let what = phrases::messages_not_parsed(errors.len(), &errors[0]);
            could_not_look(queue, account, Severity::High, now, what, None)
        };
        self.errors.iter().map(finding).collect()
    }

    /// Why messages could not be understood.
    pub fn into_errors(self) -> Vec<String> {
        self.errors.into_values().flatten().collect()
    }
}
