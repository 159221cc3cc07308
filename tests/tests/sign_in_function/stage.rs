//! One function, the AWS around it, and what is in its buckets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use iamwatch_tests::corpus::gzip;
use iamwatch_tests::runtime_api::{ACCOUNT, Function, REGION, bootstrap};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, sign_in, unproven_user, user};
use iamwatch_tests::stub_aws::{Call, Mail, Operation, StubAws, Which};
use serde_json::Value;

/// The bucket of the log files.
pub const LOGS: &str = "example-logs";

/// The state bucket.
pub const STATE: &str = "example-state";

/// In every address of a log file.
pub const LOG_FILES: &str = "s3://example-logs/";

/// In every address of a state object.
pub const MEMORY: &str = "s3://example-state/";

/// The topic of the findings.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:findings";

/// What a mail says that may have been sent before.
pub const MAY_REPEAT: &str = "\n\n(This mail may repeat one";

/// Enough for a run, and little enough to wait until its claims end: see [`claims_end`].
pub const SHORT: Duration = Duration::from_secs(12);

/// Everything that one test needs.
pub struct Stage {
    pub aws: StubAws,
    environment: BTreeMap<String, String>,
}

impl Stage {
    pub async fn new() -> Stage {
        let aws = StubAws::start().await;
        aws.make_bucket(LOGS, ACCOUNT);
        aws.make_bucket(STATE, ACCOUNT);
        let environment =
            [("TOPIC_ARN", TOPIC), ("STATE_BUCKET", STATE), ("AWS_ENDPOINT_URL", &aws.endpoint())];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Stage { aws, environment }
    }

    /// The same with another value of a setting.
    pub fn with(mut self, name: &str, value: &str) -> Stage {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same without a setting.
    pub fn without(mut self, name: &str) -> Stage {
        self.environment.remove(name);
        self
    }

    /// Starts the function.
    pub async fn function(&self) -> Function {
        Function::start(&bootstrap("sign-in"), "sign-in", &self.environment).await
    }

    /// Puts a log file into the bucket in which this user's sign-in fails once, and gives its key.
    pub fn deliver(&self, user: &str) -> String {
        let key = key(user);
        self.aws.put(LOGS, &key, log_file(&[failure(user)]));
        key
    }

    /// Insists on the subjects of all mails so far, in whatever order, and that each is as subscribers expect it.
    #[track_caller]
    pub fn told(&self, subjects: &[impl AsRef<str>], function: &Function) {
        let mails = self.aws.mails();
        let mut told: Vec<&str> = mails.iter().map(subject).collect();
        let mut expected: Vec<&str> = subjects.iter().map(AsRef::as_ref).collect();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{}\n{:#?}", function.output(), self.aws.calls());
        mails.iter().for_each(check);
        let unknown: Vec<_> =
            self.aws.calls().into_iter().filter(|call| call.operation == Operation::Unknown).collect();
        assert!(unknown.is_empty(), "calls that nobody granted: {unknown:#?}");
    }

    /// Insists on the messages that were put off, and for how many seconds.
    #[track_caller]
    pub fn put_off(&self, expected: &[(&str, u64)]) {
        let changes = self.aws.visibility_changes();
        let put_off: BTreeSet<(String, u64)> =
            changes.iter().map(|change| (change.receipt_handle.clone(), change.seconds)).collect();
        let expected: BTreeSet<(String, u64)> =
            expected.iter().map(|(id, seconds)| (super::events::receipt_handle(id), *seconds)).collect();
        assert_eq!(put_off, expected);
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

    /// How often something was read whose address has this in it.
    pub fn reads(&self, target_part: &str) -> usize {
        let is_it =
            |call: &&Call| call.operation == Operation::GetObject && call.target.contains(target_part);
        self.aws.calls().iter().filter(is_it).count()
    }

    /// What the cases are about that the state bucket holds: `principal`, `source` … Insists that there is
    /// nothing beside them that nobody knows.
    #[track_caller]
    pub fn cases(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        for key in self.aws.keys(STATE) {
            match key.split('/').collect::<Vec<_>>()[..] {
                ["cases", _, kind, _] => kinds.push(kind.to_owned()),
                ["budgets", _] | ["overflow", _, _, _] | ["quarantine", ..] => {}
                _ => panic!("{key} is no state object"),
            }
        }
        kinds.sort_unstable();
        kinds
    }

    /// Insists that nothing was asked of AWS.
    #[track_caller]
    pub fn not_called(&self) {
        assert_eq!(self.aws.calls(), []);
    }
}

/// Waits until nobody publishes any more in the name of a run that was begun then, with so much time left.
pub async fn claims_end(begun: Instant, time_left: Duration) {
    // A claim outlives its run by five seconds; another half is for the time until the run saw its deadline.
    let end = begun + time_left + Duration::from_millis(5_500);
    tokio::time::sleep_until(end.into()).await;
}

/// The reads of log files.
pub fn reading() -> Which {
    Which::every(Operation::GetObject).about(LOG_FILES)
}

/// The ids of the messages that are to come again, in the order of the answer.
#[track_caller]
pub fn failed(response: &Value) -> Vec<&str> {
    let members: Vec<&String> = response.as_object().unwrap().keys().collect();
    assert_eq!(members, ["batchItemFailures"]);
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

/// The subject of the mail about [`failure`].
pub fn failure_subject(user: &str) -> String {
    format!("[MEDIUM] Sign-in failed - {user} - {ACCOUNT}")
}

/// The subject of the mail about [`root_without_mfa`].
pub const ROOT_SUBJECT: &str = "[CRITICAL] Root signed in without MFA - root - 111122223333";

/// What is in front of the subject of a mail about a source that could not be looked at.
pub fn could_not_look(severity: &str) -> String {
    format!("[{severity}] iamwatch could not look - ")
}

/// A failed sign-in of a user: one finding, one mail. Another user's is another event.
pub fn failure(user: &str) -> String {
    let n = user.bytes().fold(0, |n, byte| n * 31 + usize::from(byte)) % 1_000_000_000;
    numbered_failure(user, n)
}

/// One of several failed sign-ins of a user; they share a mail.
pub fn numbered_failure(user: &str, n: usize) -> String {
    sign_in(
        1_000 + n,
        REGION,
        "08:01:12",
        &unproven_user(user),
        "192.0.2.66",
        WRONG_PASSWORD,
        r#""MFAUsed":"No""#,
    )
}

/// A sign-in of the root user: one finding, one mail.
pub fn root_without_mfa() -> String {
    sign_in(7, REGION, "08:02:00", ROOT, "192.0.2.44", Outcome::Success, r#""MFAUsed":"No""#)
}

/// A user's sign-in without a second factor: another rule than [`failure`]'s.
pub fn signed_in_without_mfa(name: &str) -> String {
    sign_in(8, REGION, "08:03:00", &user(name), "192.0.2.66", Outcome::Success, r#""MFAUsed":"No""#)
}

/// A log file of these records.
pub fn log_file(records: &[String]) -> Vec<u8> {
    gzip(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes()).unwrap()
}

/// The key of a log file that is told from others by a name.
pub fn key(name: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T0805Z_{name:X<16}.json.gz"
    )
}

/// The text of a mail.
pub fn email(mail: &Mail) -> String {
    mail.form_for("email").unwrap_or_default()
}

fn subject(mail: &Mail) -> &str {
    mail.subject.as_deref().unwrap_or("(none)")
}

/// What holds for every mail.
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
