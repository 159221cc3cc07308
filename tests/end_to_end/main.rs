//! From a log file put into a bucket, and from the users of two accounts, to the mail and the finding:
//! `template.yaml` as it is, deployed with `sam` into an emulated AWS that runs the functions' real binaries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod backfill;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::ministack::{Ministack, Permissions};
use iamwatch_tests::recording_proxy::Passed;
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, sign_in, unproven_user};
use iamwatch_tests::stub_aws::Mail;
use iamwatch_tests::waiting::{until, within};
use serde_json::{Value, json};
use tempfile::TempDir;

const STACK: &str = "iamwatch";
const LOGS: &str = "example-logs";

/// Longer than a delivery takes on a busy machine, the function's back-off included.
const MAX_DELIVERY: Duration = Duration::from_secs(120);

/// How the parts of a function are called in the outputs, and in its role.
struct Named {
    name: &'static str,
    output: &'static str,
}

const SIGN_IN: Named = Named { name: "sign-in", output: "SignInFunctionName" };
const CREDENTIAL_REPORT: Named = Named { name: "credential-report", output: "CredentialReportFunctionName" };

/// A deployed stack, and an SQS subscription to its findings.
struct Deployed {
    aws: Ministack,
    outputs: BTreeMap<String, String>,
    subscriber: String,
    folder: TempDir,
}

impl Deployed {
    /// As docs/deploy.md says: an existing bucket, attached; the stack; a subscription.
    async fn new(permissions: Permissions) -> Deployed {
        Deployed::into(Ministack::start(permissions).await, &[]).await
    }

    /// The same with other parameters, where there is something already.
    async fn into(aws: Ministack, parameters: &[(&str, &str)]) -> Deployed {
        aws.make_log_bucket(LOGS).await;
        let folder = tempfile::tempdir().unwrap();
        let mut deployed = Deployed { aws, outputs: BTreeMap::new(), subscriber: String::new(), folder };
        deployed.deploy(parameters).await;
        deployed.subscribe().await;
        deployed
    }

    /// Deploys it, or updates it, with these parameters changed.
    async fn deploy(&mut self, parameters: &[(&str, &str)]) {
        let mut all = vec![("Email", "security@example.com"), ("OperationsEmail", "operations@example.com")];
        all.extend(parameters);
        self.aws.deploy(STACK, LOGS, &all).await;
        self.outputs = self.aws.outputs(STACK).await;
    }

    fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name}: {:#?}", self.outputs))
    }

    async fn subscribe(&mut self) {
        let queue = self.aws.call("sqs", "create_queue", json!({"QueueName": "subscriber"})).await;
        self.subscriber = queue["QueueUrl"].as_str().unwrap().to_owned();
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:subscriber");
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.output("TopicArn")}},
        }]});
        let attributes = json!({"QueueUrl": self.subscriber, "Attributes": {"Policy": policy.to_string()}});
        self.aws.call("sqs", "set_queue_attributes", attributes).await;
        let subscription = json!({
            "TopicArn": self.output("TopicArn"), "Protocol": "sqs", "Endpoint": arn,
            "Attributes": {"RawMessageDelivery": "true"},
        });
        self.aws.call("sns", "subscribe", subscription).await;
    }

    /// Puts a log file into the bucket, as CloudTrail does.
    async fn put(&self, key: &str, content: &[u8]) {
        let path: PathBuf = self.folder.path().join("object");
        std::fs::write(&path, content).unwrap();
        self.aws.call("s3", "put_object", json!({"Bucket": LOGS, "Key": key, "Body": path})).await;
    }

    /// Waits until exactly these mails have been published, and gives them by subject.
    async fn mails(&self, subjects: &[&str]) -> BTreeMap<String, Mail> {
        let mut published = self.aws.proxy().published();
        let enough =
            async { published.wait_for(|mails| mails.len() >= subjects.len()).await.unwrap().clone() };
        let mails = within(MAX_DELIVERY, enough, || self.summary()).await;
        let mails: BTreeMap<String, Mail> =
            mails.into_iter().map(|mail| (mail.subject.clone().unwrap_or_default(), mail)).collect();
        let mailed: BTreeSet<&str> = mails.keys().map(String::as_str).collect();
        assert_eq!(mailed, subjects.iter().copied().collect(), "{}", self.summary());
        mails
    }

    /// Waits until the subscriber has been sent findings of these rules, and gives them.
    async fn findings(&self, rules: &[&str]) -> Vec<Value> {
        let mut findings: Vec<Value> = Vec::new();
        let all = async || {
            let receive =
                json!({"QueueUrl": self.subscriber, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5});
            let received = self.aws.call("sqs", "receive_message", receive).await;
            for message in received["Messages"].as_array().into_iter().flatten() {
                let delete = json!({"QueueUrl": self.subscriber, "ReceiptHandle": message["ReceiptHandle"]});
                self.aws.call("sqs", "delete_message", delete).await;
                let body = message["Body"].as_str().unwrap();
                let sent: Vec<Value> =
                    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
                findings.extend(sent);
            }
            (findings.len() >= rules.len()).then(|| findings.clone())
        };
        let found = until(MAX_DELIVERY, all, || self.summary()).await;
        let mut raised: Vec<&str> = found.iter().map(rule).collect();
        let mut expected = rules.to_vec();
        raised.sort_unstable();
        expected.sort_unstable();
        assert_eq!(raised, expected, "{found:#?}");
        found
    }

    /// The refusals of AWS, without those about state objects that did not exist yet.
    fn refused(&self) -> Vec<Passed> {
        let state = format!("/{}/", self.output("StateBucketName"));
        let is_new = |passed: &Passed| {
            passed.call.starts_with(&format!("GET {state}"))
                && passed.error.as_deref().is_some_and(|error| error.contains("NoSuchKey"))
        };
        self.aws.proxy().refused().into_iter().filter(|passed| !is_new(passed)).collect()
    }

    /// Waits until the function has read a log file.
    async fn until_read(&self, key: &str) {
        let read = async || {
            let passed = self.aws.proxy().passed();
            passed.iter().any(|passed| passed.call.contains("GET") && passed.call.contains(key)).then_some(())
        };
        until(MAX_DELIVERY, read, || self.summary()).await;
    }

    /// The lines of the function's log that contain this text.
    async fn log_lines(&self, text: &str) -> Vec<String> {
        let group = json!({"logGroupName": self.output("SignInLogGroupName")});
        let found = self.aws.call("logs", "filter_log_events", group).await;
        let events = found["events"].as_array().into_iter().flatten();
        let lines = events.filter_map(|event| event["message"].as_str());
        lines.filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Waits until the functions' queues hold nothing: everything is done and acknowledged.
    async fn until_done(&self) {
        const COUNTS: [&str; 2] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        for queue in ["QueueUrl", "CredentialReportQueueUrl", "SweepQueueUrl"] {
            let empty = async || {
                let asked = json!({"QueueUrl": self.output(queue), "AttributeNames": COUNTS});
                let attributes = self.aws.call("sqs", "get_queue_attributes", asked).await;
                COUNTS.iter().all(|count| attributes["Attributes"][*count] == "0").then_some(())
            };
            until(MAX_DELIVERY, empty, || self.summary()).await;
        }
    }

    /// Invokes a function by hand, as an administrator.
    async fn invoke(&self, function: &Named, payload: &Value) -> Value {
        let invocation =
            json!({"FunctionName": self.output(function.output), "Payload": payload.to_string()});
        let answer = self.aws.call("lambda", "invoke", invocation).await;
        assert_eq!(answer["FunctionError"], Value::Null, "{answer}\n{}", self.summary());
        serde_json::from_str(answer["Payload"].as_str().unwrap()).unwrap()
    }

    /// The document of a function's role, and the role's name.
    async fn role(&self, function: &Named) -> (String, Value) {
        let asked = json!({"FunctionName": self.output(function.output)});
        let configuration = self.aws.call("lambda", "get_function_configuration", asked).await;
        let role = configuration["Role"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let policy = json!({"RoleName": role, "PolicyName": function.name});
        let mut policy = self.aws.call("iam", "get_role_policy", policy).await;
        (role, policy["PolicyDocument"].take())
    }

    async fn set_role(&self, function: &Named, role: &str, document: &Value) {
        let policy =
            json!({"RoleName": role, "PolicyName": function.name, "PolicyDocument": document.to_string()});
        self.aws.call("iam", "put_role_policy", policy).await;
    }

    /// The mails, calls and log, for a failure message.
    fn summary(&self) -> String {
        let mails = self.aws.proxy().mails();
        let subjects: Vec<_> = mails.iter().filter_map(|mail| mail.subject.as_deref()).collect();
        format!("mails: {subjects:#?}\ncalls: {:#?}\n{}", self.aws.proxy().passed(), self.aws.log())
    }
}

/// The rule of an OCSF Detection Finding.
fn rule(finding: &Value) -> &str {
    finding["finding_info"]["analytic"]["uid"].as_str().unwrap_or("(none)")
}

/// The key of a log file that is delivered today, as `make check` expects some to be.
fn key(name: &str) -> String {
    static TODAY: LazyLock<DateTime<Utc>> = LazyLock::new(Utc::now);
    let (folder, day) = (TODAY.format("%Y/%m/%d"), TODAY.format("%Y%m%d"));
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{folder}/{ACCOUNT}_CloudTrail_{REGION}_{day}T0000Z_{name:X<16}.json.gz"
    )
}

