//! One problem: which rule found it, how severe it is, whom it is about, when it happened, and the evidence.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::evidence::Evidence;
use super::json::{known, rfc3339};
use super::principal::Principal;
use super::rule::{Rule, RuleKind};
use super::status::Status;
use super::subject::Subject;
use crate::bounded::Ranked;
use crate::severity::Severity;

/// One problem. Its JSON form is an interface: absent and empty members are left out, none is invented.
///
/// Every text may have been chosen by an attacker.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Stable: the same event and rule have the same id, whichever file it was read from.
    pub id: String,
    /// The rule that raised it.
    pub rule: &'static Rule,
    /// How it compares with the run before, if that is known.
    pub status: Option<Status>,
    /// Since when it is open, as far as iamwatch has looked.
    pub since: Option<DateTime<Utc>>,
    /// The rule's severity, unless this finding is graded up or down.
    pub severity: Severity,
    /// One sentence: who did what, when, and from where.
    pub summary: String,
    /// The account it is about.
    pub account: Option<String>,
    /// The Region that the record names.
    pub region: Option<String>,
    /// The ARN or name of what it is about.
    pub resource: Option<String>,
    /// What `resource` names if it is a name and no ARN: `user`, `role`, `trail`, …
    pub resource_kind: Option<&'static str>,
    /// Who acted.
    pub principal: Option<Principal>,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// Where it came from: an address, or the DNS name of an AWS service.
    pub source_ip: Option<String>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// Where to find it again, and what the rule looked at.
    pub evidence: Evidence,
    /// What to do next, in order: the rule's steps, unless this finding has its own.
    pub remediation: &'static [&'static str],
    /// Findings of one subject are reported in one mail.
    pub subject: Subject,
    /// What the principal did: a phrase that follows its name.
    pub what: String,
    /// Whether anyone can cause it without credentials, and therefore as often as they like.
    pub unauthenticated: bool,
    /// The event that findings must have in common to be deduplicated with each other, such as `iam:CreateUser`; `None`
    /// if the event name does not matter.
    pub distinct_event: Option<String>,
}

impl Finding {
    /// A finding about which nothing else is known, without a summary yet.
    pub fn new(
        rule: &'static Rule,
        severity: Severity,
        id: String,
        subject: Subject,
        what: impl Into<String>,
    ) -> Finding {
        Finding {
            id,
            rule,
            status: None,
            since: None,
            severity,
            summary: String::new(),
            account: None,
            region: None,
            resource: None,
            resource_kind: None,
            principal: None,
            time: None,
            source_ip: None,
            user_agent: None,
            evidence: Evidence::default(),
            remediation: rule.remediation,
            subject,
            what: what.into(),
            unauthenticated: false,
            distinct_event: None,
        }
    }

    /// If there is not room for every finding, those with the highest priority are kept. What anyone can cause
    /// without credentials counts as LOW at most.
    pub fn retention_priority(&self) -> Severity {
        if self.unauthenticated { self.severity.min(Severity::Low) } else { self.severity }
    }
}

impl Ranked for Finding {
    type Rank = Reverse<Severity>;

    fn rank(&self) -> Reverse<Severity> {
        Reverse(self.retention_priority())
    }
}

/// The JSON form of a [`Finding`]: the order of these members is the order in the output.
#[derive(Serialize)]
struct FindingJson<'a> {
    id: &'a str,
    rule: &'static str,
    kind: RuleKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    since: Option<DateTime<Utc>>,
    severity: Severity,
    title: &'static str,
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a Principal>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    evidence: &'a Evidence,
    references: &'static [&'static str],
    remediation: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
}

impl<'a> From<&'a Finding> for FindingJson<'a> {
    fn from(finding: &'a Finding) -> FindingJson<'a> {
        FindingJson {
            id: &finding.id,
            rule: finding.rule.id,
            kind: finding.rule.kind,
            status: finding.status,
            since: finding.since,
            severity: finding.severity,
            title: finding.rule.title,
            summary: &finding.summary,
            account: known(&finding.account),
            region: known(&finding.region),
            resource: known(&finding.resource),
            principal: finding.principal.as_ref().filter(|principal| !principal.is_nameless()),
            time: finding.time,
            source_ip: known(&finding.source_ip),
            user_agent: known(&finding.user_agent),
            evidence: &finding.evidence,
            references: finding.rule.references,
            remediation: finding.remediation,
            what: None,
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FindingJson::from(self).serialize(serializer)
    }
}

/// A finding of a check as a JSON line that `--previous` can read: its phrase `what` is the last member.
#[derive(Clone, Copy, Debug)]
pub struct CheckLine<'a>(pub &'a Finding);

impl Serialize for CheckLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FindingJson { what: Some(&self.0.what), ..FindingJson::from(self.0) }.serialize(serializer)
    }
}
