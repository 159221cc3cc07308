//! The process that reads.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use futures_util::stream::{self, StreamExt};
use iamwatch_aws::s3::S3;
use iamwatch_tests::memory::{Machine, World};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use shared::config::Config;
use shared::finding::Place;
use shared::formats::events::backfill::BackfillEvent;
use shared::ports::{Body, Listing, LogStore, Ports, Runtime};
use shared::rules::detections;
use shared::state::backfill::KeyRange;
use shared::use_cases::{BackfillProgress, RecordConsumer, backfill, scan};

use crate::{Took, serve};

/// As many at once as the setting allows by default.
pub const DEFAULT: u64 = 0;

/// What a log file of the size of these takes of `MAX_IN_FLIGHT_BYTES`: see `shared/src/app/reading.rs`.
const SHARE_BYTES: u64 = (128 << 10) + (10 << 10);

/// What is done with what is read.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// It is judged.
    Scan,
    /// A whole backfill: it is planned, judged, kept, put together and told.
    Backfill,
    /// The same where each record is a finding.
    BackfillOfFailures,
    /// Nothing.
    SdkAlone,
}

impl How {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Reads, and prints what it took as JSON.
#[tokio::main(flavor = "current_thread")]
pub async fn read(endpoint: &str, how: How, at_once: u64, objects: u64) -> anyhow::Result<()> {
    let mut config = Config::default();
    if at_once != DEFAULT {
        config.max_in_flight_bytes = at_once * SHARE_BYTES;
    }
    let s3 = S3::new(&sdk(endpoint), "state", &config);
    let started = Instant::now();
    let (objects, records) = match how {
        How::Scan => scanned(&s3, objects, &config).await?,
        How::Backfill => backfilled(&s3, objects, true, &config).await?,
        How::BackfillOfFailures => backfilled(&s3, objects, false, &config).await?,
        How::SdkAlone => (fetched(&s3, objects, at_once).await?, 0),
    };
    let wall_seconds = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let took = Took {
        objects,
        records,
        wall_seconds,
        cpu_seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
        peak_bytes: usage.max_rss() as f64 * unit,
    };
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}

fn sdk(endpoint: &str) -> SdkConfig {
    let credentials =
        aws_sdk_iam::config::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "benchmark");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(aws_sdk_iam::config::SharedCredentialsProvider::new(credentials))
        .build()
}

/// Judges every record, as the functions do.
struct Judge<'a>(&'a Config);

impl RecordConsumer for Judge<'_> {
    type Output = usize;

    fn begin(&self, _: &str) -> usize {
        0
    }

    fn record(&self, findings: &mut usize, index: u64, json: &[u8]) -> Result<(), String> {
        let place = Place { log_file: "", record: index, delivered: None };
        *findings += usize::from(detections::judge(json, self.0, place)?.is_some());
        Ok(())
    }
}

async fn scanned(s3: &S3, objects: u64, config: &Config) -> anyhow::Result<(u64, u64)> {
    let stretch = KeyRange { prefix: serve::FOLDER.to_owned(), objects, ..KeyRange::default() };
    let bucket = serve::bucket(objects, true);
    let (mut read, mut records, mut failed) = (0, 0, None);
    let skipped =
        scan(&bucket, &[stretch], &Judge(config), config, s3, &Clock, Duration::ZERO, &mut |scanned| {
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
async fn backfilled(s3: &S3, objects: u64, usual: bool, config: &Config) -> anyhow::Result<(u64, u64)> {
    let asked = match BackfillEvent::of(&json!({"from": "2026-04-01", "to": "2026-04-01"}))? {
        BackfillEvent::Request(asked) => asked,
        other => bail!("{other:?}"),
    };
    let World { state, topic, .. } = &World::default();
    let outside = Ports { logs: s3, state, alerts: topic, runtime: &Clock, account: None };
    let bucket = serve::bucket(objects, usual);
    let done = backfill(&asked, &bucket, config, None::<&Machine>, &outside).await?;
    ensure!(done.progress == BackfillProgress::Done, "{:?}", done.progress);
    let mails = topic.published.borrow().len();
    ensure!(usual || mails == 1, "{mails} mails tell of a bucket that is full of failures");
    Ok((done.read.counts.log_files, done.read.counts.records))
}

async fn fetched(s3: &S3, objects: u64, at_once: u64) -> anyhow::Result<u64> {
    let bucket = &*serve::bucket(objects, true);
    let (mut page, mut read) = (None, 0);
    loop {
        let listing = Listing { bucket, prefix: serve::FOLDER, page: page.as_deref(), ..Listing::default() };
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
