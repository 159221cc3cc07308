//! Reading the items of a plan: the result of each is written once.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::plan_file::write_once;
use super::record_keeper::{ItemKeeper, KeptRecords, RecordKeeper};
use super::run::{BackfillRun, BackfillStop};
use super::scanning::{ReadLogFile, scan};
use crate::formats::events::backfill::Wanted;
use crate::formats::events::queue::input;
use crate::ports::{AwsError, AwsErrorKind, Fleet, LogStore, NotificationSink, Runtime, StateStore};
use crate::state::backfill::{ItemResult, KeyRange, Plan, PlanItem, RunState};
use crate::use_cases::log_file_reader::out_of_time;

/// The most log files of an item that are retried after a transient error.
const MAX_RETRIED: usize = 1_000;

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime, F: Fleet> BackfillRun<'_, L, S, A, P, F> {
    /// Reads the remaining items, one after another, as far as there is time.
    pub(super) async fn read_items(
        &mut self,
        mut state: RunState,
        plan: &Plan,
    ) -> Result<RunState, BackfillStop> {
        let mut longest = Duration::ZERO;
        while state.read.items < plan.items.len() {
            let start = self.runtime.now();
            if self.runtime.time_left() < self.time_to_notify + longest + longest / 4 {
                return Err(BackfillStop::Unfinished(out_of_time(&format!("s3://{}", self.bucket))));
            }
            let item = state.read.items;
            let result = self.read_item(&state, plan, item).await?;
            self.read.add(&result);
            let now = self.runtime.now();
            longest = longest.max(elapsed(start, now));
            state = self
                .while_leased(&state, |state| {
                    // If the answer of an earlier write was lost, it is already counted.
                    if state.read.items == item {
                        state.read.add(&result);
                    }
                    (state.updated, state.error) = (now, None);
                })
                .await?;
        }
        Ok(state)
    }

    /// Reads the item with this number, from 0.
    pub(super) async fn read_one(&mut self, state: &RunState, item: usize) -> Result<(), BackfillStop> {
        let plan = self.stored_plan(state).await?;
        if item >= plan.items.len() {
            let expected = format!("less than {}, the number of its items", plan.items.len());
            return Err(BackfillStop::Refused(input("the item of a backfill", &item.to_string(), &expected)));
        }
        let result = self.read_item(state, &plan, item).await?;
        self.read.add(&result);
        Ok(())
    }

    /// The stored result of an item, or a new one.
    async fn read_item(
        &self,
        state: &RunState,
        plan: &Plan,
        item: usize,
    ) -> Result<ItemResult, BackfillStop> {
        let state_client = &self.notifier.state_client;
        let key = result_key(&self.id.folder(state.generation), item);
        let stored = state_client.read(&key).await?;
        let item = &plan.items[item];
        if let Some(result) = stored.as_ref().and_then(|stored| result_of(&stored.content, item)) {
            return Ok(result);
        }
        let result = self.read_ranges(&state.wanted, &item.ranges).await?;
        let seen = result.counts.log_files + result.unfetched.len() as u64;
        let result =
            ItemResult { vanished: item.objects().saturating_sub(seen), item: item.fingerprint(), ..result };
        let compressed = result.pack().map_err(|error| {
            let (call, answer) = (format!("packing {}", state_client.uri(&key)), error.to_string());
            AwsError { kind: AwsErrorKind::Denied, call, answer }
        })?;
        write_once(state_client, &key, &compressed, stored.as_ref()).await?;
        Ok(result)
    }

    /// Reads ranges. Log files with a transient error are retried once; if there are many, the item is left to another
    /// invocation.
    async fn read_ranges(&self, wanted: &Wanted, ranges: &[KeyRange]) -> Result<ItemResult, BackfillStop> {
        let keeps = RecordKeeper { config: self.config, period: wanted.period() };
        let mut kept = ItemKeeper::new();
        let (mut transient, mut last) = (Vec::new(), None);
        let mut take = |read: ReadLogFile<KeptRecords>| match (read.result, read.uri.splitn(4, '/').nth(3)) {
            (Err(error), Some(key)) if error.kind == AwsErrorKind::Transient => {
                transient.push(KeyRange::of_one(key, read.bytes));
                last = Some(error);
            }
            (result, _) => kept.take(ReadLogFile { result, ..read }),
        };
        let BackfillRun { bucket, config, logs, runtime, time_to_notify: ends_with, .. } = *self;
        let skipped_objects =
            scan(bucket, ranges, &keeps, config, logs, runtime, ends_with, &mut take).await?;
        if transient.len() > MAX_RETRIED
            && let Some(error) = last
        {
            return Err(BackfillStop::Unfinished(error));
        }
        if !transient.is_empty() {
            runtime.sleep(config.retry_pause * 10).await;
            let mut gone: BTreeSet<String> =
                transient.iter().map(|range| format!("s3://{bucket}/{}", range.prefix)).collect();
            let mut take = |read: ReadLogFile<KeptRecords>| {
                gone.remove(&read.uri);
                kept.take(read);
            };
            scan(bucket, &transient, &keeps, config, logs, runtime, ends_with, &mut take).await?;
            for uri in gone {
                let (call, answer) = (format!("listing {uri}"), "it is listed no more".to_owned());
                let result = Err(AwsError { kind: AwsErrorKind::NotFound, call, answer });
                kept.take(ReadLogFile { uri, bytes: 0, result });
            }
        }
        Ok(kept.end(skipped_objects))
    }

    /// The compressed result of an item; `None` if there is none.
    pub(super) async fn compressed_result(
        &self,
        state: &RunState,
        item: usize,
    ) -> Result<Option<Bytes>, AwsError> {
        let key = result_key(&self.id.folder(state.generation), item);
        Ok(self.notifier.state_client.read(&key).await?.map(|stored| stored.content))
    }
}

/// The result of this item; `None` if it is of another item, or unreadable.
pub(super) fn result_of(compressed: &[u8], item: &PlanItem) -> Option<ItemResult> {
    let result = ItemResult::unpack(compressed).ok()?;
    (result.item == item.fingerprint()).then_some(result)
}

fn result_key(folder: &str, item: usize) -> String {
    format!("{folder}parts/{item}.json.gz")
}

fn elapsed(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}
