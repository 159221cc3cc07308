//! One function, the AWS around it, and what holds for all its mails, logs and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::lambda_events::receipt_handle;
use crate::runtime_api::{ACCOUNT, Function, Outcome, bootstrap};
use crate::stub_aws::{Mail, Operation, StubAws};

pub use crate::faults::{STATE, TOPIC};

/// In every address of a state object.
pub const STATE_OBJECTS: &str = "s3://example-state/";

/// What a mail says that may have been sent before.
pub const MAY_REPEAT: &str = "\n\n(This mail may repeat one";

/// Enough for a run, and little enough to wait until its leases end: see [`leases_end`].
pub const SHORT: Duration = Duration::from_secs(12);

/// Everything that one test needs.
#[derive(Debug)]
pub struct Stage {
    /// What the function calls.
    pub aws: StubAws,
    function: &'static str,
    environment: BTreeMap<String, String>,
}

impl Stage {
    /// That of the function whose folder has this name.
    pub async fn of(function: &'static str) -> Stage {
        let aws = StubAws::start().await;
        aws.make_bucket(STATE, ACCOUNT);
        let environment =
            [("TOPIC_ARN", TOPIC), ("STATE_BUCKET", STATE), ("AWS_ENDPOINT_URL", &aws.endpoint())];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Stage { aws, function, environment }
    }

    /// The same with another value of a setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Stage {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same without a setting.
    #[must_use]
    pub fn without(mut self, name: &str) -> Stage {
        self.environment.remove(name);
        self
    }

    /// Starts the function.
    pub async fn function(&self) -> Function {
        Function::start(&bootstrap(self.function), self.function, &self.environment).await
    }

    /// Asserts the subjects of all mails so far, in any order, and that each has the form that subscribers expect.
    #[track_caller]
    pub fn assert_mailed(&self, subjects: &[impl AsRef<str>], function: &Function) {
        let mails = self.aws.mails();
        let mut mailed: Vec<&str> = mails.iter().map(subject).collect();
        let mut expected: Vec<&str> = subjects.iter().map(AsRef::as_ref).collect();
        mailed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(mailed, expected, "{}\n{:#?}", function.output(), self.aws.calls());
        mails.iter().for_each(check);
        let unknown: Vec<_> =
            self.aws.calls().into_iter().filter(|call| call.operation == Operation::Unknown).collect();
        assert!(unknown.is_empty(), "calls that nobody granted: {unknown:#?}");
    }

    /// Asserts which messages were delayed, and for how many seconds.
    #[track_caller]
    pub fn assert_delayed(&self, expected: &[(&str, u64)]) {
        let changes = self.aws.visibility_changes();
        let delayed: BTreeSet<(String, u64)> =
            changes.iter().map(|change| (change.receipt_handle.clone(), change.seconds)).collect();
        let expected: BTreeSet<(String, u64)> =
            expected.iter().map(|(id, seconds)| (receipt_handle(id), *seconds)).collect();
        assert_eq!(delayed, expected);
        assert_eq!(changes.len(), expected.len(), "each once");
        for change in changes {
            assert_eq!(change.queue_url, "https://sqs.us-east-1.amazonaws.com/111122223333/deliveries");
        }
    }

    /// The subjects of all mails so far, in the order in which they were published.
    pub fn subjects(&self) -> Vec<String> {
        self.aws.mails().iter().map(|mail| subject(mail).to_owned()).collect()
    }

    /// How many of the mails so far say that they may have been sent before.
    pub fn repeats(&self) -> usize {
        self.aws.mails().iter().filter(|mail| email(mail).contains(MAY_REPEAT)).count()
    }

    /// The ids of the alerts so far, each once.
    pub fn alert_ids(&self) -> BTreeSet<String> {
        self.aws.mails().iter().filter_map(|mail| mail.attribute("alert_id")).map(str::to_owned).collect()
    }

    /// Has the function publish its test mail, and insists that it says what it is and is all that there is.
    pub async fn test_mail_arrives(&self, function: &Function) {
        let answer = function.response(&json!({"test_mail": true})).await;
        let subject = answer["test_mail"]["subject"].as_str().unwrap();
        assert!(subject.contains("TEST"), "{subject}");
        assert!(answer["test_mail"]["message_id"].as_str().is_some_and(|id| !id.is_empty()), "{answer}");
        self.assert_mailed(&[subject], function);
        assert!(email(&self.aws.mails()[0]).contains("TEST"));
        assert_eq!(self.aws.calls().len(), 1, "nothing but the mail");
    }

    /// Insists that nothing was asked of AWS.
    #[track_caller]
    pub fn not_called(&self) {
        assert_eq!(self.aws.calls(), []);
    }
}

/// Waits until the leases have ended of a run that was started then with this much time left.
pub async fn leases_end(begun: Instant, time_left: Duration) {
    // A lease outlives its run by five seconds; another half is for the time until the run saw its deadline.
    let end = begun + time_left + Duration::from_millis(5_500);
    tokio::time::sleep_until(end.into()).await;
}

/// The answer to an event with so much time left: Lambda would have ended it afterwards.
pub async fn answered_within(function: &Function, event: &Value, time_left: Duration) -> Value {
    let asked = Instant::now();
    let outcome = function.invoke_with(event, time_left).await;
    let taken = asked.elapsed();
    assert!(taken < time_left, "{taken:?} of {time_left:?}\n{}", function.output());
    match outcome {
        Outcome::Response(response) => response,
        other => panic!("{other:?}\n{}", function.output()),
    }
}

