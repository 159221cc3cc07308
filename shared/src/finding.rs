//! One problem found: which rule, how bad, who, where, when, and the evidence to find it again.

mod judged;
mod merge;
pub mod ocsf;
mod principal;
pub mod query;
pub mod rule;
mod subject;
pub(crate) mod summary;
pub mod suppression;

pub use judged::{Gap, Judged, is_unjudged};
pub use merge::merged;
pub use principal::Principal;
pub(crate) use principal::partition;
pub use subject::Subject;
pub(crate) use subject::network_of;
pub use summary::{summary, what_of};

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::finding::rule::{Kind, Rule};
use crate::severity::Severity;

/// One problem: a rule, what it is about, and how bad it is. Its JSON form is an interface.
///
/// Absent facts are absent, never invented, and an empty one is absent. Every string may have been chosen
/// by an attacker.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable: the same event and rule give the same id, in whichever file and order.
    pub id: String,
    /// The rule that raised it.
    #[serde(serialize_with = "rule_id")]
    pub rule: &'static Rule,
    /// What the rule looks at.
    pub kind: Kind,
    /// How it stands beside what the run before found, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Since when it stands, as far as iamwatch has looked.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub since: Option<DateTime<Utc>>,
    /// How bad it is; the rule's severity unless this one is graded up or down.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Who did what, when, and from where: one sentence.
    pub summary: String,
    /// The account it is about.
    #[serde(skip_serializing_if = "absent")]
    pub account: Option<String>,
    /// The Region that the record names.
    #[serde(skip_serializing_if = "absent")]
    pub region: Option<String>,
    /// The ARN or name of what it is about.
    #[serde(skip_serializing_if = "absent")]
    pub resource: Option<String>,
    /// Who acted.
    #[serde(skip_serializing_if = "nameless")]
    pub principal: Option<Principal>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub time: Option<DateTime<Utc>>,
    /// Where it came from: an address, or the DNS name of an AWS service.
    #[serde(skip_serializing_if = "absent")]
    pub source_ip: Option<String>,
    /// With what.
    #[serde(skip_serializing_if = "absent")]
    pub user_agent: Option<String>,
    /// Where to find it again, and what the rule looked at.
    pub evidence: Evidence,
    /// Where the rule is written down elsewhere.
    pub references: &'static [&'static str],
    /// What to do next, in order.
    pub remediation: &'static [&'static str],
    /// Who or what it is counted against: findings of one subject come in one mail.
    #[serde(skip)]
    pub subject: Subject,
    /// What the principal did: a phrase that follows its name.
    #[serde(skip)]
    pub what: String,
    /// Whether anyone can cause it without credentials, and so as often as they like.
    #[serde(skip)]
    pub by_anyone: bool,
}

impl Finding {
    /// Which findings to keep where there is no room for all: the higher is kept. What anyone can cause
    /// without credentials counts as LOW at most.
    pub fn retention_priority(&self) -> Severity {
        if self.by_anyone { self.severity.min(Severity::Low) } else { self.severity }
    }
}

/// How a finding stands beside what the run before found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was not there.
    New,
    /// It was resolved once, and is there again.
    CameBack,
    /// It is still there.
    Still,
    /// It is there no more.
    Resolved,
}

impl Status {
    /// The name as it stands in JSON and message attributes.
    pub fn name(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::CameBack => "came-back",
            Status::Still => "still",
            Status::Resolved => "resolved",
        }
    }
}

/// Where a finding can be found again, and what the rule looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// The log file: `s3://bucket/key`, or a path.
    #[serde(skip_serializing_if = "absent")]
    pub log_file: Option<String>,
    /// The record's place in `Records`, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// `eventID`.
    #[serde(skip_serializing_if = "absent")]
    pub event_id: Option<String>,
    /// `addendum.originalEventID`, where the record is a corrected copy.
    #[serde(skip_serializing_if = "absent")]
    pub original_event_id: Option<String>,
    /// `eventSource`.
    #[serde(skip_serializing_if = "absent")]
    pub event_source: Option<String>,
    /// `eventName`.
    #[serde(skip_serializing_if = "absent")]
    pub event_name: Option<String>,
    /// `errorCode`.
    #[serde(skip_serializing_if = "absent")]
    pub error_code: Option<String>,
    /// `errorMessage`.
    #[serde(skip_serializing_if = "absent")]
    pub error_message: Option<String>,
    /// The access key that was used, masked to its first and last four characters.
    #[serde(skip_serializing_if = "absent")]
    pub access_key_id: Option<String>,
    /// When the log file was delivered, as its name says.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub delivered: Option<DateTime<Utc>>,
    /// The other log files in which the same event stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_in: Vec<String>,
    /// What else there is to look at: `s3://bucket/key`, the same with a `/` at its end for all under it, or a path.
    #[serde(skip_serializing_if = "absent")]
    pub object: Option<String>,
    /// What the rule looked at, by CloudTrail's own names where it has one.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Named facts in the order in which a mail shows them.
