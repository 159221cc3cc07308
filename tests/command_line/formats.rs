//! The output of each format.

use shared::rules::registry;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Folder, Run, run_in};
use crate::records::{failure, gzipped, log_file, root, sign_in, without_mfa};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(iamwatch_tests::sample::FOLDER)
}

/// Runs over the sample, in which one log file is truncated.
fn over_the_sample(command: &str, format: &str) -> Run {
    run_in(&sample(), &[command, "AWSLogs", "--format", format]).exits(2)
}

#[test]
fn the_mails_over_the_sample_are_those_of_the_golden_file() {
    expectorate::assert_contents("snapshots/cli/sign-in.txt", &over_the_sample("sign-in", "text").stdout);
}

#[test]
fn the_sign_ins_of_the_sample_are_those_of_the_golden_files() {
    for format in ["table", "csv", "json"] {
        let run = over_the_sample("sign-ins", format);
        expectorate::assert_contents(format!("snapshots/cli/sign-ins.{format}"), &run.stdout);
    }
}

#[test]
fn the_notes_over_the_sample_name_the_file_that_could_not_be_read() {
    expectorate::assert_contents("snapshots/cli/notes.txt", &over_the_sample("sign-in", "json").stderr);
}

#[test]
fn help_is_that_of_the_golden_files() {
    let folder = Folder::new();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help-sign-in", &["sign-in", "--help"]),
        ("help-sign-ins", &["sign-ins", "--help"]),
        ("help-records", &["records", "--help"]),
        ("help-credential-report", &["credential-report", "--help"]),
        ("help-rules", &["rules", "--help"]),
        ("help-suppressions-check", &["suppressions", "check", "--help"]),
    ] {
        let run = folder.run(arguments).exits(0);
        assert_eq!(run.stderr, "", "{name}");
        let mut help = run.stdout;
        // Several pages end with the same list, which has a golden file of its own.
        if let Some((before, settings)) = help.split_once("\nSettings:\n") {
            let (settings, after) = settings.split_once("\n\nExamples:\n").unwrap();
            expectorate::assert_contents("snapshots/cli/help-settings.txt", &format!("{settings}\n"));
            help = format!("{before}\nSettings:\n…\n\nExamples:\n{after}");
        }
        expectorate::assert_contents(format!("snapshots/cli/{name}.txt"), &help);
    }
}

#[test]
fn a_line_of_json_holds_the_documented_facts_and_nothing_else() {
    let record = sign_in(json!({
        "eventID": "id-EXAMPLE",
        "errorMessage": "Failed authentication",
        "userIdentity": {"accessKeyId": "AKIAALICEEXAMPLE1234"},
        "responseElements": {"ConsoleLogin": "Failure"},
        "additionalEventData": {"MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/"},
    }));
    let name = "111122223333_CloudTrail_us-east-1_20260401T0820Z_EXAMPLE.json.gz";
    let folder = Folder::with(name, gzipped(&[sign_in(json!({})), record]));
    let run = folder.run(&["sign-in", name, "--format", "json"]).exits(0);
    let rule = registry::all().into_iter().find(|rule| rule.id == "sign-in.failed").unwrap();
    assert_eq!(
        run.lines(),
        [json!({
            "id": shared::finding::stable_id(&["sign-in.failed", "111122223333", "id-EXAMPLE"]),
            "rule": "sign-in.failed",
            "kind": "detection",
            "severity": "MEDIUM",
            "title": "Sign-in failed",
            "summary": "IAM user alice failed to sign in to the AWS console from 192.0.2.10 in account 111122223333 at 2026-04-01 08:15:00 UTC.",
            "account": "111122223333",
            "region": "us-east-1",
            "principal": {"type": "IAMUser", "name": "alice", "arn": "arn:aws:iam::111122223333:user/alice"},
            "time": "2026-04-01T08:15:00Z",
            "source_ip": "192.0.2.10",
            "user_agent": "Firefox",
            "evidence": {
                "log_file": name,
                "record": 1,
                "event_id": "id-EXAMPLE",
                "event_source": "signin.amazonaws.com",
                "event_name": "ConsoleLogin",
                "error_message": "Failed authentication",
                "access_key_id": "AKIA…1234",
                "delivered": "2026-04-01T08:20:00Z",
                "mfa_used": "No",
                "login_to": "https://console.aws.amazon.com/",
            },
            "references": rule.references,
            "remediation": rule.remediation,
        })]
    );
}

