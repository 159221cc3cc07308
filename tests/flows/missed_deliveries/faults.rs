//! Checks for missed deliveries that crash, are repeated, run at once, have no time, or are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use iamwatch_tests::memory::{Attempt, Clock, World};
use shared::config::Config;
use shared::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use shared::ports::AwsErrorKind;
use shared::use_cases::read_missed;

use super::{
    DAY, NIGHT, at, deliver, key, key_in, later, missed, night, put, put_unwatched, receive, run, state,
    world,
};

const MAY_REPEAT: &str = "(This mail may repeat one";

fn request_at(asked: &str) -> MissedDeliveryRequest {
    MissedDeliveryRequest { scope: MissedDeliveryScope::Everything, asked: at(asked), receives: 1 }
}

#[test]
fn promise_1_a_check_that_crashes_anywhere_is_resumed_and_mails_everything() {
    run(async || {
        let stage = async |last: Option<usize>| {
            let world = world().await;
            put_unwatched(&world, &key("read"), DAY);
            deliver(&world, &[key("read")], DAY).await;
            put(&world, &key("a"), DAY, "alice");
            put(&world, &key_in("eu-central-1", "2026/04/02", "b"), "2026-04-02T00:01:00Z", "bob");
            world.steps.taken.set(0);
            world.steps.last.set(last);
            world
        };
        let clean = stage(None).await;
        night(&clean, NIGHT).await;
        assert_eq!(clean.topic.subjects().len(), 3);
        let steps = clean.steps.taken.get();
        assert!(steps > 60, "{steps}");
        for crashed_at in 1..=steps {
            let world = stage(Some(crashed_at)).await;
            {
                let clock = Clock::new(at(NIGHT), Duration::from_secs(900));
                let (asked, outside, config) = (request_at(NIGHT), world.outside(&clock), Config::default());
                tokio::select! {
                    _ = read_missed(&asked, "logs", "state", &config, &outside) => panic!("step {crashed_at} was not taken"),
                    () = world.steps.crashed.notified() => {}
                }
            }
            world.steps.last.set(None);
            let checked = receive(&world, NIGHT, 2, &later(NIGHT, 30)).await;
            assert!(checked.unfinished.is_none(), "{crashed_at}: {checked:?}");
            let again = receive(&world, NIGHT, 3, &later(NIGHT, 60)).await;
            assert!(again.mails.is_empty() && again.unfinished.is_none(), "{crashed_at}: {again:?}");
            let ids: Vec<String> =
                world.topic.published.borrow().iter().map(|alert| alert.id.clone()).collect();
            let subjects: BTreeSet<String> = world.topic.subjects().into_iter().collect();
            assert_eq!(subjects.len(), 3, "{crashed_at}: {subjects:?}");
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3, "{crashed_at}: the same mail again");
            let repeats = world.topic.mails().iter().filter(|mail| mail.contains(MAY_REPEAT)).count();
            assert!(ids.len() - 3 <= repeats, "{crashed_at}: {} mails, {repeats} may repeat", ids.len());
            let mail = &missed(&world)[0];
            assert!(mail.contains("2 of 3 log files"), "{crashed_at}: {mail}");
        }
    });
}

#[test]
fn promise_2_two_checks_at_once_mail_once() {
    run(async || {
        for (one, other) in [(NIGHT, NIGHT), (NIGHT, "2026-04-02T03:00:20Z")] {
            let world = world().await;
            put(&world, &key("a"), DAY, "alice");
            let config = Config::default();
            let clocks = [one, other].map(|now| Clock::new(at(now), Duration::from_secs(900)));
            let outsides = clocks.each_ref().map(|clock| world.outside(clock));
            let asked = [one, other].map(request_at);
            let runs = [0, 1].map(|n| read_missed(&asked[n], "logs", "state", &config, &outsides[n]));
            let [first, second] = runs;
            join(Box::pin(first), Box::pin(second)).await;
            for (asked, receives) in [(one, 2), (other, 2), (one, 3), (other, 3)] {
                let checked = receive(&world, asked, receives, &later(NIGHT, 30)).await;
                assert!(checked.unfinished.is_none(), "{checked:?}");
            }
            assert_eq!(world.topic.subjects().len(), 2, "{:?}", world.topic.subjects());
            assert!(!missed(&world)[0].contains(MAY_REPEAT));
        }
    });
}

