//! Getting a credential report: requesting it, waiting, fetching it.
//!
//! Source: IAM API Reference, `GenerateCredentialReport` and `GetCredentialReport`. The SDKs have no waiter for them.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::ports::retry::{AttemptError, RetryError, RetryPolicy};
use crate::ports::{AwsError, AwsErrorKind, Fetched, Generation, IamReader, Runtime, StateStore};
use crate::state::store::StateClient;

/// The first pause between two requests, in units of `RETRY_PAUSE_MILLIS`: 2 seconds by default. Each is twice the one
/// before, up to 16 seconds.
const FIRST_PAUSE: u32 = 20;
const MAX_DOUBLINGS: u32 = 3;

/// The most requests of a report. IAM generates one in seconds; by default these take a minute and a half.
const MAX_REQUESTS: u32 = 9;

/// The oldest report that is accepted: IAM generates a new one after four hours.
///
/// Source: IAM User Guide, "Generate credential reports for your AWS account".
const MAX_REPORT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The credential report of an account, and when it was generated.
pub(super) async fn fetch<I: IamReader, S: StateStore, R: Runtime>(
    iam: &I,
    account: &str,
    state: &StateClient<'_, S, R>,
) -> Result<(Bytes, DateTime<Utc>), AwsError> {
    let error = |kind, answer| AwsError {
        kind,
        call: format!("getting the credential report of account {account}"),
        answer,
    };
    let attempt = async || {
        let Some((content, generated)) = request(iam, account, state).await? else {
            let answer = "the report is still being made".to_owned();
            return Err(AttemptError::Retryable(error(AwsErrorKind::Transient, answer)));
        };
        let age = (state.runtime.now() - generated).abs().to_std().unwrap_or_default();
        if age > MAX_REPORT_AGE {
            let made = generated.format("%Y-%m-%d %H:%M");
            let answer = format!("the report was made at {made} UTC, although a new one was asked for");
            return Err(AttemptError::Retryable(error(AwsErrorKind::Transient, answer)));
        }
        Ok((content, generated))
    };
    let policy = RetryPolicy {
        max_attempts: MAX_REQUESTS,
        first_pause: state.config.retry_pause * FIRST_PAUSE,
        max_doublings: MAX_DOUBLINGS,
        jitter: false,
        min_time_left: Duration::from_secs(1),
    };
    policy.run(state.runtime, || state.time_left(), attempt).await.map_err(|failed| match failed {
        RetryError { error: last, is_out_of_time: true } => {
            error(AwsErrorKind::DeadlineExceeded, format!("no time is left in this run: {}", last.answer))
        }
        RetryError { error, .. } => error,
    })
}

/// Requests the report once; `None` while IAM is generating it.
async fn request<I: IamReader, S: StateStore, R: Runtime>(
    iam: &I,
    account: &str,
    state: &StateClient<'_, S, R>,
) -> Result<Option<(Bytes, DateTime<Utc>)>, AwsError> {
    let generate = iam.generate_report(account);
    match state.in_time("asking for the credential report of account", account, generate).await? {
        Generation::UnderWay => return Ok(None),
        Generation::Complete => {}
    }
    let fetch = iam.credential_report(account);
    match state.in_time("getting the credential report of account", account, fetch).await {
        Ok(Fetched::Report { content, generated }) => Ok(Some((content, generated))),
        Ok(Fetched::UnderWay) => Ok(None),
        // It has expired since: the next request generates another.
        Err(error) if error.kind == AwsErrorKind::NotFound => {
            Err(AwsError { kind: AwsErrorKind::Transient, ..error })
        }
        Err(error) => Err(error),
    }
}
