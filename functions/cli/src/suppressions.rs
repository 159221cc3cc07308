//! Suppression files, and `iamwatch suppressions check`.

use std::cmp::Reverse;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding;
use shared::finding::suppression::{Suppression, Suppressions};
use shared::finding::{CheckOutcome, Finding};
use shared::formats::credential_report::CredentialReport;
use shared::rules::checks::{self, ReportContext};
use shared::rules::{log_file, registry};
use shared::text::counted;

use crate::args::SuppressionsCheckArgs;
use crate::exit::Exit;
use crate::local_read::read_files;
use crate::output::{cell, note, stdout};
use crate::read_totals::not_read;
use crate::report_file::ReportFile;

/// How many problems of a file are named.
const MAX_PROBLEMS: usize = 20;

/// How many findings are shown of those that an entry hides.
const MAX_SHOWN: usize = 10;

/// A larger file is no credential report, unless its name says so: that of 5,000 users has at most 4 MB as Base64.
const MAX_REPORT_BYTES: u64 = 8 << 20;

/// Reads the file of `--suppressions`.
///
/// # Errors
/// The file cannot be read, or an entry of it is not understood: ignoring that entry would show findings that the
/// person meant to suppress.
pub fn read(file: &Path, now: DateTime<Utc>) -> anyhow::Result<Suppressions> {
    let suppressions = Suppressions::parse(&content(file)?, &registry::all(), now);
    let problems = suppressions.problems();
    if problems.is_empty() {
        return Ok(suppressions);
    }
    let mut lines: Vec<String> =
        problems.iter().take(MAX_PROBLEMS).map(|problem| format!("{}: {problem}", file.display())).collect();
    if let Some(more @ 1..) = problems.len().checked_sub(MAX_PROBLEMS) {
        lines.push(format!("and {}", counted(more as u64, "more problem", "more problems")));
    }
    bail!("{}", lines.join("\n"))
}

fn content(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))
}

/// Prints every entry and, if log files or credential reports are given, which of their findings it would suppress.
pub fn check(args: &SuppressionsCheckArgs) -> anyhow::Result<Exit> {
    let now = args.now.unwrap_or_else(Utc::now);
    let content = match content(&args.file) {
        Ok(content) => content,
        Err(error) => {
            note(&format!("iamwatch: {error:#}"));
            return Ok(Exit::CouldNotLook);
        }
    };
    let suppressions = Suppressions::parse(&content, &registry::all(), now);
    let mut could_not_look = !suppressions.problems().is_empty();
    for problem in suppressions.problems() {
        note(&format!("iamwatch: {}: {problem}", args.file.display()));
    }
    let findings = match args.paths.is_empty() {
        true => None,
        false => Some(judged(args, now, &mut could_not_look)?),
    };
    let mut out = stdout();
    for entry in suppressions.entries() {
        print_entry(&mut out, entry, findings.as_deref(), now)?;
    }
    if let Some(findings) = &findings {
        let suppressed =
            findings.iter().filter(|finding| suppressions.matching(finding, now).is_some()).count();
        let others = counted((findings.len() - suppressed) as u64, "finding", "findings");
        writeln!(out, "{} suppressed, {others} not", counted(suppressed as u64, "finding", "findings"))?;
    }
    out.flush()?;
    Ok(Exit::of(could_not_look, false))
}

/// The findings in the log files and credential reports, the worst first.
fn judged(
    args: &SuppressionsCheckArgs,
    now: DateTime<Utc>,
    could_not_look: &mut bool,
) -> anyhow::Result<Vec<Finding>> {
    let config = args.settings.config()?;
    let (reports, logs): (Vec<PathBuf>, Vec<PathBuf>) =
        args.paths.iter().cloned().partition(|path| is_report(path));
    let mut findings = Vec::new();
    if !logs.is_empty() {
        let local = read_files(&args.read(logs), &config, |name, read, findings: &mut Vec<Finding>| {
            log_file::judge_log_file(name, &config, findings, |judge| read(judge))
        });
        *could_not_look |= !local.totals.is_complete();
        findings = finding::merged(local.results.into_iter().flatten().collect());
    }
    for path in reports {
        match judge_report(&path, args.now, now, &config) {
            Ok(judged) => {
                *could_not_look |= !judged.gaps.is_empty();
                findings.extend(judged.findings);
            }
            Err(error) => {
                *could_not_look = true;
                note(&not_read(path.display(), format!("{error:#}")));
            }
        }
    }
    findings.sort_by_key(|finding| Reverse(finding.severity));
    Ok(findings)
}

/// Whether a path names a credential report: by its ending, or by its content.
fn is_report(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_REPORT_BYTES);
    name.ends_with(".csv")
        || name.ends_with(".csv.gz")
        || (is_small
            && ReportFile::read(path).is_ok_and(|file| CredentialReport::parse(&file.content).is_ok()))
}

fn judge_report(
    path: &Path,
    stated: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    config: &Config,
) -> anyhow::Result<CheckOutcome> {
    let ReportFile { content, generated } = ReportFile::read(path)?;
    let report = CredentialReport::parse(&content).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(!report.rows().is_empty(), "it has no row that can be read");
    let name = path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned);
    if stated.or(generated).is_none() {
        note(&format!("iamwatch: {name} does not say when it was made, and is judged as of now: give --now"));
    }
    let about = ReportContext {
        account: report.account().unwrap_or_default(),
        generated: stated.or(generated).unwrap_or(now),
        source: Some(&name),
    };
    Ok(checks::judge(&report, &about, config))
}

/// Prints an entry, what is to be known of it, and what it would hide.
fn print_entry(
    out: &mut impl Write,
    entry: &Suppression,
    findings: Option<&[Finding]>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let state = if entry.has_expired(now) { "expired on" } else { "holds until" };
    let owner = entry.owner.as_deref().map(|owner| format!(" ({})", cell(owner))).unwrap_or_default();
    let reason = cell(&entry.reason);
    write!(out, "line {}: {} {state} {}: {reason}{owner}", entry.line, entry.about(), entry.expires)?;
    let named: Vec<&Finding> =
        findings.unwrap_or_default().iter().filter(|finding| entry.names(finding)).collect();
    let (hidden, worse): (Vec<&Finding>, Vec<&Finding>) =
        named.into_iter().partition(|finding| entry.matches(finding));
    let would = if entry.has_expired(now) { "would hide" } else { "hides" };
    if findings.is_some() {
        write!(out, "; {would} {}", counted(hidden.len() as u64, "finding", "findings"))?;
    }
    writeln!(out)?;
    let because = if entry.states_max_severity() { "" } else { ", as it has no max_severity" };
    writeln!(out, "    up to {}{because}", entry.max_severity())?;
    for reason in entry.broad_because() {
        writeln!(out, "    broad: {reason}")?;
    }
    print_findings(out, would, &hidden)?;
    print_findings(out, "worse, so not hidden:", &worse)
}

fn print_findings(out: &mut impl Write, word: &str, findings: &[&Finding]) -> anyhow::Result<()> {
    for finding in findings.iter().take(MAX_SHOWN) {
        writeln!(out, "    {word} {} {}", finding.severity, cell(&finding.summary))?;
    }
    if let Some(more @ 1..) = findings.len().checked_sub(MAX_SHOWN) {
        writeln!(out, "    {word} {}", counted(more as u64, "more finding", "more findings"))?;
    }
    Ok(())
}
