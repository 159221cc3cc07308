//! IAM: the credential reports of the accounts that are watched, and which accounts the organisation has.
//!
//! Sources: IAM API Reference, `GenerateCredentialReport`, `GetCredentialReport`; STS API Reference, `AssumeRole`;
//! Organizations API Reference, `ListAccounts`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_iam::operation::get_credential_report::GetCredentialReportError;
use aws_sdk_iam::types::{ReportFormatType, ReportStateType};
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use bytes::Bytes;
use chrono::DateTime;
use shared::config::Config;
use shared::ports::{AwsError, Fetched, Generation, IamReader};
use shared::text::is_account_id;

use crate::attempts::{retries, time_outs};
use crate::aws_error::{aws_error, unreadable, without};

/// The session name under which CloudTrail of the other account records the calls.
const SESSION_NAME: &str = "iamwatch";

/// How long a session with another account lasts: the least that STS allows.
const SESSION_SECONDS: i32 = 900;

/// A session that ends sooner is replaced: a call and its retries must come to an end before it does.
const LEAST_LEFT: Duration = Duration::from_secs(60);

/// The most pages of accounts that are read. Each has at most 20 accounts.
const MAX_PAGES: usize = 1_000;

/// The IAM of all accounts, and the organisation, for one run.
pub struct Iam {
    /// One for all accounts, so that they share its connections: each call has its account's credentials.
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    organizations: aws_sdk_organizations::Client,
    role_name: String,
    external_id: Option<String>,
    /// The account that the function's own credentials are for.
    account: Option<String>,
    partition: String,
    /// The sessions that this run has started, by account.
    sessions: RefCell<BTreeMap<String, Session>>,
}

/// Temporary access to another account.
#[derive(Clone)]
struct Session {
    credentials: Credentials,
    ends: SystemTime,
}

impl Iam {
    /// Clients for a function of an account that is not known: see [`Iam::of_account`].
    pub fn new(sdk: &SdkConfig, config: &Config) -> Iam {
        let (time_outs, retries) = (time_outs(config), retries(config));
        let iam = aws_sdk_iam::config::Builder::from(sdk);
        let iam = iam.timeout_config(time_outs.clone()).retry_config(retries.clone());
        let sts = aws_sdk_sts::config::Builder::from(sdk);
        let sts = sts.timeout_config(time_outs.clone()).retry_config(retries.clone());
        let organizations = aws_sdk_organizations::config::Builder::from(sdk);
        let organizations = organizations.timeout_config(time_outs).retry_config(retries);
        Iam {
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            organizations: aws_sdk_organizations::Client::from_conf(organizations.build()),
            role_name: config.member_role_name.clone(),
            external_id: config.member_external_id.clone(),
            account: None,
            partition: "aws".to_owned(),
            sessions: RefCell::default(),
        }
    }

    /// The same for one run of a function of this account, where it is known, and of this partition. Without a
    /// known account the role is assumed in every account.
    pub fn of_account(&self, account: Option<&str>, partition: &str) -> Iam {
        Iam {
            iam: self.iam.clone(),
            sts: self.sts.clone(),
            organizations: self.organizations.clone(),
            role_name: self.role_name.clone(),
            external_id: self.external_id.clone(),
            account: account.map(str::to_owned),
            partition: partition.to_owned(),
            sessions: RefCell::default(),
        }
    }

    /// Whose credentials the calls about an account are made with.
    async fn with_credentials_of(&self, account: &str) -> Result<aws_sdk_iam::config::Builder, AwsError> {
        let builder = aws_sdk_iam::config::Builder::new();
        if self.account.as_deref() == Some(account) {
            return Ok(builder);
        }
        let known = self.sessions.borrow().get(account).cloned();
        let lasts = |session: &Session| session.ends > SystemTime::now() + LEAST_LEFT;
        let session = match known.filter(lasts) {
            Some(session) => session,
            None => {
                let session = self.assume_role(account).await?;
                self.sessions.borrow_mut().insert(account.to_owned(), session.clone());
                session
            }
        };
        Ok(builder.credentials_provider(SharedCredentialsProvider::new(session.credentials)))
    }

