//! The plan of a backfill: which log files each invocation reads.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::key_range::KeyRange;
use crate::finding::stable_id;
use crate::formats::events::backfill::Wanted;
use crate::state::format::{check_format, not_json};

/// What one invocation reads at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanItem {
    /// Sorted by key.
    #[serde(rename = "stretches")]
    pub ranges: Vec<KeyRange>,
}

impl PlanItem {
    /// How many log files it had when the plan was made.
    pub fn objects(&self) -> u64 {
        self.ranges.iter().map(|range| range.objects).sum()
    }

    /// A hash of its ranges. It tells apart items of two plans that have the same number.
    pub fn fingerprint(&self) -> String {
        let fields =
            self.ranges.iter().flat_map(|KeyRange { prefix, days, after, until, objects, bytes }| {
                let (first, last) = days.unwrap_or_default();
                let numbers = [first.into(), last.into(), *objects, *bytes];
                let keys = [Some(prefix), after.as_ref(), until.as_ref()];
                let keys = keys.map(|key| key.cloned().unwrap_or_default());
                keys.into_iter().chain(numbers.map(|number| number.to_string()))
            });
        let fields: Vec<String> = fields.collect();
        stable_id(&fields.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// All log files of a backfill, divided into items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// See [`crate::state::format::FORMAT`].
    pub format: u32,
    /// The bucket of the log files.
    pub bucket: String,
    /// The days, accounts and Regions of the request.
    pub wanted: Wanted,
    /// What each invocation reads.
    pub items: Vec<PlanItem>,
}

impl Plan {
    /// Reads a plan for this bucket and request.
    ///
    /// # Errors
    /// Why the content is no such plan.
    pub fn read(content: &[u8], bucket: &str, wanted: &Wanted) -> Result<Plan, String> {
        check_format(content)?;
        let plan: Plan = serde_json::from_slice(content).map_err(not_json)?;
        if plan.bucket != bucket || plan.wanted != *wanted {
            return Err("it is about other log files".to_owned());
        }
        Ok(plan)
    }

    /// How many log files it has.
    pub fn objects(&self) -> u64 {
        self.ranges().map(|range| range.objects).sum()
    }

    /// Their size in bytes, compressed.
    pub fn bytes(&self) -> u64 {
        self.ranges().map(|range| range.bytes).sum()
    }

    /// The work of reading it: 1 for each log file, and 1 for each 64 KiB.
    pub fn weight(&self) -> u64 {
        self.ranges().map(KeyRange::weight).sum()
    }

    /// Whether there is a log file of the requested days, and not only of the day before or after.
    pub fn has_wanted_days(&self) -> bool {
        let Wanted { from, to, .. } = self.wanted;
        let is_wanted = |(first, last): (NaiveDate, NaiveDate)| first <= to && from <= last;
        self.ranges().any(|range| range.dates().is_some_and(is_wanted))
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = &KeyRange> {
        self.items.iter().flat_map(|item| &item.ranges)
    }
}
