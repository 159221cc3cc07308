//! Events of the function `sign-in`: messages about delivered log files, and requests by hand.
//!
//! An event is recognised by its content, in any wrapping: SQS may carry a message of EventBridge, S3 or SNS, and SNS
//! one of S3 or CloudTrail.
//!
//! Sources: S3 User Guide, "Event message structure" and "EventBridge event message structure"; CloudTrail
//! User Guide, "Configuring Amazon SNS notifications for CloudTrail"; Lambda Developer Guide, "Using Lambda
//! with Amazon SQS".

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::queue::{FunctionEvent, QueueMessage, input, is_test_mail, shape, text_at};
use crate::Error;

/// The largest number of wrappings. S3 in SNS in SQS has three.
const MAX_WRAPPINGS: usize = 4;

/// The longest key that S3 allows.
const MAX_KEY_BYTES: usize = 1024;

/// The largest number of log files in a request by hand: one invocation reads them easily.
const MAX_REQUESTED: usize = 1000;

/// The message that CloudTrail publishes when a topic is attached to a trail.
const CLOUDTRAIL_VALIDATION: &str = "CloudTrail validation message.";

const EXPECTED_REQUEST: &str =
    r#"{"objects": [{"bucket": "…", "key": "…"}], "notify": true or false} or {"test_mail": true}"#;

/// An event of the function `sign-in`.
pub type DeliveryEvent = FunctionEvent<Vec<LogFileObject>, DeliveryRequest>;

/// A queue message: the log files that it names. A message that is known not to name any has none.
pub type DeliveryMessage = QueueMessage<Vec<LogFileObject>>;

/// An event that did not come from a queue.
#[derive(Debug)]
pub enum DeliveryRequest {
    /// Deliveries without a queue: they succeed or fail together.
    Deliveries(Vec<LogFileObject>),
    /// A request by hand to judge log files.
    Judge(JudgeRequest),
}

/// A request by hand to judge log files.
#[derive(Debug, PartialEq)]
pub struct JudgeRequest {
    /// The log files to judge.
    pub objects: Vec<LogFileObject>,
    /// Whether the findings are published.
    pub notify: bool,
}

/// An object that a message or a request names as a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// The key if `key` is encoded. It is not documented whether EventBridge encodes keys.
    pub decoded_key: Option<String>,
    /// Its version, if the bucket is versioned.
    pub version: Option<String>,
    /// Its size, if the message reports it.
    pub bytes: Option<u64>,
    /// When it was created, if the message reports it.
    pub created: Option<DateTime<Utc>>,
}

impl LogFileObject {
    /// `s3://bucket/key`.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Its unique id: its URI, with its version if that is known.
    pub fn identity(&self) -> String {
        match &self.version {
            Some(version) => format!("{}?versionId={version}", self.uri()),
            None => self.uri(),
        }
    }

    fn new(bucket: &str, key: String) -> Result<LogFileObject, Error> {
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
        Ok(LogFileObject { bucket, key, decoded_key: None, version: None, bytes: None, created: None })
    }
}

impl DeliveryEvent {
    /// Reads the payload that Lambda passed.
    ///
    /// # Errors
    /// [`Error::Input`] for a payload of no known form. The error of a queue message is in the message.
    pub fn of(payload: &Value) -> Result<DeliveryEvent, Error> {
        if payload.get("test_mail").is_some() && !is_test_mail(payload) {
            let expected = r#"{"test_mail": true} and nothing beside it"#;
            return Err(input("the request", &shape(payload), expected));
        }
        if payload.get("objects").is_some() {
            return request(payload).map(|request| FunctionEvent::Request(DeliveryRequest::Judge(request)));
        }
        let deliveries = |payload: &Value| objects(payload, 0).map(DeliveryRequest::Deliveries);
        FunctionEvent::read(payload, |body| objects_of_text(body, 0), deliveries)
    }
}

/// The objects that a text names: a JSON message, or CloudTrail's validation message, which names none.
fn objects_of_text(body: &str, wrappings: usize) -> Result<Vec<LogFileObject>, Error> {
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

/// The objects that a message of any known form names.
fn objects(value: &Value, wrappings: usize) -> Result<Vec<LogFileObject>, Error> {
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
        return keys.into_iter().map(|key| LogFileObject::new(bucket, key)).collect();
    }
    let expected = format!(
        "an event of SQS, S3, EventBridge or SNS about delivered log files, or by hand {EXPECTED_REQUEST}"
    );
    Err(input("the payload", &shape(value), &expected))
}

/// One of `Records`: of an S3 notification, or of SNS.
fn of_record(record: &Value, wrappings: usize) -> Result<Vec<LogFileObject>, Error> {
    if let Some(message) = text_at(record, &["Sns", "Message"]) {
        return objects_of_text(message, wrappings + 1);
    }
    let (Some(bucket), Some(key)) =
        (text_at(record, &["s3", "bucket", "name"]), text_at(record, &["s3", "object", "key"]))
    else {
        let expected = "one that names s3.bucket.name and s3.object.key, or has Sns.Message";
        return Err(input("an element of Records", &shape(record), expected));
    };
    // Some versions of the event have the prefix `s3:`.
    let name = text_at(record, &["eventName"]).unwrap_or_default();
    if !name.is_empty() && !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Ok(Vec::new());
    }
    Ok(vec![LogFileObject {
        version: version(text_at(record, &["s3", "object", "versionId"])),
        bytes: record["s3"]["object"]["size"].as_u64(),
        created: time(text_at(record, &["eventTime"])),
        ..LogFileObject::new(bucket, form_decoded(key))?
    }])
}

