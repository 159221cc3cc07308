//! The rules over the credential report: a table of entries, one file a family, each entry with its cases.
//!
//! To add a rule, add its entry and its cases to its family's file, and name in `columns` every column that
//! its function reads. A row in which one of them cannot be read is never clean: it is told as
//! `watch.could-not-look`, beside what the rule could see, and as a [`Gap`], so that nothing is taken for
//! resolved.
//!
//! Ages are whole days, up to the moment at which AWS made the report. An old key or certificate is raised the
//! day after its limit (CIS has keys rotated "every 90 days or less"), what is not used from exactly its limit
//! on (CIS has credentials disabled that are "unused for 45 days or more").

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

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::config::{Config, Days};
use crate::finding::Judged;
use crate::finding::rule::Ends;
use crate::finding::rule::Rule;
use crate::finding::{Evidence, Finding, Principal, Subject, stable_id};
use crate::formats::credential_report::{Cell, CredentialReport, ROOT_USER, Row};
use crate::text;

/// One rule over the report.
pub struct Check {
    /// What the rule says about itself.
    pub rule: Rule,
    /// Which rows it judges.
    pub on: On,
    /// Every column that it reads.
    pub columns: &'static [&'static str],
    /// How its findings come to an end.
    pub ends: Ends,
    /// What it says of one row.
    pub judge: fn(&Asked<'_>, &mut Verdict),
    /// Rows that raise it and rows that leave it quiet.
    #[cfg(any(test, feature = "cases"))]
    pub cases: &'static [cases::Case],
}

/// Which rows a rule judges.
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
    which: Which,
    facts: Vec<(&'static str, String)>,
}

/// Which it is of all that a rule may raise about one principal: a part of the finding's id.
#[derive(Clone, Copy, Debug)]
enum Which {
    /// There is only one.
    Only,
    /// One of several credentials of a kind.
    Credential(Credential),
    /// One of many uses: a later one is news, though the one before is known.
    Use(DateTime<Utc>),
}

impl Which {
    /// What it is known by from one report to the next.
    fn date(self) -> Option<DateTime<Utc>> {
        match self {
            Which::Only => None,
            Which::Credential(credential) => credential.last_rotated,
            Which::Use(date) => Some(date),
        }
    }

