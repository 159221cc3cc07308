//! Suppression files, and `iamwatch suppressions check`.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use shared::finding;
use shared::finding::Finding;
use shared::finding::suppression::Suppressions;
use shared::rules::{log_file, registry};
use shared::text::counted;

use crate::args::SuppressionsCheckArgs;
use crate::exit::Exit;
use crate::local_read::read_files;
use crate::output::{cell, note, stdout};

/// How many problems of a file are named.
const MAX_PROBLEMS: usize = 20;

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

/// Prints every entry and, if log files are given, how many of their findings it would suppress.
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
    let mut findings = None;
    if let Some(read) = args.read() {
        let config = read.settings.config()?;
        let local = read_files(&read, &config, |name, read, findings: &mut Vec<Finding>| {
            log_file::judge_log_file(name, &config, findings, |judge| read(judge))
        });
        could_not_look |= !local.totals.is_complete();
        findings = Some(finding::merged(local.results.into_iter().flatten().collect()));
    }
    let mut out = stdout();
    for entry in suppressions.entries() {
        let state = if entry.has_expired(now) { "expired on" } else { "holds until" };
        let owner = entry.owner.as_deref().map(|owner| format!(" ({})", cell(owner))).unwrap_or_default();
        let reason = cell(&entry.reason);
        write!(out, "line {}: {} {state} {}: {reason}{owner}", entry.line, entry.about(), entry.expires)?;
        if let Some(findings) = &findings {
            let suppressed = findings.iter().filter(|finding| entry.matches(finding)).count() as u64;
            let would = if entry.has_expired(now) { "would hide" } else { "hides" };
            write!(out, "; {would} {}", counted(suppressed, "finding", "findings"))?;
        }
        writeln!(out)?;
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
