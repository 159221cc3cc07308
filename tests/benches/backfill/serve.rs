//! An S3 that takes its time: it lists as many log files as a prefix asks for, and answers each with one of a few.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use iamwatch_tests::corpus::{Corpus, gzip};
use iamwatch_tests::loopback::{Closed, Reply, Request, Server};
use iamwatch_tests::stub_aws::form;

/// How long it takes on average until an answer begins.
pub const LATENCY: Duration = Duration::from_millis(20);

/// So many different log files there are.
const DIFFERENT: usize = 64;

/// S3 lists so many keys at a time.
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

/// What the keys of so many log files begin with.
pub fn prefix(objects: u64) -> String {
    format!("{objects}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/")
}

fn key(prefix: &str, n: u64) -> String {
    format!("{prefix}111122223333_CloudTrail_us-east-1_20260401T0805Z_{n:016}.json.gz")
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
    if !form.contains_key("list-type") {
        let n: usize = request.path.rsplit('_').next()?.strip_suffix(".json.gz")?.parse().ok()?;
        return Some(
            Reply::new(200, "application/json", files[n % files.len()].clone()).with("etag", "\"0\""),
        );
    }
    let prefix = form.get("prefix")?;
    let objects: u64 = prefix.split('/').next()?.parse().ok()?;
    let first = form.get("continuation-token").map_or(Some(0), |token| token.parse().ok())?;
    let last = objects.min(first + PAGE);
    let contents: String = (first..last)
        .map(|n| {
            format!(
                "<Contents><Key>{}</Key><LastModified>2026-04-01T08:05:30.000Z</LastModified><ETag>&quot;0&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                key(prefix, n),
                files[n as usize % files.len()].len()
            )
        })
        .collect();
    let next = match last < objects {
        true => {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>")
        }
        false => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name>{contents}{next}</ListBucketResult>"#
    );
    Some(Reply::new(200, "application/xml", body))
}
