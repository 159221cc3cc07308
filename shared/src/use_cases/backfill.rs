//! Past log files in, one digest out.
//!
//! A backfill is an object of the state bucket, named by what is asked for ([`crate::state::backfill::RunState`]). Whoever
//! asks finds it and goes on where it stands, unless somebody else is working on it: plan, read item after item, put
//! together what they came to, tell it in one mail. Each of these is written once and found again, so that a run that
//! dies anywhere is gone on with by the same request. Where there is much to read, the state machine hands the items
//! to many invocations, and then asks for the rest.

mod digest;
mod dividing;
mod fleet;
mod folders;
mod items;
mod listing;
mod notifying;
mod part_reader;
mod planning;
mod scanning;

pub(super) use dividing::Divided;
pub(super) use listing::Lister;
pub(super) use planning::stretches;
pub use planning::{Unplanned, plan};
pub(super) use scanning::{Open, of_listed, page};
pub use scanning::{Scanned, Skipped, scan};

use std::time::Duration;

use crate::Error;
use crate::config::Config;
use crate::formats::events::backfill::{BackfillRequest, BackfillTask};
use crate::ports::{AwsError, AwsErrorKind, Fleet, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::backfill::{Lost, Ownership, ReadSoFar, RunId, RunState, Stage};
use crate::state::object::StateObject;
use crate::state::outbox::OutboxEntry;
use crate::state::store::{TIME_TO_ANSWER, random_id};
use crate::use_cases::notify::{NotificationResult, Notifier, OnStateFailure};

/// What is left of a run's time, once reading has to stop, for writing what was read and telling it; where there is
/// less in all, a quarter of it.
const TIME_TO_TELL: Duration = Duration::from_secs(60);

/// What a run came to.
#[derive(Debug)]
pub struct Backfilled {
    /// Which backfill it is.
    pub run: RunId,
    /// Where a person finds how far it is.
    pub uri: String,
    /// What was done.
    pub progress: Progress,
    /// The backfill as it stands, as far as that is known; of one that was only asked about, as it would be begun.
    pub state: Option<RunState>,
    /// What the state machine's item came to, or what this run read of all.
    pub read: ReadSoFar,
    /// The alerts.
    pub mails: Vec<NotificationResult>,
    /// What went wrong with the state bucket, whether or not it was put right since.
    pub state_troubles: Vec<AwsError>,
}

/// What a run did of a backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was to be done: it is only known what it would take.
    Planned,
    /// Another invocation, or the state machine, is working on it.
    UnderWay,
    /// The state machine was started.
    Started,
    /// An item was read.
    Read,
    /// It is finished.
    Done,
    /// It has to be asked for again, and then goes on.
    Unfinished(AwsError),
}

impl StateObject for RunState {
    fn read(content: &[u8], new: &RunState) -> Result<RunState, String> {
        let state = RunState::read(content)?;
        state.check_same(new)?;
        Ok(state)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn outbox(&self) -> Vec<&OutboxEntry> {
        self.mail.iter().collect()
    }
}

/// How a run ended, and the backfill as it stands, as far as that is known.
type Ended = (Progress, Option<RunState>);

/// Why a run does not go on.
enum Halt {
    /// It can be asked for again.
    Unfinished(AwsError),
    /// What is asked for cannot be.
    Refused(Error),
}

impl From<AwsError> for Halt {
    fn from(trouble: AwsError) -> Halt {
        Halt::Unfinished(trouble)
    }
}

impl From<Unplanned> for Halt {
    fn from(unplanned: Unplanned) -> Halt {
        match unplanned {
            Unplanned::Unfit(error) => Halt::Refused(error),
            Unplanned::AwsError(trouble) => Halt::Unfinished(trouble),
        }
    }
}

/// One invocation's work on one backfill.
struct Run<'a, L, S, A, P, F> {
    id: RunId,
    bucket: &'a str,
    config: &'a Config,
    logs: &'a L,
    runtime: &'a P,
    fleet: Option<&'a F>,
    /// How much of the run's time is left once reading has to stop.
    time_to_tell: Duration,
    telling: Notifier<'a, S, A, P>,
    /// What this run has read.
    read: ReadSoFar,
}

