//! The settings of the function.

use futures_util::future::join_all;
use serde_json::json;

use super::stage::{archive, done, request, stage};

#[tokio::test]
async fn with_an_invalid_setting_every_invocation_fails_and_nothing_is_read() {
    let wrong = [
        ("LOG_BUCKET", "", "the name of a bucket, without s3:// and without a prefix"),
        ("LOG_BUCKET", "s3://logs", "the name of a bucket, without s3:// and without a prefix"),
        ("STATE_MACHINE_ARN", "backfill", "the ARN of a state machine"),
        ("FLEET_ABOVE_LOG_FILES", "0", "a whole number of log files from 1 to 100000000"),
        ("MAIL_MIN_SEVERITY", "low", "one of LOW, MEDIUM, HIGH, CRITICAL"),
        ("TOPIC_ARN", "findings", "the ARN of an SNS topic"),
        ("STATE_BUCKET", "", "the name of a bucket"),
    ];
    let tried = wrong.map(async |(name, value, expected)| {
        let stage = stage().await.with(name, value);
        archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 1);
        let function = stage.function().await;
        for event in [request("2026-04-01", "2026-04-01"), json!({"test_mail": true})] {
            function.refuses_setting(&event, &format!("{name} is {value:?}; it must be {expected}")).await;
        }
        stage.not_called();
        assert!(function.lives());
    });
    join_all(tried).await;
}

#[tokio::test]
async fn findings_below_the_minimum_severity_are_counted_and_not_mailed() {
    let stage = stage().await.with("MAIL_MIN_SEVERITY", "CRITICAL");
    archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 100);
    let function = stage.function().await;
    let answer = done(&function, &request("2026-04-01", "2026-04-01")).await;
    assert_eq!(
        (&answer["result"]["told"], &answer["result"]["counted"]),
        (&json!(0), &json!(3)),
        "{answer:#}"
    );
    stage.assert_mailed(&[""; 0], &function);
}
