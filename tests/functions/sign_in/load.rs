//! Many log files at once, large ones as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use iamwatch_tests::corpus::{Corpus, gzip};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::events::{batch_received, deliveries, event_bridge};
use super::stage::{
    LOG_FILES, LOGS, ROOT_SUBJECT, STATE, STATE_OBJECTS, Stage, email, failed, failure, failure_subject, key,
    log_file, numbered_failure, reading, root_without_mfa,
};

/// The addresses of the log files that were asked for.
fn log_files_read(stage: &Stage) -> BTreeSet<String> {
    let targets = stage.aws.calls().into_iter().map(|call| call.target);
    targets.filter(|target| target.starts_with(LOG_FILES)).collect()
}

#[tokio::test]
async fn many_log_files_are_fetched_at_the_same_time() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..20).map(|n| format!("file{n:02}")).collect();
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    for (n, key) in keys.iter().enumerate() {
        stage.aws.put(LOGS, key, log_file(&[numbered_failure("alice", n)]));
    }
    stage.aws.fail(reading().first(20), Fault::HangBefore);
    let function = stage.function().await;
    let messages: Vec<(&str, &str)> =
        names.iter().zip(&keys).map(|(name, key)| (&name[..], &key[..])).collect();
    let event = deliveries(&messages);
    // None is answered before all have been asked for.
    let (outcome, ()) = tokio::join!(function.response(&event), async {
        stage.aws.until_called(Operation::GetObject, LOG_FILES, 20).await;
        assert_eq!(log_files_read(&stage).len(), 20, "{:?}", stage.aws.calls());
    });
    assert_eq!(failed(&outcome), [""; 0], "{}", function.output());
    stage.assert_mailed(&["[MEDIUM] Sign-in failed (+19 more) - alice - 111122223333"], &function);
}

/// A log file of thirty users' failures, and of what they are to hide.
fn storm(stage: &Stage) -> Vec<String> {
    let users: Vec<String> = (0..30).map(|n| format!("user{n:02}")).collect();
    let mut records: Vec<String> = users.iter().map(|user| failure(user)).collect();
    records.push(root_without_mfa());
    stage.aws.put(LOGS, &key("storm"), log_file(&records));
    users
}

/// The OCSF documents that the mails hold.
fn mailed_findings(stage: &Stage) -> Vec<Value> {
    stage.aws.mails().iter().flat_map(|mail| mail.findings()).collect()
}

