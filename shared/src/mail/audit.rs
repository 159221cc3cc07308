//! The mail about the checks of one account or many: what is new, what came back, what is resolved, and what
//! people are reminded of.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::layout::Page;
use super::message::of_mail;
use super::{
    MAX_SMS_CHARS, MAX_SUBJECT_CHARS, Mail, account_label, accounts, body, evidence, short_name,
    suppression_hint,
};
use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::summary::{known, moment, quoted, sentence};
use crate::finding::{Finding, Status};
use crate::notification::Notification;
use crate::rules::health::COULD_NOT_LOOK;
use crate::text::{self, counted};

/// So many lines of findings stand in a mail.
const MAX_LINES: usize = 40;

/// So many names stand on a line.
const MAX_NAMES: usize = 30;

/// What AWS says of a call that it refused, with the ARNs in it, has room.
const MAX_WHAT_CHARS: usize = 600;

/// In which order a mail tells.
const ORDER: [Status; 4] = [Status::New, Status::CameBack, Status::Resolved, Status::Still];

/// What a mail says beside its findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many accounts were looked at.
    pub accounts: usize,
    /// How many rows their reports have.
    pub users: u64,
    /// When the oldest and the newest of the reports were made.
    pub generated: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many findings stand in all, those of the mail included.
    pub open: u64,
    /// How many findings a suppression hides.
    pub accepted: u64,
    /// Where everything stands, for whoever wants all of it.
    pub kept: Option<String>,
}

/// The alert about what has changed; nothing where nothing has. Each finding says how it stands; one that does
/// not counts as new. `id` is one that no other alert has.
pub fn audit(
    mut findings: Vec<Finding>,
    standing: &Standing,
    id: String,
    config: &Config,
) -> Option<Notification> {
    sort(&mut findings);
    let mail = audit_mail(&findings, standing, config)?;
    Some(of_mail(mail, &findings, id, config))
}

/// The mail of that alert.
pub fn audit_mail(findings: &[Finding], standing: &Standing, config: &Config) -> Option<Mail> {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by_cached_key(|finding| order(finding));
    let worst = *findings.first()?;
    let counts = ORDER.map(|status| findings.iter().filter(|finding| is(finding, status)).count());
    let subject = subject(worst, &findings, &counts, config);
    Some(Mail {
        sms: text::cut(&text::ascii(&subject.replacen('[', "", 1).replacen(']', ":", 1)), MAX_SMS_CHARS),
        body: body(worst, &findings, &counts, standing, config),
        subject,
    })
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(order);
}

/// The worst of what stands first. What is resolved comes last, however bad it was: nobody is woken by it.
fn order(finding: &Finding) -> impl Ord + use<> {
    let status = ORDER.iter().position(|status| is(finding, *status));
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

/// `3 new, 1 resolved`; `4 findings` where nobody knows how they stand.
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
    standing: &Standing,
    config: &Config,
) -> String {
    let mut page = Page::default();
    let label = known(&worst.account).map(|account| account_label(account, config));
    let says = |finding: &Finding| match finding.what.is_empty() {
        true => finding.summary.clone(),
        false => sentence(finding, label.clone()),
    };
    match findings {
        [one] => {
            page.line(&format!("{}{}", before_one(one), says(one)));
            page.gap();
            body::facts(&mut page, one, true, config);
            if let Some(since) = stood(one) {
                page.field("Since", &since);
            }
            page.gap();
        }
        _ => {
            let words = ["new", "back again", "resolved", "still open"];
            let before = before_one(worst);
            let found = match findings.iter().all(|finding| finding.status.is_none()) {
                true => format!("{} findings in the credential report.", findings.len()),
                false => format!("Findings of the credential report: {}.", by_status(counts, words)),
            };
            page.line(&format!("{found} The worst: {before}{}", says(worst)));
            page.gap();
            sections(&mut page, findings, config);
        }
    }
    about(&mut page, standing);
    explain(&mut page, findings);
    if let [one] = findings
        && one.evidence.object.is_some()
    {
        page.gap();
        evidence::look_at_it(&mut page, one);
    }
    let open: Vec<&Finding> =
        findings.iter().filter(|finding| !is(finding, Status::Resolved)).copied().collect();
    if !open.is_empty() {
        page.gap();
        suppression_hint::how_to_silence(&mut page, &open);
    }
    page.finish()
}

fn sections(page: &mut Page, findings: &[&Finding], config: &Config) {
    let mut lines = Lines { left: MAX_LINES, left_out: 0 };
    for status in ORDER {
        let of_status: Vec<&Finding> =
            findings.iter().filter(|finding| is(finding, status)).copied().collect();
        if !of_status.is_empty() {
            lines.section(page, status, &of_status, config);
            page.gap();
        }
    }
    if lines.left_out > 0 {
        page.line(&format!("And {} more findings that have no room here.", lines.left_out));
        page.gap();
    }
}

