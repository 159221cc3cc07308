//! A user of a credential report with the findings about it.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use shared::finding::Finding;
use shared::formats::credential_report::{AccessKey, Cell, Row};

/// A user, or the root user, with the findings about it.
pub struct ListedUser<'a> {
    /// The row of the report, without dates after `as_of`.
    pub row: Row,
    /// The most severe first.
    pub findings: Vec<&'a Finding>,
    /// The time at which ages are measured.
    as_of: DateTime<Utc>,
}

impl<'a> ListedUser<'a> {
    /// Takes the user's findings from `by_user`, whose key is whether it is the root user, and the name.
    pub fn of(
        row: &Row,
        by_user: &HashMap<(bool, &str), Vec<&'a Finding>>,
        as_of: DateTime<Utc>,
    ) -> ListedUser<'a> {
        let row = row.without_dates_after(as_of);
        let name = if row.is_root() { "root" } else { &row.user };
        let mut findings = by_user.get(&(row.is_root(), name)).cloned().unwrap_or_default();
        findings.sort_by_key(|finding| (Reverse(finding.severity), finding.rule.id));
        ListedUser { row, findings, as_of }
    }

    /// The name as findings have it.
    pub fn name(&self) -> &str {
        if self.row.is_root() { "root" } else { &self.row.user }
    }

    /// The type as findings have it.
    pub fn kind(&self) -> &'static str {
        if self.row.is_root() { "Root" } else { "IAMUser" }
    }

    /// The most severe finding.
    pub fn worst(&self) -> Option<&&Finding> {
        self.findings.first()
    }

    /// The age of the date in whole days; `None` if there is no date.
    pub fn days_since(&self, cell: &Cell<DateTime<Utc>>) -> Option<i64> {
        cell.value().map(|date| (self.as_of - *date).num_days().max(0))
    }
}

/// Whether there is no such key. The report has no word for it; an inactive key keeps its dates.
pub fn is_absent(key: &AccessKey) -> bool {
    key.active.is_no() && key.last_rotated == Cell::NotApplicable && key.last_used.value().is_none()
}
