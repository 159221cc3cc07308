//! The AWS adapters behind the core's ports, and the start-up, answers and reports of the functions.
//!
//! | module | what it holds |
//! |---|---|
//! | [`start`] | start-up: settings, clients, the loop over invocations |
//! | [`failure`] | the failure of a whole invocation |
//! | [`fleet`] | the state machine of a large backfill |
//! | `https` | the HTTPS clients of the AWS clients |
//! | [`iam`] | credential reports, and the accounts of the organisation |
//! | `profile` | S3 for a person at a terminal |
//! | [`s3`] | log files, and the state bucket |
//! | [`sns`] | publishing |
//! | [`sqs`] | the partial-batch answer of a queue, and when failed messages come back |
//! | [`runtime`] | clock, deadline and random numbers of an invocation, or of a terminal |
//! | [`report`] | the log line of an invocation |
//! | [`metrics`] | its metrics |
//! | [`answer`] | the answer to a request by hand |

pub mod answer;
mod attempts;
mod aws_error;
pub mod failure;
pub mod fleet;
mod https;
pub mod iam;
mod log;
pub mod metrics;
#[cfg(feature = "profile")]
pub mod profile;
pub mod report;
pub mod runtime;
pub mod s3;
pub mod sns;
pub mod sqs;
pub mod start;
