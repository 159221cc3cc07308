//! A backfill: reads past log files, and notifies people of their findings in one mail.
//!
//! A backfill is an object of the state bucket, named by its request ([`crate::state::backfill::RunState`]). An
//! invocation acquires its lease and continues at its stage: plan, read the items one after another, make the digest,
//! publish it. The result of each step is written once, so that the same request continues after a crash. If there is
//! much to read, the state machine hands the items to many invocations, and then requests the digest.

mod backfilled;
mod digest;
mod digest_checkpoint;
mod fleet;
mod folders;
mod items;
mod key_ranges;
mod listing;
mod notifying;
mod plan_file;
mod planning;
mod record_keeper;
mod run;
mod scanning;
mod status;

pub use backfilled::{BackfillProgress, Backfilled};
pub(super) use key_ranges::Division;
pub(super) use listing::Lister;
pub(super) use planning::key_ranges;
pub use planning::{Unplanned, plan};
pub(super) use scanning::{RangeListing, of_listed, page};
pub use scanning::{ReadLogFile, scan};

use crate::Error;
use crate::config::Config;
use crate::formats::events::backfill::{BackfillRequest, BackfillTask, FleetStep};
use crate::ports::{Fleet, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::backfill::{Ownership, RunState, Stage};

pub use run::BackfillStop;
pub use status::{BackfillStatus, backfill_status};

use backfilled::StepEnd;
use run::BackfillRun;

/// Does what one invocation has time for: all of a backfill, or one step of the state machine.
///
/// # Errors
/// [`Error`] for a request that is refused. If the same request can continue later, it is
/// [`BackfillProgress::Unfinished`].
pub async fn backfill<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet>(
    asked: &BackfillTask,
    log_bucket: &str,
    config: &Config,
    fleet: Option<&F>,
    ports: &Ports<'_, L, S, A, P>,
) -> Result<Backfilled, Error> {
    let mut run = BackfillRun::new(asked, log_bucket, config, fleet, ports);
    let (progress, state) = match asked {
        BackfillTask::ByHand(request) if request.dry_run => run.dry_run(request).await?,
        BackfillTask::ByHand(request) => run.by_hand(request).await?,
        BackfillTask::ByFleet(_, generation, FleetStep::Scan(item)) => {
            run.scan_item(*generation, *item).await?
        }
        BackfillTask::ByFleet(_, generation, FleetStep::Digest) => run.digest_for_fleet(*generation).await?,
    };
    Ok(run.end(progress, state))
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// Plans, and reads nothing.
    async fn dry_run(&mut self, request: &BackfillRequest) -> Result<StepEnd, Error> {
        let mut state = self.new_state(request)?;
        match self.make_plan(&request.wanted).await {
            Ok(plan) => {
                state.estimate = Some(self.estimate(&plan));
                Ok((BackfillProgress::Planned, Some(state)))
            }
            Err(stop) => stop.into_end(Some(state)),
        }
    }

    /// Continues the backfill of this request, or starts it.
    async fn by_hand(&mut self, request: &BackfillRequest) -> Result<StepEnd, Error> {
        let new = self.new_state(request)?;
        match self.acquire(&new, request.again).await {
            Ok((Ownership::Acquired, state)) => self.continue_or_release(state).await,
            Ok((Ownership::Busy, state)) => Ok((BackfillProgress::UnderWay, Some(state))),
            Ok((Ownership::Finished, state)) => Ok((BackfillProgress::Done, Some(state))),
            Err(error) => Ok((BackfillProgress::Unfinished(error), None)),
        }
    }

    /// Reads one item for the state machine.
    async fn scan_item(&mut self, generation: u32, item: usize) -> Result<StepEnd, Error> {
        let state = match self.started().await {
            Ok(state) => state,
            Err(stop) => return stop.into_end(None),
        };
        // The item of another generation needs no reading.
        if state.generation != generation {
            return Ok((BackfillProgress::Read, Some(state)));
        }
        match Box::pin(self.read_one(&state, item)).await {
            Ok(()) => Ok((BackfillProgress::Read, Some(state))),
            Err(stop) => stop.into_end(Some(state)),
        }
    }

    /// Makes the digest, after the state machine has read the items.
    async fn digest_for_fleet(&mut self, generation: u32) -> Result<StepEnd, Error> {
        let state = match self.started().await {
            Ok(state) => state,
            Err(stop) => return stop.into_end(None),
        };
        if state.generation != generation {
            return Ok((BackfillProgress::Done, Some(state)));
        }
        match self.acquire_for_digest(&state, generation).await {
            Ok((Ownership::Acquired, state)) => self.continue_or_release(state).await,
            Ok((Ownership::Busy, state)) => Ok((BackfillProgress::Unfinished(self.busy()), Some(state))),
            Ok((Ownership::Finished, state)) => Ok((BackfillProgress::Done, Some(state))),
            Err(error) => Ok((BackfillProgress::Unfinished(error), Some(state))),
        }
    }

    /// Continues the backfill. If the invocation has to stop early, it releases the lease and notes why.
    async fn continue_or_release(&mut self, state: RunState) -> Result<StepEnd, Error> {
        // Boxed: the compiler cannot compute its layout in place.
        match Box::pin(self.go_on(state.clone())).await {
            Ok(end) => Ok(end),
            Err(stop) => {
                let state = self.release(state, &stop).await;
                stop.into_end(Some(state))
            }
        }
    }

    /// Plans, reads the items or starts the state machine, makes the digest and publishes it.
    async fn go_on(&mut self, mut state: RunState) -> Result<StepEnd, BackfillStop> {
        let plan = self.plan(&state).await?;
        if matches!(state.stage, Stage::Planning | Stage::Scanning | Stage::Fleet) {
            let estimate = self.estimate(&plan);
            if let Some(fleet) = self.fleet.filter(|_| estimate.by_fleet) {
                state = self.while_leased(&state, |state| state.estimate = Some(estimate.clone())).await?;
                return self.start_fleet(fleet, state, &plan).await;
            }
            state = self.begin_scanning(&state, estimate).await?;
            state = self.read_items(state, &plan).await?;
        }
        let state = self.notify(state, &plan).await?;
        Ok((BackfillProgress::Done, Some(state)))
    }
}
