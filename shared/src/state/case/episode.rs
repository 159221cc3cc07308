//! Facts of one rule that are close in time: what one mail reports.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::facts::{FactCount, FactSet};
use super::finding::CaseFinding;
use crate::config::Config;
use crate::finding::{Finding, network_of, stable_id};
use crate::severity::Severity;

/// An episode that goes on is notified again after this.
const REMINDER: TimeDelta = TimeDelta::hours(24);

/// Above so many sources, resources and events at the same time, what anyone can cause without credentials is one episode. What
/// takes credentials never is: one of these may be the intruder.
pub const MAX_ALIKE: usize = 20;

/// The most characters of a name.
pub const MAX_NAME_CHARS: usize = 200;

/// Facts of one rule that are close in time: what one mail reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    pub of: EpisodeKey,
    /// The sources, resources and events, each combination counted once, if they are too many to be kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alike: Option<FactSet>,
    /// When its first fact happened.
    pub from: DateTime<Utc>,
    /// When its last fact happened.
    pub to: DateTime<Utc>,
    pub facts: FactSet,
    /// When the first fact became known, which may be long after it happened.
    pub learnt: DateTime<Utc>,
    /// The number of facts, once the facts themselves are forgotten. Later facts are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// How many of the facts mails have reported.
    #[serde(default, rename = "said", skip_serializing_if = "is_zero")]
    pub reported: u64,
    /// The last notification of it.
    #[serde(default, rename = "mailed", skip_serializing_if = "Option::is_none")]
    pub notified: Option<LastNotification>,
}

/// What the facts of an episode have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeKey {
    pub rule: String,
    /// Whether a suppression matches them.
    #[serde(default, rename = "accepted", skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
    /// Whether anyone can cause them without credentials, so that they hide nothing that takes credentials.
    #[serde(default, rename = "by_anyone", skip_serializing_if = "std::ops::Not::not")]
    pub unauthenticated: bool,
    /// The address, network or AWS service that they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The ARN or name of their resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Their event, such as `iam:CreateUser`; `None` if the event name does not matter. Episodes of an earlier version
    /// have none: see [`EpisodeKey::of_any_event`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// The last notification of an episode, published or in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastNotification {
    pub alert_id: String,
    pub severity: Severity,
    /// When it was added to the outbox.
    pub at: DateTime<Utc>,
    /// When the last fact happened that it reports.
    pub to: DateTime<Utc>,
    /// Whether it was the digest of a backfill.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub historic: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Joins episodes that are close in time: those of the same rule, source, resource and event, or of the same rule if
/// there are too many of them.
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

