//! Shared by the integration tests, the fuzz targets and the benchmarks.

#[cfg(feature = "functions")]
pub mod browser;
pub mod corpus;
#[cfg(feature = "functions")]
pub mod faults;
pub mod fuzz;
pub mod hostile;
#[cfg(feature = "functions")]
pub mod lambda_events;
#[cfg(feature = "functions")]
pub mod loopback;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "functions")]
pub mod ministack;
pub mod oracle;
#[cfg(feature = "functions")]
pub mod recording_proxy;
#[cfg(feature = "functions")]
pub mod reports;
#[cfg(feature = "functions")]
pub mod runtime_api;
pub mod sample;
pub mod spread;
#[cfg(feature = "functions")]
pub mod stage;
#[cfg(feature = "functions")]
pub mod stub_aws;
#[cfg(feature = "functions")]
pub mod waiting;

use std::path::{Path, PathBuf};

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program that `make test` installs: the value of the variable, or its place below the repository.
///
/// # Panics
/// When it is not there: a test that cannot run says so and fails.
pub fn installed(variable: &str, below: &str) -> PathBuf {
    let ours = repository().join(below);
    let path = std::env::var_os(variable).map_or(ours, PathBuf::from);
    assert!(
        path.exists(),
        "{} does not exist: run `make test`, which installs it, or set {variable}",
        path.display()
    );
    path
}

/// The Python that has what the tests need.
pub fn python() -> PathBuf {
    installed("IAMWATCH_PYTHON", ".tools/python/bin/python")
}
