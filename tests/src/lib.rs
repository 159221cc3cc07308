//! What the integration tests, the fuzz targets and the benchmarks share.

pub mod corpus;
pub mod fuzz;
pub mod hostile;
#[cfg(feature = "functions")]
pub mod loopback;
pub mod oracle;
#[cfg(feature = "functions")]
pub mod runtime_api;
pub mod sample;
#[cfg(feature = "functions")]
pub mod stub_aws;