#[tokio::test]
async fn a_storm_is_few_mails_and_the_rest_is_stored_in_the_state_bucket() {
    let stage = Stage::new().await;
    let users = storm(&stage);
    let function = stage.function().await;
    let event = deliveries(&[("m", &key("storm"))]);
    assert_eq!(failed(&function.response(&event).await), [""; 0]);
    let subjects = stage.subjects();
    assert_eq!(subjects[0], ROOT_SUBJECT, "the worst first: {subjects:?}");
    let failures: BTreeSet<String> = users.iter().map(|user| failure_subject(user)).collect();
    let mailed: Vec<&String> = subjects.iter().filter(|subject| failures.contains(&subject[..])).collect();
    assert_eq!((mailed.len(), subjects.len()), (4, 6), "{subjects:?}");

    // One more says how many are rate-limited, and where each of them is stored, whole.
    let mails = stage.aws.mails();
    let about_us =
        mails.iter().find(|mail| mail.attribute("rule") == Some(r#"["watch.mails-held-back"]"#)).unwrap();
    assert_eq!(
        about_us.subject.as_deref(),
        Some("[LOW] Mails were held back - example-state - 111122223333")
    );
    assert!(email(about_us).starts_with("26 alerts have been held back so far"), "{}", email(about_us));
    let keys = stage.aws.keys(STATE);
    let rate_limited: Vec<&String> = keys.iter().filter(|key| key.starts_with("overflow/")).collect();
    assert_eq!(rate_limited.len(), 26, "{rate_limited:?}");
    let folder = rate_limited[0].rsplit_once('/').unwrap().0;
    assert!(folder.ends_with("Z/UNAUTHENTICATED"), "{folder}");
    assert!(email(about_us).contains(&format!("s3://{STATE}/{folder}/")), "{}", email(about_us));
    let mut findings = mailed_findings(&stage);
    for key in &rate_limited {
        let object: Value = serde_json::from_slice(&stage.aws.content(STATE, key).unwrap()).unwrap();
        findings.extend(object["findings"].as_array().unwrap().clone());
    }
    assert_eq!(findings.len(), 32, "thirty, root's, and the one about rate-limited mails");
    let findings = Value::from(findings).to_string();
    for user in users {
        assert!(findings.contains(&format!("\"{user}\"")), "{user} is nowhere");
    }

    // Delivered again it is no news.
    assert_eq!(failed(&function.response(&event).await), [""; 0]);
    let again = stage.aws.keys(STATE).iter().filter(|key| key.starts_with("overflow/")).count();
    assert_eq!((stage.subjects().len(), again), (6, 26));
}

#[tokio::test]
async fn a_storm_without_state_is_few_mails_and_every_finding_is_in_one() {
    let stage = Stage::new().await;
    let users = storm(&stage);
    stage.aws.fail(Which::any().about(STATE_OBJECTS), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let body = event_bridge(&key("storm")).to_string();
    assert_eq!(failed(&function.response(&batch_received(3, &[("m", &body)])).await), [""; 0]);
    let subjects = stage.subjects();
    assert_eq!(subjects.len(), 4, "three subjects, and one for all the others: {subjects:?}");
    assert_eq!((&subjects[0][..], stage.repeats()), (ROOT_SUBJECT, 4), "{subjects:?}");
    let mailed_findings = mailed_findings(&stage);
    assert_eq!(mailed_findings.len(), 32, "with the one about the state bucket");
    let mailed_findings = Value::from(mailed_findings).to_string();
    for user in users {
        assert!(mailed_findings.contains(&format!("\"{user}\"")), "{user} is not mailed");
    }
}

#[tokio::test]
async fn the_bytes_in_flight_are_bounded() {
    // The smallest bound there is holds no two log files of half a MiB.
    let stage = Stage::new().await.with("MAX_IN_FLIGHT_BYTES", "1048576");
    let noise: Vec<u8> = {
        let mut rng = iamwatch_tests::corpus::Rng::new(1, 1);
        let mut bytes = Vec::new();
        rng.letters_and_digits(&mut bytes, 900_000);
        bytes
    };
    let file =
        gzip(format!(r#"{{"Records":[],"x":"{}"}}"#, String::from_utf8(noise).unwrap()).as_bytes()).unwrap();
    assert!(file.len() > 600_000, "{}", file.len());
    let users = ["alice", "bob", "carol"];
    for user in users {
        stage.aws.put(LOGS, &key(user), file.clone());
    }
    stage.aws.fail(reading(), Fault::HangInBody { after_bytes: 1000 });
    let function = stage.function().await;
    let keys = users.map(|user| (user, key(user)));
    let mut event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    for record in event["Records"].as_array_mut().unwrap() {
        let mut body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        body["detail"]["object"]["size"] = file.len().into();
        record["body"] = body.to_string().into();
    }
    let outcome = function.invoke_with(&event, Duration::from_secs(6)).await;
    assert_eq!(log_files_read(&stage).len(), 1, "{outcome:?}");
}

#[tokio::test]
async fn a_large_log_file_is_judged_as_it_comes_and_read_again_where_it_breaks_off() {
    let corpus = Corpus { files: 1, fewest_records: 9_000, most_records: 9_000, seed: 3 };
    let file = gzip(&corpus.file(0)).unwrap();
    assert!(file.len() > 3 << 19, "{} bytes are fetched whole", file.len());
    let stage = Stage::new().await;
    stage.aws.put(LOGS, &corpus.key(0), file.clone());
    let request = json!({"objects": [{"bucket": LOGS, "key": corpus.key(0)}], "notify": false});
    let function = stage.function().await;
    let whole = function.response(&request).await;
    assert_eq!((&whole["records"], &whole["unreadable"]), (&9_000.into(), &0.into()), "{whole}");
    for fault in [
        Fault::CutBody { after_bytes: file.len() / 2 },
        Fault::CutBody { after_bytes: file.len() - 1 },
        Fault::CorruptBody { bytes: 64 },
    ] {
        stage.aws.fail(reading().nth(1), fault);
        assert_eq!(function.response(&request).await, whole, "{fault:?}");
        stage.aws.recover();
    }
}
