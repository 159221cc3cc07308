//! One invocation's work on one backfill: its lease, and changes of the state under it.

use std::time::Duration;

use super::backfilled::{BackfillProgress, Backfilled, StepEnd};
use crate::Error;
use crate::config::Config;
use crate::formats::events::backfill::{BackfillRequest, BackfillTask};
use crate::formats::events::queue::input;
use crate::ports::{AwsError, AwsErrorKind, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::backfill::{Estimate, LostObject, Ownership, ReadTotals, RunId, RunState, Stage};
use crate::state::object::StateObject;
use crate::state::outbox::OutboxEntry;
use crate::state::store::{TIME_TO_ANSWER, random_id};
use crate::use_cases::notify::{Notifier, OnStateFailure};

/// The time that is left for writing and notifying once reading stops; at most a quarter of the invocation's time.
const TIME_TO_NOTIFY: Duration = Duration::from_secs(60);

/// One invocation's work on one backfill.
pub(super) struct BackfillRun<'a, L, S, A, P, F> {
    pub id: RunId,
    /// The bucket of the log files.
    pub bucket: &'a str,
    pub config: &'a Config,
    pub logs: &'a L,
    pub runtime: &'a P,
    pub fleet: Option<&'a F>,
    /// Reading stops when this much of the invocation's time is left.
    pub time_to_notify: Duration,
    pub notifier: Notifier<'a, S, A, P>,
    /// What this invocation has read.
    pub read: ReadTotals,
}

/// Why an invocation stops early.
#[derive(Debug)]
pub enum BackfillStop {
    /// The same request continues.
    Unfinished(AwsError),
    /// The request is refused.
    Refused(Error),
}

impl From<AwsError> for BackfillStop {
    fn from(error: AwsError) -> BackfillStop {
        BackfillStop::Unfinished(error)
    }
}

impl BackfillStop {
    /// The end of the step that stopped.
    pub(super) fn into_end(self, state: Option<RunState>) -> Result<StepEnd, Error> {
        match self {
            BackfillStop::Unfinished(error) => Ok((BackfillProgress::Unfinished(error), state)),
            BackfillStop::Refused(error) => Err(error),
        }
    }
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

impl<'a, L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F> BackfillRun<'a, L, S, A, P, F> {
    pub fn new(
        asked: &BackfillTask,
        bucket: &'a str,
        config: &'a Config,
        fleet: Option<&'a F>,
        ports: &'a Ports<'a, L, S, A, P>,
    ) -> Self {
        let id = match asked {
            BackfillTask::ByHand(request) => RunId::of(bucket, request),
            BackfillTask::ByFleet(id, ..) => id.clone(),
        };
        let runtime = ports.runtime;
        BackfillRun {
            id,
            bucket,
            config,
            logs: ports.logs,
            runtime,
            fleet,
            notifier: Notifier::new(config, ports, OnStateFailure::Retry, TIME_TO_ANSWER),
            time_to_notify: TIME_TO_NOTIFY.min(runtime.time_left() / 4),
            read: ReadTotals::default(),
        }
    }

    /// The result of the invocation.
    pub fn end(self, progress: BackfillProgress, state: Option<RunState>) -> Backfilled {
        let state_errors = self.notifier.state_errors();
        let uri = self.notifier.state_client.uri(&self.id.key());
        let mails = self.notifier.mails;
        Backfilled { run: self.id, uri, progress, state, read: self.read, mails, state_errors }
    }

    /// The state of a backfill that is not started yet.
    ///
    /// # Errors
    /// [`Error`] for days that cannot be read.
    pub fn new_state(&self, request: &BackfillRequest) -> Result<RunState, Error> {
        let now = self.runtime.now();
        request.wanted.check(now)?;
        Ok(RunState::new(self.bucket, &request.wanted, request.notify, now))
    }

