//! The list of calls: each event once, and what all of them come to.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::finding::stable_id;
use shared::formats::cloudtrail::Record;

use crate::in_order::Sink;
use crate::output::{counted, note};

/// An event that comes again is known as long as fewer than so many others, and at most twice as many, lie between:
/// 8 bytes each, as many again for looking them up, and all of it twice where it can be gone on with.
const MAX_KNOWN_EVENTS: usize = 500_000;

/// So many callers, and so many calls, are told apart when they are counted.
const MAX_TOLD_APART: usize = 10_000;

/// So many of them are named.
const MAX_NAMED: usize = 5;

/// A row that is ready to be printed.
pub struct Line {
    /// Tells the event from others; nothing where the record has no id.
    pub event: Option<u64>,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// Who called.
    pub who: String,
    /// What was called.
    pub call: String,
    /// What is printed.
    pub text: Vec<u8>,
}

/// What tells a record's event from others. A corrected copy is another one: it says more than the first did.
pub fn event(record: &Record<'_>) -> Option<u64> {
    let id = record.event_id.as_deref()?;
    // The same in every build: lists are gone on with.
    let hash = stable_id(&[record.account().unwrap_or_default(), id]);
    u64::from_str_radix(hash.get(..16)?, 16).ok()
}

/// Prints rows, and keeps count.
pub struct List<W> {
    out: W,
    /// What kept rows from being printed.
    error: Option<io::Error>,
    /// Whether every row is to be seen at once.
    is_live: bool,
    pub so_far: SoFar,
}

/// What a list came to so far: whoever goes on with it needs nothing else of what was read before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoFar {
    known: Known,
    matched: u64,
    copies: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    callers: Tally,
    calls: Tally,
    /// Whether a file of this machine could not be looked at.
    pub could_not_look: bool,
}

impl<W: Write> List<W> {
    /// An empty list; `is_live` where a person looks on.
    pub fn new(out: W, is_live: bool) -> List<W> {
        List { out, error: None, is_live, so_far: SoFar::default() }
    }

    /// Writes text above the rows.
    pub fn head(&mut self, text: &[u8]) {
        self.write(text);
    }

    fn write(&mut self, text: &[u8]) {
        if self.error.is_none() {
            let written = self.out.write_all(text);
            let flushed = written.and_then(|()| if self.is_live { self.out.flush() } else { Ok(()) });
            self.error = flushed.err();
        }
    }

    /// Brings every row to where rows go.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
        // It stays: a row that is lost once is lost for good.
        self.error.as_ref().map_or(Ok(()), |error| Err(anyhow::anyhow!("{error}")))
    }

    /// Says what it came to.
    pub fn end(mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.so_far.say();
        Ok(())
    }
}

impl<W: Write> Sink<Line> for List<W> {
    fn take(&mut self, Line { event, time, who, call, text }: Line) {
        let so_far = &mut self.so_far;
        if event.is_some_and(|event| !so_far.known.insert(event)) {
            so_far.copies += 1;
            return;
        }
        so_far.matched += 1;
        so_far.first = so_far.first.into_iter().chain(time).min();
        so_far.last = so_far.last.into_iter().chain(time).max();
        so_far.callers.add(who);
        so_far.calls.add(call);
        self.write(&text);
    }

    fn bytes(line: &Line) -> usize {
        size_of::<Line>() + line.who.len() + line.call.len() + line.text.len()
    }
}

impl SoFar {
    fn say(&self) {
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
            note(&format!("By {}.", self.callers.in_words("caller")));
            note(&format!("Calls: {}.", self.calls.in_words("call")));
        }
    }
}

/// The events that were printed last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known {
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl Known {
    /// Whether an event is new.
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

/// How often something came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    counts: BTreeMap<String, u64>,
    /// Of how many nobody knows any more what they were.
    others: u64,
}

impl Tally {
    fn add(&mut self, name: String) {
        if let Some(count) = self.counts.get_mut(&name) {
            *count += 1;
        } else if self.counts.len() < MAX_TOLD_APART {
            self.counts.insert(name, 1);
        } else {
            self.others += 1;
        }
    }

    /// The most frequent ones, and how many there are besides: `alice 3, bob 1`.
    fn in_words(&self, noun: &str) -> String {
        let mut counts: Vec<(&String, u64)> =
            self.counts.iter().map(|(name, count)| (name, *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let named = counts.iter().take(MAX_NAMED).map(|(name, count)| format!("{name} {count}"));
        let mut words: Vec<String> = named.collect();
        let rest = counts.get(MAX_NAMED..).unwrap_or_default();
        let besides = rest.iter().map(|(_, count)| count).sum::<u64>() + self.others;
        if besides > 0 {
            let at_least = if self.others > 0 { "at least " } else { "" };
            let count = rest.len() as u64 + u64::from(self.others > 0);
            words.push(format!("{at_least}{} {besides}", counted(count, &format!("other {noun}"))));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_until_many_others_have_come() {
        let mut known = Known::default();
        let many = MAX_KNOWN_EVENTS as u64;
        assert!(known.insert(0) && !known.insert(0));
        assert!((1..many).all(|event| known.insert(event)));
        assert!(!known.insert(0), "as many as are kept");
        assert!((many..=2 * many).all(|event| known.insert(event)));
        assert!(known.insert(0), "it was forgotten");
        assert!(known.newer.len() + known.older.len() <= 2 * MAX_KNOWN_EVENTS);
    }

    #[test]
    fn the_most_frequent_are_named_and_the_others_counted() {
        let mut tally = Tally::default();
        for (name, count) in [("f", 1), ("a", 9), ("b", 2), ("e", 1), ("c", 3), ("d", 1), ("g", 2)] {
            (0..count).for_each(|_| tally.add(name.to_owned()));
        }
        assert_eq!(tally.in_words("caller"), "a 9, c 3, b 2, g 2, d 1, 2 other callers 2");
        (0..MAX_TOLD_APART).for_each(|number| tally.add(format!("x{number}")));
        assert_eq!(tally.counts.len(), MAX_TOLD_APART);
        assert!(
            tally.in_words("caller").ends_with("at least 9996 other callers 10002"),
            "{}",
            tally.in_words("caller")
        );
    }
}