/// Joins episodes of one rule that are close in time if they are too many; else returns all of them.
fn one_where_too_many(near: Vec<Episode>) -> Vec<Episode> {
    let distinct: BTreeSet<&EpisodeKey> = near.iter().map(|episode| &episode.of).collect();
    let few = distinct.len() <= MAX_ALIKE && near.iter().all(|episode| episode.alike.is_none());
    if few || near.iter().any(|episode| !episode.of.unauthenticated) {
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
    pub fn of(seen: &CaseFinding<'_>, now: DateTime<Utc>) -> Episode {
        let at = moment(seen.finding, now);
        let mut facts = FactSet::default();
        facts.insert(&seen.finding.id);
        let of = EpisodeKey::of(seen);
        Episode {
            of,
            alike: None,
            from: at,
            to: at,
            facts,
            learnt: now,
            counted: None,
            reported: 0,
            notified: None,
        }
    }

    /// The same episode without its source, resource and event.
    fn of_many(mut self) -> Episode {
        let EpisodeKey { source, resource, event, .. } = &mut self.of;
        let (source, resource, event) = (source.take(), resource.take(), event.take());
        self.alike.get_or_insert_with(|| {
            let (source, resource) = (source.unwrap_or_default(), resource.unwrap_or_default());
            let parts = [Some(&source), Some(&resource), event.as_ref()].into_iter().flatten();
            let mut alike = FactSet::default();
            alike.insert(&stable_id(&parts.map(String::as_str).collect::<Vec<_>>()));
            alike
        });
        self
    }

    fn is_same(&self, other: &Episode) -> bool {
        self.of == other.of && self.alike.is_some() == other.alike.is_some()
    }

    pub fn number(&self) -> FactCount {
        self.counted.map_or_else(|| self.facts.number(), |count| FactCount { count, about: false })
    }

    /// Joins two episodes. Their order does not matter.
    fn merge(&mut self, other: Episode) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.learnt = self.learnt.min(other.learnt);
        self.facts.merge(other.facts);
        let counted = [self.counted, other.counted].into_iter().flatten();
        self.counted = counted.reduce(u64::saturating_add);
        self.reported = self.reported.saturating_add(other.reported);
        if let (Some(alike), Some(others)) = (&mut self.alike, other.alike) {
            alike.merge(others);
        }
        self.notified = match (self.notified.take(), other.notified) {
            (Some(one), Some(other)) => {
                let severity = one.severity.max(other.severity);
                let last = if (one.to, &one.alert_id) < (other.to, &other.alert_id) { other } else { one };
                Some(LastNotification { severity, ..last })
            }
            (one, other) => one.or(other),
        };
    }

    /// Records that a notification reports it.
    pub fn mark_notified(&mut self, alert_id: &str, severity: Severity, at: DateTime<Utc>, historic: bool) {
        let before = self.notified.take().map(|before| before.severity);
        let (alert_id, severity) =
            (alert_id.to_owned(), before.map_or(severity, |before| before.max(severity)));
        self.notified = Some(LastNotification { alert_id, severity, at, to: self.to, historic });
    }

    /// Whether a notification of this episode of any event covers a finding. As long as its facts are known, it covers
    /// these alone; then whatever happened in its time.
    pub fn covers(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>, config: &Config) -> bool {
        let may_hold = self.counted.is_some() || self.facts.may_hold(&seen.finding.id);
        may_hold && self.notified.is_some() && !self.needs_notification(seen, now, config)
    }

    /// Whether a finding of it has to be notified.
    pub fn needs_notification(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>, config: &Config) -> bool {
        let finding = seen.finding;
        match &self.notified {
            Some(mailed) => finding.severity > mailed.severity || reminds(moment(finding, now), mailed.to),
            None => {
                let hidden = finding.principal.as_ref().is_some_and(|principal| principal.name_hidden);
                !(hidden && finding.unauthenticated) || self.number().count >= config.hidden_name_failures
            }
        }
    }
}

impl EpisodeKey {
    /// The key without source, resource and event.
    pub fn kind(&self) -> (&str, bool, bool) {
        (&self.rule, self.suppressed, self.unauthenticated)
    }

    pub fn of(seen: &CaseFinding<'_>) -> EpisodeKey {
        let Finding { rule, source_ip, resource, unauthenticated, distinct_event, .. } = seen.finding;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let source = filled(source_ip).map(|source| short(&network_of(&source)));
        let resource = filled(resource).map(|resource| short(&resource));
        EpisodeKey {
            rule: rule.id.to_owned(),
            suppressed: seen.suppressed,
            unauthenticated: *unauthenticated,
            source,
            resource,
            event: distinct_event.as_deref().map(short),
        }
    }

    /// The key without its event, as an earlier version wrote it; `None` if the event name does not matter. No new fact
    /// joins an episode of that key.
    pub fn of_any_event(&self) -> Option<EpisodeKey> {
        self.event.as_ref().map(|_| EpisodeKey { event: None, ..self.clone() })
    }
}

/// Whether a fact at this time is so long after the last notification that it is notified again.
pub fn reminds(at: DateTime<Utc>, mailed_to: DateTime<Utc>) -> bool {
    at - mailed_to >= REMINDER
}

/// When a finding happened; if that is unknown, when its log file was delivered; never later than now, for a forged time
/// would deduplicate all that follows until then.
pub fn moment(finding: &Finding, now: DateTime<Utc>) -> DateTime<Utc> {
    finding.time.or(finding.evidence.delivered).unwrap_or(now).min(now)
}

/// Shortens a text to [`MAX_NAME_CHARS`] and a hash, so that different texts stay different.
pub fn short(name: &str) -> String {
    if name.chars().count() <= MAX_NAME_CHARS {
        return name.to_owned();
    }
    let start: String = name.chars().take(MAX_NAME_CHARS).collect();
    format!("{start}… ({})", stable_id(&[name]))
}
