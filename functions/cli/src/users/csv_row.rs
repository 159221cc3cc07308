//! A user as a row of CSV.

use shared::formats::credential_report::{AccessKey, Cell, Row};

use super::listed_user::{ListedUser, is_absent};
use crate::output::csv_cell;

/// The columns of the CSV.
pub const COLUMNS: [&str; 22] = [
    "user",
    "type",
    "created",
    "password",
    "mfa",
    "last_sign_in",
    "password_changed",
    "password_age_days",
    "password_expires",
    "key_1",
    "key_1_changed",
    "key_1_age_days",
    "key_1_last_used",
    "key_1_unused_days",
    "key_2",
    "key_2_changed",
    "key_2_age_days",
    "key_2_last_used",
    "key_2_unused_days",
    "active_certificates",
    "findings",
    "worst",
];

impl ListedUser<'_> {
    /// The cells of the CSV: AWS's own words, and days beside dates.
    pub fn csv_row(&self) -> [String; COLUMNS.len()] {
        let Row { created, password, mfa_active, access_keys: [key_1, key_2], .. } = &self.row;
        let days = |cell| self.days_since(cell).map(|days| days.to_string()).unwrap_or_default();
        let state = |key: &AccessKey| match &key.active {
            Cell::Value(_) if is_absent(key) => "none".to_owned(),
            Cell::Value(true) => "active".to_owned(),
            Cell::Value(false) => "inactive".to_owned(),
            other => other.to_string(),
        };
        let word = |cell: &Cell<bool>| match cell {
            Cell::Value(true) => "yes".to_owned(),
            Cell::Value(false) => "no".to_owned(),
            other => other.to_string(),
        };
        [
            self.name().to_owned(),
            self.kind().to_owned(),
            created.to_string(),
            word(&password.enabled),
            word(mfa_active),
            password.last_used.to_string(),
            password.last_changed.to_string(),
            days(&password.last_changed),
            password.next_rotation.to_string(),
            state(key_1),
            key_1.last_rotated.to_string(),
            days(&key_1.last_rotated),
            key_1.last_used.to_string(),
            days(&key_1.last_used),
            state(key_2),
            key_2.last_rotated.to_string(),
            days(&key_2.last_rotated),
            key_2.last_used.to_string(),
            days(&key_2.last_used),
            self.row.certificates.iter().filter(|one| one.active.is_yes()).count().to_string(),
            self.findings.len().to_string(),
            self.worst().map(|finding| finding.severity.to_string()).unwrap_or_default(),
        ]
        .map(|text| csv_cell(&text))
    }
}
