//! A check's cases: rows that raise it, and rows that do not.

use chrono::{DateTime, Utc};

use super::context::ReportContext;
use crate::config::Config;
use crate::formats::credential_report::samples::{BaseRow, csv};

/// When the reports of all cases were made.
pub const GENERATED: &str = "2026-04-01T08:15:00Z";

/// One row, and what judging it must come to.
#[derive(Debug)]
pub struct CheckCase {
    /// What is special about it.
    pub name: &'static str,
    /// How it differs from the row it starts from.
    pub row: BaseRow,
    /// Settings that differ from their defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// The expected result.
    pub expect: CheckExpect,
}

/// The expected result for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckExpect {
    /// This many findings of the rule that the case belongs to, and nothing of it is left unjudged.
    Raised(usize),
    /// No finding of that rule, and nothing of it is left unjudged.
    Nothing,
    /// No finding of that rule, for it could not look.
    CouldNotLook,
}

impl CheckCase {
    /// A case with every setting at its default.
    pub const fn new(name: &'static str, row: BaseRow, expect: CheckExpect) -> CheckCase {
        CheckCase { name, row, settings: &[], expect }
    }

    /// The whole report: root, and where the case is about another user, that one.
    pub fn csv(&self) -> String {
        match self.row {
            BaseRow::Root(_) => csv(&[self.row]),
            BaseRow::Person(_) | BaseRow::Machine(_) => csv(&[BaseRow::Root(&[]), self.row]),
        }
    }

    /// The settings.
    pub fn config(&self) -> Config {
        let lookup = |name: &str| {
            self.settings.iter().find(|(setting, _)| *setting == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).unwrap_or_else(|error| panic!("case {:?}: {error}", self.name))
    }
}

/// The moment at which the reports of all cases were made.
pub fn generated() -> DateTime<Utc> {
    GENERATED.parse().unwrap_or_else(|error| panic!("{GENERATED}: {error}"))
}

/// The context of the findings of all cases.
pub fn about() -> ReportContext<'static> {
    ReportContext { account: "111122223333", generated: generated(), source: None }
}
