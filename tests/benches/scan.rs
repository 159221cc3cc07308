//! How long `iamwatch sign-in` takes, compared with only decompressing the same files.
//!
//! Whole processes are timed, one after the other and in turns, so that a busy
//! machine slows all of them alike. Read the ratios; the seconds are this machine's.
//! CPU time and peak memory are what the kernel reports of a child that has ended.

mod corpora;
mod findings;
pub mod process;

use std::{
    fmt,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, ensure};
use clap::Args;
use iamwatch_tests::corpus::{Corpus, Written};

use process::{Pinning, Usage};

#[derive(Args)]
pub struct Arguments {
    /// The iamwatch binary; without it only gunzip alone is timed
    #[arg(long, value_name = "PATH")]
    tool: Option<PathBuf>,
    /// How often each process is timed [default: 5, or BENCH_RUNS]
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// A quarter of the log files, three runs
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runs = match (arguments.runs, std::env::var("BENCH_RUNS")) {
        (Some(runs), _) => runs,
        (None, Ok(runs)) => runs
            .parse()
            .with_context(|| format!("BENCH_RUNS is {runs:?}; it must be a whole number from 1"))?,
        (None, Err(_)) => {
            if arguments.quick {
                3
            } else {
                5
            }
        }
    };
    ensure!(runs > 0, "--runs is 0; it must be a whole number from 1");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let pinning = Pinning::available();
    println!(
        "{runs} runs in turns on {cores} cores, kept to one or two by {}",
        match pinning {
            Pinning::Taskset => "taskset and --threads",
            Pinning::Threads => "--threads alone: there is no taskset",
        },
    );
    let tool = arguments.tool.as_deref().map(found_tool);
    let mut last_lines = Vec::new();
    for (name, corpus) in [("small", Corpus::SMALL), ("large", Corpus::LARGE)] {
        let name = if arguments.quick { format!("{name}-quick") } else { name.to_string() };
        let corpus = if arguments.quick { Corpus { files: corpus.files / 4, ..corpus } } else { corpus };
        let (folder, written) = corpora::prepared(&name, &corpus)?;
        println!(
            "\n{name}: {} files, {} records, {:.1} MB plain, {:.1} MB compressed, gzip ratio {:.2}",
            written.files,
            written.records,
            written.plain_bytes as f64 / 1e6,
            written.gzip_bytes as f64 / 1e6,
            written.plain_bytes as f64 / written.gzip_bytes as f64,
        );
        if let Some(tool) = &tool {
            findings::check(tool, &folder)?;
        }
        last_lines.extend(time(&name, &folder, &written, tool.as_deref(), runs, cores, pinning)?);
    }
    println!();
    for line in last_lines {
        println!("{line}");
    }
    Ok(())
}

/// `tool` as given, or below the repository: `cargo bench` runs this in the package's own folder.
fn found_tool(tool: &Path) -> PathBuf {
    let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(tool);
    if !tool.exists() && below.exists() { below } else { tool.to_path_buf() }
}

/// Times the processes over one corpus in turns, prints their table and returns the ratios.
fn time(
    name: &str,
    folder: &Path,
    written: &Written,
    tool: Option<&Path>,
    runs: usize,
    cores: usize,
    pinning: Pinning,
) -> anyhow::Result<Vec<String>> {
    let gunzip = vec![std::env::current_exe()?.into(), "gunzip-alone".into(), folder.into()];
    let gunzip = pinning.pin(1, gunzip);
    let tool_on = |tool: &Path, cores: usize| pinning.pin(cores, process::sign_in(tool, folder, cores));
    let mut processes = vec![("gunzip alone, 1 core", gunzip.clone())];
    if let Some(tool) = tool {
        processes.push(("iamwatch, 1 core", tool_on(tool, 1)));
        if cores >= 2 {
            processes.push(("iamwatch, 2 cores", tool_on(tool, 2)));
        }
    }
    // Once for nothing: the files should come from memory every time.
    process::usage(&gunzip)?;
    let mut usages: Vec<Vec<Usage>> = processes.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for ((_, command), usages) in processes.iter().zip(&mut usages) {
            usages.push(process::usage(command)?);
        }
    }

    println!(
        "{:22} {:>23} {:>23} {:>11} {:>8} {:>8}",
        "", "CPU seconds", "wall seconds", "records/s", "MB/s", "peak MB"
    );
    println!(
        "{:22} {:>23} {:>23} {:>11} {:>8} {:>8}",
        "", "min median max", "min median max", "median", "median", "max"
    );
    for ((title, _), usages) in processes.iter().zip(&usages) {
        let cpu = Spread::of(usages.iter().map(|usage| usage.cpu_seconds));
        let wall = Spread::of(usages.iter().map(|usage| usage.wall_seconds));
        let peak = Spread::of(usages.iter().map(|usage| usage.peak_bytes));
        println!(
            "{title:22} {:>23} {:>23} {:>11.0} {:>8.0} {:>8.1}",
            cpu.to_string(),
            wall.to_string(),
            written.records as f64 / wall.median,
            written.plain_bytes as f64 / 1e6 / wall.median,
            peak.max / 1e6,
        );
    }

    let mut ratios = Vec::new();
    if let [gunzip, one_core, more @ ..] = usages.as_slice() {
        let pairs = || one_core.iter().zip(gunzip);
        let cpu = Spread::of(pairs().map(|(tool, limit)| tool.cpu_seconds / limit.cpu_seconds));
        let wall = Spread::of(pairs().map(|(tool, limit)| tool.wall_seconds / limit.wall_seconds));
        ratios.push(format!("{name}: CPU ratio to gunzip alone, min median max: {cpu}"));
        ratios.push(format!("{name}: wall ratio to gunzip alone, min median max: {wall}"));
        if let [two_cores] = more {
            let pairs = one_core.iter().zip(two_cores);
            let gain = Spread::of(pairs.map(|(one, two)| one.wall_seconds / two.wall_seconds));
            ratios.push(format!("{name}: times faster on two cores, min median max: {gain}"));
        }
    }
    Ok(ratios)
}

/// The least, middle and greatest of some measurements.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(measurements: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measurements.collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self {
            min: sorted[0],
            median: (sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0,
            max: sorted[last],
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} {:.3} {:.3}", self.min, self.median, self.max)
    }
}
