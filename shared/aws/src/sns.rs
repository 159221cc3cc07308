//! SNS: publishing.

use std::cell::Cell;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::types::MessageAttributeValue;
use shared::alert::Alert;
use shared::ports::{AlertSink, Trouble, TroubleKind};
use tokio::time::Instant;

use crate::trouble::trouble;

const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);

/// How often an alert is published that SNS has said it did not take.
const ATTEMPTS: u32 = 4;
/// The first pause between two; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(200);

/// The least time from one alert to the next. SNS suspends an address that is sent more than 10 mails a
/// second, and as many sandboxes as `MaximumConcurrency` (5) publish at the same time.
const SPACING: Duration = Duration::from_millis(500);

/// One SNS topic.
pub struct Topic {
    client: Client,
    arn: String,
    /// When the last alert was published.
    last: Cell<Option<Instant>>,
}

impl Topic {
    /// The topic of that ARN.
    pub fn new(config: &SdkConfig, arn: &str) -> Topic {
        let time_outs =
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
        // The SDK would publish again after a time-out as well: an alert that SNS may have taken.
        let config = aws_sdk_sns::config::Builder::from(config)
            .timeout_config(time_outs)
            .retry_config(RetryConfig::disabled())
            .build();
        Topic { client: Client::from_conf(config), arn: arn.to_owned(), last: Cell::new(None) }
    }

    async fn attempt(&self, alert: &Alert) -> Result<String, (Trouble, Taken)> {
        let request = self.client.publish().topic_arn(&self.arn).subject(&alert.subject);
        let mut request = request.message(&alert.message).message_structure("json");
        for (name, kind, value) in attributes(alert) {
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
            // Without it a subscription's filter would hide the alert.
            let value = value.map_err(|error| {
                let (call, answer) = (format!("sns:Publish {}", self.arn), format!("{name}: {error}"));
                (Trouble { kind: TroubleKind::Refused, call, answer }, Taken::No)
            })?;
            request = request.message_attributes(name, value);
        }
        match request.send().await {
            Ok(published) => Ok(published.message_id.unwrap_or_default()),
            Err(error) => {
                let taken = match &error {
                    SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => Taken::No,
                    _ => Taken::Unknown,
                };
                Err((trouble(format!("sns:Publish {}", self.arn), &error), taken))
            }
        }
    }
}

/// Whether an alert may have been published although SNS did not say so.
#[derive(PartialEq, Eq)]
enum Taken {
    No,
    Unknown,
}

/// What subscriptions can filter on: name, type and value. SNS refuses an empty list.
fn attributes(alert: &Alert) -> Vec<(&'static str, &'static str, String)> {
    let lists = [("rule", &alert.rules), ("account", &alert.accounts)];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let mut attributes = vec![
        ("severity", "String", alert.severity.name().to_owned()),
        ("severity_id", "Number", alert.severity.id().to_string()),
        ("status", "String", "new".to_owned()),
        ("alert_id", "String", alert.id.clone()),
    ];
    attributes.extend(lists.map(|(name, values)| (name, "String.Array", Alert::list(values))));
    attributes
}

impl AlertSink for Topic {
    async fn publish(&self, alert: &Alert) -> Result<String, Trouble> {
        if let Some(last) = self.last.get() {
            tokio::time::sleep_until(last + SPACING).await;
        }
        self.last.set(Some(Instant::now()));
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(alert).await {
                Err((Trouble { kind: TroubleKind::Unanswered, .. }, Taken::No)) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome.map_err(|(trouble, _)| trouble),
            }
        }
        self.attempt(alert).await.map_err(|(trouble, _)| trouble)
    }
}
