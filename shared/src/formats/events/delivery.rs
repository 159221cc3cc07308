//! What a function is handed: messages that say which log files were delivered, and requests by hand.
//!
//! Everything is told by its content, in as many wrappings as it comes in: a queue holds what EventBridge,
//! S3 or SNS sent, and SNS what S3 or CloudTrail did.
//!
//! Sources: S3 User Guide, "Event message structure" and "EventBridge event message structure"; CloudTrail
//! User Guide, "Configuring Amazon SNS notifications for CloudTrail"; Lambda Developer Guide, "Using Lambda
//! with Amazon SQS".

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::text;

/// SQS in SNS in S3 is three; nobody wraps more.
const MAX_WRAPPINGS: usize = 4;

/// What S3 allows as a key.
const MAX_KEY_BYTES: usize = 1024;

/// How many log files one request by hand may name: what fits into one invocation with ease.
const MAX_REQUESTED: usize = 1000;

/// What CloudTrail writes to a topic when it is attached to a trail.
const CLOUDTRAIL_VALIDATION: &str = "CloudTrail validation message.";

const EXPECTED_REQUEST: &str =
    r#"{"objects": [{"bucket": "…", "key": "…"}], "notify": true or false} or {"test_mail": true}"#;

/// What a function was handed.
#[derive(Debug)]
pub enum Event {
    /// A batch of a queue; each message is answered for on its own.
    Queue(Vec<Message>),
    /// Deliveries without a queue: they succeed or fail together.
    Deliveries(Vec<Object>),
    /// Somebody asks for these log files to be judged.
    Judge(Judge),
    /// Somebody asks for a mail that shows that mails arrive.
    TestMail,
}

/// A message of a queue.
#[derive(Debug)]
pub struct Message<T = Vec<Object>> {
    /// SQS's id of it, by which it is reported as failed.
    pub id: String,
    /// What SQS wants to see when its visibility is changed.
    pub receipt_handle: String,
    /// The queue.
    pub queue_arn: String,
    /// How often it was received, this time included; 1 where SQS does not say.
    pub receives: u32,
    /// When it was sent, where SQS says so.
    pub sent: Option<DateTime<Utc>>,
    /// What it says: the log files that it names; none where it says something else that is known.
    pub content: Result<T, Error>,
}

/// A request by hand.
#[derive(Debug, PartialEq)]
pub struct Judge {
    /// The log files to judge.
    pub objects: Vec<Object>,
    /// Whether the findings are published.
    pub notify: bool,
}

/// An object of which somebody says that it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// What its key is if the one above is encoded. Nobody documents which of the two EventBridge sends.
    pub decoded_key: Option<String>,
    /// Its version, where the bucket keeps them.
    pub version: Option<String>,
    /// How large it is, as far as is said.
    pub bytes: Option<u64>,
    /// When it was created, as far as is said.
    pub created: Option<DateTime<Utc>>,
}

impl Object {
    /// `s3://bucket/key`.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// What tells it from every other object: its URI, with its version where that is known.
    pub fn identity(&self) -> String {
        match &self.version {
            Some(version) => format!("{}?versionId={version}", self.uri()),
            None => self.uri(),
        }
    }

    fn new(bucket: &str, key: String) -> Result<Object, Error> {
        let valid = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        if !valid {
            return Err(input("the name of a bucket", bucket, "3 to 63 of a-z, 0-9, - and ."));
        }
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(input("the key of an object", &key, "1 to 1024 bytes long"));
        }
        let bucket = bucket.to_owned();
        Ok(Object { bucket, key, decoded_key: None, version: None, bytes: None, created: None })
    }
}

impl Event {
    /// What Lambda handed over.
    ///
    /// # Errors
    /// [`Error::Input`] for a payload that is none of these; of a queue's message it stands in the message.
    pub fn of(payload: &Value) -> Result<Event, Error> {
        if payload.get("test_mail").is_some() {
            return test_mail(payload);
        }
        if payload.get("objects").is_some() {
            return request(payload).map(Event::Judge);
        }
        let records = payload.get("Records").and_then(Value::as_array);
        match records {
            Some(records) if !records.is_empty() && records.iter().all(of_a_queue) => {
                records.iter().map(delivery).collect::<Result<_, _>>().map(Event::Queue)
            }
            _ => objects(payload, 0).map(Event::Deliveries),
        }
    }
}

