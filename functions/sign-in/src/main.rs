//! The Lambda function `sign-in`: judges delivered CloudTrail log files and publishes what there is to tell.

use iamwatch_aws::answer::answer;
use iamwatch_aws::report::{Batch, report, report_queue};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::s3::S3;
use iamwatch_aws::sns::Topic;
use iamwatch_aws::sqs::{Queues, batch_response};
use iamwatch_aws::start::{Deployment, Failure, account_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::delivery::{Event, Judge, Message};
use shared::ports::{NotificationSink, Ports};
use shared::use_cases::{Asked, process_deliveries, process_messages};

/// What lives as long as the sandbox.
struct SignIn {
    deployment: Deployment,
    s3: S3,
    topic: Topic,
    queues: Queues,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |deployment, sdk| {
            Ok(SignIn {
                s3: S3::new(sdk, &deployment.state_bucket, &deployment.config),
                topic: Topic::new(sdk, &deployment.topic_arn, &deployment.config),
                queues: Queues::new(sdk, &deployment.config),
                deployment,
            })
        },
        async |function, payload, context| {
            let answered = function.answer(payload, context).await;
            // The next batch may be given to another sandbox, which does not know when this one has published.
            function.topic.ready().await;
            answered
        },
    )
    .await
}

impl SignIn {
    async fn answer(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let Deployment { config, function_name, .. } = &self.deployment;
        let account = account_of(context);
        let s3 = self.s3.of_account(account);
        let outside =
            Ports { logs: &s3, state: &s3, alerts: &self.topic, runtime: &Invocation::of(context), account };
        match Event::of(&payload)? {
            Event::Queue(messages) => {
                let delivered = process_messages(&messages, config, &outside).await;
                let failed: Vec<&Message> =
                    messages.iter().filter(|message| delivered.must_come_again(message)).collect();
                report_queue(&self.queues.put_off(&failed).await);
                let batch = Batch { messages: messages.len(), failed: failed.len() };
                report(&delivered, Some(batch), function_name);
                Ok(batch_response(&failed))
            }
            Event::Deliveries(objects) => {
                let delivered = process_deliveries(&objects, Asked::ByDelivery, config, &outside).await;
                report(&delivered, None, function_name);
                // Without a queue Lambda itself tries again, all of it.
                delivered.failed().next().map_or(Ok(Value::Null), |(_, trouble)| Err(trouble.into()))
            }
            Event::Judge(Judge { objects, notify }) => {
                let delivered =
                    process_deliveries(&objects, Asked::ByHand { notify }, config, &outside).await;
                report(&delivered, None, function_name);
                Ok(answer(&delivered))
            }
            Event::TestMail => {
                let published = self.topic.publish_test(function_name, &context.request_id).await;
                published.map_err(|trouble| Failure::from(&trouble))
            }
        }
    }
}
