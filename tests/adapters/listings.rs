//! Listings of a bucket through the real SDK, against an S3 that fails on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use iamwatch_aws::s3::S3;
use iamwatch_tests::loopback::{Reply, Server};
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stub_aws::{Fault, Operation, StubAws, Which};
use shared::ports::{AwsError, AwsErrorKind, Listing, ListingPage, LogStore};

use crate::{OWN_KEY, config, sdk};

const BUCKET: &str = "example-logs";
const DAY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/";

async fn store(aws: &StubAws) -> S3 {
    aws.make_bucket(BUCKET, ACCOUNT);
    S3::new(&sdk(&aws.endpoint(), OWN_KEY, None), "example-state", &config()).of_account(Some(ACCOUNT))
}

fn under(prefix: &str) -> Listing<'_> {
    Listing { bucket: BUCKET, prefix, ..Listing::default() }
}

/// All pages.
async fn pages(store: &S3, listing: &Listing<'_>) -> Result<Vec<ListingPage>, AwsError> {
    let mut pages: Vec<ListingPage> = Vec::new();
    loop {
        let page = pages.last().and_then(|page| page.next.clone());
        pages.push(store.list(&Listing { page: page.as_deref(), ..*listing }).await?);
        if pages.last().is_some_and(|page| page.next.is_none()) {
            return Ok(pages);
        }
    }
}

fn keys(pages: &[ListingPage]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.objects).map(|object| object.key.as_str()).collect()
}

fn folders(pages: &[ListingPage]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.folders).map(String::as_str).collect()
}

#[tokio::test]
async fn every_object_is_on_one_page_in_the_order_of_the_keys() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    let all: Vec<String> = (0..2_500).map(|n| format!("{DAY}{n:04}.json.gz")).collect();
    for key in &all {
        aws.put(BUCKET, key, "12345");
    }
    aws.put(BUCKET, "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/02/0000.json.gz", "x");
    let listed = pages(&store, &under(DAY)).await.unwrap();
    assert_eq!(listed.iter().map(|page| page.objects.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
    assert_eq!(keys(&listed), all);
    assert!(listed.iter().flat_map(|page| &page.objects).all(|object| object.bytes == 5));
    let age = Utc::now() - listed[0].objects[0].modified.unwrap();
    assert!(age > TimeDelta::seconds(-1) && age < TimeDelta::seconds(60), "{age}");
    assert_eq!(folders(&listed), [""; 0]);

    let behind = Listing { after: Some(&all[2_489]), ..under(DAY) };
    assert_eq!(keys(&pages(&store, &behind).await.unwrap()), all[2_490..]);
    let behind_none = format!("{DAY}2489.zzz");
    let behind = Listing { after: Some(&behind_none), ..under(DAY) };
    assert_eq!(keys(&pages(&store, &behind).await.unwrap()), all[2_490..], "a key that is not there");
    assert_eq!(store.list(&under("nothing/")).await, Ok(ListingPage::default()));
}

#[tokio::test]
async fn folders_and_objects_are_separated_on_each_page() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    for account in ["111122223333", "444455556666", "777788889999"] {
        for n in 0..3 {
            aws.put(BUCKET, &format!("AWSLogs/{account}/CloudTrail/us-east-1/{n}.json.gz"), "x");
        }
    }
    aws.put(BUCKET, "AWSLogs/readme", "x");
    for page in [1, 2, 1_000] {
        aws.list_by(BUCKET, page);
        let listing = Listing { by_folder: true, ..under("AWSLogs/") };
        let listed = pages(&store, &listing).await.unwrap();
        let found = ["AWSLogs/111122223333/", "AWSLogs/444455556666/", "AWSLogs/777788889999/"];
        assert_eq!(folders(&listed), found, "{page}");
        assert_eq!(keys(&listed), ["AWSLogs/readme"], "{page}");
        assert_eq!(listed.len(), if page == 1_000 { 1 } else { 4 / page }, "{page}");
    }
}

