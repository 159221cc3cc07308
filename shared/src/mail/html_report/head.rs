//! The head of the report: what was read, what could not be read, and a few totals.

use std::collections::BTreeMap;

use super::markup::{Markup, counted, grouped};
use super::scope::ReportScope;
use crate::formats::cloudtrail::counts::Counts;
use crate::mail::html_report::overview::Overview;
use crate::severity::Severity;

/// How many sources are named; all are counted.
const MAX_SOURCES: usize = 20;

/// How many characters of a note are shown.
const MAX_NOTE_CHARS: usize = 1_000;

/// Writes the head.
pub(super) fn write(report: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
    report.raw("<header>\n<h1>").text(scope.title).raw("</h1>\n<p class=\"small\">Made ").time(scope.made_at);
    report.raw(" UTC by iamwatch ").raw(env!("CARGO_PKG_VERSION"));
    report.raw(". All times are in UTC. This page is one file and needs no network.</p>\n");
    gaps(report, overview, scope);
    report.raw("<dl>\n");
    findings(report, overview);
    sign_ins(report, overview);
    looked_at(report, overview, scope);
    report.raw("</dl>\n</header>\n");
}

/// Writes what could not be looked at, or that nothing is missing.
fn gaps(report: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
    let Counts { unreadable, unreadable_log_files, .. } = scope.counts;
    let gaps: Vec<String> = [
        (
            scope.unfetched_log_files,
            format!(
                "{} could not be had",
                counted(scope.unfetched_log_files, "log file or folder", "log files or folders")
            ),
        ),
        (
            unreadable_log_files,
            format!("{} could not be read whole", counted(unreadable_log_files, "log file", "log files")),
        ),
        (unreadable, format!("{} could not be read", counted(unreadable, "record", "records"))),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, gap)| gap)
    .collect();
    if !gaps.is_empty() {
        report.raw("<p class=\"warning\" role=\"note\"><b>Not everything could be looked at.</b> ");
        report.text(&gaps.join(", ")).raw(".</p>\n");
    } else if scope.counts.log_files == 0 {
        report.raw("<p class=\"warning\" role=\"note\"><b>No log file was read.</b></p>\n");
    } else {
        report.raw("<p class=\"good\">Every log file and every record that was found could be read.</p>\n");
    }
    if overview.may_count_twice() {
        report.raw("<p class=\"warning\" role=\"note\">There are so many sign-ins and findings that one that stands in ");
        report.raw("several log files may be counted more than once.</p>\n");
    }
    let (notes, more) = overview.notes();
    if notes.is_empty() {
        return;
    }
    report.raw("<ul class=\"notes\">\n");
    for note in notes {
        report.raw("<li>").text_of(note, MAX_NOTE_CHARS).raw("</li>\n");
    }
    if more > 0 {
        report.raw("<li>and ").text(&grouped(more)).raw(" more</li>\n");
    }
    report.raw("</ul>\n");
}

fn findings(report: &mut Markup, overview: &Overview) {
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    for (severity, _, count) in overview.rules() {
        *by_severity.entry(severity).or_default() += count;
    }
    report.raw("<dt>Findings</dt><dd>");
    report.count(by_severity.values().sum());
    for (severity, count) in by_severity.iter().rev() {
        report.raw(" <span class=\"count\">").severity(*severity).raw(" ").count(*count).raw("</span>");
    }
    report.raw("</dd>\n");
}

fn sign_ins(report: &mut Markup, overview: &Overview) {
    let counts = overview.sign_ins();
    report.raw("<dt>Sign-ins</dt><dd>").count(counts.all());
    if counts.all() > 0 {
        report.raw(": ").count(counts.failures).raw(" failed, ").count(counts.successes).raw(" succeeded");
        if counts.unknown > 0 {
            report.raw(", ").count(counts.unknown).raw(" without an outcome in the record");
        }
    }
    report.raw("</dd>\n");
}

fn looked_at(report: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
    if !scope.sources.is_empty() {
        report.raw("<dt>Looked at</dt><dd>");
        for (at, source) in scope.sources.iter().take(MAX_SOURCES).enumerate() {
            report.raw(if at > 0 { "<br>" } else { "" }).place(source);
        }
        if let Some(more @ 1..) = scope.sources.len().checked_sub(MAX_SOURCES) {
            report.raw("<br>and ").text(&grouped(more as u64)).raw(" more");
        }
        report.raw("</dd>\n");
    }
    let days = match (scope.from, scope.to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}, both days included")),
        (Some(from), None) => Some(format!("from {from}")),
        (None, Some(to)) => Some(format!("up to {to}, itself included")),
        (None, None) => None,
    };
    if let Some(days) = days {
        report.raw("<dt>Days</dt><dd>").text(&days).raw("</dd>\n");
    }
    if let Some((first, last)) = overview.span() {
        report.raw("<dt>First and last event</dt><dd>").time(first).raw(" and ").time(last).raw("</dd>\n");
    }
    let Counts { log_files, records, judged, skipped, .. } = scope.counts;
    report
        .raw("<dt>Log files</dt><dd>")
        .count(log_files)
        .raw(" read</dd>\n<dt>Records</dt><dd>")
        .count(records);
    // Skipped records are judged too: the prefilter found that no rule can match them.
    report.raw(", ").count(judged + skipped).raw(" of them judged</dd>\n");
}
