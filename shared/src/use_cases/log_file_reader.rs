//! Reading one delivered log file, until it has been read or cannot be.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::config::Config;
use crate::formats::cloudtrail::log_file::LogFileReader;
use crate::formats::cloudtrail::prefilter::Prefilter;
use crate::formats::cloudtrail::scan;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::retry::{AttemptError, RetryPolicy};
use crate::ports::{AwsError, AwsErrorKind, Body, LogStore, OpenObject, Runtime};
use crate::rules::registry;

/// Log files up to this size are fetched whole and judged at once; larger ones are judged as they come.
const MAX_WHOLE_BYTES: u64 = 1 << 20;

/// What a read costs besides the body: the connection and what the HTTP client buffers of it.
const OVERHEAD_BYTES: u64 = 128 << 10;

/// How often a log file is opened before it is left to the queue.
const MAX_READS: u32 = 4;

/// How often a log file that turned out to be large asks whether there is room for it.
const ROOM_PAUSE: Duration = Duration::from_millis(10);

/// The first pause between two reads of a log file; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// What is made of each log file. One may be begun more than once, for it is read again where its body breaks off
/// or something in it is unreadable: what counts is what the last read made.
pub trait Reader {
    /// What is made of one log file.
    type Made;

    /// Begins a log file: its `s3://bucket/key`.
    fn begin(&self, uri: &str) -> Self::Made;

    /// Takes one record: its place in `Records` and its JSON.
    ///
    /// # Errors
    /// A phrase that says why it cannot be read.
    fn record(&self, made: &mut Self::Made, index: u64, json: &[u8]) -> Result<(), String>;

    /// Which records are asked for: the others are skipped.
    fn prefilter(&self) -> &'static Prefilter {
        registry::prefilter()
    }

    /// How much memory what is made of a large log file may take while it is read.
    fn most_bytes(&self) -> u64 {
        0
    }
}

/// Reads log files, several at a time, within a budget of memory.
pub(super) struct Reading<'a, R, L, P> {
    reader: &'a R,
    config: &'a Config,
    logs: &'a L,
    runtime: &'a P,
    /// Reading ends when so much of the run's time is left.
    ends_with: Duration,
    /// For log files that are fetched whole: judged between two waits, so one is enough.
    whole: RefCell<LogFileReader>,
    in_flight_bytes: Cell<u64>,
    /// How many large log files are being read.
    large: Cell<u32>,
}

/// The part of the budget that one log file has.
pub(super) struct Share<'c> {
    in_flight_bytes: &'c Cell<u64>,
    large: &'c Cell<u32>,
    bytes: u64,
    is_large: bool,
}

impl Share<'_> {
    fn change_to(&mut self, bytes: u64, is_large: bool) {
        self.in_flight_bytes.set(self.in_flight_bytes.get() - self.bytes + bytes);
        self.large.set(self.large.get() - u32::from(self.is_large) + u32::from(is_large));
        (self.bytes, self.is_large) = (bytes, is_large);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.change_to(0, false);
    }
}

impl<'a, R: Reader, L: LogStore, P: Runtime> Reading<'a, R, L, P> {
    /// Reading ends when `ends_with` is left of the run's time.
    pub fn new(reader: &'a R, config: &'a Config, logs: &'a L, runtime: &'a P, ends_with: Duration) -> Self {
        Reading {
            reader,
            config,
            logs,
            runtime,
            ends_with,
            whole: RefCell::new(LogFileReader::new(reader.prefilter(), config)),
            in_flight_bytes: Cell::new(0),
            large: Cell::new(0),
        }
    }

