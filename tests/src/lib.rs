//! Integration tests, the corpus generator and the benchmark.

pub mod corpus;
