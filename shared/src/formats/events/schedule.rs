//! What a scheduled function is handed: its schedule's message, by way of a queue, and requests by hand.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::formats::events::delivery::{Message, input, message, of_a_queue, shape};
use crate::text::is_account_id;

/// What the schedule sends.
pub const MESSAGE: &str = r#"{"audit": "credential-report"}"#;

const EXPECTED_REQUEST: &str = r#"{"accounts": ["111122223333"], "report": {"date": "2026-04-01"}, "notify": true or false}, each of them left out where it does not matter, or {"test_mail": true}"#;

/// What a scheduled function was handed.
#[derive(Debug)]
pub enum Event {
    /// Messages of the queue that the schedule sends to.
    Queue(Vec<Message<()>>),
    /// Somebody asks for credential reports to be judged.
    Request(Request),
    /// Somebody asks for a mail that shows that mails arrive.
    TestMail,
}

/// A request by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The accounts; empty means all that are watched.
    pub accounts: Vec<String>,
    /// The day of a kept report; nothing means the report of now.
    pub date: Option<NaiveDate>,
    /// Whether what has changed is told and noted.
    pub notify: bool,
}

/// Who asked for credential reports to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// The schedule, by a message of a queue.
    Scheduled {
        /// When the message was sent.
        asked: DateTime<Utc>,
        /// How often it was received.
        receives: u32,
    },
    /// A person, who reads the answer.
    ByHand(Request),
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
            return records
                .iter()
                .map(|record| message(record, scheduled))
                .collect::<Result<_, _>>()
                .map(Event::Queue);
        }
        if payload.get("test_mail") == Some(&Value::Bool(true))
            && payload.as_object().map(|it| it.len()) == Some(1)
        {
            return Ok(Event::TestMail);
        }
        request(payload).map(Event::Request)
    }
}

impl Message<()> {
    /// The run that it asks for. Without the time at which it was sent it is asked for now.
    pub fn audit(&self, now: DateTime<Utc>) -> Audit {
        Audit::Scheduled { asked: self.sent.unwrap_or(now), receives: self.receives }
    }
}

fn scheduled(body: &str) -> Result<(), Error> {
    let said: Option<Value> = serde_json::from_str(body).ok();
    let expected: Option<Value> = serde_json::from_str(MESSAGE).ok();
    if said.is_some() && said == expected {
        return Ok(());
    }
    let said = said.as_ref().map_or_else(|| "no JSON".to_owned(), shape);
    Err(input("a message of the schedule's queue", &said, MESSAGE))
}

/// A person wrote it, so what is not understood is refused: it may have mattered.
fn request(payload: &Value) -> Result<Request, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        #[serde(default)]
        accounts: Vec<String>,
        report: Option<Kept>,
        notify: Option<bool>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Kept {
        date: String,
    }
    if !payload.is_object() {
        return Err(input("the request", &shape(payload), EXPECTED_REQUEST));
    }
    let written = Written::deserialize(payload)
        .map_err(|error| input("the request", &error.to_string(), EXPECTED_REQUEST))?;
    if let Some(account) = written.accounts.iter().find(|account| !is_account_id(account)) {
        return Err(input("an account of the request", account, "a 12-digit account id"));
    }
    let date = match &written.report {
        None => None,
        Some(Kept { date }) => {
            let expected = "the day of a report that was kept, such as 2026-04-01";
            Some(date.parse().map_err(|_| input("report.date", date, expected))?)
        }
    };
    let notify = written.notify.unwrap_or(date.is_none());
    if date.is_some() && notify {
        let expected = "false, or left out: what a kept report holds is answered, and mailed to nobody";
        return Err(input("notify beside report.date", "true", expected));
    }
    Ok(Request { accounts: written.accounts, date, notify })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_by_hand_is_strict() {
        let day = "2026-04-01".parse().unwrap();
        for (name, payload, expected) in [
            ("everything", json!({}), Request { accounts: vec![], date: None, notify: true }),
            (
                "one account, quietly",
                json!({"accounts": ["111122223333"], "notify": false}),
                Request { accounts: vec!["111122223333".to_owned()], date: None, notify: false },
            ),
            (
                "a kept report",
                json!({"report": {"date": "2026-04-01"}}),
                Request { accounts: vec![], date: Some(day), notify: false },
            ),
        ] {
            let Event::Request(request) = Event::of(&payload).unwrap() else { panic!("{name}") };
            assert_eq!(request, expected, "{name}");
        }
        for (payload, said) in [
            (json!({"account": "111122223333"}), "unknown field `account`"),
            (
                json!({"accounts": ["1111"]}),
                "an account of the request is \"1111\"; it must be a 12-digit account id",
            ),
            (json!({"accounts": "111122223333"}), "invalid type"),
            (
                json!({"report": {"date": "yesterday"}}),
                "report.date is \"yesterday\"; it must be the day of a report",
            ),
            (
                json!({"report": {"date": "2026-04-01"}, "notify": true}),
                "notify beside report.date is \"true\"",
            ),
            (json!({"test_mail": true, "notify": true}), "unknown field `test_mail`"),
            (json!({"test_mail": false}), "unknown field `test_mail`"),
            (json!([1]), "the request is \"a list of 1\""),
            (json!("text"), "the request is \"a text\""),
        ] {
            let message = Event::of(&payload).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        assert!(matches!(Event::of(&json!({"test_mail": true})).unwrap(), Event::TestMail));
    }

    #[test]
    fn the_message_of_the_schedule_says_when_it_was_sent_and_how_often_it_came() {
        let record = |body: &str, attributes: Value| {
            json!({"Records": [{
                "messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes,
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:audits",
            }]})
        };
        let one = |payload: Value| match Event::of(&payload).unwrap() {
            Event::Queue(mut messages) => messages.remove(0),
            other => panic!("{other:?}"),
        };
        let now = "2026-04-01T08:00:00Z".parse().unwrap();
        let message =
            one(record(MESSAGE, json!({"ApproximateReceiveCount": "2", "SentTimestamp": "1775031300000"})));
        let asked = "2026-04-01T08:15:00Z".parse().unwrap();
        assert!(message.content.is_ok());
        assert_eq!(message.audit(now), Audit::Scheduled { asked, receives: 2 });
        let message = one(record(MESSAGE, json!({})));
        assert_eq!(message.audit(now), Audit::Scheduled { asked: now, receives: 1 });
        for body in ["", "{}", r#"{"audit": "iam"}"#, r#"{"audit": "credential-report", "x": 1}"#] {
            let error = one(record(body, json!({}))).content.unwrap_err().to_string();
            assert!(error.starts_with("a message of the schedule's queue is "), "{error}");
        }
    }
}
