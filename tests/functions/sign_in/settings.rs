//! The settings of the function.

use iamwatch_tests::stage::metrics;
use iamwatch_tests::stub_aws::Fault;
use serde_json::json;

use super::events::deliveries;
use super::stage::{LOGS, Stage, failed, failure_subject, key, log_file, reading, root_without_mfa};

#[tokio::test]
async fn with_an_invalid_setting_every_invocation_fails_and_nothing_is_read() {
    for (name, value, expected) in [
        ("MAIL_MIN_SEVERITY", "low", "one of LOW, MEDIUM, HIGH, CRITICAL"),
        ("MAIL_MIN_SEVERITY", "INFORMATIONAL", "one of LOW, MEDIUM, HIGH, CRITICAL"),
        ("MAX_RECORD_BYTES", "1023", "a whole number of bytes from 1024 to 1073741824"),
        ("MAX_IN_FLIGHT_BYTES", "64 MiB", "a whole number of bytes from 1048576 to 8589934592"),
        ("MAX_COMPRESSED_BYTES", "0", "a whole number of bytes from 1 to 1099511627776"),
        ("MAX_DECOMPRESSED_BYTES", "-1", "a whole number of bytes from 1 to 1099511627776"),
        ("ACCOUNT_NAMES", "prod", "a comma-separated list of 12-digit account ids"),
        ("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/33", "a comma-separated list of IPv4 or IPv6 ranges"),
        ("CALL_TIMEOUT_MILLIS", "0", "a whole number of milliseconds from 100 to 10000"),
        ("HIDDEN_NAME_FAILURES", "0", "a whole number of failures from 1 to 100"),
        (
            "MAILS_PER_HOUR",
            "HIGH=20",
            "a number of mails from 1 to 1000 for each of CRITICAL, HIGH, MEDIUM, LOW, UNAUTHENTICATED",
        ),
        ("QUIET_MINUTES", "1 h", "a whole number of minutes from 1 to 1440"),
        ("RETRY_PAUSE_MILLIS", "0", "a whole number of milliseconds from 1 to 1000"),
        ("TOLD_DAYS", "29", "a whole number of days from 30 to 3650"),
        ("TOPIC_ARN", "findings", "the ARN of an SNS topic"),
        ("STATE_BUCKET", "", "the name of a bucket"),
    ] {
        let stage = Stage::new().await.with(name, value);
        let alice = stage.deliver("alice");
        let function = stage.function().await;
        for event in [deliveries(&[("m1", &alice)]), json!({"test_mail": true})] {
            function.refuses_setting(&event, &format!("{name} is {value:?}; it must be {expected}")).await;
        }
        stage.not_called();
        assert!(function.lives());
    }
}

#[tokio::test]
async fn a_required_setting_that_is_missing_is_named() {
    for name in ["TOPIC_ARN", "STATE_BUCKET"] {
        let stage = Stage::new().await.without(name);
        let function = stage.function().await;
        function.refuses_setting(&json!({"test_mail": true}), name).await;
    }
}

#[tokio::test]
async fn findings_below_the_minimum_severity_are_only_counted() {
    let stage = Stage::new().await.with("MAIL_MIN_SEVERITY", "CRITICAL");
    let alice = stage.deliver("alice");
    stage.aws.put(LOGS, &key("root"), log_file(&[root_without_mfa()]));
    let function = stage.function().await;
    let response = function.response(&deliveries(&[("m1", &alice), ("m2", &key("root"))])).await;
    assert_eq!(failed(&response), [""; 0]);
    stage.assert_mailed(&[super::stage::ROOT_SUBJECT], &function);
    let metrics = metrics(&function);
    assert_eq!((&metrics["FindingsMedium"], &metrics["FindingsCritical"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn an_unreadable_log_file_is_mailed_at_any_minimum_severity() {
    for fault in [Fault::ACCESS_DENIED, Fault::SLOW_DOWN] {
        let stage = Stage::new().await.with("MAIL_MIN_SEVERITY", "CRITICAL");
        let alice = stage.deliver("alice");
        stage.aws.fail(reading(), fault);
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), ["m1"]);
        let subjects = stage.subjects();
        assert!(
            subjects.len() == 1 && subjects[0].contains("iamwatch could not look"),
            "{fault:?}: {subjects:?}"
        );
    }
}

#[tokio::test]
async fn accounts_are_called_by_their_names() {
    let stage = Stage::new().await.with("ACCOUNT_NAMES", "111122223333=prod");
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), [""; 0]);
    stage
        .assert_mailed(&[failure_subject("alice").replace("111122223333", "prod (111122223333)")], &function);
}
