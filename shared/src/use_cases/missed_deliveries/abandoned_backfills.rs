//! Backfills that were started and that nobody finishes.
//!
//! The findings of a backfill are noted in the cases before its mail is published, so that no other mail reports them. If
//! its invocation dies in between and nobody requests the backfill again, they would never be reported.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::run::MissedRun;
use crate::finding::Finding;
use crate::formats::events::backfill::{BackfillTask, FleetStep};
use crate::mail::unfinished_backfill;
use crate::ports::{
    AwsError, AwsErrorKind, Execution, Fleet, Listing, LogStore, NotificationSink, Runtime, StateStore,
};
use crate::rules::health::backfill_abandoned;
use crate::state::backfill::{RunId, RunState};
use crate::use_cases::backfill::{BackfillProgress, backfill};
use crate::use_cases::log_file_reader::out_of_time;
use crate::use_cases::notify::suppression_file::SuppressionFile;

/// The folder of all backfills.
const FOLDER: &str = "backfills/";

/// How many states are read at the same time.
const READ_AT_ONCE: usize = 16;

/// The state machine is not started from here.
enum NoFleet {}

impl Fleet for NoFleet {
    async fn start(&self, _: &str, _: &str) -> Result<Execution, AwsError> {
        match *self {}
    }
}

/// A backfill's state, or why it cannot be read.
type Abandoned = (RunId, Result<RunState, String>);

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'_, L, S, A, P> {
    /// Publishes the digests of abandoned backfills that only lack it, and one finding for each other one.
    pub(super) async fn report_abandoned_backfills(
        &mut self,
        suppressions: &SuppressionFile,
    ) -> Result<(), AwsError> {
        let (mut findings, mut to_do) = (Vec::new(), None);
        for (id, state) in self.abandoned().await? {
            let why = match &state {
                Ok(state) if state.lacks_only_digest() => {
                    match Box::pin(self.finish(&id, state.generation)).await {
                        Ok(()) => continue,
                        Err(error) if !self.is_late && error.kind != AwsErrorKind::Denied => {
                            to_do.get_or_insert(error);
                            continue;
                        }
                        Err(error) => Some(error.to_string()),
                    }
                }
                Ok(state) => state.error.clone(),
                Err(_) => None,
            };
            findings.push(self.of_backfill(&id, state.as_ref(), why));
        }
        if !findings.is_empty() {
            self.notify(findings, suppressions).await?;
        }
        to_do.map_or(Ok(()), Err)
    }

    /// The backfills that are not finished, and that nobody works on.
    async fn abandoned(&self) -> Result<Vec<Abandoned>, AwsError> {
        let (state_client, bucket) = (&self.notifier.state_client, self.buckets.1);
        let lister = self.lister(bucket);
        let (mut abandoned, mut next) = (Vec::new(), None::<String>);
        loop {
            if self.ports.runtime.time_left() <= self.time_to_notify {
                return Err(out_of_time(&state_client.uri(FOLDER)));
            }
            let page = next.as_deref();
            let listing = Listing { bucket, prefix: FOLDER, by_folder: true, page, ..Listing::default() };
            let listed =
                state_client.in_time("listing", &state_client.uri(FOLDER), lister.page(&listing)).await?;
            let ids = listed
                .folders
                .iter()
                .filter_map(|folder| RunId::parse(folder.strip_prefix(FOLDER)?.strip_suffix('/')?).ok());
            let read = ids.map(|id| async move {
                let stored = state_client.read(&id.key()).await?;
                let state = stored.map(|stored| RunState::read_of(&stored.content, &id));
                Ok::<_, AwsError>(state.map(|state| (id, state)))
            });
            let mut read = stream::iter(read).buffered(READ_AT_ONCE);
            while let Some(found) = read.try_next().await? {
                let now = state_client.runtime.now();
                abandoned.extend(
                    found.filter(|(_, state)| state.as_ref().map_or(true, |state| state.is_abandoned(now))),
                );
            }
            next = listed.next;
            if next.is_none() {
                return Ok(abandoned);
            }
        }
    }

    /// Makes and publishes the digest of a backfill, as its own next invocation would.
    async fn finish(&mut self, id: &RunId, generation: u32) -> Result<(), AwsError> {
        if self.ports.runtime.time_left() <= self.time_to_notify {
            return Err(out_of_time(&self.notifier.state_client.uri(&id.key())));
        }
        let asked = BackfillTask::ByFleet(id.clone(), generation, FleetStep::Digest);
        let fleet = None::<&NoFleet>;
        let done = Box::pin(backfill(&asked, self.buckets.0, self.config, fleet, self.ports));
        let done = done.await.map_err(|error| AwsError {
            kind: AwsErrorKind::Denied,
            call: format!("backfill {}", id.as_str()),
            answer: error.to_string(),
        })?;
        self.result.mails.extend(done.mails);
        self.result.state_errors.extend(done.state_errors);
        match done.progress {
            BackfillProgress::Unfinished(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// The finding that a backfill is not finished.
    fn of_backfill(&self, id: &RunId, state: Result<&RunState, &String>, why: Option<String>) -> Finding {
        let state_client = &self.notifier.state_client;
        let folder = state.map_or_else(|_| id.key(), |state| id.folder(state.generation));
        let (what, go_on) = (unfinished_backfill::what(id, state), unfinished_backfill::command(id, state));
        let (account, now) = (self.ports.account, state_client.runtime.now());
        backfill_abandoned(&state_client.uri(&folder), account, what, (go_on, why), now)
    }
}
