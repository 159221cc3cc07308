//! One run of a scenario: AWS, the processes of the function, and the queue that hands out what failed.
//!
//! Source: Lambda Developer Guide, "Handling errors for an SQS event source": what is named in
//! `batchItemFailures` is retried; after an error, or without an answer, the whole batch does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::damage::Damage;
use super::judge::has_pending;
use super::point::Point;
use super::{LOGS, Message, STATE, Scenario, Step, TOPIC};
use crate::lambda_events::received_of;
use crate::runtime_api::{ACCOUNT, Function, Outcome, bootstrap};
use crate::stub_aws::{Call, Mail, StubAws};

/// How long an invocation has until its deadline. Leases last that long, so a short one ends a run soon.
pub const TIME_LEFT: Duration = Duration::from_secs(12);

/// A lease outlives the deadline of the invocation that acquired it by 5 s. The queue's visibility time-out, after
/// which an unanswered batch is retried, is longer than a lease.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(12 + 5 + 1);

/// How long it takes until a failed message is retried. The first two times another's
/// lease may still be valid, after that it cannot.
const RETRY_DELAYS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(13)];

/// A message that was received so often is given up. The deployed queue gives up after 20; here one fault is
/// all that goes wrong, and more than a few receives are a run that goes in circles.
const MAX_RECEIVES: u32 = 10;

/// No run begins when so little is left of an hour.
const LAST_OF_HOUR: Duration = Duration::from_secs(60);

/// The environment of every function here. Calls time out and are retried sooner than in AWS.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("TOPIC_ARN", TOPIC),
    ("STATE_BUCKET", STATE),
    ("CALL_TIMEOUT_MILLIS", "300"),
    ("RETRY_PAUSE_MILLIS", "5"),
];

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// Where.
    pub point: Point,
    /// How.
    pub damage: Damage,
}

/// The state of the world after a run.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The published mails, in order.
    pub mails: Vec<Mail>,
    /// How many of these there were before everything was delivered again.
    pub mails_before_again: usize,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// The objects of the state bucket, by key.
    pub state: BTreeMap<String, Bytes>,
    /// The messages that were given up.
    pub dropped: Vec<String>,
    /// How often a batch, or a part of it, had to be delivered again.
    pub redelivered: usize,
    /// How often there was no answer at the deadline.
    pub overdue: usize,
    /// The output of the processes.
    pub log: String,
    /// Why the run could not go on to its end.
    pub stopped: Option<String>,
}

/// Plays a scenario, with at most one thing that goes wrong. A process only works while it holds a permit of
/// `working`; waiting for a message to come back takes none.
pub async fn run(scenario: &Scenario, injected: Option<&Injected>, working: &Semaphore) -> Observed {
    with_left_of_hour(LAST_OF_HOUR).await;
    let aws = StubAws::start().await;
    for bucket in [LOGS, STATE] {
        aws.make_bucket(bucket, ACCOUNT);
    }
    // The function stores every object of its state with a checksum, as the AWS SDK does by itself.
    aws.send_checksums(STATE);
    for (bucket, key, content) in &scenario.objects {
        aws.put(bucket, key, content.clone());
    }
    // Of two faults for one call the first counts.
    if let Some(Injected { point, damage }) = injected
        && let Some(fault) = damage.at(point)
    {
        aws.fail(point.which(), fault);
    }
    (scenario.prepare)(&aws);

    let processes = AtomicUsize::new(0);
    let mut lane = Lane::new(scenario, &aws, working, &processes);
    let mut others = Seen::default();
    for step in &scenario.steps {
        match step {
            Step::Deliver(messages) => lane.deliver(messages).await,
            Step::DeliverAtOnce(batches) => {
                let lanes = batches.iter().map(async |messages| {
                    let mut lane = Lane::new(scenario, &aws, working, &processes);
                    lane.deliver(messages).await;
                    lane.end()
                });
                for seen in all(lanes).await {
                    others.add(seen);
                }
            }
            Step::Ask(request) => lane.ask(request).await,
            Step::Do(act) => act(&aws),
        }
    }
    let pending = state_of(&aws)
        .values()
        .any(|object| serde_json::from_slice(object).is_ok_and(|object| has_pending(&object)));
    if pending {
        tokio::time::sleep(VISIBILITY_TIMEOUT).await;
        lane.deliver(&scenario.later).await;
    }
    let mails_before_again = aws.mails().len();
    let again: Vec<Message> = scenario
        .again
        .iter()
        .enumerate()
        .map(|(n, message)| Message { id: format!("again-{n}"), ..message.clone() })
        .collect();
    lane.deliver(&again).await;
    for request in &scenario.asked_again {
        lane.ask(request).await;
    }
    others.add(lane.end());
    let Seen { dropped, redelivered, overdue, log } = others;
    Observed {
        mails: aws.mails(),
        mails_before_again,
        calls: aws.calls(),
        state: state_of(&aws),
        dropped,
        redelivered,
        overdue,
        log,
        stopped: None,
    }
}

