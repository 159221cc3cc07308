//! What an audit has to know of its source.

use chrono::{DateTime, NaiveDate, Utc};

use super::audited::JudgedAccount;
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::rule::CheckRule;
use crate::mail::audit::AuditSummary;
use crate::notification::Notification;
use crate::ports::{AwsError, Runtime, StateStore};
use crate::state::store::StateClient;

/// A source of configuration that is audited account by account.
pub trait AuditSource {
    /// What the audit's objects are named after: `audits/NAME.json`, `audits/NAME/ACCOUNT.json`.
    const NAME: &'static str;

    /// The configuration of one account, as it was fetched.
    type Report;

    /// Finds one of the source's rules by its id; `None` if this version has no such rule.
    fn rule(id: &str) -> Option<CheckRule>;

    /// When a report was generated.
    fn generated(report: &Self::Report) -> DateTime<Utc>;

    /// Fetches the report of an account.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `DeadlineExceeded` if the next run may have more time.
    fn fetch<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        state: &StateClient<'_, S, R>,
    ) -> impl Future<Output = Result<Self::Report, AwsError>>;

    /// Judges a report.
    ///
    /// # Errors
    /// [`AwsError`] if it is no report of that account.
    fn judge<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        report: &Self::Report,
        state: &StateClient<'_, S, R>,
    ) -> Result<JudgedAccount, AwsError>;

    /// Keeps a report, so that any two days can be compared.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket.
    fn archive<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        report: &Self::Report,
        state: &StateClient<'_, S, R>,
    ) -> impl Future<Output = Result<(), AwsError>>;

    /// The kept report of a day.
    ///
    /// # Errors
    /// [`AwsError`], also if none was kept.
    fn archived<S: StateStore, R: Runtime>(
        &self,
        account: &str,
        date: NaiveDate,
        state: &StateClient<'_, S, R>,
    ) -> impl Future<Output = Result<Self::Report, AwsError>>;

    /// The finding about an account that could not be looked at.
    fn check_failed(account: &str, error: &AwsError, now: DateTime<Utc>) -> Finding;

    /// The one mail over all accounts; `None` if nothing has changed.
    fn notification(
        findings: Vec<Finding>,
        summary: &AuditSummary,
        alert_id: String,
        config: &Config,
    ) -> Option<Notification>;
}
