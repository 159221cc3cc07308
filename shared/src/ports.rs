//! The outside world, as the use cases see it. The adapters are in `shared/aws`; tests have them in memory.

pub mod retry;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::notification::Notification;

/// A call to AWS that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {answer}; {}", self.what_to_do())]
pub struct AwsError {
    /// What can be done about it.
    pub kind: AwsErrorKind,
    /// The call and what it was about: `s3:GetObject s3://bucket/key`.
    pub call: String,
    /// What AWS answered, with its error code; or why there is no answer.
    pub answer: String,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsErrorKind {
    /// The object does not exist; a retry does not help.
    NotFound,
    /// This run has no time left for the call; the next run makes it.
    DeadlineExceeded,
    /// AWS is busy, failing or not answering; the same call may succeed later.
    Transient,
    /// AWS refuses the call until somebody changes a permission, a key or a name.
    Denied,
}

impl AwsError {
    /// What a person should do about it.
    fn what_to_do(&self) -> &'static str {
        let (service, _) = self.call.split_once(':').unwrap_or_default();
        match (self.kind, service) {
            (AwsErrorKind::DeadlineExceeded | AwsErrorKind::Transient, _) => "it has to be tried again",
            (AwsErrorKind::NotFound, "iam") => "a new report has to be asked for",
            (AwsErrorKind::NotFound, _) => {
                "the bucket, the key and the version must be those of an object that is there"
            }
            (AwsErrorKind::Denied, "sts") => {
                "the role must exist in that account and trust this function's role, with MEMBER_EXTERNAL_ID where that is set, and this function's role must be allowed to assume it"
            }
            (AwsErrorKind::Denied, "iam") => {
                "the role that calls, and the service control policies above its account, must allow the call"
            }
            (AwsErrorKind::Denied, "organizations") => {
                "this account must be the organisation's management account or a delegated administrator, and the function's role must allow the call"
            }
            (AwsErrorKind::Denied, _) => {
                "it must exist in this account, and the function's role, its own policy and that of its KMS key must allow the call"
            }
        }
    }
}

/// Where log files are delivered to.
pub trait LogStore {
    /// The body of an object that was opened.
    type Body: Body;

    /// Begins to read an object, or one version of it.
    ///
    /// # Errors
    /// [`AwsError`], of the kind `NotFound` if there is no such object, key or version.
    fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<OpenObject<Self::Body>, AwsError>>;

    /// One page of a bucket's listing, in the order of the keys' UTF-8 bytes.
    ///
    /// # Errors
    /// [`AwsError`]; an empty bucket or prefix is no error.
    fn list(&self, listing: &Listing<'_>) -> impl Future<Output = Result<ListingPage, AwsError>>;
}

/// The parameters of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The prefix of the keys; empty for all.
    pub prefix: &'a str,
    /// Only keys after this one, whether or not it exists.
    pub after: Option<&'a str>,
    /// Whether keys with another `/` after the prefix are grouped into [`ListingPage::folders`].
    pub by_folder: bool,
    /// The page to list, as [`ListingPage::next`] of the page before names it; `None` for the first.
    pub page: Option<&'a str>,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingPage {
    /// The objects.
    pub objects: Vec<ListedObject>,
    /// The common prefixes of the grouped keys, with their last `/`.
    pub folders: Vec<String>,
    /// The value of [`Listing::page`] for the next page; `None` after the last.
    pub next: Option<String>,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<DateTime<Utc>>,
}

/// An object whose body has not been read yet.
pub struct OpenObject<B> {
    /// The size of its body.
    pub bytes: u64,
    /// The body.
    pub body: B,
}

/// The unread part of an object's body.
pub trait Body {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`AwsError`] if the connection broke or the piece took too long; the object must be opened again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, AwsError>>;
}

/// The state bucket: small objects that outlive a run.
pub trait StateStore {
    /// Reads an object; `None` if it does not exist.
    ///
    /// # Errors
    /// [`AwsError`] if its content is not known.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<StoredObject>, AwsError>>;

    /// Writes an object if the precondition holds. It is tried once.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `Transient` it may have been written all the same.
    fn write(
        &self,
        key: &str,
        content: &[u8],
        precondition: Precondition<'_>,
    ) -> impl Future<Output = Result<WriteOutcome, AwsError>>;

    /// Deletes an object; one that does not exist counts as deleted. It is tried once.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `Transient` it may have been deleted all the same.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), AwsError>>;

    /// The address of an object, for people: `s3://bucket/key`.
    fn uri(&self, key: &str) -> String;
}

/// The largest object of the state bucket. The ledger of an account of 5,000 users, the most that IAM allows, is smaller,
/// however many findings it has; a larger object was not written by iamwatch.
pub const MAX_STATE_BYTES: usize = 64 << 20;

/// An object of the state bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its content; of an object larger than [`MAX_STATE_BYTES`] the first `MAX_STATE_BYTES + 1` bytes.
    pub content: Bytes,
    /// Its ETag: every write changes it.
    pub tag: String,
    /// When it was written, if the store says so.
    pub modified: Option<DateTime<Utc>>,
}

