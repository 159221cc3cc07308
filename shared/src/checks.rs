//! The rules over the credential report: a table of entries, one file a family, each entry with its cases.
//!
//! To add a rule, add its entry and its cases to its family's file, and name in `columns` every column that
//! its function reads. A row in which one of them cannot be read is never clean: it is told as
//! `watch.could-not-look`, beside what the rule could see, and as a [`Gap`], so that nothing is taken for
//! resolved.
//!
//! Ages are whole days, against the moment at which AWS made the report: what is exactly as old as a limit is
//! fine, and a day later it is raised.

mod access_key;
#[cfg(any(test, feature = "cases"))]
#[expect(
    clippy::panic,
    reason = "only tests read the cases, and a case that is no report is a mistake in a test"
)]
pub mod cases;
mod certificate;
mod gaps;
mod password;
mod root;
mod user;

pub use gaps::Gap;

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::config::{Config, Days};
use crate::credential_report::{Cell, CredentialReport, ROOT_USER, Row};
use crate::finding::{Evidence, Finding, Principal, Subject, stable_id};
use crate::rule::Rule;

/// One rule over the report.
pub struct Check {
    /// What the rule says about itself.
    pub rule: Rule,
    /// Whose rows it judges.
    pub on: On,
    /// Every column that it reads.
    pub columns: &'static [&'static str],
    /// What it says of one row.
    pub judge: fn(&Asked<'_>, &mut Verdict),
    /// Rows that raise it and rows that leave it quiet.
    #[cfg(any(test, feature = "cases"))]
    pub cases: &'static [cases::Case],
}

/// Whose rows a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The root user's.
    Root,
    /// Every other user's.
    Users,
}

impl On {
    fn includes(self, row: &Row) -> bool {
        row.is_root() == (self == On::Root)
    }
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The row, in which no date lies after the report.
    pub row: &'a Row,
    /// When AWS made the report.
    pub generated: DateTime<Utc>,
    /// The limits.
    pub config: &'a Config,
}

impl Asked<'_> {
    /// Whole days from then to the report.
    fn age_days(&self, date: DateTime<Utc>) -> i64 {
        (self.generated - date).num_days().max(0)
    }

    /// The limit for this user; the shorter one where the report does not say whether there is a password.
    fn limit(&self, days: Days) -> i64 {
        i64::from(match self.row.password.enabled {
            Cell::Value(true) => days.people,
            Cell::Value(false) => days.machines,
            _ => days.people.min(days.machines),
        })
    }
}

/// What one rule says of one row.
#[derive(Debug, Default)]
pub struct Verdict {
    raised: Vec<Raised>,
    /// Columns that say nothing where the rule needs something.
    unjudged: Vec<&'static str>,
}

/// One finding's own part.
#[derive(Debug)]
struct Raised {
    /// A phrase that follows the principal's name.
    what: String,
    /// Which of several credentials of a kind it is about.
    credential: Option<Credential>,
    facts: Vec<(&'static str, String)>,
}

/// One of two access keys or certificates.
#[derive(Clone, Copy, Debug)]
struct Credential {
    /// Where it stands in this report. Not what it is known by: that may change from one report to the next.
    slot: &'static Slot,
    /// What it is known by, for the report gives no id.
    last_rotated: Option<DateTime<Utc>>,
}

/// The columns of one of two access keys or certificates.
#[derive(Debug)]
struct Slot {
    active: &'static str,
    last_rotated: &'static str,
    /// Of certificates the report does not say it.
    last_used: &'static str,
}

impl Slot {
    fn has(&self, column: &str) -> bool {
        [self.active, self.last_rotated, self.last_used].contains(&column)
    }
}

const KEY_SLOTS: &[Slot; 2] = &[
    Slot {
        active: "access_key_1_active",
        last_rotated: "access_key_1_last_rotated",
        last_used: "access_key_1_last_used_date",
    },
    Slot {
        active: "access_key_2_active",
        last_rotated: "access_key_2_last_rotated",
        last_used: "access_key_2_last_used_date",
    },
];

const CERTIFICATE_SLOTS: &[Slot; 2] = &[
    Slot { active: "cert_1_active", last_rotated: "cert_1_last_rotated", last_used: "" },
    Slot { active: "cert_2_active", last_rotated: "cert_2_last_rotated", last_used: "" },
];

impl Verdict {
    /// Raises a finding; `what` is a phrase that follows the principal's name.
    fn raise(&mut self, what: impl Into<String>) {
        self.raised.push(Raised { what: what.into(), credential: None, facts: Vec::new() });
    }

    /// The same about one of several credentials.
    fn raise_about(&mut self, credential: Credential, what: impl Into<String>) {
        self.raised.push(Raised { what: what.into(), credential: Some(credential), facts: Vec::new() });
    }

