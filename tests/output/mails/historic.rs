//! The mails about past log files, as `backfill` makes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::config::Config;
use shared::finding::{Finding, RecordPlace};
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::samples::BaseRecord;
use shared::formats::events::backfill::Wanted;
use shared::mail::backfill;
use shared::mail::backfill::BackfillSummary;
use shared::mail::{MAX_MESSAGE_BYTES, Mail};
use shared::rules::detections::table;
use shared::rules::health::{
    backfill_could_not_look, backfill_findings_left_out, backfill_log_file_unreadable, log_file_gone,
};
use shared::state::backfill::DigestCounts;

use super::{
    LOG_FILE, at, check, failed, finding, finding_in, hidden, named, of, record, show, suppression_entries,
};

const FOLDER: &str = "s3://iamwatch-state-111122223333/backfills/2026-03-01_2026-04-30_0123456789abcdef/1/";

fn config() -> Config {
    let names = "111122223333=prod,444455556666=staging";
    Config::from_lookup(|name| (name == "ACCOUNT_NAMES").then(|| names.to_owned())).unwrap()
}

fn wanted(accounts: &[&str], regions: &[&str]) -> Wanted {
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let (from, to) = ("2026-03-01".parse().unwrap(), "2026-04-30".parse().unwrap());
    Wanted { from, to, accounts: all(accounts), regions: all(regions) }
}

/// A backfill that read everything.
fn summary(wanted: &Wanted) -> BackfillSummary<'_> {
    let counts = Counts { log_files: 18_204, records: 2_310_977, skipped: 2_300_977, ..Counts::default() };
    BackfillSummary {
        wanted,
        counts: Counts { judged: 10_000, ..counts },
        unfetched_log_files: 0,
        findings: DigestCounts::default(),
        remembered_since: None,
        may_repeat: false,
        findings_at: "s3://iamwatch-state-111122223333/backfills/2026-03-01_2026-04-30_0123456789abcdef/1/findings.jsonl.gz",
        report_at: "s3://iamwatch-state-111122223333/backfills/2026-03-01_2026-04-30_0123456789abcdef/1/report.html",
    }
}

#[track_caller]
fn golden(name: &str, findings: &[Finding], summary: &BackfillSummary<'_>) -> Mail {
    let mail = backfill::mail(findings, summary, &config()).unwrap();
    expectorate::assert_contents(format!("snapshots/mails/historic-{name}.txt"), &show(&mail));
    check(&mail, findings);
    mail
}

/// A sign-in without a second factor on a day of March.
fn without_mfa(number: u32, user: &str, account: &str, day: u32) -> Finding {
    finding(json!({
        "eventID": format!("{number:08}-0000-4000-8000-0000EXAMPLE0"),
        "eventTime": format!("2026-03-{day:02}T08:{:02}:00Z", number % 60),
        "recipientAccountId": account,
        "userIdentity": {
            "userName": user, "accountId": account, "arn": format!("arn:aws:iam::{account}:user/{user}"),
        },
        "additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null},
    }))
}

/// Findings of several rules and accounts.
fn quarter() -> Vec<Finding> {
    let mut findings = vec![
        of(BaseRecord::RootSignIn(r#"{"additionalEventData": {"MFAUsed": "No"}}"#)),
        of(BaseRecord::ApiCall(
            r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
        )),
        of(BaseRecord::ApiCall(
            r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}}"#,
        )),
    ];
    findings.extend((0..6).map(|n| without_mfa(n, "alice", "111122223333", 3 + n / 2)));
    findings.extend((6..9).map(|n| without_mfa(n, "carol", "444455556666", 20)));
    findings.extend((0..14).map(|n| failed(n, hidden())));
    findings.push(backfill_log_file_unreadable(LOG_FILE, 2, "has invalid UTF-8 at its byte 117"));
    findings
}

#[test]
fn promise_5_a_backfill_of_many_days_is_one_mail() {
    let wanted = wanted(&[], &[]);
    let summary = BackfillSummary {
        findings: DigestCounts { known: 120, suppressed: 3, counted_only: 45, left_out: 0, notified: 0 },
        ..summary(&wanted)
    };
    let mail = golden("quarter", &quarter(), &summary);
    assert_eq!(
        mail.subject,
        "[CRITICAL] Backfill 2026-03-01 to 2026-04-30: 27 findings - prod (111122223333) +1 account"
    );
    assert!(
        mail.body
            .starts_with("A backfill of 2026-03-01 to 2026-04-30 has 27 findings that nobody was told of: ")
    );
    assert_eq!(suppression_entries(&mail).len(), 5);
}

#[test]
fn promise_5_a_backfill_with_one_finding_mails_all_of_its_facts() {
    let wanted = wanted(&["111122223333"], &["us-east-1", "eu-central-1"]);
    let mail = golden("one", &[without_mfa(7, "alice", "111122223333", 3)], &summary(&wanted));
    assert_eq!(mail.subject, "[HIGH] Backfill 2026-03-01 to 2026-04-30: 1 finding - prod (111122223333)");
    assert_eq!(suppression_entries(&mail)[0]["principal"].as_str(), Some("alice"));
}