/// Since when a finding stands, or stood, that was told before.
fn stood(finding: &Finding) -> Option<String> {
    let told_before = !is(finding, Status::New) && !is(finding, Status::CameBack);
    let since = finding.since.filter(|_| told_before)?;
    let days = finding.time.map(|until| (until - since).num_days().max(0));
    let days =
        days.map(|days| format!(", {}", counted(days.unsigned_abs(), "day", "days"))).unwrap_or_default();
    Some(format!("{}{days}", since.format("%Y-%m-%d")))
}

/// What a single sentence lacks without a section above it.
fn before_one(finding: &Finding) -> &'static str {
    match finding.status {
        Some(Status::CameBack) => "So again: ",
        Some(Status::Resolved) => "No longer so: ",
        Some(Status::Still) => "Still so: ",
        Some(Status::New) | None => "",
    }
}

/// The lines of findings, of which there is room for so many.
struct Lines {
    left: usize,
    left_out: usize,
}

impl Lines {
    fn section(&mut self, page: &mut Page, status: Status, findings: &[&Finding], config: &Config) {
        page.line(match status {
            Status::New if findings.iter().all(|finding| finding.status.is_none()) => "Found",
            Status::New => "New",
            Status::CameBack => "Came back",
            Status::Resolved => "Resolved",
            Status::Still => "Still open, and told before",
        });
        let mut last: Option<(&str, &str)> = None;
        for Alike { rule, severity, names, rest } in alike(findings, config) {
            let Some(left) = self.left.checked_sub(1) else {
                self.left_out += names.len();
                continue;
            };
            self.left = left;
            if last != Some((rule.id, severity)) {
                page.field(&format!("  {severity}"), &format!("{} ({})", rule.title, rule.id));
                last = Some((rule.id, severity));
            }
            let more = names.len().saturating_sub(MAX_NAMES);
            let mut who = names[..names.len() - more].join(", ");
            if more > 0 {
                who += &format!(" and {more} more");
            }
            page.field("", &format!("{rest}{who}"));
        }
    }
}

/// Findings of one rule and account together.
struct Alike {
    rule: &'static Rule,
    severity: &'static str,
    /// Whom they are about, each with what tells it from the others.
    names: Vec<String>,
    /// What they have in common.
    rest: String,
}

fn alike(findings: &[&Finding], config: &Config) -> Vec<Alike> {
    let mut all: Vec<Alike> = Vec::new();
    for finding in findings {
        let (rule, severity) = (finding.rule, finding.severity.name());
        let account = known(&finding.account).map(|account| account_label(account, config));
        let rest = account.map(|account| format!("{account}: ")).unwrap_or_default();
        let mut said: Vec<String> = Vec::new();
        let what = text::clean(&finding.what, MAX_WHAT_CHARS);
        // Why something could not be looked at differs from one to the next, and of root there is one.
        let differs = rule.id == COULD_NOT_LOOK.id || rule.family() == "root";
        let name = match finding.principal.as_ref().and_then(|who| who.name.as_deref()) {
            Some(name) if differs => format!("{} {what}", quoted(name)),
            Some(name) => {
                said.extend(detail(finding));
                quoted(name)
            }
            None => what,
        };
        said.extend(stood(finding).map(|stood| format!("since {stood}")));
        let name = match said.is_empty() {
            true => name,
            false => format!("{name} ({})", said.join("; ")),
        };
        let alike = |of: &&mut Alike| of.rule.id == rule.id && of.severity == severity && of.rest == rest;
        match all.iter_mut().find(alike).filter(|_| !differs) {
            Some(of) => of.names.push(name),
            None => all.push(Alike { rule, severity, names: vec![name], rest }),
        }
    }
    all
}

/// What tells one finding of a rule from the next: how old, how long unused, until when.
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

/// Which reports it is about, and what else stands.
fn about(page: &mut Page, standing: &Standing) {
    if let Some((oldest, newest)) = standing.generated {
        let made = match oldest == newest {
            true => format!("made at {} UTC", moment(oldest)),
            false => format!("made between {} and {} UTC", moment(oldest), moment(newest)),
        };
        let reports = text::noun(&standing.accounts, "Report", "Reports");
        let (accounts, users) = (
            counted(standing.accounts as u64, "account", "accounts"),
            counted(standing.users, "user", "users"),
        );
        let stale =
            "What was changed since is not in it: IAM makes a new one after four hours at the earliest.";
        page.field(reports, &format!("{made}, of {accounts} with {users}. {stale}"));
    }
    let hidden = match standing.accepted {
        0 => String::new(),
        accepted => format!("; {}", counted(accepted, "more is suppressed", "more are suppressed")),
    };
    page.field("Open", &format!("{} in all{hidden}", counted(standing.open, "finding", "findings")));
    if let Some(kept) = &standing.kept {
        page.whole_field("All of them", &format!("aws s3 cp --recursive {kept} ."));
    }
}

/// Why the worst rules were raised, and what to do.
fn explain(page: &mut Page, findings: &[&Finding]) {
    let open: Vec<&Finding> =
        findings.iter().filter(|finding| !is(finding, Status::Resolved)).copied().collect();
    body::explain_first(page, &open);
}
