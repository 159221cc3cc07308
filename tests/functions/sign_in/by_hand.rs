//! Requests by hand and their answers.

use iamwatch_tests::repository;
use iamwatch_tests::sample;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::stage::{LOGS, Stage, failure_subject, key};

fn objects(keys: &[impl AsRef<str>]) -> Vec<Value> {
    keys.iter().map(|key| json!({"bucket": LOGS, "key": key.as_ref()})).collect()
}

/// The subjects of the mails that the command line tool shows for the sample.
fn subjects_of_the_command_line() -> Vec<String> {
    let golden = repository().join("tests/snapshots/cli/sign-in.txt");
    let golden = std::fs::read_to_string(golden).unwrap();
    golden.lines().filter_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_sample_leads_to_the_mails_that_the_command_line_shows_and_its_counts_are_answered() {
    let stage = Stage::new().await;
    let mut keys = Vec::new();
    for (key, content) in sample::objects().unwrap() {
        stage.aws.put(LOGS, &key, content);
        keys.push(key);
    }
    let function = stage.function().await;
    for (notify, mailed_before) in [(false, false), (true, false), (true, true)] {
        stage.aws.forget();
        let answer = function.response(&json!({"objects": objects(&keys), "notify": notify})).await;
        let mails = answer["mails"].as_array().unwrap();
        let subjects: Vec<&str> = mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
        let mut shown = subjects_of_the_command_line();
        // There a log file is called by its path on disk.
        let file = |subject: &str| subject.starts_with("[MEDIUM] Log file could not be read whole - ");
        if let Some(called) = subjects.iter().find(|subject| file(subject)) {
            shown
                .iter_mut()
                .filter(|subject| file(subject))
                .for_each(|subject| *subject = (*called).to_owned());
        }
        if notify {
            // Three failures under names that no user has are only counted.
            shown.retain(|subject| !subject.contains("unknown user"));
        }
        if mailed_before {
            shown.clear();
        }
        assert_eq!(subjects, shown);
        let counts = json!({
            "log_files": 8,
            "records": 217,
            "judged": 22,
            "unreadable": 1,
            "skipped": 194,
            "unreadable_log_files": 1,
            "skipped_objects": 1,
            "findings": {"INFORMATIONAL": 0, "LOW": 3, "MEDIUM": 5, "HIGH": 4, "CRITICAL": 3},
            "mails": subjects.iter().map(|subject| json!({"subject": subject, "published": notify})).collect::<Vec<_>>(),
            // Without a mail nothing is stored, so nothing is deduplicated.
            "quiet": match (notify, mailed_before) { (true, false) => 3, (true, true) => 15, (false, _) => 0 },
            "accepted": 0,
            "failed": [],
        });
        assert_eq!(answer, counts);
        stage.assert_mailed(if notify { &subjects[..] } else { &[] }, &function);
    }
}

#[tokio::test]
async fn a_request_by_hand_publishes_unless_it_says_otherwise() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    let answer = function.response(&json!({"objects": objects(&[&alice])})).await;
    let published = json!([{"subject": failure_subject("alice"), "published": true}]);
    assert_eq!(answer["mails"], published);
    stage.assert_mailed(&[failure_subject("alice")], &function);
}

#[tokio::test]
async fn one_version_can_be_asked_for() {
    let stage = Stage::new().await;
    let name = stage.deliver("alice");
    let version = stage.aws.put(LOGS, &name, "something else");
    let first = version.replace('2', "1");
    let function = stage.function().await;
    let request = json!({"objects": [{"bucket": LOGS, "key": name, "version": first}], "notify": false});
    let answer = function.response(&request).await;
    assert_eq!((&answer["records"], &answer["unreadable_log_files"]), (&1.into(), &0.into()), "{answer}");
}

