//! Finds the episode of a finding without comparing it with all of them: a backfill brings thousands.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::episode::{Episode, EpisodeKey, moment};
use super::facts::FactSet;
use super::finding::CaseFinding;
use crate::config::Config;
use crate::severity::Severity;

/// The episodes of a case by key.
pub struct EpisodeIndex<'c> {
    episodes: &'c [Episode],
    by_of: BTreeMap<&'c EpisodeKey, Vec<usize>>,
    /// Those whose sources and resources are too many to be kept apart.
    of_many: BTreeMap<(&'c str, bool, bool), Vec<usize>>,
    /// Those that were notified, by the facts that are certainly in them.
    notified: BTreeMap<u64, Vec<usize>>,
}

/// The findings of one mail that belong to one episode.
pub struct EpisodeShare<'f> {
    /// The findings, by id.
    pub ids: BTreeSet<&'f str>,
    /// How bad the worst of them is.
    pub severity: Severity,
    /// When the first of them happened.
    pub from: DateTime<Utc>,
    /// When the last of them happened.
    pub to: DateTime<Utc>,
}

impl<'c> EpisodeIndex<'c> {
    pub fn of(episodes: &'c [Episode]) -> EpisodeIndex<'c> {
        let (mut by_of, mut of_many) = (BTreeMap::<_, Vec<usize>>::new(), BTreeMap::<_, Vec<usize>>::new());
        let mut notified = BTreeMap::<u64, Vec<usize>>::new();
        for (index, episode) in episodes.iter().enumerate() {
            match episode.alike {
                None => by_of.entry(&episode.of).or_default().push(index),
                Some(_) => of_many.entry(episode.of.kind()).or_default().push(index),
            }
            if episode.notified.is_some() {
                episode.facts.ids().for_each(|id| notified.entry(id).or_default().push(index));
            }
        }
        EpisodeIndex { episodes, by_of, of_many, notified }
    }

    /// The episode of this key at that time.
    pub fn at(&self, of: &EpisodeKey, at: DateTime<Utc>) -> Option<usize> {
        let own = self.by_of.get(&of).into_iter().flatten();
        let of_many = self.of_many.get(&of.kind()).into_iter().flatten();
        let holds = |index: &&usize| (self.episodes[**index].from..=self.episodes[**index].to).contains(&at);
        own.chain(of_many).find(holds).copied()
    }

    /// The episode of a merged finding.
    pub fn episode_of(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>) -> Option<usize> {
        self.at(&EpisodeKey::of(seen), moment(seen.finding, now))
    }

    /// The episode of any event, of an earlier version, in whose time a merged finding is.
    fn of_any_event(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>) -> Option<usize> {
        let of = EpisodeKey::of(seen).of_any_event()?;
        self.at(&of, moment(seen.finding, now)).filter(|index| self.episodes[*index].alike.is_none())
    }

    /// Whether a notification of an episode of any event, of an earlier version, covers a merged finding.
    pub fn is_covered(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>, config: &Config) -> bool {
        let episode = self.of_any_event(seen, now).map(|index| &self.episodes[index]);
        episode.is_some_and(|episode| episode.covers(seen, now, config))
    }

    /// Whether the same event was notified in another episode, with the same severity or a higher one, by another mail than
    /// these: a corrected copy may have another time, address or resource.
    pub fn was_notified_elsewhere(
        &self,
        seen: &CaseFinding<'_>,
        own: Option<usize>,
        now: DateTime<Utc>,
        but: &[&str],
    ) -> bool {
        let of = EpisodeKey::of(seen);
        let own = [own, self.of_any_event(seen, now)];
        let elsewhere = self.notified.get(&FactSet::id(&seen.finding.id)).into_iter().flatten();
        let elsewhere = elsewhere.filter(|index| !own.contains(&Some(**index)));
        elsewhere.map(|index| &self.episodes[*index]).any(|episode| {
            let mailed = episode.notified.as_ref();
            let is_as_bad = mailed.is_some_and(|mailed| {
                mailed.severity >= seen.finding.severity && !but.contains(&&*mailed.alert_id)
            });
            is_as_bad && episode.of.rule == of.rule
        })
    }

    /// Divides the findings of a mail by episode.
    pub fn shares<'f>(
        &self,
        mailed: &[CaseFinding<'f>],
        now: DateTime<Utc>,
    ) -> BTreeMap<usize, EpisodeShare<'f>> {
        let mut shares: BTreeMap<usize, EpisodeShare<'f>> = BTreeMap::new();
        for seen in mailed {
            let Some(index) = self.episode_of(seen, now) else { continue };
            let (severity, at) = (seen.finding.severity, moment(seen.finding, now));
            let new = || EpisodeShare { ids: BTreeSet::new(), severity, from: at, to: at };
            let share = shares.entry(index).or_insert_with(new);
            share.ids.insert(&seen.finding.id);
            share.severity = share.severity.max(severity);
            (share.from, share.to) = (share.from.min(at), share.to.max(at));
        }
        shares
    }
}
