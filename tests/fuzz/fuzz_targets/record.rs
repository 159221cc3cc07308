//! Any bytes as one record, from reading it to what is sent: no panic, and what is sent is fit to be sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::config::Config;
use shared::finding::ocsf;
use shared::finding::{Finding, RecordPlace};
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::scan::{Problem, ScanCounts};
use shared::mail;
use shared::mail::{MAX_SMS_CHARS, MAX_SUBJECT_CHARS, Mail};
use shared::rules::detections;
use shared::rules::health::unreadable_log_file;

fn send(findings: &[Finding], config: &Config) {
    for finding in findings {
        let json = ocsf::detection_finding(finding, config).to_string();
        assert!(!json.contains(|c: char| c < ' '), "{json:?}");
    }
    let Some(Mail { subject, body, sms }) = mail::incident::mail(findings, config) else { panic!("no mail") };
    for (line, max_chars) in [(&subject, MAX_SUBJECT_CHARS), (&sms, MAX_SMS_CHARS)] {
        assert!(line.len() <= max_chars, "{line:?}");
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
    }
    assert!(!subject.starts_with(' ') && !subject.is_empty(), "{subject:?}");
    assert!(!body.contains(|c: char| c.is_control() && c != '\n'), "{body:?}");
}

fuzz_target!(|input: &[u8]| {
    let config = Config::default();
    let place = RecordPlace { log_file: "s3://logs/x.json.gz", record: 0, delivered: None };
    // Records for a rule are rare in arbitrary bytes: the rules see every record that can be read.
    if let Ok(record) = Record::parse(input) {
        let detected = detections::detect(&record, &config, place);
        let wanted = detections::wanted(&record);
        assert!(wanted || detected.is_none());
        let judged = detections::judge(input, &config, place);
        assert_eq!(judged.is_err(), wanted && record.unreadable.is_some());
        if let Some(finding) = detected {
            send(&[finding.clone(), finding], &config);
        }
    }
    // Neither a file's name nor what was wrong with it may be text that does something.
    let text = String::from_utf8_lossy(input);
    let counts = ScanCounts {
        records: 1,
        unreadable: 1,
        problems: vec![Problem { record: Some(0), reason: text.to_string() }],
        has_records: true,
        skipped: 0,
    };
    if let Some(finding) = unreadable_log_file(&text, &counts) {
        send(&[finding], &config);
    }
});