fn log_file(records: &[String]) -> Vec<u8> {
    gzip(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes()).unwrap()
}

fn failure(n: usize, user: &str) -> String {
    sign_in(n, REGION, "08:01:12", &unproven_user(user), "192.0.2.66", WRONG_PASSWORD, r#""MFAUsed":"No""#)
}

fn root(n: usize, address: &str) -> String {
    sign_in(n, REGION, "08:02:00", ROOT, address, Outcome::Success, r#""MFAUsed":"No""#)
}

const ROOT_SUBJECT: &str = "[CRITICAL] Root signed in without MFA - root - 111122223333";

fn failure_subject(user: &str) -> String {
    format!("[MEDIUM] Sign-in failed - {user} - {ACCOUNT}")
}

/// The message of EventBridge for an object.
fn announcement(key: &str) -> Value {
    json!({
        "version": "0", "source": "aws.s3", "detail-type": "Object Created", "account": ACCOUNT, "region": REGION,
        "time": "2026-04-01T08:05:00Z",
        "detail": {"bucket": {"name": LOGS}, "object": {"key": key, "size": 700}, "reason": "PutObject"},
    })
}

#[tokio::test]
async fn a_log_file_in_the_bucket_becomes_a_mail_and_a_finding() {
    let mut deployed = Deployed::new(Permissions::Open).await;

    // A digest file is beside log files and no log file: the rule does not match it.
    let digest = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/04/01/digest.json.gz");
    deployed.put(&digest, b"x").await;
    deployed.put(&key("first"), &log_file(&[failure(1, "alice"), root(2, "192.0.2.44")])).await;
    let findings = deployed.findings(&["sign-in.failed", "root.sign-in-without-mfa"]).await;
    let of_alice = findings.iter().find(|finding| rule(finding) == "sign-in.failed").unwrap();
    assert_eq!(
        (&of_alice["class_uid"], &of_alice["severity"]),
        (&2004.into(), &"Medium".into()),
        "{of_alice:#}"
    );
    assert!(of_alice.to_string().contains("5a3e0000-0000-4000-8000-000000000001"), "{of_alice:#}");

    let alice = failure_subject("alice");
    let mails = deployed.mails(&[&alice, ROOT_SUBJECT]).await;
    let text = mails[&alice].form_for("email").unwrap();
    let first = "IAM user alice failed to sign in to the AWS console from 192.0.2.66 in account 111122223333 at 2026-04-01 08:01:12 UTC.";
    assert_eq!(text.lines().next(), Some(first), "{text}");
    assert!(text.contains(&format!("aws s3 cp s3://{LOGS}/{} - | gunzip", key("first"))), "{text}");
    deployed.until_done().await;

    // `make check` finds nothing wrong, and a mail marked TEST of each function arrives.
    let (ended, said) = deployed.aws.script(&["deploy/check.py", STACK]).await;
    assert!(ended.success(), "{said}");
    let subjects: Vec<_> = deployed.aws.proxy().mails().into_iter().filter_map(|mail| mail.subject).collect();
    assert_eq!(subjects.len(), 5, "{subjects:?}\n{said}");
    assert!(subjects[2..].iter().all(|subject| subject.contains("TEST")), "{subjects:?}\n{said}");
    assert!(said.contains(" can read credential reports, and read those of 1 account with "), "{said}");
    assert!(said.contains(" can list log files, and found 1 log file around today"), "{said}");

    // An unreadable log file, and one that is missing when it is read, are mailed and acknowledged.
    deployed.put(&key("broken"), b"no gzip").await;
    deployed.findings(&["watch.log-file-unreadable"]).await;
    let gone = json!({"QueueUrl": deployed.output("QueueUrl"), "MessageBody": announcement(&key("gone")).to_string()});
    deployed.aws.call("sqs", "send_message", gone).await;
    deployed.findings(&["watch.log-file-gone"]).await;
    deployed.until_done().await;
    assert_eq!(deployed.aws.proxy().mails().len(), 7, "{}", deployed.summary());

    // By hand.
    let answer = deployed
        .invoke(&SIGN_IN, &json!({"objects": [{"bucket": LOGS, "key": key("first")}], "notify": false}))
        .await;
    assert_eq!((&answer["judged"], &answer["findings"]["CRITICAL"]), (&2.into(), &1.into()), "{answer}");

    // An update changes a setting, and the function obeys it.
    deployed.deploy(&[("MailMinSeverity", "CRITICAL")]).await;
    deployed.put(&key("second"), &log_file(&[failure(3, "bob")])).await;
    deployed.until_read(&key("second")).await;
    deployed.until_done().await;
    // From another address: what was mailed, and repeats of it, are not mailed again.
    let again = [root(2, "192.0.2.44"), root(4, "192.0.2.44"), failure(1, "alice")];
    deployed.put(&key("again"), &log_file(&again)).await;
    deployed.until_read(&key("again")).await;
    deployed.until_done().await;
    deployed.put(&key("third"), &log_file(&[root(5, "192.0.2.45")])).await;
    deployed.findings(&["root.sign-in-without-mfa"]).await;
    deployed.until_done().await;
    let subjects: Vec<_> = deployed.aws.proxy().mails().into_iter().filter_map(|mail| mail.subject).collect();
    assert_eq!(subjects[7..], [ROOT_SUBJECT], "{}", deployed.summary());
    let refused = deployed.refused();
    assert!(refused.iter().all(|refused| refused.call.contains("gone")), "{refused:#?}");

    // The rule let nothing through that is no log file, such as the digest.
    let judged = deployed.log_lines("log files judged").await;
    assert!(judged.len() >= 5, "{judged:#?}");
    assert!(judged.iter().all(|line| line.contains(" skipped_objects=0 ")), "{judged:#?}");

    // Resources with data outlive the stack.
    let state = deployed.output("StateBucketName").to_owned();
    let function = deployed.output("SignInFunctionName").to_owned();
    deployed.aws.delete(STACK).await;
    let buckets = deployed.aws.call("s3", "list_buckets", json!({})).await;
    let buckets: Vec<&str> = buckets["Buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["Name"].as_str().unwrap())
        .collect();
    assert!(buckets.contains(&LOGS) && buckets.contains(&&state[..]), "{buckets:?}");
    let objects = deployed.aws.call("s3", "list_objects_v2", json!({"Bucket": LOGS})).await;
    assert_eq!(objects["KeyCount"], 6, "{objects}");
    let groups = deployed.aws.call("logs", "describe_log_groups", json!({})).await;
    assert_eq!(groups["logGroups"].as_array().map(Vec::len), Some(3), "{groups}");
    let gone = deployed.aws.try_call("lambda", "get_function", json!({"FunctionName": function})).await;
    assert_eq!(gone.unwrap_err().code, "ResourceNotFoundException");
    deployed.aws.stop().await;
}

#[tokio::test]
async fn the_functions_role_allows_its_calls_and_a_refusal_is_mailed_and_retried() {
    let deployed = Deployed::new(Permissions::Enforced).await;
    deployed.put(&key("first"), &log_file(&[failure(1, "alice")])).await;
    deployed.findings(&["sign-in.failed"]).await;
    deployed.until_done().await;
    let refused = deployed.refused();
    assert!(refused.is_empty(), "{refused:#?}");

    // A policy denies the function a log file, and is then removed.
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{LOGS}/{}", key("denied")),
    }]});
    deployed.aws.call("s3", "put_bucket_policy", json!({"Bucket": LOGS, "Policy": policy.to_string()})).await;
    deployed.put(&key("denied"), &log_file(&[failure(2, "bob")])).await;
    deployed.findings(&["watch.could-not-look"]).await;
    deployed.aws.call("s3", "delete_bucket_policy", json!({"Bucket": LOGS})).await;
    deployed.findings(&["sign-in.failed"]).await;
    deployed.until_done().await;
    let mailed: Vec<_> = deployed.aws.proxy().mails().into_iter().filter_map(|mail| mail.subject).collect();
    assert_eq!(mailed.len(), 3, "{mailed:?}");
    assert_eq!((&mailed[0], &mailed[2]), (&failure_subject("alice"), &failure_subject("bob")));
    assert!(mailed[1].starts_with("[HIGH] iamwatch could not look - "), "{mailed:?}");

    // It may read nothing but log files, and sees a missing object as missing.
    let other = json!({"Bucket": "somebody-elses"});
    deployed.aws.call("s3", "create_bucket", other.clone()).await;
    deployed.put("payroll.csv", b"x").await;
    let named = |(bucket, key): (&str, String)| json!({"bucket": bucket, "key": key});
    let objects = [("somebody-elses", key("first")), (LOGS, "payroll.csv".to_owned()), (LOGS, key("gone"))];
    let request = json!({"objects": objects.map(named), "notify": false});
    let answer = deployed.invoke(&SIGN_IN, &request).await;
    let failed = answer["failed"].as_array().unwrap();
    let errors: Vec<&str> = failed.iter().map(|failed| failed["error"].as_str().unwrap()).collect();
    let said = |part: &str| errors.iter().filter(|error| error.contains(part)).count();
    assert_eq!((said("AccessDenied"), said("NoSuchKey"), errors.len()), (2, 1, 3), "{errors:#?}");

    // Nothing else was refused on the way: not what is remembered, nor the queue, nor the topic.
    let refused = deployed.refused();
    assert!(!refused.is_empty());
    for refused in refused {
        let asked_for = ["/somebody-elses/", "/payroll.csv", &key("denied"), &key("gone")];
        assert!(asked_for.iter().any(|part| refused.call.contains(part)), "{refused:#?}");
    }
    for (prefix, cases) in [(format!("cases/{ACCOUNT}/principal/"), 2), ("cases/any/source/".to_owned(), 1)] {
        let state = json!({"Bucket": deployed.output("StateBucketName"), "Prefix": prefix});
        let state = deployed.aws.call("s3", "list_objects_v2", state).await;
        assert_eq!(state["KeyCount"], cases, "{state}");
    }
    every_statement_of_sign_in_is_needed(&deployed).await;
    deployed.aws.stop().await;
}

