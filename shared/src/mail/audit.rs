//! The mail about the checks of one or many accounts: new, returned and resolved findings, and reminders of open ones.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::facts::facts;
use super::forms::{MAX_SUBJECT_CHARS, Mail};
use super::layout::TextLayout;
use super::names::{account_label, accounts, short_name};
use super::{evidence, explanation, message, suppression_hint};
use crate::config::Config;
use crate::finding::ocsf;
use crate::finding::rule::Rule;
use crate::finding::summary::{known, moment, quoted, sentence};
use crate::finding::{Finding, Status};
use crate::notification::Notification;
use crate::rules::health::COULD_NOT_LOOK;
use crate::text::{self, counted};

/// How many lines of findings a mail has.
const MAX_LINES: usize = 40;

/// How many names a line has.
const MAX_NAMES: usize = 30;

/// Long enough for AWS's message about a denied call and the ARNs in it.
const MAX_WHAT_CHARS: usize = 600;

/// The sections of a mail, in their order.
const SECTIONS: [Status; 4] = [Status::New, Status::CameBack, Status::Resolved, Status::Still];

/// What the mail says besides its findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSummary {
    /// How many accounts were checked.
    pub accounts: usize,
    /// How many rows their reports have together.
    pub users: u64,
    /// When IAM made the oldest and the newest report.
    pub generated: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many findings are open, those in the mail included.
    pub open: u64,
    /// How many findings are suppressed.
    pub suppressed: u64,
    /// The prefix of the ledgers, `s3://bucket/prefix/`: they hold every finding.
    pub ledgers_at: Option<String>,
}

/// The notification about what changed; `None` if there is no finding. A finding without a status counts as new. `id` is
/// unique.
pub fn notification(
    mut findings: Vec<Finding>,
    summary: &AuditSummary,
    id: String,
    config: &Config,
) -> Option<Notification> {
    sort(&mut findings);
    let mail = mail(&findings, summary, config)?;
    let document = |finding: &Finding| ocsf::detection_finding(finding, config);
    Some(message::notification(mail, &findings, id, &document))
}

/// The mail of that notification.
pub fn mail(findings: &[Finding], summary: &AuditSummary, config: &Config) -> Option<Mail> {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by_cached_key(|finding| order(finding));
    let worst = *findings.first()?;
    let counts = SECTIONS.map(|status| findings.iter().filter(|finding| is(finding, status)).count());
    let subject = subject(worst, &findings, &counts, config);
    let body = body(worst, &findings, &counts, summary, config);
    Some(Mail::with_subject_as_sms(subject, body))
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(order);
}

/// Open findings first, the worst first. Resolved ones come last, however severe: they need no action.
fn order(finding: &Finding) -> impl Ord + use<> {
    let status = SECTIONS.iter().position(|status| is(finding, *status));
    let name = finding.principal.as_ref().and_then(|who| who.name.clone());
    let is_resolved = is(finding, Status::Resolved);
    (
        is_resolved,
        Reverse(finding.severity),
        status,
        finding.rule.id,
        finding.account.clone(),
        name,
        finding.id.clone(),
    )
}

fn is(finding: &Finding, status: Status) -> bool {
    finding.status.unwrap_or(Status::New) == status
}

fn subject(worst: &Finding, findings: &[&Finding], counts: &[usize; 4], config: &Config) -> String {
    let severity = format!("[{}] ", worst.severity);
    let account = accounts(worst, findings, config).map(|account| format!(" - {account}"));
    let account = text::ascii(&account.unwrap_or_default());
    let what = match findings {
        [one] => {
            let before = match one.status {
                Some(Status::CameBack) => "Came back: ",
                Some(Status::Resolved) => "Resolved: ",
                Some(Status::Still) => "Still: ",
                Some(Status::New) | None => "",
            };
            let who = short_name(one).map(|who| format!(" - {}", text::ascii(&who)));
            format!("{before}{}{}", one.rule.title, who.unwrap_or_default())
        }
        _ => {
            format!("Credentials: {}", how_many(findings, counts, ["new", "back", "resolved", "open"]))
        }
    };
    let room = MAX_SUBJECT_CHARS.saturating_sub(severity.len() + account.len());
    format!("{severity}{}{account}", text::cut(&what, room))
}

