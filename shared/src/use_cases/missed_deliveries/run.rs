//! One invocation that looks for missed deliveries.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::result::MissedDeliveriesResult;
use crate::config::Config;
use crate::finding::Finding;
use crate::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use crate::mail::phrases;
use crate::ports::{AwsError, AwsErrorKind, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::health::{MissedDeliveries, could_not_look};
use crate::severity::Severity;
use crate::use_cases::backfill::Lister;
use crate::use_cases::notify::suppression_file::SuppressionFile;
use crate::use_cases::notify::{Notifier, OnStateFailure};

/// The time that is left for notifying once reading stops; at most half of the invocation's time.
const TIME_TO_NOTIFY: Duration = Duration::from_secs(30);

/// From this receive of the message on, log files that cannot be fetched are left to a person.
const LATE_RECEIVES: u32 = 3;

/// One invocation.
pub(super) struct MissedRun<'a, L, S, A, P> {
    pub scope: MissedDeliveryScope,
    /// When the schedule sent the message.
    pub requested_at: DateTime<Utc>,
    /// Whether the message was received often.
    pub is_late: bool,
    pub persistence: OnStateFailure,
    /// The bucket of the log files, and that of the state.
    pub buckets: (&'a str, &'a str),
    pub config: &'a Config,
    pub ports: &'a Ports<'a, L, S, A, P>,
    /// Reading stops when this much of the invocation's time is left.
    pub time_to_notify: Duration,
    pub notifier: Notifier<'a, S, A, P>,
    pub result: MissedDeliveriesResult,
}

/// What was found of one span so far.
#[derive(Default)]
pub(super) struct SpanFindings {
    pub missed: MissedDeliveries,
    /// Why some of it has to be compared again.
    pub to_do: Option<AwsError>,
    /// The first log file that AWS refuses.
    pub refused: Option<AwsError>,
}

/// Why a span was not compared completely.
pub(super) enum ComparisonStop {
    /// The next invocation has to continue.
    Unfinished(AwsError),
    /// Another invocation does not help.
    CannotCompare(String),
}

impl From<AwsError> for ComparisonStop {
    fn from(error: AwsError) -> ComparisonStop {
        ComparisonStop::Unfinished(error)
    }
}

impl<'a, L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'a, L, S, A, P> {
    pub fn new(
        request: &MissedDeliveryRequest,
        buckets: (&'a str, &'a str),
        config: &'a Config,
        ports: &'a Ports<'a, L, S, A, P>,
    ) -> Self {
        let is_late = request.receives >= LATE_RECEIVES;
        let persistence = if is_late { OnStateFailure::PublishWithoutState } else { OnStateFailure::Retry };
        let time_to_notify = TIME_TO_NOTIFY.min(ports.runtime.time_left() / 2);
        MissedRun {
            scope: request.scope,
            requested_at: request.asked,
            is_late,
            persistence,
            buckets,
            config,
            ports,
            time_to_notify,
            notifier: Notifier::new(config, ports, persistence, time_to_notify),
            result: MissedDeliveriesResult::new(),
        }
    }

    /// The result of the invocation.
    pub async fn end(mut self, ended: Result<(), AwsError>) -> MissedDeliveriesResult {
        if let Err(error) = &ended
            && self.notifier.state_client.has_failed_with(error)
        {
            // If the state bucket keeps failing, people are notified without deduplication.
            Box::pin(self.notifier.notify(Vec::new(), BTreeSet::new(), Err(error))).await;
        }
        let mut result = self.result;
        result.unfinished = ended.err();
        result.state_errors.extend(self.notifier.state_errors());
        result.mails.extend(self.notifier.mails);
        result.counted_only += self.notifier.deduplicated;
        result.suppressed += self.notifier.suppressed;
        result
    }

    /// Publishes these findings, and those about unreadable state objects.
    pub async fn notify(
        &mut self,
        findings: Vec<Finding>,
        suppressions: &SuppressionFile,
    ) -> Result<(), AwsError> {
        let sources = [self.buckets.0.to_owned()].into();
        for finding in &findings {
            *self.result.findings.entry(finding.severity).or_default() += 1;
        }
        Box::pin(self.notifier.notify(findings, sources, Ok(suppressions))).await;
        self.notifier.state_client.reserve(self.time_to_notify);
        let unnotified = std::mem::take(&mut self.notifier.not_notified);
        unnotified.into_values().next().map_or(Ok(()), Err)
    }

    /// Publishes a finding that the comparison failed, unless it only lacked time.
    pub async fn report_stop(
        &mut self,
        stop: ComparisonStop,
        suppressions: &SuppressionFile,
    ) -> ComparisonStop {
        let bucket = self.buckets.0;
        let (severity, why) = match &stop {
            ComparisonStop::CannotCompare(why) => (Severity::High, why.clone()),
            ComparisonStop::Unfinished(error) => match error.kind {
                AwsErrorKind::Denied | AwsErrorKind::NotFound => (Severity::High, error.to_string()),
                AwsErrorKind::Transient if self.is_late => (Severity::Low, error.to_string()),
                _ => return stop,
            },
        };
        let what = phrases::deliveries_not_compared(bucket, &why);
        let now = self.notifier.state_client.runtime.now();
        let finding = could_not_look(bucket, self.ports.account, severity, now, what, None);
        match self.notify(vec![finding], suppressions).await {
            Ok(()) => stop,
            Err(error) => ComparisonStop::Unfinished(error),
        }
    }

    /// Lists a bucket.
    pub fn lister<'b>(&self, bucket: &'b str) -> Lister<'b, L, P>
    where
        Self: 'b,
    {
        let Ports { logs, runtime, .. } = *self.ports;
        Lister { bucket, config: self.config, logs, runtime }
    }
}
