//! Missed deliveries: log files without an event are read at night.

use chrono::{DateTime, TimeDelta, Utc};
use iamwatch_tests::lambda_events::received_of;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{STATE, failed, measured, said};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};
use shared::formats::events::backfill::MISSED_DELIVERIES_MESSAGE;

use super::stage::{LOGS, Place, failure, log_file, stage};

/// The message of the schedule, sent then and received so often.
fn message(sent: DateTime<Utc>, receives: u32) -> Value {
    json!({"Records": [received_of("m", MISSED_DELIVERIES_MESSAGE, receives, sent)]})
}

fn hours_ago(hours: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(hours)
}

#[tokio::test]
async fn a_missed_delivery_is_read_mailed_and_counted_once() {
    let stage = stage().await;
    let function = stage.function().await;
    // The first night only stores its start, which is three hours ago.
    let put = hours_ago(2);
    let place = Place { account: ACCOUNT, region: "us-east-1", day: put.date_naive() };
    let key = place.key(1);
    stage.aws.put_at(
        LOGS,
        &key,
        log_file(&[failure(1, "alice", "08:01:00")], ACCOUNT, put.date_naive()),
        put,
    );
    assert_eq!(failed(&function.response(&message(hours_ago(3), 1)).await), [""; 0], "{}", function.output());
    stage.assert_mailed(&[""; 0], &function);
    assert!(stage.aws.content(STATE, "sweep.json").is_some());

    assert_eq!(failed(&function.response(&message(Utc::now(), 1)).await), [""; 0], "{}", function.output());
    let subjects = stage.subjects();
    assert_eq!(subjects.len(), 2, "{subjects:?}\n{}", function.output());
    assert!(
        subjects.iter().any(|subject| subject.starts_with("[MEDIUM] Sign-in failed - alice")),
        "{subjects:?}"
    );
    let lines = said(&function, "missed deliveries searched");
    let fields: Vec<[&Value; 3]> = lines
        .iter()
        .map(|line| ["is_first", "delivered_log_files", "missed_log_files"].map(|name| &line["fields"][name]))
        .collect();
    assert_eq!(fields, [[&json!(true), &json!(0), &json!(0)], [&json!(false), &json!(1), &json!(1)]]);
    let measured = measured(&function);
    assert_eq!((&measured[1]["Sweeps"], &measured[1]["MissedLogFiles"]), (&json!(1), &json!(1)));
    // Again: nothing is new.
    assert_eq!(failed(&function.response(&message(Utc::now(), 1)).await), [""; 0]);
    assert_eq!(stage.aws.mails().len(), 2, "{:?}", stage.subjects());
}

#[tokio::test]
async fn a_check_that_cannot_list_is_retried_and_does_not_count() {
    let stage = stage().await;
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&message(hours_ago(3), 1)).await), [""; 0]);
    stage.aws.fail(Which::every(Operation::ListObjects), Fault::INTERNAL_ERROR);
    assert_eq!(failed(&function.response(&message(Utc::now(), 1)).await), ["m"], "{}", function.output());
    stage.assert_delayed(&[("m", 30)]);
    let measured = measured(&function);
    assert_eq!(measured.last().unwrap()["Sweeps"], 0);
    stage.aws.recover();
}

#[tokio::test]
async fn a_message_that_is_not_from_the_schedule_is_retried_and_then_left_to_a_person() {
    let stage = stage().await;
    let function = stage.function().await;
    let other = json!({"Records": [received_of("m", r#"{"sweep": "all"}"#, 1, Utc::now())]});
    assert_eq!(failed(&function.response(&other).await), ["m"]);
    assert_eq!(said(&function, "message not understood").len(), 1);
    assert_eq!(stage.aws.count(Operation::ListObjects), 0);
}
