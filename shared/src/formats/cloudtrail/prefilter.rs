//! The prefilter: which records must be parsed, because a rule could match them or a person queries them.
//!
//! The scan reads two keys of a record, `eventName` and `eventSource`, and one value, `"Root"`. It skips a record only
//! if each key occurs exactly once, without escapes and with a plain string as its value; if the prefilter has neither
//! that name nor that source, nor the absent one; and if `"Root"` does not occur. This is exact: names and
//! sources consist of letters, digits, `.` and `-`, which JSON can escape in one way only, such as `\u004e`, and a
//! record with such an escape is always parsed. (A query may have other characters; then every value is
//! read to its end, and one with an escape is parsed.) The same key or value deeper in the record, or in a string, can
//! only cause a record to be parsed.

use crate::glob::Glob;

/// The most bytes from a mark to the end of a value that is looked up. A record with a longer value is parsed.
/// AWS's longest event names have about 60 bytes.
pub(super) const LOOK_AHEAD: usize = 128;

/// The event names and sources of the records to parse.
#[derive(Debug)]
pub struct Prefilter {
    /// Whether every record is parsed.
    everything: bool,
    names: Words,
    sources: Words,
}

impl Prefilter {
    /// Passes records with one of these exact names or sources.
    pub fn of_words<'w>(
        names: impl Iterator<Item = &'w str>,
        sources: impl Iterator<Item = &'w str>,
    ) -> Prefilter {
        let words = |words: &mut dyn Iterator<Item = &'w str>| {
            Words::new(words.map(str::to_owned).collect(), Vec::new())
        };
        Prefilter { everything: false, names: words(&mut { names }), sources: words(&mut { sources }) }
    }

    /// Passes records with one of these names or sources.
    ///
    /// A glob that matches the empty text also matches a record without the key. Because the key may occur deeper in
    /// such a record, every record is parsed then.
    pub fn of(names: &[Glob], sources: &[Glob]) -> Prefilter {
        let everything = names.iter().chain(sources).any(|asked| asked.matches(""));
        Prefilter { everything, names: Words::of(names), sources: Words::of(sources) }
    }

    /// Passes every record.
    pub fn of_everything() -> Prefilter {
        Prefilter { everything: true, names: Words::of(&[]), sources: Words::of(&[]) }
    }

    /// Whether it passes every record.
    pub(super) fn everything(&self) -> bool {
        self.everything
    }
}

/// The meaning of a mark: `N`, `S` or `R` after a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing relevant.
    Nothing,
    /// `"eventName"` with a value that the prefilter does not have.
    Name,
    /// `"eventSource"` with a value that the prefilter does not have.
    Source,
    /// A value that the prefilter has, or one that only a parser can read.
    Worth,
}

impl Prefilter {
    /// Whether most values are rejected by their first eight bytes and no word needs other escapes than those that the
    /// scan detects. The words of the rules must be like this.
    #[cfg(any(test, feature = "cases"))]
    pub fn is_fast(&self) -> bool {
        [&self.names, &self.sources].into_iter().all(|words| {
            let digests = words.digests.iter().filter(|digest| **digest).count();
            let is_plain_word = |word: &String| !word.is_empty() && word.bytes().all(is_plain);
            digests <= words.sorted.len() && words.sorted.iter().all(is_plain_word)
        })
    }

    /// Reads the mark at `position`: up to 6 bytes before it and up to [`LOOK_AHEAD`] bytes from it. It never reads more:
    /// the result must not depend on the size of the window.
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
        // Compared as numbers: arrays of eight bytes would be compared byte by byte.
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

/// Large enough that few values share a digest with a word, and small enough for the first-level cache.
const DIGESTS: usize = 4096;

/// A small set of words with a fast negative lookup.
#[derive(Debug)]
struct Words {
    /// Whether a word begins with eight bytes of this digest.
    digests: [bool; DIGESTS],
    sorted: Vec<String>,
    /// Words with `*`.
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
        // The quote after a word is one of the eight bytes.
        let words = sorted.iter().map(|word| (word.as_str(), format!("{word}\"")));
        let patterns_too =
            patterns.iter().map(|pattern| (pattern.beginning(), pattern.beginning().to_owned()));
        for (word, text) in words.chain(patterns_too) {
            match text.as_bytes().first_chunk::<8>() {
                Some(first) if word.bytes().take(first.len()).all(is_plain) => {
                    digests[digest(*first)] = true;
                }
                // Too short for eight bytes, or with characters whose escapes the scan does not detect: every word is
                // looked up.
                _ => digests.fill(true),
            }
        }
        Words { digests, sorted, patterns }
    }

    /// Looks up the value of a key. `behind` begins with the rest of the key.
    #[inline(always)]
    fn value(&self, behind: &[u8], rest_of_key: &[u8], other: Mark) -> Mark {
        let Some(behind_key) = behind.strip_prefix(rest_of_key) else { return Mark::Nothing };
        // As CloudTrail writes it. Escapes need no check here: a record with one is parsed anyway.
        if let Some(value) = behind_key.strip_prefix(b":\"")
            && let Some(first) = value.first_chunk::<8>()
            && !self.digests[digest(*first)]
        {
            return other;
        }
        self.value_with_any_spacing(&behind_key[..LOOK_AHEAD - 12], other)
    }

    #[inline(never)]
    fn value_with_any_spacing(&self, behind_key: &[u8], other: Mark) -> Mark {
        match string_value(behind_key) {
            Some(word) if !self.contain(word) => other,
            // A word of the prefilter, or a value that is not a plain string.
            Some(_) | None => Mark::Worth,
        }
    }

    fn contain(&self, word: &[u8]) -> bool {
        if self.sorted.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok() {
            return true;
        }
        // A value that is not a text is left to the parser.
        let matches = |word| self.patterns.iter().any(|pattern| pattern.matches(word));
        !self.patterns.is_empty() && std::str::from_utf8(word).map_or(true, matches)
    }
}

/// Whether JSON can escape this character in one way only, which the scan detects.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

/// The plain string after a key. `None` if there is none or it is longer than the look-ahead.
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
    fn a_queried_value_is_never_skipped_however_it_is_spelled() {
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
