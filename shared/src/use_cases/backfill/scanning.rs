//! Reading the log files of key ranges while they are listed.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::listing::Lister;
use crate::config::Config;
use crate::formats::cloudtrail::key::ObjectKind;
use crate::formats::cloudtrail::scan::ScanCounts;
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, AwsErrorKind, ListedObject, Listing, ListingPage, LogStore, Runtime};
use crate::state::backfill::KeyRange;
use crate::use_cases::log_file_reader::{
    ConcurrentReader, LogFileSource, ReadEnd, ReadOutcome, RecordConsumer, out_of_time,
};

/// How many ranges are listed at the same time.
const LISTINGS_AT_ONCE: usize = 8;

/// A log file that was read, or could not be.
#[derive(Debug)]
pub struct ReadLogFile<O> {
    /// `s3://bucket/key`.
    pub uri: String,
    /// Its size in bytes, compressed.
    pub bytes: u64,
    /// The output of the consumer and the scanner's counts, or why it could not be read.
    pub result: Result<(O, ScanCounts), AwsError>,
}

/// A range that is being listed.
pub(crate) struct RangeListing<'s> {
    pub range: &'s KeyRange,
    /// The token of the next page.
    pub page: Option<String>,
}

/// One page of a range, and the range if more pages follow.
type RangePage<'s> = (Option<RangeListing<'s>>, Vec<ListedObject>);

/// Reads the log files of ranges that do not overlap, in no certain order; `done` is called once for each. Returns how
/// many objects of these ranges are no log files.
///
/// # Errors
/// [`AwsError`] if a listing failed, or if only `ends_with` is left of the invocation's time (its kind is
/// `DeadlineExceeded`): some of the log files were not read then. A log file that cannot be read is no error.
#[expect(clippy::too_many_arguments, reason = "a scan depends on each of them, and no two belong together")]
pub async fn scan<L: LogStore, P: Runtime, R: RecordConsumer>(
    bucket: &str,
    ranges: &[KeyRange],
    consumer: &R,
    config: &Config,
    logs: &L,
    runtime: &P,
    ends_with: Duration,
    done: &mut dyn FnMut(ReadLogFile<R::Output>),
) -> Result<u64, AwsError> {
    let lister = Lister { bucket, config, logs, runtime };
    let reader = ConcurrentReader::new(consumer, config, logs, runtime, ends_with);
    let mut source = ListedLogFiles::new(&lister, ranges);
    let mut done = |object: LogFileObject, result: ReadOutcome<R::Output>| match result {
        Err(error) if error.kind == AwsErrorKind::DeadlineExceeded => Err(error),
        result => {
            done(ReadLogFile { uri: object.uri(), bytes: object.bytes.unwrap_or_default(), result });
            Ok(())
        }
    };
    match reader.read_all(&mut source, &mut done).await? {
        ReadEnd::AllRead => Ok(source.skipped_objects),
        ReadEnd::TimeIsUp => Err(out_of_time(&format!("s3://{bucket}"))),
    }
}

/// The log files of ranges, listed page by page. Nothing waits for the end of a page or a range.
struct ListedLogFiles<'s, L, P> {
    lister: &'s Lister<'s, L, P>,
    ranges: std::slice::Iter<'s, KeyRange>,
    /// Ranges with further pages.
    paused: VecDeque<RangeListing<'s>>,
    listing: FuturesUnordered<LocalBoxFuture<'s, Result<RangePage<'s>, AwsError>>>,
    /// Objects that are no log files.
    skipped_objects: u64,
}

impl<'s, L: LogStore, P: Runtime> ListedLogFiles<'s, L, P> {
    fn new(lister: &'s Lister<'s, L, P>, ranges: &'s [KeyRange]) -> Self {
        let (paused, listing) = (VecDeque::new(), FuturesUnordered::new());
        ListedLogFiles { lister, ranges: ranges.iter(), paused, listing, skipped_objects: 0 }
    }

    fn next_listing(&mut self) -> Option<RangeListing<'s>> {
        self.paused.pop_front().or_else(|| self.ranges.next().map(|range| RangeListing { range, page: None }))
    }

    /// The log files of a page.
    fn log_files(&mut self, objects: Vec<ListedObject>) -> Vec<LogFileObject> {
        let listed = objects.len();
        let is_log_file = |object: &ListedObject| ObjectKind::of_key(&object.key) == ObjectKind::LogFile;
        let objects = objects.into_iter().filter(is_log_file);
        let log_files: Vec<LogFileObject> =
            objects.map(|object| of_listed(self.lister.bucket, object)).collect();
        self.skipped_objects += (listed - log_files.len()) as u64;
        log_files
    }
}

impl<L: LogStore, P: Runtime> LogFileSource for ListedLogFiles<'_, L, P> {
    async fn next(&mut self, may_list: bool) -> Option<Result<Vec<LogFileObject>, AwsError>> {
        while may_list
            && self.listing.len() < LISTINGS_AT_ONCE
            && let Some(range) = self.next_listing()
        {
            self.listing.push(Box::pin(page(self.lister, range)));
        }
        match self.listing.next().await {
            Some(Ok((range, objects))) => {
                self.paused.extend(range);
                Some(Ok(self.log_files(objects)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if may_list => None,
            None => pending().await,
        }
    }
}

/// One page of a range, and the range if more pages follow.
pub(crate) async fn page<'s, L: LogStore, P: Runtime>(
    lister: &Lister<'_, L, P>,
    listing: RangeListing<'s>,
) -> Result<RangePage<'s>, AwsError> {
    let range = listing.range;
    let (bucket, prefix, after) = (lister.bucket, &*range.prefix, range.begins_behind());
    let after = after.as_deref();
    let request = Listing { bucket, prefix, after, by_folder: false, page: listing.page.as_deref() };
    let ListingPage { mut objects, next, .. } = lister.page(&request).await?;
    let is_beyond = |object: &ListedObject| range.ends_before(&object.key);
    let ends = objects.last().is_some_and(is_beyond);
    if ends {
        objects.truncate(objects.partition_point(|object| !is_beyond(object)));
    }
    objects.retain(|object| range.holds(&object.key));
    let more = next.filter(|_| !ends).map(|page| RangeListing { range, page: Some(page) });
    Ok((more, objects))
}

/// The object that a listing names.
pub(crate) fn of_listed(bucket: &str, listed: ListedObject) -> LogFileObject {
    let ListedObject { key, bytes, modified } = listed;
    let bucket = bucket.to_owned();
    LogFileObject { bucket, key, decoded_key: None, version: None, bytes: Some(bytes), created: modified }
}
