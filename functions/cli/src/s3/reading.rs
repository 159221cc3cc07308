//! Reading the places in S3: progress, and ending early.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context;
use iamwatch_aws::profile;
use iamwatch_aws::runtime::Unbounded;
use iamwatch_aws::s3::S3;
use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::scan;
use shared::state::backfill::KeyRange;
use shared::use_cases;
use shared::use_cases::{ReadLogFile, RecordConsumer};

use super::cursor::{Batch, Cursor, DEFAULT_FILE};
use super::planning::planned;
use super::{Errand, said};
use crate::End;
use crate::output::{counted, nobody_reads, note, note_each};
use crate::reading::{in_words, read_in_words};

/// The file of `--resume` is written again after so long, so that a crash does not cost more.
const SAVED_EVERY: Duration = Duration::from_secs(10);

/// Where so many of the first log files cannot be had, and none can, the others cannot be had either.
const ENOUGH_FAILURES: usize = 100;

/// Why reading ends before its end.
pub enum Stopped {
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the results has enough.
    Enough,
    /// No other call would succeed either.
    Said(String),
}

/// Who is given what was made of each log file, once.
pub trait Taker<K, M> {
    /// Goes on with what the same command had found when it ended early.
    fn go_on(&mut self, _found: &K) {}

    /// Takes it; what is to be kept until the end goes into `found`.
    fn take(&mut self, found: &mut K, made: M, counts: &scan::Counts);

    /// Brings to where it belongs, or into `found`, what was taken, before it is noted that it was read.
    fn settle(&mut self, _found: &mut K) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Reads all places. Answers where reading stands at its end, or how the command ends.
pub fn read<R: RecordConsumer, K: Default + Serialize + DeserializeOwned>(
    errand: &Errand<'_>,
    reader: &R,
    taker: &mut dyn Taker<K, R::Output>,
) -> anyhow::Result<Result<Cursor<K>, End>> {
    if errand.locations.is_empty() {
        return Ok(Ok(Cursor::new(errand.asked.clone())));
    }
    let cursor = errand.resume.map(|file| Cursor::read(file, &errand.asked)).transpose();
    let cursor = match cursor {
        Ok(cursor) => cursor.flatten(),
        Err(error) => {
            note(&format!("iamwatch: {error:#}"));
            return Ok(Err(End::Unusable));
        }
    };
    let mut cursor = match cursor {
        Some(cursor) => {
            taker.go_on(&cursor.found);
            cursor
        }
        None => Cursor::new(errand.asked.clone()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not begin to read from S3")?;
    let stopped = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(Stopped::Interrupted),
            ended = all(errand, reader, &mut cursor, taker) => ended,
        }
    });
    // What is still under way is of no use any more.
    runtime.shutdown_background();
    match stopped {
        Ok(()) => {
            whole(&cursor);
            Ok(Ok(cursor))
        }
        Err(Stopped::Enough) => Ok(Err(End::Looked)),
        Err(stopped) => {
            taker.settle(&mut cursor.found)?;
            early(errand, &cursor, &stopped)?;
            Ok(Err(End::CouldNotLook))
        }
    }
}

/// What was read and what was not, once everything was.
fn whole<K>(cursor: &Cursor<K>) {
    note_each(&cursor.failed, "more log file");
    let log_files = counted(cursor.counts.log_files, "log file");
    let what = format!("{log_files} ({}) from S3", HumanBytes(cursor.bytes));
    let mut summary = read_in_words(&what, cursor.counts);
    if cursor.skipped_objects > 0 {
        summary += &format!(" Skipped: {} other.", cursor.skipped_objects);
    }
    note(&summary);
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
async fn all<R: RecordConsumer, K: Default + Serialize + DeserializeOwned>(
    errand: &Errand<'_>,
    reader: &R,
    cursor: &mut Cursor<K>,
    taker: &mut dyn Taker<K, R::Output>,
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
        one(errand, &s3, batch, reader, cursor, taker, &bar).await?;
        cursor.batches_done += 1;
        cursor.done.clear();
        if let Some(file) = errand.resume
            && saved.elapsed() > SAVED_EVERY
        {
            let written = taker.settle(&mut cursor.found).and_then(|()| cursor.write(file));
            written.map_err(|error| Stopped::Said(format!("{error:#}")))?;
            saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads one batch.
async fn one<R: RecordConsumer, K>(
    errand: &Errand<'_>,
    s3: &S3,
    batch: &Batch,
    reader: &R,
    cursor: &mut Cursor<K>,
    taker: &mut dyn Taker<K, R::Output>,
    bar: &ProgressBar,
) -> Result<(), Stopped> {
    let stopped: RefCell<Option<Stopped>> = RefCell::new(None);
    let mut skipped = 0;
    let mut done = |scanned: ReadLogFile<R::Output>| {
        if stopped.borrow().is_none() {
            *stopped.borrow_mut() =
                taken(cursor, scanned, taker).or(nobody_reads().then_some(Stopped::Enough));
            bar.set_position(cursor.objects);
            bar.set_message(HumanBytes(cursor.bytes).to_string());
        }
    };
    let scan = use_cases::scan(
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
        scanned = scan => scanned.map(|it| skipped = it),
        stopped = enough => return Err(stopped),
    };
    if let Some(stopped) = stopped.into_inner() {
        return Err(stopped);
    }
    scanned.map_err(|trouble| Stopped::Said(said::said(&trouble)))?;
    cursor.skipped_objects += skipped;
    if let [KeyRange { prefix, until: Some(until), .. }] = &batch.stretches[..]
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
    ReadLogFile { uri, bytes, result }: ReadLogFile<M>,
    taker: &mut dyn Taker<K, M>,
) -> Option<Stopped> {
    match result {
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
            taker.take(&mut cursor.found, made, &counts);
        }
        Err(trouble) => {
            cursor.failed.push(format!("could not look at {uri}: {}", said::why(&trouble)));
            if cursor.counts.log_files == 0 && cursor.failed.len() >= ENOUGH_FAILURES {
                // As if nothing had been tried: once it is mended, the command begins anew.
                cursor.batches = None;
                let (count, said) = (cursor.failed.len(), said::said(&trouble));
                return Some(Stopped::Said(format!("none of {count} log files could be had: {said}")));
            }
        }
    }
    cursor.objects += 1;
    cursor.bytes += bytes;
    None
}

/// Hidden where stderr is no terminal.
fn bar(errand: &Errand<'_>, batches: &[Batch], done: u64) -> ProgressBar {
    let bar = match errand.shows_progress {
        true => ProgressBar::new(batches.iter().map(Batch::objects).sum()).with_position(done),
        false => ProgressBar::hidden(),
    };
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A rate that cannot be shown is shown by the next.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    let template = "{wide_bar} {pos}/{len} log files {rate} {msg} {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", rate));
    }
    bar.reset_eta();
    bar
}
