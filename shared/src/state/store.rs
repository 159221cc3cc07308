//! The state bucket, as one run reads and changes it while others do the same.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{FutureExt, select_biased};

use crate::config::Config;
use crate::finding::stable_id;
use crate::ports::{AwsError, AwsErrorKind, MAX_STATE_BYTES, Over, Runtime, StateStore, Stored, Written};
use crate::state::lease::Lease;

/// What is kept of a run's time for its answer.
pub const TIME_TO_ANSWER: Duration = Duration::from_secs(4);

/// Nothing is begun with less than this besides: its outcome might not be learnt.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// A claim outlives its run by so much: the clocks of two sandboxes differ, and Lambda ends no run at once.
const CLAIM_MARGIN: TimeDelta = TimeDelta::seconds(5);

/// How often an object is asked for that AWS does not give.
const MAX_FAILURES: u32 = 4;

/// How often an object is put where another run puts one at the same time.
const MAX_PUTS: usize = 4;

/// How often a write is made that another run's came before.
const MAX_CONFLICTS: u32 = 20;

/// The pause between two attempts is doubled so often at most.
const MAX_DOUBLINGS: u32 = 5;

/// The state bucket in the hands of one run.
pub struct StateClient<'a, S, P> {
    state: &'a S,
    /// Time.
    pub runtime: &'a P,
    /// The settings.
    pub config: &'a Config,
    /// What the run publishes under.
    pub claim: Lease,
    /// How much of the run's time is for what comes after.
    reserve: Cell<Duration>,
    /// The objects that were not as they had been written.
    unreadable: RefCell<Vec<Unreadable>>,
    /// What went wrong.
    troubles: RefCell<Vec<AwsError>>,
}

/// An object that was not as it had been written. A copy stands in quarantine, and a new one was begun.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Where it stood.
    pub uri: String,
    /// Where the copy stands.
    pub copy: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What can be kept in the state bucket.
pub trait Object: Clone + PartialEq {
    /// # Errors
    /// Why it is no such object.
    fn read(content: &[u8], new: &Self) -> Result<Self, String>;

    /// The object's content.
    ///
    /// # Errors
    /// Never, unless a value cannot be written as JSON.
    fn content(&self) -> Result<Vec<u8>, serde_json::Error>;
}

/// An object as it was read, or written.
#[derive(Clone)]
pub struct Loaded<O> {
    /// The object.
    pub object: O,
    /// Nothing where there is no such object yet.
    pub tag: Option<String>,
    /// Whether what stood there could not be read.
    pub was_unreadable: bool,
}

impl<'a, S: StateStore, P: Runtime> StateClient<'a, S, P> {
    /// `reserve` is how much of the run's time is for what comes after.
    pub fn new(state: &'a S, runtime: &'a P, config: &'a Config, reserve: Duration) -> Self {
        let left = TimeDelta::from_std(runtime.time_left()).unwrap_or(TimeDelta::MAX);
        let until = runtime.now().checked_add_signed(left + CLAIM_MARGIN).unwrap_or_else(|| runtime.now());
        let claim = Lease { token: random_id(runtime), until };
        let (unreadable, troubles) = (RefCell::default(), RefCell::default());
        StateClient { state, runtime, config, claim, reserve: Cell::new(reserve), unreadable, troubles }
    }

    /// From now on so much of the run's time is for what comes after.
    pub fn reserve(&self, reserve: Duration) {
        self.reserve.set(reserve);
    }

    /// Whether the state bucket has failed this run, be it once.
    pub fn has_failed(&self) -> bool {
        !self.troubles.borrow().is_empty()
    }

    /// Whether that is one of the troubles that the state bucket has made this run.
    pub fn has_failed_with(&self, trouble: &AwsError) -> bool {
        self.troubles.borrow().contains(trouble)
    }

    /// What has become unreadable since this was last asked.
    pub fn take_unreadable(&self) -> Vec<Unreadable> {
        self.unreadable.take()
    }

    /// What went wrong, whether or not it was put right since.
    pub fn take_troubles(&self) -> Vec<AwsError> {
        self.troubles.take()
    }

