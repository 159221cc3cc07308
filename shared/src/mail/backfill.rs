//! The one mail of a backfill: findings in past log files that were never notified, and what could not be looked at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::facts::facts;
use super::forms::{MAX_SUBJECT_CHARS, Mail};
use super::layout::TextLayout;
use super::names::{account_label, short_name};
use super::{evidence, explanation, message, order, suppression_hint};
use crate::config::Config;
use crate::finding::ocsf;
use crate::finding::rule::Rule;
use crate::finding::summary::{known, quoted, sentence};
use crate::finding::{Finding, Subject};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::events::backfill::Wanted;
use crate::notification::Notification;
use crate::rules::health::{COULD_NOT_LOOK, FINDINGS_LEFT_OUT};
use crate::severity::Severity;
use crate::state::backfill::DigestCounts;
use crate::text::{self, counted};

/// How many lines of findings a mail has, and how many of one rule.
const MAX_LINES: usize = 60;
const MAX_LINES_OF_RULE: usize = 12;

/// How many accounts or Regions are named.
const MAX_NAMED: usize = 10;

/// Long enough for AWS's message about a denied call and the ARNs in it.
const MAX_WHAT_CHARS: usize = 600;

/// How many characters of a name or resource a line shows.
const MAX_CELL_CHARS: usize = 80;

/// What the mail says besides its findings.
#[derive(Clone, Debug)]
pub struct BackfillSummary<'a> {
    /// The requested days, accounts and Regions.
    pub wanted: &'a Wanted,
    /// What was read.
    pub counts: Counts,
    /// How many log files were not fetched.
    pub unfetched_log_files: u64,
    /// What became of the findings.
    pub findings: DigestCounts,
    /// The start of the time for which it is known what was notified; `None` if it is known for all days.
    pub remembered_since: Option<DateTime<Utc>>,
    /// Whether some notified intervals were dropped or could not be read.
    pub may_repeat: bool,
    /// The URI of all findings, as compressed JSON lines.
    pub findings_at: &'a str,
    /// The URI of the HTML report.
    pub report_at: &'a str,
}

/// The notification about past log files; `None` if there is no finding. `id` is unique.
pub fn notification(
    mut findings: Vec<Finding>,
    summary: &BackfillSummary<'_>,
    id: String,
    config: &Config,
) -> Option<Notification> {
    order::sort(&mut findings);
    let mail = mail(&findings, summary, config)?;
    let document = |finding: &Finding| ocsf::historic_finding(finding, config);
    Some(message::notification(mail, &findings, id, &document))
}

/// The mail of that notification.
pub fn mail(findings: &[Finding], summary: &BackfillSummary<'_>, config: &Config) -> Option<Mail> {
    let all = order::sorted(findings);
    let worst = *all.first()?;
    let (gaps, found): (Vec<&Finding>, Vec<&Finding>) = all.iter().copied().partition(|it| is_gap(it));
    let subject = subject(worst, &found, summary, config);
    let body = body(&all, &found, &gaps, summary, config);
    Some(Mail::with_subject_as_sms(subject, body))
}

/// Whether the finding is about what the backfill could not look at.
fn is_gap(finding: &Finding) -> bool {
    [COULD_NOT_LOOK.id, FINDINGS_LEFT_OUT.id].contains(&finding.rule.id)
}

/// `[HIGH] Backfill 2026-01-01 to 2026-03-31: 37 findings - prod (111122223333) +2 accounts`
fn subject(worst: &Finding, found: &[&Finding], summary: &BackfillSummary<'_>, config: &Config) -> String {
    let what = match found.len() {
        0 => "could not look at all of it".to_owned(),
        findings => counted(findings as u64, "finding", "findings"),
    };
    let start = format!("[{}] Backfill {}: {what}", worst.severity, days(summary.wanted));
    let accounts: BTreeSet<&str> = found.iter().filter_map(|finding| known(&finding.account)).collect();
    let Some(account) = found.iter().find_map(|finding| known(&finding.account)) else { return start };
    let others = match accounts.len() - 1 {
        0 => String::new(),
        more => format!(" +{}", counted(more, "account", "accounts")),
    };
    let named = |account: &str| format!("{start} - {}{others}", text::ascii(account));
    let whole = named(&account_label(account, config));
    let short = if whole.len() <= MAX_SUBJECT_CHARS { whole } else { named(&text::clean(account, 20)) };
    text::cut(&short, MAX_SUBJECT_CHARS)
}

/// The title of the backfill's HTML report: `Backfill 2026-01-01 to 2026-03-31`.
pub fn title(wanted: &Wanted) -> String {
    format!("Backfill {} to {}", wanted.from, wanted.to)
}

/// `2026-01-01 to 2026-03-31`; one day alone.
fn days(wanted: &Wanted) -> String {
    match wanted.from == wanted.to {
        true => wanted.from.to_string(),
        false => format!("{} to {}", wanted.from, wanted.to),
    }
}