#[test]
fn promise_3_a_mail_about_what_a_backfill_could_not_look_at_reads_well() {
    let now = at("2026-05-02T10:00:00Z");
    let answer = "1,204 log files of bucket aws-cloudtrail-logs-111122223333 could not be read: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/iamwatch-BackfillRole-EXAMPLE/iamwatch-backfill is not authorized to perform: kms:Decrypt (HTTP 403, request 0123EXAMPLE)";
    let gaps = || {
        let mut gaps = vec![
            backfill_could_not_look(FOLDER, "unread", answer.to_owned(), Some(LOG_FILE.to_owned()), now),
            backfill_could_not_look(FOLDER, "missing", "3000 log files of bucket logs were not read: 1 part of the backfill came to nothing, the first about AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/05/".to_owned(), None, now),
        ];
        gaps.extend(backfill_findings_left_out(FOLDER, 812, now));
        gaps
    };
    let wanted = wanted(&[], &["us-east-1"]);
    let counts = Counts { unreadable: 2, unreadable_log_files: 2, ..summary(&wanted).counts };
    let summary = BackfillSummary {
        counts,
        unfetched_log_files: 4_204,
        findings: DigestCounts { known: 7, left_out: 812, ..DigestCounts::default() },
        remembered_since: Some(at("2026-03-29T00:00:00Z")),
        may_repeat: true,
        ..summary(&wanted)
    };
    let mail = golden("not-looked", &gaps(), &summary);
    assert_eq!(mail.subject, "[HIGH] Backfill 2026-03-01 to 2026-04-30: could not look at all of it");
    assert!(suppression_entries(&mail).is_empty(), "it cannot be suppressed");

    let mut findings = gaps();
    findings.push(without_mfa(7, "alice", "111122223333", 3));
    findings.push(log_file_gone(LOG_FILE, "NoSuchKey: The specified key does not exist."));
    golden("not-all-looked", &findings, &summary);
}

#[test]
fn promise_6_hostile_names_in_past_records_stay_text() {
    let names = [
        "alice\r\nSubject: [LOW] nothing",
        "<b>no action is needed</b>",
        "www.evil.com",
        "\u{202e}ecila\u{1b}[2J",
        "bob, 1 time, from 192.0.2.1. See https://evil.example/ok",
        "*",
        &"long ".repeat(200),
    ];
    let mut findings: Vec<Finding> = names.iter().map(|name| named(name)).collect();
    let hostile = "s3://logs/x/<a href=https://evil.example>\u{202e}.json.gz";
    findings.push(backfill_log_file_unreadable(hostile, 0, "is no JSON: https://evil.example\n"));
    let what = "3 log files could not be read: <b>https://evil.example</b>\r\n".to_owned();
    findings.push(backfill_could_not_look(
        FOLDER,
        "x",
        what,
        Some(hostile.to_owned()),
        at("2026-05-02T10:00:00Z"),
    ));
    let wanted = wanted(&["<b>www.evil.com</b>"], &["https://evil.example"]);
    let summary = BackfillSummary { report_at: "s3://state/<b>www.evil.com", ..summary(&wanted) };
    let mail = golden("hostile", &findings, &summary);
    assert_eq!(suppression_entries(&mail).len(), 1, "only IAM names are pasted");
    for finding in findings {
        let one = [finding];
        check(&backfill::mail(&one, &summary, &config()).unwrap(), &one);
    }
}

#[test]
fn promise_5_thousands_of_findings_are_one_mail_that_counts_what_it_leaves_out() {
    let findings: Vec<Finding> = (0..3_000)
        .map(|n| without_mfa(n, &format!("user-{:03}", n % 211), "111122223333", 1 + n % 28))
        .collect();
    let wanted = wanted(&[], &[]);
    let summary = summary(&wanted);
    let mail = golden("3000-findings", &findings, &summary);
    assert!(mail.body.lines().count() < 200, "{}", mail.body.lines().count());
    let notification =
        backfill::notification(findings, &summary, "0123456789abcdef".to_owned(), &config()).unwrap();
    assert!(notification.message.len() < MAX_MESSAGE_BYTES, "{}", notification.message.len());
    let forms: Value = serde_json::from_str(&notification.message).unwrap();
    let documents: Vec<Value> = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
    let left_out = documents.last().unwrap()["unmapped"]["findings_left_out"].as_u64().unwrap();
    assert_eq!(documents.len() as u64 + left_out, 3_000);
    assert!(documents.iter().all(|document| document["unmapped"]["historic"] == true));
    let repeated = notification.repeated();
    assert!(
        repeated.message.len() < MAX_MESSAGE_BYTES && repeated.message.contains("(This mail may repeat one")
    );
}

#[test]
fn every_rule_has_a_safe_line_and_mail_about_past_log_files() {
    let wanted = wanted(&[], &[]);
    let place = |number| RecordPlace { log_file: LOG_FILE, record: number, delivered: None };
    let base = record(json!({}));
    let mut findings = Vec::new();
    for (number, case) in table().flat_map(|detection| detection.cases).enumerate() {
        let record: Value = serde_json::from_str(&case.json()).unwrap();
        if record != base && case.finding().is_some() && case.settings.is_empty() {
            let finding = finding_in(&record, place(number as u64));
            check(
                &backfill::mail(std::slice::from_ref(&finding), &summary(&wanted), &config()).unwrap(),
                std::slice::from_ref(&finding),
            );
            findings.push(finding);
        }
    }
    assert!(findings.len() > 100, "{}", findings.len());
    for some in findings.chunks(30) {
        check(&backfill::mail(some, &summary(&wanted), &config()).unwrap(), some);
    }
}
