//! Delivered log files in, alerts out.

mod judging;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, select_biased};

use super::log_file_reader::{Reading, out_of_time};
use super::notify::{NotificationResult, Notifier, OnStateFailure, not_requested};
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::merged;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::events::delivery::DeliveryMessage;
use crate::formats::events::delivery::LogFileObject;
use crate::mail::phrases;
use crate::ports::{AwsError, AwsErrorKind, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::health::{could_not_look, log_file_gone};
use crate::severity::Severity;
use crate::state::receipts;

use judging::{Judges, Read};

/// What is left for telling once reading has to stop; where there is less in all, half of it.
const TIME_TO_TELL: Duration = Duration::from_secs(15);

/// From this receive on a message that no run had time for is told as one that could not be looked at.
const LATE_RECEIVES: u32 = 3;

/// Who asked for log files to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A delivery: what was deleted since is told, and only CloudTrail's log files are read.
    ByDelivery,
    /// A person, who names the files and reads the answer.
    ByHand {
        /// Whether the findings are published.
        notify: bool,
    },
    /// The nightly sweep: they were delivered, and nothing says that they were read.
    BySweep,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What was read.
    pub counts: Counts,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// How many findings there are of each severity; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// The alerts.
    pub mails: Vec<NotificationResult>,
    /// How many findings were only counted: mails have told of others like them.
    pub quiet: u64,
    /// How many findings a suppression hides.
    pub accepted: u64,
    /// What could not be read, and why, by [`LogFileObject::identity`].
    pub unread: BTreeMap<String, AwsError>,
    /// What was read but not told, and why, by [`LogFileObject::identity`].
    pub untold: BTreeMap<String, AwsError>,
    /// Why messages could not be understood.
    pub not_understood: Vec<String>,
    /// What went wrong with the state bucket, whether or not it was put right since.
    pub state_troubles: Vec<AwsError>,
    /// The longest time from a delivery to its judging.
    pub delivery_lag: Option<Duration>,
}

impl Delivered {
    /// What has to be asked for again, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&String, &AwsError)> {
        self.unread.iter().chain(&self.untold)
    }

    /// Whether a message has to come again: not all that it names is done, or nobody knows what it names.
    pub fn must_come_again(&self, message: &DeliveryMessage) -> bool {
        let failed =
            |identity: &String| self.unread.contains_key(identity) || self.untold.contains_key(identity);
        match &message.content {
            Ok(objects) => objects.iter().any(|object| failed(&object.identity())),
            Err(_) => true,
        }
    }
}

/// Does what the messages of a queue ask for. Which of them must come again, says
/// [`Delivered::must_come_again`].
pub async fn process_messages<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    messages: &[DeliveryMessage],
    config: &Config,
    outside: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let mut objects = Vec::new();
    let mut late = BTreeSet::new();
    let mut not_understood: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for message in messages {
        match &message.content {
            Ok(named) => {
                objects.extend(named.iter().cloned());
                if message.receives >= LATE_RECEIVES {
                    late.extend(named.iter().map(LogFileObject::identity));
                }
            }
            Err(error) => not_understood.entry(&message.queue_arn).or_default().push(error.to_string()),
        }
    }
    let now = outside.runtime.now();
    let odd = not_understood
        .iter()
        .map(|(queue, errors)| {
            let what = phrases::messages_not_parsed(errors.len(), &errors[0]);
            could_not_look(queue, outside.account, Severity::High, now, what, None)
        })
        .collect();
    // Without memory nothing is told at first: the messages come again.
    let persistence = match messages.iter().any(|message| message.receives >= LATE_RECEIVES) {
        true => OnStateFailure::PublishWithoutState,
        false => OnStateFailure::Retry,
    };
    let work = Work { objects: &objects, asked: Asked::ByDelivery, persistence, late: &late };
    let mut delivered = process(&work, odd, config, outside).await;
    delivered.not_understood = not_understood.into_values().flatten().collect();
    delivered
}

/// Reads the log files, judges them and publishes what there is to tell.
///
/// A log file that AWS refuses or cannot answer about is left in [`Delivered::unread`], and one whose
/// findings could not be published in [`Delivered::untold`]: it must be asked for again. Everything else is
/// done.
pub async fn process_deliveries<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    objects: &[LogFileObject],
    asked: Asked,
    config: &Config,
    outside: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let persistence = match asked {
        // Lambda tries again by itself, but only twice.
        Asked::ByDelivery => OnStateFailure::PublishWithoutState,
        Asked::ByHand { .. } | Asked::BySweep => OnStateFailure::Retry,
    };
    process(&Work { objects, asked, persistence, late: &BTreeSet::new() }, Vec::new(), config, outside).await
}