/// Waits for the next hour where less than that is left of this one: budgets of mails are kept by the hour.
pub async fn with_left_of_hour(least: Duration) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let left = Duration::from_secs(3600 - since_1970.as_secs() % 3600);
    if left < least {
        tokio::time::sleep(left).await;
    }
}

/// The objects of the state bucket, by key.
pub fn state_of(aws: &StubAws) -> BTreeMap<String, Bytes> {
    let content = |key: &String| aws.content(STATE, key).unwrap_or_default();
    aws.keys(STATE).into_iter().map(|key| (key.clone(), content(&key))).collect()
}

/// Awaits all of them at the same time, and returns their results.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in &mut futures {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        if futures.iter().any(|(_, output)| output.is_none()) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(futures.iter_mut().filter_map(|(_, output)| output.take()).collect())
    })
    .await
}

/// What can be observed only during the run.
#[derive(Debug, Default)]
struct Seen {
    dropped: Vec<String>,
    redelivered: usize,
    overdue: usize,
    log: String,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.dropped.extend(other.dropped);
        self.redelivered += other.redelivered;
        self.overdue += other.overdue;
        self.log += &other.log;
    }
}

/// One sandbox after the other, as one poller of the queue uses them.
struct Lane<'a> {
    scenario: &'a Scenario,
    aws: &'a StubAws,
    working: &'a Semaphore,
    /// How many processes the run has started.
    processes: &'a AtomicUsize,
    /// The process that is warm, and the access key id by which its calls are known.
    warm: Option<(Function, String)>,
    seen: Seen,
}

