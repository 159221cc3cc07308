//! The log lines and metrics add up and hold no secret.

use iamwatch_tests::lambda_events::receipt_handle;
use iamwatch_tests::runtime_api::{ACCOUNT, SECRETS};
use iamwatch_tests::stage::{agree, measured, metrics, said, said_once};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::stage::{MEMBER, done, message, report, scheduled, stage_of};

/// The message of the line with the result of an invocation.
const JUDGED: &str = "credential reports judged";

#[tokio::test]
async fn the_log_line_and_the_metrics_add_up() {
    let stage = stage_of(&["alice", "bob", "carol+mfa"]).await.with("WATCHED_ACCOUNTS", MEMBER);
    stage.aws.fail(Which::every(Operation::PutObject).nth(1), Fault::INTERNAL_ERROR);
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    let line = said_once(&function, JUDGED);
    let fields = &line["fields"];
    assert_eq!(line["level"], "INFO");
    for (name, expected) in [
        ("messages", 1),
        ("failed_messages", 0),
        ("accounts", 1),
        ("failed_accounts", 1),
        ("accounts_to_do", 0),
        ("users", 3),
        ("findings", 3),
        ("told_new", 3),
        ("told_came_back", 0),
        ("told_resolved", 0),
        ("told_still", 0),
        ("accepted_findings", 0),
        ("mails", 1),
        ("failed_publishes", 0),
    ] {
        assert_eq!(fields[name], expected, "{name}: {fields}");
    }
    let metrics = metrics(&function);
    agree(
        &metrics,
        fields,
        &[
            ("AccountsLookedAt", "accounts"),
            ("AccountsFailed", "failed_accounts"),
            ("Users", "users"),
            ("Mails", "mails"),
            ("FailedPublishes", "failed_publishes"),
        ],
    );
    assert_eq!(metrics["StateFailures"], 1);
    let age = metrics["ReportAge"].as_u64().unwrap();
    assert!((3_600..3_700).contains(&age), "{age}");
    let failed = said_once(&function, "account check failed; alert sent");
    assert_eq!(
        (&failed["level"], &failed["fields"]["account"]),
        (&"WARN".into(), &MEMBER.into()),
        "{failed}"
    );
}

#[tokio::test]
async fn the_log_names_remaining_accounts_and_unpublished_mails_with_the_reason() {
    let stage = stage_of(&["alice"]).await;
    stage.aws.fail(Which::every(Operation::Publish).nth(1), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    function.response(&scheduled(1)).await;
    let fields = said_once(&function, JUDGED)["fields"].clone();
    let counted = ["failed_messages", "mails", "failed_publishes"].map(|name| fields[name].as_u64().unwrap());
    assert_eq!(counted, [1, 0, 1], "{fields}");
    assert_eq!(metrics(&function)["FailedPublishes"], 1);
    for message in ["notifying is not complete", "alert not published"] {
        let line = said_once(&function, message);
        assert!(line["fields"]["error"].as_str().unwrap().contains("sns:Publish"), "{line}");
    }
    stage.aws.put_report(ACCOUNT, report(ACCOUNT, &["alice"]).after(1_000_000));
    function.response(&scheduled(2)).await;
    let line = said_once(&function, "account check failed; it is retried");
    assert_eq!(line["fields"]["account"], ACCOUNT, "{line}");
    assert!(line["fields"]["error"].as_str().unwrap().contains("still being made"), "{line}");
    assert_eq!(said(&function, JUDGED)[1]["fields"]["accounts_to_do"], 1);
}

#[tokio::test]
async fn every_invocation_has_its_own_line_and_its_own_metrics() {
    let stage = stage_of(&["alice"]).await;
    let function = stage.function().await;
    let event = scheduled(1);
    for _ in 0..2 {
        done(&function.response(&event).await, &function);
    }
    function.response(&json!({"notify": false})).await;
    let lines = said(&function, JUDGED);
    let counted = ["accounts", "users", "findings", "told_new", "mails"]
        .map(|name| lines.iter().map(|line| line["fields"][name].as_u64().unwrap()).collect::<Vec<_>>());
    // The second time the message had already been processed.
    assert_eq!(counted, [[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 0], [1, 0, 0]], "{}", function.output());
    assert_eq!(lines[2]["fields"].get("messages"), None, "{}", lines[2]);
    let measured = measured(&function);
    let ages: Vec<bool> = measured.iter().map(|line| line.contains_key("ReportAge")).collect();
    assert_eq!(ages, [true, false, true]);
}

#[tokio::test]
async fn promise_7_nothing_secret_and_nothing_of_a_report_is_written() {
    let stage = stage_of(&["alice", "correcthorse"]).await.with("WATCHED_ACCOUNTS", MEMBER);
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
    stage.aws.let_assume(super::stage::ROLE, None);
    stage.aws.fail(Which::every(Operation::GetCredentialReport).about(MEMBER), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::Publish).nth(1), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::ChangeMessageVisibility).nth(1), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::PutObject).nth(2), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    function.response(&scheduled(1)).await;
    function.response(&message(r#"{"password": "correcthorse"}"#, 1)).await;
    function.response(&json!({"notify": false})).await;
    function.error(&json!({"password": "correcthorse"})).await;
    function.response(&scheduled(2)).await;
    let output = function.output();
    for call in ["iam:GetCredentialReport", "s3:PutObject s3://example-state/", "sns:Publish", "sqs:Change"] {
        let is_it = |line: &str| line.contains(call) && line.contains("AccessDenied");
        assert!(output.lines().any(is_it), "{call}: {output}");
    }
    let handed_out = ["ASIA4444", "session-1-of", "wJalrXUtnFEMI"];
    let of_reports = ["correcthorse", "mallory", "<root_account>", "password_enabled", "batchItemFailures"];
    for secret in SECRETS.into_iter().chain(handed_out).chain(of_reports) {
        assert!(!output.contains(secret), "{secret} stands in: {output}");
    }
    assert!(!output.contains(&receipt_handle("m")), "{output}");
    let measured = measured(&function);
    assert_eq!(measured.len(), 3, "only where reports are judged");
    let text = Value::from(measured.into_iter().map(Value::from).collect::<Vec<_>>()).to_string();
    for name in [ACCOUNT, MEMBER, "alice", "example-state"] {
        assert!(!text.contains(name), "{name} stands in: {text}");
    }
}
