//! Delivered log files in, alerts out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, select_biased};
use serde_json::json;

use super::reading::{Read, Reading};
use super::telling::{Mailed, tell};
use super::{Counts, merged};
use crate::Error;
use crate::cloudtrail::key::{self, ObjectKind};
use crate::config::Config;
use crate::delivery::{Message, Object};
use crate::detections::{could_not_look, log_file_gone};
use crate::finding::Finding;
use crate::ports::{AlertSink, LogStore, Outside, Pace, StateStore, Trouble, TroubleKind};
use crate::rule::Severity;

/// What is left for telling once reading has to stop; where there is less in all, half of it.
const TIME_TO_TELL: Duration = Duration::from_secs(15);

/// Where the claim of a could-not-look stands in the state bucket; a lifecycle rule removes it.
const CLAIMS: &str = "told/could-not-look/";

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
    pub mails: Vec<Mailed>,
    /// What has to be asked for again and why, by [`Object::identity`].
    pub failed: BTreeMap<String, Trouble>,
    /// The longest time from a delivery to its judging.
    pub delivery_lag: Option<Duration>,
}

impl Delivered {
    /// How many alerts were published, and how many could not be.
    pub fn published(&self) -> (u64, u64) {
        let count = |wanted: bool| {
            let outcomes = self.mails.iter().filter_map(|mail| mail.published.as_ref());
            outcomes.filter(|published| published.is_ok() == wanted).count() as u64
        };
        (count(true), count(false))
    }

    /// Whether a message has to come again: not all that it names is done, or nobody knows what it names.
    pub fn must_come_again(&self, message: &Message) -> bool {
        match &message.objects {
            Ok(objects) => objects.iter().any(|object| self.failed.contains_key(&object.identity())),
            Err(_) => true,
        }
    }
}

/// Does what the messages of a queue ask for. Which of them must come again, says
/// [`Delivered::must_come_again`].
pub async fn process_messages<L: LogStore, S: StateStore, A: AlertSink, P: Pace>(
    messages: &[Message],
    config: &Config,
    outside: &Outside<'_, L, S, A, P>,
) -> Delivered {
    let objects: Vec<Object> =
        messages.iter().filter_map(|message| message.objects.as_ref().ok()).flatten().cloned().collect();
    let mut delivered = process_deliveries(&objects, Asked::ByDelivery, config, outside).await;
    let mut unknown: BTreeMap<&str, Vec<&Error>> = BTreeMap::new();
    for message in messages {
        if let Err(error) = &message.objects {
            unknown.entry(&message.queue_arn).or_default().push(error);
        }
    }
    for (queue, errors) in unknown {
        let what = format!("{} could not be understood: {}", counted(errors.len(), "message"), errors[0]);
        let finding = could_not_look(queue, outside.account, Severity::High, outside.pace.now(), what, None);
        tell_once(finding, &mut delivered, config, outside).await;
    }
    delivered
}

/// Reads the log files, judges them and publishes what there is to tell.
///
/// A log file that AWS refuses or cannot answer about is left in [`Delivered::failed`], and so is one whose
/// findings could not be published: it must be asked for again. Everything else is done.
pub async fn process_deliveries<L: LogStore, S: StateStore, A: AlertSink, P: Pace>(
    objects: &[Object],
    asked: Asked,
    config: &Config,
    outside: &Outside<'_, L, S, A, P>,
) -> Delivered {
    let mut delivered = Delivered {
        findings: Severity::ALL.into_iter().map(|severity| (severity, 0)).collect(),
        ..Delivered::default()
    };
    let by_hand = asked != Asked::ByDelivery;
    let notify = asked != Asked::ByHand { notify: false };
    // Two messages may name the same object.
    let objects: BTreeMap<String, &Object> =
        objects.iter().map(|object| (object.identity(), object)).collect();
    let (wanted, skipped): (BTreeMap<_, _>, BTreeMap<_, _>) =
        objects.into_iter().partition(|(_, object)| is_wanted(object, by_hand));
    delivered.skipped_objects = skipped.len() as u64;

    let mut findings = Vec::new();
    let mut findings_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (identity, result) in read_all(&wanted, config, outside).await {
        let object = wanted[&identity];
        let found = match result {
            Ok(Read { counts, findings }) => {
                delivered.counts += counts;
                // What a person names was delivered long ago.
                if !by_hand {
                    delivered.delivery_lag = delivered.delivery_lag.max(lag(object, outside.pace.now()));
                }
                findings
            }
            Err(trouble) if trouble.kind == TroubleKind::Missing && !by_hand => {
                delivered.counts += Counts { log_files: 1, unreadable_log_files: 1, ..Counts::default() };
                vec![log_file_gone(&object.uri(), &trouble.answer)]
            }
            Err(trouble) => {
                delivered.failed.insert(identity, trouble);
                continue;
            }
        };
        findings_of.insert(identity, found.iter().map(|finding| finding.id.clone()).collect());
        findings.extend(found);
    }
    let blind = if by_hand {
        Vec::new()
    } else {
        blind(&delivered.failed, &wanted, outside.account, outside.pace.now())
    };
    let findings = merged(findings);
    for finding in &findings {
        *delivered.findings.entry(finding.severity).or_default() += 1;
    }
    delivered.mails = tell(findings, notify, config, outside.alerts, outside.pace).await;
    for (identity, ids) in findings_of {
        let mails = delivered.mails.iter().filter(|mail| !mail.findings.is_disjoint(&ids));
        if let Some(trouble) = mails.filter_map(Mailed::trouble).next() {
            delivered.failed.insert(identity, trouble.clone());
        }
    }
    for finding in blind {
        tell_once(finding, &mut delivered, config, outside).await;
    }
    delivered
}

