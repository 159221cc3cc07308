//! The credential report of each watched account: generated, fetched, judged, kept, and audited ([`super::audit`]).

mod fetching;
mod report_archive;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

use super::audit::{AuditSource, Audited, JudgedAccount, audit};
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::rule::CheckRule;
use crate::formats::credential_report::CredentialReport;
use crate::formats::events::audit::Audit;
use crate::mail;
use crate::mail::audit::AuditSummary;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::checks::{self, ReportContext};
use crate::rules::health::account_check_failed;
use crate::rules::registry;
use crate::state::store::StateClient;
use crate::text;

/// Judges the credential reports of the watched accounts, and notifies people of what has changed.
///
/// # Errors
/// [`crate::Error::Input`] for an invalid request by hand.
pub async fn audit_credentials<I: IamReader, L, S: StateStore, N: NotificationSink, R: Runtime>(
    request: &Audit,
    config: &Config,
    iam: &I,
    ports: &Ports<'_, L, S, N, R>,
) -> Result<Audited, crate::Error> {
    audit(&CredentialReports { iam }, request, config, iam, ports).await
}

/// The credential reports, as a source of an audit.
struct CredentialReports<'a, I> {
    iam: &'a I,
}

/// A credential report as IAM or the archive gave it.
struct ReportFile {
    /// A CSV file.
    content: Bytes,
    /// When IAM generated it.
    generated: DateTime<Utc>,
}

impl<I: IamReader> AuditSource for CredentialReports<'_, I> {
    const NAME: &'static str = "credential-report";

    type Report = ReportFile;

    fn rule(id: &str) -> Option<CheckRule> {
        registry::check_rule(id)
    }

    fn generated(report: &ReportFile) -> DateTime<Utc> {
        report.generated
    }

    async fn fetch<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        state: &StateClient<'_, S, R>,
    ) -> Result<ReportFile, AwsError> {
        let (content, generated) = fetching::fetch(self.iam, account, state).await?;
        Ok(ReportFile { content, generated })
    }

    /// A report without a root row is no report: every report has one.
    fn judge<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        ReportFile { content, generated }: &ReportFile,
        state: &StateClient<'_, S, R>,
    ) -> Result<JudgedAccount, AwsError> {
        let invalid = |answer: String| AwsError {
            kind: AwsErrorKind::Denied,
            call: format!("reading the credential report of account {account}"),
            answer,
        };
        let report = CredentialReport::parse(content).map_err(invalid)?;
        if let Some(other) = report.account().filter(|other| *other != account) {
            return Err(invalid(format!("its ARNs are of account {}", text::quoted(other))));
        }
        if report.root().is_none() {
            return Err(invalid("it has no row <root_account>, which every report has".to_owned()));
        }
        let uri = state.uri(&report_archive::key(account, generated.date_naive()));
        let about = ReportContext { account, generated: *generated, source: Some(&uri) };
        let users = report.rows().iter().filter(|row| !row.is_root()).count() as u64;
        let judged = checks::judge(&report, &about, state.config);
        Ok(JudgedAccount { judged, users, generated: *generated })
    }

    async fn archive<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        report: &ReportFile,
        state: &StateClient<'_, S, R>,
    ) -> Result<(), AwsError> {
        report_archive::keep(state, account, &report.content, report.generated).await
    }

    async fn archived<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        date: NaiveDate,
        state: &StateClient<'_, S, R>,
    ) -> Result<ReportFile, AwsError> {
        let (content, generated) = report_archive::read(state, account, date).await?;
        Ok(ReportFile { content, generated })
    }

    fn check_failed(account: &str, error: &AwsError, now: DateTime<Utc>) -> Finding {
        account_check_failed(account, error, now)
    }

    fn notification(
        findings: Vec<Finding>,
        summary: &AuditSummary,
        alert_id: String,
        config: &Config,
    ) -> Option<Notification> {
        mail::audit::notification(findings, summary, alert_id, config)
    }
}
