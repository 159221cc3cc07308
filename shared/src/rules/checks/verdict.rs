//! What a rule over the credential report raises for one row.

use chrono::{DateTime, Utc};

use crate::formats::credential_report::Cell;

/// What one rule raises for one row, and what it could not judge.
#[derive(Debug, Default)]
pub struct CheckVerdict {
    pub(super) raised: Vec<CheckRaised>,
    /// Columns without the value that the rule needs.
    pub(super) unjudged: Vec<&'static str>,
}

/// The part of a finding that the rule decides.
#[derive(Debug)]
pub(super) struct CheckRaised {
    /// A phrase that follows the principal's name.
    pub(super) what: String,
    pub(super) instance: Instance,
    pub(super) facts: Vec<(&'static str, String)>,
}

/// Distinguishes the findings that one rule may raise about one principal: a part of the finding's id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instance {
    /// The rule raises one finding at most.
    Only,
    /// One of several credentials of a kind.
    Credential(Credential),
    /// One of many uses: a later use is another finding.
    Use(DateTime<Utc>),
}

impl Instance {
    /// The date that identifies it from one report to the next.
    pub(super) fn date(self) -> Option<DateTime<Utc>> {
        match self {
            Instance::Only => None,
            Instance::Credential(credential) => credential.last_rotated,
            Instance::Use(date) => Some(date),
        }
    }

    /// Whether a column is about another credential of the user.
    pub(super) fn excludes(self, column: &str) -> bool {
        self.slot().is_some_and(|own| {
            KEY_SLOTS.iter().chain(CERTIFICATE_SLOTS).any(|slot| slot.has(column)) && !own.has(column)
        })
    }

    /// The columns that are about this credential alone.
    fn slot(self) -> Option<&'static CredentialSlot> {
        match self {
            Instance::Credential(credential) => Some(credential.slot),
            Instance::Only | Instance::Use(_) => None,
        }
    }
}

/// One of two access keys or certificates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential {
    /// Its columns in this report. They do not identify it: they may be others in the next report.
    pub(super) slot: &'static CredentialSlot,
    /// Identifies it, for the report has no id.
    pub(super) last_rotated: Option<DateTime<Utc>>,
}

/// The columns of one of two access keys or certificates.
#[derive(Debug)]
pub(super) struct CredentialSlot {
    pub(super) active: &'static str,
    pub(super) last_rotated: &'static str,
    /// Empty for certificates: the report has no such column.
    pub(super) last_used: &'static str,
}

impl CredentialSlot {
    fn has(&self, column: &str) -> bool {
        [self.active, self.last_rotated, self.last_used].contains(&column)
    }
}

pub(super) const KEY_SLOTS: &[CredentialSlot; 2] = &[
    CredentialSlot {
        active: "access_key_1_active",
        last_rotated: "access_key_1_last_rotated",
        last_used: "access_key_1_last_used_date",
    },
    CredentialSlot {
        active: "access_key_2_active",
        last_rotated: "access_key_2_last_rotated",
        last_used: "access_key_2_last_used_date",
    },
];

pub(super) const CERTIFICATE_SLOTS: &[CredentialSlot; 2] = &[
    CredentialSlot { active: "cert_1_active", last_rotated: "cert_1_last_rotated", last_used: "" },
    CredentialSlot { active: "cert_2_active", last_rotated: "cert_2_last_rotated", last_used: "" },
];

impl CheckVerdict {
    /// Raises a finding; `what` is a phrase that follows the principal's name.
    pub(super) fn raise(&mut self, what: impl Into<String>) {
        self.raise_instance(Instance::Only, what);
    }

    /// Raises a finding about one of several credentials.
    pub(super) fn raise_about(&mut self, credential: Credential, what: impl Into<String>) {
        self.raise_instance(Instance::Credential(credential), what);
    }

    /// Raises a finding about one of many uses.
    pub(super) fn raise_use(&mut self, date: DateTime<Utc>, what: impl Into<String>) {
        self.raise_instance(Instance::Use(date), what);
    }

    fn raise_instance(&mut self, instance: Instance, what: impl Into<String>) {
        self.raised.push(CheckRaised { what: what.into(), instance, facts: Vec::new() });
    }

    /// Adds a fact, besides the columns, to what was raised last.
    pub(super) fn fact(&mut self, name: &'static str, value: impl ToString) {
        if let Some(raised) = self.raised.last_mut() {
            raised.facts.push((name, value.to_string()));
        }
    }

    /// The date in a column that must have one; without it, the column is noted as unjudged.
    pub(super) fn needed(
        &mut self,
        cell: &Cell<DateTime<Utc>>,
        column: &'static str,
    ) -> Option<DateTime<Utc>> {
        if !matches!(cell, Cell::Value(_) | Cell::Missing | Cell::Unreadable(_)) {
            self.unjudged.push(column);
        }
        cell.value().copied()
    }
}

/// `1 day`, `90 days`.
pub(super) fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}
