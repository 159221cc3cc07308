//! Log files that are damaged, gone, or raised more findings than can be kept.

use crate::finding::rule::{Rule, RuleKind};
use crate::finding::{Evidence, Finding, Subject};
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::scan::{Problem, ScanCounts};
use crate::severity::Severity;

use super::finding::health_finding;

/// A delivered log file is damaged, or contains something unexpected.
pub static LOG_FILE_UNREADABLE: Rule = Rule {
    id: "watch.log-file-unreadable",
    kind: RuleKind::Check,
    title: "Log file could not be read whole",
    severity: Severity::Medium,
    severity_reason: "What stood there has not been judged, and CloudTrail does not write such files by itself.",
    condition: "a log file, or a record in it, is damaged, too large, or holds more than CloudTrail writes",
    references: &["cis:7.0/4.2", "security-hub:CloudTrail.4", "mitre-attack:17/T1565.001"],
    remediation: &[
        "Look at the object: `aws s3 cp` it and unpack it; compare its size and date with its neighbours.",
        "Validate the trail's log files for that hour (`aws cloudtrail validate-logs`): it says whether the file is the one that CloudTrail wrote.",
        "If it is not: find out who can write to the bucket, and look there for what else was changed.",
        "If it is: look at the same hour with `aws cloudtrail lookup-events`, which does not need the file.",
    ],
};

/// A log file raised more findings than one run can keep.
pub static FINDINGS_LEFT_OUT: Rule = Rule {
    id: "watch.findings-left-out",
    kind: RuleKind::Check,
    title: "Findings were left out",
    severity: Severity::Medium,
    severity_reason: "What was left out is counted, and no worse than what was kept; but nobody has been told what it was.",
    condition: "a log file, or a backfill, raised thousands of findings, more than a function can keep in its memory",
    references: &["mitre-attack:17/T1110"],
    remediation: &[
        "Look at the mails of the same hour first: somebody may be making noise to hide in.",
        "Have the command line tool judge the log file, which keeps everything: `aws s3 cp` it, then `iamwatch sign-in`.",
    ],
};

/// A delivered log file does not exist.
pub static LOG_FILE_GONE: Rule = Rule {
    id: "watch.log-file-gone",
    kind: RuleKind::Check,
    title: "Delivered log file is gone",
    severity: Severity::High,
    severity_reason: "CloudTrail deletes no log file: somebody or a lifecycle rule did, and what stood there has not been judged.",
    condition: "S3 said that a log file was delivered, and has no such object when it is to be read",
    references: &["cis:7.0/4.2", "mitre-attack:17/T1070"],
    remediation: &[
        "See whether the bucket keeps versions (`aws s3api list-object-versions`): if so, the log file can still be had, and what hides it says when it was deleted.",
        "Find out who can delete in the bucket, and look at what these did at that hour with `aws cloudtrail lookup-events`, which does not need the file. The deletion itself stands only in S3 data events or server access logs.",
        "Read what the log file held with `aws cloudtrail lookup-events` for the same hour, Region and account.",
        "Take the permission to delete log files away from everybody, or turn on S3 Object Lock.",
    ],
};

/// What could not be read of a log file; `None` if all of it could be read.
pub fn unreadable_log_file(name: &str, counts: &ScanCounts) -> Option<Finding> {
    let reasons: Vec<String> = counts
        .problems
        .iter()
        .map(|problem| match problem.record {
            Some(record) => format!("record {record} {}", problem.reason),
            None => format!("the file {}", problem.reason),
        })
        .collect();
    let first = match counts.problems.first()? {
        Problem { record: Some(record), reason } => format!("record {record} of a log file {reason}"),
        Problem { record: None, reason } => format!("a log file {reason}"),
    };
    Some(of_log_file(
        &LOG_FILE_UNREADABLE,
        name,
        format!("{first} ({} of its {} records not judged)", counts.unreadable, counts.records),
        vec![
            ("records", counts.records.to_string()),
            ("unreadable_records", counts.unreadable.to_string()),
            ("reasons", reasons.join("; ")),
        ],
    ))
}

/// How many findings of a log file were left out; `None` if none was.
pub fn findings_left_out(name: &str, left_out: u64) -> Option<Finding> {
    let what = format!("{left_out} findings of a log file were left out, the least severe ones");
    let facts = vec![("left_out", left_out.to_string())];
    (left_out > 0).then(|| of_log_file(&FINDINGS_LEFT_OUT, name, what, facts))
}

/// A delivered log file did not exist when it was to be read. `answer` is what S3 answered.
pub fn log_file_gone(name: &str, answer: &str) -> Finding {
    let what = "a log file that was delivered is not there".to_owned();
    of_log_file(&LOG_FILE_GONE, name, what, vec![("answer", answer.to_owned())])
}

/// A finding about one log file: `name` is its `s3://bucket/key` or path.
pub(super) fn of_log_file(
    rule: &'static Rule,
    name: &str,
    what: String,
    facts: Vec<(&'static str, String)>,
) -> Finding {
    let subject = Subject::LogFile(name.to_owned());
    let delivered = key::delivered(name);
    Finding {
        account: key::account(name).map(str::to_owned),
        resource: Some(name.to_owned()),
        time: delivered,
        evidence: Evidence {
            log_file: Some(name.to_owned()),
            delivered,
            facts: facts.into(),
            ..Evidence::default()
        },
        ..health_finding(rule, rule.severity, &[name], subject, what)
    }
    .with_summary()
}
