//! Proof by fault injection: whatever goes wrong at one AWS call, no alert is lost and none is mailed twice.
//!
//! A scenario is played once without faults. Every call that this takes is then tried again in every way to
//! fail: the real function, from scratch, with that one fault, under a queue that hands out what failed. What
//! is there afterwards is judged.
//!
//! | file | what it holds |
//! |---|---|
//! | `faults` | what a scenario is |
//! | `faults/point` | the calls at which something can go wrong, as a run without faults makes them |
//! | `faults/damage` | the ways to go wrong |
//! | `faults/run` | one run: AWS, the processes, the queue |
//! | `faults/judge` | whether a run kept the promises |
//! | `faults/campaign` | all runs, the table and the figures |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

pub mod campaign;
pub mod damage;
pub mod judge;
pub mod point;
pub mod run;

use chrono::{Days, NaiveDate, Utc};
use serde_json::Value;

use crate::lambda_events::object_created;
use crate::stub_aws::StubAws;
use point::Point;
use run::Observed;
use shared::formats::events::audit::AUDIT_MESSAGE;
use shared::formats::events::backfill::MISSED_DELIVERIES_MESSAGE;

/// The bucket of the log files.
pub const LOGS: &str = "example-logs";

/// The state bucket.
pub const STATE: &str = "example-state";

/// The topic of the findings.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:findings";

/// The day of the sample's records.
const DAY_OF_SAMPLE: NaiveDate = NaiveDate::from_ymd_opt(2026, 4, 1).expect("there is such a day");

/// A message of the function's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
}

impl Message {
    /// The event of S3 through EventBridge when a log file is delivered.
    pub fn delivery(key: &str) -> Message {
        let id = key.rsplit('/').next().unwrap_or(key).to_owned();
        Message { id, body: object_created(LOGS, key).to_string() }
    }

    /// The nightly message that asks to check for missed deliveries.
    pub fn of_missed_deliveries(id: &str) -> Message {
        Message { id: id.to_owned(), body: MISSED_DELIVERIES_MESSAGE.to_owned() }
    }

    /// The message of the schedule of credential reports.
    pub fn of_schedule(id: &str) -> Message {
        Message { id: id.to_owned(), body: AUDIT_MESSAGE.to_owned() }
    }
}

/// The steps, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// A batch is delivered, and what fails of it is delivered again, until nothing does.
    Deliver(Vec<Message>),
    /// The same with several batches at the same time, each to a process of its own.
    DeliverAtOnce(Vec<Vec<Message>>),
    /// A person makes a long request, and repeats it until everything is done.
    Ask(Value),
    /// A person changes the buckets.
    Do(fn(&StubAws)),
}

/// A mail, by its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// `*` matches anything.
    pub fn like(pattern: impl Into<String>) -> Subject {
        Subject(pattern.into())
    }

    /// Whether a mail's subject is such a one.
    pub fn is(&self, subject: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = subject.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
        let mut pieces: Vec<&str> = pieces.collect();
        let Some(last) = pieces.pop() else { return rest.is_empty() };
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Mails that must be there at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Their subject.
    pub subject: Subject,
    /// How many alerts have such a mail, each published once.
    pub alerts: usize,
    /// When they must be there.
    pub need: Need,
}

/// When a mail must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// With every fault.
    Always,
    /// Only without a fault: a fault may prevent what the mail is about.
    WithoutFaults,
}

/// Which faults a scenario is tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Every fault at every call.
    WithEveryFault,
    /// None: that it goes well is what it proves.
    WithoutFaults,
}

