//! What a person has accepted, and `iamwatch suppressions check`.

use shared::rules::registry;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use shared::finding;
use shared::finding::Finding;
use shared::finding::suppression::Suppressions;
use shared::rules::log_file;

use crate::End;
use crate::args::Check;
use crate::output::{cell, counted, note, stdout};
use crate::reading::read_all;

/// How many faults of one file are named.
const MAX_FAULTS: usize = 20;

/// Reads a file of which every entry must be understood: whoever passes it wants all of it.
pub fn read(file: &Path, now: DateTime<Utc>) -> anyhow::Result<Suppressions> {
    let suppressions = Suppressions::parse(&content(file)?, &registry::all(), now);
    let problems = suppressions.problems();
    if problems.is_empty() {
        return Ok(suppressions);
    }
    let mut said: Vec<String> =
        problems.iter().take(MAX_FAULTS).map(|problem| format!("{}: {problem}", file.display())).collect();
    if let Some(more @ 1..) = problems.len().checked_sub(MAX_FAULTS) {
        said.push(format!("and {}", counted(more as u64, "more fault")));
    }
    bail!("{}", said.join("\n"))
}

fn content(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))
}

/// Says of every entry what it is, and how many findings of the log files it would hide.
pub fn check(arguments: &Check) -> anyhow::Result<End> {
    let now = arguments.now.unwrap_or_else(Utc::now);
    let content = match content(&arguments.file) {
        Ok(content) => content,
        Err(error) => {
            note(&format!("iamwatch: {error:#}"));
            return Ok(End::CouldNotLook);
        }
    };
    let suppressions = Suppressions::parse(&content, &registry::all(), now);
    let mut could_not_look = !suppressions.problems().is_empty();
    for problem in suppressions.problems() {
        note(&format!("iamwatch: {}: {problem}", arguments.file.display()));
    }
    let mut findings = None;
    if let Some(reading) = arguments.reading() {
        let config = reading.settings.config()?;
        let read = read_all(&reading, &config, |name, read, findings: &mut Vec<Finding>| {
            log_file::judge_log_file(name, &config, findings, |judge| read(judge))
        });
        could_not_look |= read.could_not_look;
        findings = Some(finding::merged(read.results.into_iter().flatten().collect()));
    }
    let mut out = stdout();
    for entry in suppressions.entries() {
        let state = if entry.has_expired(now) { "expired on" } else { "holds until" };
        let owner = entry.owner.as_deref().map(|owner| format!(" ({})", cell(owner))).unwrap_or_default();
        let reason = cell(&entry.reason);
        write!(out, "line {}: {} {state} {}: {reason}{owner}", entry.line, entry.about(), entry.expires)?;
        if let Some(findings) = &findings {
            let hidden = findings.iter().filter(|finding| entry.names(finding)).count() as u64;
            let would = if entry.has_expired(now) { "would hide" } else { "hides" };
            write!(out, "; {would} {}", counted(hidden, "finding"))?;
        }
        writeln!(out)?;
    }
    if let Some(findings) = &findings {
        let hidden = findings.iter().filter(|finding| suppressions.hiding(finding, now).is_some()).count();
        let told = counted((findings.len() - hidden) as u64, "finding");
        writeln!(out, "{} hidden, {told} told", counted(hidden as u64, "finding"))?;
    }
    out.flush()?;
    Ok(End::of(could_not_look, false))
}
