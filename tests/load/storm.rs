//! 50,000 failed sign-ins under names that no user has, from 200 addresses, in one batch; and in the last log
//! file of it there is a sign-in as root.

use iamwatch_tests::faults::Scenario;
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{NO_SUCH_USER, Outcome, ROOT, STRANGER, sign_in};

use super::{BATCH, Stage, counted, key, log_file, time};

const FAILURES: usize = 50_000;
const ADDRESSES: usize = 200;

/// How many mails about what anyone can cause the default of `MAILS_PER_HOUR` allows one account: a reserve of 1 and half of 5.
const BUDGET: usize = 4;

const NO_MFA: &str = r#""MFAUsed":"No""#;

const ROOT_SUBJECT: &str = "[CRITICAL] Root signed in without MFA - root - 111122223333";

/// Delivers it, then again, and says what is wrong.
pub async fn run() -> Vec<String> {
    let objects: Vec<(String, Vec<u8>)> =
        (0..BATCH).map(|n| (key("", 541, &format!("STORM{n:02}")), content(n))).collect();
    let keys: Vec<String> = objects.iter().map(|(key, _)| key.clone()).collect();
    let mut stage = Stage::new(&objects).await;
    let before = stage.peak_memory_bytes();
    stage.deliver(&keys).await;
    let seconds = stage.began.elapsed().as_secs_f64();
    let mails: Vec<String> = stage.aws.mails().into_iter().filter_map(|mail| mail.subject).collect();
    let after = stage.peak_memory_bytes();
    stage.deliver(&keys).await;
    let again = stage.peak_memory_bytes();

    println!(
        "a storm of {FAILURES} failed sign-ins from {ADDRESSES} addresses in {seconds:.1} s: {:.0} records/s, {} mails, peak memory {} MiB at the start, {} MiB after it, {} MiB after it came again",
        FAILURES as f64 / seconds,
        mails.len(),
        before >> 20,
        after >> 20,
        again >> 20,
    );
    for (subject, times) in counted(stage.aws.mails().into_iter().filter_map(|mail| mail.subject)) {
        println!("    {times} x {subject}");
    }
    let expected = Scenario::new("storm", "sign-in")
        .expect_mail(ROOT_SUBJECT)
        .expect_mails(BUDGET, format!("[LOW] Sign-in failed* - unknown user at 198.51.100.* - {ACCOUNT}"))
        .expect_mail("[LOW] Mails were held back - example-state - *");
    let mut broken = stage.judged(&expected, mails.len());
    if mails.first().is_none_or(|first| first != ROOT_SUBJECT) {
        broken.push(format!("storm: the first mail is {:?}", mails.first()));
    }
    if again > after + after / 4 {
        broken.push(format!("storm: memory grew from {after} to {again} bytes"));
    }
    broken
}

/// The n-th log file: its part of the failures, within 40 minutes.
fn content(n: usize) -> Vec<u8> {
    let of_file = FAILURES / BATCH;
    let failure = |i: usize| {
        let i = n * of_file + i;
        let time = time(8 * 3600 + i * 2_400 / FAILURES);
        let address = format!("198.51.100.{}", i % ADDRESSES);
        sign_in(10_000 + i, REGION, &time, STRANGER, &address, NO_SUCH_USER, NO_MFA)
    };
    let mut records: Vec<String> = (0..of_file).map(failure).collect();
    if n + 1 == BATCH {
        records.push(sign_in(7, REGION, "08:39:59", ROOT, "192.0.2.44", Outcome::Success, NO_MFA));
    }
    log_file(&records)
}
