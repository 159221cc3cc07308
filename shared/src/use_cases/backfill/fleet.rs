//! Starting the state machine that hands the items of a backfill to many invocations.

use super::backfilled::{BackfillProgress, StepEnd};
use super::run::{BackfillRun, BackfillStop};
use crate::ports::{
    AwsError, AwsErrorKind, Execution, Fleet, LogStore, NotificationSink, Runtime, StateStore,
};
use crate::state::backfill::{FleetStart, Plan, RunState, Stage};

/// How many names one invocation tries for an execution.
const MAX_STARTS: u32 = 10;

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// Writes the items for the state machine and starts it.
    pub(super) async fn start_fleet(
        &self,
        fleet: &F,
        state: RunState,
        plan: &Plan,
    ) -> Result<StepEnd, BackfillStop> {
        let state_client = &self.notifier.state_client;
        let items = format!("{}items.json", self.id.folder(state.generation));
        let (run, generation) = (self.id.as_str(), state.generation);
        let steps = (0..plan.items.len()).map(
            |item| serde_json::json!({"run": run, "generation": generation, "step": "scan", "item": item}),
        );
        let steps = serde_json::Value::from_iter(steps).to_string();
        // It may replace that of a lost plan.
        state_client.put(&items, steps.as_bytes()).await?;
        let uri = state_client.uri("");
        let bucket = uri.trim_start_matches("s3://").trim_end_matches('/');
        let input =
            serde_json::json!({"run": run, "generation": generation, "bucket": bucket, "items": items});
        let mut times = state.fleet.map_or(0, |fleet| fleet.times);
        let mut execution = Execution::Ended;
        // An execution that ended without a digest was started by an invocation that died before it noted the start.
        for _ in 0..MAX_STARTS {
            times = times.saturating_add(1);
            // A name starts one execution only, so that a start with an unknown outcome can be repeated.
            let name = state.execution_name(times);
            execution =
                state_client.in_time("starting", &name, fleet.start(&name, &input.to_string())).await?;
            if execution == Execution::Live {
                break;
            }
        }
        if execution == Execution::Ended {
            let call = format!("starting the state machine for backfill {}", self.id.as_str());
            let answer = format!("its last {MAX_STARTS} executions have come to their end without a digest");
            return Err(BackfillStop::Unfinished(AwsError { kind: AwsErrorKind::Denied, call, answer }));
        }
        let (token, now) = (state_client.lease.token.clone(), self.runtime.now());
        let state = self
            .update(&state, |state, _| {
                if state.is_leased_to(&token) {
                    (state.stage, state.updated, state.error) = (Stage::Fleet, now, None);
                    state.fleet = Some(FleetStart { times, at: now });
                    state.release(&token);
                }
                state.clone()
            })
            .await?;
        Ok((BackfillProgress::Started, Some(state)))
    }
}
