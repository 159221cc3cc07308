//! Prints matching records, each event once, and counts them.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::finding::stable_id;
use shared::formats::cloudtrail::Record;
use shared::text::counted;

use crate::output::note;
use crate::reorder_buffer::OrderedSink;

/// A copy of an event is recognised if fewer events than this lie between the two, and possibly up to twice as many.
/// An event takes 8 bytes, as much again for the hash set, and all of it twice if the list can be resumed.
const MAX_KNOWN_EVENTS: usize = 500_000;

/// How many callers, and how many calls, are counted by name.
const MAX_COUNTED_NAMES: usize = 10_000;

/// How many of them the summary names.
const MAX_NAMED: usize = 5;

/// A record that is ready to be printed.
pub struct RecordLine {
    /// The event's hash; `None` if the record has no id.
    pub event: Option<u64>,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// Who called.
    pub who: String,
    /// What was called.
    pub call: String,
    /// The line in the format of the list.
    pub text: Vec<u8>,
}

/// The hash of the record's account and event id; `None` if it has no id. A corrected copy has an id of its own, and
/// is listed too.
pub fn event_hash(record: &Record<'_>) -> Option<u64> {
    let id = record.event_id.as_deref()?;
    // The same in every build: another build may resume the list.
    let hash = stable_id(&[record.account().unwrap_or_default(), id]);
    u64::from_str_radix(hash.get(..16)?, 16).ok()
}

/// Prints records, and counts them.
pub struct RecordList<W> {
    out: W,
    /// The first error of writing; nothing is written after it.
    error: Option<io::Error>,
    /// Whether to flush after every row.
    is_terminal: bool,
    /// What was listed.
    pub totals: RecordTotals,
}

/// What was listed, and all that is needed to resume a list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTotals {
    /// The events that were listed last.
    #[serde(rename = "known")]
    seen: SeenEvents,
    matched: u64,
    copies: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    callers: NameCounts,
    calls: NameCounts,
    /// Whether a local file could not be read.
    pub could_not_look: bool,
}

impl<W: Write> RecordList<W> {
    /// An empty list.
    pub fn new(out: W, is_terminal: bool) -> RecordList<W> {
        RecordList { out, error: None, is_terminal, totals: RecordTotals::default() }
    }

    /// Writes text. An error is returned by the next [`RecordList::flush`].
    pub fn write(&mut self, text: &[u8]) {
        if self.error.is_none() {
            let written = self.out.write_all(text);
            let flushed = written.and_then(|()| if self.is_terminal { self.out.flush() } else { Ok(()) });
            self.error = flushed.err();
        }
    }

    /// Flushes the rows that were written.
    ///
    /// # Errors
    /// A row could not be written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
        // The error stays: a lost row is never written.
        self.error.as_ref().map_or(Ok(()), |error| Err(anyhow::anyhow!("{error}")))
    }

    /// Writes a summary to stderr.
    pub fn end(mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.totals.note_summary();
        Ok(())
    }
}

impl<W: Write> OrderedSink<RecordLine> for RecordList<W> {
    fn take(&mut self, RecordLine { event, time, who, call, text }: RecordLine) {
        let totals = &mut self.totals;
        if event.is_some_and(|event| !totals.seen.insert(event)) {
            totals.copies += 1;
            return;
        }
        totals.matched += 1;
        totals.first = totals.first.into_iter().chain(time).min();
        totals.last = totals.last.into_iter().chain(time).max();
        totals.callers.add(who);
        totals.calls.add(call);
        self.write(&text);
    }

    fn bytes(line: &RecordLine) -> usize {
        size_of::<RecordLine>() + line.who.len() + line.call.len() + line.text.len()
    }
}

impl RecordTotals {
    fn note_summary(&self) {
        let matched = match self.matched {
            1 => "1 record matches".to_owned(),
            matched => format!("{matched} records match"),
        };
        let when = match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => format!(" at {}", crate::output::time(first)),
            (Some(first), Some(last)) => {
                format!(" from {} to {}", crate::output::time(first), crate::output::time(last))
            }
            _ => String::new(),
        };
        let copies = match self.copies {
            0 => String::new(),
            1 => " 1 copy of one of them was left out.".to_owned(),
            copies => format!(" {copies} copies of them were left out."),
        };
        note(&format!("{matched}{when}.{copies}"));
        if self.matched > 0 {
            note(&format!("By {}.", self.callers.summary("caller")));
            note(&format!("Calls: {}.", self.calls.summary("call")));
        }
    }
}

/// The hashes of the events that were listed last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct SeenEvents {
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl SeenEvents {
    /// Adds an event; answers whether it is new.
    fn insert(&mut self, event: u64) -> bool {
        if self.newer.contains(&event) || self.older.contains(&event) {
            return false;
        }
        if self.newer.len() >= MAX_KNOWN_EVENTS {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(event)
    }
}

/// How often each name occurred.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct NameCounts {
    counts: BTreeMap<String, u64>,
    /// How often names beyond the first [`MAX_COUNTED_NAMES`] occurred.
    others: u64,
}

impl NameCounts {
    fn add(&mut self, name: String) {
        if let Some(count) = self.counts.get_mut(&name) {
            *count += 1;
        } else if self.counts.len() < MAX_COUNTED_NAMES {
            self.counts.insert(name, 1);
        } else {
            self.others += 1;
        }
    }

    /// The most frequent names, and how many others: `alice 3, bob 1, 2 other callers 2`.
    fn summary(&self, noun: &str) -> String {
        let mut counts: Vec<(&String, u64)> =
            self.counts.iter().map(|(name, count)| (name, *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let named = counts.iter().take(MAX_NAMED).map(|(name, count)| format!("{name} {count}"));
        let mut words: Vec<String> = named.collect();
        let rest = counts.get(MAX_NAMED..).unwrap_or_default();
        let others = rest.iter().map(|(_, count)| count).sum::<u64>() + self.others;
        if others > 0 {
            let at_least = if self.others > 0 { "at least " } else { "" };
            let count = rest.len() as u64 + u64::from(self.others > 0);
            words.push(format!(
                "{at_least}{} {others}",
                counted(count, &format!("other {noun}"), &format!("other {noun}s"))
            ));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_recognised_until_many_other_events_have_come() {
        let mut seen = SeenEvents::default();
        let many = MAX_KNOWN_EVENTS as u64;
        assert!(seen.insert(0) && !seen.insert(0));
        assert!((1..many).all(|event| seen.insert(event)));
        assert!(!seen.insert(0), "still within the limit");
        assert!((many..=2 * many).all(|event| seen.insert(event)));
        assert!(seen.insert(0), "it was forgotten");
        assert!(seen.newer.len() + seen.older.len() <= 2 * MAX_KNOWN_EVENTS);
    }

    #[test]
    fn the_most_frequent_are_named_and_the_others_counted() {
        let mut names = NameCounts::default();
        for (name, count) in [("f", 1), ("a", 9), ("b", 2), ("e", 1), ("c", 3), ("d", 1), ("g", 2)] {
            (0..count).for_each(|_| names.add(name.to_owned()));
        }
        assert_eq!(names.summary("caller"), "a 9, c 3, b 2, g 2, d 1, 2 other callers 2");
        (0..MAX_COUNTED_NAMES).for_each(|number| names.add(format!("x{number}")));
        assert_eq!(names.counts.len(), MAX_COUNTED_NAMES);
        assert!(
            names.summary("caller").ends_with("at least 9996 other callers 10002"),
            "{}",
            names.summary("caller")
        );
    }
}
