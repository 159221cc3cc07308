//! The Lambda function `credential-report`: evaluates the IAM credential reports of the watched accounts and publishes
//! the changes.

use iamwatch_aws::answer::audit_answer;
use iamwatch_aws::failure::Failure;
use iamwatch_aws::iam::Iam;
use iamwatch_aws::report::{Batch, report_audit};
use iamwatch_aws::runtime::Invocation;
use iamwatch_aws::start::{Shell, account_of, partition_of, run};
use lambda_runtime::Context;
use serde_json::Value;
use shared::formats::events::audit::{Audit, AuditEvent};
use shared::formats::events::queue::QueueMessage;
use shared::ports::{Ports, Runtime};
use shared::use_cases::{Audited, audit_credentials};

struct CredentialReport {
    shell: Shell,
    iam: Iam,
}

impl AsRef<Shell> for CredentialReport {
    fn as_ref(&self) -> &Shell {
        &self.shell
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |shell, sdk| Ok(CredentialReport { iam: Iam::new(sdk, &shell.deployment.config), shell }),
        CredentialReport::answer,
    )
    .await
}

impl CredentialReport {
    async fn answer(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let function = &self.shell.deployment.function_name;
        let runtime = Invocation::of(context);
        match AuditEvent::of(&payload)? {
            AuditEvent::Queue(messages) => {
                let work = async |message: &QueueMessage<()>, (): &()| {
                    let audited = self.audit(&message.audit(runtime.now()), context).await?;
                    let finished = audited.unfinished().is_none();
                    report_audit(&audited, Some(Batch::of_one(finished)), function, runtime.now());
                    Ok(finished)
                };
                self.shell.queues.each(&messages, work).await
            }
            AuditEvent::Request(request) => {
                let audited = self.audit(&Audit::ByHand(request), context).await?;
                report_audit(&audited, None, function, runtime.now());
                Ok(audit_answer(&audited))
            }
            AuditEvent::TestMail => self.shell.test_mail(context).await,
        }
    }

    async fn audit(&self, audit: &Audit, context: &Context) -> Result<Audited, Failure> {
        let Shell { deployment, s3, topic, .. } = &self.shell;
        let account = account_of(context);
        let s3 = s3.of_account(account);
        let iam = self.iam.of_account(account, partition_of(context));
        let runtime = Invocation::of(context);
        let ports = Ports { logs: &(), state: &s3, alerts: topic, runtime: &runtime, account };
        Ok(audit_credentials(audit, &deployment.config, &iam, &ports).await?)
    }
}
