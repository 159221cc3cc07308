//! The credential reports that are kept, the last of each day, so that any two days can be compared.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

use crate::gzip::{pack, unpack};
use crate::ports::{AwsError, AwsErrorKind, MAX_STATE_BYTES, Runtime, StateStore, Written};
use crate::state::store::StateClient;

/// Where the report of an account stands that was made on that day.
pub(super) fn key(account: &str, date: NaiveDate) -> String {
    format!("reports/{account}/{date}.csv.gz")
}

/// Keeps a report, with the time at which it was made.
pub(super) async fn keep<S: StateStore, P: Runtime>(
    memory: &StateClient<'_, S, P>,
    account: &str,
    content: &[u8],
    generated: DateTime<Utc>,
) -> Result<(), AwsError> {
    let key = key(account, generated.date_naive());
    let unpacked = |error: std::io::Error| AwsError {
        kind: AwsErrorKind::Denied,
        call: format!("packing {key}"),
        answer: error.to_string(),
    };
    let packed = pack(content, generated).map_err(unpacked)?;
    let before = memory.read(&key).await?;
    if before.as_ref().is_some_and(|before| before.content == packed) {
        return Ok(());
    }
    match memory.replace(&key, &packed, before.as_ref()).await? {
        // Another run keeps a report of the same day: either will do.
        Written::Done(_) | Written::Changed => Ok(()),
    }
}

/// A report that was kept, and when it was made.
pub(super) async fn read<S: StateStore, P: Runtime>(
    memory: &StateClient<'_, S, P>,
    account: &str,
    date: NaiveDate,
) -> Result<(Bytes, DateTime<Utc>), AwsError> {
    let key = key(account, date);
    let trouble =
        |kind, answer: String| AwsError { kind, call: format!("reading {}", memory.uri(&key)), answer };
    let missing = || trouble(AwsErrorKind::NotFound, "no report of that day was kept".to_owned());
    let packed = memory.read(&key).await?.ok_or_else(missing)?.content;
    unpacked(&packed).map_err(|answer| trouble(AwsErrorKind::Denied, answer))
}

/// A report as it was packed, and when it was made.
pub(super) fn unpacked(packed: &[u8]) -> Result<(Bytes, DateTime<Utc>), String> {
    let (content, made) = unpack(packed, MAX_STATE_BYTES)?;
    let made = made.ok_or("its gzip header does not say when it was made")?;
    Ok((content.into(), made))
}
