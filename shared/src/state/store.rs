//! The state bucket, as one run reads and changes it while other runs do the same.

mod markers;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{FutureExt, select_biased};

use super::lease::Lease;
use super::object::StateObject;
use super::outbox::alert_ids;
use crate::config::Config;
use crate::finding::stable_id;
use crate::ports::retry::{AttemptError, RetryPolicy};
use crate::ports::{
    AwsError, AwsErrorKind, MAX_STATE_BYTES, Precondition, Runtime, StateStore, StoredObject, WriteOutcome,
};

/// The part of a run's time that is kept for its answer.
pub const TIME_TO_ANSWER: Duration = Duration::from_secs(4);

/// No call is made with less time left, for its outcome might not be learnt.
const MIN_TIME_LEFT: Duration = Duration::from_secs(1);

/// A lease outlives its run by this: the clocks of two sandboxes differ, and Lambda does not kill at once.
const LEASE_MARGIN: TimeDelta = TimeDelta::seconds(5);

/// The most failed calls of one operation.
const MAX_FAILURES: u32 = 4;

/// The most conflicts with other runs of one operation.
const MAX_CONFLICTS: u32 = 20;

/// How often the pause between two attempts is doubled at most.
const MAX_DOUBLINGS: u32 = 5;

/// The most attempts to put an object that another run puts at the same time.
const MAX_PUTS: usize = 4;

/// How often S3 must say that a new object exists before that is believed. The functions may not read some of what they
/// create, so they cannot look.
const MAX_CREATE_CONFLICTS: u32 = 3;

/// The state client of one run.
pub struct StateClient<'a, S, R> {
    store: &'a S,
    /// The clock, the deadline and the random numbers.
    pub runtime: &'a R,
    /// The settings.
    pub config: &'a Config,
    /// The lease under which this run publishes.
    pub lease: Lease,
    /// The part of the run's time that is kept for later steps.
    reserve: Cell<Duration>,
    /// Objects that were damaged.
    unreadable: RefCell<Vec<UnreadableObject>>,
    /// Failed calls, whether or not a retry succeeded.
    errors: RefCell<Vec<AwsError>>,
    /// Whether a marker could not be deleted: then no others are, so that they cost no time.
    keeps_markers: Cell<bool>,
}

/// An object that was damaged. It was copied to quarantine, and a new one was begun.
#[derive(Clone, Debug)]
pub struct UnreadableObject {
    /// Its address.
    pub uri: String,
    /// The address of the copy.
    pub copy: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An object as it was last read or written.
#[derive(Clone)]
pub struct Loaded<O> {
    /// The object.
    pub object: O,
    /// Its tag; `None` if the object does not exist.
    pub tag: Option<String>,
    /// Whether the stored object is damaged, and `object` is a new one.
    pub was_unreadable: bool,
}

impl<'a, S: StateStore, R: Runtime> StateClient<'a, S, R> {
    /// `reserve` is the part of the run's time that is kept for later steps.
    pub fn new(store: &'a S, runtime: &'a R, config: &'a Config, reserve: Duration) -> Self {
        let left = TimeDelta::from_std(runtime.time_left()).unwrap_or(TimeDelta::MAX);
        let until = runtime.now().checked_add_signed(left + LEASE_MARGIN).unwrap_or_else(|| runtime.now());
        StateClient {
            store,
            runtime,
            config,
            lease: Lease { token: random_id(runtime), until },
            reserve: Cell::new(reserve),
            unreadable: RefCell::default(),
            errors: RefCell::default(),
            keeps_markers: Cell::default(),
        }
    }

    /// Sets the part of the run's time that is kept for later steps.
    pub fn reserve(&self, reserve: Duration) {
        self.reserve.set(reserve);
    }

    /// Whether any call to the state bucket has failed in this run.
    pub fn has_failed(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// Whether this is an error of the state bucket in this run.
    pub fn has_failed_with(&self, error: &AwsError) -> bool {
        self.errors.borrow().contains(error)
    }

    /// The objects found damaged since the last call.
    pub fn take_unreadable(&self) -> Vec<UnreadableObject> {
        self.unreadable.take()
    }

    /// The errors of the state bucket since the last call, whether or not a retry succeeded.
    pub fn take_errors(&self) -> Vec<AwsError> {
        self.errors.take()
    }

    /// The address of an object, for people.
    pub fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }

    /// Reads an object; `None` if it does not exist.
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn read(&self, key: &str) -> Result<Option<StoredObject>, AwsError> {
        self.persistently(async || self.in_time("reading", key, self.store.read(key)).await.map(Some)).await
    }

