//! Delivered log files in, alerts out: the whole flow over the core's ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod notifying;

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use iamwatch_tests::memory::{Attempt, Clock, World};
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::delivery::DeliveryMessage;
use shared::formats::events::delivery::{DeliveryEvent, DeliveryRequest, LogFileObject};
use shared::ports::AwsErrorKind;
use shared::severity::Severity;
use shared::use_cases::{Delivered, NotificationOutcome, Trigger, process_deliveries, process_messages};

const FOLDER: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01";

fn key(name: &str) -> String {
    format!("{FOLDER}/111122223333_CloudTrail_us-east-1_20260401T0820Z_{name}.json.gz")
}

fn uri(name: &str) -> String {
    format!("s3://logs/{}", key(name))
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// A console sign-in of an IAM user without a second factor.
fn sign_in(user: &str, event_id: &str) -> Value {
    json!({
        "eventTime": "2026-04-01T08:15:00Z", "eventID": event_id, "awsRegion": "us-east-1",
        "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "No"},
        "sourceIPAddress": "192.0.2.10",
    })
}

/// A record that no rule asks for.
fn unwatched() -> Value {
    json!({"eventID": "quiet", "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "recipientAccountId": "111122223333"})
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn log_file(records: &[Value]) -> Vec<u8> {
    gzip(json!({"Records": records}).to_string().as_bytes())
}

/// A log file of several megabytes, stored: it is streamed, not fetched whole.
fn large_log_file(user: &str) -> Vec<u8> {
    let mut records = vec![unwatched(); 30_000];
    records.push(sign_in(user, "large"));
    json!({"Records": records}).to_string().into_bytes()
}

fn whole(content: Vec<u8>) -> [Attempt; 1] {
    [Attempt::Whole(content, 10_000)]
}

/// The message of a queue about one log file, as EventBridge words it.
fn message(id: &str, key: &str) -> Value {
    message_of_size(id, key, None)
}

fn message_of_size(id: &str, key: &str, bytes: Option<usize>) -> Value {
    let event = json!({
        "source": "aws.s3", "detail-type": "Object Created", "time": "2026-04-01T08:20:30Z",
        "detail": {"bucket": {"name": "logs"}, "object": {"key": key, "size": bytes}},
    });
    json!({
        "messageId": id, "receiptHandle": format!("receipt of {id}"), "body": event.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:deliveries",
    })
}

fn messages(names: &[&str]) -> Vec<DeliveryMessage> {
    let records: Vec<Value> = names.iter().map(|name| message(name, &key(name))).collect();
    queue(records)
}

fn queue(records: Vec<Value>) -> Vec<DeliveryMessage> {
    match DeliveryEvent::of(&json!({"Records": records})).unwrap() {
        DeliveryEvent::Queue(messages) => messages,
        other => panic!("{other:?}"),
    }
}

/// A minute in which nothing but the run itself takes time.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test())
}

/// The result of a batch, and the ids of the messages to retry.
async fn batch(world: &World, messages: &[DeliveryMessage], now: &str) -> (Delivered, Vec<String>) {
    batch_with(world, messages, now, &Config::default()).await
}

async fn batch_with(
    world: &World,
    messages: &[DeliveryMessage],
    now: &str,
    config: &Config,
) -> (Delivered, Vec<String>) {
    let clock = Clock::new(at(now), Duration::from_secs(60));
    let delivered = process_messages(messages, config, &world.outside(&clock)).await;
    let failed = messages.iter().filter(|message| delivered.must_come_again(message));
    let failed = failed.map(|message| message.id.clone()).collect();
    let counts = delivered.counts;
    assert_eq!(counts.records, counts.judged + counts.unreadable + counts.skipped);
    (delivered, failed)
}

const NOW: &str = "2026-04-01T08:21:00Z";

#[test]
fn a_delivered_sign_in_without_mfa_is_one_mail_and_the_message_is_done() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[unwatched(), sign_in("alice", "1"), unwatched()])));
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        assert_eq!(world.topic.subjects(), ["[HIGH] Console sign-in without MFA - alice - 111122223333"]);
        assert_eq!((delivered.counts.records, delivered.counts.judged, delivered.counts.skipped), (3, 1, 2));
        assert_eq!(delivered.findings[&Severity::High], 1);
        assert_eq!(delivered.delivery_lag, Some(Duration::from_secs(30)));
    });
}

