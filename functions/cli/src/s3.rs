//! Log files in S3, read with the credentials of whoever runs the program.
//!
//! | file | what it holds |
//! |---|---|
//! | `s3.rs` | planning, reading, progress, and ending early |
//! | `s3/cursor.rs` | where reading stands, so that the same command goes on there |
//! | `s3/kept.rs` | what is kept of log files for findings and sign-ins |
//! | `s3/said.rs` | what AWS says went wrong, for people |

mod cursor;
mod kept;
mod said;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use iamwatch_aws::pace::Unbounded;
use iamwatch_aws::profile;
use iamwatch_aws::s3::S3;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::app::{self, Counts, Reader, Scanned, Unplanned};
use shared::backfill::{Stretch, Wanted};
use shared::cloudtrail::needles::Needles;
use shared::cloudtrail::{key, scan};
use shared::config::Config;
use shared::question::Period;

use self::cursor::{Batch, Cursor, DEFAULT_FILE};
use self::kept::{Keeper, Kept};
use crate::End;
use crate::args::{Days, Reading, Records};
use crate::output::{counted, nobody_reads, note, note_each};
use crate::places::Location;
use crate::reading::{Remote, in_words, read_in_words};
use crate::records::{Asking, Line};

/// So many log files are read before it is noted that they were, where the plan can be divided so.
const BATCH: u64 = 5_000;

/// The file of `--resume` is written again after so long, so that a crash does not cost more.
const SAVED_EVERY: Duration = Duration::from_secs(10);

/// Where so many of the first log files cannot be had, and none can, the others cannot be had either.
const ENOUGH_FAILURES: usize = 100;

/// So much of what is read at the same time is held, where no setting says otherwise: some hundred log files, for
/// which every system lets a program have connections enough.
const IN_FLIGHT_BYTES: u64 = 24 << 20;

/// The sign-ins, and what raises a finding, of the places in S3; where reading them ended early, how the command ends.
pub fn kept(
    command: &str,
    reading: &Reading,
    days: &Days,
    config: &Config,
) -> anyhow::Result<Result<Remote, End>> {
    let errand = Errand::of(command, reading, days, BTreeSet::new(), config, json!({}));
    let keeper = Keeper { config, period: errand.period };
    let read = read(&errand, &keeper, &mut |kept: &mut Kept, made, counts| kept.take(made, counts))?;
    Ok(read.map(|Cursor { found, counts, failed, .. }| {
        let findings = found.findings(config);
        Remote { records: found.records, findings, counts, failed }
    }))
}

/// Hands on the calls that are asked for of the places in S3, and answers whether something could not be looked at;
/// where reading them ended early, how the command ends.
pub fn list(
    arguments: &Records,
    asking: &Asking<'_>,
    shows_progress: bool,
    take: &mut dyn FnMut(Line),
) -> anyhow::Result<Result<bool, End>> {
    let Records { event_source, event_name, principal, ip, account, error, format, reading, days } =
        arguments;
    let more = json!({
        "event_source": event_source,
        "event_name": event_name,
        "principal": principal,
        "ip": ip.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "account": account,
        "error": error,
        "format": format!("{format:?}"),
    });
    let accounts = account.iter().cloned().collect();
    let errand = Errand::of("records", reading, days, accounts, asking.config, more);
    let errand = Errand { shows_progress, ..errand };
    let read = read(&errand, asking, &mut |(): &mut (), made: Asked, _| {
        made.lines.into_iter().for_each(&mut *take);
    })?;
    Ok(read.map(|cursor| !cursor.failed.is_empty()))
}

/// The calls of one log file that are asked for.
pub struct Asked {
    log_file: String,
    delivered: Option<DateTime<Utc>>,
    lines: Vec<Line>,
}

impl Reader for Asking<'_> {
    type Made = Asked;

    fn begin(&self, uri: &str) -> Asked {
        Asked { log_file: uri.to_owned(), delivered: key::delivered(uri), lines: Vec::new() }
    }

    fn record(&self, made: &mut Asked, index: u64, json: &[u8]) -> Result<(), String> {
        made.lines.extend(self.line(&made.log_file, made.delivered, index, json)?);
        Ok(())
    }

    fn needles(&self) -> &'static Needles {
        self.needles
    }
}

