//! Past log files in, one digest out: planning, reading and notifying over the core's ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod digest;
mod faults;
mod planning;
mod runs;
mod scanning;
mod status;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use iamwatch_tests::memory::{Attempt, Clock, World};
use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::events::backfill::Wanted;
use shared::state::backfill::Plan;
use shared::use_cases::{Unplanned, plan};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444400000000";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// Time that passes when nothing else happens.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test())
}

fn clock() -> Clock {
    Clock::new(at("2026-04-10T08:00:00Z"), Duration::from_secs(900))
}

/// All log files of these days.
fn days(from: &str, to: &str) -> Wanted {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    Wanted { from, to, accounts: BTreeSet::new(), regions: BTreeSet::new() }
}

/// The folder of an account's log files of a day, such as `2026/04/01`.
fn folder(account: &str, region: &str, day: &str) -> String {
    format!("AWSLogs/{account}/CloudTrail/{region}/{day}/")
}

/// The key of a log file that was delivered on that day.
fn key(account: &str, region: &str, day: &str, name: &str) -> String {
    let time = format!("{}T0820Z", day.replace('/', ""));
    format!("{}{account}_CloudTrail_{region}_{time}_{name}.json.gz", folder(account, region, day))
}

/// A console sign-in of an IAM user without a second factor.
fn sign_in(account: &str, user: &str, time: &str) -> Value {
    json!({
        "eventTime": time, "eventID": format!("{account} {user} {time}"), "awsRegion": "us-east-1",
        "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "recipientAccountId": account,
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::{account}:user/{user}")},
        "responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "No"},
        "sourceIPAddress": "192.0.2.10",
    })
}

fn log_file(records: &[Value]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json!({"Records": records}).to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Puts an object into the bucket of log files.
fn put(world: &World, key: &str, content: Vec<u8>) {
    world.logs.put(&format!("s3://logs/{key}"), [Attempt::Whole(content, 10_000)]);
}

/// Puts log files without records there.
fn put_empty(world: &World, keys: &[impl AsRef<str>]) {
    for key in keys {
        put(world, key.as_ref(), log_file(&[]));
    }
}

async fn planned(world: &World, prefix: &str, wanted: &Wanted) -> Result<Plan, Unplanned> {
    plan("logs", prefix, wanted, &Config::default(), &world.logs, &clock()).await
}

/// The folders and numbers of log files of a plan, in its order.
fn stretches(plan: &Plan) -> Vec<(&str, u64)> {
    let stretches = plan.items.iter().flat_map(|item| &item.ranges);
    stretches.map(|stretch| (&*stretch.prefix, stretch.objects)).collect()
}
