//! The worst items of many, in bounded memory.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// An item of a [`WorstSet`].
pub trait Ranked {
    /// Sorts items: the least rank is kept longest. Items of one rank are sorted by their keys.
    type Rank: Ord;

    /// The item's rank.
    fn rank(&self) -> Self::Rank;

    /// How much of [`Limits::bytes`] the item takes.
    fn bytes(&self) -> usize {
        0
    }
}

/// How much a [`WorstSet`] holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many items.
    pub items: usize,
    /// How many bytes all items take together, by [`Ranked::bytes`].
    pub bytes: usize,
    /// How many items it takes beyond the limit before it sorts and trims. Trimming at each item would be slow.
    pub spare_items: usize,
}

impl Limits {
    /// A limit on the number of items, not on their bytes.
    pub fn of_items(items: usize) -> Limits {
        Limits { items, bytes: usize::MAX, spare_items: items / 10 }
    }
}

/// Items by key: the first in the order of rank and key, as many as fit. Which items these are does not depend on the
/// order in which they were inserted.
#[derive(Debug)]
pub struct WorstSet<K, V: Ranked> {
    limits: Limits,
    items: BTreeMap<K, V>,
    bytes: usize,
    /// The first item that did not fit into the bytes. An item after it is dropped even if it is small enough: else
    /// it would depend on the order of insertion which of the two is kept.
    first_too_large: Option<(V::Rank, K)>,
}

impl<K: Ord + Clone, V: Ranked> WorstSet<K, V> {
    /// An empty set.
    pub fn new(limits: Limits) -> WorstSet<K, V> {
        WorstSet { limits, items: BTreeMap::new(), bytes: 0, first_too_large: None }
    }

    /// Adds an item, which replaces one of the same key. The answer is what was dropped for it, itself perhaps
    /// included.
    #[must_use = "what was dropped has to be counted"]
    pub fn insert(&mut self, key: K, value: V) -> Vec<(K, V)> {
        if self.first_too_large.as_ref().is_some_and(|(rank, first)| (rank, first) <= (&value.rank(), &key)) {
            return vec![(key, value)];
        }
        self.bytes += value.bytes();
        if let Some(replaced) = self.items.insert(key, value) {
            self.bytes -= replaced.bytes();
        }
        let Limits { items, bytes, spare_items } = self.limits;
        let is_full = self.items.len() > items.saturating_add(spare_items)
            || self.bytes > bytes.saturating_add(bytes / 10);
        if is_full { self.trim() } else { Vec::new() }
    }

