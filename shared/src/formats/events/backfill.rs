//! Events of the function `backfill`: a request by hand, a step of its state machine, or a message of its nightly
//! schedule.

mod request;
mod run_id;
mod status;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::queue::{FunctionEvent, input, scheduled, shape};
use crate::Error;
use request::request;
pub use request::{BackfillRequest, Wanted};
pub use run_id::RunId;
pub use status::StatusQuery;

/// The message of the nightly schedule that requests a search for missed deliveries and unfinished backfills.
pub const MISSED_DELIVERIES_MESSAGE: &str = r#"{"sweep": "log-files"}"#;

/// The message that requests a search for unfinished backfills only.
const UNFINISHED_BACKFILLS_MESSAGE: &str = r#"{"sweep": "backfills"}"#;

const EXPECTED_STEP: &str = r#"{"run": "RUN", "generation": 1, "step": "scan", "item": 0} or {"run": "RUN", "generation": 1, "step": "digest"}, as the state machine sends it"#;

/// A request of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedDeliveryRequest {
    /// What to look for.
    pub scope: MissedDeliveryScope,
    /// When the message was sent.
    pub asked: DateTime<Utc>,
    /// How often it was received.
    pub receives: u32,
}

/// What a check for missed deliveries looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedDeliveryScope {
    /// Log files that were delivered and not read, and backfills that were started and not finished.
    Everything,
    /// Unfinished backfills only.
    Backfills,
}

/// An event of the function `backfill`.
pub type BackfillEvent = FunctionEvent<MissedDeliveryScope, BackfillTask>;

/// The work that a backfill event requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillTask {
    /// A whole backfill, or as much of it as fits into the invocation.
    ByHand(BackfillRequest),
    /// One step of a backfill of many invocations: its id, its generation and the step.
    ByFleet(RunId, u32, FleetStep),
}

/// A step of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetStep {
    /// Read the item of that number, from 0.
    Scan(usize),
    /// Combine the results of all items into the digest.
    Digest,
}

impl BackfillEvent {
    /// Reads the payload that Lambda passed.
    ///
    /// # Errors
    /// [`Error::Input`] for a payload of no known form. The error of a queue message is in the message.
    pub fn of(payload: &Value) -> Result<BackfillEvent, Error> {
        const MESSAGES: &[(&str, MissedDeliveryScope)] = &[
            (MISSED_DELIVERIES_MESSAGE, MissedDeliveryScope::Everything),
            (UNFINISHED_BACKFILLS_MESSAGE, MissedDeliveryScope::Backfills),
        ];
        let task = |payload: &Value| match payload.get("step") {
            Some(_) => step(payload),
            None => request(payload).map(BackfillTask::ByHand),
        };
        FunctionEvent::read(payload, |body| scheduled(body, MESSAGES), task)
    }
}