#[test]
fn the_same_event_in_several_files_of_a_batch_is_one_mail() {
    run(async || {
        let world = World::default();
        for name in ["a", "b", "c"] {
            world.logs.put(&uri(name), whole(log_file(&[sign_in("alice", "1")])));
        }
        let (delivered, failed) = batch(&world, &messages(&["a", "b", "c"]), NOW).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        assert_eq!(world.topic.subjects().len(), 1);
        assert!(world.topic.mails()[0].contains("the same event stands in 2 more log files"));
    });
}

#[test]
fn an_object_that_two_messages_name_is_read_once() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        let (delivered, _) =
            batch(&world, &queue(vec![message("1", &key("a")), message("2", &key("a"))]), NOW).await;
        assert_eq!((world.logs.opened.borrow().len(), delivered.counts.log_files), (1, 1));
        world.topic.refuses.set(Some("bob"));
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("bob", "2")])));
        let (_, failed) =
            batch(&world, &queue(vec![message("1", &key("a")), message("2", &key("a"))]), NOW).await;
        assert_eq!(failed, ["1", "2"], "the same mail reports both");
    });
}

#[test]
fn other_objects_are_skipped_counted_and_not_opened() {
    run(async || {
        let world = World::default();
        let digest = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/04/01/x.json.gz";
        let batched = queue(vec![message("1", digest), message("2", "elsewhere/x.json.gz")]);
        let (delivered, failed) = batch(&world, &batched, NOW).await;
        assert_eq!((delivered.skipped_objects, failed.len(), world.logs.opened.borrow().len()), (2, 0, 0));
    });
}

#[test]
fn an_unreadable_log_file_is_mailed_and_acknowledged_and_the_others_are_judged() {
    run(async || {
        let world = World::default();
        let sound = log_file(&[sign_in("bob", "2")]);
        world.logs.put(&uri("bad"), whole(sound[..sound.len() - 9].to_vec()));
        world.logs.put(&uri("no-gzip"), whole(b"\x1f\x8b nothing".to_vec()));
        world.logs.put(&uri("good"), whole(log_file(&[sign_in("alice", "1")])));
        let (delivered, failed) = batch(&world, &messages(&["bad", "no-gzip", "good"]), NOW).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        let subjects = world.topic.subjects();
        assert!(subjects[0].contains("alice"), "{subjects:?}");
        assert_eq!(subjects.iter().filter(|subject| subject.contains("could not be read whole")).count(), 2);
        assert_eq!(delivered.counts.unreadable_log_files, 2);
    });
}

#[test]
fn a_body_that_breaks_off_or_was_garbled_on_its_way_is_read_again() {
    run(async || {
        let sound = log_file(&[sign_in("alice", "1")]);
        let length = sound.len() as u64;
        let mut garbled = sound.clone();
        garbled[40] ^= 0xff;
        for (name, first) in [
            ("cut", Attempt::CutTo(sound[..20].to_vec(), length)),
            ("cut before anything came", Attempt::CutTo(Vec::new(), length)),
            ("cut, and called its end", Attempt::Whole(garbled[..30].to_vec(), 7)),
            ("garbled", Attempt::Whole(garbled, 7)),
        ] {
            let world = World::default();
            world.logs.put(&uri("a"), [first, Attempt::Whole(sound.clone(), 7)]);
            let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
            assert!(failed.is_empty(), "{name}: {:?}", delivered.unfetched);
            assert_eq!(world.topic.subjects().len(), 1, "{name}: {:?}", world.topic.subjects());
            assert_eq!(delivered.counts.unreadable_log_files, 0, "{name}");
        }
    });
}

#[test]
fn a_large_file_is_judged_as_it_comes_and_from_its_beginning_when_it_broke_off() {
    run(async || {
        let world = World::default();
        let large = large_log_file("alice");
        assert!(large.len() > 2 << 20);
        let cut = Attempt::CutTo(large[..1_000_000].to_vec(), large.len() as u64);
        world.logs.put(&uri("a"), [cut, Attempt::Whole(large, 50_000)]);
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        assert_eq!((delivered.counts.records, world.topic.subjects().len()), (30_001, 1));
    });
}

