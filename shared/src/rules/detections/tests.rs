//! Tests over the whole table.

use super::cases::{DetectionCase, DetectionExpect};
use super::{detect, judge, table};
use crate::config::Config;
use crate::finding::RecordPlace;
use crate::formats::cloudtrail::Record;
use crate::formats::cloudtrail::sign_in::{HIDDEN_NAME, Outcome, SignIn};
use crate::severity::Severity;

#[test]
fn every_rule_may_match_some_records() {
    for detection in table() {
        assert!(!detection.scope.is_empty(), "{} matches nothing", detection.rule.id);
    }
}

#[test]
fn every_rule_has_a_case_that_raises_it_and_one_that_does_not() {
    for detection in table() {
        let raised = |case: &DetectionCase| matches!(case.expect, DetectionExpect::Raised(_));
        assert!(detection.cases.iter().any(raised), "{} is never raised", detection.rule.id);
        assert!(!detection.cases.iter().all(raised), "{} always raised", detection.rule.id);
    }
}

#[test]
fn every_case_raises_what_it_expects() {
    for detection in table() {
        for case in detection.cases {
            let found = case.finding();
            let found = found.as_ref().map(|finding| (finding.rule.id, finding.severity));
            let name = format!("{}: {}", detection.rule.id, case.name);
            match case.expect {
                DetectionExpect::Raised(severity) => {
                    assert_eq!(found, Some((detection.rule.id, severity)), "{name}")
                }
                DetectionExpect::Instead(rule) => {
                    assert_eq!(found.map(|(rule, _)| rule), Some(rule), "{name}")
                }
                DetectionExpect::Nothing => assert_eq!(found, None, "{name}"),
            }
        }
    }
}