#[test]
fn facts_that_a_record_does_not_hold_are_absent() {
    let record = json!({
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "responseElements": {"ConsoleLogin": "Failure"},
        "userIdentity": null,
    });
    let folder = Folder::with("x.json", log_file(&[record]));
    let lines = folder.run(&["sign-in", "x.json", "--format", "json"]).exits(0).lines();
    assert_eq!(
        names(&lines[0]),
        ["evidence", "id", "kind", "references", "remediation", "rule", "severity", "summary", "title"]
    );
    assert_eq!(names(&lines[0]["evidence"]), ["event_name", "event_source", "log_file", "record"]);

    let lines = folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(0).lines();
    assert_eq!(lines, [json!({"outcome": "failure", "mfa": "unknown", "event": "ConsoleLogin"})]);
}

fn names(object: &Value) -> Vec<&str> {
    let names: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.into_iter().collect()
}

#[test]
fn every_line_of_json_over_the_sample_has_the_documented_shape() {
    let documented = [
        "id",
        "rule",
        "kind",
        "severity",
        "title",
        "summary",
        "account",
        "region",
        "resource",
        "principal",
        "time",
        "source_ip",
        "user_agent",
        "evidence",
        "references",
        "remediation",
    ];
    let lines = over_the_sample("sign-in", "json").lines();
    assert_eq!(lines.len(), 15);
    for line in lines {
        for name in names(&line) {
            assert!(documented.contains(&name), "{name}");
            let text = !matches!(name, "principal" | "evidence" | "references" | "remediation");
            assert_eq!(line[name].is_string(), text, "{name} in {line}");
        }
        assert!(["type", "name", "arn"].iter().any(|name| !line["principal"][name].is_array()), "{line}");
        let time = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
        assert!(line["evidence"]["log_file"].as_str().unwrap().starts_with("AWSLogs/"), "{line}");
        if line["kind"] == "detection" {
            assert!(
                line["evidence"]["record"].is_u64() && line["evidence"]["event_id"].is_string(),
                "{line}"
            );
        }
    }
}

#[test]
fn ocsf_is_one_detection_finding_a_line_and_they_are_the_findings_of_json() {
    let ocsf = over_the_sample("sign-in", "ocsf").lines();
    let ids: Vec<Value> = ocsf.iter().map(|line| line["finding_info"]["uid"].clone()).collect();
    let json = over_the_sample("sign-in", "json").lines();
    let expected: Vec<Value> = json.iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, expected);
    assert!(ocsf.iter().all(|line| line["class_uid"] == 2004 && line["activity_id"] == 1));
}

#[test]
fn text_is_one_mail_for_each_subject_and_the_most_severe_comes_first() {
    let bob = json!({"userIdentity": {"userName": "bob", "arn": null}, "eventID": "bob"});
    let mut bob_fails = failure("bob");
    crate::records::merge(&mut bob_fails, bob);
    let folder = Folder::with(
        "x.json",
        log_file(&[failure("1"), bob_fails, root("2"), without_mfa("3"), failure("4")]),
    );
    let run = folder.run(&["sign-in", "x.json"]).exits(0);
    let subjects: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("Subject: ")).collect();
    let named = |who: &str| subjects.iter().position(|subject| subject.contains(who));
    assert_eq!(subjects.len(), 3, "{subjects:?}");
    assert_eq!((named("root"), named("alice"), named("bob")), (Some(0), Some(1), Some(2)), "{subjects:?}");
}

#[test]
fn every_rule_is_in_the_table_and_in_the_array() {
    let folder = Folder::new();
    let table = folder.run(&["rules"]).exits(0).stdout;
    let array: Value =
        serde_json::from_str(&folder.run(&["rules", "--format", "json"]).exits(0).stdout).unwrap();
    let rules = registry::all();
    assert_eq!(table.lines().count(), rules.len() + 1, "one line each, and the header");
    assert_eq!(array.as_array().unwrap().len(), rules.len());
    let column = table.lines().next().unwrap().find("SEVERITY").unwrap();
    for ((rule, line), object) in rules.iter().zip(table.lines().skip(1)).zip(array.as_array().unwrap()) {
        assert!(line.starts_with(&format!("{} ", rule.id)), "{line}");
        assert!(line[column..].starts_with(rule.severity.name()), "{line}");
        assert!(line.contains(rule.title) && line.ends_with(&rule.references.join(" ")), "{line}");
        assert_eq!(
            *object,
            json!({
                "rule": rule.id,
                "severity": rule.severity,
                "title": rule.title,
                "references": rule.references,
                "remediation": rule.remediation,
            })
        );
    }
}
