//! SNS is busy, broken or silent.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::{Function, Outcome};
use iamwatch_tests::stage::metrics;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::Value;

use super::events::deliveries;
use super::stage::{MAY_REPEAT, SHORT, Stage, email, failed, failure_subject, leases_end, reading};

const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// Three log files, each with a mail of its own, announced together.
fn three(stage: &Stage) -> Value {
    let keys = USERS.map(|user| (user, stage.deliver(user)));
    deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])))
}

/// The answer of a run with so little time that its leases end soon.
async fn short_run(function: &Function, event: &Value) -> Value {
    match function.invoke_with(event, SHORT).await {
        Outcome::Response(response) => response,
        other => panic!("{other:?}\n{}", function.output()),
    }
}

#[tokio::test]
async fn a_publish_that_sns_failed_is_retried_at_once() {
    let busy = [
        Fault::THROTTLING,
        Fault::Error { status: 429, code: "Throttled" },
        Fault::INTERNAL_ERROR,
        Fault::UNAVAILABLE,
        Fault::Error { status: 400, code: "KMSThrottling" },
    ];
    let tried = busy.map(async |fault| {
        let stage = Stage::new().await;
        let event = three(&stage);
        stage.aws.fail(Which::every(Operation::Publish).first(2), fault);
        let function = stage.function().await;
        let response = function.response(&event).await;
        assert_eq!(failed(&response), [""; 0], "{fault:?}: {}", function.output());
        stage.assert_mailed(&USERS.map(failure_subject), &function);
        assert_eq!((stage.aws.count(Operation::Publish), stage.repeats()), (5, 0), "{fault:?}");
        stage.assert_delayed(&[]);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn if_a_mail_cannot_be_published_only_its_log_file_is_retried() {
    // The second of three: the ones on both sides are mailed and acknowledged.
    let faults = [
        Fault::CloseBefore,
        Fault::Error { status: 403, code: "AuthorizationError" },
        Fault::Error { status: 400, code: "KMSDisabled" },
        Fault::Error { status: 404, code: "NotFound" },
    ];
    let tried = faults.map(async |fault| {
        let stage = Stage::new().await;
        let event = three(&stage);
        stage.aws.fail(Which::every(Operation::Publish).nth(2), fault);
        let function = stage.function().await;
        let response = function.response(&event).await;
        let mailed: BTreeSet<String> = stage.subjects().into_iter().collect();
        let lost: Vec<&str> =
            USERS.into_iter().filter(|user| !mailed.contains(&failure_subject(user))).collect();
        assert_eq!((mailed.len(), lost.len()), (2, 1), "{fault:?}: {mailed:?}");
        assert_eq!(failed(&response), lost, "{fault:?}: {}", function.output());
        stage.assert_delayed(&[(lost[0], 30)]);
        let metrics = metrics(&function);
        assert_eq!((&metrics["Mails"], &metrics["FailedPublishes"]), (&2.into(), &1.into()), "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn while_sns_fails_every_log_file_is_retried_and_in_the_end_mailed_once() {
    let faults = [
        Fault::THROTTLING,
        Fault::INTERNAL_ERROR,
        Fault::ACCESS_DENIED,
        Fault::Error { status: 403, code: "AuthorizationError" },
    ];
    let tried = faults.map(async |fault| {
        let stage = Stage::new().await;
        let event = three(&stage);
        stage.aws.fail(Which::every(Operation::Publish), fault);
        let function = stage.function().await;
        for runs in 1..=2 {
            assert_eq!(failed(&function.response(&event).await), USERS, "{fault:?}: {}", function.output());
            assert_eq!(stage.aws.mails(), [], "{fault:?}");
            let said = function.stdout().matches("alert not published").count();
            assert_eq!(said, 3 * runs, "{fault:?}: {}", function.output());
        }

        // SNS said that it did not take them: the next run need not wait, nor say that they may repeat.
        stage.aws.recover();
        for _ in 0..2 {
            assert_eq!(failed(&function.response(&event).await), [""; 0], "{fault:?}");
            stage.assert_mailed(&USERS.map(failure_subject), &function);
        }
        assert_eq!((stage.repeats(), stage.alert_ids().len()), (0, 3), "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn if_sns_does_not_answer_others_wait_for_the_lease_and_then_say_that_it_may_repeat() {
    let faults =
        [(Fault::CloseBefore, 0), (Fault::CloseAfter, 1), (Fault::HangBefore, 0), (Fault::HangAfter, 1)];
    let tried = faults.map(async |(fault, taken)| {
        let stage = Stage::new().await;
        let alice = stage.deliver("alice");
        stage.aws.fail(Which::every(Operation::Publish).nth(1), fault);
        let (function, other) = (stage.function().await, stage.function().await);
        let event = deliveries(&[("m1", &alice)]);
        let begun = Instant::now();
        assert_eq!(failed(&short_run(&function, &event).await), ["m1"], "{fault:?}");
        stage.assert_delayed(&[("m1", 30)]);
        for function in [&function, &other] {
            assert_eq!(failed(&function.response(&event).await), ["m1"], "{fault:?}: {}", function.output());
        }
        assert_eq!((stage.aws.count(Operation::Publish), stage.repeats()), (1, 0), "{fault:?}: leased");

        leases_end(begun, SHORT).await;
        for function in [&other, &function] {
            assert_eq!(failed(&function.response(&event).await), [""; 0], "{fault:?}: {}", function.output());
        }
        stage.assert_mailed(&vec![failure_subject("alice"); taken + 1], &other);
        assert_eq!((stage.repeats(), stage.alert_ids().len()), (1, 1), "{fault:?}");
        let mails = stage.aws.mails();
        let last = &mails[taken];
        let may_repeat = |finding: &Value| finding["unmapped"]["may_repeat"] == true;
        assert!(last.findings().len() == 1 && last.findings().iter().all(may_repeat), "{fault:?}: {last:#?}");
        if taken == 1 {
            // Beside what says that it may repeat, they are the same to the letter.
            let repeated = email(last);
            let (before, note) = repeated.split_once(MAY_REPEAT).unwrap();
            let after = note.split_once(")\n\n").unwrap().1;
            assert_eq!(format!("{before}\n\n{after}"), email(&mails[0]), "{fault:?}");
            assert_eq!(last.form_for("sms"), mails[0].form_for("sms"), "{fault:?}");
            assert_eq!(last.attributes, mails[0].attributes, "{fault:?}");
        }
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_failed_check_that_could_not_be_published_is_mailed_by_the_next_run() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    stage.aws.fail(reading(), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::Publish).nth(1), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let event = deliveries(&[("m1", &alice)]);
    for mails in [0, 1, 1] {
        assert_eq!(failed(&function.response(&event).await), ["m1"]);
        assert_eq!((stage.aws.mails().len(), stage.repeats()), (mails, 0), "{}", function.output());
    }
}

#[tokio::test]
async fn a_test_mail_that_sns_refuses_is_an_aws_error() {
    let stage = Stage::new().await;
    stage
        .aws
        .fail(Which::every(Operation::Publish), Fault::Error { status: 403, code: "AuthorizationError" });
    let function = stage.function().await;
    let (error_type, message) = function.error(&serde_json::json!({"test_mail": true})).await;
    assert_eq!(error_type, "AwsError");
    assert!(message.contains("sns:Publish") && message.contains("AuthorizationError"), "{message}");
}
