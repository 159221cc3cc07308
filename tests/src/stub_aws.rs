//! As much of AWS as the functions call, on 127.0.0.1, and every way in which it may fail them.
//!
//! | file | what it holds |
//! |---|---|
//! | `stub_aws` | the server: what it keeps, what it was asked |
//! | `stub_aws/fault` | what goes wrong, and at which call |
//! | `stub_aws/s3` | GetObject, PutObject, DeleteObject |
//! | `stub_aws/listing` | ListObjectsV2 |
//! | `stub_aws/messaging` | `sns:Publish`, `sqs:ChangeMessageVisibility` |
//! | `stub_aws/iam` | credential reports, `sts:AssumeRole`, `organizations:ListAccounts` |
//! | `stub_aws/states` | `states:StartExecution` |
//!
//! Every call is noted in the order of arrival. To try a fault at every call in turn: run once without faults,
//! count [`StubAws::calls`], then run again with `Which::any().nth(n)` for each n.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

mod fault;
mod iam;
mod listing;
mod messaging;
mod s3;
mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::loopback::{Closed, End, Reply, Request, Server};
use crate::runtime_api::ACCOUNT as OWN_ACCOUNT;
use crate::waiting::within;

pub use fault::{Fault, Which};
pub use iam::{AccountReport, Organization};
pub use messaging::{Attribute, Mail, VisibilityChange, form};
pub use s3::{Bucket, Object};
pub use states::Execution;

use fault::Plan;

/// An operation that the functions call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `s3:GetObject`
    GetObject,
    /// `s3:PutObject`
    PutObject,
    /// `s3:DeleteObject`
    DeleteObject,
    /// `s3:ListObjectsV2`
    ListObjects,
    /// `sns:Publish`
    Publish,
    /// `sqs:ChangeMessageVisibility`
    ChangeMessageVisibility,
    /// `sts:AssumeRole`
    AssumeRole,
    /// `iam:GenerateCredentialReport`
    GenerateCredentialReport,
    /// `iam:GetCredentialReport`
    GetCredentialReport,
    /// `organizations:ListAccounts`
    ListAccounts,
    /// `states:StartExecution`
    StartExecution,
    /// Anything else: no function should call it.
    Unknown,
}

/// One call that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The target: `s3://bucket/key`, or the prefix that is listed; a topic's ARN, a queue's URL, a role's
    /// ARN, `account 111122223333`, `page 2 of the accounts`, a state machine's ARN and the execution's name; for
    /// an unknown operation the request.
    pub target: String,
    /// The fault of it.
    pub fault: Option<Fault>,
    /// The access key id of the process that called, also where it called with what STS had handed it: each
    /// process may be given its own.
    pub caller: String,
    /// How long the body of the answer was to be, in bytes, before anything went wrong with it.
    pub answer_bytes: usize,
    /// Which of [`StubAws::mails`] it published.
    pub mail: Option<usize>,
}

/// AWS, as the functions see it.
#[derive(Debug)]
pub struct StubAws {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// How many calls have arrived.
    arrived: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    mails: Vec<Mail>,
    visibility_changes: Vec<VisibilityChange>,
    iam: iam::Iam,
    states: states::States,
    calls: Vec<Call>,
    plan: Plan,
    /// The processes to be killed: their further calls have no effect.
    doomed: BTreeSet<String>,
}

impl StubAws {
    /// Starts it, with nothing in it.
    pub async fn start() -> StubAws {
        let shared = Arc::new(Shared::default());
        let server = Server::start({
            let shared = Arc::clone(&shared);
            move |request| answer(Arc::clone(&shared), request)
        })
        .await;
        StubAws { shared, server }
    }

    /// The value for AWS_ENDPOINT_URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Ends all connections that there are.
    pub fn end_connections(&self, end: End) {
        self.server.end_connections(end);
    }

    /// Makes an empty bucket of an account.
    pub fn make_bucket(&self, name: &str, account: &str) {
        self.state().buckets.insert(name.to_owned(), Bucket::of(account));
    }

