//! What is kept of log files in a bucket for the findings and the list of sign-ins: the records that they are of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::config::Config;
use shared::finding::{Finding, Place};
use shared::formats::cloudtrail::period::Period;
use shared::formats::cloudtrail::scan;
use shared::formats::cloudtrail::scan::Problem;
use shared::formats::cloudtrail::{Record, SignIn, key};
use shared::rules::detections;
use shared::state::backfill::KeptRecord;
use shared::use_cases::RecordConsumer;

/// Keeps records that raise a finding, and sign-ins.
pub struct Keeper<'a> {
    pub config: &'a Config,
    pub period: Period,
}

/// What is kept of one log file.
pub struct KeptOfFile {
    log_file: String,
    delivered: Option<DateTime<Utc>>,
    records: Vec<KeptRecord>,
}

/// What is kept of all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub records: Vec<KeptRecord>,
    /// Log files in which something could not be read.
    broken: Vec<Broken>,
}

/// What could not be read of a log file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    log_file: String,
    records: u64,
    unreadable: u64,
    /// The first few, with the record's place where it is one record.
    problems: Vec<(Option<u64>, String)>,
}

impl RecordConsumer for Keeper<'_> {
    type Output = KeptOfFile;

    fn begin(&self, uri: &str) -> KeptOfFile {
        KeptOfFile { log_file: uri.to_owned(), delivered: key::delivered(uri), records: Vec::new() }
    }

    fn record(&self, made: &mut KeptOfFile, index: u64, json: &[u8]) -> Result<(), String> {
        let record = Record::parse(json)?;
        let place = Place { log_file: &made.log_file, record: index, delivered: made.delivered };
        let finding = detections::judge_record(&record, self.config, place)?;
        let is_worth = finding.is_some() || SignIn::of(&record).is_some();
        if is_worth && self.period.holds(record.event_time, &made.log_file) {
            let json = serde_json::from_slice::<Box<RawValue>>(json)
                .map_err(|error| format!("is no readable JSON: {error}"))?;
            made.records.push(KeptRecord { log_file: made.log_file.clone(), record: index, json });
        }
        Ok(())
    }
}

impl Kept {
    /// Takes one log file.
    pub fn take(&mut self, made: KeptOfFile, counts: &scan::Counts) {
        self.records.extend(made.records);
        if !counts.problems.is_empty() {
            let problems = counts.problems.iter().map(|problem| (problem.record, problem.reason.clone()));
            self.broken.push(Broken {
                log_file: made.log_file,
                records: counts.records,
                unreadable: counts.unreadable,
                problems: problems.collect(),
            });
        }
    }

    /// What the records raise, and what could not be read.
    pub fn findings(&self, config: &Config) -> Vec<Finding> {
        let of_record = |kept: &KeptRecord| {
            let delivered = key::delivered(&kept.log_file);
            let place = Place { log_file: &kept.log_file, record: kept.record, delivered };
            // It could be judged when it was kept.
            detections::judge(kept.json.get().as_bytes(), config, place).ok().flatten()
        };
        let of_file = |broken: &Broken| {
            let problem = |(record, reason): &(Option<u64>, String)| Problem {
                record: *record,
                reason: reason.clone(),
            };
            let counts = scan::Counts {
                records: broken.records,
                unreadable: broken.unreadable,
                problems: broken.problems.iter().map(problem).collect(),
                ..scan::Counts::default()
            };
            detections::unreadable_log_file(&broken.log_file, &counts)
        };
        self.records.iter().filter_map(of_record).chain(self.broken.iter().filter_map(of_file)).collect()
    }
}