fn of_event_bridge(event: &Value) -> Result<Vec<LogFileObject>, Error> {
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
    Ok(vec![LogFileObject {
        decoded_key: (decoded != key).then_some(decoded),
        version: version(text_at(event, &["detail", "object", "version-id"])),
        bytes: event["detail"]["object"]["size"].as_u64(),
        created: time(text_at(event, &["time"])),
        ..LogFileObject::new(bucket, key.to_owned())?
    }])
}

/// S3 notifications form-encode keys: `+` is a space. A key that does not decode to UTF-8 is returned unchanged.
fn form_decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => key.to_owned(),
    }
}

/// `None` for an empty version.
fn version(text: Option<&str>) -> Option<String> {
    text.filter(|version| !version.is_empty()).map(str::to_owned)
}

fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text?).ok()?.to_utc())
}

/// Strict, because a person wrote the payload: a member that is ignored may have been important.
fn request(payload: &Value) -> Result<JudgeRequest, Error> {
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
            _ => Ok(LogFileObject { version, ..LogFileObject::new(&bucket, key)? }),
        });
    Ok(JudgeRequest { objects: objects.collect::<Result<_, _>>()?, notify: request.notify })
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
    fn named(objects: &[LogFileObject]) -> Vec<(&str, &str, Option<&str>, Option<&str>)> {
        objects
            .iter()
            .map(|object| {
                let LogFileObject { bucket, key, decoded_key, version, .. } = object;
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
            match DeliveryEvent::of(&event).unwrap() {
                DeliveryEvent::Request(DeliveryRequest::Deliveries(objects)) => {
                    assert_eq!(named(&objects), expected, "{name}")
                }
                other => panic!("{name}: {other:?}"),
            }
            match DeliveryEvent::of(&sqs(&text(&event))).unwrap() {
                DeliveryEvent::Queue(messages) => {
                    let QueueMessage { id, receives, content: objects, .. } = &messages[0];
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
            let DeliveryEvent::Request(DeliveryRequest::Deliveries(objects)) =
                DeliveryEvent::of(&event).unwrap()
            else {
                panic!("{event}")
            };
            let created = objects[0].created.map(|time| time.to_rfc3339());
            assert_eq!(
                (objects[0].bytes, created.as_deref()),
                (Some(700), Some("2026-04-01T08:20:00+00:00"))
            );
        }
    }

    #[test]
    fn an_invalid_message_is_an_error_of_that_message_alone() {
        let mut batch = sqs(&event_bridge(KEY).to_string());
        let bad = ["", "no JSON", "{}", "[]", "null", r#"{"Records": [{}]}"#, r#"{"detail-type": "x"}"#];
        let deep = (0..6).fold(s3_notification(KEY), |inner, _| sns(&inner)).to_string();
        for body in bad.into_iter().chain([&deep[..]]) {
            batch["Records"].as_array_mut().unwrap().push(sqs(body)["Records"][0].clone());
        }
        let DeliveryEvent::Queue(messages) = DeliveryEvent::of(&batch).unwrap() else { panic!("a queue") };
        assert_eq!(messages.len(), 9);
        assert!(messages[0].content.is_ok());
        for message in &messages[1..] {
            let error = message.content.as_ref().unwrap_err().to_string();
            assert!(error.contains(" is ") && error.contains("; it must be "), "{error}");
        }
    }

    #[test]
    fn a_request_by_hand_is_strict() {
        let DeliveryEvent::Request(DeliveryRequest::Judge(judge)) =
            DeliveryEvent::of(&json!({"objects": [{"bucket": "logs", "key": "a b+c.gz"}]})).unwrap()
        else {
            panic!("a request")
        };
        assert_eq!((named(&judge.objects), judge.notify), (vec![("logs", "a b+c.gz", None, None)], true));
        let without_mail =
            json!({"objects": [{"bucket": "logs", "key": "k", "version": "v"}], "notify": false});
        assert!(matches!(
            DeliveryEvent::of(&without_mail).unwrap(),
            DeliveryEvent::Request(DeliveryRequest::Judge(JudgeRequest { notify: false, .. }))
        ));
        assert!(matches!(DeliveryEvent::of(&json!({"test_mail": true})).unwrap(), DeliveryEvent::TestMail));
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
            let error = DeliveryEvent::of(&payload).unwrap_err().to_string();
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
        fn any_event_is_read_or_refused_in_a_short_sentence(payload in payload()) {
            let refused = |error: &Error| {
                let said = error.to_string();
                prop_assert!(said.contains("; it must be ") && said.chars().count() < 1000, "{}", said);
                prop_assert!(!said.chars().any(char::is_control), "{:?}", said);
                Ok(())
            };
            match DeliveryEvent::of(&payload) {
                Ok(DeliveryEvent::Queue(messages)) => {
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
