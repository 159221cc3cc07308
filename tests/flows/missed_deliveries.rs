//! Missed deliveries: log files that were delivered and not read, over the core's ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod backfills;
mod faults;
mod receipts;

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use iamwatch_tests::memory::{Attempt, Clock, World};
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use shared::formats::events::delivery::{DeliveryEvent, DeliveryRequest, LogFileObject};
use shared::ports::StoredObject;
use shared::severity::Severity;
use shared::use_cases::{Delivered, MissedDeliveriesResult, Trigger, process_deliveries, read_missed};

const FIRST_NIGHT: &str = "2026-04-01T03:00:00Z";
const NIGHT: &str = "2026-04-02T03:00:00Z";

/// When the log files that one night checks are delivered.
const DAY: &str = "2026-04-01T08:20:30Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn later(time: &str, minutes: i64) -> String {
    (at(time) + TimeDelta::minutes(minutes)).to_rfc3339()
}

/// The key of a log file of that Region and day (`2026/04/01`).
fn key_in(region: &str, day: &str, name: &str) -> String {
    let date = day.replace('/', "");
    format!(
        "AWSLogs/111122223333/CloudTrail/{region}/{day}/111122223333_CloudTrail_{region}_{date}T0820Z_{name}.json.gz"
    )
}

fn key(name: &str) -> String {
    key_in("us-east-1", "2026/04/01", name)
}

/// A console sign-in of an IAM user without a second factor.
fn sign_in(user: &str) -> Value {
    json!({
        "eventTime": "2026-04-01T08:15:00Z", "eventID": format!("of {user}"), "awsRegion": "us-east-1",
        "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "No"},
        "sourceIPAddress": "192.0.2.10",
    })
}

fn log_file(records: &[Value]) -> [Attempt; 1] {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json!({"Records": records}).to_string().as_bytes()).unwrap();
    [Attempt::Whole(encoder.finish().unwrap(), 10_000)]
}

/// Puts a log file of one sign-in there.
fn put(world: &World, key: &str, modified: &str, user: &str) {
    world.logs.put_at(&format!("s3://logs/{key}"), at(modified), log_file(&[sign_in(user)]));
}

/// Delivers a log file without findings.
fn put_unwatched(world: &World, key: &str, modified: &str) {
    world.logs.put_at(&format!("s3://logs/{key}"), at(modified), log_file(&[]));
}

fn objects(keys: &[String]) -> Vec<LogFileObject> {
    let record = |key: &String| json!({"eventSource": "aws:s3", "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}});
    let records: Vec<Value> = keys.iter().map(record).collect();
    match DeliveryEvent::of(&json!({"Records": records})).unwrap() {
        DeliveryEvent::Request(DeliveryRequest::Deliveries(objects)) => objects,
        other => panic!("{other:?}"),
    }
}

/// The deliveries of these are read as they come.
async fn deliver(world: &World, keys: &[String], now: &str) -> Delivered {
    let clock = Clock::new(at(now), Duration::from_secs(60));
    process_deliveries(&objects(keys), Trigger::Delivery, &Config::default(), &world.outside(&clock)).await
}

async fn night(world: &World, asked: &str) -> MissedDeliveriesResult {
    receive(world, asked, 1, asked).await
}

/// A message that was sent then and is received now, for the n-th time.
async fn receive(world: &World, asked: &str, receives: u32, now: &str) -> MissedDeliveriesResult {
    let clock = Clock::new(at(now), Duration::from_secs(900));
    let asked = MissedDeliveryRequest { scope: MissedDeliveryScope::Everything, asked: at(asked), receives };
    let checked = read_missed(&asked, "logs", "state", &Config::default(), &world.outside(&clock)).await;
    let counts = checked.counts;
    assert_eq!(counts.records, counts.judged + counts.unreadable + counts.skipped);
    checked
}

/// A world whose first night is over.
async fn world() -> World {
    let world = World::default();
    put_unwatched(&world, &key("before"), "2026-04-01T02:59:59Z");
    let checked = night(&world, FIRST_NIGHT).await;
    assert!(checked.is_first && checked.unfinished.is_none(), "{checked:?}");
    world
}

/// The bodies of the mails about missed deliveries.
fn missed(world: &World) -> Vec<String> {
    let (subjects, mails) = (world.topic.subjects(), world.topic.mails());
    let of_missed =
        subjects.iter().zip(mails).filter(|(subject, _)| subject.contains("Log files were missed"));
    of_missed.map(|(_, mail)| mail).collect()
}

fn state(world: &World, prefix: &str) -> Vec<(String, String)> {
    let text = |stored: &StoredObject| String::from_utf8_lossy(&stored.content).into_owned();
    let objects = world.state.objects.borrow();
    let named = objects.iter().filter(|(key, _)| key.starts_with(prefix));
    named.map(|(key, stored)| (key.clone(), text(stored))).collect()
}

fn put_state(world: &World, key: &str, content: &str) {
    let (content, tag) = (content.to_owned().into(), format!("{content:?}"));
    world.state.objects.borrow_mut().insert(key.to_owned(), StoredObject { content, tag, modified: None });
}

/// Time passes only where nothing else happens.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test())
}

#[test]
fn the_first_night_only_stores_the_start_of_the_comparison() {
    run(async || {
        let world = world().await;
        assert!(world.logs.opened.borrow().is_empty() && world.topic.subjects().is_empty());
        let (_, progress) = state(&world, "sweep.json").remove(0);
        assert_eq!(progress, r#"{"format":1,"bucket":"logs","since":"2026-04-01T03:00:00Z"}"#);
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.delivered, checked.missed, checked.is_first), (0, 0, false), "{checked:?}");
        assert_eq!(checked.compared, Some((at(FIRST_NIGHT), at("2026-04-02T02:00:00Z"))));
        assert!(world.logs.opened.borrow().is_empty() && world.topic.subjects().is_empty());
    });
}

