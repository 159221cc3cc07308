//! The speed and cost of reading past log files through the real AWS SDK.
//!
//! An S3 on 127.0.0.1, in a process of its own, waits 20 ms before it answers, more or less, by a seed. One other
//! process at a time, which is `reader`, built as the functions are, reads from it on one core: by the backfill's own
//! scan, or with the SDK alone, which fetches the same objects and does nothing with them. They run in turns, so that a busy machine slows all of them alike. Read
//! the ratios; the seconds are this machine's. There is no TLS, which Lambda adds.

pub mod serve;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use clap::Args;
use iamwatch_tests::repository;
use serde::Deserialize;

/// Prices of AWS in us-east-1, in US dollars: a GET and a LIST of S3, and a GB-second of Lambda on arm64.
///
/// Source: the public price pages of Amazon S3 and AWS Lambda, 2026.
const GET_PRICE: f64 = 0.0004 / 1e3;
const LIST_PRICE: f64 = 0.005 / 1e3;
const GB_SECOND_PRICE: f64 = 0.000_013_333_4;

/// How much memory Lambda gives along with one whole processor, in GB.
///
/// Source: Lambda Developer Guide, "Configure Lambda function memory".
const GB_OF_A_CORE: f64 = 1769.0 / 1024.0;

/// A million log files in one invocation of fifteen minutes is more than a thousand a second; what is reached for is
/// four times that.
const REACH: f64 = 4_000.0;

/// The limit for a backfill.
const MAX_PEAK_BYTES: f64 = 200e6;

/// As many at once as the setting allows by default.
const DEFAULT: u64 = 0;

#[derive(Args)]
pub struct Arguments {
    /// The program that reads
    #[arg(long, value_name = "PATH", default_value = "target/bench/reader/bootstrap")]
    reader: PathBuf,
    /// How often each is timed
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// A third of the log files, once each
    #[arg(long)]
    quick: bool,
}

/// The CPU time and memory of one process, as it prints them.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Took {
    objects: u64,
    records: u64,
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_bytes: f64,
}

impl Took {
    /// As many as one core reads that does nothing else.
    fn objects_a_cpu_second(&self) -> f64 {
        self.objects as f64 / self.cpu_seconds
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let quick = arguments.quick;
    let runs = if quick { 1 } else { arguments.runs };
    ensure!(runs > 0, "--runs is 0; it must be a whole number from 1");
    // `cargo bench` runs this in the package's own folder.
    let below = repository().join(&arguments.reader);
    let reader = if arguments.reader.exists() { &arguments.reader } else { &below };
    ensure!(reader.exists(), "{} does not exist: `make bench` builds it", reader.display());
    let objects = if quick { 4_000 } else { 12_000 };
    let (mut server, endpoint) = Server::start()?;
    println!(
        "{runs} runs in turns of {objects} log files of {:.1} KB each way, {} ms until S3 answers",
        serve::mean_bytes()? / 1e3,
        serve::LATENCY.as_millis()
    );
    println!(
        "{:>8} {:>17} {:>17} {:>17} {:>10} {:>8}",
        "at once", "scan, objects/s", "... a CPU second", "SDK, a CPU second", "SDK's part", "peak MB"
    );
    let mut best: Option<(u64, Took)> = None;
    for at_once in [16, 64, 128, 256, 480] {
        let (mut scans, mut sdks) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            scans.push(read(reader, &endpoint, "scan", at_once, objects)?);
            sdks.push(read(reader, &endpoint, "sdk-alone", at_once, objects)?);
        }
        let (scan, sdk) = (median(scans), median(sdks));
        println!(
            "{at_once:>8} {:>17.0} {:>17.0} {:>17.0} {:>8.0} % {:>8.1}",
            objects as f64 / scan.wall_seconds,
            scan.objects_a_cpu_second(),
            sdk.objects_a_cpu_second(),
            100.0 * sdk.cpu_seconds / scan.cpu_seconds,
            scan.peak_bytes / 1e6,
        );
        if best.is_none_or(|(_, best)| scan.wall_seconds < best.wall_seconds) {
            best = Some((at_once, scan));
        }
    }
    let (at_once, best) = best.context("nothing was measured")?;
    let a_second = best.objects as f64 / best.wall_seconds;
    println!(
        "\nfastest: {a_second:.0} log files a second on one core, {at_once} at once; {:.2} of the {REACH:.0} reached for",
        a_second / REACH
    );
    let seconds = best.wall_seconds / best.objects as f64 * 1e6;
    let (get, list) = (GET_PRICE * 1e6, LIST_PRICE * 1e3);
    let lambda = seconds * GB_OF_A_CORE * GB_SECOND_PRICE;
    println!(
        "a million log files: {:.1} minutes of one core; ${:.2}: ${get:.2} for GETs, ${list:.3} for LISTs, ${lambda:.3} for Lambda with 1,769 MB on arm64 at that speed",
        seconds / 60.0,
        get + list + lambda
    );

