#![allow(missing_docs, unused_variables, dead_code)]
use super::*;
use crate::suppress::{Problem, Suppression};
use chrono::{DateTime, Utc};
pub fn suppression_expired(entry: &Suppression, uri: &str, account: Option<&str>) -> Finding {
    could_not_look(uri, account, Severity::Low, DateTime::UNIX_EPOCH, "expired".into(), None)
}
pub fn suppressions_changed(
    before: Option<&str>,
    after: Option<&str>,
    uri: &str,
    modified: Option<DateTime<Utc>>,
    account: Option<&str>,
) -> Option<Finding> {
    (before != after)
        .then(|| could_not_look(uri, account, Severity::Low, DateTime::UNIX_EPOCH, "changed".into(), None))
}
pub fn suppressions_unreadable(
    problems: &[Problem],
    content: &str,
    uri: &str,
    account: Option<&str>,
) -> Option<Finding> {
    None
}
pub fn mails_held_back(
    budget: crate::config::Budget,
    severity: Severity,
    n: u64,
    uri: &str,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Finding {
    could_not_look(uri, account, severity, now, format!("{n} held back"), None)
}
