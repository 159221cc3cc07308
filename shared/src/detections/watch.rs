//! The family `watch`: what iamwatch says about its own ability to look.

use crate::cloudtrail::key;
use crate::cloudtrail::scan::{Counts, Problem};
use crate::finding::{Evidence, Facts, Finding, Subject, stable_id};
use crate::rule::{Kind, Rule, Severity};

/// Something in a delivered log file could not be read, or should not be there.
pub static LOG_FILE_UNREADABLE: Rule = Rule {
    id: "watch.log-file-unreadable",
    kind: Kind::Check,
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

/// The finding that tells what could not be read of a log file; nothing where all of it could.
pub fn unreadable_log_file(name: &str, counts: &Counts) -> Option<Finding> {
    let rule = &LOG_FILE_UNREADABLE;
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
    let mut finding = Finding {
        id: stable_id(&[rule.id, name]),
        rule,
        kind: rule.kind,
        severity: rule.severity,
        title: rule.title,
        summary: String::new(),
        account: key::account(name).map(str::to_owned),
        region: None,
        resource: Some(name.to_owned()),
        principal: None,
        time: key::delivered(name),
        source_ip: None,
        user_agent: None,
        evidence: Evidence {
            log_file: Some(name.to_owned()),
            delivered: key::delivered(name),
            facts: Facts(vec![
                ("records", counts.records.to_string()),
                ("unreadable_records", counts.unreadable.to_string()),
                ("reasons", reasons.join("; ")),
            ]),
            ..Evidence::default()
        },
        references: rule.references,
        remediation: rule.remediation,
        subject: Subject::LogFile(name.to_owned()),
        what: format!("{first} ({} of its {} records not judged)", counts.unreadable, counts.records),
    };
    finding.summary = crate::alert::summary(&finding);
    Some(finding)
}
