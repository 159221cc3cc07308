//! SNS in the query protocol, SQS in the JSON protocol.
//!
//! Source: Amazon SNS API Reference, `Publish`; Amazon SQS API Reference, `ChangeMessageVisibility`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::loopback::Reply;

/// The content type of the JSON protocol of SQS.
pub(super) const JSON: &str = "application/x-amz-json-1.0";
const XML: &str = "text/xml";

/// One message as it was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// To which topic.
    pub topic_arn: String,
    /// The subject of the mail.
    pub subject: Option<String>,
    /// The message, all its forms together where `message_structure` is `json`.
    pub message: String,
    /// `json`, or nothing.
    pub message_structure: Option<String>,
    /// The message attributes for filter policies, by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// `String`, `Number`, `String.Array`.
    pub data_type: String,
    /// Its value.
    pub value: String,
}

impl Mail {
    /// Nothing where the form asks for something else.
    pub(crate) fn asked_by(body: &[u8]) -> Option<Mail> {
        let mut form = form(body);
        if form.get("Action").is_none_or(|action| action != "Publish") {
            return None;
        }
        let mut attributes = BTreeMap::new();
        for n in 1.. {
            let mut part = |name: &str| form.remove(&format!("MessageAttributes.entry.{n}.{name}"));
            let Some(name) = part("Name") else { break };
            let data_type = part("Value.DataType")?;
            attributes.insert(name, Attribute { data_type, value: part("Value.StringValue")? });
        }
        Some(Mail {
            topic_arn: form.remove("TopicArn")?,
            subject: form.remove("Subject"),
            message: form.remove("Message")?,
            message_structure: form.remove("MessageStructure"),
            attributes,
        })
    }

    /// The message for one kind of subscriber; `None` if it has no such form.
    pub fn form_for(&self, protocol: &str) -> Option<String> {
        let forms: Value = serde_json::from_str(&self.message).ok()?;
        Some(forms[protocol].as_str()?.to_owned())
    }

    /// The OCSF documents that machines get; none where that form is absent or no JSON array.
    pub fn findings(&self) -> Vec<Value> {
        let text = self.form_for("default").unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        Some(&self.attributes.get(name)?.value)
    }
}

/// A message of a queue, and when it may be received again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityChange {
    /// Which queue.
    pub queue_url: String,
    /// Which message.
    pub receipt_handle: String,
    /// In this many seconds.
    pub seconds: u64,
}

impl VisibilityChange {
    pub(super) fn asked_by(body: &[u8]) -> Option<VisibilityChange> {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some(VisibilityChange {
            queue_url: body["QueueUrl"].as_str()?.to_owned(),
            receipt_handle: body["ReceiptHandle"].as_str()?.to_owned(),
            seconds: body["VisibilityTimeout"].as_u64()?,
        })
    }
}

/// The answer to the n-th `Publish`.
pub(super) fn published(n: usize) -> Reply {
    let body = format!(
        concat!(
            r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>"#,
            "94f20ce6-13c5-43a0-9a9e-{n:012}</MessageId></PublishResult><ResponseMetadata><RequestId>",
            "f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata></PublishResponse>"
        ),
        n = n
    );
    Reply::new(200, XML, body)
}

/// An error as SNS says it.
pub(super) fn sns_error(status: u16, code: &str, message: &str) -> Reply {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let body = format!(
        concat!(
            r#"<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>{fault}</Type>"#,
            "<Code>{code}</Code><Message>{message}</Message></Error>",
            "<RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ErrorResponse>"
        ),
        fault = fault,
        code = code,
        message = message
    );
    Reply::new(status, XML, body)
}

/// An error as SQS says it.
pub(super) fn sqs_error(status: u16, code: &str, message: &str) -> Reply {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": message});
    Reply::new(status, JSON, body.to_string()).with("x-amzn-query-error", &format!("{code};{fault}"))
}

/// The fields of a form or a query.
pub fn form(encoded: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(encoded);
    let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let field = |field: &str| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|field| !field.is_empty()).map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_read_from_its_form() {
        let mail = Mail::asked_by(concat!(
            "Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A111122223333%3Afindings",
            "&Message=%7B%22default%22%3A%22%5B%7B%5C%22a%5C%22%3A1%7D%5D%22%2C%22email%22%3A%22one+line%22%7D",
            "&Subject=a%2Bb&MessageStructure=json&MessageAttributes.entry.1.Name=severity",
            "&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=HIGH",
        ).as_bytes())
        .unwrap();
        assert_eq!(mail.topic_arn, "arn:aws:sns:us-east-1:111122223333:findings");
        assert_eq!(mail.subject.as_deref(), Some("a+b"));
        assert_eq!(mail.form_for("email").as_deref(), Some("one line"));
        assert_eq!(mail.findings(), [json!({"a": 1})]);
        assert_eq!(mail.attribute("severity"), Some("HIGH"));
        assert_eq!(Mail::asked_by(b"Action=ListTopics"), None);
    }
}
