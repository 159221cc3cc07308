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
pub(super) fn by_rule(report: &mut Markup, overview: &Overview) {
    report.raw("<div class=\"wide\">\n<table class=\"rules\">\n<thead><tr>");
    report.raw("<th scope=\"col\">Severity</th><th scope=\"col\">Findings</th><th scope=\"col\">Rule</th>");
    report.raw("<th scope=\"col\">What</th></tr></thead>\n<tbody>\n");
    for (severity, rule, count) in overview.rules() {
        report.raw("<tr><td>").severity(severity).raw("</td><td>").count(count);
        report.raw("</td><th scope=\"row\"><code>").raw(rule.id).raw("</code></th><td>").raw(rule.title);
        report.raw("</td></tr>\n");
    }
    report.raw("</tbody>\n</table>\n</div>\n");
}

/// Writes the most severe findings, one per row.
pub(super) fn table(report: &mut Markup, overview: &Overview, scope: &ReportScope<'_>, config: &Config) {
    let all: u64 = overview.rules().map(|(_, _, count)| count).sum();
    let rows = overview.listed();
    if rows.is_empty() {
        report.raw("<p>No finding.</p>\n");
        return;
    }
    if let Some(more @ 1..) = all.checked_sub(rows.len() as u64) {
        report.raw("<p class=\"warning\">These are the ").text(&grouped(rows.len() as u64));
        report.raw(" most severe; ").text(&counted(more, "finding", "findings")).raw(" more ");
        report.raw(text::noun(&more, "is", "are")).raw(" not listed here.");
        if let Some(place) = scope.findings_at {
            report.raw(" All stand in <code>").place(place).raw("</code>.");
        }
        report.raw("</p>\n");
    } else if let Some(place) = scope.findings_at {
        report.raw("<p class=\"small\">The same for programs: <code>").place(place).raw("</code></p>\n");
    }
    // The controls need the script, which shows them.
    report.raw(
        "<div id=\"controls\" hidden>\n\
         <label>Find <input id=\"find\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <label>Severity <select id=\"least\"><option value=\"\">all</option>\
         <option>LOW</option><option>MEDIUM</option><option>HIGH</option><option>CRITICAL</option></select> or more</label>\n\
         <output id=\"shown\" for=\"find least\"></output>\n</div>\n",
    );
    report.raw("<div class=\"wide\" role=\"region\" aria-label=\"Findings\" tabindex=\"0\">\n<table id=\"findings\">\n<thead><tr>");
    for (name, head) in COLUMNS {
        report.raw("<th scope=\"col\" data-column=\"").raw(name).raw("\"");
        report
            .raw(if name == "severity" { " aria-sort=\"descending\">" } else { ">" })
            .raw(head)
            .raw("</th>");
    }
    report.raw("</tr></thead>\n<tbody>\n");
    for finding in rows {
        row(report, finding, config);
    }
    report.raw("</tbody>\n</table>\n</div>\n");
}

fn row(report: &mut Markup, row: &ListedFinding, config: &Config) {
    report.raw("<tr><td>").severity(row.severity).raw("</td><td>");
    if let Some(time) = row.time {
        report.time(time);
    }
    report.raw("</td><td><code>").raw(row.rule.id).raw("</code></td><td>").raw(row.rule.title);
    report
        .raw(if row.is_refused { " (refused)" } else { "" })
        .raw("<br><span class=\"small\">")
        .text(&row.what)
        .raw("</span></td><td>");
    names::principal(report, &row.principal);
    report.raw("</td><td>");
    names::account(report, &row.account, config);
    report.raw("</td><td>").text(&row.region).raw("</td><td>").text(&row.address).raw("</td><td>");
    report.place(&row.log_file);
    if let Some(record) = row.record {
        report.raw(" <span class=\"record\">Records[").text(&record.to_string()).raw("]</span>");
    }
    if row.also_in > 0 {
        report.raw(" <span class=\"small\">and in ").text(&counted(
            row.also_in as u64,
            "more log file",
            "more log files",
        ));
        report.raw("</span>");
    }
    report.raw("</td></tr>\n");
}
