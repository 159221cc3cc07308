//! Requests by hand and their answers.

use std::io::Write;

use chrono::{TimeDelta, Utc};
use flate2::{Compression, GzBuilder};
use iamwatch_tests::reports::of_people;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::STATE;
use iamwatch_tests::stub_aws::{AccountReport, Fault, Operation, Which};
use serde_json::{Value, json};

use super::stage::{MEMBER, ROLE, done, made, report, scheduled, stage, stage_of, subject_of};

const EXPECTED: &str = r#"it must be {"accounts": ["111122223333"], "report": {"date": "2026-04-01"}, "notify": true or false}, each of them left out where it does not matter, or {"test_mail": true}"#;

fn findings(high: u64) -> Value {
    json!({"INFORMATIONAL": 0, "LOW": 0, "MEDIUM": 0, "HIGH": high, "CRITICAL": 0})
}

#[tokio::test]
async fn a_person_can_have_all_accounts_checked_now_and_new_findings_are_mailed() {
    let stage = stage().await;
    let now = Utc::now();
    stage.aws.put_report(ACCOUNT, made(&of_people(ACCOUNT, now, &["alice", "bob+mfa"]), now, 2));
    let function = stage.function().await;
    let at = (now - TimeDelta::hours(2)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let answer = |mails: Value, mailed_findings: Value| {
        json!({
            "accounts": 1, "users": 2, "oldest_report": at, "newest_report": at, "findings": findings(1),
            "worst": [], "told": mailed_findings, "accepted": 0, "mails": mails, "failed": [], "to_do": [], "not_done": null,
        })
    };
    let mail = json!([{"subject": subject_of("alice"), "published": true}]);
    assert_eq!(function.response(&json!({})).await, answer(mail, json!({"new": 1})));
    stage.assert_mailed(&[subject_of("alice")], &function);
    // It checks anew each time, and mails nothing twice.
    assert_eq!(function.response(&json!({"notify": true})).await, answer(json!([]), json!({})));
    stage.assert_mailed(&[subject_of("alice")], &function);
    assert_eq!(stage.aws.count(Operation::GetCredentialReport), 2);
    // The schedule knows of it.
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&[subject_of("alice")], &function);
}

#[tokio::test]
async fn a_person_can_check_without_a_mail_and_nothing_is_written() {
    let stage = stage_of(&["alice", "bob"]).await.with("WATCHED_ACCOUNTS", MEMBER);
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
    stage.aws.let_assume(ROLE, None);
    let function = stage.function().await;
    let asked = [
        (json!({"notify": false}), 2, 3),
        (json!({"accounts": [ACCOUNT], "notify": false}), 1, 2),
        (json!({"accounts": [MEMBER, MEMBER], "notify": false}), 1, 1),
        (json!({"accounts": [], "notify": false}), 2, 3),
    ];
    for (request, accounts, high) in &asked {
        let answer = function.response(request).await;
        assert_eq!(
            (&answer["accounts"], &answer["findings"]),
            (&(*accounts).into(), &findings(*high)),
            "{answer}"
        );
        let worst = answer["worst"].as_array().unwrap();
        assert_eq!(worst.len() as u64, *high, "{answer}");
        for one in worst {
            assert_eq!(
                (&one["rule"], &one["status"]),
                (&"password.mfa-disabled".into(), &"new".into()),
                "{one}"
            );
        }
        assert_eq!((&answer["told"], &answer["mails"]), (&json!({}), &json!([])), "{answer}");
    }
    stage.assert_mailed(&[""; 0], &function);
    assert_eq!((stage.aws.keys(STATE), stage.aws.count(Operation::PutObject)), (vec![], 0));

    // Findings that were mailed before are marked, and so are resolved ones.
    function.response(&json!({})).await;
    stage.aws.put_report(ACCOUNT, report(ACCOUNT, &["alice", "bob+mfa"]));
    let answer = function.response(&json!({"accounts": [ACCOUNT], "notify": false})).await;
    let worst = answer["worst"].as_array().unwrap();
    let mut said: Vec<(&str, bool)> = worst
        .iter()
        .map(|one| (one["status"].as_str().unwrap(), one["summary"].as_str().unwrap().contains("alice")))
        .collect();
    said.sort_unstable();
    assert_eq!(said, [("resolved", false), ("still", true)], "{answer}");
    assert_eq!(answer["findings"], findings(1), "what is resolved does not stand: {answer}");
    assert_eq!(stage.aws.mails().len(), 1);
}