/// Something that happens to a function, and the mails that it must lead to.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Which function: the name of its folder.
    pub function: &'static str,
    /// Settings besides those that every function needs.
    pub environment: Vec<(&'static str, String)>,
    /// The objects at the start: bucket, key, content.
    pub objects: Vec<(&'static str, String, Vec<u8>)>,
    /// Other conditions at the start, such as a topic that refuses.
    pub prepare: fn(&StubAws),
    /// The steps.
    pub steps: Vec<Step>,
    /// What is delivered when every lease is over, in case something is still pending then. It leads to no mail by
    /// itself: it represents the next delivery.
    pub later: Vec<Message>,
    /// What is delivered again at the end, in one batch, and must lead to no mail.
    pub again: Vec<Message>,
    /// What is requested again at the end, and must lead to no mail.
    pub asked_again: Vec<Value>,
    /// The mails that must be there at the end. A mail counts for the first that it is like.
    pub expected: Vec<Expected>,
    /// The mails that a fault may add to them, and how many of each.
    pub may_add: Vec<(Subject, usize)>,
    /// Other expectations at the end: returns each violation as a sentence.
    pub also: fn(&Observed) -> Vec<String>,
    /// Which faults it is tried with.
    pub tried: Tried,
    /// At which calls: not those that another scenario has in common with it.
    pub at: fn(&Point) -> bool,
}

impl Scenario {
    /// A scenario without steps. A fault may add mails that iamwatch could not look.
    pub fn new(name: impl Into<String>, function: &'static str) -> Scenario {
        let could_not_look = |bucket: &str| Subject::like(format!("*] iamwatch could not look*{bucket}*"));
        Scenario {
            name: name.into(),
            function,
            environment: Vec::new(),
            objects: Vec::new(),
            prepare: |_| (),
            steps: Vec::new(),
            later: Vec::new(),
            again: Vec::new(),
            asked_again: Vec::new(),
            expected: Vec::new(),
            may_add: vec![(could_not_look(LOGS), 1), (could_not_look(STATE), 1)],
            also: |_| Vec::new(),
            tried: Tried::WithEveryFault,
            at: |_| true,
        }
    }

    /// With another value of a setting.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Scenario {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// With a log file in its bucket.
    #[must_use]
    pub fn log_file(mut self, key: &str, content: Vec<u8>) -> Scenario {
        self.objects.push((LOGS, key.to_owned(), content));
        self
    }

    /// Adds another condition at the start.
    #[must_use]
    pub fn prepared(self, prepare: fn(&StubAws)) -> Scenario {
        Scenario { prepare, ..self }
    }

    /// Then these log files are delivered in one batch; they are delivered again at the end.
    #[must_use]
    pub fn deliver(mut self, keys: &[&str]) -> Scenario {
        let messages = messages(keys);
        self.again.extend(messages.clone());
        self.steps.push(Step::Deliver(messages));
        self
    }

    /// Then these batches of log files are delivered at the same time; they are delivered again at the end.
    #[must_use]
    pub fn deliver_at_once(mut self, batches: &[&[&str]]) -> Scenario {
        let batches: Vec<Vec<Message>> = batches.iter().map(|keys| messages(keys)).collect();
        self.again.extend(batches.iter().flatten().cloned());
        self.steps.push(Step::DeliverAtOnce(batches));
        self
    }

    /// Then the schedule asks for credential reports; it asks again at the end.
    #[must_use]
    pub fn schedule(mut self) -> Scenario {
        let id = format!("schedule-{}", self.steps.len());
        self.again = vec![Message::of_schedule("schedule")];
        self.steps.push(Step::Deliver(vec![Message::of_schedule(&id)]));
        self
    }

    /// Then it asks twice at the same time.
    #[must_use]
    pub fn schedule_at_once(mut self) -> Scenario {
        let batches = ["one", "other"].map(|id| vec![Message::of_schedule(id)]);
        self.again = vec![Message::of_schedule("schedule")];
        self.steps.push(Step::DeliverAtOnce(batches.into()));
        self
    }

    /// Then the schedule asks to check for missed deliveries; it asks again at the end.
    #[must_use]
    pub fn check_missed_deliveries(mut self) -> Scenario {
        self.again = vec![Message::of_missed_deliveries("missed-again")];
        self.steps.push(Step::Deliver(vec![Message::of_missed_deliveries("missed")]));
        self
    }

    /// Then a person asks for past log files, until all is done; and asks again at the end.
    #[must_use]
    pub fn ask(mut self, request: Value) -> Scenario {
        self.asked_again.push(request.clone());
        self.steps.push(Step::Ask(request));
        self
    }

    /// Then a person changes the buckets.
    #[must_use]
    pub fn then(mut self, act: fn(&StubAws)) -> Scenario {
        self.steps.push(Step::Do(act));
        self
    }

    /// Then the state is lost: what was delivered before is not delivered again at the end.
    #[must_use]
    pub fn then_forget(mut self, act: fn(&StubAws)) -> Scenario {
        self.again.clear();
        self.then(act)
    }

    /// A mail that must be there at the end, once.
    #[must_use]
    pub fn expect_mail(self, subject: impl Into<String>) -> Scenario {
        self.expect_mails(1, subject)
    }

    /// How many alerts must have such a mail at the end, each once.
    #[must_use]
    pub fn expect_mails(mut self, alerts: usize, subject: impl Into<String>) -> Scenario {
        let subject = Subject::like(subject);
        self.expected.push(Expected { subject, alerts, need: Need::Always });
        self
    }

    /// A mail of which the same holds, but that need not be there when a fault has changed what happens.
    #[must_use]
    pub fn expect_mail_if_undisturbed(self, subject: impl Into<String>) -> Scenario {
        self.expect_mails_if_undisturbed(1, subject)
    }

    /// Mails of which the same holds, and how many alerts must have one.
    #[must_use]
    pub fn expect_mails_if_undisturbed(mut self, alerts: usize, subject: impl Into<String>) -> Scenario {
        let subject = Subject::like(subject);
        self.expected.push(Expected { subject, alerts, need: Need::WithoutFaults });
        self
    }

    /// Adds a later delivery that leads to no mail by itself.
    #[must_use]
    pub fn later(mut self, key: &str, content: Vec<u8>) -> Scenario {
        self.later.push(Message::delivery(key));
        self.log_file(key, content)
    }

    /// Adds another expectation at the end.
    #[must_use]
    pub fn also(self, also: fn(&Observed) -> Vec<String>) -> Scenario {
        Scenario { also, ..self }
    }

    /// A mail that a fault may add.
    #[must_use]
    pub fn may_add(mut self, subject: &str, most: usize) -> Scenario {
        self.may_add.push((Subject::like(subject), most));
        self
    }

    /// Faults are tried at these calls only; the others are those of another scenario.
    #[must_use]
    pub fn only_at(self, at: fn(&Point) -> bool) -> Scenario {
        Scenario { at, ..self }
    }

    /// It is tried without faults only.
    #[must_use]
    pub fn without_faults(self) -> Scenario {
        Scenario { tried: Tried::WithoutFaults, ..self }
    }

    /// Whether what its processes do depends on which of them is faster.
    pub fn races(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::DeliverAtOnce(_)))
    }
}

