//! Runs of a backfill: their input, calls and results.

use std::time::Duration;

use futures_util::future::join;
use iamwatch_tests::memory::{Attempt, Clock, Machine, World};
use serde_json::{Value, json};
use shared::Error;
use shared::config::Config;
use shared::formats::events::backfill::{BackfillEvent, BackfillTask, FleetStep};
use shared::ports::{AwsErrorKind, StoredObject};
use shared::severity::Severity;
use shared::state::backfill::{KeyRange, Plan, PlanItem, RunId, Stage};
use shared::use_cases::{BackfillProgress, Backfilled, backfill};

use super::{ACCOUNT, OTHER, at, days, folder, key, log_file, planned, put, run, sign_in};

pub const NOW: &str = "2026-04-10T08:00:00Z";

/// When an earlier lease has ended.
pub const LATER: &str = "2026-04-10T09:00:00Z";

/// Three days of two accounts, each with a sign-in without a second factor.
pub fn world() -> World {
    let world = World::default();
    for account in [ACCOUNT, OTHER] {
        for day in ["01", "02", "03"] {
            let records = [sign_in(account, "alice", &format!("2026-04-{day}T08:15:00Z"))];
            put(&world, &key(account, "us-east-1", &format!("2026/04/{day}"), "a"), log_file(&records));
        }
    }
    world
}

pub fn request(more: Value) -> BackfillTask {
    let mut payload = json!({"from": "2026-04-01", "to": "2026-04-03"});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    match BackfillEvent::of(&payload).unwrap() {
        BackfillEvent::Request(asked) => asked,
        other => panic!("{other:?}"),
    }
}

pub fn id(asked: &BackfillTask) -> RunId {
    match asked {
        BackfillTask::ByHand(request) => RunId::of("logs", request),
        BackfillTask::ByFleet(id, ..) => id.clone(),
    }
}

pub async fn asked_with(
    world: &World,
    asked: &BackfillTask,
    now: &str,
    config: &Config,
    fleet: Option<&Machine>,
) -> Result<Backfilled, Error> {
    let clock = Clock::new(at(now), Duration::from_secs(900));
    backfill(asked, "logs", config, fleet, &world.outside(&clock)).await
}

pub async fn asked(world: &World, asked: &BackfillTask, now: &str) -> Backfilled {
    asked_with(world, asked, now, &Config::default(), None).await.unwrap()
}

/// The objects of that backfill in the state bucket, by their keys without the common prefix.
pub fn kept(world: &World, id: &RunId) -> Vec<String> {
    let begin = format!("backfills/{}/", id.as_str());
    let objects = world.state.objects.borrow();
    let keys = objects.keys().filter_map(|key| key.strip_prefix(&begin)).map(str::to_owned);
    keys.filter(|key| !key.ends_with("digest.json")).collect()
}

/// Writes the plan, divided so that each log file is an item.
async fn divide(world: &World, asked: &BackfillTask) -> Plan {
    let BackfillTask::ByHand(request) = asked else { panic!("{asked:?}") };
    let mut plan = planned(world, "", &request.wanted).await.unwrap();
    let log_files = [ACCOUNT, OTHER].into_iter().flat_map(|account| {
        ["01", "02", "03"].map(|day| key(account, "us-east-1", &format!("2026/04/{day}"), "a"))
    });
    let items = log_files.map(|key| PlanItem { ranges: vec![KeyRange::of_one(&key, 0)] });
    plan.items = items.collect();
    let content = serde_json::to_vec(&plan).unwrap().into();
    let stored = StoredObject { content, tag: "plan".to_owned(), modified: None };
    world.state.objects.borrow_mut().insert(format!("{}plan.json", id(asked).folder(1)), stored);
    plan
}

