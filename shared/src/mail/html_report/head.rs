//! The head of the page: what was looked at, what could not be, and what was found in a few numbers.

use std::collections::BTreeMap;

use super::About;
use super::markup::{Markup, counted, grouped};
use crate::formats::cloudtrail::counts::Counts;
use crate::mail::html_report::overview::Overview;
use crate::severity::Severity;

/// How many sources are named; all are counted.
const MAX_SOURCES: usize = 20;

/// How long a note is shown.
const MAX_NOTE_CHARS: usize = 1_000;

/// Writes it.
pub(super) fn write(page: &mut Markup, story: &Overview, about: &About<'_>) {
    page.raw("<header>\n<h1>").text(about.title).raw("</h1>\n<p class=\"small\">Made ").time(about.made_at);
    page.raw(" UTC by iamwatch ").raw(env!("CARGO_PKG_VERSION"));
    page.raw(". All times are in UTC. This page is one file and needs no network.</p>\n");
    gaps(page, story, about);
    page.raw("<dl>\n");
    findings(page, story);
    sign_ins(page, story);
    looked_at(page, story, about);
    page.raw("</dl>\n</header>\n");
}

/// What could not be looked at; said too where that is nothing, for silence would not mean it.
fn gaps(page: &mut Markup, story: &Overview, about: &About<'_>) {
    let Counts { unreadable, unreadable_log_files, .. } = about.counts;
    let gaps: Vec<String> = [
        (
            about.unread_log_files,
            format!(
                "{} could not be had",
                counted(about.unread_log_files, "log file or folder", "log files or folders")
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
    } else if about.counts.log_files == 0 {
        page.raw("<p class=\"warning\" role=\"note\"><b>No log file was read.</b></p>\n");
    } else {
        page.raw("<p class=\"good\">Every log file and every record that was found could be read.</p>\n");
    }
    if story.may_count_twice() {
        page.raw("<p class=\"warning\" role=\"note\">There are so many sign-ins and findings that one that stands in ");
        page.raw("several log files may be counted more than once.</p>\n");
    }
    let (notes, more) = story.notes();
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

fn findings(page: &mut Markup, story: &Overview) {
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    for (severity, _, count) in story.rules() {
        *by_severity.entry(severity).or_default() += count;
    }
    page.raw("<dt>Findings</dt><dd>");
    page.count(by_severity.values().sum());
    for (severity, count) in by_severity.iter().rev() {
        page.raw(" <span class=\"count\">").severity(*severity).raw(" ").count(*count).raw("</span>");
    }
    page.raw("</dd>\n");
}

fn sign_ins(page: &mut Markup, story: &Overview) {
    let tally = story.sign_ins();
    page.raw("<dt>Sign-ins</dt><dd>").count(tally.all());
    if tally.all() > 0 {
        page.raw(": ").count(tally.failures).raw(" failed, ").count(tally.successes).raw(" succeeded");
        if tally.unknown > 0 {
            page.raw(", ").count(tally.unknown).raw(" without an outcome in the record");
        }
    }
    page.raw("</dd>\n");
}

fn looked_at(page: &mut Markup, story: &Overview, about: &About<'_>) {
    if !about.sources.is_empty() {
        page.raw("<dt>Looked at</dt><dd>");
        for (at, source) in about.sources.iter().take(MAX_SOURCES).enumerate() {
            page.raw(if at > 0 { "<br>" } else { "" }).place(source);
        }
        if let Some(more @ 1..) = about.sources.len().checked_sub(MAX_SOURCES) {
            page.raw("<br>and ").text(&grouped(more as u64)).raw(" more");
        }
        page.raw("</dd>\n");
    }
    let days = match (about.from, about.to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}, both days included")),
        (Some(from), None) => Some(format!("from {from}")),
        (None, Some(to)) => Some(format!("up to {to}, itself included")),
        (None, None) => None,
    };
    if let Some(days) = days {
        page.raw("<dt>Days</dt><dd>").text(&days).raw("</dd>\n");
    }
    if let Some((first, last)) = story.span() {
        page.raw("<dt>First and last event</dt><dd>").time(first).raw(" and ").time(last).raw("</dd>\n");
    }
    let Counts { log_files, records, judged, skipped, .. } = about.counts;
    page.raw("<dt>Log files</dt><dd>")
        .count(log_files)
        .raw(" read</dd>\n<dt>Records</dt><dd>")
        .count(records);
    // Nobody asked for the others: that no rule can match them is what judging them comes to.
    page.raw(", ").count(judged + skipped).raw(" of them judged</dd>\n");
}