#[derive(Clone, Debug, Default)]
pub struct Facts(pub Vec<(Cow<'static, str>, String)>);

impl From<Vec<(&'static str, String)>> for Facts {
    fn from(facts: Vec<(&'static str, String)>) -> Facts {
        Facts(facts.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value)),
        )
    }
}

/// Where a record was read.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The log file: `s3://bucket/key`, or a path.
    pub log_file: &'a str,
    /// The record's place in `Records`, from 0.
    pub record: u64,
    /// When the log file was delivered, as its name says.
    pub delivered: Option<DateTime<Utc>>,
}

/// An access key id with only its first and last four characters.
pub fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 8 {
        return "*".repeat(characters.len());
    }
    let first: String = characters[..4].iter().collect();
    let last: String = characters[characters.len() - 4..].iter().collect();
    format!("{first}…{last}")
}

/// A stable id of up to 128 bits over parts that cannot run into each other.
pub fn stable_id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut id, byte| {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

pub(crate) fn absent(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

fn nameless(principal: &Option<Principal>) -> bool {
    principal.as_ref().is_none_or(|who| absent(&who.kind) && absent(&who.name) && absent(&who.arn))
}

fn rule_id<S: Serializer>(rule: &&'static Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.id)
}

fn rfc3339<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&time.format("%Y-%m-%dT%H:%M:%SZ")),
        None => serializer.serialize_none(),
    }
}

