//! The digest of a backfill: judges the kept records of all items, notes in the cases what it notifies of, and makes the
//! findings file, the HTML report and the notification.
//!
//! What the digest notifies of is noted in the cases of the live runs before its mail is made, so that no other mail
//! repeats it. A digest whose invocation dies is made again with the same result. It holds at most 50,000 findings
//! and a few items' results in memory.

mod documents;
mod finding_set;
mod gaps;
mod marking;
mod reading;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use self::documents::Documents;
use self::gaps::gaps;
use self::marking::{MarkedFindings, Marking};
use self::reading::{JudgedItems, judge_items};
use super::digest_checkpoint::DigestCheckpoint;
use crate::config::Config;
use crate::finding::Finding;
use crate::mail;
use crate::mail::backfill::BackfillSummary;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::severity::Severity;
use crate::state::backfill::{DigestCounts, LostObject, Plan, ReadTotals};
use crate::state::case::DigestIdentity;
use crate::state::store::StateClient;
use crate::use_cases::notify::is_notified;
use crate::use_cases::notify::suppression_file::SuppressionFile;

/// The time that is left for the documents once all records are judged and noted; at most a quarter of the invocation's
/// time.
const TIME_FOR_DOCUMENTS: Duration = Duration::from_secs(20);

/// What the digest is of.
pub(super) struct DigestRequest<'a> {
    /// The folder of its documents: `backfills/RUN/GENERATION/`.
    pub folder: &'a str,
    /// What was to be read.
    pub plan: &'a Plan,
    /// Whether the digest is mailed.
    pub notify: bool,
    /// By which the cases know the digest.
    pub teller: DigestIdentity<'a>,
    /// The unreadable state that the backfill's replaces.
    pub lost: Option<&'a LostObject>,
}

/// A digest.
#[derive(Debug)]
pub(super) struct DigestOutput {
    /// `None` if there is nothing to notify of, or nobody is to be notified.
    pub alert: Option<Notification>,
    /// How many findings there are of each severity; every severity is present.
    pub findings: BTreeMap<Severity, u64>,
    /// What became of them.
    pub counts: DigestCounts,
    /// What was read.
    pub read: ReadTotals,
    /// The `s3://` URIs of the findings file and the HTML report.
    pub objects: [String; 2],
}

/// Makes the digest. Repeating it gives the same. `results` fetches the compressed result of an item.
///
/// # Errors
/// [`AwsError`] if it has to be made again.
pub(super) async fn digest<S: StateStore, P: Runtime>(
    request: &DigestRequest<'_>,
    results: impl AsyncFn(usize) -> Result<Option<Bytes>, AwsError>,
    suppressions: &SuppressionFile,
    state_client: &StateClient<'_, S, P>,
    config: &Config,
) -> Result<DigestOutput, AwsError> {
    let DigestRequest { folder, plan, notify, teller, lost } = *request;
    let checkpoint = DigestCheckpoint::start(folder, state_client).await?;
    let ends_with = TIME_FOR_DOCUMENTS.min(state_client.time_left() / 4);
    let check_time = || check_time(state_client, folder, ends_with);
    let judged = judge_items(plan, results, &check_time, config).await?;
    let mut judged: JudgedItems = judged.end(&plan.bucket, &state_client.uri(folder), checkpoint.at());

    let suppressions = &suppressions.suppressions;
    let marking = Marking { teller, folder, checkpoint: &checkpoint, suppressions, state_client, config };
    let mut marked = mark(&marking, std::mem::take(&mut judged.findings), notify).await?;

    // Gaps are notified of whatever the cases say.
    checkpoint.note(folder, state_client.take_unreadable(), state_client).await?;
    let checkpoint = DigestCheckpoint::start(folder, state_client).await?;
    let unreadable: Vec<&LostObject> = checkpoint.unreadable().chain(lost).collect();
    marked.may_repeat |= !unreadable.is_empty();
    let gaps = gaps(plan, &mut judged, &unreadable, &marked, &state_client.uri(folder), checkpoint.at());

    // The documents are made without a pause: an invocation without enough time for them would always die of it.
    check_time()?;
    let documents = Documents { plan, folder, made_at: checkpoint.at(), state_client, config };
    let objects = documents.write(&mut judged, &marked, &gaps).await?;

    let mut notified = marked.notified;
    if notify {
        notified.extend(gaps);
    }
    let counts = DigestCounts { notified: notified.len() as u64, left_out: judged.left_out, ..marked.counts };
    let summary = BackfillSummary {
        wanted: &plan.wanted,
        counts: judged.counts,
        unfetched_log_files: judged.unfetched,
        findings: counts,
        remembered_since: remembered_since(plan, &checkpoint, config),
        may_repeat: marked.may_repeat,
        findings_at: &objects[0],
        report_at: &objects[1],
    };
    let alert = mail::backfill::notification(notified, &summary, teller.alert_id.to_owned(), config);
    Ok(DigestOutput { alert, findings: judged.severities, counts, read: judged.read, objects })
}

/// Notes in the cases what the digest notifies of, if it does.
async fn mark<S: StateStore, P: Runtime>(
    marking: &Marking<'_, S, P>,
    findings: Vec<Finding>,
    notify: bool,
) -> Result<MarkedFindings, AwsError> {
    let (mailed, below): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| is_notified(finding, marking.config));
    let mut marked = match notify {
        true => Box::pin(marking.mark(mailed)).await?,
        false => MarkedFindings { others: mailed, ..MarkedFindings::default() },
    };
    if notify {
        marked.counts.counted_only += below.len() as u64;
    }
    marked.others.extend(below);
    Ok(marked)
}

/// Since when cases remember what was notified, if the backfill goes further back.
fn remembered_since(plan: &Plan, checkpoint: &DigestCheckpoint, config: &Config) -> Option<DateTime<Utc>> {
    let remembered = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
    let since = checkpoint.at().checked_sub_signed(remembered)?;
    (plan.wanted.from < since.date_naive()).then_some(since)
}

/// Checks that there is time for the documents.
fn check_time<S: StateStore, P: Runtime>(
    state_client: &StateClient<'_, S, P>,
    folder: &str,
    ends_with: Duration,
) -> Result<(), AwsError> {
    if state_client.time_left() >= ends_with {
        return Ok(());
    }
    let call = format!("putting together {}", state_client.uri(folder));
    let answer = "no time is left in this run".to_owned();
    Err(AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer })
}

#[cfg(test)]
mod tests;