#[tokio::test]
async fn keys_are_listed_unchanged_whatever_they_contain() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    let mut odd: Vec<String> = [
        "two words",
        " ",
        "a+b",
        "100%",
        "%2F",
        "%",
        "&amp;",
        "a&b<c>d\"e'f",
        "a=b?c#d",
        "\u{e9}t\u{e9}",
        "\u{65e5}\u{672c}",
        "\u{1f511}",
        "\u{202e}gz",
        "a\nb",
        "a\r\nb",
        "\u{1}",
        "\t",
        "]]>",
        "<Key>",
        "..",
        "~",
        "\\",
    ]
    .into_iter()
    .flat_map(|name| [format!("odd/{name}"), format!("odd/{name}/1")])
    .collect();
    for key in &odd {
        aws.put(BUCKET, key, "x");
    }
    odd.sort();
    for page in [1, 7, 1_000] {
        aws.list_by(BUCKET, page);
        assert_eq!(keys(&pages(&store, &under("odd/")).await.unwrap()), odd, "{page}");
        let listing = Listing { by_folder: true, ..under("odd/") };
        let listed = pages(&store, &listing).await.unwrap();
        let of_folders: Vec<&str> = odd.iter().filter_map(|key| key.strip_suffix('1')).collect();
        assert_eq!(folders(&listed), of_folders, "{page}");
    }
    // A listed key can be used as a prefix, as the key to continue after, and as an object.
    for (n, key) in odd.iter().enumerate() {
        let listing = Listing { after: Some(key), ..under("odd/") };
        assert_eq!(keys(&pages(&store, &listing).await.unwrap()), odd[n + 1..], "{key:?}");
        assert!(keys(&pages(&store, &under(key)).await.unwrap()).contains(&key.as_str()), "{key:?}");
        assert_eq!(store.open(BUCKET, key, None).await.unwrap().bytes, 1, "{key:?}");
    }
    assert!(aws.calls().iter().all(|call| call.operation != Operation::Unknown), "{:?}", aws.calls());
}

#[tokio::test]
async fn a_failed_listing_is_an_error_and_never_an_empty_page() {
    let error = |status, code| Fault::Error { status, code };
    let tried = [
        (Fault::ACCESS_DENIED, AwsErrorKind::Denied, 1),
        (error(404, "NoSuchBucket"), AwsErrorKind::Denied, 1),
        (Fault::INTERNAL_ERROR, AwsErrorKind::Transient, 3),
        (Fault::SLOW_DOWN, AwsErrorKind::Transient, 3),
        (Fault::CloseBefore, AwsErrorKind::Transient, 3),
        (Fault::HangBefore, AwsErrorKind::Transient, 3),
        (Fault::CutBody { after_bytes: 200 }, AwsErrorKind::Transient, 3),
        (Fault::HangInBody { after_bytes: 200 }, AwsErrorKind::Transient, 3),
    ];
    let tried = tried.map(async |(fault, kind, calls)| {
        let aws = StubAws::start().await;
        let store = store(&aws).await;
        aws.put(BUCKET, &format!("{DAY}a.json.gz"), "x");
        aws.fail(Which::every(Operation::ListObjects), fault);
        let trouble = store.list(&under(DAY)).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{fault:?}: {trouble}");
        assert_eq!(trouble.call, format!("s3:ListObjectsV2 s3://{BUCKET}/{DAY}"));
        assert_eq!(aws.count(Operation::ListObjects), calls, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_listing_that_fails_at_first_succeeds_at_last() {
    let faults =
        [Fault::INTERNAL_ERROR, Fault::SLOW_DOWN, Fault::CloseBefore, Fault::CloseAfter, Fault::HangAfter];
    let cut = [Fault::CutBody { after_bytes: 300 }, Fault::HangInBody { after_bytes: 300 }];
    let tried = faults.into_iter().chain(cut).map(async |fault| {
        let aws = StubAws::start().await;
        let store = store(&aws).await;
        let key = format!("{DAY}a.json.gz");
        aws.put(BUCKET, &key, "x");
        aws.fail(Which::every(Operation::ListObjects).first(2), fault);
        let listed =
            pages(&store, &under(DAY)).await.unwrap_or_else(|trouble| panic!("{fault:?}: {trouble}"));
        assert_eq!(keys(&listed), [key.as_str()], "{fault:?}");
        assert_eq!(aws.count(Operation::ListObjects), 3, "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_bucket_of_another_account_is_not_listed() {
    let aws = StubAws::start().await;
    let store = store(&aws).await;
    aws.make_bucket(BUCKET, "444455556666");
    assert_eq!(store.list(&under("")).await.unwrap_err().kind, AwsErrorKind::Denied);
}

#[tokio::test]
async fn an_answer_without_a_member_that_s3_always_sends_is_an_error() {
    let page = |inner: &str| {
        format!(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>"
        )
    };
    let tried = [
        (page("<IsTruncated>true</IsTruncated>"), "the answer has no NextContinuationToken"),
        (page("<Contents><Size>1</Size></Contents>"), "the answer has no Key"),
        (page("<Contents><Key>a</Key></Contents>"), "the answer has no Size"),
        (page("<Contents><Key>a</Key><Size>-1</Size></Contents>"), "the answer has no Size"),
    ];
    let tried = tried.map(async |(body, said)| {
        let answer = body.clone();
        let server = Server::start(move |_| {
            let reply = Reply::new(200, "application/xml", answer.clone());
            async move { Ok(reply) }
        })
        .await;
        let sdk = sdk(&format!("http://{}", server.address()), OWN_KEY, None);
        let store = S3::new(&sdk, "example-state", &config());
        let trouble = store.list(&under(DAY)).await.unwrap_err();
        assert_eq!((trouble.kind, trouble.answer.as_str()), (AwsErrorKind::Transient, said), "{body}");
    });
    join_all(tried).await;
}
