//! One cell of a report: a value, or one of the words with which AWS says that there is none.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

use crate::text;

/// AWS's first service opened in March 2006: what is said to have happened before did not.
const FIRST_YEAR: i32 = 2006;

/// A cell that cannot be read is shown by so much of it.
const MAX_UNREADABLE_CHARS: usize = 200;

/// One cell, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<T> {
    /// A value.
    Value(T),
    /// `N/A`: there is nothing to have a value, such as no access key.
    NotApplicable,
    /// `no_information`: there is something, and IAM knows nothing of it.
    NoInformation,
    /// `not_supported`: IAM does not say it of this user, which is root.
    NotSupported,
    /// The report has no such column.
    Missing,
    /// Something else: what stands there.
    Unreadable(String),
}

impl<T> Cell<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Cell::Value(value) => Some(value),
            _ => None,
        }
    }

    /// AWS's own words; nothing where there is no such column.
    fn write(&self, f: &mut fmt::Formatter<'_>, value: impl Fn(&T) -> String) -> fmt::Result {
        match self {
            Cell::Value(it) => f.write_str(&value(it)),
            Cell::NotApplicable => f.write_str("N/A"),
            Cell::NoInformation => f.write_str("no_information"),
            Cell::NotSupported => f.write_str("not_supported"),
            Cell::Missing => Ok(()),
            Cell::Unreadable(text) => f.write_str(text),
        }
    }

    /// What a field holds; nothing is [`Cell::Missing`].
    fn of(field: Option<&[u8]>, value: impl Fn(&str) -> Option<T>) -> Cell<T> {
        let Some(field) = field else {
            return Cell::Missing;
        };
        let unreadable = |text: &str| Cell::Unreadable(text::cut(text, MAX_UNREADABLE_CHARS));
        let Ok(text) = std::str::from_utf8(field) else {
            return unreadable(&String::from_utf8_lossy(field));
        };
        let text = text.trim();
        // CIS writes `No_Information`.
        if text.eq_ignore_ascii_case("N/A") {
            Cell::NotApplicable
        } else if text.eq_ignore_ascii_case("no_information") {
            Cell::NoInformation
        } else if text.eq_ignore_ascii_case("not_supported") {
            Cell::NotSupported
        } else {
            value(text).map_or_else(|| unreadable(text), Cell::Value)
        }
    }
}

impl Cell<bool> {
    /// Whether it says yes. Everything else is no "no".
    pub fn is_yes(&self) -> bool {
        *self == Cell::Value(true)
    }

    /// Whether it says no.
    pub fn is_no(&self) -> bool {
        *self == Cell::Value(false)
    }

    /// AWS documents `TRUE` and writes `true`.
    pub(super) fn flag(field: Option<&[u8]>) -> Cell<bool> {
        Cell::of(field, |text| match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }
}

impl Cell<DateTime<Utc>> {
    pub(super) fn is_after(&self, latest: DateTime<Utc>) -> bool {
        self.value().is_some_and(|date| *date > latest)
    }

    /// With `Z` or `+00:00`, as both are seen.
    pub(super) fn date(field: Option<&[u8]>) -> Cell<DateTime<Utc>> {
        Cell::of(field, |text| {
            let date = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
            (date.year() >= FIRST_YEAR).then_some(date)
        })
    }
}

impl Cell<String> {
    /// An empty one says that there is nothing to say.
    pub(super) fn text(field: Option<&[u8]>) -> Cell<String> {
        match Cell::of(field, |text| Some(text.to_owned())) {
            Cell::Value(text) if text.is_empty() => Cell::NotApplicable,
            cell => cell,
        }
    }
}

impl fmt::Display for Cell<bool> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, bool::to_string)
    }
}

impl fmt::Display for Cell<DateTime<Utc>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |date| date.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl fmt::Display for Cell<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, String::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_nothing_stay_apart_and_nothing_else_is_one() {
        let cell = |text: &str| Cell::date(Some(text.as_bytes()));
        for text in ["N/A", "n/a", " N/A "] {
            assert_eq!(cell(text), Cell::NotApplicable, "{text}");
        }
        for text in ["no_information", "No_Information", "NO_INFORMATION"] {
            assert_eq!(cell(text), Cell::NoInformation, "{text}");
        }
        for text in ["not_supported", "NOT_SUPPORTED"] {
            assert_eq!(cell(text), Cell::NotSupported, "{text}");
        }
        for text in [
            "",
            "none",
            "null",
            "-",
            "no information",
            "2026-04-01",
            "2026-04-01T08:15:00",
            "2026-04-31T08:15:00Z",
            "1970-01-01T00:00:00Z",
            "2005-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "1775031300",
            "true",
        ] {
            assert_eq!(cell(text), Cell::Unreadable(text.to_owned()), "{text}");
        }
        assert_eq!(Cell::date(None), Cell::Missing);
        for text in ["", "yes", "1", "tru", "2026-04-01T08:15:00Z"] {
            assert_eq!(Cell::flag(Some(text.as_bytes())), Cell::Unreadable(text.to_owned()), "{text}");
        }
        assert_eq!(Cell::flag(Some(b"tr\xfce")), Cell::Unreadable("tr\u{fffd}e".to_owned()));
        let Cell::Unreadable(long) = cell(&"x".repeat(1_000_000)) else { panic!("a date of x") };
        assert!(long.len() <= MAX_UNREADABLE_CHARS, "{long}");
    }
}
