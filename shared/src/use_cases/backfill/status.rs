//! The status of a backfill, for a person or a script that follows it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::listing::Lister;
use super::run::BackfillStop;
use crate::config::Config;
use crate::formats::events::backfill::StatusQuery;
use crate::ports::{AwsError, Listing, LogStore, Ports, Runtime, StateStore};
use crate::state::backfill::{RunId, RunState, Stage};
use crate::state::store::{StateClient, TIME_TO_ANSWER};

/// The status of a backfill.
#[derive(Debug)]
pub struct BackfillStatus {
    run: RunId,
    /// The `s3://` URI of its state.
    uri: String,
    /// The ETag of its state, which changes with its content; `None` if it was never started.
    tag: Option<String>,
    /// When its state was written.
    modified: Option<DateTime<Utc>>,
    state: Option<RunState>,
    /// How many parts are done, and how many there are.
    parts: (usize, usize),
    /// What is working on it, and until when.
    worker: Option<Value>,
    needs_invocation: bool,
    /// Why its state cannot be read, or why its last invocation stopped early.
    error: Option<String>,
}

/// Reads the status of a backfill, and changes nothing.
///
/// # Errors
/// [`BackfillStop`] if the request is refused, or the state bucket fails.
pub async fn backfill_status<L: LogStore, S: StateStore, A, P: Runtime>(
    query: &StatusQuery,
    log_bucket: &str,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> Result<BackfillStatus, BackfillStop> {
    let now = ports.runtime.now();
    let run = match query {
        StatusQuery::ByRequest(request) => {
            request.wanted.check(now).map_err(BackfillStop::Refused)?;
            RunId::of(log_bucket, request)
        }
        StatusQuery::ById(run) => run.clone(),
    };
    let state_client = StateClient::new(ports.state, ports.runtime, config, TIME_TO_ANSWER / 4);
    let uri = state_client.uri(&run.key());
    let stored = state_client.read(&run.key()).await?;
    let tag = stored.as_ref().map(|stored| stored.tag.clone());
    let modified = stored.as_ref().and_then(|stored| stored.modified);
    let (state, unreadable) = match stored.map(|stored| RunState::read_of(&stored.content, &run)) {
        Some(Ok(state)) => (Some(state), None),
        Some(Err(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    let parts = match &state {
        Some(state) => parts(&run, state, config, ports, &state_client).await?,
        None => (0, 0),
    };
    let worker = state.as_ref().and_then(|state| state.worker(now));
    let is_finished = state.as_ref().is_some_and(|state| state.stage == Stage::Done);
    Ok(BackfillStatus {
        needs_invocation: worker.is_none() && !is_finished,
        worker: worker.map(|(worker, until)| json!({"name": worker, "until": until})),
        error: unreadable.or_else(|| state.as_ref().and_then(|state| state.error.clone())),
        run,
        uri,
        tag,
        modified,
        state,
        parts,
    })
}

/// How many parts are done, and how many there are. The state machine's are counted by their results.
async fn parts<L: LogStore, S: StateStore, A, P: Runtime>(
    run: &RunId,
    state: &RunState,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
    state_client: &StateClient<'_, S, P>,
) -> Result<(usize, usize), AwsError> {
    let all = state.estimate.as_ref().map_or(0, |estimate| estimate.items);
    if state.stage != Stage::Fleet {
        return Ok((state.read.items, all));
    }
    let uri = state_client.uri("");
    let bucket = uri.trim_start_matches("s3://").trim_end_matches('/');
    let lister = Lister { bucket, config, logs: ports.logs, runtime: ports.runtime };
    let prefix = format!("{}parts/", run.folder(state.generation));
    let (mut done, mut next) = (0, None::<String>);
    loop {
        let page = next.as_deref();
        let listing = Listing { bucket, prefix: &prefix, page, ..Listing::default() };
        let listed =
            state_client.in_time("listing", &state_client.uri(&prefix), lister.page(&listing)).await?;
        done += listed.objects.len();
        next = listed.next;
        if next.is_none() {
            return Ok((done, all));
        }
    }
}

impl BackfillStatus {
    /// As it is answered. `generation` is 0 and most fields are null if the backfill was never started, or its state
    /// cannot be read.
    pub fn answer(&self) -> Value {
        let state = self.state.as_ref();
        let fleet = state.and_then(|state| Some((state, state.fleet?)));
        json!({
            "run": self.run.as_str(),
            "state": self.uri,
            "tag": self.tag,
            "modified": self.modified,
            "generation": state.map_or(0, |state| state.generation),
            "stage": state.map(|state| state.stage),
            "updated": state.map(|state| state.updated),
            "parts_done": self.parts.0,
            "parts": self.parts.1,
            "estimate": state.and_then(|state| state.estimate.as_ref()),
            "read": state.map(|state| &state.read),
            "result": state.and_then(|state| state.result.as_ref()),
            "error": self.error,
            "worker": self.worker,
            "needs_invocation": self.needs_invocation,
            "execution": fleet.map(|(state, fleet)| state.execution_name(fleet.times)),
            "execution_expires": fleet.map(|(_, fleet)| fleet.expires()),
        })
    }
}
