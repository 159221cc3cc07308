//! The state bucket is busy, broken, silent, refuses, or holds something else than was written.

use std::time::Duration;

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::{ACCOUNT, Function, Outcome};
use iamwatch_tests::stage::metrics;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::Value;

use super::events::{batch_received, deliveries, event_bridge};
use super::stage::{
    LOGS, MAY_REPEAT, STATE, STATE_OBJECTS, Stage, could_not_look, email, failed, failure, failure_subject,
    key, log_file, numbered_failure,
};

/// A function that is handed a log file with a failure, and one that it may not read, for the n-th time.
async fn received(function: &Function, times: u32) -> Vec<String> {
    let bodies = ["alice", "denied"].map(|user| event_bridge(&key(user)).to_string());
    let event = batch_received(times, &[("good", &bodies[0]), ("denied", &bodies[1])]);
    failed(&function.response(&event).await).into_iter().map(str::to_owned).collect()
}

/// The log files, of which the second one may not be read.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.deliver("alice");
    stage.deliver("denied");
    stage
}

/// Insists on the mails about both, each once.
#[track_caller]
fn both_mailed(stage: &Stage, name: &str) {
    let subjects = stage.subjects();
    assert_eq!((subjects.len(), stage.repeats()), (2, 0), "{name}: {subjects:?}");
    are_among(&subjects, name);
}

/// Insists on the same mails, which say that they may repeat, and on one about the state bucket.
#[track_caller]
fn both_mailed_without_state(stage: &Stage, name: &str) {
    let subjects = stage.subjects();
    assert_eq!((subjects.len(), stage.repeats()), (3, 3), "{name}: {subjects:?}");
    are_among(&subjects, name);
    let about_state = format!("{}{STATE} - ", could_not_look("HIGH"));
    assert!(subjects.iter().any(|subject| subject.starts_with(&about_state)), "{name}: {subjects:?}");
}

#[track_caller]
fn are_among(subjects: &[String], name: &str) {
    assert!(subjects.contains(&failure_subject("alice")), "{name}: {subjects:?}");
    let mailed = format!("{}{LOGS} - ", could_not_look("HIGH"));
    assert!(subjects.iter().any(|subject| subject.starts_with(&mailed)), "{name}: {subjects:?}");
}

