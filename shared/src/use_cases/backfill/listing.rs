//! Listing a bucket with retries.

use std::time::Duration;

use crate::config::Config;
use crate::ports::{AwsError, AwsErrorKind, Listed, Listing, LogStore, Runtime};

/// How often a page is requested before the listing fails.
const MAX_FAILURES: u32 = 5;

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
    pub async fn page(&self, listing: &Listing<'_>) -> Result<Listed, AwsError> {
        let mut failures = 0;
        loop {
            let trouble = match self.logs.list(listing).await {
                Ok(listed) if listed.next.is_some() && listed.next.as_deref() == listing.page => {
                    let call = format!("s3:ListObjectsV2 s3://{}/{}", listing.bucket, listing.prefix);
                    let answer = "a page names itself as the one that follows".to_owned();
                    AwsError { kind: AwsErrorKind::Transient, call, answer }
                }
                Ok(listed) => return Ok(listed),
                Err(trouble) => trouble,
            };
            failures += 1;
            if failures == MAX_FAILURES || trouble.kind != AwsErrorKind::Transient {
                return Err(trouble);
            }
            self.runtime.sleep(self.pause(failures)).await;
        }
    }

    fn pause(&self, failures: u32) -> Duration {
        let pause = self.config.retry_pause * 2u32.pow(failures - 1);
        pause.mul_f64(0.5 + (self.runtime.random() % 1024) as f64 / 1024.0)
    }
}
