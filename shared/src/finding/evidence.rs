//! Where a finding can be found again, and what its rule looked at.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::json::{absent, rfc3339};

/// Where a finding can be found again, and what its rule looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// The log file: `s3://bucket/key`, or a path.
    #[serde(skip_serializing_if = "absent")]
    pub log_file: Option<String>,
    /// The record's index in `Records`, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// `eventID`.
    #[serde(skip_serializing_if = "absent")]
    pub event_id: Option<String>,
    /// `addendum.originalEventID`, if the record is a corrected copy.
    #[serde(skip_serializing_if = "absent")]
    pub original_event_id: Option<String>,
    /// `eventSource`.
    #[serde(skip_serializing_if = "absent")]
    pub event_source: Option<String>,
    /// `eventName`.
    #[serde(skip_serializing_if = "absent")]
    pub event_name: Option<String>,
    /// `errorCode`.
    #[serde(skip_serializing_if = "absent")]
    pub error_code: Option<String>,
    /// `errorMessage`.
    #[serde(skip_serializing_if = "absent")]
    pub error_message: Option<String>,
    /// The access key that was used, masked to its first and last four characters.
    #[serde(skip_serializing_if = "absent")]
    pub access_key_id: Option<String>,
    /// When the log file was delivered, according to its name.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub delivered: Option<DateTime<Utc>>,
    /// The other log files that hold the same event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_in: Vec<String>,
    /// Another object to look at: `s3://bucket/key`, a prefix (`s3://bucket/prefix/`), or a path.
    #[serde(skip_serializing_if = "absent")]
    pub object: Option<String>,
    /// What the rule looked at, by CloudTrail's own names if it has one.
    #[serde(flatten)]
    pub facts: EvidenceFacts,
}

/// Named facts, in the order in which a mail shows them.
#[derive(Clone, Debug, Default)]
pub struct EvidenceFacts(pub Vec<(Cow<'static, str>, String)>);

impl From<Vec<(&'static str, String)>> for EvidenceFacts {
    fn from(facts: Vec<(&'static str, String)>) -> EvidenceFacts {
        EvidenceFacts(facts.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }
}

impl Serialize for EvidenceFacts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value)),
        )
    }
}

/// Where a record was read.
#[derive(Clone, Copy, Debug)]
pub struct RecordPlace<'a> {
    /// The log file: `s3://bucket/key`, or a path.
    pub log_file: &'a str,
    /// The record's index in `Records`, from 0.
    pub record: u64,
    /// When the log file was delivered, according to its name.
    pub delivered: Option<DateTime<Utc>>,
}

/// An access key id with only its first and last four characters.
pub fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 8 {
        return "*".repeat(characters.len());
    }
    let first: String = characters[..4].iter().collect();
    let last: String = characters[characters.len() - 4..].iter().collect();
    format!("{first}…{last}")
}

/// The members of [`Evidence`] in a finding's JSON: a fact with one of these names would be lost.
#[cfg(test)]
pub(crate) const EVIDENCE_MEMBERS: [&str; 12] = [
    "log_file",
    "record",
    "event_id",
    "original_event_id",
    "event_source",
    "event_name",
    "error_code",
    "error_message",
    "access_key_id",
    "delivered",
    "also_in",
    "object",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_is_masked_to_its_ends() {
        for (key, expected) in [
            ("", ""),
            ("AKIA", "****"),
            ("AKIA1234", "********"),
            ("AKIA12345", "AKIA…2345"),
            ("AKIAALICEEXAMPLE1234", "AKIA…1234"),
            ("ééééxéééé", "éééé…éééé"),
        ] {
            assert_eq!(masked(key), expected, "{key}");
        }
    }
}