/// The members of [`Evidence`] in a finding's JSON: a fact of one of these names would be lost.
#[cfg(test)]
pub(crate) const EVIDENCE_MEMBERS: [&str; 12] = [
    "log_file",
    "record",
    "event_id",
    "original_event_id",
    "event_source",
    "event_name",
    "error_code",
    "error_message",
    "access_key_id",
    "delivered",
    "also_in",
    "object",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cloudtrail::{Record, sign_in};

    fn record(json: &str) -> Record<'_> {
        Record::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_principal_is_named_as_a_person_knows_it() {
        for (name, json, kind, expected) in [
            ("nobody", r#"{}"#, None, None),
            ("null", r#"{"userIdentity": null}"#, None, None),
            (
                "root, whose user name is the account's alias",
                r#"{"userIdentity": {"type": "Root", "userName": "example-corp"}}"#,
                Some("Root"),
                Some("root"),
            ),
            (
                "a user",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "alice"}}"#,
                Some("IAMUser"),
                Some("alice"),
            ),
            (
                "a user, whatever else the record calls a user",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "alice"}, "additionalEventData": {"UserName": "bob"}}"#,
                Some("IAMUser"),
                Some("alice"),
            ),
            (
                "a user who does not exist",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}}"#,
                Some("IAMUser"),
                None,
            ),
            (
                "a role session",
                r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Admin/do:ra"}}"#,
                Some("AssumedRole"),
                Some("Admin/do:ra"),
            ),
            (
                "a role session without an ARN",
                r#"{"userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "Admin"}}}}"#,
                Some("AssumedRole"),
                Some("Admin"),
            ),
            (
                "an Identity Center user, by login name",
                r#"{"userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}, "additionalEventData": {"UserName": "carol"}}"#,
                Some("IdentityCenterUser"),
                Some("carol"),
            ),
            (
                "an Identity Center user, by id",
                r#"{"userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}}"#,
                Some("IdentityCenterUser"),
                Some("9067-EXAMPLE"),
            ),
            (
                "an Identity Center user in the old shape",
                r#"{"userIdentity": {"type": "Unknown", "userName": "carol"}}"#,
                Some("Unknown"),
                Some("carol"),
            ),
            (
                "a service",
                r#"{"userIdentity": {"type": "AWSService", "invokedBy": "sso.amazonaws.com"}}"#,
                Some("AWSService"),
                Some("sso.amazonaws.com"),
            ),
            (
                "a service without a type",
                r#"{"userIdentity": {"invokedBy": "AWS Internal"}}"#,
                None,
                Some("AWS Internal"),
            ),
        ] {
            let principal = Principal::of(&record(json)).unwrap_or_default();
            assert_eq!((principal.kind.as_deref(), principal.name.as_deref()), (kind, expected), "{name}");
        }
    }

    #[test]
    fn a_record_is_counted_against_what_stays_the_same_from_record_to_record() {
        let principal = |kind: &str, name: &str| Subject::Principal {
            account: "111122223333".into(),
            kind: kind.into(),
            name: name.into(),
        };
        let address =
            |network: &str| Subject::Address { account: "111122223333".into(), network: network.into() };
        for (name, members, expected) in [
            (
                "a user, with an ARN",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}"#,
                principal("IAMUser", "alice"),
            ),
            (
                "the same user, who failed: no ARN",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice"}"#,
                principal("IAMUser", "alice"),
            ),
            (
                "root",
                r#""userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root"}"#,
                principal("Root", "root"),
            ),
            (
                "the same root, without an ARN and with the account's alias",
                r#""userIdentity": {"type": "Root", "principalId": "111122223333", "userName": "example-corp"}"#,
                principal("Root", "root"),
            ),
            (
                "a role session",
                r#""userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Admin/dora", "principalId": "AROA:dora"}"#,
                principal("AssumedRole", "arn:aws:sts::111122223333:assumed-role/Admin/dora"),
            ),
            (
                "another account's principal",
                r#""userIdentity": {"type": "AWSAccount", "accountId": "444455556666", "principalId": "AIDAEXAMPLE"}"#,
                Subject::Principal {
                    account: "444455556666".into(),
                    kind: "AWSAccount".into(),
                    name: "AIDAEXAMPLE".into(),
                },
            ),
            (
                "a user who does not exist, by IPv4",
                r#""userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "sourceIPAddress": "192.0.2.1""#,
                address("192.0.2.1"),
            ),
            (
                "by IPv4 written as IPv6",
                r#""userIdentity": {"userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "sourceIPAddress": "::ffff:192.0.2.1""#,
                address("192.0.2.1"),
            ),
            (
                "by IPv6: its /64",
                r#""additionalEventData": {"UserName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "sourceIPAddress": "2001:db8:1:2:3:4:5:6""#,
                address("2001:db8:1:2::/64"),
            ),
            ("nobody, from a service", r#""sourceIPAddress": "AWS Internal""#, address("AWS Internal")),
            ("nobody from nowhere", r#""eventName": "x""#, Subject::Account("111122223333".into())),
        ] {
            let json = format!(r#"{{"recipientAccountId": "111122223333", {members}}}"#);
            assert_eq!(Subject::of(&record(&json)), expected, "{name}");
        }
    }

    #[test]
    fn two_names_are_never_one_subject_and_one_name_always_is() {
        let subject = |identity: &str, login: &str, address: &str| {
            let json = format!(
                r#"{{"recipientAccountId": "111122223333", "sourceIPAddress": "{address}", "userIdentity": {identity}, "additionalEventData": {{"UserName": "{login}"}}}}"#
            );
            Subject::of(&record(&json))
        };
        for (name, identity) in [
            (
                "the account as id",
                r#"{"type": "Unknown", "principalId": "111122223333", "accountId": "111122223333", "arn": ""}"#,
            ),
            ("one id for all", r#"{"type": "Unknown", "principalId": "d-9067EXAMPLE"}"#),
            ("no id", r#"{"type": "Unknown"}"#),
            ("no type", "{}"),
            ("the new type without an id", r#"{"type": "IdentityCenterUser", "accountId": "111122223333"}"#),
        ] {
            let carol = subject(identity, "carol", "192.0.2.1");
            assert_ne!(carol, subject(identity, "dave", "192.0.2.1"), "{name}");
            assert_eq!(carol, subject(identity, "carol", "192.0.2.2"), "{name}");
            let hidden = subject(identity, sign_in::HIDDEN_NAME, "192.0.2.1");
            assert!(matches!(hidden, Subject::Address { .. }), "{name}: {hidden:?}");
        }
        let nobody = record(
            r#"{"recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1", "userIdentity": {"type": "Unknown", "principalId": "111122223333"}}"#,
        );
        assert!(matches!(Subject::of(&nobody), Subject::Address { .. }), "an account is nobody's name");
        let root = |session: &str| {
            let json = format!(
                r#"{{"recipientAccountId": "111122223333", "userIdentity": {{"type": "Root", "arn": "arn:aws:iam::111122223333:root", "sessionContext": {{{session}}}}}}}"#
            );
            Subject::of(&record(&json))
        };
        assert_ne!(root(""), root(r#""assumedRoot": "true""#), "a root session is not root");
    }

    #[test]
    fn a_suppression_names_a_principal_in_one_way() {
        for (name, members, expected) in [
            (
                "a user",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/x/alice"}"#,
                Some("alice"),
            ),
            (
                "a user without an ARN",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice"}"#,
                Some("alice"),
            ),
            (
                "a user without a name",
                r#""userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x/alice"}"#,
                Some("alice"),
            ),
            (
                "a user without either",
                r#""userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE"}"#,
                Some("AIDAEXAMPLE"),
            ),
            (
                "another account's user of the same name",
                r#""userIdentity": {"type": "IAMUser", "accountId": "444455556666", "userName": "alice", "arn": "arn:aws:iam::444455556666:user/alice"}"#,
                Some("arn:aws:iam::444455556666:user/alice"),
            ),
            (
                "another account's",
                r#""userIdentity": {"type": "AWSAccount", "accountId": "444455556666", "principalId": "AIDAEXAMPLE"}"#,
                Some("AIDAEXAMPLE"),
            ),
            (
                "nobody's",
                r#""userIdentity": {"type": "AWSAccount", "accountId": "444455556666", "principalId": "444455556666"}"#,
                None,
            ),
            (
                "a hidden name",
                r#""userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "principalId": "111122223333"}"#,
                Some(sign_in::HIDDEN_NAME),
            ),
            (
                "a role session without an ARN: not the bare name of the role",
                r#""userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "alice", "arn": "arn:aws:iam::111122223333:role/alice"}}}"#,
                Some("arn:aws:iam::111122223333:role/alice"),
            ),
            (
                "a role session of which only the name is known",
                r#""userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "alice"}}}"#,
                None,
            ),
            (
                "an Identity Center user with a login name",
                r#""userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}, "additionalEventData": {"UserName": "carol"}"#,
                Some("9067-EXAMPLE"),
            ),
            (
                "the same without one",
                r#""userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}"#,
                Some("9067-EXAMPLE"),
            ),
            (
                "in the old shape",
                r#""userIdentity": {"type": "Unknown", "principalId": "111122223333"}, "additionalEventData": {"UserName": "carol"}"#,
                Some("carol"),
            ),
            (
                "root without an ARN",
                r#""userIdentity": {"type": "Root", "userName": "example-corp"}"#,
                Some("arn:aws:iam::111122223333:root"),
            ),
            (
                "root in China",
                r#""awsRegion": "cn-north-1", "userIdentity": {"type": "Root"}"#,
                Some("arn:aws-cn:iam::111122223333:root"),
            ),
            (
                "root of an organisation's member",
                r#""userIdentity": {"type": "Root", "accountId": "444455556666"}"#,
                Some("arn:aws:iam::444455556666:root"),
            ),
            (
                "a root session",
                r#""userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "sessionContext": {"assumedRoot": "true"}}"#,
                None,
            ),
        ] {
            let json = format!(r#"{{"recipientAccountId": "111122223333", {members}}}"#);
            let principal = Principal::of(&record(&json)).unwrap();
            assert_eq!(principal.id.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn an_empty_fact_is_an_absent_one() {
        for name in ["", sign_in::HIDDEN_NAME] {
            let mut record: serde_json::Value = serde_json::from_str(
                r#"{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "userIdentity": {"type": "", "arn": "", "accountId": "", "principalId": "", "invokedBy": ""}, "awsRegion": "", "sourceIPAddress": "", "userAgent": "", "recipientAccountId": "", "eventID": "", "errorMessage": "", "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "", "LoginTo": ""}}"#,
            )
            .unwrap();
            record["userIdentity"]["userName"] = name.into();
            let json = record.to_string();
            let place = Place { log_file: "x.json", record: 0, delivered: None };
            let finding =
                crate::rules::detections::judge(json.as_bytes(), &crate::config::Config::default(), place)
                    .unwrap();
            let finding = finding.unwrap();
            let json = serde_json::to_string(&finding).unwrap();
            assert!(!json.contains(r#":"""#) && !json.contains("{}"), "{json}");
            let summary = &finding.summary;
            assert!(!summary.contains("account") && !summary.contains("  "), "{summary}");
        }
    }

    #[test]
    fn an_access_key_is_masked_to_its_ends() {
        for (key, expected) in [
            ("", ""),
            ("AKIA", "****"),
            ("AKIA1234", "********"),
            ("AKIA12345", "AKIA…2345"),
            ("AKIAALICEEXAMPLE1234", "AKIA…1234"),
            ("ééééxéééé", "éééé…éééé"),
        ] {
            assert_eq!(masked(key), expected, "{key}");
        }
    }

    #[test]
    fn a_stable_id_changes_with_every_part_and_with_where_parts_end() {
        let ids = [
            stable_id(&[]),
            stable_id(&[""]),
            stable_id(&["ab", "c"]),
            stable_id(&["a", "bc"]),
            stable_id(&["abc"]),
            stable_id(&["abc", ""]),
        ];
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(
            stable_id(&["ab", "c"]),
            "43ee655579de01ca739b3f95c1c2d3f4",
            "ids are remembered: they must not change"
        );
    }
}
