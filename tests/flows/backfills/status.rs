//! The status of a backfill at each stage, as `deploy/follower.py` reads it.

use std::time::Duration;

use iamwatch_tests::memory::{Clock, World};
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::backfill::{BackfillTask, FleetStep, StatusQuery};
use shared::ports::StoredObject;
use shared::use_cases::{BackfillStop, backfill_status};

use super::runs::{LATER, NOW, asked, asked_with, id, request, world};
use super::{at, run};

/// The answer to a payload.
async fn answer(world: &World, query: Value, now: &str) -> Result<Value, String> {
    let clock = Clock::new(at(now), Duration::from_secs(900));
    let query = StatusQuery::of(&json!({"status": query})).unwrap().unwrap();
    match backfill_status(&query, "logs", &Config::default(), &world.outside(&clock)).await {
        Ok(status) => Ok(status.answer()),
        Err(BackfillStop::Refused(error)) => Err(error.to_string()),
        Err(BackfillStop::Unfinished(error)) => Err(error.to_string()),
    }
}

async fn status(world: &World, now: &str) -> Value {
    answer(world, json!({"from": "2026-04-01", "to": "2026-04-03"}), now).await.unwrap()
}

/// Writes the state of the backfill with these fields changed.
fn change(world: &World, change: impl Fn(&mut Value)) {
    let key = id(&request(json!({}))).key();
    let mut objects = world.state.objects.borrow_mut();
    let stored = objects.get_mut(&key).unwrap();
    let mut state: Value = serde_json::from_slice(&stored.content).unwrap();
    change(&mut state);
    stored.content = state.to_string().into();
}

fn fields(status: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| status[name].clone()).collect()
}

const SHORT: [&str; 6] = ["generation", "stage", "parts_done", "parts", "error", "needs_invocation"];

#[test]
fn a_backfill_that_was_never_started_needs_an_invocation_and_nothing_is_written() {
    run(async || {
        let world = world();
        let status = status(&world, NOW).await;
        assert_eq!(fields(&status, &SHORT), json!([0, null, 0, 0, null, true]));
        assert_eq!(status["run"], id(&request(json!({}))).as_str());
        assert!(status["tag"].is_null() && status["worker"].is_null());
        assert!(world.state.objects.borrow().is_empty());
    });
}

#[test]
fn a_finished_backfill_has_its_result_by_request_and_by_id() {
    run(async || {
        let world = world();
        asked(&world, &request(json!({})), NOW).await;
        let status = status(&world, LATER).await;
        assert_eq!(fields(&status, &SHORT), json!([1, "done", 1, 1, null, false]));
        assert_eq!(status["result"]["told"], 6);
        assert_eq!(status["read"]["counts"]["log_files"], 6);
        let by_id = answer(&world, json!(id(&request(json!({}))).as_str()), LATER).await;
        assert_eq!(by_id, Ok(status));
        let other =
            answer(&world, json!({"from": "2026-04-01", "to": "2026-04-03", "notify": "none"}), LATER).await;
        assert_eq!(other.unwrap()["generation"], 0, "another request is another backfill");
    });
}

#[test]
fn a_request_that_cannot_be_read_is_refused() {
    run(async || {
        let error =
            answer(&world(), json!({"from": "2026-04-01", "to": "2026-04-11"}), NOW).await.unwrap_err();
        assert!(error.contains("no later than today"), "{error}");
    });
}

#[test]
fn a_lease_says_that_a_run_is_working_and_impossible_leases_are_ignored() {
    run(async || {
        let world = world();
        world.logs.refuses_to_list.set(Some("us-east-1/2026/"));
        asked(&world, &request(json!({})), NOW).await;
        let stopped = status(&world, NOW).await;
        assert_eq!(
            fields(&stopped, &["stage", "worker", "needs_invocation"]),
            json!(["planning", null, true])
        );
        assert!(stopped["error"].as_str().unwrap().contains("us-east-1/2026/"), "{stopped}");
        for (until, is_live) in [
            ("2026-04-10T08:15:00Z", true),
            ("2026-04-10T07:59:59Z", false),
            ("2026-04-10T10:00:00Z", false),
            ("+262142-12-31T00:00:00Z", false),
        ] {
            change(&world, |state| state["claim"] = json!({"token": "other", "until": until}));
            let status = status(&world, NOW).await;
            let worker = is_live.then(|| json!({"name": "invocation", "until": until}));
            assert_eq!(
                (&status["worker"], &status["needs_invocation"]),
                (&json!(worker), &json!(!is_live)),
                "{until}"
            );
        }
    });
}

#[test]
fn a_mail_that_may_be_published_is_left_to_the_invocation_that_leases_it() {
    run(async || {
        let world = world();
        world.topic.refuses.set(Some("Backfill"));
        asked(&world, &request(json!({})), NOW).await;
        assert_eq!(status(&world, NOW).await["stage"], "telling");
        let until = "2026-04-10T08:15:00Z";
        change(&world, |state| state["mail"]["claim"] = json!({"token": "other", "until": until}));
        let leased = status(&world, NOW).await;
        assert_eq!(leased["worker"], json!({"name": "publisher", "until": until}));
        assert_eq!(leased["needs_invocation"], false);
        assert_eq!(status(&world, LATER).await["needs_invocation"], true);
    });
}

#[test]
fn the_state_machine_is_followed_by_its_results_until_it_has_ended() {
    run(async || {
        let world = world();
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        let id = id(&request(json!({})));
        asked_with(&world, &request(json!({})), NOW, &config, Some(&world.machine)).await.unwrap();
        let started = status(&world, LATER).await;
        assert_eq!(fields(&started, &SHORT), json!([1, "fleet", 0, 1, null, false]));
        let until = "2026-04-10T14:00:00Z";
        assert_eq!(started["worker"], json!({"name": "state-machine", "until": until}));
        assert_eq!(
            fields(&started, &["execution", "execution_expires"]),
            json!([format!("{}-1", id.as_str()), until])
        );
        let expired = status(&world, until).await;
        assert_eq!(fields(&expired, &["worker", "needs_invocation"]), json!([null, true]));
        let scan = BackfillTask::ByFleet(id, 1, FleetStep::Scan(0));
        asked_with(&world, &scan, LATER, &config, Some(&world.machine)).await.unwrap();
        assert_eq!(status(&world, LATER).await["parts_done"], 1);
    });
}

#[test]
fn a_state_that_cannot_be_read_needs_an_invocation() {
    run(async || {
        let world = world();
        let key = id(&request(json!({}))).key();
        for content in ["nonsense", "[1]", "{}", r#"{"format": 2}"#] {
            let stored = StoredObject { content: content.into(), tag: "t".to_owned(), modified: None };
            world.state.objects.borrow_mut().insert(key.clone(), stored);
            let status = status(&world, NOW).await;
            assert_eq!(fields(&status, &["generation", "stage", "needs_invocation"]), json!([0, null, true]));
            assert!(status["error"].is_string() && status["tag"] == "t", "{status}");
        }
    });
}
