//! In place of `s3.rs` where the tool is built without the AWS SDK: the arguments were refused before.

use shared::config::Config;

use crate::End;
use crate::args::{Days, Reading, Records};
use crate::reading::Remote;
use crate::records::{Asking, List};

/// Nothing is in S3.
pub fn kept(_: &str, _: &Reading, _: &Days, _: &Config) -> anyhow::Result<Result<Remote, End>> {
    Ok(Ok(Remote::default()))
}

/// Nothing is in S3.
pub fn list<W>(_: &Records, _: &Asking<'_>, _: bool, _: &mut List<W>) -> anyhow::Result<Result<bool, End>> {
    Ok(Ok(false))
}

/// Nothing was remembered.
pub fn forget(_: &Reading) {}
