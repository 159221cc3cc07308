//! Reading the parts one after the other: their records are judged again, and what could not be read is counted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::finding_set::{Found, MAX_FINDINGS, MAX_LEFT_OUT};
use crate::config::Config;
use crate::finding::{Finding, RecordPlace};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::{Record, SignIn, key};
use crate::mail::html_report::overview::Overview;
use crate::mail::phrases;
use crate::rules::detections::judge_record;
use crate::rules::health::{
    backfill_could_not_look, backfill_findings_left_out, backfill_log_file_unreadable, log_file_gone,
};
use crate::severity::Severity;
use crate::state::backfill::{Item, KeptRecord, Part, ReadSoFar, Unread};

/// What the parts that were read came to so far.
pub(super) struct Parts<'a> {
    config: &'a Config,
    story: Overview,
    found: Found,
    read: ReadSoFar,
    counts: Counts,
    /// How many log files could not be had, and the first of them.
    unread: u64,
    first_unread: Option<Unread>,
    /// How many log files were planned to be read and are listed no more.
    vanished: u64,
    /// How many parts there are not, how many log files they are about, and where the first of them is.
    missing_parts: u64,
    missing_log_files: u64,
    first_missing: Option<String>,
    /// How many records cannot be judged although they were, and the first of them.
    odd: u64,
    first_odd: Option<(String, String)>,
    left_out_sign_ins: u64,
}

/// What all parts came to.
pub(super) struct Looked {
    pub story: Overview,
    /// The worst findings, in order of time.
    pub findings: Vec<Finding>,
    /// How many there are of each severity, and how many were left out.
    pub severities: BTreeMap<Severity, u64>,
    pub left_out: u64,
    /// What could not be looked at.
    pub gaps: Vec<Finding>,
    /// What the parts that were read say of it, and what is known of their log files since.
    pub read: ReadSoFar,
    pub counts: Counts,
    /// How many log files were not read.
    pub unread: u64,
}

impl<'a> Parts<'a> {
    pub fn new(config: &'a Config) -> Parts<'a> {
        Parts {
            config,
            story: Overview::new(),
            found: Found::new(MAX_FINDINGS, MAX_LEFT_OUT),
            read: ReadSoFar::default(),
            counts: Counts::default(),
            unread: 0,
            first_unread: None,
            vanished: 0,
            missing_parts: 0,
            missing_log_files: 0,
            first_missing: None,
            odd: 0,
            first_odd: None,
            left_out_sign_ins: 0,
        }
    }

    /// Judges the records of a part again.
    pub fn add(&mut self, part: Part) {
        self.read.add(&part);
        self.counts += part.counts;
        for kept in &part.records {
            match self.judge(kept) {
                Ok(finding) => finding.into_iter().for_each(|finding| self.found.add(finding)),
                Err(reason) => {
                    self.odd += 1;
                    self.first_odd.get_or_insert_with(|| (kept.log_file.clone(), reason));
                }
            }
        }
        for file in part.unreadable {
            self.found.add(backfill_log_file_unreadable(&file.log_file, file.records, &file.reason));
        }
        for file in part.unread {
            if file.is_gone {
                self.counts += Counts { log_files: 1, unreadable_log_files: 1, ..Counts::default() };
                self.found.add(log_file_gone(&file.log_file, &file.answer));
            } else {
                self.unread += 1;
                self.first_unread.get_or_insert(file);
            }
        }
        self.vanished += part.vanished;
        for (severity, count) in part.left_out {
            self.found.add_unknown(severity, count);
        }
        self.left_out_sign_ins += part.left_out_sign_ins;
    }

    fn judge(
        &mut self,
        KeptRecord { log_file, record, json }: &KeptRecord,
    ) -> Result<Option<Finding>, String> {
        let place = RecordPlace { log_file, record: *record, delivered: key::delivered(log_file) };
        let record = Record::parse(json.get().as_bytes())?;
        let finding = judge_record(&record, self.config, place)?;
        if let Some(sign_in) = SignIn::of(&record) {
            self.story.sign_in(&record, &sign_in);
        }
        Ok(finding)
    }

    /// Counts a part that came to nothing.
    pub fn add_missing(&mut self, item: &Item) {
        self.missing_parts += 1;
        self.missing_log_files += item.objects();
        let first = item.stretches.first().map(|stretch| stretch.prefix.clone());
        self.first_missing = self.first_missing.take().or(first);
    }

    /// What it came to. `folder_uri` is where the backfill keeps what it makes.
    pub fn end(mut self, bucket: &str, folder_uri: &str, now: DateTime<Utc>) -> Looked {
        let (findings, severities, left_out) = self.found.end();
        let mut gaps: Vec<Finding> = Vec::new();
        let mut gap =
            |why, what, first| gaps.push(backfill_could_not_look(folder_uri, why, what, first, now));
        if let Some(first) = self.first_unread {
            let what = phrases::log_files_not_fetched(self.unread, bucket, &first.answer);
            gap("unread", what, Some(first.log_file));
        }
        if self.vanished > 0 {
            gap("vanished", phrases::log_files_vanished(self.vanished, bucket), None);
        }
        if self.missing_parts > 0 {
            let first = self.first_missing.unwrap_or_default();
            let what = phrases::parts_missing(self.missing_log_files, self.missing_parts, bucket, &first);
            gap("missing", what, None);
        }
        if let Some((log_file, reason)) = self.first_odd {
            gap("odd", phrases::records_not_judged_again(self.odd, &reason), Some(log_file));
        }
        gaps.extend(backfill_findings_left_out(folder_uri, left_out, now));
        if self.left_out_sign_ins > 0 {
            self.story.note(phrases::sign_ins_left_out(self.left_out_sign_ins));
        }
        let unread = self.unread + self.vanished + self.missing_log_files;
        let Parts { story, read, counts, .. } = self;
        Looked { story, findings, severities, left_out, gaps, read, counts, unread }
    }
}