/// A record or a key of the sample's day, moved to yesterday: what is older than two days is remembered more
/// briefly, and the function's clock is real.
pub fn of_yesterday(text: &str) -> String {
    let yesterday = Utc::now().date_naive() - Days::new(1);
    ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"].iter().fold(text.to_owned(), |text, spelling| {
        let of_sample = DAY_OF_SAMPLE.format(spelling).to_string();
        text.replace(&of_sample, &yesterday.format(spelling).to_string())
    })
}

fn messages(keys: &[&str]) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for key in keys {
        let mut message = Message::delivery(key);
        let same = messages.iter().filter(|other| other.body == message.body).count();
        if same > 0 {
            message.id += &format!("-{same}");
        }
        messages.push(message);
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_sample_becomes_yesterday_however_it_is_written() {
        let moved = of_yesterday("2026-04-01T08:00:00Z 2026/04/01/x_20260401T0805Z 2026-04-02");
        let yesterday = (Utc::now().date_naive() - Days::new(1)).to_string();
        let (slashes, none) = (yesterday.replace('-', "/"), yesterday.replace('-', ""));
        assert_eq!(moved, format!("{yesterday}T08:00:00Z {slashes}/x_{none}T0805Z 2026-04-02"));
    }

    #[test]
    fn a_star_in_a_subject_stands_for_anything() {
        for (pattern, subject, is) in [
            ("[HIGH] a - b", "[HIGH] a - b", true),
            ("[HIGH] a - b", "[HIGH] a - bc", false),
            ("[HIGH] a* - b", "[HIGH] a (+2 more) - b", true),
            ("[HIGH] a* - b", "[HIGH] a - b - c", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "ab", true),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(Subject::like(pattern).is(subject), is, "{pattern} and {subject}");
        }
    }
}
