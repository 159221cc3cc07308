//! The outside world, as the use cases see it. The adapters are in `shared/aws`, and in memory in tests.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::notification::Notification;

/// Why AWS did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {answer}; {}", self.what_to_do())]
pub struct AwsError {
    /// What can be done about it.
    pub kind: AwsErrorKind,
    /// The call and what it was about: `s3:GetObject s3://bucket/key`.
    pub call: String,
    /// What AWS said, with its error code, or what kept it from saying anything.
    pub answer: String,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsErrorKind {
    /// There is no such object: it will not come back by itself.
    NotFound,
    /// This run must end before it can be known: the next one goes on.
    DeadlineExceeded,
    /// AWS is busy, broken or silent: the same call may succeed later.
    Transient,
    /// AWS said no, and will until somebody changes a permission, a key or a name.
    Denied,
}

impl AwsError {
    /// What whoever reads of it should do.
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
    /// [`AwsError`], of the kind Missing when there is no such object, key or version.
    fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<OpenObject<Self::Body>, AwsError>>;

    /// One page of what a bucket holds, in the order of the keys' UTF-8 bytes.
    ///
    /// # Errors
    /// [`AwsError`]; a bucket or prefix that holds nothing is none.
    fn list(&self, listing: &Listing<'_>) -> impl Future<Output = Result<Listed, AwsError>>;
}

/// What is to be listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// With what the keys begin; empty for all.
    pub prefix: &'a str,
    /// Only keys behind this one, whether or not it is there.
    pub after: Option<&'a str>,
    /// Whether keys that have another `/` behind the prefix are put together into [`Listed::folders`].
    pub by_folder: bool,
    /// The page that a page before named.
    pub page: Option<&'a str>,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The objects.
    pub objects: Vec<ListedObject>,
    /// What the keys that are put together begin with, up to and with the `/`.
    pub folders: Vec<String>,
    /// What to name in [`Listing::page`] for the next page; nothing behind the last.
    pub next: Option<String>,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// How large it is.
    pub bytes: u64,
    /// When it was put there.
    pub modified: Option<DateTime<Utc>>,
}

/// An object of which nothing has been read yet.
pub struct OpenObject<B> {
    /// How many bytes its body has.
    pub bytes: u64,
    /// What follows.
    pub body: B,
}

/// The rest of an object's body.
pub trait Body {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// [`AwsError`] when the connection broke or nothing came in time; the object must be opened again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, AwsError>>;
}

/// What remembers from run to run: one bucket of small objects.
pub trait StateStore {
    /// Reads an object; nothing where there is none.
    ///
    /// # Errors
    /// [`AwsError`] when it is not known what it holds.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Stored>, AwsError>>;

    /// Writes an object unless somebody else has written it since. It is tried once.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind Unanswered it may have been written all the same.
    fn write(
        &self,
        key: &str,
        content: &[u8],
        over: Over<'_>,
    ) -> impl Future<Output = Result<Written, AwsError>>;

    /// Where a person finds an object: `s3://bucket/key`.
    fn uri(&self, key: &str) -> String;
}

/// An object larger than this is none that iamwatch wrote: what stands in an account of 5,000 users, which is all that
/// IAM allows, takes less, however much is wrong there.
pub const MAX_STATE_BYTES: usize = 64 << 20;

/// An object of the state bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it holds; of one that is larger than [`MAX_STATE_BYTES`] one byte more than that.
    pub content: Bytes,
    /// Changes with every write.
    pub tag: String,
    /// When it was written, where the store says so.
    pub modified: Option<DateTime<Utc>>,
}

/// What a write may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over<'a> {
    /// Nothing: there must be no such object.
    Nothing,
    /// The object that had this tag when it was read.
    Tag(&'a str),
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there, and has this tag.
    Done(String),
    /// Somebody wrote or removed the object since, or is writing it now: it must be read again. Where an
    /// earlier answer was lost, that somebody may be oneself.
    Changed,
}

/// The IAM of the accounts that are watched, and the organisation that they are part of.
pub trait IamReader {
    /// The accounts of the organisation that are open, whatever their order.
    ///
    /// # Errors
    /// [`AwsError`], also where there is more than could be listed.
    fn organization_accounts(&self) -> impl Future<Output = Result<Vec<String>, AwsError>>;

    /// Asks for a credential report. IAM makes a new one where the last is older than four hours.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind Unanswered it may succeed later.
    fn generate_report(&self, account: &str) -> impl Future<Output = Result<Generation, AwsError>>;

    /// The credential report that was made last.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind Missing where there is none, or none any more, and one has to be asked for.
    fn credential_report(&self, account: &str) -> impl Future<Output = Result<Fetched, AwsError>>;
}

/// How far IAM is with a credential report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// It is being made.
    UnderWay,
    /// It can be had.
    Complete,
}

/// What IAM answers to whoever asks for a credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is being made.
    UnderWay,
    /// Here it is.
    Report {
        /// A CSV file.
        content: Bytes,
        /// When IAM made it: what it says is as of then.
        generated: DateTime<Utc>,
    },
}

/// Where there is more to read than one invocation can: many of them.
pub trait Fleet {
    /// Has a backfill's parts be read, and then put together. What was started under that name before is not started
    /// again.
    ///
    /// # Errors
    /// [`AwsError`]; of the kind Unanswered it may have started all the same.
    fn start(&self, name: &str, input: &str) -> impl Future<Output = Result<Execution, AwsError>>;
}

/// What has become of what was to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It is under way.
    Live,
    /// It was started before, and has come to its end.
    Ended,
}

/// Where alerts go.
pub trait NotificationSink {
    /// Waits until another alert may be published.
    fn ready(&self) -> impl Future<Output = ()>;

    /// Publishes an alert; the answer is the id that the sink gave it.
    ///
    /// # Errors
    /// [`Unpublished`], which says whether it may have been published all the same.
    fn publish(&self, alert: &Notification) -> impl Future<Output = Result<String, Unpublished>>;
}

/// Why an alert was not published, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// What went wrong.
    pub trouble: AwsError,
    /// Whether it may have been published all the same.
    pub taken: Taken,
}

/// Whether something was done although nobody said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was certainly not done.
    No,
    /// Nobody knows.
    Unknown,
}

/// Time.
pub trait Runtime {
    /// The time of day.
    fn now(&self) -> DateTime<Utc>;

    /// How long this run may go on before it is ended from outside.
    fn time_left(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// A number that nobody can guess and that does not come again.
    fn random(&self) -> u128;
}

/// All of them.
pub struct Ports<'a, L, S, A, P> {
    /// Where log files are delivered to.
    pub logs: &'a L,
    /// What remembers.
    pub state: &'a S,
    /// Where alerts go.
    pub alerts: &'a A,
    /// Time.
    pub runtime: &'a P,
    /// The account that iamwatch runs in, where it is known.
    pub account: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_says_what_to_do_about_the_service_that_was_called() {
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
            let trouble = AwsError { kind, call: call.to_owned(), answer: "it was so".to_owned() };
            let said = trouble.to_string();
            let told = said.strip_prefix(&format!("{call} failed: it was so; "));
            assert!(told.is_some_and(|told| told.contains(to_do)), "{said}");
        }
    }
}