#[test]
fn a_range_is_read_and_mailed_in_one_mail() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        let done = asked(&world, &asked_for, NOW).await;
        assert_eq!(done.progress, BackfillProgress::Done);
        let subjects = world.topic.subjects();
        assert_eq!(subjects.len(), 1, "{subjects:?}");
        let state = done.state.unwrap();
        let result = state.result.unwrap();
        assert_eq!(result.subject.as_ref(), subjects.first());
        assert_eq!(
            (result.counts.notified, result.counts.known, result.findings[&Severity::High]),
            (6, 0, 6)
        );
        assert_eq!((state.read.counts.log_files, state.read.counts.judged, state.read.items), (6, 6, 1));
        assert_eq!((state.stage, state.error, state.mail), (Stage::Done, None, None));
        let estimate = state.estimate.unwrap();
        assert!(!estimate.none_of_these_days);
        assert_eq!((estimate.log_files, estimate.accounts, estimate.regions, estimate.days), (6, 2, 1, 3));
        assert_eq!(done.run, id(&asked_for));
        assert_eq!(done.uri, format!("s3://state/{}", done.run.key()));
        let expected =
            ["1/findings.jsonl.gz", "1/parts/0.json.gz", "1/plan.json", "1/report.html", "run.json"];
        assert_eq!(kept(&world, &done.run), expected);
    });
}

#[test]
fn the_same_request_returns_the_result_of_the_first_and_does_nothing() {
    run(async || {
        let world = world();
        let first = asked(&world, &request(json!({})), NOW).await;
        let opened = world.logs.opened.borrow().len();
        let before = world.state.objects.borrow().clone();
        let second = asked(&world, &request(json!({"notify": "digest"})), LATER).await;
        assert_eq!((second.progress, &second.state), (BackfillProgress::Done, &first.state));
        assert_eq!((world.logs.opened.borrow().len(), world.topic.published.borrow().len()), (opened, 1));
        assert_eq!(*world.state.objects.borrow(), before);
    });
}

#[test]
fn of_two_runs_at_once_one_works_and_the_other_reports_it() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        // It takes a while.
        let records = [sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")];
        let attempts = [Attempt::CutTo(Vec::new(), 10), Attempt::CutTo(Vec::new(), 10)];
        let whole = Attempt::Whole(log_file(&records), 10_000);
        let uri = format!("s3://logs/{}", key(ACCOUNT, "us-east-1", "2026/04/01", "a"));
        world.logs.put(&uri, attempts.into_iter().chain([whole]));
        let (one, other) = join(asked(&world, &asked_for, NOW), asked(&world, &asked_for, NOW)).await;
        let mut progress = [one.progress, other.progress];
        progress.sort_by_key(|progress| *progress == BackfillProgress::Done);
        assert_eq!(progress, [BackfillProgress::UnderWay, BackfillProgress::Done]);
        assert_eq!((world.topic.published.borrow().len(), world.logs.opened.borrow().len()), (1, 8));
    });
}

#[test]
fn a_repeated_backfill_reads_later_deliveries_and_mails_only_their_findings() {
    run(async || {
        let world = world();
        asked(&world, &request(json!({})), NOW).await;
        let late = [sign_in(ACCOUNT, "mallory", "2026-04-03T23:00:00Z")];
        put(&world, &key(ACCOUNT, "us-east-1", "2026/04/04", "late"), log_file(&late));
        let again = asked(&world, &request(json!({"again": true})), LATER).await;
        let state = again.state.unwrap();
        let result = state.result.unwrap();
        assert_eq!((state.generation, result.counts.notified, result.counts.known), (2, 1, 6));
        let mails = world.topic.mails();
        assert_eq!(mails.len(), 2);
        assert!(mails[1].contains("mallory") && !mails[1].contains("alice"), "{}", mails[1]);
        let third = asked(&world, &request(json!({"again": true})), LATER).await;
        assert_eq!((third.state.unwrap().generation, world.topic.published.borrow().len()), (3, 2));
    });
}

#[test]
fn an_estimate_reads_writes_and_mails_nothing() {
    run(async || {
        let world = world();
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        for (fleet, by_fleet) in [(Some(&world.machine), true), (None, false)] {
            let dry =
                asked_with(&world, &request(json!({"dry_run": true})), NOW, &config, fleet).await.unwrap();
            let estimate = dry.state.unwrap().estimate.unwrap();
            assert_eq!(
                (dry.progress, estimate.log_files, estimate.by_fleet),
                (BackfillProgress::Planned, 6, by_fleet)
            );
            assert!(estimate.bytes > 0 && estimate.cost_usd > 0.0);
        }
        assert!(world.state.objects.borrow().is_empty() && world.logs.opened.borrow().is_empty());
        assert!(world.topic.published.borrow().is_empty() && world.machine.started.borrow().is_empty());
    });
}

