//! `iamwatch credential-report`: the findings in a credential report, or its users.

use std::cmp::Reverse;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding::{CheckLine, CheckOutcome, Finding, Status};
use shared::formats::credential_report::CredentialReport;
use shared::mail;
use shared::mail::audit::AuditSummary;
use shared::rules::checks;
use shared::rules::checks::ReportContext;
use shared::rules::health::COULD_NOT_LOOK;
use shared::rules::registry;
use shared::text::counted;
use shared::use_cases::Previous;

use crate::args::{CredentialReportArgs, FindingFormat, ReportOutput};
use crate::exit::Exit;
use crate::findings::{self, FindingFilter};
use crate::output::{json_line, note, note_each, stdout};
use crate::read_totals::not_read;
use crate::report_file::ReportFile;
use crate::users;

/// Reads, judges and prints.
pub fn run(args: &CredentialReportArgs) -> anyhow::Result<Exit> {
    let filter = match FindingFilter::load(&args.filter, args.now) {
        Ok(filter) => filter,
        Err(error) => return Ok(Exit::usage(&error)),
    };
    let (config, output) = (args.settings.config()?, args.output()?);
    let previous = match args.previous.as_deref().map(read_previous).transpose() {
        Ok(previous) => previous,
        Err(error) => return Ok(Exit::usage(&error)),
    };
    let name = match args.file.to_str() {
        Some("-") => "standard input".to_owned(),
        name => name.map_or_else(|| format!("{:?}", args.file), str::to_owned),
    };
    let (report, generated) = match read(&args.file) {
        Ok(read) => read,
        Err(error) => {
            note_each(&[not_read(&name, format!("{error:#}"))], "more file", "more files");
            return Ok(Exit::CouldNotLook);
        }
    };
    let as_of = args.now.or(generated).unwrap_or_else(Utc::now);
    let arn_account = report.account().unwrap_or_default();
    let account = args.account.as_deref().unwrap_or(arn_account);
    let about =
        ReportContext { account, generated: as_of, source: (name != "standard input").then_some(&name) };
    let judged = checks::judge(&report, &about, &config);

    let unjudged: Vec<String> = judged
        .findings
        .iter()
        .filter(|finding| finding.rule.id == COULD_NOT_LOOK.id)
        .map(|finding| format!("could not judge all of {name}: {}", finding.summary))
        .collect();
    note_each(&unjudged, "more like these", "more like these");
    if account != arn_account && !arn_account.is_empty() {
        note(&format!("iamwatch: the report's ARNs name account {arn_account}, and --account is {account}"));
    }
    note(&summary(&report, account));
    let minute = as_of.format("%Y-%m-%d %H:%M UTC");
    match (args.now, generated) {
        (Some(_), _) => note(&format!("Judged as of {minute}, as --now says.")),
        (None, Some(_)) => note(&format!("Judged as of {minute}, when the report was made.")),
        (None, None) => note(&format!(
            "Judged as of {minute}, the current time, as {name} does not say when it was made: give --now."
        )),
    }

    let could_not_look = !judged.gaps.is_empty() || !unjudged.is_empty();
    let mut out = stdout();
    let reaches_fail_on = match output {
        ReportOutput::Users(format) => {
            users::print(&mut out, &report, &judged.findings, as_of, format)?;
            false
        }
        ReportOutput::Findings(format) => {
            let all = compare(judged, previous, account, as_of);
            let filtered = filter.apply(all, args.now.unwrap_or_else(Utc::now));
            let standing = AuditSummary {
                accounts: 1,
                users: report.rows().iter().filter(|row| !row.is_root()).count() as u64,
                generated: args.now.or(generated).map(|made| (made, made)),
                open: filtered
                    .findings
                    .iter()
                    .filter(|finding| finding.status != Some(Status::Resolved))
                    .count() as u64,
                suppressed: filtered.suppressed,
                ledgers_at: None,
            };
            print(&mut out, filtered.findings, format, &standing, &config)?;
            filtered.reaches_fail_on
        }
    };
    out.flush()?;
    Ok(Exit::of(could_not_look, reaches_fail_on))
}

/// The report, and when it was made.
///
/// # Errors
/// The file cannot be read, or it is no report: a report has at least one row.
fn read(file: &Path) -> anyhow::Result<(CredentialReport, Option<DateTime<Utc>>)> {
    let ReportFile { content, generated } = ReportFile::read(file)?;
    let report = CredentialReport::parse(&content).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(!report.rows().is_empty(), "it has no row that can be read");
    Ok((report, generated))
}

fn read_previous(file: &Path) -> anyhow::Result<Previous> {
    let shown = file.display();
    let lines = fs::read_to_string(file).with_context(|| format!("could not read {shown}"))?;
    Previous::read(&lines, registry::report_rule).map_err(|error| anyhow::anyhow!("{shown}: {error}"))
}

fn summary(report: &CredentialReport, account: &str) -> String {
    let of = if account.is_empty() { "an unknown account".to_owned() } else { format!("account {account}") };
    let rows = counted(report.rows().len() as u64, "row", "rows");
    let mut summary =
        format!("Read the report of {of}: {rows}, {} unreadable.", report.unreadable_rows().len());
    if let repeated @ 1.. = report.repeated_rows() {
        summary += &format!(" {} left out.", counted(repeated as u64, "duplicate row", "duplicate rows"));
    }
    summary
}

/// The findings, the most severe first, with their status if there are previous findings to compare with.
fn compare(
    judged: CheckOutcome,
    previous: Option<Previous>,
    account: &str,
    generated: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = match previous {
        None => judged.findings,
        Some(previous) => {
            let (findings, others) = previous.compare(judged, account, generated);
            if others > 0 {
                let lines = counted(others, "line", "lines");
                note(&format!("Ignored {lines} of --previous about other accounts or rules."));
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
    if matches!(format, FindingFormat::Json) {
        return findings.iter().try_for_each(|finding| json_line(out, &CheckLine(finding)));
    }
    findings::print(out, findings, format, config, |findings| {
        mail::audit::mail(&findings, standing, config).into_iter().collect()
    })
}
