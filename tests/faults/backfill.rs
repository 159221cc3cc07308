//! The scenarios of the function `backfill`.
//!
//! Few log files, because every call of a run is tried in every way: what many of them lead to is proved elsewhere.

use std::collections::BTreeSet;

use chrono::{Days, TimeDelta, Utc};
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::faults::run::Observed;
use iamwatch_tests::faults::{LOGS, STATE, Scenario, of_yesterday};
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, sign_in, unproven_user};
use iamwatch_tests::stub_aws::{Mail, Operation};
use serde_json::{Value, json};
use shared::formats::events::backfill::{BackfillEvent, BackfillTask};
use shared::state::backfill::RunId;

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:watch-backfill";

/// Every scenario.
pub fn scenarios() -> Vec<Scenario> {
    vec![by_hand(), by_fleet(), at_night()]
}

fn scenario(name: &str) -> Scenario {
    Scenario::new(name, "backfill").with("LOG_BUCKET", LOGS).may_add("*] Delivered log file is gone*", 1)
}

fn log_file(record: String) -> Vec<u8> {
    gzip(of_yesterday(&format!(r#"{{"Records":[{record}]}}"#)).as_bytes()).unwrap_or_default()
}

fn alice() -> Vec<u8> {
    let alice = unproven_user("alice");
    log_file(sign_in(1, REGION, "08:01:12", &alice, "192.0.2.66", WRONG_PASSWORD, r#""MFAUsed":"No""#))
}

fn root() -> Vec<u8> {
    log_file(sign_in(2, REGION, "08:02:00", ROOT, "192.0.2.44", Outcome::Success, r#""MFAUsed":"No""#))
}

fn key(name: &str) -> String {
    of_yesterday(&format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T0805Z_{name:X<16}.json.gz"
    ))
}

/// All of yesterday.
fn request() -> Value {
    let day = (Utc::now().date_naive() - Days::new(1)).to_string();
    json!({"from": day, "to": day})
}

/// Which run that is.
fn run() -> String {
    match BackfillEvent::of(&request()) {
        Ok(BackfillEvent::Request(BackfillTask::ByHand(request))) => {
            RunId::of(LOGS, &request).as_str().to_owned()
        }
        _ => String::new(),
    }
}

/// The rules that its mails report, by alert.
fn mailed_rules(observed: &Observed) -> Vec<(String, BTreeSet<String>)> {
    let rules = |mail: &Mail| {
        let rule =
            |finding: &Value| finding["metadata"]["event_code"].as_str().unwrap_or_default().to_owned();
        mail.findings().iter().map(rule).collect()
    };
    let of_backfill = observed
        .mails
        .iter()
        .filter(|mail| mail.subject.as_deref().is_some_and(|subject| subject.contains("Backfill ")));
    of_backfill.map(|mail| (mail.attribute("alert_id").unwrap_or_default().to_owned(), rules(mail))).collect()
}

/// Its one mail reports both findings, or that it could not read all log files.
fn mailed_or_not_read(observed: &Observed) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, rules) in mailed_rules(observed) {
        let is_whole =
            ["sign-in.failed", "root.sign-in-without-mfa"].iter().all(|rule| rules.contains(*rule));
        let says_so = rules.iter().any(|rule| rule.starts_with("watch."));
        if !is_whole && !says_so {
            wrong.push(format!("the mail {id} reports {rules:?} only, and not that a log file was not read"));
        }
    }
    wrong
}

fn by_hand() -> Scenario {
    scenario("backfill")
        .log_file(&key("alice"), alice())
        .log_file(&key("root"), root())
        .ask(request())
        .expect_mail("*] Backfill *")
        .also(mailed_or_not_read)
}

/// As the state machine asks for it: for the parts, and then for the digest.
fn by_fleet() -> Scenario {
    let run = run();
    scenario("backfill-fleet")
        .with("STATE_MACHINE_ARN", MACHINE)
        .with("FLEET_ABOVE_LOG_FILES", "1")
        .prepared(|aws| aws.make_state_machine(MACHINE))
        .log_file(&key("alice"), alice())
        .log_file(&key("root"), root())
        .ask(request())
        .ask(json!({"run": run, "generation": 1, "step": "scan", "item": 0}))
        .ask(json!({"run": run, "generation": 1, "step": "digest"}))
        .only_at(|point| {
            point.operation == Operation::StartExecution
                || ["/run.json", "/items.json", "/parts/"].iter().any(|part| point.place.contains(part))
        })
        .expect_mail("*] Backfill *")
        .also(mailed_or_not_read)
}

/// One log file was never announced.
fn at_night() -> Scenario {
    scenario("missed-deliveries")
        .prepared(|aws| {
            let (since, put) = (Utc::now() - TimeDelta::hours(30), Utc::now() - TimeDelta::hours(20));
            let progress = json!({"format": 1, "bucket": LOGS, "since": since});
            aws.put(STATE, "sweep.json", progress.to_string());
            aws.put_at(LOGS, &key("alice"), alice(), put);
        })
        .check_missed_deliveries()
        .only_at(|point| {
            let is_own = |folder| ["read", "sweep.json"].contains(&folder);
            point.operation == Operation::ListObjects || point.state_folder().is_some_and(is_own)
        })
        .expect_mail(format!("[MEDIUM] Sign-in failed - alice - {ACCOUNT}"))
        .expect_mail("*issed*")
}
