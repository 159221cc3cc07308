//! What an invocation leaves behind for its operators: one log line, and metrics.
//!
//! Source: CloudWatch User Guide, "Embedded metric format specification".

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use shared::finding::Status;
use shared::formats::cloudtrail::counts::Counts;
use shared::ports::{AwsError, AwsErrorKind};
use shared::severity::Severity;
use shared::state::backfill;
use shared::use_cases::{
    Audited, BackfillProgress, Backfilled, Delivered, Mailed, MissedDeliveriesResult, Outcome,
};

/// The namespace of every metric.
pub const NAMESPACE: &str = "iamwatch";

/// The only dimension: metrics are kept for years and read by many, so no account and no user stands in one.
pub const DIMENSION: &str = "FunctionName";

/// How many of the objects that failed are named in the log; all are counted.
const MAX_NAMED: usize = 20;

/// The number of queue messages in a run.
pub struct Batch {
    /// All messages.
    pub messages: usize,
    /// The messages that failed and come back.
    pub failed: usize,
}

impl Batch {
    /// A batch of one message.
    pub fn of_one(finished: bool) -> Batch {
        Batch { messages: 1, failed: usize::from(!finished) }
    }
}

/// Writes the log line and the metrics of a run.
pub fn report(delivered: &Delivered, batch: Option<Batch>, function: &str) {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = delivered.counts;
    let [mails, held_back_mails, failed_publishes] = counted(&delivered.mails);
    tracing::info!(
        messages = batch.as_ref().map(|batch| batch.messages),
        failed_messages = batch.as_ref().map(|batch| batch.failed),
        log_files,
        records,
        judged,
        unreadable,
        skipped,
        unreadable_log_files,
        skipped_objects = delivered.skipped_objects,
        unread_objects = delivered.unfetched.len(),
        untold_objects = delivered.unnotified.len(),
        findings = delivered.findings.values().sum::<u64>(),
        quiet_findings = delivered.counted_only,
        accepted_findings = delivered.suppressed,
        mails,
        held_back_mails,
        failed_publishes,
        delivery_lag_seconds = delivered.delivery_lag.map(|lag| lag.as_secs()),
        "log files judged"
    );
    for (object, trouble) in delivered.failed().take(MAX_NAMED) {
        tracing::warn!(object, error = %trouble, "to be read again");
    }
    for error in delivered.not_understood.iter().take(MAX_NAMED) {
        tracing::warn!(error, "message not understood");
    }
    report_troubles(&delivered.state_errors, &delivered.mails);
    write(&metrics(delivered, function, Utc::now()));
}

/// Writes the log line and the metrics of a run over credential reports.
pub fn report_audit(audited: &Audited, batch: Option<Batch>, function: &str, now: DateTime<Utc>) {
    let [mails, _, failed_publishes] = counted(&audited.mails);
    let told = |status| audited.told.get(&status).copied().unwrap_or_default();
    tracing::info!(
        messages = batch.as_ref().map(|batch| batch.messages),
        failed_messages = batch.as_ref().map(|batch| batch.failed),
        accounts = audited.accounts.len(),
        failed_accounts = audited.failed.len(),
        accounts_to_do = audited.to_do.len(),
        users = audited.users,
        findings = audited.findings.values().sum::<u64>(),
        told_new = told(Status::New),
        told_came_back = told(Status::CameBack),
        told_resolved = told(Status::Resolved),
        told_still = told(Status::Still),
        accepted_findings = audited.accepted,
        mails,
        failed_publishes,
        "credential reports judged"
    );
    for (account, trouble) in audited.failed.iter().take(MAX_NAMED) {
        tracing::warn!(account, error = %trouble, "account not looked at, and told");
    }
    for (account, trouble) in audited.to_do.iter().take(MAX_NAMED) {
        tracing::warn!(account, error = %trouble, "account to be looked at again");
    }
    if let Some(trouble) = &audited.untold {
        tracing::warn!(error = %trouble, "not all is told yet");
    }
    report_troubles(&audited.state_troubles, &audited.mails);
    write(&audit_metrics(audited, batch.is_some(), function, now));
}

