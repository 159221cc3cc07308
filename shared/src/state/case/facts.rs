//! Sets of facts of bounded size: each fact is counted once, however often it comes.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most ids that a set keeps. Of a larger set they give the number to within a tenth, two times in three.
pub const MAX_KEPT: usize = 128;

/// A set of facts by their ids.
///
/// Ids are evenly spread hashes. A set that is too large keeps those below a bound, and their number gives the size of the
/// set (a theta sketch). The same facts give the same set, in any order, number of repetitions and number of parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSet {
    kept: BTreeSet<Id>,
    /// The least id that was added and is not kept; `None` if all are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Id>,
}

/// The first 64 bits of a stable id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u64);

/// The size of a set of facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactCount {
    /// The number.
    pub count: u64,
    /// Whether it is an estimate.
    pub about: bool,
}

impl FactSet {
    /// Adds the fact of that stable id.
    pub fn insert(&mut self, stable_id: &str) {
        let id = Id::of(stable_id);
        if self.bound.is_none_or(|bound| id < bound) {
            self.kept.insert(id);
        }
        self.shrink(MAX_KEPT);
    }

    /// The first 64 bits of a stable id.
    pub fn id(stable_id: &str) -> u64 {
        Id::of(stable_id).0
    }

    /// Whether the fact of that stable id may be in it. It may if it is one of those that are only counted.
    pub fn may_hold(&self, stable_id: &str) -> bool {
        let id = Id::of(stable_id);
        self.kept.contains(&id) || self.bound.is_some_and(|bound| id >= bound)
    }

    /// The kept ids.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.kept.iter().map(|Id(id)| *id)
    }

    /// Adds all facts of another set.
    pub fn merge(&mut self, other: FactSet) {
        self.bound = [self.bound, other.bound].into_iter().flatten().min();
        self.kept.extend(other.kept);
        if let Some(bound) = self.bound {
            self.kept.split_off(&bound);
        }
        self.shrink(MAX_KEPT);
    }

    /// Drops the largest ids until at most so many are kept.
    pub fn shrink(&mut self, most: usize) {
        while self.kept.len() > most.max(1) {
            self.bound = self.kept.pop_last();
        }
    }

    /// How many ids are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// How many facts there are.
    pub fn number(&self) -> FactCount {
        let kept = self.kept.len() as u64;
        match self.bound {
            None => FactCount { count: kept, about: false },
            // A bound of 0 is none that `shrink` leaves, for ids are distinct and one is kept.
            Some(Id(bound)) => {
                let whole = u128::from(kept) << 64;
                let count = (whole / u128::from(bound.max(1))).min(u128::from(u64::MAX));
                FactCount { count: count as u64, about: true }
            }
        }
    }
}

impl Id {
    fn of(stable_id: &str) -> Id {
        let hex = stable_id.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        Id(hex.unwrap_or_else(|| stable_id.bytes().fold(0, |id, byte| id << 8 | u64::from(byte))))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = (text.len() == 16).then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        id.map(Id).ok_or_else(|| serde::de::Error::custom("an id must be 16 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::stable_id;

    fn facts(numbers: impl IntoIterator<Item = u32>) -> FactSet {
        let mut facts = FactSet::default();
        numbers.into_iter().for_each(|n| facts.insert(&stable_id(&[&n.to_string()])));
        facts
    }

    proptest! {
        #[test]
        fn the_same_facts_are_the_same_set_in_any_order_and_number_of_parts(
            numbers in prop::collection::vec(0u32..600, 0..900),
            cuts in prop::collection::vec(0usize..900, 0..5),
        ) {
            let whole = facts(numbers.iter().copied());
            prop_assert_eq!(&facts(numbers.iter().rev().copied().chain(numbers.iter().copied())), &whole);
            let mut merged = FactSet::default();
            let mut rest = &numbers[..];
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                merged.merge(facts(part.iter().copied()));
                rest = after;
            }
            merged.merge(facts(rest.iter().copied()));
            merged.merge(merged.clone());
            prop_assert_eq!(&merged, &whole);
            prop_assert!(whole.kept() <= MAX_KEPT);
            let json = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<FactSet>(&json).unwrap(), whole);
        }
    }

    #[test]
    fn few_are_counted_exactly_and_many_about() {
        assert_eq!(facts(0..0).number(), FactCount { count: 0, about: false });
        assert_eq!(facts(0..128).number(), FactCount { count: 128, about: false });
        for many in [129, 1_000, 20_000] {
            let FactCount { count, about } = facts(0..many).number();
            let ratio = count as f64 / f64::from(many);
            assert!(about && (0.75..1.25).contains(&ratio), "{many}: {count}");
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for json in [
            r#"{"kept": ["0"]}"#,
            r#"{"kept": ["000000000000000g"]}"#,
            r#"{"kept": [], "more": 1}"#,
            r#"{"kept": [1]}"#,
        ] {
            assert!(serde_json::from_str::<FactSet>(json).is_err(), "{json}");
        }
    }
}
