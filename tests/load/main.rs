//! Many log files and a storm, through the real function: exactly the mails there must be, and flat memory.
//!
//! | file | what it holds |
//! |---|---|
//! | `main` | the function, its queue, what is asked of a run |
//! | `many` | 10,000 log files with duplicates, out of order |
//! | `storm` | 50,000 failed sign-ins around one intrusion |
//!
//! `make test-faults` runs it.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in programs"
)]

mod many;
mod storm;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use iamwatch_tests::corpus::gzip;
use iamwatch_tests::faults::judge::judge;
use iamwatch_tests::faults::run::{Observed, state_of, with_left_of_hour};
use iamwatch_tests::faults::{LOGS, Message, STATE, Scenario, TOPIC, of_yesterday};
use iamwatch_tests::lambda_events::received;
use iamwatch_tests::runtime_api::{ACCOUNT, Function, REGION, bootstrap};
use iamwatch_tests::stub_aws::StubAws;
use serde_json::{Value, json};

/// How many messages the function is handed at once, as it is deployed.
const BATCH: usize = 20;

/// How often the deployed queue hands out a message before it gives it up.
const MAX_RECEIVES: u32 = 20;

/// A failed message is retried after a pause, here a short one.
const PAUSE: Duration = Duration::from_secs(1);

/// Neither part takes longer on a slow machine; they may not run into the next hour, for budgets of mails
/// are kept by the hour.
const LONGEST: Duration = Duration::from_secs(240);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut broken = many::run().await;
    broken.extend(storm::run().await);
    for broken in &broken {
        println!("{broken}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The function, and what is around it.
struct Stage {
    aws: StubAws,
    function: Function,
    /// Messages that were given up.
    dropped: Vec<String>,
    began: Instant,
}

impl Stage {
    async fn new(objects: &[(String, Vec<u8>)]) -> Stage {
        with_left_of_hour(LONGEST).await;
        let aws = StubAws::start().await;
        for bucket in [LOGS, STATE] {
            aws.make_bucket(bucket, ACCOUNT);
        }
        aws.send_checksums(STATE);
        for (key, content) in objects {
            aws.put(LOGS, key, content.clone());
        }
        let endpoint = aws.endpoint();
        let environment = [("TOPIC_ARN", TOPIC), ("STATE_BUCKET", STATE), ("AWS_ENDPOINT_URL", &endpoint)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let function = Function::start(&bootstrap("sign-in"), "sign-in", &environment).await;
        Stage { aws, function, dropped: Vec::new(), began: Instant::now() }
    }

    /// Delivers the log files of these keys, batch after batch; a failed one is retried after the others.
    async fn deliver<'a>(&mut self, keys: impl IntoIterator<Item = &'a String>) {
        let mut waiting: VecDeque<(Message, u32)> =
            keys.into_iter().map(|key| (Message::delivery(key), 1)).collect();
        while !waiting.is_empty() {
            let batch: Vec<(Message, u32)> = waiting.drain(..waiting.len().min(BATCH)).collect();
            let records: Vec<Value> =
                batch.iter().map(|(message, times)| received(&message.id, &message.body, *times)).collect();
            let response = self.function.response(&json!({"Records": records})).await;
            let failures = response["batchItemFailures"].as_array().cloned().unwrap_or_default();
            let failed: BTreeSet<&str> =
                failures.iter().filter_map(|failure| failure["itemIdentifier"].as_str()).collect();
            if !failed.is_empty() && waiting.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
            for (message, times) in batch.into_iter().filter(|(message, _)| failed.contains(&message.id[..]))
            {
                if times == MAX_RECEIVES {
                    self.dropped.push(message.id);
                } else {
                    waiting.push_back((message, times + 1));
                }
            }
        }
    }

    fn peak_memory_bytes(&self) -> u64 {
        self.function.peak_memory_bytes().expect("Linux reports it")
    }

    /// The sum of a metric over all invocations.
    fn metric(&self, name: &str) -> u64 {
        let metrics = self.function.stdout();
        let lines = metrics.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("_aws").is_some()).filter_map(|line| line[name].as_u64()).sum()
    }

    /// What is wrong with the mails and the state; of the mails those from `mails_before_again` on must not be.
    fn judged(&mut self, expected: &Scenario, mails_before_again: usize) -> Vec<String> {
        let observed = Observed {
            mails: self.aws.mails(),
            mails_before_again,
            calls: self.aws.calls(),
            state: state_of(&self.aws),
            dropped: std::mem::take(&mut self.dropped),
            ..Observed::default()
        };
        let judged = judge(expected, None, &observed);
        judged.broken.into_iter().map(|broken| format!("{}: {broken}", expected.name)).collect()
    }
}

/// The key of a log file that was delivered at that minute of the day.
fn key(folder: &str, minute: usize, name: &str) -> String {
    of_yesterday(&format!(
        "{folder}AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T{:02}{:02}Z_{name:X<16}.json.gz",
        minute / 60,
        minute % 60
    ))
}

fn log_file(records: &[String]) -> Vec<u8> {
    let plain = of_yesterday(&format!(r#"{{"Records":[{}]}}"#, records.join(",")));
    gzip(plain.as_bytes()).expect("memory can be written to")
}

/// `HH:MM:SS` of a second of the day.
fn time(second: usize) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// A count, for a person.
fn counted(subjects: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for subject in subjects {
        *counts.entry(subject).or_default() += 1;
    }
    counts
}
