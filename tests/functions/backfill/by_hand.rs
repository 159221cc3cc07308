//! Requests by hand and their answers.

use iamwatch_tests::stage::{STATE, metrics, said_once};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;

use super::stage::{LOGS, archive, done, request, request_with, stage};

#[tokio::test]
async fn a_test_mail_says_that_it_is_one() {
    let stage = stage().await;
    stage.test_mail_arrives(&stage.function().await).await;
}

#[tokio::test]
async fn a_request_that_is_not_understood_is_refused_with_what_would_be_right() {
    let stage = stage().await;
    let function = stage.function().await;
    for (event, part) in [
        (json!({}), "missing field `from`"),
        (json!({"from": "2026-04-01"}), "missing field `to`"),
        (request("2026-04-02", "2026-04-01"), "from is \"2026-04-02\"; it must be no later than to"),
        (request("2013-10-31", "2013-11-01"), "2013-11-01 or later: CloudTrail began on that day"),
        (request("2014-01-01", "2026-01-01"), "at most 3660"),
        (request("2026-04-01", "2999-01-01"), "no later than today"),
        (request("2026-4-1", "2026-04-02"), "a day in UTC, such as 2026-01-01"),
        (request_with("2026-04-01", "2026-04-01", &[("accounts", json!(["prod"]))]), "a 12-digit account id"),
        (
            request_with("2026-04-01", "2026-04-01", &[("regions", json!(["everywhere/"]))]),
            "the name of a Region",
        ),
        (
            request_with("2026-04-01", "2026-04-01", &[("notify", json!("me"))]),
            "notify is \"me\"; it must be digest or none",
        ),
        (request_with("2026-04-01", "2026-04-01", &[("bucket", json!("others"))]), "unknown field `bucket`"),
        (json!({"run": "x", "generation": 1, "step": "digest"}), "the run of a backfill is \"x\""),
        (
            json!({"run": "2026-01-01_2026-03-31_0123456789abcdef", "generation": 1, "step": "scan", "item": 0}),
            "one that was begun",
        ),
        (
            json!({"run": "2026-01-01_2026-03-31_0123456789abcdef", "generation": 1, "step": "plan"}),
            "a step of a backfill is",
        ),
        (json!({"test_mail": true, "from": "2026-04-01"}), "unknown field `test_mail`"),
        (json!("look"), "the request is"),
        (json!(null), "the request is"),
    ] {
        let (error_type, message) = function.error(&event).await;
        assert!(error_type == "InputError" && message.contains(part), "{event}: {error_type}: {message}");
    }
    stage.assert_mailed(&[""; 0], &function);
    assert_eq!((stage.aws.count(Operation::ListObjects), stage.aws.keys(STATE)), (0, vec![]));
}