#[tokio::test]
async fn only_the_function_writes_its_state_and_it_never_writes_suppressions() {
    let deployed = Deployed::new(Permissions::Enforced).await;
    let (function, _) = deployed.role(&SIGN_IN).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "sts:AssumeRole",
    }]});
    let administrator = json!({"RoleName": "admin", "AssumeRolePolicyDocument": trust.to_string()});
    deployed.aws.call("iam", "create_role", administrator).await;
    // So that only the bucket's policy can refuse.
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    ]});
    for role in [&function, "admin"] {
        let policy = json!({"RoleName": role, "PolicyName": "all", "PolicyDocument": everything.to_string()});
        deployed.aws.call("iam", "put_role_policy", policy).await;
    }

    let content = deployed.folder.path().join("state");
    std::fs::write(&content, "{}").unwrap();
    let bucket = deployed.output("StateBucketName");
    for (role, key, writes) in [
        (&function[..], "cases/a.json", true),
        ("admin", "cases/a.json", false),
        ("admin", "quarantine/a.json", false),
        ("admin", "config/suppressions.toml", true),
        (&function, "config/suppressions.toml", false),
    ] {
        let named = json!({"Bucket": bucket, "Key": key});
        let put = json!({"Bucket": bucket, "Key": key, "Body": content});
        for (operation, parameters) in
            [("put_object", put.clone()), ("delete_object", named), ("put_object", put)]
        {
            let outcome = deployed.aws.try_call_as(role, "s3", operation, parameters).await;
            let refusal = outcome.err().map(|refusal| refusal.code);
            let expected = (!writes).then_some("AccessDenied");
            assert_eq!(refusal.as_deref(), expected, "{operation} of {key} by {role}");
        }
    }
    for key in ["cases/a.json", "config/suppressions.toml"] {
        let read = json!({"Bucket": bucket, "Key": key});
        deployed.aws.try_call_as("admin", "s3", "get_object", read).await.unwrap();
    }

    // To empty it, as `make remove` says.
    let policy = json!({"Bucket": bucket});
    deployed.aws.try_call_as("admin", "s3", "delete_bucket_policy", policy).await.unwrap();
    let case = json!({"Bucket": bucket, "Key": "cases/a.json"});
    deployed.aws.try_call_as("admin", "s3", "delete_object", case).await.unwrap();
    deployed.aws.stop().await;
}