#[tokio::test]
async fn a_call_that_fails_once_is_retried_and_changes_nothing() {
    let (reads, writes) = (Operation::GetObject, Operation::PutObject);
    let once = [
        (reads, "config/", Fault::ACCESS_DENIED),
        (reads, "config/", Fault::CutBody { after_bytes: 0 }),
        (reads, "seen/", Fault::INTERNAL_ERROR),
        (reads, "budgets/", Fault::CloseBefore),
        (reads, "cases/", Fault::HangBefore),
        (reads, "cases/", Fault::SLOW_DOWN),
        (writes, "budgets/", Fault::ACCESS_DENIED),
        (writes, "budgets/", Fault::CloseAfter),
        (writes, "cases/", Fault::INTERNAL_ERROR),
        (writes, "cases/", Fault::CloseBefore),
        // It took effect, and its answer was lost: it is not another run's.
        (writes, "cases/", Fault::CloseAfter),
        (writes, "cases/", Fault::HangAfter),
        (writes, "cases/", Fault::Error { status: 409, code: "ConditionalRequestConflict" }),
        (writes, "cases/", Fault::Error { status: 412, code: "PreconditionFailed" }),
        (writes, "read/", Fault::ACCESS_DENIED),
        (writes, "read/", Fault::CloseAfter),
    ];
    let tried = once.map(async |(operation, target, fault)| {
        let name = format!("{operation:?} of {target}, {fault:?}");
        let stage = stage().await;
        let which = Which::every(operation).about(&format!("{STATE_OBJECTS}{target}"));
        // Before the lease is acquired, and when the notification is recorded.
        stage.aws.fail(which.clone().nth(1), fault);
        stage.aws.fail(which.nth(3), fault);
        stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
        let function = stage.function().await;
        for _ in 0..2 {
            assert_eq!(received(&function, 1).await, ["denied"], "{name}: {}", function.output());
            both_mailed(&stage, &name);
        }
        assert_eq!(stage.cases(), ["principal", "source"], "{name}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_recognised_as_done() {
    let stage = stage().await;
    stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::PutObject), Fault::CloseAfter);
    let function = stage.function().await;
    assert_eq!(received(&function, 1).await, ["denied"], "{}", function.output());
    both_mailed(&stage, "written");
}

#[tokio::test]
async fn promise_1_without_state_the_queue_retries_twice_and_then_mails_are_published() {
    let (all, writes) = (Which::any().about(STATE_OBJECTS), Which::every(Operation::PutObject));
    let for_good = [
        (all.clone(), Fault::ACCESS_DENIED),
        (all.clone(), Fault::INTERNAL_ERROR),
        (all.clone(), Fault::Error { status: 404, code: "NoSuchBucket" }),
        (all, Fault::CloseBefore),
        (writes.clone(), Fault::ACCESS_DENIED),
        (writes.clone(), Fault::SLOW_DOWN),
        (writes.clone(), Fault::CloseBefore),
        (writes, Fault::Error { status: 409, code: "ConditionalRequestConflict" }),
    ];
    let tried = for_good.map(async |(which, fault)| {
        let name = format!("{which:?}, {fault:?}");
        let stage = stage().await.with("RETRY_PAUSE_MILLIS", "1");
        stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
        stage.aws.fail(which, fault);
        let function = stage.function().await;
        for times in [1, 2] {
            assert_eq!(received(&function, times).await, ["good", "denied"], "{name}: {}", function.output());
            assert_eq!(stage.aws.mails(), [], "{name}, receive {times}");
        }
        assert_eq!(received(&function, 3).await, ["denied"], "{name}: {}", function.output());
        both_mailed_without_state(&stage, &name);

        // Once state works again it is mailed again, and then no more.
        stage.aws.recover();
        stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
        for _ in 0..2 {
            assert_eq!(received(&function, 4).await, ["denied"], "{name}");
            assert_eq!((stage.subjects().len(), stage.repeats()), (5, 3), "{name}: {:?}", stage.subjects());
        }
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_state_bucket_of_another_account_is_not_used() {
    let stage = stage().await;
    stage.aws.make_bucket(STATE, "444455556666");
    stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    assert_eq!(received(&function, 1).await, ["good", "denied"]);
    assert_eq!(stage.aws.mails(), []);
    let failures = metrics(&function)["StateFailures"].as_u64().unwrap();
    assert!(failures > 0, "{}", function.output());
    assert_eq!(received(&function, 3).await, ["denied"]);
    both_mailed_without_state(&stage, "another's");
    assert_eq!(stage.aws.keys(STATE), [""; 0]);
}

#[tokio::test]
async fn promise_1_a_state_bucket_that_never_answers_prevents_no_mail() {
    let (all, writes) = (Which::any().about(STATE_OBJECTS), Which::every(Operation::PutObject));
    // If writes are made but never answered, the run finds its own leases, publishes as it should, and finds its own
    // records of that.
    let silent = [
        (all, Fault::HangBefore, &["denied"][..]),
        (writes.clone(), Fault::HangBefore, &["denied"]),
        (writes, Fault::HangAfter, &["denied"]),
    ];
    let tried = silent.map(async |(which, fault, come_again)| {
        let name = format!("{which:?}, {fault:?}");
        let stage = stage().await;
        stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
        stage.aws.fail(which, fault);
        let function = stage.function().await;
        let bodies = ["alice", "denied"].map(|user| event_bridge(&key(user)).to_string());
        let event = batch_received(3, &[("good", &bodies[0]), ("denied", &bodies[1])]);
        let outcome = function.invoke_with(&event, Duration::from_secs(40)).await;
        let Outcome::Response(response) = outcome else { panic!("{name}: {outcome:?}") };
        assert_eq!(failed(&response), come_again, "{name}: {}", function.output());
        if fault == Fault::HangAfter {
            both_mailed(&stage, &name);
        } else {
            both_mailed_without_state(&stage, &name);
        }
    });
    join_all(tried).await;
}

#[tokio::test]
async fn damaged_state_is_moved_away_and_mailed() {
    type Spoil = fn(&str) -> String;
    let spoils: [(&str, Spoil); 3] = [
        ("cut short", |content| content[..content.len() / 2].to_owned()),
        ("of a newer format", |content| content.replace("\"format\":1", "\"format\":2")),
        ("another's", |content| content.replace("alice", "mallory")),
    ];
    let tried = spoils.map(async |(name, spoil)| {
        let stage = Stage::new().await;
        let alice = stage.deliver("alice");
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), [""; 0]);
        let case = stage.aws.keys(STATE).into_iter().find(|key| key.starts_with("cases/")).unwrap();
        let content = stage.aws.content(STATE, &case).unwrap();
        let spoilt = spoil(std::str::from_utf8(&content).unwrap());
        stage.aws.put(STATE, &case, spoilt.clone());

        stage.aws.forget();
        stage.aws.put(LOGS, &key("again"), log_file(&[failure("alice"), numbered_failure("alice", 1)]));
        let event = deliveries(&[("m1", &alice), ("m2", &key("again"))]);
        for _ in 0..2 {
            assert_eq!(failed(&function.response(&event).await), [""; 0], "{name}: {}", function.output());
            let subjects = stage.subjects();
            let of_state = could_not_look("HIGH");
            let state = subjects.iter().filter(|subject| subject.starts_with(&of_state)).count();
            assert_eq!((state, subjects.len(), stage.repeats()), (1, 2, 1), "{name}: {subjects:?}");
        }
        let mails = stage.aws.mails();
        let mailed = mails.iter().find(|mail| !email(mail).contains(MAY_REPEAT)).map(email).unwrap();
        let copy = stage.aws.keys(STATE).into_iter().find(|key| key.starts_with("quarantine/")).unwrap();
        assert!(mailed.contains(&format!("aws s3 cp s3://{STATE}/{copy} ")), "{name}: {mailed}");
        assert_eq!(stage.aws.content(STATE, &copy).unwrap(), spoilt, "{name}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn stored_state_names_its_subject_and_its_key_does_not() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), [""; 0]);
    let keys = stage.aws.keys(STATE);
    assert!(keys.len() == 3 && !keys.concat().contains("alice"), "{keys:?}");
    let case = keys.iter().find(|key| key.starts_with(&format!("cases/{ACCOUNT}/principal/"))).unwrap();
    let case: Value = serde_json::from_slice(&stage.aws.content(STATE, case).unwrap()).unwrap();
    assert_eq!(
        (&case["format"], &case["subject"]),
        (&1.into(), &format!("IAMUser alice of account {ACCOUNT}").into())
    );
}