#[test]
fn a_body_that_always_breaks_off_is_retried_by_the_queue_and_mailed_once() {
    run(async || {
        let world = World::default();
        let sound = log_file(&[sign_in("alice", "1")]);
        world.logs.put(&uri("a"), [Attempt::CutTo(sound[..20].to_vec(), sound.len() as u64)]);
        world.logs.put(&uri("b"), whole(log_file(&[sign_in("bob", "2")])));
        for _ in 0..3 {
            let (_, failed) = batch(&world, &messages(&["a"]), NOW).await;
            assert_eq!(failed, ["a"]);
        }
        let (_, failed) = batch(&world, &messages(&["a", "b"]), NOW).await;
        assert_eq!(failed, ["a"], "its neighbour is done");
        let subjects = world.topic.subjects();
        let mailed = subjects.iter().filter(|subject| subject.contains("could not look")).count();
        assert_eq!((mailed, subjects.len()), (1, 2), "{subjects:?}");
    });
}

#[test]
fn a_refusal_is_mailed_once_per_bucket_and_day_not_once_per_file() {
    run(async || {
        let world = World::default();
        let refused = || [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied: Access Denied (HTTP 403)")];
        for name in ["a", "b", "c"] {
            world.logs.put(&uri(name), refused());
        }
        let (delivered, failed) = batch(&world, &messages(&["a", "b", "c"]), NOW).await;
        assert_eq!(failed, ["a", "b", "c"]);
        assert_eq!(delivered.findings[&Severity::High], 1);
        batch(&world, &messages(&["a"]), "2026-04-01T08:59:59Z").await;
        assert_eq!(world.topic.subjects(), ["[HIGH] iamwatch could not look - logs - 111122223333"]);
        let mail = &world.topic.mails()[0];
        assert!(mail.starts_with("3 log files of bucket logs could not be read: AccessDenied"), "{mail}");
        for hour in 9..=31 {
            let time = at("2026-04-01T00:59:59Z") + chrono::TimeDelta::hours(hour);
            batch(&world, &messages(&["b"]), &time.to_rfc3339()).await;
        }
        assert_eq!(world.topic.subjects().len(), 1, "it goes on");
        batch(&world, &messages(&["b"]), "2026-04-02T08:59:59Z").await;
        assert_eq!(world.topic.subjects().len(), 2, "it still does after a day");
    });
}

#[test]
fn a_busy_bucket_does_not_hide_a_closed_one() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("busy"), [Attempt::Fails(AwsErrorKind::Transient, "SlowDown")]);
        world.logs.put(&uri("closed"), [Attempt::Fails(AwsErrorKind::Denied, "KMS.DisabledException")]);
        batch(&world, &messages(&["busy"]), NOW).await;
        batch(&world, &messages(&["busy", "closed"]), NOW).await;
        let subjects = world.topic.subjects();
        assert!(
            subjects.len() == 2 && subjects[0].starts_with("[LOW]") && subjects[1].starts_with("[HIGH]"),
            "{subjects:?}"
        );
    });
}

#[test]
fn a_missing_log_file_is_mailed_and_acknowledged() {
    run(async || {
        let world = World::default();
        let (delivered, failed) = batch(&world, &messages(&["gone"]), NOW).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        let subjects = world.topic.subjects();
        assert!(
            subjects.len() == 1 && subjects[0].starts_with("[HIGH] Delivered log file is gone"),
            "{subjects:?}"
        );
        assert!(
            world.topic.mails()[0].starts_with("A log file that was delivered is not there"),
            "{}",
            world.topic.mails()[0]
        );
    });
}

#[test]
fn a_key_from_eventbridge_is_used_unchanged_and_other_keys_are_decoded() {
    run(async || {
        let world = World::default();
        let encoded = format!("a%20b+c/{}", key("a"));
        world.logs.put(&format!("s3://logs/a b c/{}", key("a")), whole(log_file(&[sign_in("alice", "1")])));
        let (delivered, _) = batch(&world, &queue(vec![message("1", &encoded)]), NOW).await;
        assert_eq!((delivered.counts.log_files, world.logs.opened.borrow().len()), (1, 2));
        world.logs.put(&format!("s3://logs/{encoded}"), whole(log_file(&[sign_in("bob", "2")])));
        batch(&world, &queue(vec![message("1", &encoded)]), NOW).await;
        assert!(world.topic.subjects()[1].contains("bob"), "{:?}", world.topic.subjects());
    });
}

