//! Suppressions: findings that a person accepts, why, who, and until when. They are not mailed.
//!
//! The file is `config/suppressions.toml`. Every mail shows the entry that would suppress it. An entry suppresses the
//! findings that have every value that it names and are no more severe than its `max_severity`. An invalid or expired
//! entry suppresses nothing, and does not affect the other entries.

mod breadth;
mod matching;

use std::net::IpAddr;

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, Utc};
use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::rule::Rule;
use crate::finding::{Finding, stable_id};
use crate::glob::Glob;
use crate::severity::Severity;
use crate::text;

/// A file larger than this is refused.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// How far ahead `expires` may be: the reason should be reviewed once a year.
const MAX_AHEAD: Months = Months::new(12);

/// What a mail shows in place of the reason and the date, which a person has to write.
pub const PLACEHOLDERS: (&str, &str) = ("why this is accepted, and who says so", "YYYY-MM-DD");

/// Findings of these families may hide everything else: an entry must name exactly one principal or resource.
const EXACT_FAMILIES: &[&str] = &["root", "trail", "watch"];

/// Rules that report missing notifications or checks cannot be suppressed.
pub const NEVER: &[&str] = &[
    "watch.could-not-look",
    "watch.mails-held-back",
    "watch.missed",
    "watch.suppression-expired",
    "watch.suppressions-changed",
    "watch.suppressions-unreadable",
];

/// What an entry without `max_severity` suppresses at most: nobody has said that something CRITICAL is accepted.
pub const DEFAULT_MAX_SEVERITY: Severity = Severity::High;

const MAX_REASON_CHARS: usize = 500;

/// The valid entries of a file of suppressions, and the problems of the others.
#[derive(Debug, Default)]
pub struct Suppressions {
    entries: Vec<Suppression>,
    problems: Vec<SuppressionProblem>,
}

/// What is wrong with the file, or with one entry of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SuppressionProblem {
    /// The line, from 1, of the error or of the beginning of the entry.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// One entry.
#[derive(Debug)]
pub struct Suppression {
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// Why its findings are suppressed.
    pub reason: String,
    /// Who suppressed them.
    pub owner: Option<String>,
    /// The last day on which it is in effect, to its end in UTC.
    pub expires: NaiveDate,
    selector: RuleSelector,
    account: Glob,
    principal: Option<Glob>,
    resource: Option<Glob>,
    source_ip: Option<IpNet>,
    max_severity: Option<Severity>,
}

#[derive(Debug)]
enum RuleSelector {
    Rule(String),
    Family(String),
}

impl Suppressions {
    /// Reads a file that may name only these rules. Errors are in [`Suppressions::problems`].
    pub fn parse(file: &str, rules: &[&'static Rule], now: DateTime<Utc>) -> Suppressions {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct FileToml {
            #[serde(default)]
            suppression: Vec<Spanned<toml::Table>>,
        }
        let refused = |line, message: String| Suppressions {
            entries: Vec::new(),
            problems: vec![SuppressionProblem { line, message }],
        };
        if file.len() > MAX_FILE_BYTES {
            let message = format!("the file has {} bytes; it must have at most {MAX_FILE_BYTES}", file.len());
            return refused(1, message);
        }
        let parsed: FileToml = match toml::from_str(file) {
            Ok(parsed) => parsed,
            Err(error) => {
                let line = error.span().map_or(1, |span| 1 + line_breaks(file, 0, span.start));
                return refused(line, text::clean(error.message(), 200));
            }
        };
        let mut suppressions = Suppressions::default();
        // The entries are in the order of the file: line breaks are counted from the entry before.
        let (mut line, mut counted) = (1, 0);
        for table in parsed.suppression {
            let start = table.span().start;
            line += line_breaks(file, counted, start);
            counted = start;
            match Suppression::of(table.into_inner(), line, rules, now) {
                Ok(entry) => suppressions.entries.push(entry),
                Err(message) => suppressions.problems.push(SuppressionProblem { line, message }),
            }
        }
        suppressions
    }

