//! The mail about the findings of one subject, or of many that share one.

mod body;
mod subject_line;

use crate::config::Config;
use crate::finding::Finding;
use crate::finding::ocsf;
use crate::mail::forms::Mail;
use crate::mail::{message, order};
use crate::notification::Notification;
use crate::state::case::DeduplicatedFacts;

/// The notification about these findings and about what was only counted; `None` if there is no finding. `id` is
/// unique.
pub fn notification(
    mut findings: Vec<Finding>,
    counted: &[DeduplicatedFacts],
    id: String,
    config: &Config,
) -> Option<Notification> {
    // The worst come first: findings that do not fit are cut at the end.
    order::sort(&mut findings);
    let mail = mail_with_counted(&findings, counted, config)?;
    let document = |finding: &Finding| ocsf::detection_finding(finding, config);
    Some(message::notification(mail, &findings, id, &document))
}

/// The mail about these findings; `None` if there is no finding.
pub fn mail(findings: &[Finding], config: &Config) -> Option<Mail> {
    mail_with_counted(findings, &[], config)
}

/// [`mail`] with what was only counted since the last mail.
fn mail_with_counted(findings: &[Finding], counted: &[DeduplicatedFacts], config: &Config) -> Option<Mail> {
    let findings = order::sorted(findings);
    let worst = *findings.first()?;
    Some(Mail {
        subject: subject_line::subject(worst, &findings, config),
        body: body::body(worst, &findings, counted, config),
        sms: subject_line::sms(worst, &findings, config),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::rule::Rule;
    use crate::finding::rule::RuleKind;
    use crate::finding::{Evidence, Subject};
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{DetectionCase, DetectionExpect};
    use crate::severity::Severity;

    fn sign_in(patch: &'static str) -> Finding {
        DetectionCase::new("summary", BaseRecord::ConsoleSignIn(patch), DetectionExpect::Nothing)
            .finding()
            .unwrap()
    }

    #[test]
    fn the_summary_has_the_known_facts_and_invents_none() {
        for (patch, sentence) in [
            (
                r#"{"additionalEventData": {"MFAUsed": "No"}}"#,
                "IAM user alice signed in to the AWS console without a second factor from 192.0.2.10 in account 111122223333 at 2026-04-01 08:15:00 UTC.",
            ),
            (
                r#"{"userIdentity": {"arn": null, "principalId": null, "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "responseElements": {"ConsoleLogin": "Failure"}}"#,
                "Somebody using an unknown user name (AWS hides it) gave the right password to the AWS console and then failed the second factor from 192.0.2.10 in account 111122223333 at 2026-04-01 08:15:00 UTC.",
            ),
            (
                r#"{"userIdentity": {"arn": null, "principalId": null, "userName": null}, "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "eventTime": null}"#,
                "Somebody (IAM user, not named in the record) failed to sign in to the AWS console from 192.0.2.10 in account 111122223333.",
            ),
            (
                r#"{"userIdentity": null, "eventName": "NewName", "sourceIPAddress": "AWS Internal", "recipientAccountId": null}"#,
                "Somebody caused the event NewName, of a kind that iamwatch does not know (from inside AWS at 2026-04-01 08:15:00 UTC).",
            ),
            (
                r#"{"userIdentity": {"type": "AWSService", "arn": null, "userName": null, "principalId": null, "invokedBy": "sso.amazonaws.com"}, "eventName": "NewName", "sourceIPAddress": "sso.amazonaws.com"}"#,
                "AWS service sso.amazonaws.com caused the event NewName, of a kind that iamwatch does not know (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                r#"{"userIdentity": {"type": "AssumedRole", "userName": null, "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin"}, "eventName": "NewName", "sourceIPAddress": "cloudformation.amazonaws.com"}"#,
                "Role session Dev/erin caused the event NewName, of a kind that iamwatch does not know (by way of cloudformation.amazonaws.com in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                r#"{"userIdentity": {"userName": "bob\". Root"}, "additionalEventData": {"MFAUsed": "No"}, "sourceIPAddress": "evil.com\n"}"#,
                "IAM user \"bob\\\". Root\" signed in to the AWS console without a second factor from \"evil[.]com\\n\" in account 111122223333 at 2026-04-01 08:15:00 UTC.",
            ),
            (
                r#"{"eventName": "NewName", "userIdentity": {"type": "Root", "sessionContext": {"assumedRoot": "true"}}}"#,
                "A root session (sts:AssumeRoot) caused the event NewName, of a kind that iamwatch does not know (from 192.0.2.10 in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
        ] {
            assert_eq!(sign_in(patch).summary, sentence);
        }
    }

    static UNREADABLE: Rule = Rule {
        id: "watch.log-file-unreadable",
        kind: RuleKind::Check,
        title: "Log file could not be read",
        severity: Severity::Medium,
        severity_reason: "What stands in it was not judged.",
        condition: "a log file could not be read to its end",
        references: &["cis:7.0/4.1"],
        remediation: &["Look at the file.", "Fix it.", "Run a backfill over it."],
    };

    #[test]
    fn a_finding_without_a_principal_has_a_whole_sentence() {
        let file = "s3://logs/x/broken file.json.gz".to_owned();
        let subject = Subject::LogFile(file.clone());
        let what = "a log file ends in the middle of a record";
        let finding = Finding {
            account: Some("111122223333".to_owned()),
            evidence: Evidence { log_file: Some(file), ..Evidence::default() },
            ..Finding::new(&UNREADABLE, Severity::Medium, "0".repeat(32), subject, what)
        }
        .with_summary();
        assert_eq!(finding.summary, "A log file ends in the middle of a record in account 111122223333.");
        let mail = mail(&[finding], &Config::default()).unwrap();
        assert_eq!(
            mail.subject,
            "[MEDIUM] Log file could not be read - \"broken file.json[.]gz\" - 111122223333"
        );
        assert!(
            mail.body.contains("Look at it  log file s3[:]//logs/x/broken file.json[.]gz\n"),
            "{}",
            mail.body
        );
        assert!(
            !mail.body.contains("[[suppression]]"),
            "no entry suppresses the whole account: {}",
            mail.body
        );
    }
}