#[test]
fn only_messages_with_unpublished_findings_are_retried() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.logs.put(&uri("b"), whole(log_file(&[sign_in("bob", "2"), sign_in("alice", "1")])));
        world.logs.put(&uri("c"), whole(log_file(&[sign_in("bob", "3")])));
        world.logs.put(&uri("d"), whole(log_file(&[unwatched()])));
        world.topic.refuses.set(Some("bob"));
        let (delivered, failed) = batch(&world, &messages(&["a", "b", "c", "d"]), NOW).await;
        assert_eq!(failed, ["b", "c"]);
        assert_eq!(delivered.unnotified.len(), 2);
        world.topic.refuses.set(None);
        let (_, failed) = batch(&world, &messages(&["b", "c"]), NOW).await;
        assert!(failed.is_empty());
        assert!(world.topic.subjects().iter().any(|subject| subject.contains("bob")));
    });
}

#[test]
fn an_unreadable_log_file_is_mailed_again_until_it_was_published() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied")]);
        world.topic.refuses.set(Some("could not look"));
        batch(&world, &messages(&["a"]), NOW).await;
        world.topic.refuses.set(None);
        for _ in 0..2 {
            batch(&world, &messages(&["a"]), NOW).await;
            assert_eq!(world.topic.subjects().len(), 1);
        }
        assert!(!world.topic.mails()[0].contains("may have got"), "SNS said that it did not take the first");
    });
}

#[test]
fn an_invalid_message_is_retried_alone_and_mailed_once() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        let mut odd = message("odd", "x");
        odd["body"] = json!("{\"hello\": \"world\"}");
        for _ in 0..2 {
            let (_, failed) = batch(&world, &queue(vec![odd.clone(), message("a", &key("a"))]), NOW).await;
            assert_eq!(failed, ["odd"]);
        }
        let subjects = world.topic.subjects();
        assert_eq!(
            subjects.iter().filter(|subject| subject.contains("could not look")).count(),
            1,
            "{subjects:?}"
        );
        assert!(world.topic.mails().iter().any(|mail| mail.starts_with("A message could not be understood")));
    });
}

#[test]
fn when_time_is_up_findings_so_far_are_mailed_and_the_rest_is_retried() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("good"), whole(log_file(&[sign_in("alice", "1")])));
        world.logs.put(&uri("hangs"), [Attempt::SilentAfter(b"\x1f\x8b".to_vec(), 500)]);
        let (delivered, failed) = batch(&world, &messages(&["good", "hangs"]), NOW).await;
        assert_eq!(failed, ["hangs"]);
        assert_eq!(delivered.unfetched.values().next().unwrap().kind, AwsErrorKind::DeadlineExceeded);
        assert_eq!(world.topic.subjects().len(), 1, "{:?}", world.topic.subjects());
    });
}

#[test]
fn log_files_are_read_at_the_same_time_within_the_budget() {
    run(async || {
        let world = World::default();
        let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut content = json!({"Records": [sign_in("alice", "1")]}).to_string().into_bytes();
        content.resize(500_000, b' ');
        for name in &names {
            world.logs.put(&uri(name), whole(content.clone()));
        }
        let config = Config { max_in_flight_bytes: 8 << 20, ..Config::default() };
        for (bytes, least, at_most) in [(Some(content.len()), 2_000_000, 8 << 20), (None, 1_000_000, 8 << 20)]
        {
            let batched = names.iter().map(|name| message_of_size(name, &key(name), bytes)).collect();
            world.logs.open_bytes.most.set(0);
            let (delivered, failed) = batch_with(&world, &queue(batched), NOW, &config).await;
            assert_eq!((delivered.counts.log_files, failed.len()), (40, 0));
            let most = world.logs.open_bytes.most.get();
            assert!(most > least && most <= at_most, "{bytes:?}: {most}");
        }
    });
}

