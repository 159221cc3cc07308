//! A user in JSON.

use std::fmt::Display;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use shared::formats::credential_report::{Cell, Row};
use shared::severity::Severity;

use super::listed_user::ListedUser;

/// A user, or the root user, in JSON.
///
/// A cell of the report is a value, one of AWS's own words for no value (`N/A`, `no_information`, `not_supported`), or
/// `{"unreadable": …}`. It is absent if the report has no such column.
#[derive(Serialize)]
pub struct UserJson<'a> {
    user: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Value>,
    password: PasswordJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_active: Option<Value>,
    access_keys: [KeyJson; 2],
    certificates: [KeyJson; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    additional: Option<Value>,
    /// How many findings are about this user.
    findings: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<Severity>,
    /// The rules of the findings, the most severe first.
    rules: Vec<&'static str>,
}

#[derive(Serialize)]
struct PasswordJson {
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
struct KeyJson {
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

impl ListedUser<'_> {
    /// The user in JSON.
    pub fn json(&self) -> UserJson<'_> {
        let Row { created, password, mfa_active, access_keys, certificates, additional, .. } = &self.row;
        let mut rules: Vec<&str> = self.findings.iter().map(|finding| finding.rule.id).collect();
        rules.dedup();
        UserJson {
            user: self.name(),
            kind: self.kind(),
            arn: self.row.arn.as_deref(),
            created: date(created),
            password: PasswordJson {
                enabled: value(&password.enabled),
                last_used: date(&password.last_used),
                unused_days: self.days_since(&password.last_used),
                last_changed: date(&password.last_changed),
                age_days: self.days_since(&password.last_changed),
                next_rotation: date(&password.next_rotation),
            },
            mfa_active: value(mfa_active),
            access_keys: access_keys.each_ref().map(|key| KeyJson {
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

    fn key(&self, active: &Cell<bool>, last_rotated: &Cell<DateTime<Utc>>) -> KeyJson {
        KeyJson {
            active: value(active),
            last_rotated: date(last_rotated),
            age_days: self.days_since(last_rotated),
            last_used: None,
            unused_days: None,
            last_used_region: None,
            last_used_service: None,
        }
    }
}

fn value<T: Serialize>(cell: &Cell<T>) -> Option<Value>
where
    Cell<T>: Display,
{
    match cell {
        Cell::Value(value) => Some(json!(value)),
        _ => no_value(cell),
    }
}

fn date(cell: &Cell<DateTime<Utc>>) -> Option<Value> {
    match cell {
        Cell::Value(date) => Some(date.to_rfc3339_opts(SecondsFormat::Secs, true).into()),
        _ => no_value(cell),
    }
}

/// Why a cell has no value; `None` if the report has no such column.
fn no_value<T>(cell: &Cell<T>) -> Option<Value>
where
    Cell<T>: Display,
{
    match cell {
        Cell::Missing => None,
        Cell::Unreadable(text) => Some(json!({"unreadable": text})),
        other => Some(other.to_string().into()),
    }
}
