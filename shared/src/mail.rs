//! What a person is told, in English. (Nothing else in this crate writes to a person, but
//! [`page`](crate::mail::html_report), which shows past log files.)
//!
//! A mail is about one subject and reads from the top: one sentence that a pager can show, then who, what,
//! when and where from, then the rule and what to do, then where to look and how to silence it. Every text
//! that came with a record goes through [`text::clean`] on its way here, and what is meant to be pasted
//! through [`text::iam_name`] or [`text::arn`].

mod audit;
mod backfill;
mod body;
mod evidence;
pub mod html_report;
mod layout;
mod message;
mod suppression_hint;

pub use audit::{Standing, audit, audit_mail};
pub use backfill::{Past, historic, historic_mail};
pub use message::{MAX_MESSAGE_BYTES, alert, test};

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::finding::summary::{known, moment, origin, quoted, refused};
use crate::finding::{Finding, Subject};
use crate::state::case::Unsaid;
use crate::text;

/// SNS wants a subject of fewer than 100 characters on one line.
///
/// Source: SNS API Reference, `Publish`, `Subject`.
pub const MAX_SUBJECT_CHARS: usize = 99;

/// What one SMS message holds in 7-bit characters, less room for those that take two.
///
/// Source: SNS Developer Guide, "Publishing SMS messages".
pub const MAX_SMS_CHARS: usize = 140;

const MAX_ACCOUNT_NAME_CHARS: usize = 20;

/// What is sent about one subject, in the form that each kind of subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// At most [`MAX_SUBJECT_CHARS`] of ASCII on one line.
    pub subject: String,
    /// Plain text; its first line is a whole sentence.
    pub body: String,
    /// At most [`MAX_SMS_CHARS`] of ASCII on one line.
    pub sms: String,
}

/// The findings of each subject together, the worst first; what comes first does not depend on the order
/// in which they are given.
pub fn group(findings: Vec<Finding>) -> Vec<Vec<Finding>> {
    let mut by_subject: BTreeMap<Subject, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        by_subject.entry(finding.subject.clone()).or_default().push(finding);
    }
    let mut groups: Vec<Vec<Finding>> = by_subject.into_values().collect();
    for group in &mut groups {
        group.sort_by(|one, other| order(one).cmp(&order(other)));
    }
    // Stable: where severity and time are the same, the subjects' own order remains.
    groups.sort_by_key(|group| group.first().map(urgency));
    groups
}

/// The mail about the findings of one subject, or of many that share one; nothing where there are none.
pub fn mail(findings: &[Finding], config: &Config) -> Option<Mail> {
    mail_beside(findings, &[], config)
}

/// The same, which also says what was only counted since the last one.
fn mail_beside(findings: &[Finding], unsaid: &[Unsaid], config: &Config) -> Option<Mail> {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    let worst = *findings.first()?;
    Some(Mail {
        subject: subject(worst, &findings, config),
        body: body::body(worst, &findings, unsaid, config),
        sms: sms(worst, &findings, config),
    })
}

/// Most severe first, then oldest first; without a time last.
fn urgency(finding: &Finding) -> impl Ord + use<> {
    (Reverse(finding.severity), finding.time.is_none(), finding.time)
}

/// A whole order: no two findings of one run share id and place.
fn order(finding: &Finding) -> impl Ord + '_ {
    (urgency(finding), &finding.id, &finding.evidence.log_file, finding.evidence.record)
}

/// `[HIGH] Console sign-in without MFA - alice - prod (111122223333)`: severity and account always stay
/// whole, the title and the name are cut in the middle where they must be.
fn subject(worst: &Finding, findings: &[&Finding], config: &Config) -> String {
    if let Some(storm) = storm(findings) {
        return text::cut(&format!("[{}] {storm}", worst.severity), MAX_SUBJECT_CHARS);
    }
    let severity = format!("[{}] ", worst.severity);
    let more = format!("{}{}", attempt(worst), more(findings));
    let accounts = accounts(worst, findings, config).map(|accounts| format!(" - {accounts}"));
    let accounts = text::ascii(&accounts.unwrap_or_default());
    let who = short_name(worst).map(|who| text::ascii(&who)).unwrap_or_default();
    let dash = if who.is_empty() { "" } else { " - " };
    let room = MAX_SUBJECT_CHARS
        .saturating_sub([&severity, &more, &accounts, dash].iter().map(|part| part.len()).sum());
    // The title says more than the end of a long name, but not more than the whole of it.
    let title_room = room - who.len().min(room / 2);
    let title = text::cut(worst.rule.title, title_room);
    let who = text::cut(&who, room - title.len());
    format!("{severity}{title}{more}{dash}{who}{accounts}")
}

