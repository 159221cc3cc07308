//! The family `watch`: what iamwatch reports about itself, such as log files and accounts that it could not read.

mod accounts;
mod backfill;
mod changed_lines;
mod could_not_look;
mod entries_in_effect;
mod finding;
mod log_files;
mod missed_deliveries;
mod rate_limit;
mod state_bucket;
mod suppressions;

pub use accounts::{
    CREDENTIAL_REPORT_STEPS, account_check_failed, account_left, accounts_unknown, report_not_judged,
};
pub use backfill::{
    backfill_abandoned, backfill_could_not_look, backfill_findings_left_out, backfill_log_file_unreadable,
    backfill_without_log_files,
};
pub use could_not_look::{COULD_NOT_LOOK, could_not_look};
pub use log_files::{
    FINDINGS_LEFT_OUT, LOG_FILE_GONE, LOG_FILE_UNREADABLE, findings_left_out, log_file_gone,
    unreadable_log_file,
};
pub use missed_deliveries::{MISSED, MissedDeliveries, missed_deliveries};
pub use rate_limit::{MAILS_RATE_LIMITED, mails_rate_limited};
pub use state_bucket::{state_bucket, state_unreadable};
pub use suppressions::{
    SUPPRESSION_EXPIRED, SUPPRESSIONS_CHANGED, SUPPRESSIONS_UNREADABLE, critical_no_longer_hidden,
    suppression_expired, suppressions_changed, suppressions_unreadable,
};

use crate::finding::rule::Rule;

/// The rules of the family, except those over records.
pub(super) static RULES: [&Rule; 9] = [
    &COULD_NOT_LOOK,
    &FINDINGS_LEFT_OUT,
    &LOG_FILE_GONE,
    &LOG_FILE_UNREADABLE,
    &MAILS_RATE_LIMITED,
    &MISSED,
    &SUPPRESSION_EXPIRED,
    &SUPPRESSIONS_CHANGED,
    &SUPPRESSIONS_UNREADABLE,
];
