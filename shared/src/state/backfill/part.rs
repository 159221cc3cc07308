//! What one item came to, as it is kept: JSON, packed.

use std::io;

use super::Part;
use crate::gzip;
use crate::state::format::{check_format, not_json};

/// How many bytes the records of one part may have.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;

/// How many records one part keeps.
pub(crate) const MAX_RECORDS: usize = 20_000;

/// What a part unpacks to at most: its records, and the names of log files beside them.
const MAX_BYTES: usize = MAX_RECORD_BYTES + (64 << 20);

impl Part {
    /// Packs it.
    ///
    /// # Errors
    /// Never: memory takes everything.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        gzip::pack_json(self)
    }

    /// What was packed.
    ///
    /// # Errors
    /// Why it is no part.
    pub fn unpack(packed: &[u8]) -> Result<Part, String> {
        let (content, _) = gzip::unpack(packed, MAX_BYTES)?;
        check_format(&content)?;
        serde_json::from_slice(&content).map_err(not_json)
    }
}

#[cfg(test)]
mod tests {
    use crate::severity::Severity;
    use crate::state::backfill::{KeptRecord, Unread, Unreadable};
    use crate::state::format::FORMAT;

    use super::*;

    #[test]
    fn a_part_is_read_as_it_was_written_with_every_record_as_it_stood_in_its_log_file() {
        let json =
            r#"{ "eventName" : "ConsoleLogin", "userAgent": "\u0000\ud83d\ude00 </script>", "n": 1e400 }"#;
        let log_file = "s3://logs/a.json.gz".to_owned();
        let part = Part {
            format: FORMAT,
            bytes: 7,
            records: vec![KeptRecord {
                log_file: log_file.clone(),
                record: 3,
                json: serde_json::value::RawValue::from_string(json.to_owned()).unwrap(),
            }],
            left_out: [(Severity::Low, 2)].into(),
            unreadable: vec![Unreadable {
                log_file: log_file.clone(),
                records: 0,
                reason: "is cut".to_owned(),
            }],
            unread: vec![Unread { log_file, is_gone: true, answer: "NoSuchKey".to_owned() }],
            ..Part::default()
        };
        let read = Part::unpack(&part.pack().unwrap()).unwrap();
        assert_eq!(read.records[0].json.get(), json);
        assert_eq!(format!("{read:?}"), format!("{part:?}"));
    }

    #[test]
    fn what_is_no_part_is_said_to_be_none() {
        let bomb = gzip::pack(&vec![b' '; MAX_BYTES + 1], chrono::DateTime::UNIX_EPOCH).unwrap();
        let of = |json: &str| gzip::pack(json.as_bytes(), chrono::DateTime::UNIX_EPOCH).unwrap();
        for (packed, said) in [
            (b"nonsense".to_vec(), "cannot be unpacked whole"),
            (bomb, "it unpacks to more than"),
            (of(r#"{"format": 2}"#), "its format is 2; it must be 1"),
            (of(r#"{"format": 1}"#), "missing field"),
        ] {
            let message = Part::unpack(&packed).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}