    /// What is wrong with the file. An entry with a problem suppresses nothing.
    pub fn problems(&self) -> &[SuppressionProblem] {
        &self.problems
    }

    /// The valid entries, including expired ones, in the order of the file.
    pub fn entries(&self) -> &[Suppression] {
        &self.entries
    }

    /// The valid entries that have expired, in the order of the file.
    pub fn expired(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Suppression> {
        self.entries.iter().filter(move |entry| entry.has_expired(now))
    }

    /// The first entry that suppresses a finding now.
    pub fn matching(&self, finding: &Finding, now: DateTime<Utc>) -> Option<&Suppression> {
        self.entries.iter().find(|entry| !entry.has_expired(now) && entry.matches(finding))
    }
}

impl Suppression {
    /// Whether its last day is over.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now.date_naive() > self.expires
    }

    /// Whether the entry suppresses a finding, once it is in effect: the finding has every value that the entry names, and
    /// is not too severe.
    pub fn matches(&self, finding: &Finding) -> bool {
        finding.severity <= self.max_severity() && self.names(finding)
    }

    /// Whether a finding has every value that the entry names, however severe it is.
    pub fn names(&self, finding: &Finding) -> bool {
        self.selects(finding.rule)
            && self.account.matches(finding.account.as_deref().unwrap_or_default())
            && self.principal.as_ref().is_none_or(|wanted| matching::names_principal(wanted, finding))
            && self.resource.as_ref().is_none_or(|wanted| matching::names_resource(wanted, finding))
            && self.source_ip.is_none_or(|wanted| {
                let address: Option<IpAddr> = finding.source_ip.as_deref().and_then(|text| text.parse().ok());
                address.is_some_and(|address| wanted.contains(&address.to_canonical()))
            })
    }

    /// The severity of the worst finding that it suppresses.
    pub fn max_severity(&self) -> Severity {
        self.max_severity.unwrap_or(DEFAULT_MAX_SEVERITY)
    }

    /// Whether the entry suppresses findings of the rule.
    pub fn selects(&self, rule: &Rule) -> bool {
        match &self.selector {
            RuleSelector::Rule(id) => rule.id == id,
            RuleSelector::Family(family) => rule.family() == family,
        }
    }

    /// Whether the entry itself says how severe a finding it suppresses.
    pub fn states_max_severity(&self) -> bool {
        self.max_severity.is_some()
    }