#[test]
fn without_missed_deliveries_nothing_is_read_and_nothing_mailed() {
    run(async || {
        let world = world().await;
        let keys: Vec<String> = ["a", "b", "c", "d", "e"].map(key).into();
        keys.iter().for_each(|key| put_unwatched(&world, key, DAY));
        deliver(&world, &keys[..3], DAY).await;
        deliver(&world, &keys[3..], DAY).await;
        let opened = world.logs.opened.borrow().len();
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.delivered, checked.missed, checked.counts.log_files), (5, 0, 0), "{checked:?}");
        assert!(checked.unfinished.is_none());
        assert_eq!((world.logs.opened.borrow().len(), world.topic.subjects().len()), (opened, 0));
    });
}

#[test]
fn promise_1_a_missed_delivery_is_read_mailed_and_counted_once() {
    run(async || {
        let world = world().await;
        let keys: Vec<String> = (0..19).map(|n| key(&format!("read{n}"))).collect();
        keys.iter().for_each(|key| put_unwatched(&world, key, DAY));
        deliver(&world, &keys, DAY).await;
        put(&world, &key("lost"), DAY, "alice");
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.delivered, checked.missed, checked.unfetched), (20, 1, 0), "{checked:?}");
        assert_eq!((checked.counts.log_files, checked.findings[&Severity::High]), (1, 1));
        assert!(checked.unfinished.is_none());
        let expected = [
            "[HIGH] Console sign-in without MFA - alice - 111122223333",
            "[MEDIUM] Log files were missed - logs - 111122223333",
        ];
        assert_eq!(world.topic.subjects(), expected);
        let mail = &missed(&world)[0];
        let said = "1 of 20 log files that bucket logs was given from 2026-04-01 03:00 to 2026-04-02 02:00 UTC was not read on delivery: it was read by the nightly sweep";
        assert!(mail.starts_with(said), "{mail}");
        assert!(mail.contains("_lost.json.gz") && mail.contains("2026-04-01: 1"), "{mail}");

        // Its message comes late, the schedule's comes twice, and the next night finds nothing.
        deliver(&world, &[key("lost")], &later(NIGHT, 30)).await;
        receive(&world, NIGHT, 2, &later(NIGHT, 40)).await;
        let next = night(&world, "2026-04-03T03:00:00Z").await;
        assert_eq!((next.delivered, next.missed), (0, 0), "{next:?}");
        assert_eq!(world.topic.subjects(), expected);
    });
}

