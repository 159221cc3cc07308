//! Reading the log files of a plan's stretches, while they are listed.
//!
//! Pages of listings fill a queue of bounded length; from its front, log files are read as many at once as fit into
//! `MAX_IN_FLIGHT_BYTES`. Nothing waits for the end of a page, a stretch or a listing.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, select_biased};

use super::listing::Lister;
use crate::config::Config;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::cloudtrail::scan::Counts;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, AwsErrorKind, ListedObject, Listing, ListingPage, LogStore, Runtime};
use crate::state::backfill::Stretch;
use crate::use_cases::log_file_reader::{Reader, Reading, out_of_time};

/// So many stretches are listed at the same time.
const LISTINGS_AT_ONCE: usize = 8;

/// No further page is asked for while so many log files wait.
const MAX_WAITING: usize = 4_000;

/// What became of one log file.
#[derive(Debug)]
pub struct Scanned<M> {
    /// `s3://bucket/key`.
    pub uri: String,
    /// How large it is, as it is stored.
    pub bytes: u64,
    /// What was made of it and found in it, or why it could not be read.
    pub made: Result<(M, Counts), AwsError>,
}

/// What was not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Objects that are no log files.
    pub objects: u64,
}

/// A stretch that is being listed.
pub(in crate::use_cases) struct Open<'s> {
    pub stretch: &'s Stretch,
    /// The page that follows.
    pub page: Option<String>,
}

/// Reads the log files of stretches that do not overlap, in no certain order; `done` is called once for each.
///
/// # Errors
/// [`AwsError`] where a listing failed for good, or of the kind `OutOfTime` where `ends_with` is left of the run's
/// time: some of the log files were not looked at then. What keeps one log file from being read is no error.
#[expect(clippy::too_many_arguments, reason = "they are what a scan depends on, and no two belong together")]
pub async fn scan<L: LogStore, P: Runtime, R: Reader>(
    bucket: &str,
    stretches: &[Stretch],
    reader: &R,
    config: &Config,
    logs: &L,
    runtime: &P,
    ends_with: Duration,
    done: &mut dyn FnMut(Scanned<R::Made>),
) -> Result<Skipped, AwsError> {
    let lister = Lister { bucket, config, logs, runtime };
    let reading = Reading::new(reader, config, logs, runtime, ends_with);
    let mut time_is_up = Box::pin(runtime.sleep(runtime.time_left().saturating_sub(ends_with))).fuse();
    let mut skipped = Skipped::default();
    let mut unlisted = stretches.iter().map(|stretch| Open { stretch, page: None });
    // Those of which more is to be listed, but not yet.
    let mut paused = VecDeque::new();
    let mut waiting: VecDeque<LogFileObject> = VecDeque::new();
    let (mut listing, mut running) = (FuturesUnordered::new(), FuturesUnordered::new());
    loop {
        while let Some(share) = waiting.front().and_then(|object| reading.share(object))
            && let Some(object) = waiting.pop_front()
        {
            let reading = &reading;
            running.push(async move {
                let made = reading.read(&object, share).await;
                Scanned { uri: object.uri(), bytes: object.bytes.unwrap_or_default(), made }
            });
        }
        while listing.len() < LISTINGS_AT_ONCE
            && waiting.len() < MAX_WAITING
            && let Some(open) = paused.pop_front().or_else(|| unlisted.next())
        {
            listing.push(page(&lister, open));
        }
        if listing.is_empty() && running.is_empty() {
            return Ok(skipped);
        }
        // Time is looked at first: small files that are always ready must not hide that it is up.
        select_biased! {
            () = time_is_up => return Err(out_of_time(&format!("s3://{bucket}"))),
            listed = listing.select_next_some() => {
                let (open, objects) = listed?;
                paused.extend(open);
                for object in objects {
                    match ObjectKind::of_key(&object.key) {
                        ObjectKind::LogFile => waiting.push_back(of_listed(bucket, object)),
                        _ => skipped.objects += 1,
                    }
                }
            },
            scanned = running.select_next_some() => match scanned.made {
                Err(trouble) if trouble.kind == AwsErrorKind::DeadlineExceeded => return Err(trouble),
                _ => done(scanned),
            },
        }
    }
}

/// One page of a stretch, and the stretch again where more follows.
pub(in crate::use_cases) async fn page<'s, L: LogStore, P: Runtime>(
    lister: &Lister<'_, L, P>,
    open: Open<'s>,
) -> Result<(Option<Open<'s>>, Vec<ListedObject>), AwsError> {
    let stretch = open.stretch;
    let (bucket, prefix, after) = (lister.bucket, &*stretch.prefix, stretch.begins_behind());
    let after = after.as_deref();
    let listing = Listing { bucket, prefix, after, by_folder: false, page: open.page.as_deref() };
    let ListingPage { mut objects, next, .. } = lister.page(&listing).await?;
    let is_beyond = |object: &ListedObject| stretch.ends_before(&object.key);
    let ends = objects.last().is_some_and(is_beyond);
    if ends {
        objects.truncate(objects.partition_point(|object| !is_beyond(object)));
    }
    objects.retain(|object| stretch.holds(&object.key));
    let open = next.filter(|_| !ends).map(|page| Open { stretch, page: Some(page) });
    Ok((open, objects))
}

pub(in crate::use_cases) fn of_listed(bucket: &str, listed: ListedObject) -> LogFileObject {
    let ListedObject { key, bytes, modified } = listed;
    let bucket = bucket.to_owned();
    LogFileObject { bucket, key, decoded_key: None, version: None, bytes: Some(bytes), created: modified }
}
