//! The log line and the metrics of an invocation.

use chrono::{DateTime, SecondsFormat, Utc};
use shared::finding::Status;
use shared::formats::cloudtrail::counts::Counts;
use shared::ports::AwsError;
use shared::use_cases::{
    Audited, BackfillProgress, Backfilled, Delivered, MissedDeliveriesResult, NotificationOutcome,
    NotificationResult,
};

use crate::metrics::{
    audit_metrics, backfill_metrics, counted, metrics, missed_delivery_metrics, outcome, write,
};

/// The most failed objects that are named in the log. All are counted.
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

/// Writes the log line and the metrics of a run over deliveries.
pub fn report(delivered: &Delivered, batch: Option<Batch>, function: &str) {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = delivered.counts;
    let [mails, rate_limited_mails, failed_publishes] = counted(&delivered.mails);
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
        held_back_mails = rate_limited_mails,
        failed_publishes,
        delivery_lag_seconds = delivered.delivery_lag.map(|lag| lag.as_secs()),
        "log files judged"
    );
    for (object, error) in delivered.failed().take(MAX_NAMED) {
        tracing::warn!(object, %error, "log file or notification failed; it is retried");
    }
    for error in delivered.not_understood.iter().take(MAX_NAMED) {
        tracing::warn!(error, "message not understood");
    }
    report_errors(&delivered.state_errors, &delivered.mails);
    write(&metrics(delivered, function, Utc::now()));
}

/// Writes the log line and the metrics of a run over credential reports.
pub fn report_audit(audited: &Audited, batch: Option<Batch>, function: &str, now: DateTime<Utc>) {
    let [mails, _, failed_publishes] = counted(&audited.mails);
    let notified = |status| audited.notified.get(&status).copied().unwrap_or_default();
    tracing::info!(
        messages = batch.as_ref().map(|batch| batch.messages),
        failed_messages = batch.as_ref().map(|batch| batch.failed),
        accounts = audited.accounts.len(),
        failed_accounts = audited.failed.len(),
        accounts_to_do = audited.to_do.len(),
        users = audited.users,
        findings = audited.findings.values().sum::<u64>(),
        told_new = notified(Status::New),
        told_came_back = notified(Status::CameBack),
        told_resolved = notified(Status::Resolved),
        told_still = notified(Status::Still),
        accepted_findings = audited.suppressed,
        mails,
        failed_publishes,
        "credential reports judged"
    );
    for (account, error) in audited.failed.iter().take(MAX_NAMED) {
        tracing::warn!(account, %error, "account check failed; alert sent");
    }
    for (account, error) in audited.to_do.iter().take(MAX_NAMED) {
        tracing::warn!(account, %error, "account check failed; it is retried");
    }
    if let Some(error) = &audited.not_notified {
        tracing::warn!(%error, "notifying is not complete");
    }
    report_errors(&audited.state_errors, &audited.mails);
    write(&audit_metrics(audited, batch.is_some(), function, now));
}

/// Writes the log line and the metrics of a backfill, or of a step of one.
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
    if let BackfillProgress::Unfinished(error) = &backfilled.progress {
        tracing::warn!(%error, "backfill is not complete; repeat the request to continue");
    }
    report_errors(&backfilled.state_errors, &backfilled.mails);
    write(&backfill_metrics(backfilled, function, now));
}

/// The progress of a backfill as one word.
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

/// Writes the log line and the metrics of a check for missed deliveries.
pub fn report_missed_deliveries(
    checked: &MissedDeliveriesResult,
    batch: &Batch,
    function: &str,
    now: DateTime<Utc>,
) {
    let Counts { log_files, records, judged, skipped, unreadable, unreadable_log_files } = checked.counts;
    let [mails, rate_limited_mails, failed_publishes] = counted(&checked.mails);
    let rfc3339 = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    tracing::info!(
        messages = batch.messages,
        failed_messages = batch.failed,
        is_first = checked.is_first,
        since = checked.compared.map(|(since, _)| rfc3339(since)),
        until = checked.compared.map(|(_, until)| rfc3339(until)),
        delivered_log_files = checked.delivered,
        missed_log_files = checked.missed,
        unread_log_files = checked.unfetched,
        log_files,
        records,
        judged,
        unreadable,
        skipped,
        unreadable_log_files,
        findings = checked.findings.values().sum::<u64>(),
        quiet_findings = checked.counted_only,
        accepted_findings = checked.suppressed,
        mails,
        held_back_mails = rate_limited_mails,
        failed_publishes,
        "missed deliveries searched"
    );
    if let Some(error) = &checked.unfinished {
        tracing::warn!(%error, "search for missed deliveries is not complete");
    }
    if let Some(why) = &checked.could_not_look {
        tracing::warn!(error = %why, "search for missed deliveries failed; alert sent");
    }
    report_errors(&checked.state_errors, &checked.mails);
    write(&missed_delivery_metrics(checked, function, now));
}

fn report_errors(state: &[AwsError], mails: &[NotificationResult]) {
    for error in state {
        tracing::warn!(%error, "state bucket call failed");
    }
    for NotificationResult { subject, outcome, .. } in mails {
        if let NotificationOutcome::Failed(error) = outcome {
            tracing::error!(subject, %error, "alert not published");
        }
    }
}

/// Logs failed calls to SQS.
pub fn report_queue(troubles: &[AwsError]) {
    for error in troubles.iter().take(MAX_NAMED) {
        tracing::warn!(%error, "failed message comes back after the queue's visibility time-out");
    }
}
