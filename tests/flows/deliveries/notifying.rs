//! The exact mails of runs that are repeated, concurrent, late or crash, and of a state bucket that fails.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use iamwatch_tests::memory::{Attempt, Clock, World};
use serde_json::{Value, json};
use shared::config::{Budget, Config};
use shared::formats::events::delivery::DeliveryMessage;
use shared::ports::{AwsErrorKind, MAX_STATE_BYTES, StoredObject};
use shared::use_cases::process_messages;

use super::{NOW, at, batch, batch_with, key, log_file, message, messages, queue, run, sign_in, uri, whole};

const FILE: &str = "config/suppressions.toml";

const MAY_REPEAT: &str = "(This mail may repeat one";

/// The same messages as they come for the n-th time.
fn received(names: &[&str], times: u32) -> Vec<DeliveryMessage> {
    let received = |name: &&str| {
        let mut message = message(name, &key(name));
        message["attributes"]["ApproximateReceiveCount"] = json!(times.to_string());
        message
    };
    queue(names.iter().map(received).collect())
}

fn at_minute(minute: i64) -> String {
    (at(NOW) + TimeDelta::minutes(minute)).to_rfc3339()
}

/// A failed sign-in under a name that no user has.
fn hidden(address: &str, event_id: &str) -> Value {
    let mut record = sign_in("HIDDEN_DUE_TO_SECURITY_REASONS", event_id);
    record["responseElements"]["ConsoleLogin"] = json!("Failure");
    record["sourceIPAddress"] = json!(address);
    record["userIdentity"].as_object_mut().unwrap().remove("arn");
    record
}

/// A wrong password of a user.
fn failure(user: &str, address: &str, event_id: &str) -> Value {
    let mut record = sign_in(user, event_id);
    record["responseElements"]["ConsoleLogin"] = json!("Failure");
    record["sourceIPAddress"] = json!(address);
    record
}

fn alert_ids(world: &World) -> Vec<String> {
    world.topic.published.borrow().iter().map(|notification| notification.id.clone()).collect()
}

fn put_state(world: &World, key: &str, content: &str, modified: &str) {
    let stored = StoredObject {
        content: content.to_owned().into(),
        tag: format!("{content:?}"),
        modified: Some(at(modified)),
    };
    world.state.objects.borrow_mut().insert(key.to_owned(), stored);
}

fn state(world: &World, prefix: &str) -> Vec<(String, String)> {
    let text = |stored: &StoredObject| String::from_utf8_lossy(&stored.content).into_owned();
    let objects = world.state.objects.borrow();
    objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix))
        .map(|(key, stored)| (key.clone(), text(stored)))
        .collect()
}

#[test]
fn promise_2_repeated_deliveries_in_any_order_and_batches_are_mailed_once() {
    run(async || {
        // The same two events in three files, and one event of its own in each.
        let files = ["a", "b", "c"];
        let shared = [sign_in("alice", "1"), failure("bob", "192.0.2.7", "2")];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let world = World::default();
            for (n, name) in files.iter().enumerate() {
                let own = sign_in(&format!("user-{name}"), &format!("own {n}"));
                world.logs.put(&uri(name), whole(log_file(&[&shared[..], &[own]].concat())));
            }
            for n in order {
                let (_, failed) = batch(&world, &messages(&[files[n]]), NOW).await;
                assert!(failed.is_empty(), "{failed:?}");
            }
            let (delivered, failed) = batch(&world, &messages(&files), &at_minute(90)).await;
            assert_eq!((failed.len(), delivered.mails.len(), delivered.counted_only), (0, 0, 5));
            let mut subjects = world.topic.subjects();
            subjects.sort();
            assert_eq!(
                subjects,
                [
                    "[HIGH] Console sign-in without MFA - alice - 111122223333",
                    "[HIGH] Console sign-in without MFA - user-a - 111122223333",
                    "[HIGH] Console sign-in without MFA - user-b - 111122223333",
                    "[HIGH] Console sign-in without MFA - user-c - 111122223333",
                    "[MEDIUM] Sign-in failed - bob - 111122223333",
                ],
                "{order:?}"
            );
        }
    });
}