/// A message of a queue, as Lambda hands it over.
fn message(queue: &str, body: &str) -> Value {
    json!({"Records": [{
        "messageId": "m1", "receiptHandle": "AQEBexample", "body": body,
        "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.rsplit('/').next().unwrap()),
    }]})
}

async fn every_statement_of_sign_in_is_needed(deployed: &Deployed) {
    let state = deployed.output("StateBucketName");
    let by_hand = json!({"objects": [{"bucket": LOGS, "key": key("first")}], "notify": false});
    // Buckets that are refused with all statements, so that there is something to notify.
    let of_bucket = |name: &str| {
        let mut announcement = announcement(&key("first"));
        announcement["detail"]["bucket"]["name"] = name.into();
        message(deployed.output("QueueUrl"), &announcement.to_string())
    };
    let failing = of_bucket("somebody-elses");
    every_statement_is_needed(
        deployed,
        &SIGN_IN,
        &[
            ("ReadLogFiles", by_hand, format!("GET /{LOGS}/")),
            ("ReadState", failing.clone(), format!("GET /{state}/")),
            ("WriteState", failing.clone(), format!("PUT /{state}/")),
            ("TakeDeliveries", failing, "AmazonSQS.ChangeMessageVisibility".to_owned()),
            ("DeleteMarkers", of_bucket("another-ones"), format!("DELETE /{state}/outbox/")),
            ("PublishFindings", json!({"test_mail": true}), "Publish".to_owned()),
        ],
        &[
            ("TellGoneFromDenied", LOGS, "AWSLogs/111122223333/CloudTrail/"),
            ("TellNewFromDenied", state, "cases/"),
        ],
    )
    .await;
}

