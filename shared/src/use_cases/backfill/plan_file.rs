//! The plan of a backfill: made and written once, then read.

use std::pin::pin;

use futures_util::{FutureExt, select_biased};

use super::digest_checkpoint::note_unreadable;
use super::planning::{Unplanned, plan};
use super::run::{BackfillRun, BackfillStop};
use crate::formats::events::backfill::Wanted;
use crate::formats::events::queue::input;
use crate::ports::{
    AwsError, AwsErrorKind, Fleet, LogStore, MAX_STATE_BYTES, NotificationSink, Runtime, StateStore,
    StoredObject,
};
use crate::state::backfill::{Estimate, Plan, ReadTotals, RunState};
use crate::state::format::FORMAT;
use crate::state::object::StateObject;
use crate::state::store::StateClient;

/// The most items that one digest has time for.
const MAX_ITEMS: usize = 10_000;

impl StateObject for Plan {
    fn read(content: &[u8], new: &Plan) -> Result<Plan, String> {
        Plan::read(content, &new.bucket, &new.wanted)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl From<Unplanned> for BackfillStop {
    fn from(unplanned: Unplanned) -> BackfillStop {
        match unplanned {
            Unplanned::Unfit(error) => BackfillStop::Refused(error),
            Unplanned::AwsError(error) => BackfillStop::Unfinished(error),
        }
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// The stored plan, or a new one.
    pub(super) async fn plan(&self, state: &RunState) -> Result<Plan, BackfillStop> {
        let state_client = &self.notifier.state_client;
        let key = format!("{}plan.json", self.id.folder(state.generation));
        let read = |stored: &StoredObject| Plan::read(&stored.content, self.bucket, &state.wanted);
        let stored = state_client.read(&key).await?;
        match stored.as_ref().map(read) {
            Some(Ok(plan)) => return Ok(plan),
            Some(Err(_)) => self.lose_plan(state, &key).await?,
            None => {}
        }
        let plan = self.make_plan(&state.wanted).await?;
        let refused = |answer: String| {
            let call = format!("writing {}", state_client.uri(&key));
            BackfillStop::Unfinished(AwsError { kind: AwsErrorKind::Denied, call, answer })
        };
        let content = serde_json::to_vec(&plan).map_err(|error| refused(error.to_string()))?;
        if content.len() > MAX_STATE_BYTES {
            let plan = format!("a plan that takes at most {MAX_STATE_BYTES} bytes: ask for fewer days");
            return Err(BackfillStop::Refused(input("the plan", &format!("{} bytes", content.len()), &plan)));
        }
        write_once(state_client, &key, &content, stored.as_ref()).await?;
        // Another invocation may have written its plan a moment ago: items are read by the stored plan.
        let stored = match state_client.read(&key).await? {
            // It was written a moment ago: read it again.
            None => state_client.read(&key).await?,
            stored => stored,
        };
        let missing = || Err("it is not there, although it was written".to_owned());
        stored.as_ref().map_or_else(missing, read).map_err(refused)
    }

    /// Replaces a plan that cannot be read; the digest reports it. Items that the new plan divides differently are read
    /// again.
    async fn lose_plan(&self, state: &RunState, key: &str) -> Result<(), AwsError> {
        let state_client = &self.notifier.state_client;
        let (bucket, wanted) = (self.bucket.to_owned(), state.wanted.clone());
        state_client.open(key, &Plan { format: FORMAT, bucket, wanted, items: Vec::new() }).await?;
        note_unreadable(&self.id.folder(state.generation), state_client.take_unreadable(), state_client)
            .await?;
        self.while_leased(state, |state| state.read = ReadTotals::default()).await?;
        Ok(())
    }

    /// Makes a plan, as far as there is time.
    pub(super) async fn make_plan(&self, wanted: &Wanted) -> Result<Plan, BackfillStop> {
        let mut time_is_up = pin!(self.runtime.sleep(self.notifier.state_client.time_left()).fuse());
        let planned = plan(self.bucket, "", wanted, self.config, self.logs, self.runtime);
        let mut planned = Box::pin(planned.fuse());
        select_biased! {
            planned = planned => fits(planned?),
            () = time_is_up => {
                let call = format!("listing s3://{}", self.bucket);
                let answer = "there is more than one invocation has time to list: ask for fewer days, accounts or Regions";
                let (kind, answer) = (AwsErrorKind::DeadlineExceeded, answer.to_owned());
                Err(BackfillStop::Unfinished(AwsError { kind, call, answer }))
            }
        }
    }

    /// Estimates a plan.
    pub(super) fn estimate(&self, plan: &Plan) -> Estimate {
        plan.estimate(self.fleet.map(|_| self.config.fleet_above_log_files))
    }

    /// The stored plan.
    pub(super) async fn stored_plan(&self, state: &RunState) -> Result<Plan, BackfillStop> {
        let state_client = &self.notifier.state_client;
        let key = format!("{}plan.json", self.id.folder(state.generation));
        let error = |kind, answer: String| {
            BackfillStop::Unfinished(AwsError {
                kind,
                call: format!("reading {}", state_client.uri(&key)),
                answer,
            })
        };
        match state_client.read(&key).await? {
            None => Err(error(AwsErrorKind::NotFound, "there is no plan".to_owned())),
            Some(stored) => Plan::read(&stored.content, self.bucket, &state.wanted)
                .map_err(|reason| error(AwsErrorKind::Denied, reason)),
        }
    }
}

/// Refuses a plan with more items than one digest has time for.
fn fits(plan: Plan) -> Result<Plan, BackfillStop> {
    let (items, Wanted { from, to, .. }) = (plan.items.len(), &plan.wanted);
    if items <= MAX_ITEMS {
        return Ok(plan);
    }
    let expected = format!(
        "fewer days, accounts or Regions: it has {items} parts, and at most {MAX_ITEMS} can be told at once"
    );
    Err(BackfillStop::Refused(input("the range", &format!("{from} to {to}"), &expected)))
}

/// Writes an object that is written once, or replaces it if it is unreadable.
pub(super) async fn write_once<S: StateStore, P: Runtime>(
    state_client: &StateClient<'_, S, P>,
    key: &str,
    content: &[u8],
    unreadable: Option<&StoredObject>,
) -> Result<(), AwsError> {
    match unreadable {
        None => state_client.create(key, content).await,
        // After a conflict another invocation wrote the same, or this one did and the answer was lost.
        Some(_) => state_client.replace(key, content, unreadable).await.map(drop),
    }
}
