//! Reads log files as the function `backfill` does, or with the AWS SDK alone, and prints what it took.
//!
//! `reader ENDPOINT HOW AT_ONCE OBJECTS BUCKET FOLDER`; `make bench` builds it with the functions, so that the AWS SDK is
//! built once for both, and the benchmark `backfill` runs it.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use iamwatch_aws::s3::S3;
use iamwatch_aws::start;
use iamwatch_tests::memory::{Machine, World};
use serde_json::json;
use shared::config::Config;
use shared::finding::RecordPlace;
use shared::formats::events::backfill::BackfillEvent;
use shared::ports::{Body, Listing, LogStore, Ports, Runtime};
use shared::rules::detections;
use shared::state::backfill::KeyRange;
use shared::use_cases::{BackfillProgress, RecordConsumer, backfill, scan};

/// As many at once as the setting allows by default.
const DEFAULT: u64 = 0;

/// What a log file of the size of these takes of `MAX_IN_FLIGHT_BYTES`: see `shared/src/use_cases/log_file_reader.rs`.
const SHARE_BYTES: u64 = (128 << 10) + (10 << 10);

/// What is done with the bytes that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It is judged.
    Scan,
    /// A whole backfill: planning, judging, storing, the digest and its mail.
    Backfill,
    /// The same where each record is a finding.
    BackfillOfFailures,
    /// Nothing.
    SdkAlone,
}

/// Where log files are.
struct Source {
    objects: u64,
    bucket: String,
    folder: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, how, at_once, objects, bucket, folder] = &arguments[..] else {
        bail!("usage: reader ENDPOINT HOW AT_ONCE OBJECTS BUCKET FOLDER");
    };
    let how = match &how[..] {
        "scan" => How::Scan,
        "backfill" => How::Backfill,
        "backfill-of-failures" => How::BackfillOfFailures,
        "sdk-alone" => How::SdkAlone,
        other => bail!("HOW is {other:?}"),
    };
    let at_once: u64 = at_once.parse().context("AT_ONCE")?;
    let objects = objects.parse().context("OBJECTS")?;
    let source = Source { objects, bucket: bucket.clone(), folder: folder.clone() };
    let mut config = Config::default();
    if at_once != DEFAULT {
        config.max_in_flight_bytes = at_once * SHARE_BYTES;
    }
    let s3 = S3::new(&sdk(endpoint), "state", &config);
    let started = Instant::now();
    let (objects, records) = match how {
        How::Scan => scanned(&s3, &source, &config).await?,
        How::Backfill => backfilled(&s3, &source, true, &config).await?,
        How::BackfillOfFailures => backfilled(&s3, &source, false, &config).await?,
        How::SdkAlone => (fetched(&s3, &source, at_once).await?, 0),
    };
    let wall_seconds = started.elapsed().as_secs_f64();
    let took = json!({
        "objects": objects,
        "records": records,
        "wall_seconds": wall_seconds,
        "cpu_seconds": cpu_seconds().context("/proc/self/stat")?,
        "peak_bytes": peak_bytes().context("/proc/self/status")?,
    });
    println!("{took}");
    Ok(())
}

/// The CPU time of this process, to a hundredth of a second: proc(5), `utime` and `stime` of /proc/pid/stat.
fn cpu_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some(ticks.sum::<Result<f64, _>>().ok()? / TICKS_A_SECOND)
}

/// Its peak memory: proc(5), `VmHWM` of /proc/pid/status.
fn peak_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

/// The configuration of a function's AWS clients.
fn sdk(endpoint: &str) -> SdkConfig {
    let lookup = |name: &str| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        _ => None,
    };
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "benchmark");
    let builder = start::sdk(lookup).into_builder();
    builder.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// Judges every record, as the functions do.
struct Judge<'a>(&'a Config);

impl RecordConsumer for Judge<'_> {
    type Output = usize;

    fn begin(&self, _: &str) -> usize {
        0
    }

    fn record(&self, findings: &mut usize, index: u64, json: &[u8]) -> Result<(), String> {
        let place = RecordPlace { log_file: "", record: index, delivered: None };
        *findings += usize::from(detections::judge(json, self.0, place)?.is_some());
        Ok(())
    }
}

async fn scanned(s3: &S3, source: &Source, config: &Config) -> anyhow::Result<(u64, u64)> {
    let range = KeyRange { prefix: source.folder.clone(), objects: source.objects, ..KeyRange::default() };
    let (mut read, mut records, mut failed) = (0, 0, None);
    let skipped =
        scan(&source.bucket, &[range], &Judge(config), config, s3, &Clock, Duration::ZERO, &mut |scanned| {
            match scanned.result {
                Ok((_, counts)) => {
                    read += 1;
                    records += counts.records;
                }
                Err(trouble) => failed = Some(trouble),
            }
        })
        .await?;
    match failed {
        Some(trouble) => Err(trouble.into()),
        None if skipped > 0 => bail!("{} objects were skipped", skipped),
        None => Ok((read, records)),
    }
}

/// Everything but the state bucket and the topic is as it is deployed; these are in memory.
async fn backfilled(s3: &S3, source: &Source, usual: bool, config: &Config) -> anyhow::Result<(u64, u64)> {
    let asked = match BackfillEvent::of(&json!({"from": "2026-04-01", "to": "2026-04-01"}))? {
        BackfillEvent::Request(asked) => asked,
        other => bail!("{other:?}"),
    };
    let World { state, topic, .. } = &World::default();
    let outside = Ports { logs: s3, state, alerts: topic, runtime: &Clock, account: None };
    let done = backfill(&asked, &source.bucket, config, None::<&Machine>, &outside).await?;
    ensure!(done.progress == BackfillProgress::Done, "{:?}", done.progress);
    let mails = topic.published.borrow().len();
    ensure!(usual || mails == 1, "{mails} mails about a bucket that is full of failed sign-ins");
    Ok((done.read.counts.log_files, done.read.counts.records))
}

async fn fetched(s3: &S3, source: &Source, at_once: u64) -> anyhow::Result<u64> {
    let (bucket, prefix) = (&source.bucket[..], &source.folder[..]);
    let (mut page, mut read) = (None, 0);
    loop {
        let listing = Listing { bucket, prefix, page: page.as_deref(), ..Listing::default() };
        let listed = s3.list(&listing).await?;
        let fetch = listed.objects.iter().map(async |object| {
            let mut open = s3.open(bucket, &object.key, None).await?;
            let mut bytes = 0;
            while let Some(piece) = open.body.next().await? {
                bytes += piece.len() as u64;
            }
            ensure!(bytes == object.bytes, "{} has {bytes} bytes", object.key);
            Ok(())
        });
        let results: Vec<anyhow::Result<()>> =
            stream::iter(fetch).buffer_unordered(usize::try_from(at_once)?).collect().await;
        read += results.len() as u64;
        results.into_iter().collect::<anyhow::Result<()>>()?;
        page = listed.next;
        if page.is_none() {
            return Ok(read);
        }
    }
}

/// Time that does not end.
struct Clock;

impl Runtime for Clock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn time_left(&self) -> Duration {
        Duration::from_secs(900)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u128 {
        fastrand::u128(..)
    }
}
