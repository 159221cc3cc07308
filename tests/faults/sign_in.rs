//! The scenarios of the function `sign-in`.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::faults::run::Observed;
use iamwatch_tests::faults::{LOGS, STATE, Scenario, of_yesterday};
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, call, sign_in, unproven_user};
use iamwatch_tests::stub_aws::{Fault, Operation, StubAws, Which};

const NO_MFA: &str = r#""MFAUsed":"No""#;

/// Every scenario.
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        one_mail(),
        lost_answer_about_a_marker(),
        several_subjects(),
        refused_by_sns(),
        refused_by_s3(),
        over_budget(),
        suppressed(),
        corrupt_case(),
        newer_format(),
        same_file_in_two_batches(),
        same_file_at_once(),
        same_case_at_once(),
    ];
    scenarios.extend(every_order());
    scenarios
}

fn scenario(name: &str) -> Scenario {
    Scenario::new(name, "sign-in").later(&key("quiet"), log_file(&[]))
}

fn one_mail() -> Scenario {
    let root = key("root");
    scenario("one-mail")
        .log_file(&root, log_file(&[root_without_mfa()]))
        .deliver(&[&root])
        .expect_mail(ROOT_SUBJECT)
}

/// The marker of an outbox entry is written, and the answer is lost: it is read.
fn lost_answer_about_a_marker() -> Scenario {
    let root = key("root");
    let lost = |aws: &StubAws| {
        aws.fail(Which::every(Operation::PutObject).about("outbox/").first(1), Fault::CloseAfter);
    };
    scenario("lost-answer-about-a-marker")
        .log_file(&root, log_file(&[root_without_mfa()]))
        .prepared(lost)
        .deliver(&[&root])
        .expect_mail(ROOT_SUBJECT)
}

fn several_subjects() -> Scenario {
    let (alice, mixed) = (key("alice"), key("mixed"));
    scenario("several-subjects")
        .log_file(&alice, log_file(&[failure("alice", 1, "08:01:12", "192.0.2.66")]))
        .log_file(&mixed, log_file(&[failure("alice", 2, "08:02:12", "192.0.2.66"), stopped_trail()]))
        .deliver(&[&alice, &mixed])
        .expect_mail(failed("alice"))
        .expect_mail(STOPPED_SUBJECT)
}

/// The message is retried, and findings that were read but not mailed are mailed then.
fn refused_by_sns() -> Scenario {
    let root = key("root");
    let not_authorised = |aws: &StubAws| {
        let denied = Fault::Error { status: 403, code: "AuthorizationError" };
        aws.fail(Which::every(Operation::Publish).first(1), denied);
    };
    scenario("refused-by-sns")
        .log_file(&root, log_file(&[root_without_mfa()]))
        .prepared(not_authorised)
        .deliver(&[&root])
        .expect_mail(ROOT_SUBJECT)
}

/// It is mailed at once that it could not be read; the message is retried.
fn refused_by_s3() -> Scenario {
    let root = key("root");
    let denied = |aws: &StubAws| {
        aws.fail(Which::every(Operation::GetObject).about(LOGS).first(1), Fault::ACCESS_DENIED);
    };
    scenario("refused-by-s3")
        .log_file(&root, log_file(&[root_without_mfa()]))
        .prepared(denied)
        .deliver(&[&root])
        .expect_mail(ROOT_SUBJECT)
        .expect_mail_if_undisturbed("[HIGH] iamwatch could not look*example-logs*")
}

/// Two mails of three are within the reserve and the budget; another says that the third is rate-limited.
fn over_budget() -> Scenario {
    let storm = key("storm");
    let failures = ["alice", "bob", "carol"].map(|user| failure(user, 1, "08:01:12", "192.0.2.66"));
    scenario("over-budget")
        .with("MAILS_PER_HOUR", "CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10,UNAUTHENTICATED=1")
        .log_file(&storm, log_file(&failures))
        .deliver(&[&storm])
        // The mail that a killed run was about to publish counts in the budget.
        .expect_mails_if_undisturbed(2, "[MEDIUM] Sign-in failed - *")
        .also(each_is_mailed_or_rate_limited)
        .expect_mail("[LOW] Mails were held back - example-state - *")
}

fn each_is_mailed_or_rate_limited(observed: &Observed) -> Vec<String> {
    let notified = |user: &str| {
        let mailed = observed.mails.iter().any(|mail| mail.message.contains(user));
        let mut rate_limited = observed.state.iter().filter(|(key, _)| key.starts_with("overflow/"));
        mailed || rate_limited.any(|(_, object)| String::from_utf8_lossy(object).contains(user))
    };
    let missing = ["alice", "bob", "carol"].into_iter().filter(|user| !notified(user));
    missing.map(|user| format!("lost: {user} is neither mailed nor rate-limited")).collect()
}

/// A suppressed finding is not mailed; the other one is.
fn suppressed() -> Scenario {
    let both = key("both");
    let failures = ["alice", "bob"].map(|user| failure(user, 1, "08:01:12", "192.0.2.66"));
    // The function's clock is real, and an entry lasts a year at most.
    let expires: DateTime<Utc> = (SystemTime::now() + Duration::from_secs(30 * 86_400)).into();
    let file = format!(
        "[[suppression]]\nrule = \"sign-in.failed\"\naccount = \"{ACCOUNT}\"\nprincipal = \"alice\"\nreason = \"an exercise\"\nexpires = \"{}\"\n",
        expires.format("%Y-%m-%d")
    );
    let mut scenario = scenario("suppressed")
        .log_file(&both, log_file(&failures))
        .deliver(&[&both])
        .expect_mail(failed("bob"))
        .expect_mail("*] Suppressions changed - config/suppressions.toml - *");
    scenario.objects.push((STATE, "config/suppressions.toml".to_owned(), file.into_bytes()));
    scenario
}

