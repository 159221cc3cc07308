//! The real `credential-report` function, run under a Runtime API of our own against an AWS that fails on demand.
//!
//! | module | what it proves |
//! |---|---|
//! | `stage` | (makes reports and what Lambda hands over) |
//! | `changes` | what mails and their machine form report from one credential report to the next |
//! | `states` | every state of a report, and every error of IAM |
//! | `accounts` | other accounts, by role, from a list, a file and the organisation |
//! | `messages` | the queue: which messages are retried, and when |
//! | `deadline` | the function answers before Lambda ends it |
//! | `by_hand` | what a person may ask, and is answered |
//! | `settings` | what it is deployed with |
//! | `logs` | what it writes adds up and holds no secret |
//! | `load` | a report of 5,000 users |
//!
//! `make test` builds the function first and says where it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod accounts;
mod by_hand;
mod changes;
mod deadline;
mod load;
mod logs;
mod messages;
mod settings;
mod stage;
mod states;