/// Takes one statement after the other out of a function's role, and sees that AWS then refuses what it allows:
/// by statement the event that needs it, and what is refused; then the buckets that it lets be listed, and where.
async fn every_statement_is_needed(
    deployed: &Deployed,
    function: &Named,
    invoked: &[(&str, Value, String)],
    listed: &[(&str, &str, &str)],
) {
    let (role, document) = deployed.role(function).await;
    // The emulator writes the function's log by itself.
    let mut needed = BTreeSet::from(["Log"]);
    for (statement, payload, refused) in invoked {
        let mut without = document.clone();
        let statements = without["Statement"].as_array_mut().unwrap();
        let all = statements.len();
        statements.retain(|one| one["Sid"] != *statement);
        assert_eq!(statements.len() + 1, all, "{statement} is no statement of {document:#}");
        deployed.set_role(function, &role, &without).await;
        let before = deployed.aws.proxy().refused().len();
        let invocation =
            json!({"FunctionName": deployed.output(function.output), "Payload": payload.to_string()});
        deployed.aws.call("lambda", "invoke", invocation).await;
        let seen = &deployed.aws.proxy().refused()[before..];
        let denied = |error: &str| error.contains("AccessDenied") || error.contains("AuthorizationError");
        let is_it = |one: &&Passed| one.call.starts_with(refused) && one.error.as_deref().is_some_and(denied);
        assert!(seen.iter().any(|one| is_it(&one)), "without {statement}: {seen:#?}\n{}", deployed.summary());
        needed.insert(statement);
    }
    // The emulator answers everyone that an object is missing; S3 answers so only to those who may list.
    for (statement, bucket, prefix) in listed {
        let mut without = document.clone();
        without["Statement"].as_array_mut().unwrap().retain(|one| one["Sid"] != *statement);
        for (document, refusal) in [(&without, Some("AccessDenied")), (&document, None)] {
            deployed.set_role(function, &role, document).await;
            let list = json!({"Bucket": bucket, "Prefix": prefix});
            let listed = deployed.aws.try_call_as(&role, "s3", "list_objects_v2", list).await;
            let code = listed.err().map(|refusal| refusal.code);
            assert_eq!(code.as_deref(), refusal, "{statement}");
        }
        let list = json!({"Bucket": bucket, "Prefix": "other/"});
        let refusal = deployed.aws.try_call_as(&role, "s3", "list_objects_v2", list).await.unwrap_err();
        assert_eq!(refusal.code, "AccessDenied", "{statement}");
        needed.insert(statement);
    }
    // A refused deletion fails nothing, so it is seen only where a notification is at hand.
    if function.output != SIGN_IN.output {
        needed.insert("DeleteMarkers");
    }
    let statements = document["Statement"].as_array().unwrap();
    let statements: BTreeSet<&str> = statements.iter().map(|one| one["Sid"].as_str().unwrap()).collect();
    assert_eq!(statements, needed, "a statement that nothing here needs");
}

