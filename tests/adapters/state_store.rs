//! The state bucket, as the functions read and write it, against an S3 that fails on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use iamwatch_aws::s3::S3;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stub_aws::{Fault, Operation, StubAws, Which};
use shared::ports::{AwsErrorKind, MAX_STATE_BYTES, Precondition, StateStore, WriteOutcome};

use crate::{OWN_KEY, config, sdk};

const BUCKET: &str = "example-state";
const KEY: &str = "cases/a.json";

/// How often a body that breaks off is fetched.
const FETCHES: usize = 4;

async fn store(aws: &StubAws) -> S3 {
    aws.make_bucket(BUCKET, ACCOUNT);
    S3::new(&sdk(&aws.endpoint(), OWN_KEY, None), BUCKET, &config()).of_account(Some(ACCOUNT))
}

#[track_caller]
fn tag(written: WriteOutcome) -> String {
    match written {
        WriteOutcome::Written(tag) => tag,
        WriteOutcome::Conflict | WriteOutcome::InProgress => panic!("it was not written"),
    }
}

#[tokio::test]
async fn an_object_is_read_with_its_etag_and_the_time_of_its_write() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    assert_eq!(store.uri(KEY), "s3://example-state/cases/a.json");
    assert_eq!(store.read(KEY).await, Ok(None));
    let first = tag(store.write(KEY, b"{}", Precondition::Absent).await.unwrap());
    let stored = store.read(KEY).await.unwrap().unwrap();
    assert_eq!((&stored.content[..], &stored.tag), (&b"{}"[..], &first));
    let age = Utc::now() - stored.modified.unwrap();
    assert!(age > TimeDelta::seconds(-1) && age < TimeDelta::seconds(60), "{age}");
    let second = tag(store.write(KEY, b"{}", Precondition::Tag(&first)).await.unwrap());
    assert_ne!(first, second, "the same content is another write");
    assert_eq!(store.read(KEY).await.unwrap().unwrap().tag, second);
    assert!(aws.calls().iter().all(|call| call.operation != Operation::Unknown), "{:?}", aws.calls());
}

#[tokio::test]
async fn a_conditional_write_never_overwrites_another_writers_change() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    let first = tag(store.write(KEY, b"1", Precondition::Absent).await.unwrap());
    let second = tag(store.write(KEY, b"2", Precondition::Tag(&first)).await.unwrap());
    for (name, over) in
        [("it is there", Precondition::Absent), ("it has another tag", Precondition::Tag(&first))]
    {
        assert_eq!(store.write(KEY, b"3", over).await, Ok(WriteOutcome::Conflict), "{name}");
    }
    assert_eq!(aws.content(BUCKET, KEY).unwrap(), "2");
    aws.delete(BUCKET, KEY);
    assert_eq!(
        store.write(KEY, b"3", Precondition::Tag(&second)).await,
        Ok(WriteOutcome::Conflict),
        "it is gone"
    );
    assert_eq!(aws.content(BUCKET, KEY), None);
}