#[test]
fn repeats_are_counted_and_the_next_mail_says_how_many() {
    run(async || {
        let world = World::default();
        for n in 0..10 {
            let record = failure("alice", "192.0.2.7", &n.to_string());
            world.logs.put(&uri("a"), whole(log_file(&[record])));
            batch(&world, &messages(&["a"]), &at_minute(n)).await;
        }
        assert_eq!(world.topic.subjects().len(), 1);
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "success")])));
        batch(&world, &messages(&["a"]), &at_minute(11)).await;
        assert_eq!(world.topic.subjects().len(), 2, "another rule");
        let mail = &world.topic.mails()[1];
        assert!(mail.contains("Also, not told in a mail until now\n"), "{mail}");
        assert!(
            mail.contains("        9 x Sign-in failed, at 2026-04-01 08:15:00 UTC, from 192.0.2.7"),
            "{mail}"
        );
    });
}

#[test]
fn promise_1_the_run_after_a_crash_at_any_call_mails_everything() {
    run(async || {
        let names = ["a", "b"];
        let world = |last: Option<usize>| {
            let world = World::default();
            world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
            world.logs.put(&uri("b"), whole(log_file(&[failure("bob", "192.0.2.7", "2")])));
            world.steps.last.set(last);
            world
        };
        let clean = world(None);
        batch(&clean, &messages(&names), NOW).await;
        let steps = clean.steps.taken.get();
        assert!(steps > 20, "{steps}");
        for crashed_at in 1..=steps {
            let world = world(Some(crashed_at));
            {
                let clock = Clock::new(at(NOW), Duration::from_secs(60));
                let (batched, outside, config) = (messages(&names), world.outside(&clock), Config::default());
                tokio::select! {
                    _ = process_messages(&batched, &config, &outside) => panic!("step {crashed_at} was not taken"),
                    () = world.steps.crashed.notified() => {}
                }
            }
            assert!(world.unmarked().is_empty(), "{crashed_at}: {:?}", world.unmarked());
            world.steps.last.set(None);
            let (_, failed) = batch(&world, &messages(&names), &at_minute(7)).await;
            assert!(failed.is_empty(), "{crashed_at}: {failed:?}");
            let (again, _) = batch(&world, &messages(&names), &at_minute(8)).await;
            assert!(again.mails.is_empty(), "{crashed_at}");
            let mut subjects = world.topic.subjects();
            subjects.sort();
            subjects.dedup();
            assert_eq!(subjects.len(), 2, "{crashed_at}: {subjects:?}");
            let ids = alert_ids(&world);
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2, "{crashed_at}: the same mail again");
            let repeats = world.topic.mails().iter().filter(|mail| mail.contains(MAY_REPEAT)).count();
            assert!(
                ids.len() - 2 <= repeats,
                "{crashed_at}: {} mails, {repeats} say that they may repeat",
                ids.len()
            );
        }
    });
}

#[test]
fn an_outbox_entry_has_a_marker_until_it_is_notified() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.topic.refuses.set(Some("alice"));
        let (_, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!((failed.len(), world.markers(), world.unmarked().len()), (1, 1, 0), "not published");
        // One that is lost is written again by the run that takes the entry over.
        world.state.objects.borrow_mut().retain(|key, _| !key.starts_with("outbox/"));
        world.topic.hangs.set(true);
        batch(&world, &messages(&["a"]), &at_minute(7)).await;
        assert_eq!((world.markers(), world.unmarked().len()), (1, 0), "its outcome is unknown");
        world.topic.refuses.set(None);
        world.topic.hangs.set(false);
        let (_, failed) = batch(&world, &messages(&["a"]), &at_minute(14)).await;
        assert_eq!((failed.len(), world.markers(), world.topic.subjects().len()), (0, 0, 1));
    });
}

