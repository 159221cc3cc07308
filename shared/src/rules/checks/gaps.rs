//! What could not be judged in a report: it raises `watch.could-not-look`, and no finding about it is resolved.

use std::collections::HashMap;

use super::check::{Check, RowScope};
use super::context::{ReportContext, principal, principal_name, subject};
use super::table::table;
use crate::finding::{CheckOutcome, Evidence, Finding, Gap, Principal};
use crate::formats::credential_report::{Cell, CredentialReport, ROOT_USER, Row};
use crate::rules::health::report_not_judged;
use crate::severity::Severity;
use crate::text;

/// The most serious rule that a row may not be judged by.
const GRAVE: &str = "password.mfa-disabled";

fn severity(checks: &[&Check]) -> Severity {
    match checks.iter().any(|check| check.scope == RowScope::Root || check.rule.id == GRAVE) {
        true => Severity::High,
        false => Severity::Medium,
    }
}

/// Gaps of the report as a whole: missing columns and rows, rows that contradict each other.
pub(super) fn of_report(report: &CredentialReport, about: &ReportContext<'_>, judged: &mut CheckOutcome) {
    for check in table() {
        let missing = |column: &&str| report.missing_columns().contains(column);
        let columns: Vec<&str> = check.columns.iter().copied().filter(missing).collect();
        let users = report.rows().iter().filter(|row| check.scope.includes(row)).count();
        if columns.is_empty() {
            continue;
        }
        judged.gaps.push(Gap { rule: Some(check.rule.id), principal: None });
        if users > 0 {
            judged.findings.push(of_columns(check, &columns, users, about));
        }
    }
    if report.root().is_none() {
        judged.gaps.push(Gap { rule: None, principal: Some(principal_name(ROOT_USER).to_owned()) });
        let what = "nothing could be judged about the root user: the report has no row of it".to_owned();
        judged.findings.push(gap_finding(&["no root"], Severity::High, None, what, Vec::new(), about));
    }
    let mut of_user: HashMap<Option<&str>, u64> = HashMap::new();
    for row in report.unreadable_rows() {
        let user = row.user.as_deref();
        let name = user.map(principal_name);
        judged.gaps.push(Gap { rule: None, principal: name.map(str::to_owned) });
        let named = name.map(|name| format!(" ({})", text::quoted(name))).unwrap_or_default();
        let what = format!("line {}{named} of the report could not be judged: it {}", row.line, row.reason);
        // The line number differs in the next report; the number of rows of a user is likely the same.
        let nth = of_user.entry(user).or_default();
        *nth += 1;
        let identity = ["row", user.unwrap_or_default(), &nth.to_string()];
        let facts = vec![("line", row.line.to_string())];
        judged.findings.push(gap_finding(&identity, Severity::High, None, what, facts, about));
    }
    for contradiction in report.contradictions() {
        let name = principal_name(&contradiction.user);
        judged.gaps.push(Gap { rule: None, principal: Some(name.to_owned()) });
        let lines = contradiction.lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let what = format!(
            "the report has several rows of {} that differ, which were all judged: lines {lines}",
            text::quoted(name)
        );
        let facts = vec![("lines", lines)];
        judged.findings.push(gap_finding(
            &["twice", &contradiction.user],
            Severity::High,
            None,
            what,
            facts,
            about,
        ));
    }
}

/// The report does not have columns that a check reads.
fn of_columns(check: &Check, columns: &[&str], users: usize, about: &ReportContext<'_>) -> Finding {
    let whom = match (check.scope, users) {
        (RowScope::Root, _) => "the root user".to_owned(),
        (RowScope::Users, users) => text::counted(users, "user", "users"),
    };
    let noun = text::noun(&columns.len(), "column", "columns");
    let columns = columns.join(", ");
    let what = format!(
        "nothing could be judged by {} for {whom}: the report does not have the {noun} {columns}",
        check.rule.id
    );
    let facts = vec![("check", check.rule.id.to_owned()), ("columns", columns), ("users", users.to_string())];
    gap_finding(&["columns", check.rule.id], severity(&[check]), None, what, facts, about)
}

/// Cells of one row that a check reads and cannot interpret.
pub(super) fn of_cells(
    check: &Check,
    row: &Row,
    columns: &[&str],
    about: &ReportContext<'_>,
    judged: &mut CheckOutcome,
) {
    let principal = principal(row, about);
    judged.gaps.push(Gap { rule: Some(check.rule.id), principal: principal.name.clone() });
    let shown =
        |column: &&str| format!("{column} is {}", text::quoted(&row.shown(column).unwrap_or_default()));
    let first = columns.first().map(shown).unwrap_or_default();
    let what = format!("could not be judged by {}: {first}", check.rule.id);
    let mut facts = vec![("check", check.rule.id.to_owned()), ("line", row.line.to_string())];
    let names = check.columns.iter().filter(|name| columns.contains(name));
    facts.extend(names.map(|name| (*name, row.shown(name).unwrap_or_default())));
    let identity = ["cells", check.rule.id, &row.user];
    judged.findings.push(gap_finding(&identity, severity(&[check]), Some(principal), what, facts, about));
}

/// Access keys and certificates that AWS counts but does not list.
pub(super) fn of_additional(row: &Row, about: &ReportContext<'_>, judged: &mut CheckOutcome) {
    let (Cell::Value(additional) | Cell::Unreadable(additional)) = &row.additional else {
        return;
    };
    // The report may list others next time: a finding is not resolved because its credential is not listed.
    let reads_credentials = |check: &&Check| {
        check.columns.iter().any(|column| column.starts_with("access_key_") || column.starts_with("cert_"))
    };
    let checks: Vec<&Check> =
        table().filter(|check| check.scope.includes(row)).filter(reads_credentials).collect();
    let principal = principal(row, about);
    let gap = |check: &&Check| Gap { rule: Some(check.rule.id), principal: principal.name.clone() };
    judged.gaps.extend(checks.iter().map(gap));
    let what = format!(
        "has more access keys or certificates than the report shows, and these could not be judged: {}",
        text::quoted(additional)
    );
    let facts = vec![("additional_credentials_info", additional.clone())];
    let identity = ["additional", &row.user];
    judged.findings.push(gap_finding(&identity, severity(&checks), Some(principal), what, facts, about));
}

fn gap_finding(
    identity: &[&str],
    severity: Severity,
    principal: Option<Principal>,
    what: String,
    facts: Vec<(&'static str, String)>,
    about: &ReportContext<'_>,
) -> Finding {
    let identity = [&[about.account], identity].concat();
    Finding {
        account: Some(about.account.to_owned()).filter(|account| !account.is_empty()),
        resource: principal.as_ref().and_then(|who| who.arn.clone()),
        principal,
        time: Some(about.generated),
        evidence: Evidence {
            object: about.source.map(str::to_owned),
            facts: facts.into(),
            ..Evidence::default()
        },
        ..report_not_judged(&identity, severity, subject(about), what)
    }
    .with_summary()
}