/// Folders that hold no log files are skipped; a person may have put a log file elsewhere.
fn is_wanted(object: &Object, by_hand: bool) -> bool {
    match ObjectKind::of_key(&object.key) {
        ObjectKind::LogFile => true,
        ObjectKind::Other => by_hand,
        _ => false,
    }
}

fn lag(object: &Object, now: DateTime<Utc>) -> Option<Duration> {
    let created = object.created.or_else(|| key::delivered(&object.key))?;
    (now - created).to_std().ok()
}

/// Reads many log files at once, as far as memory and time allow, each of them once.
async fn read_all<L: LogStore, S, A, P: Pace>(
    objects: &BTreeMap<String, &Object>,
    config: &Config,
    outside: &Outside<'_, L, S, A, P>,
) -> Vec<(String, Result<Read, Trouble>)> {
    let time_left = outside.pace.time_left();
    let time_to_read = time_left - TIME_TO_TELL.min(time_left / 2);
    let mut time_is_up = Box::pin(outside.pace.sleep(time_to_read)).fuse();
    let reading = Reading::new(config, outside.logs, outside.pace);
    let mut waiting = objects.iter().peekable();
    let mut running = FuturesUnordered::new();
    let mut results = BTreeMap::new();
    loop {
        while let Some(share) = waiting.peek().and_then(|(_, object)| reading.share(object))
            && let Some((identity, object)) = waiting.next()
        {
            let read = reading.read(object, share);
            running.push(async move { (identity, read.await) });
        }
        // Time is looked at first: small files that are always ready must not hide that it is up.
        let next = select_biased! {
            () = time_is_up => None,
            next = running.next() => next,
        };
        let Some((identity, result)) = next else { break };
        results.insert(identity, result);
    }
    let out_of_time = |object: &Object| Trouble {
        kind: TroubleKind::OutOfTime,
        call: format!("reading {}", object.uri()),
        answer: "no time is left in this run".to_owned(),
    };
    objects
        .iter()
        .map(|(identity, object)| {
            let result = results.remove(identity).unwrap_or_else(|| Err(out_of_time(object)));
            (identity.clone(), result)
        })
        .collect()
}

/// What could not be looked at: one finding for each bucket and severity.
fn blind(
    failed: &BTreeMap<String, Trouble>,
    objects: &BTreeMap<String, &Object>,
    account: Option<&str>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut by_bucket: BTreeMap<(&str, Severity), Vec<(&Object, &Trouble)>> = BTreeMap::new();
    for (identity, trouble) in failed {
        let severity = match trouble.kind {
            TroubleKind::Refused => Severity::High,
            TroubleKind::Unanswered => Severity::Low,
            // Told as what it is, or no trouble at all.
            TroubleKind::Missing | TroubleKind::OutOfTime => continue,
        };
        let object = objects[identity];
        by_bucket.entry((&object.bucket, severity)).or_default().push((object, trouble));
    }
    by_bucket
        .into_iter()
        .map(|((bucket, severity), failed)| {
            let (object, trouble) = failed[0];
            let log_files = counted(failed.len(), "log file");
            let what = format!("{log_files} of bucket {bucket} could not be read: {}", trouble.answer);
            could_not_look(bucket, account, severity, now, what, Some(object.uri()))
        })
        .collect()
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("a {noun}") } else { format!("{count} {noun}s") }
}

/// Tells a finding that many runs come upon at the same time, once: whoever writes its claim first.
///
/// The claim is given back where the alert could not be published. Should this run end before that, it is
/// told in the next hour, if it is still so: what could not be looked at keeps coming back until then.
async fn tell_once<L, S: StateStore, A: AlertSink, P: Pace>(
    finding: Finding,
    delivered: &mut Delivered,
    config: &Config,
    outside: &Outside<'_, L, S, A, P>,
) {
    *delivered.findings.entry(finding.severity).or_default() += 1;
    if finding.severity < config.mail_min_severity {
        return;
    }
    let claim = format!("{CLAIMS}{}.json", finding.id);
    let content = json!({"format": 1, "rule": finding.rule.id, "summary": finding.summary}).to_string();
    // Where nobody knows whether it is claimed, it is better told twice than not at all.
    let claimed = outside.state.create(&claim, &content).await;
    if claimed == Ok(false) {
        return;
    }
    let mails = tell(vec![finding], true, config, outside.alerts, outside.pace).await;
    if claimed.is_ok() && mails.iter().any(|mail| mail.trouble().is_some()) {
        // If it cannot be given back, the next hour tells it.
        let _ = outside.state.remove(&claim).await;
    }
    delivered.mails.extend(mails);
}
