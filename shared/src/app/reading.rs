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

/// How many findings of a log file are kept, and of a run: each takes some 6 KB.
const MAX_FINDINGS: usize = 5_000;
const MAX_FINDINGS_OF_RUN: usize = 20_000;

/// The first pause between two reads of a log file; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// What one log file came to.
pub(super) struct Read {
    pub counts: Counts,
    pub findings: Vec<Finding>,
    /// How many findings of each severity were left out.
    pub left_out: BTreeMap<Severity, u64>,
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
    /// How many findings the run may still keep.
    findings_left: Cell<usize>,
}

/// The part of the budget that one log file has.
pub(super) struct Share<'c> {
    in_flight_bytes: &'c Cell<u64>,
    bytes: u64,
}

impl Share<'_> {
    fn change_to(&mut self, bytes: u64) {
        self.in_flight_bytes.set(self.in_flight_bytes.get() - self.bytes + bytes);
        self.bytes = bytes;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.change_to(0);
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
            findings_left: Cell::new(MAX_FINDINGS_OF_RUN),
        }
    }

    /// A log file's part of the budget, if there is room for it; where nothing else is read, there is.
    pub fn share(&self, object: &Object) -> Option<Share<'_>> {
        let (in_flight, cost) = (self.in_flight_bytes.get(), self.cost(object.bytes));
        if in_flight > 0 && in_flight.saturating_add(cost) > self.config.max_in_flight_bytes {
            return None;
        }
        let mut share = Share { in_flight_bytes: &self.in_flight_bytes, bytes: 0 };
        share.change_to(cost);
        Some(share)
    }

    /// What memory a log file of that size takes while it is read; one whose size is not known is taken to
    /// be large until it is opened.
    fn cost(&self, bytes: Option<u64>) -> u64 {
        let held = match bytes {
            Some(bytes) if bytes <= MAX_WHOLE_BYTES => bytes,
            // A window, and the largest record twice: see `LogFileReader::buffer_bytes`.
            _ => MAX_WHOLE_BYTES + 2 * self.config.max_record_bytes as u64,
        };
        held + OVERHEAD_BYTES
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
            share.change_to(self.cost(Some(open.bytes)));
            let trouble = match self.read_open(&uri, open).await {
                Ok((read, counts)) if counts.problems.is_empty() || before.as_ref() == Some(&counts) => {
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
        let max_findings = MAX_FINDINGS.min(self.findings_left.get());
        let mut judging = Judging::with_at_most(max_findings, uri, self.config);
        let mut length = 0;
        let mut gave_up = false;
        let counts = if bytes > MAX_WHOLE_BYTES {
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
            self.whole.borrow_mut().read(&content, &mut |index, json| judging.judge(index, json))
        };
        if length != bytes && !gave_up {
            return Err(unanswered(uri, format!("the body ended after {length} of {bytes} bytes")));
        }
        let (of_file, findings, left_out) = judging.end(&counts);
        self.findings_left.set(self.findings_left.get().saturating_sub(findings.len()));
        Ok((Read { counts: of_file, findings, left_out }, counts))
    }
}

/// This run has no time for a log file; the next one has.
pub(super) fn out_of_time(uri: &str) -> Trouble {
    let (call, answer) = (format!("reading {uri}"), "no time is left in this run".to_owned());
    Trouble { kind: TroubleKind::OutOfTime, call, answer }
}

fn unanswered(uri: &str, answer: String) -> Trouble {
    Trouble { kind: TroubleKind::Unanswered, call: format!("s3:GetObject {uri}"), answer }
}