#[test]
fn a_marker_that_cannot_be_written_is_a_failure_of_the_state_bucket() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.state.refuses.set(Some("outbox/"));
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!((failed.len(), world.topic.subjects().len()), (1, 0));
        assert!(!delivered.state_errors.is_empty() && state(&world, "cases/111122223333/").is_empty());
        batch(&world, &received(&["a"], 3), &at_minute(7)).await;
        assert!(world.topic.mails().iter().all(|mail| mail.contains(MAY_REPEAT)));
        assert_eq!(world.topic.subjects().len(), 2, "{:?}", world.topic.subjects());
    });
}

#[test]
fn a_marker_that_cannot_be_deleted_costs_nothing() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1"), sign_in("bob", "2")])));
        world.state.keeps.set(true);
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!((failed.len(), world.topic.subjects().len(), world.markers()), (0, 2, 2));
        assert!(delivered.state_errors.is_empty());
        batch(&world, &messages(&["a"]), &at_minute(7)).await;
        assert_eq!(world.topic.subjects().len(), 2, "a marker without an entry changes nothing");
    });
}

#[test]
fn a_lost_answer_changes_no_result() {
    run(async || {
        for lost in 1..=4 {
            let world = World::default();
            world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
            world.state.loses.set(lost);
            let (_, failed) = batch(&world, &messages(&["a"]), NOW).await;
            assert!(failed.is_empty(), "{lost}: {failed:?}");
            batch(&world, &messages(&["a"]), NOW).await;
            let mails = world.topic.mails();
            assert!(mails.len() == 1 && !mails[0].contains(MAY_REPEAT), "{lost}: {mails:?}");
        }
    });
}

#[test]
fn of_two_runs_at_once_one_mails_and_the_other_waits() {
    run(async || {
        let world = World::default();
        let names = ["a", "b", "c", "d", "e"];
        for (n, name) in names.iter().enumerate() {
            // One event that all of them have, one of their own that is alike.
            let own = failure("alice", "192.0.2.7", &format!("own {n}"));
            world.logs.put(&uri(name), whole(log_file(&[failure("alice", "192.0.2.7", "same"), own])));
        }
        // Their clocks differ by minutes.
        let clocks: Vec<Clock> = (0..5)
            .map(|n| Clock::new(at(NOW) + TimeDelta::minutes(n - 2), Duration::from_secs(60)))
            .collect();
        let batches: Vec<Vec<DeliveryMessage>> = names.iter().map(|name| messages(&[name])).collect();
        let config = Config::default();
        let outsides: Vec<_> = clocks.iter().map(|clock| world.outside(clock)).collect();
        let runs =
            batches.iter().zip(&outsides).map(|(batch, outside)| process_messages(batch, &config, outside));
        let delivered = futures_util::future::join_all(runs).await;
        assert_eq!(world.topic.subjects().len(), 1, "{:?}", world.topic.subjects());
        let published = delivered.iter().map(|delivered| delivered.mails.len()).sum::<usize>();
        assert_eq!(published, 1);
        let (_, failed) = batch(&world, &messages(&names), &at_minute(3)).await;
        assert_eq!((failed.len(), world.topic.subjects().len()), (0, 1));
    });
}

#[test]
fn an_object_that_was_just_read_is_not_treated_as_missing() {
    run(async || {
        // The budget, the marker, the case, and the case again.
        for write in 1..=4 {
            let world = World::default();
            world.state.forgets.set(Some(write));
            world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
            let (delivered, _) = batch(&world, &messages(&["a"]), NOW).await;
            assert_eq!(delivered.state_errors.len(), if write == 4 { 2 } else { 1 }, "write {write}");
            let later = (at(NOW) + TimeDelta::seconds(90)).to_rfc3339();
            let (_, failed) = batch(&world, &messages(&["a"]), &later).await;
            assert!(failed.is_empty());
            assert_eq!(world.topic.subjects().len(), 1, "write {write}: {:?}", world.topic.subjects());
            let (_, case) = state(&world, "cases/111122223333/principal/").remove(0);
            assert!(!case.contains("pending"), "write {write}: {case}");
        }
    });
}

