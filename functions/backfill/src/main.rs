//! The Lambda function `backfill`: reads past log files and publishes one digest of what they hold; by itself, or as
//! one of many invocations of a state machine. Every night it reads what was delivered and never announced.

use iamwatch_aws::answer::backfill_answer;
use iamwatch_aws::fleet::StateMachine;
use iamwatch_aws::report::{Batch, report_backfill, report_sweep};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::s3::S3;
use iamwatch_aws::sns::Topic;
use iamwatch_aws::sqs::Queues;
use iamwatch_aws::start::{Deployment, Failure, account_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::backfill::{Asked, Event, Step};
use shared::formats::events::backfill::{LooksFor, Sweep};
use shared::formats::events::delivery::Message;
use shared::ports::{AwsErrorKind, NotificationSink, Ports, Runtime};
use shared::use_cases::{Backfilled, Progress, Swept, backfill, read_missed};

/// What lives as long as the sandbox.
struct Backfill {
    deployment: Deployment,
    log_bucket: String,
    s3: S3,
    topic: Topic,
    queues: Queues,
    /// What reads more than one invocation can, where there is such a thing.
    fleet: Option<StateMachine>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |deployment, sdk| {
            let machine = deployment.state_machine_arn.as_ref();
            Ok(Backfill {
                log_bucket: deployment.log_bucket()?.to_owned(),
                s3: S3::new(sdk, &deployment.state_bucket, &deployment.config),
                topic: Topic::new(sdk, &deployment.topic_arn, &deployment.config),
                queues: Queues::new(sdk, &deployment.config),
                fleet: machine.map(|arn| StateMachine::new(sdk, arn, &deployment.config)),
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

impl Backfill {
    async fn answer(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let function = &self.deployment.function_name;
        let runtime = Invocation::of(context);
        match Event::of(&payload)? {
            Event::Queue(messages) => {
                let work = async |message: &Message<LooksFor>, looks_for: &LooksFor| {
                    let asked = message.sent.unwrap_or_else(|| runtime.now());
                    let asked = Sweep { looks_for: *looks_for, asked, receives: message.receives };
                    let swept = self.read_missed(&asked, context).await;
                    let finished = swept.unfinished.is_none();
                    let batch = Batch { messages: 1, failed: usize::from(!finished) };
                    report_sweep(&swept, &batch, function, runtime.now());
                    Ok(finished)
                };
                self.queues.each(&messages, work).await
            }
            Event::Asked(asked) => {
                let backfilled = self.backfill(&asked, context).await?;
                report_backfill(&backfilled, function, runtime.now());
                match (&asked, &backfilled.progress) {
                    // The state machine asks again for what has failed, and so often that a person must look then. For a
                    // digest that only needs more time it asks as often as it takes.
                    (Asked::ByFleet(_, _, step), Progress::Unfinished(trouble))
                        if *step != Step::Digest || trouble.kind != AwsErrorKind::DeadlineExceeded =>
                    {
                        Err(Failure::from(trouble))
                    }
                    _ => Ok(backfill_answer(&backfilled)),
                }
            }
            Event::TestMail => {
                let published = self.topic.publish_test(function, &context.request_id).await;
                published.map_err(|trouble| Failure::from(&trouble))
            }
        }
    }

    async fn backfill(&self, asked: &Asked, context: &Context) -> Result<Backfilled, Failure> {
        let account = account_of(context);
        let s3 = self.s3.of_account(account);
        let runtime = Invocation::of(context);
        let outside = Ports { logs: &s3, state: &s3, alerts: &self.topic, runtime: &runtime, account };
        let (config, fleet) = (&self.deployment.config, self.fleet.as_ref());
        // Boxed: the compiler gives up on laying out what they would be in place.
        Ok(Box::pin(backfill(asked, &self.log_bucket, config, fleet, &outside)).await?)
    }

    async fn read_missed(&self, asked: &Sweep, context: &Context) -> Swept {
        let account = account_of(context);
        let s3 = self.s3.of_account(account);
        let runtime = Invocation::of(context);
        let outside = Ports { logs: &s3, state: &s3, alerts: &self.topic, runtime: &runtime, account };
        let Deployment { config, state_bucket, .. } = &self.deployment;
        Box::pin(read_missed(asked, &self.log_bucket, state_bucket, config, &outside)).await
    }
}
