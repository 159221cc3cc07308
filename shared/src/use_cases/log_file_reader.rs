//! Reading log files: many at once within a budget of memory and time, each with retries.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, select_biased};

use crate::config::Config;
use crate::formats::cloudtrail::log_file::LogFileReader;
use crate::formats::cloudtrail::prefilter::Prefilter;
use crate::formats::cloudtrail::scan;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::retry::{AttemptError, RetryPolicy};
use crate::ports::{AwsError, AwsErrorKind, Body, LogStore, OpenObject, Runtime};
use crate::rules::registry;

/// Log files up to this size, in bytes, are fetched whole before they are read; larger ones are read as they arrive.
const MAX_WHOLE_BYTES: u64 = 1 << 20;

/// The memory of a read besides the body, in bytes: the connection and the HTTP client's buffers.
const OVERHEAD_BYTES: u64 = 128 << 10;

/// How often a log file is opened before the read fails.
const MAX_READS: u32 = 4;

/// How often a log file that turned out to be large checks whether there is memory for it.
const ROOM_PAUSE: Duration = Duration::from_millis(10);

/// No more log files are listed while this many wait to be read.
const MAX_WAITING: usize = 4_000;

/// The first pause between two reads of a log file; each further pause is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the records of log files. A log file is begun again if its body breaks off or something in it is unreadable:
/// only the output of the last read counts.
pub trait RecordConsumer {
    /// What it makes of one log file.
    type Output;

    /// Begins a log file, by its `s3://bucket/key`.
    fn begin(&self, uri: &str) -> Self::Output;

    /// Takes one record: its index in `Records` and its JSON.
    ///
    /// # Errors
    /// A phrase that says why the record is unreadable.
    fn record(&self, output: &mut Self::Output, index: u64, json: &[u8]) -> Result<(), String>;

    /// Which records are parsed: all others are skipped.
    fn prefilter(&self) -> &'static Prefilter {
        registry::prefilter()
    }

    /// The most bytes of memory that the output of a large log file takes while it is read.
    fn max_output_bytes(&self) -> u64 {
        0
    }
}

/// Lists log files to be read.
pub(super) trait LogFileSource {
    /// The next log files; `None` if there are no more. Without `may_list` it waits for listings that have been started,
    /// and starts none. It must be safe to drop the future and call it again.
    async fn next(&mut self, may_list: bool) -> Option<Result<Vec<LogFileObject>, AwsError>>;
}

/// Log files whose names are known.
pub(super) struct KnownLogFiles(Option<Vec<LogFileObject>>);

impl KnownLogFiles {
    /// These log files.
    pub fn new(objects: Vec<LogFileObject>) -> KnownLogFiles {
        KnownLogFiles(Some(objects))
    }
}

impl LogFileSource for KnownLogFiles {
    async fn next(&mut self, _: bool) -> Option<Result<Vec<LogFileObject>, AwsError>> {
        self.0.take().map(Ok)
    }
}

/// One log file after its read: the output of the consumer and the scanner's counts, or why it could not be read.
pub(super) type ReadOutcome<O> = Result<(O, scan::ScanCounts), AwsError>;

/// How a concurrent read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// All log files were read, or failed.
    AllRead,
    /// Its time is up: reads in progress were dropped.
    TimeIsUp,
}

/// Reads log files within a budget of memory.
pub(super) struct ConcurrentReader<'a, R, L, P> {
    consumer: &'a R,
    config: &'a Config,
    logs: &'a L,
    runtime: &'a P,
    /// Reading ends when this much of the invocation's time is left.
    ends_with: Duration,
    /// For log files that are fetched whole: they are read without a wait, so that one is enough.
    whole: RefCell<LogFileReader>,
    in_flight_bytes: Cell<u64>,
    /// How many large log files are being read at the moment.
    large: Cell<u32>,
}

/// The memory that is reserved for one log file.
struct MemoryShare<'c> {
    in_flight_bytes: &'c Cell<u64>,
    large: &'c Cell<u32>,
    bytes: u64,
    is_large: bool,
}

impl MemoryShare<'_> {
    fn change_to(&mut self, bytes: u64, is_large: bool) {
        self.in_flight_bytes.set(self.in_flight_bytes.get() - self.bytes + bytes);
        self.large.set(self.large.get() - u32::from(self.is_large) + u32::from(is_large));
        (self.bytes, self.is_large) = (bytes, is_large);
    }
}

impl Drop for MemoryShare<'_> {
    fn drop(&mut self) {
        self.change_to(0, false);
    }
}

