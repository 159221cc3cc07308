//! Judging the log files of a delivery: the findings of each, within a limit.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::config::Config;
use crate::finding::Finding;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::scan;
use crate::rules::log_file::Judging;
use crate::severity::Severity;
use crate::use_cases::log_file_reader::RecordConsumer;

/// How many findings are kept of one log file, and of one invocation.
const MAX_FINDINGS: usize = 5_000;
const MAX_FINDINGS_OF_INVOCATION: usize = 20_000;

/// How many findings of a log file are kept once the invocation's limit is reached: the worst, which must not wait.
const MAX_FINDINGS_WHEN_FULL: usize = 100;

/// The memory in bytes of one finding, and of those of one log file while it is read.
const FINDING_BYTES: u64 = 6 << 10;
const FINDINGS_BYTES: u64 = FINDING_BYTES * (MAX_FINDINGS + MAX_FINDINGS / 10) as u64;

/// The result of judging one log file.
pub(super) struct JudgedLogFile {
    pub counts: Counts,
    pub findings: Vec<Finding>,
    /// How many findings of each severity were left out.
    pub left_out: BTreeMap<Severity, u64>,
    /// Whether these are all findings. If not, they are the worst of a log file that has to be read again, and nothing is
    /// counted.
    pub is_whole: bool,
}

/// Judges the log files of one invocation.
pub(super) struct Judges<'a> {
    config: &'a Config,
    /// How many more findings the invocation may keep.
    findings_left: Cell<usize>,
}

/// A log file that is being judged.
pub(super) struct LogFileJudging<'a> {
    judging: Judging<'a>,
    /// The most findings to keep.
    max_findings: usize,
}

impl<'a> Judges<'a> {
    pub fn new(config: &'a Config) -> Judges<'a> {
        Judges { config, findings_left: Cell::new(MAX_FINDINGS_OF_INVOCATION) }
    }

    /// How many findings of the next log file to keep. A log file with more is read again by another invocation, and its
    /// worst findings are published now: no log file costs another one its findings.
    fn max_findings(&self) -> usize {
        if self.findings_left.get() >= MAX_FINDINGS { MAX_FINDINGS } else { MAX_FINDINGS_WHEN_FULL }
    }

    /// The result of a log file that was read to its end.
    pub fn end(
        &self,
        LogFileJudging { mut judging, max_findings }: LogFileJudging<'a>,
        counts: &scan::ScanCounts,
    ) -> JudgedLogFile {
        let worst = if max_findings < MAX_FINDINGS { judging.worst() } else { None };
        let judged = match worst {
            Some(findings) => JudgedLogFile {
                counts: Counts::default(),
                findings,
                left_out: BTreeMap::new(),
                is_whole: false,
            },
            None => {
                let (counts, findings, left_out) = judging.end(counts);
                JudgedLogFile { counts, findings, left_out, is_whole: true }
            }
        };
        self.findings_left.set(self.findings_left.get().saturating_sub(judged.findings.len()));
        judged
    }
}

impl<'a> RecordConsumer for Judges<'a> {
    type Output = LogFileJudging<'a>;

    fn begin(&self, uri: &str) -> LogFileJudging<'a> {
        let max_findings = self.max_findings();
        LogFileJudging { judging: Judging::with_at_most(max_findings, uri, self.config), max_findings }
    }

    fn record(&self, log_file: &mut LogFileJudging<'a>, index: u64, json: &[u8]) -> Result<(), String> {
        log_file.judging.judge(index, json)
    }

    fn max_output_bytes(&self) -> u64 {
        FINDINGS_BYTES
    }
}
