//! A backfill that was begun: how far it is, who is working on it, and what it came to.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Estimate, Part, Plan};
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::events::backfill::{BackfillRequest, RunId, Wanted};
use crate::severity::Severity;
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::lease::Lease;
use crate::state::outbox::OutboxEntry;

/// How far a backfill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It was begun: it is not known yet what there is to read.
    Planning,
    /// Its items are being read, one after another.
    Scanning,
    /// Its items are being read by the state machine, many at once.
    Fleet,
    /// What they came to is put together and told.
    Notifier,
    /// All is done.
    Done,
}

const ANOTHER: &str = "it is about another backfill";

/// The state machine has ended after so long: then the same request starts it again.
const FLEET_TIME: TimeDelta = TimeDelta::hours(6);

/// Two clocks differ by no more than that.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(20);

/// Whoever follows a backfill asks for it again sooner than that.
const LEFT_ALONE: TimeDelta = TimeDelta::hours(1);

/// A backfill that was begun: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    format: u32,
    /// The bucket of the log files, and the folder in it.
    pub bucket: String,
    /// What is meant.
    pub wanted: Wanted,
    /// Whether somebody is mailed what was found.
    pub notify: bool,
    /// 1, and one more each time that it is begun anew. 0 is one that nobody has begun yet.
    pub generation: u32,
    /// How far it is.
    pub stage: Stage,
    /// When this generation was begun.
    pub begun: DateTime<Utc>,
    /// When it last came further.
    pub updated: DateTime<Utc>,
    /// The id of the alert that tells of it.
    pub alert_id: String,
    /// Who is working on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Lease>,
    /// What there is to read, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What was read so far; by the state machine: of what it had read when it was asked to tell.
    pub read: ReadSoFar,
    /// How often, and when last, the state machine was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Started>,
    /// The run that stood here before, if that could not be read: what it told, and what it was only about to tell,
    /// nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// What kept the last invocation from going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// The mail that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<OutboxEntry>,
}

/// An object that could not be read. A copy of it is kept, and a new one was begun in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// Where it stood.
    pub uri: String,
    /// Where the copy stands.
    pub copy: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What was read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadSoFar {
    /// How many items were brought to their end.
    pub items: usize,
    /// What was in their log files.
    pub counts: Counts,
    /// How many bytes these have, as they are stored.
    pub bytes: u64,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// Log files that could not be had.
    pub unread: u64,
}

/// What the state machine was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// How often it was started for this generation.
    pub times: u32,
    /// When last.
    pub at: DateTime<Utc>,
}

impl Started {
    /// Whether it may still be at work. What is said to have started later than any clock goes ahead never did.
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        (-MAX_AHEAD..FLEET_TIME).contains(&(now - self.at))
    }
}

/// What a backfill came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// How many findings there are of each severity.
    pub findings: BTreeMap<Severity, u64>,
    /// How many of them its mail tells.
    pub told: u64,
    /// How many people were told before.
    pub known: u64,
    /// How many a suppression hides.
    pub accepted: u64,
    /// How many are only counted.
    pub counted: u64,
    /// How many there was no room for.
    pub left_out: u64,
    /// Where the findings and the page stand.
    pub objects: Vec<String>,
    /// The subject of its mail, where there was anything to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Who is working on a backfill, as one invocation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Who asks has to go on with it.
    Mine,
    /// Another invocation, or the state machine, is working on it.
    Anothers,
    /// Nobody's any more: it is finished.
    Nobodys,
}

