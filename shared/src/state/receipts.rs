//! Receipts: which log files were read. The search for missed deliveries compares them with what was delivered.
//!
//! Once a run has notified what it found, it writes one object for each day whose log files it read:
//! `read/YYYY-MM-DD/<random>.json`, with a short hash of each. It is not changed afterwards. If it cannot be written,
//! the log files are read again: they have no receipt, and the cases deduplicate their findings.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::object::StateObject;
use super::store::{StateClient, TIME_TO_ANSWER, random_id};
use crate::finding::stable_id;
use crate::formats::cloudtrail::key;
use crate::formats::events::delivery;
use crate::ports::{Runtime, StateStore};
use crate::state::format::FORMAT;
use crate::state::format::{check_format, not_json};

/// The number of hexadecimal digits of a log file's hash. Of a million log files a day, two have the same in one of 36
/// million days.
const DIGITS: usize = 16;

/// An object with receipts of one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    format: u32,
    /// Whether the log files were read because they had no receipt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    missed: bool,
    /// [`hash`] of each, as hexadecimal digits.
    keys: Vec<String>,
}

impl StateObject for Receipt {
    fn read(content: &[u8], _: &Receipt) -> Result<Receipt, String> {
        check_format(content)?;
        let receipt: Receipt = serde_json::from_slice(content).map_err(not_json)?;
        match receipt.keys.iter().find(|digits| number(digits).is_none()) {
            None => Ok(receipt),
            Some(_) => Err(format!("a key in it is not {DIGITS} hexadecimal digits")),
        }
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Receipt {
    /// The hashes of the log files.
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().filter_map(|digits| number(digits))
    }

    /// Whether the log files were read because they had no receipt.
    pub fn is_of_missed(&self) -> bool {
        self.missed
    }
}

/// The hash of a log file's URI.
pub fn hash(uri: &str) -> u64 {
    number(&digits(uri)).unwrap_or_default()
}

fn digits(uri: &str) -> String {
    let mut digits = stable_id(&[uri]);
    digits.truncate(DIGITS);
    digits
}

fn number(digits: &str) -> Option<u64> {
    let is_hash = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// The prefix of the receipts of a day.
pub fn folder(day: NaiveDate) -> String {
    format!("read/{day}/")
}

/// Records that these log files were read, and their findings notified.
///
/// Errors are among those of the state bucket. Time is left for the answer.
pub async fn write<S: StateStore, P: Runtime>(
    state: &StateClient<'_, S, P>,
    read: impl Iterator<Item = &delivery::LogFileObject>,
    missed: bool,
) {
    let mut by_day: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
    for object in read {
        // Missed deliveries are looked for in the folders of days only.
        let Some(day) = key::day(&object.key) else { continue };
        let keys = by_day.entry(day).or_default();
        keys.push(digits(&object.uri()));
        // By which of the two keys it was found is not known. They never both exist: a log file's name is unique.
        if let Some(key) = &object.decoded_key {
            keys.push(digits(&format!("s3://{}/{key}", object.bucket)));
        }
    }
    state.reserve(TIME_TO_ANSWER);
    let write = by_day.into_iter().map(|(day, keys)| async move {
        let receipt = Receipt { format: FORMAT, missed, keys };
        let key = format!("{}{}.json", folder(day), random_id(state.runtime));
        if let Ok(content) = receipt.content() {
            let _ = state.create(&key, &content).await;
        }
    });
    join_all(write).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_only_as_it_is_written() {
        let uri = "s3://logs/AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/a.json.gz";
        let receipt = Receipt { format: 1, missed: false, keys: vec![digits(uri)] };
        let content = String::from_utf8(receipt.content().unwrap()).unwrap();
        assert_eq!(content, r#"{"format":1,"keys":["9afbce2b515cc161"]}"#);
        let read = |content: &str| Receipt::read(content.as_bytes(), &Receipt::default());
        assert_eq!(read(&content).unwrap().hashes().collect::<Vec<_>>(), [hash(uri)]);
        assert!(read(r#"{"format":1,"missed":true,"keys":[]}"#).unwrap().is_of_missed());
        for (name, content, said) in [
            ("nothing", "", "not JSON"),
            ("half", &content[..20], "not JSON"),
            ("newer", r#"{"format":2,"keys":[]}"#, "its format is 2"),
            ("no keys", r#"{"format":1}"#, "missing field"),
            ("more", r#"{"format":1,"keys":[],"all":true}"#, "unknown field"),
            ("short", r#"{"format":1,"keys":["0123"]}"#, "16 hexadecimal digits"),
            ("signed", r#"{"format":1,"keys":["+123456789abcdef"]}"#, "16 hexadecimal digits"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.contains(said), "{name}: {error}");
        }
    }
}
