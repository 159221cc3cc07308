//! IAM and STS in the query protocol, Organizations in the JSON protocol.
//!
//! A session that STS handed out is known again by its access key id: that decides whose report IAM answers.
//!
//! Sources: IAM API Reference, `GenerateCredentialReport`, `GetCredentialReport`; STS API Reference, `AssumeRole`;
//! Organizations API Reference, `ListAccounts`; each with "Common errors".

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::messaging::form;
use super::s3::base64;
use super::{OWN_ACCOUNT, Operation};
use crate::loopback::{Reply, Request};

const XML: &str = "text/xml";
const JSON: &str = "application/x-amz-json-1.1";
const REQUEST_ID: &str = "29f47818-99f5-11e1-a4c3-27EXAMPLE804";

/// How many seconds a session of STS lasts.
const LEAST_SECONDS: i64 = 900;
const MOST_SECONDS: i64 = 43_200;

/// The credential report of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    content: Bytes,
    generated: DateTime<Utc>,
    state: ReportState,
    /// How often it is still said to be under way.
    calls_until_made: usize,
    /// The State instead of `COMPLETE`, and the name of the format.
    complete: &'static str,
    format: &'static str,
    without: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReportState {
    /// None was requested.
    NotPresent,
    /// It was made too long ago.
    Expired,
    /// One was requested.
    AskedFor,
}

impl AccountReport {
    /// A report that was made at that time, and is there.
    pub fn made(content: impl Into<Bytes>, generated: DateTime<Utc>) -> AccountReport {
        AccountReport {
            content: content.into(),
            generated,
            state: ReportState::AskedFor,
            calls_until_made: 0,
            complete: "COMPLETE",
            format: "text/csv",
            without: &[],
        }
    }

    /// It is generated on request, and this many calls find it in progress.
    #[must_use]
    pub fn after(self, calls: usize) -> AccountReport {
        AccountReport { state: ReportState::NotPresent, calls_until_made: calls, ..self }
    }

    /// The same, where there is one that is too old.
    #[must_use]
    pub fn in_place_of_an_old_one(self) -> AccountReport {
        AccountReport { state: ReportState::Expired, ..self }
    }

    /// IAM ends with this state instead of `COMPLETE`.
    #[must_use]
    pub fn ending_as(self, state: &'static str) -> AccountReport {
        AccountReport { complete: state, ..self }
    }

    /// IAM says that it has this format instead of `text/csv`.
    #[must_use]
    pub fn of_format(self, format: &'static str) -> AccountReport {
        AccountReport { format, ..self }
    }

    /// IAM's answers lack these members.
    #[must_use]
    pub fn without(self, members: &'static [&'static str]) -> AccountReport {
        AccountReport { without: members, ..self }
    }

    fn generate(&mut self) -> Reply {
        let before = std::mem::replace(&mut self.state, ReportState::AskedFor);
        let (state, description) = match before {
            _ if self.calls_until_made == 0 => (self.complete, None),
            ReportState::AskedFor => ("INPROGRESS", None),
            ReportState::NotPresent | ReportState::Expired => {
                ("STARTED", Some("No report exists. Starting a new report generation task"))
            }
        };
        self.calls_until_made = self.calls_until_made.saturating_sub(1);
        let description = description.map(|text| ("Description", text.to_owned()));
        self.answered("GenerateCredentialReport", [Some(("State", state.to_owned())), description])
    }

    fn get(&mut self) -> Reply {
        let refused = |status, code| super::error(Operation::GetCredentialReport, status, code, "");
        match self.state {
            ReportState::NotPresent => refused(410, "ReportNotPresent"),
            ReportState::Expired => refused(410, "ReportExpired"),
            ReportState::AskedFor if self.calls_until_made > 0 => {
                self.calls_until_made -= 1;
                refused(404, "ReportInProgress")
            }
            ReportState::AskedFor => {
                let members = [
                    Some(("Content", base64(&self.content))),
                    Some(("GeneratedTime", time(self.generated))),
                    Some(("ReportFormat", self.format.to_owned())),
                ];
                self.answered("GetCredentialReport", members)
            }
        }
    }

    fn answered<const N: usize>(&self, action: &str, members: [Option<(&'static str, String)>; N]) -> Reply {
        let members = members.into_iter().flatten().filter(|(name, _)| !self.without.contains(name));
        let members: String = members.map(|(name, text)| format!("<{name}>{text}</{name}>")).collect();
        let result = format!("<{action}Result>{members}</{action}Result>");
        answered("https://iam.amazonaws.com/doc/2010-05-08/", action, &result)
    }
}

/// Which accounts an organisation has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// One page after the other, of each account its id and its state: `ACTIVE`, `SUSPENDED`, `CLOSED` …
    pub pages: Vec<Vec<(String, &'static str)>>,
    /// The members that each account lacks, such as `Status`.
    pub without: &'static [&'static str],
    /// After the last page comes another one, and so on.
    pub endless: bool,
}

