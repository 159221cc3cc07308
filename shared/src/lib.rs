//! The core of iamwatch: log files in, findings and mails out.
//!
//! It knows no AWS SDK, no tokio, no clock and no environment: what it needs of the outside comes as an
//! argument, so that every result can be made again.
//!
//! | module | what it holds |
//! |---|---|
//! | [`app`] | the use cases, whole |
//! | [`cloudtrail`] | log files: unpacking, finding the records worth parsing, records, object keys |
//! | [`credential_report`] | the IAM credential report: reading it |
//! | [`checks`] | the rules over it: a table of entries, one file a family |
//! | [`detections`] | the rules over records: a table of entries, one file a family |
//! | [`pattern`] | names with a `*` in them |
//! | [`question`] | what a person asks of log files: which records are meant |
//! | [`policy`] | an IAM policy document: does it allow everything, whom does it trust? |
//! | [`rule`] | what every rule says about itself, and severities |
//! | [`finding`] | one problem found: rule, resource, severity, who, where, when, evidence |
//! | [`alert`] | what a person is told: the summary sentence and the mail |
//! | [`ocsf`] | the same facts for machines: OCSF Detection Findings |
//! | [`case`] | what is remembered about one subject: what was found, what is under way, what was told |
//! | [`pending`] | a mail that is under way, and who is publishing it |
//! | [`reconcile`] | what is remembered of the checks of one account: what stands, and what people know of it |
//! | [`suppress`] | what a person has accepted, why and until when |
//! | [`text`] | what an attacker wrote, made fit to be read |
//! | [`story`] | what happened over a range of log files, summed up |
//! | [`packed`] | what is kept packed with gzip |
//! | [`page`] | the same as one HTML page that needs no network |
//! | [`backfill`] | past log files: which are asked for, how they are divided, what is kept of them |
//! | [`delivery`] | what a function is handed: which log files were delivered |
//! | [`schedule`] | what the scheduled functions are handed |
//! | [`ports`] | the outside world, as the use cases see it |
//! | [`config`] | every setting: name, unit, default, range |

pub mod alert;
pub mod app;
pub mod backfill;
pub mod case;
pub mod checks;
pub mod cloudtrail;
pub mod config;
pub mod credential_report;
pub mod delivery;
pub mod detections;
mod error;
pub mod finding;
pub mod ocsf;
pub mod packed;
pub mod page;
pub mod pattern;
pub mod pending;
pub mod policy;
pub mod ports;
pub mod question;
pub mod reconcile;
pub mod rule;
pub mod schedule;
pub mod story;
pub mod suppress;
pub mod text;

pub use error::Error;