#[tokio::test]
async fn a_request_by_hand_can_name_any_key() {
    let stage = Stage::new().await;
    let name = stage.deliver("alice");
    stage.aws.put(LOGS, "copy of it.json.gz", super::stage::log_file(&[super::stage::failure("alice")]));
    let function = stage.function().await;
    let answer = function.response(&json!({"objects": objects(&["copy of it.json.gz", &name])})).await;
    assert_eq!(answer["log_files"], 2, "{answer}");
    stage.assert_mailed(&[failure_subject("alice")], &function);
}

#[tokio::test]
async fn unreadable_objects_are_named_with_the_reason_and_the_rest_is_judged() {
    let stage = Stage::new().await;
    let (alice, denied) = (stage.deliver("alice"), stage.deliver("denied"));
    stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let answer = function.response(&json!({"objects": objects(&[&alice, &denied, &key("gone")])})).await;
    assert_eq!(answer["log_files"], 1, "{answer}");
    let failed = answer["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 2, "{failed:?}");
    for (name, code) in [("denied", "AccessDenied"), ("gone", "NoSuchKey")] {
        let uri = format!("s3://{LOGS}/{}", key(name));
        let of_it =
            failed.iter().find(|failed| failed["object"] == uri[..]).unwrap_or_else(|| panic!("{failed:?}"));
        let error = of_it["error"].as_str().unwrap();
        assert!(error.starts_with("s3:GetObject s3://") && error.contains(code), "{error}");
    }
    stage.assert_mailed(&[failure_subject("alice")], &function);
}

#[tokio::test]
async fn a_mail_that_was_not_published_is_named_in_the_answer() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    stage.aws.fail(Which::every(Operation::Publish), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let answer = function.response(&json!({"objects": objects(&[&alice])})).await;
    assert_eq!(answer["mails"], json!([{"subject": failure_subject("alice"), "published": false}]));
    assert_eq!(answer["failed"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test]
async fn a_test_mail_says_that_it_is_one() {
    let stage = Stage::new().await;
    stage.test_mail_arrives(&stage.function().await).await;
}

#[tokio::test]
async fn a_request_that_is_not_understood_is_refused_with_what_would_be_right() {
    let stage = Stage::new().await;
    let function = stage.function().await;
    let many: Vec<Value> = objects(&vec!["a"; 1001]);
    for (name, event, parts) in [
        ("an unknown field", json!({"objects": objects(&["a"]), "notifiy": false}), ["notifiy", "objects"]),
        (
            "an unknown field of an object",
            json!({"objects": [{"bucket": LOGS, "key": "a", "x": 1}]}),
            ["unknown field", "bucket"],
        ),
        ("no key", json!({"objects": [{"bucket": LOGS}]}), ["missing field", "key"]),
        ("no object", json!({"objects": []}), ["number of objects", "1 to 1000"]),
        ("too many", json!({"objects": many}), ["1001", "1 to 1000"]),
        ("no list", json!({"objects": "all"}), ["objects", "bucket"]),
        ("an empty key", json!({"objects": [{"bucket": LOGS, "key": ""}]}), ["key", "1 to 1024"]),
        ("no bucket's name", json!({"objects": [{"bucket": "Logs", "key": "a"}]}), ["Logs", "a-z"]),
        (
            "notify that is no yes or no",
            json!({"objects": objects(&["a"]), "notify": "no"}),
            ["notify", "boolean"],
        ),
        ("a test mail of another kind", json!({"test_mail": "me@example.com"}), ["test_mail", "true"]),
        (
            "a test mail and more",
            json!({"test_mail": true, "objects": objects(&["a"])}),
            ["test_mail", "beside"],
        ),
        ("both in one", json!({"test_mail": false, "objects": objects(&["a"])}), ["test_mail", "true"]),
    ] {
        let (error_type, message) = function.error(&event).await;
        assert_eq!(error_type, "InputError", "{name}: {message}");
        for part in parts {
            assert!(message.contains(part), "{name}: {message}");
        }
        assert!(!message.contains("me@example.com"), "{name}: {message}");
    }
    stage.not_called();
}
