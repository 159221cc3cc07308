//! The checkpoint of the comparisons of a bucket.
//!
//! A comparison is of the objects that were put into the bucket in one span of time. The span is noted before it starts,
//! and cleared once its result is published: each span is compared completely, and reported once.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::object::StateObject;

/// The key of the checkpoint.
pub(super) const KEY: &str = "sweep.json";

/// Log files that were delivered this recently may still be read on delivery.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(1);

/// The longest time that a comparison goes back: receipts are kept for longer.
const MAX_BACK: TimeDelta = TimeDelta::days(7);

/// How far the comparisons of a bucket have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComparisonCheckpoint {
    format: u32,
    bucket: String,
    /// Objects before this time were compared, or were there before the first comparison; `None` before the first.
    since: Option<DateTime<Utc>>,
    /// The end of the span that is being compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

/// A span of time in which objects were put into the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// The span to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextSpan {
    /// None, because it is the first comparison of the bucket: there are no earlier receipts.
    First,
    /// The first span; the second one is too old to be compared.
    Compare(Span, Option<Span>),
    /// None: everything was compared.
    None,
}

impl StateObject for ComparisonCheckpoint {
    fn read(content: &[u8], _: &ComparisonCheckpoint) -> Result<ComparisonCheckpoint, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl ComparisonCheckpoint {
    /// The checkpoint of a bucket that was not compared yet.
    pub fn new(bucket: &str) -> ComparisonCheckpoint {
        ComparisonCheckpoint { format: FORMAT, bucket: bucket.to_owned(), since: None, until: None }
    }

    /// Whether it has a time in the future, and is therefore wrong.
    pub fn is_ahead(&self, now: DateTime<Utc>) -> bool {
        self.since.max(self.until) > Some(now)
    }

    /// Starts the comparison that was requested at `requested_at`, or continues an unfinished one. If the checkpoint was lost, as
    /// much as possible is compared again.
    pub fn start(
        &mut self,
        bucket: &str,
        requested_at: DateTime<Utc>,
        now: DateTime<Utc>,
        was_lost: bool,
    ) -> NextSpan {
        let earliest = now - MAX_BACK;
        if was_lost || self.is_ahead(now) {
            *self = ComparisonCheckpoint { since: Some(earliest), ..ComparisonCheckpoint::new(bucket) };
        }
        let requested_at = requested_at.min(now);
        let Some(since) = self.since.filter(|_| self.bucket == bucket) else {
            *self = ComparisonCheckpoint { since: Some(requested_at), ..ComparisonCheckpoint::new(bucket) };
            return NextSpan::First;
        };
        let arrived = requested_at - ON_ITS_WAY;
        let skipped = (since < earliest).then_some(Span { since, until: earliest });
        let since = since.max(earliest);
        let until = self.until.unwrap_or(arrived);
        let until = if until > since { until } else { arrived };
        if until <= since {
            return NextSpan::None;
        }
        (self.since, self.until) = (Some(since), Some(until));
        NextSpan::Compare(Span { since, until }, skipped)
    }

    /// Notes that a span was compared and reported.
    pub fn end(&mut self, bucket: &str, span: Span) {
        if self.bucket == bucket && self.since == Some(span.since) {
            (self.since, self.until) = (Some(span.until), None);
        }
    }
}

impl Span {
    /// Whether a time is in the span; an unknown time may be.
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
    fn every_moment_is_compared_once() {
        let mut checkpoint = ComparisonCheckpoint::new("logs");
        let mut night = |requested_at: &str, is_whole: bool| {
            let next = checkpoint.start("logs", at(requested_at), at(requested_at), false);
            if let (NextSpan::Compare(span, _), true) = (&next, is_whole) {
                checkpoint.end("logs", *span);
            }
            next
        };
        assert_eq!(night("2026-04-01T03:00:00Z", true), NextSpan::First);
        assert_eq!(night("2026-04-01T03:30:00Z", true), NextSpan::None, "it is requested again");
        let first = NextSpan::Compare(span("2026-04-01T03:00:00Z", "2026-04-02T02:00:00Z"), None);
        assert_eq!(night("2026-04-02T03:00:00Z", false), first);
        assert_eq!(night("2026-04-02T03:20:00Z", false), first);
        // The next night continues it, and then starts its own.
        assert_eq!(night("2026-04-03T03:00:00Z", true), first);
        let next = NextSpan::Compare(span("2026-04-02T02:00:00Z", "2026-04-03T02:00:00Z"), None);
        assert_eq!(night("2026-04-03T03:00:00Z", true), next);
        assert_eq!(night("2026-04-03T03:00:00Z", true), NextSpan::None, "the message came twice");
        // No comparison for ten days.
        let last = NextSpan::Compare(
            span("2026-04-06T03:00:00Z", "2026-04-13T02:00:00Z"),
            Some(span("2026-04-03T02:00:00Z", "2026-04-06T03:00:00Z")),
        );
        assert_eq!(night("2026-04-13T03:00:00Z", true), last);
    }

    #[test]
    fn a_span_that_is_too_old_is_skipped() {
        let mut checkpoint = ComparisonCheckpoint::new("logs");
        let requested_at = at("2026-04-20T03:00:00Z");
        checkpoint.since = Some(at("2026-04-01T03:00:00Z"));
        checkpoint.until = Some(at("2026-04-02T02:00:00Z"));
        assert_eq!(
            checkpoint.start("logs", requested_at, requested_at, false),
            NextSpan::Compare(
                span("2026-04-13T03:00:00Z", "2026-04-20T02:00:00Z"),
                Some(span("2026-04-01T03:00:00Z", "2026-04-13T03:00:00Z"))
            )
        );
    }

    #[test]
    fn another_bucket_starts_anew_and_a_lost_span_is_compared_again() {
        let now = at("2026-04-10T03:00:00Z");
        let week = NextSpan::Compare(span("2026-04-03T03:00:00Z", "2026-04-10T02:00:00Z"), None);
        let known = ComparisonCheckpoint {
            since: Some(at("2026-04-09T02:00:00Z")),
            ..ComparisonCheckpoint::new("logs")
        };
        let ahead = ComparisonCheckpoint {
            since: Some(at("2099-01-01T00:00:00Z")),
            ..ComparisonCheckpoint::new("logs")
        };
        let endless = ComparisonCheckpoint { until: Some(at("2099-01-01T00:00:00Z")), ..known.clone() };
        for (name, mut checkpoint, bucket, was_lost, expected) in [
            ("another bucket", known.clone(), "others", false, NextSpan::First),
            ("lost", ComparisonCheckpoint::new("logs"), "logs", true, week.clone()),
            ("ahead of time", ahead, "logs", false, week.clone()),
            ("without end", endless, "logs", false, week),
        ] {
            assert_eq!(checkpoint.start(bucket, now, now, was_lost), expected, "{name}");
            let read = ComparisonCheckpoint::read(
                &checkpoint.content().unwrap(),
                &ComparisonCheckpoint::new(bucket),
            );
            assert_eq!(read, Ok(checkpoint), "{name}");
        }
        let mut other = ComparisonCheckpoint { since: Some(now), ..ComparisonCheckpoint::new("others") };
        let before = other.clone();
        other.end("logs", Span { since: now, until: now });
        assert_eq!(other, before);
    }
}
