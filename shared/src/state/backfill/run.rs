//! The state of a backfill: its stage, its lease and its result.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::result::{BackfillResult, LostObject, ReadTotals};
use crate::formats::events::backfill::{BackfillRequest, RunId, Wanted};
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::lease::Lease;
use crate::state::outbox::OutboxEntry;

/// The stage of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Listing the log files.
    Planning,
    /// Invocations read the items, one after another.
    Scanning,
    /// The state machine has many invocations read the items.
    Fleet,
    /// Making and publishing the digest.
    #[serde(rename = "telling")]
    Notifying,
    /// Finished.
    Done,
}

const ANOTHER: &str = "it is about another backfill";

/// The state machine has ended after this time: then the same request may start it again.
const FLEET_TIME: TimeDelta = TimeDelta::hours(6);

/// The most by which two clocks differ.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(20);

/// `make backfill` invokes the function again sooner than this.
const ABANDONED_AFTER: TimeDelta = TimeDelta::hours(1);

/// A backfill: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    format: u32,
    /// The bucket of the log files.
    pub bucket: String,
    /// The days, accounts and Regions of the request.
    pub wanted: Wanted,
    /// Whether the digest is mailed.
    pub notify: bool,
    /// 1, and 1 more each time that it is started from the beginning; 0 if it was never started.
    pub generation: u32,
    /// Its stage.
    pub stage: Stage,
    /// When this generation was started.
    pub begun: DateTime<Utc>,
    /// When it last made progress.
    pub updated: DateTime<Utc>,
    /// The id of its notification.
    pub alert_id: String,
    /// The lease of the invocation that works on it.
    #[serde(default, rename = "claim", skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
    /// What there is to read, once it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What was read so far. With the state machine: what it had read when the digest was made.
    pub read: ReadTotals,
    /// The last start of the state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetStart>,
    /// The unreadable state that this one replaces: whether its findings were notified is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostObject>,
    /// Why the last invocation stopped early.
    #[serde(default, rename = "trouble", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its result, once the digest is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<BackfillResult>,
    /// The outbox entry of its mail, until it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<OutboxEntry>,
}

/// The starts of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetStart {
    /// How many there were for this generation.
    pub times: u32,
    /// The time of the last one.
    pub at: DateTime<Utc>,
}

/// What is working on a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worker {
    /// An invocation holds the lease.
    Invocation,
    /// An invocation may have published the mail: nobody else may until its lease expires.
    Publisher,
    /// The state machine.
    StateMachine,
}

impl FleetStart {
    /// When the same request may start the state machine again.
    pub fn expires(&self) -> DateTime<Utc> {
        self.at.checked_add_signed(FLEET_TIME).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether it may still be running. A start further ahead than clocks differ is ignored.
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        (-MAX_AHEAD..FLEET_TIME).contains(&(now - self.at))
    }
}

/// The answer to an invocation that wants to work on a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It holds the lease.
    Acquired,
    /// Another invocation, or the state machine, is working on it.
    Busy,
    /// The backfill is finished.
    Finished,
}

