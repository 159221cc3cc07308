//! What the function `backfill` is handed: a request by hand, a step of its state machine, or the message of its
//! nightly schedule.

mod request;
mod run_id;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::formats::events::delivery::{Message, input, message, of_a_queue, shape};
use request::request;
pub use request::{Request, Wanted};
pub use run_id::RunId;

/// What the nightly schedule sends where log files that were missed are looked for.
pub const SWEEP_MESSAGE: &str = r#"{"sweep": "log-files"}"#;

/// What it sends where only backfills are.
const SWEEP_OF_BACKFILLS: &str = r#"{"sweep": "backfills"}"#;

const EXPECTED_STEP: &str = r#"{"run": "RUN", "generation": 1, "step": "scan", "item": 0} or {"run": "RUN", "generation": 1, "step": "digest"}, as the state machine sends it"#;

/// What the schedule asks for, by a message of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// What is looked for.
    pub looks_for: LooksFor,
    /// When the message was sent.
    pub asked: DateTime<Utc>,
    /// How often it was received.
    pub receives: u32,
}

/// What a sweep looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LooksFor {
    /// Log files that were delivered and not read, and backfills that were begun and not finished.
    Everything,
    /// Only such backfills.
    Backfills,
}

/// What the function was handed.
#[derive(Debug)]
pub enum Event {
    /// Messages of the queue that the nightly schedule sends to.
    Queue(Vec<Message<LooksFor>>),
    /// Somebody asks for past log files, or the state machine for a part of them.
    Asked(Asked),
    /// Somebody asks for a mail that shows that mails arrive.
    TestMail,
}

/// What is to be done of a backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// All of it, or as much as there is time for.
    ByHand(Request),
    /// A step of one generation of one that needs many invocations.
    ByFleet(RunId, u32, Step),
}

/// A step of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read the item of that number, from 0.
    Scan(usize),
    /// Put together what all items came to.
    Digest,
}

impl Event {
    /// What Lambda handed over.
    ///
    /// # Errors
    /// [`Error::Input`] for a payload that is none of these; of a queue's message it stands in the message.
    pub fn of(payload: &Value) -> Result<Event, Error> {
        let records = payload.get("Records").and_then(Value::as_array);
        if let Some(records) = records.filter(|records| !records.is_empty() && records.iter().all(of_a_queue))
        {
            let messages = records.iter().map(|record| message(record, sweep));
            return messages.collect::<Result<_, _>>().map(Event::Queue);
        }
        let members = payload.as_object().map_or(0, |members| members.len());
        if payload.get("test_mail") == Some(&Value::Bool(true)) && members == 1 {
            return Ok(Event::TestMail);
        }
        match payload.get("step") {
            Some(_) => step(payload).map(Event::Asked),
            None => request(payload).map(|request| Event::Asked(Asked::ByHand(request))),
        }
    }
}

fn sweep(body: &str) -> Result<LooksFor, Error> {
    let said: Option<Value> = serde_json::from_str(body).ok();
    let is = |message: &str| said.is_some() && said == serde_json::from_str(message).ok();
    if is(SWEEP_MESSAGE) {
        return Ok(LooksFor::Everything);
    }
    if is(SWEEP_OF_BACKFILLS) {
        return Ok(LooksFor::Backfills);
    }
    let said = said.as_ref().map_or_else(|| "no JSON".to_owned(), shape);
    let expected = format!("{SWEEP_MESSAGE} or {SWEEP_OF_BACKFILLS}");
    Err(input("a message of the schedule's queue", &said, &expected))
}

fn step(payload: &Value) -> Result<Asked, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        run: String,
        generation: u32,
        step: String,
        item: Option<usize>,
    }
    let written = Written::deserialize(payload)
        .map_err(|error| input("a step of a backfill", &error.to_string(), EXPECTED_STEP))?;
    let run = RunId::parse(&written.run)?;
    let generation = written.generation;
    match (&*written.step, written.item) {
        ("scan", Some(item)) => Ok(Asked::ByFleet(run, generation, Step::Scan(item))),
        ("digest", None) => Ok(Asked::ByFleet(run, generation, Step::Digest)),
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
        let plain = Request {
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
                "quietly, and only asked",
                json!({"notify": "none", "dry_run": true}),
                Request { notify: false, dry_run: true, ..plain.clone() },
            ),
            (
                "one account, one Region, once more",
                json!({"accounts": ["111122223333"], "regions": ["us-gov-west-1"], "again": true}),
                Request { wanted: of_one, again: true, ..plain.clone() },
            ),
        ] {
            let mut payload = json!({"from": "2026-01-01", "to": "2026-03-31"});
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            match Event::of(&payload).unwrap() {
                Event::Asked(Asked::ByHand(request)) => assert_eq!(request, expected, "{name}"),
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
            let message = Event::of(&payload).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        assert!(matches!(Event::of(&json!({"test_mail": true})).unwrap(), Event::TestMail));
    }

    #[test]
    fn the_state_machine_names_a_run_and_a_step() {
        let run = "2026-01-01_2026-03-31_0123456789abcdef";
        for (payload, expected) in [
            (json!({"run": run, "generation": 2, "step": "scan", "item": 3}), Step::Scan(3)),
            (json!({"run": run, "generation": 2, "step": "digest"}), Step::Digest),
        ] {
            match Event::of(&payload).unwrap() {
                Event::Asked(Asked::ByFleet(id, generation, step)) => {
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
            let message = Event::of(&payload).unwrap_err().to_string();
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
            match Event::of(&payload).unwrap() {
                Event::Queue(mut messages) => messages.remove(0).content.map_err(|error| error.to_string()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(content(SWEEP_MESSAGE), Ok(LooksFor::Everything));
        assert_eq!(content(SWEEP_OF_BACKFILLS), Ok(LooksFor::Backfills));
        for body in ["", "{}", r#"{"sweep": "all"}"#, r#"{"sweep": "log-files", "x": 1}"#] {
            let error = content(body).unwrap_err();
            assert!(error.starts_with("a message of the schedule's queue is "), "{error}");
        }
    }
}