/// Writes the log line and the metrics of a run that a backfill was asked of.
pub fn report_backfill(backfilled: &Backfilled, function: &str, now: DateTime<Utc>) {
    let (state, read, result) = (backfilled.state.as_ref(), &backfilled.read, outcome(backfilled));
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = read.counts;
    let [mails, _, failed_publishes] = counted(&backfilled.mails);
    tracing::info!(
        run = backfilled.run.as_str(),
        generation = state.map(|state| state.generation),
        progress = progress(&backfilled.progress),
        items = state.and_then(|state| state.estimate.as_ref()).map(|estimate| estimate.items),
        items_read = read.items,
        log_files,
        bytes = read.bytes,
        records,
        judged,
        unreadable,
        skipped,
        unreadable_log_files,
        skipped_objects = read.skipped_objects,
        unread_objects = read.unfetched,
        findings = result.map(|result| result.findings.values().sum::<u64>()),
        told_findings = result.map(|result| result.counts.notified),
        known_findings = result.map(|result| result.counts.known),
        accepted_findings = result.map(|result| result.counts.suppressed),
        left_out_findings = result.map(|result| result.counts.left_out),
        mails,
        failed_publishes,
        "past log files read"
    );
    if let BackfillProgress::Unfinished(trouble) = &backfilled.progress {
        tracing::warn!(error = %trouble, "the same request goes on with it");
    }
    report_troubles(&backfilled.state_errors, &backfilled.mails);
    write(&backfill_metrics(backfilled, function, now));
}

/// What a backfill came to, where it is finished.
fn outcome(backfilled: &Backfilled) -> Option<&backfill::BackfillResult> {
    let state = backfilled.state.as_ref().filter(|_| backfilled.progress == BackfillProgress::Done);
    state.and_then(|state| state.result.as_ref())
}

/// How far a run came, in a word.
pub(crate) fn progress(progress: &BackfillProgress) -> &'static str {
    match progress {
        BackfillProgress::Planned => "planned",
        BackfillProgress::UnderWay => "under-way",
        BackfillProgress::Started => "started",
        BackfillProgress::Read => "read",
        BackfillProgress::Done => "done",
        BackfillProgress::Unfinished(_) => "unfinished",
    }
}

/// Writes the log line and the metrics of a nightly sweep.
pub fn report_sweep(swept: &MissedDeliveriesResult, batch: &Batch, function: &str, now: DateTime<Utc>) {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = swept.counts;
    let [mails, held_back_mails, failed_publishes] = counted(&swept.mails);
    let rfc3339 = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    tracing::info!(
        messages = batch.messages,
        failed_messages = batch.failed,
        is_first = swept.is_first,
        since = swept.compared.map(|(since, _)| rfc3339(since)),
        until = swept.compared.map(|(_, until)| rfc3339(until)),
        delivered_log_files = swept.delivered,
        missed_log_files = swept.missed,
        unread_log_files = swept.unfetched,
        log_files,
        records,
        judged,
        unreadable,
        skipped,
        unreadable_log_files,
        findings = swept.findings.values().sum::<u64>(),
        quiet_findings = swept.counted_only,
        accepted_findings = swept.suppressed,
        mails,
        held_back_mails,
        failed_publishes,
        "log files swept"
    );
    if let Some(trouble) = &swept.unfinished {
        tracing::warn!(error = %trouble, "not all is swept yet");
    }
    if let Some(why) = &swept.could_not_look {
        tracing::warn!(error = %why, "nothing could be compared, and it is told");
    }
    report_troubles(&swept.state_errors, &swept.mails);
    write(&sweep_metrics(swept, function, now));
}

fn report_troubles(state: &[AwsError], mails: &[Mailed]) {
    for trouble in state {
        tracing::warn!(error = %trouble, "the state bucket failed");
    }
    for Mailed { subject, outcome, .. } in mails {
        if let Outcome::Failed(trouble) = outcome {
            tracing::error!(subject, error = %trouble, "alert not published");
        }
    }
}

fn write(metrics: &Value) {
    let line = format!("{metrics}\n");
    // CloudWatch wants the line by itself, and nobody is left to tell when it cannot be written.
    let _ = io::stdout().lock().write_all(line.as_bytes());
}