#[tokio::test]
async fn a_report_that_was_kept_can_be_judged_again() {
    let stage = stage().await;
    let now = Utc::now();
    let function = stage.function().await;
    // The function itself keeps one of today, or of a moment before midnight.
    stage.aws.put_report(ACCOUNT, made(&of_people(ACCOUNT, now, &["alice"]), now, 0));
    function.response(&json!({})).await;
    let mailed_findings = stage.subjects();
    assert_eq!(mailed_findings, [subject_of("alice")]);
    let today = now.format("%Y-%m-%d").to_string();
    // A person restores an old one, or compresses one by hand.
    let compressed = |made: u32, content: &[u8]| {
        let mut packer = GzBuilder::new().mtime(made).write(Vec::new(), Compression::default());
        packer.write_all(content).unwrap();
        packer.finish().unwrap()
    };
    let old = of_people(ACCOUNT, "2026-04-01T12:00:00Z".parse().unwrap(), &["bob", "carol"]).csv();
    let key = |day: &str| format!("reports/{ACCOUNT}/{day}.csv.gz");
    stage.aws.put(STATE, &key("2026-04-01"), compressed(1_775_031_300, old.as_bytes()));
    stage.aws.put(STATE, &key("2026-04-02"), compressed(0, old.as_bytes()));
    stage.aws.put(STATE, &key("2026-04-03"), "no gzip");
    stage.aws.put(STATE, &key("2026-04-04"), compressed(1_775_290_500, b"<html></html>"));
    let before = stage.aws.keys(STATE);
    stage.aws.forget();
    for (day, high) in [(&today[..], 1), ("2026-04-01", 2)] {
        for request in [json!({"report": {"date": day}}), json!({"report": {"date": day}, "notify": false})] {
            let answer = function.response(&request).await;
            assert_eq!(
                (&answer["findings"], &answer["failed"]),
                (&findings(high), &json!([])),
                "{day}: {answer}"
            );
            assert!(answer["newest_report"].as_str().unwrap().starts_with(day), "{day}: {answer}");
            assert_eq!(answer["worst"].as_array().map(Vec::len), Some(high as usize), "{day}: {answer}");
        }
    }
    for (day, said) in [
        ("2020-01-01", "no report of that day was kept"),
        ("2026-04-02", "does not say when it was made"),
        ("2026-04-03", "2026-04-03.csv.gz failed: it "),
        ("2026-04-04", "reading the credential report of account 111122223333 failed"),
    ] {
        let answer = function.response(&json!({"report": {"date": day}})).await;
        let error = answer["failed"][0]["error"].as_str().unwrap_or_else(|| panic!("{day}: {answer}"));
        assert!(error.contains(said), "{day}: {error}");
        assert_eq!((&answer["accounts"], &answer["failed"][0]["account"]), (&0.into(), &ACCOUNT.into()));
    }
    // IAM was not called, nothing mailed, nothing written.
    stage.assert_mailed(&[""; 0], &function);
    let reads = stage.aws.count(Operation::GetObject);
    assert_eq!((stage.aws.calls().len(), stage.aws.keys(STATE)), (reads, before), "{:#?}", stage.aws.calls());
}

