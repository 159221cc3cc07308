//! The events of Lambda.
//!
//! Sources: S3 User Guide, "Event message structure" and "EventBridge event message structure"; CloudTrail User
//! Guide, "Configuring Amazon SNS notifications for CloudTrail"; Lambda Developer Guide, "Using Lambda with Amazon SQS".

use iamwatch_tests::lambda_events::{object_created, received};
use iamwatch_tests::runtime_api::REGION;
use serde_json::{Value, json};

use super::stage::LOGS;

pub use iamwatch_tests::lambda_events::receipt_handle;

/// The event of S3 to EventBridge. The key is in it unchanged.
pub fn event_bridge(key: &str) -> Value {
    object_created(LOGS, key)
}

/// The same for one version of it.
pub fn event_bridge_of_version(key: &str, version: &str) -> Value {
    let mut event = event_bridge(key);
    event["detail"]["object"]["version-id"] = version.into();
    event
}

/// The event of S3 itself. The key is in it as S3 encodes it: as a form does.
pub fn s3_notification(key: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-04-01T08:05:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLE:cloudtrail"},
        "requestParameters": {"sourceIPAddress": "192.0.2.3"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "EXAMPLE"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "deliveries",
            "bucket": {"name": LOGS, "ownerIdentity": {"principalId": "A3NL1KOZZKExample"}, "arn": format!("arn:aws:s3:::{LOGS}")},
            "object": {"key": key, "size": 1024, "eTag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "0A1B2C3D4E5F678901"},
        },
    }]})
}

/// The test event of S3 when a notification is configured.
pub fn s3_test() -> Value {
    json!({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-04-01T08:00:00.000Z", "Bucket": LOGS,
        "RequestId": "5582815E1AEA5ADF", "HostId": "EXAMPLE",
    })
}

/// The message of CloudTrail itself to a topic.
pub fn cloudtrail_message(keys: &[&str]) -> Value {
    json!({"s3Bucket": LOGS, "s3ObjectKey": keys})
}

/// The message of CloudTrail when a topic is given to a trail.
pub const CLOUDTRAIL_VALIDATION: &str = "CloudTrail validation message.";

/// The message of SNS in a queue.
pub fn by_sns(message: &str) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:deliveries",
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": "2026-04-01T08:05:00.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE=",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/EXAMPLE.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=EXAMPLE",
    })
}

/// The event of SNS for a function.
pub fn from_sns(message: &str) -> Value {
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:111122223333:deliveries:21be56ed-a058-49f5-8c98-aedd2564c486",
        "Sns": by_sns(message),
    }]})
}

/// A batch of messages, each with its id and body, received for the first time.
pub fn batch(messages: &[(&str, &str)]) -> Value {
    batch_received(1, messages)
}

/// The same, received so often by now.
pub fn batch_received(times: u32, messages: &[(&str, &str)]) -> Value {
    let received = |(id, body): &(&str, &str)| received(id, body, times);
    json!({"Records": messages.iter().map(received).collect::<Vec<_>>()})
}

/// A batch with one EventBridge event for each key; each message has the name of its key as its id.
pub fn deliveries(keys: &[(&str, &str)]) -> Value {
    let bodies: Vec<(&str, String)> =
        keys.iter().map(|(id, key)| (*id, event_bridge(key).to_string())).collect();
    batch(&bodies.iter().map(|(id, body)| (*id, &body[..])).collect::<Vec<_>>())
}
