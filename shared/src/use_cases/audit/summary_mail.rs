//! The one mail over all accounts: what it reports, and how it is published.
//!
//! What has changed is in the ledgers before anything is published. The mail is added to the outbox of the audit's state,
//! with the findings that it reports. Once it is published, that is recorded there, then in the ledgers; then the mail is
//! finished. A run that finds it half done continues from there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::audit_state::{AuditMail, AuditState};
use super::run::{AT_ONCE, AuditRun, Ledgers, ledger_key, ledger_prefix};
use super::source::AuditSource;
use crate::finding::suppression::Suppressions;
use crate::finding::{Finding, Status};
use crate::mail::audit::AuditSummary;
use crate::ports::{AwsError, IamReader, NotificationSink, Runtime, StateStore};
use crate::severity::Severity;
use crate::state::ledger::Ledger;
use crate::state::object::HoldsOutbox;
use crate::state::outbox::OutboxEntry;
use crate::state::store::{TIME_TO_ANSWER, random_id};
use crate::use_cases::notify::{NotificationOutcome, Unrecorded, is_notified};

/// The findings of all ledgers that a mail reports, and the numbers of the others.
struct Changes {
    findings: Vec<Finding>,
    /// The number of open findings that are not suppressed.
    open: u64,
    suppressed: u64,
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// Finishes the mail of an earlier run. Returns the audit's state after that, and why the mail is not finished.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket.
    pub(super) async fn finish_earlier_mail(&mut self) -> Result<(AuditState, Option<AwsError>), AwsError> {
        let state = self.load_state().await?;
        if state.mail.is_none() {
            return Ok((state, None));
        }
        let (lease, now) = (self.state().lease.clone(), self.state().runtime.now());
        let take_over = |state: &mut AuditState| {
            state.take_over(&lease, now);
            state.clone()
        };
        let state = self.update_state(take_over).await?;
        match state.mail.clone() {
            None => Ok((state, None)),
            Some(mail) if mail.published.is_some() || mail.entry.is_leased_by(&lease.token) => {
                match self.finish_mail(mail).await? {
                    Ok(state) => Ok((state, None)),
                    Err(error) => Ok((state, Some(error))),
                }
            }
            Some(_) => Ok((state, Some(Self::busy()))),
        }
    }

    /// Notifies people of what has changed in these accounts, and reminds them of what is still open. `before` is the
    /// audit's state from before the ledgers were loaded.
    pub(super) async fn notify_changes(
        &mut self,
        before: &AuditState,
        ledgers: &Ledgers,
        suppressions: &Suppressions,
    ) -> Result<(), AwsError> {
        self.state().reserve(TIME_TO_ANSWER);
        let Changes { findings, open, suppressed } = self.changes(ledgers, suppressions);
        self.audited.suppressed += suppressed;
        let generated = ledgers.values().filter_map(|ledger| ledger.object.generated());
        let summary = AuditSummary {
            accounts: ledgers.len(),
            users: ledgers.values().map(|ledger| ledger.object.users()).sum(),
            generated: generated.clone().min().zip(generated.max()),
            open,
            suppressed,
            ledgers_at: Some(self.state().uri(&ledger_prefix::<C>())),
        };
        let mut reported: BTreeMap<String, BTreeMap<String, Status>> = BTreeMap::new();
        for finding in &findings {
            if let (Some(account), Some(status)) = (&finding.account, finding.status) {
                reported.entry(account.clone()).or_default().insert(finding.id.clone(), status);
            }
        }
        let alert_id = random_id(self.state().runtime);
        let Some(notification) = C::notification(findings, &summary, alert_id.clone(), self.config) else {
            return Ok(());
        };
        let may_repeat = before.may_repeat || ledgers.values().any(|ledger| ledger.object.may_repeat());
        let entry = OutboxEntry::leased(notification, may_repeat, &self.state().lease);
        let mail = AuditMail { entry, published: None, reported };
        let add = |state: &mut AuditState| {
            // Another run may be reporting the same.
            if state.mail.is_none() && state.mails == before.mails {
                state.mail = Some(mail.clone());
            }
            // It may have been added already, if the answer to that write was lost.
            state.has_mail(&alert_id)
        };
        match self.update_state(add).await? {
            true => self.finish_mail(mail).await?.map(drop),
            false => Err(Self::busy()),
        }
    }

