//! Many log files at once, large ones as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use iamwatch_tests::corpus::{Corpus, gzip};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::events::deliveries;
use super::stage::{LOGS, Stage, failed, failure, key, log_file, numbered_failure};

#[tokio::test]
async fn many_log_files_are_fetched_at_the_same_time() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..20).map(|n| format!("file{n:02}")).collect();
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    for (n, key) in keys.iter().enumerate() {
        stage.aws.put(LOGS, key, log_file(&[numbered_failure("alice", n)]));
    }
    stage.aws.fail(Which::every(Operation::GetObject).first(20), Fault::HangBefore);
    let function = stage.function().await;
    let messages: Vec<(&str, &str)> =
        names.iter().zip(&keys).map(|(name, key)| (&name[..], &key[..])).collect();
    let event = deliveries(&messages);
    // None is answered before all have been asked for.
    let (outcome, ()) = tokio::join!(function.response(&event), async {
        stage.aws.until_called(Operation::GetObject, 20).await;
        let objects: BTreeSet<_> = stage.aws.calls().into_iter().map(|call| call.target).collect();
        assert_eq!(objects.len(), 20, "{objects:?}");
    });
    assert_eq!(failed(&outcome), [""; 0], "{}", function.output());
    stage.told(&["[MEDIUM] Sign-in failed (+19 more) - alice - 111122223333"], &function);
}

#[tokio::test]
async fn a_storm_is_few_mails_and_every_finding_stands_in_one() {
    let stage = Stage::new().await;
    let users: Vec<String> = (0..30).map(|n| format!("user{n:02}")).collect();
    let records: Vec<String> = users.iter().map(|user| failure(user)).collect();
    stage.aws.put(LOGS, &key("storm"), log_file(&records));
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&deliveries(&[("m", &key("storm"))])).await), [""; 0]);
    let mails = stage.aws.mails();
    assert_eq!(mails.len(), 11, "ten subjects, and one for all the others");
    let told: Vec<Value> = mails.iter().flat_map(|mail| mail.findings()).collect();
    assert_eq!(told.len(), 30);
    let told = Value::from(told).to_string();
    for user in users {
        assert!(told.contains(&format!("\"{user}\"")), "{user} is not told");
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
    stage.aws.fail(Which::every(Operation::GetObject), Fault::HangInBody { after_bytes: 1000 });
    let function = stage.function().await;
    let keys = users.map(|user| (user, key(user)));
    let mut event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    for record in event["Records"].as_array_mut().unwrap() {
        let mut body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        body["detail"]["object"]["size"] = file.len().into();
        record["body"] = body.to_string().into();
    }
    let outcome = function.invoke_with(&event, Duration::from_secs(6)).await;
    let objects: BTreeSet<_> = stage.aws.calls().into_iter().map(|call| call.target).collect();
    let objects = objects.iter().filter(|target| target.starts_with("s3://example-logs/")).count();
    assert_eq!(objects, 1, "{outcome:?}");
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
        stage.aws.fail(Which::every(Operation::GetObject).nth(1), fault);
        assert_eq!(function.response(&request).await, whole, "{fault:?}");
        stage.aws.recover();
    }
}
