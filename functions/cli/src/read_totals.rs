//! What was read and what could not be, the same for local files and S3.

use std::fmt::Display;

use shared::finding::Finding;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::scan::Problem;
use shared::state::backfill::KeptRecord;
use shared::text::counted;

/// What was read, and what could not be.
#[derive(Default)]
pub struct LogFileTotals {
    /// How many log files and records.
    pub counts: Counts,
    /// One sentence for each file that could not be read, or not as a whole. They were written to stderr.
    pub failures: Vec<String>,
}

impl LogFileTotals {
    /// Whether everything was read.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// Adds what was read elsewhere.
    pub fn add(&mut self, other: LogFileTotals) {
        self.counts += other.counts;
        self.failures.extend(other.failures);
    }
}

/// What `sign-in` and `sign-ins` need of the log files in S3.
#[derive(Default)]
pub struct S3Records {
    /// Records that raise a finding or are sign-ins.
    pub records: Vec<KeptRecord>,
    /// The findings that these records raise, and one for each log file that is unreadable in part.
    pub findings: Vec<Finding>,
    /// What was read.
    pub totals: LogFileTotals,
}

/// The sentence about a file, folder or S3 location that could not be read at all.
pub fn not_read(name: impl Display, reason: impl Display) -> String {
    format!("could not look at {name}: {reason}")
}

/// The sentence about a file of which a part is unreadable.
pub fn not_read_whole(name: impl Display, problem: &Problem) -> String {
    let subject = problem.record.map_or_else(|| "it".to_owned(), |record| format!("record {record}"));
    format!("could not read {name} whole: {subject} {}", problem.reason)
}

/// One line about what was read; `files` names it: `3 log files`.
pub fn summary(files: &str, counts: Counts) -> String {
    let Counts { records, judged, skipped, unreadable, unreadable_log_files, .. } = counts;
    // The prefilter skips records that no rule matches: that is a judgement too.
    let judged = judged + skipped;
    let mut summary = format!(
        "Read {files}: {}, {judged} judged, {unreadable} unreadable.",
        counted(records, "record", "records")
    );
    if unreadable_log_files > 0 {
        summary +=
            &format!(" {} could not be read whole.", counted(unreadable_log_files, "log file", "log files"));
    }
    summary
}
