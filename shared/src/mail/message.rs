//! What is published: the mail for people and the findings for machines in one message.
//!
//! Source: SNS Developer Guide, "Publishing messages with different payloads" (`MessageStructure`: json) and
//! "Message attributes"; the quota of 256 KB counts the message with its attributes.

use serde_json::{Value, json};

use super::{Mail, mail_beside, order};
use crate::config::Config;
use crate::finding::ocsf;
use crate::finding::{Finding, Status};
use crate::notification::Notification;
use crate::severity::Severity;
use crate::state::case::Unsaid;
use crate::text::is_account_id;

/// The most that a message has with its attributes, as escaped: SNS refuses 256 KiB, and what subscribers
/// wrap it in must fit into the same.
pub const MAX_MESSAGE_BYTES: usize = 200_000;

/// Room for the names and types of the attributes, for the braces of the message, and for what is added to a
/// mail that may repeat.
const OVERHEAD_BYTES: usize = 8_000;

/// An attribute that lists accounts lists no more than these.
const MAX_LISTED: usize = 500;

/// The alert about the findings of one subject, or of many that share one; nothing where there are none. It
/// also says what was only counted. `id` is one that no other alert has.
pub fn alert(
    mut findings: Vec<Finding>,
    unsaid: &[Unsaid],
    id: String,
    config: &Config,
) -> Option<Notification> {
    // The worst come first, for what does not fit is left out at the end.
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    let mail = mail_beside(&findings, unsaid, config)?;
    Some(of_mail(mail, &findings, id, config))
}

/// The alert that a mail about these findings, of which the worst come first, is published as.
pub(super) fn of_mail(mail: Mail, findings: &[Finding], id: String, config: &Config) -> Notification {
    of_mail_with(mail, findings, id, &|finding| ocsf::detection_finding(finding, config))
}

/// The same, with what machines get of each finding.
pub(super) fn of_mail_with(
    mut mail: Mail,
    findings: &[Finding],
    id: String,
    document: &dyn Fn(&Finding) -> Value,
) -> Notification {
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Informational);
    // A mail that tells of anything new counts as that.
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

/// A mail that shows that mails arrive, from function to mailbox.
pub fn test(stack: &str, id: String) -> Notification {
    let subject = "TEST - iamwatch can reach you".to_owned();
    let body = format!(
        "This is a TEST: nothing has happened.\n\n\
         Somebody asked {stack} to show that its mails arrive. If you can read this, it may publish to its topic, \
         and your subscription is confirmed.\n"
    );
    let forms = json!({"default": "[]", "email": body, "sms": subject});
    Notification {
        id,
        subject,
        message: forms.to_string(),
        // Whatever somebody subscribed to, this passes the filter.
        severity: Severity::Critical,
        status: Status::New,
        rules: Vec::new(),
        accounts: Vec::new(),
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut values: Vec<String> = values.map(str::to_owned).collect();
    values.sort_unstable();
    values.dedup();
    values.truncate(MAX_LISTED);
    values
}

/// All forms together. The documents that do not fit are left out, and the last that does says how many.
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

/// What a text takes as a JSON string.
fn escaped_bytes(text: &str) -> usize {
    Value::from(text).to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{Case, Expect};

    fn failures(count: usize) -> Vec<Finding> {
        let one = Case::new(
            "failure",
            BaseRecord::ConsoleSignIn(
                r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
            ),
            Expect::Nothing,
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

    fn forms(alert: &Notification) -> (Value, Vec<Value>) {
        let message: Value = serde_json::from_str(&alert.message).unwrap();
        let documents = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
        (message, documents)
    }

    #[test]
    fn people_get_the_mail_and_machines_get_every_finding() {
        let findings = failures(3);
        let config = Config::default();
        let alert = alert(findings.clone(), &[], "7".to_owned(), &config).unwrap();
        let (message, documents) = forms(&alert);
        let mail = mail_beside(&findings, &[], &config).unwrap();
        assert_eq!(
            (message["email"].as_str().unwrap(), message["sms"].as_str().unwrap()),
            (&format!("{}\nAlert id 7\n", mail.body)[..], &mail.sms[..])
        );
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0]["finding_info"]["uid"], "0");
        assert_eq!(alert.severity, findings[0].severity);
        assert_eq!(
            (Notification::list(&alert.rules), Notification::list(&alert.accounts)),
            (r#"["sign-in.failed"]"#.into(), r#"["111122223333"]"#.into())
        );
    }

    #[test]
    fn a_storm_fits_and_says_what_is_left_out() {
        let alert = alert(failures(1000), &[], "7".to_owned(), &Config::default()).unwrap();
        assert!(alert.message.len() + alert.subject.len() < MAX_MESSAGE_BYTES, "{}", alert.message.len());
        let (_, documents) = forms(&alert);
        let left_out = &documents.last().unwrap()["unmapped"]["findings_left_out"];
        assert!(documents.len() > 10, "{}", documents.len());
        assert_eq!(left_out.as_u64(), Some(1000 - documents.len() as u64));
    }

    #[test]
    fn a_repeated_alert_says_so_to_people_and_machines_and_is_else_the_same() {
        let once = alert(failures(2), &[], "7".to_owned(), &Config::default()).unwrap();
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
