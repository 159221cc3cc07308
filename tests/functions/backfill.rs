//! The real `backfill` function, run under a Runtime API of our own against an AWS that fails on demand.
//!
//! | module | what it proves |
//! |---|---|
//! | `stage` | (makes a bucket of log files, and what Lambda hands over) |
//! | `by_hand` | what a person may ask, and is answered |
//! | `whole` | 2,000 objects of 3 accounts, 4 Regions and 5 days, killed midway, resumed, repeated |
//! | `damage` | unreadable and missing log files are mailed, and all others are read |
//! | `fleet` | what is too much for one invocation |
//! | `missed_deliveries` | the nightly check for missed deliveries |
//! | `settings` | what it is deployed with, and what it writes |
//!
//! `make test` builds the function first and says where it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod by_hand;
mod damage;
mod fleet;
mod missed_deliveries;
mod settings;
mod stage;
mod whole;
