//! What the integration tests, the fuzz targets and the benchmarks share.

pub mod corpus;
pub mod fuzz;
pub mod hostile;
#[cfg(feature = "functions")]
pub mod loopback;
#[cfg(feature = "functions")]
pub mod ministack;
pub mod oracle;
#[cfg(feature = "functions")]
pub mod recording_proxy;
#[cfg(feature = "functions")]
pub mod runtime_api;
pub mod sample;
#[cfg(feature = "functions")]
pub mod stub_aws;
#[cfg(feature = "functions")]
pub mod waiting;

use std::path::{Path, PathBuf};

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
