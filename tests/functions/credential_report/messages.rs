//! The queue: which messages are retried, and when.

use iamwatch_tests::lambda_events::received_of;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{STATE, failed, leases_end, said, said_once};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;
use shared::formats::events::audit::AUDIT_MESSAGE;

use super::stage::{asked_for, done, message, scheduled, stage_of, subject_of};

#[tokio::test]
async fn a_message_that_is_not_from_the_schedule_is_retried_and_logged() {
    for (body, said) in [
        ("", "no JSON"),
        ("hello", "no JSON"),
        ("{}", "a message of the schedule's queue is"),
        (r#"{"audit": "iam-snapshot"}"#, "a message of the schedule's queue is"),
        (r#"{"audit": "credential-report", "notify": false}"#, "a message of the schedule's queue is"),
        (r#"{"accounts": []}"#, "a message of the schedule's queue is"),
    ] {
        let stage = stage_of(&["alice"]).await;
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&message(body, 2)).await), ["m"], "{body}");
        stage.assert_mailed(&[""; 0], &function);
        stage.assert_delayed(&[("m", 60)]);
        assert_eq!((asked_for(&stage, ACCOUNT), stage.aws.keys(STATE)), (0, vec![]), "{body}");
        let line = said_once(&function, "message not understood");
        let error = line["fields"]["error"].as_str().unwrap();
        assert!(error.contains(said) && error.contains(AUDIT_MESSAGE), "{body}: {error}");
        assert_eq!(line["level"], "WARN");
    }
}

#[tokio::test]
async fn equivalent_forms_of_the_message_are_accepted() {
    let stage = stage_of(&["alice"]).await;
    let function = stage.function().await;
    done(&function.response(&message("{\n  \"audit\":\"credential-report\"}\n", 1)).await, &function);
    stage.assert_mailed(&[subject_of("alice")], &function);
}

#[tokio::test]
async fn each_of_several_messages_ends_by_itself() {
    let stage = stage_of(&["alice"]).await;
    let function = stage.function().await;
    let now = chrono::Utc::now();
    let event = json!({"Records": [
        received_of("odd", "hello", 1, now), received_of("first", AUDIT_MESSAGE, 1, now), received_of("second", AUDIT_MESSAGE, 1, now),
    ]});
    assert_eq!(failed(&function.response(&event).await), ["odd"], "{}", function.output());
    stage.assert_mailed(&[subject_of("alice")], &function);
    stage.assert_delayed(&[("odd", 30)]);
    assert_eq!(asked_for(&stage, ACCOUNT), 1, "the second was sent before the first had looked");
}

#[tokio::test]
async fn the_retry_delay_of_a_message_grows_with_its_failures() {
    let stage = stage_of(&["alice"]).await;
    stage.aws.fail(Which::every(Operation::Publish), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    for (receives, seconds) in [(1, 30), (2, 60), (3, 120), (6, 900), (19, 900)] {
        stage.aws.forget();
        assert_eq!(failed(&function.response(&scheduled(receives)).await), ["m"]);
        stage.assert_delayed(&[("m", seconds)]);
    }
    stage.aws.recover();
    done(&function.response(&scheduled(20)).await, &function);
    stage.assert_mailed(&[subject_of("alice")], &function);
    assert_eq!(stage.repeats(), 0, "SNS said each time that it did not take it");
}

#[tokio::test]
async fn a_message_whose_delay_cannot_be_set_is_still_reported_as_failed() {
    for fault in [Fault::ACCESS_DENIED, Fault::CloseBefore] {
        let stage = stage_of(&["alice"]).await;
        stage.aws.fail(Which::every(Operation::Publish), Fault::ACCESS_DENIED);
        stage.aws.fail(Which::every(Operation::ChangeMessageVisibility), fault);
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&scheduled(1)).await), ["m"], "{fault:?}");
        let line = "failed message comes back after the queue's visibility time-out";
        assert_eq!(said(&function, line).len(), 1, "{fault:?}: {}", function.output());
    }
}

#[tokio::test]
async fn a_mail_with_an_unknown_outcome_is_published_again_and_says_that_it_may_repeat() {
    let time_left = iamwatch_tests::stage::SHORT;
    let stage = stage_of(&["alice"]).await;
    stage.aws.fail(Which::every(Operation::Publish).nth(1), Fault::CloseAfter);
    let function = stage.function().await;
    let begun = std::time::Instant::now();
    let response = iamwatch_tests::stage::answered_within(&function, &scheduled(1), time_left).await;
    assert_eq!(failed(&response), ["m"], "{}", function.output());
    // During its lease no other run publishes it.
    assert_eq!(failed(&function.response(&scheduled(2)).await), ["m"]);
    assert_eq!(stage.aws.mails().len(), 1);
    leases_end(begun, time_left).await;
    done(&function.response(&scheduled(3)).await, &function);
    stage.assert_mailed(&[subject_of("alice"), subject_of("alice")], &function);
    assert_eq!((stage.alert_ids().len(), stage.repeats()), (1, 1));
}

#[tokio::test]
async fn a_state_bucket_that_refuses_is_mailed_from_the_third_receive_on_and_no_account_counts_as_checked() {
    let stage = stage_of(&["alice"]).await;
    stage.aws.fail(Which::any().about("s3://example-state/"), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    for (receives, mails) in [(1, 0), (2, 0), (3, 1)] {
        assert_eq!(failed(&function.response(&scheduled(receives)).await), ["m"]);
        let subjects = stage.subjects();
        assert_eq!(subjects.len(), mails, "at {receives}: {subjects:?}");
        assert!(subjects.iter().all(|subject| subject.contains("iamwatch could not look")), "{subjects:?}");
    }
    stage.aws.recover();
    done(&function.response(&scheduled(4)).await, &function);
    assert!(stage.subjects().contains(&subject_of("alice")), "{:?}", stage.subjects());
}