/// The ids of the messages to retry, in the order of the answer.
#[track_caller]
pub fn failed(response: &Value) -> Vec<&str> {
    let members: Vec<&String> = response.as_object().unwrap().keys().collect();
    assert_eq!(members, ["batchItemFailures"]);
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

/// The beginning of the subject of a mail about a failed check.
pub fn could_not_look(severity: &str) -> String {
    format!("[{severity}] iamwatch could not look - ")
}

/// The text of a mail.
pub fn email(mail: &Mail) -> String {
    mail.form_for("email").unwrap_or_default()
}

fn subject(mail: &Mail) -> &str {
    mail.subject.as_deref().unwrap_or("(none)")
}

/// Asserts the properties of every mail.
#[track_caller]
fn check(mail: &Mail) {
    let subject = subject(mail);
    assert_eq!(mail.topic_arn, TOPIC, "{subject}");
    assert_eq!(mail.message_structure.as_deref(), Some("json"), "{subject}");
    assert!(subject.is_ascii() && subject.len() < 100 && !subject.contains(['\r', '\n']), "{subject}");
    for form in ["default", "email", "sms"] {
        assert!(mail.form_for(form).is_some_and(|text| !text.is_empty()), "{subject} has no form {form}");
    }
    let kinds: BTreeMap<&str, &str> =
        mail.attributes.iter().map(|(name, value)| (&name[..], &value.data_type[..])).collect();
    let mut expected = BTreeMap::from([
        ("alert_id", "String"),
        ("severity", "String"),
        ("severity_id", "Number"),
        ("status", "String"),
    ]);
    // SNS refuses a list of nothing.
    for list in ["account", "rule"] {
        if kinds.contains_key(list) {
            expected.insert(list, "String.Array");
            let values: Vec<String> = serde_json::from_str(mail.attribute(list).unwrap()).unwrap();
            assert!(!values.is_empty(), "{subject}: {list}");
        }
    }
    assert_eq!(kinds, expected, "{subject}");
    let severity = mail.attribute("severity").unwrap();
    assert!(subject.starts_with(&format!("[{severity}] ")) || subject.starts_with("TEST"), "{subject}");
    for finding in mail.findings() {
        assert_eq!(finding["class_uid"], 2004, "{subject}");
    }
    let alert_id = mail.attribute("alert_id").unwrap();
    if !subject.starts_with("TEST") {
        let hexadecimal = alert_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(alert_id.len() == 32 && hexadecimal, "{subject}: {alert_id}");
        let text = email(mail);
        assert!(text.ends_with(&format!("\n\nAlert id {alert_id}\n")), "{subject}: {text}");
    }
}

/// Every line that a function has written, which all must be JSON.
#[track_caller]
pub fn lines(function: &Function) -> Vec<Value> {
    let parsed = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    function.stdout().lines().map(parsed).collect()
}

/// Its log lines of this message.
#[track_caller]
pub fn said(function: &Function, message: &str) -> Vec<Value> {
    lines(function).into_iter().filter(|line| line["fields"]["message"] == message).collect()
}

/// The one log line of this message.
#[track_caller]
pub fn said_once(function: &Function, message: &str) -> Value {
    let mut lines = said(function, message);
    assert_eq!(lines.len(), 1, "{}", function.output());
    lines.remove(0)
}

/// Its lines with metrics, each without what describes them.
#[track_caller]
pub fn measured(function: &Function) -> Vec<Map<String, Value>> {
    let measured = lines(function).into_iter().filter(|line| line.get("_aws").is_some());
    measured.map(|line| metrics_of(&line, function.name())).collect()
}

/// The one line with metrics.
#[track_caller]
pub fn metrics(function: &Function) -> Map<String, Value> {
    let mut lines = measured(function);
    assert_eq!(lines.len(), 1, "{}", function.output());
    lines.remove(0)
}

#[track_caller]
fn metrics_of(line: &Value, function: &str) -> Map<String, Value> {
    let described = &line["_aws"]["CloudWatchMetrics"];
    assert_eq!(described.as_array().map(Vec::len), Some(1));
    assert_eq!(described[0]["Namespace"], "iamwatch");
    assert_eq!(described[0]["Dimensions"], json!([["FunctionName"]]));
    assert_eq!(line["FunctionName"], function);
    assert!(line["_aws"]["Timestamp"].as_u64().is_some());
    let metrics = described[0]["Metrics"].as_array().unwrap();
    for metric in metrics {
        let name = metric["Name"].as_str().unwrap();
        assert!(line[name].as_u64().is_some(), "{name} has no value: {line}");
        let unit = if ["DeliveryLag", "ReportAge"].contains(&name) { "Seconds" } else { "Count" };
        assert_eq!(metric["Unit"], unit, "{name}");
    }
    let names: BTreeSet<&str> = metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
    let Value::Object(values) = line else { panic!("{line}") };
    // There is no other member that could be taken for a dimension.
    let beside: Vec<&String> = values.keys().filter(|name| !names.contains(&name[..])).collect();
    assert_eq!(beside, ["FunctionName", "_aws"]);
    values.clone()
}

/// Insists that these metrics are the same numbers as these fields of a log line.
#[track_caller]
pub fn agree(metrics: &Map<String, Value>, fields: &Value, pairs: &[(&str, &str)]) {
    for (metric, field) in pairs {
        let number = fields[*field].as_u64().unwrap_or_else(|| panic!("{field}: {fields}"));
        assert_eq!(metrics[*metric], number, "{metric}");
    }
    let severities = ["Informational", "Low", "Medium", "High", "Critical"];
    let findings = severities.map(|severity| metrics[&format!("Findings{severity}")].as_u64().unwrap());
    assert_eq!(Some(findings.iter().sum()), fields["findings"].as_u64(), "{fields}");
}
