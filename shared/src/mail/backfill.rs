//! The one mail about past log files: what nobody was told of, most severe first, and what could not be looked at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::layout::Page;
use super::message::of_mail_with;
use super::{
    MAX_SMS_CHARS, MAX_SUBJECT_CHARS, Mail, account_label, body, evidence, order, short_name,
    suppression_hint,
};
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
use crate::text::{self, counted};

/// So many lines of findings stand in a mail, and of one rule.
const MAX_LINES: usize = 60;
const MAX_LINES_OF_RULE: usize = 12;

/// So many accounts or Regions are named.
const MAX_NAMED: usize = 10;

/// What AWS says of a call that it refused, with the ARNs in it, has room.
const MAX_WHAT_CHARS: usize = 600;

/// A name, or what it is about, has so much room on a line.
const MAX_CELL_CHARS: usize = 80;

/// What a mail about past log files says beside its findings.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// What was asked for.
    pub wanted: &'a Wanted,
    /// What was read.
    pub counts: Counts,
    /// How many log files were not read.
    pub unread: u64,
    /// How many findings people were told of before.
    pub known: u64,
    /// How many a suppression hides.
    pub accepted: u64,
    /// How many are only counted: below the least severity that is mailed, or too few to be told.
    pub counted: u64,
    /// How many there was no room for.
    pub left_out: u64,
    /// Since when it is remembered what was told, where that is not the whole time.
    pub remembered_since: Option<DateTime<Utc>>,
    /// Whether something that was told cannot be remembered, or could not be read.
    pub may_repeat: bool,
    /// Where all findings stand.
    pub findings_at: &'a str,
    /// Where the page stands.
    pub page_at: &'a str,
}

/// The alert about past log files; nothing where there is nothing to tell. `id` is one that no other alert has.
pub fn historic(
    mut findings: Vec<Finding>,
    past: &Past<'_>,
    id: String,
    config: &Config,
) -> Option<Notification> {
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    let mail = historic_mail(&findings, past, config)?;
    let document = |finding: &Finding| ocsf::historic_finding(finding, config);
    Some(of_mail_with(mail, &findings, id, &document))
}

/// The mail of that alert.
pub fn historic_mail(findings: &[Finding], past: &Past<'_>, config: &Config) -> Option<Mail> {
    let mut all: Vec<&Finding> = findings.iter().collect();
    all.sort_by(|one, other| order(one).cmp(&order(other)));
    let worst = *all.first()?;
    let (gaps, found): (Vec<&Finding>, Vec<&Finding>) = all.iter().copied().partition(|it| is_gap(it));
    let subject = subject(worst, &found, past, config);
    Some(Mail {
        sms: text::cut(&text::ascii(&subject.replacen('[', "", 1).replacen(']', ":", 1)), MAX_SMS_CHARS),
        body: body(&all, &found, &gaps, past, config),
        subject,
    })
}

/// Whether it tells what the backfill could not look at, and not what it saw.
fn is_gap(finding: &Finding) -> bool {
    [COULD_NOT_LOOK.id, FINDINGS_LEFT_OUT.id].contains(&finding.rule.id)
}