fn body(
    all: &[&Finding],
    found: &[&Finding],
    gaps: &[&Finding],
    summary: &BackfillSummary<'_>,
    config: &Config,
) -> String {
    let mut layout = TextLayout::default();
    layout.line(&headline(found, gaps, summary, config));
    layout.gap();
    if !found.is_empty() {
        layout
            .paragraph("This is historic: it stands in the log files of those days, and was found only now.");
        layout.gap();
    }
    about(&mut layout, summary, config);
    if !gaps.is_empty() {
        layout.gap();
        layout.line("Could not be looked at");
        for gap in gaps {
            layout.field("", &format!("{}.", text::clean(&gap.what, MAX_WHAT_CHARS)));
        }
    }
    match found {
        [] => {}
        [one] => {
            layout.gap();
            facts(&mut layout, one, true, config);
            layout.gap();
            evidence::look_at_it(&mut layout, one);
        }
        _ => {
            layout.gap();
            rows(&mut layout, found, config);
        }
    }
    explanation::explain_first(&mut layout, all);
    // A finding about one log file is notified once: it needs no suppression.
    let repeats = |finding: &&&Finding| !matches!(finding.subject, Subject::LogFile(_));
    let repeating: Vec<&Finding> = found.iter().filter(repeats).copied().collect();
    if !repeating.is_empty() {
        layout.gap();
        suppression_hint::section(&mut layout, &repeating);
    }
    layout.finish()
}

/// The first sentence: the days, the number of findings and their severities, the worst finding.
fn headline(found: &[&Finding], gaps: &[&Finding], summary: &BackfillSummary<'_>, config: &Config) -> String {
    let days = days(summary.wanted);
    let not_all = if gaps.is_empty() { "" } else { " It could not look at everything." };
    let Some(worst) = found.first() else {
        return format!("A backfill of {days} could not look at everything, and has nothing else to tell.");
    };
    let account = known(&worst.account).map(|account| account_label(account, config));
    let worst = sentence(worst, account);
    let findings = counted(found.len() as u64, "finding", "findings");
    let intro =
        format!("A backfill of {days} has {findings} that nobody was told of: {}.", severities(found));
    match found.len() {
        1 => format!("{intro}{not_all} {worst}"),
        _ => format!("{intro}{not_all} The worst: {worst}"),
    }
}

