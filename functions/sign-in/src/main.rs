//! The Lambda function `sign-in`: evaluates delivered CloudTrail log files and publishes the findings.

use iamwatch_aws::answer::answer;
use iamwatch_aws::failure::Failure;
use iamwatch_aws::report::{Batch, report};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::start::{Deployment, Shell, account_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::delivery::{DeliveryEvent, DeliveryMessage, DeliveryRequest, JudgeRequest};
use shared::ports::Ports;
use shared::use_cases::{Trigger, process_deliveries, process_messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(|shell, _| Ok(shell), answer_event).await
}

async fn answer_event(shell: &Shell, payload: Value, context: &Context) -> Result<Value, Failure> {
    let Shell { deployment, s3, topic, queues } = shell;
    let Deployment { config, function_name, .. } = deployment;
    let account = account_of(context);
    let s3 = s3.of_account(account);
    let ports = Ports { logs: &s3, state: &s3, alerts: topic, runtime: &Invocation::of(context), account };
    match DeliveryEvent::of(&payload)? {
        DeliveryEvent::Queue(messages) => {
            let delivered = process_messages(&messages, config, &ports).await;
            let failed: Vec<&DeliveryMessage> =
                messages.iter().filter(|message| delivered.must_come_again(message)).collect();
            let answer = queues.partial_batch(&failed).await;
            let batch = Batch { messages: messages.len(), failed: failed.len() };
            report(&delivered, Some(batch), function_name);
            Ok(answer)
        }
        DeliveryEvent::Request(DeliveryRequest::Deliveries(objects)) => {
            let delivered = process_deliveries(&objects, Trigger::Delivery, config, &ports).await;
            report(&delivered, None, function_name);
            // Without a queue Lambda retries the whole event.
            delivered.failed().next().map_or(Ok(Value::Null), |(_, error)| Err(error.into()))
        }
        DeliveryEvent::Request(DeliveryRequest::Judge(JudgeRequest { objects, notify })) => {
            let delivered = process_deliveries(&objects, Trigger::ByHand { notify }, config, &ports).await;
            report(&delivered, None, function_name);
            Ok(answer(&delivered))
        }
        DeliveryEvent::TestMail => shell.test_mail(context).await,
    }
}