impl RunState {
    /// One that nobody has begun yet.
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
            claim: None,
            estimate: None,
            read: ReadSoFar::default(),
            fleet: None,
            lost: None,
            trouble: None,
            result: None,
            mail: None,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(content: &[u8]) -> Result<RunState, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    /// Reads that of an id.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read_of(content: &[u8], id: &RunId) -> Result<RunState, String> {
        let state = RunState::read(content)?;
        // Its values become a part of commands: they are those that somebody was allowed to ask for.
        state.wanted.check_names().map_err(|error| error.to_string())?;
        if state.id() == *id { Ok(state) } else { Err(ANOTHER.to_owned()) }
    }

    /// Whether it is about the same as another.
    ///
    /// # Errors
    /// That it is not.
    pub fn check_same(&self, other: &RunState) -> Result<(), String> {
        let about = |state: &RunState| (state.bucket.clone(), state.wanted.clone(), state.notify);
        if about(self) == about(other) { Ok(()) } else { Err(ANOTHER.to_owned()) }
    }

    /// What tells it from every other.
    pub fn id(&self) -> RunId {
        let (wanted, notify) = (self.wanted.clone(), self.notify);
        RunId::of(&self.bucket, &BackfillRequest { wanted, notify, dry_run: false, again: false })
    }

    /// Begins it, anew where that is asked for and it is finished, or goes on with it where nobody else is working on
    /// it any more. Doing it again with the same claim changes nothing.
    pub fn take(&mut self, again: bool, alert_id: &str, claim: &Lease, now: DateTime<Utc>) -> Ownership {
        if self.generation == 0 || (again && self.stage == Stage::Done && !self.is_claimed_by(&claim.token)) {
            self.begin(self.generation.saturating_add(1), alert_id, claim, now);
            return Ownership::Mine;
        }
        let is_reading = |fleet: Started| self.stage == Stage::Fleet && fleet.is_live(now);
        if self.fleet.is_some_and(is_reading) { Ownership::Anothers } else { self.take_over(claim, now) }
    }

    /// Begins that generation of it.
    pub fn begin(&mut self, generation: u32, alert_id: &str, claim: &Lease, now: DateTime<Utc>) {
        let new = RunState::new(&self.bucket, &self.wanted, self.notify, now);
        *self = RunState { generation, alert_id: alert_id.to_owned(), claim: Some(claim.clone()), ..new };
    }

    /// Goes on with it where nobody else is working on it any more.
    pub fn take_over(&mut self, claim: &Lease, now: DateTime<Utc>) -> Ownership {
        match &self.claim {
            _ if self.stage == Stage::Done => return Ownership::Nobodys,
            Some(held) if held.token == claim.token => return Ownership::Mine,
            Some(held) if held.is_live(now) => return Ownership::Anothers,
            _ => {}
        }
        self.claim = Some(claim.clone());
        if let Some(mail) = &mut self.mail {
            mail.take_over(claim, now);
        }
        Ownership::Mine
    }

    /// Whether the run of this token is working on it.
    pub fn is_claimed_by(&self, token: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.token == token)
    }

    /// Whether people wait for what it tells, and nobody is working on it any more.
    pub fn is_left(&self, now: DateTime<Utc>) -> bool {
        let is_waited_for = self.notify && self.generation > 0 && self.stage != Stage::Done;
        let is_claimed = self.claim.as_ref().is_some_and(|claim| claim.is_live(now));
        let is_by_fleet = self.fleet.is_some_and(|fleet| fleet.is_live(now));
        let is_fresh = (-MAX_AHEAD..LEFT_ALONE).contains(&(now - self.updated));
        is_waited_for && !is_claimed && !is_by_fleet && !is_fresh
    }

    /// Whether all was read that will be, and only telling it is left.
    pub fn lacks_only_telling(&self) -> bool {
        let items = self.estimate.as_ref().map(|estimate| estimate.items);
        match self.stage {
            Stage::Notifier => true,
            Stage::Scanning => items == Some(self.read.items),
            _ => false,
        }
    }

    /// Leaves it to whoever asks next.
    pub fn release(&mut self, token: &str) {
        if self.is_claimed_by(token) {
            self.claim = None;
        }
    }
}

impl ReadSoFar {
    /// Adds what an item came to.
    pub fn add(&mut self, part: &Part) {
        self.items += 1;
        self.counts += part.counts;
        self.bytes += part.bytes;
        self.skipped_objects += part.skipped_objects;
        self.unread += part.unread.len() as u64 + part.vanished;
    }
}