#[test]
fn without_notify_nothing_is_mailed_and_nothing_counts_as_notified() {
    run(async || {
        let world = world();
        let without_mail = asked(&world, &request(json!({"notify": "none"})), NOW).await;
        assert_eq!(without_mail.progress, BackfillProgress::Done);
        assert_eq!(without_mail.state.unwrap().result.unwrap().findings[&Severity::High], 6);
        assert!(world.topic.published.borrow().is_empty());
        let mailed = asked(&world, &request(json!({})), NOW).await;
        assert_eq!(mailed.state.unwrap().result.unwrap().counts.notified, 6);
        assert_eq!(world.topic.published.borrow().len(), 1);
    });
}

#[test]
fn an_invalid_request_writes_nothing() {
    run(async || {
        let world = world();
        let tomorrow = request(json!({"to": "2026-04-11"}));
        let error = asked_with(&world, &tomorrow, NOW, &Config::default(), None).await.unwrap_err();
        assert!(error.to_string().contains("no later than today"), "{error}");
        assert!(world.state.objects.borrow().is_empty());
        let unknown = request(json!({"accounts": ["555500000000"]}));
        let error = asked_with(&world, &unknown, NOW, &Config::default(), None).await.unwrap_err();
        assert!(error.to_string().contains("an account of the request is \"555500000000\""), "{error}");
        let later = asked_with(&world, &unknown, NOW, &Config::default(), None).await.unwrap_err();
        assert_eq!(later.to_string(), error.to_string(), "no request has to wait for a lease to end");
    });
}

#[test]
fn a_backfill_that_runs_out_of_time_is_resumed() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        let plan = divide(&world, &asked_for).await;
        assert_eq!(plan.items.len(), 6);
        let slow = key(OTHER, "us-east-1", "2026/04/01", "a");
        world.logs.put(&format!("s3://logs/{slow}"), [Attempt::SilentAfter(Vec::new(), 10)]);
        let first = asked(&world, &asked_for, NOW).await;
        assert!(
            matches!(&first.progress, BackfillProgress::Unfinished(trouble) if trouble.kind == AwsErrorKind::DeadlineExceeded)
        );
        let state = first.state.unwrap();
        assert_eq!((state.stage, state.read.items), (Stage::Scanning, 3));
        assert!(state.error.unwrap().contains("no time or room left"));
        assert!(world.topic.published.borrow().is_empty());
        let records = [sign_in(OTHER, "alice", "2026-04-01T08:15:00Z")];
        put(&world, &slow, log_file(&records));
        // At once: the first has left it.
        let second = asked(&world, &asked_for, NOW).await;
        assert_eq!(second.progress, BackfillProgress::Done);
        assert_eq!((second.read.items, second.state.unwrap().result.unwrap().counts.notified), (3, 6));
        let opened = world.logs.opened.borrow();
        let of = |account: &str| {
            opened.iter().filter(|uri| uri.contains(&folder(account, "us-east-1", "2026/04/01"))).count()
        };
        assert_eq!((of(ACCOUNT), of(OTHER), opened.len()), (1, 2, 7), "what was read is not read again");
    });
}

#[test]
fn the_reason_why_a_backfill_stopped_is_stored_in_its_state() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        world.logs.refuses_to_list.set(Some("us-east-1/2026/"));
        let first = asked(&world, &asked_for, NOW).await;
        let BackfillProgress::Unfinished(trouble) = first.progress else { panic!("{:?}", first.progress) };
        assert_eq!(trouble.kind, AwsErrorKind::Denied);
        assert_eq!(first.state.unwrap().error.unwrap(), trouble.to_string());
        world.logs.refuses_to_list.set(None);
        let second = asked(&world, &asked_for, NOW).await;
        assert_eq!((second.progress, second.state.unwrap().error), (BackfillProgress::Done, None));
    });
}

