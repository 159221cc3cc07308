//! Two runs over reports that nobody remembers but in a file: what `iamwatch credential-report --format json`
//! printed, one finding a line, beside what a report shows now.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::finding::CheckOutcome;
use crate::finding::is_unjudged;
use crate::finding::rule::CheckRule;
use crate::finding::summary::{MAX_NAME_CHARS, circumstances, known, who};
use crate::finding::{Evidence, EvidenceFacts, Finding, Principal, Status, Subject};
use crate::severity::Severity;
use crate::state::ledger::RuleLookup;
use crate::text;

/// The most characters of a fault that are shown.
const MAX_FAULT_CHARS: usize = 200;

/// The findings of an earlier run.
#[derive(Debug, Default)]
pub struct Previous {
    /// By id; of two lines with the same id the later one counts.
    findings: BTreeMap<String, Finding>,
    /// How many lines are about something else than a credential report, or raised by a rule that is not known.
    of_others: u64,
}

/// A line, as far as it is read.
#[derive(Deserialize)]
struct PreviousLine {
    id: String,
    rule: String,
    status: Option<Status>,
    since: Option<DateTime<Utc>>,
    severity: Severity,
    summary: String,
    account: Option<String>,
    resource: Option<String>,
    principal: Option<PreviousPrincipal>,
    time: Option<DateTime<Utc>>,
    evidence: Map<String, Value>,
    /// Absent in files that an older version wrote.
    what: Option<String>,
}

#[derive(Deserialize)]
struct PreviousPrincipal {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    arn: Option<String>,
}

impl Previous {
    /// Reads the lines; those of rules that are not found are counted.
    ///
    /// # Errors
    /// On which line, from 1, something else stands than a finding, and what.
    pub fn read(lines: &str, rules: RuleLookup) -> Result<Previous, String> {
        let mut previous = Previous::default();
        for (number, line) in (1..).zip(lines.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line: PreviousLine = serde_json::from_str(line).map_err(|error| {
                let error = text::clean(&error.to_string(), MAX_FAULT_CHARS);
                format!(
                    "line {number} is no finding as `iamwatch credential-report --format json` prints it: {error}"
                )
            })?;
            match rules(&line.rule) {
                Some(rule) => {
                    let finding = line.finding(rule);
                    previous.findings.insert(finding.id.clone(), finding);
                }
                None => previous.of_others += 1,
            }
        }
        Ok(previous)
    }

    /// Says of every finding of a report how it stands beside these, and adds those that are resolved or could not be
    /// judged this time. Also says how many lines were passed over, for they are about something else.
    pub fn compare(
        self,
        judged: CheckOutcome,
        account: &str,
        generated: DateTime<Utc>,
    ) -> (Vec<Finding>, u64) {
        let Previous { findings: mut before, of_others } = self;
        let all = before.len();
        before.retain(|_, finding| finding.account.as_deref().unwrap_or_default() == account);
        let passed_over = of_others + (all - before.len()) as u64;

        let CheckOutcome { mut findings, gaps } = judged;
        for finding in &mut findings {
            let before = before.remove(&finding.id);
            let was_resolved = |before: &Finding| before.status == Some(Status::Resolved);
            (finding.status, finding.since) = match before {
                None => (Some(Status::New), Some(generated)),
                Some(before) if was_resolved(&before) => (Some(Status::CameBack), Some(generated)),
                Some(before) => (Some(Status::Still), before.since.or(before.time)),
            };
        }
        // That something is still resolved is no news.
        let gone = before.into_values().filter(|before| before.status != Some(Status::Resolved));
        findings.extend(gone.map(|before| {
            let name = before.principal.as_ref().and_then(|who| who.name.as_deref());
            let since = before.since.or(before.time);
            match is_unjudged(&gaps, before.rule.id, name) {
                true => Finding { status: Some(Status::Still), since, ..before },
                // Its summary remains what was true then.
                false => Finding { status: Some(Status::Resolved), since, time: Some(generated), ..before },
            }
        }));
        (findings, passed_over)
    }
}