/// What a run has to do.
pub(super) struct Work<'a> {
    /// The log files.
    pub objects: &'a [LogFileObject],
    /// Who asked.
    pub asked: Asked,
    /// How far it goes to tell somebody.
    pub persistence: OnStateFailure,
    /// Those of messages that have come often, by [`LogFileObject::identity`].
    pub late: &'a BTreeSet<String>,
}

/// The same, for objects of which some come late, and beside what else could not be looked at.
pub(super) async fn process<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    work: &Work<'_>,
    mut blind: Vec<Finding>,
    config: &Config,
    outside: &Ports<'_, L, S, A, P>,
) -> Delivered {
    let mut delivered = Delivered {
        findings: Severity::ALL.into_iter().map(|severity| (severity, 0)).collect(),
        ..Delivered::default()
    };
    let Work { objects, asked, persistence, late } = *work;
    let by_hand = matches!(asked, Asked::ByHand { .. });
    let notify = asked != Asked::ByHand { notify: false };
    // Two messages may name the same object.
    let objects: BTreeMap<String, &LogFileObject> =
        objects.iter().map(|object| (object.identity(), object)).collect();
    let (wanted, skipped): (BTreeMap<_, _>, BTreeMap<_, _>) =
        objects.into_iter().partition(|(_, object)| is_wanted(object, by_hand));
    delivered.skipped_objects = skipped.len() as u64;
    if wanted.is_empty() && blind.is_empty() {
        return delivered;
    }

    let time_to_tell = TIME_TO_TELL.min(outside.runtime.time_left() / 2);
    let sources = wanted.values().map(|object| object.bucket.clone());
    let sources = sources.chain(blind.iter().filter_map(|finding| finding.resource.clone())).collect();
    let mut telling = Notifier::new(config, outside, persistence, time_to_tell);
    let read = read_all(&wanted, time_to_tell, config, outside);
    // Boxed: the compiler gives up on laying out what they would be in place.
    let accepted = async { if notify { telling.load_suppressions().await.map(Some) } else { Ok(None) } };
    let (read, accepted) = join(Box::pin(read), Box::pin(accepted)).await;
    let mut findings = Vec::new();
    // Of log files that have to be read again.
    let mut worst = Vec::new();
    let mut findings_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut is_read = BTreeSet::new();
    for (identity, result) in read {
        let object = wanted[&identity];
        let found = match result {
            Ok(Read { findings, is_whole: false, .. }) => {
                worst.extend(findings);
                delivered.unread.insert(identity, out_of_time(&object.uri()));
                continue;
            }
            Ok(Read { counts, findings, left_out, .. }) => {
                delivered.counts += counts;
                for (severity, count) in left_out {
                    *delivered.findings.entry(severity).or_default() += count;
                }
                is_read.insert(identity.clone());
                // What others name was delivered long ago.
                if asked == Asked::ByDelivery {
                    delivered.delivery_lag = delivered.delivery_lag.max(lag(object, outside.runtime.now()));
                }
                findings
            }
            Err(trouble) if trouble.kind == AwsErrorKind::NotFound && !by_hand => {
                delivered.counts += Counts { log_files: 1, unreadable_log_files: 1, ..Counts::default() };
                vec![log_file_gone(&object.uri(), &trouble.answer)]
            }
            Err(trouble) => {
                delivered.unread.insert(identity, trouble);
                continue;
            }
        };
        findings_of.insert(identity, found.iter().map(|finding| finding.id.clone()).collect());
        findings.extend(found);
    }
    let mut findings = merged(findings);
    if !by_hand {
        blind.extend(closed(&delivered.unread, &wanted, late, outside.account, outside.runtime.now()));
    }
    for finding in findings.iter().chain(&blind) {
        *delivered.findings.entry(finding.severity).or_default() += 1;
    }

    findings.extend(blind);
    findings = merged(findings.into_iter().chain(worst).collect());
    let Some(accepted) = accepted.transpose() else {
        delivered.mails = not_requested(findings, config);
        return delivered;
    };
    Box::pin(telling.notify(findings, sources, accepted.as_ref())).await;
    for (identity, ids) in findings_of {
        let trouble = ids.iter().find_map(|id| telling.not_notified.get(id));
        delivered.untold.extend(trouble.map(|trouble| (identity, trouble.clone())));
    }
    if !by_hand {
        // Of what was gone there is none: it would be read if it came back.
        let is_done = |identity: &&String| !delivered.untold.contains_key(*identity);
        let read = is_read.iter().filter(is_done).map(|identity| wanted[identity]);
        Box::pin(receipts::write(&telling.memory, read, asked == Asked::BySweep)).await;
    }
    delivered.state_troubles = telling.state_errors();
    (delivered.mails, delivered.quiet, delivered.accepted) =
        (telling.mails, telling.deduplicated, telling.suppressed);
    delivered
}