/// How many alerts were published, how many were held back, and how many SNS did not take. That no time was
/// left is not its fault.
fn counted(mails: &[Mailed]) -> [u64; 3] {
    let count =
        |wanted: fn(&Outcome) -> bool| mails.iter().filter(|mail| wanted(&mail.outcome)).count() as u64;
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Failed(trouble) if trouble.kind != AwsErrorKind::DeadlineExceeded);
    [
        count(|outcome| matches!(outcome, Outcome::Published)),
        count(|outcome| matches!(outcome, Outcome::HeldBack)),
        count(refused),
    ]
}

/// Logs what could not be done about the queue.
pub fn report_queue(troubles: &[AwsError]) {
    for trouble in troubles.iter().take(MAX_NAMED) {
        tracing::warn!(error = %trouble, "a failed message comes back at the queue's own pace");
    }
}

/// The metrics in CloudWatch's embedded metric format.
fn metrics(delivered: &Delivered, function: &str, now: DateTime<Utc>) -> Value {
    let [mails, held_back_mails, failed_publishes] = counted(&delivered.mails);
    let failed_reads =
        delivered.unfetched.values().filter(|trouble| trouble.kind != AwsErrorKind::DeadlineExceeded).count()
            as u64;
    let mut values = vec![
        ("LogFiles", "Count", delivered.counts.log_files),
        ("Records", "Count", delivered.counts.records),
        ("UnreadableRecords", "Count", delivered.counts.unreadable),
        ("UnreadableLogFiles", "Count", delivered.counts.unreadable_log_files),
        ("FailedReads", "Count", failed_reads),
        ("Mails", "Count", mails),
        ("MailsHeldBack", "Count", held_back_mails),
        ("StateFailures", "Count", delivered.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    values.extend(by_severity(&delivered.findings));
    values.extend(delivered.delivery_lag.map(|lag| ("DeliveryLag", "Seconds", lag.as_secs())));
    embedded(values, function, now)
}

fn audit_metrics(audited: &Audited, is_scheduled: bool, function: &str, now: DateTime<Utc>) -> Value {
    let [mails, _, failed_publishes] = counted(&audited.mails);
    let mut values = vec![
        ("AccountsFailed", "Count", audited.failed.len() as u64),
        ("Users", "Count", audited.users),
        ("Mails", "Count", mails),
        ("StateFailures", "Count", audited.state_troubles.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    // An alarm tells when no run of the schedule looks at anything; what a person asks for must not hide that.
    values.extend(is_scheduled.then_some(("AccountsLookedAt", "Count", audited.accounts.len() as u64)));
    values.extend(by_severity(&audited.findings));
    let age = audited.generated.and_then(|(oldest, _)| (now - oldest).to_std().ok());
    values.extend(age.map(|age| ("ReportAge", "Seconds", age.as_secs())));
    embedded(values, function, now)
}

fn backfill_metrics(backfilled: &Backfilled, function: &str, now: DateTime<Utc>) -> Value {
    let [mails, _, failed_publishes] = counted(&backfilled.mails);
    let read = &backfilled.read;
    let mut values = vec![
        ("LogFiles", "Count", read.counts.log_files),
        ("Records", "Count", read.counts.records),
        ("UnreadableRecords", "Count", read.counts.unreadable),
        ("UnreadableLogFiles", "Count", read.counts.unreadable_log_files),
        ("FailedReads", "Count", read.unfetched),
        ("Mails", "Count", mails),
        ("StateFailures", "Count", backfilled.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    values.extend(outcome(backfilled).into_iter().flat_map(|result| by_severity(&result.findings)));
    embedded(values, function, now)
}

fn sweep_metrics(swept: &MissedDeliveriesResult, function: &str, now: DateTime<Utc>) -> Value {
    let [mails, held_back_mails, failed_publishes] = counted(&swept.mails);
    // An alarm tells when none comes to its end.
    let is_ended = swept.unfinished.is_none() && swept.could_not_look.is_none();
    let mut values = vec![
        ("Sweeps", "Count", u64::from(is_ended)),
        ("DeliveredLogFiles", "Count", swept.delivered),
        ("MissedLogFiles", "Count", swept.missed),
        ("LogFiles", "Count", swept.counts.log_files),
        ("Records", "Count", swept.counts.records),
        ("UnreadableRecords", "Count", swept.counts.unreadable),
        ("UnreadableLogFiles", "Count", swept.counts.unreadable_log_files),
        ("FailedReads", "Count", swept.unfetched),
        ("Mails", "Count", mails),
        ("MailsHeldBack", "Count", held_back_mails),
        ("StateFailures", "Count", swept.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    values.extend(by_severity(&swept.findings));
    embedded(values, function, now)
}

fn by_severity(findings: &BTreeMap<Severity, u64>) -> impl Iterator<Item = Metric> {
    findings.iter().map(|(severity, count)| {
        let name = match severity {
            Severity::Informational => "FindingsInformational",
            Severity::Low => "FindingsLow",
            Severity::Medium => "FindingsMedium",
            Severity::High => "FindingsHigh",
            Severity::Critical => "FindingsCritical",
        };
        (name, "Count", *count)
    })
}

/// A metric's name, unit and value.
type Metric = (&'static str, &'static str, u64);

fn embedded(values: Vec<Metric>, function: &str, now: DateTime<Utc>) -> Value {
    let names: Vec<Value> =
        values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line: Map<String, Value> =
        values.into_iter().map(|(name, _, value)| (name.to_owned(), value.into())).collect();
    line.insert(DIMENSION.to_owned(), function.into());
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": names}],
        }),
    );
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::answer::answer;

    use super::*;

    fn trouble(kind: AwsErrorKind) -> AwsError {
        AwsError { kind, call: "s3:GetObject s3://logs/a".to_owned(), answer: "AccessDenied".to_owned() }
    }

    fn delivered() -> Delivered {
        let mail = |outcome| Mailed { subject: "alice in 111122223333".to_owned(), outcome };
        Delivered {
            counts: Counts {
                log_files: 3,
                records: 9,
                judged: 2,
                skipped: 6,
                unreadable: 1,
                unreadable_log_files: 1,
            },
            skipped_objects: 4,
            findings: Severity::ALL.into_iter().zip([5, 4, 3, 2, 1]).collect(),
            mails: vec![
                mail(Outcome::Published),
                mail(Outcome::Failed(trouble(AwsErrorKind::Denied))),
                mail(Outcome::Failed(trouble(AwsErrorKind::DeadlineExceeded))),
            ],
            unfetched: [
                ("s3://logs/a".to_owned(), trouble(AwsErrorKind::Denied)),
                ("s3://logs/b".to_owned(), trouble(AwsErrorKind::DeadlineExceeded)),
            ]
            .into(),
            unnotified: [("s3://logs/c".to_owned(), trouble(AwsErrorKind::Denied))].into(),
            delivery_lag: Some(Duration::from_millis(30_900)),
            ..Delivered::default()
        }
    }

    #[test]
    fn metrics_are_in_the_embedded_format_and_name_no_account_and_no_user() {
        let now = "2026-04-01T08:21:00Z".parse().unwrap();
        let line = metrics(&delivered(), "sign-in", now);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 1_775_031_660_000_u64);
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!("iamwatch"), &json!([["FunctionName"]]))
        );
        let metrics = directive["Metrics"].as_array().unwrap();
        assert_eq!(line.as_object().unwrap().len(), metrics.len() + 2, "every member is a metric: {line}");
        for (name, value) in [
            ("LogFiles", 3),
            ("Records", 9),
            ("UnreadableRecords", 1),
            ("UnreadableLogFiles", 1),
            ("FailedReads", 1),
            ("Mails", 1),
            ("FailedPublishes", 1),
            ("FindingsInformational", 5),
            ("FindingsCritical", 1),
            ("DeliveryLag", 30),
        ] {
            assert_eq!(line[name], value, "{name}");
            assert!(metrics.iter().any(|metric| metric["Name"] == name), "{name}");
        }
        let text = line.to_string();
        assert!(!text.contains("alice") && !text.contains("111122223333"), "{text}");
    }

    #[test]
    fn a_request_by_hand_is_answered_with_counts_subjects_and_what_failed() {
        let answer = answer(&delivered());
        assert_eq!(
            answer["findings"],
            json!({"INFORMATIONAL": 5, "LOW": 4, "MEDIUM": 3, "HIGH": 2, "CRITICAL": 1})
        );
        assert_eq!(answer["mails"][0], json!({"subject": "alice in 111122223333", "published": true}));
        assert_eq!(answer["mails"][1]["published"], false);
        assert_eq!(answer["failed"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&answer["records"], &answer["judged"], &answer["skipped"], &answer["unreadable"]),
            (&json!(9), &json!(2), &json!(6), &json!(1))
        );
    }
}
