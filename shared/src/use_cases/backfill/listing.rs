//! Listing a bucket with retries.

use std::time::Duration;

use crate::config::Config;
use crate::ports::retry::RetryPolicy;
use crate::ports::{AwsError, AwsErrorKind, Listing, ListingPage, LogStore, Runtime};

/// The most attempts to list one page.
const MAX_ATTEMPTS: u32 = 5;

/// Lists a bucket.
pub(crate) struct Lister<'a, L, P> {
    pub bucket: &'a str,
    pub config: &'a Config,
    pub logs: &'a L,
    pub runtime: &'a P,
}

impl<L: LogStore, P: Runtime> Lister<'_, L, P> {
    /// One page. Transient errors are retried, with growing random pauses.
    ///
    /// # Errors
    /// [`AwsError`], also if a page names itself as the next one.
    pub async fn page(&self, listing: &Listing<'_>) -> Result<ListingPage, AwsError> {
        let attempt = async || match self.logs.list(listing).await? {
            page if page.next.is_some() && page.next.as_deref() == listing.page => {
                let call = format!("s3:ListObjectsV2 s3://{}/{}", listing.bucket, listing.prefix);
                let answer = "a page names itself as the one that follows".to_owned();
                Err(AwsError { kind: AwsErrorKind::Transient, call, answer }.into())
            }
            page => Ok(page),
        };
        let policy = RetryPolicy {
            max_attempts: MAX_ATTEMPTS,
            first_pause: self.config.retry_pause,
            max_doublings: MAX_ATTEMPTS,
            jitter: true,
            min_time_left: Duration::ZERO,
        };
        // The caller ends the listing when the time for it is over.
        Ok(policy.run(self.runtime, || Duration::MAX, attempt).await?)
    }
}
