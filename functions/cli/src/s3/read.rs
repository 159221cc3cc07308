//! Reads log files from S3 batch by batch, shows progress, stops early and resumes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context;
use iamwatch_aws::profile;
use iamwatch_aws::runtime::Unbounded;
use iamwatch_aws::s3::S3;
use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::scan;
use shared::state::backfill::KeyRange;
use shared::text::counted;
use shared::use_cases;
use shared::use_cases::{ReadLogFile, RecordConsumer};

use super::checkpoint::{Checkpoint, DEFAULT_FILE, S3Batch};
use super::error_messages;
use super::job::{S3Job, StopReason};
use super::planning::plan;
use crate::exit::Exit;
use crate::output::{note, note_each, stdout_is_closed};
use crate::progress;
use crate::read_totals::{not_read, not_read_whole, summary};

/// How often the file of `--resume` is written: a crash loses no more than this and one batch.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);

/// If this many log files failed and none was read, the others would fail too.
const MAX_FAILURES_WITHOUT_SUCCESS: usize = 100;

/// Receives what was collected from each log file, exactly once. `S` is stored in the checkpoint.
pub trait LogFileConsumer<S, F> {
    /// Continues from the state of a checkpoint.
    fn resume(&mut self, _state: &S) {}

    /// Takes one log file.
    fn take(&mut self, state: &mut S, file: F, counts: &scan::ScanCounts);

    /// Writes out, or adds to the state, everything that was taken. Called before each checkpoint.
    fn flush(&mut self, _state: &mut S) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Reads everything, and answers the final checkpoint. `Err` if reading stopped early: how the command ends.
pub fn read<R: RecordConsumer, S: Default + Serialize + DeserializeOwned>(
    job: &S3Job<'_>,
    reader: &R,
    consumer: &mut dyn LogFileConsumer<S, R::Output>,
) -> anyhow::Result<Result<Checkpoint<S>, Exit>> {
    if job.locations.is_empty() {
        return Ok(Ok(Checkpoint::new(job.command.clone())));
    }
    let checkpoint = job.resume.map(|file| Checkpoint::read(file, &job.command)).transpose();
    let checkpoint = match checkpoint {
        Ok(checkpoint) => checkpoint.flatten(),
        Err(error) => return Ok(Err(Exit::usage(&error))),
    };
    let mut checkpoint = match checkpoint {
        Some(checkpoint) => {
            consumer.resume(&checkpoint.state);
            checkpoint
        }
        None => Checkpoint::new(job.command.clone()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not begin to read from S3")?;
    let stopped = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(StopReason::Interrupted),
            ended = read_all(job, reader, &mut checkpoint, consumer) => ended,
        }
    });
    // Calls that have not ended are abandoned.
    runtime.shutdown_background();
    match stopped {
        Ok(()) => {
            note_summary(&checkpoint);
            Ok(Ok(checkpoint))
        }
        Err(StopReason::StdoutClosed) => Ok(Err(Exit::Complete)),
        Err(reason) => {
            consumer.flush(&mut checkpoint.state)?;
            stop_early(job, &checkpoint, &reason)?;
            Ok(Err(Exit::CouldNotLook))
        }
    }
}

/// Writes to stderr what was read and what was not.
fn note_summary<S>(checkpoint: &Checkpoint<S>) {
    note_each(&checkpoint.failures, "more log file", "more log files");
    let log_files = counted(checkpoint.counts.log_files, "log file", "log files");
    let files = format!("{log_files} ({}) from S3", HumanBytes(checkpoint.bytes));
    let mut text = summary(&files, checkpoint.counts);
    if checkpoint.skipped_objects > 0 {
        text += &format!(" Skipped: {} other.", checkpoint.skipped_objects);
    }
    note(&text);
}

/// Writes to stderr why reading stopped and how to resume it, and writes the checkpoint.
fn stop_early<S: Default + Serialize + DeserializeOwned>(
    job: &S3Job<'_>,
    checkpoint: &Checkpoint<S>,
    reason: &StopReason,
) -> anyhow::Result<()> {
    match reason {
        StopReason::StdoutClosed => {}
        StopReason::Interrupted => note("iamwatch: interrupted"),
        StopReason::Failed(text) => note(&format!("iamwatch: {text}")),
    }
    let Some(batches) = &checkpoint.batches else {
        note("Nothing was read yet.");
        return Ok(());
    };
    let file = match job.resume {
        Some(file) => file.to_owned(),
        None => unused_name(Path::new(DEFAULT_FILE)),
    };
    checkpoint.write(&file)?;
    let all: u64 = batches.iter().map(S3Batch::objects).sum();
    note(&format!(
        "Read {} of about {all}. To resume, run the same command with --resume {}",
        counted(checkpoint.objects, "log file", "log files"),
        file.display()
    ));
    Ok(())
}

/// The name, or a numbered one if the file exists: a checkpoint of another run is not overwritten.
fn unused_name(file: &Path) -> PathBuf {
    let numbered = |number: u32| file.with_extension(format!("{number}.json"));
    let names = std::iter::once(file.to_owned()).chain((2..100).map(numbered));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| file.to_owned())
}

