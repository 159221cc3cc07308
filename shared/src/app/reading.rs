//! Reading one delivered log file, until it has been read or cannot be.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Counts, Judging};
use crate::cloudtrail::log_file::LogFileReader;
use crate::cloudtrail::scan;
use crate::config::Config;
use crate::delivery::Object;
use crate::finding::Finding;
use crate::ports::{Body, LogStore, OpenObject, Pace, Trouble, TroubleKind};
use crate::rule::Severity;

/// Log files up to this size are fetched whole and judged at once; larger ones are judged as they come.
const MAX_WHOLE_BYTES: u64 = 1 << 20;

/// What a read costs besides the body: the connection and what the HTTP client buffers of it.
const OVERHEAD_BYTES: u64 = 128 << 10;

/// How often a log file is opened before it is left to the queue.
const MAX_READS: u32 = 4;

/// How many findings of a log file are kept, and of a run.
const MAX_FINDINGS: usize = 5_000;
const MAX_FINDINGS_OF_RUN: usize = 20_000;

/// How many findings of a log file are kept once a run is full: the worst, which must not wait.
const MAX_FINDINGS_WHEN_FULL: usize = 100;

/// What a finding takes, and those of a log file that is still being read.
const FINDING_BYTES: u64 = 6 << 10;
const FINDINGS_BYTES: u64 = FINDING_BYTES * (MAX_FINDINGS + MAX_FINDINGS / 10) as u64;

/// How often a log file that turned out to be large asks whether there is room for it.
const ROOM_PAUSE: Duration = Duration::from_millis(10);

/// The first pause between two reads of a log file; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// What one log file came to.
pub(super) struct Read {
    pub counts: Counts,
    pub findings: Vec<Finding>,
    /// How many findings of each severity were left out.
    pub left_out: BTreeMap<Severity, u64>,
    /// Whether that is all. Else these are the worst findings of a log file that has to be read again, and
    /// nothing is counted.
    pub is_whole: bool,
}

/// Reads log files, several at a time, within a budget of memory.
pub(super) struct Reading<'a, L, P> {
    config: &'a Config,
    logs: &'a L,
    pace: &'a P,
    /// Reading ends when so much of the run's time is left.
    ends_with: Duration,
    /// For log files that are fetched whole: judged between two waits, so one is enough.
    whole: RefCell<LogFileReader>,
    in_flight_bytes: Cell<u64>,
    /// How many large log files are being read.
    large: Cell<u32>,
    /// How many findings the run may still keep.
    findings_left: Cell<usize>,
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

impl<'a, L: LogStore, P: Pace> Reading<'a, L, P> {
    /// Reading ends when `ends_with` is left of the run's time.
    pub fn new(config: &'a Config, logs: &'a L, pace: &'a P, ends_with: Duration) -> Self {
        Reading {
            config,
            logs,
            pace,
            ends_with,
            whole: RefCell::new(LogFileReader::new(config)),
            in_flight_bytes: Cell::new(0),
            large: Cell::new(0),
            findings_left: Cell::new(MAX_FINDINGS_OF_RUN),
        }
    }

