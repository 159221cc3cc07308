//! One problem found: which rule, how bad, who, where, when, and the evidence to find it again.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::cloudtrail::{Record, sign_in};
use crate::rule::{Kind, Rule, Severity};

/// One problem: a rule, what it is about, and how bad it is. Its JSON form is an interface.
///
/// Absent facts are absent, never invented. Every string may have been chosen by an attacker.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable: the same event and rule give the same id, in whichever file and order.
    pub id: String,
    /// The rule that raised it.
    #[serde(serialize_with = "rule_id")]
    pub rule: &'static Rule,
    /// What the rule looks at.
    pub kind: Kind,
    /// How bad it is; the rule's severity unless this one is graded up or down.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Who did what, when, and from where: one sentence.
    pub summary: String,
    /// The account it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The Region that the record names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The ARN or name of what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub time: Option<DateTime<Utc>>,
    /// Where it came from: an address, or the DNS name of an AWS service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// With what.
    #[serde(skip_serializing_if = "Option::is_none")]
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
}

/// Who acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// AWS's type of it: `Root`, `IAMUser`, `AssumedRole`, …
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name: user, role and session, Identity Center login; absent where AWS hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its ARN, where the record gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether its name is absent because AWS hides it: no user of that name exists.
    #[serde(skip)]
    pub name_hidden: bool,
}

/// Where a finding can be found again, and what the rule looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// The log file: `s3://bucket/key`, or a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_file: Option<String>,
    /// The record's place in `Records`, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// `eventID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// `addendum.originalEventID`, where the record is a corrected copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_event_id: Option<String>,
    /// `eventSource`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// `eventName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// `errorCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// `errorMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The access key that was used, masked to its first and last four characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// When the log file was delivered, as its name says.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub delivered: Option<DateTime<Utc>>,
    /// The other log files in which the same event stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_in: Vec<String>,
    /// What the rule looked at, by CloudTrail's own names where it has one.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Named facts in the order in which a mail shows them.
#[derive(Clone, Debug, Default)]
pub struct Facts(pub Vec<(&'static str, String)>);

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Who or what a finding is counted against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A principal, by account, type and the name that stays the same from record to record.
    Principal {
        /// The account that it belongs to.
        account: String,
        /// AWS's type of it.
        kind: String,
        /// What tells it from others of its type in that account.
        name: String,
    },
    /// A source address (an IPv6 one by its /64) trying names that AWS hides, in one account.
    Address {
        /// The account that was tried.
        account: String,
        /// The address or network.
        network: String,
    },
    /// An account as a whole.
    Account(String),
    /// A log file that could not be read.
    LogFile(String),
    /// An event name that nobody has documented.
    EventName(String),
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

impl Principal {
    /// The principal that a record names; nothing where it names none.
    pub fn of(record: &Record<'_>) -> Option<Principal> {
        let identity = &record.user_identity;
        let name = match identity.kind.as_deref() {
            Some("Root") => Some(Cow::Borrowed("root")),
            Some("AssumedRole" | "FederatedUser") => {
                // arn:aws:sts::111122223333:assumed-role/Role/session
                let resource = identity.arn.as_deref().and_then(|arn| arn.splitn(6, ':').nth(5));
                let name = resource.and_then(|resource| resource.split_once('/')).map(|(_, name)| name);
                name.map(Cow::Borrowed).or_else(|| identity.session_issuer_name.clone())
            }
            Some("AWSService") => identity.invoked_by.clone(),
            _ => sign_in::identity_center_user_name(record)
                .or_else(|| identity.user_name.clone().filter(|name| name != sign_in::HIDDEN_NAME)),
        };
        let name = name.or_else(|| identity.identity_center_user_id.clone()).map(Cow::into_owned);
        let name = name.or_else(|| identity.invoked_by.as_deref().map(str::to_owned));
        let principal = Principal {
            kind: identity.kind.as_deref().map(str::to_owned),
            name_hidden: name.is_none() && sign_in::name_is_hidden(record),
            name,
            arn: identity.arn.as_deref().map(str::to_owned),
        };
        (principal != Principal::default()).then_some(principal)
    }
}

impl Subject {
    /// Whom a record is counted against: its principal, or the source address where AWS hides the name.
    pub fn of(record: &Record<'_>) -> Subject {
        let account = record.account().unwrap_or("unknown account").to_owned();
        let identity = &record.user_identity;
        let hidden = sign_in::name_is_hidden(record);
        let name = identity
            .identity_center_user_id
            .as_deref()
            .or(identity.arn.as_deref().filter(|_| identity.kind.as_deref() != Some("IAMUser")))
            .or(identity.user_name.as_deref())
            .or(identity.principal_id.as_deref())
            .or(identity.arn.as_deref())
            .or(identity.invoked_by.as_deref());
        match (name, record.source_ip_address.as_deref()) {
            (Some(name), _) if !hidden => Subject::Principal {
                account: identity.account_id.as_deref().map_or(account, str::to_owned),
                kind: identity.kind.as_deref().unwrap_or("Unknown").to_owned(),
                name: name.to_owned(),
            },
            (_, Some(address)) => Subject::Address { account, network: network_of(address) },
            (_, None) => Subject::Account(account),
        }
    }
}

/// The address as it is counted: an IPv6 one by its /64, the smallest network one customer is given.
fn network_of(address: &str) -> String {
    match address.parse::<std::net::IpAddr>().map(|address| address.to_canonical()) {
        Ok(std::net::IpAddr::V6(address)) => {
            let network = std::net::Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
        Ok(std::net::IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
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

fn rule_id<S: Serializer>(rule: &&'static Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.id)
}

fn rfc3339<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&time.format("%Y-%m-%dT%H:%M:%SZ")),
        None => serializer.serialize_none(),
    }
}
