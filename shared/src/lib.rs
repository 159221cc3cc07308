//! The core of iamwatch: log files in, findings and mails out.
//!
//! It uses no AWS SDK, no tokio, no clock and no environment variables. Everything from outside comes as an
//! argument, so that the same input always gives the same result.
//!
//! Modules are layers. A module may use only the modules above it in this list, tests included;
//! `tests/repository/layers.rs` holds it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`text`] | untrusted text made safe to show |
//! | [`glob`] | names with `*` in them |
//! | [`gzip`] | compressed objects |
//! | [`bounded`] | the worst items of many |
//! | [`Error`] | errors a person can act on |
//! | [`severity`] | how much a finding matters |
//! | [`config`] | every setting: name, unit, default, range |
//! | [`formats`] | what AWS writes: log files, credential reports, policies, Lambda events |
//! | [`finding`] | one problem: rule, resource, severity, principal, evidence; OCSF; suppressions; queries |
//! | [`notification`] | one message to publish, in all its forms |
//! | [`ports`] | the outside world, as the use cases see it |
//! | [`state`] | objects of the state bucket: cases, ledgers, outbox entries, receipts, backfills |
//! | [`rules`] | detections, checks, and what iamwatch says about its own health |
//! | [`mail`] | everything written in English to a person; the HTML report |
//! | [`use_cases`] | what the functions do, from start to end |

pub mod bounded;
pub mod config;
mod error;
pub mod finding;
pub mod formats;
pub mod glob;
pub mod gzip;
pub mod mail;
pub mod notification;
pub mod ports;
pub mod rules;
pub mod severity;
pub mod state;
pub mod text;
pub mod use_cases;

pub use error::Error;
