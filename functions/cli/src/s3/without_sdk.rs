//! Replaces `s3.rs` if the AWS SDK is not built in. Arguments that name S3 were refused before.

use shared::config::Config;

use crate::args::{PeriodArgs, ReadArgs, RecordsArgs};
use crate::exit::Exit;
use crate::read_totals::S3Records;
use crate::records::list::RecordList;
use crate::records::selector::RecordSelector;

/// Reads nothing.
pub fn read_sign_in_records(
    _: &str,
    _: &ReadArgs,
    _: &PeriodArgs,
    _: &Config,
) -> anyhow::Result<Result<S3Records, Exit>> {
    Ok(Ok(S3Records::default()))
}

/// Lists nothing.
pub fn list_records<W>(
    _: &RecordsArgs,
    _: &RecordSelector<'_>,
    _: bool,
    _: &mut RecordList<W>,
) -> anyhow::Result<Result<bool, Exit>> {
    Ok(Ok(true))
}

/// There is no checkpoint.
pub fn delete_checkpoint(_: &ReadArgs) {}
