//! The days of which records are meant.

use chrono::{DateTime, NaiveDate, Utc};

use super::key;

/// Days in UTC, both included; without a bound where one is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl Period {
    /// Whether something happened then. Where nobody can say when it happened, the day on which its log file was
    /// delivered counts, and where nobody can say that either, it may have been then.
    pub fn holds(&self, time: Option<DateTime<Utc>>, log_file: &str) -> bool {
        let time = time.or_else(|| key::delivered(log_file));
        let day = time.map(|time| time.date_naive()).or_else(|| key::day(log_file));
        let Some(day) = day else { return true };
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}