#[test]
fn a_mail_that_may_have_been_published_is_left_to_its_lease_even_if_sns_answers() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.topic.loses.set(1);
        let (_, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!((failed.len(), world.topic.mails().len()), (1, 1));
        let (_, failed) = batch(&world, &messages(&["a"]), &at_minute(1)).await;
        assert_eq!((failed.len(), world.topic.mails().len()), (1, 1), "the lease is live");
        let (_, failed) = batch(&world, &messages(&["a"]), &at_minute(7)).await;
        let (mails, ids) = (world.topic.mails(), alert_ids(&world));
        assert_eq!((failed.len(), mails.len()), (0, 2));
        assert!(ids[0] == ids[1] && mails[1].contains(MAY_REPEAT), "{mails:?}");
    });
}

#[test]
fn a_lease_that_no_run_can_have_keeps_no_mail_back() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.topic.hangs.set(true);
        batch(&world, &messages(&["a"]), NOW).await;
        world.topic.hangs.set(false);
        let (case, content) = state(&world, "cases/111122223333/principal/").remove(0);
        let mut content: Value = serde_json::from_str(&content).unwrap();
        content["pending"][0]["claim"]["until"] = json!("2099-01-01T00:00:00Z");
        put_state(&world, &case, &content.to_string(), NOW);
        let (_, failed) = batch(&world, &messages(&["a"]), &at_minute(7)).await;
        assert_eq!((failed.len(), world.topic.mails().len()), (0, 1));
    });
}

/// A call of root to IAM at that minute after eight.
fn by_root(event_name: &str, minute: i64, event_id: &str) -> Value {
    let time = at("2026-04-01T08:00:00Z") + TimeDelta::minutes(minute);
    json!({
        "eventTime": time.to_rfc3339(), "eventID": event_id, "awsRegion": "us-east-1",
        "eventSource": "iam.amazonaws.com", "eventName": event_name, "recipientAccountId": "111122223333",
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
        "readOnly": event_name.starts_with("Get"), "sourceIPAddress": "192.0.2.10",
    })
}

/// Delivers one record in a log file of its own an hour after eight. How many mails there are then.
async fn mails_after(world: &World, record: Value) -> usize {
    world.logs.put(&uri("root"), whole(log_file(&[record])));
    let (_, failed) = batch(world, &messages(&["root"]), "2026-04-01T09:00:00Z").await;
    assert!(failed.is_empty());
    world.topic.subjects().len()
}