    /// Writes a new object. One that exists is left as it is: nobody writes another content under this key. That another
    /// write is in progress does not say that the object exists.
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn create(&self, key: &str, content: &[u8]) -> Result<(), AwsError> {
        let mut conflicts = 0;
        self.persistently(async || match self.write(key, content, Precondition::Absent).await? {
            WriteOutcome::Written(_) => Ok(Some(())),
            WriteOutcome::Conflict => {
                conflicts += 1;
                Ok((conflicts == MAX_CREATE_CONFLICTS).then_some(()))
            }
            WriteOutcome::InProgress => Ok(None),
        })
        .await
    }

    /// Replaces the object that was read, or creates it if none was. The outcome is never [`WriteOutcome::InProgress`].
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn replace(
        &self,
        key: &str,
        content: &[u8],
        read: Option<&StoredObject>,
    ) -> Result<WriteOutcome, AwsError> {
        let precondition = read.map_or(Precondition::Absent, |stored| Precondition::Tag(&stored.tag));
        self.persistently(async || {
            let outcome = self.write(key, content, precondition).await?;
            Ok(Some(outcome).filter(|outcome| *outcome != WriteOutcome::InProgress))
        })
        .await
    }

    /// Writes an object, whatever an earlier run has left under this key.
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn put(&self, key: &str, content: &[u8]) -> Result<(), AwsError> {
        for _ in 0..MAX_PUTS {
            let stored = self.read(key).await?;
            if stored.as_ref().is_some_and(|stored| *stored.content == *content) {
                return Ok(());
            }
            if let WriteOutcome::Written(_) = self.replace(key, content, stored.as_ref()).await? {
                return Ok(());
            }
        }
        Err(conflict(format!("writing {key}"), MAX_PUTS))
    }

    /// Loads an object, or begins a new one. A damaged one is copied to quarantine.
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn open<O: StateObject>(&self, key: &str, new: &O) -> Result<Loaded<O>, AwsError> {
        let Some(StoredObject { content, tag, .. }) = self.read(key).await? else {
            return Ok(Loaded { object: new.clone(), tag: None, was_unreadable: false });
        };
        let parsed = match content.len() {
            ..=MAX_STATE_BYTES => O::read(&content, new),
            _ => Err(format!("it has more than {MAX_STATE_BYTES} bytes")),
        };
        let reason = match parsed {
            Ok(object) => return Ok(Loaded { object, tag: Some(tag), was_unreadable: false }),
            Err(reason) => reason,
        };
        let copy = format!("quarantine/{key}/{}", stable_id(&[&tag]));
        self.create(&copy, &content).await?;
        let (uri, copy) = (self.uri(key), self.uri(&copy));
        self.unreadable.borrow_mut().push(UnreadableObject { uri, copy, reason });
        Ok(Loaded { object: new.clone(), tag: Some(tag), was_unreadable: true })
    }

    /// Changes an object: loads it unless `loaded` is given, and writes it if `change` changed it, again after each
    /// conflict. `change` also learns whether the stored object is damaged. If the answer to a write is lost, `change`
    /// is called with its own result, which it must recognise.
    ///
    /// Outbox entries that the change leases have their markers before the object is written; the markers of those that it
    /// drops are deleted after.
    ///
    /// # Errors
    /// [`AwsError`] of the last attempt.
    pub async fn update<O: StateObject, T>(
        &self,
        key: &str,
        new: &O,
        loaded: Option<Loaded<O>>,
        mut change: impl FnMut(&mut O, bool) -> T,
    ) -> Result<(T, Loaded<O>), AwsError> {
        let mut first = loaded;
        let mut existed = false;
        let mut dropped: BTreeSet<String> = BTreeSet::new();
        let updated = self
            .persistently(async || {
                let mut loaded = match first.take() {
                    Some(loaded) => loaded,
                    None => self.open(key, new).await?,
                };
                // An object that existed a moment ago and is said to be missing is read again: without it, what it
                // records as notified would be published again.
                if std::mem::replace(&mut existed, loaded.tag.is_some()) && loaded.tag.is_none() {
                    return Err(AwsError {
                        kind: AwsErrorKind::Transient,
                        call: format!("reading {key}"),
                        answer: "it is said to be missing, although it existed a moment ago".to_owned(),
                    });
                }
                let before = loaded.object.clone();
                let changed = change(&mut loaded.object, loaded.was_unreadable);
                if loaded.object == before && !loaded.was_unreadable {
                    return Ok(Some((changed, loaded)));
                }
                let content = content_of(key, &loaded.object)?;
                let after = loaded.object.outbox();
                dropped.extend(alert_ids(before.outbox().into_iter()));
                if !self.write_markers(key, &before.outbox(), &after).await? {
                    return Ok(None);
                }
                let precondition = loaded.tag.as_deref().map_or(Precondition::Absent, Precondition::Tag);
                match self.write(key, &content, precondition).await? {
                    WriteOutcome::Written(tag) => {
                        let (tag, was_unreadable) = (Some(tag), false);
                        Ok(Some((changed, Loaded { object: loaded.object, tag, was_unreadable })))
                    }
                    WriteOutcome::Conflict | WriteOutcome::InProgress => Ok(None),
                }
            })
            .await?;
        let left = alert_ids(updated.1.object.outbox().into_iter());
        self.delete_markers(dropped.difference(&left)).await;
        Ok(updated)
    }

