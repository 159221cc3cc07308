//! How far the sweeps have come.
//!
//! A sweep looks at what was put into the bucket in one stretch of time. The stretch is written down before it begins
//! and left once its end is told, so that each is swept to its end, whoever goes on with it, and told once.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::object::StateObject;

/// Where it stands.
pub(super) const KEY: &str = "sweep.json";

/// What was delivered less than that ago may still be on its way.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(1);

/// What nights have failed to look at is made up for as far back as that: receipts are kept for longer.
const MAX_BACK: TimeDelta = TimeDelta::days(7);

/// How far the sweeps of a bucket have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    format: u32,
    bucket: String,
    /// What was put there before has been swept, or was there before the first sweep; nothing where none was yet.
    since: Option<DateTime<Utc>>,
    /// Up to then a sweep looks that has not ended yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

/// From when to when something was put into the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// What a sweep has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is the first of the bucket: nothing is known of what was read before.
    First,
    /// It looks at this, and what came before can be looked at no more.
    Span(Span, Option<Span>),
    /// Nothing: all that had arrived was swept.
    Nothing,
}

impl StateObject for Progress {
    fn read(content: &[u8], _: &Progress) -> Result<Progress, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Progress {
    /// That of a bucket of which nothing is known.
    pub fn new(bucket: &str) -> Progress {
        Progress { format: FORMAT, bucket: bucket.to_owned(), since: None, until: None }
    }

    /// Whether it cannot be what a sweep has written, for it speaks of a time that is still to come.
    pub fn is_ahead(&self, now: DateTime<Utc>) -> bool {
        self.since.max(self.until) > Some(now)
    }

    /// Begins a sweep that was asked for then, or goes on with one that did not end. Where it was lost how far they
    /// have come, as much as possible is swept again.
    pub fn begin(&mut self, bucket: &str, asked: DateTime<Utc>, now: DateTime<Utc>, was_lost: bool) -> Begun {
        let earliest = now - MAX_BACK;
        if was_lost || self.is_ahead(now) {
            *self = Progress { since: Some(earliest), ..Progress::new(bucket) };
        }
        let asked = asked.min(now);
        let Some(since) = self.since.filter(|_| self.bucket == bucket) else {
            *self = Progress { since: Some(asked), ..Progress::new(bucket) };
            return Begun::First;
        };
        let arrived = asked - ON_ITS_WAY;
        let skipped = (since < earliest).then_some(Span { since, until: earliest });
        let since = since.max(earliest);
        let until = self.until.unwrap_or(arrived);
        let until = if until > since { until } else { arrived };
        if until <= since {
            return Begun::Nothing;
        }
        (self.since, self.until) = (Some(since), Some(until));
        Begun::Span(Span { since, until }, skipped)
    }

    /// Notes that this was swept, and told.
    pub fn end(&mut self, bucket: &str, span: Span) {
        if self.bucket == bucket && self.since == Some(span.since) {
            (self.since, self.until) = (Some(span.until), None);
        }
    }
}

impl Span {
    /// Whether that is in it; what nobody knows may be.
    pub fn holds(&self, time: Option<DateTime<Utc>>) -> bool {
        time.is_none_or(|time| (self.since..self.until).contains(&time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn span(since: &str, until: &str) -> Span {
        Span { since: at(since), until: at(until) }
    }

    #[test]
    fn every_moment_is_swept_once_by_whichever_night() {
        let mut progress = Progress::new("logs");
        let mut night = |asked: &str, is_whole: bool| {
            let begun = progress.begin("logs", at(asked), at(asked), false);
            if let (Begun::Span(span, _), true) = (&begun, is_whole) {
                progress.end("logs", *span);
            }
            begun
        };
        assert_eq!(night("2026-04-01T03:00:00Z", true), Begun::First);
        assert_eq!(night("2026-04-01T03:30:00Z", true), Begun::Nothing, "somebody asks for one more");
        let first = Begun::Span(span("2026-04-01T03:00:00Z", "2026-04-02T02:00:00Z"), None);
        assert_eq!(night("2026-04-02T03:00:00Z", false), first);
        assert_eq!(night("2026-04-02T03:20:00Z", false), first);
        // The next night goes on with it, and then with its own.
        assert_eq!(night("2026-04-03T03:00:00Z", true), first);
        let next = Begun::Span(span("2026-04-02T02:00:00Z", "2026-04-03T02:00:00Z"), None);
        assert_eq!(night("2026-04-03T03:00:00Z", true), next);
        assert_eq!(night("2026-04-03T03:00:00Z", true), Begun::Nothing, "the message came twice");
        // Nobody swept for ten days.
        let last = Begun::Span(
            span("2026-04-06T03:00:00Z", "2026-04-13T02:00:00Z"),
            Some(span("2026-04-03T02:00:00Z", "2026-04-06T03:00:00Z")),
        );
        assert_eq!(night("2026-04-13T03:00:00Z", true), last);
    }

    #[test]
    fn what_was_begun_too_long_ago_is_left() {
        let mut progress = Progress::new("logs");
        let asked = at("2026-04-20T03:00:00Z");
        progress.since = Some(at("2026-04-01T03:00:00Z"));
        progress.until = Some(at("2026-04-02T02:00:00Z"));
        assert_eq!(
            progress.begin("logs", asked, asked, false),
            Begun::Span(
                span("2026-04-13T03:00:00Z", "2026-04-20T02:00:00Z"),
                Some(span("2026-04-01T03:00:00Z", "2026-04-13T03:00:00Z"))
            )
        );
    }

    #[test]
    fn another_bucket_begins_anew_and_what_was_lost_is_swept_again() {
        let now = at("2026-04-10T03:00:00Z");
        let week = Begun::Span(span("2026-04-03T03:00:00Z", "2026-04-10T02:00:00Z"), None);
        let known = Progress { since: Some(at("2026-04-09T02:00:00Z")), ..Progress::new("logs") };
        let ahead = Progress { since: Some(at("2099-01-01T00:00:00Z")), ..Progress::new("logs") };
        let endless = Progress { until: Some(at("2099-01-01T00:00:00Z")), ..known.clone() };
        for (name, mut progress, bucket, was_lost, expected) in [
            ("another bucket", known.clone(), "others", false, Begun::First),
            ("lost", Progress::new("logs"), "logs", true, week.clone()),
            ("ahead of time", ahead, "logs", false, week.clone()),
            ("without end", endless, "logs", false, week),
        ] {
            assert_eq!(progress.begin(bucket, now, now, was_lost), expected, "{name}");
            let read = Progress::read(&progress.content().unwrap(), &Progress::new(bucket));
            assert_eq!(read, Ok(progress), "{name}");
        }
        let mut other = Progress { since: Some(now), ..Progress::new("others") };
        let before = other.clone();
        other.end("logs", Span { since: now, until: now });
        assert_eq!(other, before);
    }
}
