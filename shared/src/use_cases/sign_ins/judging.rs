//! What a delivery makes of each log file: its findings, as many as there is room for.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::config::Config;
use crate::finding::Finding;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::scan;
use crate::rules::log_file::Judging;
use crate::severity::Severity;
use crate::use_cases::log_file_reader::Reader;

/// How many findings of a log file are kept, and of a run.
const MAX_FINDINGS: usize = 5_000;
const MAX_FINDINGS_OF_RUN: usize = 20_000;

/// How many findings of a log file are kept once a run is full: the worst, which must not wait.
const MAX_FINDINGS_WHEN_FULL: usize = 100;

/// What a finding takes, and those of a log file that is still being read.
const FINDING_BYTES: u64 = 6 << 10;
const FINDINGS_BYTES: u64 = FINDING_BYTES * (MAX_FINDINGS + MAX_FINDINGS / 10) as u64;

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

/// Judges the log files of one run.
pub(super) struct Judges<'a> {
    config: &'a Config,
    /// How many findings the run may still keep.
    findings_left: Cell<usize>,
}

/// A log file that is being judged, and how many findings of it there is room for.
pub(super) struct Judged<'a> {
    judging: Judging<'a>,
    room: usize,
}

impl<'a> Judges<'a> {
    pub fn new(config: &'a Config) -> Judges<'a> {
        Judges { config, findings_left: Cell::new(MAX_FINDINGS_OF_RUN) }
    }

    /// How many findings of one more log file fit into this run. What does not is left to the next, so that no
    /// noise of one file costs a finding of another; but the worst of each file are told now.
    fn room_for_findings(&self) -> usize {
        if self.findings_left.get() >= MAX_FINDINGS { MAX_FINDINGS } else { MAX_FINDINGS_WHEN_FULL }
    }

    /// What a log file came to that was read to its end.
    pub fn end(&self, Judged { mut judging, room }: Judged<'a>, counts: &scan::Counts) -> Read {
        let worst = if room < MAX_FINDINGS { judging.worst() } else { None };
        let read = match worst {
            Some(findings) => {
                Read { counts: Counts::default(), findings, left_out: BTreeMap::new(), is_whole: false }
            }
            None => {
                let (counts, findings, left_out) = judging.end(counts);
                Read { counts, findings, left_out, is_whole: true }
            }
        };
        self.findings_left.set(self.findings_left.get().saturating_sub(read.findings.len()));
        read
    }
}

impl<'a> Reader for Judges<'a> {
    type Made = Judged<'a>;

    fn begin(&self, uri: &str) -> Judged<'a> {
        let room = self.room_for_findings();
        Judged { judging: Judging::with_at_most(room, uri, self.config), room }
    }

    fn record(&self, made: &mut Judged<'a>, index: u64, json: &[u8]) -> Result<(), String> {
        made.judging.judge(index, json)
    }

    fn most_bytes(&self) -> u64 {
        FINDINGS_BYTES
    }
}
