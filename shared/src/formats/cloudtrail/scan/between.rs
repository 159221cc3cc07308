//! The text outside of records: before, between and after them. It is short, and is parsed completely.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::state::Scan;

impl Scan {
    pub(super) fn between_documents(&mut self, gap: &[u8]) {
        if !gap.trim_ascii().is_empty() {
            let place = if self.documents == 0 {
                "is no JSON"
            } else {
                "has more behind the end of its JSON document"
            };
            self.note(None, format_args!("{place} ({} bytes)", gap.len()));
        }
    }

    /// The text before a record: a comma after the previous one, and nothing before the first.
    /// Whether it is JSON.
    #[inline]
    pub(super) fn between_records(&mut self, gap: &[u8]) -> bool {
        // `{"Records":[` and `,` are what CloudTrail writes.
        if gap == b"," && self.counts.records > 0 {
            return true;
        }
        let gap = gap.trim_ascii();
        let first = self.counts.records == 0;
        match (first, gap) {
            (true, b"") | (false, b",") => true,
            (_, gap) => self.elements(gap.strip_suffix(b",").unwrap_or(gap), !gap.ends_with(b",")),
        }
    }

    pub(super) fn last_of_records(&mut self, gap: &[u8]) -> bool {
        let gap = gap.trim_ascii();
        gap.is_empty() || self.elements(gap, false)
    }

    /// Elements of `Records` that are no objects and no arrays: each is a record that cannot be read.
    pub(super) fn elements(&mut self, gap: &[u8], comma_missing: bool) -> bool {
        let gap = gap.trim_ascii();
        let gap = gap.strip_prefix(b",").unwrap_or(gap);
        let list = [b"[", gap, b"]"].concat();
        match serde_json::from_slice::<Vec<&RawValue>>(&list) {
            Ok(elements) if !comma_missing && !elements.is_empty() => {
                for element in elements {
                    let index = self.counts.records;
                    self.counts.records += 1;
                    self.unreadable(index, format_args!("is no object but {}", What(element.get())));
                }
                true
            }
            _ => {
                self.note(None, format_args!("is no JSON between its records ({} bytes)", gap.len()));
                false
            }
        }
    }

    /// The members of the document between two of its brackets; the name of the one that is being opened.
    pub(super) fn members(&mut self, gap: &[u8], opening: bool) -> Option<String> {
        let trimmed = gap.trim_ascii();
        let trimmed = trimmed.strip_prefix(b",").unwrap_or(trimmed);
        let end: &[u8] = if opening { b"0}" } else { b"}" };
        let object = [b"{", trimmed, end].concat();
        match serde_json::from_slice::<MemberNames>(&object) {
            Ok(MemberNames(mut names)) => {
                let last = if opening { names.pop() } else { None };
                if names.iter().any(|name| name == "Records") {
                    self.note(None, format_args!("has Records that are no array"));
                }
                last
            }
            Err(_) => {
                self.note(None, format_args!("is no JSON outside its records ({} bytes)", gap.len()));
                None
            }
        }
    }
}

/// The kind of a JSON value. Its content is not repeated: it may be a secret.
struct What<'j>(&'j str);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_bytes().first() {
            Some(b'"') => write!(f, "a string of {} bytes", self.0.len().saturating_sub(2)),
            Some(b'n') => f.write_str("null"),
            Some(b't' | b'f') => f.write_str("a boolean"),
            _ => f.write_str("a number"),
        }
    }
}

/// The names of an object's members, in their order.
struct MemberNames(Vec<String>);

impl<'de> Deserialize<'de> for MemberNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = MemberNames;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MemberNames, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(MemberNames(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
