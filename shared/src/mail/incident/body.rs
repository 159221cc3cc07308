//! The body of the mail about one subject, from its first sentence to how to suppress it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::subject_line::storm;
use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::summary::{known, moment, quoted, sentence};
use crate::finding::{Finding, Subject};
use crate::mail::explanation::{by_rule, explain};
use crate::mail::facts::facts;
use crate::mail::layout::TextLayout;
use crate::mail::names::account_label;
use crate::mail::{evidence, suppression_hint};
use crate::rules::registry;
use crate::state::case::{DeduplicatedFacts, FactCount};
use crate::text;

/// How many findings, or kinds of counted ones, have a line of their own.
const MAX_ROWS: usize = 20;

/// How many characters of a title or resource are shown, and of a cell of the table.
const MAX_VALUE_CHARS: usize = 300;
const MAX_CELL_CHARS: usize = 40;

/// The whole body. `findings` are sorted, the worst first.
pub(super) fn body(
    worst: &Finding,
    findings: &[&Finding],
    counted: &[DeduplicatedFacts],
    config: &Config,
) -> String {
    let by_rule = by_rule(findings);
    let mut layout = TextLayout::default();
    layout.line(&headline(worst, findings, config));
    layout.gap();
    if findings.len() > 1 {
        tally(&mut layout, findings, &by_rule);
        layout.gap();
        layout.line(if by_rule.len() > 1 { "The first of the worst" } else { "The first of them" });
    }
    // With several findings the tally has the title already.
    facts(&mut layout, worst, findings.len() == 1, config);
    if findings.len() > 1 {
        evidence::look_at_it(&mut layout, worst);
        layout.gap();
        table(&mut layout, findings);
    }
    if !counted.is_empty() {
        layout.gap();
        counted_only(&mut layout, counted);
    }
    for (rule, of_rule) in &by_rule {
        layout.gap();
        explain(&mut layout, rule, of_rule);
    }
    if findings.len() == 1 {
        layout.gap();
        evidence::look_at_it(&mut layout, worst);
    }
    layout.gap();
    suppression_hint::section(&mut layout, findings);
    layout.finish()
}

fn headline(worst: &Finding, findings: &[&Finding], config: &Config) -> String {
    let sentence = sentence(worst, known(&worst.account).map(|account| account_label(account, config)));
    if let Some(storm) = storm(findings) {
        return format!("{storm}, in one mail because they are too many for one each. The worst: {sentence}");
    }
    let last = findings.iter().filter_map(|finding| finding.time).max();
    if findings.len() > 1
        && let Some(last) = last
        && findings.iter().all(|finding| finding.rule.id == worst.rule.id && finding.what == worst.what)
    {
        let (times, last) = (findings.len(), moment(last));
        return format!("{sentence} {times} times in all{}, the last at {last} UTC.", in_accounts(findings));
    }
    let about = match worst.subject {
        Subject::Principal { .. } => "principal",
        Subject::Address { .. } => "address",
        Subject::Account(_) => "account",
        Subject::LogFile(_) => "log file",
        Subject::Source(_) => "source",
        Subject::EventName(_) => "event name",
    };
    match findings.len() - 1 {
        0 => sentence,
        more => {
            let more = text::counted(more, "more finding", "more findings");
            format!("{sentence} And {more} about the same {about}.")
        }
    }
}

