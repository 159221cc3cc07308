//! The real `iamwatch` program, run in temporary folders as a person would run it.
//!
//! | module | what it proves |
//! |---|---|
//! | `program` | (runs it, and checks that it never panics, colours or hangs) |
//! | `records` | (makes records and files) |
//! | `formats` | the output of each format; golden files in `snapshots/cli/` |
//! | `merging` | one line per finding and event, for any order, number and names of the files |
//! | `html` | the HTML report of `--html` |
//! | `exits` | exit status, notes on stderr, and what cannot be looked at |
//! | `shapes` | every file format that holds records |
//! | `sign_ins` | the list of sign-ins is complete, with the right MFA |
//! | `calls` | `iamwatch records`: every record that matches, and no other |
//! | `credential_report` | every form of credential report, its findings, its users, and its changes |
//! | `hostile` | text of an attacker stays text |
//! | `s3` | log files in S3: the same results, clear errors, stopping and resuming |
//! | `secrets` | no secret is printed |
//! | `settings` | `--set` |
//! | `suppressions` | suppressed findings are left out, and no others |
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
