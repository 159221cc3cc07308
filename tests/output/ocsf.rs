//! Every rule's findings as OCSF, held to the third-party model `py-ocsf-models` by `ocsf/validate.py`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use shared::rules::registry;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use iamwatch_tests::python;
use shared::config::{Budget, Config};
use shared::finding::ocsf;
use shared::finding::suppression::Suppressions;
use shared::finding::{Finding, Status};
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::samples::BaseRecord;
use shared::rules::checks;
use shared::rules::detections::cases::{DetectionCase, DetectionExpect};
use shared::rules::detections::table;
use shared::rules::health::{
    MissedDeliveries, could_not_look, findings_left_out, log_file_gone, mails_rate_limited,
    missed_deliveries, suppression_expired, suppressions_changed, suppressions_unreadable,
    unreadable_log_file,
};
use shared::severity::Severity;

fn validate(arguments: &[&str], lines: &str) -> Output {
    let mut child = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/ocsf/validate.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn validated(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One line for each case that raises its rule, and for what iamwatch says of itself.
fn lines() -> Vec<String> {
    let raised = |case: &&DetectionCase| matches!(case.expect, DetectionExpect::Raised(_));
    let cases = table().flat_map(|detection| detection.cases).filter(raised);
    let mut findings: Vec<Finding> = cases.map(|case| case.finding().unwrap()).collect();
    let over_report = checks::table().flat_map(|check| check.cases).flat_map(|case| case.judged().findings);
    findings.extend(over_report);
    for status in [Status::New, Status::CameBack, Status::Still, Status::Resolved] {
        let mailed: Vec<Finding> = findings.iter().rev().take(2).cloned().collect();
        findings.extend(mailed.into_iter().map(|finding| Finding {
            status: Some(status),
            since: Some("2026-03-01T08:15:00Z".parse().unwrap()),
            ..finding
        }));
    }
    let mut reader = LogFileReader::new(registry::prefilter(), &Config::default());
    let broken = reader.read(br#"{"Records":[42,{"eventVersion":"1.11","#, &mut |_, _| Ok(()));
    findings.extend(unreadable_log_file("s3://logs/AWSLogs/cut.json", &broken));
    findings.extend(findings_left_out("s3://logs/AWSLogs/storm.json", 7));
    findings.push(log_file_gone("s3://logs/AWSLogs/gone.json", "NoSuchKey"));
    let (account, now) = (Some("111122223333"), "2026-04-01T08:21:07Z".parse().unwrap());
    let what = "a log file of bucket logs could not be read: AccessDenied".to_owned();
    let first = Some("s3://logs/AWSLogs/closed.json".to_owned());
    findings.push(could_not_look("logs", account, Severity::High, now, what, first));
    let file = "s3://state/config/suppressions.toml";
    let content = "[[suppression]]\nfamily = \"grant\"\naccount = \"*\"\nreason = \"x\"\nexpires = \"2026-03-31\"\n[[suppression]]\n";
    let suppressions = Suppressions::parse(content, &registry::all(), now);
    findings.extend(suppressions.expired(now).map(|entry| suppression_expired(entry, file, account)));
    findings.extend(suppressions_changed(None, Some(content), &registry::all(), file, Some(now), account));
    findings.extend(suppressions_unreadable(suppressions.problems(), content, file, Some(now), account));
    let (budget, prefix) = (Budget::Unauthenticated, "s3://state/held-back/");
    findings.push(mails_rate_limited(budget, Severity::Low, 7, prefix, now, account));
    let mut found = MissedDeliveries { delivered: 9, unfetched: 1, ..MissedDeliveries::default() };
    found.add(now.date_naive(), "s3://logs/a.json.gz");
    findings.extend(missed_deliveries("logs", account, (now - chrono::TimeDelta::days(1), now), &found));
    for rule in registry::all() {
        assert!(findings.iter().any(|finding| finding.rule.id == rule.id), "{} has no document", rule.id);
    }
    let document = |finding: &Finding| ocsf::detection_finding(finding, &Config::default()).to_string();
    let mut lines: Vec<String> = findings.iter().map(document).collect();
    let hostile = DetectionCase::new(
        "what an attacker writes, and hardly anything else",
        BaseRecord::ConsoleSignIn(
            r#"{"userIdentity": {"userName": "a\r\n\u2028\u0085\u009b2J\u202e<b>", "arn": "*"}, "sourceIPAddress": "x\ny", "userAgent": null, "awsRegion": null, "eventTime": "no time", "eventID": null, "recipientAccountId": "", "responseElements": {"ConsoleLogin": "Failure"}, "errorCode": "\u0000"}"#,
        ),
        DetectionExpect::Nothing,
    );
    lines.push(document(&hostile.finding().unwrap()));
    lines
}

#[test]
fn the_third_party_model_accepts_every_rule() {
    let lines = lines();
    let said = validated(&validate(&[], &(lines.join("\n") + "\n")));
    assert_eq!(said, format!("{} documents accepted\n", lines.len()));
}

#[test]
fn the_validator_refuses_what_is_broken() {
    let good = lines().remove(0);
    let said = validated(&validate(&["--self-test"], &good));
    assert!(said.ends_with(" broken documents refused\n"), "{said}");

    let nothing = validate(&[], "");
    assert_eq!(nothing.status.code(), Some(1), "no document at all is no success");
    let broken = validate(&[], &format!("{good}\n{}\n", good.replace("\"finding_info\"", "\"finding\"")));
    assert_eq!(broken.status.code(), Some(1));
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(said.starts_with("line 2: ") && said.contains("finding_info"), "{said}");
}
