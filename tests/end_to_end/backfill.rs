//! Past log files, from `make backfill` to the one mail: by one invocation, and by the state machine with a worker
//! that fails and one that hangs; and the nightly check for missed deliveries.

use std::time::Duration;

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::ministack::{Ministack, Permissions};
use iamwatch_tests::recording_proxy::Hindrance;
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::stub_aws::Mail;
use iamwatch_tests::waiting::until;
use serde_json::{Value, json};

use super::{
    Deployed, LOGS, MAX_DELIVERY, Named, STACK, every_statement_is_needed, failure, log_file, message, root,
    rule,
};

const BACKFILL: Named = Named { name: "backfill", output: "BackfillFunctionName" };

/// The day of the sample's records.
const DAY: &str = "2026-04-01";

/// A stack that gets no events about its bucket: the rule is disabled.
async fn deaf(permissions: Permissions, parameters: &[(&str, &str)]) -> Deployed {
    let deployed = Deployed::into(Ministack::start(permissions).await, parameters).await;
    deployed.aws.call("events", "disable_rule", json!({"Name": deployed.output("RuleName")})).await;
    deployed
}

/// The key of a log file.
fn key(account: &str, region: &str, day: NaiveDate, n: usize) -> String {
    let (folder, name) = (day.format("%Y/%m/%d"), day.format("%Y%m%d"));
    format!(
        "AWSLogs/{account}/CloudTrail/{region}/{folder}/{account}_CloudTrail_{region}_{name}T0805Z_{n:016}.json.gz"
    )
}

fn day() -> NaiveDate {
    DAY.parse().unwrap()
}

/// The same as on the sample's day.
async fn put(deployed: &Deployed, n: usize, records: &[String]) {
    deployed.put(&key(ACCOUNT, REGION, day(), n), &log_file(records)).await;
}

/// The output of `make backfill`, and its exit status.
async fn make_backfill(deployed: &Deployed, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["deploy/backfill.py", STACK];
    arguments.extend(more);
    let (ended, said) = deployed.aws.script(&arguments).await;
    (ended.code(), said)
}

fn events(mail: &Mail) -> BTreeSet<String> {
    let findings = mail.findings();
    let of_rule = findings.iter().filter(|finding| !rule(finding).starts_with("watch."));
    of_rule.map(|finding| finding["unmapped"]["event_id"].as_str().unwrap_or_default().to_owned()).collect()
}

fn event_ids(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|n| format!("5a3e0000-0000-4000-8000-{n:012}")).collect()
}

#[tokio::test]
async fn a_person_asks_for_a_day_that_was_missed_and_is_mailed_once() {
    let deployed = deaf(Permissions::Enforced, &[("FleetAboveLogFiles", "9")]).await;
    put(&deployed, 1, &[failure(1, "alice"), root(2, "192.0.2.44")]).await;
    put(&deployed, 2, &[failure(3, "bob")]).await;
    deployed.put(&key(ACCOUNT, REGION, day(), 3), b"no gzip").await;

    let (status, said) = make_backfill(&deployed, &[DAY, DAY, "--dry-run"]).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.starts_with("3 log files with "), "{said}");
    assert!(said.contains("of 1 account, 1 Region and 1 day") && said.contains("nothing was read"), "{said}");
    let (status, said) = make_backfill(&deployed, &["2026-04-02", DAY, "--dry-run"]).await;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("InputError: from is \"2026-04-02\"; it must be no later than to"), "{said}");
    assert_eq!(deployed.aws.proxy().mails().len(), 0, "{}", deployed.summary());

    let (status, said) = make_backfill(&deployed, &[DAY, DAY]).await;
    assert_eq!(status, Some(1), "one of them cannot be read: {said}");
    assert!(said.contains("problem  1 log file could not be read whole"), "{said}");
    let [mail] = &deployed.aws.proxy().mails()[..] else { panic!("{}", deployed.summary()) };
    let subject = mail.subject.clone().unwrap();
    assert!(subject.starts_with("[CRITICAL] Backfill 2026-04-01"), "{subject}");
    assert!(said.contains(&format!("mail: {subject}")), "{said}");
    assert_eq!(events(mail), event_ids([1, 2, 3]));
    // The findings and the page are where it says.
    let uris: Vec<&str> =
        said.lines().filter_map(|line| line.trim().strip_prefix("aws s3 cp s3://")).collect();
    assert_eq!(uris.len(), 2, "{said}");
    for uri in uris {
        let (bucket, key) = uri.trim_end_matches(" .").split_once('/').unwrap();
        deployed.aws.call("s3", "head_object", json!({"Bucket": bucket, "Key": key})).await;
    }

    // The same again; the live path, when it is fixed; and a forced repeat.
    let (_, said) = make_backfill(&deployed, &[DAY, DAY]).await;
    assert!(said.contains("this request was finished at"), "{said}");
    let request =
        json!({"objects": [{"bucket": LOGS, "key": key(ACCOUNT, REGION, day(), 1)}], "notify": true});
    deployed.invoke(&super::SIGN_IN, &request).await;
    let (_, said) = make_backfill(&deployed, &[DAY, DAY, "--again"]).await;
    assert!(said.contains("4 mailed before"), "{said}");
    assert_eq!(deployed.aws.proxy().mails().len(), 1, "{}", deployed.summary());
    let refused = deployed.refused();
    assert!(refused.is_empty(), "{refused:#?}");

    every_statement_of_backfill_is_needed(&deployed).await;
    deployed.aws.stop().await;
}