pub(crate) fn input(thing: &str, value: &str, expected: &str) -> Error {
    Error::Input { thing: thing.to_owned(), value: text::clean(value, 200), expected: expected.to_owned() }
}

pub(crate) fn of_a_queue(record: &Value) -> bool {
    text_at(record, &["eventSource"]) == Some("aws:sqs")
}

fn text_at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, name| value.get(name)).and_then(Value::as_str)
}

fn delivery(record: &Value) -> Result<Message, Error> {
    message(record, |body| objects_of_text(body, 0))
}

/// A message of a queue, whose body says what `content` makes of it.
pub(crate) fn message<T>(
    record: &Value,
    content: impl Fn(&str) -> Result<T, Error>,
) -> Result<Message<T>, Error> {
    let required = |name| {
        text_at(record, &[name]).filter(|value| !value.is_empty()).map(str::to_owned).ok_or_else(|| {
            input(&format!("{name} of a queue's message"), "absent", "a text that is not empty")
        })
    };
    let receives = text_at(record, &["attributes", "ApproximateReceiveCount"]);
    let sent = text_at(record, &["attributes", "SentTimestamp"]).and_then(|millis| millis.parse().ok());
    Ok(Message {
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

/// The objects that a text names: JSON of any known kind, or one of the sentences that AWS writes.
fn objects_of_text(body: &str, wrappings: usize) -> Result<Vec<Object>, Error> {
    if body.trim() == CLOUDTRAIL_VALIDATION {
        return Ok(Vec::new());
    }
    match serde_json::from_str(body) {
        Ok(value) => objects(&value, wrappings),
        Err(error) => {
            Err(input("a message", &format!("no JSON: {error}"), "one that AWS sends about log files"))
        }
    }
}

/// The objects that any known message names.
fn objects(value: &Value, wrappings: usize) -> Result<Vec<Object>, Error> {
    if wrappings > MAX_WRAPPINGS {
        return Err(input("a message", "wrapped too often", "wrapped at most four times"));
    }
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        let of_records: Result<Vec<_>, _> =
            records.iter().map(|record| of_record(record, wrappings)).collect();
        return Ok(of_records?.into_iter().flatten().collect());
    }
    if value.get("detail-type").is_some() {
        return of_event_bridge(value);
    }
    if text_at(value, &["Event"]) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    if let (Some(_), Some(message)) = (text_at(value, &["TopicArn"]), text_at(value, &["Message"])) {
        return objects_of_text(message, wrappings + 1);
    }
    if let (Some(bucket), Some(keys)) = (text_at(value, &["s3Bucket"]), value.get("s3ObjectKey")) {
        let keys: Vec<String> = serde_json::from_value(keys.clone())
            .map_err(|error| input("s3ObjectKey", &format!("{}: {error}", shape(keys)), "a list of keys"))?;
        return keys.into_iter().map(|key| Object::new(bucket, key)).collect();
    }
    let expected = format!(
        "an event of SQS, S3, EventBridge or SNS about delivered log files, or by hand {EXPECTED_REQUEST}"
    );
    Err(input("the payload", &shape(value), &expected))
}

/// What a value is, without what it says: that may be secret.
pub(crate) fn shape(value: &Value) -> String {
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

/// One of `Records`: of an S3 notification, or of SNS.
fn of_record(record: &Value, wrappings: usize) -> Result<Vec<Object>, Error> {
    if let Some(message) = text_at(record, &["Sns", "Message"]) {
        return objects_of_text(message, wrappings + 1);
    }
    let (Some(bucket), Some(key)) =
        (text_at(record, &["s3", "bucket", "name"]), text_at(record, &["s3", "object", "key"]))
    else {
        let expected = "one that names s3.bucket.name and s3.object.key, or has Sns.Message";
        return Err(input("an element of Records", &shape(record), expected));
    };
    // With or without `s3:` in front, by the version of the event.
    let name = text_at(record, &["eventName"]).unwrap_or_default();
    if !name.is_empty() && !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Ok(Vec::new());
    }
    Ok(vec![Object {
        version: version(text_at(record, &["s3", "object", "versionId"])),
        bytes: record["s3"]["object"]["size"].as_u64(),
        created: time(text_at(record, &["eventTime"])),
        ..Object::new(bucket, form_decoded(key))?
    }])
}

fn of_event_bridge(event: &Value) -> Result<Vec<Object>, Error> {
    let kind = text_at(event, &["detail-type"]);
    if text_at(event, &["source"]) == Some("aws.s3") && kind != Some("Object Created") {
        return Ok(Vec::new());
    }
    let (Some("Object Created"), Some(bucket), Some(key)) =
        (kind, text_at(event, &["detail", "bucket", "name"]), text_at(event, &["detail", "object", "key"]))
    else {
        let expected = "\"Object Created\" with detail.bucket.name and detail.object.key";
        return Err(input("detail-type of an EventBridge event", kind.unwrap_or("absent"), expected));
    };
    let decoded = form_decoded(key);
    Ok(vec![Object {
        decoded_key: (decoded != key).then_some(decoded),
        version: version(text_at(event, &["detail", "object", "version-id"])),
        bytes: event["detail"]["object"]["size"].as_u64(),
        created: time(text_at(event, &["time"])),
        ..Object::new(bucket, key.to_owned())?
    }])
}

/// S3 notifications encode keys as a form does: `+` is a space. What is no UTF-8 then, is left as it is.
fn form_decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => key.to_owned(),
    }
}

