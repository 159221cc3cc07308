//! The body of a mail, from the sentence on top to the lines that silence it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::layout::Page;
use super::{account_label, evidence, storm, suppression_hint};
use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::summary::{Source, kind_noun, known, moment, quoted, sentence};
use crate::finding::{Finding, Subject};
use crate::rules::registry;
use crate::state::case::{Number, Unsaid};
use crate::text;

/// So many rules are explained in a mail about many.
const MAX_RULES: usize = 6;

/// A storm is told by its first rows.
const MAX_ROWS: usize = 20;

const MAX_VALUE_CHARS: usize = 300;
const MAX_CELL_CHARS: usize = 40;

/// The whole body about findings that are sorted, the worst first.
pub(super) fn body(worst: &Finding, findings: &[&Finding], unsaid: &[Unsaid], config: &Config) -> String {
    let by_rule = by_rule(findings);
    let mut page = Page::default();
    page.line(&headline(worst, findings, config));
    page.gap();
    if findings.len() > 1 {
        tally(&mut page, findings, &by_rule);
        page.gap();
        page.line(if by_rule.len() > 1 { "The first of the worst" } else { "The first of them" });
    }
    // The tally begins with it.
    facts(&mut page, worst, findings.len() == 1, config);
    if findings.len() > 1 {
        evidence::look_at_it(&mut page, worst);
        page.gap();
        all(&mut page, findings);
    }
    if !unsaid.is_empty() {
        page.gap();
        counted(&mut page, unsaid);
    }
    for (rule, of_rule) in &by_rule {
        page.gap();
        explain(&mut page, rule, of_rule);
    }
    if findings.len() == 1 {
        page.gap();
        evidence::look_at_it(&mut page, worst);
    }
    page.gap();
    suppression_hint::how_to_silence(&mut page, findings);
    page.finish()
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

/// The findings of each rule, in the order in which the rules first appear.
fn by_rule<'a>(findings: &[&'a Finding]) -> Vec<(&'static Rule, Vec<&'a Finding>)> {
    let mut groups: Vec<(&'static Rule, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|(rule, _)| rule.id == finding.rule.id) {
            Some((_, group)) => group.push(finding),
            None => groups.push((finding.rule, vec![finding])),
        }
    }
    groups
}

