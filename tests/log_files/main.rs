//! Log files as they are stored, sound and broken: what is judged, counted and reported.
//!
//! Every file goes through [`judge`], which holds the first promise against each of them: every record is
//! judged or counted as unreadable, and whatever could not be read is reported with the file's name and a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod content;
mod damage;
mod gzip;
mod limits;
mod scan;

use shared::formats::cloudtrail::counts;
use shared::rules::log_file;
use shared::rules::registry;
use std::convert::Infallible;

use shared::config::Config;
use shared::finding::Finding;
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::scan::{Judge, ScanCounts};
use shared::rules::health::LOG_FILE_UNREADABLE;

const NAME: &str = "s3://logs/AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/111122223333_CloudTrail_us-east-1_20260401T0820Z_Ab12Cd34EfEXAMPLE.json.gz";

/// The result of one log file.
#[derive(Debug)]
struct Judged {
    counts: counts::Counts,
    /// The findings of its records.
    findings: Vec<Finding>,
    /// The reasons of its `watch.log-file-unreadable`; `None` if there is no such finding.
    reported: Option<String>,
}

impl Judged {
    /// The event ids of what was raised, in order; `?` where the record has none.
    fn raised(&self) -> Vec<&str> {
        self.findings.iter().map(|found| found.evidence.event_id.as_deref().unwrap_or("?")).collect()
    }

    /// Everything that must not depend on how the file is read, in a form that can be compared.
    fn outcome(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        let findings: Vec<(&str, Option<u64>)> =
            self.findings.iter().map(|found| (found.id.as_str(), found.evidence.record)).collect();
        (self.counts, findings, &self.reported)
    }

    fn assert_clean(&self, name: &str) {
        assert_eq!(self.reported, None, "{name}");
        assert_eq!(self.counts.unreadable, 0, "{name}");
    }

    fn assert_reported(&self, name: &str, reason: &str) {
        let reported = self.reported.as_deref().unwrap_or_else(|| panic!("{name}: it passes as clean"));
        assert!(reported.contains(reason), "{name}: {reported}");
    }
}

/// Judges one log file, read in the way that `read` decides.
fn judged(config: &Config, read: impl FnOnce(&mut Judge<'_>) -> ScanCounts) -> Judged {
    let mut findings = Vec::new();
    let mut has_records = false;
    let counts = log_file::judge_log_file(NAME, config, &mut findings, |judge| {
        let counts = read(judge);
        has_records = counts.has_records;
        Ok::<_, Infallible>(counts)
    });
    let counts = counts.unwrap();
    let reported = findings.pop_if(|last| last.rule.id == LOG_FILE_UNREADABLE.id).map(|finding| {
        assert_eq!(finding.evidence.log_file.as_deref(), Some(NAME));
        let reasons = finding.evidence.facts.0.iter().find(|(name, _)| *name == "reasons");
        reasons.map(|(_, reasons)| reasons.clone()).filter(|reasons| !reasons.is_empty()).unwrap()
    });
    assert_eq!(counts.log_files, 1);
    assert_eq!(counts.records, counts.judged + counts.unreadable + counts.skipped);
    assert!(counts.unreadable == 0 || reported.is_some(), "{counts:?}");
    assert!(has_records || reported.is_some(), "a file without Records is reported");
    assert_eq!(counts.unreadable_log_files, u64::from(reported.is_some()));
    Judged { counts, findings, reported }
}

/// Reads a file as a whole with the default settings.
fn judge(file: &[u8]) -> Judged {
    judge_with(&Config::default(), file)
}

fn judge_with(config: &Config, file: &[u8]) -> Judged {
    judged(config, |judge| LogFileReader::new(registry::prefilter(), config).read(file, judge))
}

/// Reads a file that comes in pieces of that size, through windows of another.
fn judge_in_pieces(config: &Config, file: &[u8], piece_bytes: usize, window_bytes: usize) -> Judged {
    judged(config, |judge| {
        let mut reader = LogFileReader::new(registry::prefilter(), config);
        let mut open = reader.open_with_windows_of(window_bytes);
        file.chunks(piece_bytes).for_each(|piece| open.push(piece, judge));
        open.finish(judge)
    })
}

/// A record that raises `root.sign-in`, as CloudTrail writes it; its event id is `event`.
fn sign_in(event: impl std::fmt::Display) -> String {
    format!(
        concat!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":""}},"#,
            r#""eventTime":"2026-04-01T08:15:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.10","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","requestParameters":null,"responseElements":{{"ConsoleLogin":"Success"}},"#,
            r#""additionalEventData":{{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue","MobileVersion":"No","MFAIdentifier":"arn:aws:iam::111122223333:mfa/root-account-mfa-device","MFAUsed":"Yes"}},"#,
            r#""eventID":"{event}","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}}"#
        ),
        event = event
    )
}

/// A record that no rule asks for.
const UNWATCHED: &str = r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","userName":"alice"},"eventTime":"2026-04-01T08:15:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","requestParameters":{"filterSet":{"items":[{"name":"tag"}]}},"eventID":"quiet-EXAMPLE"}"#;

/// The document with these records, as CloudTrail writes it.
fn document<R: AsRef<str>>(records: &[R]) -> Vec<u8> {
    let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes()
}

/// Three records that raise something, with two between them that do not.
fn good_document() -> Vec<u8> {
    document(&[&sign_in("a"), UNWATCHED, &sign_in("b"), UNWATCHED, &sign_in("c")])
}

/// One sound gzip member.
fn gzip(content: &[u8]) -> Vec<u8> {
    gzip::Member::of(content, 6).bytes()
}
