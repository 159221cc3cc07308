//! What a report covers.

use chrono::{DateTime, NaiveDate, Utc};

use crate::formats::cloudtrail::counts::Counts;

/// What a report covers, besides the [`Overview`](super::overview::Overview). Its texts may be untrusted.
#[derive(Clone, Debug)]
pub struct ReportScope<'a> {
    /// The heading: `Backfill 2026-01-01 to 2026-03-31`.
    pub title: &'a str,
    /// The buckets, accounts, Regions or paths that were read, one each.
    pub sources: &'a [String],
    /// The first requested day (UTC); `None` if no day was requested.
    pub from: Option<NaiveDate>,
    /// The last requested day (UTC), included.
    pub to: Option<NaiveDate>,
    /// When the report was made.
    pub made_at: DateTime<Utc>,
    /// What was read.
    pub counts: Counts,
    /// How many log files, or folders of them, were not fetched.
    pub unfetched_log_files: u64,
    /// The URI of all findings as JSON lines; `None` if they are not stored.
    pub findings_at: Option<&'a str>,
}
