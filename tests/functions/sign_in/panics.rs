//! A function that panics answers with an error, and the sandbox continues. What is lost when the process is killed, at
//! each of its calls, is what the campaign of `faults/` proves.

use std::path::PathBuf;

use iamwatch_tests::repository;
use iamwatch_tests::runtime_api::Function;
use serde_json::json;

use super::stage::TOPIC;

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