/// Alice fails, then from another address; between the two her case is damaged.
fn damaged(name: &str, damage: fn(&StubAws)) -> Scenario {
    let (first, second) = (key("first"), key("second"));
    scenario(name)
        .log_file(&first, log_file(&[failure("alice", 1, "08:01:12", "192.0.2.66")]))
        .log_file(&second, log_file(&[failure("alice", 2, "08:03:12", "198.51.100.66")]))
        .deliver(&[&first])
        .then_forget(damage)
        .deliver(&[&second])
        .expect_mails(2, failed("alice"))
        .expect_mail("[HIGH] iamwatch could not look*example-state*")
}

fn corrupt_case() -> Scenario {
    damaged("corrupt-case", |aws| change_cases(aws, |_| Bytes::from_static(b"\0\0not JSON")))
}

/// Its faults would be those of a corrupt case.
fn newer_format() -> Scenario {
    damaged("newer-format", |aws| {
        change_cases(aws, |case| {
            let mut case: serde_json::Value = serde_json::from_slice(&case).unwrap_or_default();
            case["format"] = 999.into();
            case.to_string().into()
        });
    })
    .without_faults()
}

fn change_cases(aws: &StubAws, change: impl Fn(Bytes) -> Bytes) {
    for key in aws.keys(STATE).into_iter().filter(|key| key.contains("/principal/")) {
        let case = aws.content(STATE, &key).unwrap_or_default();
        aws.put(STATE, &key, change(case));
    }
}

fn same_file_in_two_batches() -> Scenario {
    let alice = key("alice");
    scenario("same-file-in-two-batches")
        .log_file(&alice, log_file(&[failure("alice", 1, "08:01:12", "192.0.2.66")]))
        .deliver(&[&alice])
        .deliver(&[&alice])
        .expect_mail(failed("alice"))
        .without_faults()
}

fn same_file_at_once() -> Scenario {
    let alice = key("alice");
    scenario("same-file-at-once")
        .log_file(&alice, log_file(&[failure("alice", 1, "08:01:12", "192.0.2.66")]))
        .deliver_at_once(&[&[&alice], &[&alice], &[&alice]])
        .expect_mail(failed("alice"))
        .without_faults()
}

fn same_case_at_once() -> Scenario {
    let (first, second) = (key("first"), key("second"));
    scenario("same-case-at-once")
        .log_file(&first, log_file(&[failure("alice", 1, "08:01:12", "192.0.2.66")]))
        .log_file(&second, log_file(&[failure("alice", 2, "08:03:12", "192.0.2.66")]))
        .deliver_at_once(&[&[&first], &[&second]])
        .expect_mail(failed("alice"))
}

/// Three batches in each of their six orders, with the same mails whichever it is.
fn every_order() -> Vec<Scenario> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let keys = ["first", "second", "third"].map(key);
    let files = [
        [failure("alice", 1, "08:01:12", "192.0.2.66"), stopped_trail()],
        [failure("alice", 2, "08:21:12", "192.0.2.66"), failure("alice", 1, "08:01:12", "192.0.2.66")],
        [failure("alice", 3, "08:41:12", "192.0.2.66"), root_without_mfa()],
    ];
    let in_order = |order: [usize; 3]| {
        let name = format!("batches-in-order-{}", order.map(|n| (n + 1).to_string()).concat());
        let mut scenario = scenario(&name).without_faults();
        for (key, records) in keys.iter().zip(&files) {
            scenario = scenario.log_file(key, log_file(records));
        }
        for n in order {
            scenario = scenario.deliver(&[&keys[n]]);
        }
        scenario.expect_mail(failed("alice")).expect_mail(STOPPED_SUBJECT).expect_mail(ROOT_SUBJECT)
    };
    ORDERS.map(in_order).into()
}

const ROOT_SUBJECT: &str = "[CRITICAL] Root signed in without MFA - root - 111122223333";
const STOPPED_SUBJECT: &str = "[CRITICAL] * - mallory - 111122223333";

fn failed(user: &str) -> String {
    format!("[MEDIUM] Sign-in failed* - {user} - {ACCOUNT}")
}

fn root_without_mfa() -> String {
    sign_in(7, REGION, "08:02:00", ROOT, "192.0.2.44", Outcome::Success, NO_MFA)
}

/// The n-th failed sign-in of a user.
fn failure(user: &str, n: usize, time: &str, address: &str) -> String {
    let n = 100 * user.bytes().map(usize::from).sum::<usize>() + n;
    sign_in(n, REGION, time, &unproven_user(user), address, WRONG_PASSWORD, NO_MFA)
}

fn stopped_trail() -> String {
    let request = r#"{"name":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"}"#;
    call(19, "08:04:00", "cloudtrail", "StopLogging", request, "null")
}

fn log_file(records: &[String]) -> Vec<u8> {
    gzip(of_yesterday(&format!(r#"{{"Records":[{}]}}"#, records.join(","))).as_bytes()).unwrap_or_default()
}

/// The key of a log file with this name in it.
fn key(name: &str) -> String {
    of_yesterday(&format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T0845Z_{name:X<16}.json.gz"
    ))
}
