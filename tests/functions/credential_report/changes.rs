//! What mails and their machine form report from one credential report to the next.

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use iamwatch_tests::reports::{User, of_people};
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{STATE, email, failed};
use serde_json::{Value, json};

use super::stage::{done, made, mailed_findings, report, scheduled, stage, stage_of, subject_of};

/// The value of an attribute that is a list.
fn list(value: Option<&str>) -> Value {
    serde_json::from_str(value.unwrap()).unwrap()
}

#[tokio::test]
async fn new_resolved_and_returning_findings_are_mailed_and_sent_in_machine_form_once() {
    let stage = stage().await;
    let now = Utc::now();
    let ago = |days| now - TimeDelta::days(days);
    let put = |people: &[&str], hours_ago| {
        let report = of_people(ACCOUNT, now, people)
            .user(User::new("svc-old", ago(400)).key(1, ago(200), Some(ago(1))))
            .user(User::new("svc-idle", ago(400)).key(2, ago(80), Some(ago(60))))
            .user(User::new("svc-good", ago(400)).key(1, ago(10), Some(ago(1))));
        stage.aws.put_report(ACCOUNT, made(&report, now, hours_ago));
    };
    let function = stage.function().await;
    let mut subjects = Vec::new();
    let alice = "Console password without a second factor - alice - 111122223333";
    for (people, hours_ago, subject, severity, status, expected) in [
        (
            &["alice", "bob+mfa"][..],
            20,
            "[HIGH] Credentials: 3 new - 111122223333".to_owned(),
            "HIGH",
            "new",
            &[
                ["access-key.unrotated", "svc-old", "Create"],
                ["access-key.unused", "svc-idle", "Create"],
                ["password.mfa-disabled", "alice", "Create"],
            ][..],
        ),
        (
            &["alice+mfa", "bob+mfa", "carol"],
            16,
            "[HIGH] Credentials: 1 new, 1 resolved - 111122223333".to_owned(),
            "HIGH",
            "new",
            &[["password.mfa-disabled", "alice", "Close"], ["password.mfa-disabled", "carol", "Create"]],
        ),
        (
            &["alice", "bob+mfa", "carol"],
            12,
            format!("[HIGH] Came back: {alice}"),
            "HIGH",
            "came-back",
            &[["password.mfa-disabled", "alice", "Create"]],
        ),
        (
            &["alice+mfa", "bob+mfa", "carol"],
            8,
            format!("[HIGH] Resolved: {alice}"),
            "HIGH",
            "resolved",
            &[["password.mfa-disabled", "alice", "Close"]],
        ),
    ] {
        put(people, hours_ago);
        // The second time it is the same report, and then the message is repeated.
        let event = scheduled(1);
        for event in [&event, &scheduled(1), &event] {
            done(&function.response(event).await, &function);
        }
        subjects.push(subject);
        stage.assert_mailed(&subjects, &function);
        let mail = stage.aws.mails().pop().unwrap();
        assert_eq!(mailed_findings(&mail), expected, "{people:?}");
        assert_eq!(mail.attribute("severity"), Some(severity));
        assert_eq!(mail.attribute("status"), Some(status), "{people:?}");
        assert_eq!(list(mail.attribute("account")), json!([ACCOUNT]));
        let rules: Vec<&str> = expected.iter().map(|[rule, ..]| *rule).collect();
        let listed = list(mail.attribute("rule"));
        assert!(rules.iter().all(|rule| listed.as_array().unwrap().contains(&json!(rule))), "{listed}");
        // Each says when the report was made that it is about.
        let generated = (now - TimeDelta::hours(hours_ago)).format("%Y-%m-%d %H:%M:%S UTC").to_string();
        assert!(email(&mail).contains(&generated), "{generated}: {}", email(&mail));
    }
    assert_eq!((stage.alert_ids().len(), stage.repeats()), (4, 0));
    let mails = stage.aws.mails();
    let first = email(&mails[0]);
    for text in ["svc-old", "svc-idle", "alice", "access-key.unrotated", "[[suppression]]"] {
        assert!(first.contains(text), "{text}: {first}");
    }
    assert!(!first.contains("svc-good") && !first.contains("bob"), "{first}");
    let statuses: Vec<Value> = mails.iter().map(|mail| mail.findings()[0]["status"].clone()).collect();
    assert_eq!(statuses[2..], ["New", "Resolved"], "{statuses:?}");
    for finding in mails.iter().flat_map(|mail| mail.findings()) {
        assert_eq!(finding["cloud"]["account"]["uid"], ACCOUNT, "{finding:#}");
        assert_eq!(finding["finding_info"]["data_sources"], json!(["IAM credential report"]), "{finding:#}");
    }
}