impl Plan {
    /// Reads one, of which others know what it is about.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(content: &[u8], bucket: &str, wanted: &Wanted) -> Result<Plan, String> {
        check_format(content)?;
        let plan: Plan = serde_json::from_slice(content).map_err(not_json)?;
        if plan.bucket != bucket || plan.wanted != *wanted {
            return Err("it is about other log files".to_owned());
        }
        Ok(plan)
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

    fn claim(token: &str) -> Lease {
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
    fn who_asks_goes_on_only_where_nobody_else_is_working_on_it() {
        let (early, late) = (at("2026-04-01T08:10:00Z"), at("2026-04-01T08:20:00Z"));
        let mut state = state();
        assert_eq!(state.take(false, "a", &claim("1"), early), Ownership::Mine);
        assert_eq!((state.generation, &*state.alert_id), (1, "a"));
        assert_eq!(state.take(true, "b", &claim("1"), early), Ownership::Mine, "its answer was lost");
        assert_eq!(state.take(true, "b", &claim("2"), early), Ownership::Anothers);
        assert_eq!(
            state.take(true, "b", &claim("3"), late),
            Ownership::Mine,
            "the first has ended without a word"
        );
        assert_eq!(
            (state.generation, &*state.alert_id),
            (1, "a"),
            "it is not finished, so it is not begun anew"
        );
        state.release("1");
        assert!(state.is_claimed_by("3"), "one that has lost its claim cannot release another's");
        state.release("3");
        assert_eq!(state.take(false, "b", &claim("4"), early), Ownership::Mine);
        state.stage = Stage::Done;
        state.release("4");
        assert_eq!(state.take(false, "b", &claim("5"), early), Ownership::Nobodys);
        assert_eq!(state.take(true, "b", &claim("5"), early), Ownership::Mine);
        assert_eq!((state.generation, &*state.alert_id, state.stage), (2, "b", Stage::Planning));
        assert_eq!(state.take(true, "b", &claim("5"), early), Ownership::Mine, "its answer was lost");
        assert_eq!(state.generation, 2);
    }

    #[test]
    fn a_time_that_cannot_be_keeps_nobody_from_going_on() {
        let now = at("2026-04-01T08:10:00Z");
        for (time, expected) in [
            (DateTime::<Utc>::MIN_UTC, Ownership::Mine),
            (at("2026-04-01T02:09:00Z"), Ownership::Mine),
            (at("2026-04-01T02:11:00Z"), Ownership::Anothers),
            (at("2026-04-01T08:29:00Z"), Ownership::Anothers),
            (at("2026-04-01T08:31:00Z"), Ownership::Mine),
            (DateTime::<Utc>::MAX_UTC, Ownership::Mine),
        ] {
            let mut state = RunState { generation: u32::MAX, stage: Stage::Fleet, ..state() };
            state.fleet = Some(Started { times: 1, at: time });
            assert_eq!(state.take(false, "a", &claim("1"), now), expected, "started {time}");
        }
        for (until, expected) in [
            (DateTime::<Utc>::MIN_UTC, Ownership::Mine),
            (at("2026-04-01T08:29:00Z"), Ownership::Anothers),
            (at("2026-04-01T08:31:00Z"), Ownership::Mine),
            (DateTime::<Utc>::MAX_UTC, Ownership::Mine),
        ] {
            let mut state = RunState { generation: 1, stage: Stage::Scanning, ..state() };
            state.claim = Some(Lease { token: "other".to_owned(), until });
            assert_eq!(state.take(false, "a", &claim("1"), now), expected, "claimed until {until}");
        }
    }

    #[test]
    fn one_about_anything_else_is_another() {
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
    fn what_is_no_run_is_said_to_be_none() {
        let written = serde_json::to_vec(&state()).unwrap();
        assert_eq!(RunState::read(&written).unwrap(), state());
        for (content, said) in [
            ("nonsense", "it is not JSON as iamwatch writes it"),
            (r#"{"format": 2}"#, "its format is 2; it must be 1"),
            (r#"{"format": 1}"#, "missing field"),
        ] {
            let message = RunState::read(content.as_bytes()).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}
