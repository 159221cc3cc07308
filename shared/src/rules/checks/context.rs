//! The context of the findings of one report: their account, time and source, and the user.

use chrono::{DateTime, Utc};

use crate::finding::{Principal, Subject};
use crate::formats::credential_report::{ROOT_USER, Row};
use crate::text;

/// The context of the findings of one report.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    /// The account; if it is empty, the one that the report's ARNs name.
    pub account: &'a str,
    /// When AWS made the report.
    pub generated: DateTime<Utc>,
    /// The report: `s3://bucket/key`, or a path.
    pub source: Option<&'a str>,
}

/// The principal of the findings about a row.
pub(super) fn principal(row: &Row, about: &ReportContext<'_>) -> Principal {
    let root_arn = || {
        let account = Some(about.account).filter(|account| text::is_account_id(account))?;
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

pub(super) fn principal_name(user: &str) -> &str {
    if user == ROOT_USER { "root" } else { user }
}

/// The findings of one account have one subject: they are reported in one mail.
pub(super) fn subject(about: &ReportContext<'_>) -> Subject {
    match about.account {
        "" => Subject::Account("unknown account".to_owned()),
        account => Subject::Account(account.to_owned()),
    }
}
