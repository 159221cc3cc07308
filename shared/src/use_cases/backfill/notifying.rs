//! The one mail of a backfill: built, added to the outbox, published and recorded.
//!
//! What it notifies is marked in the live cases before it is built, under an alert id that the backfill keeps. The mail is
//! in the backfill's outbox, as it will be sent, before it is published. So a run that goes on after a crash notifies the
//! same, and nothing is notified twice.

use chrono::{DateTime, Utc};

use super::digest::{DigestOutput, DigestRequest, digest};
use super::run::{BackfillRun, BackfillStop};
use crate::ports::{Fleet, LogStore, NotificationSink, Runtime, StateStore};
use crate::state::backfill::{BackfillResult, Plan, RunState, Stage};
use crate::state::case::DigestIdentity;
use crate::state::object::HoldsOutbox;
use crate::state::outbox::OutboxEntry;
use crate::state::store::TIME_TO_ANSWER;
use crate::use_cases::notify::{NotificationOutcome, Unrecorded};

impl HoldsOutbox for RunState {
    fn outbox_mut(&mut self) -> Vec<&mut OutboxEntry> {
        self.mail.iter_mut().collect()
    }

    fn record_notified(&mut self, alert_id: &str, _: DateTime<Utc>) {
        self.mail = self.mail.take().filter(|entry| entry.alert_id() != alert_id);
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// Notifies people of what all items came to, and finishes the backfill.
    pub(super) async fn notify(
        &mut self,
        mut state: RunState,
        plan: &Plan,
    ) -> Result<RunState, BackfillStop> {
        self.notifier.state_client.reserve(TIME_TO_ANSWER);
        if state.result.is_none() {
            state = self.while_leased(&state, |state| state.stage = Stage::Notifying).await?;
            state = self.put_together(state, plan).await?;
        }
        let mut unrecorded = Unrecorded::default();
        if let Some(entry) = &state.mail {
            if !entry.is_leased_by(&self.notifier.state_client.lease.token) {
                // An earlier run may still be publishing it.
                return Err(BackfillStop::Unfinished(self.busy()));
            }
            let result = self.notifier.outbox().publish(entry.notification(), &mut unrecorded).await;
            let failed = match &result.outcome {
                NotificationOutcome::Failed(error) => Some(error.clone()),
                _ => None,
            };
            self.notifier.mails.push(result);
            if let Some(error) = failed {
                self.record(&state, &unrecorded, |_| ()).await?;
                return Err(BackfillStop::Unfinished(error));
            }
        }
        self.finish(&state, &unrecorded).await
    }

    /// Builds the digest, and adds the mail that notifies it to the outbox.
    async fn put_together(&mut self, state: RunState, plan: &Plan) -> Result<RunState, BackfillStop> {
        let accepted = self.notifier.load_suppressions().await?;
        let folder = self.id.folder(state.generation);
        let lost = state.lost.as_ref();
        // The cases may know an earlier first generation, whose object is gone.
        let repeats = lost.is_some() || state.generation == 1;
        let teller = DigestIdentity { alert_id: &state.alert_id, run: self.id.as_str(), repeats };
        let request = DigestRequest { folder: &folder, plan, notify: state.notify, teller, lost };
        let results = async |item| self.compressed_result(&state, item).await;
        let output =
            Box::pin(digest(&request, results, &accepted, &self.notifier.state_client, self.config)).await?;
        let DigestOutput { alert, findings, counts, read, objects } = output;
        let subject = alert.as_ref().map(|alert| alert.subject.clone());
        let result = BackfillResult { findings, counts, objects: objects.into(), subject };
        let notification = alert.filter(|_| state.notify);
        let entry = notification.map(|of| OutboxEntry::leased(of, false, &self.notifier.state_client.lease));
        let now = self.runtime.now();
        let noted = self.while_leased(&state, |state| {
            (state.mail, state.result, state.read) = (entry.clone(), Some(result.clone()), read.clone());
            state.updated = now;
        });
        Ok(noted.await?)
    }

    /// Records the outcome of publishing, if there is one to record, with another change in the same write.
    async fn record<T>(
        &self,
        state: &RunState,
        unrecorded: &Unrecorded,
        mut also: impl FnMut(&mut RunState) -> T,
    ) -> Result<T, BackfillStop> {
        let outbox = self.notifier.outbox();
        let also = |state: &mut RunState, _| also(state);
        let (changed, _) = outbox.record(&self.id.key(), state, None, unrecorded, also).await?;
        Ok(changed)
    }

    /// Finishes the backfill, and records its mail as notified.
    async fn finish(&self, state: &RunState, unrecorded: &Unrecorded) -> Result<RunState, BackfillStop> {
        let (token, now) = (&self.notifier.state_client.lease.token, self.runtime.now());
        let finished = self.record(state, unrecorded, |state| {
            let is_mine = state.is_leased_to(token);
            if is_mine {
                (state.stage, state.updated) = (Stage::Done, now);
                (state.mail, state.error) = (None, None);
                state.release(token);
            }
            (is_mine || state.stage == Stage::Done).then(|| state.clone())
        });
        finished.await?.ok_or_else(|| BackfillStop::Unfinished(self.busy()))
    }
}