#[test]
fn another_write_of_root_is_mailed_and_the_same_write_or_another_read_is_not() {
    run(async || {
        let world = World::default();
        for (name, record, mails) in [
            ("a write", by_root("UpdateAccountName", 0, "1"), 1),
            ("another one", by_root("CreateUser", 50, "2"), 2),
            ("the same event", by_root("CreateUser", 50, "2"), 2),
            ("the same write", by_root("CreateUser", 55, "3"), 2),
            ("a read", by_root("GetUser", 10, "4"), 3),
            ("another read", by_root("GetRole", 11, "5"), 3),
            ("a third write", by_root("CreateRole", 56, "6"), 4),
        ] {
            assert_eq!(mails_after(&world, record).await, mails, "{name}");
        }
        let mail = world.topic.mails()[2].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(mail.contains("1 x Root was used, between"), "{mail}");
        assert!(mail.contains(r#"UTC, by "iam:CreateUser", from 192.0.2.10"#), "{mail}");
    });
}

#[test]
fn after_an_upgrade_from_a_version_that_kept_no_event_names_only_what_is_new_is_mailed() {
    run(async || {
        let world = World::default();
        let records = [by_root("UpdateAccountName", 0, "1"), by_root("UpdateAccountName", 20, "2")];
        world.logs.put(&uri("a"), whole(log_file(&records)));
        batch(&world, &messages(&["a"]), NOW).await;
        let (key, case) = state(&world, "cases/111122223333/principal/").remove(0);
        let mut case: Value = serde_json::from_str(&case).unwrap();
        let removed = case["episodes"][0]["of"].as_object_mut().unwrap().remove("event");
        assert_eq!(removed, Some(json!("iam:UpdateAccountName")));
        put_state(&world, &key, &case.to_string(), NOW);
        batch(&world, &messages(&["a"]), &at_minute(1)).await;
        assert_eq!(world.topic.subjects().len(), 1, "it is delivered again");
        for (name, record, mails) in [
            ("an event that was known", by_root("UpdateAccountName", 20, "2"), 1),
            ("another event in the same time", by_root("CreateUser", 10, "3"), 2),
            ("a later one", by_root("CreateRole", 21, "4"), 3),
            ("the same write, later", by_root("UpdateAccountName", 55, "5"), 4),
        ] {
            assert_eq!(mails_after(&world, record).await, mails, "{name}");
        }
        assert!(state(&world, "quarantine/").is_empty());
    });
}

#[test]
fn a_mail_with_an_unknown_outcome_waits_for_its_lease_and_says_that_it_may_repeat() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.topic.hangs.set(true);
        let (_, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!(failed, ["a"]);
        world.topic.hangs.set(false);
        // During the lease no other run publishes it.
        let soon = (at(NOW) + TimeDelta::seconds(64)).to_rfc3339();
        let (delivered, failed) = batch(&world, &messages(&["a"]), &soon).await;
        assert_eq!((failed, delivered.mails.len()), (vec!["a".to_owned()], 0));
        let later = (at(NOW) + TimeDelta::seconds(66)).to_rfc3339();
        let (_, failed) = batch(&world, &messages(&["a"]), &later).await;
        assert!(failed.is_empty());
        let mails = world.topic.mails();
        assert!(mails.len() == 1 && mails[0].contains(MAY_REPEAT), "{mails:?}");
    });
}

#[test]
fn unreadable_state_is_moved_away_and_no_mail_is_lost() {
    run(async || {
        for (name, spoil) in [
            ("cut", (|content: &str| content[..content.len() / 2].to_owned()) as fn(&str) -> String),
            ("empty", |_| String::new()),
            ("newer", |content| content.replace("\"format\":1", "\"format\":2")),
            ("another's", |content| content.replace("alice", "mallory")),
            ("too large", |content| content.to_owned() + &" ".repeat(MAX_STATE_BYTES)),
        ] {
            let world = World::default();
            world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
            batch(&world, &messages(&["a"]), NOW).await;
            let (case, content) = state(&world, "cases/111122223333/principal/").remove(0);
            put_state(&world, &case, &spoil(&content), NOW);
            world.logs.put(&uri("b"), whole(log_file(&[sign_in("alice", "2")])));
            let (_, failed) = batch(&world, &messages(&["b"]), NOW).await;
            assert!(failed.is_empty(), "{name}: {failed:?}");
            let mails = world.topic.mails();
            assert_eq!(mails.len(), 3, "{name}: {:?}", world.topic.subjects());
            assert!(mails[1].contains(MAY_REPEAT), "{name}: {}", mails[1]);
            assert!(
                mails[2].starts_with("What iamwatch remembers in s3[:]//state/cases/"),
                "{name}: {}",
                mails[2]
            );
            assert!(mails[2].contains("aws s3 cp s3://state/quarantine/cases/"), "{name}: {}", mails[2]);
            let copies = state(&world, "quarantine/");
            assert_eq!(copies.len(), 1, "{name}");
            let (_, failed) = batch(&world, &messages(&["a", "b"]), NOW).await;
            assert_eq!((failed.len(), world.topic.mails().len()), (0, 3), "{name}: it is remembered anew");
        }
    });
}

