//! What a person has accepted: findings that are told to nobody, why, by whom, and until when.
//!
//! The file is `config/suppressions.toml`. Every mail prints the entry that would silence it. An entry hides
//! the findings that have every value it names; what it does not name may be anything. One that cannot be
//! understood hides nothing, and costs no other entry.

use std::net::IpAddr;

use chrono::{DateTime, Days, NaiveDate, Utc};
use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::detections;
use crate::finding::Finding;
use crate::pattern::Pattern;
use crate::text;

/// A file larger than this is refused.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Nobody knows what will be harmless in more than a year.
pub const MAX_DAYS_AHEAD: u64 = 366;

/// What a mail prints where a person has to write something.
pub const PLACEHOLDERS: (&str, &str) = ("why this is accepted, and who says so", "YYYY-MM-DD");

/// What these tell of would hide everything else, so an entry must name the one thing that it accepts.
const EXACT_FAMILIES: &[&str] = &["root", "trail", "watch"];

const MAX_REASON_CHARS: usize = 500;

/// A file of suppressions, as far as it could be understood.
#[derive(Debug, Default)]
pub struct Suppressions {
    entries: Vec<Suppression>,
    problems: Vec<Problem>,
}

/// What is wrong with the file, or with one entry of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Problem {
    /// The line, from 1, on which the entry begins or the fault stands.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// One entry.
#[derive(Debug)]
pub struct Suppression {
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// Why its findings are accepted.
    pub reason: String,
    /// Who says so.
    pub owner: Option<String>,
    /// The last day on which it hides anything, to its end in UTC.
    pub expires: NaiveDate,
    which: Which,
    account: Pattern,
    principal: Option<Pattern>,
    resource: Option<Pattern>,
    source_ip: Option<IpNet>,
}

#[derive(Debug)]
enum Which {
    Rule(String),
    Family(String),
}

impl Suppressions {
    /// Reads a file. What is wrong with it stands in [`Suppressions::problems`].
    pub fn parse(file: &str, now: DateTime<Utc>) -> Suppressions {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            suppression: Vec<Spanned<toml::Table>>,
        }
        let refused = |line, message: String| Suppressions {
            entries: Vec::new(),
            problems: vec![Problem { line, message }],
        };
        if file.len() > MAX_FILE_BYTES {
            let message = format!("the file has {} bytes; it must have at most {MAX_FILE_BYTES}", file.len());
            return refused(1, message);
        }
        let parsed: File = match toml::from_str(file) {
            Ok(parsed) => parsed,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(file, span.start));
                return refused(line, text::clean(error.message(), 200));
            }
        };
        let mut suppressions = Suppressions::default();
        for table in parsed.suppression {
            let line = line_of(file, table.span().start);
            match Suppression::of(table.into_inner(), line, now) {
                Ok(entry) => suppressions.entries.push(entry),
                Err(message) => suppressions.problems.push(Problem { line, message }),
            }
        }
        suppressions
    }

    /// What could not be understood: it hides nothing, and somebody has to be told.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Every entry that could be understood, those that have expired included, in the order of the file.
    pub fn entries(&self) -> &[Suppression] {
        &self.entries
    }

    /// Those whose last day is over.
    pub fn expired(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Suppression> {
        self.entries.iter().filter(move |entry| entry.has_expired(now))
    }

    /// The entry that hides a finding now; the first, if several do.
    pub fn hiding(&self, finding: &Finding, now: DateTime<Utc>) -> Option<&Suppression> {
        self.entries.iter().find(|entry| !entry.has_expired(now) && entry.names(finding))
    }
}