    async fn assume_role(&self, account: &str) -> Result<Session, AwsError> {
        let role = format!("arn:{}:iam::{account}:role/{}", self.partition, self.role_name);
        let call = format!("sts:AssumeRole {role}");
        let request = self.sts.assume_role().role_arn(role).role_session_name(SESSION_NAME);
        let request = request.duration_seconds(SESSION_SECONDS).set_external_id(self.external_id.clone());
        let answer = request.send().await.map_err(|error| aws_error(call.clone(), &error))?;
        let given = answer.credentials.ok_or_else(|| without(&call, "Credentials"))?;
        // The SDK returns empty ones for missing members.
        for (name, value) in [
            ("AccessKeyId", &given.access_key_id),
            ("SecretAccessKey", &given.secret_access_key),
            ("SessionToken", &given.session_token),
        ] {
            if value.is_empty() {
                return Err(without(&call, name));
            }
        }
        let ends = SystemTime::try_from(given.expiration).map_err(|_| without(&call, "Expiration"))?;
        let token = Some(given.session_token);
        let credentials =
            Credentials::new(given.access_key_id, given.secret_access_key, token, None, "AssumeRole");
        Ok(Session { credentials, ends })
    }
}

impl IamReader for Iam {
    async fn organization_accounts(&self) -> Result<Vec<String>, AwsError> {
        let call = "organizations:ListAccounts";
        let mut open = BTreeSet::new();
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let request = self.organizations.list_accounts().set_next_token(next.clone());
            let page = request.send().await.map_err(|error| aws_error(call.to_owned(), &error))?;
            for account in page.accounts.ok_or_else(|| without(call, "Accounts"))? {
                if is_open(&account).ok_or_else(|| without(call, "State of an account"))? {
                    let id = account.id.filter(|id| is_account_id(id));
                    open.insert(id.ok_or_else(|| without(call, "Id of an account"))?);
                }
            }
            let Some(token) = page.next_token.filter(|token| !token.is_empty()) else {
                // There is at least the account that asks.
                if open.is_empty() {
                    return Err(unreadable(call, "no account is active".to_owned()));
                }
                return Ok(open.into_iter().collect());
            };
            next = Some(token);
        }
        Err(unreadable(call, format!("there are more than {MAX_PAGES} pages of accounts")))
    }

    async fn generate_report(&self, account: &str) -> Result<Generation, AwsError> {
        let call = format!("iam:GenerateCredentialReport of account {account}");
        let credentials = self.with_credentials_of(account).await?;
        let request = self.iam.generate_credential_report().customize().config_override(credentials);
        let answer = request.send().await.map_err(|error| aws_error(call.clone(), &error))?;
        match answer.state.ok_or_else(|| without(&call, "State"))? {
            ReportStateType::Started | ReportStateType::Inprogress => Ok(Generation::UnderWay),
            ReportStateType::Complete => Ok(Generation::Complete),
            state => Err(unreadable(&call, format!("the report's State is \"{}\"", state.as_str()))),
        }
    }

    async fn credential_report(&self, account: &str) -> Result<Fetched, AwsError> {
        let call = format!("iam:GetCredentialReport of account {account}");
        let credentials = self.with_credentials_of(account).await?;
        let request = self.iam.get_credential_report().customize().config_override(credentials);
        let report = match request.send().await {
            Ok(report) => report,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetCredentialReportError::is_credential_report_not_ready_exception) =>
            {
                return Ok(Fetched::UnderWay);
            }
            Err(error) => return Err(aws_error(call, &error)),
        };
        match report.report_format.ok_or_else(|| without(&call, "ReportFormat"))? {
            ReportFormatType::TextCsv => {}
            format => {
                return Err(unreadable(&call, format!("the ReportFormat is \"{}\"", format.as_str())));
            }
        }
        let content = report.content.ok_or_else(|| without(&call, "Content"))?;
        let generated = report.generated_time;
        let generated = generated.and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()));
        let generated = generated.ok_or_else(|| without(&call, "GeneratedTime"))?;
        Ok(Fetched::Report { content: Bytes::from(content.into_inner()), generated })
    }
}

/// Whether an account can be used; `None` if the answer does not say.
///
/// `Status` says less than `State`, and is to go away: Organizations API Reference, `Account`, `Status`.
fn is_open(account: &Account) -> Option<bool> {
    let by_status = account.status.as_ref().map(|status| *status == AccountStatus::Active);
    account.state.as_ref().map(|state| *state == AccountState::Active).or(by_status)
}
