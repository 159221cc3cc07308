//! What AWS writes: log files, credential reports, policies, and what Lambda hands to a function.

pub mod cloudtrail;
pub mod credential_report;
pub mod events;
pub mod iam_policy;