/// Plans unless the checkpoint has a plan, and reads the batches that were not read.
async fn read_all<R: RecordConsumer, S: Default + Serialize + DeserializeOwned>(
    job: &S3Job<'_>,
    reader: &R,
    checkpoint: &mut Checkpoint<S>,
    consumer: &mut dyn LogFileConsumer<S, R::Output>,
) -> Result<(), StopReason> {
    let s3 = profile::s3(&job.config).await;
    let s3 = s3.map_err(|reason| StopReason::Failed(error_messages::no_credentials(&reason)))?;
    let batches = match &checkpoint.batches {
        Some(batches) => batches.clone(),
        None => {
            let batches = plan(job, &s3, &mut checkpoint.failures).await?;
            checkpoint.batches.insert(batches).clone()
        }
    };
    let bar = progress_bar(job, &batches, checkpoint.objects);
    let mut saved = Instant::now();
    for batch in batches.iter().skip(checkpoint.batches_done) {
        read_batch(job, &s3, batch, reader, checkpoint, consumer, &bar).await?;
        checkpoint.batches_done += 1;
        checkpoint.done.clear();
        if let Some(file) = job.resume
            && saved.elapsed() > SAVE_INTERVAL
        {
            let written = consumer.flush(&mut checkpoint.state).and_then(|()| checkpoint.write(file));
            written.map_err(|error| StopReason::Failed(format!("{error:#}")))?;
            saved = Instant::now();
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads one batch.
async fn read_batch<R: RecordConsumer, S>(
    job: &S3Job<'_>,
    s3: &S3,
    batch: &S3Batch,
    reader: &R,
    checkpoint: &mut Checkpoint<S>,
    consumer: &mut dyn LogFileConsumer<S, R::Output>,
    bar: &ProgressBar,
) -> Result<(), StopReason> {
    let stopped: RefCell<Option<StopReason>> = RefCell::new(None);
    let mut skipped = 0;
    let mut done = |scanned: ReadLogFile<R::Output>| {
        if stopped.borrow().is_none() {
            *stopped.borrow_mut() = take(checkpoint, scanned, consumer)
                .or(stdout_is_closed().then_some(StopReason::StdoutClosed));
            bar.set_position(checkpoint.objects);
            bar.set_message(HumanBytes(checkpoint.bytes).to_string());
        }
    };
    let scan = use_cases::scan(
        &batch.bucket,
        &batch.key_ranges,
        reader,
        &job.config,
        s3,
        &Unbounded,
        Duration::ZERO,
        &mut done,
    );
    let stop = poll_fn(|_| stopped.borrow_mut().take().map_or(Poll::Pending, Poll::Ready));
    let scanned = tokio::select! {
        biased;
        scanned = scan => scanned.map(|objects| skipped = objects),
        reason = stop => return Err(reason),
    };
    if let Some(reason) = stopped.into_inner() {
        return Err(reason);
    }
    scanned.map_err(|error| StopReason::Failed(error_messages::message(&error)))?;
    checkpoint.skipped_objects += skipped;
    if let [KeyRange { prefix, until: Some(until), .. }] = &batch.key_ranges[..]
        && prefix == until
        && checkpoint.done.is_empty()
    {
        let uri = format!("s3://{}/{prefix}", batch.bucket);
        checkpoint.failures.push(not_read(uri, "there is no such log file"));
    }
    Ok(())
}

/// Takes one log file. `Some` if no other is to be read.
fn take<F, S>(
    checkpoint: &mut Checkpoint<S>,
    ReadLogFile { uri, bytes, result }: ReadLogFile<F>,
    consumer: &mut dyn LogFileConsumer<S, F>,
) -> Option<StopReason> {
    match result {
        Err(error) if error_messages::needs_credentials(&error) => {
            return Some(StopReason::Failed(error_messages::message(&error)));
        }
        // It was read before this batch was resumed.
        _ if !checkpoint.done.insert(uri.clone()) => return None,
        Ok((file, counts)) => {
            let judged = counts.records - counts.unreadable - counts.skipped;
            checkpoint.counts += Counts::of(&counts, judged);
            if let Some(problem) = counts.problems.first() {
                checkpoint.failures.push(not_read_whole(&uri, problem));
            }
            consumer.take(&mut checkpoint.state, file, &counts);
        }
        Err(error) => {
            checkpoint.failures.push(not_read(&uri, error_messages::reason(&error)));
            if checkpoint.counts.log_files == 0 && checkpoint.failures.len() >= MAX_FAILURES_WITHOUT_SUCCESS {
                // Nothing is kept: after the cause is repaired, the command starts from the beginning.
                checkpoint.batches = None;
                let (count, message) = (checkpoint.failures.len(), error_messages::message(&error));
                return Some(StopReason::Failed(format!(
                    "none of {count} log files could be fetched: {message}"
                )));
            }
        }
    }
    checkpoint.objects += 1;
    checkpoint.bytes += bytes;
    None
}

fn progress_bar(job: &S3Job<'_>, batches: &[S3Batch], done: u64) -> ProgressBar {
    let all = batches.iter().map(S3Batch::objects).sum();
    let template = "{wide_bar} {pos}/{len} log files {rate} {msg} {eta} left";
    let bar = progress::bar(job.shows_progress, all, template).with_position(done);
    bar.reset_eta();
    bar
}
