//! S3 is busy, broken, silent, refuses, or sends something else than it has.

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::{Function, Outcome};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::events::deliveries;
use super::stage::{
    LOGS, STATE, Stage, could_not_look, failed, failure, failure_subject, key, log_file, reading,
};

/// Half of a log file.
fn half() -> usize {
    log_file(&[failure("alice")]).len() / 2
}

/// A function that gets one log file whose reading fails, and another one that can be read.
async fn with_fault(which: Which, fault: Fault, checksums: bool) -> (Stage, Function, Value) {
    let stage = Stage::new().await;
    let (alice, neighbour) = (stage.deliver("alice"), stage.deliver("neighbour"));
    if checksums {
        stage.aws.send_checksums(LOGS);
    }
    stage.aws.fail(which, fault);
    let function = stage.function().await;
    let event = deliveries(&[("m1", &alice), ("m2", &neighbour)]);
    let response = match function.invoke(&event).await {
        Outcome::Response(response) => response,
        other => panic!("{fault:?}: {other:?}\n{}", function.output()),
    };
    (stage, function, response)
}

#[tokio::test]
async fn a_call_that_fails_once_is_retried_and_changes_nothing() {
    let once = [
        (Fault::INTERNAL_ERROR, false),
        (Fault::SLOW_DOWN, false),
        (Fault::UNAVAILABLE, false),
        (Fault::Error { status: 429, code: "TooManyRequestsException" }, false),
        (Fault::Error { status: 400, code: "RequestTimeout" }, false),
        (Fault::CloseBefore, false),
        (Fault::CloseAfter, false),
        (Fault::CutBody { after_bytes: 0 }, false),
        (Fault::CutBody { after_bytes: half() }, false),
        (Fault::CutBody { after_bytes: half() }, true),
        (Fault::CorruptBody { bytes: 16 }, false),
        (Fault::CorruptBody { bytes: 16 }, true),
        (Fault::HangBefore, false),
        (Fault::HangAfter, false),
        (Fault::HangInBody { after_bytes: 0 }, false),
        (Fault::HangInBody { after_bytes: half() }, true),
    ];
    let tried = once.map(async |(fault, checksums)| {
        let which = Which::every(Operation::GetObject).about("alice").first(1);
        let (stage, function, response) = with_fault(which, fault, checksums).await;
        assert_eq!(failed(&response), [""; 0], "{fault:?}: {}", function.output());
        stage.assert_mailed(&["alice", "neighbour"].map(failure_subject), &function);
        stage.assert_delayed(&[]);
        let reads = stage.aws.calls().iter().filter(|call| call.target.contains("alice")).count();
        assert!(reads >= 2, "{fault:?} was read {reads} times");
    });
    join_all(tried).await;
}