impl RunState {
    /// A backfill that was not started yet.
    pub fn new(bucket: &str, wanted: &Wanted, notify: bool, now: DateTime<Utc>) -> RunState {
        RunState {
            format: FORMAT,
            bucket: bucket.to_owned(),
            wanted: wanted.clone(),
            notify,
            generation: 0,
            stage: Stage::Planning,
            begun: now,
            updated: now,
            alert_id: String::new(),
            lease: None,
            estimate: None,
            read: ReadTotals::default(),
            fleet: None,
            lost: None,
            error: None,
            result: None,
            mail: None,
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    /// Why the content is none.
    pub fn read(content: &[u8]) -> Result<RunState, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    /// Reads the state of the backfill with this id.
    ///
    /// # Errors
    /// Why the content is no such state.
    pub fn read_of(content: &[u8], id: &RunId) -> Result<RunState, String> {
        let state = RunState::read(content)?;
        // They become part of commands, so they must be values that a request may have.
        state.wanted.check_names().map_err(|error| error.to_string())?;
        if state.id() == *id { Ok(state) } else { Err(ANOTHER.to_owned()) }
    }

    /// Checks that it is for the same request as another.
    ///
    /// # Errors
    /// A sentence that it is not.
    pub fn check_same(&self, other: &RunState) -> Result<(), String> {
        let about = |state: &RunState| (state.bucket.clone(), state.wanted.clone(), state.notify);
        if about(self) == about(other) { Ok(()) } else { Err(ANOTHER.to_owned()) }
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        let (wanted, notify) = (self.wanted.clone(), self.notify);
        RunId::of(&self.bucket, &BackfillRequest { wanted, notify, dry_run: false, again: false })
    }

    /// Starts the backfill, starts a finished one from the beginning if `again`, or takes over one that nobody works on.
    /// Repeating it with the same lease changes nothing.
    pub fn acquire(&mut self, again: bool, alert_id: &str, lease: &Lease, now: DateTime<Utc>) -> Ownership {
        if self.generation == 0 || (again && self.stage == Stage::Done && !self.is_leased_to(&lease.token)) {
            self.start(self.generation.saturating_add(1), alert_id, lease, now);
            return Ownership::Acquired;
        }
        let is_reading = |fleet: FleetStart| self.stage == Stage::Fleet && fleet.is_live(now);
        if self.fleet.is_some_and(is_reading) { Ownership::Busy } else { self.take_over(lease, now) }
    }

    /// Starts this generation from the beginning.
    pub fn start(&mut self, generation: u32, alert_id: &str, lease: &Lease, now: DateTime<Utc>) {
        let new = RunState::new(&self.bucket, &self.wanted, self.notify, now);
        *self = RunState { generation, alert_id: alert_id.to_owned(), lease: Some(lease.clone()), ..new };
    }

    /// Takes it over if nobody works on it.
    pub fn take_over(&mut self, lease: &Lease, now: DateTime<Utc>) -> Ownership {
        match &self.lease {
            _ if self.stage == Stage::Done => return Ownership::Finished,
            Some(held) if held.token == lease.token => return Ownership::Acquired,
            Some(held) if held.is_live(now) => return Ownership::Busy,
            _ => {}
        }
        self.lease = Some(lease.clone());
        if let Some(mail) = &mut self.mail {
            mail.take_over(lease, now);
        }
        Ownership::Acquired
    }

    /// What is working on it, and until when at most; `None` if nothing is.
    pub fn worker(&self, now: DateTime<Utc>) -> Option<(Worker, DateTime<Utc>)> {
        if self.stage == Stage::Done {
            return None;
        }
        let lease = self.lease.as_ref().filter(|lease| lease.is_live(now));
        if let Some(lease) = lease {
            return Some((Worker::Invocation, lease.until));
        }
        if let Some(until) = self.mail.as_ref().and_then(|mail| mail.leased_until(now)) {
            return Some((Worker::Publisher, until));
        }
        let fleet = self.fleet.filter(|fleet| self.stage == Stage::Fleet && fleet.is_live(now))?;
        Some((Worker::StateMachine, fleet.expires()))
    }

    /// The name of the state machine's execution: a name starts one execution only.
    pub fn execution_name(&self, times: u32) -> String {
        let name = format!("{}-{}", self.id().as_str(), self.generation);
        if times > 1 { format!("{name}-{times}") } else { name }
    }

    /// Whether the invocation with this token holds the lease.
    pub fn is_leased_to(&self, token: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.token == token)
    }

    /// Whether its mail is due, and nobody has worked on it for an hour.
    pub fn is_abandoned(&self, now: DateTime<Utc>) -> bool {
        let is_due = self.notify && self.generation > 0 && self.stage != Stage::Done;
        let is_leased = self.lease.as_ref().is_some_and(|lease| lease.is_live(now));
        let is_by_fleet = self.fleet.is_some_and(|fleet| fleet.is_live(now));
        let is_fresh = (-MAX_AHEAD..ABANDONED_AFTER).contains(&(now - self.updated));
        is_due && !is_leased && !is_by_fleet && !is_fresh
    }

    /// Whether all items are read, and only the digest is missing.
    pub fn lacks_only_digest(&self) -> bool {
        let items = self.estimate.as_ref().map(|estimate| estimate.items);
        match self.stage {
            Stage::Notifying => true,
            Stage::Scanning => items == Some(self.read.items),
            _ => false,
        }
    }

    /// Gives up the lease of the invocation with this token.
    pub fn release(&mut self, token: &str) {
        if self.is_leased_to(token) {
            self.lease = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(notify: bool) -> BackfillRequest {
        let (from, to) = ("2026-01-01".parse().unwrap(), "2026-03-31".parse().unwrap());
        let wanted = Wanted { from, to, accounts: [].into(), regions: [].into() };
        BackfillRequest { wanted, notify, dry_run: false, again: false }
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn lease(token: &str) -> Lease {
        Lease { token: token.to_owned(), until: at("2026-04-01T08:15:00Z") }
    }

    fn state() -> RunState {
        let BackfillRequest { wanted, notify, .. } = request(true);
        RunState::new("logs", &wanted, notify, at("2026-04-01T08:00:00Z"))
    }

    #[test]
    fn the_same_request_has_the_same_id_and_no_other_has() {
        let of_one = |account: &str| {
            let mut request = request(true);
            request.wanted.accounts.insert(account.to_owned());
            RunId::of("logs", &request)
        };
        let id = RunId::of("logs", &request(true));
        assert_eq!(id, RunId::of("logs", &BackfillRequest { again: true, dry_run: true, ..request(true) }));
        assert_eq!(RunId::parse(id.as_str()).unwrap(), id);
        let others = [
            RunId::of("other", &request(true)),
            RunId::of("logs", &request(false)),
            of_one("111122223333"),
            of_one("444400000000"),
        ];
        assert!(
            others.iter().all(|other| *other != id && other.as_str().starts_with("2026-01-01_2026-03-31_"))
        );
        assert_ne!(others[2], others[3]);
    }

    #[test]
    fn a_backfill_is_taken_over_only_if_nobody_works_on_it() {
        let (early, late) = (at("2026-04-01T08:10:00Z"), at("2026-04-01T08:20:00Z"));
        let mut state = state();
        assert_eq!(state.acquire(false, "a", &lease("1"), early), Ownership::Acquired);
        assert_eq!((state.generation, &*state.alert_id), (1, "a"));
        assert_eq!(state.acquire(true, "b", &lease("1"), early), Ownership::Acquired, "its answer was lost");
        assert_eq!(state.acquire(true, "b", &lease("2"), early), Ownership::Busy);
        assert_eq!(
            state.acquire(true, "b", &lease("3"), late),
            Ownership::Acquired,
            "the lease of the first has expired"
        );
        assert_eq!(
            (state.generation, &*state.alert_id),
            (1, "a"),
            "it is not finished, so it is not started again"
        );
        state.release("1");
        assert!(state.is_leased_to("3"), "without the lease, it cannot release another's");
        state.release("3");
        assert_eq!(state.acquire(false, "b", &lease("4"), early), Ownership::Acquired);
        state.stage = Stage::Done;
        state.release("4");
        assert_eq!(state.acquire(false, "b", &lease("5"), early), Ownership::Finished);
        assert_eq!(state.acquire(true, "b", &lease("5"), early), Ownership::Acquired);
        assert_eq!((state.generation, &*state.alert_id, state.stage), (2, "b", Stage::Planning));
        assert_eq!(state.acquire(true, "b", &lease("5"), early), Ownership::Acquired, "its answer was lost");
        assert_eq!(state.generation, 2);
    }

    #[test]
    fn an_impossible_time_blocks_nobody() {
        let now = at("2026-04-01T08:10:00Z");
        for (time, expected) in [
            (DateTime::<Utc>::MIN_UTC, Ownership::Acquired),
            (at("2026-04-01T02:09:00Z"), Ownership::Acquired),
            (at("2026-04-01T02:11:00Z"), Ownership::Busy),
            (at("2026-04-01T08:29:00Z"), Ownership::Busy),
            (at("2026-04-01T08:31:00Z"), Ownership::Acquired),
            (DateTime::<Utc>::MAX_UTC, Ownership::Acquired),
        ] {
            let mut state = RunState { generation: u32::MAX, stage: Stage::Fleet, ..state() };
            state.fleet = Some(FleetStart { times: 1, at: time });
            assert_eq!(state.acquire(false, "a", &lease("1"), now), expected, "started {time}");
        }
        for (until, expected) in [
            (DateTime::<Utc>::MIN_UTC, Ownership::Acquired),
            (at("2026-04-01T08:29:00Z"), Ownership::Busy),
            (at("2026-04-01T08:31:00Z"), Ownership::Acquired),
            (DateTime::<Utc>::MAX_UTC, Ownership::Acquired),
        ] {
            let mut state = RunState { generation: 1, stage: Stage::Scanning, ..state() };
            state.lease = Some(Lease { token: "other".to_owned(), until });
            assert_eq!(state.acquire(false, "a", &lease("1"), now), expected, "leased until {until}");
        }
    }

    #[test]
    fn another_request_is_another_backfill() {
        let one = state();
        assert_eq!(one.check_same(&state()), Ok(()));
        let mut elsewhere = state();
        elsewhere.wanted.accounts.insert("111122223333".to_owned());
        for other in
            [elsewhere, RunState { bucket: "x".to_owned(), ..state() }, RunState { notify: false, ..state() }]
        {
            assert_eq!(other.check_same(&one).unwrap_err(), "it is about another backfill");
            assert_ne!(other.id(), one.id());
        }
        assert_eq!(one.id(), RunId::of("logs", &request(true)));
    }

    #[test]
    fn other_content_is_refused_with_the_reason() {
        let written = serde_json::to_vec(&state()).unwrap();
        assert_eq!(RunState::read(&written).unwrap(), state());
        for (content, expected) in [
            ("nonsense", "it is not JSON as iamwatch writes it"),
            (r#"{"format": 2}"#, "its format is 2; it must be 1"),
            (r#"{"format": 1}"#, "missing field"),
        ] {
            let message = RunState::read(content.as_bytes()).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
