//! What an invocation leaves behind for its operators: one log line, and metrics.
//!
//! Source: CloudWatch User Guide, "Embedded metric format specification".

use std::io::{self, Write as _};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use shared::app::{Counts, Delivered, Mailed};
use shared::ports::{Trouble, TroubleKind};
use shared::rule::Severity;

/// The namespace of every metric.
pub const NAMESPACE: &str = "iamwatch";

/// The only dimension: metrics are kept for years and read by many, so no account and no user stands in one.
pub const DIMENSION: &str = "FunctionName";

/// How many of the objects that failed are named in the log; all are counted.
const MAX_NAMED: usize = 20;

/// Writes the log line and the metrics of a run.
pub fn report(delivered: &Delivered, messages: Option<u64>, failed_messages: Option<u64>, function: &str) {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = delivered.counts;
    let (mails, failed_publishes) = delivered.published();
    tracing::info!(
        messages,
        failed_messages,
        log_files,
        records,
        judged,
        unreadable,
        skipped,
        unreadable_log_files,
        skipped_objects = delivered.skipped_objects,
        failed_objects = delivered.failed.len(),
        findings = delivered.findings.values().sum::<u64>(),
        mails,
        failed_publishes,
        delivery_lag_seconds = delivered.delivery_lag.map(|lag| lag.as_secs()),
        "log files judged"
    );
    for (object, trouble) in delivered.failed.iter().take(MAX_NAMED) {
        tracing::warn!(object, error = %trouble, "to be read again");
    }
    for mail in &delivered.mails {
        if let Some(trouble) = mail.trouble() {
            tracing::error!(subject = mail.subject, error = %trouble, "alert not published");
        }
    }
    let line = metrics(delivered, function, Utc::now()).to_string() + "\n";
    // CloudWatch wants the line by itself, and nobody is left to tell when it cannot be written.
    let _ = io::stdout().lock().write_all(line.as_bytes());
}

/// Logs what could not be done about the queue.
pub fn report_queue(troubles: &[Trouble]) {
    for trouble in troubles.iter().take(MAX_NAMED) {
        tracing::warn!(error = %trouble, "a failed message comes back at the queue's own pace");
    }
}

/// The metrics in CloudWatch's embedded metric format.
fn metrics(delivered: &Delivered, function: &str, now: DateTime<Utc>) -> Value {
    let (mails, failed_publishes) = delivered.published();
    let troubles = delivered.failed.values();
    let failed_reads = troubles.filter(|trouble| trouble.kind != TroubleKind::OutOfTime).count() as u64;
    let mut values = vec![
        ("LogFiles", "Count", delivered.counts.log_files),
        ("Records", "Count", delivered.counts.records),
        ("UnreadableRecords", "Count", delivered.counts.unreadable),
        ("UnreadableLogFiles", "Count", delivered.counts.unreadable_log_files),
        ("FailedReads", "Count", failed_reads),
        ("Mails", "Count", mails),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    for (severity, count) in &delivered.findings {
        let name = match severity {
            Severity::Informational => "FindingsInformational",
            Severity::Low => "FindingsLow",
            Severity::Medium => "FindingsMedium",
            Severity::High => "FindingsHigh",
            Severity::Critical => "FindingsCritical",
        };
        values.push((name, "Count", *count));
    }
    values.extend(delivered.delivery_lag.map(|lag| ("DeliveryLag", "Seconds", lag.as_secs())));
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

/// The answer to a request by hand.
pub fn answer(delivered: &Delivered) -> Value {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = delivered.counts;
    let findings: Map<String, Value> = delivered
        .findings
        .iter()
        .map(|(severity, count)| (severity.name().to_owned(), (*count).into()))
        .collect();
    let mail = |mail: &Mailed| {
        let published = matches!(mail.published, Some(Ok(())));
        json!({"subject": mail.subject, "published": published})
    };
    let failed =
        |(object, trouble): (&String, &Trouble)| json!({"object": object, "error": trouble.to_string()});
    json!({
        "log_files": log_files,
        "records": records,
        "judged": judged,
        "unreadable": unreadable,
        "skipped": skipped,
        "unreadable_log_files": unreadable_log_files,
        "skipped_objects": delivered.skipped_objects,
        "findings": findings,
        "mails": delivered.mails.iter().map(mail).collect::<Vec<_>>(),
        "failed": delivered.failed.iter().map(failed).collect::<Vec<_>>(),
    })
}