impl PreviousLine {
    fn finding(self, rule: CheckRule) -> Finding {
        let CheckRule { rule, remediation, .. } = rule;
        let principal = self.principal.map(|PreviousPrincipal { kind, name, arn }| {
            let id = match kind.as_deref() {
                Some("Root") => arn.clone(),
                _ => name.clone(),
            };
            Principal { kind, name, arn, id, ..Principal::default() }
        });
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        let mut evidence = self.evidence;
        let object = evidence.remove("object").and_then(text);
        let facts = evidence.into_iter().filter_map(|(name, value)| Some((Cow::Owned(name), text(value)?)));
        let facts = EvidenceFacts(facts.collect());
        let account = self.account.unwrap_or_default();
        let subject = match &account[..] {
            "" => Subject::Account("unknown account".to_owned()),
            account => Subject::Account(account.to_owned()),
        };
        let mut finding = Finding {
            status: self.status,
            since: self.since,
            summary: self.summary,
            account: Some(account).filter(|account| !account.is_empty()),
            resource: self.resource,
            principal,
            time: self.time,
            evidence: Evidence { object, facts, ..Evidence::default() },
            remediation,
            ..Finding::new(rule, self.severity, self.id, subject, "")
        };
        let what = self.what.or_else(|| what_of_old_summary(&finding).map(str::to_owned));
        // The title, if an older version phrased the summary differently.
        finding.what = what.unwrap_or_else(|| rule.title.to_lowercase());
        finding
    }
}