/// `[HIGH] Backfill 2026-01-01 to 2026-03-31: 37 findings - prod (111122223333) +2 accounts`
fn subject(worst: &Finding, found: &[&Finding], past: &Past<'_>, config: &Config) -> String {
    let what = match found.len() {
        0 => "could not look at all of it".to_owned(),
        findings => counted(findings as u64, "finding", "findings"),
    };
    let start = format!("[{}] Backfill {}: {what}", worst.severity, days(past.wanted));
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

/// `2026-01-01 to 2026-03-31`
fn days(wanted: &Wanted) -> String {
    match wanted.from == wanted.to {
        true => wanted.from.to_string(),
        false => format!("{} to {}", wanted.from, wanted.to),
    }
}

fn body(all: &[&Finding], found: &[&Finding], gaps: &[&Finding], past: &Past<'_>, config: &Config) -> String {
    let mut page = Page::default();
    page.line(&headline(found, gaps, past, config));
    page.gap();
    if !found.is_empty() {
        page.paragraph("This is historic: it stands in the log files of those days, and was found only now.");
        page.gap();
    }
    about(&mut page, past, config);
    if !gaps.is_empty() {
        page.gap();
        page.line("Could not be looked at");
        for gap in gaps {
            page.field("", &format!("{}.", text::clean(&gap.what, MAX_WHAT_CHARS)));
        }
    }
    match found {
        [] => {}
        [one] => {
            page.gap();
            body::facts(&mut page, one, true, config);
            page.gap();
            evidence::look_at_it(&mut page, one);
        }
        _ => {
            page.gap();
            rows(&mut page, found, config);
        }
    }
    body::explain_first(&mut page, all);
    // What is told once for a log file needs no lines.
    let repeats = |finding: &&&Finding| !matches!(finding.subject, Subject::LogFile(_));
    let silenced: Vec<&Finding> = found.iter().filter(repeats).copied().collect();
    if !silenced.is_empty() {
        page.gap();
        suppression_hint::how_to_silence(&mut page, &silenced);
    }
    page.finish()
}

/// What range was looked at, how much was found, how bad it is.
fn headline(found: &[&Finding], gaps: &[&Finding], past: &Past<'_>, config: &Config) -> String {
    let days = days(past.wanted);
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

/// What was read, what else there is, and where all of it stands.
fn about(page: &mut Page, past: &Past<'_>, config: &Config) {
    let (counts, wanted) = (&past.counts, past.wanted);
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
    page.field(
        "Looked at",
        &format!("{} (UTC): {log_files} with {records}, of {accounts} and {regions}.", days(wanted)),
    );
    let mut gaps: Vec<String> = Vec::new();
    if past.unread > 0 {
        gaps.push(format!("{} that could not be had", counted(past.unread, "log file", "log files")));
    }
    if counts.unreadable_log_files > 0 {
        let log_files = counted(counts.unreadable_log_files, "log file", "log files");
        let records = counted(counts.unreadable, "record", "records");
        gaps.push(format!("{records} of {log_files} that could not be read whole"));
    }
    if !gaps.is_empty() {
        page.field("Not judged", &format!("{}.", gaps.join("; ")));
    }
    let beside = [
        (past.known, "that people were told of before"),
        (past.accepted, "suppressed"),
        (past.counted, "only counted, for being of little weight or too few"),
        (past.left_out, "left out, for there was no room"),
    ];
    let beside = beside.iter().filter(|(count, _)| *count > 0);
    let beside: Vec<String> = beside.map(|(count, what)| format!("{count} {what}")).collect();
    if !beside.is_empty() {
        page.field("Beside it", &format!("findings: {}.", beside.join("; ")));
    }
    page.whole_field("All of it", &fetch(past.page_at, ""));
    page.whole_field("", &fetch(past.findings_at, " - | gunzip"));
    if let Some(since) = past.remembered_since {
        let since = since.format("%Y-%m-%d");
        page.field(
            "May repeat",
            &format!("what was mailed before {since} is no longer remembered (TOLD_DAYS), and may be told here again."),
        );
    }
    if past.may_repeat {
        page.field(
            "May repeat",
            "of some principals or addresses more is told than can be remembered, or what is remembered of them could not be read: it may have been told before, and be told again.",
        );
    }
}

/// How a person gets an object: as it is, or shown.
fn fetch(uri: &str, shown: &str) -> String {
    match evidence::pasteable_uri(uri) {
        Some(uri) if shown.is_empty() => format!("aws s3 cp {uri} ."),
        Some(uri) => format!("aws s3 cp {uri}{shown}"),
        None => text::clean(uri, MAX_WHAT_CHARS),
    }
}

/// The findings of one rule, subject and day.
struct Row<'a> {
    severity: Severity,
    rule: &'static Rule,
    day: Option<NaiveDate>,
    findings: Vec<&'a Finding>,
}

/// Every rule, subject and day on one line, up to a cap.
fn rows(page: &mut Page, found: &[&Finding], config: &Config) {
    let mut same: BTreeMap<(&str, Option<NaiveDate>, &Subject), Vec<&Finding>> = BTreeMap::new();
    for finding in found {
        let day = finding.time.or(finding.evidence.delivered).map(|time| time.date_naive());
        same.entry((finding.rule.id, day, &finding.subject)).or_default().push(finding);
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    for ((_, day, _), findings) in same {
        if let Some(worst) = findings.first() {
            rows.push(Row { severity: worst.severity, rule: worst.rule, day, findings });
        }
    }
    // Stable: what is left is by day and subject.
    rows.sort_by_key(|row| (Reverse(row.severity), row.rule.id));
    let accounts: BTreeSet<&str> = found.iter().filter_map(|finding| known(&finding.account)).collect();
    page.line("By rule, day and who it is about, the worst first (days in UTC)");
    let mut left = MAX_LINES;
    for of_rule in rows.chunk_by(|one, other| (one.severity, one.rule.id) == (other.severity, other.rule.id))
    {
        let Some(Row { severity, rule, .. }) = of_rule.first() else { continue };
        let count = |rows: &[Row<'_>]| rows.iter().map(|row| row.findings.len() as u64).sum();
        let findings = counted(count(of_rule), "finding", "findings");
        page.field(&format!("  {}", severity.name()), &format!("{} ({}), {findings}", rule.title, rule.id));
        let (shown, rest) = of_rule.split_at(of_rule.len().min(MAX_LINES_OF_RULE).min(left));
        left -= shown.len();
        for row in shown {
            page.field("", &line(row, accounts.len() > 1, config));
        }
        if !rest.is_empty() {
            page.field(
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
fn line(row: &Row<'_>, with_account: bool, config: &Config) -> String {
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
        // It stands there already.
        [_] if matches!(one.subject, Subject::Address { .. }) && who.contains(" at ") => {}
        [one] => line += &format!(", from {}", text::cut(&quoted(one), MAX_CELL_CHARS)),
        ref many => line += &format!(", from {} addresses", many.len()),
    }
    line
}