#[test]
fn a_log_file_that_s3_does_not_deliver_is_retried_once_and_then_mailed() {
    run(async || {
        let world = world();
        let uri = |account| format!("s3://logs/{}", key(account, "us-east-1", "2026/04/01", "a"));
        let silent = || Attempt::Fails(AwsErrorKind::Transient, "SlowDown");
        let records = [sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")];
        world.logs.put(&uri(ACCOUNT), [silent(), Attempt::Whole(log_file(&records), 10_000)]);
        world.logs.put(&uri(OTHER), [silent()]);
        let done = asked(&world, &request(json!({})), NOW).await;
        let state = done.state.unwrap();
        assert_eq!(
            (done.progress, state.read.unfetched, state.read.counts.log_files),
            (BackfillProgress::Done, 1, 5)
        );
        assert_eq!(world.logs.opened.borrow().len(), 8);
        let mails = world.topic.mails();
        assert!(mails.len() == 1 && mails[0].contains("SlowDown"), "{mails:?}");
    });
}

#[test]
fn promise_3_log_files_that_vanish_after_the_plan_are_mailed() {
    run(async || {
        // Before they are listed again: it is unknown which they were.
        let vanishing = world();
        let asked_for = request(json!({}));
        divide(&vanishing, &asked_for).await;
        let uri = format!("s3://logs/{}", key(OTHER, "us-east-1", "2026/04/02", "a"));
        vanishing.logs.remove(&uri);
        let done = asked(&vanishing, &asked_for, NOW).await;
        let read = done.state.unwrap().read;
        assert_eq!((done.progress, read.unfetched, read.counts.log_files), (BackfillProgress::Done, 1, 5));
        let mail = &vanishing.topic.mails()[0];
        assert!(mail.contains("1 log file of bucket logs could not be read: listed when"), "{mail}");

        // After S3 did not answer about it.
        let vanishing = world();
        let silent = [Attempt::Fails(AwsErrorKind::Transient, "SlowDown")];
        vanishing.logs.put(&uri, silent);
        let (done, ()) = join(asked(&vanishing, &asked_for, NOW), async {
            while !vanishing.logs.opened.borrow().contains(&uri) {
                tokio::task::yield_now().await;
            }
            vanishing.logs.remove(&uri);
        })
        .await;
        let read = done.state.unwrap().read;
        assert_eq!((done.progress, read.unfetched, read.counts.log_files), (BackfillProgress::Done, 1, 5));
        let mail = &vanishing.topic.mails()[0];
        assert!(mail.contains("Delivered log file is gone") && !mail.contains("SlowDown"), "{mail}");
    });
}

#[test]
fn if_listing_takes_too_long_the_error_names_a_smaller_request() {
    run(async || {
        let world = world();
        world.logs.hangs.set(true);
        let done = asked(&world, &request(json!({})), NOW).await;
        let BackfillProgress::Unfinished(trouble) = done.progress else { panic!("{:?}", done.progress) };
        assert!(trouble.answer.contains("ask for fewer days"), "{trouble}");
        assert_eq!(done.state.unwrap().error.unwrap(), trouble.to_string());
    });
}

#[test]
fn a_mail_that_sns_refuses_is_published_by_the_next_run_without_a_repeat_notice() {
    run(async || {
        let world = world();
        world.topic.refuses.set(Some("Backfill"));
        let first = asked(&world, &request(json!({})), NOW).await;
        assert!(matches!(first.progress, BackfillProgress::Unfinished(_)), "{:?}", first.progress);
        world.topic.refuses.set(None);
        let second = asked(&world, &request(json!({})), NOW).await;
        assert_eq!((second.progress, world.topic.published.borrow().len()), (BackfillProgress::Done, 1));
        assert!(!world.topic.mails()[0].contains("may repeat one"), "{}", world.topic.mails()[0]);
        assert_eq!(world.logs.opened.borrow().len(), 6, "nothing is read again");
    });
}

/// The steps of the state machine: all items, then the digest.
async fn steps(
    world: &World,
    id: &RunId,
    items: &[usize],
    now: &str,
) -> Vec<Result<BackfillProgress, String>> {
    let steps = items.iter().map(|item| FleetStep::Scan(*item)).chain([FleetStep::Digest]);
    let mut done = Vec::new();
    for step in steps {
        let asked = BackfillTask::ByFleet(id.clone(), 1, step);
        let backfilled = asked_with(world, &asked, now, &Config::default(), Some(&world.machine)).await;
        done.push(backfilled.map(|it| it.progress).map_err(|error| error.to_string()));
    }
    done
}

#[test]
fn a_range_too_large_for_one_invocation_is_read_by_the_state_machine() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        divide(&world, &asked_for).await;
        let id = id(&asked_for);
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        let ask = async |now: &str| {
            asked_with(&world, &asked_for, now, &config, Some(&world.machine)).await.unwrap()
        };
        let first = ask(NOW).await;
        assert_eq!((first.progress, first.state.unwrap().stage), (BackfillProgress::Started, Stage::Fleet));
        assert_eq!(ask(LATER).await.progress, BackfillProgress::UnderWay);
        let started = world.machine.started.borrow().clone();
        let items = format!("{}items.json", id.folder(1));
        let input = json!({"run": id.as_str(), "generation": 1, "bucket": "state", "items": items});
        assert_eq!(started, [(format!("{}-1", id.as_str()), input.to_string())].into());
        let listed: Value = serde_json::from_slice(&world.state.objects.borrow()[&items].content).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 6);
        assert_eq!(listed[5], json!({"run": id.as_str(), "generation": 1, "step": "scan", "item": 5}));
        assert!(matches!(
            BackfillEvent::of(&listed[5]).unwrap(),
            BackfillEvent::Request(BackfillTask::ByFleet(_, 1, FleetStep::Scan(5)))
        ));

        let done = steps(&world, &id, &[5, 0, 1, 1, 2, 3, 4], NOW).await;
        assert!(done[..7].iter().all(|step| *step == Ok(BackfillProgress::Read)), "{done:?}");
        assert_eq!(done[7], Ok(BackfillProgress::Done));
        assert_eq!(world.logs.opened.borrow().len(), 6, "an item that is handed over twice is read once");
        assert_eq!(world.topic.published.borrow().len(), 1);
        let last = ask(LATER).await;
        let state = last.state.unwrap();
        assert_eq!(
            (last.progress, state.read.items, state.read.counts.log_files),
            (BackfillProgress::Done, 6, 6)
        );
        assert_eq!(
            steps(&world, &id, &[], LATER).await,
            [Ok(BackfillProgress::Done)],
            "a digest that is asked for twice"
        );
        assert_eq!(world.topic.published.borrow().len(), 1);
    });
}

