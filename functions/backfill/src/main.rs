//! The Lambda function `backfill`: reads past log files and publishes one digest of their findings, alone or as one of
//! many invocations of a state machine. Every night it reads missed deliveries.

use iamwatch_aws::answer::backfill_answer;
use iamwatch_aws::failure::Failure;
use iamwatch_aws::fleet::StateMachine;
use iamwatch_aws::report::{Batch, report_backfill, report_missed_deliveries};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::start::{Deployment, Shell, account_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::backfill::{
    BackfillEvent, BackfillTask, FleetStep, MissedDeliveryRequest, MissedDeliveryScope, StatusQuery,
};
use shared::formats::events::queue::QueueMessage;
use shared::ports::{AwsErrorKind, Ports, Runtime};
use shared::use_cases::{
    BackfillProgress, BackfillStop, Backfilled, MissedDeliveriesResult, backfill, backfill_status,
    read_missed,
};

struct Backfill {
    shell: Shell,
    log_bucket: String,
    /// The state machine for backfills of more than one invocation, if the stack has one.
    fleet: Option<StateMachine>,
}

impl AsRef<Shell> for Backfill {
    fn as_ref(&self) -> &Shell {
        &self.shell
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |shell, sdk| {
            let Deployment { config, state_machine_arn, .. } = &shell.deployment;
            Ok(Backfill {
                log_bucket: shell.deployment.log_bucket()?.to_owned(),
                fleet: state_machine_arn.as_ref().map(|arn| StateMachine::new(sdk, arn, config)),
                shell,
            })
        },
        Backfill::answer,
    )
    .await
}

impl Backfill {
    async fn answer(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let function = &self.shell.deployment.function_name;
        let runtime = Invocation::of(context);
        if let Some(query) = StatusQuery::of(&payload)? {
            return Box::pin(self.status(&query, context)).await;
        }
        match BackfillEvent::of(&payload)? {
            BackfillEvent::Queue(messages) => {
                let work = async |message: &QueueMessage<MissedDeliveryScope>,
                                  scope: &MissedDeliveryScope| {
                    let asked = message.sent.unwrap_or_else(|| runtime.now());
                    let request = MissedDeliveryRequest { scope: *scope, asked, receives: message.receives };
                    let checked = Box::pin(self.read_missed(&request, context)).await;
                    let finished = checked.unfinished.is_none();
                    report_missed_deliveries(&checked, &Batch::of_one(finished), function, runtime.now());
                    Ok(finished)
                };
                Box::pin(self.shell.queues.each(&messages, work)).await
            }
            BackfillEvent::Request(task) => {
                let backfilled = Box::pin(self.backfill(&task, context)).await?;
                report_backfill(&backfilled, function, runtime.now());
                match (&task, &backfilled.progress) {
                    // The state machine retries an error a limited number of times, then a person must look. A digest
                    // that only needs more time is repeated without such a limit.
                    (BackfillTask::ByFleet(_, _, step), BackfillProgress::Unfinished(error))
                        if *step != FleetStep::Digest || error.kind != AwsErrorKind::DeadlineExceeded =>
                    {
                        Err(Failure::from(error))
                    }
                    _ => Ok(backfill_answer(&backfilled)),
                }
            }
            BackfillEvent::TestMail => self.shell.test_mail(context).await,
        }
    }

    async fn backfill(&self, task: &BackfillTask, context: &Context) -> Result<Backfilled, Failure> {
        let Shell { deployment, s3, topic, .. } = &self.shell;
        let account = account_of(context);
        let s3 = s3.of_account(account);
        let runtime = Invocation::of(context);
        let ports = Ports { logs: &s3, state: &s3, alerts: topic, runtime: &runtime, account };
        let fleet = self.fleet.as_ref();
        // Boxed: the compiler cannot lay out the future in place.
        Ok(Box::pin(backfill(task, &self.log_bucket, &deployment.config, fleet, &ports)).await?)
    }

    async fn status(&self, query: &StatusQuery, context: &Context) -> Result<Value, Failure> {
        let Shell { deployment, s3, topic, .. } = &self.shell;
        let account = account_of(context);
        let s3 = s3.of_account(account);
        let runtime = Invocation::of(context);
        let ports = Ports { logs: &s3, state: &s3, alerts: topic, runtime: &runtime, account };
        match Box::pin(backfill_status(query, &self.log_bucket, &deployment.config, &ports)).await {
            Ok(status) => Ok(status.answer()),
            Err(BackfillStop::Refused(error)) => Err(Failure::from(error)),
            Err(BackfillStop::Unfinished(error)) => Err(Failure::from(&error)),
        }
    }

    async fn read_missed(
        &self,
        request: &MissedDeliveryRequest,
        context: &Context,
    ) -> MissedDeliveriesResult {
        let Shell { deployment, s3, topic, .. } = &self.shell;
        let account = account_of(context);
        let s3 = s3.of_account(account);
        let runtime = Invocation::of(context);
        let ports = Ports { logs: &s3, state: &s3, alerts: topic, runtime: &runtime, account };
        let Deployment { config, state_bucket, .. } = deployment;
        Box::pin(read_missed(request, &self.log_bucket, state_bucket, config, &ports)).await
    }
}
