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
pub(super) fn by_address(page: &mut Markup, overview: &Overview) {
    let ranking = overview.addresses(MAX_ROWS);
    page.raw("<figure>\n<figcaption>Sign-ins by address, most failures first</figcaption>\n");
    draw(page, ["Address", "addresses"], outcomes(overview), &ranking, |page, address| {
        match address.as_str() {
            "" => {
                page.raw("<i>none in the record</i>");
            }
            address => {
                page.text(address);
            }
        }
    });
    page.raw("</figure>\n");
}

/// Writes the sign-ins by principal.
pub(super) fn by_principal(page: &mut Markup, overview: &Overview, config: &Config) {
    let ranking = overview.principals(MAX_ROWS);
    page.raw("<figure>\n<figcaption>Sign-ins by principal, most failures first</figcaption>\n");
    draw(page, ["Principal", "principals"], outcomes(overview), &ranking, |page, (name, in_account)| {
        names::principal(page, name);
        if !in_account.is_empty() {
            page.raw("<br><span class=\"small\">in ");
            names::account(page, in_account, config);
            page.raw("</span>");
        }
    });
    page.raw("</figure>\n");
}

fn draw<K>(
    page: &mut Markup,
    [head, noun]: [&'static str; 2],
    outcomes: usize,
    ranking: &Ranking<'_, K>,
    name: impl Fn(&mut Markup, &K),
) {
    let about = if ranking.others.is_none() { "about " } else { "" };
    let most = ranking.first.iter().map(|(_, tally)| tally.all()).max().unwrap_or_default().max(1);
    page.raw("<div class=\"wide\">\n<table class=\"ranking\">\n<thead><tr><th scope=\"col\">").raw(head);
    page.raw("</th><td aria-hidden=\"true\"></td>");
    for (_, words, _) in parts(OutcomeCounts::default()).into_iter().take(outcomes) {
        page.raw("<th scope=\"col\">").raw(words).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for (key, tally) in &ranking.first {
        page.raw("<tr><th scope=\"row\">");
        name(page, key);
        page.raw("</th><td aria-hidden=\"true\">");
        bar(page, *tally, most);
        page.raw("</td>");
        numbers(page, *tally, outcomes, about);
    }
    if ranking.rest.all() > 0 {
        page.raw("<tr class=\"rest\"><th scope=\"row\">");
        match ranking.others {
            Some(1) => page.raw("1 other"),
            Some(others) => page.text(&grouped(others as u64)).raw(" others"),
            None => page.raw("more than 100,000 other ").raw(noun),
        };
        page.raw("</th><td aria-hidden=\"true\"></td>");
        numbers(page, ranking.rest, outcomes, about);
    }
    page.raw("</tbody>\n</table>\n</div>\n");
    if !about.is_empty() {
        page.raw("<p class=\"small\">There are too many ").raw(noun);
        page.raw(" to count each: a few of the sign-ins of those listed may be among the others.</p>\n");
    }
}

fn numbers(page: &mut Markup, tally: OutcomeCounts, outcomes: usize, about: &'static str) {
    for (class, _, count) in parts(tally).into_iter().take(outcomes) {
        page.raw("<td class=\"").raw(if count == 0 { "none" } else { class }).raw("\">");
        page.raw(if count == 0 { "" } else { about }).count(count).raw("</td>");
    }
    page.raw("</tr>\n");
}

fn bar(page: &mut Markup, tally: OutcomeCounts, most: u64) {
    page.raw("<svg class=\"bar\" viewBox=\"0 0 ").number(WIDTH).raw(" 10\" preserveAspectRatio=\"none\">");
    let mut left = 0.0;
    for (class, _, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        let width = (count as f64 / most as f64 * WIDTH).max(MIN_WIDTH);
        page.raw("<rect class=\"").raw(class).raw("\" x=\"").number(left).raw("\" width=\"").number(width);
        page.raw("\" height=\"10\"/>");
        left += width;
    }
    page.raw("</svg>");
}
