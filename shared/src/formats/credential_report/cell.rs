//! One cell of a report: a value, or one of AWS's words for no value.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

use crate::text;

/// The first AWS service opened in March 2006: an earlier date is invalid.
const FIRST_YEAR: i32 = 2006;

/// The most characters that are shown of an unreadable cell.
const MAX_UNREADABLE_CHARS: usize = 200;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<T> {
    /// A value.
    Value(T),
    /// `N/A`: nothing can have a value, such as no access key.
    NotApplicable,
    /// `no_information`: there may be a value that IAM does not know.
    NoInformation,
    /// `not_supported`: IAM does not report it for this user, which is root.
    NotSupported,
    /// The report has no such column.
    Missing,
    /// Anything else: the text of the cell.
    Unreadable(String),
}

impl<T> Cell<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Cell::Value(value) => Some(value),
            _ => None,
        }
    }

    /// AWS's own words; empty if the column is missing.
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

    /// Parses a field; `None` is [`Cell::Missing`].
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
    /// Whether the value is true. `false` does not mean that it is false.
    pub fn is_yes(&self) -> bool {
        *self == Cell::Value(true)
    }

    /// Whether the value is false.
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

    /// A date with `Z` or `+00:00`; both occur.
    pub(super) fn date(field: Option<&[u8]>) -> Cell<DateTime<Utc>> {
        Cell::of(field, |text| {
            let date = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
            (date.year() >= FIRST_YEAR).then_some(date)
        })
    }
}

impl Cell<String> {
    /// An empty field means that there is no text.
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
