//! The entry that suppresses a finding, ready to be pasted into `config/suppressions.toml`.
//!
//! An entry suppresses every finding that has all of its values. It names what distinguishes this finding from others of
//! its rule:
//!
//! - the account and the principal ([`Principal::id`](crate::finding::Principal)), always;
//! - the resource, if the finding has one; a trail's, always. A name is written with its kind (`role/app`), for a user may
//!   have a role's name;
//! - the address, if the rule is about signing in (a sign-in, root, the Identity Center portal): suppressing one failed
//!   sign-in of alice must not suppress attempts at alice's password from elsewhere;
//! - for an unknown kind of event only the event's name: it is notified once per name, for every principal;
//! - the severity, above which the entry suppresses nothing: one for a wrong root password must not suppress the failed
//!   second factor that shows that somebody has the password.
//!
//! An entry has no wildcard. Each value is an IAM name, an ARN, an account id or an address. If a value is missing or of
//! another kind, there is no entry, and the mail gives the reason. The person adds reason and date.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use serde::Serialize;

use super::layout::TextLayout;
use crate::finding::rule::{Rule, RuleKind};
use crate::finding::summary::known;
use crate::finding::suppression::{NEVER, PLACEHOLDERS};
use crate::finding::{Finding, Subject};
use crate::severity::Severity;
use crate::text;

/// How many entries a mail shows.
const MAX_ENTRIES: usize = 5;

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct SuppressionEntry<'a> {
    rule: &'static str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<&'a str>,
    max_severity: Severity,
    reason: &'static str,
    expires: &'static str,
}

/// Why a finding has no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NoEntry {
    /// A value is not safe to paste.
    Unsafe,
    /// The record does not name the principal, the account or the trail.
    Incomplete,
    /// A root session of `sts:AssumeRoot`: the record names root itself.
    RootSession,
    /// The rule needs an address, and the record has none.
    NoAddress,
    /// The finding is about one log file, and is notified once.
    OneFile,
    /// Findings of this rule cannot be suppressed: they report what iamwatch could not look at or could not mail.
    Never(&'static str),
}

/// Writes the section "How to silence it".
pub(super) fn section(layout: &mut TextLayout, findings: &[&Finding]) {
    let mut entries: Vec<SuppressionEntry<'_>> = Vec::new();
    let mut seen: HashSet<SuppressionEntry<'_>> = HashSet::new();
    let mut reasons: BTreeSet<NoEntry> = BTreeSet::new();
    for finding in findings {
        match suppression(finding) {
            Ok(entry) if !seen.insert(entry.clone()) => {}
            Ok(entry) => entries.push(entry),
            Err(reason) => {
                reasons.insert(reason);
            }
        }
    }
    layout.line("How to silence it");
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    entries.truncate(MAX_ENTRIES);
    if !entries.is_empty() {
        layout.paragraph(
            "Once you know that it is harmless, add this to config/suppressions.toml, with a reason and the \
             day on which somebody should look again:",
        );
        for entry in &entries {
            layout.gap();
            match toml_of(entry) {
                Ok(lines) => layout.line(&lines),
                Err(error) => layout.paragraph(&format!("(no lines for {}: {error})", entry.rule)),
            }
        }
    }
    if more > 0 {
        layout.gap();
        layout.paragraph(&format!(
            "And {more} more like these, each with its own principal, resource or address."
        ));
    }
    if !reasons.is_empty() && !entries.is_empty() {
        layout.gap();
    }
    let some =
        if entries.is_empty() { "There are no lines to paste for this:" } else { "Not all have lines:" };
    for reason in reasons {
        let why = match reason {
            NoEntry::Unsafe => {
                "a name or id in it is not one that AWS would accept, and pasting it is not safe."
            }
            NoEntry::Incomplete => {
                "the record does not say who did it, to what or in which account, and silencing the rule for \
                 all of them would hide too much."
            }
            NoEntry::RootSession => {
                "the record calls a session of sts:AssumeRoot root, and root itself must not be silenced with it."
            }
            NoEntry::NoAddress => {
                "the record gives no address, and silencing it from everywhere would hide too much."
            }
            NoEntry::OneFile => {
                layout.paragraph("There is nothing to silence: it is told once for a log file.");
                continue;
            }
            NoEntry::Never(rule_id) => {
                layout.paragraph(how_often(rule_id));
                continue;
            }
        };
        layout.paragraph(&format!("{some} {why}"));
    }
}