/// A person with a console password; `with_mfa` also with a second factor.
async fn make_person(aws: &Ministack, account: &str, name: &str, with_mfa: bool) {
    let iam =
        async |operation: &str, parameters: Value| aws.call_in(account, "iam", operation, parameters).await;
    iam("create_user", json!({"UserName": name})).await;
    iam("create_login_profile", json!({"UserName": name, "Password": "an-Example-1234"})).await;
    if with_mfa {
        give_mfa(aws, account, name).await;
    }
}

async fn give_mfa(aws: &Ministack, account: &str, name: &str) {
    let device = json!({"VirtualMFADeviceName": name});
    let device = aws.call_in(account, "iam", "create_virtual_mfa_device", device).await;
    let device = json!({
        "UserName": name, "SerialNumber": device["VirtualMFADevice"]["SerialNumber"],
        "AuthenticationCode1": "123456", "AuthenticationCode2": "654321",
    });
    aws.call_in(account, "iam", "enable_mfa_device", device).await;
}

/// Another account of the organisation that the emulator's own one has.
async fn make_account(aws: &Ministack) -> String {
    let named = json!({"Email": "member@example.com", "AccountName": "member"});
    let made = aws.call("organizations", "create_account", named).await;
    let request = json!({"CreateAccountRequestId": made["CreateAccountStatus"]["Id"]});
    let id = async || {
        let status = aws.call("organizations", "describe_create_account_status", request.clone()).await;
        status["CreateAccountStatus"]["AccountId"].as_str().map(str::to_owned)
    };
    until(MAX_DELIVERY, id, || aws.log()).await
}