impl<'a, R: RecordConsumer, L: LogStore, P: Runtime> ConcurrentReader<'a, R, L, P> {
    /// Reading ends when `ends_with` of the invocation's time is left.
    pub fn new(
        consumer: &'a R,
        config: &'a Config,
        logs: &'a L,
        runtime: &'a P,
        ends_with: Duration,
    ) -> Self {
        ConcurrentReader {
            consumer,
            config,
            logs,
            runtime,
            ends_with,
            whole: RefCell::new(LogFileReader::new(consumer.prefilter(), config)),
            in_flight_bytes: Cell::new(0),
            large: Cell::new(0),
        }
    }

    /// Reads all log files of a source, as many at once as memory allows; `done` is called once for each, in the order
    /// in which reads end.
    ///
    /// # Errors
    /// [`AwsError`] of the source, or of `done`.
    pub async fn read_all(
        &self,
        source: &mut impl LogFileSource,
        done: &mut dyn FnMut(LogFileObject, ReadOutcome<R::Output>) -> Result<(), AwsError>,
    ) -> Result<ReadEnd, AwsError> {
        let time_left = self.runtime.time_left().saturating_sub(self.ends_with);
        let mut time_is_up = pin!(self.runtime.sleep(time_left).fuse());
        let mut waiting: VecDeque<LogFileObject> = VecDeque::new();
        let mut running = FuturesUnordered::new();
        let mut is_listed = false;
        loop {
            while let Some(share) = waiting.front().and_then(|object| self.share(object))
                && let Some(object) = waiting.pop_front()
            {
                running.push(async move {
                    let outcome = self.read(&object, share).await;
                    (object, outcome)
                });
            }
            if is_listed && running.is_empty() {
                return Ok(ReadEnd::AllRead);
            }
            let (may_list, has_ended) = (waiting.len() < MAX_WAITING, is_listed);
            let listed = async { if has_ended { pending().await } else { source.next(may_list).await } };
            let mut listed = pin!(listed.fuse());
            // Time is checked first: many small log files that are always ready must not hide that it is up.
            select_biased! {
                () = time_is_up => return Ok(ReadEnd::TimeIsUp),
                listed = listed => match listed {
                    Some(objects) => waiting.extend(objects?),
                    None => is_listed = true,
                },
                (object, outcome) = running.select_next_some() => done(object, outcome)?,
            }
        }
    }

