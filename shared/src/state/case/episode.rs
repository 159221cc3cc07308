//! Facts of one rule that are close in time: what one mail tells.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Seen;
use super::facts::{Facts, Number};
use crate::config::Config;
use crate::finding::{Finding, network_of, stable_id};
use crate::severity::Severity;

/// What goes on is mailed again after so long.
const REMINDER: TimeDelta = TimeDelta::hours(24);

/// What anyone can cause is told as one episode where it comes from, or is about, more than so many at the same
/// time. What takes credentials never is: one of these may be the intruder.
pub const MAX_ALIKE: usize = 20;

/// Names are cut to so many characters.
pub const MAX_NAME_CHARS: usize = 200;

/// Facts of one rule that are close in time: what one mail tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    pub of: Of,
    /// The sources and resources, each counted once, where they are too many to be told one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alike: Option<Facts>,
    /// When its first and its last fact happened.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub facts: Facts,
    /// When the first of them became known, which may be long after it happened.
    pub learnt: DateTime<Utc>,
    /// How many facts there were, where it was so long ago that only that is known. Late ones are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// Of how many of all facts mails have spoken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub said: u64,
    /// The last mail that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed: Option<Mailed>,
}

/// What the facts of an episode have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    pub rule: String,
    /// Whether a suppression hides them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// Whether anyone can cause them, so that they hide nothing that takes credentials.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_anyone: bool,
    /// The address or network, or AWS service, that they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The ARN or name of what they are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// A mail that told an episode, or that is to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailed {
    pub alert_id: String,
    pub severity: Severity,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The last fact that it knew of.
    pub to: DateTime<Utc>,
    /// Whether it was the digest of a backfill.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub historic: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Makes one episode of those that are close in time: of the same rule, source and resource, or of the
/// same rule where these are too many.
pub fn joined(mut episodes: Vec<Episode>, quiet: TimeDelta) -> Vec<Episode> {
    episodes.sort_by(|one, other| (&one.of, one.from, one.to).cmp(&(&other.of, other.from, other.to)));
    let mut joined: Vec<Episode> = Vec::new();
    for episode in episodes {
        match joined.last_mut() {
            Some(last) if last.is_same(&episode) && episode.from - last.to <= quiet => last.merge(episode),
            _ => joined.push(episode),
        }
    }
    joined.sort_by(|one, other| {
        let order = |of: &Episode| (of.from, of.to);
        let kinds = one.of.kind().cmp(&other.of.kind());
        kinds.then_with(|| order(one).cmp(&order(other))).then_with(|| one.of.cmp(&other.of))
    });
    let (mut all, mut near): (Vec<Episode>, Vec<Episode>) = (Vec::new(), Vec::new());
    let mut near_to = DateTime::<Utc>::MIN_UTC;
    for episode in joined {
        let goes_on = near.first().is_some_and(|first| first.of.kind() == episode.of.kind())
            && episode.from - near_to <= quiet;
        if !goes_on {
            all.extend(one_where_too_many(std::mem::take(&mut near)));
            near_to = episode.to;
        }
        near_to = near_to.max(episode.to);
        near.push(episode);
    }
    all.extend(one_where_too_many(near));
    all
}

/// One episode for those of one rule that are close in time, where they are too many; else all of them.
fn one_where_too_many(near: Vec<Episode>) -> Vec<Episode> {
    let distinct: BTreeSet<&Of> = near.iter().map(|episode| &episode.of).collect();
    let few = distinct.len() <= MAX_ALIKE && near.iter().all(|episode| episode.alike.is_none());
    if few || near.iter().any(|episode| !episode.of.by_anyone) {
        return near;
    }
    let of_many = near.into_iter().map(Episode::of_many);
    of_many
        .reduce(|mut one, other| {
            one.merge(other);
            one
        })
        .into_iter()
        .collect()
}

impl Episode {
    pub fn of(seen: &Seen<'_>, now: DateTime<Utc>) -> Episode {
        let at = moment(seen.finding, now);
        let mut facts = Facts::default();
        facts.insert(&seen.finding.id);
        let of = Of::seen(seen);
        Episode {
            of,
            alike: None,
            from: at,
            to: at,
            facts,
            learnt: now,
            counted: None,
            said: 0,
            mailed: None,
        }
    }

