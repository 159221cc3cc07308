//! Requests by hand that notify nobody: the findings of kept or present reports are the answer, and nothing is recorded.

use std::cmp::Reverse;

use chrono::NaiveDate;
use futures_util::stream::{self, StreamExt};

use super::audited::JudgedAccount;
use super::run::{ACCOUNTS_AT_ONCE, AuditError, AuditRun, ledger_key};
use super::source::AuditSource;
use crate::finding::suppression::Suppressions;
use crate::finding::{Finding, Status};
use crate::formats::events::audit::AuditRequest;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::state::ledger::Ledger;

/// The most findings of an answer.
const MAX_LISTED: usize = 200;

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// Judges the reports that the request names.
    pub(super) async fn evaluate(&mut self, request: &AuditRequest) -> Result<(), crate::Error> {
        match self.evaluate_all(request).await {
            Ok(()) => Ok(()),
            Err(AuditError::Invalid(error)) => Err(error),
            Err(AuditError::NotNotified(error)) => {
                self.audited.not_notified = Some(error);
                Ok(())
            }
        }
    }

    async fn evaluate_all(&mut self, request: &AuditRequest) -> Result<(), AuditError> {
        let suppressions = self.notifier.load_suppressions().await?.suppressions;
        let state = self.load_state().await?;
        let watched = self.watched_accounts(&state, true).await?;
        let accounts = self.chosen(&watched.accounts)?;
        let run = &*self;
        let evaluate = accounts.into_iter().map(|account| async move {
            let evaluated = run.evaluate_one(&account, request.date).await;
            (account, evaluated)
        });
        let evaluated: Vec<_> =
            Box::pin(stream::iter(evaluate).buffer_unordered(ACCOUNTS_AT_ONCE).collect()).await;
        for (account, evaluated) in evaluated {
            match evaluated {
                Ok((report, findings)) => {
                    self.audited.add_report(report.users, report.generated);
                    self.list(findings, &suppressions);
                    self.audited.accounts.insert(account);
                }
                Err(error) if error.kind == AwsErrorKind::DeadlineExceeded => {
                    self.audited.to_do.insert(account, error);
                }
                Err(error) => drop(self.audited.failed.insert(account, error)),
            }
        }
        let listed = &mut self.audited.listed;
        listed.sort_by(|one, other| {
            let order = |of: &Finding| (Reverse(of.severity), of.account.clone(), of.id.clone());
            order(one).cmp(&order(other))
        });
        listed.truncate(MAX_LISTED);
        watched.problem_by_hand().map_or(Ok(()), |error| Err(AuditError::NotNotified(error)))
    }

    /// Adds an account's findings to the answer, and counts them.
    fn list(&mut self, mut findings: Vec<Finding>, suppressions: &Suppressions) {
        let now = self.state().runtime.now();
        let all = findings.len();
        findings.retain(|finding| suppressions.matching(finding, now).is_none());
        self.audited.suppressed += (all - findings.len()) as u64;
        for finding in findings.iter().filter(|finding| finding.status != Some(Status::Resolved)) {
            *self.audited.findings.entry(finding.severity).or_default() += 1;
        }
        self.audited.listed.extend(findings);
    }

    /// The findings of a kept report; or those of the present one, with what has changed since the last run.
    async fn evaluate_one(
        &self,
        account: &str,
        date: Option<NaiveDate>,
    ) -> Result<(JudgedAccount, Vec<Finding>), AwsError> {
        let state = self.state();
        if let Some(date) = date {
            let report = self.source.archived(account, date, state).await?;
            let mut judged = self.source.judge(account, &report, state)?;
            let findings = std::mem::take(&mut judged.judged.findings);
            return Ok((judged, findings));
        }
        let report = self.source.fetch(account, state).await?;
        let judged = self.source.judge(account, &report, state)?;
        let mut ledger = state.open(&ledger_key::<C>(account), &Ledger::new(account)).await?.object;
        ledger.record_judged(&judged.judged, &[], judged.users, judged.generated, state.runtime.now());
        let findings = ledger.changes(C::rule).chain(ledger.still_open(C::rule)).collect();
        Ok((judged, findings))
    }
}
