//! The sections of a mail about one finding: who, what, when, where from, which account.

use chrono::{DateTime, Utc};

use super::layout::TextLayout;
use super::names::account_label;
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::summary::{SourceKind, kind_noun, known, moment, quoted};
use crate::text;

/// How many characters of one value are shown.
const MAX_VALUE_CHARS: usize = 300;

/// Writes the sections; `with_title` if no line above has the finding's title.
pub(super) fn facts(layout: &mut TextLayout, finding: &Finding, with_title: bool, config: &Config) {
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
    section(layout, "Who", lines);

    let mut lines: Vec<String> = with_title.then(|| finding.rule.title.to_owned()).into_iter().collect();
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
        // The section "Account" has the account, the section "Who" the principal.
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
    section(layout, "What", lines);

    let mut lines: Vec<String> = finding.time.iter().map(|time| format!("{} UTC", moment(*time))).collect();
    lines.extend(evidence.delivered.map(|delivered| delivery(delivered, finding.time)));
    section(layout, "When", lines);

    let mut lines: Vec<String> = Vec::new();
    lines.extend(known(&finding.source_ip).map(|source| match SourceKind::of(source) {
        SourceKind::Address(address) => address.to_string(),
        SourceKind::Service(service) => format!("{} (an AWS service, no address)", value(service)),
        SourceKind::InsideAws => "inside AWS (no address)".to_owned(),
        SourceKind::Other(other) => format!("{} (no address)", quoted(other)),
    }));
    lines.extend(known(&finding.region).map(|region| format!("Region {}", text::clean(region, 40))));
    lines.extend(known(&finding.user_agent).map(value));
    section(layout, "Where from", lines);

    section(
        layout,
        "Account",
        known(&finding.account).map(|account| account_label(account, config)).into_iter().collect(),
    );
}

fn section(layout: &mut TextLayout, label: &str, lines: Vec<String>) {
    for (label, line) in std::iter::once(label).chain(std::iter::repeat("")).zip(lines) {
        layout.field(label, &line);
    }
}

/// `mfa_used` in words: `MFA used`.
fn fact_name(name: &str) -> String {
    let word = |word: &str| match word {
        "arn" | "id" | "ip" | "mfa" | "saml" => word.to_ascii_uppercase(),
        _ => word.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// How long after the event its log file was delivered.
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
