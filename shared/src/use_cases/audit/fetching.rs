//! Getting a credential report: asking for it, waiting, fetching it.
//!
//! Source: IAM API Reference, `GenerateCredentialReport` and `GetCredentialReport`; there is no waiter in the
//! SDKs for them.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{MAX_REPORT_AGE, Run};
use crate::ports::{
    AwsError, AwsErrorKind, Fetched, Generation, IamReader, NotificationSink, Runtime, StateStore,
};

/// The pauses between two questions, in those of `RETRY_PAUSE_MILLIS`: 2 seconds by default at first, then twice
/// as long each time, up to 16 seconds.
const FIRST_PAUSE: u32 = 20;
const MAX_DOUBLINGS: u32 = 3;

/// How often a report is asked for. IAM makes one in seconds; by default this is a minute and a half.
const MAX_QUESTIONS: u32 = 9;

impl<I: IamReader, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, I, S, A, P> {
    /// The credential report of an account, and when it was made.
    pub(super) async fn fetch(&self, account: &str) -> Result<(Bytes, DateTime<Utc>), AwsError> {
        let memory = &self.telling.memory;
        let trouble = |kind, answer| AwsError {
            kind,
            call: format!("getting the credential report of account {account}"),
            answer,
        };
        let mut asked = 0;
        loop {
            let not_yet = match self.ask(account).await {
                Ok(Some((content, generated))) => {
                    let age = (memory.runtime.now() - generated).abs().to_std().unwrap_or_default();
                    if age <= MAX_REPORT_AGE {
                        return Ok((content, generated));
                    }
                    let made = generated.format("%Y-%m-%d %H:%M");
                    trouble(
                        AwsErrorKind::Transient,
                        format!("the report was made at {made} UTC, although a new one was asked for"),
                    )
                }
                Ok(None) => trouble(AwsErrorKind::Transient, "the report is still being made".to_owned()),
                Err(trouble) if trouble.kind == AwsErrorKind::Transient => trouble,
                Err(trouble) => return Err(trouble),
            };
            asked += 1;
            if asked == MAX_QUESTIONS {
                return Err(not_yet);
            }
            let pause = self.config.retry_pause * FIRST_PAUSE * 2u32.pow((asked - 1).min(MAX_DOUBLINGS));
            if memory.time_left() < pause + Duration::from_secs(1) {
                let answer = format!("no time is left in this run: {}", not_yet.answer);
                return Err(trouble(AwsErrorKind::DeadlineExceeded, answer));
            }
            memory.runtime.sleep(pause).await;
        }
    }

    /// Asks once; nothing while it is being made.
    async fn ask(&self, account: &str) -> Result<Option<(Bytes, DateTime<Utc>)>, AwsError> {
        let memory = &self.telling.memory;
        let generate = self.iam.generate_report(account);
        match memory.in_time("asking for the credential report of account", account, generate).await? {
            Generation::UnderWay => return Ok(None),
            Generation::Complete => {}
        }
        let fetch = self.iam.credential_report(account);
        match memory.in_time("getting the credential report of account", account, fetch).await {
            Ok(Fetched::Report { content, generated }) => Ok(Some((content, generated))),
            Ok(Fetched::UnderWay) => Ok(None),
            // It is gone again, or has expired: the next question begins another.
            Err(trouble) if trouble.kind == AwsErrorKind::NotFound => {
                Err(AwsError { kind: AwsErrorKind::Transient, ..trouble })
            }
            Err(trouble) => Err(trouble),
        }
    }
}