    async fn write(
        &self,
        key: &str,
        content: &[u8],
        precondition: Precondition<'_>,
    ) -> Result<WriteOutcome, AwsError> {
        self.in_time("writing", key, self.store.write(key, content, precondition)).await
    }

    /// Repeats an attempt that failed, or that answered `None` for a conflict with another run.
    async fn persistently<T>(
        &self,
        attempt: impl AsyncFnMut() -> Result<Option<T>, AwsError>,
    ) -> Result<T, AwsError> {
        let policy = RetryPolicy {
            max_attempts: MAX_FAILURES + MAX_CONFLICTS,
            first_pause: self.config.retry_pause,
            max_doublings: MAX_DOUBLINGS,
            jitter: true,
            min_time_left: MIN_TIME_LEFT,
        };
        let mut attempt = attempt;
        let (mut failures, mut conflicts) = (0, 0);
        let counted = async || match attempt().await {
            Ok(Some(result)) => Ok(result),
            Ok(None) => {
                conflicts += 1;
                let error = conflict("writing state".to_owned(), conflicts as usize);
                if conflicts < MAX_CONFLICTS {
                    return Err(AttemptError::Retryable(error));
                }
                self.errors.borrow_mut().push(error.clone());
                Err(AttemptError::Final(error))
            }
            Err(error) if error.kind == AwsErrorKind::DeadlineExceeded => Err(AttemptError::Final(error)),
            Err(error) => {
                failures += 1;
                self.errors.borrow_mut().push(error.clone());
                match failures {
                    MAX_FAILURES => Err(AttemptError::Final(error)),
                    _ => Err(AttemptError::Retryable(error)),
                }
            }
        };
        Ok(policy.run(self.runtime, || self.time_left(), counted).await?)
    }

    /// The run's time left, without the part that is kept for later steps.
    pub fn time_left(&self) -> Duration {
        self.runtime.time_left().saturating_sub(self.reserve.get())
    }

    /// Whether there is time for a call whose outcome must be learnt.
    pub fn has_time(&self) -> bool {
        self.time_left() >= MIN_TIME_LEFT
    }

    /// Awaits a call until the time for it is over.
    ///
    /// # Errors
    /// [`AwsError`] of the call; of the kind `DeadlineExceeded` if it was not made, of the kind `Transient` if its outcome
    /// is unknown.
    pub async fn in_time<T>(
        &self,
        doing: &str,
        what: &str,
        work: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<T, AwsError> {
        self.within(self.time_left(), doing, what, work).await
    }

    async fn within<T>(
        &self,
        time: Duration,
        doing: &str,
        what: &str,
        work: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<T, AwsError> {
        let error = |kind, answer: &str| AwsError {
            kind,
            call: format!("{doing} {what}"),
            answer: answer.to_owned(),
        };
        if !self.has_time() {
            return Err(error(AwsErrorKind::DeadlineExceeded, "no time is left in this run"));
        }
        let mut time_is_up = pin!(self.runtime.sleep(time).fuse());
        let mut work = pin!(work.fuse());
        select_biased! {
            done = work => done,
            () = time_is_up => Err(error(AwsErrorKind::Transient, "no answer came while there was time")),
        }
    }
}

/// An object's content, unless it is too large to be read again.
fn content_of<O: StateObject>(key: &str, object: &O) -> Result<Vec<u8>, AwsError> {
    let error = |answer| AwsError { kind: AwsErrorKind::Denied, call: format!("writing {key}"), answer };
    let content = object.content().map_err(|fault| error(fault.to_string()))?;
    match content.len() {
        ..=MAX_STATE_BYTES => Ok(content),
        bytes => Err(error(format!("it would have {bytes} bytes, more than {MAX_STATE_BYTES}"))),
    }
}

fn conflict(call: String, times: usize) -> AwsError {
    let answer = format!("another run came first, {times} times");
    AwsError { kind: AwsErrorKind::Transient, call, answer }
}

/// An id that cannot be guessed and does not repeat.
pub fn random_id(runtime: &impl Runtime) -> String {
    format!("{:032x}", runtime.random())
}

#[cfg(test)]
mod tests;
