//! What is published: the mail for people and the findings for machines in one message.
//!
//! Source: SNS Developer Guide, "Publishing messages with different payloads" (`MessageStructure`: json) and
//! "Message attributes"; the quota of 256 KB counts the message with its attributes.

use serde_json::{Value, json};

use super::forms::Mail;
use crate::finding::{Finding, Status};
use crate::notification::Notification;
use crate::severity::Severity;
use crate::text::is_account_id;

/// The most bytes of a message with its attributes, as escaped. SNS refuses more than 256 KiB, and the envelope that a
/// subscriber gets has the same limit.
pub const MAX_MESSAGE_BYTES: usize = 200_000;

/// Bytes for the names and types of the attributes, the braces of the message, and the note in a mail that may repeat.
const OVERHEAD_BYTES: usize = 8_000;

/// The most accounts in an attribute.
const MAX_LISTED: usize = 500;

/// The notification with this mail. `findings` are sorted, the worst first: those that do not fit are cut at the end.
/// `document` makes the OCSF document of a finding.
pub(super) fn notification(
    mut mail: Mail,
    findings: &[Finding],
    id: String,
    document: &dyn Fn(&Finding) -> Value,
) -> Notification {
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Informational);
    // One new finding makes the notification new.
    let status = findings.iter().map(|finding| finding.status.unwrap_or(Status::New)).min();
    mail.body += &format!("\nAlert id {id}\n");
    let rules = distinct(findings.iter().map(|finding| finding.rule.id));
    let accounts = distinct(
        findings.iter().filter_map(|finding| finding.account.as_deref().filter(|id| is_account_id(id))),
    );
    Notification {
        id,
        message: message(&mail, findings, &[&rules, &accounts], document),
        subject: mail.subject,
        severity,
        status: status.unwrap_or(Status::New),
        rules,
        accounts,
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut values: Vec<String> = values.map(str::to_owned).collect();
    values.sort_unstable();
    values.dedup();
    values.truncate(MAX_LISTED);
    values
}

/// All forms as JSON. Documents that do not fit are left out; the last one that fits says how many.
fn message(
    mail: &Mail,
    findings: &[Finding],
    lists: &[&[String]],
    document: &dyn Fn(&Finding) -> Value,
) -> String {
    let lists: usize = lists.iter().map(|list| Notification::list(list).len()).sum();
    let texts = escaped_bytes(&mail.body) + escaped_bytes(&mail.sms) + mail.subject.len();
    let mut room = MAX_MESSAGE_BYTES.saturating_sub(texts + lists + OVERHEAD_BYTES);
    let mut documents: Vec<Value> = Vec::new();
    for finding in findings {
        let document = document(finding);
        let Some(left) = room.checked_sub(escaped_bytes(&document.to_string())) else { break };
        room = left;
        documents.push(document);
    }
    let left_out = findings.len() - documents.len();
    if left_out > 0
        && let Some(Value::Object(last)) = documents.last_mut()
    {
        let unmapped = last.entry("unmapped").or_insert_with(|| json!({}));
        unmapped["findings_left_out"] = left_out.into();
    }
    json!({"default": Value::from(documents).to_string(), "email": mail.body, "sms": mail.sms}).to_string()
}

/// The length of a text as a JSON string.
fn escaped_bytes(text: &str) -> usize {
    Value::from(text).to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::mail::incident;
    use crate::rules::detections::cases::{DetectionCase, DetectionExpect};

    fn failures(count: usize) -> Vec<Finding> {
        let one = DetectionCase::new(
            "failure",
            BaseRecord::ConsoleSignIn(
                r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
            ),
            DetectionExpect::Nothing,
        )
        .finding()
        .unwrap();
        (0..count)
            .map(|n| Finding {
                id: format!("{n}"),
                user_agent: Some("\"\\\u{7}<".repeat(250)),
                ..one.clone()
            })
            .collect()
    }

    fn forms(notification: &Notification) -> (Value, Vec<Value>) {
        let message: Value = serde_json::from_str(&notification.message).unwrap();
        let documents = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
        (message, documents)
    }

    #[test]
    fn people_get_the_mail_and_machines_get_every_finding() {
        let findings = failures(3);
        let config = Config::default();
        let notification = incident::notification(findings.clone(), &[], "7".to_owned(), &config).unwrap();
        let (message, documents) = forms(&notification);
        let mail = incident::mail(&findings, &config).unwrap();
        assert_eq!(
            (message["email"].as_str().unwrap(), message["sms"].as_str().unwrap()),
            (&format!("{}\nAlert id 7\n", mail.body)[..], &mail.sms[..])
        );
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0]["finding_info"]["uid"], "0");
        assert_eq!(notification.severity, findings[0].severity);
        assert_eq!(
            (Notification::list(&notification.rules), Notification::list(&notification.accounts)),
            (r#"["sign-in.failed"]"#.into(), r#"["111122223333"]"#.into())
        );
    }

    #[test]
    fn a_storm_fits_and_says_what_is_left_out() {
        let notification =
            incident::notification(failures(1000), &[], "7".to_owned(), &Config::default()).unwrap();
        assert!(
            notification.message.len() + notification.subject.len() < MAX_MESSAGE_BYTES,
            "{}",
            notification.message.len()
        );
        let (_, documents) = forms(&notification);
        let left_out = &documents.last().unwrap()["unmapped"]["findings_left_out"];
        assert!(documents.len() > 10, "{}", documents.len());
        assert_eq!(left_out.as_u64(), Some(1000 - documents.len() as u64));
    }

    #[test]
    fn a_repeated_alert_says_so_to_people_and_machines_and_is_else_the_same() {
        let once = incident::notification(failures(2), &[], "7".to_owned(), &Config::default()).unwrap();
        let twice = once.repeated();
        let (message, documents) = forms(&twice);
        let email = message["email"].as_str().unwrap();
        let first = email.split("\n\n").next().unwrap();
        assert!(
            first.starts_with("IAM user alice") && email.contains("\n\n(This mail may repeat one"),
            "{email}"
        );
        assert!(email.ends_with("\nAlert id 7\n"), "{email}");
        assert!(documents.iter().all(|document| document["unmapped"]["may_repeat"] == true));
        assert_eq!(Notification { message: once.message.clone(), ..twice }, once);
    }
}