    /// Puts an object into a bucket and gives its version.
    pub fn put(&self, bucket: &str, key: &str, content: impl Into<Bytes>) -> String {
        self.in_bucket(bucket, |bucket| bucket.put(key, content.into()))
    }

    /// Puts an object into a bucket, as if it were that time now.
    pub fn put_at(&self, bucket: &str, key: &str, content: impl Into<Bytes>, modified: DateTime<Utc>) {
        self.in_bucket(bucket, |bucket| bucket.put_at(key, content.into(), modified));
    }

    /// Takes an object out of a bucket.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.in_bucket(bucket, |bucket| bucket.delete(key));
    }

    /// From now on a bucket sends each object's checksum along, as S3 does for objects that have one.
    pub fn send_checksums(&self, bucket: &str) {
        self.in_bucket(bucket, |bucket| bucket.sends_checksums = true);
    }

    /// From now on a page of a listing of that bucket has at most this many objects and folders.
    pub fn list_by(&self, bucket: &str, page: usize) {
        self.in_bucket(bucket, |bucket| bucket.page = page);
    }

    /// The keys that a bucket holds.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.in_bucket(bucket, |bucket| bucket.keys())
    }

    /// The content of an object; `None` if it does not exist.
    pub fn content(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.in_bucket(bucket, |bucket| bucket.content(key))
    }

    /// From now on IAM has this report of an account. Of others everything is denied.
    pub fn put_report(&self, account: &str, report: AccountReport) {
        self.state().iam.reports.insert(account.to_owned(), report);
    }

    /// Creates a role. A caller with the external id, if there is one, may assume it.
    pub fn let_assume(&self, role_arn: &str, external_id: Option<&str>) {
        self.state().iam.let_assume(role_arn, external_id);
    }

    /// From now on a session lasts at most this long.
    pub fn end_sessions_after(&self, seconds: i64) {
        self.state().iam.most_seconds = seconds;
    }

    /// From now on the own account belongs to that organisation. Until then it belongs to none.
    pub fn put_organization(&self, organization: Organization) {
        self.state().iam.organization = Some(organization);
    }

    /// From now on there is that state machine.
    pub fn make_state_machine(&self, arn: &str) {
        self.state().states.machines.insert(arn.to_owned());
    }

    /// The executions that were begun, by name.
    pub fn executions(&self) -> Vec<Execution> {
        self.state().states.executions.values().cloned().collect()
    }

    /// Every execution comes to its end.
    pub fn end_executions(&self) {
        self.state().states.executions.values_mut().for_each(|execution| execution.has_ended = true);
    }

    fn in_bucket<T>(&self, name: &str, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut state = self.state();
        act(state.buckets.get_mut(name).unwrap_or_else(|| panic!("no bucket {name}")))
    }

    /// From now on these calls fail in this way. If several faults apply to a call, the first one counts.
    pub fn fail(&self, which: Which, fault: Fault) {
        self.state().plan.add(which, fault);
    }

    /// From now on nothing fails.
    pub fn recover(&self) {
        self.state().plan = Plan::default();
    }

    /// Forgets calls, mails and message delays; objects and faults stay.
    pub fn forget(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.mails.clear();
        state.visibility_changes.clear();
    }

    /// Every call so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How often an operation was called.
    pub fn count(&self, operation: Operation) -> usize {
        self.state().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// The published mails, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.state().mails.clone()
    }

    /// The messages that were given another visibility time-out, in order.
    pub fn visibility_changes(&self) -> Vec<VisibilityChange> {
        self.state().visibility_changes.clone()
    }

    /// Waits until an operation has been called so often about targets that have this in them.
    pub async fn until_called(&self, operation: Operation, target_part: &str, times: usize) {
        const LONGEST: Duration = Duration::from_secs(60);
        let mut arrived = self.shared.arrived.subscribe();
        let count = || {
            let is_it = |call: &&Call| call.operation == operation && call.target.contains(target_part);
            self.state().calls.iter().filter(is_it).count()
        };
        let enough = async {
            while count() < times {
                arrived.changed().await.expect("the sender lives as long as this");
            }
        };
        within(LONGEST, enough, || {
            format!("{operation:?} of {target_part} was not called {times} times: {:#?}", self.calls())
        })
        .await;
    }

    /// Waits until a call of that caller meets [`Fault::KillBefore`] or [`Fault::KillAfter`]: whoever started
    /// the process has to kill it.
    pub async fn until_doomed(&self, caller: &str) {
        let mut arrived = self.shared.arrived.subscribe();
        while !self.state().doomed.contains(caller) {
            arrived.changed().await.expect("the sender lives as long as this");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("nobody panics with the state in hand")
    }
}