#[tokio::test]
async fn an_estimate_is_answered_and_nothing_is_read_or_written() {
    let stage = stage().await;
    archive(&stage, &["111122223333", "444455556666"], &["us-east-1", "eu-central-1"], "2026-03-30", 5, 3);
    let function = stage.function().await;
    let dry = request_with("2026-04-01", "2026-04-01", &[("dry_run", json!(true))]);
    let answer = function.response(&dry).await;
    // The day before and the day after belong to it.
    let estimate = &answer["estimate"];
    for (name, value) in [
        ("log_files", json!(36)),
        ("accounts", json!(2)),
        ("regions", json!(2)),
        ("days", json!(3)),
        ("items", json!(1)),
        ("by_fleet", json!(false)),
    ] {
        assert_eq!(estimate[name], value, "{name}: {answer:#}");
    }
    assert!(estimate["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0 && cost < 0.01), "{answer:#}");
    assert_eq!(
        (&answer["progress"], &answer["finished"], &answer["read"]),
        (&json!("planned"), &json!(false), &json!(null))
    );
    let few = request_with(
        "2026-04-01",
        "2026-04-01",
        &[("dry_run", json!(true)), ("accounts", json!(["444455556666"])), ("regions", json!(["us-east-1"]))],
    );
    assert_eq!(function.response(&few).await["estimate"]["log_files"], 9);
    assert_eq!((stage.aws.count(Operation::GetObject), stage.aws.keys(STATE)), (0, vec![]));
    stage.assert_mailed(&[""; 0], &function);

    // Many are for the fleet.
    let stage = stage.with("FLEET_ABOVE_LOG_FILES", "35");
    let function = stage.function().await;
    assert_eq!(function.response(&dry).await["estimate"]["by_fleet"], true);
    let stage = stage.without("STATE_MACHINE_ARN");
    let function = stage.function().await;
    assert_eq!(function.response(&dry).await["estimate"]["by_fleet"], false);
}

#[tokio::test]
async fn a_bucket_without_the_requested_log_files_is_an_error_that_names_what_it_has() {
    let stage = stage().await;
    let function = stage.function().await;
    let (error_type, message) = function.error(&request("2026-04-01", "2026-04-02")).await;
    assert!(
        error_type == "InputError" && message.contains("AWSLogs/111122223333/CloudTrail/us-east-1/"),
        "{message}"
    );
    archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 1);
    for (more, part) in [
        (
            ("accounts", json!(["999900000000"])),
            "one whose log files are in s3://example-logs/: 111122223333",
        ),
        (("regions", json!(["eu-west-3"])), "one of which log files are in s3://example-logs/: us-east-1"),
    ] {
        let (_, message) = function.error(&request_with("2026-04-01", "2026-04-02", &[more])).await;
        assert!(message.contains(part), "{message}");
    }
    stage.assert_mailed(&[""; 0], &function);
}

#[tokio::test]
async fn a_failed_listing_is_answered_and_the_same_request_resumes() {
    let stage = stage().await;
    let archive = archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 50);
    stage.aws.fail(Which::every(Operation::ListObjects).about(LOGS), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let answer = function.response(&request("2026-04-01", "2026-04-01")).await;
    assert_eq!(
        (&answer["progress"], &answer["finished"]),
        (&json!("unfinished"), &json!(false)),
        "{answer:#}"
    );
    let why = answer["not_done"].as_str().unwrap();
    assert!(why.starts_with("s3:ListObjectsV2 s3://example-logs/") && why.contains("AccessDenied"), "{why}");
    stage.assert_mailed(&[""; 0], &function);
    stage.aws.recover();
    let answer = done(&function, &request("2026-04-01", "2026-04-01")).await;
    assert_eq!(answer["read"]["counts"]["log_files"], archive.log_files);
    assert_eq!(stage.aws.mails().len(), 1);
}

#[tokio::test]
async fn the_same_request_is_answered_with_the_first_result() {
    let stage = stage().await;
    let archive = archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 100);
    let function = stage.function().await;
    let asked = request("2026-04-01", "2026-04-01");
    let first = done(&function, &asked).await;
    let line = said_once(&function, "past log files read");
    assert_eq!(
        (&line["fields"]["log_files"], &line["fields"]["records"]),
        (&json!(100), &json!(archive.records))
    );
    let metrics = metrics(&function);
    assert_eq!((&metrics["LogFiles"], &metrics["Mails"]), (&json!(100), &json!(1)));
    let (reads, mails) = (stage.aws.count(Operation::GetObject), stage.aws.mails().len());
    let again = done(&function, &asked).await;
    assert_eq!((&again["run"], &again["result"]), (&first["run"], &first["result"]));
    assert_eq!(
        (stage.aws.count(Operation::GetObject), stage.aws.mails().len()),
        (reads + 1, mails),
        "its state alone is read"
    );
    // Another one is another run.
    let other =
        done(&function, &request_with("2026-04-01", "2026-04-01", &[("notify", json!("none"))])).await;
    assert_ne!(other["run"], first["run"]);
    assert_eq!(stage.aws.mails().len(), mails);
}
