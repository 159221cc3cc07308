//! Dividing log files into key ranges, and ranges into items.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::folders::number;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::ports::ListedObject;
use crate::state::backfill::{KeyRange, PlanItem, weight};

/// The most weight of one item: see [`weight`].
const MAX_WEIGHT: u64 = 20_000;

/// The most weight of a range of several days: less than an item's, so that items are filled well.
const MAX_JOINED_WEIGHT: u64 = MAX_WEIGHT / 8;

/// The most ranges of one item: each takes a listing.
const MAX_RANGES: usize = 1_000;

/// How many days one range covers.
#[derive(Clone, Copy)]
pub(crate) enum Division {
    /// One day, or a part of one.
    ByDay,
    /// Consecutive days if they have few log files: an organisation has thousands of folders for each day, and listing
    /// them one by one takes longer than reading their log files.
    JoinSmallDays,
}

/// The log files of one account, Region and month, while they are listed.
pub(super) struct MonthListing {
    /// The prefix of the keys of its days.
    path: String,
    days: RangeInclusive<u32>,
    ranges: Vec<KeyRange>,
    /// The last log file of the last range.
    last: String,
}

impl MonthListing {
    pub fn new(path: &str, days: RangeInclusive<u32>) -> MonthListing {
        MonthListing { path: path.to_owned(), days, ranges: Vec::new(), last: String::new() }
    }

    /// The key to list after.
    pub fn after(&self) -> String {
        format!("{}{:02}", self.path, self.days.start())
    }

    /// Takes one page. Returns whether more wanted log files may follow.
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
        let after = match self.ranges.last_mut() {
            Some(range) if range.prefix == day => {
                let objects = range.objects + 1;
                let bytes = range.bytes.saturating_add(object.bytes);
                if weight(objects, bytes) <= MAX_WEIGHT {
                    (range.objects, range.bytes) = (objects, bytes);
                    self.last.clone_from(&object.key);
                    return;
                }
                range.until = Some(self.last.clone());
                range.until.clone()
            }
            _ => None,
        };
        let (prefix, bytes) = (day.to_owned(), object.bytes);
        self.ranges.push(KeyRange { prefix, after, objects: 1, bytes, ..KeyRange::default() });
        self.last.clone_from(&object.key);
    }

    /// The ranges of all log files that were listed.
    pub fn end(self, division: Division) -> Vec<KeyRange> {
        match division {
            Division::ByDay => self.ranges,
            Division::JoinSmallDays => self.joined(),
        }
    }

    /// Joins consecutive days as long as they are small.
    fn joined(self) -> Vec<KeyRange> {
        let mut joined: Vec<KeyRange> = Vec::new();
        for range in self.ranges {
            if let (Some((day, _)), Some(before)) = (whole_days(&range), joined.last_mut())
                && let Some((first, last)) = whole_days(before)
                && last + 1 == day
                && before.weight().saturating_add(range.weight()) <= MAX_JOINED_WEIGHT
            {
                (before.prefix, before.days) = (self.path.clone(), Some((first, day)));
                before.objects += range.objects;
                before.bytes = before.bytes.saturating_add(range.bytes);
            } else {
                joined.push(range);
            }
        }
        joined
    }
}

/// The first and the last day of a range; `None` if it covers a part of a day.
fn whole_days(range: &KeyRange) -> Option<(u32, u32)> {
    let is_whole = range.after.is_none() && range.until.is_none();
    range.of_days().filter(|_| is_whole).map(|(_, days)| days)
}

/// Fills items with ranges, sorted by key.
pub(super) fn items(mut ranges: Vec<KeyRange>) -> Vec<PlanItem> {
    ranges.sort_by_cached_key(|range| {
        range.begins_behind().map_or_else(|| range.prefix.clone(), Cow::into_owned)
    });
    let mut items: Vec<PlanItem> = Vec::new();
    let mut weight = 0u64;
    for range in ranges {
        let next = range.weight();
        match items.last_mut() {
            Some(item) if weight.saturating_add(next) <= MAX_WEIGHT && item.ranges.len() < MAX_RANGES => {
                weight += next;
                item.ranges.push(range);
            }
            _ => {
                weight = next;
                items.push(PlanItem { ranges: vec![range] });
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

    fn month(objects: &[ListedObject]) -> Vec<KeyRange> {
        let mut month = MonthListing::new(MONTH, 1..=2);
        assert!(month.take(objects));
        month.end(Division::JoinSmallDays)
    }

    #[test]
    fn a_day_with_more_log_files_than_an_item_is_split_at_keys() {
        let mut objects: Vec<ListedObject> = (0..45_000).map(|name| object("01", name, 0)).collect();
        objects.push(object("02", 0, 70_000));
        let ranges = month(&objects);
        let key = |name: usize| Some(object("01", name, 0).key);
        let ends: Vec<_> = ranges.iter().map(|it| (it.after.clone(), it.until.clone())).collect();
        assert_eq!(
            ends,
            [(None, key(19_999)), (key(19_999), key(39_999)), (key(39_999), None), (None, None)]
        );
        let items = items(ranges);
        let objects = |item: &PlanItem| item.ranges.iter().map(|it| it.objects).collect::<Vec<_>>();
        assert_eq!(
            items.iter().map(objects).collect::<Vec<_>>(),
            [vec![20_000], vec![20_000], vec![5_000, 1]]
        );
    }

    #[test]
    fn consecutive_small_days_make_one_range() {
        let mut month = MonthListing::new(MONTH, 1..=30);
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
        let joined = month.end(Division::JoinSmallDays);
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
            items.iter().map(|item| item.ranges.iter().map(|it| it.objects).collect()).collect();
        assert_eq!(order, [vec![2_500, 1, 1], vec![20_000], vec![5_000, 3]]);
    }

    #[test]
    fn large_log_files_weigh_more() {
        let objects: Vec<ListedObject> = (0..5).map(|name| object("01", name, 600 << 20)).collect();
        let items = items(month(&objects));
        let objects: Vec<u64> = items.iter().map(|item| item.ranges[0].objects).collect();
        assert_eq!(objects, [2, 2, 1]);
        let beyond_all = [object("01", 0, 1 << 40), object("01", 1, 1 << 40)];
        assert_eq!(super::items(month(&beyond_all)).len(), 2);
    }

    #[test]
    fn an_item_has_no_more_ranges_than_can_be_listed_in_time() {
        let range = |day: u32| KeyRange { prefix: format!("{day:04}/"), objects: 1, ..KeyRange::default() };
        let items = items((0..2_500).rev().map(range).collect());
        assert_eq!(items.iter().map(|item| item.ranges.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
        assert_eq!(items[0].ranges[0].prefix, "0000/", "in the order of their keys");
    }

    #[test]
    fn only_log_files_of_wanted_days_make_a_range() {
        let odd = |key: &str| ListedObject { key: format!("{MONTH}{key}"), bytes: 1, modified: None };
        let mut month = MonthListing::new(MONTH, 2..=3);
        assert_eq!(month.after(), format!("{MONTH}02"));
        assert!(month.take(&[
            odd("02"),
            odd("02.json.gz"),
            odd("02/"),
            odd("02/x.txt"),
            odd("02x/x.json.gz")
        ]));
        assert!(!month.take(&[odd("03/x.json.gz"), odd("03x/x.json.gz")]), "it is beyond the last day");
        let prefixes: Vec<String> = month.end(Division::ByDay).into_iter().map(|it| it.prefix).collect();
        assert_eq!(prefixes, [format!("{MONTH}03/")]);
    }
}
