//! Backfills that somebody has begun and nobody brings to their end.
//!
//! What a backfill tells stands in the live cases before its mail does, so that nobody else tells it. Where its run
//! dies in between, or before it has read everything, and nobody asks for it again, nobody would ever be told.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Run;
use crate::finding::Finding;
use crate::formats::events::backfill::{BackfillTask, FleetStep};
use crate::mail::unfinished_backfill;
use crate::ports::{
    AwsError, AwsErrorKind, Execution, Fleet, Listing, LogStore, NotificationSink, Runtime, StateStore,
};
use crate::rules::health::backfill_abandoned;
use crate::state::backfill::{RunId, RunState};
use crate::use_cases::backfill;
use crate::use_cases::backfill::Progress;
use crate::use_cases::log_file_reader::out_of_time;
use crate::use_cases::notify::suppression_file::SuppressionFile;

/// Where backfills stand.
const FOLDER: &str = "backfills/";

/// So many are read at the same time.
const READ_AT_ONCE: usize = 16;

/// A sweep hands nothing to the state machine.
enum NoFleet {}

impl Fleet for NoFleet {
    async fn start(&self, _: &str, _: &str) -> Result<Execution, AwsError> {
        match *self {}
    }
}

/// A backfill as it stands, or why that cannot be read.
type Left = (RunId, Result<RunState, String>);

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, L, S, A, P> {
    /// Tells what backfills have found and not told, and which are not finished although nobody works on them.
    pub(super) async fn backfills(&mut self, accepted: &SuppressionFile) -> Result<(), AwsError> {
        let (mut findings, mut to_do) = (Vec::new(), None);
        for (id, state) in self.left().await? {
            let why = match &state {
                Ok(state) if state.lacks_only_telling() => {
                    match Box::pin(self.finish(&id, state.generation)).await {
                        Ok(()) => continue,
                        Err(trouble) if !self.is_late && trouble.kind != AwsErrorKind::Denied => {
                            to_do.get_or_insert(trouble);
                            continue;
                        }
                        Err(trouble) => Some(trouble.to_string()),
                    }
                }
                Ok(state) => state.trouble.clone(),
                Err(_) => None,
            };
            findings.push(self.of_backfill(&id, state.as_ref(), why));
        }
        if !findings.is_empty() {
            self.tell(findings, accepted).await?;
        }
        to_do.map_or(Ok(()), Err)
    }

    /// Those that are not finished, although nobody works on them.
    async fn left(&self) -> Result<Vec<Left>, AwsError> {
        let (memory, bucket) = (&self.telling.memory, self.buckets.1);
        let lister = self.lister(bucket);
        let (mut left, mut next) = (Vec::new(), None::<String>);
        loop {
            if self.outside.runtime.time_left() <= self.time_to_tell {
                return Err(out_of_time(&memory.uri(FOLDER)));
            }
            let page = next.as_deref();
            let listing = Listing { bucket, prefix: FOLDER, by_folder: true, page, ..Listing::default() };
            let listed = memory.in_time("listing", &memory.uri(FOLDER), lister.page(&listing)).await?;
            let ids = listed
                .folders
                .iter()
                .filter_map(|folder| RunId::parse(folder.strip_prefix(FOLDER)?.strip_suffix('/')?).ok());
            let read = ids.map(|id| async move {
                let stored = memory.read(&id.key()).await?;
                let state = stored.map(|stored| RunState::read_of(&stored.content, &id));
                Ok::<_, AwsError>(state.map(|state| (id, state)))
            });
            let mut read = stream::iter(read).buffered(READ_AT_ONCE);
            while let Some(found) = read.try_next().await? {
                let now = memory.runtime.now();
                left.extend(
                    found.filter(|(_, state)| state.as_ref().map_or(true, |state| state.is_left(now))),
                );
            }
            next = listed.next;
            if next.is_none() {
                return Ok(left);
            }
        }
    }

    /// Has a backfill tell what it came to, as its own next run would.
    async fn finish(&mut self, id: &RunId, generation: u32) -> Result<(), AwsError> {
        if self.outside.runtime.time_left() <= self.time_to_tell {
            return Err(out_of_time(&self.telling.memory.uri(&id.key())));
        }
        let asked = BackfillTask::ByFleet(id.clone(), generation, FleetStep::Digest);
        let fleet = None::<&NoFleet>;
        let done = Box::pin(backfill::backfill(&asked, self.buckets.0, self.config, fleet, self.outside));
        let done = done.await.map_err(|error| AwsError {
            kind: AwsErrorKind::Denied,
            call: format!("backfill {}", id.as_str()),
            answer: error.to_string(),
        })?;
        self.swept.mails.extend(done.mails);
        self.swept.state_troubles.extend(done.state_troubles);
        match done.progress {
            Progress::Unfinished(trouble) => Err(trouble),
            _ => Ok(()),
        }
    }

    /// The finding that tells of a backfill that is not finished.
    fn of_backfill(&self, id: &RunId, state: Result<&RunState, &String>, why: Option<String>) -> Finding {
        let memory = &self.telling.memory;
        let folder = state.map_or_else(|_| id.key(), |state| id.folder(state.generation));
        let (what, go_on) = (unfinished_backfill::what(id, state), unfinished_backfill::command(id, state));
        let (account, now) = (self.outside.account, memory.runtime.now());
        backfill_abandoned(&memory.uri(&folder), account, what, (go_on, why), now)
    }
}
