//! The lines that silence a finding, ready to be pasted into `config/suppressions.toml`.
//!
//! An entry holds for the findings that have every value it names, so what it leaves out may be anything.
//! It therefore names all that tells this finding from another one of its rule:
//!
//! - always the account, and who did it ([`Principal::id`](crate::finding::Principal)): whoever is not named
//!   cannot be told from anybody else;
//! - the resource, where the rule names one; a trail always;
//! - the address, where the finding is about somebody at a door (a sign-in, root, the Identity Center
//!   portal): one failed sign-in of alice must not hide who guesses at alice's password from elsewhere;
//! - for an event of an unknown kind only the event's name, for it is told once a name, whoever it was.
//!
//! There is no wildcard, and no value that IAM would not accept as a name or that is not an ARN, an account
//! id or an address. Where one is of another kind or missing there are no lines at all, and the mail says
//! why. The reason and the date are left to the person.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use serde::Serialize;

use super::layout::Page;
use crate::finding::rule::{Kind, Rule};
use crate::finding::summary::known;
use crate::finding::suppression::{NEVER, PLACEHOLDERS};
use crate::finding::{Finding, Subject};
use crate::text;

/// More than that nobody silences by hand.
const MAX_ENTRIES: usize = 5;

/// One entry of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct Suppression<'a> {
    rule: &'static str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<&'a str>,
    reason: &'static str,
    expires: &'static str,
}

/// Why there are no lines for a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unnamed {
    /// A fact holds what must not be pasted.
    Unfit,
    /// The record does not say who it was, which account, or which trail.
    Nobody,
    /// It is a root session of `sts:AssumeRoot`, which the record calls root.
    RootSession,
    /// Where it came from matters, and the record gives no address.
    NoAddress,
    /// It is about one file, and another will not be the same.
    OneFile,
    /// It tells what is not told, and must not be forgotten as well.
    Never(&'static str),
}

/// The section "How to silence it".
pub(super) fn how_to_silence(page: &mut Page, findings: &[&Finding]) {
    let mut entries: Vec<Suppression<'_>> = Vec::new();
    let mut seen: HashSet<Suppression<'_>> = HashSet::new();
    let mut reasons: BTreeSet<Unnamed> = BTreeSet::new();
    for finding in findings {
        match suppression(finding) {
            Ok(entry) if !seen.insert(entry) => {}
            Ok(entry) => entries.push(entry),
            Err(reason) => {
                reasons.insert(reason);
            }
        }
    }
    page.line("How to silence it");
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    entries.truncate(MAX_ENTRIES);
    if !entries.is_empty() {
        page.paragraph(
            "Once you know that it is harmless, add this to config/suppressions.toml, with a reason and the \
             day on which somebody should look again:",
        );
        for entry in &entries {
            page.gap();
            match toml_of(entry) {
                Ok(lines) => page.line(&lines),
                Err(error) => page.paragraph(&format!("(no lines for {}: {error})", entry.rule)),
            }
        }
    }
    if more > 0 {
        page.gap();
        page.paragraph(&format!(
            "And {more} more like these, each with its own principal, resource or address."
        ));
    }
    if !reasons.is_empty() && !entries.is_empty() {
        page.gap();
    }
    let some =
        if entries.is_empty() { "There are no lines to paste for this:" } else { "Not all have lines:" };
    for reason in reasons {
        let why = match reason {
            Unnamed::Unfit => {
                "a name or id in it is not one that AWS would accept, and pasting it is not safe."
            }
            Unnamed::Nobody => {
                "the record does not say who did it, to what or in which account, and silencing the rule for \
                 all of them would hide too much."
            }
            Unnamed::RootSession => {
                "the record calls a session of sts:AssumeRoot root, and root itself must not be silenced with it."
            }
            Unnamed::NoAddress => {
                "the record gives no address, and silencing it from everywhere would hide too much."
            }
            Unnamed::OneFile => {
                page.paragraph("There is nothing to silence: it is told once for a log file.");
                continue;
            }
            Unnamed::Never(rule_id) => {
                page.paragraph(how_often(rule_id));
                continue;
            }
        };
        page.paragraph(&format!("{some} {why}"));
    }
}

/// How often that is told which cannot be silenced.
fn how_often(rule_id: &str) -> &'static str {
    match rule_id {
        "watch.could-not-look" => {
            "It cannot be silenced: it is told at once, and again from day to day or week to week, until iamwatch can look."
        }
        "watch.mails-held-back" => {
            "It cannot be silenced: it is told once for an hour in which mails are held back."
        }
        "watch.missed" => "It cannot be silenced: it is told once for a sweep that finds such log files.",
        "watch.suppression-expired" => {
            "There is nothing to silence: it is told once for an entry and its last day."
        }
        "watch.suppressions-changed" => "It cannot be silenced: every change of the file is told once.",
        "watch.suppressions-unreadable" => {
            "It cannot be silenced: it is told once for what stands in the file, until that is changed."
        }
        _ => "It cannot be silenced.",
    }
}