#[tokio::test]
async fn accounts_that_could_not_be_checked_are_named_with_the_reason() {
    let stage = stage_of(&["alice"]).await.with("WATCHED_ACCOUNTS", MEMBER);
    let function = stage.function().await;
    for notify in [false, true] {
        let answer = function.response(&json!({"notify": notify})).await;
        assert_eq!(answer["accounts"], 1, "{answer}");
        let failed = answer["failed"].as_array().unwrap();
        assert_eq!((failed.len(), &failed[0]["account"]), (1, &MEMBER.into()), "{answer}");
        let error = failed[0]["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("sts:AssumeRole {ROLE} failed: AccessDenied")), "{error}");
        assert_eq!(stage.aws.mails().len(), usize::from(notify));
    }
    // There is no retry, so a report that is not ready is reported at once.
    stage.aws.put_report(ACCOUNT, AccountReport::made("", Utc::now()).after(1_000_000));
    let answer = function.response(&json!({"accounts": [ACCOUNT]})).await;
    let error = answer["failed"][0]["error"].as_str().unwrap();
    assert!(error.contains("the report is still being made"), "{error}");
    assert_eq!(answer["mails"].as_array().map(Vec::len), Some(1), "{answer}");
}

#[tokio::test]
async fn a_mail_that_was_not_published_is_named_in_the_answer() {
    let stage = stage_of(&["alice"]).await;
    stage.aws.fail(Which::every(Operation::Publish), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let answer = function.response(&json!({})).await;
    assert_eq!(answer["mails"], json!([{"subject": subject_of("alice"), "published": false}]), "{answer}");
    assert!(answer["not_done"].as_str().unwrap().contains("sns:Publish"), "{answer}");
}

#[tokio::test]
async fn a_test_mail_says_that_it_is_one() {
    let stage = stage().await;
    stage.test_mail_arrives(&stage.function().await).await;
}

#[tokio::test]
async fn a_test_mail_that_sns_refuses_is_an_error_that_says_why() {
    let stage = stage().await;
    stage.aws.fail(Which::every(Operation::Publish), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let (error_type, message) = function.error(&json!({"test_mail": true})).await;
    assert_eq!(error_type, "AwsError");
    assert!(message.starts_with("sns:Publish ") && message.contains("AccessDenied"), "{message}");
}

#[tokio::test]
async fn a_request_that_is_not_understood_is_refused_with_what_would_be_right() {
    let stage = stage_of(&["alice"]).await;
    let function = stage.function().await;
    let request = |value: &str| format!("the request is {value:?}; {EXPECTED}");
    let day = "it must be the day of a report that was kept, such as 2026-04-01";
    for (event, expected) in [
        (json!({"account": ACCOUNT}), request("unknown field `account`, expected one of `accounts`, `report`, `notify`")),
        (json!({"notify": "no"}), request("invalid type: string \"no\", expected a boolean")),
        (json!({"accounts": ACCOUNT}), request("invalid type: string \"111122223333\", expected a sequence")),
        (json!({"report": {}}), request("missing field `date`")),
        (json!({"report": {"date": "2026-04-01", "x": 1}}), request("unknown field `x`, expected `date`")),
        (json!({"report": {"date": "2026-02-30"}}), format!("report.date is \"2026-02-30\"; {day}")),
        (json!({"report": {"date": ""}}), format!("report.date is \"\"; {day}")),
        (
            json!({"report": {"date": "2026-04-01"}, "notify": true}),
            "notify beside report.date is \"true\"; it must be false, or left out: what a kept report holds is answered, and mailed to nobody".to_owned(),
        ),
        (
            json!({"accounts": ["1111"]}),
            "an account of the request is \"1111\"; it must be a 12-digit account id".to_owned(),
        ),
        (
            json!({"accounts": ["999900000000"]}),
            "an account of the request is \"999900000000\"; it must be the account that iamwatch runs in, or one that WATCHED_ACCOUNTS names".to_owned(),
        ),
        (
            json!({"accounts": ["999900000000"], "report": {"date": "2026-04-01"}}),
            "an account of the request is \"999900000000\"; it must be the account that iamwatch runs in, or one that WATCHED_ACCOUNTS names".to_owned(),
        ),
        (json!({"test_mail": "me@example.com"}), request("unknown field `test_mail`, expected one of `accounts`, `report`, `notify`")),
        (json!({"test_mail": true, "notify": false}), request("unknown field `test_mail`, expected one of `accounts`, `report`, `notify`")),
        (json!("look"), request("a text")),
        (json!(null), request("null")),
        (json!([]), request("a list of 0")),
        (json!({"Records": []}), request("unknown field `Records`, expected one of `accounts`, `report`, `notify`")),
    ] {
        let (error_type, message) = function.error(&event).await;
        assert_eq!((&error_type[..], &message[..]), ("InputError", &expected[..]), "{event}");
    }
    stage.assert_mailed(&[""; 0], &function);
    assert_eq!((stage.aws.count(Operation::GenerateCredentialReport), stage.aws.keys(STATE)), (0, vec![]));
}
