//! The plan of a backfill and its parts, each written once and found again.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, select_biased};

use super::digest::note_unreadable;
use super::part_reader::{Keeping, Keeps, Kept};
use super::{Halt, Run, Scanned, plan, scan};
use crate::formats::events::backfill::Wanted;
use crate::formats::events::queue::input;
use crate::ports::{
    AwsError, AwsErrorKind, Fleet, LogStore, MAX_STATE_BYTES, NotificationSink, Runtime, StateStore,
    StoredObject, WriteOutcome,
};
use crate::state::backfill::{Estimate, Item, Part, Plan, ReadSoFar, RunState, Stretch};
use crate::state::format::FORMAT;
use crate::state::object::StateObject;
use crate::state::store::StateClient;
use crate::use_cases::log_file_reader::out_of_time;

impl StateObject for Plan {
    fn read(content: &[u8], new: &Plan) -> Result<Plan, String> {
        Plan::read(content, &new.bucket, &new.wanted)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// So many items one digest puts together in its time.
const MAX_ITEMS: usize = 10_000;

/// About so many log files of an item AWS may not answer at first.
const MAX_UNANSWERED: usize = 1_000;

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> Run<'_, L, S, A, P, F> {
    /// The plan that was made, or one that is made now.
    pub(super) async fn plan(&self, state: &RunState) -> Result<Plan, Halt> {
        let memory = &self.telling.memory;
        let key = format!("{}plan.json", self.id.folder(state.generation));
        let read = |stored: &StoredObject| Plan::read(&stored.content, self.bucket, &state.wanted);
        let stored = memory.read(&key).await?;
        match stored.as_ref().map(read) {
            Some(Ok(plan)) => return Ok(plan),
            Some(Err(_)) => self.lose_plan(state, &key).await?,
            None => {}
        }
        let plan = self.make_plan(&state.wanted).await?;
        let refused = |answer: String| {
            let call = format!("writing {}", memory.uri(&key));
            Halt::Unfinished(AwsError { kind: AwsErrorKind::Denied, call, answer })
        };
        let content = serde_json::to_vec(&plan).map_err(|error| refused(error.to_string()))?;
        if content.len() > MAX_STATE_BYTES {
            let plan = format!("a plan that takes at most {MAX_STATE_BYTES} bytes: ask for fewer days");
            return Err(Halt::Refused(input("the plan", &format!("{} bytes", content.len()), &plan)));
        }
        write_once(memory, &key, &content, stored.as_ref()).await?;
        // An earlier run may have written its own a moment ago, and what was read belongs to that.
        let stands = match memory.read(&key).await? {
            // What was written a moment ago and is said to be missing is asked for once more.
            None => memory.read(&key).await?,
            stands => stands,
        };
        let missing = || Err("it is not there, although it was written".to_owned());
        stands.as_ref().map_or_else(missing, read).map_err(refused)
    }

    /// What is there can be read no more, which the digest tells. Parts are read again unless a new plan divides alike.
    async fn lose_plan(&self, state: &RunState, key: &str) -> Result<(), AwsError> {
        let memory = &self.telling.memory;
        let (bucket, wanted) = (self.bucket.to_owned(), state.wanted.clone());
        memory.open(key, &Plan { format: FORMAT, bucket, wanted, items: Vec::new() }).await?;
        note_unreadable(&self.id.folder(state.generation), memory.take_unreadable(), memory).await?;
        self.mine(state, |state| state.read = ReadSoFar::default()).await?;
        Ok(())
    }

    /// Finds out what there is to read.
    pub(super) async fn make_plan(&self, wanted: &Wanted) -> Result<Plan, Halt> {
        let mut time_is_up = pin!(self.runtime.sleep(self.telling.memory.time_left()).fuse());
        let planned = plan(self.bucket, "", wanted, self.config, self.logs, self.runtime);
        let mut planned = Box::pin(planned.fuse());
        select_biased! {
            planned = planned => fits(planned?),
            () = time_is_up => {
                let call = format!("listing s3://{}", self.bucket);
                let answer = "there is more than one invocation has time to list: ask for fewer days, accounts or Regions";
                let (kind, answer) = (AwsErrorKind::DeadlineExceeded, answer.to_owned());
                Err(Halt::Unfinished(AwsError { kind, call, answer }))
            }
        }
    }

    /// What a plan takes.
    pub(super) fn estimate(&self, plan: &Plan) -> Estimate {
        plan.estimate(self.fleet.map(|_| self.config.fleet_above_log_files))
    }

    /// Reads the items that were not read yet, one after another, as far as there is time.
    pub(super) async fn read_items(&mut self, mut state: RunState, plan: &Plan) -> Result<RunState, Halt> {
        let mut longest = Duration::ZERO;
        while state.read.items < plan.items.len() {
            let begun = self.runtime.now();
            if self.runtime.time_left() < self.time_to_tell + longest + longest / 4 {
                return Err(Halt::Unfinished(out_of_time(&format!("s3://{}", self.bucket))));
            }
            let item = state.read.items;
            let part = self.read_item(&state, plan, item).await?;
            self.read.add(&part);
            let now = self.runtime.now();
            longest = longest.max(elapsed(begun, now));
            state = self
                .mine(&state, |state| {
                    // Where an answer was lost, it stands there already.
                    if state.read.items == item {
                        state.read.add(&part);
                    }
                    (state.updated, state.trouble) = (now, None);
                })
                .await?;
        }
        Ok(state)
    }

    /// Reads the item of that number, for the state machine.
    pub(super) async fn read_one(&mut self, state: &RunState, item: usize) -> Result<(), Halt> {
        let plan = self.plan_of(state).await?;
        if item >= plan.items.len() {
            let expected = format!("less than {}, the number of its items", plan.items.len());
            return Err(Halt::Refused(input("the item of a backfill", &item.to_string(), &expected)));
        }
        let part = self.read_item(state, &plan, item).await?;
        self.read.add(&part);
        Ok(())
    }

    /// The plan that was made.
    async fn plan_of(&self, state: &RunState) -> Result<Plan, Halt> {
        let memory = &self.telling.memory;
        let key = format!("{}plan.json", self.id.folder(state.generation));
        let trouble = |kind, answer: String| {
            Halt::Unfinished(AwsError { kind, call: format!("reading {}", memory.uri(&key)), answer })
        };
        match memory.read(&key).await? {
            None => Err(trouble(AwsErrorKind::NotFound, "there is no plan".to_owned())),
            Some(stored) => Plan::read(&stored.content, self.bucket, &state.wanted)
                .map_err(|reason| trouble(AwsErrorKind::Denied, reason)),
        }
    }

    /// What an item came to: as it was written, or read now and written.
    async fn read_item(&self, state: &RunState, plan: &Plan, item: usize) -> Result<Part, Halt> {
        let memory = &self.telling.memory;
        let key = part_key(&self.id.folder(state.generation), item);
        let stored = memory.read(&key).await?;
        let item = &plan.items[item];
        if let Some(part) = stored.as_ref().and_then(|stored| part_of(&stored.content, item)) {
            return Ok(part);
        }
        let part = self.read_stretches(&state.wanted, &item.stretches).await?;
        let had = part.counts.log_files + part.unread.len() as u64;
        let part = Part { vanished: item.objects().saturating_sub(had), item: item.fingerprint(), ..part };
        let packed = part.pack().map_err(|error| {
            let (call, answer) = (format!("packing {}", memory.uri(&key)), error.to_string());
            AwsError { kind: AwsErrorKind::Denied, call, answer }
        })?;
        write_once(memory, &key, &packed, stored.as_ref()).await?;
        Ok(part)
    }

    /// What stretches come to. A log file about which AWS does not answer is asked for once more; where it does not
    /// answer about many, there is something wrong that may pass, and the item is left to another run.
    async fn read_stretches(&self, wanted: &Wanted, stretches: &[Stretch]) -> Result<Part, Halt> {
        let keeps = Keeps { config: self.config, period: wanted.period() };
        let mut keeping = Keeping::new();
        let (mut unanswered, mut last) = (Vec::new(), None);
        let mut take = |scanned: Scanned<Kept>| match (scanned.made, scanned.uri.splitn(4, '/').nth(3)) {
            (Err(trouble), Some(key)) if trouble.kind == AwsErrorKind::Transient => {
                unanswered.push(Stretch::of_one(key, scanned.bytes));
                last = Some(trouble);
            }
            (made, _) => keeping.take(Scanned { made, ..scanned }),
        };
        let Run { bucket, config, logs, runtime, time_to_tell: ends_with, .. } = *self;
        let skipped = scan(bucket, stretches, &keeps, config, logs, runtime, ends_with, &mut take).await?;
        if unanswered.len() > MAX_UNANSWERED
            && let Some(trouble) = last
        {
            return Err(Halt::Unfinished(trouble));
        }
        if !unanswered.is_empty() {
            runtime.sleep(config.retry_pause * 10).await;
            let mut gone: BTreeSet<String> =
                unanswered.iter().map(|stretch| format!("s3://{bucket}/{}", stretch.prefix)).collect();
            let mut take = |scanned: Scanned<Kept>| {
                gone.remove(&scanned.uri);
                keeping.take(scanned);
            };
            scan(bucket, &unanswered, &keeps, config, logs, runtime, ends_with, &mut take).await?;
            for uri in gone {
                let (call, answer) = (format!("listing {uri}"), "it is listed no more".to_owned());
                let made = Err(AwsError { kind: AwsErrorKind::NotFound, call, answer });
                keeping.take(Scanned { uri, bytes: 0, made });
            }
        }
        Ok(keeping.end(skipped.objects))
    }

    /// A part as it is packed; nothing where there is none.
    pub(super) async fn part(&self, state: &RunState, item: usize) -> Result<Option<Bytes>, AwsError> {
        let key = part_key(&self.id.folder(state.generation), item);
        Ok(self.telling.memory.read(&key).await?.map(|stored| stored.content))
    }
}

/// Whether one digest can put together what a plan comes to.
fn fits(plan: Plan) -> Result<Plan, Halt> {
    let (items, Wanted { from, to, .. }) = (plan.items.len(), &plan.wanted);
    if items <= MAX_ITEMS {
        return Ok(plan);
    }
    let expected = format!(
        "fewer days, accounts or Regions: it has {items} parts, and at most {MAX_ITEMS} can be told at once"
    );
    Err(Halt::Refused(input("the range", &format!("{from} to {to}"), &expected)))
}

/// What was read of that item, and of no other.
pub(super) fn part_of(packed: &[u8], item: &Item) -> Option<Part> {
    let part = Part::unpack(packed).ok()?;
    (part.item == item.fingerprint()).then_some(part)
}

fn part_key(folder: &str, item: usize) -> String {
    format!("{folder}parts/{item}.json.gz")
}

/// Writes what is written once, over what cannot be read of it.
async fn write_once<S: StateStore, P: Runtime>(
    memory: &StateClient<'_, S, P>,
    key: &str,
    content: &[u8],
    unreadable: Option<&StoredObject>,
) -> Result<(), AwsError> {
    match unreadable {
        None => memory.create(key, content).await,
        Some(_) => match memory.replace(key, content, unreadable).await? {
            // Another run wrote it, or this one, whose answer was lost: either will do.
            WriteOutcome::Written(_) | WriteOutcome::Conflict => Ok(()),
        },
    }
}

fn elapsed(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}
