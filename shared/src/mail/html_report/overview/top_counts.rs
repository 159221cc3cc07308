//! The names with the most sign-ins, among more names than fit into memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::outcome_counts::OutcomeCounts;

/// How many names are counted one by one.
const MAX_NAMES: usize = 100_000;

/// Sign-ins by name. Up to [`MAX_NAMES`] every count is exact. Beyond, the half with the fewest sign-ins is folded into
/// one sum; a name's count may then be too small by at most that sum. Unlike a [`WorstSet`](crate::bounded::WorstSet) it
/// sums items of one name, which may come back after they were folded.
#[derive(Debug)]
pub(super) struct TopCounts<K> {
    names: BTreeMap<K, OutcomeCounts>,
    max_names: usize,
    folded: OutcomeCounts,
}

/// The first names of a [`TopCounts`].
#[derive(Debug)]
pub(crate) struct Ranking<'a, K> {
    /// Most failures first, then most sign-ins.
    pub first: Vec<(&'a K, OutcomeCounts)>,
    /// The sign-ins of all other names.
    pub rest: OutcomeCounts,
    /// How many other names there are; `None` if there are too many to count.
    pub others: Option<usize>,
}

impl<K> Default for TopCounts<K> {
    fn default() -> TopCounts<K> {
        TopCounts { names: BTreeMap::new(), max_names: MAX_NAMES, folded: OutcomeCounts::default() }
    }
}

impl<K: Ord + Clone> TopCounts<K> {
    /// Adds sign-ins to a name's.
    pub fn add(&mut self, name: K, tally: OutcomeCounts) {
        *self.names.entry(name).or_default() += tally;
        if self.names.len() > self.max_names {
            self.fold();
        }
    }

    /// The first `count` names, and the rest.
    pub fn ranking(&self, count: usize) -> Ranking<'_, K> {
        let mut first = self.ordered();
        let mut rest = self.folded;
        let others = first.len().saturating_sub(count);
        for (_, tally) in first.drain(first.len() - others..) {
            rest += tally;
        }
        Ranking { first, rest, others: (self.folded == OutcomeCounts::default()).then_some(others) }
    }

    fn ordered(&self) -> Vec<(&K, OutcomeCounts)> {
        let mut ordered: Vec<(&K, OutcomeCounts)> =
            self.names.iter().map(|(name, tally)| (name, *tally)).collect();
        // Stable: equal counts stay sorted by name.
        ordered.sort_by_key(|(_, tally)| (Reverse(tally.failures), Reverse(tally.all())));
        ordered
    }

    fn fold(&mut self) {
        let least: Vec<K> =
            self.ordered().into_iter().skip(self.max_names / 2).map(|(name, _)| name.clone()).collect();
        for name in least {
            self.folded += self.names.remove(&name).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(successes: u64, failures: u64) -> OutcomeCounts {
        OutcomeCounts { successes, failures, unknown: 0 }
    }

    #[test]
    fn most_failures_come_first_and_the_rest_is_summed() {
        let mut top = TopCounts::default();
        for (name, count) in
            [("many", tally(90, 0)), ("b", tally(1, 2)), ("a", tally(1, 2)), ("fails", tally(0, 3))]
        {
            top.add(name, count);
        }
        top.add("b", tally(4, 0));
        let ranking = top.ranking(2);
        assert_eq!(ranking.first, [(&"fails", tally(0, 3)), (&"b", tally(5, 2))]);
        assert_eq!((ranking.rest, ranking.others), (tally(91, 2), Some(2)));
        let whole = top.ranking(15);
        assert_eq!(whole.first.len(), 4);
        assert_eq!((whole.rest, whole.others), (OutcomeCounts::default(), Some(0)));
    }

    #[test]
    fn with_too_many_names_the_busiest_stay_and_no_sign_in_is_lost() {
        let mut top = TopCounts { max_names: 10, ..TopCounts::default() };
        for round in 0..100 {
            top.add("alice".to_owned(), tally(0, 2));
            top.add("bob".to_owned(), tally(3, 0));
            for name in 0..7 {
                top.add(format!("once-{round}-{name}"), tally(0, 1));
            }
            assert!(top.names.len() <= 10);
        }
        let ranking = top.ranking(1);
        assert_eq!(ranking.first, [(&"alice".to_owned(), tally(0, 200))]);
        assert_eq!(ranking.others, None);
        let mut all = ranking.rest;
        all += ranking.first[0].1;
        // Bob has no failure: one name that fails comes before him, and he is folded now and then.
        assert_eq!(all, tally(300, 900));
    }
}
