//! What the integration tests, the fuzz targets and the benchmark share.

pub mod corpus;
pub mod fuzz;
pub mod hostile;
pub mod oracle;
pub mod sample;
