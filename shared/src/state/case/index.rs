//! Which episode each finding belongs to: found without looking at all of them, for a backfill brings thousands.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Seen;
use super::episode::{Episode, Of, moment};
use super::facts::Facts;
use crate::severity::Severity;

/// The episodes of a case by what their facts have in common.
pub struct Index<'c> {
    episodes: &'c [Episode],
    by_of: BTreeMap<&'c Of, Vec<usize>>,
    /// Those of many sources and resources.
    of_many: BTreeMap<(&'c str, bool, bool), Vec<usize>>,
    /// Those that a mail told, by the facts that are certainly in them.
    told: BTreeMap<u64, Vec<usize>>,
}

/// What one episode has in a mail.
pub struct Share<'f> {
    /// The findings, by id.
    pub ids: BTreeSet<&'f str>,
    /// How bad the worst of them is.
    pub severity: Severity,
    /// When the first and the last of them happened.
    pub from: DateTime<Utc>,
    /// See `from`.
    pub to: DateTime<Utc>,
}

impl<'c> Index<'c> {
    pub fn of(episodes: &'c [Episode]) -> Index<'c> {
        let (mut by_of, mut of_many) = (BTreeMap::<_, Vec<usize>>::new(), BTreeMap::<_, Vec<usize>>::new());
        let mut told = BTreeMap::<u64, Vec<usize>>::new();
        for (index, episode) in episodes.iter().enumerate() {
            match episode.alike {
                None => by_of.entry(&episode.of).or_default().push(index),
                Some(_) => of_many.entry(episode.of.kind()).or_default().push(index),
            }
            if episode.mailed.is_some() {
                episode.facts.ids().for_each(|id| told.entry(id).or_default().push(index));
            }
        }
        Index { episodes, by_of, of_many, told }
    }

    /// The episode of such facts at that time.
    pub fn at(&self, of: &Of, at: DateTime<Utc>) -> Option<usize> {
        let own = self.by_of.get(&of).into_iter().flatten();
        let of_many = self.of_many.get(&of.kind()).into_iter().flatten();
        let holds = |index: &&usize| (self.episodes[**index].from..=self.episodes[**index].to).contains(&at);
        own.chain(of_many).find(holds).copied()
    }

    /// The episode that a finding which was learnt belongs to.
    pub fn episode_of(&self, seen: &Seen<'_>, now: DateTime<Utc>) -> Option<usize> {
        self.at(&Of::seen(seen), moment(seen.finding, now))
    }

    /// Whether the same event was told as part of another episode, as being as bad, by any mail but those: a
    /// corrected copy may have another time, address or resource.
    pub fn was_told_elsewhere(&self, seen: &Seen<'_>, own: Option<usize>, but: &[&str]) -> bool {
        let of = Of::seen(seen);
        let elsewhere = self.told.get(&Facts::id(&seen.finding.id)).into_iter().flatten();
        elsewhere.filter(|index| Some(**index) != own).map(|index| &self.episodes[*index]).any(|episode| {
            let mailed = episode.mailed.as_ref();
            let is_as_bad = mailed.is_some_and(|mailed| {
                mailed.severity >= seen.finding.severity && !but.contains(&&*mailed.alert_id)
            });
            is_as_bad && episode.of.rule == of.rule
        })
    }

    /// What each episode has in a mail about these findings.
    pub fn shares<'f>(&self, mailed: &[Seen<'f>], now: DateTime<Utc>) -> BTreeMap<usize, Share<'f>> {
        let mut shares: BTreeMap<usize, Share<'f>> = BTreeMap::new();
        for seen in mailed {
            let Some(index) = self.episode_of(seen, now) else { continue };
            let (severity, at) = (seen.finding.severity, moment(seen.finding, now));
            let new = || Share { ids: BTreeSet::new(), severity, from: at, to: at };
            let share = shares.entry(index).or_insert_with(new);
            share.ids.insert(&seen.finding.id);
            share.severity = share.severity.max(severity);
            (share.from, share.to) = (share.from.min(at), share.to.max(at));
        }
        shares
    }
}
