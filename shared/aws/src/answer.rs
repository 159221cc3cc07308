//! The answers of invocations to a caller that waits.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use shared::finding::Finding;
use shared::formats::cloudtrail::counts::Counts;
use shared::ports::AwsError;
use shared::severity::Severity;
use shared::use_cases::{
    Audited, BackfillProgress, Backfilled, Delivered, NotificationOutcome, NotificationResult,
};

use crate::report::progress;

/// The answer to a request by hand.
pub fn answer(delivered: &Delivered) -> Value {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = delivered.counts;
    let failed =
        |(object, error): (&String, &AwsError)| json!({"object": object, "error": error.to_string()});
    json!({
        "log_files": log_files,
        "records": records,
        "judged": judged,
        "unreadable": unreadable,
        "skipped": skipped,
        "unreadable_log_files": unreadable_log_files,
        "skipped_objects": delivered.skipped_objects,
        "findings": severities(&delivered.findings),
        "mails": mails(&delivered.mails),
        "quiet": delivered.counted_only,
        "accepted": delivered.suppressed,
        "failed": delivered.failed().map(failed).collect::<Vec<_>>(),
    })
}

/// The answer to a request by hand about credential reports.
pub fn audit_answer(audited: &Audited) -> Value {
    let failed =
        |(account, error): (&String, &AwsError)| json!({"account": account, "error": error.to_string()});
    let listed = |finding: &Finding| {
        json!({
            "severity": finding.severity, "rule": finding.rule.id, "status": finding.status,
            "account": finding.account, "summary": finding.summary,
        })
    };
    let notified: Map<String, Value> =
        audited.notified.iter().map(|(status, count)| (status.name().to_owned(), (*count).into())).collect();
    let rfc3339 = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "accounts": audited.accounts.len(),
        "users": audited.users,
        "oldest_report": audited.generated.map(|(oldest, _)| rfc3339(oldest)),
        "newest_report": audited.generated.map(|(_, newest)| rfc3339(newest)),
        "findings": severities(&audited.findings),
        "worst": audited.listed.iter().map(listed).collect::<Vec<_>>(),
        "told": notified,
        "accepted": audited.suppressed,
        "mails": mails(&audited.mails),
        "failed": audited.failed.iter().map(failed).collect::<Vec<_>>(),
        "to_do": audited.to_do.keys().collect::<Vec<_>>(),
        "not_done": audited.not_notified.as_ref().map(ToString::to_string),
    })
}

/// The answer to a request for a backfill, or for a step of one.
pub fn backfill_answer(backfilled: &Backfilled) -> Value {
    let Backfilled { run, uri, state, .. } = backfilled;
    let state = state.as_ref();
    let read = match &backfilled.progress {
        BackfillProgress::Planned => None,
        // A part of one that others read too.
        BackfillProgress::Read => Some(&backfilled.read),
        _ => state.map(|state| &state.read),
    };
    let not_done = match &backfilled.progress {
        BackfillProgress::Unfinished(error) => Some(error.to_string()),
        _ => None,
    };
    json!({
        "run": run.as_str(),
        "progress": progress(&backfilled.progress),
        "finished": backfilled.progress == BackfillProgress::Done,
        "stage": state.map(|state| state.stage),
        "state": uri,
        "estimate": state.and_then(|state| state.estimate.as_ref()),
        "read": read,
        "result": state.and_then(|state| state.result.as_ref()),
        "not_done": not_done,
    })
}

fn severities(findings: &BTreeMap<Severity, u64>) -> Map<String, Value> {
    findings.iter().map(|(severity, count)| (severity.name().to_owned(), (*count).into())).collect()
}

fn mails(mails: &[NotificationResult]) -> Vec<Value> {
    let published = |mail: &NotificationResult| matches!(mail.outcome, NotificationOutcome::Published);
    mails.iter().map(|mail| json!({"subject": mail.subject, "published": published(mail)})).collect()
}