#[tokio::test]
async fn a_clean_account_is_not_mailed_and_its_report_is_kept() {
    let stage = stage_of(&["alice+mfa"]).await;
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&[""; 0], &function);
    let keys = stage.aws.keys(STATE);
    assert!(keys.contains(&format!("audits/credential-report/{ACCOUNT}.json")), "{keys:?}");
    let kept: Vec<&String> = keys.iter().filter(|key| key.starts_with("reports/")).collect();
    let (start, end) = (format!("reports/{ACCOUNT}/"), ".csv.gz");
    assert!(kept.len() == 1 && kept[0].starts_with(&start) && kept[0].ends_with(end), "{keys:?}");
}

#[tokio::test]
async fn a_key_is_recognised_in_the_other_slot() {
    let stage = stage().await;
    let now = Utc::now();
    let ago = |days| now - TimeDelta::days(days);
    let svc = || User::new("svc", ago(500));
    let function = stage.function().await;
    let both = svc().key(1, ago(300), Some(ago(1))).key(2, ago(200), Some(ago(1)));
    // The first one is deleted, and IAM moves the second one up.
    for (user, hours_ago) in [(both, 8), (svc().key(1, ago(200), Some(ago(1))), 4)] {
        stage.aws.put_report(ACCOUNT, made(&of_people(ACCOUNT, now, &[]).user(user), now, hours_ago));
        done(&function.response(&scheduled(1)).await, &function);
    }
    let mails = stage.aws.mails();
    assert_eq!(mails.len(), 2, "{:?}", stage.subjects());
    let second = mailed_findings(&mails[1]);
    assert!(second.iter().all(|[_, _, activity]| activity == "Close"), "{second:?}");
    let unrotated = |rule: &&[String; 3]| rule[0] == "access-key.unrotated";
    assert_eq!(
        (
            mailed_findings(&mails[0]).iter().filter(unrotated).count(),
            second.iter().filter(unrotated).count()
        ),
        (2, 1)
    );
}

#[tokio::test]
async fn promise_2_two_sandboxes_with_the_same_message_mail_once() {
    let stage = stage_of(&["alice"]).await;
    let functions = join_all([stage.function(), stage.function()]).await;
    let event = scheduled(1);
    join_all(functions.iter().map(|function| function.response(&event))).await;
    // The run that finds the lease of the other one leaves the message to a retry.
    let again = functions[1].response(&scheduled(2)).await;
    assert_eq!(failed(&again), [""; 0], "{}", functions[1].output());
    stage.assert_mailed(&[subject_of("alice")], &functions[0]);
}

#[tokio::test]
async fn a_hostile_user_name_stays_text() {
    let stage = stage().await;
    let names = ["=HYPERLINK(\"http://example.com\")", "<script>alert(1)</script>", "a,b\u{202e}c"];
    stage.aws.put_report(ACCOUNT, report(ACCOUNT, &names));
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&["[HIGH] Credentials: 3 new - 111122223333"], &function);
    let text = email(&stage.aws.mails()[0]);
    assert!(!text.contains("http://") && !text.contains('\u{202e}'), "{text}");
}
