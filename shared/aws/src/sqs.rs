//! SQS: when a message that failed comes back.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use aws_sdk_sqs::Client;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::delivery::Message;
use shared::ports::{AwsError, AwsErrorKind};

use crate::attempts::{once, retries};
use crate::aws_error::trouble;
use crate::report::report_queue;
use crate::start::Failure;

/// The most that all attempts may take together: one message that cannot be put off must not cost the answer
/// about all the others.
const MAX_OPERATION: Duration = Duration::from_secs(2);

/// The first pause before a message comes back; each is twice the one before.
const FIRST_PAUSE_SECONDS: u32 = 30;
const MAX_PAUSE_SECONDS: u32 = 900;

/// The answer to a batch of which these messages must come again.
///
/// Source: Lambda Developer Guide, "Handling errors for an SQS event source".
pub fn batch_response<T>(failed: &[&Message<T>]) -> Value {
    let mut response = SqsBatchResponse::default();
    let failure = |message: &&Message<T>| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier.clone_from(&message.id);
        failure
    };
    response.batch_item_failures = failed.iter().map(failure).collect();
    json!(response)
}

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

    /// Has one message after the other done, and answers which of them must come again: those of which `work` says that
    /// it is not finished, and those that nobody understands.
    ///
    /// # Errors
    /// Those of `work`: no message is finished then.
    pub async fn each<T>(
        &self,
        messages: &[Message<T>],
        work: impl AsyncFn(&Message<T>, &T) -> Result<bool, Failure>,
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
        report_queue(&self.put_off(&failed).await);
        Ok(batch_response(&failed))
    }

    /// Says when these messages come back: soon after a first failure, later after many. Without it each
    /// would come back after the queue's own visibility time-out, which has to outlast a whole run.
    ///
    /// The answer is what did not work; those messages come back at the queue's own pace.
    pub async fn put_off<T>(&self, messages: &[&Message<T>]) -> Vec<AwsError> {
        let put_off = messages.iter().map(|message| self.put_off_one(message));
        join_all(put_off).await.into_iter().filter_map(Result::err).collect()
    }

    async fn put_off_one<T>(&self, message: &Message<T>) -> Result<(), AwsError> {
        let call = format!("sqs:ChangeMessageVisibility {}", message.queue_arn);
        let Some(url) = queue_url(&message.queue_arn) else {
            let answer = "that is not the ARN of a queue".to_owned();
            return Err(AwsError { kind: AwsErrorKind::Denied, call, answer });
        };
        let request = self.client.change_message_visibility().queue_url(url);
        let request = request.receipt_handle(&message.receipt_handle);
        let sent = request.visibility_timeout(pause_seconds(message.receives) as i32).send().await;
        sent.map(|_| ()).map_err(|error| trouble(call, &error))
    }
}

fn pause_seconds(receives: u32) -> u32 {
    let doublings = receives.saturating_sub(1).min(16);
    (FIRST_PAUSE_SECONDS << doublings).min(MAX_PAUSE_SECONDS)
}

/// The URL of a queue, which SQS wants instead of its ARN; nothing where that is no ARN of a queue.
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
    fn a_message_comes_back_later_each_time_and_at_least_four_times_an_hour() {
        let pauses: Vec<u32> = [0, 1, 2, 3, 4, 5, 6, 20, u32::MAX].map(pause_seconds).into();
        assert_eq!(pauses, [30, 30, 60, 120, 240, 480, 900, 900, 900]);
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
