//! Comparing the log files of a day's folders with the day's receipts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::NaiveDate;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::checkpoint::Span;
use super::run::{ComparisonStop, MissedRun, SpanFindings};
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::events::backfill::Wanted;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, ListedObject, Listing, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::backfill::KeyRange;
use crate::state::receipts;
use crate::state::receipts::Receipt;
use crate::use_cases::backfill::{Division, RangeListing, Unplanned, key_ranges, of_listed, page};

/// How many log files are read and reported at a time: a comparison that stops early continues behind them.
const CHUNK: usize = 500;

/// How many pages are listed at the same time; meanwhile nothing is read.
const LISTINGS_AT_ONCE: usize = 16;

/// How many receipts are read at the same time, unless one of them is larger than any that iamwatch writes.
const RECEIPTS_AT_ONCE: usize = 32;
const MAX_RECEIPT_BYTES: u64 = 1 << 20;

/// The log files of a day that were read, by an 8-byte hash of their URI.
#[derive(Default)]
struct Receipts {
    on_delivery: Vec<u64>,
    as_missed: Vec<u64>,
}

impl Receipts {
    fn add(&mut self, receipt: &Receipt) {
        let hashes = if receipt.is_of_missed() { &mut self.as_missed } else { &mut self.on_delivery };
        hashes.extend(receipt.hashes());
    }

    /// Sorted, for binary search.
    fn sorted(mut self) -> Receipts {
        for hashes in [&mut self.on_delivery, &mut self.as_missed] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        self
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'_, L, S, A, P> {
    /// The key ranges of the folders whose log files may belong to the span, by day.
    pub(super) async fn ranges_by_day(
        &self,
        span: Span,
    ) -> Result<BTreeMap<NaiveDate, Vec<KeyRange>>, ComparisonStop> {
        let mut by_day: BTreeMap<NaiveDate, Vec<KeyRange>> = BTreeMap::new();
        for range in self.ranges(span).await? {
            if let Some(day) = key::day(&range.prefix) {
                by_day.entry(day).or_default().push(range);
            }
        }
        Ok(by_day)
    }

    async fn ranges(&self, span: Span) -> Result<Vec<KeyRange>, ComparisonStop> {
        let (from, to) = (span.since.date_naive(), span.until.date_naive());
        let wanted = Wanted { from, to, accounts: BTreeSet::new(), regions: BTreeSet::new() };
        let Ports { logs, runtime, .. } = *self.ports;
        let bucket = self.buckets.0;
        let ranges = async {
            match key_ranges(bucket, "", &wanted, Division::ByDay, self.config, logs, runtime).await {
                Ok(ranges) => Ok(Ok(ranges)),
                Err(Unplanned::Unfit(error)) => Ok(Err(ComparisonStop::CannotCompare(error.to_string()))),
                Err(Unplanned::AwsError(error)) => Err(error),
            }
        };
        self.notifier.state_client.in_time("listing", bucket, ranges).await?
    }

    /// Compares the folders of one day, and reads the log files that were delivered in the span and have no receipt.
    pub(super) async fn compare_day(
        &mut self,
        day: NaiveDate,
        ranges: &[KeyRange],
        span: Span,
        found: &mut SpanFindings,
    ) -> Result<(), AwsError> {
        let receipts = self.receipts(day).await?;
        let mut listings: VecDeque<RangeListing<'_>> =
            ranges.iter().map(|range| RangeListing { range, page: None }).collect();
        let mut missing: Vec<LogFileObject> = Vec::new();
        while !listings.is_empty() {
            let next = listings.drain(..listings.len().min(LISTINGS_AT_ONCE)).collect();
            for (more, listed) in self.pages(next).await? {
                // Ranges with more pages come first, so that few are open at a time.
                if let Some(more) = more {
                    listings.push_front(more);
                }
                for listed in listed {
                    if ObjectKind::of_key(&listed.key) != ObjectKind::LogFile || !span.holds(listed.modified)
                    {
                        continue;
                    }
                    found.missed.delivered += 1;
                    let object = of_listed(self.buckets.0, listed);
                    let uri = object.uri();
                    let hash = receipts::hash(&uri);
                    if receipts.as_missed.binary_search(&hash).is_ok() {
                        found.missed.add(day, &uri);
                    } else if receipts.on_delivery.binary_search(&hash).is_err() {
                        found.missed.add(day, &uri);
                        missing.push(object);
                    }
                }
            }
            while missing.len() >= CHUNK {
                let rest = missing.split_off(CHUNK);
                self.read(&missing, found).await?;
                missing = rest;
            }
        }
        if missing.is_empty() { Ok(()) } else { self.read(&missing, found).await }
    }

    /// The next page of each range.
    async fn pages<'s>(
        &self,
        listings: Vec<RangeListing<'s>>,
    ) -> Result<Vec<(Option<RangeListing<'s>>, Vec<ListedObject>)>, AwsError> {
        let lister = self.lister(self.buckets.0);
        let pages = try_join_all(listings.into_iter().map(|open| page(&lister, open)));
        self.notifier.state_client.in_time("listing", self.buckets.0, pages).await
    }

    /// The receipts of a day. A receipt that cannot be read is ignored.
    async fn receipts(&self, day: NaiveDate) -> Result<Receipts, AwsError> {
        let (state_client, bucket) = (&self.notifier.state_client, self.buckets.1);
        let lister = self.lister(bucket);
        let prefix = receipts::folder(day);
        let mut receipts = Receipts::default();
        let mut next: Option<String> = None;
        loop {
            let page = next.as_deref();
            let listing = Listing { bucket, prefix: &prefix, page, ..Listing::default() };
            let listed =
                state_client.in_time("listing", &state_client.uri(&prefix), lister.page(&listing)).await?;
            let are_small = listed.objects.iter().all(|object| object.bytes <= MAX_RECEIPT_BYTES);
            let open = listed
                .objects
                .into_iter()
                .map(|object| async move { state_client.open(&object.key, &Receipt::default()).await });
            let mut opened =
                stream::iter(open).buffer_unordered(if are_small { RECEIPTS_AT_ONCE } else { 1 });
            while let Some(receipt) = opened.try_next().await? {
                receipts.add(&receipt.object);
            }
            next = listed.next;
            if next.is_none() {
                return Ok(receipts.sorted());
            }
        }
    }
}
