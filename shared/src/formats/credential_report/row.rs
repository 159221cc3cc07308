//! One row of a credential report: a user, or the root user.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::cell::Cell;
use crate::text;

/// Every column that iamwatch knows, in the order in which AWS writes them. Old reports have no `…_last_used…`
/// columns, and most have no `additional_credentials_info`.
pub const COLUMNS: [&str; 23] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
    "additional_credentials_info",
];

/// The user name in the root user's row. No IAM user can have it, because of the `<`.
pub const ROOT_USER: &str = "<root_account>";

/// One user, or the root user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the report, from 1.
    pub line: usize,
    /// The user's name, or [`ROOT_USER`].
    pub user: String,
    /// The ARN; `None` if the column is missing.
    pub arn: Option<String>,
    /// When the user, or the account, was made.
    pub created: Cell<DateTime<Utc>>,
    /// The console password.
    pub password: Password,
    /// Whether there is a second factor of any kind.
    pub mfa_active: Cell<bool>,
    /// The first two access keys. Their order may change from one report to the next.
    pub access_keys: [AccessKey; 2],
    /// The first two X.509 signing certificates.
    pub certificates: [Certificate; 2],
    /// AWS's text about access keys and certificates beyond two.
    pub additional: Cell<String>,
}

/// The console password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whether the user has one. Older reports have `not_supported` for root.
    pub enabled: Cell<bool>,
    /// `no_information`: never, or not since October 2014.
    pub last_used: Cell<DateTime<Utc>>,
    /// When it was set.
    pub last_changed: Cell<DateTime<Utc>>,
    /// By when it must be changed; `N/A` if the password policy has no limit.
    pub next_rotation: Cell<DateTime<Utc>>,
}

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Whether it can be used. A key that cannot may still have dates.
    pub active: Cell<bool>,
    /// When it was made, activated or deactivated.
    pub last_rotated: Cell<DateTime<Utc>>,
    /// `N/A`: never, or not since April 2015.
    pub last_used: Cell<DateTime<Utc>>,
    /// The Region of the last use; also `N/A` for a service without Regions.
    pub last_used_region: Cell<String>,
    /// The service of the last use.
    pub last_used_service: Cell<String>,
}

/// One X.509 signing certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whether it can be used. One that cannot may still have a date.
    pub active: Cell<bool>,
    /// When it was made, activated or deactivated.
    pub last_rotated: Cell<DateTime<Utc>>,
}

/// A line that is not a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// The line of the report, from 1.
    pub line: usize,
    /// The user, as in [`Row::user`]; `None` if it is not certain.
    pub user: Option<String>,
    /// What is wrong: a phrase that follows "the line".
    pub reason: String,
}

impl Row {
    /// Whether it is the root user's.
    pub fn is_root(&self) -> bool {
        self.user == ROOT_USER
    }

    /// The account in the ARN.
    pub fn account(&self) -> Option<&str> {
        // arn:aws:iam::111122223333:user/alice
        self.arn.as_deref()?.split(':').nth(4).filter(|account| text::is_account_id(account))
    }

    /// The partition in the ARN.
    pub fn partition(&self) -> Option<&str> {
        self.arn.as_deref()?.split(':').nth(1)
    }

    /// The text of a column of [`COLUMNS`], with dates as RFC 3339. `None` if the column is missing or unknown.
    pub fn shown(&self, column: &str) -> Option<String> {
        let ([key_1, key_2], [cert_1, cert_2]) = (&self.access_keys, &self.certificates);
        let cell: &dyn fmt::Display = match column {
            "user" => &self.user,
            "arn" => return self.arn.clone(),
            "user_creation_time" => &self.created,
            "password_enabled" => &self.password.enabled,
            "password_last_used" => &self.password.last_used,
            "password_last_changed" => &self.password.last_changed,
            "password_next_rotation" => &self.password.next_rotation,
            "mfa_active" => &self.mfa_active,
            "access_key_1_active" => &key_1.active,
            "access_key_1_last_rotated" => &key_1.last_rotated,
            "access_key_1_last_used_date" => &key_1.last_used,
            "access_key_1_last_used_region" => &key_1.last_used_region,
            "access_key_1_last_used_service" => &key_1.last_used_service,
            "access_key_2_active" => &key_2.active,
            "access_key_2_last_rotated" => &key_2.last_rotated,
            "access_key_2_last_used_date" => &key_2.last_used,
            "access_key_2_last_used_region" => &key_2.last_used_region,
            "access_key_2_last_used_service" => &key_2.last_used_service,
            "cert_1_active" => &cert_1.active,
            "cert_1_last_rotated" => &cert_1.last_rotated,
            "cert_2_active" => &cert_2.active,
            "cert_2_last_rotated" => &cert_2.last_rotated,
            "additional_credentials_info" => &self.additional,
            _ => return None,
        };
        Some(cell.to_string()).filter(|shown| !shown.is_empty())
    }