/// Judges past log files and tells in one mail what was found, or as much of it as there is time for.
///
/// # Errors
/// [`Error`] for what cannot be asked for. What can be asked for again is [`Progress::Unfinished`].
pub async fn backfill<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet>(
    asked: &BackfillTask,
    log_bucket: &str,
    config: &Config,
    fleet: Option<&F>,
    outside: &Ports<'_, L, S, A, P>,
) -> Result<Backfilled, Error> {
    let runtime = outside.runtime;
    let telling = Notifier::new(config, outside, OnStateFailure::Retry, TIME_TO_ANSWER);
    let id = match asked {
        BackfillTask::ByHand(request) => RunId::of(log_bucket, request),
        BackfillTask::ByFleet(id, ..) => id.clone(),
    };
    let mut run = Run {
        id,
        bucket: log_bucket,
        config,
        logs: outside.logs,
        runtime,
        fleet,
        time_to_tell: TIME_TO_TELL.min(runtime.time_left() / 4),
        telling,
        read: ReadSoFar::default(),
    };
    let (progress, state) = match asked {
        BackfillTask::ByHand(request) => run.by_hand(request).await?,
        BackfillTask::ByFleet(_, generation, step) => run.by_fleet(*generation, *step).await?,
    };
    let state_troubles = run.telling.state_errors();
    let uri = run.telling.memory.uri(&run.id.key());
    let (run, read, mails) = (run.id, run.read, run.telling.mails);
    Ok(Backfilled { run, uri, progress, state, read, mails, state_troubles })
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> Run<'_, L, S, A, P, F> {
    async fn by_hand(&mut self, request: &BackfillRequest) -> Result<Ended, Error> {
        let now = self.runtime.now();
        request.wanted.check(now)?;
        let mut new = RunState::new(self.bucket, &request.wanted, request.notify, now);
        if request.dry_run {
            return match self.make_plan(&request.wanted).await {
                Ok(plan) => {
                    new.estimate = Some(self.estimate(&plan));
                    Ok((Progress::Planned, Some(new)))
                }
                Err(Halt::Unfinished(trouble)) => Ok((Progress::Unfinished(trouble), Some(new))),
                Err(Halt::Refused(error)) => Err(error),
            };
        }
        let (alert_id, claim) = (random_id(self.runtime), self.telling.memory.lease.clone());
        let taken = self
            .update(&new, |state, was_unreadable| {
                let whose = if was_unreadable {
                    // Nobody knows any more which generations there were, and what one of them has kept is not mixed
                    // with what this one keeps.
                    let generation = u32::try_from(now.timestamp()).unwrap_or(u32::MAX);
                    state.begin(generation, &alert_id, &claim, now);
                    state.lost = self.telling.memory.take_unreadable().pop().map(Lost::from);
                    Ownership::Mine
                } else {
                    state.take(request.again, &alert_id, &claim, now)
                };
                (whose, state.clone())
            })
            .await;
        match taken {
            Ok((Ownership::Mine, state)) => self.bring_to_its_end(state).await,
            Ok((Ownership::Anothers, state)) => Ok((Progress::UnderWay, Some(state))),
            Ok((Ownership::Nobodys, state)) => Ok((Progress::Done, Some(state))),
            Err(trouble) => Ok((Progress::Unfinished(trouble), None)),
        }
    }

    /// Goes on with what this run has claimed, and leaves it to the next where it has to end before.
    async fn bring_to_its_end(&mut self, state: RunState) -> Result<Ended, Error> {
        // Boxed: the compiler gives up on laying out what it would be in place.
        let halt = match Box::pin(self.go_on(state.clone())).await {
            Ok(ended) => return Ok(ended),
            Err(halt) => halt,
        };
        let why = match &halt {
            Halt::Unfinished(trouble) => trouble.to_string(),
            Halt::Refused(error) => error.to_string(),
        };
        let token = self.telling.memory.lease.token.clone();
        self.telling.memory.reserve(TIME_TO_ANSWER / 4);
        let left = self.update(&state, |state, _| {
            if state.is_claimed_by(&token) {
                state.release(&token);
                state.trouble = Some(why.clone());
            }
            state.clone()
        });
        // Where that does not work either, the claim ends by itself.
        let state = left.await.unwrap_or(state);
        match halt {
            Halt::Unfinished(trouble) => Ok((Progress::Unfinished(trouble), Some(state))),
            Halt::Refused(error) => Err(error),
        }
    }

    async fn go_on(&mut self, mut state: RunState) -> Result<Ended, Halt> {
        let plan = self.plan(&state).await?;
        if matches!(state.stage, Stage::Planning | Stage::Scanning | Stage::Fleet) {
            let now = self.runtime.now();
            let estimate = self.estimate(&plan);
            if let Some(fleet) = self.fleet.filter(|_| estimate.by_fleet) {
                state = self.mine(&state, |state| state.estimate = Some(estimate.clone())).await?;
                return self.start(fleet, state, &plan).await;
            }
            state = self
                .mine(&state, |state| {
                    state.estimate = Some(estimate.clone());
                    (state.stage, state.updated) = (Stage::Scanning, now);
                })
                .await?;
            state = self.read_items(state, &plan).await?;
        }
        let state = self.tell(state, &plan).await?;
        Ok((Progress::Done, Some(state)))
    }

    /// Changes the backfill as it stands.
    async fn update<T>(
        &self,
        new: &RunState,
        change: impl FnMut(&mut RunState, bool) -> T,
    ) -> Result<T, AwsError> {
        let changed = self.telling.memory.update(&self.id.key(), new, None, change).await;
        changed.map(|(changed, _)| changed)
    }

    /// The same while it is this run's.
    async fn mine(
        &self,
        state: &RunState,
        mut change: impl FnMut(&mut RunState),
    ) -> Result<RunState, AwsError> {
        let token = &self.telling.memory.lease.token;
        let changed = self.update(state, |state, _| {
            let is_mine = state.is_claimed_by(token);
            if is_mine {
                change(state);
            }
            is_mine.then(|| state.clone())
        });
        changed.await?.ok_or_else(|| self.busy())
    }

    fn busy(&self) -> AwsError {
        let (call, answer) =
            (format!("backfill {}", self.id.as_str()), "another run is working on it".to_owned());
        AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }
    }
}
