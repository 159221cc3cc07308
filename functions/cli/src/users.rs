//! `iamwatch credential-report --list`: every user, with or without a finding.

mod csv_row;
mod listed_user;
mod table_row;
mod user_json;

use std::collections::HashMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use shared::finding::Finding;
use shared::formats::credential_report::CredentialReport;

use self::csv_row::COLUMNS;
use self::listed_user::ListedUser;
use self::table_row::HEADINGS;
use crate::args::ListFormat;
use crate::output::{self, json_line};

/// Prints one row for each user, the root user first; ages are measured at `as_of`.
pub fn print(
    out: &mut impl Write,
    report: &CredentialReport,
    findings: &[Finding],
    as_of: DateTime<Utc>,
    format: ListFormat,
) -> anyhow::Result<()> {
    let mut by_user: HashMap<(bool, &str), Vec<&Finding>> = HashMap::new();
    for finding in findings {
        let Some(principal) = &finding.principal else { continue };
        let is_root = principal.kind.as_deref() == Some("Root");
        by_user.entry((is_root, principal.name.as_deref().unwrap_or_default())).or_default().push(finding);
    }
    let mut users: Vec<ListedUser<'_>> =
        report.rows().iter().map(|row| ListedUser::of(row, &by_user, as_of)).collect();
    users.sort_by_cached_key(|user| (!user.row.is_root(), user.row.user.to_lowercase(), user.row.line));
    match format {
        ListFormat::Json => users.iter().try_for_each(|user| json_line(out, &user.json())),
        ListFormat::Csv => output::csv(out, &COLUMNS, users.iter().map(ListedUser::csv_row)),
        ListFormat::Table => {
            let rows = users.iter().map(ListedUser::table_row);
            let rows: Vec<_> = std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect();
            output::table(out, &rows)
        }
    }
}
