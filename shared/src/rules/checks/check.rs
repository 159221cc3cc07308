//! An entry of the table of rules over the credential report, and what it judges.

use chrono::{DateTime, Utc};

#[cfg(any(test, feature = "cases"))]
use super::cases::CheckCase;
use super::verdict::CheckVerdict;
use crate::config::{Config, Days};
use crate::finding::rule::{Ends, Rule};
use crate::formats::credential_report::{Cell, Row};

/// One rule over the report.
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// Which rows it judges.
    pub scope: RowScope,
    /// Every column that it reads.
    pub columns: &'static [&'static str],
    /// How its findings come to an end.
    pub ends: Ends,
    /// Judges one row.
    pub judge: fn(&CheckInput<'_>, &mut CheckVerdict),
    /// Rows that raise it and rows that do not.
    #[cfg(any(test, feature = "cases"))]
    pub cases: &'static [CheckCase],
}

/// Which rows a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowScope {
    /// The root user's.
    Root,
    /// Every other user's.
    Users,
}

impl RowScope {
    /// Whether the row is in the scope.
    pub(super) fn includes(self, row: &Row) -> bool {
        row.is_root() == (self == RowScope::Root)
    }
}

/// What a rule judges: one row, at one time, with these limits.
#[derive(Clone, Copy, Debug)]
pub struct CheckInput<'a> {
    /// The row, without dates later than the report.
    pub row: &'a Row,
    /// When AWS made the report.
    pub generated: DateTime<Utc>,
    /// The limits.
    pub config: &'a Config,
}

impl CheckInput<'_> {
    /// Whole days from `date` to the report; 0 if it is later.
    pub(super) fn age_days(&self, date: DateTime<Utc>) -> i64 {
        (self.generated - date).num_days().max(0)
    }

    /// The limit for this user in days; the shorter one if the report does not say whether there is a password.
    pub(super) fn limit(&self, days: Days) -> i64 {
        i64::from(match self.row.password.enabled {
            Cell::Value(true) => days.people,
            Cell::Value(false) => days.machines,
            _ => days.people.min(days.machines),
        })
    }
}
