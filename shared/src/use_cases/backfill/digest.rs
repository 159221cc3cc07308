//! What all parts of a backfill came to: judged again, told once, and kept where people and machines find it.
//!
//! What the digest tells stands in the cases of the live runs before its mail is put together, with its alert's id.
//! So nobody says it again, and a digest whose run dies is begun anew and comes to the same: the same findings, the
//! same mail, the same objects. It keeps in memory no more than the worst findings, and one part at a time.

mod digest_checkpoint;
mod finding_set;
mod marking;
mod reading;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{FuturesOrdered, StreamExt};

use self::digest_checkpoint::Begun;
pub(super) use self::digest_checkpoint::note_unreadable;
use self::marking::{Marked, Marking};
use self::reading::{Looked, Parts};
use super::items::part_of;
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::ocsf;
use crate::mail;
use crate::mail::backfill::BackfillSummary;
use crate::mail::html_report;
use crate::mail::phrases;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::rules::health::{backfill_could_not_look, backfill_without_log_files, state_unreadable};
use crate::severity::Severity;
use crate::state::backfill::{Lost, Plan, ReadSoFar};
use crate::state::case::DigestIdentity;
use crate::state::store::StateClient;
use crate::use_cases::notify::is_notified;
use crate::use_cases::notify::suppression_file::SuppressionFile;

/// So many parts are fetched before they are needed at most, and fewer where they are large.
const MAX_AHEAD: usize = 8;

/// What parts that are fetched before they are needed have together, as they are packed, where all are as large as the
/// largest so far.
const AHEAD_BYTES: usize = 64 << 20;

/// What is left of a run's time once all is judged and marked, for putting it together; where there is less in all, a
/// quarter of it.
const TIME_TO_END: Duration = Duration::from_secs(20);

/// Which backfill it is.
pub(super) struct About<'a> {
    /// Where it keeps what it makes: `backfills/RUN/GENERATION/`.
    pub folder: &'a str,
    /// What was to be read.
    pub plan: &'a Plan,
    /// Whether somebody is told.
    pub notify: bool,
    /// Whose alert it is.
    pub teller: DigestIdentity<'a>,
    /// What stood in its place and could not be read.
    pub lost: Option<&'a Lost>,
}

/// What it came to. The counts add up: each finding is told, known, accepted, counted or left out, unless nobody is
/// to be told.
#[derive(Debug)]
pub(super) struct Digested {
    /// What has to be told; nothing where people know all of it, or are not to be told.
    pub alert: Option<Notification>,
    /// How many findings there are of each severity; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// How many of them the alert tells.
    pub told: u64,
    /// How many people were told before, in whatever mail.
    pub known: u64,
    /// How many a suppression hides.
    pub accepted: u64,
    /// How many are only counted: below `MAIL_MIN_SEVERITY`, or too few to be told.
    pub counted: u64,
    /// How many there was no room for: nobody can say what they were.
    pub left_out: u64,
    /// What was read, as the parts say.
    pub read: ReadSoFar,
    /// Where the findings and the page stand.
    pub objects: [String; 2],
}