#[test]
fn folders_without_time_are_left_to_the_next_receive() {
    run(async || {
        let world = world().await;
        for n in 0..1_200 {
            put_unwatched(&world, &key(&format!("{n:04}")), DAY);
        }
        // One that never answers delays the second part.
        let slow = format!("s3://logs/{}", key("0700"));
        world.logs.put_at(
            &slow,
            at(DAY),
            [Attempt::SilentAfter(Vec::new(), 9), Attempt::SilentAfter(Vec::new(), 9)],
        );
        let checked = night(&world, NIGHT).await;
        let trouble = checked.unfinished.expect("it is not ended");
        assert_eq!(trouble.kind, AwsErrorKind::DeadlineExceeded, "{trouble}");
        assert!(checked.compared.is_none() && missed(&world).is_empty());
        assert_eq!(checked.counts.log_files, 999);
        put_unwatched(&world, &key("0700"), DAY);
        let opened = world.logs.opened.borrow().len();
        let checked = receive(&world, NIGHT, 2, &later(NIGHT, 30)).await;
        assert!(checked.unfinished.is_none(), "{checked:?}");
        assert_eq!((checked.missed, world.logs.opened.borrow().len() - opened), (1_200, 201));
        assert!(missed(&world)[0].contains("1200 of 1200 log files"), "{}", missed(&world)[0]);
    });
}

#[test]
fn promise_3_a_folder_that_cannot_be_listed_is_mailed_and_counts_as_not_checked() {
    run(async || {
        for bucket in ["s3://logs/", "s3://state/"] {
            let world = world().await;
            put_unwatched(&world, &key("a"), DAY);
            deliver(&world, &[key("a")], DAY).await;
            put(&world, &key("lost"), DAY, "alice");
            world.logs.refuses_to_list.set(Some(bucket));
            for receives in 1..=4 {
                let checked = receive(&world, NIGHT, receives, &later(NIGHT, 5 * i64::from(receives))).await;
                assert!(checked.unfinished.is_some() && checked.compared.is_none(), "{bucket}: {checked:?}");
            }
            let subjects = world.topic.subjects();
            assert_eq!(subjects, ["[HIGH] iamwatch could not look - logs - 111122223333"], "{bucket}");
            let mail = &world.topic.mails()[0];
            assert!(mail.contains("AccessDenied") && mail.contains("nightly sweep"), "{bucket}: {mail}");
            world.logs.refuses_to_list.set(None);
            let checked = receive(&world, NIGHT, 5, &later(NIGHT, 40)).await;
            assert_eq!((checked.missed, checked.unfinished), (1, None), "{bucket}");
            assert_eq!(world.topic.subjects().len(), 3, "{bucket}: {:?}", world.topic.subjects());
        }
    });
}

#[test]
fn a_busy_bucket_is_retried_and_mailed_only_if_it_stays_busy() {
    run(async || {
        let world = world().await;
        put_unwatched(&world, &key("a"), DAY);
        world.logs.listing_fails.set(2);
        assert!(night(&world, NIGHT).await.unfinished.is_none());
        assert_eq!(missed(&world).len(), 1);
        world.logs.listing_fails.set(usize::MAX);
        for receives in 1..=3 {
            let checked = receive(&world, "2026-04-03T03:00:00Z", receives, "2026-04-03T03:00:00Z").await;
            assert!(checked.unfinished.is_some());
            assert_eq!(world.topic.subjects().len(), 1 + usize::from(receives == 3));
        }
        assert_eq!(world.topic.subjects()[1], "[LOW] iamwatch could not look - logs - 111122223333");
    });
}

