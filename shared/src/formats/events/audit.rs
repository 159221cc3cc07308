//! Events of the functions that audit accounts: the schedule's message in a queue, and requests by hand.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::queue::{FunctionEvent, QueueMessage, input, scheduled, shape};
use crate::Error;
use crate::text::is_account_id;

/// The message of the schedule.
pub const AUDIT_MESSAGE: &str = r#"{"audit": "credential-report"}"#;

const EXPECTED_REQUEST: &str = r#"{"accounts": ["111122223333"], "report": {"date": "2026-04-01"}, "notify": true or false}, each of them left out where it does not matter, or {"test_mail": true}"#;

/// An event of a function that audits accounts.
pub type AuditEvent = FunctionEvent<(), AuditRequest>;

/// A request by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRequest {
    /// The accounts; empty for all watched accounts.
    pub accounts: Vec<String>,
    /// The day of an archived report; `None` for the current report.
    pub date: Option<NaiveDate>,
    /// Whether changes are notified and recorded.
    pub notify: bool,
}

/// The origin of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// A message of the schedule.
    Scheduled {
        /// When the message was sent.
        asked: DateTime<Utc>,
        /// How often it was received.
        receives: u32,
    },
    /// A person, who reads the answer.
    ByHand(AuditRequest),
}

impl AuditEvent {
    /// Reads the payload that Lambda passed.
    ///
    /// # Errors
    /// [`Error::Input`] for a payload of no known form. The error of a queue message is in the message.
    pub fn of(payload: &Value) -> Result<AuditEvent, Error> {
        FunctionEvent::read(payload, |body| scheduled(body, &[(AUDIT_MESSAGE, ())]), request)
    }
}

impl QueueMessage<()> {
    /// The audit that the message requests. If SQS does not report when it was sent, that is now.
    pub fn audit(&self, now: DateTime<Utc>) -> Audit {
        Audit::Scheduled { asked: self.sent.unwrap_or(now), receives: self.receives }
    }
}

/// Strict, because a person wrote the payload: a member that is ignored may have been important.
fn request(payload: &Value) -> Result<AuditRequest, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(default)]
        accounts: Vec<String>,
        report: Option<ReportFields>,
        notify: Option<bool>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ReportFields {
        date: String,
    }
    if !payload.is_object() {
        return Err(input("the request", &shape(payload), EXPECTED_REQUEST));
    }
    let fields = Fields::deserialize(payload)
        .map_err(|error| input("the request", &error.to_string(), EXPECTED_REQUEST))?;
    if let Some(account) = fields.accounts.iter().find(|account| !is_account_id(account)) {
        return Err(input("an account of the request", account, "a 12-digit account id"));
    }
    let date = match &fields.report {
        None => None,
        Some(ReportFields { date }) => {
            let expected = "the day of a report that was kept, such as 2026-04-01";
            Some(date.parse().map_err(|_| input("report.date", date, expected))?)
        }
    };
    let notify = fields.notify.unwrap_or(date.is_none());
    if date.is_some() && notify {
        let expected = "false, or left out: what a kept report holds is answered, and mailed to nobody";
        return Err(input("notify beside report.date", "true", expected));
    }
    Ok(AuditRequest { accounts: fields.accounts, date, notify })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_by_hand_is_strict() {
        let day = "2026-04-01".parse().unwrap();
        for (name, payload, expected) in [
            ("everything", json!({}), AuditRequest { accounts: vec![], date: None, notify: true }),
            (
                "one account, without a mail",
                json!({"accounts": ["111122223333"], "notify": false}),
                AuditRequest { accounts: vec!["111122223333".to_owned()], date: None, notify: false },
            ),
            (
                "a kept report",
                json!({"report": {"date": "2026-04-01"}}),
                AuditRequest { accounts: vec![], date: Some(day), notify: false },
            ),
        ] {
            let AuditEvent::Request(request) = AuditEvent::of(&payload).unwrap() else { panic!("{name}") };
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
            let message = AuditEvent::of(&payload).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        assert!(matches!(AuditEvent::of(&json!({"test_mail": true})).unwrap(), AuditEvent::TestMail));
    }

    #[test]
    fn the_message_of_the_schedule_says_when_it_was_sent_and_how_often_it_came() {
        let record = |body: &str, attributes: Value| {
            json!({"Records": [{
                "messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes,
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:audits",
            }]})
        };
        let one = |payload: Value| match AuditEvent::of(&payload).unwrap() {
            AuditEvent::Queue(mut messages) => messages.remove(0),
            other => panic!("{other:?}"),
        };
        let now = "2026-04-01T08:00:00Z".parse().unwrap();
        let message = one(record(
            AUDIT_MESSAGE,
            json!({"ApproximateReceiveCount": "2", "SentTimestamp": "1775031300000"}),
        ));
        let asked = "2026-04-01T08:15:00Z".parse().unwrap();
        assert!(message.content.is_ok());
        assert_eq!(message.audit(now), Audit::Scheduled { asked, receives: 2 });
        let message = one(record(AUDIT_MESSAGE, json!({})));
        assert_eq!(message.audit(now), Audit::Scheduled { asked: now, receives: 1 });
        for body in ["", "{}", r#"{"audit": "iam"}"#, r#"{"audit": "credential-report", "x": 1}"#] {
            let error = one(record(body, json!({}))).content.unwrap_err().to_string();
            assert!(error.starts_with("a message of the schedule's queue is "), "{error}");
        }
    }
}
