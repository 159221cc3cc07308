//! The records that a backfill keeps of log files: sign-ins, and those that raise a finding, unchanged.
//!
//! Above the limits the least severe records are left out and counted. What is kept does not depend on the order in
//! which log files are read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::scanning::ReadLogFile;
use crate::bounded::{Limits, Ranked, WorstSet};
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::RecordPlace;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::cloudtrail::key::delivered;
use crate::formats::cloudtrail::period::Period;
use crate::formats::cloudtrail::{Record, SignIn};
use crate::ports::AwsErrorKind;
use crate::rules::detections;
use crate::severity::Severity;
use crate::state::backfill::item_result::{MAX_RECORD_BYTES, MAX_RECORDS};
use crate::state::backfill::{ItemResult, KeptRecord, UnfetchedLogFile, UnreadableLogFile};
use crate::state::format::FORMAT;
use crate::use_cases::log_file_reader::RecordConsumer;

/// The limits of one log file while it is read.
const OF_LOG_FILE: Limits = limits(MAX_RECORDS / 4, MAX_RECORD_BYTES / 4);

/// The limits of one item.
const OF_ITEM: Limits = limits(MAX_RECORDS, MAX_RECORD_BYTES);

const fn limits(records: usize, bytes: usize) -> Limits {
    Limits { items: records, bytes, spare_items: records / 10 }
}

/// Keeps records of log files.
pub(super) struct RecordKeeper<'a> {
    pub config: &'a Config,
    /// The requested days: log files also have records of other days.
    pub period: Period,
}

/// The records kept of one log file.
pub(super) struct KeptRecords {
    uri: String,
    delivered: Option<DateTime<Utc>>,
    /// How many records were judged, of any day.
    judged: u64,
    records: BoundedRecords,
}

/// The most severe records of all that were put here.
struct BoundedRecords {
    limits: Limits,
    /// By log file and place in it.
    records: WorstSet<(String, u64), WeightedRecord>,
    left_out: BTreeMap<Severity, u64>,
    left_out_sign_ins: u64,
}

/// A record, and how much it matters.
struct WeightedRecord {
    /// `None` if it is a sign-in that raises no finding.
    weight: Option<Severity>,
    severity: Option<Severity>,
    json: Box<RawValue>,
}

impl Ranked for WeightedRecord {
    type Rank = Reverse<Option<Severity>>;

    fn rank(&self) -> Self::Rank {
        Reverse(self.weight)
    }

    fn bytes(&self) -> usize {
        self.json.get().len()
    }
}

impl RecordConsumer for RecordKeeper<'_> {
    type Output = KeptRecords;

    fn begin(&self, uri: &str) -> KeptRecords {
        let records = BoundedRecords::new(OF_LOG_FILE);
        KeptRecords { uri: uri.to_owned(), delivered: delivered(uri), judged: 0, records }
    }

    fn record(&self, kept: &mut KeptRecords, index: u64, json: &[u8]) -> Result<(), String> {
        let record = Record::parse(json)?;
        let place = RecordPlace { log_file: &kept.uri, record: index, delivered: kept.delivered };
        let found = detections::judge_record(&record, self.config, place)?;
        if (found.is_some() || SignIn::of(&record).is_some())
            && self.period.holds(record.event_time, &kept.uri)
        {
            let json = serde_json::from_slice::<Box<RawValue>>(json)
                .map_err(|error| format!("is no readable JSON: {error}"))?;
            let (weight, severity) =
                (found.as_ref().map(Finding::retention_priority), found.map(|found| found.severity));
            kept.records.put((kept.uri.clone(), index), WeightedRecord { weight, severity, json });
        }
        kept.judged += 1;
        Ok(())
    }

    fn max_output_bytes(&self) -> u64 {
        (OF_LOG_FILE.bytes + OF_LOG_FILE.bytes / 10) as u64
    }
}

/// Collects the result of an item, log file by log file.
pub(super) struct ItemKeeper {
    result: ItemResult,
    records: BoundedRecords,
}

impl ItemKeeper {
    pub fn new() -> ItemKeeper {
        ItemKeeper {
            result: ItemResult { format: FORMAT, ..ItemResult::default() },
            records: BoundedRecords::new(OF_ITEM),
        }
    }

    /// Takes one log file.
    pub fn take(&mut self, ReadLogFile { uri, bytes, result }: ReadLogFile<KeptRecords>) {
        let (kept, counts) = match result {
            Ok(output) => output,
            Err(error) => {
                let is_gone = error.kind == AwsErrorKind::NotFound;
                self.result.unfetched.push(UnfetchedLogFile { log_file: uri, is_gone, answer: error.answer });
                return;
            }
        };
        self.result.counts += Counts::of(&counts, kept.judged);
        self.result.bytes += bytes;
        if let Some(problem) = counts.problems.into_iter().next() {
            let (records, reason) = (counts.unreadable, problem.reason);
            self.result.unreadable.push(UnreadableLogFile { log_file: uri, records, reason });
        }
        self.records.put_all(kept.records);
    }