/// A failing read is mailed once, and the log file is retried; the other one is mailed as usual.
async fn comes_again(faults: Vec<(Fault, bool)>, severity: &'static str) {
    let tried = faults.into_iter().map(async |(fault, checksums)| {
        let which = Which::every(Operation::GetObject).about("alice");
        let (stage, function, response) = with_fault(which, fault, checksums).await;
        assert_eq!(failed(&response), ["m1"], "{fault:?}: {}", function.output());
        let mails = stage.aws.mails();
        let subjects: Vec<&str> = mails.iter().filter_map(|mail| mail.subject.as_deref()).collect();
        assert_eq!(subjects.len(), 2, "{fault:?}: {subjects:?}");
        assert!(subjects.contains(&&failure_subject("neighbour")[..]), "{fault:?}: {subjects:?}");
        let mailed = could_not_look(severity);
        assert!(subjects.iter().any(|subject| subject.starts_with(&mailed)), "{fault:?}: {subjects:?}");
        stage.assert_delayed(&[("m1", 30)]);
        assert_eq!(stage.cases(), ["principal", "source"], "{fault:?}");

        // Once S3 is well again, the same message leads to its mail.
        stage.aws.recover();
        stage.aws.forget();
        let response = function.response(&deliveries(&[("m1", &key("alice"))])).await;
        assert_eq!(failed(&response), [""; 0], "{fault:?}");
        stage.assert_mailed(&[failure_subject("alice")], &function);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_log_file_that_s3_cannot_deliver_is_retried_and_mailed_as_low() {
    comes_again(
        vec![
            (Fault::INTERNAL_ERROR, false),
            (Fault::SLOW_DOWN, false),
            (Fault::CloseBefore, false),
            (Fault::CutBody { after_bytes: half() }, false),
            (Fault::CutBody { after_bytes: half() }, true),
            // The checksum says that this is not what S3 has.
            (Fault::CorruptBody { bytes: 16 }, true),
        ],
        "LOW",
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cancelled_and_retried() {
    let hanging =
        [Fault::HangBefore, Fault::HangInBody { after_bytes: 0 }, Fault::HangInBody { after_bytes: half() }];
    comes_again(hanging.map(|fault| (fault, false)).into(), "LOW").await;
}

#[tokio::test]
async fn a_log_file_that_s3_refuses_is_retried_and_mailed_as_high() {
    comes_again(
        vec![
            (Fault::ACCESS_DENIED, false),
            (Fault::Error { status: 404, code: "NoSuchBucket" }, false),
            (Fault::Error { status: 400, code: "KMS.DisabledException" }, false),
            (Fault::Error { status: 403, code: "InvalidObjectState" }, false),
        ],
        "HIGH",
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_wrong_at_every_read_are_treated_as_the_content() {
    let which = Which::every(Operation::GetObject).about("alice");
    let (stage, function, response) = with_fault(which, Fault::CorruptBody { bytes: 16 }, false).await;
    assert_eq!(failed(&response), [""; 0]);
    let mails = stage.aws.mails();
    let unreadable = |subject: &str| subject.starts_with("[MEDIUM] Log file could not be read whole - ");
    let mailed = mails.iter().filter(|mail| mail.subject.as_deref().is_some_and(unreadable)).count();
    assert_eq!((mailed, mails.len()), (1, 2), "{}", function.output());
}

#[tokio::test]
async fn a_missing_log_file_is_mailed_as_high_and_acknowledged() {
    for code in ["NoSuchKey", "NoSuchVersion"] {
        let which = Which::every(Operation::GetObject).about("alice");
        let (stage, function, response) = with_fault(which, Fault::Error { status: 404, code }, false).await;
        assert_eq!(failed(&response), [""; 0], "{code}");
        let mails = stage.aws.mails();
        let gone = |subject: &str| subject.starts_with("[HIGH] Delivered log file is gone - ");
        let mailed = mails.iter().filter(|mail| mail.subject.as_deref().is_some_and(gone)).count();
        assert_eq!((mailed, mails.len()), (1, 2), "{code}: {}", function.output());
        stage.assert_delayed(&[]);
    }
}

#[tokio::test]
async fn a_bucket_of_another_account_is_not_read() {
    let stage = Stage::new().await;
    stage.aws.make_bucket(LOGS, "444455556666");
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), ["m1"]);
    let mails = stage.aws.mails();
    let subjects: Vec<&str> = mails.iter().filter_map(|mail| mail.subject.as_deref()).collect();
    assert!(subjects.len() == 1 && subjects[0].starts_with(&could_not_look("HIGH")), "{subjects:?}");
}

#[tokio::test]
async fn an_unreadable_bucket_is_mailed_once_for_many_files_and_runs() {
    let stage = Stage::new().await;
    let users = ["alice", "bob", "carol", "dave", "erin"];
    let keys = users.map(|user| stage.deliver(user));
    stage.aws.fail(reading(), Fault::ACCESS_DENIED);
    let (one, other) = (stage.function().await, stage.function().await);
    let messages: Vec<(&str, &str)> = users.iter().zip(&keys).map(|(user, key)| (*user, &key[..])).collect();
    for function in [&one, &other, &one] {
        assert_eq!(failed(&function.response(&deliveries(&messages)).await), users);
    }
    assert_eq!(stage.cases(), ["source"]);
    let subjects = stage.subjects();
    assert!(subjects.len() == 1 && subjects[0].starts_with(&could_not_look("HIGH")), "{subjects:?}");
    assert_eq!(stage.repeats(), 0);
}

#[tokio::test]
async fn an_unreadable_bucket_is_mailed_again_if_it_is_worse_or_after_a_day() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    let run = async || assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), ["m1"]);
    let subjects = |severities: &[&str]| {
        let subjects = stage.subjects();
        let begins = |(subject, severity): (&String, &&str)| subject.starts_with(&could_not_look(severity));
        let all = subjects.iter().zip(severities).all(begins);
        assert!(subjects.len() == severities.len() && all, "{subjects:?}\n{}", function.output());
    };
    stage.aws.fail(reading(), Fault::SLOW_DOWN);
    run().await;
    subjects(&["LOW"]);
    stage.aws.recover();
    stage.aws.fail(reading(), Fault::ACCESS_DENIED);
    run().await;
    subjects(&["LOW", "HIGH"]);
    run().await;
    subjects(&["LOW", "HIGH"]);

    // It has lasted for a day since.
    let keys = stage.aws.keys(STATE);
    let case = keys.iter().find(|key| key.starts_with("cases/")).unwrap();
    let mut content: Value = serde_json::from_slice(&stage.aws.content(STATE, case).unwrap()).unwrap();
    let yesterday = chrono::Utc::now() - chrono::TimeDelta::hours(24);
    for episode in content["episodes"].as_array_mut().unwrap() {
        episode["from"] = json!(yesterday);
        episode["mailed"]["to"] = json!(yesterday);
    }
    stage.aws.put(STATE, case, content.to_string());
    for _ in 0..2 {
        run().await;
        subjects(&["LOW", "HIGH", "HIGH"]);
    }
}