#[test]
fn a_file_larger_than_the_whole_budget_is_read_by_itself() {
    run(async || {
        let world = World::default();
        for name in ["a", "b"] {
            world.logs.put(&uri(name), whole(large_log_file(name)));
        }
        let config = Config { max_in_flight_bytes: 1 << 20, ..Config::default() };
        let (delivered, failed) = batch_with(&world, &messages(&["a", "b"]), NOW, &config).await;
        assert_eq!((delivered.counts.log_files, failed.len()), (2, 0));
    });
}

#[test]
fn findings_below_the_minimum_severity_are_mailed_only_if_a_check_failed() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.logs.put(&uri("b"), [Attempt::Fails(AwsErrorKind::Transient, "SlowDown")]);
        let config = Config { mail_min_severity: Severity::Critical, ..Config::default() };
        let (delivered, failed) = batch_with(&world, &messages(&["a", "b"]), NOW, &config).await;
        assert_eq!((delivered.findings[&Severity::High], delivered.findings[&Severity::Low]), (1, 1));
        assert_eq!(failed, ["b"]);
        let subjects = world.topic.subjects();
        assert!(subjects.len() == 1 && subjects[0].contains("could not look"), "{subjects:?}");
    });
}

/// This many failed sign-ins of alice, and these records.
fn noise(failures: usize, prefix: &str, records: &[Value]) -> Vec<u8> {
    let mut failed = sign_in("alice", "x");
    failed["responseElements"]["ConsoleLogin"] = json!("Failure");
    let mut all: Vec<Value> = (0..failures)
        .map(|n| {
            failed["eventID"] = json!(format!("{prefix}{n}"));
            failed.clone()
        })
        .collect();
    all.extend_from_slice(records);
    log_file(&all)
}

#[test]
fn findings_over_the_limit_are_counted_and_mailed() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(noise(12_000, "", &[sign_in("mallory", "intrusion")])));
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert!(failed.is_empty());
        assert_eq!(delivered.findings[&Severity::High], 1);
        assert_eq!(delivered.findings[&Severity::Medium], 12_001, "all, and the one that says so");
        let subjects = world.topic.subjects();
        assert!(subjects[0].contains("mallory"), "the worst is kept: {subjects:?}");
        assert!(
            world
                .topic
                .mails()
                .iter()
                .any(|mail| mail.starts_with("7001 findings of a log file were left out"))
        );
    });
}

#[test]
fn many_findings_of_some_files_displace_none_of_another() {
    run(async || {
        let world = World::default();
        let names = ["a", "b", "c", "d", "e", "f", "z"];
        for name in &names[..6] {
            world.logs.put(&uri(name), whole(noise(5_100, name, &[])));
        }
        world.logs.put(&uri("z"), whole(noise(5_100, "z", &[sign_in("mallory", "intrusion")])));
        let (_, failed) = batch(&world, &messages(&names), NOW).await;
        assert!(!failed.is_empty() && failed.len() < names.len(), "not all have room: {failed:?}");
        // Findings that anyone can cause delay no others, in whichever file they are.
        assert!(world.topic.subjects()[0].contains("mallory"), "{:?}", world.topic.subjects());
        let mut left = failed;
        for _ in 0..2 {
            let names: Vec<&str> = left.iter().map(String::as_str).collect();
            left = batch(&world, &messages(&names), NOW).await.1;
        }
        assert!(left.is_empty(), "the next runs have room: {left:?}");
        let mailed = world.topic.subjects().iter().filter(|subject| subject.contains("mallory")).count();
        assert_eq!(mailed, 1);
    });
}

#[test]
fn large_files_of_unknown_size_are_read_one_by_one_if_memory_is_short() {
    run(async || {
        let world = World::default();
        let names = ["a", "b", "c", "d"];
        for name in names {
            world.logs.put(&uri(name), [Attempt::Whole(large_log_file(name), 300_000)]);
        }
        let (delivered, failed) = batch(&world, &messages(&names), NOW).await;
        assert_eq!((delivered.counts.log_files, delivered.counts.records, failed.len()), (4, 120_004, 0));
    });
}