    /// Reserves memory for a log file, if there is enough; if nothing else is being read, there is.
    fn share(&self, object: &LogFileObject) -> Option<MemoryShare<'_>> {
        let (in_flight, cost) = (self.in_flight_bytes.get(), self.cost(object.bytes));
        if in_flight > 0 && in_flight.saturating_add(cost) > self.config.max_in_flight_bytes {
            return None;
        }
        let (in_flight_bytes, large) = (&self.in_flight_bytes, &self.large);
        let mut share = MemoryShare { in_flight_bytes, large, bytes: 0, is_large: false };
        share.change_to(cost, is_large(object.bytes));
        Some(share)
    }

    /// Reserves what a log file needs now that it is open and its size is known. One that turned out to be large waits
    /// for memory, unless it is the only large one: otherwise two could wait for each other.
    async fn resize(&self, share: &mut MemoryShare<'_>, bytes: u64) {
        let (cost, is_large) = (self.cost(Some(bytes)), is_large(Some(bytes)));
        if is_large && !share.is_large {
            let others = || self.in_flight_bytes.get() - share.bytes;
            while self.large.get() > 0 && others() + cost > self.config.max_in_flight_bytes {
                self.runtime.sleep(ROOM_PAUSE).await;
            }
        }
        share.change_to(cost, is_large);
    }

    /// The bytes of memory that a log file of this size takes while it is read. One of unknown size counts as small until
    /// it is open.
    fn cost(&self, bytes: Option<u64>) -> u64 {
        let held = match bytes {
            // A window and twice the largest record: see `LogFileReader::buffer_bytes`.
            Some(bytes) if bytes > MAX_WHOLE_BYTES => {
                MAX_WHOLE_BYTES + 2 * self.config.max_record_bytes as u64 + self.consumer.max_output_bytes()
            }
            Some(bytes) => bytes,
            None => MAX_WHOLE_BYTES,
        };
        held + OVERHEAD_BYTES
    }

    /// Reads one log file.
    ///
    /// The AWS SDK retries only the head of an answer, so a body that breaks off is fetched again here. So is a log
    /// file with something unreadable in it: if a second read finds the same, the object is damaged; if not, it was
    /// damaged in transit.
    ///
    /// # Errors
    /// [`AwsError`] if it could not be read to its end; its kind is `NotFound` if there is no such object.
    async fn read(&self, object: &LogFileObject, mut share: MemoryShare<'_>) -> ReadOutcome<R::Output> {
        let mut before: Option<scan::ScanCounts> = None;
        let mut reads = 0;
        let share = &mut share;
        let attempt = async || {
            reads += 1;
            // The AWS SDK has retried it already.
            let (uri, open) = self.open(object).await.map_err(AttemptError::Final)?;
            self.resize(share, open.bytes).await;
            let (output, counts) = self.read_open(&uri, open).await?;
            if counts.problems.is_empty() || before.as_ref() == Some(&counts) {
                return Ok((output, counts));
            }
            before = Some(counts);
            Err(transient(&uri, format!("{reads} reads gave different bytes")).into())
        };
        let policy = RetryPolicy {
            max_attempts: MAX_READS,
            first_pause: PAUSE,
            max_doublings: MAX_READS,
            jitter: false,
            min_time_left: Duration::ZERO,
        };
        // The caller ends the reading when the time for it is over.
        Ok(policy.run(self.runtime, || Duration::MAX, attempt).await?)
    }

    /// Opens the object, by its other key if there is none with the first; with the URI that it was found by.
    async fn open(&self, object: &LogFileObject) -> Result<(String, OpenObject<L::Body>), AwsError> {
        let LogFileObject { bucket, key, decoded_key, version, .. } = object;
        let open = async |key: &str| {
            let open = self.logs.open(bucket, key, version.as_deref()).await?;
            Ok((format!("s3://{bucket}/{key}"), open))
        };
        match (open(key).await, decoded_key) {
            (Err(AwsError { kind: AwsErrorKind::NotFound, .. }), Some(key)) => open(key).await,
            (opened, _) => opened,
        }
    }

    /// Reads an open object to its end.
    async fn read_open(
        &self,
        uri: &str,
        OpenObject { bytes, mut body }: OpenObject<L::Body>,
    ) -> ReadOutcome<R::Output> {
        let consumer = self.consumer;
        let mut length = 0;
        let mut gave_up = false;
        let (output, counts) = if is_large(Some(bytes)) {
            let mut output = consumer.begin(uri);
            let mut reader = LogFileReader::new(consumer.prefilter(), self.config);
            let mut open = reader.open();
            while let Some(piece) = body.next().await? {
                length += piece.len() as u64;
                open.push(&piece, &mut |index, json| consumer.record(&mut output, index, json));
                gave_up = open.gave_up();
                if gave_up {
                    break;
                }
            }
            let counts = open.finish(&mut |index, json| consumer.record(&mut output, index, json));
            (output, counts)
        } else {
            let content = whole(bytes, &mut body).await?;
            length = content.len() as u64;
            // Decompression is not interrupted: many large log files must not hide that time is up.
            if self.runtime.time_left() < self.ends_with {
                return Err(out_of_time(uri));
            }
            // Not before: other log files may have been read while this one arrived.
            let mut output = consumer.begin(uri);
            let counts = self
                .whole
                .borrow_mut()
                .read(&content, &mut |index, json| consumer.record(&mut output, index, json));
            (output, counts)
        };
        if length != bytes && !gave_up {
            return Err(transient(uri, format!("the body ended after {length} of {bytes} bytes")));
        }
        Ok((output, counts))
    }
}

/// A whole body; `bytes` is its expected size. Most arrive in one piece, which is not copied.
async fn whole(bytes: u64, body: &mut impl Body) -> Result<Bytes, AwsError> {
    let first = body.next().await?.unwrap_or_default();
    let Some(second) = body.next().await? else { return Ok(first) };
    let mut content = BytesMut::with_capacity(bytes as usize);
    content.extend_from_slice(&first);
    content.extend_from_slice(&second);
    while let Some(piece) = body.next().await? {
        content.extend_from_slice(&piece);
    }
    Ok(content.freeze())
}

fn is_large(bytes: Option<u64>) -> bool {
    bytes.is_some_and(|bytes| bytes > MAX_WHOLE_BYTES)
}

/// The error for a log file that is left to the next invocation.
pub(super) fn out_of_time(uri: &str) -> AwsError {
    let (call, answer) = (format!("reading {uri}"), "this run has no time or room left".to_owned());
    AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }
}

fn transient(uri: &str, answer: String) -> AwsError {
    AwsError { kind: AwsErrorKind::Transient, call: format!("s3:GetObject {uri}"), answer }
}