    /// The columns with a value of the wrong type, or with a word for no value in a column that must be true or false.
    /// (`not_supported` is valid for root's password.)
    pub fn unreadable_columns(&self) -> Vec<&'static str> {
        let ([key_1, key_2], [cert_1, cert_2]) = (&self.access_keys, &self.certificates);
        let enabled = &self.password.enabled;
        let flag = |cell: &Cell<bool>| !matches!(cell, Cell::Value(_) | Cell::Missing);
        let other = |cell: &Cell<DateTime<Utc>>| matches!(cell, Cell::Unreadable(_));
        let text = |cell: &Cell<String>| matches!(cell, Cell::Unreadable(_));
        let unreadable = [
            ("user_creation_time", other(&self.created)),
            ("password_enabled", flag(enabled) && !(self.is_root() && *enabled == Cell::NotSupported)),
            ("password_last_used", other(&self.password.last_used)),
            ("password_last_changed", other(&self.password.last_changed)),
            ("password_next_rotation", other(&self.password.next_rotation)),
            ("mfa_active", flag(&self.mfa_active)),
            ("access_key_1_active", flag(&key_1.active)),
            ("access_key_1_last_rotated", other(&key_1.last_rotated)),
            ("access_key_1_last_used_date", other(&key_1.last_used)),
            ("access_key_1_last_used_region", text(&key_1.last_used_region)),
            ("access_key_1_last_used_service", text(&key_1.last_used_service)),
            ("access_key_2_active", flag(&key_2.active)),
            ("access_key_2_last_rotated", other(&key_2.last_rotated)),
            ("access_key_2_last_used_date", other(&key_2.last_used)),
            ("access_key_2_last_used_region", text(&key_2.last_used_region)),
            ("access_key_2_last_used_service", text(&key_2.last_used_service)),
            ("cert_1_active", flag(&cert_1.active)),
            ("cert_1_last_rotated", other(&cert_1.last_rotated)),
            ("cert_2_active", flag(&cert_2.active)),
            ("cert_2_last_rotated", other(&cert_2.last_rotated)),
            ("additional_credentials_info", text(&self.additional)),
        ];
        unreadable.into_iter().filter_map(|(column, unreadable)| unreadable.then_some(column)).collect()
    }

    /// Whether a date is more than a day after the report was generated. No date can be later than the report, but clocks
    /// differ. (A password's next rotation may be later.)
    pub fn has_dates_after(&self, generated: DateTime<Utc>) -> bool {
        let latest = latest(generated);
        let past = [&self.created, &self.password.last_used, &self.password.last_changed];
        let of_keys = self.access_keys.iter().flat_map(|key| [&key.last_rotated, &key.last_used]);
        let of_certificates = self.certificates.iter().map(|certificate| &certificate.last_rotated);
        past.into_iter().chain(of_keys).chain(of_certificates).any(|cell| cell.is_after(latest))
    }

    /// The row with every such date made unreadable.
    pub fn without_dates_after(&self, generated: DateTime<Utc>) -> Row {
        let latest = latest(generated);
        let mut row = self.clone();
        let [key_1, key_2] = &mut row.access_keys;
        let [cert_1, cert_2] = &mut row.certificates;
        let past = [
            &mut row.created,
            &mut row.password.last_used,
            &mut row.password.last_changed,
            &mut key_1.last_rotated,
            &mut key_1.last_used,
            &mut key_2.last_rotated,
            &mut key_2.last_used,
            &mut cert_1.last_rotated,
            &mut cert_2.last_rotated,
        ];
        for cell in past {
            if cell.is_after(latest) {
                *cell = Cell::Unreadable(cell.to_string());
            }
        }
        row
    }

    pub(super) fn says_the_same_as(&self, other: &Row) -> bool {
        Row { line: other.line, ..self.clone() } == *other
    }
}

/// The latest valid date in a report that was generated then.
fn latest(generated: DateTime<Utc>) -> DateTime<Utc> {
    generated.checked_add_signed(TimeDelta::days(1)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
