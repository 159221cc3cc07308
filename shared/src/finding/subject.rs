//! The subject: what one mail is about, and what has a case.

use std::borrow::Cow;

use super::principal::{Principal, principal_id, user_name};
use crate::formats::cloudtrail::{Record, sign_in};

/// Who or what the findings of one mail are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A principal, by account, type and a name that is the same in every record.
    Principal {
        /// The account that it belongs to.
        account: String,
        /// AWS's type of it.
        kind: String,
        /// The name that is unique for its type in the account.
        name: String,
    },
    /// A source address (IPv6: its /64) that tries unknown user names in one account.
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
    /// Where log files come from: a bucket, or the queue that names them.
    Source(String),
    /// An undocumented event name.
    EventName(String),
}

impl Subject {
    /// The subject of a record: its principal, or the source address if AWS hides the name.
    pub fn of(record: &Record<'_>) -> Subject {
        let account = record.account().filter(|account| !account.is_empty());
        let account = account.unwrap_or("unknown account").to_owned();
        let identity = &record.user_identity;
        let given = |text: &'_ Option<Cow<'_, str>>| {
            text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = identity.kind.as_deref();
        let name = match kind {
            // Not every record has root's ARN, and its user name may be the account's alias.
            Some("Root") if identity.assumed_root == Some(true) => Some("root session".to_owned()),
            Some("Root") => Some("root".to_owned()),
            _ => given(&identity.identity_center_user_id)
                .or_else(|| given(&identity.arn).filter(|_| kind != Some("IAMUser")))
                .or_else(|| user_name(record).map(str::to_owned))
                // Before the principal's id: in Identity Center's older records that is the account, or one id
                // for many people.
                .or_else(|| sign_in::identity_center_user_name(record).map(Cow::into_owned))
                .or_else(|| principal_id(record).map(str::to_owned))
                .or_else(|| given(&identity.arn))
                .or_else(|| given(&identity.invoked_by)),
        };
        let name = name.filter(|_| !Principal::of(record).is_some_and(|principal| principal.name_hidden));
        match (name, record.source_ip_address.as_deref()) {
            (Some(name), _) => Subject::Principal {
                account: given(&identity.account_id).unwrap_or(account),
                kind: kind.unwrap_or("Unknown").to_owned(),
                name,
            },
            (None, Some(address)) => Subject::Address { account, network: network_of(address) },
            (None, None) => Subject::Account(account),
        }
    }
}

/// The address that is counted; of an IPv6 address its /64, the smallest network that a customer gets.
pub(crate) fn network_of(address: &str) -> String {
    match address.parse::<std::net::IpAddr>().map(|address| address.to_canonical()) {
        Ok(std::net::IpAddr::V6(address)) => {
            let network = std::net::Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
        Ok(std::net::IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record<'_> {
        Record::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_subject_of_a_record_is_the_same_in_every_record() {
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
            ("no principal, from a service", r#""sourceIPAddress": "AWS Internal""#, address("AWS Internal")),
            ("no principal and no address", r#""eventName": "x""#, Subject::Account("111122223333".into())),
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
        let no_principal = record(
            r#"{"recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1", "userIdentity": {"type": "Unknown", "principalId": "111122223333"}}"#,
        );
        assert!(matches!(Subject::of(&no_principal), Subject::Address { .. }), "an account is not a name");
        let root = |session: &str| {
            let json = format!(
                r#"{{"recipientAccountId": "111122223333", "userIdentity": {{"type": "Root", "arn": "arn:aws:iam::111122223333:root", "sessionContext": {{{session}}}}}}}"#
            );
            Subject::of(&record(&json))
        };
        assert_ne!(root(""), root(r#""assumedRoot": "true""#), "a root session is not root");
    }
}
