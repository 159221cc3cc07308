//! The Lambda function `credential-report`: judges the IAM credential reports of the watched accounts and publishes
//! what has changed.

use iamwatch_aws::answer::audit_answer;
use iamwatch_aws::iam::Iam;
use iamwatch_aws::report::{Batch, report_audit};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::s3::S3;
use iamwatch_aws::sns::Topic;
use iamwatch_aws::sqs::Queues;
use iamwatch_aws::start::{Deployment, Failure, account_of, partition_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::delivery::Message;
use shared::formats::events::schedule::Audit;
use shared::formats::events::schedule::Event;
use shared::ports::{NotificationSink, Ports, Runtime};
use shared::use_cases::{Audited, audit_credentials};

/// What lives as long as the sandbox.
struct CredentialReport {
    deployment: Deployment,
    iam: Iam,
    s3: S3,
    topic: Topic,
    queues: Queues,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |deployment, sdk| {
            Ok(CredentialReport {
                iam: Iam::new(sdk, &deployment.config),
                s3: S3::new(sdk, &deployment.state_bucket, &deployment.config),
                topic: Topic::new(sdk, &deployment.topic_arn, &deployment.config),
                queues: Queues::new(sdk, &deployment.config),
                deployment,
            })
        },
        async |function, payload, context| {
            let answered = function.answer(payload, context).await;
            // The next message may be given to another sandbox, which does not know when this one has published.
            function.topic.ready().await;
            answered
        },
    )
    .await
}

impl CredentialReport {
    async fn answer(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let function = &self.deployment.function_name;
        let runtime = Invocation::of(context);
        match Event::of(&payload)? {
            Event::Queue(messages) => {
                let work = async |message: &Message<()>, (): &()| {
                    let audited = self.audit(&message.audit(runtime.now()), context).await?;
                    let finished = audited.unfinished().is_none();
                    let batch = Batch { messages: 1, failed: usize::from(!finished) };
                    report_audit(&audited, Some(batch), function, runtime.now());
                    Ok(finished)
                };
                self.queues.each(&messages, work).await
            }
            Event::Request(request) => {
                let audited = self.audit(&Audit::ByHand(request), context).await?;
                report_audit(&audited, None, function, runtime.now());
                Ok(audit_answer(&audited))
            }
            Event::TestMail => {
                let published = self.topic.publish_test(function, &context.request_id).await;
                published.map_err(|trouble| Failure::from(&trouble))
            }
        }
    }

    async fn audit(&self, audit: &Audit, context: &Context) -> Result<Audited, Failure> {
        let account = account_of(context);
        let s3 = self.s3.of_account(account);
        let iam = self.iam.of_account(account, partition_of(context));
        let runtime = Invocation::of(context);
        let outside = Ports { logs: &(), state: &s3, alerts: &self.topic, runtime: &runtime, account };
        Ok(audit_credentials(audit, &self.deployment.config, &iam, &outside).await?)
    }
}
