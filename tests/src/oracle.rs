//! The plain way to judge a log file, to compare the fast one with: every record is parsed in full,
//! with any content, and judged by every rule for such a record.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use shared::config::Config;
use shared::finding::RecordPlace;
use shared::rules::detections;

/// The result of a log file, in a form in which two ways of reading it can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The elements of `Records`.
    pub records: u64,
    /// The places of the records that could not be judged.
    pub unreadable: Vec<u64>,
    /// Place, rule and event id of every finding.
    pub raised: Vec<(u64, &'static str, Option<String>)>,
}

/// Judges decompressed, valid JSON.
///
/// # Errors
/// The error of serde_json for invalid JSON, or for another document than an object with one array of `Records`.
pub fn judge(json: &[u8], config: &Config) -> Result<Judged, serde_json::Error> {
    let records = records(json)?;
    let mut judged = Judged { records: records.len() as u64, ..Judged::default() };
    for (place, record) in (0..).zip(records) {
        let at = RecordPlace { log_file: "oracle", record: place, delivered: None };
        match detections::judge(&record, config, at) {
            Err(_) => judged.unreadable.push(place),
            Ok(finding) => {
                judged
                    .raised
                    .extend(finding.map(|finding| (place, finding.rule.id, finding.evidence.event_id)));
            }
        }
    }
    Ok(judged)
}

/// The elements of `Records`, each as JSON.
///
/// # Errors
/// As [`judge`].
pub fn records(json: &[u8]) -> Result<Vec<Vec<u8>>, serde_json::Error> {
    let records = serde_json::from_slice::<LogFile<'_>>(json)?.0;
    Ok(records.into_iter().map(|record| record.get().as_bytes().to_vec()).collect())
}

struct LogFile<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for LogFile<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = LogFile<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with Records")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LogFile<'de>, A::Error> {
                let mut records = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == "Records" {
                        if records.is_some() {
                            return Err(serde::de::Error::duplicate_field("Records"));
                        }
                        records = Some(map.next_value::<Vec<&'de RawValue>>()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                records.map(LogFile).ok_or_else(|| serde::de::Error::missing_field("Records"))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
