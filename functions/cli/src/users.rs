//! `iamwatch credential-report --list`: every user, with or without a finding.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared::finding::Finding;
use shared::formats::credential_report::{AccessKey, Cell, Certificate, CredentialReport, Row};
use shared::severity::Severity;

use crate::args::ListFormat;
use crate::output::{self, cell, csv_cell, json_line};

/// The columns of the table.
const HEADS: [&str; 9] =
    ["USER", "PASSWORD", "MFA", "LAST SIGN-IN", "PASSWORD AGE", "KEY 1", "KEY 2", "CERTIFICATES", "FINDINGS"];

/// The columns of the CSV.
const COLUMNS: [&str; 22] = [
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

/// One user, or the root user, in JSON. A cell is a value, one of AWS's own words for there being none (`N/A`,
/// `no_information`, `not_supported`), or `{"unreadable": …}`; what the report has no column for is absent.
#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Value>,
    password: Password,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_active: Option<Value>,
    access_keys: [Key; 2],
    certificates: [Key; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    additional: Option<Value>,
    /// How many there are about it; none is one that is about the whole report.
    findings: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<Severity>,
    /// Those that raised them, the most severe first.
    rules: Vec<&'static str>,
}

#[derive(Serialize)]
struct Password {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_changed: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation: Option<Value>,
}

/// An access key or a certificate.
#[derive(Serialize)]
struct Key {
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rotated: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_region: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_service: Option<Value>,
}

/// A row of the report beside what it raises.
struct Listed<'a> {
    row: Row,
    findings: Vec<&'a Finding>,
    generated: DateTime<Utc>,
}

/// Prints one row a user, the root user first.
pub fn print(
    out: &mut impl Write,
    report: &CredentialReport,
    findings: &[Finding],
    generated: DateTime<Utc>,
    format: ListFormat,
) -> anyhow::Result<()> {
    let mut of_user: HashMap<(bool, &str), Vec<&Finding>> = HashMap::new();
    for finding in findings {
        let Some(principal) = &finding.principal else { continue };
        let is_root = principal.kind.as_deref() == Some("Root");
        of_user.entry((is_root, principal.name.as_deref().unwrap_or_default())).or_default().push(finding);
    }
    let mut users: Vec<Listed<'_>> =
        report.rows().iter().map(|row| Listed::of(row, &of_user, generated)).collect();
    users.sort_by_cached_key(|user| (!user.row.is_root(), user.row.user.to_lowercase(), user.row.line));
    match format {
        ListFormat::Json => users.iter().try_for_each(|user| json_line(out, &user.json())),
        ListFormat::Csv => output::csv(out, &COLUMNS, users.iter().map(Listed::cells)),
        ListFormat::Table => {
            let rows = users.iter().map(Listed::shown);
            let rows: Vec<_> = std::iter::once(HEADS.map(str::to_owned)).chain(rows).collect();
            output::table(out, &rows)
        }
    }
}