/// How often each rule was broken, when, and from where.
fn tally(page: &mut Page, findings: &[&Finding], by_rule: &[(&'static Rule, Vec<&Finding>)]) {
    page.line(&format!("{} findings{}", findings.len(), in_accounts(findings)));
    for (rule, of_rule) in by_rule {
        let from = match &sources(of_rule)[..] {
            [] => String::new(),
            [one] => format!(", from {one}"),
            many => format!(", from {} addresses", many.len()),
        };
        page.field(&format!("{:9} x", of_rule.len()), &format!("{}{}{from}", rule.title, span(of_rule)));
    }
}

/// ` in 3 accounts`; nothing where it is one.
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

/// From the first to the last, the day only once.
fn span(findings: &[&Finding]) -> String {
    let times = || findings.iter().filter_map(|finding| finding.time);
    match (times().min(), times().max()) {
        (Some(first), Some(last)) if first == last => format!(", at {} UTC", moment(first)),
        (Some(first), Some(last)) if first.date_naive() == last.date_naive() => {
            format!(", between {} and {} UTC", moment(first), last.format("%H:%M:%S"))
        }
        (Some(first), Some(last)) => format!(", between {} and {} UTC", moment(first), moment(last)),
        _ => String::new(),
    }
}

/// Who, what, when, where from, which account; with the finding's title, unless it stands above.
pub(super) fn facts(page: &mut Page, finding: &Finding, title: bool, config: &Config) {
    let evidence = &finding.evidence;
    let value = |text: &str| text::clean(text, MAX_VALUE_CHARS);
    let mut lines: Vec<String> = Vec::new();
    if let Some(principal) = &finding.principal {
        let kind = kind_noun(principal);
        match &principal.name {
            Some(_) if principal.kind.as_deref() == Some("Root") => lines.push(kind),
            Some(name) => lines.push(format!("{} ({kind})", quoted(name))),
            None if principal.name_hidden => {
                lines.push(format!("unknown ({kind}): AWS hides the name, for no user has it"));
            }
            None => lines.push(format!("{kind}, not named in the record")),
        }
        lines.extend(principal.arn.as_deref().map(value));
    }
    lines.extend(evidence.access_key_id.as_deref().map(|key| format!("access key {}", value(key))));
    section(page, "Who", lines);

    let mut lines: Vec<String> = title.then(|| finding.rule.title.to_owned()).into_iter().collect();
    let event = [evidence.event_name.as_deref(), evidence.event_source.as_deref()];
    match event {
        [Some(name), Some(source)] => lines.push(format!("event {} of {}", quoted(name), value(source))),
        [Some(name), None] | [None, Some(name)] => lines.push(format!("event {}", quoted(name))),
        [None, None] => {}
    }
    let shown = |resource: &&str| {
        let facts = evidence.facts.0.iter().map(|(_, fact)| &fact[..]);
        let mut shown = facts.chain(evidence.log_file.as_deref()).chain(evidence.event_name.as_deref());
        let arn = finding.principal.as_ref().and_then(|principal| principal.arn.as_deref());
        // The account stands below, the principal above.
        let of_account =
            resource.strip_prefix("root of ").is_some_and(|of| Some(of) == known(&finding.account));
        of_account || arn == Some(*resource) || shown.any(|shown| shown == *resource)
    };
    let resource = known(&finding.resource).filter(|resource| !shown(resource));
    lines.extend(resource.map(|resource| format!("about {}", value(resource))));
    lines.extend(evidence.error_code.as_deref().map(|code| format!("error code: {}", value(code))));
    lines.extend(evidence.error_message.as_deref().map(|error| format!("error: {}", value(error))));
    let facts = evidence.facts.0.iter().filter(|(_, fact)| !fact.is_empty());
    lines.extend(facts.map(|(name, fact)| format!("{}: {}", fact_name(name), value(fact))));
    section(page, "What", lines);

    let mut lines: Vec<String> = finding.time.iter().map(|time| format!("{} UTC", moment(*time))).collect();
    lines.extend(evidence.delivered.map(|delivered| delivery(delivered, finding.time)));
    section(page, "When", lines);

    let mut lines: Vec<String> = Vec::new();
    lines.extend(known(&finding.source_ip).map(|source| match Source::of(source) {
        Source::Address(address) => address.to_string(),
        Source::Service(service) => format!("{} (an AWS service, no address)", value(service)),
        Source::InsideAws => "inside AWS (no address)".to_owned(),
        Source::Other(other) => format!("{} (no address)", quoted(other)),
    }));
    lines.extend(known(&finding.region).map(|region| format!("Region {}", text::clean(region, 40))));
    lines.extend(known(&finding.user_agent).map(value));
    section(page, "Where from", lines);

    section(
        page,
        "Account",
        known(&finding.account).map(|account| account_label(account, config)).into_iter().collect(),
    );
}

fn section(page: &mut Page, label: &str, lines: Vec<String>) {
    for (label, line) in std::iter::once(label).chain(std::iter::repeat("")).zip(lines) {
        page.field(label, &line);
    }
}

/// `mfa_used` as a person writes it.
fn fact_name(name: &str) -> String {
    let word = |word: &str| match word {
        "arn" | "id" | "ip" | "mfa" | "saml" => word.to_ascii_uppercase(),
        _ => word.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// How late we learnt of it.
fn delivery(delivered: DateTime<Utc>, time: Option<DateTime<Utc>>) -> String {
    let late = time.map(|time| (delivered - time).num_minutes());
    let late = match late {
        None => return format!("log file delivered {} UTC", moment(delivered)),
        Some(..1) => "within a minute".to_owned(),
        Some(minutes @ 1..120) => format!("{minutes} min later"),
        Some(minutes @ 120..2880) => format!("{} h later", minutes / 60),
        Some(minutes) => format!("{} days later", minutes / 1440),
    };
    format!("log file delivered {late}")
}

/// Every finding on one line, up to a cap.
fn all(page: &mut Page, findings: &[&Finding]) {
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
    page.line("All, the worst first (UTC)");
    page.table(&findings.iter().take(MAX_ROWS).map(row).collect::<Vec<_>>());
    if let Some(more) = findings.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        page.line(&format!("  and {more} more"));
    }
}

/// What was only counted since the last mail.
fn counted(page: &mut Page, unsaid: &[Unsaid]) {
    page.line("Also, not told in a mail until now");
    for of in unsaid.iter().take(MAX_ROWS) {
        let title = registry::all()
            .into_iter()
            .find(|rule| rule.id == of.rule)
            .map_or(&of.rule[..], |rule| rule.title);
        let about = if of.number.about { "about " } else { "" };
        let span = match (of.from, of.to) {
            (from, to) if from == to => format!(", at {} UTC", moment(from)),
            (from, to) if from.date_naive() == to.date_naive() => {
                format!(", between {} and {} UTC", moment(from), to.format("%H:%M:%S"))
            }
            (from, to) => format!(", between {} and {} UTC", moment(from), moment(to)),
        };
        let from = of.source.as_deref().map(|source| format!(", from {}", quoted(source)));
        let resource =
            of.resource.as_deref().map(|it| format!(", about {}", text::clean(it, MAX_VALUE_CHARS)));
        let alike = of.alike.map(|Number { count, about }| {
            format!(", {}{count} different ones", if about { "about " } else { "" })
        });
        let accepted = if of.accepted { ", suppressed" } else { "" };
        let rest = [from, resource, alike].into_iter().flatten().collect::<String>();
        page.field(
            &format!("{:>9} x", format!("{about}{}", of.number.count)),
            &format!("{}{accepted}{span}{rest}", text::clean(title, MAX_VALUE_CHARS)),
        );
    }
    if let Some(more) = unsaid.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        page.line(&format!("  and {more} more kinds"));
    }
}

/// Why the rules that come first were raised, and what to do; the others are named.
pub(super) fn explain_first(page: &mut Page, findings: &[&Finding]) {
    let by_rule = by_rule(findings);
    for (rule, of_rule) in by_rule.iter().take(MAX_RULES) {
        page.gap();
        explain(page, rule, of_rule);
    }
    let others: BTreeSet<&str> = by_rule.iter().skip(MAX_RULES).map(|(rule, _)| rule.id).collect();
    if !others.is_empty() {
        page.gap();
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        page.paragraph(&format!(
            "For the others ({others}): `iamwatch rules --format json` says what to do."
        ));
    }
}

/// Why a rule was raised and what to do: the same for all of its findings.
fn explain(page: &mut Page, rule: &Rule, findings: &[&Finding]) {
    let severities: BTreeSet<_> = findings.iter().map(|finding| finding.severity).collect();
    let severities: Vec<&str> = severities.iter().rev().map(|severity| severity.name()).collect();
    page.field("Rule", rule.id);
    page.field("Because", &format!("{}.", rule.condition));
    page.field("Severity", &format!("{}. {}", severities.join(", "), rule.severity_reason));
    page.field("See also", &references(rule));
    page.gap();
    page.line("What to do");
    page.steps(findings.first().map_or(rule.remediation, |finding| finding.remediation));
}

/// `mitre-attack:17/T1078.004` and the like as they are cited, each standard once.
fn references(rule: &Rule) -> String {
    let mut cited: Vec<(String, Vec<String>)> = Vec::new();
    let mut last_version = "";
    for id in rule.references {
        let (standard, item) = id.split_once(':').unwrap_or((id, ""));
        let (version, item) = item.split_once('/').unwrap_or(("", item));
        let (standard, item) = match standard {
            // Each version numbers them anew.
            "cis" if version == last_version => ("CIS AWS Foundations Benchmark".to_owned(), item.to_owned()),
            "cis" => ("CIS AWS Foundations Benchmark".to_owned(), format!("{version}: {item}")),
            "mitre-attack" => (format!("MITRE ATT&CK {version}:"), item.to_owned()),
            "security-hub" => ("AWS Security Hub:".to_owned(), item.to_owned()),
            other => (format!("{other}:"), item.to_owned()),
        };
        last_version = version;
        match cited.last_mut() {
            Some((last, items)) if *last == standard => items.push(item),
            _ => cited.push((standard, vec![item])),
        }
    }
    let standards = cited.into_iter().map(|(standard, items)| format!("{standard} {}", items.join(", ")));
    standards.collect::<Vec<_>>().join("; ")
}
