//! Integration tests, the corpus generator and the benchmark.
