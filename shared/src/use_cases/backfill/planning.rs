//! Which log files there are of what is wanted, and how they are divided.
//!
//! CloudTrail's folders are found by listing, many at once: `[prefix/]AWSLogs/[o-…/]account/CloudTrail/region/`, and
//! in them the years and months of the range. A month is listed whole, from the first wanted day to the last, which
//! takes a call for each 1,000 log files and none for days without any. What is in no such folder is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::dividing::{Divided, Month, items};
use super::folders::{Folder, Level, Range};
use super::listing::Lister;
use crate::Error;
use crate::config::Config;
use crate::formats::events::backfill::Wanted;
use crate::ports::{AwsError, Listing, ListingPage, LogStore, Runtime};
use crate::state::backfill::{Plan, Stretch};
use crate::state::format::FORMAT;

/// So many listings are under way at the same time.
const LISTINGS_AT_ONCE: usize = 32;

/// So many pages are listed in search of CloudTrail's folders: a bucket may hold anything besides.
const MAX_PAGES_OUTSIDE: usize = 2_000;

/// So many pages are listed in CloudTrail's folders: of half a thousand million log files.
const MAX_PAGES: usize = 500_000;

/// So many stretches fit into a plan that can be kept: years of a large organisation.
const MAX_STRETCHES: usize = 200_000;

/// How many names of what is there an error shows.
const MAX_NAMED: usize = 10;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// What is asked for does not fit what the bucket holds.
    #[error(transparent)]
    Unfit(#[from] Error),
    /// The bucket could not be listed.
    #[error(transparent)]
    AwsError(#[from] AwsError),
}

/// A listing that is to be made, or to be gone on with.
struct Job {
    folder: Folder,
    page: Option<String>,
    /// What was found so far, where the folder is one of log files.
    month: Option<Month>,
}

/// What was found.
struct Found {
    divided: Divided,
    stretches: Vec<Stretch>,
    /// Every account that has a folder, whether or not it is wanted.
    accounts: BTreeSet<String>,
    /// The Regions of each account that was looked into, whether or not they are wanted.
    regions: BTreeMap<String, BTreeSet<String>>,
    pages_outside: usize,
    pages: usize,
}

/// Plans to read the log files of some days. Those of a day before and one behind belong to it, for CloudTrail delivers
/// late, and what was delivered on a day may have happened on the day before.
///
/// `prefix` is the folder to look in; empty for the whole bucket.
///
/// # Errors
/// [`Unplanned`]: nothing is planned in part.
pub async fn plan<L: LogStore, P: Runtime>(
    bucket: &str,
    prefix: &str,
    wanted: &Wanted,
    config: &Config,
    logs: &L,
    runtime: &P,
) -> Result<Plan, Unplanned> {
    let stretches = stretches(bucket, prefix, wanted, Divided::AsNeeded, config, logs, runtime).await?;
    let items = items(stretches);
    Ok(Plan { format: FORMAT, bucket: bucket.to_owned(), wanted: wanted.clone(), items })
}

/// Finds the log files of a plan.
///
/// # Errors
/// As of [`plan`].
pub(in crate::use_cases) async fn stretches<L: LogStore, P: Runtime>(
    bucket: &str,
    prefix: &str,
    wanted: &Wanted,
    divided: Divided,
    config: &Config,
    logs: &L,
    runtime: &P,
) -> Result<Vec<Stretch>, Unplanned> {
    let lister = Lister { bucket, config, logs, runtime };
    let mut path = prefix.to_owned();
    if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    let range = with_margin(wanted);
    let mut found = Found::new(divided);
    let mut jobs: Vec<Job> = Vec::new();
    let start = Folder::of(path.clone());
    match job(start.clone(), wanted, range) {
        Some(job) => jobs.push(job),
        // Who names the folder of one year and asks for another has named what is there.
        None => found.saw(&start),
    }
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < LISTINGS_AT_ONCE
            && let Some(job) = jobs.pop()
        {
            found.count(&job.folder, bucket, &path, wanted)?;
            running.push(page(&lister, job));
        }
        let Some(listed) = running.next().await else { break };
        let (job, listed) = listed?;
        found.take(job, listed, &mut jobs, wanted, range);
    }
    found.check(bucket, &path, wanted)?;
    Ok(found.stretches)
}

