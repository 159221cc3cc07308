//! The log lines and metrics add up and hold no secret.

use std::collections::BTreeSet;

use iamwatch_tests::runtime_api::SECRETS;
use iamwatch_tests::sample;
use iamwatch_tests::stage::{agree, lines, metrics, said, said_once};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::events::{batch, deliveries, event_bridge, receipt_handle};
use super::stage::{LOGS, STATE_OBJECTS, Stage, failed};

/// The message of the line with the result of an invocation.
const JUDGED: &str = "log files judged";

/// Delivers the sample, and one log file that may not be read; gives their keys.
fn sample_and_one_denied(stage: &Stage) -> (Vec<String>, String) {
    let mut keys = Vec::new();
    for (key, content) in sample::objects().unwrap() {
        stage.aws.put(LOGS, &key, content);
        keys.push(key);
    }
    let denied = stage.deliver("denied");
    stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
    (keys, denied)
}

#[tokio::test]
async fn the_log_line_and_the_metrics_add_up() {
    let stage = Stage::new().await;
    let (keys, denied) = sample_and_one_denied(&stage);
    let function = stage.function().await;
    let mut messages: Vec<(String, String)> =
        keys.iter().enumerate().map(|(n, key)| (format!("m{n}"), event_bridge(key).to_string())).collect();
    messages.push(("denied".into(), event_bridge(&denied).to_string()));
    messages.push(("odd".into(), "hello".into()));
    let messages: Vec<(&str, &str)> = messages.iter().map(|(id, body)| (&id[..], &body[..])).collect();
    assert_eq!(failed(&function.response(&batch(&messages)).await), ["denied", "odd"]);

    let line = said_once(&function, JUDGED);
    let fields = &line["fields"];
    let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{name}: {fields}"));
    assert_eq!(number("records"), number("judged") + number("unreadable") + number("skipped"), "{fields}");
    assert_eq!(
        (number("messages"), number("failed_messages"), number("skipped_objects"), number("unread_objects")),
        (11, 2, 1, 1),
        "{fields}"
    );
    assert_eq!((number("log_files"), number("unreadable_log_files")), (8, 1), "{fields}");
    assert_eq!(number("mails"), stage.aws.mails().len() as u64, "{fields}");
    assert_eq!(line["level"], "INFO");
    // Each finding is in a mail, or is only counted.
    let mailed: usize = stage.aws.mails().iter().map(|mail| mail.findings().len()).sum();
    assert_eq!(number("quiet_findings"), 3, "the failures under names that no user has: {fields}");
    assert_eq!(
        number("findings"),
        mailed as u64 + number("quiet_findings") + number("accepted_findings"),
        "{fields}"
    );

    let metrics = metrics(&function);
    agree(
        &metrics,
        fields,
        &[
            ("LogFiles", "log_files"),
            ("Records", "records"),
            ("UnreadableRecords", "unreadable"),
            ("UnreadableLogFiles", "unreadable_log_files"),
            ("FailedReads", "unread_objects"),
            ("Mails", "mails"),
            ("MailsHeldBack", "held_back_mails"),
            ("FailedPublishes", "failed_publishes"),
            ("DeliveryLag", "delivery_lag_seconds"),
        ],
    );
    assert_eq!(metrics["StateFailures"], 0);
}

#[tokio::test]
async fn rate_limited_mails_and_state_failures_are_counted() {
    let one = "CRITICAL=1,HIGH=1,MEDIUM=1,LOW=1,UNAUTHENTICATED=1";
    let stage = Stage::new().await.with("MAILS_PER_HOUR", one);
    let keys = ["alice", "bob", "carol"].map(|user| stage.deliver(user));
    stage.aws.fail(Which::every(Operation::PutObject).about(STATE_OBJECTS).first(2), Fault::INTERNAL_ERROR);
    let function = stage.function().await;
    assert_eq!(
        failed(
            &function.response(&deliveries(&[("m1", &keys[0]), ("m2", &keys[1]), ("m3", &keys[2])])).await
        ),
        [""; 0]
    );
    let fields = said_once(&function, JUDGED)["fields"].clone();
    // The mail about rate-limited mails is a mail too.
    assert_eq!((&fields["mails"], &fields["held_back_mails"]), (&3.into(), &1.into()), "{fields}");
    let metrics = metrics(&function);
    assert_eq!((&metrics["MailsHeldBack"], &metrics["StateFailures"]), (&1.into(), &2.into()));
    let said = said(&function, "state bucket call failed");
    let errors: Vec<String> = said.iter().map(|line| line["fields"]["error"].to_string()).collect();
    assert_eq!(errors.len(), 2, "{}", function.output());
    assert!(errors.iter().all(|error| error.contains("s3:PutObject s3://example-state/")), "{errors:?}");
}

