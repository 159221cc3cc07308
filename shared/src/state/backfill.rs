//! A backfill: which past log files somebody asks for, how they are divided, and what is kept of each part.
//!
//! What a backfill keeps stands under `backfills/` in the state bucket:
//!
//! | object | what it holds |
//! |---|---|
//! | `backfills/RUN/run.json` | how far it is, and who is working on it |
//! | `backfills/RUN/GENERATION/plan.json` | the [`Plan`], written once |
//! | `backfills/RUN/GENERATION/items.json` | what Step Functions hands to each invocation, where there are many |
//! | `backfills/RUN/GENERATION/parts/N.json.gz` | what item N came to: a [`Part`], written once |
//! | `backfills/RUN/GENERATION/digest.json` | when the digest was begun, and what must not be forgotten where it dies |
//! | `backfills/RUN/GENERATION/findings.jsonl.gz` | the findings, one OCSF Detection Finding a line |
//! | `backfills/RUN/GENERATION/report.html` | the same as a page |

mod estimate;
pub(crate) mod part;
mod run;

pub use crate::formats::events::backfill::RunId;
pub use estimate::Estimate;
pub use run::{Lost, Outcome, Ownership, ReadSoFar, RunState, Stage, Started};

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::finding::stable_id;
use crate::formats::cloudtrail::key;
use crate::formats::events::backfill::Wanted;
use crate::severity::Severity;

/// All log files of one account and Region that were delivered on a day, or on some days of a month that follow each
/// other; or the part of a day's between two keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// What their keys begin with, up to and with the `/` behind the day, or behind the month where it is of several.
    pub prefix: String,
    /// Where it is of several days, the first and the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<(u32, u32)>,
    /// Only keys behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Only keys up to this one, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many there were when the plan was made.
    pub objects: u64,
    /// How many bytes these have, as they are stored.
    pub bytes: u64,
}

impl Stretch {
    /// One log file.
    pub fn of_one(key: &str, bytes: u64) -> Stretch {
        let (prefix, until) = (key.to_owned(), Some(key.to_owned()));
        Stretch { prefix, until, objects: 1, bytes, ..Stretch::default() }
    }

    /// The folder of its month, and the first and the last of its days; nothing where its prefix is of no day.
    pub(crate) fn of_days(&self) -> Option<(&str, (u32, u32))> {
        if let Some(days) = self.days {
            return Some((&self.prefix, days));
        }
        let (month, day) = self.prefix.strip_suffix('/')?.rsplit_once('/')?;
        let day = day.parse().ok()?;
        Some((self.prefix.get(..=month.len())?, (day, day)))
    }

    /// The first and the last of its days; nothing where its prefix is of no day.
    fn dates(&self) -> Option<(NaiveDate, NaiveDate)> {
        let Some((month, (first, last))) = self.of_days() else {
            return key::day(&self.prefix).map(|day| (day, day));
        };
        let date = |day: u32| key::day(&format!("{month}{day:02}/"));
        Some((date(first)?, date(last)?))
    }

    /// The key behind which it begins, where that is not its prefix.
    pub fn begins_behind(&self) -> Option<Cow<'_, str>> {
        match (&self.after, self.days) {
            (Some(after), _) => Some(after.into()),
            (None, Some((first, _))) => Some(format!("{}{first:02}/", self.prefix).into()),
            (None, None) => None,
        }
    }

    /// Whether a key stands behind all of it.
    pub fn ends_before(&self, key: &str) -> bool {
        let is_behind_day = |(_, last): (u32, u32)| {
            // `0` follows `/`.
            key.strip_prefix(&self.prefix).is_none_or(|key| *key >= *format!("{last:02}0"))
        };
        self.until.as_ref().is_some_and(|until| key > &**until) || self.days.is_some_and(is_behind_day)
    }

    /// Whether a key that was listed between its ends is one of a day's: in a month's folder others may stand.
    pub fn holds(&self, key: &str) -> bool {
        let day = key.strip_prefix(&self.prefix).and_then(|key| key.split_once('/')).map(|(day, _)| day);
        self.days.is_none()
            || day.is_some_and(|day| day.len() == 2 && day.bytes().all(|it| it.is_ascii_digit()))
    }

    /// How much work it is to read it: a log file counts for one, and so do 64 KiB.
    pub fn weight(&self) -> u64 {
        weight(self.objects, self.bytes)
    }
}

