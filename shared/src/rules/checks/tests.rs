//! Tests over the whole table.

use std::collections::BTreeSet;

use super::cases::{CheckCase, CheckExpect, about};
use super::{Check, CheckInput, CheckVerdict, ReportContext, RowScope, judge, table};
use crate::config::Config;
use crate::finding::{CheckOutcome, EVIDENCE_MEMBERS, Finding, Gap};
use crate::formats::credential_report::samples::{BaseRow, csv};
use crate::formats::credential_report::{COLUMNS, CredentialReport};
use crate::rules::health::COULD_NOT_LOOK;
use crate::severity::Severity;

fn cases() -> impl Iterator<Item = (&'static Check, &'static CheckCase)> {
    table().flat_map(|check| check.cases.iter().map(move |case| (check, case)))
}

/// The findings that a rule itself raised.
fn raised<'a>(judged: &'a CheckOutcome, rule: &str) -> Vec<&'a Finding> {
    judged.findings.iter().filter(|finding| finding.rule.id == rule).collect()
}

fn has_gap(judged: &CheckOutcome, rule: &str, principal: &str) -> bool {
    judged.gaps.iter().any(|gap| {
        gap.rule.is_none_or(|id| id == rule) && gap.principal.as_deref().is_none_or(|name| name == principal)
    })
}

#[test]
fn every_rule_has_a_case_that_raises_it_and_one_that_does_not() {
    for check in table() {
        let expects = |expect: fn(&CheckExpect) -> bool| check.cases.iter().any(|case| expect(&case.expect));
        let id = check.rule.id;
        assert!(expects(|expect| matches!(expect, CheckExpect::Raised(1..))), "{id} is never raised");
        assert!(expects(|expect| *expect == CheckExpect::Nothing), "{id} has no case without a finding");
        assert!(expects(|expect| *expect == CheckExpect::CouldNotLook), "{id} can always look");
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
            if let CheckExpect::Raised(count) = case.expect { count } else { 0 },
            "{name}"
        );
        assert!(found.iter().all(|finding| finding.severity == check.rule.severity), "{name}");
        assert_eq!(has_gap(&judged, id, name_of(case)), case.expect == CheckExpect::CouldNotLook, "{name}");
        let reported = judged.findings.iter().any(|finding| {
            let facts = &finding.evidence.facts.0;
            finding.rule.id == COULD_NOT_LOOK.id && facts.contains(&("check".into(), id.to_owned()))
        });
        assert_eq!(reported, case.expect == CheckExpect::CouldNotLook, "{name}");
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
fn changed(case: &CheckCase, column: usize, value: Option<&str>) -> CredentialReport {
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

fn name_of(case: &CheckCase) -> &'static str {
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
fn a_row_with_an_unreadable_cell_is_never_clean() {
    for (_, case) in cases() {
        let (before, config, user) = (case.judged(), case.config(), name_of(case));
        for (at, column) in columns() {
            let judged = judge(&changed(case, at, Some("\u{7}")), &about(), &config);
            for check in table() {
                let name = format!("{}: {}: {column}: {judged:#?}", case.name, check.rule.id);
                let on = (check.scope == RowScope::Root) == (user == "root");
                if on && check.columns.contains(&column) {
                    assert!(has_gap(&judged, check.rule.id, user), "{name}");
                    let reported = |finding: &&Finding| finding.summary.contains(check.rule.id);
                    assert_eq!(
                        raised(&judged, COULD_NOT_LOOK.id).into_iter().filter(reported).count(),
                        1,
                        "{name}"
                    );
                } else {
                    let ids = |judged: &CheckOutcome| -> Vec<String> {
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
fn a_report_without_a_column_is_clean_for_no_user() {
    for (_, case) in cases() {
        let (config, user) = (case.config(), name_of(case));
        for (at, column) in columns() {
            let judged = judge(&changed(case, at, None), &about(), &config);
            for check in table().filter(|check| check.columns.contains(&column)) {
                let name = format!("{}: {}: {column}: {judged:#?}", case.name, check.rule.id);
                assert!(has_gap(&judged, check.rule.id, user), "{name}");
                assert!(has_gap(&judged, check.rule.id, "anybody else"), "{name}");
                let reported = format!("Nothing could be judged by {} for ", check.rule.id);
                let reported =
                    judged.findings.iter().filter(|finding| finding.summary.starts_with(&reported));
                let on = check.scope == RowScope::Root || user != "root";
                assert_eq!(reported.count(), usize::from(on), "{name}");
            }
        }
    }
}

/// Otherwise an unreadable column that a rule reads could go unreported.
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
                let mut verdict = CheckVerdict::default();
                (check.judge)(
                    &CheckInput { row, generated: about().generated, config: &config },
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

fn judged(csv: &str) -> CheckOutcome {
    judge(&CredentialReport::parse(csv.as_bytes()).unwrap(), &about(), &Config::default())
}

fn ids(judged: &CheckOutcome, rule: &str) -> Vec<String> {
    raised(judged, rule).iter().map(|finding| finding.id.clone()).collect()
}

#[test]
fn a_key_is_recognised_by_its_date_in_either_slot() {
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
    let bob =
        csv(&[BaseRow::Root(&[]), BaseRow::Machine(&[("user", "bob"), ("access_key_1_last_rotated", OLD)])]);
    assert!(!both.contains(&ids(&judged(&bob), "access-key.unrotated")[0]), "of another user");
    let report = CredentialReport::parse(bob.as_bytes()).unwrap();
    let elsewhere = judge(&report, &ReportContext { account: "444455556666", ..about() }, &Config::default());
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
    let evening = ReportContext { generated: about().generated + chrono::TimeDelta::hours(12), ..about() };
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
    let judged = judge(&report, &ReportContext { account: "", source, ..about() }, &Config::default());
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
fn each_finding_has_a_sentence_that_reads_well() {
    let reported = |case: BaseRow, rule: &str| {
        let rows = if matches!(case, BaseRow::Root(_)) { vec![case] } else { vec![BaseRow::Root(&[]), case] };
        raised(&judged(&csv(&rows)), rule).first().map(|finding| finding.summary.clone()).unwrap_or_default()
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
        assert_eq!(reported(row, rule), expected);
        seen.insert(rule);
    }
    assert!(table().all(|check| seen.contains(check.rule.id)));
}

#[test]
fn an_unreadable_cell_is_reported_in_a_sentence_with_a_stable_id() {
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
                    check.scope == RowScope::Users
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
        let reported = raised(&now, COULD_NOT_LOOK.id);
        assert_eq!(reported[0].summary, sentence);
        assert_eq!(reported[0].severity, severity, "{sentence}");
        assert_eq!(now.gaps, gaps, "{sentence}");
        let report = CredentialReport::parse(csv.as_bytes()).unwrap();
        let tomorrow = ReportContext { generated: about().generated + chrono::TimeDelta::days(1), ..about() };
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