#[tokio::test]
async fn every_answer_to_a_write_has_its_own_error_and_none_is_retried() {
    let error = |status, code| Fault::Error { status, code };
    let tried = [
        (error(412, "PreconditionFailed"), Precondition::Absent, Ok(WriteOutcome::Conflict)),
        (error(409, "ConditionalRequestConflict"), Precondition::Absent, Ok(WriteOutcome::InProgress)),
        (error(409, "ConditionalRequestConflict"), Precondition::Tag("\"a\""), Ok(WriteOutcome::InProgress)),
        (error(404, "NoSuchKey"), Precondition::Tag("\"a\""), Ok(WriteOutcome::Conflict)),
        (error(404, "NoSuchKey"), Precondition::Absent, Err(AwsErrorKind::NotFound)),
        (error(404, "NoSuchBucket"), Precondition::Tag("\"a\""), Err(AwsErrorKind::Denied)),
        (Fault::ACCESS_DENIED, Precondition::Absent, Err(AwsErrorKind::Denied)),
        (Fault::INTERNAL_ERROR, Precondition::Absent, Err(AwsErrorKind::Transient)),
        (Fault::SLOW_DOWN, Precondition::Absent, Err(AwsErrorKind::Transient)),
        (Fault::CloseBefore, Precondition::Absent, Err(AwsErrorKind::Transient)),
        (Fault::HangBefore, Precondition::Absent, Err(AwsErrorKind::Transient)),
        // These are written too.
        (Fault::CloseAfter, Precondition::Absent, Err(AwsErrorKind::Transient)),
        (Fault::HangAfter, Precondition::Absent, Err(AwsErrorKind::Transient)),
    ];
    let tried = tried.map(async |(fault, over, changed)| {
        let aws = StubAws::start().await;
        let store = store(&aws).await;
        aws.fail(Which::every(Operation::PutObject), fault);
        let written = store.write(KEY, b"{}", over).await;
        match (&written, changed) {
            (Ok(outcome), Ok(expected)) if *outcome == expected => {}
            (Err(trouble), Err(kind)) => {
                assert_eq!(trouble.kind, kind, "{fault:?}: {trouble}");
                assert_eq!(trouble.call, "s3:PutObject s3://example-state/cases/a.json");
            }
            _ => panic!("{fault:?}, {over:?}: {written:?}"),
        }
        assert_eq!(aws.count(Operation::PutObject), 1, "{fault:?}");
        let took_effect = matches!(fault, Fault::CloseAfter | Fault::HangAfter);
        assert_eq!(aws.content(BUCKET, KEY).is_some(), took_effect, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_missing_object_differs_from_an_unreadable_one() {
    let error = |status, code| Fault::Error { status, code };
    let tried = [
        (error(404, "NoSuchKey"), None, 1),
        (error(404, "NoSuchBucket"), Some(AwsErrorKind::Denied), 1),
        (error(404, "NoSuchVersion"), Some(AwsErrorKind::NotFound), 1),
        (Fault::ACCESS_DENIED, Some(AwsErrorKind::Denied), 1),
        (Fault::INTERNAL_ERROR, Some(AwsErrorKind::Transient), 3),
        (Fault::SLOW_DOWN, Some(AwsErrorKind::Transient), 3),
        (Fault::CloseBefore, Some(AwsErrorKind::Transient), 3),
        (Fault::HangBefore, Some(AwsErrorKind::Transient), 3),
        (Fault::CutBody { after_bytes: 1 }, Some(AwsErrorKind::Transient), FETCHES),
        (Fault::HangInBody { after_bytes: 0 }, Some(AwsErrorKind::Transient), FETCHES),
        (Fault::HangInBody { after_bytes: 1 }, Some(AwsErrorKind::Transient), FETCHES),
    ];
    let tried = tried.map(async |(fault, kind, calls)| {
        let aws = StubAws::start().await;
        let store = store(&aws).await;
        aws.put(BUCKET, KEY, "{}");
        aws.fail(Which::every(Operation::GetObject), fault);
        match (store.read(KEY).await, kind) {
            (Ok(None), None) => {}
            (Err(trouble), Some(kind)) => {
                assert_eq!(trouble.kind, kind, "{fault:?}: {trouble}");
                assert_eq!(trouble.call, "s3:GetObject s3://example-state/cases/a.json");
            }
            (read, _) => panic!("{fault:?}: {read:?}"),
        }
        assert_eq!(aws.count(Operation::GetObject), calls, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_read_that_fails_at_first_succeeds_at_last() {
    let content = "0123456789".repeat(10_000);
    let half = content.len() / 2;
    let tried = [
        (Fault::INTERNAL_ERROR, false, 2),
        (Fault::SLOW_DOWN, false, 2),
        (Fault::CloseBefore, false, 2),
        (Fault::CloseAfter, false, 2),
        (Fault::HangAfter, false, 2),
        (Fault::CutBody { after_bytes: half }, false, FETCHES - 1),
        (Fault::CutBody { after_bytes: half }, true, FETCHES - 1),
        (Fault::HangInBody { after_bytes: half }, false, FETCHES - 1),
        // Only a checksum shows that these are not the bytes that S3 has.
        (Fault::CorruptBody { bytes: 16 }, true, FETCHES - 1),
    ];
    let tried = tried.map(async |(fault, checksums, failures)| {
        let aws = StubAws::start().await;
        let store = store(&aws).await;
        aws.put(BUCKET, KEY, content.clone());
        if checksums {
            aws.send_checksums(BUCKET);
        }
        aws.fail(Which::every(Operation::GetObject).first(failures), fault);
        let stored = store.read(KEY).await.unwrap_or_else(|trouble| panic!("{fault:?}: {trouble}"));
        assert!(stored.unwrap().content == content, "{fault:?}");
        assert_eq!(aws.count(Operation::GetObject), failures + 1, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn an_object_that_is_too_large_is_read_to_one_byte_over_the_limit() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    for (length, read) in [
        (0, 0),
        (MAX_STATE_BYTES, MAX_STATE_BYTES),
        (MAX_STATE_BYTES + 1, MAX_STATE_BYTES + 1),
        (MAX_STATE_BYTES + (1 << 20), MAX_STATE_BYTES + 1),
    ] {
        aws.put(BUCKET, KEY, vec![b'x'; length]);
        let stored = store.read(KEY).await.unwrap().unwrap();
        assert_eq!(stored.content.len(), read, "{length}");
    }
}

#[tokio::test]
async fn a_bucket_of_another_account_is_neither_read_nor_written() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    aws.make_bucket(BUCKET, "444455556666");
    aws.put(BUCKET, KEY, "{}");
    assert_eq!(store.read(KEY).await.unwrap_err().kind, AwsErrorKind::Denied);
    for over in [Precondition::Absent, Precondition::Tag("\"a\"")] {
        assert_eq!(store.write(KEY, b"1", over).await.unwrap_err().kind, AwsErrorKind::Denied);
    }
    assert_eq!(aws.content(BUCKET, KEY).unwrap(), "{}");
}