/// `3 new, 1 resolved`; `4 findings` if none has a status.
fn how_many(findings: &[&Finding], counts: &[usize; 4], words: [&str; 4]) -> String {
    match findings.iter().all(|finding| finding.status.is_none()) {
        true => counted(findings.len() as u64, "finding", "findings"),
        false => by_status(counts, words),
    }
}

fn by_status(counts: &[usize; 4], words: [&str; 4]) -> String {
    let counts = counts.iter().zip(words).filter(|(count, _)| **count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn body(
    worst: &Finding,
    findings: &[&Finding],
    counts: &[usize; 4],
    summary: &AuditSummary,
    config: &Config,
) -> String {
    let mut layout = TextLayout::default();
    let label = known(&worst.account).map(|account| account_label(account, config));
    let text_of = |finding: &Finding| match finding.what.is_empty() {
        true => finding.summary.clone(),
        false => sentence(finding, label.clone()),
    };
    match findings {
        [one] => {
            layout.line(&format!("{}{}", before_one(one), text_of(one)));
            layout.gap();
            facts(&mut layout, one, true, config);
            if let Some(since) = open_since(one) {
                layout.field("Since", &since);
            }
            layout.gap();
        }
        _ => {
            let words = ["new", "back again", "resolved", "still open"];
            let before = before_one(worst);
            let found = match findings.iter().all(|finding| finding.status.is_none()) {
                true => format!("{} findings in the credential report.", findings.len()),
                false => format!("Findings of the credential report: {}.", by_status(counts, words)),
            };
            layout.line(&format!("{found} The worst: {before}{}", text_of(worst)));
            layout.gap();
            sections(&mut layout, findings, config);
        }
    }
    about(&mut layout, summary);
    explain(&mut layout, findings);
    if let [one] = findings
        && one.evidence.object.is_some()
    {
        layout.gap();
        evidence::look_at_it(&mut layout, one);
    }
    let open: Vec<&Finding> =
        findings.iter().filter(|finding| !is(finding, Status::Resolved)).copied().collect();
    if !open.is_empty() {
        layout.gap();
        suppression_hint::section(&mut layout, &open);
    }
    layout.finish()
}

fn sections(layout: &mut TextLayout, findings: &[&Finding], config: &Config) {
    let mut lines = FindingLines { left: MAX_LINES, left_out: 0 };
    for status in SECTIONS {
        let of_status: Vec<&Finding> =
            findings.iter().filter(|finding| is(finding, status)).copied().collect();
        if !of_status.is_empty() {
            lines.section(layout, status, &of_status, config);
            layout.gap();
        }
    }
    if lines.left_out > 0 {
        layout.line(&format!("And {} more findings that have no room here.", lines.left_out));
        layout.gap();
    }
}

/// `2026-03-01, 31 days`: since when a finding is or was open; `None` if this mail is the first about it.
fn open_since(finding: &Finding) -> Option<String> {
    let was_notified = !is(finding, Status::New) && !is(finding, Status::CameBack);
    let since = finding.since.filter(|_| was_notified)?;
    let days = finding.time.map(|until| (until - since).num_days().max(0));
    let days =
        days.map(|days| format!(", {}", counted(days.unsigned_abs(), "day", "days"))).unwrap_or_default();
    Some(format!("{}{days}", since.format("%Y-%m-%d")))
}

/// The status of a single finding, in front of its sentence.
fn before_one(finding: &Finding) -> &'static str {
    match finding.status {
        Some(Status::CameBack) => "So again: ",
        Some(Status::Resolved) => "No longer so: ",
        Some(Status::Still) => "Still so: ",
        Some(Status::New) | None => "",
    }
}

/// The lines of findings, up to [`MAX_LINES`].
struct FindingLines {
    left: usize,
    left_out: usize,
}

impl FindingLines {
    fn section(&mut self, layout: &mut TextLayout, status: Status, findings: &[&Finding], config: &Config) {
        layout.line(match status {
            Status::New if findings.iter().all(|finding| finding.status.is_none()) => "Found",
            Status::New => "New",
            Status::CameBack => "Came back",
            Status::Resolved => "Resolved",
            Status::Still => "Still open, and told before",
        });
        let mut last: Option<(&str, &str)> = None;
        for SimilarFindings { rule, severity, names, account } in similar(findings, config) {
            let Some(left) = self.left.checked_sub(1) else {
                self.left_out += names.len();
                continue;
            };
            self.left = left;
            if last != Some((rule.id, severity)) {
                layout.field(&format!("  {severity}"), &format!("{} ({})", rule.title, rule.id));
                last = Some((rule.id, severity));
            }
            let more = names.len().saturating_sub(MAX_NAMES);
            let mut who = names[..names.len() - more].join(", ");
            if more > 0 {
                who += &format!(" and {more} more");
            }
            layout.field("", &format!("{account}{who}"));
        }
    }
}

/// Findings of one rule, severity and account, on one line.
struct SimilarFindings {
    rule: &'static Rule,
    severity: &'static str,
    /// The name of each finding's principal, with its details in brackets.
    names: Vec<String>,
    /// `prod (111122223333): `, or empty if the account is unknown.
    account: String,
}

fn similar(findings: &[&Finding], config: &Config) -> Vec<SimilarFindings> {
    let mut all: Vec<SimilarFindings> = Vec::new();
    for finding in findings {
        let (rule, severity) = (finding.rule, finding.severity.name());
        let account = known(&finding.account).map(|account| account_label(account, config));
        let account = account.map(|account| format!("{account}: ")).unwrap_or_default();
        let mut details: Vec<String> = Vec::new();
        let what = text::clean(&finding.what, MAX_WHAT_CHARS);
        // The reason for "could not look" differs from finding to finding, and an account has one root user.
        let differs = rule.id == COULD_NOT_LOOK.id || rule.family() == "root";
        let name = match finding.principal.as_ref().and_then(|who| who.name.as_deref()) {
            Some(name) if differs => format!("{} {what}", quoted(name)),
            Some(name) => {
                details.extend(detail(finding));
                quoted(name)
            }
            None => what,
        };
        details.extend(open_since(finding).map(|since| format!("since {since}")));
        let name = match details.is_empty() {
            true => name,
            false => format!("{name} ({})", details.join("; ")),
        };
        let is_similar = |of: &&mut SimilarFindings| {
            of.rule.id == rule.id && of.severity == severity && of.account == account
        };
        match all.iter_mut().find(is_similar).filter(|_| !differs) {
            Some(of) => of.names.push(name),
            None => all.push(SimilarFindings { rule, severity, names: vec![name], account }),
        }
    }
    all
}

/// The detail in which findings of one rule differ: how old, how long unused, until when.
fn detail(finding: &Finding) -> Option<String> {
    let fact = |name: &str| finding.evidence.facts.0.iter().find(|(fact, _)| fact == name);
    let days = |name, words: &str| {
        let days: u64 = fact(name)?.1.parse().ok()?;
        Some(words.replace("{}", &counted(days, "day", "days")))
    };
    days("unused_days", "unused for {}")
        .or_else(|| days("age_days", "{} old"))
        .or_else(|| days("expired_days", "{} ago"))
        .or_else(|| days("days_left", "in {}"))
}

/// Writes which reports the mail is about, and how many findings are open.
fn about(layout: &mut TextLayout, summary: &AuditSummary) {
    if let Some((oldest, newest)) = summary.generated {
        let made = match oldest == newest {
            true => format!("made at {} UTC", moment(oldest)),
            false => format!("made between {} and {} UTC", moment(oldest), moment(newest)),
        };
        let reports = text::noun(&summary.accounts, "Report", "Reports");
        let (accounts, users) = (
            counted(summary.accounts as u64, "account", "accounts"),
            counted(summary.users, "user", "users"),
        );
        let stale =
            "What was changed since is not in it: IAM makes a new one after four hours at the earliest.";
        layout.field(reports, &format!("{made}, of {accounts} with {users}. {stale}"));
    }
    let suppressed = match summary.suppressed {
        0 => String::new(),
        suppressed => format!("; {}", counted(suppressed, "more is suppressed", "more are suppressed")),
    };
    layout.field("Open", &format!("{} in all{suppressed}", counted(summary.open, "finding", "findings")));
    if let Some(prefix) = &summary.ledgers_at {
        layout.whole_field("All of them", &format!("aws s3 cp --recursive {prefix} ."));
    }
}

/// Explains the rules of the findings that are not resolved.
fn explain(layout: &mut TextLayout, findings: &[&Finding]) {
    let open: Vec<&Finding> =
        findings.iter().filter(|finding| !is(finding, Status::Resolved)).copied().collect();
    explanation::explain_first(layout, &open);
}
