//! A request by hand for the status of a backfill.

use serde_json::Value;

use super::request::{BackfillRequest, request};
use super::run_id::RunId;
use crate::Error;
use crate::formats::events::queue::{input, shape};

const EXPECTED: &str = r#"{"status": {"from": "2026-01-01", "to": "2026-03-31"}}, with accounts, regions and notify of the backfill, or {"status": "RUN"}, such as {"status": "2026-01-01_2026-03-31_0123456789abcdef"}"#;

/// The backfill whose status is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusQuery {
    /// That of this request.
    ByRequest(BackfillRequest),
    /// That with this id.
    ById(RunId),
}

impl StatusQuery {
    /// Reads the payload that Lambda passed; `None` if it requests no status.
    ///
    /// # Errors
    /// [`Error::Input`], which says what would be right.
    pub fn of(payload: &Value) -> Result<Option<StatusQuery>, Error> {
        let Some(query) = payload.get("status") else { return Ok(None) };
        let refused = |value: &str| input("the request for a status", value, EXPECTED);
        if payload.as_object().is_none_or(|members| members.len() != 1) {
            return Err(refused(&shape(payload)));
        }
        if let Some(run) = query.as_str() {
            return Ok(Some(StatusQuery::ById(RunId::parse(run)?)));
        }
        if let Some(name) = ["dry_run", "again"].into_iter().find(|name| query.get(name).is_some()) {
            return Err(refused(&format!("one with {name}")));
        }
        Ok(Some(StatusQuery::ByRequest(request(query)?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_for_a_status_is_strict() {
        let run = "2026-01-01_2026-03-31_0123456789abcdef";
        let days = json!({"from": "2026-01-01", "to": "2026-03-31", "notify": "none"});
        let expected = StatusQuery::ByRequest(request(&days).unwrap());
        assert_eq!(StatusQuery::of(&json!({"status": days})).unwrap(), Some(expected));
        let expected = StatusQuery::ById(RunId::parse(run).unwrap());
        assert_eq!(StatusQuery::of(&json!({"status": run})).unwrap(), Some(expected));
        assert_eq!(StatusQuery::of(&days).unwrap(), None);
        for (payload, expected) in [
            (json!({"status": run, "x": 1}), "the request for a status is \"an object of"),
            (json!({"status": "../config"}), "the run of a backfill is \"../config\""),
            (json!({"status": {"from": "2026-01-01"}}), "missing field `to`"),
            (json!({"status": {"from": "2026-01-01", "to": "2026-01-02", "x": 1}}), "unknown field `x`"),
            (json!({"status": {"from": "2026-01-01", "to": "2026-01-02", "again": false}}), "one with again"),
            (json!({"status": true}), "the request is"),
        ] {
            let message = StatusQuery::of(&payload).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
