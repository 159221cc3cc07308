//! The metrics of an invocation, in CloudWatch's embedded metric format.
//!
//! Source: CloudWatch User Guide, "Embedded metric format specification".

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use shared::ports::AwsErrorKind;
use shared::severity::Severity;
use shared::state::backfill;
use shared::use_cases::{
    Audited, BackfillProgress, Backfilled, Delivered, MissedDeliveriesResult, NotificationOutcome,
    NotificationResult,
};

/// The namespace of every metric.
pub const NAMESPACE: &str = "iamwatch";

/// The only dimension. Metrics are kept for years and read by many people: they contain no account and no user.
pub const DIMENSION: &str = "FunctionName";

/// Writes metrics to stdout, which is the log.
pub(crate) fn write(metrics: &Value) {
    let line = format!("{metrics}\n");
    // CloudWatch needs the JSON on a line of its own. An error has nowhere to be reported.
    let _ = io::stdout().lock().write_all(line.as_bytes());
}

/// The numbers of published mails, of rate-limited mails and of failed publishes. A publish for which no time was left
/// has not failed.
pub(crate) fn counted(mails: &[NotificationResult]) -> [u64; 3] {
    let count = |wanted: fn(&NotificationOutcome) -> bool| {
        mails.iter().filter(|mail| wanted(&mail.outcome)).count() as u64
    };
    let refused = |outcome: &NotificationOutcome| matches!(outcome, NotificationOutcome::Failed(error) if error.kind != AwsErrorKind::DeadlineExceeded);
    [
        count(|outcome| matches!(outcome, NotificationOutcome::Published)),
        count(|outcome| matches!(outcome, NotificationOutcome::RateLimited)),
        count(refused),
    ]
}

/// The result of a backfill, if it is finished.
pub(crate) fn outcome(backfilled: &Backfilled) -> Option<&backfill::BackfillResult> {
    let state = backfilled.state.as_ref().filter(|_| backfilled.progress == BackfillProgress::Done);
    state.and_then(|state| state.result.as_ref())
}

/// The metrics of a run over deliveries.
pub(crate) fn metrics(delivered: &Delivered, function: &str, now: DateTime<Utc>) -> Value {
    let [mails, rate_limited_mails, failed_publishes] = counted(&delivered.mails);
    let failed_reads =
        delivered.unfetched.values().filter(|error| error.kind != AwsErrorKind::DeadlineExceeded).count()
            as u64;
    let mut values = vec![
        ("LogFiles", "Count", delivered.counts.log_files),
        ("Records", "Count", delivered.counts.records),
        ("UnreadableRecords", "Count", delivered.counts.unreadable),
        ("UnreadableLogFiles", "Count", delivered.counts.unreadable_log_files),
        ("FailedReads", "Count", failed_reads),
        ("Mails", "Count", mails),
        ("MailsHeldBack", "Count", rate_limited_mails),
        ("StateFailures", "Count", delivered.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    values.extend(by_severity(&delivered.findings));
    values.extend(delivered.delivery_lag.map(|lag| ("DeliveryLag", "Seconds", lag.as_secs())));
    embedded(values, function, now)
}

/// The metrics of an audit.
pub(crate) fn audit_metrics(
    audited: &Audited,
    is_scheduled: bool,
    function: &str,
    now: DateTime<Utc>,
) -> Value {
    let [mails, _, failed_publishes] = counted(&audited.mails);
    let mut values = vec![
        ("AccountsFailed", "Count", audited.failed.len() as u64),
        ("Users", "Count", audited.users),
        ("Mails", "Count", mails),
        ("StateFailures", "Count", audited.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    // An alarm is raised if no scheduled run checks an account. Requests by hand must not prevent it.
    values.extend(is_scheduled.then_some(("AccountsLookedAt", "Count", audited.accounts.len() as u64)));
    values.extend(by_severity(&audited.findings));
    let age = audited.generated.and_then(|(oldest, _)| (now - oldest).to_std().ok());
    values.extend(age.map(|age| ("ReportAge", "Seconds", age.as_secs())));
    embedded(values, function, now)
}

/// The metrics of a backfill.
pub(crate) fn backfill_metrics(backfilled: &Backfilled, function: &str, now: DateTime<Utc>) -> Value {
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

/// The metrics of a check for missed deliveries.
pub(crate) fn missed_delivery_metrics(
    checked: &MissedDeliveriesResult,
    function: &str,
    now: DateTime<Utc>,
) -> Value {
    let [mails, rate_limited_mails, failed_publishes] = counted(&checked.mails);
    // An alarm is raised if none is completed.
    let is_complete = checked.unfinished.is_none() && checked.could_not_look.is_none();
    let mut values = vec![
        ("Sweeps", "Count", u64::from(is_complete)),
        ("DeliveredLogFiles", "Count", checked.delivered),
        ("MissedLogFiles", "Count", checked.missed),
        ("LogFiles", "Count", checked.counts.log_files),
        ("Records", "Count", checked.counts.records),
        ("UnreadableRecords", "Count", checked.counts.unreadable),
        ("UnreadableLogFiles", "Count", checked.counts.unreadable_log_files),
        ("FailedReads", "Count", checked.unfetched),
        ("Mails", "Count", mails),
        ("MailsHeldBack", "Count", rate_limited_mails),
        ("StateFailures", "Count", checked.state_errors.len() as u64),
        ("FailedPublishes", "Count", failed_publishes),
    ];
    values.extend(by_severity(&checked.findings));
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

    use shared::formats::cloudtrail::counts::Counts;
    use shared::ports::AwsError;

    use crate::answer::answer;

    use super::*;

    fn error(kind: AwsErrorKind) -> AwsError {
        AwsError { kind, call: "s3:GetObject s3://logs/a".to_owned(), answer: "AccessDenied".to_owned() }
    }

    fn delivered() -> Delivered {
        let mail = |outcome| NotificationResult { subject: "alice in 111122223333".to_owned(), outcome };
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
                mail(NotificationOutcome::Published),
                mail(NotificationOutcome::Failed(error(AwsErrorKind::Denied))),
                mail(NotificationOutcome::Failed(error(AwsErrorKind::DeadlineExceeded))),
            ],
            unfetched: [
                ("s3://logs/a".to_owned(), error(AwsErrorKind::Denied)),
                ("s3://logs/b".to_owned(), error(AwsErrorKind::DeadlineExceeded)),
            ]
            .into(),
            unnotified: [("s3://logs/c".to_owned(), error(AwsErrorKind::Denied))].into(),
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
    fn a_request_by_hand_is_answered_with_counts_subjects_and_failures() {
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