    let (few, many) = if quick { (1_000, 20_000) } else { (1_000, 100_000) };
    let (few, many) = (
        read(reader, &endpoint, "backfill", DEFAULT, few)?,
        read(reader, &endpoint, "backfill", DEFAULT, many)?,
    );
    println!(
        "peak memory of a whole backfill as the function is deployed: {:.1} MB with {} log files, {:.1} MB with {}: {:.2} times as much, {:.2} of what it may take",
        few.peak_bytes / 1e6,
        few.objects,
        many.peak_bytes / 1e6,
        many.objects,
        many.peak_bytes / few.peak_bytes,
        many.peak_bytes / MAX_PEAK_BYTES,
    );
    let worst = read(reader, &endpoint, "backfill-of-failures", DEFAULT, if quick { 400 } else { 1_600 })?;
    println!(
        "where each of {} records is a finding: {:.1} MB, what the state bucket holds included",
        worst.records,
        worst.peak_bytes / 1e6
    );
    server.stop()
}

/// That of the run in the middle.
fn median(mut took: Vec<Took>) -> Took {
    took.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    took[took.len() / 2]
}

/// The process that is S3.
struct Server(Child);

impl Server {
    fn start() -> anyhow::Result<(Server, String)> {
        let command = kept_to(1, &std::env::current_exe()?, &["serve-s3".into()]);
        let mut child = start(&command)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.starts_with("http://"), "the server did not start: {line:?}");
        Ok((Server(child), line.trim().to_owned()))
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        drop(self.0.stdin.take());
        ensure!(self.0.wait()?.success(), "the server failed");
        Ok(())
    }
}

/// Has this many log files read in that way, and returns the time it took.
fn read(reader: &Path, endpoint: &str, how: &str, at_once: u64, objects: u64) -> anyhow::Result<Took> {
    let bucket = serve::bucket(objects, how != "backfill-of-failures");
    let arguments = [endpoint, how, &at_once.to_string(), &objects.to_string(), &bucket, serve::FOLDER];
    let command = kept_to(0, reader, &arguments.map(OsString::from));
    let output = start(&command)?.stderr(Stdio::inherit()).output()?;
    let took: Took = serde_json::from_slice(&output.stdout).context("the reading process failed")?;
    ensure!(took.objects == objects, "{} of {objects} log files were read", took.objects);
    Ok(took)
}

/// A program on one core, where `taskset` is there.
fn kept_to(core: usize, program: &Path, arguments: &[OsString]) -> Vec<OsString> {
    let mut command = vec![program.into()];
    let pinned = ["-c", &core.to_string(), "true"];
    if Command::new("taskset").args(pinned).output().is_ok_and(|tried| tried.status.success()) {
        command.splice(0..0, ["taskset".into(), "-c".into(), core.to_string().into()]);
    }
    command.extend_from_slice(arguments);
    command
}

fn start(command: &[OsString]) -> anyhow::Result<Command> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}
