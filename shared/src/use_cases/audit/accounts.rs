//! Which accounts are watched.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::audit_state::AuditState;
use super::run::AuditRun;
use super::source::AuditSource;
use crate::config::WatchedAccounts;
use crate::finding::Finding;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::rules::health::{account_left, accounts_unknown};
use crate::text;

/// The file that a person writes: one account id per line. No function may write it.
const FILE: &str = "config/accounts.txt";

/// The most invalid lines that are quoted.
const MAX_NAMED: usize = 5;

const MAX_LINE_CHARS: usize = 60;

/// The watched accounts.
pub(super) struct WatchedList {
    /// All of them, with the own one.
    pub accounts: BTreeSet<String>,
    /// Those that the setting names, or named when it could last be read.
    pub found: BTreeSet<String>,
    /// Why the list may be incomplete.
    problem: Option<Finding>,
}

impl WatchedList {
    /// Why the answer to a request by hand may not be about all accounts.
    pub fn problem_by_hand(&self) -> Option<AwsError> {
        self.problem.as_ref().map(|problem| AwsError {
            kind: AwsErrorKind::Denied,
            call: "finding out which accounts are watched".to_owned(),
            answer: problem.what.clone(),
        })
    }

    /// The findings about accounts that are no longer watched.
    pub fn left(&self, before: &AuditState, own: Option<&str>, now: DateTime<Utc>) -> Vec<Finding> {
        if self.problem.is_some() {
            return Vec::new();
        }
        let left = before.accounts.iter().filter(|account| !self.accounts.contains(*account));
        left.map(|account| account_left(account, own, now)).collect()
    }

    /// Whether the accounts differ from those before.
    pub fn has_changed(&self, before: &AuditState) -> bool {
        self.problem.is_none() && self.found != before.accounts
    }

    /// The finding about the list itself: it is reported in the own account.
    pub fn problems(&self, account: &str, own: Option<&str>) -> Vec<Finding> {
        self.problem.iter().filter(|_| Some(account) == own).cloned().collect()
    }
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// The watched accounts. If the list cannot be read, those that were watched before.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket, or of an organisation that may answer later.
    pub(super) async fn watched_accounts(
        &self,
        before: &AuditState,
        is_late: bool,
    ) -> Result<WatchedList, AwsError> {
        let state = self.state();
        let own: BTreeSet<String> = self.own.map(str::to_owned).into_iter().collect();
        let now = state.runtime.now();
        let (found, problem) = match &self.config.watched_accounts {
            WatchedAccounts::Listed(accounts) => (accounts.iter().cloned().collect(), None),
            WatchedAccounts::Organization => {
                let call = "listing the accounts of";
                let listed = state.in_time(call, "the organization", self.iam.organization_accounts()).await;
                match listed {
                    Ok(accounts) => (accounts.into_iter().collect(), None),
                    Err(error) if error.kind != AwsErrorKind::Denied && !is_late => return Err(error),
                    Err(error) => {
                        let problem = accounts_unknown("organization", self.own, &error.to_string(), now);
                        (before.accounts.clone(), Some(problem))
                    }
                }
            }
            WatchedAccounts::File => {
                let uri = state.uri(FILE);
                match state.read(FILE).await? {
                    Some(file) => {
                        let (accounts, wrong) = parsed(&String::from_utf8_lossy(&file.content));
                        if wrong.is_empty() {
                            (accounts, None)
                        } else {
                            // An invalid line may mean any account that was watched before.
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
        Ok(WatchedList { accounts: &found | &own, found, problem })
    }
}

/// The accounts in the file, and what is wrong with its other lines.
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
