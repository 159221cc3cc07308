//! Planning: finding the log files of a request, and dividing them into items.
//!
//! CloudTrail's folders are listed, many at once: `[prefix/]AWSLogs/[o-…/]account/CloudTrail/region/`, and in them the
//! years and months of the request. A month is listed from the first wanted day to the last, which takes one call for
//! each 1,000 log files and none for days without any. Other folders are ignored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::folders::{DayRange, Folder, Level};
use super::key_ranges::{Division, MonthListing, items};
use super::listing::Lister;
use crate::Error;
use crate::config::Config;
use crate::formats::events::backfill::Wanted;
use crate::ports::{AwsError, Listing, ListingPage, LogStore, Runtime};
use crate::state::backfill::{KeyRange, Plan};
use crate::state::format::FORMAT;

/// How many folders are listed at the same time.
const LISTINGS_AT_ONCE: usize = 32;

/// The most pages that are listed in search of CloudTrail's folders: a bucket may hold anything else.
const MAX_PAGES_OUTSIDE: usize = 2_000;

/// The most pages that are listed in CloudTrail's folders: 500 million log files.
const MAX_PAGES: usize = 500_000;

/// The most key ranges of a plan that fits into one object: years of a large organisation.
const MAX_RANGES: usize = 200_000;

/// How many of the names that exist an error shows.
const MAX_NAMED: usize = 10;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// The request does not fit what the bucket holds.
    #[error(transparent)]
    Unfit(#[from] Error),
    /// The bucket could not be listed.
    #[error(transparent)]
    AwsError(#[from] AwsError),
}

/// A folder to be listed, or its next page.
struct ListingJob {
    folder: Folder,
    page: Option<String>,
    /// The log files so far, if it is the folder of a month.
    month: Option<MonthListing>,
}

/// What the search has found so far.
struct FolderSearch {
    division: Division,
    ranges: Vec<KeyRange>,
    /// Every account that has a folder, wanted or not.
    accounts: BTreeSet<String>,
    /// The Regions of each account that was listed, wanted or not.
    regions: BTreeMap<String, BTreeSet<String>>,
    pages_outside: usize,
    pages: usize,
}

/// Plans to read the log files of a request. It includes those of the day before and the day after, because CloudTrail
/// delivers late.
///
/// `prefix` is the folder to search; empty for the whole bucket.
///
/// # Errors
/// [`Unplanned`]: there is no partial plan.
pub async fn plan<L: LogStore, P: Runtime>(
    bucket: &str,
    prefix: &str,
    wanted: &Wanted,
    config: &Config,
    logs: &L,
    runtime: &P,
) -> Result<Plan, Unplanned> {
    let ranges = key_ranges(bucket, prefix, wanted, Division::JoinSmallDays, config, logs, runtime).await?;
    let items = items(ranges);
    Ok(Plan { format: FORMAT, bucket: bucket.to_owned(), wanted: wanted.clone(), items })
}

/// Finds the key ranges of a request.
///
/// # Errors
/// As [`plan`].
pub(crate) async fn key_ranges<L: LogStore, P: Runtime>(
    bucket: &str,
    prefix: &str,
    wanted: &Wanted,
    division: Division,
    config: &Config,
    logs: &L,
    runtime: &P,
) -> Result<Vec<KeyRange>, Unplanned> {
    let lister = Lister { bucket, config, logs, runtime };
    let mut path = prefix.to_owned();
    if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    let days = with_margin(wanted);
    let mut search = FolderSearch::new(division);
    let mut jobs: Vec<ListingJob> = Vec::new();
    let start = Folder::of(path.clone());
    match job(start.clone(), wanted, days) {
        Some(job) => jobs.push(job),
        // The folder of another year was named: its account and Region exist.
        None => search.note(&start),
    }
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < LISTINGS_AT_ONCE
            && let Some(job) = jobs.pop()
        {
            search.count(&job.folder, bucket, &path, wanted)?;
            running.push(page(&lister, job));
        }
        let Some(listed) = running.next().await else { break };
        let (job, listed) = listed?;
        search.take(job, listed, &mut jobs, wanted, days);
    }
    search.check(bucket, &path, wanted)?;
    Ok(search.ranges)
}

/// What to list of a folder; `None` if it is not wanted.
fn job(folder: Folder, wanted: &Wanted, days: DayRange) -> Option<ListingJob> {
    if !folder.is_wanted(wanted, days) {
        return None;
    }
    let (first, last) = folder.days(days)?;
    let month = folder.month().map(|month| MonthListing::new(month, first.day()..=last.day()));
    Some(ListingJob { folder, page: None, month })
}

async fn page<L: LogStore, P: Runtime>(
    lister: &Lister<'_, L, P>,
    job: ListingJob,
) -> Result<(ListingJob, ListingPage), AwsError> {
    let (prefix, by_folder) = (&*job.folder.path, job.month.is_none());
    let after = job.month.as_ref().map(MonthListing::after);
    let (after, page) = (after.as_deref(), job.page.as_deref());
    let listing = Listing { bucket: lister.bucket, prefix, after, by_folder, page };
    let listed = lister.page(&listing).await?;
    Ok((job, listed))
}

