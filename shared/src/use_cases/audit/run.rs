//! One run of an audit, and the keys of its objects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::audited::Audited;
use super::source::AuditSource;
use crate::config::Config;
use crate::formats::events::audit::{Audit, AuditRequest};
use crate::ports::{AwsError, IamReader, NotificationSink, Runtime, StateStore};
use crate::state::ledger::Ledger;
use crate::state::store::{Loaded, StateClient};
use crate::use_cases::notify::Notifier;

/// How many objects are read or written at the same time.
pub(super) const AT_ONCE: usize = 16;

/// How many accounts are looked at at the same time: their reports and findings have to fit into memory.
pub(super) const ACCOUNTS_AT_ONCE: usize = 8;

/// From this receive on, an account about which AWS does not answer counts as one that could not be looked at.
pub(super) const LATE_RECEIVES: u32 = 3;

/// One run of an audit.
pub(super) struct AuditRun<'a, C, I, S, N, R> {
    pub source: &'a C,
    pub request: &'a Audit,
    pub config: &'a Config,
    pub iam: &'a I,
    /// The account that iamwatch runs in, if it is known.
    pub own: Option<&'a str>,
    /// The part of the run's time that is kept for notifying.
    pub time_to_notify: Duration,
    pub notifier: Notifier<'a, S, N, R>,
    pub audited: Audited,
}

/// The ledgers of the accounts of a run.
pub(super) type Ledgers = BTreeMap<String, Loaded<Ledger>>;

/// Why a run ends early.
pub(super) enum AuditError {
    /// Not all can be notified.
    NotNotified(AwsError),
    /// The request by hand is invalid.
    Invalid(crate::Error),
}

impl From<AwsError> for AuditError {
    fn from(error: AwsError) -> AuditError {
        AuditError::NotNotified(error)
    }
}

/// The key of an account's ledger.
pub(super) fn ledger_key<C: AuditSource>(account: &str) -> String {
    format!("{}{account}.json", ledger_prefix::<C>())
}

/// The prefix of the ledgers' keys.
pub(super) fn ledger_prefix<C: AuditSource>() -> String {
    format!("audits/{}/", C::NAME)
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// The state bucket.
    pub fn state(&self) -> &StateClient<'_, S, R> {
        &self.notifier.state_client
    }

    /// When the audit was requested, and whether it is the last try.
    pub fn requested(&self) -> (DateTime<Utc>, bool) {
        match self.request {
            Audit::Scheduled { asked, receives } => (*asked, *receives >= LATE_RECEIVES),
            Audit::ByHand(_) => (self.state().runtime.now(), true),
        }
    }

    /// The accounts of this run: those that the request names, or all that are watched.
    pub fn chosen(&self, watched: &BTreeSet<String>) -> Result<BTreeSet<String>, AuditError> {
        let Audit::ByHand(AuditRequest { accounts, .. }) = self.request else { return Ok(watched.clone()) };
        if let Some(unknown) = accounts.iter().find(|account| !watched.contains(*account)) {
            return Err(AuditError::Invalid(crate::Error::Input {
                thing: "an account of the request".to_owned(),
                value: unknown.clone(),
                expected: "the account that iamwatch runs in, or one that WATCHED_ACCOUNTS names".to_owned(),
            }));
        }
        Ok(if accounts.is_empty() { watched.clone() } else { accounts.iter().cloned().collect() })
    }

    /// Loads the ledgers of these accounts.
    pub async fn load_ledgers(&self, accounts: BTreeSet<String>) -> Result<Ledgers, AwsError> {
        let load = accounts.into_iter().map(|account| async move {
            let loaded = self.state().open(&ledger_key::<C>(&account), &Ledger::new(&account)).await?;
            Ok((account, loaded))
        });
        let loaded: Vec<Result<_, AwsError>> = stream::iter(load).buffer_unordered(AT_ONCE).collect().await;
        loaded.into_iter().collect()
    }
}
