//! Judging the kept records of all items again, and counting what could not be read.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::super::items::result_of;
use super::finding_set::{FindingSet, MAX_FINDINGS, MAX_LEFT_OUT};
use crate::config::Config;
use crate::finding::{Finding, RecordPlace};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::{Record, SignIn, key};
use crate::mail::html_report::overview::Overview;
use crate::mail::phrases;
use crate::ports::{AwsError, AwsErrorKind};
use crate::rules::detections::judge_record;
use crate::rules::health::{
    backfill_could_not_look, backfill_findings_left_out, backfill_log_file_unreadable, log_file_gone,
};
use crate::severity::Severity;
use crate::state::backfill::{ItemResult, KeptRecord, Plan, PlanItem, ReadTotals, UnfetchedLogFile};

/// How many results are fetched ahead at most.
pub(super) const MAX_AHEAD: usize = 8;

/// The most bytes of compressed results that are fetched ahead, if all are as large as the largest so far.
const AHEAD_BYTES: usize = 64 << 20;

/// Fetches the results of all items, and judges their records.
///
/// # Errors
/// [`AwsError`] if a result cannot be fetched, or of `check_time`, which is called after each item.
pub(super) async fn judge_items<'c>(
    plan: &Plan,
    results: impl AsyncFn(usize) -> Result<Option<Bytes>, AwsError>,
    check_time: &dyn Fn() -> Result<(), AwsError>,
    config: &'c Config,
) -> Result<ItemJudge<'c>, AwsError> {
    let mut judge = ItemJudge::new(config);
    let (mut numbers, mut ahead, mut at_once) = (0..plan.items.len(), FuturesOrdered::new(), 1);
    let mut largest = 1;
    for item in &plan.items {
        while ahead.len() < at_once
            && let Some(number) = numbers.next()
        {
            ahead.push_back(results(number));
        }
        let compressed = match ahead.next().await {
            // The digest reports the log files of this item, and judges the other items.
            Some(Err(error)) if error.kind == AwsErrorKind::Denied => None,
            Some(compressed) => compressed?,
            None => None,
        };
        largest = largest.max(compressed.as_ref().map_or(0, Bytes::len));
        at_once = (AHEAD_BYTES / largest).clamp(1, MAX_AHEAD);
        match compressed.and_then(|compressed| result_of(&compressed, item)) {
            Some(result) => judge.add(result),
            None => judge.add_missing(item),
        }
        check_time()?;
    }
    Ok(judge)
}

/// What the results so far came to.
pub(super) struct ItemJudge<'a> {
    config: &'a Config,
    overview: Overview,
    found: FindingSet,
    read: ReadTotals,
    counts: Counts,
    /// How many log files could not be fetched, and the first of them.
    unfetched: u64,
    first_unfetched: Option<UnfetchedLogFile>,
    /// How many log files of the plan are no longer listed.
    vanished: u64,
    /// How many results are missing, how many log files their items have, and the prefix of the first.
    missing_items: u64,
    missing_log_files: u64,
    first_missing: Option<String>,
    /// How many kept records cannot be judged again, and the log file and reason of the first.
    not_judged: u64,
    first_not_judged: Option<(String, String)>,
    left_out_sign_ins: u64,
}

/// What the results of all items came to.
pub(super) struct JudgedItems {
    pub overview: Overview,
    /// The most severe findings, by time.
    pub findings: Vec<Finding>,
    /// How many there are of each severity, and how many were left out.
    pub severities: BTreeMap<Severity, u64>,
    pub left_out: u64,
    /// What could not be looked at.
    pub gaps: Vec<Finding>,
    /// What was read by the results, and with log files that are gone counted as unreadable.
    pub read: ReadTotals,
    pub counts: Counts,
    /// How many log files were not read.
    pub unfetched: u64,
}

