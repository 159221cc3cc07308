//! Dividing log files into what one invocation reads in one go.

use std::ops::RangeInclusive;

use super::folders::number;
use crate::backfill::{Item, Stretch, weight};
use crate::cloudtrail::key::ObjectKind;
use crate::ports::ListedObject;

/// How much one item holds.
const MAX_WEIGHT: u64 = 20_000;

/// How many stretches one item holds: each takes a listing.
const MAX_STRETCHES: usize = 1_000;

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
        self.stretches.push(Stretch { prefix, after, until: None, objects: 1, bytes });
        self.last.clone_from(&object.key);
    }

    /// What all of it came to.
    pub fn end(self) -> Vec<Stretch> {
        self.stretches
    }
}

/// Puts stretches together, in the order of their keys.
pub(super) fn items(mut stretches: Vec<Stretch>) -> Vec<Item> {
    stretches.sort_unstable_by(|a, b| (&a.prefix, &a.after).cmp(&(&b.prefix, &b.after)));
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
        month.end()
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
        let stretch = |day: u32| Stretch {
            prefix: format!("{day:04}/"),
            after: None,
            until: None,
            objects: 1,
            bytes: 0,
        };
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
        let prefixes: Vec<String> = month.end().into_iter().map(|it| it.prefix).collect();
        assert_eq!(prefixes, [format!("{MONTH}03/")]);
    }
}