impl<'a> Listed<'a> {
    fn of(
        row: &Row,
        of_user: &HashMap<(bool, &str), Vec<&'a Finding>>,
        generated: DateTime<Utc>,
    ) -> Listed<'a> {
        let row = row.without_dates_after(generated);
        let name = if row.is_root() { "root" } else { &row.user };
        let mut findings = of_user.get(&(row.is_root(), name)).cloned().unwrap_or_default();
        findings.sort_by_key(|finding| (Reverse(finding.severity), finding.rule.id));
        Listed { row, findings, generated }
    }

    /// As a finding names it.
    fn name(&self) -> &str {
        if self.row.is_root() { "root" } else { &self.row.user }
    }

    fn kind(&self) -> &'static str {
        if self.row.is_root() { "Root" } else { "IAMUser" }
    }

    fn worst(&self) -> Option<&&Finding> {
        self.findings.first()
    }

    /// Whole days from then to the report.
    fn days_since(&self, cell: &Cell<DateTime<Utc>>) -> Option<i64> {
        cell.value().map(|date| (self.generated - *date).num_days().max(0))
    }

    fn json(&self) -> User<'_> {
        let Row { created, password, mfa_active, access_keys, certificates, additional, .. } = &self.row;
        let mut rules: Vec<&str> = self.findings.iter().map(|finding| finding.rule.id).collect();
        rules.dedup();
        User {
            user: self.name(),
            kind: self.kind(),
            arn: self.row.arn.as_deref(),
            created: date(created),
            password: Password {
                enabled: value(&password.enabled),
                last_used: date(&password.last_used),
                unused_days: self.days_since(&password.last_used),
                last_changed: date(&password.last_changed),
                age_days: self.days_since(&password.last_changed),
                next_rotation: date(&password.next_rotation),
            },
            mfa_active: value(mfa_active),
            access_keys: access_keys.each_ref().map(|key| Key {
                last_used: date(&key.last_used),
                unused_days: self.days_since(&key.last_used),
                last_used_region: value(&key.last_used_region),
                last_used_service: value(&key.last_used_service),
                ..self.key(&key.active, &key.last_rotated)
            }),
            certificates: certificates.each_ref().map(|one| self.key(&one.active, &one.last_rotated)),
            additional: value(additional).filter(|additional| *additional != json!("N/A")),
            findings: self.findings.len() as u64,
            worst: self.worst().map(|finding| finding.severity),
            rules,
        }
    }

    fn key(&self, active: &Cell<bool>, last_rotated: &Cell<DateTime<Utc>>) -> Key {
        Key {
            active: value(active),
            last_rotated: date(last_rotated),
            age_days: self.days_since(last_rotated),
            last_used: None,
            unused_days: None,
            last_used_region: None,
            last_used_service: None,
        }
    }

    /// The cells of the CSV: AWS's own words, and days beside dates.
    fn cells(&self) -> [String; 22] {
        let Row { created, password, mfa_active, access_keys: [key_1, key_2], .. } = &self.row;
        let days = |cell| self.days_since(cell).map(|days| days.to_string()).unwrap_or_default();
        let state = |key: &AccessKey| match &key.active {
            Cell::Value(_) if there_is_none(key) => "none".to_owned(),
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

    /// The cells of the table, as a person reads them.
    fn shown(&self) -> [String; 9] {
        let Row { password, mfa_active, access_keys: [key_1, key_2], certificates, .. } = &self.row;
        [
            // No user can be called so.
            if self.row.is_root() { "(root)".to_owned() } else { cell(&self.row.user) },
            yes_or_no(&password.enabled),
            yes_or_no(mfa_active),
            self.last_sign_in(),
            self.days_since(&password.last_changed).map_or_else(|| "-".to_owned(), days),
            self.key_in_words(key_1),
            self.key_in_words(key_2),
            certificates_in_words(certificates),
            self.findings_in_words(),
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
    fn key_in_words(&self, key: &AccessKey) -> String {
        if there_is_none(key) {
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
    fn findings_in_words(&self) -> String {
        match (self.worst(), self.findings.len()) {
            (None, _) => "-".to_owned(),
            (Some(worst), 1) => format!("{} {}", worst.severity, worst.rule.id),
            (Some(worst), all) => format!("{} {}, {} more", worst.severity, worst.rule.id, all - 1),
        }
    }
}

/// The report has no word for there being no key: an inactive one keeps its dates.
fn there_is_none(key: &AccessKey) -> bool {
    key.active.is_no() && key.last_rotated == Cell::NotApplicable && key.last_used.value().is_none()
}

fn certificates_in_words(certificates: &[Certificate; 2]) -> String {
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
    output::counted(count.unsigned_abs(), "day")
}

fn value<T: Serialize>(cell: &Cell<T>) -> Option<Value>
where
    Cell<T>: Display,
{
    match cell {
        Cell::Value(value) => Some(json!(value)),
        _ => absent(cell),
    }
}

fn date(cell: &Cell<DateTime<Utc>>) -> Option<Value> {
    match cell {
        Cell::Value(date) => Some(date.to_rfc3339_opts(SecondsFormat::Secs, true).into()),
        _ => absent(cell),
    }
}

/// Why a cell has no value.
fn absent<T>(cell: &Cell<T>) -> Option<Value>
where
    Cell<T>: Display,
{
    match cell {
        Cell::Missing => None,
        Cell::Unreadable(text) => Some(json!({"unreadable": text})),
        other => Some(other.to_string().into()),
    }
}
