//! What a backfill mails beside live runs and other backfills, and how it reports unreadable log files.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use iamwatch_tests::memory::{Attempt, Clock, World};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::delivery::LogFileObject;
use shared::ports::AwsErrorKind;
use shared::state::backfill::BackfillResult;
use shared::use_cases;
use shared::use_cases::{BackfillProgress, process_deliveries};

use super::runs::{LATER, NOW, asked, request, world};
use super::{ACCOUNT, OTHER, at, key, log_file, put, run, sign_in};

/// A log file of an account and day, as it is delivered.
fn delivered(account: &str, day: &str) -> LogFileObject {
    let key = key(account, "us-east-1", &format!("2026/04/{day}"), "a");
    LogFileObject {
        bucket: "logs".to_owned(),
        key,
        decoded_key: None,
        version: None,
        bytes: None,
        created: None,
    }
}

/// Live runs about these log files; everything is mailed.
async fn live(world: &World, objects: &[LogFileObject], now: &str) {
    let clock = Clock::new(at(now), Duration::from_secs(60));
    let outside = world.outside(&clock);
    let asked = use_cases::Trigger::Delivery;
    let delivered = process_deliveries(objects, asked, &Config::default(), &outside).await;
    assert_eq!(delivered.failed().count(), 0);
}

async fn backfilled(world: &World, more: Value, now: &str) -> BackfillResult {
    let done = asked(world, &request(more), now).await;
    assert_eq!(done.progress, BackfillProgress::Done);
    done.state.unwrap().result.unwrap()
}

/// The content of `s3://state/KEY`.
fn fetched(world: &World, uri: &str) -> String {
    let key = uri.strip_prefix("s3://state/").unwrap();
    let content = world.state.objects.borrow()[key].content.clone();
    let mut text = String::new();
    match key.ends_with(".gz") {
        true => GzDecoder::new(&content[..]).read_to_string(&mut text).map(drop).unwrap(),
        false => text = String::from_utf8(content.to_vec()).unwrap(),
    }
    text
}

#[test]
fn promise_2_live_runs_and_backfills_of_overlapping_days_mail_each_finding_once() {
    run(async || {
        let world = world();
        live(&world, &[delivered(ACCOUNT, "01"), delivered(OTHER, "02")], NOW).await;
        assert_eq!(world.topic.published.borrow().len(), 2);
        let first = backfilled(&world, json!({"to": "2026-04-02"}), NOW).await;
        assert_eq!((first.counts.notified, first.counts.known), (2, 2));
        let wider = backfilled(&world, json!({}), LATER).await;
        assert_eq!((wider.counts.notified, wider.counts.known), (2, 4));
        let same = backfilled(&world, json!({"accounts": [ACCOUNT]}), LATER).await;
        assert_eq!((same.counts.notified, same.counts.known, same.subject), (0, 3, None));
        let all: Vec<LogFileObject> = [ACCOUNT, OTHER]
            .iter()
            .flat_map(|account| ["01", "02", "03"].map(|day| delivered(account, day)))
            .collect();
        live(&world, &all, LATER).await;
        assert_eq!(world.topic.published.borrow().len(), 4, "{:?}", world.topic.subjects());
    });
}