pub(crate) fn weight(objects: u64, bytes: u64) -> u64 {
    objects.saturating_add(bytes >> 16)
}

/// What one invocation reads in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// In the order of their keys.
    pub stretches: Vec<Stretch>,
}

impl Item {
    /// How many log files there were.
    pub fn objects(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.objects).sum()
    }

    /// What no other item has: a part of another plan has the same number, and is about other log files.
    pub fn fingerprint(&self) -> String {
        let fields =
            self.stretches.iter().flat_map(|Stretch { prefix, days, after, until, objects, bytes }| {
                let (first, last) = days.unwrap_or_default();
                let numbers = [first.into(), last.into(), *objects, *bytes];
                let keys = [Some(prefix), after.as_ref(), until.as_ref()];
                let keys = keys.map(|key| key.cloned().unwrap_or_default());
                keys.into_iter().chain(numbers.map(|number| number.to_string()))
            });
        let fields: Vec<String> = fields.collect();
        stable_id(&fields.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// A whole backfill, divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// See [`crate::state::format::FORMAT`].
    pub format: u32,
    /// The bucket of the log files.
    pub bucket: String,
    /// What is meant.
    pub wanted: Wanted,
    /// The parts.
    pub items: Vec<Item>,
}

impl Plan {
    /// How many log files there were.
    pub fn objects(&self) -> u64 {
        self.stretches().map(|stretch| stretch.objects).sum()
    }

    /// How many bytes these have, as they are stored.
    pub fn bytes(&self) -> u64 {
        self.stretches().map(|stretch| stretch.bytes).sum()
    }

    /// Whether there is a log file of the days that are meant, and not only of those around them.
    pub fn has_wanted_days(&self) -> bool {
        let Wanted { from, to, .. } = self.wanted;
        let is_wanted = |(first, last): (NaiveDate, NaiveDate)| first <= to && from <= last;
        self.stretches().any(|stretch| stretch.dates().is_some_and(is_wanted))
    }

    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.items.iter().flat_map(|item| &item.stretches)
    }
}

/// What one item came to.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// See [`crate::state::format::FORMAT`].
    pub format: u32,
    /// What was read.
    pub counts: crate::formats::cloudtrail::counts::Counts,
    /// How many bytes of log files were read, as they are stored.
    pub bytes: u64,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// Sign-ins, and the records that raised a finding: what the digest judges, and rules over time will.
    pub records: Vec<KeptRecord>,
    /// How many records of that kind there was no room for, by the severity that they raised; those that
    /// raised nothing, and what anyone can cause, are left out first.
    pub left_out: BTreeMap<Severity, u64>,
    /// How many sign-ins that raised nothing there was no room for.
    pub left_out_sign_ins: u64,
    /// Log files in which something could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Log files that could not be had.
    pub unread: Vec<Unread>,
    /// How many log files the plan counted that are listed no more: nobody knows which.
    #[serde(default)]
    pub vanished: u64,
    /// The [`Item::fingerprint`] of what was read.
    #[serde(default)]
    pub item: String,
}

/// A record as it stands in its log file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRecord {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// Its place in `Records`, from 0.
    pub record: u64,
    /// Its JSON.
    pub json: Box<RawValue>,
}

/// A log file in which something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// How many of its records; none where it is the file as a whole.
    pub records: u64,
    /// What is wrong first.
    pub reason: String,
}

/// A log file that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// Whether there is no such object any more.
    pub is_gone: bool,
    /// What AWS said.
    pub answer: String,
}
