//! Abandoned backfills: they were started, and no request continues them.

use std::collections::BTreeSet;
use std::time::Duration;

use iamwatch_tests::memory::{Clock, Machine, World};
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::backfill::{BackfillEvent, BackfillTask};
use shared::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use shared::ports::AwsErrorKind;
use shared::state::backfill::{RunId, RunState};
use shared::use_cases::{BackfillProgress, Backfilled, backfill, read_missed};

use super::{at, key, later, night, put, put_state, receive, run, state};

/// When a backfill is started.
const EVENING: &str = "2026-04-01T20:00:00Z";
const NIGHT: &str = super::NIGHT;
const NOBODY: Option<&Machine> = None;
const NEXT_NIGHT: &str = "2026-04-03T03:00:00Z";

fn request(more: Value) -> BackfillTask {
    let mut payload = json!({"from": "2026-04-01", "to": "2026-04-01"});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    match BackfillEvent::of(&payload).unwrap() {
        BackfillEvent::Request(asked) => asked,
        other => panic!("{other:?}"),
    }
}

/// Only a backfill finds it: it was delivered before the first night.
async fn world() -> World {
    let world = super::world().await;
    put(&world, &key("past"), "2026-04-01T02:00:00Z", "alice");
    world
}

async fn ask(world: &World, asked: &BackfillTask, now: &str, config: &Config) -> Backfilled {
    let clock = Clock::new(at(now), Duration::from_secs(900));
    let fleet = Some(&world.machine).filter(|_| config.fleet_above_log_files < 10);
    backfill(asked, "logs", config, fleet, &world.outside(&clock)).await.unwrap()
}

/// A world in which a run has crashed at that step.
async fn crashed_at(last: usize) -> World {
    let world = world().await;
    world.steps.taken.set(0);
    world.steps.last.set(Some(last));
    {
        let clock = Clock::new(at(EVENING), Duration::from_secs(900));
        let (asked, outside, config) = (request(json!({})), world.outside(&clock), Config::default());
        tokio::select! {
            biased;
            _ = backfill(&asked, "logs", &config, NOBODY, &outside) => panic!("it outlived step {last}"),
            () = world.steps.crashed.notified() => {}
        }
    }
    world.steps.last.set(None);
    world
}

fn mailed(world: &World, subject: &str) -> Vec<String> {
    let (subjects, mails) = (world.topic.subjects(), world.topic.mails());
    subjects.into_iter().zip(mails).filter(|(it, _)| it.contains(subject)).map(|(_, mail)| mail).collect()
}

#[test]
fn promise_1_an_abandoned_run_that_crashed_anywhere_is_mailed_once() {
    run(async || {
        let steps = {
            let world = world().await;
            world.steps.taken.set(0);
            ask(&world, &request(json!({})), EVENING, &Config::default()).await;
            world.steps.taken.get()
        };
        let (mut finished, mut left) = (0, 0);
        for last in 1..=steps {
            let world = crashed_at(last).await;
            let was_begun = !state(&world, "backfills/").is_empty();
            for (asked, receives) in [(NIGHT, 1), (NIGHT, 2), (NEXT_NIGHT, 1)] {
                let checked = receive(&world, asked, receives, &later(asked, i64::from(receives))).await;
                assert_eq!(checked.unfinished, None, "step {last}");
            }
            let ids: BTreeSet<String> =
                world.topic.published.borrow().iter().map(|alert| alert.id.clone()).collect();
            assert_eq!(ids.len(), usize::from(was_begun), "step {last}: {:?}", world.topic.subjects());
            if let Some(mail) = mailed(&world, "could not look").first() {
                left += 1;
                let line = "make backfill STACK=name FROM=2026-04-01 TO=2026-04-01";
                assert!(mail.starts_with("Backfill 2026-04-01_2026-04-01_") && mail.contains(line), "{mail}");
                let done = ask(&world, &request(json!({})), "2026-04-03T08:00:00Z", &Config::default()).await;
                assert_eq!(done.progress, BackfillProgress::Done, "step {last}");
                assert_eq!(done.state.unwrap().result.unwrap().counts.notified, 1, "step {last}");
            } else {
                finished += usize::from(was_begun);
            }
            assert_eq!(mailed(&world, "Backfill 2026-04-01").is_empty(), !was_begun, "step {last}");
        }
        assert!(finished > 10 && left > 3, "{finished} finished, {left} left");
    });
}

