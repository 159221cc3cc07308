//! The real `iamwatch` program, run in temporary folders as a person would run it.
//!
//! | module | what it proves |
//! |---|---|
//! | `program` | (runs it, and insists that it never panics and never colours or hangs) |
//! | `records` | (makes records and files) |
//! | `formats` | what stands on stdout in each format; golden files in `snapshots/cli/` |
//! | `merging` | one line a finding and event, whatever the files' order, number and names |
//! | `html` | the page that `--html` writes |
//! | `exits` | exit status, notes on stderr, and what cannot be looked at |
//! | `shapes` | every form in which records come |
//! | `sign_ins` | the list of sign-ins is whole, and says MFA rightly |
//! | `calls` | `iamwatch records`: every call that is asked for, and no other |
//! | `credential_report` | every form of credential report, its findings, its users, and what has changed |
//! | `hostile` | what an attacker writes stays text |
//! | `s3` | log files in S3: the same results, clear errors, and going on after an end that came early |
//! | `secrets` | what must not be repeated |
//! | `settings` | `--set` |
//! | `suppressions` | what a person has accepted is left out, and only that |
//! | `load` | many files, large files, little memory |
//!
//! Accept a changed golden file with `EXPECTORATE=overwrite`, then read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy allows the first three in `#[test]` functions, not in what they call; measured numbers are shown"
)]

mod calls;
mod credential_report;
mod exits;
mod formats;
mod hostile;
mod html;
mod load;
mod merging;
mod program;
mod records;
mod s3;
mod secrets;
mod settings;
mod shapes;
mod sign_ins;
mod suppressions;
