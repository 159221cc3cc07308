//! Dividing log files into what one invocation reads in one go.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::folders::number;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::ports::ListedObject;
use crate::state::backfill::{Item, Stretch, weight};

/// How much one item holds.
const MAX_WEIGHT: u64 = 20_000;

/// So much one stretch of several days holds: less than an item, so that items become full.
const MAX_JOINED_WEIGHT: u64 = MAX_WEIGHT / 8;

/// How many stretches one item holds: each takes a listing.
const MAX_STRETCHES: usize = 1_000;

/// What one stretch is of.
#[derive(Clone, Copy)]
pub(in crate::use_cases) enum Divided {
    /// A day, or a part of one.
    ByDay,
    /// Days that follow each other, where they have few log files: an organisation has thousands of folders for each
    /// day, and listing them one by one takes longer than reading what is in them.
    AsNeeded,
}

/// The log files of a month in one Region of an account, while they are listed.
pub(super) struct Month {
    /// What the keys of its days begin with.
    path: String,
    days: RangeInclusive<u32>,
    stretches: Vec<Stretch>,
    /// The last log file of the last stretch.
    last: String,
}

impl Month {
    pub fn new(path: &str, days: RangeInclusive<u32>) -> Month {
        Month { path: path.to_owned(), days, stretches: Vec::new(), last: String::new() }
    }

    /// The keys of its days stand behind this one.
    pub fn after(&self) -> String {
        format!("{}{:02}", self.path, self.days.start())
    }

    /// Takes what was listed next, and says whether more may follow.
    pub fn take(&mut self, objects: &[ListedObject]) -> bool {
        for object in objects {
            let Some((day, _)) = object.key.strip_prefix(&self.path).and_then(|key| key.split_once('/'))
            else {
                continue;
            };
            let is_wanted = number(day, 2).is_some_and(|day| self.days.contains(&day));
            if is_wanted && ObjectKind::of_key(&object.key) == ObjectKind::LogFile {
                let day = &object.key[..=self.path.len() + day.len()];
                self.add(day, object);
            }
        }
        // `0` follows `/`.
        let beyond = format!("{}{:02}0", self.path, self.days.end());
        objects.last().is_none_or(|object| object.key < beyond)
    }

    fn add(&mut self, day: &str, object: &ListedObject) {
        let after = match self.stretches.last_mut() {
            Some(stretch) if stretch.prefix == day => {
                let objects = stretch.objects + 1;
                let bytes = stretch.bytes.saturating_add(object.bytes);
                if weight(objects, bytes) <= MAX_WEIGHT {
                    (stretch.objects, stretch.bytes) = (objects, bytes);
                    self.last.clone_from(&object.key);
                    return;
                }
                stretch.until = Some(self.last.clone());
                stretch.until.clone()
            }
            _ => None,
        };
        let (prefix, bytes) = (day.to_owned(), object.bytes);
        self.stretches.push(Stretch { prefix, after, objects: 1, bytes, ..Stretch::default() });
        self.last.clone_from(&object.key);
    }

    /// What all of it came to.
    pub fn end(self, divided: Divided) -> Vec<Stretch> {
        match divided {
            Divided::ByDay => self.stretches,
            Divided::AsNeeded => self.joined(),
        }
    }

    /// With days that follow each other in one stretch, as long as they are small.
    fn joined(self) -> Vec<Stretch> {
        let mut joined: Vec<Stretch> = Vec::new();
        for stretch in self.stretches {
            if let (Some((day, _)), Some(before)) = (whole_days(&stretch), joined.last_mut())
                && let Some((first, last)) = whole_days(before)
                && last + 1 == day
                && before.weight().saturating_add(stretch.weight()) <= MAX_JOINED_WEIGHT
            {
                (before.prefix, before.days) = (self.path.clone(), Some((first, day)));
                before.objects += stretch.objects;
                before.bytes = before.bytes.saturating_add(stretch.bytes);
            } else {
                joined.push(stretch);
            }
        }
        joined
    }
}

/// The first and the last day of a stretch that holds all of its days.
fn whole_days(stretch: &Stretch) -> Option<(u32, u32)> {
    let is_whole = stretch.after.is_none() && stretch.until.is_none();
    stretch.of_days().filter(|_| is_whole).map(|(_, days)| days)
}

