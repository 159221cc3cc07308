//! Sign-ins by address and by principal, as tables with a bar in each row.

use super::chart::{outcomes, parts};
use super::markup::{Markup, grouped};
use super::names;
use crate::config::Config;
use crate::mail::html_report::overview::{OutcomeCounts, Overview, Ranking};

/// How many addresses and principals have a row.
const MAX_ROWS: usize = 15;

/// The width of the longest bar, in SVG units.
const WIDTH: f64 = 200.0;

/// The least width of a part, which stays visible next to a count of 10,000.
const MIN_WIDTH: f64 = 1.0;

/// Writes the sign-ins by address.
pub(super) fn by_address(report: &mut Markup, overview: &Overview) {
    let ranking = overview.addresses(MAX_ROWS);
    report.raw("<figure>\n<figcaption>Sign-ins by address, most failures first</figcaption>\n");
    draw(report, ["Address", "addresses"], outcomes(overview), &ranking, |report, address| {
        match address.as_str() {
            "" => {
                report.raw("<i>none in the record</i>");
            }
            address => {
                report.text(address);
            }
        }
    });
    report.raw("</figure>\n");
}

/// Writes the sign-ins by principal.
pub(super) fn by_principal(report: &mut Markup, overview: &Overview, config: &Config) {
    let ranking = overview.principals(MAX_ROWS);
    report.raw("<figure>\n<figcaption>Sign-ins by principal, most failures first</figcaption>\n");
    draw(report, ["Principal", "principals"], outcomes(overview), &ranking, |report, (name, in_account)| {
        names::principal(report, name);
        if !in_account.is_empty() {
            report.raw("<br><span class=\"small\">in ");
            names::account(report, in_account, config);
            report.raw("</span>");
        }
    });
    report.raw("</figure>\n");
}

fn draw<K>(
    report: &mut Markup,
    [head, noun]: [&'static str; 2],
    outcomes: usize,
    ranking: &Ranking<'_, K>,
    name: impl Fn(&mut Markup, &K),
) {
    let about = if ranking.others.is_none() { "about " } else { "" };
    let most = ranking.first.iter().map(|(_, tally)| tally.all()).max().unwrap_or_default().max(1);
    report.raw("<div class=\"wide\">\n<table class=\"ranking\">\n<thead><tr><th scope=\"col\">").raw(head);
    report.raw("</th><td aria-hidden=\"true\"></td>");
    for (_, words, _) in parts(OutcomeCounts::default()).into_iter().take(outcomes) {
        report.raw("<th scope=\"col\">").raw(words).raw("</th>");
    }
    report.raw("</tr></thead>\n<tbody>\n");
    for (key, tally) in &ranking.first {
        report.raw("<tr><th scope=\"row\">");
        name(report, key);
        report.raw("</th><td aria-hidden=\"true\">");
        bar(report, *tally, most);
        report.raw("</td>");
        numbers(report, *tally, outcomes, about);
    }
    if ranking.rest.all() > 0 {
        report.raw("<tr class=\"rest\"><th scope=\"row\">");
        match ranking.others {
            Some(1) => report.raw("1 other"),
            Some(others) => report.text(&grouped(others as u64)).raw(" others"),
            None => report.raw("more than 100,000 other ").raw(noun),
        };
        report.raw("</th><td aria-hidden=\"true\"></td>");
        numbers(report, ranking.rest, outcomes, about);
    }
    report.raw("</tbody>\n</table>\n</div>\n");
    if !about.is_empty() {
        report.raw("<p class=\"small\">There are too many ").raw(noun);
        report.raw(" to count each: a few of the sign-ins of those listed may be among the others.</p>\n");
    }
}

fn numbers(report: &mut Markup, tally: OutcomeCounts, outcomes: usize, about: &'static str) {
    for (class, _, count) in parts(tally).into_iter().take(outcomes) {
        report.raw("<td class=\"").raw(if count == 0 { "none" } else { class }).raw("\">");
        report.raw(if count == 0 { "" } else { about }).count(count).raw("</td>");
    }
    report.raw("</tr>\n");
}

fn bar(report: &mut Markup, tally: OutcomeCounts, most: u64) {
    report.raw("<svg class=\"bar\" viewBox=\"0 0 ").number(WIDTH).raw(" 10\" preserveAspectRatio=\"none\">");
    let mut left = 0.0;
    for (class, _, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        let width = (count as f64 / most as f64 * WIDTH).max(MIN_WIDTH);
        report.raw("<rect class=\"").raw(class).raw("\" x=\"").number(left).raw("\" width=\"").number(width);
        report.raw("\" height=\"10\"/>");
        left += width;
    }
    report.raw("</svg>");
}