    /// Acquires the lease. A state that cannot be read is replaced by a new one.
    pub async fn acquire(&self, new: &RunState, again: bool) -> Result<(Ownership, RunState), AwsError> {
        let (alert_id, lease) = (random_id(self.runtime), self.notifier.state_client.lease.clone());
        let now = new.begun;
        self.update(new, |state, was_unreadable| {
            let ownership = if was_unreadable {
                // The generations of the lost state are unknown. The time as a generation keeps their results apart.
                let generation = u32::try_from(now.timestamp()).unwrap_or(u32::MAX);
                state.start(generation, &alert_id, &lease, now);
                state.lost = self.notifier.state_client.take_unreadable().pop().map(LostObject::from);
                Ownership::Acquired
            } else {
                state.acquire(again, &alert_id, &lease, now)
            };
            (ownership, state.clone())
        })
        .await
    }

    /// Acquires the lease for the digest of this generation.
    pub async fn acquire_for_digest(
        &self,
        state: &RunState,
        generation: u32,
    ) -> Result<(Ownership, RunState), AwsError> {
        let (lease, now) = (self.notifier.state_client.lease.clone(), self.runtime.now());
        self.update(state, |state, _| {
            if state.generation != generation {
                return (Ownership::Finished, state.clone());
            }
            let ownership = state.take_over(&lease, now);
            if ownership == Ownership::Acquired {
                state.stage = Stage::Notifying;
            }
            (ownership, state.clone())
        })
        .await
    }

    /// Releases the lease and notes why. If that fails, the lease expires.
    pub async fn release(&self, state: RunState, stop: &BackfillStop) -> RunState {
        let why = match stop {
            BackfillStop::Unfinished(error) => error.to_string(),
            BackfillStop::Refused(error) => error.to_string(),
        };
        let state_client = &self.notifier.state_client;
        state_client.reserve(TIME_TO_ANSWER / 4);
        let released = self.update(&state, |state, _| {
            if state.is_leased_to(&state_client.lease.token) {
                state.release(&state_client.lease.token);
                state.error = Some(why.clone());
            }
            state.clone()
        });
        released.await.unwrap_or(state)
    }

    /// The state that the state machine works on.
    ///
    /// # Errors
    /// [`BackfillStop::Refused`] if there is no such backfill of this bucket.
    pub async fn started(&self) -> Result<RunState, BackfillStop> {
        let key = self.id.key();
        let refused = |expected: &str| {
            BackfillStop::Refused(input("the run of a backfill", self.id.as_str(), expected))
        };
        let Some(stored) = self.notifier.state_client.read(&key).await? else {
            return Err(refused("one that was begun"));
        };
        let unreadable = |reason: String| {
            let call = format!("reading {}", self.notifier.state_client.uri(&key));
            AwsError { kind: AwsErrorKind::Denied, call, answer: reason }
        };
        let state = RunState::read_of(&stored.content, &self.id).map_err(unreadable)?;
        if state.bucket != self.bucket {
            return Err(refused(&format!("one about the bucket that LOG_BUCKET names, {}", self.bucket)));
        }
        Ok(state)
    }

    /// Begins to read the items.
    pub async fn begin_scanning(&self, state: &RunState, estimate: Estimate) -> Result<RunState, AwsError> {
        let now = self.runtime.now();
        self.while_leased(state, |state| {
            state.estimate = Some(estimate.clone());
            (state.stage, state.updated) = (Stage::Scanning, now);
        })
        .await
    }

    /// Changes the stored state.
    pub async fn update<T>(
        &self,
        new: &RunState,
        change: impl FnMut(&mut RunState, bool) -> T,
    ) -> Result<T, AwsError> {
        let changed = self.notifier.state_client.update(&self.id.key(), new, None, change).await;
        changed.map(|(changed, _)| changed)
    }

    /// Changes the stored state as long as this invocation holds the lease.
    pub async fn while_leased(
        &self,
        state: &RunState,
        mut change: impl FnMut(&mut RunState),
    ) -> Result<RunState, AwsError> {
        let token = &self.notifier.state_client.lease.token;
        let changed = self.update(state, |state, _| {
            let is_leased = state.is_leased_to(token);
            if is_leased {
                change(state);
            }
            is_leased.then(|| state.clone())
        });
        changed.await?.ok_or_else(|| self.busy())
    }

    /// The error if another invocation holds the lease.
    pub fn busy(&self) -> AwsError {
        let (call, answer) =
            (format!("backfill {}", self.id.as_str()), "another run is working on it".to_owned());
        AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }
    }
}
