//! SNS is busy, broken or silent.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::Function;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::Value;

use super::events::deliveries;
use super::logs::metrics;
use super::stage::{Stage, failed, failure_subject};

/// Three log files, each with a mail of its own, and a publish that fails.
async fn with_fault(which: Which, fault: Fault) -> (Stage, Function, Value) {
    let stage = Stage::new().await;
    let keys = ["alice", "bob", "carol"].map(|user| (user, stage.deliver(user)));
    stage.aws.fail(which, fault);
    let function = stage.function().await;
    let response =
        function.response(&deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])))).await;
    (stage, function, response)
}

#[tokio::test]
async fn what_sns_did_not_take_is_published_again_at_once() {
    let busy = [
        Fault::THROTTLING,
        Fault::Error { status: 429, code: "Throttled" },
        Fault::INTERNAL_ERROR,
        Fault::UNAVAILABLE,
        Fault::Error { status: 400, code: "KMSThrottling" },
    ];
    let tried = busy.map(async |fault| {
        let (stage, function, response) = with_fault(Which::every(Operation::Publish).first(2), fault).await;
        assert_eq!(failed(&response), [""; 0], "{fault:?}: {}", function.output());
        stage.told(&["alice", "bob", "carol"].map(failure_subject), &function);
        assert_eq!(stage.aws.count(Operation::Publish), 5, "{fault:?}");
        stage.put_off(&[]);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn what_cannot_be_published_comes_again_with_its_log_file_alone() {
    // The second of three: its neighbours on both sides are told and done.
    let faults = [
        Fault::CloseBefore,
        Fault::Error { status: 403, code: "AuthorizationError" },
        Fault::Error { status: 400, code: "KMSDisabled" },
        Fault::Error { status: 404, code: "NotFound" },
    ];
    let tried = faults.map(async |fault| {
        let (stage, function, response) = with_fault(Which::every(Operation::Publish).nth(2), fault).await;
        let told: BTreeSet<String> = stage.aws.mails().into_iter().filter_map(|mail| mail.subject).collect();
        let lost: Vec<&str> = ["alice", "bob", "carol"]
            .into_iter()
            .filter(|user| !told.contains(&failure_subject(user)))
            .collect();
        assert_eq!((told.len(), lost.len()), (2, 1), "{fault:?}: {told:?}");
        assert_eq!(failed(&response), lost, "{fault:?}: {}", function.output());
        stage.put_off(&[(lost[0], 30)]);
        let metrics = metrics(&function);
        assert_eq!((&metrics["Mails"], &metrics["FailedPublishes"]), (&2.into(), &1.into()), "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn as_long_as_sns_takes_nothing_every_log_file_comes_again_and_all_are_told_in_the_end() {
    let faults = [Fault::THROTTLING, Fault::INTERNAL_ERROR, Fault::CloseBefore, Fault::ACCESS_DENIED];
    let tried = faults.map(async |fault| {
        let users = ["alice", "bob", "carol"];
        let (stage, function, response) = with_fault(Which::every(Operation::Publish), fault).await;
        assert_eq!(failed(&response), users, "{fault:?}: {}", function.output());
        assert_eq!(stage.aws.mails(), [], "{fault:?}");
        let put_off = users.map(|user| (user, 30));
        stage.put_off(&put_off);
        let said = function.stdout().matches("alert not published").count();
        assert_eq!(said, 3, "{fault:?}: {}", function.output());

        stage.aws.recover();
        stage.aws.forget();
        let keys = users.map(|user| (user, super::stage::key(user)));
        let event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
        assert_eq!(failed(&function.response(&event).await), [""; 0], "{fault:?}");
        stage.told(&users.map(failure_subject), &function);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn where_no_answer_comes_the_mail_may_repeat_as_the_same_alert() {
    let tried = [Fault::CloseAfter, Fault::HangAfter].map(async |fault| {
        let stage = Stage::new().await;
        let alice = stage.deliver("alice");
        stage.aws.fail(Which::every(Operation::Publish).nth(1), fault);
        let function = stage.function().await;
        let event = deliveries(&[("m1", &alice)]);
        assert_eq!(failed(&function.response(&event).await), ["m1"], "{fault:?}");
        assert_eq!(failed(&function.response(&event).await), [""; 0], "{fault:?}");
        stage.told(&[failure_subject("alice"), failure_subject("alice")], &function);
        let mails = stage.aws.mails();
        assert_eq!(mails[0].attribute("alert_id"), mails[1].attribute("alert_id"), "{fault:?}");
        assert_eq!(mails[0].message, mails[1].message, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn could_not_look_that_could_not_be_published_is_told_by_the_next_run() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    stage.aws.fail(Which::every(Operation::GetObject), Fault::ACCESS_DENIED);
    stage.aws.fail(Which::every(Operation::Publish).nth(1), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let event = deliveries(&[("m1", &alice)]);
    for mails in [0, 1] {
        assert_eq!(failed(&function.response(&event).await), ["m1"]);
        assert_eq!(stage.aws.mails().len(), mails, "{}", function.output());
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
