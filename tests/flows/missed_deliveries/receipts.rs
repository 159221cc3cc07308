//! Which deliveries have receipts, and what happens if receipts or the checkpoint are damaged.

use iamwatch_tests::memory::{Attempt, World};
use shared::config::Config;
use shared::ports::AwsErrorKind;
use shared::use_cases::{Trigger, process_deliveries};

use super::{
    Clock, DAY, Duration, NIGHT, at, deliver, key, missed, night, objects, put, put_state, put_unwatched,
    run, state, world,
};

fn keys_with_receipts(world: &World) -> usize {
    state(world, "read/").iter().map(|(_, receipt)| receipt.matches('"').count() / 2 - 2).sum()
}

#[test]
fn receipts_are_written_only_for_log_files_that_were_read_and_notified() {
    run(async || {
        let world = World::default();
        put(&world, &key("notified"), DAY, "alice");
        put_unwatched(&world, &key("unwatched"), DAY);
        put(&world, &key("failed"), DAY, "bob");
        world.logs.put(
            &format!("s3://logs/{}", key("refused")),
            [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied")],
        );
        world
            .logs
            .put(&format!("s3://logs/{}", key("damaged")), [Attempt::Whole(b"\x1f\x8b nothing".to_vec(), 9)]);
        world.topic.refuses.set(Some("bob"));
        let keys = ["notified", "unwatched", "failed", "refused", "damaged", "missing"].map(key);
        deliver(&world, &keys, DAY).await;
        assert_eq!(
            keys_with_receipts(&world),
            3,
            "notified, unwatched and damaged: {:?}",
            state(&world, "read/")
        );
        world.topic.refuses.set(None);
        deliver(&world, &keys[2..3], DAY).await;
        assert_eq!(keys_with_receipts(&world), 4);
        let digest = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/04/01/x.json.gz".to_owned();
        deliver(&world, &[digest], DAY).await;
        assert_eq!(state(&world, "read/").len(), 2, "one object for each batch that has read something");
    });
}

#[test]
fn by_hand_no_receipt_is_written() {
    run(async || {
        for notify in [true, false] {
            let world = World::default();
            put_unwatched(&world, &key("a"), DAY);
            let clock = Clock::new(at(DAY), Duration::from_secs(60));
            let asked = Trigger::ByHand { notify };
            process_deliveries(&objects(&[key("a")]), asked, &Config::default(), &world.outside(&clock))
                .await;
            assert!(state(&world, "read/").is_empty());
        }
    });
}

#[test]
fn a_receipt_that_cannot_be_written_costs_a_second_reading_and_no_second_mail() {
    run(async || {
        let world = world().await;
        put(&world, &key("a"), DAY, "alice");
        world.state.refuses.set(Some("read/"));
        let delivered = deliver(&world, &[key("a")], DAY).await;
        assert_eq!((delivered.failed().count(), delivered.state_errors.is_empty()), (0, false));
        world.state.refuses.set(None);
        let checked = night(&world, NIGHT).await;
        assert_eq!((checked.missed, checked.counted_only), (1, 1), "{checked:?}");
        assert_eq!(
            (world.topic.subjects().len(), missed(&world).len()),
            (2, 1),
            "{:?}",
            world.topic.subjects()
        );
    });
}

#[test]
fn hostile_receipts_are_ignored_and_mailed() {
    run(async || {
        for (name, spoil) in [
            ("garbage", (|_: &str| "\u{202e}<b>".to_owned()) as fn(&str) -> String),
            ("cut", |content| content[..content.len() - 4].to_owned()),
            ("newer", |content| content.replace("\"format\":1", "\"format\":2")),
            ("a field too much", |content| content.replace("\"format\":1", "\"format\":1,\"all\":true")),
            ("no hash", |content| content.replace("\"keys\":[", "\"keys\":[\"all\",")),
            ("empty", |_| String::new()),
            ("large", |content| content.to_owned() + &" ".repeat(70 << 20)),
        ] {
            let world = world().await;
            for name in ["a", "b"] {
                put_unwatched(&world, &key(name), DAY);
                deliver(&world, &[key(name)], DAY).await;
            }
            let (receipt, content) = state(&world, "read/2026-04-01/").remove(0);
            put_state(&world, &receipt, &spoil(&content));
            let checked = night(&world, NIGHT).await;
            assert_eq!((checked.delivered, checked.missed), (2, 1), "{name}: {checked:?}");
            assert!(checked.unfinished.is_none(), "{name}");
            let mails = world.topic.mails();
            let mailed =
                mails.iter().filter(|mail| mail.starts_with("What iamwatch remembers in s3[:]//state/read/"));
            assert_eq!((mailed.count(), mails.len()), (1, 2), "{name}: {:?}", world.topic.subjects());
            assert_eq!(state(&world, "quarantine/read/2026-04-01/").len(), 1, "{name}");
        }
    });
}

#[test]
fn a_damaged_checkpoint_is_mailed_and_the_last_days_are_checked_again() {
    run(async || {
        for (name, content) in [
            ("garbage", "{"),
            ("newer", r#"{"format":2,"bucket":"logs","since":"2026-04-02T02:00:00Z"}"#),
            ("ahead of time", r#"{"format":1,"bucket":"logs","since":"2099-01-01T00:00:00Z"}"#),
        ] {
            let world = world().await;
            put_unwatched(&world, &key("a"), DAY);
            put_state(&world, "sweep.json", content);
            let checked = night(&world, NIGHT).await;
            assert_eq!((checked.delivered, checked.missed), (2, 2), "{name}: {checked:?}");
            let subjects = world.topic.subjects();
            assert_eq!(subjects[0], "[HIGH] iamwatch could not look - state - 111122223333", "{name}");
            assert_eq!(subjects.len(), 2, "{name}: {subjects:?}");
            let next = night(&world, "2026-04-03T03:00:00Z").await;
            assert_eq!((next.delivered, world.topic.subjects().len()), (0, 2), "{name}");
        }
    });
}

#[test]
fn another_bucket_of_log_files_begins_with_a_first_night_of_its_own() {
    run(async || {
        let world = world().await;
        put_state(&world, "sweep.json", r#"{"format":1,"bucket":"others","since":"2026-03-02T02:00:00Z"}"#);
        put_unwatched(&world, &key("a"), DAY);
        assert!(night(&world, NIGHT).await.is_first);
        assert!(world.logs.opened.borrow().is_empty() && world.topic.subjects().is_empty());
    });
}