    /// Adds a fact to what was raised last, besides what the columns say.
    fn fact(&mut self, name: &'static str, value: impl ToString) {
        if let Some(raised) = self.raised.last_mut() {
            raised.facts.push((name, value.to_string()));
        }
    }

    /// The date in a column that must have one here. Where it has none, that is a gap.
    fn needed(&mut self, cell: &Cell<DateTime<Utc>>, column: &'static str) -> Option<DateTime<Utc>> {
        if !matches!(cell, Cell::Value(_) | Cell::Missing | Cell::Unreadable(_)) {
            self.unjudged.push(column);
        }
        cell.value().copied()
    }
}

/// What the findings of a report have in common.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The account; where it is empty, the one that the report's ARNs name.
    pub account: &'a str,
    /// When AWS made the report.
    pub generated: DateTime<Utc>,
    /// The report: `s3://bucket/key`, or a path.
    pub source: Option<&'a str>,
}

/// What judging a report came to.
#[derive(Debug, Default)]
pub struct Judged {
    /// What was found, what could not be judged included; no two have one id.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub gaps: Vec<Gap>,
}

/// Every rule over the report.
pub fn table() -> impl Iterator<Item = &'static Check> {
    [root::CHECKS, password::CHECKS, access_key::CHECKS, certificate::CHECKS, user::CHECKS]
        .into_iter()
        .flatten()
}

/// Judges a whole report, row by row.
pub fn judge(report: &CredentialReport, about: &About<'_>, config: &Config) -> Judged {
    let account = match about.account {
        "" => report.account().unwrap_or_default(),
        account => account,
    };
    let about = About { account, ..*about };
    let mut judged = Judged::default();
    gaps::of_report(report, &about, &mut judged);
    for row in report.rows() {
        if row.has_dates_after(about.generated) {
            judge_row(&row.without_dates_after(about.generated), &about, config, &mut judged);
        } else {
            judge_row(row, &about, config, &mut judged);
        }
    }
    // Two rows of one user may say the same of a credential.
    let twice: HashSet<&str> =
        report.contradictions().iter().map(|contradiction| principal_name(&contradiction.user)).collect();
    let mut seen = HashSet::new();
    judged.findings.retain(|finding| {
        let name = finding.principal.as_ref().and_then(|who| who.name.as_deref());
        !name.is_some_and(|name| twice.contains(name)) || seen.insert(finding.id.clone())
    });
    judged
}

fn judge_row(row: &Row, about: &About<'_>, config: &Config, judged: &mut Judged) {
    let unreadable = row.unreadable_columns();
    let asked = Asked { row, generated: about.generated, config };
    for check in table().filter(|check| check.on.includes(row)) {
        let mut verdict = Verdict::default();
        (check.judge)(&asked, &mut verdict);
        let mut credentials: Vec<String> = Vec::new();
        for raised in verdict.raised {
            judged.findings.push(finding(check, raised, row, about, &mut credentials));
        }
        let columns = check.columns.iter().filter(|column| unreadable.contains(column));
        let unjudged: Vec<&str> = columns.copied().chain(verdict.unjudged).collect();
        if !unjudged.is_empty() {
            gaps::of_cells(check, row, &unjudged, about, judged);
        }
    }
    gaps::of_additional(row, about, judged);
}

