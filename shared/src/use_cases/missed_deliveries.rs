//! The nightly sweep: log files that were delivered, and of which nothing says that they were read.
//!
//! What was put into the bucket since the sweep before, up to an hour ago, is compared with the receipts
//! ([`super::receipts`]). What has none is read as any delivery is, and what stands there told; at the end one mail
//! says how many log files that were. The receipts of those that the sweep itself has read say so: a sweep that is
//! ended early goes on behind them, and still knows how many they were. Backfills that were begun and that nobody
//! brings to their end are told as well.

mod backfills;
mod comparing;
mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::Delivered;
use super::backfill::{Divided, Unplanned, stretches};
use super::log_file_reader::out_of_time;
use super::notify::suppression_file::SuppressionFile;
use super::notify::{NotificationResult, Notifier, OnStateFailure};
use super::sign_ins::{Asked, Work, process};
use crate::config::Config;
use crate::finding::Finding;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::key;
use crate::formats::events::backfill::Wanted;
use crate::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use crate::formats::events::delivery::LogFileObject;
use crate::mail::phrases;
use crate::ports::{AwsError, AwsErrorKind, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::health;
use crate::rules::health::{MissedDeliveries, could_not_look, state_bucket};
use crate::severity::Severity;
use crate::state::backfill::Stretch;

use progress::{Begun, KEY, Progress, Span};

/// What is left for telling once reading has to stop; where there is less in all, half of it.
const TIME_TO_TELL: Duration = Duration::from_secs(30);

/// From this receive on, log files that AWS refuses or does not answer about are left to a person, and told.
const LATE_RECEIVES: u32 = 3;

/// So many log files are read and told at a time: what was told is behind a sweep that is ended early.
const CHUNK: usize = 500;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// Whether it was the first one of the bucket, from which on log files are compared.
    pub is_first: bool,
    /// From when to when that was put into the bucket which was swept to its end.
    pub swept: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many log files this run has found there.
    pub delivered: u64,
    /// How many of them had not been read on delivery.
    pub missed: u64,
    /// How many of these are left to a person, for AWS refuses them or does not answer about them.
    pub unread: u64,
    /// What this run has read.
    pub counts: Counts,
    /// How many findings there are of each severity in what it has read; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// The alerts.
    pub mails: Vec<NotificationResult>,
    /// How many findings were only counted: mails have told of others like them.
    pub quiet: u64,
    /// How many findings a suppression hides.
    pub accepted: u64,
    /// Why it has to be asked for again; nothing where all is done.
    pub unfinished: Option<AwsError>,
    /// Why nothing could be compared, where asking again does not help.
    pub could_not_look: Option<String>,
    /// What went wrong with the state bucket, whether or not it was put right since.
    pub state_troubles: Vec<AwsError>,
}

/// Reads the log files that were delivered and not read, and tells what stands there and that they were missed.
///
/// The receipts of what was read are listed in `state_bucket`, which is the bucket behind [`Ports::state`].
pub async fn read_missed<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    asked: &MissedDeliveryRequest,
    log_bucket: &str,
    state_bucket: &str,
    config: &Config,
    outside: &Ports<'_, L, S, A, P>,
) -> Swept {
    let is_late = asked.receives >= LATE_RECEIVES;
    let persistence = if is_late { OnStateFailure::PublishWithoutState } else { OnStateFailure::Retry };
    let time_to_tell = TIME_TO_TELL.min(outside.runtime.time_left() / 2);
    let telling = Notifier::new(config, outside, persistence, time_to_tell);
    let findings = Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
    let swept = Swept { findings, ..Swept::default() };
    let (scope, asked, buckets) = (asked.scope, asked.asked, (log_bucket, state_bucket));
    let mut run =
        Run { scope, asked, is_late, persistence, buckets, config, outside, time_to_tell, telling, swept };
    let ended = Box::pin(run.sweep()).await;
    let memory = &run.telling.memory;
    if let Err(trouble) = &ended
        && memory.has_failed_with(trouble)
    {
        // Where the state bucket goes on failing, people are told without memory.
        Box::pin(run.telling.notify(Vec::new(), BTreeSet::new(), Err(trouble))).await;
    }
    let mut swept = run.swept;
    swept.unfinished = ended.err();
    swept.state_troubles.extend(run.telling.state_errors());
    swept.mails.extend(run.telling.mails);
    swept.quiet += run.telling.deduplicated;
    swept.accepted += run.telling.suppressed;
    swept
}

struct Run<'a, L, S, A, P> {
    scope: MissedDeliveryScope,
    asked: DateTime<Utc>,
    is_late: bool,
    persistence: OnStateFailure,
    /// That of the log files, and that of the state.
    buckets: (&'a str, &'a str),
    config: &'a Config,
    outside: &'a Ports<'a, L, S, A, P>,
    /// How much of the run's time is left for telling once reading has to stop.
    time_to_tell: Duration,
    telling: Notifier<'a, S, A, P>,
    swept: Swept,
}

