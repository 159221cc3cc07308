//! The result of reading one item of a plan: compressed JSON in the state bucket.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::formats::cloudtrail::counts::Counts;
use crate::gzip;
use crate::severity::Severity;
use crate::state::format::{check_format, not_json};

/// How many bytes of records one result keeps.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;

/// How many records one result keeps.
pub(crate) const MAX_RECORDS: usize = 20_000;

/// The most bytes of a decompressed result: its records, and the names of log files.
const MAX_BYTES: usize = MAX_RECORD_BYTES + (64 << 20);

/// The result of reading one item.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemResult {
    /// See [`crate::state::format::FORMAT`].
    pub format: u32,
    /// The log files and records that were read.
    pub counts: Counts,
    /// The size of these log files in bytes, compressed.
    pub bytes: u64,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// Sign-ins, and the records that raised a finding: the digest judges them again.
    pub records: Vec<KeptRecord>,
    /// How many records with a finding were left out for lack of room, by the severity of the finding. Records without a
    /// finding, and those that anyone can cause, are left out first.
    pub left_out: BTreeMap<Severity, u64>,
    /// How many sign-ins without a finding were left out for lack of room.
    pub left_out_sign_ins: u64,
    /// Log files that are damaged.
    pub unreadable: Vec<UnreadableLogFile>,
    /// Log files that could not be fetched.
    #[serde(rename = "unread")]
    pub unfetched: Vec<UnfetchedLogFile>,
    /// How many log files of the plan are no longer listed; their names are unknown.
    #[serde(default)]
    pub vanished: u64,
    /// The fingerprint of the item: [`super::PlanItem::fingerprint`].
    #[serde(default)]
    pub item: String,
}

/// A record of a log file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRecord {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// Its index in `Records`.
    pub record: u64,
    /// Its JSON, unchanged.
    pub json: Box<RawValue>,
}

/// A log file that is damaged, or has a damaged record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadableLogFile {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// How many of its records are unreadable; 0 if the file as a whole is damaged.
    pub records: u64,
    /// The first problem.
    pub reason: String,
}

/// A log file that could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfetchedLogFile {
    /// `s3://bucket/key`.
    pub log_file: String,
    /// Whether the object no longer exists.
    pub is_gone: bool,
    /// The answer of AWS.
    pub answer: String,
}

impl ItemResult {
    /// Serialises and compresses it.
    ///
    /// # Errors
    /// None in practice: it writes to memory.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        gzip::pack_json(self)
    }

    /// Decompresses and reads what [`ItemResult::pack`] has made.
    ///
    /// # Errors
    /// Why the content is no result.
    pub fn unpack(compressed: &[u8]) -> Result<ItemResult, String> {
        let (content, _) = gzip::unpack(compressed, MAX_BYTES)?;
        check_format(&content)?;
        serde_json::from_slice(&content).map_err(not_json)
    }
}

#[cfg(test)]
mod tests {
    use crate::state::format::FORMAT;

    use super::*;

    #[test]
    fn a_result_is_read_as_written_with_every_record_unchanged() {
        let json =
            r#"{ "eventName" : "ConsoleLogin", "userAgent": "\u0000\ud83d\ude00 </script>", "n": 1e400 }"#;
        let log_file = "s3://logs/a.json.gz".to_owned();
        let result = ItemResult {
            format: FORMAT,
            bytes: 7,
            records: vec![KeptRecord {
                log_file: log_file.clone(),
                record: 3,
                json: serde_json::value::RawValue::from_string(json.to_owned()).unwrap(),
            }],
            left_out: [(Severity::Low, 2)].into(),
            unreadable: vec![UnreadableLogFile {
                log_file: log_file.clone(),
                records: 0,
                reason: "is cut".to_owned(),
            }],
            unfetched: vec![UnfetchedLogFile { log_file, is_gone: true, answer: "NoSuchKey".to_owned() }],
            ..ItemResult::default()
        };
        let read = ItemResult::unpack(&result.pack().unwrap()).unwrap();
        assert_eq!(read.records[0].json.get(), json);
        assert_eq!(format!("{read:?}"), format!("{result:?}"));
    }

    #[test]
    fn other_content_is_refused_with_the_reason() {
        let bomb = gzip::pack(&vec![b' '; MAX_BYTES + 1], chrono::DateTime::UNIX_EPOCH).unwrap();
        let of = |json: &str| gzip::pack(json.as_bytes(), chrono::DateTime::UNIX_EPOCH).unwrap();
        for (compressed, expected) in [
            (b"nonsense".to_vec(), "cannot be unpacked whole"),
            (bomb, "it unpacks to more than"),
            (of(r#"{"format": 2}"#), "its format is 2; it must be 1"),
            (of(r#"{"format": 1}"#), "missing field"),
        ] {
            let message = ItemResult::unpack(&compressed).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
