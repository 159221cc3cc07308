//! Which records are worth parsing: those that some rule could match.
//!
//! The scan looks at two keys of a record, `eventName` and `eventSource`, and at one value, `"Root"`. It may
//! leave a record unparsed only if each of the two keys stands in it exactly once, spelled without escapes
//! and with a plain string as its value; if no rule asks for that name or source; and if `"Root"` stands
//! nowhere in it. That is exact: JSON can spell a letter of a key or value in one other way only,
//! as `\u0040` to `\u007f`, and a record with such an escape is always parsed. A key or value deeper in the
//! record, or inside a string, can at most make it worth parsing.

use std::sync::LazyLock;

use crate::detections::{self, On};

/// How far from a mark a value may end and still be looked up; a record with a longer one is parsed.
/// AWS's longest event names have about 60 bytes.
pub(super) const LOOK_AHEAD: usize = 128;

/// What the rules ask for.
#[derive(Debug)]
pub struct Needles {
    names: Words,
    sources: Words,
}

impl Needles {
    /// What every rule of the table asks for.
    pub fn of_all_rules() -> &'static Needles {
        static NEEDLES: LazyLock<Needles> = LazyLock::new(|| {
            let on = || detections::table().flat_map(|detection| detection.on);
            Needles {
                names: Words::new(on().flat_map(|on| match on {
                    On::Names(names) => *names,
                    On::Source(_) | On::Root => &[],
                })),
                sources: Words::new(on().filter_map(|on| match on {
                    On::Source(source) => Some(source),
                    On::Names(_) | On::Root => None,
                })),
            }
        });
        &NEEDLES
    }
}

/// What stands at a mark: `N`, `S` or `R` behind a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing that matters.
    Nothing,
    /// `"eventName"` with a value that no rule asks for.
    Name,
    /// `"eventSource"` with a value that no rule asks for.
    Source,
    /// Something that a rule asks for, or that only a parser can tell.
    Worth,
}

impl Needles {
    /// Looks at the mark at `position`, at up to 6 bytes before it and up to [`LOOK_AHEAD`] from it: never at
    /// more, so that the size of the window changes nothing.
    #[inline]
    pub(super) fn mark(&self, bytes: &[u8], position: usize) -> Mark {
        let before = |count: usize| position.checked_sub(count).and_then(|start| bytes.get(start..));
        match bytes[position] {
            b'R' if before(1).is_some_and(|rest| rest.starts_with(b"\"Root\"")) => Mark::Worth,
            b'N' if before(6).is_some_and(|rest| rest.starts_with(b"\"eventName\"")) => {
                if self.names.may_hold(string_value(&bytes[position + 5..position + LOOK_AHEAD])) {
                    Mark::Worth
                } else {
                    Mark::Name
                }
            }
            b'S' if before(6).is_some_and(|rest| rest.starts_with(b"\"eventSource\"")) => {
                if self.sources.may_hold(string_value(&bytes[position + 7..position + LOOK_AHEAD])) {
                    Mark::Worth
                } else {
                    Mark::Source
                }
            }
            _ => Mark::Nothing,
        }
    }
}

/// The plain string behind a key, where there is one and all of it is at hand.
#[inline]
fn string_value(behind_key: &[u8]) -> Option<&[u8]> {
    let white =
        |bytes: &[u8]| bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    let rest = &behind_key[white(behind_key)..];
    let rest = rest.strip_prefix(b":")?;
    let rest = rest[white(rest)..].strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (rest[end] == b'"').then(|| &rest[..end])
}

/// A small set of words that answers "not in it" at once.
#[derive(Debug)]
struct Words {
    /// Whether any word has that digest.
    digests: [bool; 256],
    sorted: Vec<&'static str>,
}

impl Words {
    fn new<'w>(words: impl IntoIterator<Item = &'w &'static str>) -> Words {
        let mut sorted: Vec<&'static str> = words.into_iter().copied().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut digests = [false; 256];
        for word in &sorted {
            digests[digest(word.as_bytes())] = true;
        }
        Words { digests, sorted }
    }

    /// No plain string at hand may be anything.
    #[inline]
    fn may_hold(&self, word: Option<&[u8]>) -> bool {
        let Some(word) = word else { return true };
        self.digests[digest(word)] && self.sorted.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
    }
}

#[inline]
fn digest(word: &[u8]) -> usize {
    let last = word.last().copied().unwrap_or_default();
    let first = word.first().copied().unwrap_or_default();
    let middle = word.get(word.len() / 2).copied().unwrap_or_default();
    let sum = word.len().wrapping_mul(37) ^ usize::from(first).wrapping_mul(11);
    (sum ^ usize::from(middle).wrapping_mul(5) ^ usize::from(last).wrapping_mul(3)) & 0xff
}
