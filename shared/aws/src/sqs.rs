//! SQS: the partial-batch answer, and when failed messages come back.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use aws_sdk_sqs::Client;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::queue::QueueMessage;
use shared::ports::{AwsError, AwsErrorKind};

use crate::attempts::{once, retries};
use crate::aws_error::aws_error;
use crate::failure::Failure;
use crate::report::report_queue;

/// The longest time for all attempts of one call: a call that fails must not delay the answer about the other
/// messages.
const MAX_OPERATION: Duration = Duration::from_secs(2);

/// The first delay before a message comes back. Each is twice the one before.
const FIRST_DELAY_SECONDS: u32 = 30;
const MAX_DELAY_SECONDS: u32 = 900;

/// The queues that messages come from.
pub struct Queues {
    client: Client,
}

impl Queues {
    /// A client.
    pub fn new(sdk: &SdkConfig, config: &Config) -> Queues {
        let time_outs = once(config).to_builder().operation_timeout(MAX_OPERATION).build();
        let builder = aws_sdk_sqs::config::Builder::from(sdk);
        let builder = builder.timeout_config(time_outs).retry_config(retries(config));
        Queues { client: Client::from_conf(builder.build()) }
    }

    /// Processes the messages of a batch in turn and returns the partial-batch answer. A message has failed if its body
    /// is not understood or if `work` returns `false`.
    ///
    /// # Errors
    /// The first error of `work`. Lambda then returns the whole batch to the queue.
    pub async fn each<T>(
        &self,
        messages: &[QueueMessage<T>],
        work: impl AsyncFn(&QueueMessage<T>, &T) -> Result<bool, Failure>,
    ) -> Result<Value, Failure> {
        let mut failed = Vec::new();
        for message in messages {
            let finished = match &message.content {
                Ok(content) => work(message, content).await?,
                Err(error) => {
                    lambda_runtime::tracing::warn!(%error, "message not understood");
                    false
                }
            };
            if !finished {
                failed.push(message);
            }
        }
        Ok(self.partial_batch(&failed).await)
    }

    /// Sets when failed messages come back, soon after a first failure and later after many, and returns the
    /// partial-batch answer that names them. A message for which this fails comes back after the queue's visibility
    /// time-out, which is longer than a whole run.
    ///
    /// Source: Lambda Developer Guide, "Handling errors for an SQS event source".
    pub async fn partial_batch<T>(&self, failed: &[&QueueMessage<T>]) -> Value {
        let delays = failed.iter().map(|message| self.delay(message));
        let errors: Vec<AwsError> = join_all(delays).await.into_iter().filter_map(Result::err).collect();
        report_queue(&errors);
        let mut response = SqsBatchResponse::default();
        let failure = |message: &&QueueMessage<T>| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message.id);
            failure
        };
        response.batch_item_failures = failed.iter().map(failure).collect();
        json!(response)
    }

    async fn delay<T>(&self, message: &QueueMessage<T>) -> Result<(), AwsError> {
        let call = format!("sqs:ChangeMessageVisibility {}", message.queue_arn);
        let Some(url) = queue_url(&message.queue_arn) else {
            let answer = "that is not the ARN of a queue".to_owned();
            return Err(AwsError { kind: AwsErrorKind::Denied, call, answer });
        };
        let request = self.client.change_message_visibility().queue_url(url);
        let request = request.receipt_handle(&message.receipt_handle);
        let sent = request.visibility_timeout(delay_seconds(message.receives) as i32).send().await;
        sent.map(|_| ()).map_err(|error| aws_error(call, &error))
    }
}

fn delay_seconds(receives: u32) -> u32 {
    let doublings = receives.saturating_sub(1).min(16);
    (FIRST_DELAY_SECONDS << doublings).min(MAX_DELAY_SECONDS)
}

/// The URL of a queue, which SQS needs instead of its ARN. `None` if this is not the ARN of a queue.
fn queue_url(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sqs", region, account, name] = parts[..] else { return None };
    let domain = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    Some(format!("https://sqs.{region}.{domain}/{account}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_delay_grows_to_15_minutes_at_most() {
        let delays: Vec<u32> = [0, 1, 2, 3, 4, 5, 6, 20, u32::MAX].map(delay_seconds).into();
        assert_eq!(delays, [30, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn a_queue_has_the_url_of_its_partition() {
        for (arn, url) in [
            (
                "arn:aws:sqs:us-east-1:111122223333:q",
                Some("https://sqs.us-east-1.amazonaws.com/111122223333/q"),
            ),
            (
                "arn:aws-cn:sqs:cn-north-1:111122223333:q",
                Some("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q"),
            ),
            ("arn:aws:sns:us-east-1:111122223333:t", None),
            ("q", None),
        ] {
            assert_eq!(queue_url(arn).as_deref(), url, "{arn}");
        }
    }
}
