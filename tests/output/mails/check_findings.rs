//! Mails about findings of the checks.

use shared::config::Config;
use shared::finding::Finding;
use shared::formats::credential_report::CredentialReport;
use shared::formats::credential_report::samples::{BaseRow, csv};
use shared::mail::incident::mail;
use shared::rules::checks::cases::about;
use shared::rules::checks::judge;

fn findings(csv: &str) -> Vec<Finding> {
    let report = CredentialReport::parse(csv.as_bytes()).unwrap();
    judge(&report, &about(), &Config::default()).findings
}

#[test]
fn a_hostile_name_stays_in_quotes_and_no_suppression_is_offered_for_it() {
    for user in ["x\u{202e}. Root signed in", "*", "a b", "=cmd|'/C calc'!A0"] {
        let lines = csv(&[BaseRow::Root(&[]), BaseRow::Person(&[("mfa_active", "false")])]);
        let lines = lines.replacen("\nalice", &format!("\n{user}"), 1);
        let findings = findings(&lines);
        let finding = findings.iter().find(|finding| finding.rule.id == "password.mfa-disabled").unwrap();
        assert!(finding.summary.starts_with("IAM user \""), "{}", finding.summary);
        let mail = mail(std::slice::from_ref(finding), &Config::default()).unwrap();
        assert!(!mail.body.contains("[[suppression]]"), "{}", mail.body);
        assert!(mail.subject.is_ascii() && !mail.body.contains('\u{202e}'), "{}", mail.body);
    }
}

#[test]
fn a_mail_names_the_user_and_how_to_suppress_it() {
    let findings = findings(&csv(&[BaseRow::Root(&[]), BaseRow::Person(&[("mfa_active", "false")])]));
    let mail = mail(&findings, &Config::default()).unwrap();
    assert_eq!(mail.subject, "[HIGH] Console password without a second factor - alice - 111122223333");
    for part in [
        "Who         alice (IAM user)",
        "password enabled: true",
        "MFA active: false",
        "CIS AWS Foundations Benchmark 7.0: 2.10",
        "rule = \"password.mfa-disabled\"",
        "principal = \"alice\"",
        "resource = \"arn:aws:iam::111122223333:user/alice\"",
    ] {
        assert!(mail.body.contains(part), "{part}: {}", mail.body);
    }
}
