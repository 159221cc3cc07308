//! The findings in the report: a count by rule, and a table of the most severe ones.

use super::markup::{Markup, counted, grouped};
use super::names;
use super::scope::ReportScope;
use crate::config::Config;
use crate::mail::html_report::overview::{ListedFinding, Overview};
use crate::text;

/// The table's columns: the script's name, and the heading.
const COLUMNS: [(&str, &str); 9] = [
    ("severity", "Severity"),
    ("time", "Time (UTC)"),
    ("rule", "Rule"),
    ("title", "What"),
    ("who", "Who"),
    ("account", "Account"),
    ("region", "Region"),
    ("address", "Address"),
    ("log-file", "Log file and record"),
];

/// Writes the number of findings of each rule.
pub(super) fn by_rule(page: &mut Markup, overview: &Overview) {
    page.raw("<div class=\"wide\">\n<table class=\"rules\">\n<thead><tr>");
    page.raw("<th scope=\"col\">Severity</th><th scope=\"col\">Findings</th><th scope=\"col\">Rule</th>");
    page.raw("<th scope=\"col\">What</th></tr></thead>\n<tbody>\n");
    for (severity, rule, count) in overview.rules() {
        page.raw("<tr><td>").severity(severity).raw("</td><td>").count(count);
        page.raw("</td><th scope=\"row\"><code>").raw(rule.id).raw("</code></th><td>").raw(rule.title);
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody>\n</table>\n</div>\n");
}

/// Writes the most severe findings, one per row.
pub(super) fn table(page: &mut Markup, overview: &Overview, scope: &ReportScope<'_>, config: &Config) {
    let all: u64 = overview.rules().map(|(_, _, count)| count).sum();
    let rows = overview.listed();
    if rows.is_empty() {
        page.raw("<p>No finding.</p>\n");
        return;
    }
    if let Some(more @ 1..) = all.checked_sub(rows.len() as u64) {
        page.raw("<p class=\"warning\">These are the ").text(&grouped(rows.len() as u64));
        page.raw(" most severe; ").text(&counted(more, "finding", "findings")).raw(" more ");
        page.raw(text::noun(&more, "is", "are")).raw(" not listed here.");
        if let Some(place) = scope.findings_at {
            page.raw(" All stand in <code>").place(place).raw("</code>.");
        }
        page.raw("</p>\n");
    } else if let Some(place) = scope.findings_at {
        page.raw("<p class=\"small\">The same for programs: <code>").place(place).raw("</code></p>\n");
    }
    // The controls need the script, which shows them.
    page.raw(
        "<div id=\"controls\" hidden>\n\
         <label>Find <input id=\"find\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <label>Severity <select id=\"least\"><option value=\"\">all</option>\
         <option>LOW</option><option>MEDIUM</option><option>HIGH</option><option>CRITICAL</option></select> or more</label>\n\
         <output id=\"shown\" for=\"find least\"></output>\n</div>\n",
    );
    page.raw("<div class=\"wide\" role=\"region\" aria-label=\"Findings\" tabindex=\"0\">\n<table id=\"findings\">\n<thead><tr>");
    for (name, head) in COLUMNS {
        page.raw("<th scope=\"col\" data-column=\"").raw(name).raw("\"");
        page.raw(if name == "severity" { " aria-sort=\"descending\">" } else { ">" }).raw(head).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for finding in rows {
        row(page, finding, config);
    }
    page.raw("</tbody>\n</table>\n</div>\n");
}

fn row(page: &mut Markup, row: &ListedFinding, config: &Config) {
    page.raw("<tr><td>").severity(row.severity).raw("</td><td>");
    if let Some(time) = row.time {
        page.time(time);
    }
    page.raw("</td><td><code>").raw(row.rule.id).raw("</code></td><td>").raw(row.rule.title);
    page.raw(if row.is_refused { " (refused)" } else { "" })
        .raw("<br><span class=\"small\">")
        .text(&row.what)
        .raw("</span></td><td>");
    names::principal(page, &row.principal);
    page.raw("</td><td>");
    names::account(page, &row.account, config);
    page.raw("</td><td>").text(&row.region).raw("</td><td>").text(&row.address).raw("</td><td>");
    page.place(&row.log_file);
    if let Some(record) = row.record {
        page.raw(" <span class=\"record\">Records[").text(&record.to_string()).raw("]</span>");
    }
    if row.also_in > 0 {
        page.raw(" <span class=\"small\">and in ").text(&counted(
            row.also_in as u64,
            "more log file",
            "more log files",
        ));
        page.raw("</span>");
    }
    page.raw("</td></tr>\n");
}
