//! 10,000 log files of three accounts: 27 % of the events are in two files, and they come in any order.

use iamwatch_tests::corpus::{ACCOUNTS, Calls, Rng, Scene};
use iamwatch_tests::faults::Scenario;
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{
    NO_SUCH_USER, Outcome, ROOT, STRANGER, WRONG_PASSWORD, call, sign_in, unproven_user,
};

use super::{Stage, counted, key, log_file, time};

/// The files of the first trail, and those of the second, which repeats all its events.
const FIRST_TRAIL: usize = 8_000;
const SECOND_TRAIL: usize = 2_000;

/// Everyday records in a file of the first trail.
const RECORDS: usize = 10;

/// How many of 100 events are in both trails, as in a real bucket of two trails.
const IN_BOTH: usize = 27;

/// When the first file of the first trail was delivered, and how much later the last one, in seconds.
const FIRST_SECOND: usize = 900;
const SECONDS: usize = 85_000;

const NO_MFA: &str = r#""MFAUsed":"No""#;

/// Delivers all of them, then a part of them again, and says what is wrong.
pub async fn run() -> Vec<String> {
    let (objects, records) = objects();
    let mut keys: Vec<String> = objects.iter().map(|(key, _)| key.clone()).collect();
    let mut rng = Rng::new(20_260_401, 2);
    for n in (1..keys.len()).rev() {
        keys.swap(n, rng.below(n + 1));
    }

    let mut stage = Stage::new(&objects).await;
    let (first_tenth, others) = keys.split_at(keys.len() / 10);
    stage.deliver(first_tenth).await;
    let early = stage.peak_memory_bytes();
    stage.deliver(others).await;
    let seconds = stage.began.elapsed().as_secs_f64();
    let late = stage.peak_memory_bytes();
    let (files_read, records_read) = (stage.metric("LogFiles"), stage.metric("Records"));
    let mails = stage.aws.mails().len();
    stage.deliver(first_tenth).await;

    println!(
        "{} log files, {records} records in {seconds:.1} s: {:.0} files/s, {:.0} records/s, {mails} mails, peak memory {} MiB after a tenth, {} MiB at the end",
        keys.len(),
        keys.len() as f64 / seconds,
        records as f64 / seconds,
        early >> 20,
        late >> 20,
    );
    for (subject, times) in counted(stage.aws.mails().into_iter().filter_map(|mail| mail.subject)) {
        println!("    {times} x {subject}");
    }
    let mut broken = stage.judged(&expected(), mails);
    if (files_read, records_read) != (keys.len() as u64, records as u64) {
        broken.push(format!("many: {files_read} log files with {records_read} records were judged"));
    }
    // The allocator may keep a little more in hand; what grows with the files would have grown tenfold.
    if late > early + early / 4 + (8 << 20) {
        broken.push(format!("many: memory grew from {early} to {late} bytes"));
    }
    broken
}

fn expected() -> Scenario {
    let mut expected = Scenario::new("many", "sign-in");
    for user in ["alice", "bob", "carol"] {
        expected = expected.expect_mail(format!("[MEDIUM] Sign-in failed* - {user} - {ACCOUNT}"));
    }
    expected
        .expect_mail(format!("[LOW] Sign-in failed* - unknown user at 198.51.100.10 - {ACCOUNT}"))
        .expect_mail(format!("[CRITICAL] Root signed in without MFA* - root - {ACCOUNT}"))
        .expect_mail(format!("[CRITICAL] *topped* - mallory - {ACCOUNT}"))
}

/// What has to be mailed, as (second of the day, record). All records of a kind are within an hour.
fn watched() -> Vec<(usize, String)> {
    let mut watched = Vec::new();
    let mut n = 1_000;
    let mut add = |second: usize, record: &dyn Fn(usize, &str) -> String| {
        n += 1;
        watched.push((second, record(n, &time(second))));
    };
    let failure = |identity: String, address: String, outcome: Outcome| {
        move |n: usize, time: &str| sign_in(n, REGION, time, &identity, &address, outcome, NO_MFA)
    };
    for (user, address, hour, times) in
        [("alice", "192.0.2.66", 8, 12), ("bob", "192.0.2.67", 11, 5), ("carol", "192.0.2.68", 20, 1)]
    {
        let failure = failure(unproven_user(user), address.to_owned(), WRONG_PASSWORD);
        for minute in 0..times {
            add(hour * 3600 + minute * 240, &failure);
        }
    }
    // One fewer than the mailed records, and two more.
    for (address, hour, times) in [("198.51.100.9", 13, 9), ("198.51.100.10", 14, 12)] {
        let failure = failure(STRANGER.to_owned(), address.to_owned(), NO_SUCH_USER);
        for minute in 0..times {
            add(hour * 3600 + minute * 120, &failure);
        }
    }
    add(9 * 3600, &|n, time| sign_in(n, REGION, time, ROOT, "192.0.2.44", Outcome::Success, NO_MFA));
    let trail = r#"{"name":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"}"#;
    for minute in 0..2 {
        add(15 * 3600 + minute * 60, &|n, time| call(n, time, "cloudtrail", "StopLogging", trail, "null"));
    }
    watched
}

/// Every log file as (key, content), and how many records there are in all.
fn objects() -> (Vec<(String, Vec<u8>)>, usize) {
    let mut rng = Rng::new(20_260_401, 1);
    let mut watched = watched();
    watched.sort();
    let mut watched = watched.into_iter().peekable();
    let mut objects = Vec::with_capacity(FIRST_TRAIL + SECOND_TRAIL);
    let mut total = 0;
    // The events of the second trail, with the second of the day of their delivery.
    let mut twice: Vec<(usize, String)> = Vec::new();
    for n in 0..FIRST_TRAIL {
        let second = FIRST_SECOND + n * SECONDS / FIRST_TRAIL;
        let account = ACCOUNTS[n % ACCOUNTS.len()];
        let scene =
            Scene { account, region: REGION, date: "2026-04-01".to_owned(), delivered_seconds: second };
        let mut calls = Calls::new(&mut rng, &scene, RECORDS);
        let mut records: Vec<String> = (0..RECORDS)
            .map(|_| {
                let mut record = Vec::new();
                calls.everyday_record(&mut rng, &scene, &mut record);
                String::from_utf8(record).expect("records are text")
            })
            .collect();
        if account == ACCOUNT {
            while let Some((_, record)) = watched.next_if(|(happened, _)| happened + 300 <= second) {
                records.insert(rng.below(records.len()), record);
            }
        }
        twice.extend(
            records.iter().filter(|_| rng.below(100) < IN_BOTH).map(|record| (second, record.clone())),
        );
        total += records.len();
        let name = format!("Q{n}");
        objects.push((key("", second / 60, &name).replace(ACCOUNT, account), log_file(&records)));
    }
    assert_eq!(watched.next(), None, "everything that has to be mailed is in a file");
    for n in 0..SECOND_TRAIL {
        let chunk = &twice[n * twice.len() / SECOND_TRAIL..(n + 1) * twice.len() / SECOND_TRAIL];
        let records: Vec<String> = chunk.iter().map(|(_, record)| record.clone()).collect();
        let second = chunk.iter().map(|(second, _)| *second).max().unwrap_or_default();
        total += records.len();
        objects.push((key("second-trail/", second / 60 + 1, &format!("R{n}")), log_file(&records)));
    }
    (objects, total)
}