/// Puts stretches together, in the order of their keys.
pub(super) fn items(mut stretches: Vec<Stretch>) -> Vec<Item> {
    stretches.sort_by_cached_key(|stretch| {
        stretch.begins_behind().map_or_else(|| stretch.prefix.clone(), Cow::into_owned)
    });
    let mut items: Vec<Item> = Vec::new();
    let mut weight = 0u64;
    for stretch in stretches {
        let next = stretch.weight();
        match items.last_mut() {
            Some(item)
                if weight.saturating_add(next) <= MAX_WEIGHT && item.stretches.len() < MAX_STRETCHES =>
            {
                weight += next;
                item.stretches.push(stretch);
            }
            _ => {
                weight = next;
                items.push(Item { stretches: vec![stretch] });
            }
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/";

    fn object(day: &str, name: usize, bytes: u64) -> ListedObject {
        ListedObject { key: format!("{MONTH}{day}/{name:06}.json.gz"), bytes, modified: None }
    }

    fn month(objects: &[ListedObject]) -> Vec<Stretch> {
        let mut month = Month::new(MONTH, 1..=2);
        assert!(month.take(objects));
        month.end(Divided::AsNeeded)
    }

    #[test]
    fn a_day_with_more_than_an_item_holds_is_split_between_keys() {
        let mut objects: Vec<ListedObject> = (0..45_000).map(|name| object("01", name, 0)).collect();
        objects.push(object("02", 0, 70_000));
        let stretches = month(&objects);
        let key = |name: usize| Some(object("01", name, 0).key);
        let ends: Vec<_> = stretches.iter().map(|it| (it.after.clone(), it.until.clone())).collect();
        assert_eq!(
            ends,
            [(None, key(19_999)), (key(19_999), key(39_999)), (key(39_999), None), (None, None)]
        );
        let items = items(stretches);
        let objects = |item: &Item| item.stretches.iter().map(|it| it.objects).collect::<Vec<_>>();
        assert_eq!(
            items.iter().map(objects).collect::<Vec<_>>(),
            [vec![20_000], vec![20_000], vec![5_000, 1]]
        );
    }

    #[test]
    fn small_days_that_follow_each_other_make_one_stretch() {
        let mut month = Month::new(MONTH, 1..=30);
        let days = [
            ("01", 1),
            ("02", 1_000),
            ("03", 1_499),
            ("04", 1),
            ("06", 1),
            ("07", 25_000),
            ("08", 2),
            ("09", 1),
        ];
        for (day, count) in days {
            let objects: Vec<ListedObject> = (0..count).map(|name| object(day, name, 0)).collect();
            month.take(&objects);
        }
        let joined = month.end(Divided::AsNeeded);
        let divided: Vec<_> =
            joined.iter().map(|it| (&it.prefix[MONTH.len()..], it.days, it.objects)).collect();
        assert_eq!(
            divided,
            [
                ("", Some((1, 3)), 2_500),
                ("04/", None, 1),
                ("06/", None, 1),
                ("07/", None, 20_000),
                ("07/", None, 5_000),
                ("", Some((8, 9)), 3),
            ]
        );
        assert_eq!(joined[0].begins_behind().as_deref(), Some(&*format!("{MONTH}01/")));
        for (key, ends_before, holds) in [
            ("01/a", false, true),
            ("02.json.gz", false, false),
            ("02x/a", false, false),
            ("03/~", false, true),
            ("030", true, false),
            ("04/a", true, true),
        ] {
            let key = format!("{MONTH}{key}");
            assert_eq!((joined[0].ends_before(&key), joined[0].holds(&key)), (ends_before, holds), "{key}");
        }
        let items = items(joined);
        let order: Vec<Vec<u64>> =
            items.iter().map(|item| item.stretches.iter().map(|it| it.objects).collect()).collect();
        assert_eq!(order, [vec![2_500, 1, 1], vec![20_000], vec![5_000, 3]]);
    }

    #[test]
    fn large_log_files_count_for_more() {
        let objects: Vec<ListedObject> = (0..5).map(|name| object("01", name, 600 << 20)).collect();
        let items = items(month(&objects));
        let objects: Vec<u64> = items.iter().map(|item| item.stretches[0].objects).collect();
        assert_eq!(objects, [2, 2, 1]);
        let beyond_all = [object("01", 0, 1 << 40), object("01", 1, 1 << 40)];
        assert_eq!(super::items(month(&beyond_all)).len(), 2);
    }

    #[test]
    fn an_item_has_no_more_stretches_than_can_be_listed_in_time() {
        let stretch = |day: u32| Stretch { prefix: format!("{day:04}/"), objects: 1, ..Stretch::default() };
        let items = items((0..2_500).rev().map(stretch).collect());
        assert_eq!(items.iter().map(|item| item.stretches.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
        assert_eq!(items[0].stretches[0].prefix, "0000/", "in the order of their keys");
    }

    #[test]
    fn what_is_no_log_file_of_a_wanted_day_makes_no_stretch() {
        let odd = |key: &str| ListedObject { key: format!("{MONTH}{key}"), bytes: 1, modified: None };
        let mut month = Month::new(MONTH, 2..=3);
        assert_eq!(month.after(), format!("{MONTH}02"));
        assert!(month.take(&[
            odd("02"),
            odd("02.json.gz"),
            odd("02/"),
            odd("02/x.txt"),
            odd("02x/x.json.gz")
        ]));
        assert!(!month.take(&[odd("03/x.json.gz"), odd("03x/x.json.gz")]), "it is beyond the last day");
        let prefixes: Vec<String> = month.end(Divided::ByDay).into_iter().map(|it| it.prefix).collect();
        assert_eq!(prefixes, [format!("{MONTH}03/")]);
    }
}
