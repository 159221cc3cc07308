//! Unreadable and missing log files are mailed, and all others are read.

use iamwatch_tests::runtime_api::Outcome;
use iamwatch_tests::stage::{SHORT, answered_within, email, lines};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::json;

use super::stage::{
    LOGS, Place, archive, day, done, findings, request, request_with, stage, unique_findings,
};

#[tokio::test]
async fn missing_denied_and_broken_log_files_are_mailed_and_all_others_are_read() {
    let stage = stage().await;
    let archive = archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 200);
    let place = Place { account: "111122223333", region: "us-east-1", day: day("2026-04-01") };
    let gone = Fault::Error { status: 404, code: "NoSuchKey" };
    // None of these holds a finding.
    for (n, fault) in
        [(11, Some(gone)), (12, Some(Fault::ACCESS_DENIED)), (13, Some(Fault::INTERNAL_ERROR)), (14, None)]
    {
        match fault {
            Some(fault) => stage.aws.fail(Which::every(Operation::GetObject).about(&place.key(n)), fault),
            None => drop(stage.aws.put(LOGS, &place.key(n), "no gzip")),
        }
    }
    let function = stage.function().await;
    let answer = done(&function, &request("2026-04-01", "2026-04-01")).await;
    let read = &answer["read"];
    assert_eq!(
        (&read["counts"]["log_files"], &read["unread"], &read["counts"]["unreadable_log_files"]),
        (&json!(197), &json!(3), &json!(1)),
        "{answer:#}"
    );
    let [mail] = &stage.aws.mails()[..] else { panic!("{:?}", stage.subjects()) };
    let text = email(mail);
    // Log files missing for one reason are one finding; damaged log files are one each.
    for part in
        [&place.key(11)[53..], &place.key(14)[53..], "2 log files of bucket example-logs", "AccessDenied"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let all = findings(&stage, &answer);
    let of_records: Vec<_> = all.into_iter().filter(|one| !one.to_string().contains("\"watch.")).collect();
    assert_eq!(unique_findings(&of_records), archive.findings);
    // No record and no credential is in the log.
    let log = lines(&function).iter().map(ToString::to_string).collect::<String>();
    assert!(!log.contains("eventSource") && !log.contains("192.0.2."), "{log}");
    for secret in iamwatch_tests::runtime_api::SECRETS {
        assert!(!function.output().contains(secret));
    }
}

#[tokio::test]
async fn a_log_file_that_s3_delivers_late_is_read() {
    let stage = stage().await;
    let archive = archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 100);
    stage.aws.fail(Which::every(Operation::GetObject).about("AWSLogs/").first(40), Fault::SLOW_DOWN);
    stage.aws.fail(
        Which::every(Operation::GetObject).about("AWSLogs/").nth(77),
        Fault::CutBody { after_bytes: 100 },
    );
    let function = stage.function().await;
    let answer = done(&function, &request("2026-04-01", "2026-04-01")).await;
    assert_eq!((&answer["read"]["counts"]["log_files"], &answer["read"]["unread"]), (&json!(100), &json!(0)));
    assert_eq!(unique_findings(&findings(&stage, &answer)), archive.findings);
}

#[tokio::test]
async fn an_invocation_answers_before_its_deadline_and_the_same_request_resumes() {
    let stage = stage().await;
    archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 50);
    let asked = request("2026-04-01", "2026-04-01");
    stage.aws.fail(Which::every(Operation::GetObject).about("AWSLogs/").nth(20), Fault::HangBefore);
    stage.aws.fail(
        Which::every(Operation::GetObject).about("AWSLogs/").nth(21),
        Fault::HangInBody { after_bytes: 9 },
    );
    let function = stage.function().await;
    // Longer than the time that a call may take.
    let stage_time = SHORT;
    let answer = answered_within(&function, &asked, stage_time).await;
    if answer["finished"] != json!(true) {
        assert_eq!(answer["progress"], "unfinished", "{answer:#}");
        stage.assert_mailed(&[""; 0], &function);
    }
    stage.aws.recover();
    let answer = done(&function, &asked).await;
    assert_eq!(answer["read"]["counts"]["log_files"], 50, "{answer:#}");
    assert_eq!(stage.aws.mails().len(), 1);

    // Without any time.
    let other = request_with("2026-04-01", "2026-04-01", &[("notify", json!("none"))]);
    for seconds in [0, 1] {
        match function.invoke_with(&other, std::time::Duration::from_secs(seconds)).await {
            Outcome::Response(answer) => assert_ne!(answer["progress"], "read", "{answer:#}"),
            other => panic!("{seconds}: {other:?}\n{}", function.output()),
        }
    }
}

#[tokio::test]
async fn a_state_bucket_that_refuses_is_answered_and_nothing_is_mailed_until_it_works() {
    let stage = stage().await;
    archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 50);
    let asked = request("2026-04-01", "2026-04-01");
    for (operation, about) in [
        (Operation::GetObject, "s3://example-state/backfills/"),
        (Operation::PutObject, "s3://example-state/backfills/"),
        (Operation::PutObject, "/parts/"),
    ] {
        stage.aws.fail(Which::every(operation).about(about), Fault::ACCESS_DENIED);
        let function = stage.function().await;
        let answer = function.response(&asked).await;
        assert_eq!(answer["progress"], "unfinished", "{operation:?} {about}: {answer:#}");
        assert!(answer["not_done"].as_str().unwrap().contains("AccessDenied"), "{answer:#}");
        stage.assert_mailed(&[""; 0], &function);
        stage.aws.recover();
    }
    done(&stage.function().await, &asked).await;
    assert_eq!(stage.aws.mails().len(), 1);
}

#[tokio::test]
async fn if_the_notification_state_is_damaged_the_mail_says_that_it_may_repeat() {
    for operation in [Operation::GetObject, Operation::PutObject] {
        let stage = stage().await;
        archive(&stage, &["111122223333"], &["us-east-1"], "2026-04-01", 1, 50);
        stage.aws.fail(Which::every(operation).about("s3://example-state/cases/"), Fault::ACCESS_DENIED);
        let function = stage.function().await;
        let answer = done(&function, &request("2026-04-01", "2026-04-01")).await;
        let mails = stage.aws.mails();
        let of_backfill =
            mails.iter().find(|mail| mail.subject == answer["result"]["subject"].as_str().map(str::to_owned));
        let text = email(of_backfill.unwrap_or_else(|| panic!("{operation:?}: {:?}", stage.subjects())));
        assert!(text.contains("\nMay repeat  ") && text.contains("AccessDenied"), "{operation:?}: {text}");
    }
}