#[test]
fn an_unreadable_budget_allows_mails_and_is_recreated() {
    run(async || {
        let world = World::default();
        put_state(&world, "budgets/2026-04-01T08Z.json", "{", NOW);
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!(world.topic.subjects().len(), 2, "{:?}", world.topic.subjects());
        assert!(state(&world, "budgets/")[0].1.contains("\"HIGH\""));
    });
}

#[test]
fn without_state_the_queue_retries_first_and_then_mails_are_published() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        for times in 1..=2 {
            world.state.fails.set(usize::MAX);
            let (_, failed) = batch(&world, &received(&["a"], times), NOW).await;
            assert_eq!((failed, world.topic.subjects().len()), (vec!["a".to_owned()], 0));
        }
        let (delivered, failed) = batch(&world, &received(&["a"], 3), NOW).await;
        assert!(failed.is_empty() && !delivered.state_errors.is_empty());
        let mails = world.topic.mails();
        assert!(mails.len() == 2 && mails[0].contains(MAY_REPEAT), "{mails:?}");
        assert!(mails[1].starts_with("What iamwatch remembers could not be read or written"), "{}", mails[1]);

        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.state.hangs.set(true);
        let (_, failed) = batch(&world, &received(&["a"], 3), NOW).await;
        assert_eq!((failed.len(), world.topic.subjects().len()), (0, 2), "although no answer comes");

        let world = World::default();
        let records: Vec<Value> = (0..300).map(|n| sign_in(&format!("user{n}"), &n.to_string())).collect();
        world.logs.put(&uri("a"), whole(log_file(&records)));
        world.state.fails.set(usize::MAX);
        let (_, failed) = batch(&world, &received(&["a"], 3), NOW).await;
        let subjects = world.topic.subjects();
        assert_eq!((subjects.len(), failed.len()), (4, 0));
        assert_eq!(subjects[3], "[HIGH] 298 findings about 298 principals and addresses");
    });
}

#[test]
fn unauthenticated_findings_have_a_small_budget_and_the_rest_is_stored_in_the_state_bucket() {
    run(async || {
        let world = World::default();
        let mut records: Vec<Value> =
            (0..40).map(|n| failure(&format!("user{n}"), "192.0.2.7", &format!("failed {n}"))).collect();
        records.push(sign_in("alice", "in"));
        world.logs.put(&uri("a"), whole(log_file(&records)));
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert!(failed.is_empty(), "{failed:?}");
        let subjects = world.topic.subjects();
        assert_eq!(subjects[0], "[HIGH] Console sign-in without MFA - alice - 111122223333", "{subjects:?}");
        assert_eq!(subjects.iter().filter(|subject| subject.contains("Sign-in failed")).count(), 4);
        assert_eq!(subjects.len(), 6, "{subjects:?}");
        let rate_limited = state(&world, "overflow/2026-04-01T08Z/UNAUTHENTICATED/");
        assert_eq!(rate_limited.len(), 36);
        let object: Value = serde_json::from_str(&rate_limited[0].1).unwrap();
        assert_eq!(
            (&object["budget"], &object["findings"][0]["rule"]),
            (&json!("UNAUTHENTICATED"), &json!("sign-in.failed"))
        );
        let mails = world.topic.mails();
        let said = mails
            .iter()
            .find(|mail| mail.contains("s3://state/overflow/2026-04-01T08Z/UNAUTHENTICATED/"))
            .unwrap();
        assert!(said.starts_with("36 alerts have been held back so far"), "{said}");

        // More of it in the same hour is not mailed, and neither is a repeated delivery.
        let more: Vec<Value> =
            (40..60).map(|n| failure(&format!("user{n}"), "192.0.2.7", &format!("failed {n}"))).collect();
        world.logs.put(&uri("b"), whole(log_file(&more)));
        for _ in 0..2 {
            let (_, failed) = batch(&world, &messages(&["a", "b"]), &at_minute(5)).await;
            assert!(failed.is_empty(), "{failed:?}");
            assert_eq!((world.topic.subjects().len(), state(&world, "overflow/").len()), (6, 56));
        }
        assert_eq!(delivered.mails.len(), 42);
    });
}