    /// The result, in an order that does not depend on the order of reading.
    pub fn end(mut self, skipped_objects: u64) -> ItemResult {
        let kept = self.records.take().into_iter();
        let records = kept.map(|((log_file, record), WeightedRecord { json, .. })| KeptRecord {
            log_file,
            record,
            json,
        });
        let records = records.collect();
        self.result.unreadable.sort_unstable_by(|a, b| a.log_file.cmp(&b.log_file));
        self.result.unfetched.sort_unstable_by(|a, b| a.log_file.cmp(&b.log_file));
        let (left_out, left_out_sign_ins) = (self.records.left_out, self.records.left_out_sign_ins);
        ItemResult { skipped_objects, records, left_out, left_out_sign_ins, ..self.result }
    }
}

impl BoundedRecords {
    fn new(limits: Limits) -> BoundedRecords {
        let (records, left_out) = (WorstSet::new(limits), BTreeMap::new());
        BoundedRecords { limits, records, left_out, left_out_sign_ins: 0 }
    }

    fn put(&mut self, place: (String, u64), record: WeightedRecord) {
        // One very large record must not displace all others.
        if record.bytes() > self.limits.bytes / 2 {
            return self.count_left_out(record.severity);
        }
        let dropped = self.records.insert(place, record);
        self.leave_out(dropped);
    }

    fn put_all(&mut self, mut other: BoundedRecords) {
        let records = other.take();
        for (severity, count) in other.left_out {
            *self.left_out.entry(severity).or_default() += count;
        }
        self.left_out_sign_ins += other.left_out_sign_ins;
        records.into_iter().for_each(|(place, record)| self.put(place, record));
    }

    /// Takes out the records within the limits.
    fn take(&mut self) -> BTreeMap<(String, u64), WeightedRecord> {
        let dropped = self.records.trim();
        self.leave_out(dropped);
        self.records.take()
    }

    fn leave_out(&mut self, dropped: Vec<((String, u64), WeightedRecord)>) {
        dropped.into_iter().for_each(|(_, record)| self.count_left_out(record.severity));
    }

    fn count_left_out(&mut self, severity: Option<Severity>) {
        match severity {
            Some(severity) => *self.left_out.entry(severity).or_default() += 1,
            None => self.left_out_sign_ins += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::cloudtrail::scan;
    use crate::ports::AwsError;

    use super::*;

    fn period() -> Period {
        let day = Some("2026-04-01".parse().unwrap());
        Period { from: day, to: day }
    }

    fn uri(day: &str, name: &str) -> String {
        format!("s3://logs/AWSLogs/111122223333/CloudTrail/us-east-1/{day}/{name}.json.gz")
    }

    fn sign_in(time: &str, mfa: &str, id: usize) -> String {
        format!(
            r#"{{"eventTime": "{time}", "eventID": "{id:06}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "userIdentity": {{"type": "IAMUser", "userName": "alice"}}, "recipientAccountId": "111122223333",
                "responseElements": {{"ConsoleLogin": "Success"}}, "additionalEventData": {{"MFAUsed": "{mfa}"}}}}"#
        )
    }

    fn failed(time: &str, id: usize) -> String {
        sign_in(time, "No", id).replace("Success", "Failure")
    }

    /// What is kept of a log file of these records.
    fn read(uri: &str, records: &[String]) -> ReadLogFile<KeptRecords> {
        let config = Config::default();
        let keeper = RecordKeeper { config: &config, period: period() };
        let mut kept = keeper.begin(uri);
        for (index, json) in records.iter().enumerate() {
            keeper.record(&mut kept, index as u64, json.as_bytes()).unwrap();
        }
        let counts =
            scan::ScanCounts { records: records.len() as u64, has_records: true, ..Default::default() };
        ReadLogFile { uri: uri.to_owned(), bytes: 100, result: Ok((kept, counts)) }
    }

    fn part(log_files: Vec<ReadLogFile<KeptRecords>>) -> ItemResult {
        let mut keeper = ItemKeeper::new();
        log_files.into_iter().for_each(|scanned| keeper.take(scanned));
        keeper.end(2)
    }

    #[test]
    fn sign_ins_are_kept_and_what_raises_a_finding_as_it_stands() {
        let quiet = r#"{"eventTime": "2026-04-01T08:00:00Z", "eventSource": "iam.amazonaws.com", "eventName": "ListUsers"}"#;
        let records = [
            sign_in("2026-04-01T08:00:00Z", "Yes", 1),
            quiet.to_owned(),
            sign_in("2026-04-01T08:00:00Z", "No", 2),
        ];
        let part = part(vec![read(&uri("2026/04/01", "a"), &records)]);
        let kept: Vec<(u64, &str)> = part.records.iter().map(|it| (it.record, it.json.get())).collect();
        assert_eq!(kept, [(0, &*records[0]), (2, &*records[2])]);
        assert_eq!((part.counts.records, part.counts.judged), (3, 3));
        assert_eq!((part.bytes, part.skipped_objects, part.format), (100, 2, FORMAT));
    }