/// How often findings of a rule that cannot be suppressed are mailed.
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

fn suppression(finding: &Finding) -> Result<SuppressionEntry<'_>, NoEntry> {
    if matches!(finding.subject, Subject::LogFile(_)) {
        return Err(NoEntry::OneFile);
    }
    if NEVER.contains(&finding.rule.id) {
        return Err(NoEntry::Never(finding.rule.id));
    }
    let account = known(&finding.account).ok_or(NoEntry::Incomplete)?;
    if !text::is_account_id(account) {
        return Err(NoEntry::Unsafe);
    }
    let entry = SuppressionEntry {
        rule: finding.rule.id,
        account,
        principal: None,
        resource: None,
        source_ip: None,
        max_severity: finding.severity,
        reason: PLACEHOLDERS.0,
        expires: PLACEHOLDERS.1,
    };
    if let Subject::EventName(name) = &finding.subject {
        return Ok(SuppressionEntry { resource: Some(pasteable(name)?.into()), ..entry });
    }
    let resource = known(&finding.resource).map(|resource| resource_named(finding, resource)).transpose()?;
    let who = finding.principal.as_ref();
    let principal = who.and_then(|who| known(&who.id)).map(pasteable).transpose()?;
    let is_user = who.is_some_and(|who| who.kind.as_deref() == Some("IAMUser"));
    let principal = principal.map(|id| match id {
        // The bare name is root's.
        "root" if is_user => Cow::from("user/root"),
        id => Cow::from(id),
    });
    let source_ip = finding.source_ip.as_deref().filter(|address| address.parse::<IpAddr>().is_ok());
    if principal.is_none() && finding.rule.kind == RuleKind::Detection {
        let root_session = who.is_some_and(|who| who.root_session);
        return Err(if root_session { NoEntry::RootSession } else { NoEntry::Incomplete });
    }
    let needs_address = is_about_signing_in(finding.rule);
    if needs_address && source_ip.is_none() && (resource.is_none() || finding.rule.family() != "root") {
        return Err(NoEntry::NoAddress);
    }
    // Without a resource an entry for these families would suppress too much.
    let exact = matches!(finding.rule.family(), "trail" | "watch");
    if exact && resource.is_none() {
        return Err(NoEntry::Incomplete);
    }
    Ok(SuppressionEntry { principal, resource, source_ip: source_ip.filter(|_| needs_address), ..entry })
}

/// The resource as an entry names it: a name with its kind, for things of several kinds may have the same name.
fn resource_named<'a>(finding: &Finding, resource: &'a str) -> Result<Cow<'a, str>, NoEntry> {
    let resource = pasteable(resource)?;
    Ok(match finding.resource_kind {
        Some(kind) if text::iam_name(resource).is_some() => format!("{kind}/{resource}").into(),
        _ => resource.into(),
    })
}

/// Whether the rule is about signing in, where anyone can pretend to be anyone: the address is part of the entry.
fn is_about_signing_in(rule: &Rule) -> bool {
    matches!(rule.family(), "root" | "sign-in")
        || matches!(rule.id, "identity-center.failed" | "identity-center.single-factor")
}

/// The value if it is safe to paste: an ARN, an IAM name, or `root of <account id>`.
fn pasteable(value: &str) -> Result<&str, NoEntry> {
    let root_of = value.strip_prefix("root of ").is_some_and(text::is_account_id);
    let is_safe = root_of || text::arn(value).is_some() || text::iam_name(value).is_some();
    if is_safe { Ok(value) } else { Err(NoEntry::Unsafe) }
}

