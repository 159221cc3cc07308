//! Lambda's events for a function that reads a queue of deliveries.
//!
//! Sources: S3 User Guide, "EventBridge event message structure"; Lambda Developer Guide, "Using Lambda with
//! Amazon SQS".

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::runtime_api::{ACCOUNT, REGION};

/// The event of S3 to EventBridge about a new object. The key is in it unchanged.
pub fn object_created(bucket: &str, key: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-04-01T08:05:00Z",
        "region": REGION,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 1024, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "00617F08299329D189"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "cloudtrail.amazonaws.com",
            "source-ip-address": "192.0.2.3",
            "reason": "PutObject",
        },
    })
}

/// One message of a batch, received so often by now.
pub fn received(id: &str, body: &str, times: u32) -> Value {
    received_of(id, body, times, DateTime::UNIX_EPOCH)
}

/// The same, sent at that time.
pub fn received_of(id: &str, body: &str, times: u32, sent: DateTime<Utc>) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": receipt_handle(id),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": times.to_string(),
            "SentTimestamp": sent.timestamp_millis().to_string(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": (sent.timestamp_millis() + 1).to_string(),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:deliveries"),
        "awsRegion": REGION,
    })
}

/// The receipt handle of the message of that id.
pub fn receipt_handle(id: &str) -> String {
    format!("AQEBreceiptHANDLEof{id}EXAMPLE==")
}