#[test]
fn every_severity_has_a_budget_of_its_own() {
    run(async || {
        let world = World::default();
        let mut config = Config::default();
        config.mails_per_hour.insert(Budget::Of(shared::severity::Severity::High), 2);
        for n in 0..4 {
            let record = sign_in(&format!("user{n}"), &n.to_string());
            world.logs.put(&uri("a"), whole(log_file(&[record])));
            batch_with(&world, &messages(&["a"]), NOW, &config).await;
        }
        assert_eq!(world.topic.subjects().len(), 3, "{:?}", world.topic.subjects());
        let mut root = sign_in("root", "root");
        root["userIdentity"] =
            json!({"type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root"});
        world.logs.put(&uri("a"), whole(log_file(&[root, sign_in("late", "late")])));
        batch_with(&world, &messages(&["a"]), NOW, &config).await;
        assert!(world.topic.subjects()[3].starts_with("[CRITICAL]"), "{:?}", world.topic.subjects());
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("later", "later")])));
        batch_with(&world, &messages(&["a"]), "2026-04-01T09:00:00Z", &config).await;
        assert!(world.topic.subjects()[4].contains("later"), "the next hour has its own budget");
    });
}

#[test]
fn hidden_names_are_counted_and_mailed_once_there_are_many_from_one_address() {
    run(async || {
        let world = World::default();
        for n in 0..12 {
            let records =
                [hidden("192.0.2.7", &n.to_string()), hidden(&format!("198.51.100.{n}"), &format!("x{n}"))];
            world.logs.put(&uri("a"), whole(log_file(&records)));
            for _ in 0..2 {
                batch(&world, &messages(&["a"]), NOW).await;
            }
            assert_eq!(world.topic.subjects().len(), usize::from(n >= 9), "{n}");
        }
        let mail = &world.topic.mails()[0];
        assert!(mail.contains("        9 x Sign-in failed"), "{mail}");
    });
}

#[test]
fn suppressed_findings_are_not_mailed_and_the_next_mail_counts_them() {
    run(async || {
        let world = World::default();
        let entry = "[[suppression]]\nrule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"alice\"\nreason = \"a test\"\nexpires = \"2026-04-01\"\n";
        put_state(&world, FILE, entry, "2026-04-01T08:00:00Z");
        put_state(&world, "seen/suppressions.toml", entry, "2026-04-01T08:00:00Z");
        world.logs.put(&uri("a"), whole(log_file(&[failure("alice", "192.0.2.7", "1")])));
        let (delivered, failed) = batch(&world, &messages(&["a"]), NOW).await;
        assert_eq!((failed.len(), delivered.suppressed, world.topic.subjects().len()), (0, 1, 0));
        world.logs.put(&uri("b"), whole(log_file(&[sign_in("alice", "2")])));
        batch(&world, &messages(&["b"]), NOW).await;
        let mail = &world.topic.mails()[0];
        assert!(mail.contains("        1 x Sign-in failed, suppressed, at"), "{mail}");

        // The day after it has expired.
        world.logs.put(&uri("a"), whole(log_file(&[failure("alice", "192.0.2.7", "3")])));
        batch(&world, &messages(&["a"]), "2026-04-02T00:00:00Z").await;
        batch(&world, &messages(&["a"]), "2026-04-09T00:00:00Z").await;
        let subjects = world.topic.subjects();
        assert_eq!(subjects.len(), 3, "{subjects:?}");
        assert!(subjects[1].contains("Sign-in failed - alice"), "{subjects:?}");
        assert!(world.topic.mails()[2].contains("watch.suppression-expired"), "{subjects:?}");
    });
}

