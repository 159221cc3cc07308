//! A run that crashes at any step, and a state bucket that fails: nothing is lost, and nothing mailed twice.

use std::collections::BTreeMap;
use std::time::Duration;

use iamwatch_tests::memory::{Clock, World};
use serde_json::json;
use shared::config::Config;
use shared::formats::events::backfill::{BackfillTask, FleetStep};
use shared::use_cases::{BackfillProgress, Backfilled, backfill};

use super::runs::{LATER, NOW, asked, asked_with, id, request, world};
use super::{at, run};

/// How often each alert was published.
fn published(world: &World) -> BTreeMap<String, usize> {
    let mut published = BTreeMap::new();
    for alert in world.topic.published.borrow().iter() {
        *published.entry(alert.id.clone()).or_default() += 1;
    }
    published
}

/// Has a run die at that step.
async fn crash(world: &World, asked: &BackfillTask, last: usize, config: &Config) {
    world.steps.taken.set(0);
    world.steps.last.set(Some(last));
    let clock = Clock::new(at(NOW), Duration::from_secs(900));
    let outside = world.outside(&clock);
    let fleet = Some(&world.machine).filter(|_| config.fleet_above_log_files < 10);
    tokio::select! {
        biased;
        _ = backfill(asked, "logs", config, fleet, &outside) => panic!("it outlived step {last}"),
        () = world.steps.crashed.notified() => {}
    }
    world.steps.last.set(None);
}

fn mailed_once(world: &World, mailed_before_the_crash: usize, step: usize) {
    let alerts = published(world);
    assert_eq!(alerts.len(), 1, "step {step}: {alerts:?}");
    let times = *alerts.values().next().unwrap();
    assert!(times == 1 || mailed_before_the_crash == 1, "step {step}: published {times} times");
    if times > 1 {
        assert!(world.topic.mails()[1].contains("may repeat one"), "step {step}");
    }
}

#[test]
fn promise_1_a_run_that_crashes_at_any_step_is_resumed_and_mails_once() {
    run(async || {
        let steps = {
            let world = world();
            asked(&world, &request(json!({})), NOW).await;
            world.steps.taken.get()
        };
        assert!(steps > 40, "{steps}");
        for last in 1..=steps {
            let world = world();
            crash(&world, &request(json!({})), last, &Config::default()).await;
            let mailed = world.topic.published.borrow().len();
            let done = asked(&world, &request(json!({})), LATER).await;
            assert_eq!(done.progress, BackfillProgress::Done, "step {last}");
            let result = done.state.unwrap().result.unwrap();
            assert_eq!((result.counts.notified, result.counts.known), (6, 0), "step {last}");
            mailed_once(&world, mailed, last);
            let times = world.topic.published.borrow().len();
            let once_more = asked(&world, &request(json!({})), "2026-04-10T10:00:00Z").await;
            assert_eq!(once_more.progress, BackfillProgress::Done);
            assert_eq!(world.topic.published.borrow().len(), times, "step {last}");
        }
    });
}

#[test]
fn the_next_run_waits_for_the_lease_of_a_crashed_run() {
    run(async || {
        let world = world();
        crash(&world, &request(json!({})), 12, &Config::default()).await;
        let early = asked(&world, &request(json!({})), "2026-04-10T08:15:04Z").await;
        assert_eq!(early.progress, BackfillProgress::UnderWay);
        let late = asked(&world, &request(json!({})), "2026-04-10T08:15:06Z").await;
        assert_eq!(late.progress, BackfillProgress::Done);
    });
}

#[test]
fn promise_2_an_answer_of_the_state_bucket_that_is_lost_costs_no_second_mail() {
    run(async || {
        for write in 1..=40 {
            let world = world();
            world.state.forgets.set(Some(write));
            let done = asked(&world, &request(json!({})), NOW).await;
            assert_eq!(done.progress, BackfillProgress::Done, "write {write}");
            assert_eq!(world.topic.published.borrow().len(), 1, "write {write}");
        }
    });
}

#[test]
fn if_the_state_bucket_fails_the_next_run_resumes_the_backfill() {
    run(async || {
        for fails in 1..60 {
            let world = world();
            world.state.fails.set(fails);
            let first = asked(&world, &request(json!({})), NOW).await;
            world.state.fails.set(0);
            if first.progress != BackfillProgress::Done {
                assert_eq!(
                    asked(&world, &request(json!({})), LATER).await.progress,
                    BackfillProgress::Done,
                    "{fails}"
                );
            }
            assert_eq!(world.topic.published.borrow().len(), 1, "{fails} failures");
        }
    });
}

/// The steps of the state machine, each with as many attempts as needed.
async fn by_machine(world: &World, now: &str) -> Backfilled {
    let id = id(&request(json!({})));
    for step in [FleetStep::Scan(0), FleetStep::Digest] {
        let asked = BackfillTask::ByFleet(id.clone(), 1, step);
        let done = asked_with(world, &asked, now, &Config::default(), Some(&world.machine)).await.unwrap();
        if step == FleetStep::Digest {
            return done;
        }
        assert_eq!(done.progress, BackfillProgress::Read);
    }
    unreachable!()
}

#[test]
fn a_crash_while_the_state_machine_starts_or_runs_still_leads_to_one_mail() {
    run(async || {
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        let ask = async |world: &World, now: &str| {
            asked_with(world, &request(json!({})), now, &config, Some(&world.machine)).await.unwrap().progress
        };
        let steps = {
            let world = world();
            ask(&world, NOW).await;
            world.steps.taken.get()
        };
        for last in 1..=steps {
            let world = world();
            crash(&world, &request(json!({})), last, &config).await;
            assert!(
                matches!(ask(&world, LATER).await, BackfillProgress::Started | BackfillProgress::UnderWay),
                "step {last}"
            );
            assert_eq!(world.machine.started.borrow().len(), 1, "step {last}: one execution");
            assert_eq!(by_machine(&world, LATER).await.progress, BackfillProgress::Done, "step {last}");
            mailed_once(&world, 0, last);
        }
        for step in [FleetStep::Scan(0), FleetStep::Digest] {
            let asked = BackfillTask::ByFleet(id(&request(json!({}))), 1, step);
            let world_at = async || {
                let world = world();
                ask(&world, NOW).await;
                if step == FleetStep::Digest {
                    let scan = BackfillTask::ByFleet(id(&request(json!({}))), 1, FleetStep::Scan(0));
                    asked_with(&world, &scan, NOW, &config, Some(&world.machine)).await.unwrap();
                }
                world
            };
            let steps = {
                let world = world_at().await;
                world.steps.taken.set(0);
                asked_with(&world, &asked, NOW, &config, Some(&world.machine)).await.unwrap();
                world.steps.taken.get()
            };
            for last in 1..=steps {
                let world = world_at().await;
                crash(&world, &asked, last, &config).await;
                let mailed = world.topic.published.borrow().len();
                assert_eq!(
                    by_machine(&world, LATER).await.progress,
                    BackfillProgress::Done,
                    "{step:?} {last}"
                );
                mailed_once(&world, mailed, last);
            }
        }
    });
}