    /// A log file's part of the budget, if there is room for it; where nothing else is read, there is.
    pub fn share(&self, object: &Object) -> Option<Share<'_>> {
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
                self.pace.sleep(ROOM_PAUSE).await;
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
                MAX_WHOLE_BYTES + 2 * self.config.max_record_bytes as u64 + FINDINGS_BYTES
            }
            Some(bytes) => bytes,
            None => MAX_WHOLE_BYTES,
        };
        held + OVERHEAD_BYTES
    }

    /// How many findings of one more log file fit into this run. What does not is left to the next, so that no
    /// noise of one file costs a finding of another; but the worst of each file are told now.
    fn room_for_findings(&self) -> usize {
        if self.findings_left.get() >= MAX_FINDINGS { MAX_FINDINGS } else { MAX_FINDINGS_WHEN_FULL }
    }

    /// Reads and judges a log file.
    ///
    /// Nothing but the head of an answer is tried again by the AWS SDK, so a body that breaks off is
    /// fetched again here. So is a log file in which something is unreadable: what a second read finds
    /// again stands in the object, what it does not was done to it on its way.
    ///
    /// # Errors
    /// [`Trouble`] when it could not be read to its end; of the kind Missing when it is not there.
    pub async fn read(&self, object: &Object, mut share: Share<'_>) -> Result<Read, Trouble> {
        let mut before: Option<scan::Counts> = None;
        let mut pause = PAUSE;
        let mut reads = 0;
        loop {
            reads += 1;
            let (uri, open) = self.open(object).await?;
            self.resize(&mut share, open.bytes).await;
            let trouble = match self.read_open(&uri, open).await {
                Ok((read, counts)) if counts.problems.is_empty() || before.as_ref() == Some(&counts) => {
                    self.findings_left.set(self.findings_left.get().saturating_sub(read.findings.len()));
                    return Ok(read);
                }
                Ok((_, counts)) => {
                    before = Some(counts);
                    unanswered(&uri, format!("{reads} reads gave different bytes"))
                }
                Err(trouble) => trouble,
            };
            if reads == MAX_READS || trouble.kind != TroubleKind::Unanswered {
                return Err(trouble);
            }
            self.pace.sleep(pause).await;
            pause *= 2;
        }
    }

    /// Opens the object, by its other key where there is none of the first; with the URI that it was found by.
    async fn open(&self, object: &Object) -> Result<(String, OpenObject<L::Body>), Trouble> {
        let Object { bucket, key, decoded_key, version, .. } = object;
        let open = async |key: &str| {
            let open = self.logs.open(bucket, key, version.as_deref()).await?;
            Ok((format!("s3://{bucket}/{key}"), open))
        };
        match (open(key).await, decoded_key) {
            (Err(Trouble { kind: TroubleKind::Missing, .. }), Some(key)) => open(key).await,
            (opened, _) => opened,
        }
    }

    /// Reads an object that was opened, to its end.
    async fn read_open(
        &self,
        uri: &str,
        OpenObject { bytes, mut body }: OpenObject<L::Body>,
    ) -> Result<(Read, scan::Counts), Trouble> {
        let mut room = self.room_for_findings();
        let mut judging = Judging::with_at_most(room, uri, self.config);
        let mut length = 0;
        let mut gave_up = false;
        let counts = if is_large(Some(bytes)) {
            let mut reader = LogFileReader::new(self.config);
            let mut open = reader.open();
            while let Some(piece) = body.next().await? {
                length += piece.len() as u64;
                open.push(&piece, &mut |index, json| judging.judge(index, json));
                gave_up = open.gave_up();
                if gave_up {
                    break;
                }
            }
            open.finish(&mut |index, json| judging.judge(index, json))
        } else {
            let mut content = Vec::with_capacity(bytes as usize);
            while let Some(piece) = body.next().await? {
                content.extend_from_slice(&piece);
            }
            length = content.len() as u64;
            // Unpacking is not interrupted: many that unpack to much must not hide that time is up.
            if self.pace.time_left() < self.ends_with {
                return Err(out_of_time(uri));
            }
            // Others may have been judged while it came.
            room = self.room_for_findings();
            judging = Judging::with_at_most(room, uri, self.config);
            self.whole.borrow_mut().read(&content, &mut |index, json| judging.judge(index, json))
        };
        if length != bytes && !gave_up {
            return Err(unanswered(uri, format!("the body ended after {length} of {bytes} bytes")));
        }
        if room < MAX_FINDINGS
            && let Some(findings) = judging.worst()
        {
            let (of_file, left_out) = (Counts::default(), BTreeMap::new());
            return Ok((Read { counts: of_file, findings, left_out, is_whole: false }, counts));
        }
        let (of_file, findings, left_out) = judging.end(&counts);
        Ok((Read { counts: of_file, findings, left_out, is_whole: true }, counts))
    }
}

fn is_large(bytes: Option<u64>) -> bool {
    bytes.is_some_and(|bytes| bytes > MAX_WHOLE_BYTES)
}

/// This run has no time or room for a log file; the next one has.
pub(super) fn out_of_time(uri: &str) -> Trouble {
    let (call, answer) = (format!("reading {uri}"), "this run has no time or room left".to_owned());
    Trouble { kind: TroubleKind::OutOfTime, call, answer }
}

fn unanswered(uri: &str, answer: String) -> Trouble {
    Trouble { kind: TroubleKind::Unanswered, call: format!("s3:GetObject {uri}"), answer }
}