    /// Takes an item out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = self.items.remove(key)?;
        self.bytes -= removed.bytes();
        Some(removed)
    }

    /// Drops what is beyond the limits, the least rank first. Until then the set holds a little more.
    #[must_use = "what was dropped has to be counted"]
    pub fn trim(&mut self) -> Vec<(K, V)> {
        let Limits { items: max_items, bytes: max_bytes, .. } = self.limits;
        if self.items.len() <= max_items && self.bytes <= max_bytes {
            return Vec::new();
        }
        let sorted = self.sorted();
        let mut bytes = 0;
        let fits = |(_, value): &&(&K, &V)| {
            bytes += value.bytes();
            bytes <= max_bytes
        };
        let kept = sorted.iter().take(max_items).take_while(fits).count();
        let Some((key, value)) = sorted.get(kept) else {
            return Vec::new();
        };
        let first_dropped = (value.rank(), K::clone(key));
        let is_behind = |key: &K, value: &mut V| (&value.rank(), key) >= (&first_dropped.0, &first_dropped.1);
        let mut dropped: Vec<(K, V)> = self.items.extract_if(.., is_behind).collect();
        dropped
            .sort_by(|(key, value), (other_key, other)| (value.rank(), key).cmp(&(other.rank(), other_key)));
        self.bytes -= dropped.iter().map(|(_, value)| value.bytes()).sum::<usize>();
        if kept < max_items {
            self.first_too_large = Some(first_dropped);
        }
        dropped
    }

    /// How much it holds.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds no item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items, the least rank first. Before [`WorstSet::trim`] they may be a little more than the limits allow.
    pub fn sorted(&self) -> Vec<(&K, &V)> {
        let mut sorted: Vec<(&K, &V)> = self.items.iter().collect();
        sorted
            .sort_by(|(key, value), (other_key, other)| (value.rank(), key).cmp(&(other.rank(), other_key)));
        sorted
    }

    /// Takes all items out. Before [`WorstSet::trim`] they may be a little more than the limits allow.
    pub fn take(&mut self) -> BTreeMap<K, V> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    /// An item of that severity and size.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Item(u8, usize);

    impl Ranked for Item {
        type Rank = Reverse<u8>;

        fn rank(&self) -> Reverse<u8> {
            Reverse(self.0)
        }

        fn bytes(&self) -> usize {
            self.1
        }
    }

    /// What is kept and how many of each severity are dropped.
    fn kept(
        limits: Limits,
        items: &mut dyn Iterator<Item = (usize, Item)>,
    ) -> (Vec<(usize, Item)>, BTreeMap<u8, usize>) {
        let (mut set, mut counts) = (WorstSet::new(limits), BTreeMap::new());
        let mut count = |dropped: Vec<(usize, Item)>| {
            dropped.iter().for_each(|(_, item)| *counts.entry(item.0).or_default() += 1);
        };
        for (key, item) in items {
            count(set.insert(key, item));
            assert!(set.len() <= limits.items + limits.spare_items);
            assert!(set.bytes <= limits.bytes + limits.bytes / 10);
        }
        count(set.trim());
        (set.take().into_iter().collect(), counts)
    }

    proptest! {
        #[test]
        fn any_order_of_insertion_keeps_and_drops_the_same(
            items in prop::collection::vec((0u8..5, 1usize..50), 0..120),
            shuffled in any::<prop::sample::Index>(),
            limits in (0usize..60, 1usize..1500, 0usize..10),
        ) {
            let limits = Limits { items: limits.0, bytes: limits.1, spare_items: limits.2 };
            let items: Vec<(usize, Item)> =
                items.into_iter().map(|(severity, bytes)| Item(severity, bytes)).enumerate().collect();
            let mut order = items.clone();
            order.sort_by_key(|(key, item)| (item.rank(), *key));
            let mut bytes = 0;
            let fits = |(_, item): &&(usize, Item)| {
                bytes += item.1;
                bytes <= limits.bytes
            };
            let fitting = order.iter().take(limits.items).take_while(fits).count();
            let mut dropped: BTreeMap<u8, usize> = BTreeMap::new();
            order.split_off(fitting).iter().for_each(|(_, item)| *dropped.entry(item.0).or_default() += 1);
            order.sort_by_key(|(key, _)| *key);
            let expected = (order, dropped);
            let mut turned = items.clone();
            if !turned.is_empty() {
                turned.rotate_left(shuffled.index(items.len()));
            }
            prop_assert_eq!(&kept(limits, &mut items.iter().cloned()), &expected);
            prop_assert_eq!(&kept(limits, &mut items.iter().rev().cloned()), &expected);
            prop_assert_eq!(&kept(limits, &mut turned.into_iter()), &expected);
        }
    }

    #[test]
    fn an_item_that_is_replaced_or_removed_frees_its_room() {
        let mut set = WorstSet::new(Limits { items: 10, bytes: 100, spare_items: 0 });
        assert_eq!(set.insert("a", Item(1, 90)), []);
        assert_eq!(set.insert("a", Item(2, 50)), []);
        assert_eq!(set.insert("b", Item(1, 50)), []);
        assert_eq!(set.remove("b"), Some(Item(1, 50)));
        assert_eq!(set.remove("b"), None);
        assert_eq!(set.insert("c", Item(0, 50)), []);
        assert_eq!(set.insert("d", Item(1, 20)), [("c", Item(0, 50))]);
        assert_eq!(set.sorted(), [(&"a", &Item(2, 50)), (&"d", &Item(1, 20))]);
    }
}
