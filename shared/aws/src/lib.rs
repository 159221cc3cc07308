//! The AWS adapters behind the core's ports, and how a function starts, answers and reports.
//!
//! | module | what it holds |
//! |---|---|
//! | [`start`] | start-up: settings, clients, the loop over invocations; how a failure is answered |
//! | [`fleet`] | the state machine of a large backfill |
//! | [`iam`] | credential reports, and the accounts of the organisation |
//! | `profile` | S3 for a person at a terminal |
//! | [`s3`] | log files, and the state bucket |
//! | [`sns`] | publishing |
//! | [`sqs`] | what becomes of each message of a queue, and when failed ones come back |
//! | [`runtime`] | time, as Lambda grants it, and as a person does |
//! | [`report`] | the log line and the metrics of an invocation |
//! | [`answer`] | what it answers to whoever waits for it |

pub mod answer;
mod attempts;
mod aws_error;
pub mod fleet;
pub mod iam;
mod log;
#[cfg(feature = "profile")]
pub mod profile;
pub mod report;
pub mod runtime;
pub mod s3;
pub mod sns;
pub mod sqs;
pub mod start;