    /// When it expires: the midnight (UTC) after its last day.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        let next_day = self.expires.checked_add_days(Days::new(1))?;
        Some(next_day.and_time(NaiveTime::MIN).and_utc())
    }

    /// Every value that it names, by its key in the file, without `max_severity`.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let selector = match &self.selector {
            RuleSelector::Rule(id) => ("rule", id.clone()),
            RuleSelector::Family(family) => ("family", family.clone()),
        };
        let text = |glob: &Option<Glob>| glob.as_ref().map(Glob::written);
        let source_ip = self.source_ip.map(|range| match range.prefix_len() == range.max_prefix_len() {
            true => range.addr().to_string(),
            false => range.to_string(),
        });
        let named = [
            ("account", Some(self.account.written())),
            ("principal", text(&self.principal)),
            ("resource", text(&self.resource)),
            ("source_ip", source_ip),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key, value?)));
        std::iter::once(selector).chain(named).collect()
    }

    /// An id over the values, the severity and the last day: it does not depend on the line.
    pub fn id(&self) -> String {
        let (values, expires) = (self.values(), self.expires.to_string());
        let parts = values.iter().flat_map(|(key, value)| [*key, value]);
        // An entry without `max_severity` has the id that it had before there was one: its last day is not mailed again.
        let max_severity = self.max_severity.iter().flat_map(|severity| ["max_severity", severity.name()]);
        stable_id(&parts.chain([&expires[..]]).chain(max_severity).collect::<Vec<_>>())
    }

    fn family(&self) -> &str {
        match &self.selector {
            RuleSelector::Rule(id) => id.split_once('.').map_or(&id[..], |(family, _)| family),
            RuleSelector::Family(family) => family,
        }
    }

    /// The rule or family: `sign-in.failed`, or `sign-in.*`.
    pub fn about(&self) -> String {
        match &self.selector {
            RuleSelector::Rule(id) => id.clone(),
            RuleSelector::Family(family) => format!("{family}.*"),
        }
    }

    fn of(
        table: toml::Table,
        line: usize,
        rules: &[&'static Rule],
        now: DateTime<Utc>,
    ) -> Result<Suppression, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct EntryToml {
            rule: Option<String>,
            family: Option<String>,
            account: Option<String>,
            principal: Option<String>,
            resource: Option<String>,
            source_ip: Option<String>,
            max_severity: Option<String>,
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
        let entry: EntryToml =
            table.try_into().map_err(|error: toml::de::Error| text::clean(error.message(), 300))?;
        let missing = |name: &str, expected: &str| format!("{name} is missing; it must be {expected}");
        let wrong = |name: &str, value: &str, expected: &str| {
            format!("{name} is \"{}\"; it must be {expected}", text::clean(value, 100))
        };

        let expected = "the id of a rule, as `iamwatch rules` lists them";
        let selector = match (entry.rule, entry.family) {
            (Some(id), None) if NEVER.contains(&&id[..]) => {
                return Err(format!(
                    "findings of {id} cannot be suppressed: they tell what else is not told; the entry must go"
                ));
            }
            (Some(id), None) if rules.iter().any(|rule| rule.id == id) => RuleSelector::Rule(id),
            (Some(id), None) => return Err(wrong("rule", &id, expected)),
            (None, Some(family)) if rules.iter().any(|rule| rule.family() == family) => {
                RuleSelector::Family(family)
            }
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
        let glob = |name: &str, value: Option<String>| match value.as_deref() {
            Some("") => {
                Err(wrong(name, "", "left out, or a name, an id or an ARN, in which * stands for anything"))
            }
            value => Ok(value.map(Glob::of)),
        };
        let principal = glob("principal", entry.principal)?;
        let resource = glob("resource", entry.resource)?;
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
        let max_severity = match entry.max_severity {
            Some(name) => match Severity::ALL.into_iter().find(|severity| severity.name() == name) {
                Some(severity) => Some(severity),
                None => {
                    let names = Severity::ALL.map(Severity::name).join(", ");
                    return Err(wrong("max_severity", &name, &format!("one of {names}")));
                }
            },
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
        if let Some(last) = now.date_naive().checked_add_months(MAX_AHEAD).filter(|last| expires > *last) {
            return Err(wrong("expires", &written, &format!("at most a year ahead, so {last} or earlier")));
        }
        let suppression = Suppression {
            line,
            reason,
            owner: entry.owner,
            expires,
            selector,
            account: Glob::of(&account),
            principal,
            resource,
            source_ip,
            max_severity,
        };
        suppression.check_exact()?;
        Ok(suppression)
    }

    /// Refuses wildcards and families if findings of the family must be suppressed one by one.
    fn check_exact(&self) -> Result<(), String> {
        let family = self.family();
        if !EXACT_FAMILIES.contains(&family) {
            return Ok(());
        }
        let named = [&self.principal, &self.resource];
        let wild = !self.account.is_exact() || named.into_iter().flatten().any(|glob| !glob.is_exact());
        if matches!(self.selector, RuleSelector::Family(_)) || wild || named.into_iter().all(Option::is_none)
        {
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

fn line_breaks(file: &str, from: usize, to: usize) -> usize {
    file.get(from..to).unwrap_or_default().bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::test_rules::{ALL, FAILED};
    use crate::finding::{Principal, Subject};
    use crate::formats::cloudtrail::Record;
    use crate::severity::Severity;

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    const NOW: &str = "2026-04-01T12:00:00Z";

    const ALICE: &str = r#"{"type": "IAMUser", "userName": "alice", "principalId": "AIDAALICEEXAMPLE", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/alice"}"#;

    /// A failed sign-in of that principal from 192.0.2.10.
    fn failed(identity: &str) -> Finding {
        let json = format!(
            r#"{{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "recipientAccountId": "111122223333", "userIdentity": {identity}}}"#
        );
        let record = Record::parse(json.as_bytes()).unwrap();
        Finding {
            account: Some("111122223333".to_owned()),
            principal: Principal::of(&record),
            source_ip: Some("192.0.2.10".to_owned()),
            ..Finding::new(&FAILED, Severity::Low, String::new(), Subject::of(&record), "failed to sign in")
        }
    }

    /// One entry with a reason and a date, and these lines.
    fn one(lines: &str) -> String {
        format!("[[suppression]]\n{lines}\nreason = \"an exercise\"\nexpires = \"2026-04-30\"\n")
    }

    #[test]
    fn an_entry_suppresses_findings_with_every_value_that_it_names() {
        let finding = failed(ALICE);
        for (name, lines, suppressed) in [
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
            let suppressions = Suppressions::parse(&one(lines), &ALL, at(NOW));
            assert_eq!(suppressions.problems(), [], "{name}");
            assert_eq!(suppressions.matching(&finding, at(NOW)).is_some(), suppressed, "{name}");
        }
    }

    #[test]
    fn an_entry_suppresses_nothing_worse_than_its_max_severity_and_nothing_critical_without_one() {
        let (rule, all) = ("rule = \"sign-in.failed\"\naccount = \"111122223333\"", Severity::ALL);
        for (name, line, suppressed) in [
            ("none", "", &all[..4]),
            ("the least", "max_severity = \"INFORMATIONAL\"", &all[..1]),
            ("LOW", "max_severity = \"LOW\"", &all[..2]),
            ("HIGH", "max_severity = \"HIGH\"", &all[..4]),
            ("CRITICAL", "max_severity = \"CRITICAL\"", &all[..]),
        ] {
            let suppressions = Suppressions::parse(&one(&format!("{rule}\n{line}")), &ALL, at(NOW));
            assert_eq!(suppressions.problems(), [], "{name}");
            for severity in all {
                let finding = Finding { severity, ..failed(ALICE) };
                let is_suppressed = suppressions.matching(&finding, at(NOW)).is_some();
                assert_eq!(is_suppressed, suppressed.contains(&severity), "{name}: {severity}");
                assert!(suppressions.entries()[0].names(&finding), "{name}: {severity}");
            }
        }
    }

    #[test]
    fn an_entry_is_in_effect_to_the_end_of_its_last_day() {
        let finding = failed(ALICE);
        let suppressions = Suppressions::parse(&one("family = \"sign-in\"\naccount = \"*\""), &ALL, at(NOW));
        assert_eq!(suppressions.entries()[0].end(), Some(at("2026-05-01T00:00:00Z")));
        for (time, suppressed) in [("2026-04-30T23:59:59Z", true), ("2026-05-01T00:00:00Z", false)] {
            assert_eq!(suppressions.expired(at(time)).count(), usize::from(!suppressed), "{time}");
            assert_eq!(suppressions.matching(&finding, at(time)).is_some(), suppressed, "{time}");
            assert_eq!(suppressions.entries()[0].has_expired(at(time)), !suppressed, "{time}");
        }
    }

    #[test]
    fn the_problem_of_an_entry_says_what_would_be_right_and_affects_no_other_entry() {
        let entry = |lines: &str| format!("[[suppression]]\n{lines}\n");
        let good = one("rule = \"sign-in.failed\"\naccount = \"*\"");
        let dated = "reason = \"x\"\nexpires = \"2026-04-30\"";
        for (name, bad, expected) in [
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
                entry("rule = \"sign-in.failed\"\naccount = \"*\"\nreason = \"x\"\nexpires = \"2027-04-02\""),
                "expires is \"2027-04-02\"; it must be at most a year ahead, so 2027-04-01 or earlier",
            ),
            (
                "an unknown key",
                entry(&format!("rule = \"sign-in.failed\"\naccount = \"*\"\nuser = \"bob\"\n{dated}")),
                "unknown field `user`",
            ),
            (
                "a severity that does not exist",
                entry(&format!(
                    "rule = \"sign-in.failed\"\naccount = \"*\"\nmax_severity = \"high\"\n{dated}"
                )),
                "max_severity is \"high\"; it must be one of INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL",
            ),
            (
                "a severity by its number",
                entry(&format!("rule = \"sign-in.failed\"\naccount = \"*\"\nmax_severity = 4\n{dated}")),
                "invalid type",
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
                "root by its family, however exactly",
                entry(&format!("family = \"root\"\naccount = \"111122223333\"\nresource = \"x\"\n{dated}")),
                "findings of root are suppressed one by one",
            ),
            (
                "iamwatch itself, by a wildcard",
                entry(&format!(
                    "rule = \"watch.tampered\"\naccount = \"111122223333\"\nresource = \"iamwatch-*\"\n{dated}"
                )),
                "without *",
            ),
            (
                "that iamwatch could not look",
                entry(&format!(
                    "rule = \"watch.could-not-look\"\naccount = \"111122223333\"\nresource = \"logs\"\n{dated}"
                )),
                "findings of watch.could-not-look cannot be suppressed",
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
            let suppressions = Suppressions::parse(&format!("{bad}\n{good}"), &ALL, at(NOW));
            let problems: Vec<String> = suppressions.problems().iter().map(ToString::to_string).collect();
            assert!(problems.len() == 1 && problems[0].contains(expected), "{name}: {problems:?}");
            assert!(problems[0].starts_with("line 1: "), "{name}: {problems:?}");
            assert_eq!(suppressions.entries().len(), 1, "{name}: the good one");
        }
    }

    #[test]
    fn an_invalid_file_suppresses_nothing_and_its_problem_has_the_line() {
        let large = "#".repeat(MAX_FILE_BYTES + 1);
        for (file, line, expected) in [
            ("[[suppression]]\nrule = \n", 2, ""),
            ("[[suppressions]]\nrule = \"x\"\n", 1, "unknown field `suppressions`"),
            ("suppression = 1\n", 1, "invalid type"),
            (&large, 1, "it must have at most 1048576"),
        ] {
            let suppressions = Suppressions::parse(file, &ALL, at(NOW));
            let problems = suppressions.problems();
            assert!(problems.len() == 1 && problems[0].message.contains(expected), "{problems:?}");
            assert_eq!((problems[0].line, suppressions.entries().len()), (line, 0), "{problems:?}");
        }
        let empty = Suppressions::parse("# nothing yet\n", &ALL, at(NOW));
        assert!(empty.problems().is_empty() && empty.entries().is_empty());
    }

    #[test]
    fn a_unique_id_matches_one_user_only_and_every_session_of_a_role() {
        let remade = &ALICE.replace("AIDAALICEEXAMPLE", "AIDAOTHEREXAMPLE");
        let session = r#"{"type": "AssumedRole", "principalId": "AROADEVEXAMPLE:erin", "accountId": "111122223333", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin"}"#;
        let provider = r#"{"type": "SAMLUser", "userName": "x", "principalId": "AIDAALICEEXAMPLE:x", "accountId": "111122223333"}"#;
        for (name, principal, identity, suppressed) in [
            ("a user by id", "AIDAALICEEXAMPLE", ALICE, true),
            ("by name", "alice", ALICE, true),
            ("of the same name, made again", "AIDAALICEEXAMPLE", remade, false),
            ("a role by id", "AROADEVEXAMPLE", session, true),
            ("a session's own name is no id", "erin", session, false),
            ("the name from an identity provider is no id", "AIDAALICEEXAMPLE", provider, false),
        ] {
            let lines = format!("family = \"sign-in\"\naccount = \"*\"\nprincipal = \"{principal}\"");
            let suppressions = Suppressions::parse(&one(&lines), &ALL, at(NOW));
            assert_eq!(suppressions.matching(&failed(identity), at(NOW)).is_some(), suppressed, "{name}");
        }
    }

    #[test]
    fn the_id_of_an_entry_depends_on_its_values_and_last_day() {
        let id = |lines: &str| {
            let suppressions = Suppressions::parse(lines, &ALL, at(NOW));
            assert_eq!(suppressions.problems(), []);
            suppressions.entries()[0].id()
        };
        let lines = "rule = \"sign-in.failed\"\naccount = \"*\"";
        let same = one(lines);
        for (name, other, is_same) in [
            ("further down", format!("# x\n\n{same}"), true),
            ("in another order", one("account = \"*\"\nrule = \"sign-in.failed\""), true),
            ("for another reason", same.replace("an exercise", "a drill"), true),
            ("until another day", same.replace("04-30", "04-29"), false),
            ("of one principal", one(&format!("{lines}\nprincipal = \"bob\"")), false),
            ("of another severity", one(&format!("{lines}\nmax_severity = \"HIGH\"")), false),
            ("of something", one(&format!("{lines}\nresource = \"bob\"")), false),
            ("a whole family", same.replace("rule = \"sign-in.failed\"", "family = \"sign-in\""), false),
        ] {
            assert_eq!(id(&other) == id(&same), is_same, "{name}");
        }
    }

    #[test]
    fn an_entry_is_broad_unless_it_names_one_thing() {
        for (lines, broad) in [
            ("rule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"bob\"", false),
            ("rule = \"grant.admin-policy-attached\"\naccount = \"111122223333\"\nresource = \"bob\"", true),
            (
                "rule = \"grant.admin-policy-attached\"\naccount = \"111122223333\"\nresource = \"user/bob\"",
                false,
            ),
            (
                "rule = \"grant.admin-policy-attached\"\naccount = \"111122223333\"\nresource = \"arn:aws:iam::111122223333:role/app\"",
                false,
            ),
            (
                "rule = \"root.sign-in\"\naccount = \"111122223333\"\nresource = \"root of 111122223333\"",
                false,
            ),
            ("rule = \"trail.stopped\"\naccount = \"111122223333\"\nresource = \"main\"", true),
            ("rule = \"trail.stopped\"\naccount = \"111122223333\"\nresource = \"trail/main\"", false),
            ("rule = \"sign-in.failed\"\naccount = \"111122223333\"\nsource_ip = \"192.0.2.1\"", false),
            ("rule = \"sign-in.failed\"\naccount = \"111122223333\"\nsource_ip = \"192.0.2.0/24\"", true),
            ("rule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"b*\"", true),
            ("rule = \"sign-in.failed\"\naccount = \"111122223333\"", true),
            ("rule = \"sign-in.failed\"\naccount = \"*\"\nprincipal = \"bob\"", true),
            ("family = \"sign-in\"\naccount = \"111122223333\"\nprincipal = \"bob\"", true),
        ] {
            let suppressions = Suppressions::parse(&one(lines), &ALL, at(NOW));
            assert_eq!(suppressions.problems(), [], "{lines}");
            let entry = &suppressions.entries()[0];
            assert_eq!(entry.is_broad(), broad, "{lines}: {:?}", entry.broad_because());
        }
    }

    #[test]
    fn many_entries_are_read_quickly_and_each_has_its_line() {
        let file = "[[suppression]]\n".repeat(MAX_FILE_BYTES / 16);
        let suppressions = Suppressions::parse(&file, &ALL, at(NOW));
        let lines: Vec<usize> = suppressions.problems().iter().map(|problem| problem.line).collect();
        assert!(lines.into_iter().eq(1..=MAX_FILE_BYTES / 16));
    }

    #[test]
    fn a_date_may_be_a_toml_date() {
        let file =
            "[[suppression]]\nfamily = \"grant\"\naccount = \"*\"\nreason = \"x\"\nexpires = 2026-04-30\n";
        let suppressions = Suppressions::parse(file, &ALL, at(NOW));
        assert_eq!(suppressions.entries()[0].expires.to_string(), "2026-04-30");
    }
}