impl Organization {
    /// An organisation of active accounts, this many on each page.
    pub fn of(accounts: &[&str], per_page: usize) -> Organization {
        let page = |ids: &[&str]| ids.iter().map(|&id| (id.to_owned(), "ACTIVE")).collect();
        Organization { pages: accounts.chunks(per_page).map(page).collect(), ..Organization::default() }
    }

    fn page(&self, n: usize) -> Option<Reply> {
        let none = Vec::new();
        let page = match self.pages.get(n - 1) {
            None if self.endless => &none,
            page => page?,
        };
        let account = |(id, state): &(String, &str)| {
            // Source: Organizations API Reference, `Account`, `Status` and `State`.
            let status = match *state {
                "ACTIVE" | "PENDING_CLOSURE" => state,
                _ => "SUSPENDED",
            };
            let mut account = json!({
                "Arn": format!("arn:aws:organizations::{OWN_ACCOUNT}:account/o-exampleorgid/{id}"),
                "Email": format!("account-{id}@example.com"),
                "Id": id,
                "JoinedMethod": "CREATED",
                "JoinedTimestamp": 1_481_835_741.044,
                "Name": format!("Account {id}"),
                "State": state,
                "Status": status,
            });
            if let Some(account) = account.as_object_mut() {
                account.retain(|name, _| !self.without.contains(&name.as_str()));
            }
            account
        };
        let mut body = json!({"Accounts": page.iter().map(account).collect::<Vec<_>>()});
        if self.endless || n < self.pages.len() {
            body["NextToken"] = json!(format!("page-{}", n + 1));
        }
        Some(Reply::new(200, JSON, body.to_string()).with("x-amzn-requestid", REQUEST_ID))
    }
}

/// A role that can be assumed.
#[derive(Clone, Debug)]
struct Role {
    /// The external id that a caller must give to assume it.
    external_id: Option<String>,
}

/// A session of a role.
#[derive(Clone, Debug)]
struct Session {
    account: String,
    token: String,
    /// The access key id of the session.
    assumed_by: String,
}

/// IAM, STS and Organizations.
#[derive(Debug)]
pub(super) struct Iam {
    pub(super) reports: BTreeMap<String, AccountReport>,
    pub(super) organization: Option<Organization>,
    /// By ARN.
    roles: BTreeMap<String, Role>,
    /// By access key id.
    sessions: BTreeMap<String, Session>,
    /// How long a session lasts at most.
    pub(super) most_seconds: i64,
}

impl Default for Iam {
    fn default() -> Iam {
        Iam {
            reports: BTreeMap::new(),
            organization: None,
            roles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            most_seconds: MOST_SECONDS,
        }
    }
}

/// The operation of a request.
#[derive(Debug)]
pub(super) enum Asked {
    AssumeRole {
        role: String,
        session: String,
        external_id: Option<String>,
        seconds: i64,
    },
    /// The one of the caller's account.
    Generate,
    Get,
    /// The n-th page, counted from 1.
    ListAccounts {
        page: usize,
    },
}

/// The header by which the JSON protocol says that accounts are to be listed.
pub(super) const LIST_ACCOUNTS: &str = "AWSOrganizationsV20161128.ListAccounts";

impl Asked {
    /// The operation of a form; `None` if it is another one.
    pub(super) fn by_form(body: &[u8]) -> Option<Asked> {
        let mut form = form(body);
        let (action, version) = (form.remove("Action")?, form.remove("Version")?);
        let asked = match (action.as_str(), version.as_str()) {
            ("GenerateCredentialReport", "2010-05-08") => Asked::Generate,
            ("GetCredentialReport", "2010-05-08") => Asked::Get,
            ("AssumeRole", "2011-06-15") => Asked::AssumeRole {
                role: form.remove("RoleArn")?,
                session: form.remove("RoleSessionName")?,
                external_id: form.remove("ExternalId"),
                seconds: form.remove("DurationSeconds").map_or(Some(3600), |text| text.parse().ok())?,
            },
            _ => return None,
        };
        form.is_empty().then_some(asked)
    }