fn suppression(finding: &Finding) -> Result<Suppression<'_>, Unnamed> {
    if matches!(finding.subject, Subject::LogFile(_)) {
        return Err(Unnamed::OneFile);
    }
    if NEVER.contains(&finding.rule.id) {
        return Err(Unnamed::Never(finding.rule.id));
    }
    let account = known(&finding.account).ok_or(Unnamed::Nobody)?;
    if !text::is_account_id(account) {
        return Err(Unnamed::Unfit);
    }
    let entry = Suppression {
        rule: finding.rule.id,
        account,
        principal: None,
        resource: None,
        source_ip: None,
        reason: PLACEHOLDERS.0,
        expires: PLACEHOLDERS.1,
    };
    if let Subject::EventName(name) = &finding.subject {
        return Ok(Suppression { resource: Some(fit(name)?), ..entry });
    }
    let resource = known(&finding.resource).map(fit).transpose()?;
    let who = finding.principal.as_ref();
    let principal = who.and_then(|who| known(&who.id)).map(fit).transpose()?;
    let source_ip = finding.source_ip.as_deref().filter(|address| address.parse::<IpAddr>().is_ok());
    if principal.is_none() && finding.rule.kind == Kind::Detection {
        let root_session = who.is_some_and(|who| who.root_session);
        return Err(if root_session { Unnamed::RootSession } else { Unnamed::Nobody });
    }
    let at_a_door = at_a_door(finding.rule);
    if at_a_door && source_ip.is_none() && (resource.is_none() || finding.rule.family() != "root") {
        return Err(Unnamed::NoAddress);
    }
    // What these families tell of would hide everything else: only the one thing may be silenced.
    let exact = matches!(finding.rule.family(), "trail" | "watch");
    if exact && resource.is_none() {
        return Err(Unnamed::Nobody);
    }
    Ok(Suppression { principal, resource, source_ip: source_ip.filter(|_| at_a_door), ..entry })
}

/// Whether it matters from where: somebody at a door may be anybody.
fn at_a_door(rule: &Rule) -> bool {
    matches!(rule.family(), "root" | "sign-in")
        || matches!(rule.id, "identity-center.failed" | "identity-center.single-factor")
}

/// The value if it may be pasted: an ARN, a name that IAM would accept, or our own words for a root user.
fn fit(value: &str) -> Result<&str, Unnamed> {
    let root_of = value.strip_prefix("root of ").is_some_and(text::is_account_id);
    let fit = root_of || text::arn(value).is_some() || text::iam_name(value).is_some();
    if fit { Ok(value) } else { Err(Unnamed::Unfit) }
}

