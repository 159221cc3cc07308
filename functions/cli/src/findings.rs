//! Findings, whatever they are about: which of them count, and printing them.

use std::io::Write;

use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding::ocsf;
use shared::finding::{Finding, Status};
use shared::mail::Mail;

use crate::args::{Counting, FindingFormat};
use crate::output::{counted, json_line, note};
use crate::suppressions;

/// The findings that count.
pub struct Counted {
    /// Those that are to be shown.
    pub findings: Vec<Finding>,
    /// How many a suppression hides.
    pub accepted: u64,
    /// Whether one of them, shown or not, reaches `--fail-on`.
    pub fails: bool,
}

/// Leaves out what is accepted, and what is not severe enough, and says so.
pub fn count(mut findings: Vec<Finding>, counting: &Counting, now: DateTime<Utc>) -> anyhow::Result<Counted> {
    let all = findings.len();
    if let Some(file) = &counting.suppressions {
        let suppressions = suppressions::read(file, now)?;
        findings.retain(|finding| suppressions.hiding(finding, now).is_none());
        note(&format!("{} suppressed.", counted((all - findings.len()) as u64, "finding")));
    }
    let accepted = (all - findings.len()) as u64;
    let reaches = |severity| {
        let mut standing = findings.iter().filter(|finding| finding.status != Some(Status::Resolved));
        standing.any(|finding| finding.severity >= severity)
    };
    let fails = counting.fail_on.is_some_and(reaches);
    let all = findings.len();
    findings.retain(|finding| finding.severity >= counting.min_severity);
    let left_out = all - findings.len();
    let mut found = format!("{}{}.", counted(findings.len() as u64, "finding"), by_status(&findings));
    if left_out > 0 {
        found += &format!(" {left_out} more below {} left out.", counting.min_severity);
    }
    note(&found);
    Ok(Counted { findings, accepted, fails })
}

/// How many of them are new, and so on; nothing where nobody knows.
fn by_status(findings: &[Finding]) -> String {
    let counts = [
        (Status::New, "new"),
        (Status::CameBack, "came back"),
        (Status::Resolved, "resolved"),
        (Status::Still, "still open"),
    ]
    .map(|(status, words)| (findings.iter().filter(|finding| finding.status == Some(status)).count(), words));
    let counts =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
    match counts.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        counts => format!(": {counts}"),
    }
}

/// Prints findings as the format wants them; `mails` makes of them what a person would be sent.
pub fn print(
    out: &mut impl Write,
    findings: Vec<Finding>,
    format: FindingFormat,
    config: &Config,
    mails: impl FnOnce(Vec<Finding>) -> Vec<Mail>,
) -> anyhow::Result<()> {
    match format {
        FindingFormat::Json => findings.iter().try_for_each(|finding| json_line(out, finding)),
        FindingFormat::Ocsf => {
            findings.iter().try_for_each(|finding| json_line(out, &ocsf::detection_finding(finding, config)))
        }
        FindingFormat::Text => mails(findings).iter().try_for_each(|mail| {
            Ok(writeln!(out, "{}\nSubject: {}\n\n{}", "=".repeat(78), mail.subject, mail.body)?)
        }),
    }
}
