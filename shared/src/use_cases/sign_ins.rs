//! A delivery: reads log files, judges their records and notifies people of the findings.

mod delivered;
mod judging;
mod log_files;
mod messages;
mod unfetched;

pub use delivered::{Delivered, Trigger};
pub(super) use log_files::Work;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join;

use super::notify::{Notifier, OnStateFailure, not_requested};
use crate::config::Config;
use crate::finding::Finding;
use crate::formats::events::delivery::{DeliveryMessage, LogFileObject};
use crate::ports::{LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::receipts;

use log_files::{DeliveryFindings, read_log_files};
use messages::QueueBatch;

/// The time that is left for notifying once reading stops; at most half of the invocation's time.
const TIME_TO_NOTIFY: Duration = Duration::from_secs(15);

/// Processes the messages of a queue. [`Delivered::must_come_again`] tells which of them the queue must deliver again.
pub async fn process_messages<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    messages: &[DeliveryMessage],
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let batch = QueueBatch::of(messages);
    let not_understood = batch.not_understood(ports.account, ports.runtime.now());
    let (objects, persistence, late) = (&batch.objects[..], batch.persistence(), &batch.late);
    let work = Work { objects, trigger: Trigger::Delivery, persistence, late };
    let mut delivered = process(&work, not_understood, config, ports).await;
    delivered.not_understood = batch.into_errors();
    delivered
}

/// Reads log files, judges them and notifies people of the findings.
///
/// A log file that could not be fetched is in [`Delivered::unfetched`], and one whose findings could not be published in
/// [`Delivered::unnotified`]: both must be processed again.
pub async fn process_deliveries<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    objects: &[LogFileObject],
    trigger: Trigger,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let persistence = match trigger {
        // Lambda retries by itself, but only twice.
        Trigger::Delivery => OnStateFailure::PublishWithoutState,
        Trigger::ByHand { .. } | Trigger::MissedDeliveries => OnStateFailure::Retry,
    };
    process(&Work { objects, trigger, persistence, late: &BTreeSet::new() }, Vec::new(), config, ports).await
}

/// The same with all parameters. `could_not_look` are findings about log files whose names are unknown.
pub(super) async fn process<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    work: &Work<'_>,
    could_not_look: Vec<Finding>,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let mut delivered = Delivered::new();
    let (log_files, skipped_objects) = work.log_files();
    delivered.skipped_objects = skipped_objects;
    if log_files.is_empty() && could_not_look.is_empty() {
        return delivered;
    }

    let time_to_notify = TIME_TO_NOTIFY.min(ports.runtime.time_left() / 2);
    let sources = sources(&log_files, &could_not_look);
    let mut notifier = Notifier::new(config, ports, work.persistence, time_to_notify);
    let read = read_log_files(&log_files, time_to_notify, config, ports);
    let suppressions =
        async { if work.notifies() { notifier.load_suppressions().await.map(Some) } else { Ok(None) } };
    // Boxed: the compiler cannot compute their layout in place.
    let (read, suppressions) = join(Box::pin(read), Box::pin(suppressions)).await;

    let now = ports.runtime.now();
    let mut found = DeliveryFindings::collect(read, work, &log_files, now, &mut delivered);
    let mut could_not_look = could_not_look;
    if !work.is_by_hand() {
        could_not_look.extend(unfetched::findings(
            &delivered.unfetched,
            &log_files,
            work.late,
            ports.account,
            now,
        ));
    }
    let findings = found.take_all(could_not_look, &mut delivered);

    let Some(suppressions) = suppressions.transpose() else {
        delivered.mails = not_requested(findings, config);
        return delivered;
    };
    Box::pin(notifier.notify(findings, sources, suppressions.as_ref())).await;
    delivered.unnotified = found.unnotified(&notifier.not_notified);
    if !work.is_by_hand() {
        let read = found.read_and_notified(&delivered.unnotified).map(|identity| log_files[identity]);
        let is_missed = work.trigger == Trigger::MissedDeliveries;
        Box::pin(receipts::write(&notifier.state_client, read, is_missed)).await;
    }
    delivered.state_errors = notifier.state_errors();
    (delivered.mails, delivered.counted_only, delivered.suppressed) =
        (notifier.mails, notifier.deduplicated, notifier.suppressed);
    delivered
}

/// The buckets of log files, and the queues and buckets of these findings.
fn sources(log_files: &BTreeMap<String, &LogFileObject>, could_not_look: &[Finding]) -> BTreeSet<String> {
    let buckets = log_files.values().map(|object| object.bucket.clone());
    buckets.chain(could_not_look.iter().filter_map(|finding| finding.resource.clone())).collect()
}