/// The entry as TOML. A dot in a domain name is written as TOML's escape, so that mail programs make no link of it.
fn toml_of(entry: &SuppressionEntry<'_>) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct File<'a> {
        suppression: [&'a SuppressionEntry<'a>; 1],
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
    use crate::finding::suppression::Suppressions;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{DetectionCase, DetectionExpect};
    use crate::rules::detections::table;

    fn finding(record: BaseRecord) -> Finding {
        DetectionCase::new("suppression", record, DetectionExpect::Nothing).finding().unwrap()
    }

    /// Whether the entry suppresses the finding, once somebody has written the reason and the date.
    fn suppresses(entry: &SuppressionEntry<'_>, finding: &Finding) -> bool {
        let now = "2026-04-01T00:00:00Z".parse().unwrap();
        let pasted = toml_of(entry).unwrap();
        let edited = pasted.replace(PLACEHOLDERS.0, "an exercise").replace(PLACEHOLDERS.1, "2026-04-30");
        let suppressions = Suppressions::parse(&edited, &[finding.rule], now);
        assert_eq!(suppressions.problems(), [], "{edited}");
        suppressions.matching(finding, now).is_some()
    }

    #[test]
    fn an_entry_suppresses_no_more_than_its_finding() {
        let mut entries = 0;
        let cases = table().flat_map(|detection| detection.cases);
        for finding in cases.filter_map(DetectionCase::finding) {
            let Ok(entry) = suppression(&finding) else { continue };
            entries += 1;
            let name = format!("{entry:?}: {}", finding.summary);
            assert!(suppresses(&entry, &finding), "not the finding itself: {name}");
            let changed = |change: fn(&mut Finding)| {
                let mut other = finding.clone();
                change(&mut other);
                other
            };
            for severity in Severity::ALL {
                let other = Finding { severity, ..finding.clone() };
                let is_worse = severity > finding.severity;
                assert_eq!(suppresses(&entry, &other), !is_worse, "{severity}: {name}");
            }
            let elsewhere = changed(|other| other.account = Some("444455556666".to_owned()));
            assert!(!suppresses(&entry, &elsewhere), "another account: {name}");
            if matches!(finding.subject, Subject::EventName(_)) {
                let other = changed(|other| other.resource = Some("Another".to_owned()));
                assert!(!suppresses(&entry, &other), "another event: {name}");
                continue;
            }
            let somebody = changed(|other| {
                other.principal =
                    Some(Principal { id: Some("somebody-else".to_owned()), ..Principal::default() });
            });
            assert!(!suppresses(&entry, &somebody), "somebody else: {name}");
            assert!(!suppresses(&entry, &changed(|other| other.principal = None)), "nobody: {name}");
            if finding.resource.is_some() || finding.rule.family() == "trail" {
                let other = changed(|other| other.resource = Some("another".to_owned()));
                assert!(!suppresses(&entry, &other), "another resource: {name}");
            }
            if finding.resource_kind.is_some()
                && !finding.resource.as_deref().unwrap_or("/").contains([':', '/'])
            {
                let other = changed(|other| other.resource_kind = Some("something-else"));
                assert!(!suppresses(&entry, &other), "another kind of resource: {name}");
            }
            let door = matches!(finding.rule.family(), "root" | "sign-in")
                || ["identity-center.failed", "identity-center.single-factor"].contains(&finding.rule.id);
            if door && entry.source_ip.is_none() {
                assert!(finding.rule.family() == "root" && entry.resource.is_some(), "from anywhere: {name}");
            } else if door {
                let other = changed(|other| other.source_ip = Some("192.0.2.99".to_owned()));
                assert!(!suppresses(&entry, &other), "another address: {name}");
            }
        }
        assert!(entries > 100, "{entries} of the cases have an entry");
    }

    #[test]
    fn a_finding_without_distinguishing_values_has_a_reason_instead_of_an_entry() {
        for (name, record, reason) in [
            (
                "a trail that is not named",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}"#,
                ),
                NoEntry::Incomplete,
            ),
            (
                "a trail stopped by an unknown principal",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "userIdentity": null, "requestParameters": {"name": "main"}}"#,
                ),
                NoEntry::Incomplete,
            ),
            (
                "a trail of a hostile name",
                BaseRecord::ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "*"}}"#,
                ),
                NoEntry::Unsafe,
            ),
            (
                "root from nowhere",
                BaseRecord::RootSignIn(r#"{"sourceIPAddress": "AWS Internal"}"#),
                NoEntry::NoAddress,
            ),
            (
                "a failed sign-in from nowhere",
                BaseRecord::ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "sourceIPAddress": null}"#,
                ),
                NoEntry::NoAddress,
            ),
            (
                "a portal's failed sign-in from nowhere, although a resource is named",
                BaseRecord::IdentityCenterSignIn(
                    r#"{"serviceEventDetails": {"UserAuthentication": "Failure"}, "sourceIPAddress": null}"#,
                ),
                NoEntry::NoAddress,
            ),
            (
                "an account that the record does not name",
                BaseRecord::ConsoleSignIn(
                    r#"{"additionalEventData": {"MFAUsed": "No"}, "recipientAccountId": null, "userIdentity": {"accountId": null}}"#,
                ),
                NoEntry::Incomplete,
            ),
            (
                "a root session",
                BaseRecord::RootCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}, "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
                ),
                NoEntry::RootSession,
            ),
        ] {
            assert_eq!(suppression(&finding(record)).unwrap_err(), reason, "{name}");
        }
    }

    #[test]
    fn the_same_principal_always_has_the_same_id() {
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
    fn a_rule_that_cannot_be_suppressed_has_a_sentence_of_its_own() {
        for rule_id in NEVER {
            assert!(crate::rules::registry::all().iter().any(|rule| rule.id == *rule_id), "{rule_id}");
            assert_ne!(how_often(rule_id), how_often("another"), "{rule_id}");
        }
    }

    #[test]
    fn an_unknown_kind_of_event_is_suppressed_by_its_name_for_every_principal() {
        let unknown = finding(BaseRecord::ConsoleSignIn(r#"{"eventName": "NewName"}"#));
        let entry = suppression(&unknown).unwrap();
        assert_eq!((entry.principal, entry.resource, entry.source_ip), (None, Some("NewName".into()), None));
    }

    #[test]
    fn an_entry_for_one_finding_leaves_what_is_alike_and_worse_or_about_another_kind_of_thing() {
        let attached = |name: &str, parameter: &str, user: &str| {
            let json = format!(
                r#"{{"eventName": "{name}", "userIdentity": {{"userName": "{user}", "arn": "arn:aws:iam::111122223333:user/{user}"}}, "requestParameters": {{"{parameter}": "app", "policyArn": "arn:aws:iam::aws:policy/IAMFullAccess"}}}}"#
            );
            finding(BaseRecord::ApiCall(String::leak(json)))
        };
        let root_failed = |mfa: &str| {
            let json = format!(
                r#"{{"responseElements": {{"ConsoleLogin": "Failure"}}, "additionalEventData": {{"MFAUsed": "{mfa}"}}, "errorMessage": "Failed authentication"}}"#
            );
            finding(BaseRecord::RootSignIn(String::leak(json)))
        };
        let role = attached("AttachRolePolicy", "roleName", "alice");
        for (name, accepted, other, expected) in [
            (
                "a user with a role's name",
                &role,
                attached("AttachUserPolicy", "userName", "alice"),
                "role/app",
            ),
            (
                "a group with a role's name",
                &role,
                attached("AttachGroupPolicy", "groupName", "alice"),
                "role/app",
            ),
            (
                "a second factor after a password",
                &root_failed("No"),
                root_failed("Yes"),
                "max_severity = \"HIGH\"",
            ),
        ] {
            let entry = suppression(accepted).unwrap();
            assert!(suppresses(&entry, accepted) && !suppresses(&entry, &other), "{name}");
            assert_eq!(accepted.rule.id, other.rule.id, "{name}");
            assert!(toml_of(&entry).unwrap().contains(expected), "{name}");
        }
        let user_called_root = attached("AttachRolePolicy", "roleName", "root");
        let entry = suppression(&user_called_root).unwrap();
        assert!(suppresses(&entry, &user_called_root), "{entry:?}");
        let arn = Some("arn:aws:iam::111122223333:root".to_owned());
        let (kind, name) = (Some("Root".to_owned()), Some("root".to_owned()));
        let root = Principal { kind, name, arn: arn.clone(), id: arn, ..Principal::default() };
        let by_root = Finding { principal: Some(root), ..user_called_root.clone() };
        assert!(!suppresses(&entry, &by_root), "{entry:?}");
    }
}
