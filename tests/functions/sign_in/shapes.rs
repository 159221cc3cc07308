//! Every form in which a delivery is announced.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::events::{
    CLOUDTRAIL_VALIDATION, batch, by_sns, cloudtrail_message, event_bridge, event_bridge_of_version,
    from_sns, s3_notification, s3_test,
};
use super::stage::{LOG_FILES, LOGS, Stage, could_not_look, failed, failure, failure_subject, key, log_file};

/// A key with what S3 encodes, below the folder of log files.
fn odd_key(name: &str) -> String {
    format!("a+b é/{}", key(name))
}

/// The same as S3 encodes it.
fn encoded(key: &str) -> String {
    key.replace('+', "%2B").replace(' ', "+").replace('é', "%C3%A9")
}

/// One message with the text, in a queue.
fn queued(text: &str) -> Value {
    batch(&[("m1", text)])
}

fn text(value: &Value) -> String {
    value.to_string()
}

/// An event about log files of these keys.
type Announcement = fn(&[String]) -> Value;

#[tokio::test]
async fn every_announcement_of_a_log_file_leads_to_its_mail() {
    fn of_both(keys: &[String]) -> String {
        text(&cloudtrail_message(&keys.iter().map(String::as_str).collect::<Vec<_>>()))
    }
    // Each has its own users, for one user's next failure is deduplicated; and no budget may be used up.
    let stage =
        Stage::new().await.with("MAILS_PER_HOUR", "CRITICAL=1,HIGH=1,MEDIUM=1,LOW=1,UNAUTHENTICATED=99");
    let function = stage.function().await;
    let plain: [(&str, Announcement, usize); 10] = [
        ("EventBridge in a queue", |keys| queued(&text(&event_bridge(&keys[0]))), 1),
        ("S3 in a queue", |keys| queued(&text(&s3_notification(&keys[0]))), 1),
        ("S3 by SNS in a queue", |keys| queued(&text(&by_sns(&text(&s3_notification(&keys[0]))))), 1),
        ("EventBridge by SNS in a queue", |keys| queued(&text(&by_sns(&text(&event_bridge(&keys[0]))))), 1),
        ("CloudTrail by SNS in a queue", |keys| queued(&text(&by_sns(&of_both(keys)))), 2),
        ("CloudTrail by SNS in a queue, raw", |keys| queued(&of_both(keys)), 2),
        ("EventBridge straight", |keys| event_bridge(&keys[0]), 1),
        ("S3 straight", |keys| s3_notification(&keys[0]), 1),
        ("S3 by SNS", |keys| from_sns(&text(&s3_notification(&keys[0]))), 1),
        ("CloudTrail by SNS", |keys| from_sns(&of_both(keys)), 2),
    ];
    let odd: [(&str, Announcement, usize); 4] = [
        ("an encoded key by S3", |keys| queued(&text(&s3_notification(&encoded(&keys[0])))), 1),
        ("a raw key by EventBridge", |keys| queued(&text(&event_bridge(&keys[0]))), 1),
        ("an encoded key by EventBridge", |keys| queued(&text(&event_bridge(&encoded(&keys[0])))), 1),
        ("a raw key by CloudTrail", |keys| queued(&text(&cloudtrail_message(&[&keys[0]]))), 1),
    ];
    let named: [fn(&str) -> String; 2] = [key, odd_key];
    let all = plain.map(|case| (case, named[0])).into_iter().chain(odd.map(|case| (case, named[1])));
    for (n, ((name, announcement, count), named)) in all.enumerate() {
        stage.aws.forget();
        let users: Vec<String> = (0..count).map(|user| format!("user{n}of{user}")).collect();
        let keys: Vec<String> = users.iter().map(|user| named(user)).collect();
        for (user, key) in users.iter().zip(&keys) {
            stage.aws.put(LOGS, key, log_file(&[failure(user)]));
        }
        let event = announcement(&keys);
        let response = function.response(&event).await;
        if event["Records"][0]["eventSource"] == "aws:sqs" {
            assert_eq!(failed(&response), [""; 0], "{name}");
        } else {
            assert_eq!(response, Value::Null, "{name}");
        }
        let subjects: Vec<String> = users.iter().map(|user| failure_subject(user)).collect();
        stage.assert_mailed(&subjects, &function);
        stage.assert_delayed(&[]);
    }
}

#[tokio::test]
async fn an_event_about_another_object_is_acknowledged_and_nothing_is_read() {
    let stage = Stage::new().await;
    let function = stage.function().await;
    let digest = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/04/01/111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260401T080500Z.json.gz";
    let mut removed = s3_notification(&key("alice"));
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
    let mut tagged = event_bridge(&key("alice"));
    tagged["detail-type"] = "Object Tags Added".into();
    for (name, body) in [
        ("S3's test", text(&s3_test())),
        ("S3's test by SNS", text(&by_sns(&text(&s3_test())))),
        ("CloudTrail's validation", CLOUDTRAIL_VALIDATION.to_owned()),
        ("CloudTrail's validation by SNS", text(&by_sns(CLOUDTRAIL_VALIDATION))),
        ("a digest", text(&event_bridge(digest))),
        ("a digest by S3", text(&s3_notification(digest))),
        (
            "another service's log",
            text(&event_bridge("AWSLogs/111122223333/Config/us-east-1/2026/4/1/x.json.gz")),
        ),
        ("a folder", text(&event_bridge("AWSLogs/111122223333/CloudTrail/us-east-1/"))),
        ("an object that was removed", text(&removed)),
        ("an object that was tagged", text(&tagged)),
        ("no key at all", text(&cloudtrail_message(&[]))),
    ] {
        stage.aws.forget();
        assert_eq!(failed(&function.response(&queued(&body)).await), [""; 0], "{name}");
        stage.not_called();
    }
    for (name, event) in [
        ("S3's test straight", s3_test()),
        ("CloudTrail's validation from SNS", from_sns(CLOUDTRAIL_VALIDATION)),
        ("a digest straight", event_bridge(digest)),
    ] {
        stage.aws.forget();
        assert_eq!(function.response(&event).await, Value::Null, "{name}");
        stage.not_called();
    }
}