/// Judges all parts and puts the mail together that tells of them. Doing it again gives the same.
///
/// # Errors
/// [`AwsError`] when it has to be done again.
pub(super) async fn digest<S: StateStore, P: Runtime>(
    about: &About<'_>,
    parts: impl AsyncFn(usize) -> Result<Option<Bytes>, AwsError>,
    accepted: &SuppressionFile,
    memory: &StateClient<'_, S, P>,
    config: &Config,
) -> Result<Digested, AwsError> {
    let About { folder, plan, notify, teller, lost } = *about;
    let begun = Begun::begin(folder, memory).await?;
    let ends_with = TIME_TO_END.min(memory.time_left() / 4);
    let mut reading = Parts::new(config);
    let (mut numbers, mut ahead, mut at_once) = (0..plan.items.len(), FuturesOrdered::new(), 1);
    let mut largest = 1;
    for item in &plan.items {
        while ahead.len() < at_once
            && let Some(number) = numbers.next()
        {
            ahead.push_back(parts(number));
        }
        let packed = match ahead.next().await {
            // It is told which log files that leaves unread, and all others are judged.
            Some(Err(trouble)) if trouble.kind == AwsErrorKind::Denied => None,
            Some(packed) => packed?,
            None => None,
        };
        largest = largest.max(packed.as_ref().map_or(0, Bytes::len));
        at_once = (AHEAD_BYTES / largest).clamp(1, MAX_AHEAD);
        match packed.and_then(|packed| part_of(&packed, item)) {
            Some(part) => reading.add(part),
            None => reading.add_missing(item),
        }
        has_time(memory, folder, ends_with)?;
    }
    drop(ahead);
    let Looked { mut story, findings, mut severities, left_out, gaps, read, counts, unread } =
        reading.end(&plan.bucket, &memory.uri(folder), begun.at());

    let (mailed, below): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| is_notified(finding, config));
    let mut marked = match notify {
        true => {
            let suppressions = &accepted.suppressions;
            let marking = Marking { teller, folder, begun: &begun, suppressions, memory, config };
            Box::pin(marking.mark(mailed)).await?
        }
        false => Marked { others: mailed, ..Marked::default() },
    };
    if notify {
        marked.counted += below.len() as u64;
    }
    marked.others.extend(below);

    // What could not be looked at is told by whoever could not, whatever others told.
    begun.note(folder, memory.take_unreadable(), memory).await?;
    let begun = Begun::begin(folder, memory).await?;
    let unreadable = begun
        .unreadable()
        .chain(lost)
        .map(|lost| state_unreadable(&lost.uri, &lost.copy, &lost.reason, begun.at(), None))
        .collect::<Vec<_>>();
    let refused = marked.first_refused.map(|first| {
        let what = phrases::cases_not_marked(marked.refused, &first.to_string());
        backfill_could_not_look(&memory.uri(folder), "cases", what, None, begun.at())
    });
    let none = (!plan.has_wanted_days()).then(|| {
        let what = phrases::no_log_files(&plan.bucket, plan.wanted.from, plan.wanted.to);
        backfill_without_log_files(&memory.uri(folder), what, begun.at())
    });
    let may_repeat = marked.may_repeat || !unreadable.is_empty();
    let gaps: Vec<Finding> = gaps.into_iter().chain(none).chain(unreadable).chain(refused).collect();
    for gap in &gaps {
        *severities.entry(gap.severity).or_default() += 1;
        story.note(gap.summary.clone());
    }

    // What follows is made at once: a run that has no time for it would die of it each time.
    has_time(memory, folder, ends_with)?;
    let [findings_at, page_at] = ["findings.jsonl.gz", "report.html"].map(|name| format!("{folder}{name}"));
    let mut all: Vec<&Finding> = marked.told.iter().chain(&marked.others).chain(&gaps).collect();
    all.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
    all.iter().for_each(|finding| story.finding(finding));
    memory.put(&findings_at, &lines(&all, config)?).await?;
    let objects = [memory.uri(&findings_at), memory.uri(&page_at)];
    let page = html_report::render(
        &story,
        &html_report::ReportScope {
            title: &mail::backfill::title(&plan.wanted),
            sources: &[format!("s3://{}", plan.bucket)],
            from: Some(plan.wanted.from),
            to: Some(plan.wanted.to),
            made_at: begun.at(),
            counts,
            unfetched_log_files: unread,
            findings_at: Some(&objects[0]),
        },
        config,
    );
    memory.put(&page_at, page.as_bytes()).await?;

    let told = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
    let remembered_since = begun.at().checked_sub_signed(told);
    let past = BackfillSummary {
        wanted: &plan.wanted,
        counts,
        unfetched_log_files: unread,
        already_notified: marked.known,
        suppressed: marked.accepted,
        counted_only: marked.counted,
        left_out,
        remembered_since: remembered_since.filter(|since| plan.wanted.from < since.date_naive()),
        may_repeat,
        findings_at: &objects[0],
        report_at: &objects[1],
    };
    let mut untold = marked.told;
    if notify {
        untold.extend(gaps);
    }
    let told = untold.len() as u64;
    let alert = mail::backfill::notification(untold, &past, teller.alert_id.to_owned(), config);
    let BackfillSummary {
        already_notified: known,
        suppressed: accepted,
        counted_only: counted,
        left_out,
        ..
    } = past;
    Ok(Digested { alert, findings: severities, told, known, accepted, counted, left_out, read, objects })
}

/// Whether there is time for the end of a digest.
fn has_time<S: StateStore, P: Runtime>(
    memory: &StateClient<'_, S, P>,
    folder: &str,
    ends_with: Duration,
) -> Result<(), AwsError> {
    if memory.time_left() >= ends_with {
        return Ok(());
    }
    let call = format!("putting together {}", memory.uri(folder));
    Err(AwsError {
        kind: AwsErrorKind::DeadlineExceeded,
        call,
        answer: "no time is left in this run".to_owned(),
    })
}

/// The findings as JSON lines, packed.
fn lines(findings: &[&Finding], config: &Config) -> Result<Vec<u8>, AwsError> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let written = findings.iter().try_for_each(|finding| {
        let line = format!("{}\n", ocsf::historic_finding(finding, config));
        packer.write_all(line.as_bytes())
    });
    // Never: memory takes everything.
    written.and_then(|()| packer.finish()).map_err(|error| AwsError {
        kind: AwsErrorKind::Denied,
        call: "packing the findings".to_owned(),
        answer: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