/// What is to be read.
struct Errand<'a> {
    locations: Vec<Location>,
    period: Period,
    /// Only the log files of these accounts; of all where it is empty.
    accounts: BTreeSet<String>,
    config: Config,
    /// The command and its arguments, as far as they decide what is read and what becomes of it.
    asked: Value,
    /// What `--resume` says.
    resume: Option<&'a Path>,
    /// Whether a progress bar may be shown where stderr is a terminal.
    shows_progress: bool,
}

impl<'a> Errand<'a> {
    fn of(
        command: &str,
        reading: &'a Reading,
        days: &Days,
        accounts: BTreeSet<String>,
        config: &Config,
        more: Value,
    ) -> Errand<'a> {
        let set = &reading.settings.set;
        let is_set =
            |name: &str| set.iter().any(|set| set.split_once('=').is_some_and(|(set, _)| set == name));
        let mut config = config.clone();
        if !is_set("MAX_IN_FLIGHT_BYTES") {
            config.max_in_flight_bytes = IN_FLIGHT_BYTES;
        }
        let asked = json!({
            "command": command,
            "paths": reading.paths,
            "set": set,
            "from": days.from,
            "to": days.to,
            "more": more,
        });
        Errand {
            locations: reading.locations(),
            period: days.period(),
            accounts,
            config,
            asked,
            resume: reading.resume.as_deref(),
            shows_progress: true,
        }
    }
}

/// Why reading ends before its end.
enum Stopped {
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the results has enough.
    Enough,
    /// No other call would succeed either.
    Said(String),
}

/// Reads all places; `take` is given what was made of each log file, once. Answers where reading stands at its end,
/// or how the command ends.
fn read<R: Reader, K: Default + Serialize + DeserializeOwned>(
    errand: &Errand<'_>,
    reader: &R,
    take: &mut dyn FnMut(&mut K, R::Made, &scan::Counts),
) -> anyhow::Result<Result<Cursor<K>, End>> {
    if errand.locations.is_empty() {
        return Ok(Ok(Cursor::new(Value::Null)));
    }
    let cursor = errand.resume.map(|file| Cursor::read(file, &errand.asked)).transpose();
    let mut cursor = match cursor {
        Ok(cursor) => cursor.flatten().unwrap_or_else(|| Cursor::new(errand.asked.clone())),
        Err(error) => {
            note(&format!("iamwatch: {error:#}"));
            return Ok(Err(End::Unusable));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not begin to read from S3")?;
    let stopped = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(Stopped::Interrupted),
            ended = all(errand, reader, &mut cursor, take) => ended,
        }
    });
    // What is still under way is of no use any more.
    runtime.shutdown_background();
    match stopped {
        Ok(()) => {
            whole(errand, &cursor);
            Ok(Ok(cursor))
        }
        Err(Stopped::Enough) => Ok(Err(End::Looked)),
        Err(stopped) => {
            early(errand, &cursor, &stopped)?;
            Ok(Err(End::CouldNotLook))
        }
    }
}

/// What was read and what was not, once everything was.
fn whole<K>(errand: &Errand<'_>, cursor: &Cursor<K>) {
    note_each(&cursor.failed, "more log file");
    let log_files = counted(cursor.counts.log_files, "log file");
    let what = format!("{log_files} ({}) from S3", HumanBytes(cursor.bytes));
    let mut summary = read_in_words(&what, cursor.counts);
    if cursor.skipped_objects > 0 {
        summary += &format!(" Skipped: {} other.", cursor.skipped_objects);
    }
    note(&summary);
    // It has served its purpose, and the same command begins anew.
    if let Some(file) = errand.resume {
        let _ = std::fs::remove_file(file);
    }
}

