//! Which accounts are watched.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Run;
use super::summary_mail::AuditState;
use crate::config::WatchedAccounts;
use crate::finding::Finding;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::rules::health::{account_left, accounts_unknown};
use crate::text;

/// What a person writes: an account id a line. No function may write it.
const FILE: &str = "config/accounts.txt";

/// How many of the lines that are no account ids are named.
const MAX_NAMED: usize = 5;

const MAX_LINE_CHARS: usize = 60;

/// The accounts whose reports are judged.
pub(super) struct Watched {
    pub accounts: BTreeSet<String>,
    /// The same as they were found out, or were before.
    pub found: BTreeSet<String>,
    /// Why there may be more.
    problem: Option<Finding>,
}

impl Watched {
    /// Why the answer to a person is not about all accounts.
    pub fn problem_by_hand(&self) -> Option<AwsError> {
        self.problem.as_ref().map(|problem| AwsError {
            kind: AwsErrorKind::Denied,
            call: "finding out which accounts are watched".to_owned(),
            answer: problem.what.clone(),
        })
    }

    /// What has to be told of accounts that were watched before.
    pub fn left(&self, before: &AuditState, own: Option<&str>, now: DateTime<Utc>) -> Vec<Finding> {
        if self.problem.is_some() {
            return Vec::new();
        }
        let left = before.accounts.iter().filter(|account| !self.accounts.contains(*account));
        left.map(|account| account_left(account, own, now)).collect()
    }

    /// Whether other accounts were found out than before.
    pub fn has_changed(&self, before: &AuditState) -> bool {
        self.problem.is_none() && self.found != before.accounts
    }

    /// What has to be told in the account that iamwatch runs in.
    pub fn problems(&self, account: &str, own: Option<&str>) -> Vec<Finding> {
        self.problem.iter().filter(|_| Some(account) == own).cloned().collect()
    }
}

impl<I: IamReader, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, I, S, A, P> {
    /// The watched accounts. Where they cannot be found out, those that were watched before.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket, or of an organisation that may answer later.
    pub(super) async fn watched(&self, before: &AuditState, is_late: bool) -> Result<Watched, AwsError> {
        let memory = &self.telling.memory;
        let own: BTreeSet<String> = self.own.map(str::to_owned).into_iter().collect();
        let now = memory.runtime.now();
        let (found, problem) = match &self.config.watched_accounts {
            WatchedAccounts::Listed(accounts) => (accounts.iter().cloned().collect(), None),
            WatchedAccounts::Organization => {
                let call = "listing the accounts of";
                let listed = memory.in_time(call, "the organization", self.iam.organization_accounts()).await;
                match listed {
                    Ok(accounts) => (accounts.into_iter().collect(), None),
                    Err(trouble) if trouble.kind != AwsErrorKind::Denied && !is_late => return Err(trouble),
                    Err(trouble) => {
                        let problem = accounts_unknown("organization", self.own, &trouble.to_string(), now);
                        (before.accounts.clone(), Some(problem))
                    }
                }
            }
            WatchedAccounts::File => {
                let uri = memory.uri(FILE);
                match memory.read(FILE).await? {
                    Some(file) => {
                        let (accounts, wrong) = parsed(&String::from_utf8_lossy(&file.content));
                        if wrong.is_empty() {
                            (accounts, None)
                        } else {
                            // Any of those of before may be the one that is meant.
                            let problem = accounts_unknown(&uri, self.own, &wrong, now);
                            (&accounts | &before.accounts, Some(problem))
                        }
                    }
                    None => {
                        let problem = accounts_unknown(&uri, self.own, "there is no such file", now);
                        (before.accounts.clone(), Some(problem))
                    }
                }
            }
        };
        Ok(Watched { accounts: &found | &own, found, problem })
    }
}

/// The accounts of the file, and what is wrong with its other lines.
fn parsed(file: &str) -> (BTreeSet<String>, String) {
    let mut accounts = BTreeSet::new();
    let mut wrong = Vec::new();
    let file = file.strip_prefix('\u{feff}').unwrap_or(file);
    for (number, line) in (1..).zip(file.lines()) {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if text::is_account_id(entry) {
            accounts.insert(entry.to_owned());
        } else if !entry.is_empty() {
            wrong.push(format!(
                "line {number} is {}; it must be a 12-digit account id",
                text::quoted(&text::cut(entry, MAX_LINE_CHARS))
            ));
        }
    }
    let more = wrong.len().saturating_sub(MAX_NAMED);
    wrong.truncate(MAX_NAMED);
    let mut wrong = wrong.join(", ");
    if more > 0 {
        wrong += &format!(", and {more} more lines");
    }
    (accounts, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_account_costs_no_other() {
        let (accounts, wrong) =
            parsed("\u{feff}# ours\n111122223333 # prod\r\n\n 444455556666\n1111\n111122223333");
        assert_eq!(accounts, ["111122223333", "444455556666"].map(str::to_owned).into());
        assert_eq!(wrong, "line 5 is 1111; it must be a 12-digit account id");
        let (accounts, wrong) = parsed(&"x\n".repeat(9));
        assert!(accounts.is_empty() && wrong.ends_with("and 4 more lines"), "{wrong}");
    }
}