/// What must hold for a write to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// The object does not exist.
    Absent,
    /// The object still has this tag.
    Tag(&'a str),
}

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The object was written, and has this tag.
    Written(String),
    /// The precondition does not hold: another writer created, changed or deleted the object, which must be read again. If
    /// the answer to an earlier write was lost, that writer may be this run.
    Conflict,
    /// Another write of the object is in progress. Whether the precondition holds after it is not known.
    InProgress,
}

/// IAM of the watched accounts, and AWS Organizations.
pub trait IamReader {
    /// The active accounts of the organisation, in any order.
    ///
    /// # Errors
    /// [`AwsError`], also if the list is not complete.
    fn organization_accounts(&self) -> impl Future<Output = Result<Vec<String>, AwsError>>;

    /// Requests a credential report. IAM generates a new one if the last is older than four hours.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `Transient` it may succeed later.
    fn generate_report(&self, account: &str) -> impl Future<Output = Result<Generation, AwsError>>;

    /// The last credential report.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `NotFound` if there is none or it has expired; a new one must be generated.
    fn credential_report(&self, account: &str) -> impl Future<Output = Result<Fetched, AwsError>>;
}

/// The progress of a credential report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// IAM is generating it.
    UnderWay,
    /// It can be fetched.
    Complete,
}

/// IAM's answer to a request for a credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// IAM is generating it.
    UnderWay,
    /// The report.
    Report {
        /// A CSV file.
        content: Bytes,
        /// When IAM generated it.
        generated: DateTime<Utc>,
    },
}

/// The state machine that reads a backfill with many invocations at once.
pub trait Fleet {
    /// Starts the reading of a backfill's parts, followed by its digest. An execution of the same name is not started
    /// again.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind `Transient` it may have started all the same.
    fn start(&self, name: &str, input: &str) -> impl Future<Output = Result<Execution, AwsError>>;
}

/// The state of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It is running.
    Live,
    /// It was started before, and has ended.
    Ended,
}

/// The SNS topic.
pub trait NotificationSink {
    /// Waits until another notification may be published.
    fn ready(&self) -> impl Future<Output = ()>;

    /// Publishes a notification once; the answer is SNS's id of the message.
    ///
    /// # Errors
    /// [`PublishError`], which says whether it may have been published all the same.
    fn publish(&self, alert: &Notification) -> impl Future<Output = Result<String, PublishError>>;
}

/// A publish that failed, or whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    /// What went wrong.
    pub error: AwsError,
    /// Whether the notification may have been published all the same.
    pub effect: PublishEffect,
}

/// What a failed publish may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishEffect {
    /// The notification was certainly not published.
    None,
    /// The notification may have been published.
    Unknown,
}

/// The clock, the deadline and the random numbers of one run.
pub trait Runtime {
    /// The time of day.
    fn now(&self) -> DateTime<Utc>;

    /// How long until this run is killed.
    fn time_left(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// A number that cannot be guessed and does not repeat.
    fn random(&self) -> u128;
}

/// The ports of one run.
pub struct Ports<'a, L, S, A, P> {
    /// Where log files are delivered to.
    pub logs: &'a L,
    /// The state bucket.
    pub state: &'a S,
    /// The SNS topic.
    pub alerts: &'a A,
    /// The clock, the deadline and the random numbers.
    pub runtime: &'a P,
    /// The account that iamwatch runs in, if it is known.
    pub account: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do_about_the_service_that_was_called() {
        for (call, kind, to_do) in [
            ("s3:GetObject s3://logs/a", AwsErrorKind::Transient, "it has to be tried again"),
            (
                "iam:GetCredentialReport of account 111122223333",
                AwsErrorKind::DeadlineExceeded,
                "tried again",
            ),
            ("s3:GetObject s3://logs/a", AwsErrorKind::NotFound, "the bucket, the key and the version"),
            ("iam:GetCredentialReport of account 111122223333", AwsErrorKind::NotFound, "a new report"),
            ("s3:PutObject s3://state/a", AwsErrorKind::Denied, "KMS key"),
            ("sns:Publish arn:aws:sns:us-east-1:111122223333:t", AwsErrorKind::Denied, "KMS key"),
            ("sts:AssumeRole arn:aws:iam::111122223333:role/r", AwsErrorKind::Denied, "MEMBER_EXTERNAL_ID"),
            ("iam:GenerateCredentialReport of account 1", AwsErrorKind::Denied, "service control policies"),
            ("organizations:ListAccounts", AwsErrorKind::Denied, "delegated administrator"),
        ] {
            let error = AwsError { kind, call: call.to_owned(), answer: "it was so".to_owned() };
            let text = error.to_string();
            let advice = text.strip_prefix(&format!("{call} failed: it was so; "));
            assert!(advice.is_some_and(|advice| advice.contains(to_do)), "{text}");
        }
    }
}
