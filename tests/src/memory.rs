//! The outside world in memory: the core's ports without AWS, with what can go wrong.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::notification::Notification;
use shared::ports::{
    AwsError, AwsErrorKind, Body, Execution, Fetched, Fleet, Generation, IamReader, ListedObject, Listing,
    ListingPage, LogStore, MAX_STATE_BYTES, NotificationSink, OpenObject, Ports, Precondition, PublishEffect,
    PublishError, Runtime, StateStore, StoredObject, WriteOutcome,
};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How one attempt to read an object goes.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// The whole object, in pieces of this many bytes.
    Whole(Vec<u8>, usize),
    /// It stops after these bytes of that many.
    CutTo(Vec<u8>, u64),
    /// It stops answering after these bytes of that many.
    SilentAfter(Vec<u8>, u64),
    /// AWS says no, or nothing.
    Fails(AwsErrorKind, &'static str),
}

impl Attempt {
    /// How large the object is, as far as it is known.
    fn bytes(&self) -> u64 {
        match self {
            Attempt::Whole(content, _) => content.len() as u64,
            Attempt::CutTo(_, bytes) | Attempt::SilentAfter(_, bytes) => *bytes,
            Attempt::Fails(..) => 0,
        }
    }
}

/// The steps of a run: each call has one before it takes effect, and one after.
#[derive(Default)]
pub struct Steps {
    /// The number of steps so far.
    pub taken: Cell<usize>,
    /// The step at which the run crashes.
    pub last: Cell<Option<usize>>,
    /// Notified when the run has crashed.
    pub crashed: Notify,
}

