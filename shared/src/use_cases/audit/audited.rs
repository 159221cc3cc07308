//! What an audit came to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::finding::{CheckOutcome, Finding, Status};
use crate::ports::AwsError;
use crate::severity::Severity;
use crate::state::ledger::Ledger;
use crate::use_cases::notify::NotificationResult;

/// What a run of an audit came to.
#[derive(Debug)]
pub struct Audited {
    /// The accounts that this run has looked at.
    pub accounts: BTreeSet<String>,
    /// The number of users in these accounts.
    pub users: u64,
    /// When the oldest and the newest of their reports were generated.
    pub generated: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The number of open findings by severity; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// The worst of the findings, for a request that notifies nobody.
    pub listed: Vec<Finding>,
    /// The number of findings that mails reported, by status.
    pub notified: BTreeMap<Status, u64>,
    /// The number of suppressed findings.
    pub suppressed: u64,
    /// The notifications.
    pub mails: Vec<NotificationResult>,
    /// Why accounts could not be looked at. It is among the findings.
    pub failed: BTreeMap<String, AwsError>,
    /// Why accounts are left to the next run.
    pub to_do: BTreeMap<String, AwsError>,
    /// Why some findings are not notified yet.
    pub not_notified: Option<AwsError>,
    /// The errors of the state bucket, whether or not a retry succeeded.
    pub state_errors: Vec<AwsError>,
}

/// What is known of one account: its findings, and the facts for the mail.
pub struct JudgedAccount {
    /// The findings, and what could not be judged.
    pub judged: CheckOutcome,
    /// The number of its users.
    pub users: u64,
    /// When the report that was judged was generated.
    pub generated: DateTime<Utc>,
}

impl Default for Audited {
    fn default() -> Audited {
        Audited {
            accounts: BTreeSet::new(),
            users: 0,
            generated: None,
            findings: Severity::ALL.into_iter().map(|severity| (severity, 0)).collect(),
            listed: Vec::new(),
            notified: BTreeMap::new(),
            suppressed: 0,
            mails: Vec::new(),
            failed: BTreeMap::new(),
            to_do: BTreeMap::new(),
            not_notified: None,
            state_errors: Vec::new(),
        }
    }
}

impl Audited {
    /// Why the audit has to be run again; `None` if it is finished.
    pub fn unfinished(&self) -> Option<&AwsError> {
        self.to_do.values().next().or(self.not_notified.as_ref())
    }

    /// Adds a report.
    pub(super) fn add_report(&mut self, users: u64, generated: DateTime<Utc>) {
        self.users += users;
        let (oldest, newest) = self.generated.unwrap_or((generated, generated));
        self.generated = Some((oldest.min(generated), newest.max(generated)));
    }

    /// Adds an account that this run has looked at, or could not look at.
    pub(super) fn add_account(&mut self, account: String, ledger: &Ledger, failed: Option<AwsError>) {
        for (severity, count) in ledger.open_by_severity() {
            *self.findings.entry(severity).or_default() += count;
        }
        match failed {
            Some(error) => drop(self.failed.insert(account, error)),
            None => {
                if let Some(generated) = ledger.generated() {
                    self.add_report(ledger.users(), generated);
                }
                self.accounts.insert(account);
            }
        }
    }
}