/// If only some of a rule's cases are unauthenticated, the others are listed.
#[test]
fn exactly_the_findings_that_take_no_password_are_unauthenticated() {
    const BY_ANYONE: &[(&str, &[&str])] = &[
        (
            "identity-center.failed",
            &["a wrong code", "a security key, in lower case", "the codes of a device that runs wrong"],
        ),
        ("root.password-recovery", &["a new password was set", "setting one failed"]),
        (
            "root.sign-in-failed",
            &[
                "the second factor was reached",
                "the second factor was reached, in capitals",
                "CheckMfa itself failed",
                "root has a rule of its own",
            ],
        ),
        ("sign-in.denied-by-policy", &["denied by a policy after the second factor had been asked for"]),
        ("sign-in.failed", &[]),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for case in table().flat_map(|detection| detection.cases) {
        let Some(finding) = case.finding() else { continue };
        let rule = BY_ANYONE.iter().find(|(rule, _)| *rule == finding.rule.id);
        let expected = rule.is_some_and(|(_, not)| !not.contains(&case.name));
        assert_eq!(finding.unauthenticated, expected, "{}: {}", finding.rule.id, case.name);
        seen.insert((finding.rule.id, case.name));
        if finding.unauthenticated {
            let json = case.json();
            let record = Record::parse(json.as_bytes()).unwrap();
            let failed = SignIn::of(&record).is_some_and(|it| it.outcome == Outcome::Failure);
            assert!(failed || record.event_name == "PasswordRecoveryRequested", "{}", case.name);
        }
    }
    for (rule, not) in BY_ANYONE {
        assert!(not.iter().all(|name| seen.contains(&(*rule, *name))), "{rule} lost a case");
    }
}

/// Sign-ins, and what is no write: one sign-in has several events.
#[test]
fn findings_of_different_event_names_are_told_apart_unless_they_are_sign_ins_or_read() {
    const TOGETHER: &[&str] = &[
        "identity-center.failed",
        "identity-center.single-factor",
        "root.sign-in",
        "root.sign-in-failed",
        "root.sign-in-without-mfa",
        "sign-in.denied-by-policy",
        "sign-in.failed",
        "sign-in.failed-mfa",
        "sign-in.federation-token",
        "sign-in.outside-allowed-addresses",
        "sign-in.switch-role",
        // Its resource is the event name.
        "sign-in.unknown-event",
        "sign-in.without-mfa",
    ];
    for case in table().flat_map(|detection| detection.cases) {
        let Some(finding) = case.finding() else { continue };
        let name = format!("{}: {}", finding.rule.id, case.name);
        let event = finding.distinct_event.as_deref();
        let event_name = finding.evidence.event_name.unwrap();
        if TOGETHER.contains(&finding.rule.id) {
            assert_eq!(event, None, "{name}");
        } else if finding.rule.id == "root.activity" && finding.severity == Severity::Low {
            assert_eq!(event, Some("reads and steps of a sign-in"), "{name}");
        } else {
            assert!(event.unwrap().contains(&format!(":{event_name}")), "{name}: {event:?}");
        }
    }
}

#[test]
fn the_same_event_about_something_else_is_another_one() {
    let event = |json: &str| {
        let place = RecordPlace { log_file: "x", record: 0, delivered: None };
        let finding = judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap();
        (finding.resource, finding.distinct_event.unwrap())
    };
    let iam = |name: &str, members: &str| {
        event(&format!(r#"{{"eventSource": "iam.amazonaws.com", "eventName": "{name}", {members}}}"#))
    };
    let sso = |name: &str, members: &str| {
        event(&format!(r#"{{"eventSource": "sso.amazonaws.com", "eventName": "{name}", {members}}}"#))
    };
    let root = |service: &str, members: &str| {
        let identity = r#""userIdentity": {"type": "Root"}"#;
        event(&format!(r#"{{"eventSource": "{service}.amazonaws.com", {members}, {identity}}}"#))
    };
    for (name, one, other, is_same) in [
        (
            "another group",
            iam("AddUserToGroup", r#""requestParameters": {"userName": "alice", "groupName": "readers"}"#),
            iam("AddUserToGroup", r#""requestParameters": {"userName": "alice", "groupName": "admins"}"#),
            false,
        ),
        (
            "another account",
            sso("CreateAccountAssignment", r#""requestParameters": {"principalId": "p", "targetId": "1"}"#),
            sso("CreateAccountAssignment", r#""requestParameters": {"principalId": "p", "targetId": "2"}"#),
            false,
        ),
        (
            "another permission set",
            sso("CreatePermissionSet", r#""requestParameters": {"name": "one"}"#),
            sso("CreatePermissionSet", r#""requestParameters": {"name": "two"}"#),
            false,
        ),
        (
            "another service",
            root("iam", r#""eventName": "CreateUser""#),
            root("transfer", r#""eventName": "CreateUser""#),
            false,
        ),
        (
            "another user",
            root("iam", r#""eventName": "CreateUser", "requestParameters": {"userName": "alice"}"#),
            root("iam", r#""eventName": "CreateUser", "requestParameters": {"userName": "mallory"}"#),
            false,
        ),
        (
            "another call",
            root("account", r#""eventName": "PutAccountName""#),
            root("account", r#""eventName": "EnableRegion""#),
            false,
        ),
        (
            "the same call",
            root("iam", r#""eventName": "CreateUser", "requestParameters": {"userName": "alice"}"#),
            root(
                "iam",
                r#""eventName": "CreateUser", "requestParameters": {"userName": "alice", "path": "/"}"#,
            ),
            true,
        ),
        (
            "reads of whatever service",
            root("ec2", r#""eventName": "DescribeVpcs", "readOnly": true"#),
            root(
                "iam",
                r#""eventName": "GetUser", "readOnly": true, "requestParameters": {"userName": "a"}"#,
            ),
            true,
        ),
    ] {
        assert_eq!(one == other, is_same, "{name}: {one:?}, {other:?}");
    }
}

#[test]
fn an_empty_member_of_a_record_is_absent_in_the_finding() {
    for name in ["", HIDDEN_NAME] {
        let mut record: serde_json::Value = serde_json::from_str(
            r#"{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "userIdentity": {"type": "", "arn": "", "accountId": "", "principalId": "", "invokedBy": ""}, "awsRegion": "", "sourceIPAddress": "", "userAgent": "", "recipientAccountId": "", "eventID": "", "errorMessage": "", "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "", "LoginTo": ""}}"#,
        )
        .unwrap();
        record["userIdentity"]["userName"] = name.into();
        let json = record.to_string();
        let place = RecordPlace { log_file: "x.json", record: 0, delivered: None };
        let finding = judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap();
        let json = serde_json::to_string(&finding).unwrap();
        assert!(!json.contains(r#":"""#) && !json.contains("{}"), "{json}");
        let summary = &finding.summary;
        assert!(!summary.contains("account") && !summary.contains("  "), "{summary}");
    }
}

#[test]
fn an_event_that_two_accounts_receive_has_one_id() {
    let id = |account: &str, event: &str, more: &str| {
        let json = format!(
            r#"{{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "recipientAccountId": "{account}", "eventID": "{event}"{more}}}"#
        );
        let place = RecordPlace { log_file: "x", record: 0, delivered: None };
        judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap().id
    };
    let shared = r#", "sharedEventID": "shared""#;
    let corrected = r#", "sharedEventID": "shared", "addendum": {"originalEventID": "one"}"#;
    let one = id("111122223333", "one", shared);
    for (name, other, same) in [
        ("its twin", id("444455556666", "two", shared), true),
        ("a corrected copy", id("111122223333", "three", corrected), true),
        ("a corrected copy of the twin", id("444455556666", "four", corrected), true),
        ("another event", id("111122223333", "one", r#", "sharedEventID": "another""#), false),
        ("no shared id", id("111122223333", "one", ""), false),
        ("an empty shared id", id("111122223333", "shared", r#", "sharedEventID": """#), false),
    ] {
        assert_eq!(one == other, same, "{name}");
    }
    assert_ne!(id("111122223333", "one", ""), id("444455556666", "one", ""), "without a shared id");
}

/// Facts are written beside the members of [`Evidence`] in a finding's JSON; a second member of one name is lost.
#[test]
fn no_fact_takes_the_name_of_another_member_of_the_evidence() {
    for case in table().flat_map(|detection| detection.cases) {
        let Some(finding) = case.finding() else { continue };
        let mut seen = std::collections::BTreeSet::from(crate::finding::EVIDENCE_MEMBERS);
        for (name, _) in &finding.evidence.facts.0 {
            assert!(seen.insert(name), "{}: {:?}: {name}", finding.rule.id, case.name);
        }
    }
}

/// Every string, number and object of a record may be replaced by anything else.
#[test]
fn no_wrong_type_anywhere_in_a_record_makes_a_rule_panic() {
    for case in table().flat_map(|detection| detection.cases) {
        let record: serde_json::Value = serde_json::from_str(&case.json()).unwrap();
        let mut paths = Vec::new();
        leaves(&record, String::new(), &mut paths);
        for path in paths {
            for hostile in ["null", "7", "true", "[]", "{}", "[[\"x\"],null]", r#"{"a":{"b":[1]}}"#, r#""%""#]
            {
                let mut record = record.clone();
                *record.pointer_mut(&path).unwrap() = serde_json::from_str(hostile).unwrap();
                let json = record.to_string();
                let Ok(record) = Record::parse(json.as_bytes()) else { continue };
                detect(&record, &case.config(), RecordPlace { log_file: "x", record: 0, delivered: None });
            }
        }
    }
}

/// A request may contain a sentence that reads like ours: it is in quotes, however it is cut.
#[test]
fn no_text_of_a_request_is_outside_quotes_in_a_sentence() {
    let mut quoted = 0;
    for case in table().flat_map(|detection| detection.cases) {
        let record: serde_json::Value = serde_json::from_str(&case.json()).unwrap();
        let mut paths = Vec::new();
        leaves(&record, String::new(), &mut paths);
        paths
            .retain(|path| path.starts_with("/requestParameters/") || path.starts_with("/responseElements/"));
        for path in paths {
            for long in ["", &" and on".repeat(80)] {
                let mut record = record.clone();
                *record.pointer_mut(&path).unwrap() =
                    format!("x\" as planned. This was a drill{long}. \"drill").into();
                let json = record.to_string();
                let Ok(record) = Record::parse(json.as_bytes()) else { continue };
                let place = RecordPlace { log_file: "x", record: 0, delivered: None };
                let Some(finding) = detect(&record, &case.config(), place) else { continue };
                let shown = crate::text::clean(&finding.what, 300);
                quoted += usize::from(shown.contains('"'));
                let outside: String = shown.split('"').step_by(2).collect();
                let name = format!("{}: {:?}: {path}: {shown}", finding.rule.id, case.name);
                assert!(!outside.contains("drill") && !outside.contains("planned"), "{name}");
            }
        }
    }
    assert!(quoted > 20, "{quoted} sentences with quotes");
}

/// The JSON pointers of every member of objects within objects.
fn leaves(value: &serde_json::Value, path: String, paths: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        paths.push(path.clone());
        leaves(member, path, paths);
    }
}
