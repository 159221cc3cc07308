//! The process is killed, or panics: nothing is lost, and the sandbox lives on where it can.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use futures_util::future::join_all;
use iamwatch_tests::repository;
use iamwatch_tests::runtime_api::{Function, Outcome};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;

use super::events::deliveries;
use super::stage::{LOG_FILES, MAY_REPEAT, SHORT, Stage, TOPIC, claims_end, email, failed, failure_subject};

/// At what the function dies: the n-th of these calls, before or after it took effect.
#[derive(Clone, Copy, Debug)]
struct At {
    operation: Operation,
    target: &'static str,
    nth: usize,
    fault: Fault,
}

/// What is left when it died.
#[derive(Clone, Copy, Debug)]
struct Left {
    /// Whether it died with a claim on what it wanted to publish.
    claimed: bool,
    /// How many mails there are in the end, those that came twice included.
    mails: usize,
    /// How many of them say that they may repeat.
    repeats: usize,
}

/// Kills the function at one call, then hands the same batch to new ones: at once, and when its claims have
/// ended. All three mails are told, and what is told again is the same alert and says that it may repeat.
async fn killed_at(at: At, left: Left) {
    let stage = Stage::new().await;
    let users = ["alice", "bob", "carol"];
    let keys = users.map(|user| (user, stage.deliver(user)));
    let event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    stage.aws.fail(Which::every(at.operation).about(at.target).nth(at.nth), at.fault);
    let killed = stage.function().await;
    let begun = Instant::now();
    let (outcome, ()) = tokio::join!(killed.invoke_with(&event, SHORT), async {
        stage.aws.until_called(at.operation, at.target, at.nth).await;
        killed.kill().await;
    });
    assert!(matches!(outcome, Outcome::Died(_)), "{at:?}: {outcome:?}");

    // The queue hears nothing, and hands the batch out again when its visibility time-out is over.
    stage.aws.recover();
    let before = stage.aws.mails().len();
    let function = stage.function().await;
    if left.claimed {
        // Nobody knows yet whether it goes on publishing.
        let failed_before = failed(&function.response(&event).await).len();
        assert!(failed_before > 0, "{at:?}: {}", function.output());
        assert_eq!(stage.aws.mails().len(), before, "{at:?}: {}", function.output());
        claims_end(begun, SHORT).await;
    }
    assert_eq!(failed(&function.response(&event).await), [""; 0], "{at:?}: {}", function.output());
    assert_eq!(failed(&function.response(&event).await), [""; 0], "{at:?}");
    let told = stage.subjects();
    for user in users {
        assert!(told.contains(&failure_subject(user)), "{at:?}: {user}: {told:?}");
    }
    assert_eq!((told.len(), stage.repeats()), (left.mails, left.repeats), "{at:?}: {told:?}");
    assert_eq!(stage.alert_ids().len(), 3, "{at:?}: {told:?}");
    // Whatever is told again, says so.
    let mut seen = BTreeSet::new();
    for mail in stage.aws.mails() {
        let first = seen.insert(mail.attribute("alert_id").map(str::to_owned));
        assert!(first || email(&mail).contains(MAY_REPEAT), "{at:?}: {mail:#?}");
    }
}

#[tokio::test]
async fn killed_before_anything_is_claimed_every_mail_is_told_once_by_the_next_run() {
    let calls = [
        (Operation::GetObject, LOG_FILES, 1, Fault::HangBefore),
        (Operation::GetObject, LOG_FILES, 3, Fault::HangBefore),
        (Operation::GetObject, "/cases/", 1, Fault::HangBefore),
        (Operation::PutObject, "/budgets/", 1, Fault::HangBefore),
        (Operation::PutObject, "/budgets/", 1, Fault::HangAfter),
    ];
    let tried = calls.map(|(operation, target, nth, fault)| {
        killed_at(At { operation, target, nth, fault }, Left { claimed: false, mails: 3, repeats: 0 })
    });
    join_all(tried).await;
}

#[tokio::test]
async fn promise_1_killed_while_publishing_every_mail_is_told_and_what_is_told_again_is_the_same_alert() {
    // The third case is claimed: then nothing was published, but that nobody else can know.
    let kills = [
        (Operation::PutObject, "/cases/", 3, Fault::HangAfter, 3, 3),
        (Operation::Publish, TOPIC, 1, Fault::HangBefore, 3, 3),
        (Operation::Publish, TOPIC, 1, Fault::HangAfter, 4, 3),
        // The first one is noted as told.
        (Operation::PutObject, "/cases/", 4, Fault::HangBefore, 4, 3),
        (Operation::PutObject, "/cases/", 4, Fault::HangAfter, 3, 2),
        (Operation::Publish, TOPIC, 2, Fault::HangBefore, 3, 2),
        (Operation::Publish, TOPIC, 2, Fault::HangAfter, 4, 2),
        (Operation::Publish, TOPIC, 3, Fault::HangAfter, 4, 1),
    ];
    let tried = kills.map(|(operation, target, nth, fault, mails, repeats)| {
        killed_at(At { operation, target, nth, fault }, Left { claimed: true, mails, repeats })
    });
    join_all(tried).await;
}

/// A function that does nothing but panic: `make test` builds it with the tests.
fn panics() -> PathBuf {
    // target/debug/deps/functions-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().with_file_name("examples").join("panics");
    assert!(path.is_file(), "{} does not exist: run `make test`, which builds it", path.display());
    path
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_invocation_and_the_sandbox_lives_on() {
    let environment = [("TOPIC_ARN", TOPIC), ("STATE_BUCKET", super::stage::STATE)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let function = Function::start(&panics(), "panics", &environment).await;
    assert_eq!(function.response(&json!({"n": 1})).await, json!({"n": 1}));
    for _ in 0..2 {
        let (_, message) = function.error(&json!({"panic": true})).await;
        assert!(message.contains("panicked") && message.contains("boom at record 3"), "{message}");
        assert!(function.lives());
    }
    assert_eq!(function.response(&json!({"n": 2})).await, json!({"n": 2}));
}

#[test]
fn the_released_functions_unwind() {
    // Where the manifest says nothing, cargo-lambda builds them to abort: then the sandbox would die with the panic.
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    assert_eq!(manifest["profile"]["release"]["panic"].as_str(), Some("unwind"));
}