/// Folders that hold no log files are skipped; a person may have put a log file elsewhere.
fn is_wanted(object: &LogFileObject, by_hand: bool) -> bool {
    match ObjectKind::of_key(&object.key) {
        ObjectKind::LogFile => true,
        ObjectKind::Other => by_hand,
        _ => false,
    }
}

fn lag(object: &LogFileObject, now: DateTime<Utc>) -> Option<Duration> {
    let created = object.created.or_else(|| key::delivered(&object.key))?;
    (now - created).to_std().ok()
}

/// Reads many log files at once, as far as memory and time allow, each of them once.
async fn read_all<L: LogStore, S, A, P: Runtime>(
    objects: &BTreeMap<String, &LogFileObject>,
    time_to_tell: Duration,
    config: &Config,
    outside: &Ports<'_, L, S, A, P>,
) -> Vec<(String, Result<Read, AwsError>)> {
    let time_left = outside.runtime.time_left();
    let mut time_is_up = Box::pin(outside.runtime.sleep(time_left.saturating_sub(time_to_tell))).fuse();
    let judges = Judges::new(config);
    let reading = Reading::new(&judges, config, outside.logs, outside.runtime, time_to_tell);
    let mut waiting = objects.iter().peekable();
    let mut running = FuturesUnordered::new();
    let mut results = BTreeMap::new();
    loop {
        while let Some(share) = waiting.peek().and_then(|(_, object)| reading.share(object))
            && let Some((identity, object)) = waiting.next()
        {
            let read = reading.read(object, share);
            let judges = &judges;
            running.push(async move {
                let read = read.await;
                (identity, read.map(|(judging, counts)| judges.end(judging, &counts)))
            });
        }
        // Time is looked at first: small files that are always ready must not hide that it is up.
        let next = select_biased! {
            () = time_is_up => None,
            next = running.next() => next,
        };
        let Some((identity, result)) = next else { break };
        results.insert(identity, result);
    }
    objects
        .iter()
        .map(|(identity, object)| {
            let result = results.remove(identity).unwrap_or_else(|| Err(out_of_time(&object.uri())));
            (identity.clone(), result)
        })
        .collect()
}

/// The buckets that could not be looked at: one finding for each, and each severity.
fn closed(
    unread: &BTreeMap<String, AwsError>,
    objects: &BTreeMap<String, &LogFileObject>,
    late: &BTreeSet<String>,
    account: Option<&str>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut by_bucket: BTreeMap<(&str, Severity), Vec<(&LogFileObject, &AwsError)>> = BTreeMap::new();
    for (identity, trouble) in unread {
        let severity = match trouble.kind {
            AwsErrorKind::Denied | AwsErrorKind::NotFound => Severity::High,
            AwsErrorKind::Transient => Severity::Low,
            // A run may end before all is read. That it is always the same that is not read, is trouble.
            AwsErrorKind::DeadlineExceeded if late.contains(identity) => Severity::Low,
            AwsErrorKind::DeadlineExceeded => continue,
        };
        let object = objects[identity];
        by_bucket.entry((&object.bucket, severity)).or_default().push((object, trouble));
    }
    by_bucket
        .into_iter()
        .map(|((bucket, severity), unread)| {
            let (object, trouble) = unread[0];
            let what = phrases::delivered_log_files_not_fetched(unread.len(), bucket, &trouble.answer);
            could_not_look(bucket, account, severity, now, what, Some(object.uri()))
        })
        .collect()
}
