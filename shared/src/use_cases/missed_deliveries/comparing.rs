//! Comparing what stands in the folders of a day with its receipts.

use std::collections::VecDeque;

use chrono::NaiveDate;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{CHUNK, Found, Run, Span};
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, ListedObject, Listing, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::state::backfill::Stretch;
use crate::state::receipts;
use crate::state::receipts::Receipt;
use crate::use_cases::backfill::{Lister, Open, of_listed, page};

/// So many pages are listed at the same time, and while they are, nothing is read.
const LISTINGS_AT_ONCE: usize = 16;

/// So many receipts are read at the same time, unless one of them is larger than any that iamwatch writes.
const RECEIPTS_AT_ONCE: usize = 32;
const MAX_RECEIPT_BYTES: u64 = 1 << 20;

/// The log files of a day that were read: eight bytes for each.
#[derive(Default)]
struct Receipts {
    on_delivery: Vec<u64>,
    by_sweep: Vec<u64>,
}

impl Receipts {
    fn add(&mut self, receipt: &Receipt) {
        let hashes = if receipt.is_of_missed() { &mut self.by_sweep } else { &mut self.on_delivery };
        hashes.extend(receipt.hashes());
    }

    /// In the order in which they are looked up.
    fn sorted(mut self) -> Receipts {
        for hashes in [&mut self.on_delivery, &mut self.by_sweep] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        self
    }
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, L, S, A, P> {
    /// Compares the folders of one day, and reads what was put there in that span and has no receipt.
    pub(super) async fn day(
        &mut self,
        day: NaiveDate,
        stretches: &[Stretch],
        span: Span,
        found: &mut Found,
    ) -> Result<(), AwsError> {
        let receipts = self.receipts(day).await?;
        let mut opens: VecDeque<Open<'_>> =
            stretches.iter().map(|stretch| Open { stretch, page: None }).collect();
        let mut missing: Vec<LogFileObject> = Vec::new();
        while !opens.is_empty() {
            let next = opens.drain(..opens.len().min(LISTINGS_AT_ONCE)).collect();
            for (open, listed) in self.pages(next).await? {
                // First come those that are under way: few are at a time.
                if let Some(open) = open {
                    opens.push_front(open);
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
                    if receipts.by_sweep.binary_search(&hash).is_ok() {
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

    /// One page of each of these.
    async fn pages<'s>(
        &self,
        opens: Vec<Open<'s>>,
    ) -> Result<Vec<(Option<Open<'s>>, Vec<ListedObject>)>, AwsError> {
        let lister = self.lister(self.buckets.0);
        let pages = try_join_all(opens.into_iter().map(|open| page(&lister, open)));
        self.telling.memory.in_time("listing", self.buckets.0, pages).await
    }

    /// What was read of the log files of a day. A receipt that is not as it was written counts for nothing.
    async fn receipts(&self, day: NaiveDate) -> Result<Receipts, AwsError> {
        let (memory, bucket) = (&self.telling.memory, self.buckets.1);
        let lister = self.lister(bucket);
        let prefix = receipts::folder(day);
        let mut receipts = Receipts::default();
        let mut next: Option<String> = None;
        loop {
            let page = next.as_deref();
            let listing = Listing { bucket, prefix: &prefix, page, ..Listing::default() };
            let listed = memory.in_time("listing", &memory.uri(&prefix), lister.page(&listing)).await?;
            let are_small = listed.objects.iter().all(|object| object.bytes <= MAX_RECEIPT_BYTES);
            let open = listed
                .objects
                .into_iter()
                .map(|object| async move { memory.open(&object.key, &Receipt::default()).await });
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

    pub(super) fn lister<'b>(&self, bucket: &'b str) -> Lister<'b, L, P>
    where
        Self: 'b,
    {
        let Ports { logs, runtime, .. } = *self.outside;
        Lister { bucket, config: self.config, logs, runtime }
    }
}
