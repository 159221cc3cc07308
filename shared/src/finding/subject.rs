//! What one mail is about, and what a case is kept for.

use std::borrow::Cow;

use super::principal::{Principal, principal_id, user_name};
use crate::formats::cloudtrail::{Record, sign_in};

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
    /// Where log files come from: a bucket, or the queue that names them.
    Source(String),
    /// An event name that nobody has documented.
    EventName(String),
}

impl Subject {
    /// Whom a record is counted against: its principal, or the source address where AWS hides the name.
    pub fn of(record: &Record<'_>) -> Subject {
        let account = record.account().filter(|account| !account.is_empty());
        let account = account.unwrap_or("unknown account").to_owned();
        let identity = &record.user_identity;
        let given = |text: &'_ Option<Cow<'_, str>>| {
            text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = identity.kind.as_deref();
        let name = match kind {
            // Root's ARN is not in every record, and its user name is the account's alias where there is one.
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

/// The address as it is counted: an IPv6 one by its /64, the smallest network one customer is given.
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