#[test]
fn a_step_of_another_generation_does_nothing_and_has_ended() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        asked_with(&world, &asked_for, NOW, &config, Some(&world.machine)).await.unwrap();
        let before = world.state.objects.borrow().clone();
        for (step, expected) in
            [(FleetStep::Scan(0), BackfillProgress::Read), (FleetStep::Digest, BackfillProgress::Done)]
        {
            for generation in [0, 2] {
                let other = BackfillTask::ByFleet(id(&asked_for), generation, step);
                let done = asked_with(&world, &other, NOW, &config, Some(&world.machine)).await.unwrap();
                assert_eq!(done.progress, expected, "{other:?}");
                assert_eq!(done.read, shared::state::backfill::ReadTotals::default());
            }
        }
        assert_eq!(*world.state.objects.borrow(), before);
        assert!(world.logs.opened.borrow().is_empty() && world.topic.published.borrow().is_empty());
    });
}

#[test]
fn a_part_that_no_worker_finished_is_mailed() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        divide(&world, &asked_for).await;
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        asked_with(&world, &asked_for, NOW, &config, Some(&world.machine)).await.unwrap();
        let damaged = format!("{}parts/4.json.gz", id(&asked_for).folder(1));
        let stored = StoredObject { content: "nonsense".into(), tag: "x".to_owned(), modified: None };
        let done = steps(&world, &id(&asked_for), &[0, 1, 2, 4], NOW).await;
        assert_eq!(done.last(), Some(&Ok(BackfillProgress::Done)));
        let mail = &world.topic.mails()[0];
        assert!(mail.contains("2 log files"), "{mail}");
        // An unreadable part is read again.
        world.state.objects.borrow_mut().insert(damaged.clone(), stored);
        assert_eq!(steps(&world, &id(&asked_for), &[4], NOW).await[0], Ok(BackfillProgress::Read));
        assert_ne!(world.state.objects.borrow()[&damaged].content, "nonsense");
    });
}

