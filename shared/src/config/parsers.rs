//! Parsers of settings. Each returns `None` for a value that is not allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::settings::{Accepts, MAX_DAYS, MAX_MAILS_PER_HOUR};
use super::values::{Budget, Days, WatchedAccounts, mailed_severities};
use crate::glob::Glob;
use crate::severity::Severity;
use crate::text::{iam_name, is_account_id};

pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// `None` if an entry is invalid or an account has two names.
pub(super) fn account_names(list: &str) -> Option<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    for entry in entries(list) {
        let (account, name) = entry.split_once('=')?;
        let (account, name) = (account.trim(), name.trim());
        let valid = is_account_id(account) && !name.is_empty();
        if !valid || names.insert(account.to_owned(), name.to_owned()).is_some() {
            return None;
        }
    }
    Some(names)
}

/// Lower case, because a bucket's name is the stack's name in lower case. An entry of `*` alone is refused: it
/// would match everything.
pub(super) fn names(list: &str) -> Option<Vec<Glob>> {
    let name =
        |entry: &str| entry.bytes().any(|byte| byte != b'*').then(|| Glob::of(&entry.to_ascii_lowercase()));
    entries(list).map(name).collect()
}

/// A range, or one address as a range of one.
pub(super) fn cidr(entry: &str) -> Option<IpNet> {
    entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `None` if a budget is missing, unknown or named twice.
pub(super) fn mails_per_hour(list: &str) -> Option<BTreeMap<Budget, u32>> {
    let mut mails = BTreeMap::new();
    for entry in entries(list) {
        let (name, count) = entry.split_once('=')?;
        let budget = Budget::ALL.into_iter().find(|budget| budget.name() == name.trim())?;
        let count = count.trim().parse().ok().filter(|count| (1..=MAX_MAILS_PER_HOUR).contains(count))?;
        if mails.insert(budget, count).is_some() {
            return None;
        }
    }
    (mails.len() == Budget::ALL.len()).then_some(mails)
}

/// One number for all users, or one for each kind: `None` if a kind is missing, unknown or named twice.
pub(super) fn days(value: &str) -> Option<Days> {
    let number = |text: &str| text.trim().parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    if let Some(days) = number(value) {
        return Some(Days::all(days));
    }
    let (mut people, mut machines) = (None, None);
    for entry in entries(value) {
        let (name, days) = entry.split_once('=')?;
        let whose = match name.trim() {
            "PEOPLE" => &mut people,
            "MACHINES" => &mut machines,
            _ => return None,
        };
        if whose.replace(number(days)?).is_some() {
            return None;
        }
    }
    Some(Days { people: people?, machines: machines? })
}

/// `None` if a severity is missing, unknown or named twice.
pub(super) fn days_by_severity(list: &str) -> Option<BTreeMap<Severity, u32>> {
    let mut all = BTreeMap::new();
    for entry in entries(list) {
        let (name, days) = entry.split_once('=')?;
        let severity = mailed_severities().find(|severity| severity.name() == name.trim())?;
        let days = days.trim().parse().ok().filter(|days| *days <= MAX_DAYS)?;
        if all.insert(severity, days).is_some() {
            return None;
        }
    }
    (all.len() == mailed_severities().count()).then_some(all)
}

/// Accounts are sorted, and duplicates are removed.
pub(super) fn watched_accounts(value: &str) -> Option<WatchedAccounts> {
    match value {
        "organization" => return Some(WatchedAccounts::Organization),
        "file" => return Some(WatchedAccounts::File),
        _ => {}
    }
    let account = |entry: &str| is_account_id(entry).then(|| entry.to_owned());
    let accounts: Option<BTreeSet<String>> = entries(value).map(account).collect();
    Some(WatchedAccounts::Listed(accounts?.into_iter().collect()))
}

/// Source: IAM API Reference, `CreateRole`, `RoleName` and `Path`.
pub(super) fn role_name(value: &str) -> Option<String> {
    let name = value.rsplit('/').next().unwrap_or(value);
    let path = value.split('/').rev().skip(1).all(|part| iam_name(part).is_some());
    (iam_name(name).is_some() && name.len() <= 64 && value.len() <= 512 && path).then(|| value.to_owned())
}

/// Source: STS API Reference, `AssumeRole`, `ExternalId`.
pub(super) fn external_id(value: &str) -> Option<Option<String>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@:/_-".contains(&byte);
    match value {
        "" => Some(None),
        _ => {
            ((2..=1224).contains(&value.len()) && value.bytes().all(allowed)).then(|| Some(value.to_owned()))
        }
    }
}

pub(super) fn within(value: &str, accepts: Accepts) -> Option<u64> {
    let (Accepts::Bytes(least, most) | Accepts::Count(least, most, _)) = accepts else { return None };
    value.parse().ok().filter(|number| (least..=most).contains(number))
}