    #[test]
    fn only_what_happened_on_the_days_that_are_meant_is_kept() {
        for (name, day, time, is_kept) in [
            ("the last second before", "2026/04/01", "2026-03-31T23:59:59Z", false),
            ("the first second", "2026/03/31", "2026-04-01T00:00:00Z", true),
            ("delivered the day after", "2026/04/02", "2026-04-01T23:59:59Z", true),
            ("the first second behind", "2026/04/01", "2026-04-02T00:00:00Z", false),
            ("no time, in a folder of the day", "2026/04/01", "soon", true),
            ("no time, in the folder of another day", "2026/04/02", "soon", false),
            ("no time at all", "nowhere", "soon", true),
        ] {
            let part = part(vec![read(&uri(day, "a"), &[sign_in(time, "No", 1)])]);
            assert_eq!(part.records.len(), usize::from(is_kept), "{name}");
            assert_eq!(part.counts.judged, 1, "{name}");
        }
        let named = "111122223333_CloudTrail_us-east-1_20260402T0005Z_x";
        let part = part(vec![read(&uri("2026/04/01", named), &[sign_in("soon", "No", 1)])]);
        assert_eq!(part.records.len(), 0, "when it was delivered stands in its name");
    }

    #[test]
    fn what_matters_least_is_left_out_and_counted_whatever_was_read_first() {
        let time = "2026-04-01T08:00:00Z";
        let failures: Vec<String> = (0..4_000).map(|id| failed(time, id)).collect();
        let quiet: Vec<String> = (0..4_000).map(|id| sign_in(time, "Yes", id)).collect();
        let bad: Vec<String> = (0..3).map(|id| sign_in(time, "No", id)).collect();
        let files = || {
            let mut files: Vec<_> = (0..3)
                .map(|name| read(&uri("2026/04/01", &format!("quiet{name}")), &quiet))
                .chain((0..3).map(|name| read(&uri("2026/04/01", &format!("storm{name}")), &failures)))
                .collect();
            files.push(read(&uri("2026/04/01", "zzz"), &bad));
            files
        };
        let first = part(files());
        let mut backwards = files();
        backwards.reverse();
        assert_eq!(format!("{first:?}"), format!("{:?}", part(backwards)));
        assert_eq!(first.records.len(), MAX_RECORDS);
        let of = |name: &str| first.records.iter().filter(|it| it.log_file.contains(name)).count();
        assert_eq!((of("zzz"), of("storm"), of("quiet")), (3, 12_000, 7_997));
        assert_eq!((first.left_out.values().sum::<u64>(), first.left_out_sign_ins), (0, 4_003));
    }

    #[test]
    fn neither_bytes_nor_one_record_alone_can_take_more_room_than_there_is() {
        let long = |bytes: usize, id| {
            sign_in("2026-04-01T08:00:00Z", "No", id).replacen(
                '{',
                &format!(r#"{{"x": "{}", "#, "x".repeat(bytes)),
                1,
            )
        };
        let name = |file: usize| uri("2026/04/01", &format!("{file:02}"));
        let files = (0..30).map(|file| read(&name(file), &[long(3 << 20, file), long(9 << 20, 100 + file)]));
        let part = part(files.collect());
        let bytes: usize = part.records.iter().map(|it| it.json.get().len()).sum();
        assert!(part.records.len() == 21 && bytes <= MAX_RECORD_BYTES, "{} of {bytes}", part.records.len());
        assert_eq!(part.left_out.values().sum::<u64>(), 30 + 9);
    }

    #[test]
    fn what_could_not_be_read_is_named() {
        let mut scanned = read(&uri("2026/04/01", "b"), &[]);
        if let Ok((_, counts)) = &mut scanned.result {
            counts.problems.push(scan::Problem { record: None, reason: "is cut".to_owned() });
        }
        let gone = |kind| {
            let (call, answer) = ("get".to_owned(), "NoSuchKey".to_owned());
            let result = Err(AwsError { kind, call, answer });
            ReadLogFile { uri: uri("2026/04/01", "a"), bytes: 7, result }
        };
        let part = part(vec![scanned, gone(AwsErrorKind::NotFound), gone(AwsErrorKind::Denied)]);
        assert_eq!(part.unreadable[0].reason, "is cut");
        assert_eq!(part.unfetched.iter().map(|it| it.is_gone).collect::<Vec<_>>(), [true, false]);
        assert_eq!((part.counts.log_files, part.counts.unreadable_log_files, part.bytes), (1, 1, 100));
    }
}
