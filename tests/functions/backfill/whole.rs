//! All of it: 2,000 objects of 3 accounts, 4 Regions and 5 days.

use std::time::Instant;

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::{Function, Outcome};
use iamwatch_tests::stage::{SHORT, STATE, Stage, email, leases_end};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;

use super::stage::{
    Archive, LOGS, Place, archive, day, done, event_id, failure, findings, log_file, request, request_with,
    stage, unique_findings,
};

const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-central-1", "ap-southeast-2"];
const FROM: &str = "2026-04-01";
const TO: &str = "2026-04-05";

/// 2,000 objects: each of 60 accounts, Regions and days has 33 log files, and there are 20 others.
fn whole(stage: &Stage) -> Archive {
    let archive = objects(stage, 33);
    assert_eq!(stage.aws.keys(LOGS).len(), 2_000);
    archive
}

/// The same with this many log files of each account, Region and day.
fn objects(stage: &Stage, log_files: usize) -> Archive {
    let archive = archive(stage, &ACCOUNTS, &REGIONS, FROM, 5, log_files);
    let place = |n: usize| Place { account: ACCOUNTS[n % 3], region: REGIONS[n % 4], day: day(FROM) };
    for n in 0..10 {
        let digest = place(n).key(n).replace("/CloudTrail/", "/CloudTrail-Digest/");
        stage.aws.put(LOGS, &digest, "x");
    }
    for n in 0..5 {
        stage.aws.put(LOGS, &place(n).key(9_000_000 + n), "no gzip");
        stage.aws.put(LOGS, &format!("{}notes-{n}.txt", place(n).folder()), "x");
    }
    archive
}

/// Asserts that everything was read and mailed, and returns the answer.
async fn all_is_mailed(
    stage: &Stage,
    archive: &Archive,
    function: &Function,
    asked: &serde_json::Value,
) -> serde_json::Value {
    let answer = done(function, asked).await;
    let counts = &answer["read"]["counts"];
    assert_eq!(counts["log_files"], archive.log_files + 5, "{answer:#}");
    assert_eq!(
        (&counts["records"], &counts["unreadable_log_files"]),
        (&json!(archive.records), &json!(5)),
        "{answer:#}"
    );
    assert_eq!(
        (&answer["read"]["skipped_objects"], &answer["read"]["unread"]),
        (&json!(5), &json!(0)),
        "{answer:#}"
    );
    let findings = findings(stage, &answer);
    let of_records: Vec<_> =
        findings.into_iter().filter(|one| !one.to_string().contains("watch.log-file-unreadable")).collect();
    assert_eq!(unique_findings(&of_records), archive.findings);
    answer
}

#[tokio::test]
async fn every_finding_of_a_range_is_in_one_mail_and_a_longer_range_repeats_none() {
    let stage = stage().await;
    let mut archive = whole(&stage);
    assert!(archive.findings.len() > 60, "{}", archive.findings.len());
    // Delivered on the next day, and of the range; delivered in the range, and of the previous day.
    let place = |text| Place { account: ACCOUNTS[0], region: REGIONS[0], day: day(text) };
    let late = log_file(&[failure(5_000_001, "late", "23:58:00")], ACCOUNTS[0], day(TO));
    stage.aws.put(LOGS, &place("2026-04-06").key(1), late);
    let early = log_file(&[failure(5_000_002, "early", "23:58:00")], ACCOUNTS[0], day("2026-03-31"));
    stage.aws.put(LOGS, &place(FROM).key(0), early);
    archive.findings.insert(("sign-in.failed".to_owned(), event_id(5_000_001)));
    archive.log_files += 2;
    archive.records += 2;
    let function = stage.function().await;
    let answer = all_is_mailed(&stage, &archive, &function, &request(FROM, TO)).await;
    let [subject] = &stage.subjects()[..] else { panic!("{:?}", stage.subjects()) };
    assert!(subject.starts_with("[CRITICAL] Backfill 2026-04-01 to 2026-04-05: "), "{subject}");
    assert_eq!(answer["result"]["subject"], json!(subject));
    let text = email(&stage.aws.mails()[0]);
    for object in answer["result"]["objects"].as_array().unwrap() {
        assert!(text.contains(object.as_str().unwrap()), "{text}");
    }
    stage.assert_mailed(&[subject], &function);
    let page = answer["result"]["objects"][1].as_str().unwrap().strip_prefix("s3://example-state/").unwrap();
    let page = String::from_utf8(stage.aws.content(STATE, page).unwrap().to_vec()).unwrap();
    assert!(page.contains("<svg") && page.contains("Content-Security-Policy"), "{page}");

    // A day more: what was mailed is known, and new findings are mailed.
    let more = done(&function, &request("2026-03-31", TO)).await;
    let mails = stage.aws.mails();
    assert_eq!(mails.len(), 2, "{:?}", stage.subjects());
    let new = unique_findings(&mails[1].findings());
    assert_eq!(new, [("sign-in.failed".to_owned(), event_id(5_000_002))].into(), "{more:#}");
    // And again, from the beginning: nothing is new.
    let again = request_with(FROM, TO, &[("again", json!(true))]);
    let answer = all_is_mailed(&stage, &archive, &function, &again).await;
    assert_eq!(stage.aws.mails().len(), 2, "{:?}", stage.subjects());
    assert_eq!(answer["result"]["told"], 0, "{answer:#}");
}

#[tokio::test]
async fn a_killed_backfill_is_resumed_by_the_same_request_and_mailed_once() {
    let tried = [
        (Operation::GetObject, "s3://example-logs/", 1_000, 33, Fault::HangAfter),
        (Operation::ListObjects, "s3://example-logs/", 7, 2, Fault::HangBefore),
        (Operation::PutObject, "/parts/", 1, 2, Fault::HangBefore),
        (Operation::PutObject, "/parts/", 1, 2, Fault::HangAfter),
        (Operation::PutObject, "/findings", 1, 2, Fault::HangAfter),
        (Operation::Publish, "", 1, 2, Fault::HangBefore),
        (Operation::Publish, "", 1, 2, Fault::HangAfter),
    ];
    // They wait most of the time: until a lease ends.
    let tried = tried.map(async |(operation, target, nth, log_files, fault)| {
        let stage = stage().await;
        let archive = objects(&stage, log_files);
        let asked = request(FROM, TO);
        stage.aws.fail(Which::every(operation).about(target).nth(nth), fault);
        let killed = stage.function().await;
        let begun = Instant::now();
        let (outcome, ()) = tokio::join!(killed.invoke_with(&asked, SHORT), async {
            stage.aws.until_called(operation, target, nth).await;
            killed.kill().await;
        });
        assert!(matches!(outcome, Outcome::Exited(_)), "{operation:?} {target}: {outcome:?}");
        stage.aws.recover();
        let function = stage.function().await;
        // It is not known yet whether it continues.
        let answer = function.response(&asked).await;
        assert_eq!(answer["progress"], "under-way", "{operation:?} {target}: {answer:#}");
        leases_end(begun, SHORT).await;
        all_is_mailed(&stage, &archive, &function, &asked).await;
        let mails = stage.aws.mails();
        let twice = operation == Operation::Publish && fault == Fault::HangAfter;
        assert_eq!(mails.len(), 1 + usize::from(twice), "{operation:?} {target}: {:?}", stage.subjects());
        // Before or after: it is unknown.
        let may_repeat = usize::from(operation == Operation::Publish);
        assert_eq!((stage.alert_ids().len(), stage.repeats()), (1, may_repeat), "{operation:?} {target}");
    });
    join_all(tried).await;
}