#[test]
fn promise_3_unreadable_log_files_are_mailed_each_time_and_notified_findings_are_not() {
    run(async || {
        let world = world();
        let uri = |day: &str| format!("s3://logs/{}", delivered(ACCOUNT, day).key);
        world.logs.put(&uri("01"), [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied: kms:Decrypt")]);
        world
            .logs
            .put(&uri("02"), [Attempt::Whole(b"{\"Records\":[{\"eventSource\":\"signin.amaz".to_vec(), 9)]);
        world.logs.put(&uri("03"), [Attempt::Fails(AwsErrorKind::NotFound, "NoSuchKey")]);
        let first = backfilled(&world, json!({}), NOW).await;
        // Three sign-ins, a missing file, a broken one, and one that could not be fetched.
        assert_eq!((first.counts.notified, first.counts.known), (6, 0), "{first:?}");
        // However its lines are broken.
        let mail = world.topic.mails()[0].split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "It could not look at everything.",
            "AccessDenied: kms:Decrypt",
            "watch.log-file-gone",
            "watch.log-file-unreadable",
        ] {
            assert!(mail.contains(said), "{said}: {mail}");
        }
        let again = backfilled(&world, json!({"again": true}), LATER).await;
        assert_eq!((again.counts.notified, again.counts.known), (1, 5));
        let subjects = world.topic.subjects();
        assert_eq!(subjects[1], "[HIGH] Backfill 2026-04-01 to 2026-04-03: could not look at all of it");
        // Once it can be read, its findings are mailed, and the next time nothing.
        let records = [sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")];
        put(&world, &delivered(ACCOUNT, "01").key, log_file(&records));
        assert_eq!(backfilled(&world, json!({"again": true}), LATER).await.counts.notified, 1);
        assert_eq!(backfilled(&world, json!({"again": true}), LATER).await.counts.notified, 0);
        assert_eq!(world.topic.published.borrow().len(), 3);
        // A live run mails itself what it cannot read, and still does.
        live(&world, &[delivered(ACCOUNT, "02")], LATER).await;
        assert_eq!(world.topic.published.borrow().len(), 3, "it is known that this one is broken");
    });
}

#[test]
fn promise_6_text_of_a_record_stays_text_in_all_stored_and_mailed_forms() {
    run(async || {
        let world = World::default();
        let name = "<img src=x onerror=alert(1)>\u{202e} https://evil.example";
        let record = sign_in(ACCOUNT, name, "2026-04-01T08:15:00Z");
        put(&world, &delivered(ACCOUNT, "01").key, log_file(&[record]));
        let result = backfilled(&world, json!({}), NOW).await;
        let mail = &world.topic.mails()[0];
        assert!(
            !mail.contains("<img") && !mail.contains("https://evil") && !mail.contains('\u{202e}'),
            "{mail}"
        );
        let page = fetched(&world, &result.objects[1]);
        assert!(!page.contains("<img") && page.contains("Content-Security-Policy"));
        let lines = fetched(&world, &result.objects[0]);
        let [line] = &lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document["evidences"][0]["actor"]["user"]["name"], name);
        assert_eq!(document["unmapped"]["historic"], true);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn promise_2_deliveries_and_backfills_in_any_order_mail_each_event_once(
        steps in prop::collection::vec((0usize..3, 1u32..4, 1u32..4, any::<bool>()), 1..8),
    ) {
        run(async || {
            let world = world();
            let mut read: BTreeSet<(&str, u32)> = BTreeSet::new();
            for (n, (kind, one, other, is_one)) in steps.iter().enumerate() {
                let account = if *is_one { ACCOUNT } else { OTHER };
                let (from, to) = ((*one).min(*other), (*one).max(*other));
                let now = format!("2026-04-10T{:02}:00:00Z", 8 + n);
                let days = from..=to;
                if *kind == 0 {
                    let objects: Vec<LogFileObject> =
                        days.clone().map(|day| delivered(account, &format!("{day:02}"))).collect();
                    live(&world, &objects, &now).await;
                    read.extend(days.map(|day| (account, day)));
                } else {
                    let accounts = if *kind == 1 { vec![account] } else { vec![ACCOUNT, OTHER] };
                    let range = json!({
                        "from": format!("2026-04-{from:02}"), "to": format!("2026-04-{to:02}"),
                        "accounts": accounts, "again": true,
                    });
                    backfilled(&world, range, &now).await;
                    read.extend(accounts.iter().flat_map(|account| days.clone().map(|day| (*account, day))));
                }
            }
            let mut mailed: Vec<String> = Vec::new();
            for alert in world.topic.published.borrow().iter() {
                let forms: Value = serde_json::from_str(&alert.message).unwrap();
                let documents: Vec<Value> = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
                mailed.extend(documents.iter().map(|document| document["unmapped"]["event_id"].as_str().unwrap().to_owned()));
            }
            mailed.sort();
            let expected: BTreeSet<String> =
                read.iter().map(|(account, day)| format!("{account} alice 2026-04-{day:02}T08:15:00Z")).collect();
            assert_eq!(mailed, expected.into_iter().collect::<Vec<_>>());
        });
    }
}
