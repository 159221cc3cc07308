//! Findings in log files or a credential report: filtering and printing them.

use std::io::Write;

use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding::ocsf;
use shared::finding::suppression::Suppressions;
use shared::finding::{Finding, Status};
use shared::mail::Mail;
use shared::text::counted;

use crate::args::{FilterArgs, FindingFormat};
use crate::output::{json_line, note};
use crate::suppressions;

/// Which findings to show.
pub struct FindingFilter<'a> {
    args: &'a FilterArgs,
    suppressions: Option<Suppressions>,
}

/// The findings to show, and what became of the others.
pub struct FilteredFindings {
    /// Those to show.
    pub findings: Vec<Finding>,
    /// How many are suppressed.
    pub suppressed: u64,
    /// Whether one that is not suppressed reaches `--fail-on`, shown or not.
    pub reaches_fail_on: bool,
}

impl FindingFilter<'_> {
    /// Reads the suppressions that the arguments name; `now` decides which entries have expired.
    pub fn load(args: &FilterArgs, now: Option<DateTime<Utc>>) -> anyhow::Result<FindingFilter<'_>> {
        let read = |file| suppressions::read(file, now.unwrap_or_else(Utc::now));
        Ok(FindingFilter { args, suppressions: args.suppressions.as_deref().map(read).transpose()? })
    }

    /// Leaves out suppressed findings and those below `--min-severity`, and notes how many on stderr.
    pub fn apply(&self, mut findings: Vec<Finding>, now: DateTime<Utc>) -> FilteredFindings {
        let all = findings.len();
        if let Some(suppressions) = &self.suppressions {
            findings.retain(|finding| suppressions.matching(finding, now).is_none());
            note(&format!("{} suppressed.", counted((all - findings.len()) as u64, "finding", "findings")));
        }
        let suppressed = (all - findings.len()) as u64;
        let reaches = |severity| {
            let mut open = findings.iter().filter(|finding| finding.status != Some(Status::Resolved));
            open.any(|finding| finding.severity >= severity)
        };
        let reaches_fail_on = self.args.fail_on.is_some_and(reaches);
        let all = findings.len();
        findings.retain(|finding| finding.severity >= self.args.min_severity);
        let left_out = all - findings.len();
        let mut summary =
            format!("{}{}.", counted(findings.len() as u64, "finding", "findings"), by_status(&findings));
        if left_out > 0 {
            summary += &format!(" {left_out} more below {} left out.", self.args.min_severity);
        }
        note(&summary);
        FilteredFindings { findings, suppressed, reaches_fail_on }
    }
}

/// `: 2 new, 1 resolved`; empty if no finding has a status.
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

/// Prints findings in the format; `mails` groups them into mails for the text format.
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