/// An empty one is none.
fn version(text: Option<&str>) -> Option<String> {
    text.filter(|version| !version.is_empty()).map(str::to_owned)
}

fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text?).ok()?.to_utc())
}

/// A person wrote it, so what is not understood is refused: it may have mattered.
fn request(payload: &Value) -> Result<Judge, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        objects: Vec<Named>,
        #[serde(default = "yes")]
        notify: bool,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        bucket: String,
        key: String,
        version: Option<String>,
    }
    fn yes() -> bool {
        true
    }
    let request = Request::deserialize(payload)
        .map_err(|error| input("the request", &error.to_string(), EXPECTED_REQUEST))?;
    let count = request.objects.len();
    if !(1..=MAX_REQUESTED).contains(&count) {
        let expected = format!("1 to {MAX_REQUESTED} of them");
        return Err(input("the number of objects", &count.to_string(), &expected));
    }
    let objects =
        request.objects.into_iter().map(|Named { bucket, key, version }| match version.as_deref() {
            Some("") => Err(input("the version of an object", "", "left out, or one that the bucket has")),
            _ => Ok(Object { version, ..Object::new(&bucket, key)? }),
        });
    Ok(Judge { objects: objects.collect::<Result<_, _>>()?, notify: request.notify })
}

fn test_mail(payload: &Value) -> Result<Event, Error> {
    let asked = payload.as_object().is_some_and(|members| members.len() == 1)
        && payload["test_mail"] == Value::Bool(true);
    if asked {
        return Ok(Event::TestMail);
    }
    Err(input("the request", &shape(payload), r#"{"test_mail": true} and nothing beside it"#))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/a.json.gz";

    fn s3_notification(key: &str) -> Value {
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-04-01T08:20:00.000Z",
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 700, "versionId": "v1"}},
        }]})
    }

    fn event_bridge(key: &str) -> Value {
        json!({
            "source": "aws.s3", "detail-type": "Object Created", "time": "2026-04-01T08:20:00Z",
            "detail": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 700, "version-id": "v1"}},
        })
    }

    fn sns(message: &Value) -> Value {
        json!({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:t", "Message": text(message)})
    }

    fn sns_to_lambda(message: &Value) -> Value {
        json!({"Records": [{"EventSource": "aws:sns", "Sns": sns(message)}]})
    }

    fn sqs(body: &str) -> Value {
        json!({"Records": [{
            "messageId": "m1", "receiptHandle": "r1", "body": body,
            "attributes": {"ApproximateReceiveCount": "3"},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:q",
        }]})
    }

    fn text(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Bucket, key, other key and version of every object.
    fn named(objects: &[Object]) -> Vec<(&str, &str, Option<&str>, Option<&str>)> {
        objects
            .iter()
            .map(|object| {
                let Object { bucket, key, decoded_key, version, .. } = object;
                (&bucket[..], &key[..], decoded_key.as_deref(), version.as_deref())
            })
            .collect()
    }

    #[test]
    fn every_shape_is_unwrapped_whether_it_comes_by_itself_or_through_a_queue() {
        let one = |key, other, version| vec![("logs", key, other, version)];
        for (name, event, expected) in [
            ("an S3 notification", s3_notification(KEY), one(KEY, None, Some("v1"))),
            (
                "its key is encoded as a form",
                s3_notification("a+%2B%C3%A9.json.gz"),
                one("a +é.json.gz", None, Some("v1")),
            ),
            ("a key that is no UTF-8", s3_notification("a%FF.gz"), one("a%FF.gz", None, Some("v1"))),
            ("EventBridge", event_bridge(KEY), one(KEY, None, Some("v1"))),
            ("its key may be raw", event_bridge("a+b%20.gz"), one("a+b%20.gz", Some("a b .gz"), Some("v1"))),
            ("S3 by SNS", sns(&s3_notification("a+b.gz")), one("a b.gz", None, Some("v1"))),
            (
                "S3 by SNS to Lambda",
                sns_to_lambda(&s3_notification("a+b.gz")),
                one("a b.gz", None, Some("v1")),
            ),
            (
                "CloudTrail's own message",
                json!({"s3Bucket": "logs", "s3ObjectKey": ["a+b.gz", "c.gz"]}),
                vec![("logs", "a+b.gz", None, None), ("logs", "c.gz", None, None)],
            ),
            (
                "CloudTrail's own message by SNS",
                sns_to_lambda(&json!({"s3Bucket": "logs", "s3ObjectKey": ["a.gz"]})),
                one("a.gz", None, None),
            ),
            ("CloudTrail's validation", sns_to_lambda(&json!(CLOUDTRAIL_VALIDATION)), vec![]),
            ("S3's test", json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"}), vec![]),
            (
                "a deletion",
                json!({"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "logs"}, "object": {"key": KEY}}}]}),
                vec![],
            ),
            (
                "a deletion by EventBridge",
                json!({"source": "aws.s3", "detail-type": "Object Deleted"}),
                vec![],
            ),
        ] {
            match Event::of(&event).unwrap() {
                Event::Deliveries(objects) => assert_eq!(named(&objects), expected, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            match Event::of(&sqs(&text(&event))).unwrap() {
                Event::Queue(messages) => {
                    let Message { id, receives, content: objects, .. } = &messages[0];
                    assert_eq!((&id[..], *receives), ("m1", 3), "{name}");
                    assert_eq!(named(objects.as_ref().unwrap()), expected, "{name}, through a queue");
                }
                other => panic!("{name}, through a queue: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_known_of_an_object_is_kept() {
        for event in [s3_notification(KEY), event_bridge(KEY)] {
            let Event::Deliveries(objects) = Event::of(&event).unwrap() else { panic!("{event}") };
            let created = objects[0].created.map(|time| time.to_rfc3339());
            assert_eq!(
                (objects[0].bytes, created.as_deref()),
                (Some(700), Some("2026-04-01T08:20:00+00:00"))
            );
        }
    }

    #[test]
    fn a_message_that_nobody_understands_is_an_error_of_that_message_alone() {
        let mut batch = sqs(&event_bridge(KEY).to_string());
        let bad = ["", "no JSON", "{}", "[]", "null", r#"{"Records": [{}]}"#, r#"{"detail-type": "x"}"#];
        let deep = (0..6).fold(s3_notification(KEY), |inner, _| sns(&inner)).to_string();
        for body in bad.into_iter().chain([&deep[..]]) {
            batch["Records"].as_array_mut().unwrap().push(sqs(body)["Records"][0].clone());
        }
        let Event::Queue(messages) = Event::of(&batch).unwrap() else { panic!("a queue") };
        assert_eq!(messages.len(), 9);
        assert!(messages[0].content.is_ok());
        for message in &messages[1..] {
            let error = message.content.as_ref().unwrap_err().to_string();
            assert!(error.contains(" is ") && error.contains("; it must be "), "{error}");
        }
    }

    #[test]
    fn a_request_by_hand_is_strict() {
        let Event::Judge(judge) =
            Event::of(&json!({"objects": [{"bucket": "logs", "key": "a b+c.gz"}]})).unwrap()
        else {
            panic!("a request")
        };
        assert_eq!((named(&judge.objects), judge.notify), (vec![("logs", "a b+c.gz", None, None)], true));
        let quiet = json!({"objects": [{"bucket": "logs", "key": "k", "version": "v"}], "notify": false});
        assert!(matches!(Event::of(&quiet).unwrap(), Event::Judge(Judge { notify: false, .. })));
        assert!(matches!(Event::of(&json!({"test_mail": true})).unwrap(), Event::TestMail));
        let many = json!({"objects": vec![json!({"bucket": "logs", "key": "k"}); 1001]});
        for (payload, said) in [
            (json!({"objects": []}), "the number of objects is \"0\"; it must be 1 to 1000"),
            (many, "is \"1001\""),
            (json!({"objects": [{"bucket": "logs", "key": "k"}], "notfy": true}), "notfy"),
            (json!({"objects": [{"bucket": "logs", "key": "k"}], "notify": "no"}), "notify"),
            (json!({"objects": [{"bucket": "logs", "kee": "k"}]}), "kee"),
            (json!({"objects": "s3://logs/k"}), "the request"),
            (json!({"objects": [{"bucket": "s3://logs", "key": "k"}]}), "the name of a bucket is"),
            (json!({"objects": [{"bucket": "logs", "key": ""}]}), "the key of an object is"),
            (
                json!({"objects": [{"bucket": "logs", "key": "k", "version": ""}]}),
                "the version of an object is",
            ),
            (json!({"test_mail": false}), "test_mail"),
            (json!({"test_mail": true, "to": "x"}), "nothing beside it"),
            (json!({}), "the payload is \"an object of nothing\""),
            (json!([1, 2]), "a list of 2"),
            (json!("x"), "a text"),
        ] {
            let error = Event::of(&payload).unwrap_err().to_string();
            assert!(error.contains(said), "{payload}: {error}");
        }
    }

    /// JSON out of the names and values that mean something somewhere, nested at random.
    fn payload() -> impl Strategy<Value = Value> {
        const NAMES: &[&str] = &[
            "Records",
            "s3",
            "bucket",
            "object",
            "name",
            "key",
            "size",
            "versionId",
            "eventName",
            "Sns",
            "Message",
            "TopicArn",
            "detail",
            "detail-type",
            "source",
            "s3Bucket",
            "s3ObjectKey",
            "Event",
            "objects",
            "notify",
            "test_mail",
            "version",
            "messageId",
            "receiptHandle",
            "eventSourceARN",
            "eventSource",
            "body",
            "attributes",
        ];
        const TEXTS: &[&str] = &[
            "logs",
            "a+b%20%FF.json.gz",
            "aws:sqs",
            "aws.s3",
            "Object Created",
            "ObjectCreated:Put",
            "s3:TestEvent",
            CLOUDTRAIL_VALIDATION,
            "{\"Records\": [{}]}",
            "\u{202e}\n",
            "",
        ];
        let leaf = prop_oneof![
            prop::sample::select(TEXTS).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((prop::sample::select(NAMES), inner.clone()), 0..6).prop_map(
                    |members| Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
                ),
                inner.prop_map(|value| Value::from(value.to_string())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_function_is_handed_it_is_understood_or_refused_in_a_short_sentence(payload in payload()) {
            let refused = |error: &Error| {
                let said = error.to_string();
                prop_assert!(said.contains("; it must be ") && said.chars().count() < 1000, "{}", said);
                prop_assert!(!said.chars().any(char::is_control), "{:?}", said);
                Ok(())
            };
            match Event::of(&payload) {
                Ok(Event::Queue(messages)) => {
                    for message in &messages {
                        if let Err(error) = &message.content {
                            refused(error)?;
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => refused(&error)?,
            }
        }
    }
}