/// The entry as TOML, in which no mail program sees a link: a dot in a domain name is written as the
/// escape that TOML has for it.
fn toml_of(entry: &Suppression<'_>) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct File<'a> {
        suppression: [&'a Suppression<'a>; 1],
    }
    let mut toml = toml::to_string(&File { suppression: [entry] })?;
    for dot in text::link_dots(&toml).into_iter().rev() {
        toml.replace_range(dot..=dot, "\\u002E");
    }
    Ok(toml.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Principal;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{Case, Expect};
    use crate::rules::detections::table;

    fn finding(record: BaseRecord) -> Finding {
        Case::new("silence", record, Expect::Nothing).finding().unwrap()
    }

    /// Whether the entry holds for the finding: what it leaves out may be anything.
    fn hides(entry: &Suppression<'_>, finding: &Finding) -> bool {
        let id = finding.principal.as_ref().and_then(|who| who.id.as_deref());
        let resource = match &finding.subject {
            Subject::EventName(name) => Some(&name[..]),
            _ => finding.resource.as_deref(),
        };
        entry.rule == finding.rule.id
            && Some(entry.account) == finding.account.as_deref()
            && entry.principal.is_none_or(|principal| Some(principal) == id)
            && entry.resource.is_none_or(|wanted| Some(wanted) == resource)
            && entry.source_ip.is_none_or(|address| Some(address) == finding.source_ip.as_deref())
    }

    #[test]
    fn an_entry_silences_no_more_than_its_finding() {
        let mut entries = 0;
        let cases = table().flat_map(|detection| detection.cases);
        for finding in cases.filter_map(Case::finding) {
            let Ok(entry) = suppression(&finding) else { continue };
            entries += 1;
            let name = format!("{entry:?}: {}", finding.summary);
            assert!(hides(&entry, &finding), "not the finding itself: {name}");
            let changed = |change: fn(&mut Finding)| {
                let mut other = finding.clone();
                change(&mut other);
                other
            };
            let elsewhere = changed(|other| other.account = Some("444455556666".to_owned()));
            assert!(!hides(&entry, &elsewhere), "another account: {name}");
            if matches!(finding.subject, Subject::EventName(_)) {
                let other = changed(|other| other.subject = Subject::EventName("Another".to_owned()));
                assert!(!hides(&entry, &other), "another event: {name}");
                continue;
            }
            let somebody = changed(|other| {
                other.principal =
                    Some(Principal { id: Some("somebody-else".to_owned()), ..Principal::default() });
            });
            assert!(!hides(&entry, &somebody), "somebody else: {name}");
            assert!(!hides(&entry, &changed(|other| other.principal = None)), "nobody: {name}");
            if finding.resource.is_some() || finding.rule.family() == "trail" {
                let other = changed(|other| other.resource = Some("another".to_owned()));
                assert!(!hides(&entry, &other), "another resource: {name}");
            }
            let door = matches!(finding.rule.family(), "root" | "sign-in")
                || ["identity-center.failed", "identity-center.single-factor"].contains(&finding.rule.id);
            if door && entry.source_ip.is_none() {
                assert!(finding.rule.family() == "root" && entry.resource.is_some(), "from anywhere: {name}");
            } else if door {
                let other = changed(|other| other.source_ip = Some("192.0.2.99".to_owned()));
                assert!(!hides(&entry, &other), "another address: {name}");
            }
        }
        assert!(entries > 100, "{entries} of the cases have an entry");
    }

    #[test]
    fn what_cannot_be_told_apart_has_no_entry_and_the_reason_is_said() {
        for (name, record, reason) in [
            (
                "a trail that is not named",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}"#,
                ),
                Unnamed::Nobody,
            ),
            (
                "a trail stopped by nobody",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "userIdentity": null, "requestParameters": {"name": "main"}}"#,
                ),
                Unnamed::Nobody,
            ),
            (
                "a trail of a hostile name",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "*"}}"#,
                ),
                Unnamed::Unfit,
            ),
            (
                "root from nowhere",
                BaseRecord::RootSignIn(r#"{"sourceIPAddress": "AWS Internal"}"#),
                Unnamed::NoAddress,
            ),
            (
                "a failed sign-in from nowhere",
                BaseRecord::ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "sourceIPAddress": null}"#,
                ),
                Unnamed::NoAddress,
            ),
            (
                "a portal's failed sign-in from nowhere, although a resource is named",
                BaseRecord::IdentityCenterSignIn(
                    r#"{"serviceEventDetails": {"UserAuthentication": "Failure"}, "sourceIPAddress": null}"#,
                ),
                Unnamed::NoAddress,
            ),
            (
                "an account that the record does not name",
                BaseRecord::ConsoleSignIn(
                    r#"{"additionalEventData": {"MFAUsed": "No"}, "recipientAccountId": null, "userIdentity": {"accountId": null}}"#,
                ),
                Unnamed::Nobody,
            ),
            (
                "a root session",
                BaseRecord::RootCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}, "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
                ),
                Unnamed::RootSession,
            ),
        ] {
            assert_eq!(suppression(&finding(record)).unwrap_err(), reason, "{name}");
        }
    }

    #[test]
    fn the_same_person_is_named_in_the_same_way() {
        let id = |record| finding(record).principal.unwrap().id;
        let failed = BaseRecord::ConsoleSignIn(
            r#"{"userIdentity": {"arn": null}, "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
        );
        let entered = BaseRecord::ConsoleSignIn(
            r#"{"userIdentity": {"arn": "arn:aws:iam::111122223333:user/people/alice", "userName": null}, "additionalEventData": {"MFAUsed": "No"}}"#,
        );
        assert_eq!((id(failed), id(entered)), (Some("alice".to_owned()), Some("alice".to_owned())));
        let with_arn = BaseRecord::RootSignIn("{}");
        let without =
            BaseRecord::RootSignIn(r#"{"userIdentity": {"arn": null, "userName": "example-corp"}}"#);
        let root = Some("arn:aws:iam::111122223333:root".to_owned());
        assert_eq!((id(with_arn), id(without)), (root.clone(), root));
        let china = BaseRecord::RootSignIn(r#"{"userIdentity": {"arn": null}, "awsRegion": "cn-north-1"}"#);
        assert_eq!(id(china).as_deref(), Some("arn:aws-cn:iam::111122223333:root"));
    }

    #[test]
    fn what_can_never_be_silenced_says_how_often_it_is_told() {
        for rule_id in NEVER {
            assert!(crate::rules::registry::all().iter().any(|rule| rule.id == *rule_id), "{rule_id}");
            assert_ne!(how_often(rule_id), how_often("another"), "{rule_id}");
        }
    }

    #[test]
    fn an_event_of_an_unknown_kind_is_silenced_by_its_name_whoever_it_was() {
        let unknown = finding(BaseRecord::ConsoleSignIn(r#"{"eventName": "NewName"}"#));
        let entry = suppression(&unknown).unwrap();
        assert_eq!((entry.principal, entry.resource, entry.source_ip), (None, Some("NewName"), None));
    }
}