    /// The same, whatever its source and resource.
    fn of_many(mut self) -> Episode {
        let (source, resource) = (self.of.source.take(), self.of.resource.take());
        self.alike.get_or_insert_with(|| {
            let mut alike = Facts::default();
            alike.insert(&stable_id(&[&source.unwrap_or_default(), &resource.unwrap_or_default()]));
            alike
        });
        self
    }

    fn is_same(&self, other: &Episode) -> bool {
        self.of == other.of && self.alike.is_some() == other.alike.is_some()
    }

    pub fn number(&self) -> Number {
        self.counted.map_or_else(|| self.facts.number(), |count| Number { count, about: false })
    }

    /// The two as one. Which of them came first changes nothing.
    fn merge(&mut self, other: Episode) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.learnt = self.learnt.min(other.learnt);
        self.facts.merge(other.facts);
        let counted = [self.counted, other.counted].into_iter().flatten();
        self.counted = counted.reduce(u64::saturating_add);
        self.said = self.said.saturating_add(other.said);
        if let (Some(alike), Some(others)) = (&mut self.alike, other.alike) {
            alike.merge(others);
        }
        self.mailed = match (self.mailed.take(), other.mailed) {
            (Some(one), Some(other)) => {
                let severity = one.severity.max(other.severity);
                let last = if (one.to, &one.alert_id) < (other.to, &other.alert_id) { other } else { one };
                Some(Mailed { severity, ..last })
            }
            (one, other) => one.or(other),
        };
    }

    /// Notes that a mail tells it.
    pub fn was_mailed(&mut self, alert_id: &str, severity: Severity, at: DateTime<Utc>, historic: bool) {
        let before = self.mailed.take().map(|before| before.severity);
        let (alert_id, severity) =
            (alert_id.to_owned(), before.map_or(severity, |before| before.max(severity)));
        self.mailed = Some(Mailed { alert_id, severity, at, to: self.to, historic });
    }

    /// Whether a finding of it has to be mailed, as far as is known of it.
    pub fn needs_mail(&self, seen: &Seen<'_>, now: DateTime<Utc>, config: &Config) -> bool {
        let finding = seen.finding;
        match &self.mailed {
            Some(mailed) => finding.severity > mailed.severity || reminds(moment(finding, now), mailed.to),
            None => {
                let hidden = finding.principal.as_ref().is_some_and(|principal| principal.name_hidden);
                !(hidden && finding.unauthenticated) || self.number().count >= config.hidden_name_failures
            }
        }
    }
}

impl Of {
    /// What it is beside source and resource.
    pub fn kind(&self) -> (&str, bool, bool) {
        (&self.rule, self.accepted, self.by_anyone)
    }

    pub fn seen(seen: &Seen<'_>) -> Of {
        let Finding { rule, source_ip, resource, unauthenticated: by_anyone, .. } = seen.finding;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let source = filled(source_ip).map(|source| short(&network_of(&source)));
        let resource = filled(resource).map(|resource| short(&resource));
        Of { rule: rule.id.to_owned(), accepted: seen.accepted, by_anyone: *by_anyone, source, resource }
    }
}

/// Whether what happened then goes on for so long since the last mail that people are told again.
pub fn reminds(at: DateTime<Utc>, mailed_to: DateTime<Utc>) -> bool {
    at - mailed_to >= REMINDER
}

/// When a finding happened; where nobody knows, when its log file was delivered. Nothing has happened later
/// than now: a forged time would keep what comes until then from being told.
pub fn moment(finding: &Finding, now: DateTime<Utc>) -> DateTime<Utc> {
    finding.time.or(finding.evidence.delivered).unwrap_or(now).min(now)
}

/// A text of bounded length that still differs where the whole does.
pub fn short(name: &str) -> String {
    if name.chars().count() <= MAX_NAME_CHARS {
        return name.to_owned();
    }
    let start: String = name.chars().take(MAX_NAME_CHARS).collect();
    format!("{start}… ({})", stable_id(&[name]))
}