#[tokio::test]
async fn an_invalid_message_is_mailed_once_and_retried() {
    let bodies = [
        ("no JSON", "hello".to_owned()),
        ("JSON of something else", r#"{"a": 1}"#.to_owned()),
        (
            "an EventBridge event of another kind",
            json!({"detail-type": "EC2 Instance State-change Notification"}).to_string(),
        ),
        ("a list", "[]".to_owned()),
        ("nothing", String::new()),
        ("wrapped endlessly", (0..9).fold("x".to_owned(), |body, _| text(&by_sns(&body)))),
        ("records without a key", json!({"Records": [{"s3": {"bucket": {"name": LOGS}}}]}).to_string()),
        ("a bucket that cannot be", json!({"s3Bucket": "../etc", "s3ObjectKey": ["a"]}).to_string()),
    ];
    let tried = bodies.map(async |(name, body)| {
        let stage = Stage::new().await;
        stage.deliver("alice");
        let function = stage.function().await;
        let event = batch(&[("odd", &body), ("good", &text(&event_bridge(&key("alice"))))]);
        assert_eq!(failed(&function.response(&event).await), ["odd"], "{name}");
        let mails = stage.aws.mails();
        let subjects: Vec<&str> = mails.iter().filter_map(|mail| mail.subject.as_deref()).collect();
        assert!(subjects.contains(&&failure_subject("alice")[..]), "{name}: {subjects:?}");
        let mailed = subjects.iter().filter(|subject| subject.starts_with(&could_not_look("HIGH"))).count();
        assert_eq!((mailed, subjects.len()), (1, 2), "{name}: {subjects:?}");
        stage.assert_delayed(&[("odd", 30)]);
        assert_eq!(failed(&function.response(&queued(&body)).await), ["m1"], "{name}");
        assert_eq!(stage.subjects().len(), 2, "{name}: {:?}", stage.subjects());
    });
    join_all(tried).await;
}

#[tokio::test]
async fn the_version_that_is_announced_is_the_one_that_is_judged() {
    let stage = Stage::new().await;
    let name = key("versions");
    let first = stage.aws.put(LOGS, &name, log_file(&[failure("alice")]));
    let second = stage.aws.put(LOGS, &name, log_file(&[failure("bob")]));
    let third = stage.aws.put(LOGS, &name, log_file(&[failure("carol")]));
    stage.aws.delete(LOGS, &name);
    let function = stage.function().await;
    let mut notification = s3_notification(&name);
    notification["Records"][0]["s3"]["object"]["versionId"] = third.as_str().into();
    for (event, user) in [
        (event_bridge_of_version(&name, &first), "alice"),
        (event_bridge_of_version(&name, &second), "bob"),
        (notification, "carol"),
    ] {
        stage.aws.forget();
        assert_eq!(failed(&function.response(&queued(&text(&event))).await), [""; 0]);
        stage.assert_mailed(&[failure_subject(user)], &function);
    }
}

#[tokio::test]
async fn the_same_log_file_announced_twice_in_a_batch_is_read_once() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    let (once, again) = (text(&event_bridge(&alice)), text(&by_sns(&text(&s3_notification(&alice)))));
    let response = function.response(&batch(&[("m1", &once), ("m2", &again)])).await;
    assert_eq!(failed(&response), [""; 0]);
    stage.assert_mailed(&[failure_subject("alice")], &function);
    assert_eq!(stage.reads(LOG_FILES), 1);
}

#[tokio::test]
async fn an_event_that_aws_never_sends_is_an_input_error() {
    let stage = Stage::new().await;
    let function = stage.function().await;
    for (name, event, part) in [
        ("nothing", json!({}), "the payload is \"an object of nothing\"; it must be "),
        ("null", Value::Null, "the payload is \"null\""),
        ("a text", json!("hello"), "the payload is \"a text\""),
        ("a list", json!([1, 2]), "the payload is \"a list of 2\""),
        ("an event of another service", json!({"source": "aws.ec2", "detail-type": "x"}), "detail-type"),
        ("records of another service", json!({"Records": [{"kinesis": {}}]}), "Records"),
        (
            "a message of a queue without an id",
            json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]}),
            "messageId",
        ),
    ] {
        let (error_type, message) = function.error(&event).await;
        assert_eq!(error_type, "InputError", "{name}: {message}");
        assert!(message.contains(part), "{name}: {message}");
    }
    stage.not_called();
    assert!(function.lives());
}
