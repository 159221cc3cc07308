//! What the integration tests, the fuzz targets and the benchmark share.

pub mod hostile;
pub mod oracle;
