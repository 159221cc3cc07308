//! It answers before Lambda ends it, and unfinished messages are retried.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};

use super::events::{batch_received, deliveries, event_bridge};
use super::stage::{Stage, answered_within, failed, failure_subject, key, leases_end, reading};

#[tokio::test]
async fn log_files_not_read_in_time_are_retried_and_findings_of_the_others_are_mailed() {
    let hanging = [Fault::HangBefore, Fault::HangInBody { after_bytes: 100 }];
    let tried = hanging.map(async |fault| {
        let stage = Stage::new().await;
        let users: Vec<String> = (0..5).map(|n| format!("user{n}")).collect();
        let keys: Vec<String> = users.iter().map(|user| stage.deliver(user)).collect();
        stage.aws.fail(Which::every(Operation::GetObject).about("user2"), fault);
        let function = stage.function().await;
        let messages: Vec<(&str, &str)> =
            users.iter().zip(&keys).map(|(user, key)| (&user[..], &key[..])).collect();
        let response = answered_within(&function, &deliveries(&messages), Duration::from_secs(26)).await;
        assert_eq!(failed(&response), ["user2"], "{fault:?}: {}", function.output());
        // Too little time is no failure of the bucket: no mail says that it could not be read.
        let mailed = users.iter().filter(|user| *user != "user2").map(|user| failure_subject(user));
        stage.assert_mailed(&mailed.collect::<Vec<_>>(), &function);
        stage.assert_delayed(&[("user2", 30)]);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_log_file_that_no_run_has_time_for_is_mailed_from_the_third_receive_on() {
    let stage = Stage::new().await;
    let slow = stage.deliver("slow");
    stage.aws.fail(reading(), Fault::HangBefore);
    let function = stage.function().await;
    let body = event_bridge(&slow).to_string();
    for (received, mails, seconds) in [(2, 0, 60), (3, 1, 120)] {
        stage.aws.forget();
        let event = batch_received(received, &[("m", &body)]);
        let response = answered_within(&function, &event, Duration::from_secs(20)).await;
        assert_eq!(failed(&response), ["m"]);
        stage.assert_delayed(&[("m", seconds)]);
        let subjects = stage.subjects();
        assert_eq!(subjects.len(), mails, "at receive {received}: {subjects:?}");
        assert!(subjects.iter().all(|subject| subject.contains("iamwatch could not look")), "{subjects:?}");
    }
}

#[tokio::test]
async fn no_publish_starts_without_time_to_finish() {
    let stage = Stage::new().await;
    let keys = ["alice", "bob", "carol"].map(|user| (user, stage.deliver(user)));
    stage.aws.fail(Which::every(Operation::Publish), Fault::HangBefore);
    // Nor are the messages delayed in the queue.
    stage.aws.fail(Which::every(Operation::ChangeMessageVisibility), Fault::HangBefore);
    let function = stage.function().await;
    let event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    let (asked, time_left) = (Instant::now(), Duration::from_millis(10_300));
    let response = answered_within(&function, &event, time_left).await;
    assert_eq!(failed(&response), ["alice", "bob", "carol"], "{}", function.output());
    // The attempt takes all the time: no mail is started that there is no time to record.
    let begun = stage.aws.count(Operation::Publish);
    assert_eq!(begun, 1, "{}", function.output());
    assert_eq!(stage.aws.mails(), []);

    // It is unknown which of them SNS has published: they are mailed again, and say so.
    stage.aws.recover();
    leases_end(asked, time_left).await;
    assert_eq!(failed(&function.response(&event).await), [""; 0], "{}", function.output());
    stage.assert_mailed(&["alice", "bob", "carol"].map(failure_subject), &function);
    assert!(stage.repeats() >= begun, "{} of {begun}", stage.repeats());
}

#[tokio::test]
async fn with_little_time_left_nothing_is_read_and_every_message_is_retried() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    let function = stage.function().await;
    let response = answered_within(&function, &deliveries(&[("m1", &alice)]), Duration::from_secs(2)).await;
    assert_eq!(failed(&response), ["m1"]);
    stage.assert_mailed(&[""; 0], &function);
    // The next one has all the time there is.
    assert_eq!(failed(&function.response(&deliveries(&[("m1", &key("alice"))])).await), [""; 0]);
    stage.assert_mailed(&[failure_subject("alice")], &function);
}