    /// Which accounts are asked for; nothing where the request is none.
    pub(super) fn list_accounts(body: &[u8]) -> Option<Asked> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let page = match &body["NextToken"] {
            Value::Null => 1,
            token => token.as_str()?.strip_prefix("page-")?.parse().ok()?,
        };
        (page > 0).then_some(Asked::ListAccounts { page })
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Asked::AssumeRole { .. } => Operation::AssumeRole,
            Asked::Generate => Operation::GenerateCredentialReport,
            Asked::Get => Operation::GetCredentialReport,
            Asked::ListAccounts { .. } => Operation::ListAccounts,
        }
    }

    /// `account` is that of the caller.
    pub(super) fn target(&self, account: &str) -> String {
        match self {
            Asked::AssumeRole { role, .. } => role.clone(),
            Asked::Generate | Asked::Get => format!("account {account}"),
            Asked::ListAccounts { page } => format!("page {page} of the accounts"),
        }
    }
}

impl Iam {
    pub(super) fn let_assume(&mut self, role_arn: &str, external_id: Option<&str>) {
        self.roles.insert(role_arn.to_owned(), Role { external_id: external_id.map(str::to_owned) });
    }

    /// The process of an access key id: its own one, or one of its sessions.
    pub(super) fn process<'a>(&'a self, key: &'a str) -> &'a str {
        self.sessions.get(key).map_or(key, |session| &session.assumed_by)
    }

    /// The account that an access key id is of.
    pub(super) fn account(&self, key: &str) -> &str {
        self.sessions.get(key).map_or(OWN_ACCOUNT, |session| &session.account)
    }

    /// Why a request is not signed as it should be, where it is not.
    pub(super) fn refuses(&self, key: &str, operation: Operation, request: &Request) -> Option<Reply> {
        let refused = |code| Some(super::error(operation, 403, code, ""));
        match self.sessions.get(key) {
            None if looks_handed_out(key) => refused("InvalidClientTokenId"),
            None => None,
            Some(session) if request.header("x-amz-security-token") != Some(&session.token) => {
                refused("InvalidClientTokenId")
            }
            // The role that is assumed allows nothing else.
            Some(_)
                if !matches!(
                    operation,
                    Operation::GenerateCredentialReport | Operation::GetCredentialReport
                ) =>
            {
                refused("AccessDenied")
            }
            Some(_) => None,
        }
    }

    pub(super) fn answer(&mut self, asked: Asked, key: &str) -> Reply {
        let operation = asked.operation();
        let refused = |status, code| super::error(operation, status, code, "");
        match asked {
            Asked::AssumeRole { role, session, external_id, seconds } => {
                self.assume(&role, &session, external_id.as_deref(), seconds, key)
            }
            Asked::Generate | Asked::Get => {
                let account = self.account(key).to_owned();
                match (self.reports.get_mut(&account), asked) {
                    (None, _) => refused(403, "AccessDenied"),
                    (Some(report), Asked::Generate) => report.generate(),
                    (Some(report), _) => report.get(),
                }
            }
            Asked::ListAccounts { page } => match &self.organization {
                None => refused(400, "AWSOrganizationsNotInUseException"),
                Some(organization) => {
                    organization.page(page).unwrap_or_else(|| refused(400, "InvalidInputException"))
                }
            },
        }
    }

