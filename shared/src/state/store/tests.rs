//! The outcomes of writes, by a state bucket that answers as it is told.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::*;
use crate::ports::WriteOutcome::{Conflict, InProgress, Written};
use crate::state::case::{Case, CaseFinding};
use crate::state::tests_support::{notification, sign_in};

/// A state bucket without objects; writes are answered in turn, the last answer stays. Time does not pass.
struct Answers {
    writes: RefCell<VecDeque<WriteOutcome>>,
    written: RefCell<Vec<String>>,
}

impl Answers {
    fn new(answers: &[WriteOutcome]) -> Answers {
        Answers { writes: RefCell::new(answers.to_vec().into()), written: RefCell::default() }
    }
}

impl StateStore for Answers {
    async fn read(&self, _: &str) -> Result<Option<StoredObject>, AwsError> {
        Ok(None)
    }

    async fn write(&self, key: &str, _: &[u8], _: Precondition<'_>) -> Result<WriteOutcome, AwsError> {
        self.written.borrow_mut().push(key.to_owned());
        let mut writes = self.writes.borrow_mut();
        let answer = if writes.len() > 1 { writes.pop_front() } else { writes.front().cloned() };
        Ok(answer.unwrap_or(Conflict))
    }

    async fn delete(&self, _: &str) -> Result<(), AwsError> {
        Ok(())
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://state/{key}")
    }
}

/// A run whose time does not pass.
struct Still;

impl Runtime for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn time_left(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn sleep(&self, _: Duration) {}

    fn random(&self) -> u128 {
        7
    }
}

/// What comes of it, and how many writes were made.
fn with<T>(
    answers: &[WriteOutcome],
    call: impl AsyncFnOnce(&StateClient<'_, Answers, Still>) -> Result<T, AwsError>,
) -> (Result<T, AwsErrorKind>, usize) {
    let (store, config) = (Answers::new(answers), Config::default());
    let client = StateClient::new(&store, &Still, &config, Duration::ZERO);
    let result = call(&client).now_or_never().unwrap();
    let number = store.written.borrow().len();
    (result.map_err(|error| error.kind), number)
}

fn written() -> WriteOutcome {
    Written("\"1\"".to_owned())
}

#[test]
fn a_new_object_is_created_if_it_is_written_or_certainly_exists() {
    let transient = Err(AwsErrorKind::Transient);
    for (name, answers, result, writes) in [
        ("it is new", vec![written()], Ok(()), 1),
        ("it exists", vec![Conflict], Ok(()), 3),
        ("it is said to exist once", vec![Conflict, written()], Ok(()), 2),
        ("another write is in progress at first", vec![InProgress, written()], Ok(()), 2),
        (
            "another write is in progress thrice",
            vec![InProgress, InProgress, InProgress, written()],
            Ok(()),
            4,
        ),
        ("and then it exists", vec![InProgress, InProgress, InProgress, Conflict], Ok(()), 6),
        ("another write is always in progress", vec![InProgress], transient, 20),
    ] {
        let created = with(&answers, async |state| state.create("quarantine/a", b"{}").await);
        assert_eq!(created, (result, writes), "{name}");
    }
}

#[test]
fn whether_an_object_is_replaced_is_known_in_the_end() {
    for (name, answers, result, writes) in [
        ("it is", vec![written()], Ok(written()), 1),
        ("it is not", vec![Conflict], Ok(Conflict), 1),
        ("another write is in progress at first", vec![InProgress, InProgress, Conflict], Ok(Conflict), 3),
        ("another write is always in progress", vec![InProgress], Err(AwsErrorKind::Transient), 20),
    ] {
        let replaced = with(&answers, async |state| state.replace("seen/a", b"{}", None).await);
        assert_eq!(replaced, (result, writes), "{name}");
    }
}

#[test]
fn no_entry_is_written_before_its_marker_exists() {
    let (finding, new) = (sign_in(), Case::new(&sign_in().subject));
    let seen = [CaseFinding { finding: &finding, suppressed: false }];
    for (name, answers, writes) in [
        ("the marker is new", vec![written()], vec!["outbox/7.json", "case"]),
        ("the marker exists", vec![Conflict, written()], vec!["outbox/7.json", "case"]),
        (
            "the marker is being written",
            vec![InProgress, InProgress, written()],
            vec!["outbox/7.json", "outbox/7.json", "outbox/7.json", "case"],
        ),
        (
            "the case is being written",
            vec![written(), InProgress, Conflict, written()],
            vec!["outbox/7.json", "case", "outbox/7.json", "case"],
        ),
    ] {
        let (store, config) = (Answers::new(&answers), Config::default());
        let client = StateClient::new(&store, &Still, &config, Duration::ZERO);
        let change = |case: &mut Case, _| {
            case.merge(&seen, Still.now(), &config);
            case.add_entry(notification("7"), false, &seen, &client.lease, Still.now());
        };
        client.update("case", &new, None, change).now_or_never().unwrap().unwrap();
        assert_eq!(*store.written.borrow(), writes, "{name}");
    }
}