impl Steps {
    async fn step(&self) {
        self.taken.set(self.taken.get() + 1);
        if self.last.get().is_some_and(|last| self.taken.get() >= last) {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// Buckets; an object answers its attempts in turn, the last one for ever.
#[derive(Default)]
pub struct Logs {
    steps: Rc<Steps>,
    objects: RefCell<BTreeMap<String, VecDeque<Attempt>>>,
    /// When an object was put there, where a test says so, by `s3://bucket/key`.
    modified: RefCell<BTreeMap<String, DateTime<Utc>>>,
    /// The objects of the state bucket, which can be listed as well.
    state: Rc<Objects>,
    /// How many listings from now on fail.
    pub listing_fails: Cell<usize>,
    /// Whether no listing is answered.
    pub hangs: Cell<bool>,
    /// Listings whose `s3://bucket/prefix` has this in it are refused.
    pub refuses_to_list: Cell<Option<&'static str>>,
    /// How many pages were listed.
    pub listed: Cell<usize>,
    /// The opened objects, in order.
    pub opened: RefCell<Vec<String>>,
    /// How many bytes of bodies are open.
    pub open_bytes: Rc<OpenBytes>,
}

/// How many bytes of bodies are open at the same time.
#[derive(Default)]
pub struct OpenBytes {
    now: Cell<u64>,
    /// At most.
    pub most: Cell<u64>,
}

impl Logs {
    /// Makes `s3://bucket/key` answer so.
    pub fn put(&self, uri: &str, attempts: impl IntoIterator<Item = Attempt>) {
        self.objects.borrow_mut().insert(uri.to_owned(), attempts.into_iter().collect());
    }

    /// The same, and when it was put there.
    pub fn put_at(&self, uri: &str, modified: DateTime<Utc>, attempts: impl IntoIterator<Item = Attempt>) {
        self.put(uri, attempts);
        self.modified.borrow_mut().insert(uri.to_owned(), modified);
    }

    /// Deletes an object.
    pub fn remove(&self, uri: &str) {
        self.objects.borrow_mut().remove(uri);
    }

    /// The objects of a listing, in order: those with the prefix whose keys come after that one.
    fn behind(&self, bucket: &str, prefix: &str, begin: &str) -> Vec<ListedObject> {
        let is_meant = |key: &&str| key.starts_with(prefix) && *key > begin;
        if bucket == STATE_BUCKET {
            let listed = |(key, stored): (&String, &StoredObject)| {
                let key = Some(&key[..]).filter(is_meant)?.to_owned();
                let bytes = stored.content.len() as u64;
                Some(ListedObject { key, bytes, modified: stored.modified })
            };
            return self.state.borrow().iter().filter_map(listed).collect();
        }
        let modified = self.modified.borrow();
        let listed = |(uri, attempts): (&String, &VecDeque<Attempt>)| {
            let key = uri.strip_prefix(bucket).filter(is_meant)?.to_owned();
            let bytes = attempts.front().map_or(0, Attempt::bytes);
            Some(ListedObject { key, bytes, modified: modified.get(uri).copied() })
        };
        self.objects.borrow().iter().filter_map(listed).collect()
    }
}

/// The state bucket, as listings name it.
const STATE_BUCKET: &str = "s3://state/";

/// The objects of the state bucket, by key.
type Objects = RefCell<BTreeMap<String, StoredObject>>;

fn aws_error(kind: AwsErrorKind, call: &str, answer: &str) -> AwsError {
    AwsError { kind, call: call.to_owned(), answer: answer.to_owned() }
}

impl LogStore for Logs {
    type Body = Pieces;

    async fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<OpenObject<Pieces>, AwsError> {
        let mut uri = format!("s3://{bucket}/{key}");
        if let Some(version) = version {
            uri += &format!("?versionId={version}");
        }
        self.steps.step().await;
        self.opened.borrow_mut().push(uri.clone());
        let attempt = match self.objects.borrow_mut().get_mut(&uri) {
            Some(attempts) if attempts.len() > 1 => attempts.pop_front(),
            Some(attempts) => attempts.front().cloned(),
            None => None,
        };
        // The first request is not the first to be answered.
        tokio::task::yield_now().await;
        let (content, bytes, piece, end) = match attempt {
            None => return Err(aws_error(AwsErrorKind::NotFound, &format!("get {uri}"), "NoSuchKey")),
            Some(Attempt::Fails(kind, answer)) => return Err(aws_error(kind, &format!("get {uri}"), answer)),
            Some(Attempt::Whole(content, piece)) => {
                let bytes = content.len() as u64;
                (content, bytes, piece, End::Ends)
            }
            Some(Attempt::CutTo(content, bytes)) => (content, bytes, usize::MAX, End::Breaks),
            Some(Attempt::SilentAfter(content, bytes)) => (content, bytes, usize::MAX, End::Silence),
        };
        let open = Rc::clone(&self.open_bytes);
        open.now.set(open.now.get() + bytes);
        open.most.set(open.most.get().max(open.now.get()));
        Ok(OpenObject { bytes, body: Pieces { open, bytes, rest: content.into(), piece, end } })
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<ListingPage, AwsError> {
        self.steps.step().await;
        tokio::task::yield_now().await;
        if self.hangs.get() {
            return std::future::pending().await;
        }
        if one_of(&self.listing_fails) {
            return Err(aws_error(AwsErrorKind::Transient, "list", "SlowDown"));
        }
        let Listing { bucket, prefix, after, by_folder, page } = *listing;
        let uri = format!("s3://{bucket}/{prefix}");
        if self.refuses_to_list.get().is_some_and(|part| uri.contains(part)) {
            return Err(aws_error(AwsErrorKind::Denied, &format!("list {uri}"), "AccessDenied"));
        }
        self.listed.set(self.listed.get() + 1);
        let mut listed = ListingPage::default();
        let begin = page.or(after).unwrap_or_default();
        for object in self.behind(&format!("s3://{bucket}/"), prefix, begin) {
            let key = &object.key;
            let folder = key[prefix.len()..].find('/').map(|end| &key[..=prefix.len() + end]);
            let shown = folder.filter(|_| by_folder).unwrap_or(key);
            if shown <= begin || listed.folders.last().is_some_and(|last| last == shown) {
                continue;
            }
            if listed.objects.len() + listed.folders.len() == PAGE {
                break;
            }
            listed.next = Some(shown.to_owned());
            if shown.ends_with('/') && by_folder {
                listed.folders.push(shown.to_owned());
            } else {
                listed.objects.push(object);
            }
        }
        // A last page may be empty, and a full one the last, as with S3.
        listed.next = listed.next.filter(|_| listed.objects.len() + listed.folders.len() == PAGE);
        Ok(listed)
    }
}

/// How many entries a page of a listing has.
const PAGE: usize = 3;

enum End {
    Ends,
    Breaks,
    Silence,
}

/// A body.
pub struct Pieces {
    open: Rc<OpenBytes>,
    bytes: u64,
    rest: Bytes,
    piece: usize,
    end: End,
}

impl Body for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, AwsError> {
        tokio::task::yield_now().await;
        if !self.rest.is_empty() {
            let piece = self.piece.min(self.rest.len());
            return Ok(Some(self.rest.split_to(piece)));
        }
        match self.end {
            End::Ends => Ok(None),
            End::Breaks => Err(aws_error(AwsErrorKind::Transient, "get", "the connection broke")),
            End::Silence => std::future::pending().await,
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.open.now.set(self.open.now.get() - self.bytes);
    }
}

/// A state bucket.
#[derive(Default)]
pub struct State {
    steps: Rc<Steps>,
    /// Its objects, by key.
    pub objects: Rc<Objects>,
    /// The number of calls from now on that fail without an effect.
    pub fails: Cell<usize>,
    /// The number of writes from now on that take effect, but whose answers are lost.
    pub loses: Cell<usize>,
    /// The answer to the write of this number is lost, and the next read finds nothing, even if there is an object.
    pub forgets: Cell<Option<usize>>,
    /// Whether the next read finds nothing.
    misses: Cell<bool>,
    /// Writes of keys that have this in them are refused.
    pub refuses: Cell<Option<&'static str>>,
    /// Whether no call is answered.
    pub hangs: Cell<bool>,
    /// Whether deletions are refused.
    pub keeps: Cell<bool>,
    /// The number of writes: the next tag.
    writes: Cell<usize>,
}

impl State {
    /// The outcome of a call before it takes effect.
    async fn call(&self, call: &str) -> Result<(), AwsError> {
        // The first request is not the first to be answered.
        tokio::task::yield_now().await;
        if self.hangs.get() {
            return std::future::pending().await;
        }
        if one_of(&self.fails) { Err(aws_error(AwsErrorKind::Denied, call, "AccessDenied")) } else { Ok(()) }
    }
}

/// Counts down to 0. Whether it was above 0.
fn one_of(left: &Cell<usize>) -> bool {
    let before = left.get();
    left.set(before.saturating_sub(1));
    before > 0
}

impl StateStore for State {
    async fn read(&self, key: &str) -> Result<Option<StoredObject>, AwsError> {
        self.steps.step().await;
        self.call("get").await?;
        if self.misses.take() {
            return Ok(None);
        }
        let mut stored = self.objects.borrow().get(key).cloned();
        if let Some(stored) = &mut stored {
            stored.content.truncate(MAX_STATE_BYTES + 1);
        }
        Ok(stored)
    }

    async fn write(
        &self,
        key: &str,
        content: &[u8],
        over: Precondition<'_>,
    ) -> Result<WriteOutcome, AwsError> {
        self.steps.step().await;
        self.call("put").await?;
        if self.refuses.get().is_some_and(|part| key.contains(part)) {
            return Err(aws_error(AwsErrorKind::Denied, "put", "AccessDenied"));
        }
        let written = self.put(key, content, over);
        self.steps.step().await;
        written
    }

    async fn delete(&self, key: &str) -> Result<(), AwsError> {
        self.steps.step().await;
        self.call("delete").await?;
        if self.keeps.get() {
            return Err(aws_error(AwsErrorKind::Denied, "delete", "AccessDenied"));
        }
        self.objects.borrow_mut().remove(key);
        self.steps.step().await;
        Ok(())
    }

    fn uri(&self, key: &str) -> String {
        format!("{STATE_BUCKET}{key}")
    }
}

impl State {
    fn put(&self, key: &str, content: &[u8], over: Precondition<'_>) -> Result<WriteOutcome, AwsError> {
        let mut objects = self.objects.borrow_mut();
        let as_expected = match (over, objects.get(key)) {
            (Precondition::Absent, found) => found.is_none(),
            (Precondition::Tag(tag), found) => found.is_some_and(|found| found.tag == tag),
        };
        if !as_expected {
            return Ok(WriteOutcome::Conflict);
        }
        self.writes.set(self.writes.get() + 1);
        let tag = format!("\"{}\"", self.writes.get());
        let content = Bytes::copy_from_slice(content);
        // The time is unknown here: a test that looks at it puts the object in itself.
        objects.insert(key.to_owned(), StoredObject { content, tag: tag.clone(), modified: None });
        if self.forgets.get() == Some(self.writes.get()) {
            self.misses.set(true);
        }
        if self.misses.get() || one_of(&self.loses) {
            return Err(aws_error(AwsErrorKind::Transient, "put", "no answer"));
        }
        Ok(WriteOutcome::Written(tag))
    }
}

/// A topic.
#[derive(Default)]
pub struct Topic {
    steps: Rc<Steps>,
    /// The published mails.
    pub published: RefCell<Vec<Notification>>,
    /// Publishes of alerts whose subject has this in it fail.
    pub refuses: Cell<Option<&'static str>>,
    /// Whether no publish is answered.
    pub hangs: Cell<bool>,
    /// The number of publishes from now on that take effect, but are answered with an error.
    pub loses: Cell<usize>,
}

impl Topic {
    /// The subjects, in order of their publishing.
    pub fn subjects(&self) -> Vec<String> {
        self.published.borrow().iter().map(|alert| alert.subject.clone()).collect()
    }

    /// The mails, in order of their publishing.
    pub fn mails(&self) -> Vec<String> {
        let email = |alert: &Notification| {
            let message: Value = serde_json::from_str(&alert.message).unwrap_or_default();
            message["email"].as_str().unwrap_or_default().to_owned()
        };
        self.published.borrow().iter().map(email).collect()
    }
}

impl NotificationSink for Topic {
    async fn ready(&self) {}

    async fn publish(&self, alert: &Notification) -> Result<String, PublishError> {
        tokio::task::yield_now().await;
        self.steps.step().await;
        if self.hangs.get() {
            return std::future::pending().await;
        }
        if self.refuses.get().is_some_and(|part| alert.subject.contains(part)) {
            let error = aws_error(AwsErrorKind::Transient, "publish", "InternalError");
            return Err(PublishError { error, effect: PublishEffect::None });
        }
        self.published.borrow_mut().push(alert.clone());
        if one_of(&self.loses) {
            let error = aws_error(AwsErrorKind::Transient, "publish", "ServiceUnavailable");
            return Err(PublishError { error, effect: PublishEffect::Unknown });
        }
        self.steps.step().await;
        Ok(self.published.borrow().len().to_string())
    }
}

/// A state machine that begins and does nothing.
#[derive(Default)]
pub struct Machine {
    steps: Rc<Steps>,
    /// The inputs of its executions, by name.
    pub started: RefCell<BTreeMap<String, String>>,
    /// Those that have come to their end.
    pub ended: RefCell<BTreeSet<String>>,
    /// How many starts from now on fail.
    pub fails: Cell<usize>,
}

impl Fleet for Machine {
    async fn start(&self, name: &str, input: &str) -> Result<Execution, AwsError> {
        self.steps.step().await;
        if one_of(&self.fails) {
            return Err(aws_error(AwsErrorKind::Denied, "states:StartExecution", "AccessDenied"));
        }
        let first = self.started.borrow_mut().entry(name.to_owned()).or_insert(input.to_owned()).clone();
        assert_eq!(first, input, "the same name has the same input");
        let execution = if self.ended.borrow().contains(name) { Execution::Ended } else { Execution::Live };
        self.steps.step().await;
        Ok(execution)
    }
}

/// The IAM of accounts, and their organisation.
#[derive(Default)]
pub struct Accounts {
    steps: Rc<Steps>,
    /// The credential report of each account; without one the account cannot be entered.
    pub reports: RefCell<BTreeMap<String, Report>>,
    /// The accounts of the organisation; nothing where it may not be asked.
    pub organization: RefCell<Option<Vec<String>>>,
    /// How often a report was asked for.
    pub asked: Cell<usize>,
}

/// A credential report, and the answers before it can be fetched.
#[derive(Clone, Debug)]
pub struct Report {
    /// The CSV file.
    pub content: String,
    /// When it was made.
    pub generated: DateTime<Utc>,
    /// The first answers to requests to generate it, one each time.
    pub before: VecDeque<Result<Generation, AwsErrorKind>>,
    /// The first answers to requests to fetch it, one each time.
    pub not_yet: VecDeque<Result<(), AwsErrorKind>>,
}

impl Accounts {
    /// Gives an account a credential report that can be fetched at once.
    pub fn put(&self, account: &str, generated: &str, content: &str) {
        let generated = generated.parse().unwrap_or_default();
        let (before, not_yet) = (VecDeque::new(), VecDeque::new());
        let report = Report { content: content.to_owned(), generated, before, not_yet };
        self.reports.borrow_mut().insert(account.to_owned(), report);
    }
}

impl IamReader for Accounts {
    async fn organization_accounts(&self) -> Result<Vec<String>, AwsError> {
        self.steps.step().await;
        let accounts = self.organization.borrow().clone();
        accounts.ok_or_else(|| aws_error(AwsErrorKind::Denied, "organizations:ListAccounts", "AccessDenied"))
    }

    async fn generate_report(&self, account: &str) -> Result<Generation, AwsError> {
        self.steps.step().await;
        self.asked.set(self.asked.get() + 1);
        let call = format!("sts:AssumeRole in account {account}");
        let mut reports = self.reports.borrow_mut();
        let Some(report) = reports.get_mut(account) else {
            return Err(aws_error(AwsErrorKind::Denied, &call, "AccessDenied"));
        };
        let before = report.before.pop_front();
        before.unwrap_or(Ok(Generation::Complete)).map_err(|kind| aws_error(kind, "generate", "no"))
    }

    async fn credential_report(&self, account: &str) -> Result<Fetched, AwsError> {
        self.steps.step().await;
        let mut reports = self.reports.borrow_mut();
        let Some(report) = reports.get_mut(account) else {
            return Err(aws_error(AwsErrorKind::Denied, "get", "AccessDenied"));
        };
        match report.not_yet.pop_front() {
            Some(Ok(())) => Ok(Fetched::UnderWay),
            Some(Err(kind)) => Err(aws_error(kind, "get", "no")),
            None => {
                Ok(Fetched::Report { content: report.content.clone().into(), generated: report.generated })
            }
        }
    }
}

/// Time that passes when nothing else happens (tokio's paused clock).
pub struct Clock {
    began: Instant,
    /// The time of day at the start.
    pub start: DateTime<Utc>,
    limit: Duration,
}

impl Clock {
    /// A run that begins now and may go on for so long.
    pub fn new(start: DateTime<Utc>, limit: Duration) -> Clock {
        Clock { began: Instant::now(), start, limit }
    }
}

impl Runtime for Clock {
    fn now(&self) -> DateTime<Utc> {
        self.start + self.began.elapsed()
    }

    fn time_left(&self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u128 {
        // Two runs never get the same.
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        NUMBERS.fetch_add(1, Ordering::Relaxed).into()
    }
}

/// Everything that outlives a run.
pub struct World {
    /// The steps of its runs.
    pub steps: Rc<Steps>,
    /// Buckets of log files.
    pub logs: Logs,
    /// The state bucket.
    pub state: State,
    /// The topic.
    pub topic: Topic,
    /// The IAM of accounts.
    pub accounts: Accounts,
    /// The state machine.
    pub machine: Machine,
}

impl Default for World {
    fn default() -> World {
        let steps = Rc::<Steps>::default();
        let objects = Rc::<Objects>::default();
        World {
            logs: Logs { steps: Rc::clone(&steps), state: Rc::clone(&objects), ..Logs::default() },
            state: State { steps: Rc::clone(&steps), objects, ..State::default() },
            topic: Topic { steps: Rc::clone(&steps), ..Topic::default() },
            accounts: Accounts { steps: Rc::clone(&steps), ..Accounts::default() },
            machine: Machine { steps: Rc::clone(&steps), ..Machine::default() },
            steps,
        }
    }
}

/// The alert ids of the outbox entries in an object.
fn due(object: &Value) -> Vec<&str> {
    match object {
        // An audit's mail that was published is in no outbox any more.
        Value::Object(members) if members.contains_key("published") => Vec::new(),
        Value::Object(members) if members.contains_key("may_repeat") && members.contains_key("alert") => {
            members["alert"]["id"].as_str().into_iter().collect()
        }
        Value::Object(members) => members.values().flat_map(due).collect(),
        Value::Array(elements) => elements.iter().flat_map(due).collect(),
        _ => Vec::new(),
    }
}

impl World {
    /// The outbox entries without a marker that names their holder, as `key: alert id`.
    pub fn unmarked(&self) -> Vec<String> {
        let objects = self.state.objects.borrow();
        let holders =
            objects.iter().filter(|(key, _)| !key.starts_with("outbox/") && !key.starts_with("quarantine/"));
        let mut unmarked = Vec::new();
        for (key, stored) in holders {
            let object: Value = serde_json::from_slice(&stored.content).unwrap_or_default();
            let expected = serde_json::json!({"format": 1, "object": key});
            unmarked.extend(due(&object).into_iter().filter_map(|alert_id| {
                let marker = objects.get(&format!("outbox/{alert_id}.json"));
                let marker: Option<Value> =
                    marker.and_then(|marker| serde_json::from_slice(&marker.content).ok());
                (marker.as_ref() != Some(&expected)).then(|| format!("{key}: {alert_id}"))
            }));
        }
        unmarked
    }

    /// How many markers there are.
    pub fn markers(&self) -> usize {
        self.state.objects.borrow().keys().filter(|key| key.starts_with("outbox/")).count()
    }

    /// Runs something in it.
    pub fn outside<'a>(&'a self, clock: &'a Clock) -> Ports<'a, Logs, State, Topic, Clock> {
        Ports {
            logs: &self.logs,
            state: &self.state,
            alerts: &self.topic,
            runtime: clock,
            account: Some("111122223333"),
        }
    }
}
