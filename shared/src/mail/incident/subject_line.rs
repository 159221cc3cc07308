//! The subject line and the SMS about the findings of one subject.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::finding::Finding;
use crate::finding::summary::{moment, origin};
use crate::mail::forms::{MAX_SMS_CHARS, MAX_SUBJECT_CHARS};
use crate::mail::names::{accounts, attempt, short_name};
use crate::text;

/// `[HIGH] Console sign-in without MFA - alice - prod (111122223333)`: severity and account are never
/// cut; the title and the name are cut in the middle if there is no room.
pub(super) fn subject(worst: &Finding, findings: &[&Finding], config: &Config) -> String {
    if let Some(storm) = storm(findings) {
        return text::cut(&format!("[{}] {storm}", worst.severity), MAX_SUBJECT_CHARS);
    }
    let severity = format!("[{}] ", worst.severity);
    let more = format!("{}{}", attempt(worst), more(findings));
    let accounts = accounts(worst, findings, config).map(|accounts| format!(" - {accounts}"));
    let accounts = text::ascii(&accounts.unwrap_or_default());
    let who = short_name(worst).map(|who| text::ascii(&who)).unwrap_or_default();
    let dash = if who.is_empty() { "" } else { " - " };
    let room = MAX_SUBJECT_CHARS
        .saturating_sub([&severity, &more, &accounts, dash].iter().map(|part| part.len()).sum());
    // A long name takes at most half of the room from the title.
    let title_room = room - who.len().min(room / 2);
    let title = text::cut(worst.rule.title, title_room);
    let who = text::cut(&who, room - title.len());
    format!("{severity}{title}{more}{dash}{who}{accounts}")
}

/// `300 findings about 200 principals and addresses`; `None` if all are about one subject.
pub(super) fn storm(findings: &[&Finding]) -> Option<String> {
    let subjects = findings.iter().map(|finding| &finding.subject).collect::<BTreeSet<_>>().len();
    (subjects > 1).then(|| format!("{} findings about {subjects} principals and addresses", findings.len()))
}

/// `HIGH: Console sign-in without MFA, alice, prod (111122223333), 2026-04-01 08:15:00 UTC, from 192.0.2.10`: only the
/// name is cut.
pub(super) fn sms(worst: &Finding, findings: &[&Finding], config: &Config) -> String {
    if let Some(storm) = storm(findings) {
        let worst = format!("{}: {storm}, the worst: {}", worst.severity, worst.rule.title);
        return text::cut(&worst, MAX_SMS_CHARS);
    }
    let start = format!("{}: {}{}{}", worst.severity, worst.rule.title, attempt(worst), more(findings));
    let account = accounts(worst, findings, config).unwrap_or_default();
    let time = worst.time.map(|time| format!("{} UTC", moment(time))).unwrap_or_default();
    let origin = origin(worst).unwrap_or_default();
    let rest: String = [account, time, origin]
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| format!(", {part}"))
        .collect();
    let who = short_name(worst).map(|who| format!(", {who}")).unwrap_or_default();
    let who = text::cut(&who, MAX_SMS_CHARS.saturating_sub(start.len() + rest.len()));
    text::cut(&text::ascii(&format!("{start}{who}{rest}")), MAX_SMS_CHARS)
}

fn more(findings: &[&Finding]) -> String {
    match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (+{more} more)"),
    }
}
