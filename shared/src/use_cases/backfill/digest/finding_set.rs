//! The findings of all items, each once: the most severe are kept, all are counted.

use std::collections::BTreeMap;

use crate::bounded::{Limits, WorstSet};
use crate::finding::Finding;
use crate::finding::merged;
use crate::severity::Severity;
use crate::state::case::FactSet;

/// How many findings are kept.
pub(super) const MAX_FINDINGS: usize = 50_000;

/// How many findings that were left out are recognised again.
pub(super) const MAX_LEFT_OUT: usize = 1_000_000;

/// The findings of all items.
pub(super) struct FindingSet {
    most_left_out: usize,
    kept: WorstSet<String, Finding>,
    /// The findings that were left out, by id. Above `most_left_out`, each copy is counted.
    left_out: BTreeMap<u64, Severity>,
    /// Findings of which only the severity is known.
    unknown: BTreeMap<Severity, u64>,
}

impl FindingSet {
    pub fn new(most: usize, most_left_out: usize) -> FindingSet {
        let (kept, left_out) = (WorstSet::new(Limits::of_items(most)), BTreeMap::new());
        FindingSet { most_left_out, kept, left_out, unknown: BTreeMap::new() }
    }

    /// Adds a finding, and merges it with the same finding of another log file, in either order.
    pub fn add(&mut self, finding: Finding) {
        let id = FactSet::id(&finding.id);
        // A more severe copy replaces one that was left out.
        if self.left_out.get(&id).is_some_and(|severity| *severity >= finding.severity) {
            return;
        }
        self.left_out.remove(&id);
        let copies = [self.kept.remove(&finding.id), Some(finding)].into_iter().flatten().collect();
        for finding in merged(copies) {
            let dropped = self.kept.insert(finding.id.clone(), finding);
            self.leave_out(dropped);
        }
    }

    /// Adds findings that an item has left out.
    pub fn add_unknown(&mut self, severity: Severity, count: u64) {
        *self.unknown.entry(severity).or_default() += count;
    }

    /// The kept findings by time, how many findings there are of each severity, and how many were left out.
    pub fn end(mut self) -> (Vec<Finding>, BTreeMap<Severity, u64>, u64) {
        let dropped = self.kept.trim();
        self.leave_out(dropped);
        let mut kept: Vec<Finding> = self.kept.take().into_values().collect();
        let mut counts: BTreeMap<Severity, u64> =
            Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
        for severity in kept.iter().map(|finding| finding.severity).chain(self.left_out.values().copied()) {
            *counts.entry(severity).or_default() += 1;
        }
        let mut left_out = self.left_out.len() as u64;
        for (severity, count) in self.unknown {
            *counts.entry(severity).or_default() += count;
            left_out += count;
        }
        kept.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
        (kept, counts, left_out)
    }

    fn leave_out(&mut self, dropped: Vec<(String, Finding)>) {
        for (id, finding) in dropped {
            if self.left_out.len() < self.most_left_out {
                self.left_out.insert(FactSet::id(&id), finding.severity);
            } else {
                *self.unknown.entry(finding.severity).or_default() += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;
    use crate::finding::stable_id;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{DetectionCase, DetectionExpect};

    fn finding(n: u64, log_file: &str) -> Finding {
        let record = BaseRecord::ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "No"}}"#);
        let mut finding = DetectionCase::new("found", record, DetectionExpect::Nothing).finding().unwrap();
        finding.id = stable_id(&[&n.to_string()]);
        finding.severity = Severity::ALL[(n % 5) as usize];
        finding.unauthenticated = n.is_multiple_of(2);
        finding.evidence.log_file = Some(log_file.to_owned());
        finding
    }

    proptest! {
        #[test]
        fn in_any_order_and_however_often_the_worst_are_kept_and_all_are_counted(
            numbers in prop::collection::vec(0u64..100, 1..200),
            most in 1usize..60,
        ) {
            let end = |numbers: &mut dyn Iterator<Item = &u64>| {
                let mut found = FindingSet::new(most, MAX_LEFT_OUT);
                numbers.for_each(|n| found.add(finding(*n, &format!("{}.json", n % 3))));
                let (kept, counts, left_out) = found.end();
                (kept.into_iter().map(|finding| finding.id).collect::<Vec<_>>(), counts, left_out)
            };
            let (kept, counts, left_out) = end(&mut numbers.iter());
            prop_assert_eq!(&end(&mut numbers.iter().rev().chain(&numbers)), &(kept.clone(), counts.clone(), left_out));
            let distinct: std::collections::BTreeSet<u64> = numbers.into_iter().collect();
            prop_assert_eq!(counts.values().sum::<u64>(), distinct.len() as u64);
            prop_assert_eq!(kept.len() as u64 + left_out, distinct.len() as u64);
            prop_assert_eq!(kept.len(), distinct.len().min(most));
            let mut order: Vec<_> = distinct.iter().map(|n| finding(*n, "x")).collect();
            order.sort_by_key(|finding| (Reverse(finding.retention_priority()), finding.id.clone()));
            order.truncate(most);
            let worst: std::collections::BTreeSet<String> = order.into_iter().map(|finding| finding.id).collect();
            prop_assert_eq!(kept.into_iter().collect::<std::collections::BTreeSet<_>>(), worst);
        }
    }

    #[test]
    fn the_same_event_in_other_log_files_is_one_finding_that_names_them() {
        let mut found = FindingSet::new(10, MAX_LEFT_OUT);
        for log_file in ["b.json", "c.json", "a.json", "b.json"] {
            found.add(finding(1, log_file));
        }
        found.add_unknown(Severity::Low, 7);
        let (kept, counts, left_out) = found.end();
        assert_eq!((kept.len(), counts[&Severity::Low], left_out), (1, 8, 7));
        assert_eq!(kept[0].evidence.log_file.as_deref(), Some("a.json"));
        assert_eq!(kept[0].evidence.also_in, ["b.json", "c.json"]);
    }

    #[test]
    fn what_is_left_out_takes_no_more_room_than_there_is_and_is_counted() {
        let mut found = FindingSet::new(10, 20);
        for n in 0..500 {
            found.add(finding(n, "a.json"));
        }
        let (most, left_out) = (found.kept.len(), found.left_out.len());
        assert!(most <= 11 && left_out == 20, "{most} {left_out}");
        let (kept, counts, left_out) = found.end();
        assert_eq!((kept.len(), left_out, counts.values().sum::<u64>()), (10, 490, 500));
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [100; 5]);
    }

    #[test]
    fn a_worse_copy_of_what_was_left_out_is_kept_and_counted_once() {
        let mut found = FindingSet::new(1, MAX_LEFT_OUT);
        found.add(Finding { severity: Severity::High, unauthenticated: false, ..finding(1, "a.json") });
        found.add(Finding { severity: Severity::Low, ..finding(2, "a.json") });
        let dropped = found.kept.trim();
        found.leave_out(dropped);
        found.add(Finding { severity: Severity::Critical, unauthenticated: false, ..finding(2, "b.json") });
        let (kept, counts, left_out) = found.end();
        assert_eq!((kept.len(), left_out, kept[0].severity), (1, 1, Severity::Critical));
        assert_eq!((counts[&Severity::Low], counts[&Severity::High], counts[&Severity::Critical]), (0, 1, 1));
    }
}
