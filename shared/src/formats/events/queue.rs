//! The parts that the events of all functions have in common: a batch of an SQS queue, a request by hand, or a
//! request for a test mail.
//!
//! Source: Lambda Developer Guide, "Using Lambda with Amazon SQS".

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Error;
use crate::text;

/// An event of a function whose queue messages hold an `M`, and which can be invoked with an `R`.
#[derive(Debug)]
pub enum FunctionEvent<M, R> {
    /// A batch of a queue. Each message succeeds or fails separately.
    Queue(Vec<QueueMessage<M>>),
    /// Any other payload that the function accepts.
    Request(R),
    /// A request for a test mail.
    TestMail,
}

/// A message of an SQS queue.
#[derive(Debug)]
pub struct QueueMessage<M> {
    /// SQS's id of the message, by which it is reported as failed.
    pub id: String,
    /// The receipt handle, which a change of the message's visibility needs.
    pub receipt_handle: String,
    /// The ARN of the queue.
    pub queue_arn: String,
    /// How often the message was received, this time included; 1 if SQS does not report it.
    pub receives: u32,
    /// When the message was sent, if SQS reports it.
    pub sent: Option<DateTime<Utc>>,
    /// The body, or why it is not understood.
    pub content: Result<M, Error>,
}

impl<M, R> FunctionEvent<M, R> {
    /// Reads a payload: `content` reads the body of a queue message, `request` any payload that is neither a batch
    /// of a queue nor a request for a test mail.
    ///
    /// # Errors
    /// [`Error::Input`] if a queue message lacks a member that SQS always sets, and the errors of `request`. The
    /// errors of `content` are in the messages.
    pub(super) fn read(
        payload: &Value,
        content: impl Fn(&str) -> Result<M, Error>,
        request: impl FnOnce(&Value) -> Result<R, Error>,
    ) -> Result<FunctionEvent<M, R>, Error> {
        let records = payload.get("Records").and_then(Value::as_array);
        if let Some(records) = records.filter(|records| is_queue_batch(records)) {
            let messages = records.iter().map(|record| QueueMessage::read(record, &content));
            return messages.collect::<Result<_, _>>().map(FunctionEvent::Queue);
        }
        if is_test_mail(payload) {
            return Ok(FunctionEvent::TestMail);
        }
        request(payload).map(FunctionEvent::Request)
    }
}

impl<M> QueueMessage<M> {
    fn read(record: &Value, content: impl Fn(&str) -> Result<M, Error>) -> Result<QueueMessage<M>, Error> {
        let required = |name| {
            text_at(record, &[name]).filter(|value| !value.is_empty()).map(str::to_owned).ok_or_else(|| {
                input(&format!("{name} of a queue's message"), "absent", "a text that is not empty")
            })
        };
        let receives = text_at(record, &["attributes", "ApproximateReceiveCount"]);
        let sent = text_at(record, &["attributes", "SentTimestamp"]).and_then(|millis| millis.parse().ok());
        Ok(QueueMessage {
            id: required("messageId")?,
            receipt_handle: required("receiptHandle")?,
            queue_arn: required("eventSourceARN")?,
            receives: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
            sent: sent.and_then(DateTime::from_timestamp_millis),
            content: match text_at(record, &["body"]) {
                Some(body) => content(body),
                None => Err(input("the body of a queue's message", "absent", "a text")),
            },
        })
    }
}

fn is_queue_batch(records: &[Value]) -> bool {
    !records.is_empty() && records.iter().all(|record| text_at(record, &["eventSource"]) == Some("aws:sqs"))
}

/// Whether a payload is exactly `{"test_mail": true}`.
pub(super) fn is_test_mail(payload: &Value) -> bool {
    payload.as_object().is_some_and(|members| members.len() == 1) && payload["test_mail"] == Value::Bool(true)
}

/// Reads a message of a schedule, which must equal one of `known` as JSON.
///
/// # Errors
/// [`Error::Input`] for any other body.
pub(super) fn scheduled<M: Copy>(body: &str, known: &[(&str, M)]) -> Result<M, Error> {
    let sent: Option<Value> = serde_json::from_str(body).ok();
    let equals = |message: &str| sent.is_some() && sent == serde_json::from_str(message).ok();
    if let Some((_, meaning)) = known.iter().find(|(message, _)| equals(message)) {
        return Ok(*meaning);
    }
    let sent = sent.as_ref().map_or_else(|| "no JSON".to_owned(), shape);
    let expected: Vec<&str> = known.iter().map(|(message, _)| *message).collect();
    Err(input("a message of the schedule's queue", &sent, &expected.join(" or ")))
}

/// The error for an invalid input: what it is, its value, and what would be valid.
pub(crate) fn input(thing: &str, value: &str, expected: &str) -> Error {
    Error::Input { thing: thing.to_owned(), value: text::clean(value, 200), expected: expected.to_owned() }
}

/// The type of a value and the names of its members. Not its content, which may be secret.
pub(super) fn shape(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            format!("an object of {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })
        }
        Value::Array(elements) => format!("a list of {}", elements.len()),
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
    }
}

/// The text at a path of members, if there is one.
pub(super) fn text_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, name| value.get(name)).and_then(Value::as_str)
}