async fn every_statement_of_backfill_is_needed(deployed: &Deployed) {
    let state = deployed.output("StateBucketName");
    // More than one invocation is to read.
    for n in 4..12 {
        put(deployed, n, &[failure(n, "carol")]).await;
    }
    let earlier = key(ACCOUNT, REGION, "2026-03-20".parse().unwrap(), 1);
    deployed.put(&earlier, &log_file(&[])).await;
    // A new request each time.
    let request = |days: u64, more: Value| {
        let mut request = json!({
            "from": day().checked_sub_days(Days::new(days)).unwrap().to_string(), "to": DAY, "notify": "none",
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let one = |days: u64| request(days, json!({}));
    every_statement_is_needed(
        deployed,
        &BACKFILL,
        &[
            ("ListLogFiles", request(1, json!({"dry_run": true})), format!("GET /{LOGS}")),
            ("HandOverToTheFleet", one(2), "AWSStepFunctions.StartExecution".to_owned()),
            ("ReadState", one(3), format!("GET /{state}/")),
            ("WriteState", one(4), format!("PUT /{state}/")),
            (
                "TakeMessages",
                message(deployed.output("SweepQueueUrl"), "hello"),
                "AmazonSQS.ChangeMessageVisibility".to_owned(),
            ),
            ("PublishFindings", json!({"test_mail": true}), "Publish".to_owned()),
            (
                "ReadLogFiles",
                json!({"from": "2026-03-20", "to": "2026-03-20", "notify": "none"}),
                format!("GET /{LOGS}/"),
            ),
        ],
        &[("TellNewFromDenied", state, "read/")],
    )
    .await;
}

/// More than one part of a backfill holds: a log file for each of 1,050 accounts, Regions and days, and in that of each
/// account whose key is the last a failed sign-in. No day follows another, so each is listed.
async fn large(deployed: &Deployed) -> BTreeSet<String> {
    let accounts = ["111122223333", "222233334444", "333344445555", "444455556666", "555566667777"];
    let regions = [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-north-1",
        "eu-central-1",
        "sa-east-1",
    ];
    let no_finding = log_file(&[]);
    let mut all = BTreeSet::new();
    for (number, account) in accounts.into_iter().enumerate() {
        for region in regions {
            for n in 0..21 {
                let day = day().checked_add_days(Days::new(2 * n)).unwrap();
                let is_last = region == "us-west-2" && n == 20;
                let record =
                    || failure(number, "alice").replace(ACCOUNT, account).replace(DAY, &day.to_string());
                let content = if is_last {
                    gzip(format!(r#"{{"Records":[{}]}}"#, record()).as_bytes()).unwrap()
                } else {
                    no_finding.clone()
                };
                if is_last {
                    all.extend(event_ids([number]));
                }
                deployed.put(&key(account, region, day, 1), &content).await;
            }
        }
    }
    all
}

#[tokio::test]
async fn a_fleet_reads_a_large_range_even_if_one_worker_hangs_and_one_fails() {
    let parameters = [("FleetAboveLogFiles", "1000"), ("BackfillMaximumConcurrency", "1")];
    let deployed = deaf(Permissions::Open, &parameters).await;
    let all = large(&deployed).await;
    let function = deployed.output("BackfillFunctionName");
    // Enough for each part, and soon over for one that hangs.
    let timeout = json!({"FunctionName": function, "Timeout": 40});
    deployed.aws.call("lambda", "update_function_configuration", timeout).await;

    let proxy = deployed.aws.proxy();
    // The second part can never be written; the first reader of the first part hangs.
    proxy.hinder("PUT ", "/parts/1.json.gz", Hindrance::Denied);
    proxy.hinder("PUT ", "/parts/0.json.gz", Hindrance::Held);
    let to = day().checked_add_days(Days::new(40)).unwrap().to_string();
    let asked = async { make_backfill(&deployed, &[DAY, &to]).await };
    let hung = async {
        proxy.until_held().await;
        // The status is asked for every five seconds, and none of the function's sandboxes answers once they hang.
        tokio::time::sleep(Duration::from_secs(12)).await;
        deployed.aws.hang(function);
        proxy.free();
        proxy.hinder("PUT ", "/parts/1.json.gz", Hindrance::Denied);
    };
    let ((status, said), ()) = tokio::join!(asked, hung);
    assert_eq!(status, Some(1), "{said}\n{}", deployed.summary());
    assert!(said.contains("2 parts, by the state machine, many parts at once"), "{said}");
    assert!(said.contains("0 of 2 parts (0%)") && said.contains("problem  1 part failed"), "{said}");
    let [mail] = &proxy.mails()[..] else { panic!("{said}\n{}", deployed.summary()) };
    let mailed = events(mail);
    assert!(!mailed.is_empty() && mailed.len() < all.len(), "{mailed:?} of {all:?}");
    let text = mail.form_for("email").unwrap();
    assert!(text.contains("50 log files"), "what the failed part held: {text}");

    // Step Functions shows the same: one worker was ended at its deadline and retried, one was given up.
    let machine = json!({"stateMachineArn": deployed.output("BackfillStateMachineArn")});
    // It ends a moment after its last step.
    let ended = async || {
        let listed = deployed.aws.call("stepfunctions", "list_executions", machine.clone()).await;
        let [execution] = &listed["executions"].as_array()?[..] else { panic!("{listed}") };
        (execution["status"] != "RUNNING").then(|| execution.clone())
    };
    let execution = until(MAX_DELIVERY, ended, || deployed.summary()).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let runs = json!({"executionArn": execution["executionArn"]});
    let runs = deployed.aws.call("stepfunctions", "list_map_runs", runs).await;
    let run = json!({"mapRunArn": runs["mapRuns"][0]["mapRunArn"]});
    let run = deployed.aws.call("stepfunctions", "describe_map_run", run).await;
    assert_eq!(
        (&run["itemCounts"]["succeeded"], &run["itemCounts"]["failed"]),
        (&json!(1), &json!(1)),
        "{run}"
    );
    assert_eq!(
        (&run["status"], &run["maxConcurrency"]),
        (&json!("FAILED"), &json!(1)),
        "more than tolerated: {run}"
    );

    // Once that is fixed, everything is read, and only the rest is mailed.
    proxy.free();
    let (status, said) = make_backfill(&deployed, &[DAY, &to, "--again"]).await;
    assert_eq!(status, Some(0), "{said}\n{}", deployed.summary());
    let mails = proxy.mails();
    assert_eq!(mails.len(), 2, "{said}\n{}", deployed.summary());
    let rest: BTreeSet<String> = all.difference(&mailed).cloned().collect();
    assert_eq!(events(&mails[1]), rest);
    deployed.aws.stop().await;
}

#[tokio::test]
async fn the_nightly_check_for_missed_deliveries_runs_from_its_queue_and_stores_its_start() {
    let deployed = deaf(Permissions::Enforced, &[]).await;
    put(&deployed, 1, &[failure(1, "alice")]).await;
    let state = deployed.output("StateBucketName");
    let sweep =
        json!({"QueueUrl": deployed.output("SweepQueueUrl"), "MessageBody": "{\"sweep\": \"log-files\"}"});
    deployed.aws.call("sqs", "send_message", sweep.clone()).await;
    let noted = async || {
        let object = json!({"Bucket": state, "Key": "sweep.json"});
        deployed.aws.try_call("s3", "head_object", object).await.ok()
    };
    until(MAX_DELIVERY, noted, || deployed.summary()).await;
    deployed.until_done().await;
    // A log file delivered less than an hour ago may still be in a queue.
    deployed.aws.call("sqs", "send_message", sweep).await;
    deployed.until_done().await;
    let refused = deployed.refused();
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(deployed.aws.proxy().mails().len(), 0, "{}", deployed.summary());
    deployed.aws.stop().await;
}