impl<'a> ItemJudge<'a> {
    fn new(config: &'a Config) -> ItemJudge<'a> {
        ItemJudge {
            config,
            overview: Overview::new(),
            found: FindingSet::new(MAX_FINDINGS, MAX_LEFT_OUT),
            read: ReadTotals::default(),
            counts: Counts::default(),
            unfetched: 0,
            first_unfetched: None,
            vanished: 0,
            missing_items: 0,
            missing_log_files: 0,
            first_missing: None,
            not_judged: 0,
            first_not_judged: None,
            left_out_sign_ins: 0,
        }
    }

    /// Judges the records of an item again.
    fn add(&mut self, result: ItemResult) {
        self.read.add(&result);
        self.counts += result.counts;
        for kept in &result.records {
            match self.judge(kept) {
                Ok(finding) => finding.into_iter().for_each(|finding| self.found.add(finding)),
                Err(reason) => {
                    self.not_judged += 1;
                    self.first_not_judged.get_or_insert_with(|| (kept.log_file.clone(), reason));
                }
            }
        }
        for file in result.unreadable {
            self.found.add(backfill_log_file_unreadable(&file.log_file, file.records, &file.reason));
        }
        for file in result.unfetched {
            if file.is_gone {
                self.counts += Counts { log_files: 1, unreadable_log_files: 1, ..Counts::default() };
                self.found.add(log_file_gone(&file.log_file, &file.answer));
            } else {
                self.unfetched += 1;
                self.first_unfetched.get_or_insert(file);
            }
        }
        self.vanished += result.vanished;
        for (severity, count) in result.left_out {
            self.found.add_unknown(severity, count);
        }
        self.left_out_sign_ins += result.left_out_sign_ins;
    }

    fn judge(
        &mut self,
        KeptRecord { log_file, record, json }: &KeptRecord,
    ) -> Result<Option<Finding>, String> {
        let place = RecordPlace { log_file, record: *record, delivered: key::delivered(log_file) };
        let record = Record::parse(json.get().as_bytes())?;
        let finding = judge_record(&record, self.config, place)?;
        if let Some(sign_in) = SignIn::of(&record) {
            self.overview.sign_in(&record, &sign_in);
        }
        Ok(finding)
    }

    /// Counts an item without a result.
    fn add_missing(&mut self, item: &PlanItem) {
        self.missing_items += 1;
        self.missing_log_files += item.objects();
        let first = item.ranges.first().map(|range| range.prefix.clone());
        self.first_missing = self.first_missing.take().or(first);
    }

    /// The findings and gaps. `folder_uri` is the `s3://` URI of the backfill's folder.
    pub fn end(mut self, bucket: &str, folder_uri: &str, now: DateTime<Utc>) -> JudgedItems {
        let (findings, severities, left_out) = self.found.end();
        let mut gaps: Vec<Finding> = Vec::new();
        let mut gap =
            |why, what, first| gaps.push(backfill_could_not_look(folder_uri, why, what, first, now));
        if let Some(first) = self.first_unfetched {
            let what = phrases::log_files_not_fetched(self.unfetched, bucket, &first.answer);
            gap("unread", what, Some(first.log_file));
        }
        if self.vanished > 0 {
            gap("vanished", phrases::log_files_vanished(self.vanished, bucket), None);
        }
        if self.missing_items > 0 {
            let first = self.first_missing.unwrap_or_default();
            let what = phrases::parts_missing(self.missing_log_files, self.missing_items, bucket, &first);
            gap("missing", what, None);
        }
        if let Some((log_file, reason)) = self.first_not_judged {
            gap("odd", phrases::records_not_judged_again(self.not_judged, &reason), Some(log_file));
        }
        gaps.extend(backfill_findings_left_out(folder_uri, left_out, now));
        if self.left_out_sign_ins > 0 {
            self.overview.note(phrases::sign_ins_left_out(self.left_out_sign_ins));
        }
        let unfetched = self.unfetched + self.vanished + self.missing_log_files;
        let ItemJudge { overview, read, counts, .. } = self;
        JudgedItems { overview, findings, severities, left_out, gaps, read, counts, unfetched }
    }
}