#[tokio::test]
async fn every_invocation_has_its_own_line_with_its_request() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    for _ in 0..3 {
        assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), [""; 0]);
    }
    let lines = said(&function, JUDGED);
    let requests: BTreeSet<String> = lines.iter().map(|line| line["span"]["requestId"].to_string()).collect();
    assert_eq!((lines.len(), requests.len()), (3, 3), "{}", function.output());
    let counted = ["findings", "mails", "quiet_findings"]
        .map(|field| lines.iter().map(|line| line["fields"][field].as_u64().unwrap()).collect::<Vec<_>>());
    assert_eq!(counted, [[1, 1, 1], [1, 0, 0], [0, 1, 1]], "{}", function.output());
}

#[tokio::test]
async fn the_lag_is_that_from_the_creation_of_the_oldest_object() {
    let stage = Stage::new().await;
    let (alice, bob) = (stage.deliver("alice"), stage.deliver("bob"));
    let function = stage.function().await;
    let now = chrono::Utc::now();
    let created = |key: &str, seconds| {
        let mut event = event_bridge(key);
        event["time"] = (now - chrono::TimeDelta::seconds(seconds)).to_rfc3339().into();
        event.to_string()
    };
    let event = batch(&[("m1", &created(&alice, 300)), ("m2", &created(&bob, 7000))]);
    assert_eq!(failed(&function.response(&event).await), [""; 0]);
    let lag = metrics(&function)["DeliveryLag"].as_u64().unwrap();
    assert!((7000..7300).contains(&lag), "{lag}");
}

#[tokio::test]
async fn promise_7_nothing_secret_and_nothing_of_a_record_is_written() {
    let stage = Stage::new().await;
    let (keys, denied) = sample_and_one_denied(&stage);
    stage.aws.fail(Which::every(Operation::Publish).nth(2), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::ChangeMessageVisibility).nth(1), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::PutObject).nth(2), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let mut bodies: Vec<(String, String)> =
        keys.iter().map(|key| (key.clone(), event_bridge(key).to_string())).collect();
    bodies.push(("denied".into(), event_bridge(&denied).to_string()));
    bodies.push(("odd".into(), r#"{"password": "correcthorse"}"#.into()));
    let messages: Vec<(&str, &str)> = bodies.iter().map(|(id, body)| (&id[..], &body[..])).collect();
    function.response(&batch(&messages)).await;
    function.error(&json!({"password": "correcthorse"})).await;
    function.response(&json!({"test_mail": true})).await;

    let output = function.output();
    for call in
        ["s3:GetObject s3://example-logs/", "s3:PutObject s3://example-state/", "sns:Publish", "sqs:Change"]
    {
        assert!(
            output.lines().any(|line| line.contains(call) && line.contains("AccessDenied")),
            "{call}: {output}"
        );
    }
    for secret in SECRETS.into_iter().chain([
        "correcthorse",
        "eventVersion",
        "userIdentity",
        "Mozilla",
        "batchItemFailures",
    ]) {
        assert!(!output.contains(secret), "{secret} stands in: {output}");
    }
    let handle = receipt_handle("denied");
    assert!(!output.contains(&handle), "{handle} stands in: {output}");
    let metrics: Vec<Value> =
        lines(&function).into_iter().filter(|line| line.get("_aws").is_some()).collect();
    for line in &metrics {
        for name in ["111122223333", "444455556666", "alice", "mallory", "example-logs"] {
            assert!(!line.to_string().contains(name), "{name} stands in: {line}");
        }
    }
    assert_eq!(metrics.len(), 1, "only where log files are judged");
}
