//! How long `iamwatch credential-report` takes over 5,000 users, its start included, and whether it finds what
//! there is to find.
//!
//! Whole processes are timed in turns with a bare start of the same program, so that a busy machine slows all of
//! them alike. No time is a failure; a finding too many or too few is.

mod plainly;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use iamwatch_tests::reports::of_many;
use iamwatch_tests::repository;
use iamwatch_tests::spread::{Spread, millis};
use serde_json::Value;

/// As many as an account can have.
const USERS: usize = 5_000;
const MADE: &str = "2026-04-01T08:00:00Z";

/// The target, from the start of the process to its end.
const REACH_FOR: Duration = Duration::from_millis(50);

#[derive(Args)]
pub struct Arguments {
    /// The iamwatch binary
    #[arg(long, value_name = "PATH", default_value = "target/release/iamwatch")]
    tool: PathBuf,
    /// How often each process is timed
    #[arg(long, value_name = "N", default_value_t = 31, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// A third of the runs
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runs = if arguments.quick { arguments.runs.div_ceil(3) } else { arguments.runs };
    // `cargo bench` runs this in the package's own folder.
    let below = repository().join(&arguments.tool);
    let tool = if arguments.tool.exists() { &arguments.tool } else { &below };
    let generated: DateTime<Utc> = MADE.parse()?;
    let csv = of_many("111122223333", generated, USERS, 1).csv();
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.csv");
    fs::write(&report, &csv)?;

    let with = |more: &[&'static str]| -> Vec<&OsStr> {
        let judge =
            [OsStr::new("credential-report"), report.as_os_str(), OsStr::new("--now"), OsStr::new(MADE)];
        judge.into_iter().chain(more.iter().map(|more| OsStr::new(*more))).collect()
    };
    let json = with(&["--format", "json"]);
    let findings = check(tool, &json, &csv, generated)?;

    let processes = [
        ("bare start", vec![OsStr::new("--version")]),
        ("json", json),
        ("text", with(&[])),
        ("list", with(&["--list"])),
    ];
    let mut times: Vec<Vec<Duration>> = processes.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for ((_, arguments), times) in processes.iter().zip(&mut times) {
            times.push(time(tool, arguments)?);
        }
    }
    println!("{USERS} users, {:.1} MB, {findings} findings, {runs} runs in turns", csv.len() as f64 / 1e6);
    let spreads: Vec<Spread> = times.into_iter().map(Spread::of).collect();
    for ((name, _), spread) in processes.iter().zip(&spreads) {
        println!(
            "  credential-report, {name:10}  {spread}; {:.1} times a bare start",
            millis(spread.median) / millis(spreads[0].median)
        );
    }
    println!("  reach for: under {} ms", REACH_FOR.as_millis());
    Ok(())
}

fn time(tool: &Path, arguments: &[&OsStr]) -> anyhow::Result<Duration> {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{} did not start", tool.display()))?;
    let taken = started.elapsed();
    ensure!(status.success(), "{arguments:?} ended with {status}");
    Ok(taken)
}

/// Fails unless each rule raises as many findings as it does when it is written down plainly; how many in all.
fn check(tool: &Path, arguments: &[&OsStr], csv: &str, generated: DateTime<Utc>) -> anyhow::Result<u64> {
    let output = Command::new(tool)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("{} did not start: run `make build` first", tool.display()))?;
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let rule = line["rule"].as_str().context("a finding without a rule")?;
        *found.entry(rule.to_owned()).or_default() += 1;
    }
    let expected = plainly::judged(csv, generated)?;
    ensure!(found == expected, "found {found:?}, where there is {expected:?}");
    Ok(found.values().sum())
}