#[test]
fn a_call_that_aws_keeps_failing_is_retried_and_then_left_to_a_person() {
    run(async || {
        for (kind, answer, severity) in [
            (AwsErrorKind::Denied, "KMS.DisabledException", "HIGH"),
            (AwsErrorKind::Transient, "InternalError", "LOW"),
        ] {
            let world = world().await;
            put(&world, &key("lost"), DAY, "alice");
            let closed = format!("s3://logs/{}", key("closed"));
            world.logs.put_at(&closed, at(DAY), [Attempt::Fails(kind, answer)]);
            for receives in 1..=2 {
                let checked = receive(&world, NIGHT, receives, &later(NIGHT, 10 * i64::from(receives))).await;
                assert_eq!(checked.unfinished.unwrap().kind, kind);
                assert!(missed(&world).is_empty());
            }
            let checked = receive(&world, NIGHT, 3, &later(NIGHT, 30)).await;
            assert_eq!((checked.missed, checked.unfetched, checked.unfinished), (2, 1, None));
            assert_eq!(
                world.topic.subjects(),
                [
                    "[HIGH] Console sign-in without MFA - alice - 111122223333",
                    &format!("[{severity}] iamwatch could not look - logs - 111122223333"),
                    "[HIGH] Log files were missed - logs - 111122223333",
                ]
            );
            let mail = &missed(&world)[0];
            assert!(
                mail.contains("2 of 2 log files") && mail.contains("1 by the nightly sweep, 1 cannot be"),
                "{mail}"
            );
            // The next night checks its own time.
            put_unwatched(&world, &key_in("us-east-1", "2026/04/02", "next"), "2026-04-02T08:20:30Z");
            let next = night(&world, "2026-04-03T03:00:00Z").await;
            assert_eq!((next.delivered, next.unfetched, next.unfinished), (1, 0, None));
            assert!(mail.contains("make backfill STACK=name FROM=2026-04-01 TO=2026-04-01"), "{mail}");
        }
    });
}

#[test]
fn a_bucket_without_log_files_cannot_be_checked_and_is_not_retried() {
    run(async || {
        let world = World::default();
        night(&world, "2026-04-01T03:00:00Z").await;
        let checked = night(&world, NIGHT).await;
        assert!(checked.unfinished.is_none() && checked.compared.is_none(), "{checked:?}");
        let why = checked.could_not_look.unwrap();
        assert!(why.starts_with("where the log files are is \"s3"), "{why}");
        assert_eq!(world.topic.subjects(), ["[HIGH] iamwatch could not look - logs - 111122223333"]);
        put_unwatched(&world, &key("a"), DAY);
        let checked = night(&world, "2026-04-03T03:00:00Z").await;
        assert_eq!((checked.delivered, checked.missed), (1, 1), "what came meanwhile is not lost");
    });
}

#[test]
fn without_state_the_queue_retries_first_and_then_mails_are_published() {
    run(async || {
        let world = world().await;
        put(&world, &key("lost"), DAY, "alice");
        world.state.fails.set(usize::MAX);
        for receives in 1..=3 {
            let checked = receive(&world, NIGHT, receives, &later(NIGHT, i64::from(receives))).await;
            assert!(checked.unfinished.is_some() && !checked.state_errors.is_empty());
            assert_eq!(world.topic.subjects().len(), usize::from(receives == 3));
        }
        let mail = &world.topic.mails()[0];
        assert!(mail.starts_with("What iamwatch remembers could not be read or written"), "{mail}");
        world.state.fails.set(0);
        assert_eq!(receive(&world, NIGHT, 4, &later(NIGHT, 9)).await.missed, 1);
        assert_eq!(missed(&world).len(), 1);
        assert!(state(&world, "read/")[0].1.contains("\"missed\":true"));
    });
}

#[test]
fn a_topic_that_refuses_keeps_a_check_unfinished() {
    run(async || {
        for refused in ["missed", "alice"] {
            let world = world().await;
            put(&world, &key("lost"), DAY, "alice");
            world.topic.refuses.set(Some(refused));
            let checked = night(&world, NIGHT).await;
            assert!(checked.unfinished.is_some() && checked.compared.is_none(), "{refused}: {checked:?}");
            world.topic.refuses.set(None);
            let checked = receive(&world, NIGHT, 2, &later(NIGHT, 30)).await;
            assert!(checked.unfinished.is_none(), "{refused}: {checked:?}");
            assert_eq!(world.topic.subjects().len(), 2, "{refused}: {:?}", world.topic.subjects());
        }
    });
}
