//! `iamwatch credential-report`: the findings of a credential report.

use std::cmp::Reverse;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding::Judged;
use shared::finding::{Finding, Status};
use shared::formats::credential_report::CredentialReport as Report;
use shared::mail;
use shared::mail::audit::AuditSummary;
use shared::rules::checks;
use shared::rules::checks::About;
use shared::rules::health::COULD_NOT_LOOK;
use shared::rules::registry;
use shared::state::ledger::Previous;

use crate::args::{CredentialReport, FindingFormat, ReportOutput};
use crate::output::{counted, note, note_each, stdout};
use crate::report_file::ReportFile;
use crate::{End, findings, users};

/// Reads, judges and prints.
pub fn run(arguments: &CredentialReport) -> anyhow::Result<End> {
    let (config, output) = (arguments.settings.config()?, arguments.output()?);
    let previous = match arguments.previous.as_deref().map(previous).transpose() {
        Ok(previous) => previous,
        Err(error) => {
            note(&format!("iamwatch: {error:#}"));
            return Ok(End::Unusable);
        }
    };
    let name = match arguments.file.to_str() {
        Some("-") => "standard input".to_owned(),
        name => name.map_or_else(|| format!("{:?}", arguments.file), str::to_owned),
    };
    let (report, generated) = match read(&arguments.file) {
        Ok(read) => read,
        Err(error) => {
            note_each(&[format!("could not look at {name}: {error:#}")], "more file");
            return Ok(End::CouldNotLook);
        }
    };
    let as_of = arguments.now.or(generated).unwrap_or_else(Utc::now);
    let of_arns = report.account().unwrap_or_default();
    let account = arguments.account.as_deref().unwrap_or(of_arns);
    let about = About { account, generated: as_of, source: (name != "standard input").then_some(&name) };
    let judged = checks::judge(&report, &about, &config);

    let unjudged: Vec<String> = judged
        .findings
        .iter()
        .filter(|finding| finding.rule.id == COULD_NOT_LOOK.id)
        .map(|finding| format!("could not judge all of {name}: {}", finding.summary))
        .collect();
    note_each(&unjudged, "more like these");
    if account != of_arns && !of_arns.is_empty() {
        note(&format!("iamwatch: the report's ARNs name account {of_arns}, and --account is {account}"));
    }
    note(&summary(&report, account));
    let minute = as_of.format("%Y-%m-%d %H:%M UTC");
    match (arguments.now, generated) {
        (Some(_), _) => note(&format!("Judged as of {minute}, as --now says.")),
        (None, Some(_)) => note(&format!("Judged as of {minute}, when the report was made.")),
        (None, None) => note(&format!(
            "Judged as of {minute}, the time of day, as {name} does not say when it was made: give --now."
        )),
    }

    let could_not_look = !judged.gaps.is_empty() || !unjudged.is_empty();
    let mut out = stdout();
    let fails = match output {
        ReportOutput::Users(format) => {
            users::print(&mut out, &report, &judged.findings, as_of, format)?;
            false
        }
        ReportOutput::Findings(format) => {
            let all = compared(judged, previous, account, as_of);
            let counted = findings::count(all, &arguments.counting, arguments.now.unwrap_or_else(Utc::now))?;
            let standing = AuditSummary {
                accounts: 1,
                users: report.rows().iter().filter(|row| !row.is_root()).count() as u64,
                generated: arguments.now.or(generated).map(|made| (made, made)),
                open: counted
                    .findings
                    .iter()
                    .filter(|finding| finding.status != Some(Status::Resolved))
                    .count() as u64,
                suppressed: counted.accepted,
                ledgers_at: None,
            };
            print(&mut out, counted.findings, format, &standing, &config)?;
            counted.fails
        }
    };
    out.flush()?;
    Ok(End::of(could_not_look, fails))
}

/// The report, and when it was made. One without any row is none.
fn read(file: &Path) -> anyhow::Result<(Report, Option<DateTime<Utc>>)> {
    let ReportFile { content, generated } = ReportFile::read(file)?;
    let report = Report::parse(&content).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(!report.rows().is_empty(), "it has no row that can be read");
    Ok((report, generated))
}

fn previous(file: &Path) -> anyhow::Result<Previous> {
    let shown = file.display();
    let lines = fs::read_to_string(file).with_context(|| format!("could not read {shown}"))?;
    Previous::read(&lines, registry::report_rule).map_err(|error| anyhow::anyhow!("{shown}: {error}"))
}

fn summary(report: &Report, account: &str) -> String {
    let of = if account.is_empty() { "an unknown account".to_owned() } else { format!("account {account}") };
    let rows = counted(report.rows().len() as u64, "row");
    let mut summary =
        format!("Read the report of {of}: {rows}, {} unreadable.", report.unreadable_rows().len());
    if let repeated @ 1.. = report.repeated_rows() {
        summary += &format!(" {} said the same as another one.", counted(repeated as u64, "more row"));
    }
    summary
}

/// The findings, the worst first, each with how it stands where there is something to compare it with.
fn compared(
    judged: Judged,
    previous: Option<Previous>,
    account: &str,
    generated: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = match previous {
        None => judged.findings,
        Some(previous) => {
            let (findings, passed_over) = previous.compare(judged, account, generated);
            if passed_over > 0 {
                let lines = counted(passed_over, "line");
                note(&format!("Passed over {lines} of --previous about other accounts or rules."));
            }
            findings
        }
    };
    findings.sort_by_cached_key(|finding| {
        let name = finding.principal.as_ref().and_then(|who| who.name.clone());
        (Reverse(finding.severity), finding.rule.id, name, finding.id.clone())
    });
    findings
}

fn print(
    out: &mut impl Write,
    findings: Vec<Finding>,
    format: FindingFormat,
    standing: &AuditSummary,
    config: &Config,
) -> anyhow::Result<()> {
    findings::print(out, findings, format, config, |findings| {
        mail::audit::mail(&findings, standing, config).into_iter().collect()
    })
}
