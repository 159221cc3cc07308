//! Integration tests, the corpus generator and the benchmark.

pub mod corpus;
pub mod sample;