/// The finding. Its id holds the user's name and not the ARN, which changes with the user's path; and never
/// whether a key is the first or the second one of the report.
fn finding(
    check: &'static Check,
    raised: Raised,
    row: &Row,
    about: &About<'_>,
    credentials: &mut Vec<String>,
) -> Finding {
    let rule = &check.rule;
    let last_rotated = raised.credential.and_then(|credential| credential.last_rotated);
    let credential =
        last_rotated.map(|date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    credentials.push(credential.clone());
    let credential = match credentials.iter().filter(|other| **other == credential).count() {
        ..2 => credential,
        nth => format!("{credential}#{nth}"),
    };
    let of_another = |column: &&&str| {
        raised.credential.is_some_and(|of| {
            KEY_SLOTS.iter().chain(CERTIFICATE_SLOTS).any(|slot| slot.has(column)) && !of.slot.has(column)
        })
    };
    let columns = check.columns.iter().filter(|column| !of_another(column));
    let mut facts: Vec<(&'static str, String)> =
        columns.filter_map(|column| Some((*column, row.shown(column)?))).collect();
    facts.extend(raised.facts);
    let mut finding = Finding {
        id: stable_id(&[rule.id, about.account, &row.user, &credential]),
        rule,
        kind: rule.kind,
        status: None,
        since: None,
        severity: rule.severity,
        title: rule.title,
        summary: String::new(),
        account: Some(about.account.to_owned()).filter(|account| !account.is_empty()),
        region: None,
        resource: row.arn.clone(),
        principal: Some(principal(row, about)),
        time: Some(about.generated),
        source_ip: None,
        user_agent: None,
        evidence: Evidence {
            object: about.source.map(str::to_owned),
            facts: facts.into(),
            ..Evidence::default()
        },
        references: rule.references,
        remediation: rule.remediation,
        subject: subject(about),
        what: raised.what,
        by_anyone: false,
    };
    finding.summary = crate::alert::summary(&finding);
    finding
}

/// The user as findings name it.
fn principal(row: &Row, about: &About<'_>) -> Principal {
    let root_arn = || {
        let account = Some(about.account).filter(|account| crate::text::is_account_id(account))?;
        Some(format!("arn:{}:iam::{account}:root", row.partition().unwrap_or("aws")))
    };
    let (kind, id) = match row.is_root() {
        true => ("Root", root_arn()),
        false => ("IAMUser", Some(row.user.clone())),
    };
    Principal {
        kind: Some(kind.to_owned()),
        name: Some(principal_name(&row.user).to_owned()),
        arn: row.arn.clone(),
        id,
        ..Principal::default()
    }
}

fn principal_name(user: &str) -> &str {
    if user == ROOT_USER { "root" } else { user }
}

/// All findings of an account come in one mail.
fn subject(about: &About<'_>) -> Subject {
    match about.account {
        "" => Subject::Account("unknown account".to_owned()),
        account => Subject::Account(account.to_owned()),
    }
}

/// `1 day`, `90 days`.
fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::cases::{Case, Expect, From, about, csv};
    use super::*;
    use crate::detections::COULD_NOT_LOOK;
    use crate::finding::EVIDENCE_MEMBERS;

    fn cases() -> impl Iterator<Item = (&'static Check, &'static Case)> {
        table().flat_map(|check| check.cases.iter().map(move |case| (check, case)))
    }

    /// The findings that a rule itself raised.
    fn raised<'a>(judged: &'a Judged, rule: &str) -> Vec<&'a Finding> {
        judged.findings.iter().filter(|finding| finding.rule.id == rule).collect()
    }

    fn has_gap(judged: &Judged, rule: &str, principal: &str) -> bool {
        judged.gaps.iter().any(|gap| {
            gap.rule.is_none_or(|id| id == rule)
                && gap.principal.as_deref().is_none_or(|name| name == principal)
        })
    }

    #[test]
    fn every_rule_has_a_case_that_raises_it_and_one_that_leaves_it_quiet() {
        for check in table() {
            let expects = |expect: fn(&Expect) -> bool| check.cases.iter().any(|case| expect(&case.expect));
            let id = check.rule.id;
            assert!(expects(|expect| matches!(expect, Expect::Raised(1..))), "{id} is never raised");
            assert!(expects(|expect| *expect == Expect::Nothing), "{id} is never quiet");
            assert!(expects(|expect| *expect == Expect::CouldNotLook), "{id} can always look");
        }
    }

    #[test]
    fn every_case_raises_what_it_says() {
        for (check, case) in cases() {
            let (judged, id) = (case.judged(), check.rule.id);
            let name = format!("{id}: {}: {judged:#?}", case.name);
            let found = raised(&judged, id);
            assert_eq!(
                found.len(),
                if let Expect::Raised(count) = case.expect { count } else { 0 },
                "{name}"
            );
            assert!(found.iter().all(|finding| finding.severity == check.rule.severity), "{name}");
            let whose = match case.row {
                From::Root(_) => "root",
                From::Person(_) => "alice",
                From::Machine(_) => "deploy",
            };
            assert_eq!(has_gap(&judged, id, whose), case.expect == Expect::CouldNotLook, "{name}");
            let told = judged.findings.iter().any(|finding| {
                let facts = &finding.evidence.facts.0;
                finding.rule.id == COULD_NOT_LOOK.id && facts.contains(&("check".into(), id.to_owned()))
            });
            assert_eq!(told, case.expect == Expect::CouldNotLook, "{name}");
        }
    }

    #[test]
    fn the_rows_that_cases_start_from_are_clean() {
        let rows = [From::Root(&[]), From::Person(&[]), From::Machine(&[])];
        let report = CredentialReport::parse(csv(&rows).as_bytes()).unwrap();
        assert_eq!(report.rows().len(), rows.len());
        let judged = judge(&report, &about(), &Config::default());
        assert!(judged.findings.is_empty() && judged.gaps.is_empty(), "{judged:#?}");
    }

    #[test]
    fn no_fact_takes_the_name_of_another_member_of_the_evidence() {
        for (check, case) in cases() {
            for finding in case.judged().findings {
                let mut seen = BTreeSet::from(EVIDENCE_MEMBERS);
                for (name, value) in &finding.evidence.facts.0 {
                    assert!(seen.insert(name), "{}: {:?}: {name}", check.rule.id, case.name);
                    assert!(!value.is_empty() || finding.rule.id == COULD_NOT_LOOK.id, "{name} of {case:?}");
                }
            }
        }
    }
}