#[test]
fn each_night_begins_where_the_previous_night_ended() {
    run(async || {
        let world = world().await;
        for (name, day, modified) in [
            ("before the first night", "2026/04/01", "2026-04-01T02:59:59Z"),
            ("from then on", "2026/04/01", "2026-04-01T03:00:00Z"),
            ("in the folder of the day before", "2026/03/31", "2026-04-01T03:00:01Z"),
            ("around midnight", "2026/04/02", "2026-04-02T00:00:01Z"),
            ("still on its way", "2026/04/02", "2026-04-02T02:00:00Z"),
            ("late for its folder", "2026/04/01", "2026-04-02T02:30:00Z"),
        ] {
            put_unwatched(&world, &key_in("us-east-1", day, &name.replace(' ', "-")), modified);
        }
        let opened = |world: &World| -> Vec<String> {
            let mut opened: Vec<String> = world.logs.opened.borrow_mut().drain(..).collect();
            opened.iter_mut().for_each(|uri| *uri = uri.rsplit(['_', '.']).nth(2).unwrap().to_owned());
            opened.sort();
            opened
        };
        let checked = night(&world, NIGHT).await;
        assert_eq!(opened(&world), ["around-midnight", "from-then-on", "in-the-folder-of-the-day-before"]);
        assert_eq!((checked.delivered, checked.missed), (3, 3));
        let checked = night(&world, "2026-04-03T03:00:00Z").await;
        assert_eq!(opened(&world), ["late-for-its-folder", "still-on-its-way"]);
        assert_eq!((checked.delivered, checked.missed), (2, 2));
        assert_eq!(missed(&world).len(), 2, "each night mails its own");
    });
}

#[test]
fn a_batch_over_midnight_has_receipts_of_both_days() {
    run(async || {
        let world = world().await;
        let keys = ["2026/04/01", "2026/04/02"].map(|day| key_in("us-east-1", day, "a"));
        keys.iter().for_each(|key| put_unwatched(&world, key, "2026-04-02T00:00:10Z"));
        deliver(&world, &keys, "2026-04-02T00:00:20Z").await;
        for day in ["2026-04-01", "2026-04-02"] {
            assert_eq!(state(&world, &format!("read/{day}/")).len(), 1, "{day}");
        }
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.delivered, checked.missed), (2, 0), "{checked:?}");
    });
}

#[test]
fn failed_nights_are_caught_up_and_days_too_long_ago_are_mailed() {
    run(async || {
        let world = world().await;
        put_unwatched(&world, &key("a"), DAY);
        put_unwatched(&world, &key_in("eu-central-1", "2026/04/03", "b"), "2026-04-03T08:20:30Z");
        world.logs.refuses_to_list.set(Some("s3://logs/"));
        for asked in [NIGHT, "2026-04-03T03:00:00Z"] {
            let checked = night(&world, asked).await;
            assert!(checked.unfinished.is_some() && checked.compared.is_none(), "{checked:?}");
        }
        world.logs.refuses_to_list.set(None);
        let checked = night(&world, "2026-04-04T03:00:00Z").await;
        assert_eq!((checked.delivered, checked.missed), (2, 2), "{checked:?}");
        assert_eq!(checked.compared, Some((at(FIRST_NIGHT), at("2026-04-04T02:00:00Z"))));
        assert_eq!(missed(&world).len(), 2, "what was begun is ended by itself");

        let subjects = world.topic.subjects().len();
        let checked = night(&world, "2026-04-20T03:00:00Z").await;
        assert!(checked.unfinished.is_none(), "{checked:?}");
        assert_eq!(checked.compared, Some((at("2026-04-13T03:00:00Z"), at("2026-04-20T02:00:00Z"))));
        assert_eq!(
            world.topic.subjects()[subjects..],
            ["[HIGH] iamwatch could not look - logs - 111122223333"]
        );
        let mail = world.topic.mails().pop().unwrap();
        assert!(mail.contains("make backfill STACK=name FROM=2026-04-04 TO=2026-04-13"), "{mail}");
    });
}

#[test]
fn thousands_of_missed_log_files_are_read_and_are_one_mail() {
    run(async || {
        let world = world().await;
        for n in 0..2_000 {
            let region = ["us-east-1", "eu-central-1", "eu-west-1"][n % 3];
            let key = key_in(region, "2026/04/01", &format!("{n:04}"));
            put_unwatched(&world, &key, DAY);
        }
        put(&world, &key("alice"), DAY, "alice");
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.delivered, checked.missed, checked.counts.log_files), (2_001, 2_001, 2_001));
        assert!(checked.unfinished.is_none(), "{:?}", checked.unfinished);
        let subjects = world.topic.subjects();
        assert_eq!(subjects.len(), 2, "{subjects:?}");
        assert!(missed(&world)[0].contains("2001 of 2001 log files"), "{}", missed(&world)[0]);
        assert!(state(&world, "read/").len() >= 5, "the receipts are written before the time is up");
    });
}