#[test]
fn a_state_machine_that_does_not_start_or_never_ends_is_started_again() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        let config = Config { fleet_above_log_files: 5, ..Config::default() };
        let ask = async |now: &str| {
            asked_with(&world, &asked_for, now, &config, Some(&world.machine)).await.unwrap()
        };
        world.machine.fails.set(1);
        assert!(matches!(ask(NOW).await.progress, BackfillProgress::Unfinished(_)));
        assert_eq!(ask(NOW).await.progress, BackfillProgress::Started);
        assert_eq!(ask("2026-04-10T13:59:59Z").await.progress, BackfillProgress::UnderWay);
        assert_eq!(ask("2026-04-10T14:00:01Z").await.progress, BackfillProgress::Started);
        let names: Vec<String> = world.machine.started.borrow().keys().cloned().collect();
        let name = format!("{}-1", id(&asked_for).as_str());
        assert_eq!(names, [name.clone(), format!("{name}-2")]);
        // The run that starts it the third time crashes before it stores that, and the execution ends without a digest.
        let input = world.machine.started.borrow()[&name].clone();
        world.machine.started.borrow_mut().insert(format!("{name}-3"), input);
        world.machine.ended.borrow_mut().insert(format!("{name}-3"));
        assert_eq!(ask("2026-04-10T20:00:02Z").await.progress, BackfillProgress::Started);
        assert!(world.machine.started.borrow().contains_key(&format!("{name}-4")));
        // However often it has ended, one run tries no more than some names.
        let ended = (5..100).map(|times| format!("{name}-{times}"));
        world.machine.ended.borrow_mut().extend(ended);
        let BackfillProgress::Unfinished(trouble) = ask("2026-04-11T02:00:03Z").await.progress else {
            panic!()
        };
        assert!(trouble.answer.contains("its last 10 executions have come to their end"), "{trouble}");
    });
}

#[test]
fn a_step_of_a_run_that_does_not_exist_is_refused() {
    run(async || {
        let world = world();
        let asked_for = request(json!({}));
        let refused = steps(&world, &id(&asked_for), &[0], NOW).await;
        for step in refused {
            let error = step.unwrap_err();
            assert!(error.contains("it must be one that was begun"), "{error}");
        }
        asked(&world, &asked_for, NOW).await;
        let error = steps(&world, &id(&asked_for), &[1], NOW).await[0].clone().unwrap_err();
        assert!(error.contains("the item of a backfill is \"1\"; it must be less than 1"), "{error}");
        let elsewhere = BackfillTask::ByFleet(id(&asked_for), 1, FleetStep::Digest);
        let clock = Clock::new(at(NOW), Duration::from_secs(900));
        let outside = world.outside(&clock);
        let other = backfill(&elsewhere, "other", &Config::default(), Some(&world.machine), &outside).await;
        let error = other.unwrap_err().to_string();
        assert!(error.contains("the bucket that LOG_BUCKET names, other"), "{error}");
    });
}

