//! The state of one pass over a log file, and what it counts.

use std::fmt;

use crate::formats::cloudtrail::prefilter::Prefilter;

/// How many bytes of one file may be looked at again after a fault, in largest records. A stray quote
/// hides the record's end and costs one of them; a file with more faults than that is hardly a log file.
const MAX_RECORDS_AGAIN: u64 = 64;

/// How many bytes before the next block are kept, so that a key which crosses it can be read.
pub(super) const LOOK_BACK: usize = 16;

/// How many problems of one file are kept in words; all are counted.
pub(super) const MAX_PROBLEMS: usize = 8;

/// Something in a log file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The record's place in `Records`, where it is one record.
    pub record: Option<u64>,
    /// What is wrong: a phrase that follows "the record" or "the log file".
    pub reason: String,
}

/// What one pass found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanCounts {
    /// The elements of `Records`, readable or not.
    pub records: u64,
    /// How many of them could not be judged.
    pub unreadable: u64,
    /// How many of them no query asks for: they were not judged.
    pub skipped: u64,
    /// The first few things that could not be read, of records and of the file as a whole.
    pub problems: Vec<Problem>,
    /// Whether there was a `Records` array at all.
    pub has_records: bool,
}

/// The position and state of the pass; it outlives the window that it looks at.
#[derive(Debug)]
pub(in crate::formats::cloudtrail) struct Scan {
    pub(super) prefilter: &'static Prefilter,
    pub(super) max_record_bytes: usize,
    /// How many bytes may still be looked at again.
    pub(super) again_bytes: u64,
    pub(super) counts: ScanCounts,
    /// Where the next block begins.
    pub(super) position: usize,
    /// Where the record, or the gap between records, begins that the pass is in.
    pub(super) start: usize,
    /// All ones inside a string, else zero.
    pub(super) in_string: u64,
    /// Whether the next byte is escaped.
    pub(super) escaped: bool,
    /// The unescaped quotes of the last block.
    pub(super) quotes: u64,
    /// How many brackets are open: 1 in the document, 2 in `Records`, 3 and more in a record.
    pub(super) depth: u32,
    /// Whether the open bracket of depth 2 is that of `Records`.
    pub(super) in_records: bool,
    /// Whether `Records` stood in this document already.
    pub(super) had_records: bool,
    /// How many documents have started.
    pub(super) documents: u32,
    /// Whether the record, or the gap, has outgrown what is kept of one.
    pub(super) too_large: bool,
    /// Whether a record's end could not be found, so that its next sibling is looked for.
    pub(super) lost: bool,
    pub(super) record: RecordSigns,
}

/// What has been seen of the record that the pass is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordSigns {
    pub(super) worth: bool,
    pub(super) beyond_ascii: bool,
    pub(super) names: u32,
    pub(super) sources: u32,
}

impl Scan {
    pub(in crate::formats::cloudtrail) fn new(
        prefilter: &'static Prefilter,
        max_record_bytes: usize,
    ) -> Scan {
        Scan {
            prefilter,
            max_record_bytes,
            again_bytes: MAX_RECORDS_AGAIN.saturating_mul(max_record_bytes as u64),
            counts: ScanCounts::default(),
            position: 0,
            start: 0,
            in_string: 0,
            escaped: false,
            quotes: 0,
            depth: 0,
            in_records: false,
            had_records: false,
            documents: 0,
            too_large: false,
            lost: false,
            record: RecordSigns::default(),
        }
    }

    pub(super) fn began(&mut self, start: usize) {
        self.start = start;
        self.too_large = false;
    }

    pub(super) fn unreadable(&mut self, index: u64, reason: fmt::Arguments<'_>) {
        self.counts.unreadable += 1;
        self.note(Some(index), reason);
    }

    /// Keeps a problem in words; only those that are kept are put into words.
    pub(super) fn note(&mut self, record: Option<u64>, reason: fmt::Arguments<'_>) {
        if self.counts.problems.len() < MAX_PROBLEMS {
            self.counts.problems.push(Problem { record, reason: reason.to_string() });
        }
    }
}