impl Suppression {
    /// Whether its last day is over.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now.date_naive() > self.expires
    }

    /// Whether a finding has every value that it names.
    pub fn names(&self, finding: &Finding) -> bool {
        let rule = match &self.which {
            Which::Rule(id) => finding.rule.id == id,
            Which::Family(family) => finding.rule.family() == family,
        };
        let account = finding.account.as_deref().unwrap_or_default();
        let principal = finding.principal.as_ref().and_then(|principal| principal.id.as_deref());
        let resource = finding.resource.as_deref();
        rule && self.account.matches(account)
            && self.principal.as_ref().is_none_or(|wanted| principal.is_some_and(|id| wanted.matches(id)))
            && self
                .resource
                .as_ref()
                .is_none_or(|wanted| resource.is_some_and(|id| wanted.matches_resource(id)))
            && self.source_ip.is_none_or(|wanted| {
                let address: Option<IpAddr> = finding.source_ip.as_deref().and_then(|text| text.parse().ok());
                address.is_some_and(|address| wanted.contains(&address.to_canonical()))
            })
    }

    /// The rule or family that it is about.
    pub fn about(&self) -> String {
        match &self.which {
            Which::Rule(id) => id.clone(),
            Which::Family(family) => format!("{family}.*"),
        }
    }

    fn of(table: toml::Table, line: usize, now: DateTime<Utc>) -> Result<Suppression, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            rule: Option<String>,
            family: Option<String>,
            account: Option<String>,
            principal: Option<String>,
            resource: Option<String>,
            source_ip: Option<String>,
            reason: Option<String>,
            owner: Option<String>,
            expires: Option<Expires>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Expires {
            Text(String),
            Date(Datetime),
        }
        let entry: Entry =
            table.try_into().map_err(|error: toml::de::Error| text::clean(error.message(), 300))?;
        let missing = |name: &str, expected: &str| format!("{name} is missing; it must be {expected}");
        let wrong = |name: &str, value: &str, expected: &str| {
            format!("{name} is \"{}\"; it must be {expected}", text::clean(value, 100))
        };

        let expected = "the id of a rule, as `iamwatch rules` lists them";
        let which = match (entry.rule, entry.family) {
            (Some(id), None) if rule_ids().any(|known| known == id) => Which::Rule(id),
            (Some(id), None) => return Err(wrong("rule", &id, expected)),
            (None, Some(family)) if families().any(|known| known == family) => Which::Family(family),
            (None, Some(family)) => {
                return Err(wrong("family", &family, "the part of a rule's id before the dot"));
            }
            (None, None) => return Err(missing("rule", expected)),
            (Some(_), Some(_)) => {
                return Err("rule and family are both there; it must be one of them".to_owned());
            }
        };
        let account =
            entry.account.ok_or_else(|| missing("account", "a 12-digit account id, or \"*\" for all"))?;
        if account != "*" && !text::is_account_id(&account) {
            return Err(wrong("account", &account, "a 12-digit account id, or \"*\" for all"));
        }
        let pattern = |name: &str, value: Option<String>| match value.as_deref() {
            Some("") => {
                Err(wrong(name, "", "left out, or a name, an id or an ARN, in which * stands for anything"))
            }
            value => Ok(value.map(Pattern::of)),
        };
        let principal = pattern("principal", entry.principal)?;
        let resource = pattern("resource", entry.resource)?;
        let source_ip = match entry.source_ip {
            Some(range) => {
                let address = || range.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
                let parsed = range.parse::<IpNet>().or_else(|_| address());
                Some(
                    parsed.map_err(|_| {
                        wrong("source_ip", &range, "an address or a range, such as 192.0.2.0/24")
                    })?,
                )
            }
            None => None,
        };
        let reason = entry.reason.unwrap_or_default().trim().to_owned();
        if reason.is_empty() || reason == PLACEHOLDERS.0 || reason.chars().count() > MAX_REASON_CHARS {
            return Err(wrong(
                "reason",
                &reason,
                "why this is accepted, in your words and at most 500 characters",
            ));
        }
        let expected = "the last day on which it holds, such as 2026-12-31";
        let written = match entry.expires {
            Some(Expires::Text(written)) => written,
            Some(Expires::Date(written)) => written.to_string(),
            None => return Err(missing("expires", expected)),
        };
        let expires: NaiveDate = written.parse().map_err(|_| wrong("expires", &written, expected))?;
        let last = now.date_naive().checked_add_days(Days::new(MAX_DAYS_AHEAD));
        if last.is_some_and(|last| expires > last) {
            return Err(wrong("expires", &written, &format!("at most {MAX_DAYS_AHEAD} days ahead")));
        }
        let suppression = Suppression {
            line,
            reason,
            owner: entry.owner,
            expires,
            which,
            account: Pattern::of(&account),
            principal,
            resource,
            source_ip,
        };
        suppression.check_exact()?;
        Ok(suppression)
    }

    /// What must not be hidden by the dozen is named one by one.
    fn check_exact(&self) -> Result<(), String> {
        let family = match &self.which {
            Which::Rule(id) => id.split_once('.').map_or(&id[..], |(family, _)| family),
            Which::Family(family) => family,
        };
        if !EXACT_FAMILIES.contains(&family) {
            return Ok(());
        }
        let named = [&self.principal, &self.resource];
        let wild = !self.account.is_exact() || named.into_iter().flatten().any(|pattern| !pattern.is_exact());
        if matches!(self.which, Which::Family(_)) || wild || named.into_iter().all(Option::is_none) {
            return Err(format!(
                "findings of {family} are suppressed one by one; it must name rule, account, and resource or principal, without *"
            ));
        }
        Ok(())
    }
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} ({}, until {})", self.line, self.about(), self.expires)
    }
}