#[test]
fn unreadable_state_of_a_backfill_is_recreated() {
    run(async || {
        for (name, damaged, generation) in [
            ("the plan", "1/plan.json", 1),
            ("a part", "1/parts/2.json.gz", 1),
            ("the run", "run.json", 1_775_808_000),
        ] {
            let world = world();
            let asked_for = request(json!({}));
            divide(&world, &asked_for).await;
            let silent = format!("s3://logs/{}", key(OTHER, "us-east-1", "2026/04/03", "a"));
            world.logs.put(&silent, [Attempt::SilentAfter(Vec::new(), 10)]);
            asked(&world, &asked_for, NOW).await;
            put(&world, silent.strip_prefix("s3://logs/").unwrap(), log_file(&[]));
            let key = format!("backfills/{}/{damaged}", id(&asked_for).as_str());
            let stored = StoredObject { content: "nonsense".into(), tag: "x".to_owned(), modified: None };
            assert!(world.state.objects.borrow_mut().insert(key, stored).is_some(), "{name}");
            let done = asked(&world, &asked_for, NOW).await;
            let state = done.state.unwrap();
            assert_eq!((done.progress, state.generation), (BackfillProgress::Done, generation), "{name}");
            let mails = world.topic.mails();
            assert_eq!(mails.iter().filter(|mail| mail.contains("alice")).count(), 1, "{name}: {mails:?}");
            for (lost, object) in [("the plan", "plan.json"), ("the run", "run.json")] {
                let names = |mail: &str| mail.replace("[.]", ".").contains(object);
                assert_eq!(names(&mails[0]), lost == name, "{name}: {mails:?}");
            }
            if name == "the plan" {
                // The new one divides otherwise: what was read by the old one is in no part of it.
                assert_eq!((state.read.items, state.read.counts.log_files), (1, 6));
            }
        }
    });
}

#[test]
fn a_pending_mail_is_published_even_if_its_run_is_unreadable() {
    run(async || {
        for is_gone in [false, true] {
            let world = world();
            let asked_for = request(json!({}));
            world.topic.refuses.set(Some(""));
            assert!(matches!(asked(&world, &asked_for, NOW).await.progress, BackfillProgress::Unfinished(_)));
            world.topic.refuses.set(None);
            let key = id(&asked_for).key();
            let mut objects = world.state.objects.take();
            if is_gone {
                objects.retain(|key, _| !key.starts_with("backfills/"));
            } else {
                let stored = StoredObject { content: "nonsense".into(), tag: "x".to_owned(), modified: None };
                assert!(objects.insert(key, stored).is_some());
            }
            world.state.objects.replace(objects);
            assert_eq!(asked(&world, &asked_for, NOW).await.progress, BackfillProgress::Done);
            let mails = world.topic.mails();
            assert_eq!(mails.iter().filter(|mail| mail.contains("alice")).count(), 1, "{mails:?}");
            assert!(mails[0].contains("may have been told before"), "{}", mails[0]);
            // What it has mailed is known again, for every later request.
            let again = request(json!({"again": true}));
            assert_eq!(asked(&world, &again, LATER).await.progress, BackfillProgress::Done);
            assert_eq!(world.topic.mails().len(), 1, "{:?}", world.topic.mails());
        }
    });
}

#[test]
fn promise_3_a_range_without_any_log_file_does_not_pass_as_clean() {
    run(async || {
        // A log file delivered on the next day is of the next day.
        for (from, to, log_files) in [("2026-01-01", "2026-01-02", 0), ("2026-03-30", "2026-03-31", 2)] {
            let world = world();
            let asked_for = request(json!({"from": from, "to": to}));
            let done = asked(&world, &asked_for, NOW).await;
            let (state, estimate) = (done.state.clone().unwrap(), done.state.unwrap().estimate.unwrap());
            assert_eq!((done.progress, estimate.log_files), (BackfillProgress::Done, log_files));
            assert!(estimate.none_of_these_days);
            assert_eq!(days(from, to), state.wanted);
            let mails = world.topic.mails();
            assert_eq!(mails.len(), 1);
            let said = format!(
                "bucket logs has no log file of {from} to {to}: what happened then was not looked at"
            );
            let words = mails[0].split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(&said), "{words}");
        }
    });
}

#[test]
fn a_range_too_large_for_one_digest_is_refused_before_reading() {
    run(async || {
        let world = World::default();
        for number in 0..=10_000 {
            let large = key(ACCOUNT, "us-east-1", "2026/04/02", &format!("{number:05}"));
            world.logs.put(&format!("s3://logs/{large}"), [Attempt::CutTo(Vec::new(), 1 << 40)]);
        }
        let error = asked_with(&world, &request(json!({})), NOW, &Config::default(), None).await.unwrap_err();
        let error = error.to_string();
        let said = "it must be fewer days, accounts or Regions: it has 10001 parts, and at most 10000 can be told at once";
        assert!(error.ends_with(said) && world.logs.opened.borrow().is_empty(), "{error}");
    });
}