    /// The changes of all accounts, with the reminders that are due.
    fn changes(&self, ledgers: &Ledgers, suppressions: &Suppressions) -> Changes {
        let now = self.state().runtime.now();
        let is_suppressed = |finding: &Finding| suppressions.matching(finding, now).is_some();
        let mut changes = Changes { findings: Vec::new(), open: 0, suppressed: 0 };
        let mut due: Option<Severity> = None;
        for ledger in ledgers.values().map(|ledger| &ledger.object) {
            for finding in ledger.changes(C::rule).chain(ledger.still_open(C::rule)) {
                if is_suppressed(&finding) {
                    changes.suppressed += 1;
                } else if is_notified(&finding, self.config) {
                    changes.open += u64::from(finding.status != Some(Status::Resolved));
                    if finding.status != Some(Status::Still) {
                        changes.findings.push(finding);
                    } else if ledger.is_due(&finding.id, now, self.config) {
                        due = Some(due.map_or(finding.severity, |due| due.min(finding.severity)));
                    }
                }
            }
        }
        // A reminder of one finding reports all of at least its severity, so that the others do not follow one by one.
        if let Some(least) = due {
            let still_open = ledgers.values().flat_map(|ledger| ledger.object.still_open(C::rule));
            changes.findings.extend(still_open.filter(|finding| {
                finding.severity >= least && is_notified(finding, self.config) && !is_suppressed(finding)
            }));
        }
        changes
    }

    /// Publishes a mail unless that is done, and records it in the ledgers. The inner error is why it was not published.
    async fn finish_mail(&mut self, mail: AuditMail) -> Result<Result<AuditState, AwsError>, AwsError> {
        let published = match mail.published {
            Some(published) => published,
            None => match self.publish_mail(&mail).await? {
                Ok(published) => published,
                Err(error) => return Ok(Err(error)),
            },
        };
        self.record_in_ledgers(&mail.reported, published).await?;
        let alert_id = mail.entry.alert_id();
        let finished = self.update_state(|state| {
            if state.has_mail(alert_id) {
                state.mail = None;
                state.mails += 1;
                state.may_repeat = false;
            }
            state.clone()
        });
        finished.await.map(Ok)
    }

    /// Publishes a mail, and records its outcome in the audit's state. The inner error is why it was not published, the
    /// outer one that the outcome could not be recorded.
    async fn publish_mail(&mut self, mail: &AuditMail) -> Result<Result<DateTime<Utc>, AwsError>, AwsError> {
        let mut unrecorded = Unrecorded::default();
        let result = self.notifier.outbox().publish(mail.entry.notification(), &mut unrecorded).await;
        let published = match &result.outcome {
            NotificationOutcome::Failed(error) => Err(error.clone()),
            _ => Ok(self.state().runtime.now()),
        };
        self.notifier.mails.push(result);
        if published.is_ok() {
            for status in mail.reported.values().flat_map(BTreeMap::values) {
                *self.audited.notified.entry(*status).or_default() += 1;
            }
        }
        if !unrecorded.is_empty() {
            self.record(&unrecorded, |_| ()).await?;
        }
        Ok(published)
    }

    /// Records in the ledgers what a mail reported.
    async fn record_in_ledgers(
        &self,
        reported: &BTreeMap<String, BTreeMap<String, Status>>,
        published: DateTime<Utc>,
    ) -> Result<(), AwsError> {
        let record = reported.iter().map(|(account, reported)| async move {
            let change = |ledger: &mut Ledger, was_unreadable| {
                ledger.record_notified(reported, published);
                if was_unreadable {
                    ledger.replaces_unreadable();
                }
            };
            let (key, new) = (ledger_key::<C>(account), Ledger::new(account));
            self.state().update(&key, &new, None, change).await.map(drop)
        });
        let recorded: Vec<Result<(), AwsError>> =
            stream::iter(record).buffer_unordered(AT_ONCE).collect().await;
        recorded.into_iter().collect()
    }
}
