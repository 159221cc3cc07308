//! The estimate of a backfill: how much there is to read, and what AWS charges for it.
//!
//! Source: the price lists of Amazon S3 and AWS Lambda (arm64) for us-east-1; other Regions differ by some tenths.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::plan::Plan;

/// US$ for one GET.
const GET: f64 = 0.0004 / 1_000.0;

/// US$ for one LIST or PUT.
const LIST: f64 = 0.005 / 1_000.0;

/// US$ for one second of a function with one processor, which has 1,769 MB.
const SECOND: f64 = 1_769.0 / 1_024.0 * 0.000_013_333_4;

/// Seconds of one processor for a log file of at most 64 KiB: twice what `make bench` measures, because processors
/// differ.
const SECONDS_PER_LOG_FILE: f64 = 0.000_5;

/// The keys of one page of a listing.
const PAGE: u64 = 1_000;

/// What there is to read, and what that costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Log files, with those of the day before and the day after.
    pub log_files: u64,
    /// Their size in bytes, compressed.
    pub bytes: u64,
    /// Accounts that have any.
    pub accounts: usize,
    /// Regions that have any.
    pub regions: usize,
    /// Days on which any were delivered.
    pub days: usize,
    /// Items of the plan.
    pub items: usize,
    /// Seconds that one processor takes to read them, roughly.
    pub seconds: u64,
    /// What AWS charges, in US$, roughly. Decryption by KMS and buckets in other Regions cost extra.
    pub cost_usd: f64,
    /// Whether the state machine reads them, with many concurrent invocations.
    pub by_fleet: bool,
    /// Whether there is no log file of the requested days themselves.
    pub none_of_these_days: bool,
}

impl Plan {
    /// Estimates the plan. The state machine reads it if its weight is above `fleet_above`; `None` if there is no state
    /// machine.
    pub fn estimate(&self, fleet_above: Option<u64>) -> Estimate {
        let (mut accounts, mut regions, mut days) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut pages = 0;
        for range in self.ranges() {
            if let Some((folder, (first, last))) = range.of_days()
                && let parts = folder.trim_end_matches('/').rsplit('/').collect::<Vec<_>>()
                && let [month, year, region, _, account, ..] = parts[..]
            {
                accounts.insert(account);
                regions.insert(region);
                // Bounded, whatever the stored plan says.
                days.extend((first.max(1)..=last.min(31)).map(|day| (year, month, day)));
            }
            pages += 1 + range.objects / PAGE;
        }
        let (log_files, items) = (self.objects(), self.items.len());
        let seconds = self.weight() as f64 * SECONDS_PER_LOG_FILE;
        // Ranges are listed twice, to plan and to read; each item's result is written and read.
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
            // Rounded up to the digits that it is accurate to.
            cost_usd: (cost * 10_000.0).ceil() / 10_000.0,
            by_fleet: fleet_above.is_some_and(|above| self.weight() > above),
            none_of_these_days: !self.has_wanted_days(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_range::KeyRange;
    use super::super::plan::PlanItem;
    use crate::formats::events::backfill::Wanted;
    use crate::state::format::FORMAT;

    use super::*;

    #[test]
    fn a_million_log_files_cost_about_half_a_dollar() {
        let range = |account: &str, region: &str, day: &str| KeyRange {
            prefix: format!("AWSLogs/{account}/CloudTrail/{region}/2026/04/{day}/"),
            objects: 250_000,
            bytes: 250_000 << 10,
            ..KeyRange::default()
        };
        let (one, other) = ("111122223333", "444400000000");
        let ranges = vec![
            range(one, "us-east-1", "01"),
            range(one, "us-east-1", "02"),
            range(other, "us-east-1", "01"),
            range(other, "eu-central-1", "01"),
        ];
        let day = "2026-04-01".parse().unwrap();
        let wanted = Wanted { from: day, to: day, accounts: [].into(), regions: [].into() };
        let items = vec![PlanItem { ranges }];
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
