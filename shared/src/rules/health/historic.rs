//! What a backfill says about its own ability to look. Nobody asks again by himself for what it could not read.

use chrono::{DateTime, Utc};

use super::{COULD_NOT_LOOK, FINDINGS_LEFT_OUT, LOG_FILE_UNREADABLE, finding, of_log_file};
use crate::finding::rule::Rule;
use crate::finding::{Finding, Subject};
use crate::severity::Severity;

/// What to do where a backfill could not read everything.
const NOT_READ_STEPS: &[&str] = &[
    "What is counted here has not been judged, and no run comes back to it by itself: nobody knows what stands there.",
    "AccessDenied: see whether the bucket's policy, the policy of the key that the log files were encrypted with or the function's role refuses it, and whether somebody changed that; the function needs s3:GetObject on the log files and kms:Decrypt on their key.",
    "A KMS error: see whether the key was disabled or is to be deleted, and by whom. Old log files may have another key than new ones.",
    "A part that came to nothing: look at the function's log of that time, and at its execution in Step Functions.",
    "Then ask for the same days again with `\"again\": true`. What this mail tells is not told again.",
];

/// What to do where there is nothing to read at all.
const NONE_THERE_STEPS: &[&str] = &[
    "Nobody knows what happened on these days: CloudTrail delivers log files to every account and Region that is used, every day.",
    "See whether a trail delivered to this bucket then, or to another one: `aws cloudtrail describe-trails`, and the bucket's oldest log file.",
    "See whether a lifecycle rule of the bucket has deleted them, or somebody has: `aws s3api get-bucket-lifecycle-configuration`.",
    "Of the last 90 days CloudTrail itself still knows what was called: `aws cloudtrail lookup-events`.",
];

/// What to do where a backfill found more than it keeps.
const LEFT_OUT_STEPS: &[&str] = &[
    "Look at the findings that were kept first: somebody may have made noise to hide in.",
    "Ask for fewer days, or for one account at a time: each backfill keeps as many as this one.",
    "Or have the command line tool judge the log files, which keeps everything: `aws s3 sync` them, then `iamwatch sign-in`.",
];

/// What to do where a backfill was begun and not brought to its end.
const LEFT_STEPS: &[&str] = &[
    "What it has found so far is told nobody, and no run goes on with it by itself.",
    "Ask for it again with the line above, with the stack's name for `name`: it goes on where it stands, and tells everything.",
    "Where it stops again: what kept it from going on stands above, and in the log of the function `backfill`; where that is time, ask for fewer days.",
    "Where nobody needs it any more, there is nothing to do: it is told once.",
];

/// The finding that tells that so many records of a past log file, or where that is none the file itself, could not
/// be read. `reason` is a phrase that follows "the record" or "the file".
pub fn past_log_file_unreadable(name: &str, records: u64, reason: &str) -> Finding {
    let what = match records {
        0 => format!("a log file {reason}"),
        1 => format!("a record of a log file {reason}"),
        _ => format!("{records} records of a log file could not be judged: the first {reason}"),
    };
    let facts = vec![("unreadable_records", records.to_string()), ("reasons", reason.to_owned())];
    of_log_file(&LOG_FILE_UNREADABLE, name, what, facts)
}

/// The finding that tells what a backfill could not look at. `why` tells it from the others of that backfill, whose
/// objects stand under `folder_uri`; `first` is one of the log files.
pub fn past_not_looked_at(
    folder_uri: &str,
    why: &str,
    what: String,
    first: Option<String>,
    now: DateTime<Utc>,
) -> Finding {
    let mut finding = of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, why], what, now);
    finding.evidence.log_file = first;
    Finding { remediation: NOT_READ_STEPS, ..finding }
}

/// The finding that tells that there is no log file of the days that a backfill is about.
pub fn past_without_log_files(folder_uri: &str, what: String, now: DateTime<Utc>) -> Finding {
    let finding = of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, "none"], what, now);
    Finding { remediation: NONE_THERE_STEPS, ..finding }
}

/// The finding that tells of a backfill that nobody brings to its end: the same one however often it is seen. Its
/// objects stand under `folder_uri`; the line that goes on with it comes with what has kept it from going on.
pub fn backfill_left(
    folder_uri: &str,
    account: Option<&str>,
    what: String,
    (go_on, why): (String, Option<String>),
    now: DateTime<Utc>,
) -> Finding {
    let mut finding = of_backfill(&COULD_NOT_LOOK, Severity::High, &[folder_uri, "left"], what, now);
    finding.account = account.map(str::to_owned);
    let mut facts = vec![("go_on_with", go_on)];
    facts.extend(why.map(|why| ("stopped_by", why)));
    finding.evidence.facts = facts.into();
    finding.summary = crate::finding::summary(&finding);
    Finding { remediation: LEFT_STEPS, ..finding }
}

/// The finding that tells how many findings a backfill had no room for; nothing where there was room for all.
pub fn past_findings_left_out(folder_uri: &str, left_out: u64, now: DateTime<Utc>) -> Option<Finding> {
    let what = format!("{left_out} findings of a backfill were left out, the least severe ones");
    let severity = FINDINGS_LEFT_OUT.severity;
    let finding = of_backfill(&FINDINGS_LEFT_OUT, severity, &[folder_uri], what, now);
    (left_out > 0).then_some(Finding { remediation: LEFT_OUT_STEPS, ..finding })
}

fn of_backfill(
    rule: &'static Rule,
    severity: Severity,
    identity: &[&str],
    what: String,
    now: DateTime<Utc>,
) -> Finding {
    let folder_uri = identity.first().copied().unwrap_or_default();
    let subject = Subject::Source(folder_uri.to_owned());
    let mut finding = finding(rule, severity, identity, subject, what);
    finding.resource = Some(folder_uri.to_owned());
    finding.time = Some(now);
    finding.summary = crate::finding::summary(&finding);
    finding
}
