//! SNS: publishing.

use std::cell::Cell;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::{Value, json};
use shared::config::Config;
use shared::mail;
use shared::notification::Notification;
use shared::ports::{AwsError, AwsErrorKind, NotificationSink, PublishEffect, PublishError};
use tokio::time::{Instant, sleep_until};

use crate::attempts::{CallError, once, retry};
use crate::aws_error::aws_error;
use crate::https;

/// The least time from one alert to the next of an invocation, and from its last one to its end.
///
/// SNS suspends an address that is sent more than 10 mails a second, and then no mail arrives. At
/// most twelve invocations of all functions are handed messages at the same time (`MaximumConcurrency`), so that
/// is 8 mails a second, and there is room for what people invoke by hand. (However many read the parts of a
/// backfill, one publishes its mail.)
///
/// Source: AWS General Reference, "Amazon SNS endpoints and quotas", "Delivery rate for email messages".
pub const SPACING: Duration = Duration::from_millis(1500);

/// One SNS topic.
pub struct Topic {
    client: Client,
    arn: String,
    /// The first pause before an alert is published again.
    retry_pause: Duration,
    /// When the last alert may have been published.
    last: Cell<Option<Instant>>,
}

impl Topic {
    /// The topic of that ARN.
    pub fn new(sdk: &SdkConfig, arn: &str, config: &Config) -> Topic {
        // The SDK would publish again after a time-out as well: an alert that SNS may have taken.
        let sdk = aws_sdk_sns::config::Builder::from(sdk)
            .http_client(https::unpooled())
            .timeout_config(once(config))
            .retry_config(RetryConfig::disabled())
            .build();
        let (client, retry_pause) = (Client::from_conf(sdk), config.retry_pause);
        Topic { client, arn: arn.to_owned(), retry_pause, last: Cell::new(None) }
    }

    async fn attempt(&self, alert: &Notification) -> Result<String, CallError<PublishError>> {
        let request = self.client.publish().topic_arn(&self.arn).subject(&alert.subject);
        let mut request = request.message(&alert.message).message_structure("json");
        for (name, kind, value) in attributes(alert) {
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
            // Without it a subscription's filter would hide the alert.
            let value = value.map_err(|invalid| {
                let (call, answer) = (format!("sns:Publish {}", self.arn), format!("{name}: {invalid}"));
                let error = AwsError { kind: AwsErrorKind::Denied, call, answer };
                CallError::Permanent(PublishError { error, effect: PublishEffect::None })
            })?;
            request = request.message_attributes(name, value);
        }
        let published = request.send().await.map_err(|sdk_error| {
            let error = aws_error(format!("sns:Publish {}", self.arn), &sdk_error);
            match sdk_error {
                // SNS published it, and its answer was damaged on its way.
                SdkError::ServiceError(answered) if answered.raw().status().is_success() => {
                    CallError::Permanent(PublishError { error, effect: PublishEffect::Unknown })
                }
                // SNS itself says that it did not take the alert, and may take it later.
                SdkError::ServiceError(_) if error.kind == AwsErrorKind::Transient => {
                    CallError::Temporary(PublishError { error, effect: PublishEffect::None })
                }
                SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => {
                    CallError::Permanent(PublishError { error, effect: PublishEffect::None })
                }
                _ => CallError::Permanent(PublishError { error, effect: PublishEffect::Unknown }),
            }
        })?;
        Ok(published.message_id.unwrap_or_default())
    }
}

impl Topic {
    /// Publishes a mail marked TEST, and returns the answer to the request.
    ///
    /// # Errors
    /// The answer of SNS.
    pub async fn publish_test(&self, function: &str, id: &str) -> Result<Value, AwsError> {
        let alert = mail::test_mail::notification(function, id.to_owned());
        let message_id = self.publish(&alert).await.map_err(|failed| failed.error)?;
        Ok(json!({"test_mail": {"message_id": message_id, "subject": alert.subject}}))
    }
}

/// What subscriptions can filter on: name, type and value. SNS refuses an empty list.
fn attributes(alert: &Notification) -> Vec<(&'static str, &'static str, String)> {
    let lists = [("rule", &alert.rules), ("account", &alert.accounts)];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let mut attributes = vec![
        ("severity", "String", alert.severity.name().to_owned()),
        ("severity_id", "Number", alert.severity.id().to_string()),
        ("status", "String", alert.status.name().to_owned()),
        ("alert_id", "String", alert.id.clone()),
    ];
    attributes.extend(lists.map(|(name, values)| (name, "String.Array", Notification::list(values))));
    attributes
}

impl NotificationSink for Topic {
    async fn ready(&self) {
        if let Some(last) = self.last.get() {
            sleep_until(last + SPACING).await;
        }
    }

    async fn publish(&self, alert: &Notification) -> Result<String, PublishError> {
        self.ready().await;
        // Before as well as after: the run may have to end before there is an answer.
        self.last.set(Some(Instant::now()));
        let published = retry(self.retry_pause, || self.attempt(alert)).await;
        self.last.set(Some(Instant::now()));
        published
    }
}
