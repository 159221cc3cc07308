//! How mails name accounts, principals and resources.

use super::evidence;
use crate::config::Config;
use crate::finding::summary::{known, quoted, refused};
use crate::finding::{Finding, Subject};
use crate::text;

const MAX_ACCOUNT_NAME_CHARS: usize = 20;

/// What follows a title if AWS refused the call.
pub(super) fn attempt(finding: &Finding) -> &'static str {
    if refused(finding) { " (refused)" } else { "" }
}

/// The worst finding's account and how many others there are: `prod (111122223333) +2 accounts`.
pub(super) fn accounts(worst: &Finding, findings: &[&Finding], config: &Config) -> Option<String> {
    let label = account_label(known(&worst.account)?, config);
    let mut others: Vec<&str> = findings.iter().filter_map(|finding| known(&finding.account)).collect();
    others.sort_unstable();
    others.dedup();
    Some(match others.len().saturating_sub(1) {
        0 => label,
        more => format!("{label} +{}", text::counted(more, "account", "accounts")),
    })
}

/// `prod (111122223333)`, or the id if the account has no name.
pub(super) fn account_label(account: &str, config: &Config) -> String {
    let id = text::clean(account, MAX_ACCOUNT_NAME_CHARS);
    match config.account_names.get(account) {
        Some(name) => format!("{} ({id})", text::clean(name, MAX_ACCOUNT_NAME_CHARS)),
        None => id,
    }
}

/// The name of the finding's subject in a subject line; `None` if it has none.
pub(super) fn short_name(finding: &Finding) -> Option<String> {
    let principal = finding.principal.as_ref();
    match (&finding.subject, principal.and_then(|principal| principal.name.as_deref())) {
        (Subject::EventName(name), _) => Some(quoted(name)),
        (Subject::LogFile(file), _) => {
            let name = file.rsplit('/').next().unwrap_or(file);
            Some(evidence::plain_path(name).map_or_else(|| quoted(name), str::to_owned))
        }
        (Subject::Principal { .. }, Some("root")) if principal.is_some_and(|root| root.root_session) => {
            Some("root session".to_owned())
        }
        (_, Some(name)) => Some(quoted(name)),
        (Subject::Address { network, .. }, None) => {
            let hidden = principal.is_some_and(|principal| principal.name_hidden);
            Some(format!("{} at {}", if hidden { "unknown user" } else { "somebody" }, quoted(network)))
        }
        (Subject::Principal { name, .. } | Subject::Source(name), None) => Some(quoted(name)),
        (Subject::Account(_), None) => known(&finding.resource).map(quoted),
    }
}
