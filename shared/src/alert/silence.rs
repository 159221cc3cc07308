//! The lines that silence a finding, ready to be pasted into `config/suppressions.toml`.
//!
//! They name the exact thing: no wildcard, and no value that IAM would not accept as a name or that is not
//! an ARN, an account id or an address. Where a fact is of another kind there are no lines at all, for
//! leaving it out would silence more than the finding. The reason and the date are left to the person.

use std::net::IpAddr;

use serde::Serialize;

use super::page::Page;
use crate::finding::{Finding, Subject};
use crate::rule::Kind;
use crate::text;

/// More than that nobody silences by hand.
const MAX_ENTRIES: usize = 5;

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Suppression<'a> {
    rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<&'a str>,
    reason: &'static str,
    expires: &'static str,
}

/// Why there are no lines for a finding.
enum Unnamed {
    /// A fact holds what must not be pasted.
    Unfit,
    /// The record names nobody and nothing.
    Nobody,
    /// It is about one file, and another will not be the same.
    OneFile,
}

/// The section "How to silence it".
pub(super) fn how_to_silence(page: &mut Page, findings: &[&Finding]) {
    let mut entries: Vec<Suppression<'_>> = Vec::new();
    let (mut unfit, mut nobody, mut one_file) = (false, false, false);
    for finding in findings {
        match suppression(finding) {
            Ok(entry) if entries.contains(&entry) => {}
            Ok(entry) => entries.push(entry),
            Err(Unnamed::Unfit) => unfit = true,
            Err(Unnamed::Nobody) => nobody = true,
            Err(Unnamed::OneFile) => one_file = true,
        }
    }
    page.line("How to silence it");
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    entries.truncate(MAX_ENTRIES);
    if !entries.is_empty() {
        page.paragraph(
            "Once you know that it is harmless, add this to config/suppressions.toml, with a reason and the \
             day on which somebody should look again:",
        );
        for entry in &entries {
            page.gap();
            match toml_of(entry) {
                Ok(lines) => page.line(&lines),
                Err(error) => page.paragraph(&format!("(no lines for {}: {error})", entry.rule)),
            }
        }
    }
    let some =
        if entries.is_empty() { "There are no lines to paste for this:" } else { "Not all have lines:" };
    if more > 0 {
        page.gap();
        page.paragraph(&format!("And {more} more like these, each with its own principal or resource."));
    }
    if (unfit || nobody) && !entries.is_empty() {
        page.gap();
    }
    if unfit {
        page.paragraph(&format!(
            "{some} a name or id in it is not one that AWS would accept, and pasting it is not safe."
        ));
    }
    if one_file {
        page.paragraph("There is nothing to silence: it is told once for a log file.");
    }
    if nobody {
        page.paragraph(&format!(
            "{some} the record names nobody, and silencing the rule for everybody would hide too much."
        ));
    }
}

fn suppression(finding: &Finding) -> Result<Suppression<'_>, Unnamed> {
    let fit = |value: Option<&'_ str>, valid: fn(&str) -> bool| match value {
        Some(value) if !valid(value) => Err(Unnamed::Unfit),
        _ => Ok(()),
    };
    let named = |value: &str| text::arn(value).is_some() || text::iam_name(value).is_some();
    if matches!(finding.subject, Subject::LogFile(_)) {
        return Err(Unnamed::OneFile);
    }
    let account = finding.account.as_deref();
    fit(account, |account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))?;
    let resource = finding.resource.as_deref();
    if resource.is_some_and(|resource| !named(resource)) {
        return Err(Unnamed::Unfit);
    }
    let who = finding.principal.as_ref();
    let (arn, name) = (who.and_then(|who| who.arn.as_deref()), who.and_then(|who| who.name.as_deref()));
    let principal = arn.and_then(text::arn).or(name.and_then(text::iam_name));
    if principal.is_none() && (arn.is_some() || name.is_some()) {
        return Err(Unnamed::Unfit);
    }
    // An address alone narrows well enough only where nobody is named: people move.
    let source_ip = finding.source_ip.as_deref().filter(|_| principal.is_none() && resource.is_none());
    let source_ip = source_ip.filter(|address| address.parse::<IpAddr>().is_ok());
    let whole_account = account.is_some() && finding.kind != Kind::Detection;
    // What these families tell of would hide everything else: only the one thing may be silenced.
    let exact = matches!(finding.rule.family(), "root" | "trail" | "watch");
    if principal.or(resource).is_none() && (exact || source_ip.is_none() && !whole_account) {
        return Err(Unnamed::Nobody);
    }
    Ok(Suppression {
        rule: finding.rule.id,
        account,
        principal,
        resource,
        source_ip,
        reason: "why this is accepted, and who says so",
        expires: "YYYY-MM-DD",
    })
}

/// The entry as TOML, in which no mail program sees a link: a dot in a domain name is written as the
/// escape that TOML has for it.
fn toml_of(entry: &Suppression<'_>) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct File<'a> {
        suppression: [&'a Suppression<'a>; 1],
    }
    let mut toml = toml::to_string(&File { suppression: [entry] })?;
    for dot in text::link_dots(&toml).into_iter().rev() {
        toml.replace_range(dot..=dot, "\\u002E");
    }
    Ok(toml.trim_end().to_owned())
}
