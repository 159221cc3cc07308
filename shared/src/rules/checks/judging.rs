//! Judging a whole report by the table.

use std::collections::HashSet;

use super::check::{Check, CheckInput};
use super::context::{ReportContext, principal, principal_name, subject};
use super::gaps;
use super::table::table;
use super::verdict::{CheckRaised, CheckVerdict};
use crate::config::Config;
use crate::finding::{CheckOutcome, Evidence, Finding, stable_id};
use crate::formats::credential_report::{CredentialReport, Row};

/// Judges a whole report, row by row.
pub fn judge(report: &CredentialReport, about: &ReportContext<'_>, config: &Config) -> CheckOutcome {
    let account = match about.account {
        "" => report.account().unwrap_or_default(),
        account => account,
    };
    let about = ReportContext { account, ..*about };
    let mut judged = CheckOutcome::default();
    gaps::of_report(report, &about, &mut judged);
    for row in report.rows() {
        if row.has_dates_after(about.generated) {
            judge_row(&row.without_dates_after(about.generated), &about, config, &mut judged);
        } else {
            judge_row(row, &about, config, &mut judged);
        }
    }
    // Two rows of one user may raise the same finding about a credential.
    let twice: HashSet<&str> =
        report.contradictions().iter().map(|contradiction| principal_name(&contradiction.user)).collect();
    let mut seen = HashSet::new();
    judged.findings.retain(|finding| {
        let name = finding.principal.as_ref().and_then(|who| who.name.as_deref());
        !name.is_some_and(|name| twice.contains(name)) || seen.insert(finding.id.clone())
    });
    judged
}

fn judge_row(row: &Row, about: &ReportContext<'_>, config: &Config, judged: &mut CheckOutcome) {
    let unreadable = row.unreadable_columns();
    let input = CheckInput { row, generated: about.generated, config };
    for check in table().filter(|check| check.scope.includes(row)) {
        let mut verdict = CheckVerdict::default();
        (check.judge)(&input, &mut verdict);
        let mut instances: Vec<String> = Vec::new();
        for raised in verdict.raised {
            judged.findings.push(finding(check, raised, row, about, &mut instances));
        }
        let columns = check.columns.iter().filter(|column| unreadable.contains(column));
        let unjudged: Vec<&str> = columns.copied().chain(verdict.unjudged).collect();
        if !unjudged.is_empty() {
            gaps::of_cells(check, row, &unjudged, about, judged);
        }
    }
    gaps::of_additional(row, about, judged);
}

/// The finding. Its id is made of the user's name and not of the ARN, which changes with the user's path, and not
/// of whether a key is the first or the second of the report.
fn finding(
    check: &'static Check,
    raised: CheckRaised,
    row: &Row,
    about: &ReportContext<'_>,
    instances: &mut Vec<String>,
) -> Finding {
    let rule = &check.rule;
    let date = raised.instance.date();
    let instance = date.map(|date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    instances.push(instance.clone());
    let instance = match instances.iter().filter(|other| **other == instance).count() {
        ..2 => instance,
        nth => format!("{instance}#{nth}"),
    };
    let columns = check.columns.iter().filter(|column| !raised.instance.excludes(column));
    let mut facts: Vec<(&'static str, String)> =
        columns.filter_map(|column| Some((*column, row.shown(column)?))).collect();
    facts.extend(raised.facts);
    let id = stable_id(&[rule.id, about.account, &row.user, &instance]);
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