/// The operation of a request.
#[derive(Debug)]
enum Asked {
    S3(s3::Asked),
    Publish(Mail),
    ChangeMessageVisibility(VisibilityChange),
    Iam(iam::Asked),
    StartExecution(states::Asked),
    Unknown,
}

impl Asked {
    fn by(request: &Request) -> Asked {
        match request.header("x-amz-target") {
            Some("AmazonSQS.ChangeMessageVisibility") => VisibilityChange::asked_by(&request.body)
                .map_or(Asked::Unknown, Asked::ChangeMessageVisibility),
            Some(iam::LIST_ACCOUNTS) => {
                iam::Asked::list_accounts(&request.body).map_or(Asked::Unknown, Asked::Iam)
            }
            Some(states::START_EXECUTION) => {
                states::Asked::by(&request.body).map_or(Asked::Unknown, Asked::StartExecution)
            }
            Some(_) => Asked::Unknown,
            None if request.header("content-type") == Some("application/x-www-form-urlencoded") => {
                let publish = Mail::asked_by(&request.body).map(Asked::Publish);
                let asked = publish.or_else(|| iam::Asked::by_form(&request.body).map(Asked::Iam));
                asked.unwrap_or(Asked::Unknown)
            }
            None => s3::Asked::by(request).map_or(Asked::Unknown, Asked::S3),
        }
    }

    fn operation(&self) -> Operation {
        match self {
            Asked::S3(asked) => asked.operation(),
            Asked::Publish(_) => Operation::Publish,
            Asked::ChangeMessageVisibility(_) => Operation::ChangeMessageVisibility,
            Asked::Iam(asked) => asked.operation(),
            Asked::StartExecution(_) => Operation::StartExecution,
            Asked::Unknown => Operation::Unknown,
        }
    }

    /// `account` is that of the caller.
    fn target(&self, request: &Request, account: &str) -> String {
        match self {
            Asked::S3(asked) => asked.target(),
            Asked::Publish(mail) => mail.topic_arn.clone(),
            Asked::ChangeMessageVisibility(change) => change.queue_url.clone(),
            Asked::Iam(asked) => asked.target(account),
            Asked::StartExecution(asked) => asked.target(),
            Asked::Unknown => format!("{} {}?{}", request.method, request.path, request.query),
        }
    }
}

/// Answers a request, unless it is to fail.
async fn answer(shared: Arc<Shared>, request: Request) -> Result<Reply, Closed> {
    let (reply, fault) = {
        let mut state = shared.state.lock().expect("nobody panics with the state in hand");
        state.meet(&request)
    };
    shared.arrived.send_modify(|arrived| *arrived += 1);
    match (reply, fault) {
        (_, Some(Fault::HangBefore | Fault::HangAfter | Fault::KillBefore | Fault::KillAfter)) => {
            std::future::pending().await
        }
        (None, _) => Err(Closed),
        (Some(reply), None) => Ok(reply),
        (Some(reply), Some(fault)) => fault.spoil(reply),
    }
}

/// The access key id of the signer of a request.
///
/// Source: AWS Signature Version 4, "Add the signature to the request".
fn access_key(request: &Request) -> &str {
    let signed = request.header("authorization").unwrap_or_default();
    let (_, credential) = signed.split_once("Credential=").unwrap_or_default();
    credential.split('/').next().unwrap_or_default()
}