/// The phrase `what` of a finding that was printed without it, from its summary; `None` if this version would
/// not make that summary.
fn what_of_old_summary(finding: &Finding) -> Option<&str> {
    let account = known(&finding.account).map(|account| text::clean(account, MAX_NAME_CHARS));
    let summary = finding.summary.strip_suffix('.')?;
    let phrase = match who(finding) {
        None => summary,
        Some(who) => summary.strip_prefix(&who)?.strip_prefix(' ')?,
    };
    match circumstances(finding, account) {
        rest if rest.is_empty() => Some(phrase),
        rest => {
            phrase.strip_suffix(&format!(" ({rest})")).or_else(|| phrase.strip_suffix(&format!(" {rest}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::finding::CheckLine;
    use crate::formats::credential_report::CredentialReport;
    use crate::formats::credential_report::samples::{BaseRow, csv};
    use crate::rules::checks::cases::{about, generated};
    use crate::rules::{checks, registry};

    const ROOT: BaseRow = BaseRow::Root(&[]);
    const NO_MFA: BaseRow = BaseRow::Person(&[("mfa_active", "false")]);
    const TWO_KEYS: BaseRow = BaseRow::Machine(&[
        ("access_key_2_active", "true"),
        ("access_key_2_last_rotated", "2026-03-30T00:00:00Z"),
    ]);

    fn judged(rows: &[BaseRow]) -> CheckOutcome {
        let report = CredentialReport::parse(csv(rows).as_bytes()).unwrap();
        checks::judge(&report, &about(), &Config::default())
    }

    fn printed(findings: &[Finding]) -> String {
        findings.iter().map(|finding| serde_json::to_string(finding).unwrap() + "\n").collect()
    }

    /// Rule and status of each, and how many lines were passed over.
    fn compared(lines: &str, rows: &[BaseRow]) -> (Vec<(&'static str, &'static str)>, u64) {
        let previous = Previous::read(lines, registry::report_rule).unwrap();
        let (findings, passed_over) = previous.compare(judged(rows), "111122223333", generated());
        let mut said: Vec<_> =
            findings.iter().map(|finding| (finding.rule.id, finding.status.unwrap().name())).collect();
        said.sort_unstable();
        (said, passed_over)
    }

    #[test]
    fn a_finding_is_new_still_resolved_or_back_beside_those_of_the_run_before() {
        let first = printed(&judged(&[ROOT, NO_MFA]).findings);
        assert_eq!(compared("", &[ROOT, NO_MFA]).0, [("password.mfa-disabled", "new")]);
        assert_eq!(compared(&first, &[ROOT, NO_MFA]).0, [("password.mfa-disabled", "still")]);
        assert_eq!(
            compared(&first, &[ROOT, BaseRow::Person(&[]), TWO_KEYS]).0,
            [("access-key.two-active", "new"), ("password.mfa-disabled", "resolved")]
        );
        let second = Previous::read(&first, registry::report_rule).unwrap();
        let (second, _) = second.compare(judged(&[ROOT]), "111122223333", generated());
        assert_eq!(compared(&printed(&second), &[ROOT]).0, [], "that it is still resolved is no news");
        assert_eq!(compared(&printed(&second), &[ROOT, NO_MFA]).0, [("password.mfa-disabled", "came-back")]);
    }

    #[test]
    fn what_could_not_be_judged_this_time_still_stands() {
        let first = printed(&judged(&[ROOT, NO_MFA]).findings);
        for (name, unjudged) in [
            ("its cell", BaseRow::Person(&[("mfa_active", "?")])),
            ("its row", BaseRow::Person(&[("arn", "alice")])),
        ] {
            let (said, _) = compared(&first, &[ROOT, unjudged]);
            assert_eq!(said[0], ("password.mfa-disabled", "still"), "{name}");
            assert_eq!(said[1].0, "watch.could-not-look", "{name}");
        }
        // That somebody could not look is known to be over.
        let could_not = printed(&judged(&[ROOT, BaseRow::Person(&[("mfa_active", "?")])]).findings);
        assert_eq!(
            compared(&could_not, &[ROOT, BaseRow::Person(&[])]).0,
            [("watch.could-not-look", "resolved")]
        );
    }

    #[test]
    fn lines_about_something_else_are_passed_over_and_counted() {
        let line = printed(&judged(&[ROOT, NO_MFA]).findings);
        for (name, line) in [
            ("another account", line.replace("\"account\":\"111122223333\"", "\"account\":\"444455556666\"")),
            ("no account", line.replace("\"account\":\"111122223333\",", "")),
            ("a rule over records", line.replace("password.mfa-disabled", "sign-in.failed")),
            ("a rule of another version", line.replace("password.mfa-disabled", "password.too-short")),
        ] {
            assert_eq!(compared(&line, &[ROOT]), (vec![], 1), "{name}");
        }
    }

    #[test]
    fn what_is_no_finding_is_named_by_its_line() {
        let line = printed(&judged(&[ROOT, NO_MFA]).findings);
        for (name, lines, number) in [
            ("no JSON", format!("{line}\n[HIGH] \u{1b}[2J"), 3),
            ("an array", format!("[\n{line}]"), 1),
            ("another object", format!("{line}{{}}\n"), 2),
            ("an unknown status", line.replacen("{", "{\"status\": \"gone\",", 1), 1),
        ] {
            let error = Previous::read(&lines, registry::report_rule).unwrap_err();
            assert!(error.starts_with(&format!("line {number} is no finding as ")), "{name}: {error}");
            assert!(!error.contains(char::is_control), "{name}: {error:?}");
        }
        assert!(
            Previous::read("", registry::report_rule).unwrap().findings.is_empty()
                && Previous::read("\n \n", registry::report_rule).is_ok()
        );
    }

    #[test]
    fn a_line_read_back_is_the_finding_that_was_printed() {
        let mut whole = 0;
        for case in checks::table().flat_map(|check| check.cases) {
            for finding in case.judged().findings {
                let line = printed(std::slice::from_ref(&finding));
                let previous = Previous::read(&line, registry::report_rule).unwrap();
                let read = &previous.findings[&finding.id];
                let current = serde_json::to_string(&CheckLine(&finding)).unwrap();
                let current = Previous::read(&current, registry::report_rule).unwrap();
                assert_eq!(current.findings[&finding.id].what, finding.what, "{}", case.name);
                let json = |line: &str| serde_json::from_str::<Value>(line).unwrap();
                assert_eq!(json(&printed(std::slice::from_ref(read))), json(&line), "{}", case.name);
                assert_eq!(read.subject, finding.subject, "{}", case.name);
                let id = |finding: &Finding| finding.principal.as_ref().and_then(|who| who.id.clone());
                assert_eq!(id(read), id(&finding), "{}: a suppression names it by this", case.name);
                let what = text::clean(&finding.what, 300);
                assert_eq!(read.what.to_lowercase(), what.to_lowercase(), "{}", case.name);
                whole += 1;
            }
        }
        assert!(whole > 80, "{whole}");
        let finding = &judged(&[ROOT, NO_MFA]).findings[0];
        let otherwise = Finding { summary: "alice has no token.".to_owned(), ..finding.clone() };
        let read = Previous::read(&printed(&[otherwise]), registry::report_rule).unwrap();
        assert_eq!(read.findings[&finding.id].what, "console password without a second factor");
    }
}
