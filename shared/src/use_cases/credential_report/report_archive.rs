//! The archive of credential reports: the last of each day, so that any two days can be compared.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

use crate::gzip::{pack, unpack};
use crate::ports::{AwsError, AwsErrorKind, MAX_STATE_BYTES, Runtime, StateStore};
use crate::state::store::StateClient;

/// The key of the report of an account that was generated on that day.
pub(super) fn key(account: &str, date: NaiveDate) -> String {
    format!("reports/{account}/{date}.csv.gz")
}

/// Keeps a report, with the time at which it was generated.
pub(super) async fn keep<S: StateStore, P: Runtime>(
    state: &StateClient<'_, S, P>,
    account: &str,
    content: &[u8],
    generated: DateTime<Utc>,
) -> Result<(), AwsError> {
    let key = key(account, generated.date_naive());
    let failed = |error: std::io::Error| AwsError {
        kind: AwsErrorKind::Denied,
        call: format!("packing {key}"),
        answer: error.to_string(),
    };
    let compressed = pack(content, generated).map_err(failed)?;
    let before = state.read(&key).await?;
    if before.as_ref().is_some_and(|before| before.content == compressed) {
        return Ok(());
    }
    // After a conflict another run has kept a report of the same day; either is kept.
    state.replace(&key, &compressed, before.as_ref()).await.map(drop)
}

/// A kept report, and when it was generated.
pub(super) async fn read<S: StateStore, P: Runtime>(
    state: &StateClient<'_, S, P>,
    account: &str,
    date: NaiveDate,
) -> Result<(Bytes, DateTime<Utc>), AwsError> {
    let key = key(account, date);
    let error =
        |kind, answer: String| AwsError { kind, call: format!("reading {}", state.uri(&key)), answer };
    let missing = || error(AwsErrorKind::NotFound, "no report of that day was kept".to_owned());
    let compressed = state.read(&key).await?.ok_or_else(missing)?.content;
    decompressed(&compressed).map_err(|answer| error(AwsErrorKind::Denied, answer))
}

/// A compressed report, and when it was generated.
fn decompressed(compressed: &[u8]) -> Result<(Bytes, DateTime<Utc>), String> {
    let (content, made) = unpack(compressed, MAX_STATE_BYTES)?;
    let made = made.ok_or("its gzip header does not say when it was made")?;
    Ok((content.into(), made))
}