/// `2 CRITICAL, 14 HIGH`
fn severities(findings: &[&Finding]) -> String {
    let mut counts: BTreeMap<Reverse<Severity>, u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry(Reverse(finding.severity)).or_default() += 1;
    }
    let counts = counts.iter().map(|(Reverse(severity), count)| format!("{count} {severity}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// Writes what was read, the findings that the mail does not list, and where all findings are.
fn about(layout: &mut TextLayout, summary: &BackfillSummary<'_>, config: &Config) {
    let (counts, wanted) = (&summary.counts, summary.wanted);
    let named = |names: &BTreeSet<String>, noun: &str, name: &dyn Fn(&str) -> String| {
        let first: Vec<String> = names.iter().take(MAX_NAMED).map(|it| name(it)).collect();
        match names.len() {
            0 => format!("all {noun}s"),
            1 => format!("{noun} {}", first.join(", ")),
            2..=MAX_NAMED => format!("{noun}s {}", first.join(", ")),
            more => format!("{noun}s {} and {} more", first.join(", "), more - MAX_NAMED),
        }
    };
    let accounts = named(&wanted.accounts, "account", &|account| account_label(account, config));
    let regions = named(&wanted.regions, "Region", &|region| text::clean(region, 40));
    let (log_files, records) =
        (counted(counts.log_files, "log file", "log files"), counted(counts.records, "record", "records"));
    layout.field(
        "Looked at",
        &format!("{} (UTC): {log_files} with {records}, of {accounts} and {regions}.", days(wanted)),
    );
    let mut gaps: Vec<String> = Vec::new();
    if summary.unfetched_log_files > 0 {
        gaps.push(format!(
            "{} that could not be had",
            counted(summary.unfetched_log_files, "log file", "log files")
        ));
    }
    if counts.unreadable_log_files > 0 {
        let log_files = counted(counts.unreadable_log_files, "log file", "log files");
        let records = counted(counts.unreadable, "record", "records");
        gaps.push(format!("{records} of {log_files} that could not be read whole"));
    }
    if !gaps.is_empty() {
        layout.field("Not judged", &format!("{}.", gaps.join("; ")));
    }
    let others = [
        (summary.findings.known, "that people were told of before"),
        (summary.findings.suppressed, "suppressed"),
        (summary.findings.counted_only, "only counted, for being of little weight or too few"),
        (summary.findings.left_out, "left out, for there was no room"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let others: Vec<String> = others.map(|(count, what)| format!("{count} {what}")).collect();
    if !others.is_empty() {
        layout.field("Beside it", &format!("findings: {}.", others.join("; ")));
    }
    layout.whole_field("All of it", &fetch(summary.report_at, ""));
    layout.whole_field("", &fetch(summary.findings_at, " - | gunzip"));
    if let Some(since) = summary.remembered_since {
        let since = since.format("%Y-%m-%d");
        layout.field(
            "May repeat",
            &format!("what was mailed before {since} is no longer remembered (TOLD_DAYS), and may be told here again."),
        );
    }
    if summary.may_repeat {
        layout.field(
            "May repeat",
            "of some principals or addresses more is told than can be remembered, or what is remembered of them could not be read: it may have been told before, and be told again.",
        );
    }
}

/// The command that downloads an object, or with `pipe` shows it.
fn fetch(uri: &str, pipe: &str) -> String {
    match evidence::pasteable_uri(uri) {
        Some(uri) if pipe.is_empty() => format!("aws s3 cp {uri} ."),
        Some(uri) => format!("aws s3 cp {uri}{pipe}"),
        None => text::clean(uri, MAX_WHAT_CHARS),
    }
}

/// The findings of one rule, subject and day.
struct FindingGroup<'a> {
    severity: Severity,
    rule: &'static Rule,
    day: Option<NaiveDate>,
    findings: Vec<&'a Finding>,
}

/// Writes one line for each rule, subject and day, up to [`MAX_LINES`].
fn rows(layout: &mut TextLayout, found: &[&Finding], config: &Config) {
    let mut same: BTreeMap<(&str, Option<NaiveDate>, &Subject), Vec<&Finding>> = BTreeMap::new();
    for finding in found {
        let day = finding.time.or(finding.evidence.delivered).map(|time| time.date_naive());
        same.entry((finding.rule.id, day, &finding.subject)).or_default().push(finding);
    }
    let mut rows: Vec<FindingGroup<'_>> = Vec::new();
    for ((_, day, _), findings) in same {
        if let Some(worst) = findings.first() {
            rows.push(FindingGroup { severity: worst.severity, rule: worst.rule, day, findings });
        }
    }
    // Stable: rows of one rule stay sorted by day and subject.
    rows.sort_by_key(|row| (Reverse(row.severity), row.rule.id));
    let accounts: BTreeSet<&str> = found.iter().filter_map(|finding| known(&finding.account)).collect();
    layout.line("By rule, day and who it is about, the worst first (days in UTC)");
    let mut left = MAX_LINES;
    for of_rule in rows.chunk_by(|one, other| (one.severity, one.rule.id) == (other.severity, other.rule.id))
    {
        let Some(FindingGroup { severity, rule, .. }) = of_rule.first() else { continue };
        let count = |rows: &[FindingGroup<'_>]| rows.iter().map(|row| row.findings.len() as u64).sum::<u64>();
        let findings = counted(count(of_rule), "finding", "findings");
        layout.field(&format!("  {}", severity.name()), &format!("{} ({}), {findings}", rule.title, rule.id));
        let (shown, rest) = of_rule.split_at(of_rule.len().min(MAX_LINES_OF_RULE).min(left));
        left -= shown.len();
        for row in shown {
            layout.field("", &line(row, accounts.len() > 1, config));
        }
        if !rest.is_empty() {
            layout.field(
                "",
                &format!(
                    "and {} for which there is no room here",
                    counted(count(rest), "more finding", "more findings")
                ),
            );
        }
    }
}

/// `2026-02-03 alice in prod (111122223333), 3 times from 192.0.2.10`
fn line(row: &FindingGroup<'_>, with_account: bool, config: &Config) -> String {
    let day = row.day.map_or_else(|| "(no day)".to_owned(), |day| day.to_string());
    let Some(one) = row.findings.first() else { return day };
    let who = short_name(one).unwrap_or_else(|| "somebody".to_owned());
    let mut line = format!("{day} {}", text::cut(&who, MAX_CELL_CHARS));
    if let Some(account) = known(&one.account).filter(|_| with_account) {
        line += &format!(" in {}", account_label(account, config));
    }
    match row.findings.len() {
        1 => {}
        times => line += &format!(", {times} times"),
    }
    if row.rule.family() == "watch" {
        return format!("{line}: {}", text::clean(&one.what, MAX_WHAT_CHARS));
    }
    let distinct = |of: fn(&Finding) -> &Option<String>| -> Vec<&str> {
        let distinct: BTreeSet<&str> = row.findings.iter().filter_map(|finding| known(of(finding))).collect();
        distinct.into_iter().collect()
    };
    let arn = one.principal.as_ref().and_then(|principal| principal.arn.as_deref());
    match distinct(|finding| &finding.resource)[..] {
        [] => {}
        [one] if Some(one) == arn || one.starts_with("root of ") => {}
        [one] => line += &format!(", about {}", text::cut(&quoted(one), MAX_CELL_CHARS)),
        ref many => line += &format!(", about {} resources", many.len()),
    }
    match distinct(|finding| &finding.source_ip)[..] {
        [] => {}
        // The subject's name has the address.
        [_] if matches!(one.subject, Subject::Address { .. }) && who.contains(" at ") => {}
        [one] => line += &format!(", from {}", text::cut(&quoted(one), MAX_CELL_CHARS)),
        ref many => line += &format!(", from {} addresses", many.len()),
    }
    line
}