/// Says why it ended and how to go on, and leaves what is needed for that.
fn early<K: Default + Serialize + DeserializeOwned>(
    errand: &Errand<'_>,
    cursor: &Cursor<K>,
    stopped: &Stopped,
) -> anyhow::Result<()> {
    match stopped {
        Stopped::Enough => {}
        Stopped::Interrupted => note("iamwatch: interrupted"),
        Stopped::Said(text) => note(&format!("iamwatch: {text}")),
    }
    let Some(batches) = &cursor.batches else {
        note("Nothing was read yet.");
        return Ok(());
    };
    let file = match errand.resume {
        Some(file) => file.to_owned(),
        None => unused(Path::new(DEFAULT_FILE)),
    };
    cursor.write(&file)?;
    let all: u64 = batches.iter().map(Batch::objects).sum();
    note(&format!(
        "Read {} of about {all}. To go on, give the same command with --resume {}",
        counted(cursor.objects, "log file"),
        file.display()
    ));
    Ok(())
}

/// A file of that name, or one that is not there yet: another's is not written over.
fn unused(file: &Path) -> PathBuf {
    let numbered = |number: u32| file.with_extension(format!("{number}.json"));
    let names = std::iter::once(file.to_owned()).chain((2..100).map(numbered));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| file.to_owned())
}