fn step(payload: &Value) -> Result<BackfillTask, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        run: String,
        generation: u32,
        step: String,
        item: Option<usize>,
    }
    let fields = Fields::deserialize(payload)
        .map_err(|error| input("a step of a backfill", &error.to_string(), EXPECTED_STEP))?;
    let run = RunId::parse(&fields.run)?;
    let generation = fields.generation;
    match (&*fields.step, fields.item) {
        ("scan", Some(item)) => Ok(BackfillTask::ByFleet(run, generation, FleetStep::Scan(item))),
        ("digest", None) => Ok(BackfillTask::ByFleet(run, generation, FleetStep::Digest)),
        _ => Err(input("a step of a backfill", &shape(payload), EXPECTED_STEP)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn wanted(from: &str, to: &str) -> Wanted {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        Wanted { from, to, accounts: BTreeSet::new(), regions: BTreeSet::new() }
    }

    #[test]
    fn a_request_by_hand_is_strict() {
        let plain = BackfillRequest {
            wanted: wanted("2026-01-01", "2026-03-31"),
            notify: true,
            dry_run: false,
            again: false,
        };
        let of_one = Wanted {
            accounts: ["111122223333".to_owned()].into(),
            regions: ["us-gov-west-1".to_owned()].into(),
            ..plain.wanted.clone()
        };
        for (name, more, expected) in [
            ("the days alone", json!({}), plain.clone()),
            ("with a digest", json!({"notify": "digest"}), plain.clone()),
            (
                "without a mail, and only an estimate",
                json!({"notify": "none", "dry_run": true}),
                BackfillRequest { notify: false, dry_run: true, ..plain.clone() },
            ),
            (
                "one account, one Region, again",
                json!({"accounts": ["111122223333"], "regions": ["us-gov-west-1"], "again": true}),
                BackfillRequest { wanted: of_one, again: true, ..plain.clone() },
            ),
        ] {
            let mut payload = json!({"from": "2026-01-01", "to": "2026-03-31"});
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            match BackfillEvent::of(&payload).unwrap() {
                BackfillEvent::Request(BackfillTask::ByHand(request)) => {
                    assert_eq!(request, expected, "{name}")
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        for (payload, said) in [
            (json!({"from": "2026-01-01"}), "missing field `to`"),
            (json!({"from": "2026-01-01", "to": "2026-1-2"}), "to is \"2026-1-2\"; it must be a day in UTC"),
            (
                json!({"from": "yesterday", "to": "2026-01-02"}),
                "from is \"yesterday\"; it must be a day in UTC",
            ),
            (json!({"from": "2026-01-01", "to": "2026-01-02", "bucket": "x"}), "unknown field `bucket`"),
            (
                json!({"from": "2026-01-01", "to": "2026-01-02", "accounts": ["1111"]}),
                "an account of the request is \"1111\"; it must be a 12-digit account id",
            ),
            (
                json!({"from": "2026-01-01", "to": "2026-01-02", "regions": ["../x"]}),
                "a Region of the request is \"../x\"; it must be the name of a Region",
            ),
            (
                json!({"from": "2026-01-01", "to": "2026-01-02", "notify": "all"}),
                "notify is \"all\"; it must be digest or none",
            ),
            (json!({"from": "2026-01-01", "to": "2026-01-02", "notify": false}), "invalid type"),
            (json!({"from": 20260101, "to": "2026-01-02"}), "invalid type"),
            (json!({"test_mail": false}), "unknown field `test_mail`"),
            (json!([]), "the request is \"a list of 0\""),
        ] {
            let message = BackfillEvent::of(&payload).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        assert!(matches!(BackfillEvent::of(&json!({"test_mail": true})).unwrap(), BackfillEvent::TestMail));
    }

    #[test]
    fn the_state_machine_names_a_run_and_a_step() {
        let run = "2026-01-01_2026-03-31_0123456789abcdef";
        for (payload, expected) in [
            (json!({"run": run, "generation": 2, "step": "scan", "item": 3}), FleetStep::Scan(3)),
            (json!({"run": run, "generation": 2, "step": "digest"}), FleetStep::Digest),
        ] {
            match BackfillEvent::of(&payload).unwrap() {
                BackfillEvent::Request(BackfillTask::ByFleet(id, generation, step)) => {
                    assert_eq!((id.as_str(), generation, step), (run, 2, expected));
                }
                other => panic!("{other:?}"),
            }
        }
        for (payload, said) in [
            (
                json!({"run": "../config", "generation": 1, "step": "digest"}),
                "the run of a backfill is \"../config\"",
            ),
            (json!({"run": run, "step": "digest"}), "missing field `generation`"),
            (json!({"run": run, "generation": 2, "step": "scan"}), "a step of a backfill is \"an object of"),
            (json!({"run": run, "generation": 2, "step": "digest", "item": 1}), "a step of a backfill is"),
            (json!({"run": run, "generation": 2, "step": "scan", "item": -1}), "invalid value"),
            (json!({"run": run, "generation": 2, "step": "scan", "item": 1, "x": 1}), "unknown field `x`"),
        ] {
            let message = BackfillEvent::of(&payload).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn the_schedule_sends_one_of_two_messages_and_no_other() {
        let content = |body: &str| {
            let payload = json!({"Records": [{
                "messageId": "1", "receiptHandle": "r", "body": body, "attributes": {},
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:sweeps",
            }]});
            match BackfillEvent::of(&payload).unwrap() {
                BackfillEvent::Queue(mut messages) => {
                    messages.remove(0).content.map_err(|error| error.to_string())
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(content(MISSED_DELIVERIES_MESSAGE), Ok(MissedDeliveryScope::Everything));
        assert_eq!(content(UNFINISHED_BACKFILLS_MESSAGE), Ok(MissedDeliveryScope::Backfills));
        for body in ["", "{}", r#"{"sweep": "all"}"#, r#"{"sweep": "log-files", "x": 1}"#] {
            let error = content(body).unwrap_err();
            assert!(error.starts_with("a message of the schedule's queue is "), "{error}");
        }
    }
}