#[test]
fn a_change_of_the_suppressions_is_mailed_once_with_its_lines() {
    run(async || {
        let world = World::default();
        let entry = |user: &str| {
            format!(
                "[[suppression]]\nrule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"{user}\"\nreason = \"a test\"\nexpires = \"2026-04-30\"\n"
            )
        };
        world.logs.put(&uri("a"), whole(log_file(&[super::unwatched()])));
        let runs = async |minute| {
            for _ in 0..2 {
                batch(&world, &messages(&["a"]), &at_minute(minute)).await;
            }
        };
        runs(0).await;
        assert!(world.topic.subjects().is_empty());
        put_state(&world, FILE, &entry("alice"), &at_minute(0));
        runs(1).await;
        // Within the hour, and each is mailed.
        put_state(&world, FILE, &entry("mallory"), &at_minute(2));
        runs(3).await;
        put_state(&world, FILE, "[[suppression", &at_minute(4));
        runs(5).await;
        world.state.objects.borrow_mut().remove(FILE);
        runs(6).await;
        let mails = world.topic.mails();
        let subjects = world.topic.subjects();
        let mailed = |part: &str| mails.iter().filter(|mail| mail.contains(part)).count();
        assert_eq!(mailed("watch.suppressions-changed"), 4, "{subjects:?}");
        assert_eq!(mailed("watch.suppressions-unreadable"), 1, "{subjects:?}");
        assert!(mails[1].contains("alice") && mails[1].contains("mallory"), "{}", mails[1]);
    });
}

#[test]
fn the_first_run_of_this_version_names_once_what_no_longer_hides_critical_findings() {
    run(async || {
        let entry = |rule: &str, more: &str| {
            format!(
                "[[suppression]]\nrule = \"{rule}\"\naccount = \"111122223333\"\nprincipal = \"alice\"\n{more}reason = \"a test\"\nexpires = \"2026-04-30\"\n"
            )
        };
        let seen = "seen/suppressions.toml";
        let stored =
            |world: &World| String::from_utf8(world.state.objects.borrow()[seen].content.to_vec()).unwrap();
        for (name, file, mails) in [
            ("an entry that hid CRITICAL", entry("watch.tampered", "") + &entry("sign-in.failed", ""), 1),
            ("one that never did", entry("sign-in.failed", ""), 0),
            ("one that still does", entry("watch.tampered", "max_severity = \"CRITICAL\"\n"), 0),
        ] {
            let world = World::default();
            world.logs.put(&uri("a"), whole(log_file(&[super::unwatched()])));
            // As the version before wrote it.
            for key in [FILE, seen] {
                put_state(&world, key, &file, &at_minute(0));
            }
            for minute in [1, 2, 3] {
                batch(&world, &messages(&["a"]), &at_minute(minute)).await;
            }
            let sent = world.topic.mails();
            assert_eq!(sent.len(), mails, "{name}: {:?}", world.topic.subjects());
            for mail in sent {
                assert!(mail.contains("line 1: rule watch.tampered"), "{name}: {mail}");
                assert!(!mail.contains("sign-in.failed"), "{name}: {mail}");
            }
            let (header, below) =
                stored(&world).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            assert!(header.starts_with("# iamwatch, format 2") && below == file, "{name}: {header}");
            put_state(&world, FILE, &(file.clone() + &entry("watch.tampered", "")), &at_minute(4));
            for minute in [5, 6] {
                batch(&world, &messages(&["a"]), &at_minute(minute)).await;
            }
            assert_eq!(world.topic.mails().len(), mails + 1, "{name}: {:?}", world.topic.subjects());
        }
    });
}

#[test]
fn a_refused_bucket_is_mailed_together_with_the_findings() {
    run(async || {
        let world = World::default();
        world.logs.put(&uri("a"), whole(log_file(&[sign_in("alice", "1")])));
        world.logs.put(&uri("b"), [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied")]);
        for times in 1..=4 {
            let (_, failed) = batch(&world, &received(&["a", "b"], times), NOW).await;
            assert_eq!(failed, ["b"]);
        }
        assert_eq!(world.topic.subjects().len(), 2, "{:?}", world.topic.subjects());
    });
}
