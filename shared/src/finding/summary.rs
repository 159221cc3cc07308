//! The summary of a finding: who did what, when and from where.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::finding::Finding;
pub(crate) use super::json::known;
use super::principal::Principal;
use super::rule::RuleKind;
use crate::formats::cloudtrail::sign_in::SIGN_IN_SOURCE;
use crate::text;

/// The longest name is that of a role session: 64 characters for the role, 64 for the session.
pub(crate) const MAX_NAME_CHARS: usize = 130;
pub(crate) const MAX_PHRASE_CHARS: usize = 300;

impl Finding {
    /// The finding with its summary: who did what, when, and from where, in one sentence that a pager can show.
    pub fn with_summary(mut self) -> Finding {
        let account = known(&self.account).map(|account| text::clean(account, MAX_NAME_CHARS));
        self.summary = sentence(&self, account);
        self
    }
}

/// The summary with the account as the reader knows it.
pub(crate) fn sentence(finding: &Finding, account: Option<String>) -> String {
    let what = text::clean(&finding.what, MAX_PHRASE_CHARS);
    let mut sentence = match who(finding) {
        // Without an actor the phrase is the whole sentence.
        None => capitalised(&what),
        Some(who) => format!("{who} {what}"),
    };
    // In parentheses, or "from 192.0.2.10" could be read as a part of the last clause.
    let clauses = [", ", ": ", "; "].iter().any(|end| what.contains(end)) && !what.ends_with(')');
    sentence += &match circumstances(finding, account) {
        rest if rest.is_empty() => rest,
        rest if clauses => format!(" ({rest})"),
        rest => format!(" {rest}"),
    };
    sentence + "."
}

/// The actor as the beginning of the sentence; `None` if there is no actor.
pub(crate) fn who(finding: &Finding) -> Option<String> {
    match (&finding.principal, finding.rule.kind) {
        (None, RuleKind::Check | RuleKind::Drift) => None,
        _ => Some(actor(finding)),
    }
}

/// The end of the sentence: from where, in which account, when.
pub(crate) fn circumstances(finding: &Finding, account: Option<String>) -> String {
    let account = account.map(|account| format!("in account {account}"));
    let (account, time) = match (&finding.principal, finding.rule.kind) {
        // A state that the report shows, not an action at that time.
        (Some(_), RuleKind::Check) => {
            let report =
                finding.time.map(|time| format!("as of the report of {} UTC", time.format("%Y-%m-%d %H:%M")));
            (account.map(|account| account + if report.is_some() { "," } else { "" }), report)
        }
        _ => (account, finding.time.map(|time| format!("at {} UTC", moment(time)))),
    };
    [origin(finding), account, time].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Whether AWS refused the call: then it is an attempt. Rules over sign-ins have titles of their own for that.
pub(crate) fn refused(finding: &Finding) -> bool {
    finding.evidence.error_code.is_some() && finding.evidence.event_source.as_deref() != Some(SIGN_IN_SOURCE)
}

/// The subject of a sentence.
pub(crate) fn actor(finding: &Finding) -> String {
    let Some(principal) = &finding.principal else {
        return "Somebody".to_owned();
    };
    let name = principal.name.as_deref().or(principal.arn.as_deref());
    match (principal.kind.as_deref(), name) {
        (Some("Root"), _) if principal.root_session => "A root session (sts:AssumeRoot)".to_owned(),
        (Some("Root"), _) => "The root user".to_owned(),
        (_, Some(name)) => format!("{} {}", capitalised(&kind_noun(principal)), quoted(name)),
        (_, None) if principal.name_hidden => "Somebody using an unknown user name (AWS hides it)".to_owned(),
        (Some("AWSAccount"), None) => "Another AWS account".to_owned(),
        (Some(_), None) => format!("Somebody ({}, not named in the record)", kind_noun(principal)),
        (None, None) => "Somebody".to_owned(),
    }
}

/// The type of the principal in words.
pub(crate) fn kind_noun(principal: &Principal) -> String {
    let noun = match principal.kind.as_deref() {
        Some("Root") if principal.root_session => "root session opened with sts:AssumeRoot",
        Some("Root") => "root user",
        Some("IAMUser") => "IAM user",
        Some("AssumedRole") => "role session",
        Some("Role") => "role",
        Some("FederatedUser") => "federated user",
        Some("IdentityCenterUser") => "Identity Center user",
        Some("AWSService") => "AWS service",
        Some("AWSAccount") => "principal of another account",
        Some("Directory") => "directory user",
        Some("SAMLUser") => "SAML user",
        Some("WebIdentityUser") => "web identity user",
        Some("Unknown") | None => "principal",
        Some(other) => return text::clean(other, 40),
    };
    noun.to_owned()
}

/// Where it came from, in words.
pub(crate) fn origin(finding: &Finding) -> Option<String> {
    let source = known(&finding.source_ip)?;
    let principal = finding.principal.as_ref().and_then(|principal| principal.name.as_deref());
    match SourceKind::of(source) {
        SourceKind::Address(address) => Some(format!("from {address}")),
        SourceKind::InsideAws => Some("from inside AWS".to_owned()),
        SourceKind::Service(_) if principal == Some(source) => None,
        SourceKind::Service(service) => Some(format!("by way of {}", text::clean(service, MAX_NAME_CHARS))),
        SourceKind::Other(source) => Some(format!("from {}", quoted(source))),
    }
}

/// What `sourceIPAddress` contains.
pub(crate) enum SourceKind<'a> {
    Address(IpAddr),
    Service(&'a str),
    InsideAws,
    Other(&'a str),
}

impl<'a> SourceKind<'a> {
    /// Source: CloudTrail User Guide, "CloudTrail record contents", `sourceIPAddress`.
    pub(crate) fn of(text: &'a str) -> SourceKind<'a> {
        if let Ok(address) = text.parse() {
            return SourceKind::Address(address);
        }
        let host = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
        match text {
            "AWS Internal" => SourceKind::InsideAws,
            _ if host && (text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn")) => {
                SourceKind::Service(text)
            }
            _ => SourceKind::Other(text),
        }
    }
}

/// A name in a sentence: in quotes, unless it is a valid name in IAM, or of a role session.
pub(crate) fn quoted(name: &str) -> String {
    let shown = text::clean(name, MAX_NAME_CHARS);
    let plain = |part: &str| text::iam_name(part).is_some();
    if name.split('/').all(plain) || SourceKind::is_plain(name) {
        shown
    } else {
        format!("\"{}\"", shown.replace('"', "\\\""))
    }
}

impl SourceKind<'_> {
    fn is_plain(text: &str) -> bool {
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        matches!(SourceKind::of(address), SourceKind::Address(_)) || text::arn(text).is_some()
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

pub(crate) fn moment(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M:%S")
}