impl State {
    /// Notes the call and does what is asked for, unless it is to fail. Nobody hears of what a process calls
    /// that is about to be killed.
    fn meet(&mut self, request: &Request) -> (Option<Reply>, Option<Fault>) {
        let key = access_key(request);
        let caller = self.iam.process(key).to_owned();
        if self.doomed.contains(&caller) {
            return (None, Some(Fault::KillBefore));
        }
        let asked = Asked::by(request);
        let operation = asked.operation();
        let target = asked.target(request, self.iam.account(key));
        let fault = self.plan.next(operation, &target);
        let mails = self.mails.len();
        let mut reply = match fault {
            Some(Fault::Error { status, code }) => Some(error(operation, status, code, &target)),
            Some(Fault::CloseBefore | Fault::HangBefore | Fault::KillBefore) => None,
            _ => Some(match self.iam.refuses(key, operation, request) {
                Some(refusal) => refusal,
                None => self.do_what_is(asked, &target, key),
            }),
        };
        if matches!(fault, Some(Fault::KillBefore | Fault::KillAfter)) {
            self.doomed.insert(caller.clone());
        }
        let answer_bytes = reply.as_mut().map_or(0, |reply| reply.body_mut().len());
        let mail = (self.mails.len() > mails).then_some(mails);
        self.calls.push(Call { operation, target, fault, caller, answer_bytes, mail });
        (reply, fault)
    }

    fn do_what_is(&mut self, asked: Asked, target: &str, key: &str) -> Reply {
        match asked {
            Asked::S3(asked) => asked.answer(&mut self.buckets),
            Asked::Publish(mail) => {
                self.mails.push(mail);
                messaging::published(self.mails.len())
            }
            Asked::ChangeMessageVisibility(change) => {
                self.visibility_changes.push(change);
                Reply::new(200, messaging::JSON, "")
            }
            Asked::Iam(asked) => self.iam.answer(asked, key),
            Asked::StartExecution(asked) => self.states.start(asked),
            Asked::Unknown => error(Operation::Unknown, 501, "NotImplemented", target),
        }
    }
}

/// An error, in the words of the protocol of its service.
fn error(operation: Operation, status: u16, code: &str, target: &str) -> Reply {
    let message = match code {
        "AWSOrganizationsNotInUseException" => "Your account is not a member of an organization.",
        "AccessDenied" => "Access Denied",
        "ExecutionAlreadyExists" => "Execution Already Exists",
        "InternalError" | "InternalFailure" => "We encountered an internal error. Please try again.",
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        "NoSuchVersion" => "The specified version does not exist.",
        "InvalidClientTokenId" => "The security token included in the request is invalid.",
        "LimitExceeded" => {
            "The request was rejected because it attempted to create resources beyond the limits."
        }
        "PreconditionFailed" => "At least one of the pre-conditions you specified did not hold",
        "ReportExpired" => "Credential report has expired",
        "ReportInProgress" => "Credential report is being generated",
        "ReportNotPresent" => "There is no credential report. Request one",
        "ServiceUnavailable" => "Service is unable to handle request.",
        "StateMachineDoesNotExist" => "State Machine Does Not Exist",
        "SlowDown" => "Please reduce your request rate.",
        "Throttling" | "Throttled" => "Rate exceeded",
        _ => "It failed because a test asked for it.",
    };
    match operation {
        Operation::Publish => messaging::sns_error(status, code, message),
        Operation::ChangeMessageVisibility => messaging::sqs_error(status, code, message),
        Operation::AssumeRole | Operation::GenerateCredentialReport | Operation::GetCredentialReport => {
            iam::query_error(operation, status, code, message)
        }
        Operation::ListAccounts => iam::organizations_error(status, code, message),
        Operation::StartExecution => states::error(status, code, message),
        _ => s3::error(status, code, message, target),
    }
}
