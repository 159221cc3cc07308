//! A user as a row of the table.

use shared::formats::credential_report::{AccessKey, Cell, Certificate, Row};
use shared::text::counted;

use super::listed_user::{ListedUser, is_absent};
use crate::output::cell;

/// The columns of the table.
pub const HEADINGS: [&str; 9] =
    ["USER", "PASSWORD", "MFA", "LAST SIGN-IN", "PASSWORD AGE", "KEY 1", "KEY 2", "CERTIFICATES", "FINDINGS"];

impl ListedUser<'_> {
    /// The cells of the table.
    pub fn table_row(&self) -> [String; HEADINGS.len()] {
        let Row { password, mfa_active, access_keys: [key_1, key_2], certificates, .. } = &self.row;
        [
            // The name of an IAM user has no parentheses.
            if self.row.is_root() { "(root)".to_owned() } else { cell(&self.row.user) },
            yes_or_no(&password.enabled),
            yes_or_no(mfa_active),
            self.last_sign_in(),
            self.days_since(&password.last_changed).map_or_else(|| "-".to_owned(), days),
            self.key_text(key_1),
            self.key_text(key_2),
            certificates_text(certificates),
            self.findings_text(),
        ]
    }

    fn last_sign_in(&self) -> String {
        let password = &self.row.password;
        match &password.last_used {
            Cell::Value(date) => date.format("%Y-%m-%d").to_string(),
            Cell::NoInformation => "never".to_owned(),
            Cell::NotApplicable if password.enabled.is_yes() => "never".to_owned(),
            Cell::NotApplicable => "-".to_owned(),
            Cell::NotSupported | Cell::Missing => "unknown".to_owned(),
            Cell::Unreadable(_) => "?".to_owned(),
        }
    }

    /// `active for 400 days, used 2 days ago`
    fn key_text(&self, key: &AccessKey) -> String {
        if is_absent(key) {
            return "-".to_owned();
        }
        let state = match key.active {
            Cell::Value(true) => "active",
            Cell::Value(false) => "inactive",
            Cell::Missing => return "unknown".to_owned(),
            _ => "?",
        };
        let since = self.days_since(&key.last_rotated).map(|count| format!(" for {}", days(count)));
        let since = since.unwrap_or_default();
        let used = match &key.last_used {
            Cell::Value(_) => match self.days_since(&key.last_used) {
                Some(0) | None => "used today".to_owned(),
                Some(count) => format!("used {} ago", days(count)),
            },
            Cell::NotApplicable | Cell::NoInformation => "never used".to_owned(),
            Cell::NotSupported | Cell::Missing | Cell::Unreadable(_) => "use unknown".to_owned(),
        };
        format!("{state}{since}, {used}")
    }

    /// `HIGH password.mfa-disabled, 2 more`
    fn findings_text(&self) -> String {
        match (self.worst(), self.findings.len()) {
            (None, _) => "-".to_owned(),
            (Some(worst), 1) => format!("{} {}", worst.severity, worst.rule.id),
            (Some(worst), all) => format!("{} {}, {} more", worst.severity, worst.rule.id, all - 1),
        }
    }
}

fn certificates_text(certificates: &[Certificate; 2]) -> String {
    let count = |is: fn(&Certificate) -> bool| certificates.iter().filter(|one| is(one)).count();
    let active = count(|one| one.active.is_yes());
    let inactive = count(|one| one.active.is_no() && one.last_rotated.value().is_some());
    let unknown = count(|one| one.active.value().is_none());
    let counts = [(active, "active"), (inactive, "inactive"), (unknown, "unknown")];
    let words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn yes_or_no(cell: &Cell<bool>) -> String {
    let word = match cell {
        Cell::Value(true) => "yes",
        Cell::Value(false) => "no",
        Cell::Unreadable(_) => "?",
        Cell::NotApplicable | Cell::NoInformation | Cell::NotSupported | Cell::Missing => "unknown",
    };
    word.to_owned()
}

/// `1 day`, `90 days`.
fn days(count: i64) -> String {
    counted(count.unsigned_abs(), "day", "days")
}