/// Plans what is not planned, and reads what is not read.
async fn all<R: Reader, K: Default + Serialize + DeserializeOwned>(
    errand: &Errand<'_>,
    reader: &R,
    cursor: &mut Cursor<K>,
    take: &mut dyn FnMut(&mut K, R::Made, &scan::Counts),
) -> Result<(), Stopped> {
    let s3 = profile::s3(&errand.config).await;
    let s3 = s3.map_err(|reason| Stopped::Said(said::no_credentials(&reason)))?;
    let batches = match &cursor.batches {
        Some(batches) => batches.clone(),
        None => {
            let batches = planned(errand, &s3, &mut cursor.failed).await?;
            cursor.batches.insert(batches).clone()
        }
    };
    let bar = bar(errand, &batches, cursor.objects);
    let mut saved = Instant::now();
    for batch in batches.iter().skip(cursor.batches_done) {
        one(errand, &s3, batch, reader, cursor, take, &bar).await?;
        cursor.batches_done += 1;
        cursor.done.clear();
        if let Some(file) = errand.resume
            && saved.elapsed() > SAVED_EVERY
        {
            cursor.write(file).map_err(|error| Stopped::Said(format!("{error:#}")))?;
            saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads one batch.
async fn one<R: Reader, K>(
    errand: &Errand<'_>,
    s3: &S3,
    batch: &Batch,
    reader: &R,
    cursor: &mut Cursor<K>,
    take: &mut dyn FnMut(&mut K, R::Made, &scan::Counts),
    bar: &ProgressBar,
) -> Result<(), Stopped> {
    let stopped: RefCell<Option<Stopped>> = RefCell::new(None);
    let mut skipped = 0;
    let mut done = |scanned: Scanned<R::Made>| {
        if stopped.borrow().is_none() {
            *stopped.borrow_mut() =
                taken(cursor, scanned, take).or(nobody_reads().then_some(Stopped::Enough));
            bar.set_position(cursor.objects);
            bar.set_message(HumanBytes(cursor.bytes).to_string());
        }
    };
    let scan = app::scan(
        &batch.bucket,
        &batch.stretches,
        reader,
        &errand.config,
        s3,
        &Unbounded,
        Duration::ZERO,
        &mut done,
    );
    let enough = poll_fn(|_| stopped.borrow_mut().take().map_or(Poll::Pending, Poll::Ready));
    let scanned = tokio::select! {
        biased;
        scanned = scan => scanned.map(|it| skipped = it.objects),
        stopped = enough => return Err(stopped),
    };
    if let Some(stopped) = stopped.into_inner() {
        return Err(stopped);
    }
    scanned.map_err(|trouble| Stopped::Said(said::said(&trouble)))?;
    cursor.skipped_objects += skipped;
    if let [Stretch { prefix, until: Some(until), .. }] = &batch.stretches[..]
        && prefix == until
        && cursor.done.is_empty()
    {
        let uri = format!("s3://{}/{prefix}", batch.bucket);
        cursor.failed.push(format!("could not look at {uri}: there is no such log file"));
    }
    Ok(())
}

/// Takes one log file; why no other needs to be read, where none does.
fn taken<M, K>(
    cursor: &mut Cursor<K>,
    Scanned { uri, bytes, made }: Scanned<M>,
    take: &mut dyn FnMut(&mut K, M, &scan::Counts),
) -> Option<Stopped> {
    match made {
        Err(trouble) if said::needs_credentials(&trouble) => {
            return Some(Stopped::Said(said::said(&trouble)));
        }
        // Of the same batch, before it was gone on with.
        _ if !cursor.done.insert(uri.clone()) => return None,
        Ok((made, counts)) => {
            let judged = counts.records - counts.unreadable - counts.skipped;
            cursor.counts += Counts::of(&counts, judged);
            if let Some(problem) = counts.problems.first() {
                cursor.failed.push(format!("could not read {uri} whole: {}", in_words(problem)));
            }
            take(&mut cursor.found, made, &counts);
        }
        Err(trouble) => {
            cursor.failed.push(format!("could not look at {uri}: {}", said::why(&trouble)));
            if cursor.counts.log_files == 0 && cursor.failed.len() >= ENOUGH_FAILURES {
                let text = format!(
                    "none of {} log files could be had: {}",
                    cursor.failed.len(),
                    said::said(&trouble)
                );
                return Some(Stopped::Said(text));
            }
        }
    }
    cursor.objects += 1;
    cursor.bytes += bytes;
    None
}

/// What is to be read of all places, divided.
async fn planned(errand: &Errand<'_>, s3: &S3, failed: &mut Vec<String>) -> Result<Vec<Batch>, Stopped> {
    let mut batches = Vec::new();
    let spinner = if errand.shows_progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    for location in &errand.locations {
        let bucket = &location.bucket;
        let (from, to) = match (errand.period.from, errand.period.to) {
            (Some(from), Some(to)) if !location.is_object() => (from, to),
            _ => {
                batches.push(Batch { bucket: bucket.clone(), stretches: vec![object(location)] });
                continue;
            }
        };
        spinner.set_message(format!("looking for log files in {}", location.uri));
        spinner.tick();
        let wanted = Wanted { from, to, accounts: errand.accounts.clone(), regions: BTreeSet::new() };
        let plan = app::plan(bucket, &location.prefix, &wanted, &errand.config, s3, &Unbounded).await;
        let plan = plan.map_err(|unplanned| match unplanned {
            Unplanned::Unfit(error) => Stopped::Said(error.to_string().replace("s3[:]//", "s3://")),
            Unplanned::Trouble(trouble) => Stopped::Said(said::said(&trouble)),
        })?;
        if plan.objects() == 0 {
            failed.push(format!(
                "could not look at {}: there is no log file in it that was delivered from {from} to {to}",
                location.uri
            ));
        }
        batches.extend(divided(bucket, plan.items.into_iter().flat_map(|item| item.stretches)));
    }
    spinner.finish_and_clear();
    Ok(batches)
}

/// The one object that a place is.
fn object(location: &Location) -> Stretch {
    let key = location.prefix.clone();
    Stretch { prefix: key.clone(), after: None, until: Some(key), objects: 1, bytes: 0 }
}

/// Stretches, as many together as make a batch.
fn divided(bucket: &str, stretches: impl Iterator<Item = Stretch>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for stretch in stretches {
        match batches.last_mut() {
            Some(batch) if batch.objects() + stretch.objects <= BATCH => batch.stretches.push(stretch),
            _ => batches.push(Batch { bucket: bucket.to_owned(), stretches: vec![stretch] }),
        }
    }
    batches
}

/// Hidden where stderr is no terminal.
fn bar(errand: &Errand<'_>, batches: &[Batch], done: u64) -> ProgressBar {
    let bar = match errand.shows_progress {
        true => ProgressBar::new(batches.iter().map(Batch::objects).sum()),
        false => ProgressBar::hidden(),
    };
    let template = "{wide_bar} {pos}/{len} log files {per_sec} {msg} {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_position(done);
    bar.reset_eta();
    bar
}