/// `300 findings about 200 principals and addresses`, where one mail has to stand for many.
fn storm(findings: &[&Finding]) -> Option<String> {
    let subjects = findings.iter().map(|finding| &finding.subject).collect::<BTreeSet<_>>().len();
    (subjects > 1).then(|| format!("{} findings about {subjects} principals and addresses", findings.len()))
}

fn sms(worst: &Finding, findings: &[&Finding], config: &Config) -> String {
    if let Some(storm) = storm(findings) {
        let worst = format!("{}: {storm}, the worst: {}", worst.severity, worst.rule.title);
        return text::cut(&worst, MAX_SMS_CHARS);
    }
    let start = format!("{}: {}{}{}", worst.severity, worst.rule.title, attempt(worst), more(findings));
    let account = accounts(worst, findings, config).unwrap_or_default();
    let time = worst.time.map(|time| format!("{} UTC", moment(time))).unwrap_or_default();
    let origin = origin(worst).unwrap_or_default();
    let rest: String = [account, time, origin]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| format!(", {part}"))
        .collect();
    let who = short_name(worst).map(|who| format!(", {who}")).unwrap_or_default();
    let who = text::cut(&who, MAX_SMS_CHARS.saturating_sub(start.len() + rest.len()));
    text::cut(&text::ascii(&format!("{start}{who}{rest}")), MAX_SMS_CHARS)
}

/// What follows a title where AWS refused the call.
pub(crate) fn attempt(finding: &Finding) -> &'static str {
    if refused(finding) { " (refused)" } else { "" }
}

fn more(findings: &[&Finding]) -> String {
    match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (+{more} more)"),
    }
}

/// The worst finding's account, and how many others there are.
fn accounts(worst: &Finding, findings: &[&Finding], config: &Config) -> Option<String> {
    let label = account_label(known(&worst.account)?, config);
    let mut others: Vec<&str> = findings.iter().filter_map(|finding| known(&finding.account)).collect();
    others.sort_unstable();
    others.dedup();
    Some(match others.len().saturating_sub(1) {
        0 => label,
        more => format!("{label} +{}", text::counted(more, "account", "accounts")),
    })
}

/// `prod (111122223333)`, or the id alone.
fn account_label(account: &str, config: &Config) -> String {
    let id = text::clean(account, MAX_ACCOUNT_NAME_CHARS);
    match config.account_names.get(account) {
        Some(name) => format!("{} ({id})", text::clean(name, MAX_ACCOUNT_NAME_CHARS)),
        None => id,
    }
}

/// Who or what a subject line names.
fn short_name(finding: &Finding) -> Option<String> {
    let principal = finding.principal.as_ref();
    match (&finding.subject, principal.and_then(|principal| principal.name.as_deref())) {
        (Subject::EventName(name), _) => Some(quoted(name)),
        (Subject::LogFile(file), _) => {
            let name = file.rsplit('/').next().unwrap_or(file);
            Some(evidence::plain_path(name).map_or_else(|| quoted(name), str::to_owned))
        }
        (Subject::Principal { .. }, Some("root")) if principal.is_some_and(|root| root.root_session) => {
            Some("root session".to_owned())
        }
        (_, Some(name)) => Some(quoted(name)),
        (Subject::Address { network, .. }, None) => {
            let hidden = principal.is_some_and(|principal| principal.name_hidden);
            Some(format!("{} at {}", if hidden { "unknown user" } else { "somebody" }, quoted(network)))
        }
        (Subject::Principal { name, .. } | Subject::Source(name), None) => Some(quoted(name)),
        (Subject::Account(_), None) => known(&finding.resource).map(quoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Evidence;
    use crate::finding::rule::Kind;
    use crate::finding::rule::Rule;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{Case, Expect};
    use crate::severity::Severity;

    fn sign_in(patch: &'static str) -> Finding {
        Case::new("summary", BaseRecord::ConsoleSignIn(patch), Expect::Nothing).finding().unwrap()
    }

    #[test]
    fn the_summary_says_what_is_known_and_invents_nothing() {
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
        kind: Kind::Check,
        title: "Log file could not be read",
        severity: Severity::Medium,
        severity_reason: "What stands in it was not judged.",
        condition: "a log file could not be read to its end",
        references: &["cis:7.0/4.1"],
        remediation: &["Look at the file.", "Fix it.", "Run a backfill over it."],
    };

    #[test]
    fn a_finding_that_nobody_caused_reads_well() {
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
        assert!(!mail.body.contains("[[suppression]]"), "the whole account is never silenced: {}", mail.body);
    }
}
