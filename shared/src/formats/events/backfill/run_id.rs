//! The id of a backfill.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::request::{BackfillRequest, Wanted};
use crate::Error;
use crate::formats::events::queue::input;
use crate::text::stable_id;

/// The id of a backfill: its days, and a hash of the rest of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunId(String);

impl RunId {
    /// The id of a request about a bucket. Equal requests have the same id.
    pub fn of(bucket: &str, request: &BackfillRequest) -> RunId {
        let BackfillRequest { wanted: Wanted { from, to, accounts, regions }, notify, .. } = request;
        let (from, to) = (from.to_string(), to.to_string());
        let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let notify = if *notify { "digest" } else { "none" };
        let hash = stable_id(&[bucket, &from, &to, &list(accounts), &list(regions), notify]);
        RunId(format!("{from}_{to}_{}", hash.get(..16).unwrap_or_default()))
    }

    /// Reads an id from an event.
    ///
    /// # Errors
    /// [`Error::Input`] if it is not an id of this form. The id becomes part of object keys.
    pub fn parse(text: &str) -> Result<RunId, Error> {
        let is_day = |text: &str| text.parse().is_ok_and(|day: NaiveDate| day.to_string() == text);
        let is_hash = |text: &str| {
            text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let parts: Vec<&str> = text.split('_').collect();
        match parts[..] {
            [from, to, hash] if is_day(from) && is_day(to) && is_hash(hash) => Ok(RunId(text.to_owned())),
            _ => Err(input(
                "the run of a backfill",
                text,
                "one that iamwatch began, such as 2026-01-01_2026-03-31_0123456789abcdef",
            )),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of its state object in the state bucket.
    pub fn key(&self) -> String {
        format!("backfills/{}/run.json", self.0)
    }

    /// The folder of one generation in the state bucket.
    pub fn folder(&self, generation: u32) -> String {
        format!("backfills/{}/{generation}/", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_run_id_is_refused() {
        for text in [
            "",
            "..",
            "2026-01-01_2026-03-31_0123456789abcde",
            "2026-01-01_2026-03-31_0123456789ABCDEF",
            "2026-01-01_2026-03-31_0123456789abcdef/..",
            "2026-1-1_2026-03-31_0123456789abcdef",
            "2026-01-01_2026-02-30_0123456789abcdef",
            "2026-01-01_2026-03-31_0123456789abcdef_",
        ] {
            let message = RunId::parse(text).unwrap_err().to_string();
            assert!(message.contains("it must be one that iamwatch began"), "{message}");
        }
    }
}