fn rule_ids() -> impl Iterator<Item = &'static str> {
    detections::rules().into_iter().map(|rule| rule.id)
}

fn families() -> impl Iterator<Item = &'static str> {
    detections::rules().into_iter().map(|rule| rule.family())
}

fn line_of(file: &str, position: usize) -> usize {
    file.bytes().take(position).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detections::cases::{Case, Expect, From};

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    const NOW: &str = "2026-04-01T12:00:00Z";

    fn failed(patch: &'static str) -> Finding {
        Case::new("suppress", From::ConsoleSignIn(patch), Expect::Nothing).finding().unwrap()
    }

    /// One entry with a reason and a date, and these lines.
    fn one(lines: &str) -> String {
        format!("[[suppression]]\n{lines}\nreason = \"an exercise\"\nexpires = \"2026-04-30\"\n")
    }

    #[test]
    fn an_entry_hides_what_has_every_value_that_it_names() {
        // alice of 111122223333 failed from 192.0.2.10.
        let finding = failed(
            r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
        );
        assert_eq!(finding.rule.id, "sign-in.failed");
        for (name, lines, hides) in [
            ("the rule", "rule = \"sign-in.failed\"\naccount = \"111122223333\"", true),
            ("the family, everywhere", "family = \"sign-in\"\naccount = \"*\"", true),
            ("another rule", "rule = \"sign-in.failed-mfa\"\naccount = \"111122223333\"", false),
            ("another family", "family = \"grant\"\naccount = \"*\"", false),
            ("another account", "rule = \"sign-in.failed\"\naccount = \"444455556666\"", false),
            ("the principal", "rule = \"sign-in.failed\"\naccount = \"*\"\nprincipal = \"alice\"", true),
            ("a pattern", "rule = \"sign-in.failed\"\naccount = \"*\"\nprincipal = \"a*e\"", true),
            ("another principal", "rule = \"sign-in.failed\"\naccount = \"*\"\nprincipal = \"ali\"", false),
            ("the address", "rule = \"sign-in.failed\"\naccount = \"*\"\nsource_ip = \"192.0.2.10\"", true),
            ("its range", "rule = \"sign-in.failed\"\naccount = \"*\"\nsource_ip = \"192.0.2.0/24\"", true),
            (
                "another address",
                "rule = \"sign-in.failed\"\naccount = \"*\"\nsource_ip = \"192.0.2.11\"",
                false,
            ),
            (
                "a resource that it has not",
                "rule = \"sign-in.failed\"\naccount = \"*\"\nresource = \"*\"",
                false,
            ),
        ] {
            let suppressions = Suppressions::parse(&one(lines), at(NOW));
            assert_eq!(suppressions.problems(), [], "{name}");
            assert_eq!(suppressions.hiding(&finding, at(NOW)).is_some(), hides, "{name}");
        }
    }

    #[test]
    fn an_entry_holds_to_the_end_of_its_last_day() {
        let finding = failed(r#"{"responseElements": {"ConsoleLogin": "Failure"}}"#);
        let suppressions = Suppressions::parse(&one("family = \"sign-in\"\naccount = \"*\""), at(NOW));
        for (time, hides) in [("2026-04-30T23:59:59Z", true), ("2026-05-01T00:00:00Z", false)] {
            assert_eq!(suppressions.hiding(&finding, at(time)).is_some(), hides, "{time}");
            assert_eq!(suppressions.entries()[0].has_expired(at(time)), !hides, "{time}");
        }
    }

    #[test]
    fn a_bad_entry_says_what_would_be_right_and_costs_no_other() {
        let entry = |lines: &str| format!("[[suppression]]\n{lines}\n");
        let good = one("rule = \"sign-in.failed\"\naccount = \"*\"");
        let dated = "reason = \"x\"\nexpires = \"2026-04-30\"";
        for (name, bad, said) in [
            ("no rule", entry(&format!("account = \"*\"\n{dated}")), "rule is missing"),
            (
                "both",
                entry(&format!("rule = \"sign-in.failed\"\nfamily = \"sign-in\"\naccount = \"*\"\n{dated}")),
                "both there",
            ),
            (
                "an unknown rule",
                entry(&format!("rule = \"sign-in.fialed\"\naccount = \"*\"\n{dated}")),
                "\"sign-in.fialed\"; it must be the id of a rule",
            ),
            (
                "an unknown family",
                entry(&format!("family = \"signin\"\naccount = \"*\"\n{dated}")),
                "family is \"signin\"",
            ),
            ("no account", entry(&format!("rule = \"sign-in.failed\"\n{dated}")), "account is missing"),
            (
                "a bad account",
                entry(&format!("rule = \"sign-in.failed\"\naccount = \"1111*\"\n{dated}")),
                "account is \"1111*\"",
            ),
            (
                "no reason",
                entry("rule = \"sign-in.failed\"\naccount = \"*\"\nexpires = \"2026-04-30\""),
                "reason is \"\"",
            ),
            (
                "a pasted reason",
                entry(&format!(
                    "rule = \"sign-in.failed\"\naccount = \"*\"\nreason = \"{}\"\nexpires = \"2026-04-30\"",
                    PLACEHOLDERS.0
                )),
                "reason is",
            ),
            (
                "no date",
                entry("rule = \"sign-in.failed\"\naccount = \"*\"\nreason = \"x\""),
                "expires is missing",
            ),
            (
                "a pasted date",
                entry("rule = \"sign-in.failed\"\naccount = \"*\"\nreason = \"x\"\nexpires = \"YYYY-MM-DD\""),
                "expires is \"YYYY-MM-DD\"",
            ),
            (
                "too far ahead",
                entry("rule = \"sign-in.failed\"\naccount = \"*\"\nreason = \"x\"\nexpires = \"2027-04-03\""),
                "at most 366 days ahead",
            ),
            (
                "an unknown key",
                entry(&format!("rule = \"sign-in.failed\"\naccount = \"*\"\nuser = \"bob\"\n{dated}")),
                "unknown field `user`",
            ),
            (
                "a number",
                entry(&format!("rule = \"sign-in.failed\"\naccount = 111122223333\n{dated}")),
                "invalid type",
            ),
            (
                "no address",
                entry(&format!(
                    "rule = \"sign-in.failed\"\naccount = \"*\"\nsource_ip = \"office\"\n{dated}"
                )),
                "source_ip is \"office\"",
            ),
            (
                "root by the dozen",
                entry(&format!("family = \"root\"\naccount = \"111122223333\"\nprincipal = \"x\"\n{dated}")),
                "findings of root are suppressed one by one",
            ),
            (
                "any trail",
                entry(&format!(
                    "rule = \"trail.stopped\"\naccount = \"111122223333\"\nresource = \"*\"\n{dated}"
                )),
                "without *",
            ),
            (
                "all trails",
                entry(&format!("rule = \"trail.stopped\"\naccount = \"111122223333\"\n{dated}")),
                "without *",
            ),
            (
                "a trail in any account",
                entry(&format!("rule = \"trail.stopped\"\naccount = \"*\"\nresource = \"main\"\n{dated}")),
                "without *",
            ),
        ] {
            let suppressions = Suppressions::parse(&format!("{bad}\n{good}"), at(NOW));
            let problems: Vec<String> = suppressions.problems().iter().map(ToString::to_string).collect();
            assert!(problems.len() == 1 && problems[0].contains(said), "{name}: {problems:?}");
            assert!(problems[0].starts_with("line 1: "), "{name}: {problems:?}");
            assert_eq!(suppressions.entries().len(), 1, "{name}: the good one");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_or_of_another_kind_hides_nothing_and_says_where() {
        let large = "#".repeat(MAX_FILE_BYTES + 1);
        for (file, line, said) in [
            ("[[suppression]]\nrule = \n", 2, ""),
            ("[[suppressions]]\nrule = \"x\"\n", 1, "unknown field `suppressions`"),
            ("suppression = 1\n", 1, "invalid type"),
            (&large, 1, "it must have at most 1048576"),
        ] {
            let suppressions = Suppressions::parse(file, at(NOW));
            let problems = suppressions.problems();
            assert!(problems.len() == 1 && problems[0].message.contains(said), "{problems:?}");
            assert_eq!((problems[0].line, suppressions.entries().len()), (line, 0), "{problems:?}");
        }
        let empty = Suppressions::parse("# nothing yet\n", at(NOW));
        assert!(empty.problems().is_empty() && empty.entries().is_empty());
    }

    #[test]
    fn a_date_may_be_written_as_toml_has_it() {
        let file =
            "[[suppression]]\nfamily = \"grant\"\naccount = \"*\"\nreason = \"x\"\nexpires = 2026-04-30\n";
        let suppressions = Suppressions::parse(file, at(NOW));
        assert_eq!(suppressions.entries()[0].expires.to_string(), "2026-04-30");
    }
}
