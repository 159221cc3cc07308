//! A backfill by the state machine: starting it, and doing its steps.

use super::{Ended, Halt, Progress, Run};
use crate::Error;
use crate::formats::events::backfill::FleetStep;
use crate::formats::events::queue::input;
use crate::ports::{
    AwsError, AwsErrorKind, Execution, Fleet, LogStore, NotificationSink, Runtime, StateStore,
};
use crate::state::backfill::{Ownership, Plan, RunState, Stage, Started};

/// So often one run starts the state machine under another name at most.
const MAX_STARTS: u32 = 10;

/// What a step says whose generation is over, or lost: the state machine has nothing left to do, and what another
/// generation reads and tells is not its own.
fn of_another(step: FleetStep) -> Progress {
    match step {
        FleetStep::Scan(_) => Progress::Read,
        FleetStep::Digest => Progress::Done,
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> Run<'_, L, S, A, P, F> {
    /// Has the state machine read the items.
    pub(super) async fn start(&self, fleet: &F, state: RunState, plan: &Plan) -> Result<Ended, Halt> {
        let memory = &self.telling.memory;
        let items = format!("{}items.json", self.id.folder(state.generation));
        let (run, generation) = (self.id.as_str(), state.generation);
        let steps = (0..plan.items.len()).map(
            |item| serde_json::json!({"run": run, "generation": generation, "step": "scan", "item": item}),
        );
        let steps = serde_json::Value::from_iter(steps).to_string();
        // Another plan may have stood here before.
        memory.put(&items, steps.as_bytes()).await?;
        let uri = memory.uri("");
        let bucket = uri.trim_start_matches("s3://").trim_end_matches('/');
        let input =
            serde_json::json!({"run": run, "generation": generation, "bucket": bucket, "items": items});
        let mut times = state.fleet.map_or(0, |fleet| fleet.times);
        let mut execution = Execution::Ended;
        // One that has ended without a digest was started by a run that died before it noted that.
        for _ in 0..MAX_STARTS {
            times = times.saturating_add(1);
            // The same name starts once, so that whoever does not learn that it has started can start it.
            let mut name = format!("{}-{}", self.id.as_str(), state.generation);
            if times > 1 {
                name += &format!("-{times}");
            }
            execution = memory.in_time("starting", &name, fleet.start(&name, &input.to_string())).await?;
            if execution == Execution::Live {
                break;
            }
        }
        if execution == Execution::Ended {
            let call = format!("starting the state machine for backfill {}", self.id.as_str());
            let answer = format!("its last {MAX_STARTS} executions have come to their end without a digest");
            return Err(Halt::Unfinished(AwsError { kind: AwsErrorKind::Denied, call, answer }));
        }
        let (token, now) = (memory.lease.token.clone(), self.runtime.now());
        let state = self
            .update(&state, |state, _| {
                if state.is_claimed_by(&token) {
                    (state.stage, state.updated, state.trouble) = (Stage::Fleet, now, None);
                    state.fleet = Some(Started { times, at: now });
                    state.release(&token);
                }
                state.clone()
            })
            .await?;
        Ok((Progress::Started, Some(state)))
    }

    pub(super) async fn by_fleet(&mut self, generation: u32, step: FleetStep) -> Result<Ended, Error> {
        let now = self.runtime.now();
        let state = match self.known().await {
            Ok(state) => state,
            Err(Halt::Unfinished(trouble)) => return Ok((Progress::Unfinished(trouble), None)),
            Err(Halt::Refused(error)) => return Err(error),
        };
        if state.generation != generation {
            return Ok((of_another(step), Some(state)));
        }
        match step {
            FleetStep::Scan(item) => match Box::pin(self.read_one(&state, item)).await {
                Ok(()) => Ok((Progress::Read, Some(state))),
                Err(Halt::Unfinished(trouble)) => Ok((Progress::Unfinished(trouble), Some(state))),
                Err(Halt::Refused(error)) => Err(error),
            },
            FleetStep::Digest => {
                let claim = self.telling.memory.lease.clone();
                let taken = self
                    .update(&state, |state, _| {
                        if state.generation != generation {
                            return (Ownership::Nobodys, state.clone());
                        }
                        let whose = state.take_over(&claim, now);
                        if whose == Ownership::Mine {
                            state.stage = Stage::Notifier;
                        }
                        (whose, state.clone())
                    })
                    .await;
                match taken {
                    Ok((Ownership::Mine, state)) => self.bring_to_its_end(state).await,
                    Ok((Ownership::Anothers, state)) => Ok((Progress::Unfinished(self.busy()), Some(state))),
                    Ok((Ownership::Nobodys, state)) => Ok((Progress::Done, Some(state))),
                    Err(trouble) => Ok((Progress::Unfinished(trouble), Some(state))),
                }
            }
        }
    }

    /// The backfill that the state machine works on.
    async fn known(&self) -> Result<RunState, Halt> {
        let key = self.id.key();
        let refused =
            |expected: &str| Halt::Refused(input("the run of a backfill", self.id.as_str(), expected));
        let Some(stored) = self.telling.memory.read(&key).await? else {
            return Err(refused("one that was begun"));
        };
        let unreadable = |reason: String| {
            let call = format!("reading {}", self.telling.memory.uri(&key));
            AwsError { kind: AwsErrorKind::Denied, call, answer: reason }
        };
        let state = RunState::read_of(&stored.content, &self.id).map_err(unreadable)?;
        if state.bucket != self.bucket {
            return Err(refused(&format!("one about the bucket that LOG_BUCKET names, {}", self.bucket)));
        }
        Ok(state)
    }
}
