//! An S3 that takes its time: it lists as many log files as a bucket's name says, and answers each with one of a few.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use iamwatch_tests::corpus::{Corpus, gzip};
use iamwatch_tests::loopback::{Closed, Reply, Request, Server};
use iamwatch_tests::stub_aws::form;
use serde_json::{Value, json};

/// How long it takes on average until an answer begins.
pub const LATENCY: Duration = Duration::from_millis(20);

/// How many different log files there are.
const DIFFERENT: usize = 64;

/// How many keys S3 lists at a time.
const PAGE: u64 = 1_000;

/// The log files, as they are stored.
fn log_files() -> anyhow::Result<Vec<Bytes>> {
    let corpus = Corpus { files: DIFFERENT, ..Corpus::SMALL };
    (0..DIFFERENT).map(|n| Ok(gzip(&corpus.file(n))?.into())).collect()
}

/// How large one is.
pub fn mean_bytes() -> anyhow::Result<f64> {
    let files = log_files()?;
    Ok(files.iter().map(Bytes::len).sum::<usize>() as f64 / files.len() as f64)
}

/// The common prefix of the keys of all log files.
pub const FOLDER: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/";

/// How many records a log file full of failed sign-ins has.
pub const FAILURES: u64 = 50;

/// How large one of these is said to be.
const FAILURES_BYTES: usize = 4_000;

/// The bucket of this many log files, usual ones or full of failed sign-ins.
pub fn bucket(objects: u64, usual: bool) -> String {
    format!("{}-{objects}", if usual { "usual" } else { "failures" })
}

fn key(n: u64) -> String {
    format!("{FOLDER}111122223333_CloudTrail_us-east-1_20260401T0805Z_{n:016}.json.gz")
}

fn number(key: &str) -> Option<u64> {
    key.rsplit('_').next()?.strip_suffix(".json.gz")?.parse().ok()
}

/// The log file of that number in which each record is another failed sign-in, each from an address of its own.
fn failures(n: u64) -> Option<Vec<u8>> {
    let records: Vec<Value> = (n * FAILURES..(n + 1) * FAILURES)
        .map(|id| {
            json!({
                "eventVersion": "1.11", "eventTime": "2026-04-01T08:00:00Z", "eventID": format!("{id:032x}"),
                "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "awsRegion": "us-east-1",
                "userIdentity": {
                    "type": "IAMUser", "accountId": "111122223333", "userName": format!("user-{}", id % 5_000),
                },
                "sourceIPAddress": format!("2001:db8:{:x}:{:x}::1", id >> 16, id & 0xffff),
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
                "errorMessage": "Failed authentication", "recipientAccountId": "111122223333",
                "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "No"},
                "responseElements": {"ConsoleLogin": "Failure"}, "eventType": "AwsConsoleSignIn",
            })
        })
        .collect();
    gzip(json!({"Records": records}).to_string().as_bytes()).ok()
}

/// Serves until stdin ends.
#[tokio::main(flavor = "current_thread")]
pub async fn serve() -> anyhow::Result<()> {
    let files = Arc::new(log_files()?);
    let asked = Arc::new(AtomicU64::new(0));
    let server = Server::start(move |request| {
        let (files, asked) = (Arc::clone(&files), Arc::clone(&asked));
        async move {
            let n = asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(latency(n)).await;
            answer(&request, &files).ok_or(Closed)
        }
    })
    .await;
    println!("http://{}", server.address());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// Between half and one and a half of [`LATENCY`], and now and then five times as much.
fn latency(n: u64) -> Duration {
    let mut random = fastrand::Rng::with_seed(n);
    if random.u32(..200) == 0 { LATENCY * 5 } else { LATENCY.mul_f64(0.5 + random.f64()) }
}

fn answer(request: &Request, files: &[Bytes]) -> Option<Reply> {
    let form = form(request.query.as_bytes());
    let (bucket, of) = request.path.trim_matches('/').split('/').next()?.rsplit_once('-')?;
    let is_usual = bucket == "usual";
    if !form.contains_key("list-type") {
        let n = number(&request.path)?;
        let file = match is_usual {
            true => files[usize::try_from(n).ok()? % files.len()].clone(),
            false => failures(n)?.into(),
        };
        return Some(Reply::new(200, "application/json", file).with("etag", "\"0\""));
    }
    let prefix = form.get("prefix").map_or("", |prefix| prefix);
    if form.contains_key("delimiter") {
        let rest = FOLDER.strip_prefix(prefix)?;
        let folder = &FOLDER[..prefix.len() + rest.find('/')? + 1];
        return Some(listed(&format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"), None));
    }
    let objects: u64 = of.parse().ok()?;
    let behind = form.get("start-after").and_then(|key| number(key)).map_or(0, |n| n + 1);
    let first = form.get("continuation-token").map_or(Some(behind), |token| token.parse().ok())?;
    let last = objects.min(first + PAGE);
    let contents: String = (first..last)
        .map(|n| {
            format!(
                "<Contents><Key>{}</Key><LastModified>2026-04-01T08:05:30.000Z</LastModified><ETag>&quot;0&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                key(n),
                if is_usual { files[n as usize % files.len()].len() } else { FAILURES_BYTES }
            )
        })
        .collect();
    Some(listed(&contents, (last < objects).then_some(last)))
}

/// A page of a listing, and where the next one begins.
fn listed(contents: &str, next: Option<u64>) -> Reply {
    let next = match next {
        Some(next) => {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>")
        }
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{contents}{next}</ListBucketResult>"#
    );
    Reply::new(200, "application/xml", body)
}
