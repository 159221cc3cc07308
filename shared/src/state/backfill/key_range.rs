//! A range of keys in a bucket of log files.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::formats::cloudtrail::key;

/// The log files of one account and Region that were delivered on one day, on consecutive days of one month, or on one
/// day between two keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRange {
    /// The prefix of its keys, with the `/` after the day, or after the month if `days` is set.
    pub prefix: String,
    /// The first and the last day, if it covers several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<(u32, u32)>,
    /// Only keys after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Only keys up to and including this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many log files it had when the plan was made.
    pub objects: u64,
    /// Their size in bytes, compressed.
    pub bytes: u64,
}

impl KeyRange {
    /// A range of one log file.
    pub fn of_one(key: &str, bytes: u64) -> KeyRange {
        let (prefix, until) = (key.to_owned(), Some(key.to_owned()));
        KeyRange { prefix, until, objects: 1, bytes, ..KeyRange::default() }
    }

    /// The folder of its month, and its first and last day; `None` if its prefix names no day.
    pub(crate) fn of_days(&self) -> Option<(&str, (u32, u32))> {
        if let Some(days) = self.days {
            return Some((&self.prefix, days));
        }
        let (month, day) = self.prefix.strip_suffix('/')?.rsplit_once('/')?;
        let day = day.parse().ok()?;
        Some((self.prefix.get(..=month.len())?, (day, day)))
    }

    /// Its first and last date; `None` if its prefix names no day.
    pub(super) fn dates(&self) -> Option<(NaiveDate, NaiveDate)> {
        let Some((month, (first, last))) = self.of_days() else {
            return key::day(&self.prefix).map(|day| (day, day));
        };
        let date = |day: u32| key::day(&format!("{month}{day:02}/"));
        Some((date(first)?, date(last)?))
    }

    /// The key to list after, if the listing does not begin at the prefix.
    pub fn begins_behind(&self) -> Option<Cow<'_, str>> {
        match (&self.after, self.days) {
            (Some(after), _) => Some(after.into()),
            (None, Some((first, _))) => Some(format!("{}{first:02}/", self.prefix).into()),
            (None, None) => None,
        }
    }

    /// Whether the key sorts after the whole range.
    pub fn ends_before(&self, key: &str) -> bool {
        let is_behind_day = |(_, last): (u32, u32)| {
            // `0` follows `/`.
            key.strip_prefix(&self.prefix).is_none_or(|key| *key >= *format!("{last:02}0"))
        };
        self.until.as_ref().is_some_and(|until| key > &**until) || self.days.is_some_and(is_behind_day)
    }

    /// Whether a key that was listed between the ends of the range belongs to a day: a month's folder may hold other
    /// keys.
    pub fn holds(&self, key: &str) -> bool {
        let day = key.strip_prefix(&self.prefix).and_then(|key| key.split_once('/')).map(|(day, _)| day);
        self.days.is_none()
            || day.is_some_and(|day| day.len() == 2 && day.bytes().all(|it| it.is_ascii_digit()))
    }

    /// The work of reading it: see `weight`.
    pub fn weight(&self) -> u64 {
        weight(self.objects, self.bytes)
    }
}

/// The work of reading log files: 1 for each log file, and 1 for each 64 KiB.
pub(crate) fn weight(objects: u64, bytes: u64) -> u64 {
    objects.saturating_add(bytes >> 16)
}
