//! The real `sign-in` function, run under a Runtime API of our own against an AWS that fails on demand.
//!
//! | module | what it proves |
//! |---|---|
//! | `stage` | (makes log files and the mails that they should lead to) |
//! | `events` | (makes what Lambda hands over) |
//! | `shapes` | every form in which a delivery is announced |
//! | `batches` | exactly the failed messages are retried; one bad file affects only itself |
//! | `s3_faults` | S3 is busy, broken, silent, refuses, or sends something else than it has |
//! | `state` | the state bucket is busy, broken, silent or refuses, or its state is damaged |
//! | `sns_faults` | SNS is busy, broken or silent |
//! | `freeze` | connections that end between two invocations |
//! | `panics` | a panic is an error of one invocation |
//! | `deadline` | the function answers before Lambda ends it |
//! | `by_hand` | what a person may ask, and is answered |
//! | `settings` | what it is deployed with |
//! | `logs` | what it writes adds up and holds no secret |
//! | `load` | many log files at once, large ones as they come |
//!
//! `make test` builds the function first and says where it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod batches;
mod by_hand;
mod deadline;
mod events;
mod freeze;
mod load;
mod logs;
mod panics;
mod s3_faults;
mod settings;
mod shapes;
mod sns_faults;
mod stage;
mod state;
