//! Audits: the configuration of each watched account in, one mail over all accounts out.
//!
//! A run looks at each watched account that no run has looked at since the audit was requested, and writes the findings
//! into the account's ledger ([`crate::state::ledger`]). Once all are looked at, one mail reports what is new, resolved or
//! came back. A run that has no time for all accounts is requested again, and continues.

mod accounts;
mod audit_state;
mod audited;
mod by_hand;
mod looking;
mod run;
mod source;
mod summary_mail;

pub use audited::Audited;
pub(super) use audited::JudgedAccount;
pub(super) use source::AuditSource;

use std::collections::BTreeSet;
use std::time::Duration;

use super::notify::suppression_file::SuppressionFile;
use super::notify::{Notifier, OnStateFailure};
use crate::config::Config;
use crate::formats::events::audit::Audit;
use crate::ports::{AwsError, IamReader, NotificationSink, Ports, Runtime, StateStore};
use run::{AuditError, AuditRun, LATE_RECEIVES};

/// The part of a run's time that is kept for notifying; half of the time left, if that is less.
const TIME_TO_NOTIFY: Duration = Duration::from_secs(30);

/// Audits the watched accounts, and notifies people of what has changed.
///
/// # Errors
/// [`crate::Error::Input`] for an invalid request by hand.
pub(super) async fn audit<C: AuditSource, I: IamReader, L, S: StateStore, N: NotificationSink, R: Runtime>(
    source: &C,
    request: &Audit,
    config: &Config,
    iam: &I,
    ports: &Ports<'_, L, S, N, R>,
) -> Result<Audited, crate::Error> {
    let on_state_failure = match request {
        Audit::Scheduled { receives: LATE_RECEIVES.., .. } => OnStateFailure::PublishWithoutState,
        _ => OnStateFailure::Retry,
    };
    let time_to_notify = TIME_TO_NOTIFY.min(ports.runtime.time_left() / 2);
    let notifier = Notifier::new(config, ports, on_state_failure, time_to_notify);
    let (own, audited) = (ports.account, Audited::default());
    let mut run = AuditRun { source, request, config, iam, own, time_to_notify, notifier, audited };
    // Boxed: the compiler gives up on laying out the futures in place.
    match request {
        Audit::ByHand(by_hand) if by_hand.date.is_some() || !by_hand.notify => {
            Box::pin(run.evaluate(by_hand)).await?;
        }
        _ => Box::pin(run.audit()).await?,
    }
    let mut audited = run.audited;
    audited.state_errors = run.notifier.state_errors();
    audited.suppressed += run.notifier.suppressed;
    audited.mails = run.notifier.mails;
    Ok(audited)
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    async fn audit(&mut self) -> Result<(), crate::Error> {
        let suppressions = self.notifier.load_suppressions().await;
        let audited = match &suppressions {
            Ok(suppressions) => self.look_and_notify(suppressions).await,
            Err(error) => Err(AuditError::NotNotified(error.clone())),
        };
        let not_notified = match audited {
            Ok(()) => None,
            Err(AuditError::NotNotified(error)) => Some(error),
            Err(AuditError::Invalid(error)) => return Err(error),
        };
        self.notify_state_failure(not_notified.as_ref()).await;
        self.audited.not_notified = not_notified;
        Ok(())
    }

    /// Looks at the accounts, and notifies people of what has changed in all of them.
    async fn look_and_notify(&mut self, suppressions: &SuppressionFile) -> Result<(), AuditError> {
        let (requested, is_late) = self.requested();
        // The mail of an earlier run is published before anything changes.
        let (state, mut not_notified) = self.finish_earlier_mail().await?;
        let watched = self.watched_accounts(&state, is_late).await?;
        let mut ledgers = self.load_ledgers(self.chosen(&watched.accounts)?).await?;

        // Damaged objects are notified before they are replaced, and accounts that left before they are forgotten.
        let left = watched.left(&state, self.own, requested);
        self.notifier.notify(left, BTreeSet::new(), Ok(suppressions)).await;
        self.state().reserve(self.time_to_notify);
        if let Some(error) = self.notifier.not_notified.values().next().cloned() {
            if state.may_repeat || ledgers.values().any(|ledger| ledger.was_unreadable) {
                return Err(AuditError::NotNotified(error));
            }
            not_notified.get_or_insert(error);
        } else if watched.has_changed(&state) {
            self.record_accounts(&watched.found).await?;
        }

        self.look_at_accounts(&mut ledgers, &watched, requested, is_late).await;
        // One mail over all accounts: it waits for those that are left to the next run, but not for long.
        if not_notified.is_none() && (is_late || self.audited.to_do.is_empty()) {
            self.notify_changes(&state, &ledgers, &suppressions.suppressions).await?;
        }
        not_notified.map_or(Ok(()), |error| Err(AuditError::NotNotified(error)))
    }

    /// If the state bucket keeps failing, notifies people without state that changes are not known.
    async fn notify_state_failure(&mut self, not_notified: Option<&AwsError>) {
        let mut errors = not_notified.into_iter().chain(self.audited.to_do.values());
        let state = &self.notifier.state_client;
        if let Some(error) = errors.find(|error| state.has_failed_with(error)) {
            self.notifier.notify(Vec::new(), BTreeSet::new(), Err(error)).await;
        }
    }
}