    fn assume(
        &mut self,
        role_arn: &str,
        session_name: &str,
        external_id: Option<&str>,
        seconds: i64,
        key: &str,
    ) -> Reply {
        let refused = |status, code| super::error(Operation::AssumeRole, status, code, role_arn);
        let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
        let &["arn", partition, "iam", "", account, role] = parts.as_slice() else {
            return refused(400, "ValidationError");
        };
        if !(LEAST_SECONDS..=MOST_SECONDS).contains(&seconds) {
            return refused(400, "ValidationError");
        }
        let allowed = self.roles.get(role_arn).is_some_and(|role| {
            role.external_id.as_deref().is_none_or(|required| external_id == Some(required))
        });
        if !allowed {
            return refused(403, "AccessDenied");
        }
        let n = self.sessions.len() + 1;
        let access_key = format!("ASIA{account}{n:04}");
        let token = format!("session-{n}-of-{account}-{}", "EXAMPLE/".repeat(40));
        let ends = Utc::now() + TimeDelta::seconds(seconds.min(self.most_seconds));
        let role_name = role.rsplit('/').next().unwrap_or_default();
        let result = format!(
            concat!(
                "<AssumeRoleResult><Credentials><AccessKeyId>{access_key}</AccessKeyId>",
                "<SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>",
                "<SessionToken>{token}</SessionToken><Expiration>{ends}</Expiration></Credentials>",
                "<AssumedRoleUser><AssumedRoleId>AROA{account}EXAMPLE:{session_name}</AssumedRoleId>",
                "<Arn>arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}</Arn>",
                "</AssumedRoleUser><PackedPolicySize>6</PackedPolicySize></AssumeRoleResult>"
            ),
            ends = time(ends),
            access_key = access_key,
            token = token,
            account = account,
            session_name = session_name,
            partition = partition,
            role_name = role_name,
        );
        let assumed_by = self.process(key).to_owned();
        self.sessions.insert(access_key, Session { account: account.to_owned(), token, assumed_by });
        answered("https://sts.amazonaws.com/doc/2011-06-15/", "AssumeRole", &result)
    }
}

/// Whether an access key id is one that [`Iam::assume`] could have handed out.
fn looks_handed_out(key: &str) -> bool {
    key.strip_prefix("ASIA").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn answered(xmlns: &str, action: &str, result: &str) -> Reply {
    let body = format!(
        concat!(
            r#"<{action}Response xmlns="{xmlns}">{result}<ResponseMetadata><RequestId>{id}</RequestId>"#,
            "</ResponseMetadata></{action}Response>"
        ),
        action = action,
        xmlns = xmlns,
        result = result,
        id = REQUEST_ID,
    );
    Reply::new(200, XML, body).with("x-amzn-requestid", REQUEST_ID)
}

/// An error as IAM and STS say it.
pub(super) fn query_error(operation: Operation, status: u16, code: &str, message: &str) -> Reply {
    let xmlns = match operation {
        Operation::AssumeRole => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => "https://iam.amazonaws.com/doc/2010-05-08/",
    };
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let body = format!(
        concat!(
            r#"<ErrorResponse xmlns="{xmlns}"><Error><Type>{fault}</Type><Code>{code}</Code>"#,
            "<Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        ),
        xmlns = xmlns,
        fault = fault,
        code = code,
        message = message,
        id = REQUEST_ID,
    );
    Reply::new(status, XML, body).with("x-amzn-requestid", REQUEST_ID)
}

/// An error as Organizations says it.
pub(super) fn organizations_error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"__type": code, "Message": message});
    Reply::new(status, JSON, body.to_string()).with("x-amzn-requestid", REQUEST_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_one_of_iam_or_sts_and_nothing_else() {
        let assume = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fr\
            &RoleSessionName=iamwatch&DurationSeconds=900";
        for (body, operation) in [
            ("Action=GenerateCredentialReport&Version=2010-05-08", Some(Operation::GenerateCredentialReport)),
            ("Action=GetCredentialReport&Version=2010-05-08", Some(Operation::GetCredentialReport)),
            ("Action=GetCredentialReport&Version=2010-05-08&Account=1", None),
            ("Action=ListUsers&Version=2010-05-08", None),
            ("Action=AssumeRole&Version=2011-06-15&RoleSessionName=iamwatch", None),
            (assume, Some(Operation::AssumeRole)),
            ("Action=Publish&Version=2010-03-31", None),
        ] {
            let asked = Asked::by_form(body.as_bytes());
            assert_eq!(asked.map(|asked| asked.operation()), operation, "{body}");
        }
    }

    #[test]
    fn pages_of_accounts_follow_one_another_by_their_tokens() {
        for (body, target) in [
            ("{}", Some("page 1 of the accounts")),
            (r#"{"NextToken":"page-3"}"#, Some("page 3 of the accounts")),
            (r#"{"NextToken":"3"}"#, None),
            (r#"{"NextToken":"page-0"}"#, None),
            ("", None),
        ] {
            let asked = Asked::list_accounts(body.as_bytes());
            assert_eq!(asked.map(|asked| asked.target("")).as_deref(), target, "{body}");
        }
    }
}
