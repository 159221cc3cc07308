//! Which records are worth parsing: those that some rule could match, or that a person asks for.
//!
//! The scan looks at two keys of a record, `eventName` and `eventSource`, and at one value, `"Root"`. It may
//! leave a record unparsed only if each of the two keys stands in it exactly once, spelled without escapes
//! and with a plain string as its value; if nobody asks for that name or source, or for none at all; and if
//! `"Root"` stands nowhere in it. That is exact: names and sources are made of letters, digits, `.` and `-`, JSON can spell
//! those in one other way only, such as `\u004e`, and a record with such an escape is always parsed. (What a
//! person asks for may be made of other characters; then every value is looked at up to its end, and one
//! with an escape is parsed.) A key or value deeper in the record, or inside a string, can at most make it
//! worth parsing.

use crate::glob::Glob;

/// How far from a mark a value may end and still be looked up; a record with a longer one is parsed.
/// AWS's longest event names have about 60 bytes.
pub(super) const LOOK_AHEAD: usize = 128;

/// What the rules, or a person, ask for.
#[derive(Debug)]
pub struct Prefilter {
    /// Whether every record is asked for.
    everything: bool,
    names: Words,
    sources: Words,
}

impl Prefilter {
    /// Every record with exactly one of these names, or of exactly one of these sources.
    pub fn of_words<'w>(
        names: impl Iterator<Item = &'w str>,
        sources: impl Iterator<Item = &'w str>,
    ) -> Prefilter {
        let words = |words: &mut dyn Iterator<Item = &'w str>| {
            Words::new(words.map(str::to_owned).collect(), Vec::new())
        };
        Prefilter { everything: false, names: words(&mut { names }), sources: words(&mut { sources }) }
    }

    /// Every record with one of these names, or of one of these sources.
    ///
    /// One that stands for no text at all is that of a record without that key, too, in which the key may stand
    /// deeper: then nothing can be left unparsed.
    pub fn of(names: &[Glob], sources: &[Glob]) -> Prefilter {
        let everything = names.iter().chain(sources).any(|asked| asked.matches(""));
        Prefilter { everything, names: Words::of(names), sources: Words::of(sources) }
    }

    /// Every record.
    pub fn of_everything() -> Prefilter {
        Prefilter { everything: true, names: Words::of(&[]), sources: Words::of(&[]) }
    }

    /// Whether every record is asked for, whatever it holds.
    pub(super) fn everything(&self) -> bool {
        self.everything
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

impl Prefilter {
    /// Whether most values can be passed over by their first eight bytes, and no word needs more than that
    /// its escapes are looked for: what the words of the rules must be like.
    #[cfg(any(test, feature = "cases"))]
    pub fn is_fast(&self) -> bool {
        [&self.names, &self.sources].into_iter().all(|words| {
            let digests = words.digests.iter().filter(|digest| **digest).count();
            let is_plain_word = |word: &String| !word.is_empty() && word.bytes().all(is_plain);
            digests <= words.sorted.len() && words.sorted.iter().all(is_plain_word)
        })
    }

    /// Looks at the mark at `position`, at up to 6 bytes before it and up to [`LOOK_AHEAD`] from it: never at
    /// more, so that the size of the window changes nothing.
    #[inline(always)]
    pub(super) fn mark(&self, bytes: &[u8], position: usize) -> Mark {
        if bytes[position] == b'R' {
            let root = position > 0 && bytes[position - 1..].starts_with(b"\"Root\"");
            return if root { Mark::Worth } else { Mark::Nothing };
        }
        let Some((key, behind)) =
            position.checked_sub(6).and_then(|start| bytes[start..].split_first_chunk::<8>())
        else {
            return Mark::Nothing;
        };
        // As numbers, because eight bytes are compared one by one otherwise.
        let key = u64::from_le_bytes(*key);
        if key == u64::from_le_bytes(*b"\"eventNa") {
            self.names.value(behind, b"me\"", Mark::Name)
        } else if key == u64::from_le_bytes(*b"\"eventSo") {
            self.sources.value(behind, b"urce\"", Mark::Source)
        } else {
            Mark::Nothing
        }
    }
}

/// So many that hardly any value of a record shares a digest with a word; they stay in the nearest cache.
const DIGESTS: usize = 4096;

/// A small set of words that answers "not in it" at once.
#[derive(Debug)]
struct Words {
    /// Whether any word begins with eight bytes of that digest.
    digests: [bool; DIGESTS],
    sorted: Vec<String>,
    /// Words with a `*` in them.
    patterns: Vec<Glob>,
}

impl Words {
    fn of(asked: &[Glob]) -> Words {
        let (words, patterns): (Vec<Glob>, Vec<Glob>) = asked.iter().cloned().partition(Glob::is_exact);
        Words::new(words.iter().map(|word| word.beginning().to_owned()).collect(), patterns)
    }

    fn new(mut sorted: Vec<String>, patterns: Vec<Glob>) -> Words {
        sorted.sort_unstable();
        sorted.dedup();
        let mut digests = [false; DIGESTS];
        // The quote behind a word is part of what stands there.
        let words = sorted.iter().map(|word| (word.as_str(), format!("{word}\"")));
        let patterns_too =
            patterns.iter().map(|pattern| (pattern.beginning(), pattern.beginning().to_owned()));
        for (word, stands_there) in words.chain(patterns_too) {
            match stands_there.as_bytes().first_chunk::<8>() {
                Some(first) if word.bytes().take(first.len()).all(is_plain) => {
                    digests[digest(*first)] = true;
                }
                // Too short to be told by eight bytes, or of characters that may stand there in a disguise which
                // goes unseen: then every word is looked up.
                _ => digests.fill(true),
            }
        }
        Words { digests, sorted, patterns }
    }

    /// Looks at the value of a key: `behind` begins with the rest of the key.
    #[inline(always)]
    fn value(&self, behind: &[u8], rest_of_key: &[u8], other: Mark) -> Mark {
        let Some(behind_key) = behind.strip_prefix(rest_of_key) else { return Mark::Nothing };
        // As CloudTrail writes it. A character in disguise is no matter here: a record with one is parsed anyway.
        if let Some(value) = behind_key.strip_prefix(b":\"")
            && let Some(first) = value.first_chunk::<8>()
            && !self.digests[digest(*first)]
        {
            return other;
        }
        self.value_as_anybody_writes_it(&behind_key[..LOOK_AHEAD - 12], other)
    }

    #[inline(never)]
    fn value_as_anybody_writes_it(&self, behind_key: &[u8], other: Mark) -> Mark {
        match string_value(behind_key) {
            Some(word) if !self.contain(word) => other,
            // A word that is asked for, or no plain string at hand, which may be anything.
            Some(_) | None => Mark::Worth,
        }
    }

    fn contain(&self, word: &[u8]) -> bool {
        if self.sorted.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok() {
            return true;
        }
        // What is no text is for the parser to say.
        let matches = |word| self.patterns.iter().any(|pattern| pattern.matches(word));
        !self.patterns.is_empty() && std::str::from_utf8(word).map_or(true, matches)
    }
}

/// Whether JSON can spell that character in one other way only, which the scan looks for.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

/// The plain string behind a key, where there is one and all of it is at hand.
fn string_value(behind_key: &[u8]) -> Option<&[u8]> {
    let rest = behind_key.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (rest[end] == b'"').then(|| &rest[..end])
}

#[inline(always)]
fn digest(first: [u8; 8]) -> usize {
    // Fibonacci hashing: the top bits of a product with 2^64 divided by the golden ratio.
    (u64::from_le_bytes(first).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - DIGESTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_asked_for_is_never_passed_over_however_it_is_spelled() {
        let worth = |asked: &str, value: &str| {
            let prefilter = Prefilter::of(&[Glob::of(asked)], &[]);
            let mut bytes = format!(r#""eventName":{value}"#).into_bytes();
            bytes.resize(bytes.len() + LOOK_AHEAD, b' ');
            prefilter.mark(&bytes, 6) == Mark::Worth
        };
        for (asked, value, expected) in [
            ("CreateUser", r#""CreateUser""#, true),
            ("CreateUser", r#" "CreateUser""#, true),
            ("CreateUser", r#""CreateUsers""#, false),
            ("CreateUser", "null", true),
            ("Create*", r#""CreateUser""#, true),
            ("Create*", r#""DeleteUser""#, false),
            ("*User", r#""CreateUser""#, true),
            ("*User", r#""CreateRole""#, false),
            ("CreateAccess*", r#""CreateUser""#, false),
            ("CreateAccess*", r#""CreateAccessKey""#, true),
            ("*", r#""""#, true),
            ("", r#""""#, true),
            ("", r#""CreateUser""#, false),
            ("Ask/Once", r#""Ask\/Once""#, true),
            ("Ask/Once again", r#""Ask\u002fOnce again""#, true),
            ("Ask/Once again", r#""Tell once again""#, false),
            ("Überall und *", r#""\u00dcberall und nirgends""#, true),
            ("Überall und *", r#""Überall und nirgends""#, true),
            ("Überall und *", r#""Nirgends und überall""#, false),
        ] {
            assert_eq!(worth(asked, value), expected, "{asked} {value}");
        }
    }
}
