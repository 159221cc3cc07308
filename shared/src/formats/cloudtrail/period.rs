//! A period of days.

use chrono::{DateTime, NaiveDate, Utc};

use super::key;

/// Days in UTC, both included. An absent day is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl Period {
    /// Whether a record is in the period: by its own time, or by the delivery time of its log file if it has none. A record
    /// without either is included.
    pub fn holds(&self, time: Option<DateTime<Utc>>, log_file: &str) -> bool {
        let time = time.or_else(|| key::delivered(log_file));
        let day = time.map(|time| time.date_naive()).or_else(|| key::day(log_file));
        let Some(day) = day else { return true };
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}