    /// The columns that are about it and nothing else.
    fn slot(self) -> Option<&'static Slot> {
        match self {
            Which::Credential(credential) => Some(credential.slot),
            Which::Only | Which::Use(_) => None,
        }
    }
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
        self.raise_which(Which::Only, what);
    }

    /// The same about one of several credentials.
    fn raise_about(&mut self, credential: Credential, what: impl Into<String>) {
        self.raise_which(Which::Credential(credential), what);
    }

    /// The same about one of many uses.
    fn raise_use(&mut self, date: DateTime<Utc>, what: impl Into<String>) {
        self.raise_which(Which::Use(date), what);
    }

    fn raise_which(&mut self, which: Which, what: impl Into<String>) {
        self.raised.push(Raised { what: what.into(), which, facts: Vec::new() });
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
        let mut known_by: Vec<String> = Vec::new();
        for raised in verdict.raised {
            judged.findings.push(finding(check, raised, row, about, &mut known_by));
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
    known_by: &mut Vec<String>,
) -> Finding {
    let rule = &check.rule;
    let date = raised.which.date();
    let which = date.map(|date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    known_by.push(which.clone());
    let which = match known_by.iter().filter(|other| **other == which).count() {
        ..2 => which,
        nth => format!("{which}#{nth}"),
    };
    let of_another = |column: &&&str| {
        raised.which.slot().is_some_and(|own| {
            KEY_SLOTS.iter().chain(CERTIFICATE_SLOTS).any(|slot| slot.has(column)) && !own.has(column)
        })
    };
    let columns = check.columns.iter().filter(|column| !of_another(column));
    let mut facts: Vec<(&'static str, String)> =
        columns.filter_map(|column| Some((*column, row.shown(column)?))).collect();
    facts.extend(raised.facts);
    let id = stable_id(&[rule.id, about.account, &row.user, &which]);
    Finding {
        account: Some(about.account.to_owned()).filter(|account| !account.is_empty()),
        resource: row.arn.clone(),
        principal: Some(principal(row, about)),
        time: Some(about.generated),
        evidence: Evidence {
            object: about.source.map(str::to_owned),
            facts: facts.into(),
            ..Evidence::default()
        },
        ..Finding::new(rule, rule.severity, id, subject(about), raised.what)
    }
    .with_summary()
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
    text::counted(count, "day", "days")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::cases::{Case, Expect, about};
    use super::*;
    use crate::finding::EVIDENCE_MEMBERS;
    use crate::finding::Gap;
    use crate::formats::credential_report::COLUMNS;
    use crate::formats::credential_report::samples::{BaseRow, csv};
    use crate::rules::health::COULD_NOT_LOOK;
    use crate::severity::Severity;

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
            assert_eq!(has_gap(&judged, id, name_of(case)), case.expect == Expect::CouldNotLook, "{name}");
            let told = judged.findings.iter().any(|finding| {
                let facts = &finding.evidence.facts.0;
                finding.rule.id == COULD_NOT_LOOK.id && facts.contains(&("check".into(), id.to_owned()))
            });
            assert_eq!(told, case.expect == Expect::CouldNotLook, "{name}");
        }
    }

    #[test]
    fn the_rows_that_cases_start_from_are_clean() {
        let rows = [BaseRow::Root(&[]), BaseRow::Person(&[]), BaseRow::Machine(&[])];
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

    /// The report of a case with another value in one column of its last row; nothing takes the column out.
    fn changed(case: &Case, column: usize, value: Option<&str>) -> CredentialReport {
        let lines = case.csv();
        let count = lines.lines().count();
        let changed = lines.lines().enumerate().map(|(at, line)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            match value {
                Some(value) if at + 1 == count => cells[column] = value,
                Some(_) => {}
                None => {
                    cells.remove(column);
                }
            }
            cells.join(",")
        });
        CredentialReport::parse(changed.collect::<Vec<_>>().join("\n").as_bytes()).unwrap()
    }

    fn name_of(case: &Case) -> &'static str {
        match case.row {
            BaseRow::Root(_) => "root",
            BaseRow::Person(_) => "alice",
            BaseRow::Machine(_) => "deploy",
        }
    }

    /// What a rule may read: all but the name, the ARN and what is beyond two.
    fn columns() -> impl Iterator<Item = (usize, &'static str)> {
        COLUMNS.into_iter().enumerate().take(22).skip(2)
    }

    #[test]
    fn a_row_of_which_something_cannot_be_read_is_never_clean() {
        for (_, case) in cases() {
            let (before, config, user) = (case.judged(), case.config(), name_of(case));
            for (at, column) in columns() {
                let judged = judge(&changed(case, at, Some("\u{7}")), &about(), &config);
                for check in table() {
                    let name = format!("{}: {}: {column}: {judged:#?}", case.name, check.rule.id);
                    let on = (check.on == On::Root) == (user == "root");
                    if on && check.columns.contains(&column) {
                        assert!(has_gap(&judged, check.rule.id, user), "{name}");
                        let told = |finding: &&Finding| finding.summary.contains(check.rule.id);
                        assert_eq!(
                            raised(&judged, COULD_NOT_LOOK.id).into_iter().filter(told).count(),
                            1,
                            "{name}"
                        );
                    } else {
                        let ids = |judged: &Judged| -> Vec<String> {
                            raised(judged, check.rule.id).iter().map(|finding| finding.id.clone()).collect()
                        };
                        assert_eq!(ids(&judged), ids(&before), "{name}");
                        assert_eq!(
                            has_gap(&judged, check.rule.id, user),
                            has_gap(&before, check.rule.id, user),
                            "{name}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_report_without_a_column_is_clean_for_nobody() {
        for (_, case) in cases() {
            let (config, user) = (case.config(), name_of(case));
            for (at, column) in columns() {
                let judged = judge(&changed(case, at, None), &about(), &config);
                for check in table().filter(|check| check.columns.contains(&column)) {
                    let name = format!("{}: {}: {column}: {judged:#?}", case.name, check.rule.id);
                    assert!(has_gap(&judged, check.rule.id, user), "{name}");
                    assert!(has_gap(&judged, check.rule.id, "anybody else"), "{name}");
                    let told = format!("Nothing could be judged by {} for ", check.rule.id);
                    let told = judged.findings.iter().filter(|finding| finding.summary.starts_with(&told));
                    let on = check.on == On::Root || user != "root";
                    assert_eq!(told.count(), usize::from(on), "{name}");
                }
            }
        }
    }

    /// Else a column could be unreadable that a rule reads, and nobody would be told.
    #[test]
    fn a_rule_names_every_column_that_makes_a_difference_to_it() {
        let values = [
            "true",
            "false",
            "N/A",
            "no_information",
            "not_supported",
            "2026-03-31T08:15:00Z",
            "2020-01-01T00:00:00Z",
        ];
        let mut differences = 0;
        for (check, case) in cases() {
            let config = case.config();
            for (at, column) in columns() {
                let said = values.map(|value| {
                    let report = changed(case, at, Some(value));
                    let row = report.rows().last().unwrap();
                    let mut verdict = Verdict::default();
                    (check.judge)(
                        &Asked { row, generated: about().generated, config: &config },
                        &mut verdict,
                    );
                    format!("{verdict:?}")
                });
                let differs = said.iter().any(|other| *other != said[0]);
                differences += usize::from(differs);
                let name = format!("{}: {}: {column}: {said:#?}", check.rule.id, case.name);
                assert!(!differs || check.columns.contains(&column), "{name}");
            }
        }
        assert!(differences > 200, "{differences}");
        for check in table() {
            assert!(check.columns.iter().all(|column| COLUMNS.contains(column)), "{}", check.rule.id);
        }
    }

    fn judged(csv: &str) -> Judged {
        judge(&CredentialReport::parse(csv.as_bytes()).unwrap(), &about(), &Config::default())
    }

    fn ids(judged: &Judged, rule: &str) -> Vec<String> {
        raised(judged, rule).iter().map(|finding| finding.id.clone()).collect()
    }

    #[test]
    fn a_key_is_known_again_by_its_date_wherever_it_stands() {
        const OLD: &str = "2025-01-01T00:00:00+00:00";
        const OLDER: &str = "2024-06-01T00:00:00+00:00";
        let of = |first: &'static [(&'static str, &'static str)]| {
            ids(&judged(&csv(&[BaseRow::Root(&[]), BaseRow::Machine(first)])), "access-key.unrotated")
        };
        let both = of(&[
            ("access_key_1_last_rotated", OLDER),
            ("access_key_2_active", "true"),
            ("access_key_2_last_rotated", OLD),
        ]);
        assert_eq!(both.len(), 2);
        assert_ne!(both[0], both[1]);
        for (name, ids, expected) in [
            ("the first was deleted", of(&[("access_key_1_last_rotated", OLD)]), &both[1..]),
            ("the second was deleted", of(&[("access_key_1_last_rotated", OLDER)]), &both[..1]),
            (
                "written in another way",
                of(&[("access_key_1_last_rotated", "2025-01-01T01:00:00+01:00")]),
                &both[1..],
            ),
            (
                "on another path",
                of(&[("arn", "arn:aws:iam::111122223333:user/deploy"), ("access_key_1_last_rotated", OLD)]),
                &both[1..],
            ),
            (
                "the other way round",
                of(&[
                    ("access_key_1_last_rotated", OLD),
                    ("access_key_2_active", "true"),
                    ("access_key_2_last_rotated", OLDER),
                ]),
                &[both[1].clone(), both[0].clone()][..],
            ),
        ] {
            assert_eq!(ids, expected, "{name}");
        }
        let twins = of(&[
            ("access_key_1_last_rotated", OLD),
            ("access_key_2_active", "true"),
            ("access_key_2_last_rotated", OLD),
        ]);
        assert_eq!(twins.len(), 2);
        assert_eq!(twins[0], both[1], "the first of two of one date");
        assert_ne!(twins[1], twins[0]);
        let bob = csv(&[
            BaseRow::Root(&[]),
            BaseRow::Machine(&[("user", "bob"), ("access_key_1_last_rotated", OLD)]),
        ]);
        assert!(!both.contains(&ids(&judged(&bob), "access-key.unrotated")[0]), "of another user");
        let report = CredentialReport::parse(bob.as_bytes()).unwrap();
        let elsewhere = judge(&report, &About { account: "444455556666", ..about() }, &Config::default());
        assert_ne!(ids(&elsewhere, "access-key.unrotated"), ids(&judged(&bob), "access-key.unrotated"));
    }

    #[test]
    fn a_later_use_of_root_is_another_finding_and_the_same_one_is_not() {
        const AT_SEVEN: (&str, &str) = ("password_last_used", "2026-04-01T07:00:00+00:00");
        let of = |changes: &'static [(&'static str, &'static str)]| {
            ids(&judged(&csv(&[BaseRow::Root(changes)])), "root.recently-used")
        };
        let first = of(&[AT_SEVEN]);
        assert_eq!(first.len(), 1);
        for (name, ids, same) in [
            ("written in another way", of(&[("password_last_used", "2026-04-01T09:00:00+02:00")]), true),
            (
                "an older use of a key",
                of(&[AT_SEVEN, ("access_key_1_last_used_date", "2026-03-31T09:00:00Z")]),
                true,
            ),
            ("a second later", of(&[("password_last_used", "2026-04-01T07:00:01Z")]), false),
            (
                "a later use of a key",
                of(&[AT_SEVEN, ("access_key_2_last_used_date", "2026-04-01T07:30:00Z")]),
                false,
            ),
        ] {
            assert_eq!(ids.len(), 1, "{name}");
            assert_eq!(ids == first, same, "{name}");
        }
        let report = CredentialReport::parse(csv(&[BaseRow::Root(&[AT_SEVEN])]).as_bytes()).unwrap();
        let evening = About { generated: about().generated + chrono::TimeDelta::hours(12), ..about() };
        let evening = judge(&report, &evening, &Config::default());
        assert_eq!(ids(&evening, "root.recently-used"), first, "in the next report");
    }

    #[test]
    fn an_old_and_unused_key_raises_both() {
        let judged = judged(&csv(&[
            BaseRow::Root(&[]),
            BaseRow::Machine(&[
                ("access_key_1_last_rotated", "2024-01-01T00:00:00Z"),
                ("access_key_1_last_used_date", "2024-01-02T00:00:00Z"),
            ]),
        ]));
        let rules: Vec<&str> = judged.findings.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(rules, ["access-key.unrotated", "access-key.unused", "user.idle"]);
    }

    #[test]
    fn a_finding_says_whose_it_is_and_what_the_rule_looked_at() {
        let source = Some("s3://state/reports/111122223333/2026-04-01.csv.gz");
        let lines = csv(&[
            BaseRow::Machine(&[
                ("access_key_2_active", "TRUE"),
                ("access_key_2_last_rotated", "2025-12-31T08:15:00+00:00"),
            ]),
            BaseRow::Root(&[("mfa_active", "false")]),
        ]);
        let report = CredentialReport::parse(lines.replace("arn:aws:", "arn:aws-cn:").as_bytes()).unwrap();
        let judged = judge(&report, &About { account: "", source, ..about() }, &Config::default());
        let key = raised(&judged, "access-key.unrotated")[0];
        let facts: Vec<(&str, &str)> =
            key.evidence.facts.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            facts,
            [
                ("password_enabled", "false"),
                ("access_key_2_active", "true"),
                ("access_key_2_last_rotated", "2025-12-31T08:15:00Z"),
                ("age_days", "91"),
                ("max_days", "90"),
            ]
        );
        assert_eq!(key.account.as_deref(), Some("111122223333"));
        assert_eq!(key.resource.as_deref(), Some("arn:aws-cn:iam::111122223333:user/ci/deploy"));
        assert_eq!((key.time, key.evidence.object.as_deref()), (Some(about().generated), source));
        let who = key.principal.as_ref().unwrap();
        assert_eq!((who.kind.as_deref(), who.id.as_deref()), (Some("IAMUser"), Some("deploy")));
        let root = raised(&judged, "root.mfa-disabled")[0].principal.as_ref().unwrap();
        assert_eq!(root.kind.as_deref(), Some("Root"));
        assert_eq!(root.id.as_deref(), Some("arn:aws-cn:iam::111122223333:root"));
    }

    #[test]
    fn each_finding_is_told_in_a_sentence_that_reads_well() {
        let told = |case: BaseRow, rule: &str| {
            let rows =
                if matches!(case, BaseRow::Root(_)) { vec![case] } else { vec![BaseRow::Root(&[]), case] };
            raised(&judged(&csv(&rows)), rule)
                .first()
                .map(|finding| finding.summary.clone())
                .unwrap_or_default()
        };
        const KEY: (&str, &str) = ("access_key_1_active", "true");
        const CERTIFICATE: (&str, &str) = ("cert_1_active", "true");
        let mut seen = BTreeSet::new();
        for (rule, row, sentence) in [
            ("root.access-key-active", BaseRow::Root(&[KEY]), "The root user has an active access key"),
            (
                "root.access-key-active",
                BaseRow::Root(&[KEY, ("access_key_1_last_rotated", "2026-03-31T08:15:00Z")]),
                "The root user has had an active access key for 1 day",
            ),
            (
                "root.mfa-disabled",
                BaseRow::Root(&[("mfa_active", "false")]),
                "The root user has a password and no second factor",
            ),
            (
                "root.mfa-disabled",
                BaseRow::Root(&[("mfa_active", "false"), ("password_enabled", "not_supported")]),
                "The root user has no second factor and may have a password (which the report does not say)",
            ),
            (
                "root.mfa-disabled",
                BaseRow::Root(&[("mfa_active", "false"), ("password_enabled", "false"), KEY]),
                "The root user has an active access key and no second factor",
            ),
            (
                "root.recently-used",
                BaseRow::Root(&[("password_last_used", "2026-04-01T07:00:00Z")]),
                "The root user used its password on 2026-04-01 at 07:00 UTC",
            ),
            (
                "root.recently-used",
                BaseRow::Root(&[("access_key_1_last_used_date", "2026-04-01T07:00:00Z")]),
                "The root user used an access key on 2026-04-01 at 07:00 UTC",
            ),
            (
                "root.certificate-active",
                BaseRow::Root(&[CERTIFICATE]),
                "The root user has an active signing certificate",
            ),
            (
                "password.mfa-disabled",
                BaseRow::Person(&[("mfa_active", "false")]),
                "IAM user alice has a console password and no second factor",
            ),
            (
                "password.unused",
                BaseRow::Person(&[("password_last_used", "2026-01-01T08:15:00Z")]),
                "IAM user alice has not used the console password for 90 days",
            ),
            (
                "password.never-used",
                BaseRow::Person(&[
                    ("password_last_used", "no_information"),
                    ("password_last_changed", "2026-01-01T08:15:00Z"),
                ]),
                "IAM user alice has had a console password for 90 days without ever using it",
            ),
            (
                "password.expired",
                BaseRow::Person(&[("password_next_rotation", "2026-03-29T00:00:00Z")]),
                "IAM user alice has a console password that expired on 2026-03-29",
            ),
            (
                "password.expiring",
                BaseRow::Person(&[("password_next_rotation", "2026-04-10T00:00:00Z")]),
                "IAM user alice has a console password that expires on 2026-04-10",
            ),
            (
                "access-key.unrotated",
                BaseRow::Machine(&[("access_key_1_last_rotated", "2025-12-31T08:15:00Z")]),
                "IAM user deploy has had the same active access key for 91 days",
            ),
            (
                "access-key.unused",
                BaseRow::Machine(&[("access_key_1_last_used_date", "2026-01-01T08:15:00Z")]),
                "IAM user deploy has not used an active access key for 90 days",
            ),
            (
                "access-key.never-used",
                BaseRow::Machine(&[
                    ("access_key_1_last_used_date", "N/A"),
                    ("access_key_1_last_rotated", "2026-01-01T08:15:00Z"),
                ]),
                "IAM user deploy has had an active access key for 90 days without ever using it",
            ),
            (
                "access-key.two-active",
                BaseRow::Machine(&[("access_key_2_active", "true")]),
                "IAM user deploy has two active access keys",
            ),
            (
                "certificate.active",
                BaseRow::Machine(&[CERTIFICATE]),
                "IAM user deploy has an active signing certificate",
            ),
            (
                "certificate.unrotated",
                BaseRow::Machine(&[CERTIFICATE, ("cert_1_last_rotated", "2025-12-31T08:15:00Z")]),
                "IAM user deploy has had the same active signing certificate for 91 days",
            ),
            (
                "user.password-and-key",
                BaseRow::Person(&[KEY]),
                "IAM user alice has a console password and an active access key",
            ),
            (
                "user.idle",
                BaseRow::Person(&[("password_last_used", "2025-12-31T08:15:00Z")]),
                "IAM user alice has used no password and no access key for 91 days",
            ),
        ] {
            let expected =
                format!("{sentence} in account 111122223333, as of the report of 2026-04-01 08:15 UTC.");
            assert_eq!(told(row, rule), expected);
            seen.insert(rule);
        }
        assert!(table().all(|check| seen.contains(check.rule.id)));
    }

    #[test]
    fn what_could_not_be_judged_is_told_in_a_sentence_and_by_an_id_that_stays() {
        const ALICE: BaseRow = BaseRow::Person(&[("mfa_active", "?")]);
        let whole = csv(&[BaseRow::Root(&[]), BaseRow::Person(&[]), BaseRow::Machine(&[])]);
        let unreadable = whole.replacen("\nalice,", "\nalice,x,", 1);
        let everybody = Gap { rule: None, principal: None };
        let alice = Gap { rule: None, principal: Some("alice".to_owned()) };
        let alice_x = Gap { rule: None, principal: Some("alice,x".to_owned()) };
        let root = Gap { rule: None, principal: Some("root".to_owned()) };
        let of = |rule, who: &str| Gap { rule: Some(rule), principal: Some(who.to_owned()) };
        let (high, medium) = (Severity::High, Severity::Medium);
        for (csv, severity, gaps, sentence) in [
            (
                csv(&[BaseRow::Root(&[]), ALICE]),
                high,
                vec![of("password.mfa-disabled", "alice")],
                "IAM user alice could not be judged by password.mfa-disabled: mfa_active is \"?\" (in account 111122223333, as of the report of 2026-04-01 08:15 UTC).",
            ),
            (
                csv(&[BaseRow::Root(&[]), BaseRow::Person(&[("password_next_rotation", "no_information")])]),
                medium,
                vec![of("password.expired", "alice"), of("password.expiring", "alice")],
                "IAM user alice could not be judged by password.expired: password_next_rotation is no_information (in account 111122223333, as of the report of 2026-04-01 08:15 UTC).",
            ),
            (
                csv(&[BaseRow::Root(&[("cert_1_active", "N/A")])]),
                high,
                vec![of("root.certificate-active", "root")],
                "The root user could not be judged by root.certificate-active: cert_1_active is N/A (in account 111122223333, as of the report of 2026-04-01 08:15 UTC).",
            ),
            (
                whole.replace("password_next_rotation", "x"),
                medium,
                ["password.expired", "password.expiring"]
                    .map(|rule| Gap { rule: Some(rule), principal: None })
                    .to_vec(),
                "Nothing could be judged by password.expired for 2 users: the report does not have the column password_next_rotation (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                csv(&[BaseRow::Person(&[])]),
                high,
                vec![root],
                "Nothing could be judged about the root user: the report has no row of it (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                (unreadable.replacen(",additional_credentials_info", "", 1) + "\n").replace(",\n", "\n"),
                high,
                vec![alice_x],
                "Line 3 (alice,x) of the report could not be judged: it has 23 fields, and the header has 22 (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                format!("{whole}\ngarbage"),
                high,
                vec![everybody],
                "Line 5 of the report could not be judged: it has 1 field, and the header has 23; no ARN stands there (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                csv(&[
                    BaseRow::Root(&[]),
                    BaseRow::Person(&[]),
                    BaseRow::Person(&[("password_last_used", "2026-03-30T16:20:00Z")]),
                ]),
                high,
                vec![alice],
                "The report has several rows of alice that differ, which were all judged: lines 3, 4 (in account 111122223333 at 2026-04-01 08:15:00 UTC).",
            ),
            (
                csv(&[
                    BaseRow::Root(&[]),
                    BaseRow::Person(&[("additional_credentials_info", "1 more; ListAccessKeys")]),
                ]),
                medium,
                table()
                    .filter(|check| {
                        check.on == On::Users
                            && check
                                .columns
                                .iter()
                                .any(|column| column.contains("key_1") || column.contains("cert_1"))
                    })
                    .map(|check| of(check.rule.id, "alice"))
                    .collect(),
                "IAM user alice has more access keys or certificates than the report shows, and these could not be judged: \"1 more; ListAccessKeys\" (in account 111122223333, as of the report of 2026-04-01 08:15 UTC).",
            ),
        ] {
            let now = judged(&csv);
            let told = raised(&now, COULD_NOT_LOOK.id);
            assert_eq!(told[0].summary, sentence);
            assert_eq!(told[0].severity, severity, "{sentence}");
            assert_eq!(now.gaps, gaps, "{sentence}");
            let report = CredentialReport::parse(csv.as_bytes()).unwrap();
            let tomorrow = About { generated: about().generated + chrono::TimeDelta::days(1), ..about() };
            let tomorrow = judge(&report, &tomorrow, &Config::default());
            assert_eq!(ids(&tomorrow, COULD_NOT_LOOK.id), ids(&now, COULD_NOT_LOOK.id), "{sentence}");
        }
    }

    #[test]
    fn no_two_findings_have_one_id_whatever_the_report_repeats() {
        let rows: Vec<BaseRow> = cases().map(|(_, case)| case.row).collect();
        let lines = csv(&rows) + "\ngarbage\nmore garbage\nalice,arn:\nalice,arn:x\nroot,arn:";
        let judged = judged(&lines);
        let ids: BTreeSet<&str> = judged.findings.iter().map(|finding| &finding.id[..]).collect();
        assert_eq!(ids.len(), judged.findings.len());
        assert!(ids.len() > 30, "{}", ids.len());
    }

    #[test]
    fn a_hostile_name_stays_in_quotes_and_is_not_offered_for_pasting() {
        for user in ["x\u{202e}. Root signed in", "*", "a b", "=cmd|'/C calc'!A0"] {
            let lines = csv(&[BaseRow::Root(&[]), BaseRow::Person(&[("mfa_active", "false")])]);
            let lines = lines.replacen("\nalice", &format!("\n{user}"), 1);
            let judged = judged(&lines);
            let finding = raised(&judged, "password.mfa-disabled")[0];
            assert!(finding.summary.starts_with("IAM user \""), "{}", finding.summary);
            let mail =
                crate::mail::incident::mail(std::slice::from_ref(finding), &Config::default()).unwrap();
            assert!(!mail.body.contains("[[suppression]]"), "{}", mail.body);
            assert!(mail.subject.is_ascii() && !mail.body.contains('\u{202e}'), "{}", mail.body);
        }
    }

    #[test]
    fn a_mail_names_the_user_and_how_to_silence_it() {
        let judged = judged(&csv(&[BaseRow::Root(&[]), BaseRow::Person(&[("mfa_active", "false")])]));
        let mail = crate::mail::incident::mail(&judged.findings, &Config::default()).unwrap();
        assert_eq!(mail.subject, "[HIGH] Console password without a second factor - alice - 111122223333");
        for part in [
            "Who         alice (IAM user)",
            "password enabled: true",
            "MFA active: false",
            "CIS AWS Foundations Benchmark 7.0: 2.10",
            "rule = \"password.mfa-disabled\"",
            "principal = \"alice\"",
            "resource = \"arn:aws:iam::111122223333:user/alice\"",
        ] {
            assert!(mail.body.contains(part), "{part}: {}", mail.body);
        }
    }
}
