//! What a backfill has read, and its result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest_counts::DigestCounts;
use super::item_result::ItemResult;
use crate::formats::cloudtrail::counts::Counts;
use crate::severity::Severity;

/// What was read: by a backfill so far, or by one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadTotals {
    /// How many items were read.
    pub items: usize,
    /// Their log files and records.
    pub counts: Counts,
    /// The size of the log files in bytes, compressed.
    pub bytes: u64,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// Log files that could not be fetched.
    #[serde(rename = "unread")]
    pub unfetched: u64,
}

impl ReadTotals {
    /// Adds the result of an item.
    pub fn add(&mut self, item: &ItemResult) {
        self.items += 1;
        self.counts += item.counts;
        self.bytes += item.bytes;
        self.skipped_objects += item.skipped_objects;
        self.unfetched += item.unfetched.len() as u64 + item.vanished;
    }
}

/// The result of a backfill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillResult {
    /// How many findings there are of each severity.
    pub findings: BTreeMap<Severity, u64>,
    /// What became of them.
    #[serde(flatten)]
    pub counts: DigestCounts,
    /// The `s3://` URIs of the findings and the HTML report.
    pub objects: Vec<String>,
    /// The subject of its mail; `None` if there was nothing to notify of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A state object that could not be read. It was copied, and replaced by a new one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostObject {
    /// Its `s3://` URI.
    pub uri: String,
    /// The `s3://` URI of the copy.
    pub copy: String,
    /// Why it could not be read.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_flat_json_with_unknown_fields_refused() {
        let json = r#"{"findings":{"HIGH":3},"told":1,"known":2,"accepted":3,"counted":4,"left_out":5,"objects":["s3://state/x"],"subject":"Backfill"}"#;
        let result: BackfillResult = serde_json::from_str(json).unwrap();
        let counts = DigestCounts { notified: 1, known: 2, suppressed: 3, counted_only: 4, left_out: 5 };
        assert_eq!(result.counts, counts);
        assert_eq!(serde_json::to_string(&result).unwrap(), json);
        for (name, other) in [
            ("unknown field", json.replace("\"told\"", "\"x\":1,\"told\"")),
            ("missing field", json.replace("\"known\":2,", "")),
        ] {
            let error = serde_json::from_str::<BackfillResult>(&other).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
