//! Whole mails as golden files, and the two promises about them: a mail is worth reading, and what an
//! attacker writes stays text. Accept a change with `EXPECTORATE=overwrite`, then read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod audit;
mod check_findings;
mod historic;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::config::{Budget, Config};
use shared::finding::suppression::{PLACEHOLDERS, Suppressions};
use shared::finding::{Finding, RecordPlace};
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::samples::BaseRecord;
use shared::mail;
use shared::mail::Mail;
use shared::rules::detections::cases::{DetectionCase, DetectionExpect};
use shared::rules::detections::{detect, table};
use shared::rules::health::{
    MissedDeliveries, could_not_look, critical_no_longer_hidden, log_file_gone, mails_rate_limited,
    missed_deliveries, suppression_expired, suppressions_changed, suppressions_unreadable,
    unreadable_log_file,
};
use shared::rules::registry;
use shared::severity::Severity;
use shared::text;

const LOG_FILE: &str = "s3://aws-cloudtrail-logs-111122223333/AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/111122223333_CloudTrail_us-east-1_20260401T0820Z_Ab12Cd34EfEXAMPLE.json.gz";

fn config() -> Config {
    Config::from_lookup(|name| (name == "ACCOUNT_NAMES").then(|| "111122223333=prod".to_owned())).unwrap()
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// A console sign-in of alice with MFA, changed by a merge patch of its top-level members' members.
fn record(patch: Value) -> Value {
    let case = DetectionCase::new("base", BaseRecord::ConsoleSignIn("{}"), DetectionExpect::Nothing);
    let mut record: Value = serde_json::from_str(&case.json()).unwrap();
    for (name, value) in patch.as_object().unwrap() {
        match (record[name].as_object_mut(), value.as_object()) {
            (Some(members), Some(changes)) => {
                for (name, value) in changes {
                    members.insert(name.clone(), value.clone());
                }
            }
            _ => record[name] = value.clone(),
        }
    }
    record
}

fn finding_in(record: &Value, place: RecordPlace<'_>) -> Finding {
    let json = record.to_string();
    let record = Record::parse(json.as_bytes()).unwrap();
    detect(&record, &config(), place).unwrap_or_else(|| panic!("nothing is found in {json}"))
}

fn finding(patch: Value) -> Finding {
    let record = record(patch);
    let delivered = at(record["eventTime"].as_str().unwrap()) + Duration::minutes(5);
    finding_in(&record, RecordPlace { log_file: LOG_FILE, record: 3, delivered: Some(delivered) })
}

fn mail(findings: &[Finding]) -> Mail {
    mail::incident::mail(findings, &config()).unwrap()
}

#[track_caller]
fn golden(name: &str, findings: &[Finding]) -> Mail {
    let mail = mail(findings);
    expectorate::assert_contents(format!("snapshots/mails/{name}.txt"), &show(&mail));
    check(&mail, findings);
    mail
}

/// The mail as it is stored in its golden file.
fn show(mail: &Mail) -> String {
    format!("Subject: {}\nSMS: {}\n\n{}", mail.subject, mail.sms, mail.body)
}

/// Asserts the properties of every mail, for any text of an attacker.
#[track_caller]
fn check(mail: &Mail, findings: &[Finding]) {
    for (line, max) in [(&mail.subject, mail::MAX_SUBJECT_CHARS), (&mail.sms, mail::MAX_SMS_CHARS)] {
        assert!(line.len() <= max, "{} of {max}: {line}", line.len());
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
    }
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap();
    assert!(mail.subject.starts_with(&format!("[{worst}] ")), "{}", mail.subject);
    assert!(mail.body.len() < 100_000, "{} bytes", mail.body.len());
    let unseen = |c: char| (c.is_control() && c != '\n') || (c.is_whitespace() && !matches!(c, ' ' | '\n'));
    let direction =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!mail.body.contains(|c| unseen(c) || direction(c) || c == '\u{feff}'), "{:?}", mail.body);

    // Our own two links: the console, and the object if it may be pasted.
    let pasted = ["aws s3 cp s3", "aws s3 cp --recursive s3", "aws s3 ls --recursive s3"];
    let ours = |rest: &str| {
        rest.split_once(".console.aws.amazon.com/cloudtrailv2/home?region=").is_some_and(|(region, _)| {
            region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    for (at, _) in mail.body.match_indices("://") {
        let (before, after) = (&mail.body[..at], &mail.body[at + 3..]);
        assert!(
            before.ends_with("https") && ours(after) || pasted.iter().any(|start| before.ends_with(start)),
            "a live link: {}",
            &mail.body[at.saturating_sub(20)..]
        );
    }
    let live = mail.body.replace("[<]", "");
    assert!(!live.contains('<'), "a live tag: {live}");
    assert!(!live.to_lowercase().contains("www."), "a live link: {live}");
    suppression_entries(mail);
}

/// The text of the entries that a person pastes.
fn pasted(mail: &Mail) -> String {
    let pasted = mail.body.lines().filter(|line| {
        *line == "[[suppression]]" || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    });
    pasted.map(|line| format!("{line}\n")).collect()
}

/// The entries that a person pastes, parsed as TOML.
#[track_caller]
fn suppression_entries(mail: &Mail) -> Vec<toml::Table> {
    let pasted = pasted(mail);
    let file: toml::Table = pasted.parse().unwrap_or_else(|error| panic!("{error}: {pasted}"));
    let Some(entries) = file.get("suppression") else {
        assert!(file.is_empty(), "{pasted}");
        return Vec::new();
    };
    let entries: Vec<toml::Table> =
        entries.as_array().unwrap().iter().map(|entry| entry.as_table().unwrap().clone()).collect();
    for entry in &entries {
        for (key, value) in entry {
            let value = value.as_str().unwrap();
            let valid = match key.as_str() {
                "rule" => registry::all().iter().any(|rule| rule.id == value),
                "account" => is_account(value),
                "resource" if value.strip_prefix("root of ").is_some_and(is_account) => true,
                "resource" if value.split_once('/').is_some_and(is_kind_and_name) => true,
                "principal" if value == "user/root" => true,
                "principal" | "resource" => text::arn(value).or(text::iam_name(value)).is_some(),
                "max_severity" => Severity::named(value).is_some(),
                "source_ip" => value.parse::<std::net::IpAddr>().is_ok(),
                "reason" => value == "why this is accepted, and who says so",
                "expires" => value == "YYYY-MM-DD",
                _ => false,
            };
            assert!(valid, "{key} = {value:?}");
        }
        assert!(["principal", "resource", "source_ip"].iter().any(|key| entry.contains_key(*key)));
        assert!(entry.contains_key("max_severity"), "it hides what is worse: {entry:?}");
    }
    entries
}

/// `role/app`
fn is_kind_and_name((kind, name): (&str, &str)) -> bool {
    kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && text::iam_name(name).is_some()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_mfa() -> Finding {
    finding(json!({"additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null}}))
}

fn failed(number: i64, user: Value) -> Finding {
    let time = at("2026-04-01T08:01:00Z") + Duration::seconds(73 * number);
    finding(json!({
        "eventID": format!("00000000-0000-4000-8000-00000000{number:04}"),
        "eventTime": time,
        "sourceIPAddress": "192.0.2.66",
        "userIdentity": user,
        "responseElements": {"ConsoleLogin": "Failure"},
        "additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null},
        "errorMessage": "Failed authentication",
    }))
}

fn hidden() -> Value {
    json!({"userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "arn": null, "principalId": null})
}

/// Many failures of alice, then a sign-in and tokens.
fn storm() -> Vec<Finding> {
    let mut findings: Vec<Finding> = (0..47).map(|number| failed(number, json!({"arn": null}))).collect();
    findings.extend((0..8).map(|number| {
        finding(json!({
            "eventID": format!("11111111-0000-4000-8000-00000000{number:04}"),
            "eventTime": at("2026-04-01T08:40:00Z") + Duration::seconds(20 * number),
            "sourceIPAddress": "192.0.2.67",
            "responseElements": {"ConsoleLogin": "Failure"},
            "errorMessage": "Failed authentication",
        }))
    }));
    findings.extend((0..2).map(|number| {
        finding(json!({
            "eventID": format!("22222222-0000-4000-8000-00000000{number:04}"),
            "eventTime": at("2026-04-01T23:59:30Z") + Duration::seconds(90 * number),
            "additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null},
        }))
    }));
    findings.extend((0..3).map(|number| {
        finding(json!({
            "eventID": format!("33333333-0000-4000-8000-00000000{number:04}"),
            "eventName": "GetSigninToken",
            "eventTime": at("2026-04-02T00:10:00Z") + Duration::seconds(number),
            "responseElements": {"GetSigninToken": "Success"},
            "userAgent": "python-urllib3/2.5",
        }))
    }));
    findings
}

/// A sign-in whose user name and user agent are `name`.
fn named(name: &str) -> Finding {
    finding(json!({
        "userIdentity": {"userName": name, "arn": format!("arn:aws:iam::111122223333:user/{name}")},
        "userAgent": name,
        "additionalEventData": {"MFAUsed": "No", "MFAIdentifier": name},
    }))
}

#[test]
fn promise_5_a_mail_has_its_sections_in_order() {
    let mail = golden("without-mfa", &[without_mfa()]);
    assert_eq!(mail.subject, "[HIGH] Console sign-in without MFA - alice - prod (111122223333)");
    assert_eq!(
        mail.body.lines().next().unwrap(),
        "IAM user alice signed in to the AWS console without a second factor from 192.0.2.10 \
         in account prod (111122223333) at 2026-04-01 08:15:00 UTC."
    );
    let mut rest = &mail.body[..];
    for part in [
        "\nWho ",
        "\nWhat ",
        "\nWhen ",
        "\nWhere from ",
        "\nAccount ",
        "\nRule ",
        "\nBecause ",
        "\nWhat to do\n",
        "\nHow to silence it\n",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in its place"));
        rest = after;
    }
    let [entry] = &suppression_entries(&mail)[..] else { panic!("one entry") };
    assert_eq!(entry["principal"].as_str(), Some("alice"));
    assert_eq!(entry["source_ip"].as_str(), Some("192.0.2.10"));
}

#[test]
fn promise_5_typical_mails_read_well() {
    let failed_mfa = finding(
        json!({"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication"}),
    );
    golden("failed-mfa", &[failed_mfa]);
    golden("failed", &[failed(0, json!({"arn": null}))]);
    let mail =
        golden("failed-hidden-name", &(0..5).map(|number| failed(number, hidden())).collect::<Vec<_>>());
    assert_eq!(
        mail.subject,
        "[LOW] Sign-in failed (+4 more) - unknown user at 192.0.2.66 - prod (111122223333)"
    );
    assert_eq!(suppression_entries(&mail)[0]["source_ip"].as_str(), Some("192.0.2.66"));

    golden(
        "federation-token",
        &[finding(json!({
            "eventName": "GetSigninToken",
            "userAgent": "python-urllib3/2.5",
            "userIdentity": {
                "type": "AssumedRole", "userName": null, "accessKeyId": "ASIAERINEXAMPLE12345",
                "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin@example.com",
                "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/Dev", "userName": "Dev"}},
            },
            "responseElements": {"GetSigninToken": "Success"},
            "additionalEventData": {"MFAUsed": null, "MFAIdentifier": null, "LoginTo": null},
        }))],
    );
    let nobody = record(json!({
        "userIdentity": null, "recipientAccountId": null, "eventTime": null, "eventID": null,
        "sourceIPAddress": null, "userAgent": null, "awsRegion": null, "eventName": "BeginSignIn",
        "responseElements": null, "additionalEventData": null,
    }));
    let mail = golden(
        "nobody",
        &[finding_in(&nobody, RecordPlace { log_file: "logs/a b.json", record: 0, delivered: None })],
    );
    assert!(suppression_entries(&mail).is_empty(), "without an account it would be suppressed in all");
}

/// The finding of a base record, in the log file of the other mails.
fn of(record: BaseRecord) -> Finding {
    let record =
        serde_json::from_str(&DetectionCase::new("mail", record, DetectionExpect::Nothing).json()).unwrap();
    finding_in(
        &record,
        RecordPlace { log_file: LOG_FILE, record: 3, delivered: Some(at("2026-04-01T08:20:00Z")) },
    )
}

#[test]
fn promise_5_every_family_reads_well() {
    let mail = golden(
        "root-without-mfa",
        &[of(BaseRecord::RootSignIn(r#"{"additionalEventData": {"MFAUsed": "No"}}"#))],
    );
    assert_eq!(mail.subject, "[CRITICAL] Root signed in without MFA - root - prod (111122223333)");
    assert_eq!(suppression_entries(&mail)[0]["principal"].as_str(), Some("arn:aws:iam::111122223333:root"));
    assert_eq!(suppression_entries(&mail)[0]["source_ip"].as_str(), Some("192.0.2.10"));
    golden(
        "root-credentials-changed",
        &[of(BaseRecord::RootCall(
            r#"{"eventName": "CreateAccessKey", "responseElements": {"accessKey": {"accessKeyId": "AKIAROOTEXAMPLE12345", "status": "Active"}}}"#,
        ))],
    );
    let in_root_session = of(BaseRecord::RootCall(
        r#"{"eventName": "DeleteLoginProfile", "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
    ));
    let mail = golden("root-session", &[in_root_session]);
    assert!(mail.body.starts_with("A root session (sts:AssumeRoot) "), "{}", mail.body);
    assert!(!mail.subject.contains(" - root - "), "{}", mail.subject);
    assert!(suppression_entries(&mail).is_empty(), "root itself would be suppressed");
    golden(
        "trail-stopped",
        &[of(BaseRecord::ApiCall(
            r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}}"#,
        ))],
    );
    golden(
        "role-trust-changed",
        &[of(BaseRecord::ApiCall(
            r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:root\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
        ))],
    );
    golden(
        "admin-policy-attached",
        &[of(BaseRecord::ApiCall(
            r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
        ))],
    );
    let portal_failed = of(BaseRecord::IdentityCenterSignIn(
        r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
    ));
    let mail = golden("identity-center-failed", &[portal_failed]);
    let [entry] = &suppression_entries(&mail)[..] else { panic!("one entry") };
    assert_eq!(entry["principal"].as_str(), Some("90670000ab-carol-EXAMPLE"));
    assert_eq!(entry["source_ip"].as_str(), Some("192.0.2.20"));
    golden(
        "identity-center-single-factor",
        &[of(BaseRecord::IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "PASSWORD"}}"#))],
    );
    golden(
        "login-profile-changed",
        &[of(BaseRecord::ApiCall(
            r#"{"eventName": "UpdateLoginProfile", "requestParameters": {"userName": "bob", "passwordResetRequired": false}}"#,
        ))],
    );
    let mut reader = LogFileReader::new(registry::prefilter(), &config());
    let broken = reader.read(br#"{"Records":[42,{"eventVersion":"1.11","#, &mut |_, _| Ok(()));
    let mail = golden("log-file-unreadable", &[unreadable_log_file(LOG_FILE, &broken).unwrap()]);
    assert!(mail.subject.ends_with("prod (111122223333)"), "{}", mail.subject);
    assert!(suppression_entries(&mail).is_empty());
}

#[test]
fn promise_3_mails_about_what_could_not_be_looked_at_read_well() {
    let now = at("2026-04-01T08:21:07Z");
    let refused = could_not_look(
        "example-logs",
        Some("111122223333"),
        Severity::High,
        now,
        "3 log files of bucket example-logs could not be read: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/iamwatch-sign-in/iamwatch-sign-in is not authorized to perform: kms:Decrypt (HTTP 403, request 0123EXAMPLE)".to_owned(),
        Some(LOG_FILE.to_owned()),
    );
    golden("could-not-look", &[refused]);
    golden(
        "log-file-gone",
        &[log_file_gone(LOG_FILE, "NoSuchKey: The specified key does not exist. (HTTP 404)")],
    );
}

#[test]
fn promise_1_a_mail_about_missed_deliveries_reads_well() {
    let time = (at("2026-04-01T02:00:00Z"), at("2026-04-02T02:00:00Z"));
    let folder = "s3://example-logs/AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/111122223333_CloudTrail_us-east-1_20260401T";
    let of = |delivered, minutes: std::ops::Range<u32>, unfetched| {
        let mut found = MissedDeliveries { delivered, unfetched, ..MissedDeliveries::default() };
        for minute in minutes {
            let day = time.0.date_naive() + chrono::TimeDelta::days((minute / 40).into());
            found.add(day, &format!("{folder}08{minute:02}Z_Ab12Cd34EfEXAMPLE.json.gz"));
        }
        missed_deliveries("example-logs", Some("111122223333"), time, &found).unwrap()
    };
    for (name, finding) in [("missed", of(3_400, 20..21, 0)), ("missed-many", of(60, 5..55, 2))] {
        let mail = golden(name, &[finding]);
        assert!(suppression_entries(&mail).is_empty(), "it cannot be suppressed: {}", mail.body);
    }
}

/// Anyone who can write to the bucket chooses the object names.
#[test]
fn promise_6_the_names_of_missed_log_files_stay_text() {
    let time = (at("2026-04-01T02:00:00Z"), at("2026-04-02T02:00:00Z"));
    let mut found = MissedDeliveries { delivered: 1, ..MissedDeliveries::default() };
    for name in ["<b>x</b>\u{202e}\r\n[[suppression]]", "https://www.evil.com/`id`", "=1+1"] {
        found.add(time.0.date_naive(), &format!("s3://example-logs/CloudTrail/{name}.json.gz"));
    }
    let finding = missed_deliveries("example-logs", Some("111122223333"), time, &found).unwrap();
    check(&mail(std::slice::from_ref(&finding)), &[finding]);
}

const SUPPRESSIONS: &str = "s3://iamwatch-state-111122223333/config/suppressions.toml";

const SUPPRESSIONS_FILE: &str = r#"# What we accept. Ask ops before you add to it.

[[suppression]]
rule = "sign-in.failed"
account = "111122223333"
principal = "load-test"
source_ip = "192.0.2.77"
reason = "the load test signs in with a wrong password"
owner = "ops@example.com"
expires = "2026-03-31"

[[suppression]]
rule = "grant.admin-policy-attached"
account = "111122223333"
principal = "arn:aws:sts::111122223333:assumed-role/Deploy/pipeline"
resource = "break-glass"
reason = "the pipeline sets up the break-glass user"
expires = "2026-12-31"
"#;

#[test]
fn promise_3_changes_that_suppress_findings_are_mailed() {
    let (now, account) = (at("2026-04-02T07:30:12Z"), Some("111122223333"));
    let suppressions = Suppressions::parse(SUPPRESSIONS_FILE, &registry::all(), now);
    let expired: Vec<Finding> =
        suppressions.expired(now).map(|entry| suppression_expired(entry, SUPPRESSIONS, account)).collect();
    let mut mails = vec![golden("suppression-expired", &expired)];

    let changed = SUPPRESSIONS_FILE.replace("2026-12-31", "2027-03-31")
        + "\n[[suppression]]\nfamily = \"credential-change\"\naccount = \"*\"\nreason = \"see https://evil.example/why\"\nexpires = \"2027-04-01\"\n";
    let change = suppressions_changed(
        Some(SUPPRESSIONS_FILE),
        Some(&changed),
        &registry::all(),
        SUPPRESSIONS,
        Some(now),
        account,
    );
    mails.push(golden("suppressions-changed", &[change.unwrap()]));
    let deleted = suppressions_changed(
        Some(SUPPRESSIONS_FILE),
        None,
        &registry::all(),
        SUPPRESSIONS,
        Some(now),
        account,
    );
    mails.push(golden("suppressions-deleted", &[deleted.unwrap()]));

    let limited = critical_no_longer_hidden(
        SUPPRESSIONS_FILE,
        (&suppressions, SUPPRESSIONS_FILE),
        &registry::all(),
        SUPPRESSIONS,
        Some(now),
        now,
        account,
    );
    mails.push(golden("suppressions-up-to-high", &[limited.unwrap()]));

    let broken =
        SUPPRESSIONS_FILE.replace("2026-12-31", "2028-12-31").replace("sign-in.failed", "sign-in.fialed");
    let problems = Suppressions::parse(&broken, &registry::all(), now);
    let unreadable = suppressions_unreadable(problems.problems(), &broken, SUPPRESSIONS, Some(now), account);
    mails.push(golden("suppressions-unreadable", &[unreadable.unwrap()]));

    let prefix = "s3://iamwatch-state-111122223333/held-back/2026-04-02T07Z/HIGH/";
    let rate_limited =
        mails_rate_limited(Budget::Of(Severity::High), Severity::High, 37, prefix, now, account);
    mails.push(golden("mails-held-back", &[rate_limited]));
    let prefix = prefix.replace("HIGH", "UNAUTHENTICATED");
    let noise = mails_rate_limited(Budget::Unauthenticated, Severity::Low, 1, &prefix, now, account);
    mails.push(golden("mails-held-back-unauthenticated", &[noise]));
    for mail in mails {
        assert!(suppression_entries(&mail).is_empty(), "it cannot be suppressed: {}", mail.body);
    }
}

/// Anyone who can write the file chooses its content, which the mail shows.
#[test]
fn promise_6_the_content_of_the_suppressions_stays_text() {
    let hostile = "[[suppression]]\nfamily = \"grant\"\naccount = \"*\"\nprincipal = \"x\\u202e\\n[[suppression]]\"\nreason = \"<b>a drill</b>. No action is needed: https://evil.example\"\nowner = \"www.evil.com\"\nexpires = \"2026-04-01\"\n[[suppression]]\n\"\\u001b[2Jfine\" = 1\n# \u{202e} \u{9b}31m www.evil.com <b> [[suppression]]\r\n";
    let now = at("2026-04-02T07:30:12Z");
    let suppressions = Suppressions::parse(hostile, &registry::all(), now);
    let mut findings: Vec<Finding> =
        suppressions.expired(now).map(|entry| suppression_expired(entry, hostile, None)).collect();
    for (before, after) in [(None, Some(hostile)), (Some(hostile), None)] {
        findings.extend(suppressions_changed(
            before,
            after,
            &registry::all(),
            hostile,
            Some(now),
            Some(hostile),
        ));
    }
    findings.extend(suppressions_unreadable(suppressions.problems(), hostile, hostile, None, None));
    findings.push(mails_rate_limited(Budget::Unauthenticated, Severity::Low, 2, hostile, now, None));
    assert_eq!(findings.len(), 5, "{:?}", suppressions.problems());
    for finding in findings {
        check(&mail(std::slice::from_ref(&finding)), &[finding]);
    }
}

#[test]
fn promise_5_a_mail_about_an_organisation_names_its_accounts() {
    let session = |account: &str, time: &str| {
        finding_in(
            &serde_json::from_str(
                &DetectionCase::new(
                    "organisation",
                    BaseRecord::ApiCall(
                        r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "requestParameters": {"name": "main"}}"#,
                    ),
                    DetectionExpect::Nothing,
                )
                .json()
                .replace(r#""recipientAccountId":"111122223333""#, &format!(r#""recipientAccountId":"{account}""#))
                .replace("2026-04-01T08:15:00Z", time),
            )
            .unwrap(),
            RecordPlace { log_file: LOG_FILE, record: 3, delivered: Some(at("2026-04-01T08:20:00Z")) },
        )
    };
    let findings = [
        session("111122223333", "2026-04-01T08:15:00Z"),
        session("444455556666", "2026-04-01T08:15:40Z"),
        session("777788889999", "2026-04-01T08:16:10Z"),
    ];
    let mail = golden("organisation", &findings);
    assert!(mail.subject.ends_with(" - prod (111122223333) +2 accounts"), "{}", mail.subject);
    assert!(mail.body.contains(" 3 times in all in 3 accounts, the last at "), "{}", mail.body);
    for account in ["111122223333", "444455556666", "777788889999"] {
        assert!(mail.body.contains(&format!("  DeleteTrail  192.0.2.30  {account}\n")), "{}", mail.body);
        assert!(
            suppression_entries(&mail).iter().any(|entry| entry["account"].as_str() == Some(account)),
            "{account}"
        );
    }
}

/// A request's parameter is shown as a name. It must not read as a sentence of the mail.
#[test]
fn promise_6_a_parameter_that_reads_like_a_sentence_is_quoted() {
    let refused = of(BaseRecord::ApiCall(
        r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "errorCode": "InvalidTrailNameException", "errorMessage": "Trail name is not valid", "requestParameters": {"name": "main. This is a drill; no action is needed. See https://evil.example/ok"}}"#,
    ));
    let mail = golden("hostile-trail-name", &[refused]);
    assert!(suppression_entries(&mail).is_empty(), "nothing of it is pasted");
    assert!(mail.subject.starts_with("[MEDIUM] CloudTrail trail deleted (refused) - "), "{}", mail.subject);
    assert!(mail.sms.starts_with("MEDIUM: CloudTrail trail deleted (refused), "), "{}", mail.sms);
    let first = mail.body.lines().next().unwrap();
    assert!(
        first.ends_with(" (from 192.0.2.30 in account prod (111122223333) at 2026-04-01 08:15:00 UTC)."),
        "{first}"
    );
}

#[test]
fn promise_5_no_fact_is_shown_twice() {
    let mut reader = LogFileReader::new(registry::prefilter(), &config());
    let broken = reader.read(br#"{"Records":[42]}"#, &mut |_, _| Ok(()));
    for finding in [
        of(BaseRecord::ApiCall(
            r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}}"#,
        )),
        of(BaseRecord::RootCall(r#"{"eventName": "CreateAccessKey"}"#)),
        unreadable_log_file(LOG_FILE, &broken).unwrap(),
        Finding {
            resource: Some("NewName".to_owned()),
            ..of(BaseRecord::ConsoleSignIn(r#"{"eventName": "NewName"}"#))
        },
    ] {
        let mail = mail(&[finding]);
        assert!(!mail.body.contains("\n            about "), "{}", mail.body);
    }
    let one = mail(&[without_mfa()]).body;
    assert_eq!(one.matches("Console sign-in without MFA").count(), 1, "{one}");
    let two = mail(&[without_mfa(), without_mfa()]).body;
    assert_eq!(two.matches("Console sign-in without MFA").count(), 1, "the tally says it: {two}");
}

#[test]
fn promise_5_two_principals_are_never_in_one_mail() {
    let failed_as = |login: &str| {
        of_value(json!({
            "userIdentity": {"type": "Unknown", "principalId": "111122223333", "accountId": "111122223333", "arn": ""},
            "eventTime": "2026-04-01T08:15:00Z", "eventID": login, "recipientAccountId": "111122223333",
            "eventSource": "signin.amazonaws.com", "eventName": "CredentialVerification",
            "sourceIPAddress": "192.0.2.20", "awsRegion": "us-east-1",
            "additionalEventData": {"CredentialType": "PASSWORD", "UserName": login},
            "serviceEventDetails": {"CredentialVerification": "Failure"},
        }))
    };
    let groups = mail::by_subject(vec![failed_as("carol"), failed_as("dave")]);
    let subjects: Vec<_> = groups.iter().map(|group| mail(group).subject).collect();
    assert_eq!(
        subjects,
        ["carol", "dave"]
            .map(|name| format!("[MEDIUM] Identity Center sign-in failed - {name} - prod (111122223333)"))
    );
    let hidden = mail(&[failed_as("HIDDEN_DUE_TO_SECURITY_REASONS")]).subject;
    assert!(hidden.contains(" - unknown user at 192.0.2.20 - "), "{hidden}");
    let unnamed = mail(&[failed_as("")]).subject;
    assert!(unnamed.contains(" - somebody at 192.0.2.20 - "), "{unnamed}");
}

fn of_value(record: Value) -> Finding {
    finding_in(&record, RecordPlace { log_file: LOG_FILE, record: 3, delivered: None })
}

#[test]
fn promise_5_a_storm_is_capped_and_counted() {
    let findings = storm();
    assert_eq!(findings.len(), 60);
    let mail = golden("storm", &findings);
    assert!(mail.subject.contains("(+59 more)"), "{}", mail.subject);
    assert!(mail.body.contains("\n  and 40 more\n"));
    assert_eq!(mail.body.matches("What to do").count(), 4, "each rule is explained once");
    assert!(mail.body.contains("47 x Sign-in failed, between 2026-04-01 08:01:00 and"), "{}", mail.body);
}

#[test]
fn promise_5_a_subject_line_is_cut_in_the_middle() {
    let long = "abcdefgh".repeat(16);
    let mut findings = vec![named(&long)];
    findings.extend((0..2000).map(|number| failed(number, json!({"userName": long}))));
    let config = Config::from_lookup(|name| {
        (name == "ACCOUNT_NAMES")
            .then(|| "111122223333=the production account of the whole company".to_owned())
    });
    let mail = mail::incident::mail(&findings, &config.unwrap()).unwrap();
    assert_eq!(
        mail.subject,
        "[HIGH] Console[...]out MFA (+2000 more) - abcdefg[...]bcdefgh - the prod[...]company (111122223333)"
    );
    check(&mail, &findings);
}

#[test]
fn promise_5_a_mail_about_several_accounts_counts_them() {
    let elsewhere = finding(json!({
        "recipientAccountId": "444455556666",
        "eventTime": "2026-04-01T09:00:00Z",
        "additionalEventData": {"MFAUsed": "No"},
    }));
    let findings = [elsewhere, without_mfa()];
    let mail = mail(&findings);
    check(&mail, &findings);
    assert!(mail.subject.ends_with(" - alice - prod (111122223333) +1 account"), "{}", mail.subject);
    assert!(mail.body.contains("\n2 findings in 2 accounts\n"), "{}", mail.body);
    let accounts: Vec<_> = suppression_entries(&mail).iter().map(|entry| entry["account"].clone()).collect();
    assert_eq!(accounts, ["111122223333".into(), "444455556666".into()]);
}

#[test]
fn promise_5_links_lead_to_the_console_of_the_partition() {
    for (region, arn, host) in [
        ("eu-west-1", "arn:aws:iam::111122223333:user/alice", Some("eu-west-1.console.aws.amazon.com")),
        ("cn-north-1", "arn:aws-cn:iam::111122223333:user/alice", Some("cn-north-1.console.amazonaws.cn")),
        ("cn-north-1", "", Some("cn-north-1.console.amazonaws.cn")),
        ("us-gov-west-1", "", Some("us-gov-west-1.console.amazonaws-us-gov.com")),
        (
            "us-gov-east-1",
            "arn:aws-us-gov:iam::111122223333:user/alice",
            Some("us-gov-east-1.console.amazonaws-us-gov.com"),
        ),
        ("us-iso-east-1", "", None),
        ("evil.com/#", "", None),
    ] {
        let finding = finding(json!({
            "awsRegion": region,
            "userIdentity": {"arn": arn},
            "additionalEventData": {"MFAUsed": "No"},
        }));
        let body = mail(&[finding]).body;
        let link = body.lines().find_map(|line| line.split_once("https://")).map(|(_, link)| link);
        let expected = host.map(|host| {
            format!("{host}/cloudtrailv2/home?region={region}#/events/11111111-2222-4333-8444-555555EXAMPLE")
        });
        assert_eq!(link, expected.as_deref(), "{region}");
    }
    let forged = finding(json!({"eventID": "x#/evil", "additionalEventData": {"MFAUsed": "No"}}));
    let body = mail(&[forged]).body;
    assert!(!body.contains("https://") && body.contains("event id x#/evil"), "{body}");
}

#[test]
fn promise_6_hostile_names_stay_text() {
    for (name, hostile) in [
        ("line-breaks", "alice\r\nSubject: all is well\r\n\r\nAccount     none\n"),
        ("terminal-escapes", "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31malice"),
        ("right-to-left", "\u{202e}ecila\u{202c}\u{200f}\u{2066}x\u{2069}\u{200b}"),
        ("10-kb", &format!("a{}z", "xy".repeat(5120))),
        ("html", "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;"),
        ("url", "https://evil.example/login?u=alice www.evil.com evil.com/x mailto:evil@evil.com"),
        ("formula", "=cmd|' /C calc'!A0"),
        ("wildcard-and-quotes", "*\"\n]]\n[[suppression]]\nrule = \"*\" '''"),
        ("toml-and-shell", "alice\" # $(id) `id` ; rm -rf / \\u0022"),
    ] {
        let mail = golden(&format!("hostile-{name}"), &[named(hostile)]);
        assert!(suppression_entries(&mail).is_empty(), "{name}: nothing of it is pasted");
    }
}

/// IAM accepts domains as names. They are pasted, but no mail program may make links of them.
#[test]
fn promise_6_a_domain_as_name_is_pasted_without_becoming_a_link() {
    for name in ["www.evil.com", "alice@example.com", "evil.co.uk"] {
        let mail = mail(&[named(name)]);
        check(&mail, &[named(name)]);
        assert!(!mail.body.contains(name), "{}", mail.body);
        assert_eq!(suppression_entries(&mail)[0]["principal"].as_str(), Some(name));
    }
}

#[test]
fn every_rule_has_a_safe_mail() {
    for case in table().flat_map(|detection| detection.cases) {
        if let Some(finding) = case.finding() {
            check(&mail(std::slice::from_ref(&finding)), &[finding]);
        }
    }
}

#[test]
fn a_mails_entry_with_reason_and_date_suppresses_its_finding() {
    let now = at("2026-04-02T00:00:00Z");
    let mut suppressed = 0;
    for finding in table().flat_map(|detection| detection.cases).filter_map(DetectionCase::finding) {
        let pasted = pasted(&mail(std::slice::from_ref(&finding)));
        let as_pasted = Suppressions::parse(&pasted, &registry::all(), now);
        assert!(as_pasted.entries().is_empty(), "not before somebody has edited it: {pasted}");
        let edited = pasted.replace(PLACEHOLDERS.0, "an exercise").replace(PLACEHOLDERS.1, "2026-04-30");
        let suppressions = Suppressions::parse(&edited, &registry::all(), now);
        assert_eq!(suppressions.problems(), [], "{edited}");
        if !pasted.is_empty() {
            assert!(suppressions.matching(&finding, now).is_some(), "{edited}\n{finding:?}");
            suppressed += 1;
        }
    }
    assert!(suppressed > 100, "too few mails print lines: {suppressed}");
}

#[test]
fn each_subject_is_one_group_and_the_worst_comes_first() {
    let mut findings = storm();
    findings.extend((0..3).map(|number| failed(number, hidden())));
    findings.reverse();
    let groups = mail::by_subject(findings);
    let shape: Vec<_> = groups.iter().map(|group| (group[0].severity.name(), group.len())).collect();
    assert_eq!(shape, [("HIGH", 60), ("LOW", 3)]);
    assert!(mail::by_subject(Vec::new()).is_empty() && mail::incident::mail(&[], &config()).is_none());
}

/// Random text with many fragments that attackers use.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ -~]{0,12}",
        prop::sample::select(vec![
            "\r\n",
            "://",
            "www.",
            ".com",
            "\u{1b}[2J",
            "\u{202e}",
            "<",
            "*",
            "\"",
            "'''",
            "]]",
            " = ",
            "\nrule = \"*\"",
            "[[suppression]]",
            "\u{2028}",
            "arn:aws:iam::111122223333:user/",
            "/",
            "\\",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn promise_6_a_mail_about_random_texts_is_safe(texts in prop::array::uniform12(hostile())) {
        let [name, arn, agent, source, region, id, error, code, provider, account, key, file] = texts;
        let record = record(json!({
            "userIdentity": {"userName": name, "arn": arn, "accessKeyId": key},
            "userAgent": agent, "sourceIPAddress": source, "awsRegion": region, "eventID": id,
            "errorMessage": error, "errorCode": code, "recipientAccountId": account,
            "responseElements": {"ConsoleLogin": "Failure"},
            "additionalEventData": {"LoginTo": provider, "MFAUsed": "No"},
        }));
        let finding = finding_in(&record, RecordPlace { log_file: &file, record: 1, delivered: None });
        prop_assert_eq!(finding.summary.lines().count(), 1);
        let findings = [finding, without_mfa(), failed(1, hidden())];
        check(&mail(&findings), &findings);
    }

    #[test]
    fn promise_5_the_order_of_the_findings_does_not_change_the_mail(
        findings in Just(storm()).prop_shuffle(),
    ) {
        prop_assert_eq!(mail(&findings), mail(&storm()));
    }
}