/// What has to be listed of a folder; nothing where it is not wanted.
fn job(folder: Folder, wanted: &Wanted, range: Range) -> Option<Job> {
    if !folder.is_wanted(wanted, range) {
        return None;
    }
    let (first, last) = folder.days(range)?;
    let month = folder.month().map(|month| Month::new(month, first.day()..=last.day()));
    Some(Job { folder, page: None, month })
}

async fn page<L: LogStore, P: Runtime>(
    lister: &Lister<'_, L, P>,
    job: Job,
) -> Result<(Job, ListingPage), AwsError> {
    let (prefix, by_folder) = (&*job.folder.path, job.month.is_none());
    let after = job.month.as_ref().map(Month::after);
    let (after, page) = (after.as_deref(), job.page.as_deref());
    let listing = Listing { bucket: lister.bucket, prefix, after, by_folder, page };
    let listed = lister.page(&listing).await?;
    Ok((job, listed))
}

impl Found {
    fn new(divided: Divided) -> Found {
        let (accounts, regions) = (BTreeSet::new(), BTreeMap::new());
        Found { divided, stretches: Vec::new(), accounts, regions, pages_outside: 0, pages: 0 }
    }

    /// Counts a page that is to be listed.
    fn count(&mut self, folder: &Folder, bucket: &str, path: &str, wanted: &Wanted) -> Result<(), Unplanned> {
        let (pages, max) = match folder.level {
            Level::Outside => (&mut self.pages_outside, MAX_PAGES_OUTSIDE),
            _ => (&mut self.pages, MAX_PAGES),
        };
        *pages += 1;
        if *pages <= max && self.stretches.len() <= MAX_STRETCHES {
            return Ok(());
        }
        if folder.level == Level::Outside {
            let expected =
                "the prefix that stands before AWSLogs/, for there is too much else to look for it";
            return Err(unfit("where the log files are", &format!("s3://{bucket}/{path}"), expected));
        }
        let days = format!("{} to {}", wanted.from, wanted.to);
        let expected = format!(
            "fewer days, accounts or Regions: one plan holds {MAX_STRETCHES} stretches of days of one Region of one account"
        );
        Err(unfit("the range", &days, &expected))
    }

    /// Takes a page, and says what has to be listed next.
    fn take(
        &mut self,
        mut job: Job,
        listed: ListingPage,
        jobs: &mut Vec<Job>,
        wanted: &Wanted,
        range: Range,
    ) {
        let folder = &job.folder;
        if !(listed.folders.is_empty() && listed.objects.is_empty()) {
            self.saw(folder);
        }
        for child in listed.folders.into_iter().filter_map(|path| folder.child(path)) {
            self.saw(&child);
            jobs.extend(self::job(child, wanted, range));
        }
        let ended = job.month.as_mut().is_some_and(|month| !month.take(&listed.objects));
        match listed.next.filter(|_| !ended) {
            Some(next) => jobs.push(Job { page: Some(next), ..job }),
            None => {
                let ended = job.month.into_iter().flat_map(|month| month.end(self.divided));
                self.stretches.extend(ended);
            }
        }
    }

    fn saw(&mut self, folder: &Folder) {
        let Some(account) = folder.account() else { return };
        self.accounts.insert(account.to_owned());
        if let Some(region) = folder.region() {
            self.regions.entry(account.to_owned()).or_default().insert(region.to_owned());
        }
    }

    /// Whether what was asked for is there at all.
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

/// Some of these names, and how many more there are.
fn named<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    let count = names.len();
    let named: Vec<&str> = names.take(MAX_NAMED).map(String::as_str).collect();
    match count {
        0 => "none are".to_owned(),
        1..=MAX_NAMED => named.join(", "),
        _ => format!("{} and {} more", named.join(", "), count - MAX_NAMED),
    }
}

/// The days that may hold what happened in a range of days.
fn with_margin(wanted: &Wanted) -> Range {
    let day = Days::new(1);
    let first = wanted.from.checked_sub_days(day).unwrap_or(wanted.from);
    (first, wanted.to.checked_add_days(day).unwrap_or(wanted.to))
}
