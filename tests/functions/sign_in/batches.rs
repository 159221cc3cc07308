//! Exactly the failed messages are retried; one bad message affects only itself.

use futures_util::future::join_all;
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::stub_aws::{Fault, Operation, Which};

use super::events::{batch, batch_received, cloudtrail_message, deliveries, event_bridge};
use super::stage::{
    LOGS, ROOT_SUBJECT, Stage, could_not_look, email, failed, failure, failure_subject, key, log_file,
    numbered_failure, reading, root_without_mfa, signed_in_without_mfa,
};

/// In front of the subject of a mail about an unreadable log file.
const UNREADABLE: &str = "[MEDIUM] Log file could not be read whole - ";

#[tokio::test]
async fn a_damaged_log_file_never_fails_the_others() {
    let whole = log_file(&[failure("mallory")]);
    let cut = whole[..whole.len() / 2].to_vec();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0xff;
    let bomb = gzip(&vec![b' '; 3 << 20]).unwrap();
    let poisons = [
        ("empty", Vec::new()),
        ("no gzip", b"hello".to_vec()),
        ("gzip cut short", cut),
        ("gzip with a changed byte", changed),
        ("gzip of no JSON", gzip(b"hello").unwrap()),
        ("gzip of other JSON", gzip(br#"{"a": 1}"#).unwrap()),
        ("an element that is no record", gzip(br#"{"Records":[42]}"#).unwrap()),
        ("larger than it may be", bomb),
    ];
    let tried = poisons.map(async |(name, poison)| {
        let stage = Stage::new().await.with("MAX_DECOMPRESSED_BYTES", "1048576");
        let (alice, bob) = (stage.deliver("alice"), stage.deliver("bob"));
        stage.aws.put(LOGS, &key("poison"), poison);
        let function = stage.function().await;
        let event = deliveries(&[("a", &alice), ("poison", &key("poison")), ("b", &bob)]);
        assert_eq!(failed(&function.response(&event).await), [""; 0], "{name}: {}", function.output());
        let mails = stage.aws.mails();
        // What can be read of the damaged file itself may be mailed too.
        let own = failure_subject("mallory");
        let mailed: Vec<&str> = mails
            .iter()
            .filter_map(|mail| mail.subject.as_deref())
            .filter(|subject| *subject != own)
            .collect();
        assert_eq!(mailed.len(), 3, "{name}: {mailed:?}");
        for user in ["alice", "bob"] {
            assert!(mailed.contains(&&failure_subject(user)[..]), "{name}: {mailed:?}");
        }
        assert_eq!(
            mailed.iter().filter(|subject| subject.starts_with(UNREADABLE)).count(),
            1,
            "{name}: {mailed:?}"
        );
        stage.assert_delayed(&[]);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_bad_record_costs_that_record_and_its_file_is_judged_all_the_same() {
    let stage = Stage::new().await;
    let records = [failure("alice"), "42".to_owned(), root_without_mfa()];
    stage.aws.put(LOGS, &key("mixed"), log_file(&records));
    let function = stage.function().await;
    assert_eq!(failed(&function.response(&deliveries(&[("m", &key("mixed"))])).await), [""; 0]);
    let mails = stage.aws.mails();
    let mailed: Vec<&str> = mails.iter().filter_map(|mail| mail.subject.as_deref()).collect();
    assert_eq!(mailed.len(), 3, "{mailed:?}");
    assert!(mailed.contains(&ROOT_SUBJECT) && mailed.contains(&&failure_subject("alice")[..]), "{mailed:?}");
    assert!(mailed.iter().any(|subject| subject.starts_with(UNREADABLE)), "{mailed:?}");
}

#[tokio::test]
async fn exactly_the_unfinished_messages_are_retried() {
    let stage = Stage::new().await;
    let (alice, bob, carol) = (stage.deliver("alice"), stage.deliver("bob"), stage.deliver("carol"));
    let denied = stage.deliver("denied");
    stage.aws.put(LOGS, &key("poison"), "hello");
    stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let one = |key: &str| event_bridge(key).to_string();
    let several = |keys: &[&str]| cloudtrail_message(keys).to_string();
    let event = batch(&[
        ("good", &one(&alice)),
        ("denied", &one(&denied)),
        ("poison", &one(&key("poison"))),
        ("odd", "hello"),
        ("half", &several(&[&bob, &denied])),
        ("whole", &several(&[&bob, &carol])),
        ("digest", &one("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/x.json.gz")),
    ]);
    assert_eq!(failed(&function.response(&event).await), ["denied", "odd", "half"]);
    stage.assert_delayed(&[("denied", 30), ("odd", 30), ("half", 30)]);
    let mails = stage.aws.mails();
    let mailed = |start: &str| {
        mails
            .iter()
            .filter(|mail| mail.subject.as_deref().is_some_and(|subject| subject.starts_with(start)))
            .count()
    };
    for user in ["alice", "bob", "carol"] {
        assert_eq!(mailed(&failure_subject(user)), 1, "{user}");
    }
    // The bucket and the queue: two sources that could not be looked at.
    assert_eq!((mailed(UNREADABLE), mailed(&could_not_look("HIGH")), mails.len()), (1, 2, 6), "{mails:#?}");
    assert_eq!(stage.cases(), ["log-file", "principal", "principal", "principal", "source", "source"]);

    // A retried message mails nothing that was mailed.
    let again = batch_received(
        2,
        &[("denied", &one(&denied)), ("odd", "hello"), ("half", &several(&[&bob, &denied]))],
    );
    assert_eq!(failed(&function.response(&again).await), ["denied", "odd", "half"]);
    assert_eq!(stage.aws.mails().len(), 6, "{:#?}", stage.aws.mails());
}

#[tokio::test]
async fn the_retry_delay_of_a_message_grows_with_its_failures() {
    let stage = Stage::new().await;
    let denied = stage.deliver("denied");
    stage.aws.fail(reading(), Fault::ACCESS_DENIED);
    let function = stage.function().await;
    let body = event_bridge(&denied).to_string();
    for (received, seconds) in [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 900), (20, 900)] {
        stage.aws.forget();
        let response = function.response(&batch_received(received, &[("m", &body)])).await;
        assert_eq!(failed(&response), ["m"]);
        stage.assert_delayed(&[("m", seconds)]);
        // That the bucket refuses is mailed at once, and not at every receive.
        let mailed = usize::from(received == 1);
        assert_eq!(stage.subjects().len(), mailed, "at receive {received}: {:?}", stage.subjects());
    }
}

#[tokio::test]
async fn a_message_whose_delay_cannot_be_set_is_still_reported_as_failed() {
    let faults = [Fault::ACCESS_DENIED, Fault::INTERNAL_ERROR, Fault::HangBefore, Fault::CloseBefore];
    let tried = faults.map(async |fault| {
        let stage = Stage::new().await;
        let (alice, denied) = (stage.deliver("alice"), stage.deliver("denied"));
        stage.aws.fail(Which::every(Operation::GetObject).about("denied"), Fault::ACCESS_DENIED);
        stage.aws.fail(Which::every(Operation::ChangeMessageVisibility), fault);
        let function = stage.function().await;
        let response = function.response(&deliveries(&[("good", &alice), ("denied", &denied)])).await;
        assert_eq!(failed(&response), ["denied"], "{fault:?}");
        assert_eq!(stage.aws.mails().len(), 2, "{fault:?}");
        let said =
            function.stdout().contains("failed message comes back after the queue's visibility time-out");
        assert!(said, "{fault:?}: {}", function.output());
    });
    join_all(tried).await;
}

#[tokio::test]
async fn findings_of_one_event_in_two_log_files_are_one_mail() {
    let stage = Stage::new().await;
    stage.aws.put(LOGS, &key("first"), log_file(&[failure("alice")]));
    stage.aws.put(LOGS, &key("second"), log_file(&[failure("alice")]));
    let function = stage.function().await;
    let response = function.response(&deliveries(&[("1", &key("first")), ("2", &key("second"))])).await;
    assert_eq!(failed(&response), [""; 0]);
    stage.assert_mailed(&[failure_subject("alice")], &function);
    let findings = stage.aws.mails()[0].findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let evidence = findings[0].to_string();
    assert!(evidence.contains("first") && evidence.contains("second"), "{evidence}");
}

#[tokio::test]
async fn promise_2_a_repeated_delivery_is_mailed_once() {
    let stage = Stage::new().await;
    let alice = stage.deliver("alice");
    // The same event in the log file of a second trail, beside one of its own that is alike.
    stage.aws.put(LOGS, &key("other"), log_file(&[failure("alice"), numbered_failure("alice", 1)]));
    let (function, other) = (stage.function().await, stage.function().await);
    let event = deliveries(&[("m1", &alice)]);
    for function in [&function, &other, &function] {
        assert_eq!(failed(&function.response(&event).await), [""; 0], "{}", function.output());
        assert_eq!(failed(&function.response(&deliveries(&[("m2", &key("other"))])).await), [""; 0]);
    }
    stage.assert_mailed(&[failure_subject("alice")], &function);
    assert_eq!((stage.repeats(), stage.cases()), (0, vec!["principal".to_owned()]));

    // The next mail about the same subject says what was only counted.
    stage.aws.put(LOGS, &key("in"), log_file(&[signed_in_without_mfa("alice")]));
    assert_eq!(failed(&other.response(&deliveries(&[("m3", &key("in"))])).await), [""; 0]);
    let subjects = stage.subjects();
    assert_eq!(subjects[1..], ["[HIGH] Console sign-in without MFA - alice - 111122223333"], "{subjects:?}");
    let text = email(&stage.aws.mails()[1]);
    assert!(text.contains("Also, not told in a mail until now\n"), "{text}");
    assert!(
        text.contains("        1 x Sign-in failed, at 2026-04-01 08:01:12 UTC, from 192.0.2.66\n"),
        "{text}"
    );
}

#[tokio::test]
async fn promise_2_two_sandboxes_with_the_same_batch_mail_once() {
    let stage = Stage::new().await;
    let users = ["alice", "bob", "carol"];
    let keys = users.map(|user| (user, stage.deliver(user)));
    let event = deliveries(&keys.each_ref().map(|(user, key)| (*user, &key[..])));
    let (one, other) = (stage.function().await, stage.function().await);
    let both = tokio::join!(one.response(&event), other.response(&event));
    // A run that finds the lease of another one leaves the message to a retry.
    for user in users {
        let done = [&both.0, &both.1].iter().filter(|response| !failed(response).contains(&user)).count();
        assert!(done >= 1, "{user}: {both:?}");
    }
    assert_eq!(failed(&other.response(&event).await), [""; 0], "{}", other.output());
    stage.assert_mailed(&users.map(failure_subject), &one);
    assert_eq!(stage.repeats(), 0);
}