/// What was found of one span so far.
#[derive(Default)]
struct Found {
    missed: MissedDeliveries,
    /// Why some of it has to be looked at again.
    to_do: Option<AwsError>,
    /// What AWS refuses.
    refused: Option<AwsError>,
}

/// Why a span was not swept to its end.
enum Halt {
    /// The next run has to go on.
    Unfinished(AwsError),
    /// It was told; asking again does not help.
    Told(String),
}

impl From<AwsError> for Halt {
    fn from(trouble: AwsError) -> Halt {
        Halt::Unfinished(trouble)
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, L, S, A, P> {
    async fn sweep(&mut self) -> Result<(), AwsError> {
        let accepted = self.telling.load_suppressions().await?;
        let swept = match self.scope {
            MissedDeliveryScope::Everything => Box::pin(self.log_files(&accepted)).await,
            MissedDeliveryScope::Backfills => Ok(()),
        };
        // What has been found long ago and told nobody does not wait for log files that cannot be read.
        let finished = Box::pin(self.backfills(&accepted)).await;
        swept.and(finished)
    }

    async fn log_files(&mut self, accepted: &SuppressionFile) -> Result<(), AwsError> {
        // What another night has begun comes first.
        while let Some(span) = self.begin(accepted).await? {
            match Box::pin(self.span(span, accepted)).await {
                Ok(()) => {}
                Err(Halt::Unfinished(trouble)) => return Err(trouble),
                Err(Halt::Told(why)) => {
                    self.swept.could_not_look = Some(why);
                    return Ok(());
                }
            }
            let (memory, bucket) = (&self.telling.memory, self.buckets.0);
            let new = Progress::new(bucket);
            memory.update(KEY, &new, None, |progress, _| progress.end(bucket, span)).await?;
            let since = self.swept.swept.map_or(span.since, |(since, _)| since);
            self.swept.swept = Some((since, span.until));
        }
        Ok(())
    }

    /// What is to be swept next, which is written down; nothing where nothing is left.
    async fn begin(&mut self, accepted: &SuppressionFile) -> Result<Option<Span>, AwsError> {
        let (bucket, asked) = (self.buckets.0, self.asked);
        let new = Progress::new(bucket);
        let held = self.telling.memory.open(KEY, &new).await?;
        let now = self.telling.memory.runtime.now();
        let mut ahead = None;
        if held.object.is_ahead(now) {
            ahead = Some(self.of_state(phrases::SWEEP_IN_THE_FUTURE));
        }
        let begun = held.object.clone().begin(bucket, asked, now, held.was_unreadable);
        let skipped = match &begun {
            Begun::Span(_, skipped) => skipped.map(|skipped| self.skipped(skipped)),
            _ => None,
        };
        // What is begun anew, or never looked at, is told before.
        if held.was_unreadable || ahead.is_some() || skipped.is_some() {
            self.tell(ahead.into_iter().chain(skipped).collect(), accepted).await?;
        }
        let change = |progress: &mut Progress, was_lost| progress.begin(bucket, asked, now, was_lost);
        let (begun, _) = self.telling.memory.update(KEY, &new, Some(held), change).await?;
        self.swept.is_first |= begun == Begun::First;
        Ok(match begun {
            Begun::Span(span, _) => Some(span),
            Begun::First | Begun::Nothing => None,
        })
    }

    /// Sweeps a span, and tells what was missed there.
    async fn span(&mut self, span: Span, accepted: &SuppressionFile) -> Result<(), Halt> {
        let mut found = Found::default();
        if let Err(halt) = self.look(span, &mut found).await {
            return Err(self.blind(halt, accepted).await);
        }
        self.swept.delivered += found.missed.delivered;
        self.swept.missed += found.missed.count();
        if let Some(trouble) = found.to_do.or(found.refused.filter(|_| !self.is_late)) {
            return Err(trouble.into());
        }
        self.swept.unread += found.missed.unfetched;
        let (bucket, account) = (self.buckets.0, self.outside.account);
        let missed = health::missed_deliveries(bucket, account, (span.since, span.until), &found.missed);
        Ok(self.tell(missed.into_iter().collect(), accepted).await?)
    }

    /// Compares all that was put there, a day of folders after the other, and reads what is missing.
    async fn look(&mut self, span: Span, found: &mut Found) -> Result<(), Halt> {
        let mut by_day: BTreeMap<NaiveDate, Vec<Stretch>> = BTreeMap::new();
        for stretch in self.stretches(span).await? {
            if let Some(day) = key::day(&stretch.prefix) {
                by_day.entry(day).or_default().push(stretch);
            }
        }
        for (day, stretches) in by_day {
            self.day(day, &stretches, span, found).await?;
        }
        Ok(())
    }

    /// Where log files stand whose folders are of these days, of the day before, or of the one behind.
    async fn stretches(&self, span: Span) -> Result<Vec<Stretch>, Halt> {
        let (from, to) = (span.since.date_naive(), span.until.date_naive());
        let wanted = Wanted { from, to, accounts: BTreeSet::new(), regions: BTreeSet::new() };
        let Ports { logs, runtime, .. } = *self.outside;
        let stretches = async {
            match stretches(self.buckets.0, "", &wanted, Divided::ByDay, self.config, logs, runtime).await {
                Ok(stretches) => Ok(Ok(stretches)),
                Err(Unplanned::Unfit(error)) => Ok(Err(Halt::Told(error.to_string()))),
                Err(Unplanned::AwsError(trouble)) => Err(trouble),
            }
        };
        self.telling.memory.in_time("listing", self.buckets.0, stretches).await?
    }

    /// Reads log files, and tells what stands there.
    async fn read(&mut self, objects: &[LogFileObject], found: &mut Found) -> Result<(), AwsError> {
        if self.outside.runtime.time_left() <= self.time_to_tell {
            return Err(out_of_time(&objects.first().map(LogFileObject::uri).unwrap_or_default()));
        }
        let (persistence, late) = (self.persistence, BTreeSet::new());
        let work = Work { objects, asked: Asked::BySweep, persistence, late: &late };
        let delivered = Box::pin(process(&work, Vec::new(), self.config, self.outside)).await;
        for trouble in delivered.unread.values() {
            match trouble.kind {
                AwsErrorKind::Denied => {
                    found.missed.unfetched += 1;
                    found.refused.get_or_insert_with(|| trouble.clone());
                }
                // One log file that AWS never answers about must not keep all others from being swept.
                AwsErrorKind::Transient if self.is_late => found.missed.unfetched += 1,
                _ => drop(found.to_do.get_or_insert_with(|| trouble.clone())),
            }
        }
        if let Some(trouble) = delivered.untold.values().next() {
            found.to_do.get_or_insert_with(|| trouble.clone());
        }
        let out_of_time =
            delivered.failed().find(|(_, trouble)| trouble.kind == AwsErrorKind::DeadlineExceeded);
        let out_of_time = out_of_time.map(|(_, trouble)| trouble.clone());
        self.add(delivered);
        out_of_time.map_or(Ok(()), Err)
    }

    fn add(&mut self, delivered: Delivered) {
        self.swept.counts += delivered.counts;
        for (severity, count) in delivered.findings {
            *self.swept.findings.entry(severity).or_default() += count;
        }
        self.swept.mails.extend(delivered.mails);
        self.swept.quiet += delivered.quiet;
        self.swept.accepted += delivered.accepted;
        self.swept.state_troubles.extend(delivered.state_troubles);
    }

    /// Tells that it could not be compared, unless only time was short.
    async fn blind(&mut self, halt: Halt, accepted: &SuppressionFile) -> Halt {
        let bucket = self.buckets.0;
        let (severity, why) = match &halt {
            Halt::Told(why) => (Severity::High, why.clone()),
            Halt::Unfinished(trouble) => match trouble.kind {
                AwsErrorKind::Denied | AwsErrorKind::NotFound => (Severity::High, trouble.to_string()),
                AwsErrorKind::Transient if self.is_late => (Severity::Low, trouble.to_string()),
                _ => return halt,
            },
        };
        let what = phrases::deliveries_not_compared(bucket, &why);
        let now = self.telling.memory.runtime.now();
        let finding = could_not_look(bucket, self.outside.account, severity, now, what, None);
        match self.tell(vec![finding], accepted).await {
            Ok(()) => halt,
            Err(trouble) => Halt::Unfinished(trouble),
        }
    }

    /// The finding that tells that nobody looks at a span any more.
    fn skipped(&self, span: Span) -> Finding {
        let bucket = self.buckets.0;
        let what = phrases::deliveries_skipped(bucket, span.since, span.until);
        let now = self.telling.memory.runtime.now();
        could_not_look(bucket, self.outside.account, Severity::High, now, what, None)
    }

    /// The finding that tells of what the state bucket holds.
    fn of_state(&self, what: &str) -> Finding {
        let memory = &self.telling.memory;
        let (uri, now) = (memory.uri(KEY), memory.runtime.now());
        let what = what.to_owned();
        let mut finding = could_not_look(&uri, self.outside.account, Severity::High, now, what, None);
        finding.subject = state_bucket(&uri);
        finding.evidence.object = Some(uri);
        finding
    }

    /// Tells this, and what has become unreadable.
    async fn tell(&mut self, findings: Vec<Finding>, accepted: &SuppressionFile) -> Result<(), AwsError> {
        let sources = [self.buckets.0.to_owned()].into();
        for finding in &findings {
            *self.swept.findings.entry(finding.severity).or_default() += 1;
        }
        Box::pin(self.telling.notify(findings, sources, Ok(accepted))).await;
        self.telling.memory.reserve(self.time_to_tell);
        let untold = std::mem::take(&mut self.telling.not_notified);
        untold.into_values().next().map_or(Ok(()), Err)
    }
}
