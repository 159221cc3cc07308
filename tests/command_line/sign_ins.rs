//! The list of sign-ins is complete, with the right MFA.

use std::collections::BTreeMap;

use iamwatch_tests::corpus::{Corpus, gzip};
use serde_json::{Value, json};

use crate::program::Folder;
use crate::records::{log_file, sign_in};

const SOME: Corpus = Corpus { files: 24, fewest_records: 1_500, most_records: 2_500, seed: 5 };

/// The reference: every record parsed in full.
fn console_sign_ins(content: &[u8]) -> Vec<[String; 6]> {
    let file: Value = serde_json::from_slice(content).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let records = file["Records"].as_array().unwrap().iter();
    records
        .filter(|record| {
            record["eventSource"] == "signin.amazonaws.com" && record["eventName"] == "ConsoleLogin"
        })
        .map(|record| {
            let name = text(&record["userIdentity"]["userName"]);
            [
                text(&record["eventTime"]),
                if name == "HIDDEN_DUE_TO_SECURITY_REASONS" { String::new() } else { name },
                text(&record["responseElements"]["ConsoleLogin"]).to_lowercase(),
                text(&record["additionalEventData"]["MFAUsed"]).to_lowercase(),
                text(&record["sourceIPAddress"]),
                text(&record["recipientAccountId"]),
            ]
        })
        .collect()
}

#[test]
fn every_console_sign_in_that_a_full_parse_finds_is_listed() {
    let folder = Folder::new();
    let mut expected = Vec::new();
    for n in 0..SOME.files {
        let content = SOME.file(n);
        expected.extend(console_sign_ins(&content));
        folder.file(&SOME.key(n), gzip(&content).unwrap());
    }
    expected.sort();
    let lines = folder.run(&["sign-ins", ".", "--format", "json"]).exits(0).lines();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let mut listed: Vec<[String; 6]> = lines
        .iter()
        .filter(|line| line["event"] == "ConsoleLogin")
        .map(|line| ["time", "who", "outcome", "mfa", "source_ip", "account"].map(|name| text(line, name)))
        .collect();
    listed.sort();
    assert_eq!(listed, expected);
    println!("{} console sign-ins of {} in the list", listed.len(), lines.len());
    assert!(listed.len() > 15 && listed.iter().any(|row| row[2] == "success" && row[3] == "yes"));
}

#[test]
fn mfa_is_yes_no_or_unknown_as_aws_reports_it() {
    let role = json!({"type": "AssumedRole", "userName": null, "arn": "arn:aws:sts::111122223333:assumed-role/Dev/x"});
    let portal = |factors: Value| {
        json!({
            "eventName": "UserAuthentication",
            "userIdentity": {"type": "IdentityCenterUser", "userName": null, "arn": null},
            "responseElements": null,
            "serviceEventDetails": {"UserAuthentication": "Success"},
            "additionalEventData": {"MFAUsed": null, "CredentialType": factors, "UserName": "carol@example.com"},
        })
    };
    let table = [
        ("yes", "success", json!({})),
        ("no", "success", json!({"additionalEventData": {"MFAUsed": "No"}})),
        ("unknown", "success", json!({"additionalEventData": null})),
        (
            "no",
            "failure",
            json!({"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}),
        ),
        ("yes", "failure", json!({"responseElements": {"ConsoleLogin": "Failure"}})),
        ("unknown", "success", json!({"userIdentity": role, "additionalEventData": {"MFAUsed": "No"}})),
        (
            "no",
            "success",
            json!({"userIdentity": {"type": "Root"}, "additionalEventData": {"MFAUsed": "No"}}),
        ),
        (
            "unknown",
            "success",
            json!({"additionalEventData": {"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::111122223333:saml-provider/corp"}}),
        ),
        ("yes", "success", portal(json!("PASSWORD,TOTP"))),
        ("no", "success", portal(json!("PASSWORD"))),
        ("unknown", "success", portal(json!("EXTERNAL_IDP"))),
        ("yes", "unknown", json!({"responseElements": {"ConsoleLogin": "Deferred"}})),
    ];
    let records: Vec<Value> = table
        .iter()
        .zip(10..)
        .map(|((_, _, patch), minute)| {
            let mut record = sign_in(patch.clone());
            record["eventTime"] = json!(format!("2026-04-01T08:{minute}:00Z"));
            record["eventID"] = json!(minute.to_string());
            record
        })
        .collect();
    let folder = Folder::with("x.json", log_file(&records));
    let lines = folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(0).lines();
    assert_eq!(lines.len(), table.len());
    for ((mfa, outcome, patch), line) in table.iter().zip(&lines) {
        assert_eq!(
            (line["mfa"].as_str(), line["outcome"].as_str()),
            (Some(*mfa), Some(*outcome)),
            "{patch}: {line}"
        );
    }
}

#[test]
fn a_name_that_aws_hides_differs_from_an_absent_one() {
    let hidden =
        json!({"userIdentity": {"userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "arn": null}, "eventID": "1"});
    let nobody = json!({"userIdentity": null, "eventID": "2", "eventTime": "2026-04-01T08:16:00Z"});
    let folder = Folder::with("x.json", log_file(&[sign_in(hidden), sign_in(nobody)]));
    let table = folder.run(&["sign-ins", "x.json"]).exits(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].contains("  (hidden by AWS)  ") && !lines[2].contains("hidden"), "{table}");
    let csv = folder.run(&["sign-ins", "x.json", "--format", "csv"]).exits(0).stdout;
    assert!(csv.contains("\n2026-04-01T08:15:00Z,IAMUser,,success,"), "{csv}");
    for line in folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(0).lines() {
        assert_eq!(line.get("who"), None, "{line}");
    }
}

#[test]
fn rows_are_sorted_by_time_and_columns_match_their_headings() {
    let mut expected = BTreeMap::new();
    let records: Vec<Value> = ["zoë", "a", "a-very-long-name-indeed"]
        .iter()
        .zip(["2026-04-03", "2026-04-01", "2026-04-02"])
        .map(|(name, day)| {
            expected.insert(day, *name);
            sign_in(json!({"eventID": name, "eventTime": format!("{day}T00:00:00Z"), "userIdentity": {"userName": name}}))
        })
        .collect();
    let folder = Folder::with("x.json", log_file(&records));
    let table = folder.run(&["sign-ins", "x.json"]).exits(0).stdout;
    let mut lines = table.lines().map(|line| line.chars().collect::<Vec<char>>());
    let head: String = lines.next().unwrap().into_iter().collect();
    let (who, outcome) = (head.find("WHO").unwrap(), head.find("OUTCOME").unwrap());
    for (line, (day, name)) in lines.zip(expected) {
        let column = |from: usize, to: usize| line[from..to].iter().collect::<String>().trim_end().to_owned();
        assert_eq!((column(0, 10).as_str(), column(who, outcome).as_str()), (day, name));
        assert_eq!(column(outcome, outcome + 7), "success");
    }
}
