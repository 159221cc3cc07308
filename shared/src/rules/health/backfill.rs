//! What a backfill could not read, or left out. No other run reads it without being asked.

use chrono::{DateTime, Utc};

use super::could_not_look::COULD_NOT_LOOK;
use super::finding::health_finding;
use super::log_files::{FINDINGS_LEFT_OUT, LOG_FILE_UNREADABLE, of_log_file};
use crate::finding::rule::Rule;
use crate::finding::{Evidence, Finding, Subject};
use crate::severity::Severity;

/// What to do if a backfill could not read everything.
const NOT_READ_STEPS: &[&str] = &[
    "What is counted here has not been judged, and no run comes back to it by itself: nobody knows what stands there.",
    "AccessDenied: see whether the bucket's policy, the policy of the key that the log files were encrypted with or the function's role refuses it, and whether somebody changed that; the function needs s3:GetObject on the log files and kms:Decrypt on their key.",
    "A KMS error: see whether the key was disabled or is to be deleted, and by whom. Old log files may have another key than new ones.",
    "A part that came to nothing: look at the function's log of that time, and at its execution in Step Functions.",
    "Then ask for the same days again with `\"again\": true`. What this mail tells is not told again.",
];

/// What to do if there are no log files at all.
const NO_LOG_FILES_STEPS: &[&str] = &[
    "Nobody knows what happened on these days: CloudTrail delivers log files to every account and Region that is used, every day.",
    "See whether a trail delivered to this bucket then, or to another one: `aws cloudtrail describe-trails`, and the bucket's oldest log file.",
    "See whether a lifecycle rule of the bucket has deleted them, or somebody has: `aws s3api get-bucket-lifecycle-configuration`.",
    "Of the last 90 days CloudTrail itself still knows what was called: `aws cloudtrail lookup-events`.",
];

/// What to do if a backfill found more findings than it keeps.
const LEFT_OUT_STEPS: &[&str] = &[
    "Look at the findings that were kept first: somebody may have made noise to hide in.",
    "Ask for fewer days, or for one account at a time: each backfill keeps as many as this one.",
    "Or have the command line tool judge the log files, which keeps everything: `aws s3 sync` them, then `iamwatch sign-in`.",
];

/// What to do if a backfill was started and not finished.
const ABANDONED_STEPS: &[&str] = &[
    "What it has found so far is told nobody, and no run goes on with it by itself.",
    "Ask for it again with the line above, with the stack's name for `name`: it goes on where it stands, and tells everything.",
    "Where it stops again: what kept it from going on stands above, and in the log of the function `backfill`; where that is time, ask for fewer days.",
    "Where nobody needs it any more, there is nothing to do: it is told once.",
];

/// Records of a log file are damaged, or the whole file if `records` is 0. `reason` is a phrase that follows
/// "the record" or "the file".
pub fn backfill_log_file_unreadable(name: &str, records: u64, reason: &str) -> Finding {
    let what = match records {
        0 => format!("a log file {reason}"),
        1 => format!("a record of a log file {reason}"),
        _ => format!("{records} records of a log file could not be judged: the first {reason}"),
    };
    let facts = vec![("unreadable_records", records.to_string()), ("reasons", reason.to_owned())];
    of_log_file(&LOG_FILE_UNREADABLE, name, what, facts)
}

/// Something that a backfill could not read. `why` distinguishes the findings of one backfill, whose objects are
/// under `folder_uri`; `first` is one of the log files.
pub fn backfill_could_not_look(
    folder_uri: &str,
    why: &str,
    what: String,
    first: Option<String>,
    now: DateTime<Utc>,
) -> Finding {
    Finding {
        evidence: Evidence { log_file: first, ..Evidence::default() },
        remediation: NOT_READ_STEPS,
        ..of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, why], what, now)
    }
}

/// There is no log file of the days of a backfill.
pub fn backfill_without_log_files(folder_uri: &str, what: String, now: DateTime<Utc>) -> Finding {
    Finding {
        remediation: NO_LOG_FILES_STEPS,
        ..of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, "none"], what, now)
    }
}

/// A backfill was started and not finished: the same finding however often it is seen. `resume` is the command
/// that resumes it, `stopped_by` the error that stopped it.
pub fn backfill_abandoned(
    folder_uri: &str,
    account: Option<&str>,
    what: String,
    (resume, stopped_by): (String, Option<String>),
    now: DateTime<Utc>,
) -> Finding {
    let mut facts = vec![("go_on_with", resume)];
    facts.extend(stopped_by.map(|error| ("stopped_by", error)));
    Finding {
        account: account.map(str::to_owned),
        evidence: Evidence { facts: facts.into(), ..Evidence::default() },
        remediation: ABANDONED_STEPS,
        ..of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, "left"], what, now)
    }
    .with_summary()
}

/// How many findings a backfill did not keep; `None` if it kept all.
pub fn backfill_findings_left_out(folder_uri: &str, left_out: u64, now: DateTime<Utc>) -> Option<Finding> {
    let what = format!("{left_out} findings of a backfill were left out, the least severe ones");
    let severity = FINDINGS_LEFT_OUT.severity;
    let finding = of_backfill(&FINDINGS_LEFT_OUT, severity, &[folder_uri], what, now);
    (left_out > 0).then_some(Finding { remediation: LEFT_OUT_STEPS, ..finding })
}

/// `identity` begins with the URI of the backfill's folder.
fn of_backfill(
    rule: &'static Rule,
    severity: Severity,
    identity: &[&str],
    what: String,
    now: DateTime<Utc>,
) -> Finding {
    let folder_uri = identity.first().copied().unwrap_or_default();
    let subject = Subject::Source(folder_uri.to_owned());
    Finding {
        resource: Some(folder_uri.to_owned()),
        time: Some(now),
        ..health_finding(rule, severity, identity, subject, what)
    }
    .with_summary()
}
