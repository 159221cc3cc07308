//! The one mail of a backfill: put together, put under way, published and noted.
//!
//! What it tells is marked in the live cases before it is put together, under an alert id that the backfill keeps. The
//! mail stands in the backfill before it is published, as it will be sent. So whoever goes on after a crash tells the
//! same, and nobody tells it twice.

use super::digest::{DigestOutput, DigestRequest, digest};
use super::run::{BackfillRun, BackfillStop};
use crate::ports::{Fleet, LogStore, NotificationSink, Runtime, StateStore, Taken};
use crate::state::backfill::{BackfillResult, Plan, RunState, Stage};
use crate::state::case::Teller;
use crate::state::outbox::OutboxEntry;
use crate::state::store::TIME_TO_ANSWER;
use crate::use_cases::notify::{Mailed, Outcome, TIME_TO_NOTE};

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// Tells what all items came to, and finishes the backfill.
    pub(super) async fn tell(&mut self, mut state: RunState, plan: &Plan) -> Result<RunState, BackfillStop> {
        self.notifier.memory.reserve(TIME_TO_ANSWER);
        if state.result.is_none() {
            state = self.while_leased(&state, |state| state.stage = Stage::Notifying).await?;
            state = self.put_together(state, plan).await?;
        }
        if let Some(mail) = state.mail.clone() {
            if !mail.is_claimed_by(&self.notifier.memory.claim.token) {
                // Nobody knows yet what became of it in the hands of the run before.
                return Err(BackfillStop::Unfinished(self.busy()));
            }
            self.publish(&state, &mail).await?;
        }
        let (token, now) = (self.notifier.memory.claim.token.clone(), self.runtime.now());
        let ended = self.update(&state, |state, _| {
            let is_mine = state.is_leased_to(&token);
            if is_mine {
                (state.stage, state.updated) = (Stage::Done, now);
                (state.mail, state.error) = (None, None);
                state.release(&token);
            }
            (is_mine || state.stage == Stage::Done).then(|| state.clone())
        });
        Ok(ended.await?.ok_or_else(|| self.busy())?)
    }

    /// Puts together what there is to tell, and with it the mail that tells it.
    async fn put_together(&mut self, state: RunState, plan: &Plan) -> Result<RunState, BackfillStop> {
        let accepted = self.notifier.load_accepted().await?;
        let folder = self.id.folder(state.generation);
        let lost = state.lost.as_ref();
        // The first generation of a backfill of which the cases tell had another before, whose object is gone.
        let retells = lost.is_some() || state.generation == 1;
        let teller = Teller { alert_id: &state.alert_id, run: self.id.as_str(), retells };
        let about = DigestRequest { folder: &folder, plan, notify: state.notify, teller, lost };
        let parts = async |item| self.compressed_result(&state, item).await;
        let digested = Box::pin(digest(&about, parts, &accepted, &self.notifier.memory, self.config)).await?;
        let DigestOutput { alert, findings, counts, read, objects } = digested;
        let subject = alert.as_ref().map(|alert| alert.subject.clone());
        let result = BackfillResult { findings, counts, objects: objects.into(), subject };
        let alert = alert.filter(|_| state.notify);
        let mail = alert.map(|alert| OutboxEntry::claimed(alert, false, &self.notifier.memory.claim));
        let now = self.runtime.now();
        let noted = self.while_leased(&state, |state| {
            (state.mail, state.result, state.read) = (mail.clone(), Some(result.clone()), read.clone());
            state.updated = now;
        });
        Ok(noted.await?)
    }

    async fn publish(&mut self, state: &RunState, mail: &OutboxEntry) -> Result<(), BackfillStop> {
        let alert = mail.alert();
        let published = self.notifier.publish(&alert, TIME_TO_NOTE).await;
        let (outcome, result) = match published {
            Ok(()) => (Outcome::Published, Ok(())),
            Err((trouble, taken)) => (Outcome::Failed(trouble.clone()), Err((trouble, taken))),
        };
        self.notifier.mails.push(Mailed { subject: alert.subject, outcome });
        let Err((trouble, taken)) = result else { return Ok(()) };
        if taken == Taken::No {
            // Certainly not published: the next run need not say that it may repeat.
            self.while_leased(state, |state| {
                if let Some(mail) = &mut state.mail {
                    mail.release();
                }
            })
            .await?;
        }
        Err(BackfillStop::Unfinished(trouble))
    }
}