impl FolderSearch {
    fn new(division: Division) -> FolderSearch {
        let (accounts, regions) = (BTreeSet::new(), BTreeMap::new());
        FolderSearch { division, ranges: Vec::new(), accounts, regions, pages_outside: 0, pages: 0 }
    }

    /// Counts a page that is about to be listed.
    fn count(&mut self, folder: &Folder, bucket: &str, path: &str, wanted: &Wanted) -> Result<(), Unplanned> {
        let (pages, max) = match folder.level {
            Level::Outside => (&mut self.pages_outside, MAX_PAGES_OUTSIDE),
            _ => (&mut self.pages, MAX_PAGES),
        };
        *pages += 1;
        if *pages <= max && self.ranges.len() <= MAX_RANGES {
            return Ok(());
        }
        if folder.level == Level::Outside {
            let expected =
                "the prefix that stands before AWSLogs/, for there is too much else to look for it";
            return Err(unfit("where the log files are", &format!("s3://{bucket}/{path}"), expected));
        }
        let days = format!("{} to {}", wanted.from, wanted.to);
        let expected = format!(
            "fewer days, accounts or Regions: one plan holds {MAX_RANGES} stretches of days of one Region of one account"
        );
        Err(unfit("the range", &days, &expected))
    }

    /// Takes a page, and adds what to list next.
    fn take(
        &mut self,
        mut job: ListingJob,
        listed: ListingPage,
        jobs: &mut Vec<ListingJob>,
        wanted: &Wanted,
        days: DayRange,
    ) {
        let folder = &job.folder;
        if !(listed.folders.is_empty() && listed.objects.is_empty()) {
            self.note(folder);
        }
        for child in listed.folders.into_iter().filter_map(|path| folder.child(path)) {
            self.note(&child);
            jobs.extend(self::job(child, wanted, days));
        }
        let ended = job.month.as_mut().is_some_and(|month| !month.take(&listed.objects));
        match listed.next.filter(|_| !ended) {
            Some(next) => jobs.push(ListingJob { page: Some(next), ..job }),
            None => {
                let ended = job.month.into_iter().flat_map(|month| month.end(self.division));
                self.ranges.extend(ended);
            }
        }
    }

    /// Notes the account and Region of a folder.
    fn note(&mut self, folder: &Folder) {
        let Some(account) = folder.account() else { return };
        self.accounts.insert(account.to_owned());
        if let Some(region) = folder.region() {
            self.regions.entry(account.to_owned()).or_default().insert(region.to_owned());
        }
    }

    /// Checks that the wanted accounts and Regions have log files at all.
    fn check(&self, bucket: &str, path: &str, wanted: &Wanted) -> Result<(), Unplanned> {
        let uri = format!("s3://{bucket}/{path}");
        if self.regions.is_empty() && wanted.accounts.is_empty() {
            let expected = "a bucket, or a folder of one, that has CloudTrail's folders in it: AWSLogs/111122223333/CloudTrail/us-east-1/";
            return Err(unfit("where the log files are", &uri, expected));
        }
        if let Some(account) = wanted.accounts.iter().find(|account| !self.regions.contains_key(*account)) {
            let expected = format!("one whose log files are in {uri}: {}", named(self.accounts.iter()));
            return Err(unfit("an account of the request", account, &expected));
        }
        let wanted_accounts = self
            .regions
            .iter()
            .filter(|(account, _)| wanted.accounts.is_empty() || wanted.accounts.contains(*account));
        let regions: BTreeSet<&String> = wanted_accounts.flat_map(|(_, regions)| regions).collect();
        if let Some(region) = wanted.regions.iter().find(|region| !regions.contains(region)) {
            let expected = format!("one of which log files are in {uri}: {}", named(regions.iter().copied()));
            return Err(unfit("a Region of the request", region, &expected));
        }
        Ok(())
    }
}

fn unfit(thing: &str, value: &str, expected: &str) -> Unplanned {
    let (thing, value, expected) = (thing.to_owned(), value.to_owned(), expected.to_owned());
    Unplanned::Unfit(Error::Input { thing, value, expected })
}

/// The first few names, and how many more there are.
fn named<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    let count = names.len();
    let named: Vec<&str> = names.take(MAX_NAMED).map(String::as_str).collect();
    match count {
        0 => "none are".to_owned(),
        1..=MAX_NAMED => named.join(", "),
        _ => format!("{} and {} more", named.join(", "), count - MAX_NAMED),
    }
}

/// The days on which the events of the wanted days may have been delivered.
fn with_margin(wanted: &Wanted) -> DayRange {
    let day = Days::new(1);
    let first = wanted.from.checked_sub_days(day).unwrap_or(wanted.from);
    (first, wanted.to.checked_add_days(day).unwrap_or(wanted.to))
}
