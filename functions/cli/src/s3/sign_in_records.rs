//! Collects the records of log files in S3 that `iamwatch sign-in` and `sign-ins` need.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::config::Config;
use shared::finding::{Finding, RecordPlace};
use shared::formats::cloudtrail::period::Period;
use shared::formats::cloudtrail::scan::{self, Problem};
use shared::formats::cloudtrail::{Record, SignIn, key};
use shared::rules::{detections, health};
use shared::state::backfill::KeptRecord;
use shared::use_cases::RecordConsumer;

use super::read::LogFileConsumer;

/// Collects sign-ins and records that raise a finding.
pub struct SignInRecordReader<'a> {
    pub config: &'a Config,
    pub period: Period,
}

/// The records of one log file.
pub struct FileRecords {
    log_file: String,
    delivered: Option<DateTime<Utc>>,
    records: Vec<KeptRecord>,
}

/// The records of all log files; stored in a checkpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInRecords {
    pub records: Vec<KeptRecord>,
    /// Log files that are unreadable in part.
    #[serde(rename = "broken")]
    damaged: Vec<DamagedLogFile>,
}

/// A log file that is unreadable in part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DamagedLogFile {
    log_file: String,
    records: u64,
    unreadable: u64,
    /// The first few problems: the record's index, if it is about one record, and the reason.
    problems: Vec<(Option<u64>, String)>,
}

impl RecordConsumer for SignInRecordReader<'_> {
    type Output = FileRecords;

    fn begin(&self, uri: &str) -> FileRecords {
        FileRecords { log_file: uri.to_owned(), delivered: key::delivered(uri), records: Vec::new() }
    }

    fn record(&self, file: &mut FileRecords, index: u64, json: &[u8]) -> Result<(), String> {
        let record = Record::parse(json)?;
        let place = RecordPlace { log_file: &file.log_file, record: index, delivered: file.delivered };
        let finding = detections::judge_record(&record, self.config, place)?;
        let is_needed = finding.is_some() || SignIn::of(&record).is_some();
        if is_needed && self.period.holds(record.event_time, &file.log_file) {
            let json = serde_json::from_slice::<Box<RawValue>>(json)
                .map_err(|error| format!("is no readable JSON: {error}"))?;
            file.records.push(KeptRecord { log_file: file.log_file.clone(), record: index, json });
        }
        Ok(())
    }
}

/// Keeps the records of each log file in the checkpoint.
pub struct KeepRecords;

impl LogFileConsumer<SignInRecords, FileRecords> for KeepRecords {
    fn take(&mut self, records: &mut SignInRecords, file: FileRecords, counts: &scan::ScanCounts) {
        records.add(file, counts);
    }
}

impl SignInRecords {
    /// Adds one log file.
    fn add(&mut self, file: FileRecords, counts: &scan::ScanCounts) {
        self.records.extend(file.records);
        if !counts.problems.is_empty() {
            let problems = counts.problems.iter().map(|problem| (problem.record, problem.reason.clone()));
            self.damaged.push(DamagedLogFile {
                log_file: file.log_file,
                records: counts.records,
                unreadable: counts.unreadable,
                problems: problems.collect(),
            });
        }
    }

    /// The findings that the records raise, and one for each damaged log file.
    pub fn findings(&self, config: &Config) -> Vec<Finding> {
        let record_finding = |kept: &KeptRecord| {
            let delivered = key::delivered(&kept.log_file);
            let place = RecordPlace { log_file: &kept.log_file, record: kept.record, delivered };
            // It was judged without an error when it was collected.
            detections::judge(kept.json.get().as_bytes(), config, place).ok().flatten()
        };
        let damage_finding = |damaged: &DamagedLogFile| {
            let problem = |(record, reason): &(Option<u64>, String)| Problem {
                record: *record,
                reason: reason.clone(),
            };
            let counts = scan::ScanCounts {
                records: damaged.records,
                unreadable: damaged.unreadable,
                problems: damaged.problems.iter().map(problem).collect(),
                ..scan::ScanCounts::default()
            };
            health::unreadable_log_file(&damaged.log_file, &counts)
        };
        self.records
            .iter()
            .filter_map(record_finding)
            .chain(self.damaged.iter().filter_map(damage_finding))
            .collect()
    }
}