#[test]
fn a_file_beyond_a_limit_is_read_so_far_and_no_further() {
    run(async || {
        let world = World::default();
        // More than any sender sends: only the reader ends it.
        let endless = Attempt::SilentAfter(large_log_file("alice"), 1 << 40);
        world.logs.put(&uri("a"), [endless]);
        let config = Config { max_compressed_bytes: 1 << 20, ..Config::default() };
        let (delivered, failed) = batch_with(&world, &messages(&["a"]), NOW, &config).await;
        assert!(failed.is_empty(), "{:?}", delivered.unfetched);
        let mails = world.topic.mails();
        assert!(mails.len() == 1 && mails[0].contains("MAX_COMPRESSED_BYTES"), "{mails:?}");
    });
}

#[test]
fn a_log_file_that_no_run_has_time_for_is_mailed_at_its_third_receive() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("slow"), [Attempt::SilentAfter(b"\x1f\x8b".to_vec(), 500)]);
        for receives in 1..=4 {
            let mut again = message("slow", &key("slow"));
            again["attributes"]["ApproximateReceiveCount"] = json!(receives.to_string());
            let (_, failed) = batch(&world, &queue(vec![again]), NOW).await;
            assert_eq!(failed, ["slow"]);
            assert_eq!(world.topic.subjects().len(), usize::from(receives >= 3), "try {receives}");
        }
    });
}

#[test]
fn a_run_answers_in_time_whichever_call_hangs() {
    run(async || {
        for (limit, mailed) in [(0, 0), (1, 0), (4, 0), (5, 0), (9, 1), (60, 1)] {
            for hangs in ["nothing", "topic", "state"] {
                let world = World::default();
                world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
                world.logs.put(&uri("b"), [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied")]);
                world.topic.hangs.set(hangs == "topic");
                world.state.hangs.set(hangs == "state");
                let limit = Duration::from_secs(limit);
                let clock = Clock::new(at(NOW), limit);
                let began = tokio::time::Instant::now();
                let batched = messages(&["a", "b"]);
                let delivered = process_messages(&batched, &Config::default(), &world.outside(&clock)).await;
                let took = began.elapsed();
                let answers_by = limit.saturating_sub(Duration::from_secs(4)).max(limit / 2);
                assert!(took <= answers_by, "{limit:?}, {hangs}: took {took:?}");
                assert!(delivered.must_come_again(&batched[1]), "{limit:?}, {hangs}");
                let published = world.topic.subjects().iter().filter(|mail| mail.contains("alice")).count();
                let expected = if hangs == "nothing" { mailed } else { 0 };
                assert_eq!(published, expected, "{limit:?}, {hangs}");
                assert_eq!(delivered.must_come_again(&batched[0]), published == 0, "{limit:?}, {hangs}");
            }
        }
    });
}

/// The result of a request by hand.
async fn by_hand(world: &World, request: Value) -> Delivered {
    let DeliveryEvent::Request(DeliveryRequest::Judge(judge)) = DeliveryEvent::of(&request).unwrap() else {
        panic!("{request}")
    };
    let clock = Clock::new(at(NOW), Duration::from_secs(60));
    let (objects, asked): (Vec<LogFileObject>, _) = (judge.objects, Trigger::ByHand { notify: judge.notify });
    process_deliveries(&objects, asked, &Config::default(), &world.outside(&clock)).await
}

#[test]
fn by_hand_every_named_object_is_judged_or_named_in_the_answer() {
    run(async || {
        let world = World::default();
        world.logs.put("s3://logs/copied/evidence.json", whole(log_file(&[sign_in("alice", "1")])));
        let request = |notify: bool| json!({"objects": [{"bucket": "logs", "key": "copied/evidence.json"}, {"bucket": "logs", "key": "typo"}], "notify": notify});
        let delivered = by_hand(&world, request(false)).await;
        assert_eq!(delivered.unfetched.keys().collect::<Vec<_>>(), ["s3://logs/typo"]);
        assert_eq!((delivered.findings[&Severity::High], delivered.mails.len()), (1, 1));
        assert!(
            matches!(delivered.mails[0].outcome, NotificationOutcome::NotRequested)
                && world.topic.subjects().is_empty()
        );
        by_hand(&world, request(true)).await;
        assert_eq!(world.topic.subjects().len(), 1, "nobody is mailed about a mistyped key");
    });
}
