//! Looking at accounts, and writing their findings into the ledgers.

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::accounts::WatchedList;
use super::audited::JudgedAccount;
use super::run::{ACCOUNTS_AT_ONCE, AuditRun, Ledgers, ledger_key};
use super::source::AuditSource;
use crate::finding::Finding;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::state::ledger::Ledger;
use crate::state::store::Loaded;

/// What became of one account.
enum AccountLook {
    /// It was looked at, or its ledger records why it could not be.
    Recorded(Option<AwsError>),
    /// It is left to the next run.
    ToDo(AwsError),
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// Looks at the accounts at which no run has looked since the audit was requested.
    pub(super) async fn look_at_accounts(
        &mut self,
        ledgers: &mut Ledgers,
        watched: &WatchedList,
        requested: DateTime<Utc>,
        is_late: bool,
    ) {
        let waiting = ledgers.iter_mut().filter(|(_, ledger)| !ledger.object.was_tried_since(requested));
        let mut waiting: Vec<_> = waiting.collect();
        // Those for which no run had time come first.
        waiting.sort_by_key(|(_, ledger)| ledger.object.tried());
        let run = &*self;
        let looks = waiting.into_iter().map(|(account, ledger)| async move {
            let beside = watched.problems(account, run.own);
            (account.clone(), run.look(account, ledger, &beside, is_late).await)
        });
        let looks: Vec<(String, AccountLook)> =
            Box::pin(stream::iter(looks).buffer_unordered(ACCOUNTS_AT_ONCE).collect()).await;
        for (account, look) in looks {
            match look {
                AccountLook::ToDo(error) => drop(self.audited.to_do.insert(account, error)),
                AccountLook::Recorded(failed) => {
                    let ledger = &ledgers[&account].object;
                    self.audited.add_account(account, ledger, failed);
                }
            }
        }
    }

    /// Looks at one account, and writes its findings into its ledger; and with them those `beside` its report.
    async fn look(
        &self,
        account: &str,
        ledger: &mut Loaded<Ledger>,
        beside: &[Finding],
        is_late: bool,
    ) -> AccountLook {
        let is_left = |error: &AwsError| match error.kind {
            AwsErrorKind::DeadlineExceeded => true,
            AwsErrorKind::Transient => !is_late,
            AwsErrorKind::NotFound | AwsErrorKind::Denied => false,
        };
        let judged = match self.source.fetch(account, self.state()).await {
            Err(error) if is_left(&error) => return AccountLook::ToDo(error),
            Err(error) => Err(error),
            Ok(report) => self.judge(account, &report, &ledger.object).await,
        };
        let now = self.state().runtime.now();
        let change = |ledger: &mut Ledger, was_unreadable: bool| {
            if was_unreadable {
                ledger.replaces_unreadable();
            }
            match &judged {
                Ok(JudgedAccount { judged, users, generated }) => {
                    ledger.record_judged(judged, beside, *users, *generated, now);
                }
                Err(error) => {
                    let failed = C::check_failed(account, error, now);
                    ledger.could_not_look(beside.iter().chain([&failed]), now);
                }
            }
            ledger.forget(now, self.config);
        };
        let (key, new) = (ledger_key::<C>(account), Ledger::new(account));
        match self.state().update(&key, &new, Some(ledger.clone()), change).await {
            Ok(((), written)) => {
                *ledger = written;
                AccountLook::Recorded(judged.err())
            }
            Err(error) => AccountLook::ToDo(error),
        }
    }

    /// Judges a report, and keeps it if it is newer than the last.
    async fn judge(
        &self,
        account: &str,
        report: &C::Report,
        ledger: &Ledger,
    ) -> Result<JudgedAccount, AwsError> {
        let judged = self.source.judge(account, report, self.state())?;
        if ledger.generated() < Some(C::generated(report)) {
            // A report that cannot be kept is judged all the same: the error is among those of the state bucket, and the
            // day's next report is kept again.
            let _ = self.source.archive(account, report, self.state()).await;
        }
        Ok(judged)
    }
}