/// Writes how often each rule was broken, when, and from where.
fn tally(layout: &mut TextLayout, findings: &[&Finding], by_rule: &[(&'static Rule, Vec<&Finding>)]) {
    layout.line(&format!("{} findings{}", findings.len(), in_accounts(findings)));
    for (rule, of_rule) in by_rule {
        let from = match &sources(of_rule)[..] {
            [] => String::new(),
            [one] => format!(", from {one}"),
            many => format!(", from {} addresses", many.len()),
        };
        layout.field(&format!("{:9} x", of_rule.len()), &format!("{}{}{from}", rule.title, span_of(of_rule)));
    }
}

/// ` in 3 accounts`; empty for one account.
fn in_accounts(findings: &[&Finding]) -> String {
    match accounts(findings) {
        ..2 => String::new(),
        accounts => format!(" in {accounts} accounts"),
    }
}

fn accounts(findings: &[&Finding]) -> usize {
    findings.iter().filter_map(|finding| known(&finding.account)).collect::<BTreeSet<_>>().len()
}

fn sources(findings: &[&Finding]) -> Vec<String> {
    let sources: BTreeSet<&str> = findings.iter().filter_map(|finding| known(&finding.source_ip)).collect();
    sources.into_iter().map(quoted).collect()
}

/// `, between 2026-04-01 08:15:00 and 09:00:00 UTC`: the day once if it is one. Empty if no finding has a time.
fn span_of(findings: &[&Finding]) -> String {
    let times = || findings.iter().filter_map(|finding| finding.time);
    match (times().min(), times().max()) {
        (Some(first), Some(last)) => span(first, last),
        _ => String::new(),
    }
}

fn span(first: DateTime<Utc>, last: DateTime<Utc>) -> String {
    if first == last {
        format!(", at {} UTC", moment(first))
    } else if first.date_naive() == last.date_naive() {
        format!(", between {} and {} UTC", moment(first), last.format("%H:%M:%S"))
    } else {
        format!(", between {} and {} UTC", moment(first), moment(last))
    }
}

/// Writes each of the first [`MAX_ROWS`] findings on one line.
fn table(layout: &mut TextLayout, findings: &[&Finding]) {
    let days: BTreeSet<_> =
        findings.iter().filter_map(|finding| finding.time).map(|time| time.date_naive()).collect();
    let time_format = if days.len() == 1 { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    let cell = |text: &Option<String>| text::clean(text.as_deref().unwrap_or("-"), MAX_CELL_CHARS);
    let row = |finding: &&Finding| {
        let time = finding.time.map_or_else(|| "-".to_owned(), |time| time.format(time_format).to_string());
        let mut cells = vec![
            time,
            finding.severity.name().to_owned(),
            finding.rule.id.to_owned(),
            cell(&finding.evidence.event_name),
            cell(&finding.source_ip),
        ];
        cells.extend((accounts(findings) > 1).then(|| cell(&finding.account)));
        cells
    };
    layout.line("All, the worst first (UTC)");
    layout.table(&findings.iter().take(MAX_ROWS).map(row).collect::<Vec<_>>());
    if let Some(more) = findings.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        layout.line(&format!("  and {more} more"));
    }
}

/// Writes what was only counted since the last mail.
fn counted_only(layout: &mut TextLayout, counted: &[DeduplicatedFacts]) {
    layout.line("Also, not told in a mail until now");
    for of in counted.iter().take(MAX_ROWS) {
        let title = registry::all()
            .into_iter()
            .find(|rule| rule.id == of.rule)
            .map_or(&of.rule[..], |rule| rule.title);
        let about = if of.number.about { "about " } else { "" };
        let span = span(of.from, of.to);
        let from = of.source.as_deref().map(|source| format!(", from {}", quoted(source)));
        let resource =
            of.resource.as_deref().map(|it| format!(", about {}", text::clean(it, MAX_VALUE_CHARS)));
        let event = of.event.as_deref().map(|event| format!(", by {}", quoted(event)));
        let alike = of.alike.map(|FactCount { count, about }| {
            format!(", {}{count} different ones", if about { "about " } else { "" })
        });
        let suppressed = if of.suppressed { ", suppressed" } else { "" };
        let rest = [event, from, resource, alike].into_iter().flatten().collect::<String>();
        layout.field(
            &format!("{:>9} x", format!("{about}{}", of.number.count)),
            &format!("{}{suppressed}{span}{rest}", text::clean(title, MAX_VALUE_CHARS)),
        );
    }
    if let Some(more) = counted.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        layout.line(&format!("  and {more} more kinds"));
    }
}