    /// A log file's part of the budget, if there is room for it; where nothing else is read, there is.
    pub fn share(&self, object: &LogFileObject) -> Option<Share<'_>> {
        let (in_flight, cost) = (self.in_flight_bytes.get(), self.cost(object.bytes));
        if in_flight > 0 && in_flight.saturating_add(cost) > self.config.max_in_flight_bytes {
            return None;
        }
        let (in_flight_bytes, large) = (&self.in_flight_bytes, &self.large);
        let mut share = Share { in_flight_bytes, large, bytes: 0, is_large: false };
        share.change_to(cost, is_large(object.bytes));
        Some(share)
    }

    /// Gives a log file that was opened what it really needs. One that is larger than was known waits for
    /// room, unless it is the only large one: somebody must go on.
    async fn resize(&self, share: &mut Share<'_>, bytes: u64) {
        let (cost, is_large) = (self.cost(Some(bytes)), is_large(Some(bytes)));
        if is_large && !share.is_large {
            let others = || self.in_flight_bytes.get() - share.bytes;
            while self.large.get() > 0 && others() + cost > self.config.max_in_flight_bytes {
                self.runtime.sleep(ROOM_PAUSE).await;
            }
        }
        share.change_to(cost, is_large);
    }

    /// What memory a log file of that size takes while it is read; one whose size is not known is taken to
    /// be small until it is opened. What a small one comes to is known at once.
    fn cost(&self, bytes: Option<u64>) -> u64 {
        let held = match bytes {
            // A window, and the largest record twice: see `LogFileReader::buffer_bytes`.
            Some(bytes) if bytes > MAX_WHOLE_BYTES => {
                MAX_WHOLE_BYTES + 2 * self.config.max_record_bytes as u64 + self.reader.most_bytes()
            }
            Some(bytes) => bytes,
            None => MAX_WHOLE_BYTES,
        };
        held + OVERHEAD_BYTES
    }

    /// Reads a log file: what was made of it, and what was found in it.
    ///
    /// Nothing but the head of an answer is tried again by the AWS SDK, so a body that breaks off is
    /// fetched again here. So is a log file in which something is unreadable: what a second read finds
    /// again stands in the object, what it does not was done to it on its way.
    ///
    /// # Errors
    /// [`AwsError`] when it could not be read to its end; of the kind Missing when it is not there.
    pub async fn read(
        &self,
        object: &LogFileObject,
        mut share: Share<'_>,
    ) -> Result<(R::Made, scan::Counts), AwsError> {
        let mut before: Option<scan::Counts> = None;
        let mut reads = 0;
        let share = &mut share;
        let attempt = async || {
            reads += 1;
            // The AWS SDK has retried it already.
            let (uri, open) = self.open(object).await.map_err(AttemptError::Final)?;
            self.resize(share, open.bytes).await;
            let (made, counts) = self.read_open(&uri, open).await?;
            if counts.problems.is_empty() || before.as_ref() == Some(&counts) {
                return Ok((made, counts));
            }
            before = Some(counts);
            Err(unanswered(&uri, format!("{reads} reads gave different bytes")).into())
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

    /// Opens the object, by its other key where there is none of the first; with the URI that it was found by.
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

    /// Reads an object that was opened, to its end.
    async fn read_open(
        &self,
        uri: &str,
        OpenObject { bytes, mut body }: OpenObject<L::Body>,
    ) -> Result<(R::Made, scan::Counts), AwsError> {
        let reader = self.reader;
        let mut length = 0;
        let mut gave_up = false;
        let (made, counts) = if is_large(Some(bytes)) {
            let mut made = reader.begin(uri);
            let mut unpacking = LogFileReader::new(reader.prefilter(), self.config);
            let mut open = unpacking.open();
            while let Some(piece) = body.next().await? {
                length += piece.len() as u64;
                open.push(&piece, &mut |index, json| reader.record(&mut made, index, json));
                gave_up = open.gave_up();
                if gave_up {
                    break;
                }
            }
            let counts = open.finish(&mut |index, json| reader.record(&mut made, index, json));
            (made, counts)
        } else {
            let content = whole(bytes, &mut body).await?;
            length = content.len() as u64;
            // Unpacking is not interrupted: many that unpack to much must not hide that time is up.
            if self.runtime.time_left() < self.ends_with {
                return Err(out_of_time(uri));
            }
            // Not before: others may have been read while it came.
            let mut made = reader.begin(uri);
            let counts = self
                .whole
                .borrow_mut()
                .read(&content, &mut |index, json| reader.record(&mut made, index, json));
            (made, counts)
        };
        if length != bytes && !gave_up {
            return Err(unanswered(uri, format!("the body ended after {length} of {bytes} bytes")));
        }
        Ok((made, counts))
    }
}

/// A body of so many bytes, as far as it comes. Most come in one piece, which is taken as it is.
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

/// This run has no time or room for a log file; the next one has.
pub(super) fn out_of_time(uri: &str) -> AwsError {
    let (call, answer) = (format!("reading {uri}"), "this run has no time or room left".to_owned());
    AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }
}

fn unanswered(uri: &str, answer: String) -> AwsError {
    AwsError { kind: AwsErrorKind::Transient, call: format!("s3:GetObject {uri}"), answer }
}
