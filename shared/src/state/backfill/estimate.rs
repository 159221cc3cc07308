//! What a backfill takes: how much there is to read, and about what that costs.
//!
//! Source: the price lists of Amazon S3 and AWS Lambda (arm64) for us-east-1; other Regions differ by some tenths.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Plan;

/// US$ for a GET, as for a thousandth of 1,000.
const GET: f64 = 0.0004 / 1_000.0;

/// US$ for a LIST or a PUT.
const LIST: f64 = 0.005 / 1_000.0;

/// US$ for a second of a function with one whole processor, which is 1,769 MB.
const SECOND: f64 = 1_769.0 / 1_024.0 * 0.000_013_333_4;

/// How long a log file takes one processor, with 64 KiB of it: what `make bench` shows for small log files, and as
/// much again for a processor that is slower.
const SECONDS_PER_LOG_FILE: f64 = 0.000_5;

/// How many keys one page of a listing holds.
const PAGE: u64 = 1_000;

/// What a backfill takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// How many log files there are, with those of a day before and one behind.
    pub log_files: u64,
    /// How many bytes they have, as they are stored.
    pub bytes: u64,
    /// In how many accounts there are any.
    pub accounts: usize,
    /// In how many Regions there are any.
    pub regions: usize,
    /// On how many days any were delivered.
    pub days: usize,
    /// How many parts it is divided into.
    pub items: usize,
    /// How long one processor takes to read them, in seconds: about.
    pub seconds: u64,
    /// What AWS charges for it, in US$: about. Decryption by KMS, and buckets in other Regions, come on top.
    pub cost_usd: f64,
    /// Whether the state machine reads it, with many invocations at once.
    pub by_fleet: bool,
    /// Whether there is no log file of the days that are meant, but at most of those around them.
    pub none_of_these_days: bool,
}

impl Plan {
    /// How much work it is to read it: a log file counts for one, and so do 64 KiB.
    pub fn weight(&self) -> u64 {
        self.stretches().map(super::Stretch::weight).sum()
    }

    /// What it takes. With more to read than `fleet_above`, where there is a fleet, the fleet reads it.
    pub fn estimate(&self, fleet_above: Option<u64>) -> Estimate {
        let (mut accounts, mut regions, mut days) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut pages = 0;
        for stretch in self.stretches() {
            if let Some((folder, (first, last))) = stretch.of_days()
                && let parts = folder.trim_end_matches('/').rsplit('/').collect::<Vec<_>>()
                && let [month, year, region, _, account, ..] = parts[..]
            {
                accounts.insert(account);
                regions.insert(region);
                // A month has no more, whatever stands in the plan.
                days.extend((first.max(1)..=last.min(31)).map(|day| (year, month, day)));
            }
            pages += 1 + stretch.objects / PAGE;
        }
        let (log_files, items) = (self.objects(), self.items.len());
        let seconds = self.weight() as f64 * SECONDS_PER_LOG_FILE;
        // Listed once to plan and once to read, and each part is written and read.
        let lists = 2 * pages + 2 * items as u64;
        let cost = log_files as f64 * GET + lists as f64 * LIST + seconds * SECOND;
        Estimate {
            log_files,
            bytes: self.bytes(),
            accounts: accounts.len(),
            regions: regions.len(),
            days: days.len(),
            items,
            seconds: seconds.ceil() as u64,
            // No more digits than it is worth.
            cost_usd: (cost * 10_000.0).ceil() / 10_000.0,
            by_fleet: fleet_above.is_some_and(|above| self.weight() > above),
            none_of_these_days: !self.has_wanted_days(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::events::backfill::Wanted;
    use crate::state::backfill::{Item, Stretch};
    use crate::state::format::FORMAT;

    use super::*;

    #[test]
    fn a_million_log_files_cost_about_half_a_dollar() {
        let stretch = |account: &str, region: &str, day: &str| Stretch {
            prefix: format!("AWSLogs/{account}/CloudTrail/{region}/2026/04/{day}/"),
            objects: 250_000,
            bytes: 250_000 << 10,
            ..Stretch::default()
        };
        let (one, other) = ("111122223333", "444400000000");
        let stretches = vec![
            stretch(one, "us-east-1", "01"),
            stretch(one, "us-east-1", "02"),
            stretch(other, "us-east-1", "01"),
            stretch(other, "eu-central-1", "01"),
        ];
        let day = "2026-04-01".parse().unwrap();
        let wanted = Wanted { from: day, to: day, accounts: [].into(), regions: [].into() };
        let items = vec![Item { stretches }];
        let plan = Plan { format: FORMAT, bucket: "logs".to_owned(), wanted, items };
        let estimate = plan.estimate(Some(300_000));
        assert_eq!((estimate.log_files, estimate.bytes), (1_000_000, 1_000_000 << 10));
        assert_eq!((estimate.accounts, estimate.regions, estimate.days, estimate.items), (2, 2, 2, 1));
        assert!((0.40..0.50).contains(&estimate.cost_usd), "{}", estimate.cost_usd);
        assert!(estimate.by_fleet && !estimate.none_of_these_days);
        assert!(!plan.estimate(Some(2_000_000)).by_fleet);
        assert!(!plan.estimate(None).by_fleet, "there is no fleet");
    }
}
