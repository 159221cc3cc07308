//! Who has the most sign-ins, among more names than can be kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Tally;

/// How many names are counted one by one.
const MAX_NAMES: usize = 100_000;

/// Sign-ins by name. Up to [`MAX_NAMES`] every count is exact. Where there are more, the half with the fewest
/// sign-ins is folded into one sum, so that what is left is at most so much too small.
#[derive(Debug)]
pub(super) struct Top<K> {
    names: BTreeMap<K, Tally>,
    max_names: usize,
    folded: Tally,
}

/// The first of a [`Top`].
#[derive(Debug)]
pub(crate) struct Ranking<'a, K> {
    /// Most failures first, then most sign-ins.
    pub first: Vec<(&'a K, Tally)>,
    /// All others together.
    pub rest: Tally,
    /// How many others there are; nothing where they are more than could be counted.
    pub others: Option<usize>,
}

impl<K> Default for Top<K> {
    fn default() -> Top<K> {
        Top { names: BTreeMap::new(), max_names: MAX_NAMES, folded: Tally::default() }
    }
}

impl<K: Ord + Clone> Top<K> {
    /// Counts the sign-ins for that name.
    pub fn add(&mut self, name: K, tally: Tally) {
        *self.names.entry(name).or_default() += tally;
        if self.names.len() > self.max_names {
            self.fold();
        }
    }

    /// The first so many, and the rest.
    pub fn ranking(&self, count: usize) -> Ranking<'_, K> {
        let mut first = self.ordered();
        let mut rest = self.folded;
        let others = first.len().saturating_sub(count);
        for (_, tally) in first.drain(first.len() - others..) {
            rest += tally;
        }
        Ranking { first, rest, others: (self.folded == Tally::default()).then_some(others) }
    }

    fn ordered(&self) -> Vec<(&K, Tally)> {
        let mut ordered: Vec<(&K, Tally)> = self.names.iter().map(|(name, tally)| (name, *tally)).collect();
        // Stable: among equals the order of the names remains.
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

    fn tally(successes: u64, failures: u64) -> Tally {
        Tally { successes, failures, unknown: 0 }
    }

    #[test]
    fn most_failures_come_first_and_the_rest_is_summed() {
        let mut top = Top::default();
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
        assert_eq!((whole.rest, whole.others), (Tally::default(), Some(0)));
    }

    #[test]
    fn with_too_many_names_the_busiest_stay_and_no_sign_in_is_lost() {
        let mut top = Top { max_names: 10, ..Top::default() };
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
