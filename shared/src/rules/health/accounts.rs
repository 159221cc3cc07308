//! Accounts whose credential report could not be judged, and accounts that are no longer watched.

use chrono::{DateTime, Utc};

use super::could_not_look::COULD_NOT_LOOK;
use super::finding::health_finding;
use crate::finding::{Finding, Subject};
use crate::ports::{AwsError, AwsErrorKind};
use crate::severity::Severity;

/// What to do if a credential report, or a part of it, could not be judged.
pub const CREDENTIAL_REPORT_STEPS: &[&str] = &[
    "Nothing that stood open there counts as resolved meanwhile, and every other account is judged all the same. It is asked for again with every run.",
    "sts:AssumeRole refused: the role that `MEMBER_ROLE_NAME` names must exist in that account, trust the function's role and take its external id, as `deploy/member-role.yaml` makes it; an account that is new may lack it.",
    "iam:GenerateCredentialReport or iam:GetCredentialReport refused: see whether the role's policy, its permissions boundary or a service control policy was changed, and by whom.",
    "Something in the report that could not be read: look at it (`aws iam get-credential-report --query Content --output text | base64 -d`). IAM may have begun to write it in another way.",
    "An account that was closed, or that nobody has to watch: take it off the list that `WATCHED_ACCOUNTS` names.",
];

/// What to do if an account is no longer watched.
const ACCOUNT_LEFT_STEPS: &[&str] = &[
    "If you took it off the list, or it was closed: there is nothing to do.",
    "If not, find out who did: `aws cloudtrail lookup-events` knows `LeaveOrganization`, `RemoveAccountFromOrganization` and `CloseAccount`, and what changed the setting `WATCHED_ACCOUNTS`; `config/accounts.txt` keeps its earlier versions.",
    "Look at what that account did since: whoever takes an account out of sight has a reason.",
];

/// The credential report of an account could not be fetched or read: the same finding until it can be.
pub fn account_check_failed(account: &str, error: &AwsError, now: DateTime<Utc>) -> Finding {
    let severity = match error.kind {
        AwsErrorKind::Denied | AwsErrorKind::NotFound => Severity::High,
        AwsErrorKind::Transient | AwsErrorKind::DeadlineExceeded => Severity::Low,
    };
    let AwsError { call, answer, .. } = error;
    let what = format!("the credential report could not be judged: {call} failed: {answer}");
    of_credential_report(&[account], account, severity, what, now)
}

/// The list of watched accounts could not be read from `source`: the same finding until it can be. `own` is the
/// account that iamwatch runs in.
pub fn accounts_unknown(source: &str, own: Option<&str>, why: &str, now: DateTime<Utc>) -> Finding {
    let what = format!(
        "it could not be found out for sure in {source} which accounts are watched, so those of before are: {why}"
    );
    let own = own.unwrap_or_default();
    of_credential_report(&[own, source], own, Severity::High, what, now)
}

/// A watched account is no longer watched: one finding each time it leaves.
pub fn account_left(account: &str, own: Option<&str>, now: DateTime<Utc>) -> Finding {
    let what = format!(
        "account {account} is no longer among the watched accounts: its credential report is not judged any more, and what stood open there is not told again"
    );
    let identity = ["left", account, &now.format("%Y-%m-%d").to_string()];
    let finding = of_credential_report(&identity, account, Severity::Medium, what, now);
    let account = Some(account.to_owned());
    Finding { resource: account, account: own.map(str::to_owned), remediation: ACCOUNT_LEFT_STEPS, ..finding }
}

fn of_credential_report(
    identity: &[&str],
    account: &str,
    severity: Severity,
    what: String,
    now: DateTime<Utc>,
) -> Finding {
    let subject = Subject::Account(account.to_owned());
    Finding {
        account: Some(account.to_owned()).filter(|account| !account.is_empty()),
        time: Some(now),
        ..report_not_judged(identity, severity, subject, what)
    }
    .with_summary()
}

/// A part of a credential report could not be judged; without a summary yet. `identity` must be the same for the
/// next report if the same part of it cannot be judged.
pub fn report_not_judged(identity: &[&str], severity: Severity, subject: Subject, what: String) -> Finding {
    let identity = [&["credential report"], identity].concat();
    Finding {
        remediation: CREDENTIAL_REPORT_STEPS,
        ..health_finding(&COULD_NOT_LOOK, severity, &identity, subject, what)
    }
}
