//! The function, a bucket of past log files, and what they hold.

use std::collections::BTreeSet;
use std::io::Read;

use chrono::{Days, NaiveDate};
use flate2::read::GzDecoder;
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::runtime_api::{ACCOUNT, Function};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, call, sign_in, unproven_user, user};
use iamwatch_tests::stage::{STATE, Stage};
use serde_json::{Value, json};

pub use iamwatch_tests::faults::LOGS;

/// The state machine.
pub const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:watch-backfill";

/// The records of the sample are of that day.
const DATE: &str = "2026-04-01";

/// The function as it is deployed, but that it waits for a shorter time before it asks again.
pub async fn stage() -> Stage {
    let stage = Stage::of("backfill").await;
    stage.aws.make_bucket(LOGS, ACCOUNT);
    stage.aws.make_state_machine(MACHINE);
    stage.with("LOG_BUCKET", LOGS).with("STATE_MACHINE_ARN", MACHINE).with("RETRY_PAUSE_MILLIS", "2")
}

/// A request by hand.
pub fn request(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

/// The same with more.
pub fn request_with(from: &str, to: &str, more: &[(&str, Value)]) -> Value {
    let mut request = request(from, to);
    for (name, value) in more {
        request[name] = value.clone();
    }
    request
}

/// The log files of a bucket, and the findings in them.
#[derive(Debug, Default)]
pub struct Archive {
    /// Log files that can be read.
    pub log_files: u64,
    /// Their records.
    pub records: u64,
    /// Rule and event id of each finding.
    pub findings: BTreeSet<(String, String)>,
    next: usize,
}

/// The place of a log file.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub day: NaiveDate,
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

impl Place<'_> {
    /// The folder of the day, with the `/` behind it.
    pub fn folder(&self) -> String {
        let Place { account, region, day } = self;
        format!("AWSLogs/{account}/CloudTrail/{region}/{}/", day.format("%Y/%m/%d"))
    }

    /// The key of a log file.
    pub fn key(&self, n: usize) -> String {
        let Place { account, region, day } = self;
        let (folder, day) = (self.folder(), day.format("%Y%m%d"));
        format!("{folder}{account}_CloudTrail_{region}_{day}T0805Z_{n:016}.json.gz")
    }
}

impl Archive {
    /// This many log files of that place; some of them have a record that raises a finding.
    pub fn deliver(&mut self, stage: &Stage, place: Place<'_>, log_files: usize) {
        for _ in 0..log_files {
            self.next += 1;
            let n = self.next;
            let mut records = vec![
                call(1_000_000 + n, "08:00:01", "s3", "ListBuckets", "null", "null"),
                call(2_000_000 + n, "08:00:02", "ec2", "DescribeInstances", "null", "null"),
            ];
            if let Some((rule, record)) = finding_at(n, place.region) {
                self.findings.insert((rule.to_owned(), event_id(n)));
                records.push(record);
            }
            let count = records.len();
            stage.aws.put(LOGS, &place.key(n), log_file(&records, place.account, place.day));
            self.log_files += 1;
            self.records += count as u64;
        }
    }
}

/// The event id of record `n`: see `sample::records`.
pub fn event_id(n: usize) -> String {
    format!("5a3e0000-0000-4000-8000-{n:012}")
}

/// A record that raises a finding, and its rule; for most numbers nothing.
fn finding_at(n: usize, region: &str) -> Option<(&'static str, String)> {
    let (name, address) = (format!("user{}", n % 7), format!("192.0.2.{}", n % 11 + 1));
    let no_mfa = r#""MFAUsed":"No""#;
    let record =
        |identity: &str, outcome| sign_in(n, region, "08:01:12", identity, &address, outcome, no_mfa);
    match n {
        _ if n.is_multiple_of(330) => Some(("root.sign-in-without-mfa", record(ROOT, Outcome::Success))),
        _ if n.is_multiple_of(99) => Some(("sign-in.without-mfa", record(&user(&name), Outcome::Success))),
        _ if n.is_multiple_of(40) => Some(("sign-in.failed", record(&unproven_user(&name), WRONG_PASSWORD))),
        _ => None,
    }
}

/// A log file of these records, of another account and day than those of the sample.
pub fn log_file(records: &[String], account: &str, day: NaiveDate) -> Vec<u8> {
    let records = records.join(",").replace(ACCOUNT, account).replace(DATE, &day.to_string());
    gzip(format!(r#"{{"Records":[{records}]}}"#).as_bytes()).unwrap()
}

/// A failed sign-in.
pub fn failure(n: usize, name: &str, time: &str) -> String {
    sign_in(n, "us-east-1", time, &unproven_user(name), "192.0.2.66", WRONG_PASSWORD, r#""MFAUsed":"No""#)
}

/// Log files of accounts and Regions on days, as many of each.
pub fn archive(
    stage: &Stage,
    accounts: &[&str],
    regions: &[&str],
    first: &str,
    days: u64,
    each: usize,
) -> Archive {
    let mut archive = Archive::default();
    for account in accounts {
        for region in regions {
            for n in 0..days {
                let day = day(first).checked_add_days(Days::new(n)).unwrap();
                archive.deliver(stage, Place { account, region, day }, each);
            }
        }
    }
    archive
}

/// Asks, and insists that all is done.
pub async fn done(function: &Function, request: &Value) -> Value {
    let answer = function.response(request).await;
    assert_eq!(
        (&answer["finished"], &answer["progress"]),
        (&json!(true), &json!("done")),
        "{answer:#}\n{}",
        function.output()
    );
    answer
}

/// The findings that a backfill has written, as OCSF.
#[track_caller]
pub fn findings(stage: &Stage, answer: &Value) -> Vec<Value> {
    let uri = answer["result"]["objects"][0].as_str().unwrap();
    let key = uri.strip_prefix(&format!("s3://{STATE}/")).unwrap();
    let mut text = String::new();
    let content = stage.aws.content(STATE, key).unwrap_or_else(|| panic!("{key} is not there"));
    GzDecoder::new(&content[..]).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rule and event id of each.
#[track_caller]
pub fn unique_findings(findings: &[Value]) -> BTreeSet<(String, String)> {
    let text = |finding: &Value, pointer: &str| {
        let text = finding.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{pointer} of {finding:#}")).to_owned()
    };
    let one = |finding: &Value| {
        let rule = text(finding, "/finding_info/analytic/uid");
        (rule, text(finding, "/unmapped/event_id"))
    };
    let unique_findings: BTreeSet<(String, String)> = findings.iter().map(one).collect();
    assert_eq!(unique_findings.len(), findings.len(), "each once");
    unique_findings
}
