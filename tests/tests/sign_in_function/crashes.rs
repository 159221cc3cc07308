//! The process is killed, or panics: nothing is lost, and the sandbox lives on where it can.

use std::path::PathBuf;

use futures_util::future::join_all;
use iamwatch_tests::repository;
use iamwatch_tests::runtime_api::{Function, Outcome};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;

use super::events::deliveries;
use super::stage::{Stage, failed, failure_subject};

/// Kills the function at one call, then hands the same batch to a new one. Gives the stage for a last look.
async fn killed_at(operation: Operation, nth: usize, fault: Fault) -> Stage {
    let stage = Stage::new().await;
    let users = ["alice", "bob", "carol"];
    let keys = users.map(|user| (user, stage.deliver(user)));
    let event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    stage.aws.fail(Which::every(operation).nth(nth), fault);
    let killed = stage.function().await;
    let (outcome, ()) = tokio::join!(killed.invoke(&event), async {
        stage.aws.until_called(operation, nth).await;
        killed.kill().await;
    });
    assert!(matches!(outcome, Outcome::Died(_)), "{outcome:?}");

    // The queue hears nothing, and hands the batch out again when its visibility time-out is over.
    stage.aws.recover();
    let function = stage.function().await;
    assert_eq!(
        failed(&function.response(&deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])))).await),
        [""; 0]
    );
    let told: Vec<_> = stage.aws.mails().into_iter().filter_map(|mail| mail.subject).collect();
    for user in users {
        assert!(told.contains(&failure_subject(user)), "{user}: {told:?}");
    }
    stage
}

#[tokio::test]
async fn killed_while_reading_every_mail_is_told_once_by_the_next_run() {
    let tried = [1, 3].map(async |nth| {
        let stage = killed_at(Operation::GetObject, nth, Fault::HangBefore).await;
        assert_eq!(stage.aws.mails().len(), 3, "at read {nth}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn killed_while_publishing_every_mail_is_told_and_a_repeated_one_is_the_same_alert() {
    let kills = [
        (1, Fault::HangBefore, 3),
        (1, Fault::HangAfter, 4),
        (2, Fault::HangBefore, 4),
        (2, Fault::HangAfter, 5),
        (3, Fault::HangAfter, 6),
    ];
    let tried = kills.map(async |(nth, fault, mails)| {
        let stage = killed_at(Operation::Publish, nth, fault).await;
        let told = stage.aws.mails();
        assert_eq!(told.len(), mails, "at publish {nth}, {fault:?}");
        let mut alerts: Vec<_> = told.iter().filter_map(|mail| mail.attribute("alert_id")).collect();
        alerts.sort_unstable();
        alerts.dedup();
        assert_eq!(alerts.len(), 3, "at publish {nth}, {fault:?}");
    });
    join_all(tried).await;
}

/// A function that does nothing but panic: `make test` builds it with the tests.
fn panics() -> PathBuf {
    // target/debug/deps/sign_in_function-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().with_file_name("examples").join("panics");
    assert!(path.is_file(), "{} does not exist: run `make test`, which builds it", path.display());
    path
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_invocation_and_the_sandbox_lives_on() {
    let environment = [("TOPIC_ARN", super::stage::TOPIC), ("STATE_BUCKET", super::stage::STATE)];
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