#[test]
fn promise_1_findings_of_a_backfill_are_mailed_even_if_missed_deliveries_are_off() {
    run(async || {
        let world = world().await;
        world.topic.refuses.set(Some("Backfill"));
        let done = ask(&world, &request(json!({})), EVENING, &Config::default()).await;
        assert!(matches!(done.progress, BackfillProgress::Unfinished(_)), "{done:?}");
        world.topic.refuses.set(None);
        put(&world, &key("missed"), "2026-04-01T12:00:00Z", "bob");
        let asked =
            MissedDeliveryRequest { scope: MissedDeliveryScope::Backfills, asked: at(NIGHT), receives: 1 };
        let clock = Clock::new(at(NIGHT), Duration::from_secs(900));
        let checked = read_missed(&asked, "logs", "state", &Config::default(), &world.outside(&clock)).await;
        assert_eq!((checked.unfinished, checked.delivered, checked.compared), (None, 0, None));
        assert_eq!(mailed(&world, "Backfill 2026-04-01").len(), 1);
        assert!(!world.topic.mails().concat().contains("bob"));
    });
}

#[test]
fn active_backfills_and_those_without_notify_are_left_alone() {
    run(async || {
        for (name, more, asked_at, fleet_above, begun) in [
            ("a moment ago", json!({}), "2026-04-02T02:30:00Z", 100, 1),
            ("without notify", json!({"notify": "none"}), EVENING, 100, 0),
            ("the state machine reads it", json!({}), "2026-04-01T23:00:00Z", 1, 0),
        ] {
            let world = world().await;
            let config = Config { fleet_above_log_files: fleet_above, ..Config::default() };
            if fleet_above > 1 {
                world.topic.refuses.set(Some("Backfill"));
                world.logs.hangs.set(true);
            }
            let asked = request(more);
            let done = ask(&world, &asked, asked_at, &config).await;
            assert!(
                matches!(done.progress, BackfillProgress::Unfinished(_) | BackfillProgress::Started),
                "{name}: {done:?}"
            );
            world.topic.refuses.set(None);
            world.logs.hangs.set(false);
            let checked = night(&world, NIGHT).await;
            assert_eq!((checked.unfinished, world.topic.subjects().len()), (None, 0), "{name}");
            night(&world, NEXT_NIGHT).await;
            let is_mailed = usize::from(begun == 1 || fleet_above == 1);
            assert_eq!(
                mailed(&world, "could not look").len(),
                is_mailed,
                "{name}: {:?}",
                world.topic.subjects()
            );
            night(&world, "2026-04-04T03:00:00Z").await;
            assert_eq!(world.topic.subjects().len(), is_mailed, "{name}");
        }
    });
}

#[test]
fn unreadable_state_of_a_backfill_is_mailed_once_and_the_others_are_finished() {
    run(async || {
        let world = world().await;
        let BackfillTask::ByHand(asked) = request(json!({})) else { panic!("not by hand") };
        put_state(&world, &RunId::of("logs", &asked).key(), "nonsense");
        put_state(&world, "backfills/../run.json", "nonsense");
        // A stored request that is not allowed: no part of it is used in a command.
        let mut hostile = asked.clone();
        hostile.wanted.accounts.insert("$(curl example.com)".to_owned());
        let mut state = RunState::new("logs", &hostile.wanted, true, at(EVENING));
        state.generation = 1;
        put_state(&world, &RunId::of("logs", &hostile).key(), &serde_json::to_string(&state).unwrap());
        for asked in [NIGHT, NEXT_NIGHT] {
            assert_eq!(night(&world, asked).await.unfinished, None);
        }
        let mails = mailed(&world, "could not look");
        assert_eq!((mails.len(), world.topic.subjects().len()), (2, 2), "{:?}", world.topic.subjects());
        for mail in mails {
            assert!(mail.contains("FROM=2026-04-01 TO=2026-04-01"), "{mail}");
            assert!(!mail.contains("ACCOUNTS="), "{mail}");
        }
    });
}

#[test]
fn a_digest_that_cannot_be_published_is_retried_and_then_left_to_a_person() {
    run(async || {
        let world = world().await;
        world.topic.refuses.set(Some("Backfill"));
        let done = ask(&world, &request(json!({})), EVENING, &Config::default()).await;
        assert!(matches!(done.progress, BackfillProgress::Unfinished(_)), "{done:?}");
        let checked = night(&world, NIGHT).await;
        assert!(checked.unfinished.is_some() || mailed(&world, "could not look").len() == 1, "{checked:?}");
        world.topic.refuses.set(None);
        let checked = receive(&world, NEXT_NIGHT, 2, NEXT_NIGHT).await;
        assert_eq!(checked.unfinished, None);
        assert_eq!(mailed(&world, "Backfill 2026-04-01").len(), 1, "{:?}", world.topic.subjects());

        // The state bucket may not be listed.
        world.logs.refuses_to_list.set(Some("s3://state/backfills"));
        let checked = night(&world, "2026-04-04T03:00:00Z").await;
        assert_eq!(checked.unfinished.unwrap().kind, AwsErrorKind::Denied);
    });
}
