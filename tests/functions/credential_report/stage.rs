//! The function, the reports that IAM has, and the messages of the schedule.

use chrono::{DateTime, TimeDelta, Utc};
use iamwatch_tests::lambda_events::received_of;
use iamwatch_tests::reports::{Report, of_people};
use iamwatch_tests::runtime_api::{ACCOUNT, Function};
use iamwatch_tests::stage::{Stage, failed};
use iamwatch_tests::stub_aws::{AccountReport, Mail, Operation};
use serde_json::{Value, json};
use shared::formats::events::audit::AUDIT_MESSAGE;

/// Another account, and the role that may be assumed there.
pub const MEMBER: &str = "444455556666";
pub const ROLE: &str = "arn:aws:iam::444455556666:role/iamwatch-member";

/// The function as it is deployed, but that it waits for a shorter time before it asks again.
pub async fn stage() -> Stage {
    Stage::of("credential-report").await.with("RETRY_PAUSE_MILLIS", "2")
}

/// The same where IAM has a report of these people, made an hour ago: see [`of_people`].
pub async fn stage_of(users: &[&str]) -> Stage {
    let stage = stage().await;
    stage.aws.put_report(ACCOUNT, report(ACCOUNT, users));
    stage
}

/// The credential report of an account with these people.
pub fn report(account: &str, users: &[&str]) -> AccountReport {
    let now = Utc::now();
    made(&of_people(account, now, users), now, 1)
}

/// A report that was made this many hours ago.
pub fn made(report: &Report, now: DateTime<Utc>, hours_ago: i64) -> AccountReport {
    AccountReport::made(report.csv(), now - TimeDelta::hours(hours_ago))
}

/// Lambda's event for a message that the schedule has just sent, with its receive count.
pub fn scheduled(receives: u32) -> Value {
    message(AUDIT_MESSAGE, receives)
}

/// The same with another body. The message is called `m`.
pub fn message(body: &str, receives: u32) -> Value {
    json!({"Records": [received_of("m", body, receives, Utc::now())]})
}

/// Has a run of the schedule done to its end.
#[track_caller]
pub fn done(response: &Value, function: &Function) {
    assert_eq!(failed(response), [""; 0], "{}", function.output());
}

/// The subject of the mail about one user without a second factor.
pub fn subject_of(user: &str) -> String {
    format!("[HIGH] Console password without a second factor - {user} - {ACCOUNT}")
}

/// The machine form of a mail: rule, whom it is about, and `Create`, `Update` or `Close`.
pub fn mailed_findings(mail: &Mail) -> Vec<[String; 3]> {
    let mut mailed_findings: Vec<[String; 3]> = mail
        .findings()
        .iter()
        .map(|finding| {
            let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let who = text("/resources/0/uid").rsplit(['/', ':']).next().unwrap_or_default();
            [text("/metadata/event_code"), who, text("/activity_name")].map(str::to_owned)
        })
        .collect();
    mailed_findings.sort_unstable();
    mailed_findings
}

/// How often the report of an account was asked for.
pub fn asked_for(stage: &Stage, account: &str) -> usize {
    let target = format!("account {account}");
    let calls = stage.aws.calls();
    let is_it = |operation, at: &str| operation == Operation::GenerateCredentialReport && at == target;
    calls.iter().filter(|call| is_it(call.operation, &call.target)).count()
}