    /// Where a person finds an object.
    pub fn uri(&self, key: &str) -> String {
        self.state.uri(key)
    }

    /// Reads an object as it stands.
    pub async fn read(&self, key: &str) -> Result<Option<Stored>, AwsError> {
        self.persistently(async || self.in_time("reading", key, self.state.read(key)).await.map(Some)).await
    }

    /// Writes an object of which nobody writes another, so that what is there already is the same.
    pub async fn create(&self, key: &str, content: &[u8]) -> Result<(), AwsError> {
        let mut refused = 0;
        self.persistently(async || match self.write(key, content, Over::Nothing).await? {
            Written::Done(_) => Ok(Some(())),
            Written::Changed => {
                // Once or twice it may be that somebody is only about to write it.
                refused += 1;
                Ok((refused == 3).then_some(()))
            }
        })
        .await
    }

    /// Writes an object over the one that was read.
    pub async fn replace(
        &self,
        key: &str,
        content: &[u8],
        read: Option<&Stored>,
    ) -> Result<Written, AwsError> {
        let over = read.map_or(Over::Nothing, |stored| Over::Tag(&stored.tag));
        self.persistently(async || self.write(key, content, over).await.map(Some)).await
    }

    /// Puts an object there, whatever a run that died has left.
    pub async fn put(&self, key: &str, content: &[u8]) -> Result<(), AwsError> {
        for _ in 0..MAX_PUTS {
            let stood = self.read(key).await?;
            if stood.as_ref().is_some_and(|stood| *stood.content == *content) {
                return Ok(());
            }
            if let Written::Done(_) = self.replace(key, content, stood.as_ref()).await? {
                return Ok(());
            }
        }
        let answer = format!("another run came first, {MAX_PUTS} times");
        Err(AwsError { kind: AwsErrorKind::Transient, call: format!("writing {key}"), answer })
    }

    /// Reads an object, or begins it. One that is not as it was written is put into quarantine.
    pub async fn open<O: Object>(&self, key: &str, new: &O) -> Result<Loaded<O>, AwsError> {
        let Some(Stored { content, tag, .. }) = self.read(key).await? else {
            return Ok(Loaded { object: new.clone(), tag: None, was_unreadable: false });
        };
        let read = match content.len() {
            ..=MAX_STATE_BYTES => O::read(&content, new),
            _ => Err(format!("it has more than {MAX_STATE_BYTES} bytes")),
        };
        let reason = match read {
            Ok(object) => return Ok(Loaded { object, tag: Some(tag), was_unreadable: false }),
            Err(reason) => reason,
        };
        let copy = format!("quarantine/{key}/{}", stable_id(&[&tag]));
        self.create(&copy, &content).await?;
        let (uri, copy) = (self.uri(key), self.uri(&copy));
        self.unreadable.borrow_mut().push(Unreadable { uri, copy, reason });
        Ok(Loaded { object: new.clone(), tag: Some(tag), was_unreadable: true })
    }

    /// Changes an object: reads it unless it is held, and writes it unless it stays as it is, until no other
    /// run has come between. An answer that was lost is another run's as far as can be told, so `change` must
    /// know its own work again.
    pub async fn update<O: Object, T>(
        &self,
        key: &str,
        new: &O,
        held: Option<Loaded<O>>,
        mut change: impl FnMut(&mut O, bool) -> T,
    ) -> Result<(T, Loaded<O>), AwsError> {
        let mut first = held;
        let mut stood_there = false;
        self.persistently(async || {
            let mut held = match first.take() {
                Some(held) => held,
                None => self.open(key, new).await?,
            };
            // What stood there a moment ago and is said to be missing is asked for once more: who took that for the
            // truth would take what is noted there for unsaid.
            if std::mem::replace(&mut stood_there, held.tag.is_some()) && held.tag.is_none() {
                return Err(AwsError {
                    kind: AwsErrorKind::Transient,
                    call: format!("reading {key}"),
                    answer: "it is said to be missing, although it stood there a moment ago".to_owned(),
                });
            }
            let before = held.object.clone();
            let changed = change(&mut held.object, held.was_unreadable);
            if held.object == before && !held.was_unreadable {
                return Ok(Some((changed, held)));
            }
            let content = held.object.content().map_err(|error| AwsError {
                kind: AwsErrorKind::Denied,
                call: format!("writing {key}"),
                answer: error.to_string(),
            })?;
            if content.len() > MAX_STATE_BYTES {
                let answer = format!("it would have {} bytes, more than {MAX_STATE_BYTES}", content.len());
                let (kind, call) = (AwsErrorKind::Denied, format!("writing {key}"));
                return Err(AwsError { kind, call, answer });
            }
            let over = held.tag.as_deref().map_or(Over::Nothing, Over::Tag);
            match self.write(key, &content, over).await? {
                Written::Done(tag) => {
                    let tag = Some(tag);
                    Ok(Some((changed, Loaded { object: held.object, tag, was_unreadable: false })))
                }
                Written::Changed => Ok(None),
            }
        })
        .await
    }

