//! Reports, kept or as they are now, for whoever reads the answer: nobody is told and nothing is noted.

use std::cmp::Reverse;

use chrono::NaiveDate;
use futures_util::stream::{self, StreamExt};

use super::{Halt, LOOKS_AT_ONCE, Report, Run, key, report_archive};
use crate::finding::{Finding, Status};
use crate::formats::events::audit::AuditRequest;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::rules::registry;
use crate::state::ledger::Ledger;

/// So many findings stand in the answer.
const MAX_LISTED: usize = 200;

impl<I: IamReader, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, I, S, A, P> {
    /// Judges the reports that a person asks about.
    pub(super) async fn evaluate(&mut self, request: &AuditRequest) -> Result<(), crate::Error> {
        match self.evaluate_all(request).await {
            Ok(()) => Ok(()),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Untold(trouble)) => {
                self.audited.untold = Some(trouble);
                Ok(())
            }
        }
    }

    async fn evaluate_all(&mut self, request: &AuditRequest) -> Result<(), Halt> {
        let accepted = self.telling.load_accepted().await?;
        let bulletin = self.bulletin().await?;
        let watched = self.watched(&bulletin, true).await?;
        let accounts = self.chosen(&watched)?;
        let run = &*self;
        let evaluate = accounts.into_iter().map(|account| async move {
            let report = run.evaluate_one(&account, request.date).await;
            (account, report)
        });
        let evaluated: Vec<_> =
            Box::pin(stream::iter(evaluate).buffer_unordered(LOOKS_AT_ONCE).collect()).await;
        let now = self.telling.memory.runtime.now();
        for (account, report) in evaluated {
            match report {
                Ok((report, mut findings)) => {
                    self.audited.saw(report.users, report.generated);
                    let all = findings.len();
                    findings.retain(|finding| accepted.suppressions.matching(finding, now).is_none());
                    self.audited.accepted += (all - findings.len()) as u64;
                    for finding in findings.iter().filter(|finding| finding.status != Some(Status::Resolved))
                    {
                        *self.audited.findings.entry(finding.severity).or_default() += 1;
                    }
                    self.audited.listed.extend(findings);
                    self.audited.accounts.insert(account);
                }
                Err(trouble) if trouble.kind == AwsErrorKind::DeadlineExceeded => {
                    self.audited.to_do.insert(account, trouble);
                }
                Err(trouble) => drop(self.audited.failed.insert(account, trouble)),
            }
        }
        let listed = &mut self.audited.listed;
        listed.sort_by(|one, other| {
            let order = |of: &Finding| (Reverse(of.severity), of.account.clone(), of.id.clone());
            order(one).cmp(&order(other))
        });
        listed.truncate(MAX_LISTED);
        watched.problem_by_hand().map_or(Ok(()), |trouble| Err(Halt::Untold(trouble)))
    }

    /// What stands in a report, and where it is that of now, what has changed since the last run.
    async fn evaluate_one(
        &self,
        account: &str,
        date: Option<NaiveDate>,
    ) -> Result<(Report, Vec<Finding>), AwsError> {
        let memory = &self.telling.memory;
        if let Some(date) = date {
            let (content, generated) = report_archive::read(memory, account, date).await?;
            let mut report = self.judge(account, &content, generated)?;
            let findings = std::mem::take(&mut report.judged.findings);
            return Ok((report, findings));
        }
        let (content, generated) = self.fetch(account).await?;
        let report = self.judge(account, &content, generated)?;
        let mut ledger = memory.open(&key(account), &Ledger::new(account)).await?.object;
        ledger.looked(&report.judged, &[], report.users, generated, memory.runtime.now());
        let findings =
            ledger.changes(registry::check_rule).chain(ledger.standing(registry::check_rule)).collect();
        Ok((report, findings))
    }
}
