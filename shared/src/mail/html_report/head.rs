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
pub(super) fn write(page: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
    page.raw("<header>\n<h1>").text(scope.title).raw("</h1>\n<p class=\"small\">Made ").time(scope.made_at);
    page.raw(" UTC by iamwatch ").raw(env!("CARGO_PKG_VERSION"));
    page.raw(". All times are in UTC. This page is one file and needs no network.</p>\n");
    gaps(page, overview, scope);
    page.raw("<dl>\n");
    findings(page, overview);
    sign_ins(page, overview);
    looked_at(page, overview, scope);
    page.raw("</dl>\n</header>\n");
}

/// Writes what could not be looked at, or that nothing is missing.
fn gaps(page: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
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
        page.raw("<p class=\"warning\" role=\"note\"><b>Not everything could be looked at.</b> ");
        page.text(&gaps.join(", ")).raw(".</p>\n");
    } else if scope.counts.log_files == 0 {
        page.raw("<p class=\"warning\" role=\"note\"><b>No log file was read.</b></p>\n");
    } else {
        page.raw("<p class=\"good\">Every log file and every record that was found could be read.</p>\n");
    }
    if overview.may_count_twice() {
        page.raw("<p class=\"warning\" role=\"note\">There are so many sign-ins and findings that one that stands in ");
        page.raw("several log files may be counted more than once.</p>\n");
    }
    let (notes, more) = overview.notes();
    if notes.is_empty() {
        return;
    }
    page.raw("<ul class=\"notes\">\n");
    for note in notes {
        page.raw("<li>").text_of(note, MAX_NOTE_CHARS).raw("</li>\n");
    }
    if more > 0 {
        page.raw("<li>and ").text(&grouped(more)).raw(" more</li>\n");
    }
    page.raw("</ul>\n");
}

fn findings(page: &mut Markup, overview: &Overview) {
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    for (severity, _, count) in overview.rules() {
        *by_severity.entry(severity).or_default() += count;
    }
    page.raw("<dt>Findings</dt><dd>");
    page.count(by_severity.values().sum());
    for (severity, count) in by_severity.iter().rev() {
        page.raw(" <span class=\"count\">").severity(*severity).raw(" ").count(*count).raw("</span>");
    }
    page.raw("</dd>\n");
}

fn sign_ins(page: &mut Markup, overview: &Overview) {
    let counts = overview.sign_ins();
    page.raw("<dt>Sign-ins</dt><dd>").count(counts.all());
    if counts.all() > 0 {
        page.raw(": ").count(counts.failures).raw(" failed, ").count(counts.successes).raw(" succeeded");
        if counts.unknown > 0 {
            page.raw(", ").count(counts.unknown).raw(" without an outcome in the record");
        }
    }
    page.raw("</dd>\n");
}

fn looked_at(page: &mut Markup, overview: &Overview, scope: &ReportScope<'_>) {
    if !scope.sources.is_empty() {
        page.raw("<dt>Looked at</dt><dd>");
        for (at, source) in scope.sources.iter().take(MAX_SOURCES).enumerate() {
            page.raw(if at > 0 { "<br>" } else { "" }).place(source);
        }
        if let Some(more @ 1..) = scope.sources.len().checked_sub(MAX_SOURCES) {
            page.raw("<br>and ").text(&grouped(more as u64)).raw(" more");
        }
        page.raw("</dd>\n");
    }
    let days = match (scope.from, scope.to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}, both days included")),
        (Some(from), None) => Some(format!("from {from}")),
        (None, Some(to)) => Some(format!("up to {to}, itself included")),
        (None, None) => None,
    };
    if let Some(days) = days {
        page.raw("<dt>Days</dt><dd>").text(&days).raw("</dd>\n");
    }
    if let Some((first, last)) = overview.span() {
        page.raw("<dt>First and last event</dt><dd>").time(first).raw(" and ").time(last).raw("</dd>\n");
    }
    let Counts { log_files, records, judged, skipped, .. } = scope.counts;
    page.raw("<dt>Log files</dt><dd>")
        .count(log_files)
        .raw(" read</dd>\n<dt>Records</dt><dd>")
        .count(records);
    // Skipped records are judged too: the prefilter found that no rule can match them.
    page.raw(", ").count(judged + skipped).raw(" of them judged</dd>\n");
}