    async fn write(&self, key: &str, content: &[u8], over: Over<'_>) -> Result<Written, AwsError> {
        self.in_time("writing", key, self.state.write(key, content, over)).await
    }

    /// Tries until there is a result, with pauses that grow and differ from run to run.
    async fn persistently<T>(
        &self,
        attempt: impl AsyncFnMut() -> Result<Option<T>, AwsError>,
    ) -> Result<T, AwsError> {
        let mut attempt = attempt;
        let (mut failures, mut conflicts) = (0, 0);
        loop {
            let trouble = match attempt().await {
                Ok(Some(result)) => return Ok(result),
                Ok(None) => {
                    conflicts += 1;
                    let answer = format!("another run came first, {conflicts} times");
                    let (kind, call) = (AwsErrorKind::Transient, "writing state".to_owned());
                    let trouble = AwsError { kind, call, answer };
                    if conflicts == MAX_CONFLICTS {
                        self.troubles.borrow_mut().push(trouble.clone());
                        return Err(trouble);
                    }
                    trouble
                }
                Err(trouble) if trouble.kind == AwsErrorKind::DeadlineExceeded => return Err(trouble),
                Err(trouble) => {
                    failures += 1;
                    self.troubles.borrow_mut().push(trouble.clone());
                    if failures == MAX_FAILURES {
                        return Err(trouble);
                    }
                    trouble
                }
            };
            let pause = self.config.retry_pause * 2u32.pow((failures + conflicts - 1).min(MAX_DOUBLINGS));
            let pause = pause.mul_f64(0.5 + (self.runtime.random() % 1024) as f64 / 1024.0);
            if self.time_left() < pause + LEAST_TIME {
                return Err(trouble);
            }
            self.runtime.sleep(pause).await;
        }
    }

    /// What is left of the run's time, but for what comes after.
    pub fn time_left(&self) -> Duration {
        self.runtime.time_left().saturating_sub(self.reserve.get())
    }

    /// Whether there is time to begin anything whose outcome has to be learnt.
    pub fn has_time(&self) -> bool {
        self.time_left() >= LEAST_TIME
    }

    /// What becomes of a call before the time for it is over.
    pub async fn in_time<T>(
        &self,
        doing: &str,
        what: &str,
        work: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<T, AwsError> {
        let trouble = |kind, answer: &str| AwsError {
            kind,
            call: format!("{doing} {what}"),
            answer: answer.to_owned(),
        };
        if !self.has_time() {
            return Err(trouble(AwsErrorKind::DeadlineExceeded, "no time is left in this run"));
        }
        let mut time_is_up = pin!(self.runtime.sleep(self.time_left()).fuse());
        let mut work = pin!(work.fuse());
        select_biased! {
            done = work => done,
            () = time_is_up => Err(trouble(AwsErrorKind::Transient, "no answer came while there was time")),
        }
    }
}

/// An id that nobody can guess and that does not come again.
pub fn random_id(runtime: &impl Runtime) -> String {
    format!("{:032x}", runtime.random())
}