impl<'a> Lane<'a> {
    fn new(
        scenario: &'a Scenario,
        aws: &'a StubAws,
        working: &'a Semaphore,
        processes: &'a AtomicUsize,
    ) -> Lane<'a> {
        Lane { scenario, aws, working, processes, warm: None, seen: Seen::default() }
    }

    fn end(mut self) -> Seen {
        self.keep_log();
        self.seen
    }

    fn keep_log(&mut self) {
        if let Some((function, caller)) = self.warm.take() {
            self.seen.log += &format!("process {caller}\n{}", function.output());
        }
    }

    /// Delivers a batch, and what fails of it, until nothing does.
    async fn deliver(&mut self, messages: &[Message]) {
        let mut left: Vec<&Message> = messages.iter().collect();
        let sent = Utc::now();
        for receive in 1..=MAX_RECEIVES {
            if left.is_empty() {
                return;
            }
            if receive > 1 {
                self.seen.redelivered += 1;
            }
            let began = Instant::now();
            let batch: Vec<Value> =
                left.iter().map(|message| received_of(&message.id, &message.body, receive, sent)).collect();
            let outcome = self.invoke(&json!({"Records": batch})).await;
            let ids: BTreeSet<&str> = left.iter().map(|message| &message.id[..]).collect();
            let pause = match failed(&outcome, &ids) {
                Some(failed) => {
                    left.retain(|message| failed.contains(&message.id[..]));
                    RETRY_DELAYS[(receive as usize - 1).min(RETRY_DELAYS.len() - 1)]
                }
                None => VISIBILITY_TIMEOUT.saturating_sub(began.elapsed()),
            };
            if !left.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
        self.seen.dropped.extend(left.into_iter().map(|message| message.id.clone()));
    }

    /// Asks for something until all of it is done, as `make backfill` and the state machine do.
    async fn ask(&mut self, request: &Value) {
        for asked in 1..=MAX_RECEIVES {
            if asked > 1 {
                self.seen.redelivered += 1;
            }
            let outcome = self.invoke(request).await;
            if let Outcome::Response(answer) = &outcome
                && is_done(answer)
            {
                return;
            }
            tokio::time::sleep(RETRY_DELAYS[(asked as usize - 1).min(RETRY_DELAYS.len() - 1)]).await;
        }
        self.seen.dropped.push(request.to_string());
    }

    /// Invokes the process that is warm, or a new one. It is killed when one of its calls is to kill it, or
    /// when it has not answered at its deadline.
    async fn invoke(&mut self, event: &Value) -> Outcome {
        let _working = self.working.acquire().await.expect("it is never closed");
        let (function, caller) = match &self.warm {
            Some(warm) => warm,
            None => {
                let started = self.start().await;
                self.warm.insert(started)
            }
        };
        let answered = tokio::select! {
            biased;
            () = self.aws.until_doomed(caller) => None,
            outcome = tokio::time::timeout(TIME_LEFT, function.invoke_with(event, TIME_LEFT)) => Some(outcome),
        };
        let outcome = match answered {
            Some(Ok(outcome)) => Some(outcome),
            Some(Err(_)) => {
                self.seen.overdue += 1;
                None
            }
            None => None,
        };
        match outcome {
            Some(outcome @ (Outcome::Response(_) | Outcome::Error { .. })) => outcome,
            _ => {
                function.kill().await;
                self.keep_log();
                Outcome::Error { error_type: "Killed".to_owned(), message: String::new() }
            }
        }
    }

    async fn start(&self) -> (Function, String) {
        let n = self.processes.fetch_add(1, Ordering::Relaxed) + 1;
        let caller = format!("ASIAPROCESS{n:04}EXAMPLE");
        let mut environment: BTreeMap<String, String> =
            ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("AWS_ENDPOINT_URL".to_owned(), self.aws.endpoint());
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), caller.clone());
        let own = self.scenario.environment.iter();
        environment.extend(own.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let name = self.scenario.function;
        (Function::start(&bootstrap(name), name, &environment).await, caller)
    }
}

/// Whether no further request is needed: all is done, or this step of it, or other invocations do the rest.
fn is_done(answer: &Value) -> bool {
    let is_of_fleet = answer["progress"] == "under-way" && answer["stage"] == "fleet";
    answer["finished"] == true
        || answer["progress"] == "started"
        || answer["progress"] == "read"
        || is_of_fleet
}

/// Which of the messages failed; nothing where all did because there was no answer that says so.
fn failed<'a>(outcome: &'a Outcome, ids: &BTreeSet<&str>) -> Option<BTreeSet<&'a str>> {
    let Outcome::Response(response) = outcome else { return None };
    if response.is_null() {
        return Some(BTreeSet::new());
    }
    let failures = response["batchItemFailures"].as_array()?;
    let failed: Option<BTreeSet<&str>> =
        failures.iter().map(|failure| failure["itemIdentifier"].as_str()).collect();
    failed.filter(|failed| failed.iter().all(|id| ids.contains(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_names_the_retried_messages_or_the_whole_batch_is_retried() {
        let ids = BTreeSet::from(["a", "b"]);
        let response = Outcome::Response;
        let error = Outcome::Error { error_type: "AwsError".to_owned(), message: String::new() };
        for (name, outcome, expected) in [
            ("nothing failed", response(json!({"batchItemFailures": []})), Some(vec![])),
            ("no answer is needed", response(Value::Null), Some(vec![])),
            (
                "one failed",
                response(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})),
                Some(vec!["b"]),
            ),
            ("an unknown id", response(json!({"batchItemFailures": [{"itemIdentifier": "c"}]})), None),
            ("no id", response(json!({"batchItemFailures": [{}]})), None),
            ("another answer", response(json!({"ok": true})), None),
            ("an error", error, None),
        ] {
            let failed = failed(&outcome, &ids).map(|failed| failed.into_iter().collect::<Vec<_>>());
            assert_eq!(failed, expected, "{name}");
        }
    }
}