#[tokio::test]
async fn a_schedule_checks_the_credential_reports_of_an_organization_and_sends_one_mail() {
    let aws = Ministack::start(Permissions::Enforced).await;
    let member = make_account(&aws).await;
    for (account, name, with_mfa) in
        [(ACCOUNT, "alice", false), (ACCOUNT, "bob", true), (&member, "mallory", false)]
    {
        make_person(&aws, account, name, with_mfa).await;
    }
    aws.deploy_member(&member, STACK, "an-example").await;
    let parameters = [
        ("WatchedAccounts", "organization"),
        ("MemberExternalId", "an-example"),
        ("CredentialReportSchedule", "cron(* * * * ? *)"),
    ];
    let deployed = Deployed::into(aws, &parameters).await;

    // By hand, while the schedule is not due: nothing is mailed.
    let answer = deployed.invoke(&CREDENTIAL_REPORT, &json!({"notify": false})).await;
    assert_eq!((&answer["accounts"], &answer["failed"]), (&2.into(), &json!([])), "{answer:#}");
    let said: BTreeSet<&str> =
        answer["worst"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert!(said.contains("password.mfa-disabled") && said.contains("root.mfa-disabled"), "{answer:#}");

    // The mail of the schedule.
    let mut published = deployed.aws.proxy().published();
    let first = async { published.wait_for(|mails| !mails.is_empty()).await.unwrap()[0].clone() };
    let mail = within(MAX_DELIVERY, first, || deployed.summary()).await;
    let subject = mail.subject.clone().unwrap();
    let (start, end) = ("[CRITICAL] Credentials: ", " +1 account");
    assert!(subject.starts_with(start) && subject.ends_with(end), "{subject}");
    let findings = mail.findings();
    let unproven = findings.iter().filter(|finding| rule(finding) == "password.mfa-disabled");
    let unproven: BTreeSet<&str> =
        unproven.map(|finding| finding["resources"][0]["uid"].as_str().unwrap()).collect();
    let user = |account: &str, name: &str| format!("arn:aws:iam::{account}:user/{name}");
    let expected = [user(ACCOUNT, "alice"), user(&member, "mallory")];
    assert_eq!(unproven, expected.each_ref().map(String::as_str).into());
    let schedule = json!({"Name": deployed.output("CredentialReportRuleName")});
    deployed.aws.call("events", "disable_rule", schedule).await;
    deployed.until_done().await;
    let refused = deployed.refused();
    assert!(refused.is_empty(), "{refused:#?}");
    let state = deployed.output("StateBucketName");
    for prefix in ["reports", "audits/credential-report"] {
        for account in [ACCOUNT, &member] {
            let list = json!({"Bucket": state, "Prefix": format!("{prefix}/{account}")});
            let listed = deployed.aws.call("s3", "list_objects_v2", list).await;
            assert_eq!(listed["KeyCount"], 1, "{listed}");
        }
    }

    // Alice is resolved, and carol is new; then nothing changes.
    give_mfa(&deployed.aws, ACCOUNT, "alice").await;
    make_person(&deployed.aws, ACCOUNT, "carol", false).await;
    for mails in [1, 0] {
        let answer = deployed.invoke(&CREDENTIAL_REPORT, &json!({})).await;
        let mailed = answer["mails"].as_array().unwrap();
        assert_eq!((mailed.len(), &answer["not_done"]), (mails, &Value::Null), "{answer:#}");
    }
    let mails = deployed.aws.proxy().mails();
    let findings = mails[1].findings();
    let changed = findings.iter().filter(|finding| rule(finding) == "password.mfa-disabled");
    let changed: BTreeSet<(&str, &str)> = changed
        .map(|finding| {
            let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap();
            (text("/resources/0/uid"), text("/status"))
        })
        .collect();
    let (alice, carol) = (user(ACCOUNT, "alice"), user(ACCOUNT, "carol"));
    assert_eq!(changed, [(&alice[..], "Resolved"), (&carol[..], "New")].into(), "{}", deployed.summary());

    let without_mail = json!({"notify": false});
    every_statement_is_needed(
        &deployed,
        &CREDENTIAL_REPORT,
        &[
            ("ReadOwnReport", without_mail.clone(), "GenerateCredentialReport".to_owned()),
            ("ReadReportsOfOthers", without_mail.clone(), "AssumeRole".to_owned()),
            ("ListAccounts", without_mail.clone(), "AWSOrganizationsV20161128.ListAccounts".to_owned()),
            ("ReadState", without_mail, format!("GET /{state}/")),
            ("WriteState", json!({}), format!("PUT /{state}/")),
            (
                "TakeMessages",
                message(deployed.output("CredentialReportQueueUrl"), "hello"),
                "AmazonSQS.ChangeMessageVisibility".to_owned(),
            ),
            ("PublishFindings", json!({"test_mail": true}), "Publish".to_owned()),
        ],
        &[("TellNewFromDenied", state, "audits/")],
    )
    .await;
    deployed.aws.stop().await;
}
