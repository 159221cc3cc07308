//! One page about past log files: a single HTML file that opens in a browser with no network.

use chrono::{DateTime, NaiveDate, Utc};

use crate::app::Counts;

/// What the page says of itself, beside what its [`Story`](crate::story::Story) holds. Any text may be untrusted.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Its head line: `Backfill 2026-01-01 to 2026-03-31`.
    pub title: &'a str,
    /// What was looked at: a bucket, accounts, Regions, paths; one thing each.
    pub sources: &'a [String],
    /// The first day (UTC) that was asked for; nothing where it is whatever the log files hold.
    pub from: Option<NaiveDate>,
    /// The last day, itself included.
    pub to: Option<NaiveDate>,
    /// When the page was made.
    pub made_at: DateTime<Utc>,
    /// What was read.
    pub counts: Counts,
    /// How many log files could not be had.
    pub unread_log_files: u64,
    /// Where all findings stand, one a line; nothing where they stand nowhere.
    pub findings_at: Option<&'a str>,
}
