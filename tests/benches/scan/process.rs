//! One timed process: what it runs, on which cores, and what it used.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, ensure};
use libdeflater::Decompressor;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

/// CloudTrail's largest file has 50 MB before compression; a size field that says more is not believed.
///
/// Source: CloudTrail User Guide, "Quotas in AWS CloudTrail".
const MAX_PLAIN_BYTES: usize = 64 << 20;

/// The resources that one run of a process used.
pub struct Usage {
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: f64,
}

/// Runs `command` and prints its [`Usage`] and exit code as one line of JSON.
///
/// The kernel reports children in sum, so this process has no other child. It is also small:
/// a child's peak memory counts from that of the process that started it.
pub fn measure(command: &[OsString]) -> anyhow::Result<()> {
    let (program, rest) = command.split_first().context("no command to measure")?;
    let started = Instant::now();
    let status = Command::new(program)
        .args(rest)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("{} did not start", program.display()))?;
    let wall_seconds = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let line = json!({
        "wall_seconds": wall_seconds,
        "user_seconds": seconds(usage.user_time()),
        "system_seconds": seconds(usage.system_time()),
        "peak_bytes": usage.max_rss() * unit,
        "exit_code": status.code(),
    });
    println!("{line}");
    Ok(())
}

/// Runs `command` through a process of its own that measures it.
pub fn usage(command: &[OsString]) -> anyhow::Result<Usage> {
    let output = Command::new(std::env::current_exe()?)
        .args(["measure", "--"])
        .args(command)
        .stderr(Stdio::inherit())
        .output()?;
    let shown = || command.join(OsStr::new(" ")).display().to_string();
    let line: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{} was not measured", shown()))?;
    // 1 is "there are findings"; the comparison of the findings detects a failed run.
    ensure!(
        matches!(line["exit_code"].as_i64(), Some(0 | 1)),
        "{} ended with exit code {}; run it by hand to see why",
        shown(),
        line["exit_code"],
    );
    let number = |name: &str| line[name].as_f64().with_context(|| format!("no {name} measured"));
    Ok(Usage {
        wall_seconds: number("wall_seconds")?,
        cpu_seconds: number("user_seconds")? + number("system_seconds")?,
        peak_bytes: number("peak_bytes")?,
    })
}

/// The limit: each file read whole and decompressed at once into the same buffer, checksum checked.
pub fn gunzip_alone(folder: &Path) -> anyhow::Result<()> {
    let mut decompressor = Decompressor::new();
    let (mut compressed, mut plain) = (Vec::new(), Vec::new());
    let (mut files, mut bytes) = (0usize, 0usize);
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            compressed.clear();
            fs::File::open(entry.path())?.read_to_end(&mut compressed)?;
            let size = compressed.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
            ensure!(size <= MAX_PLAIN_BYTES, "{} says it has {size} bytes", entry.path().display());
            if plain.len() < size {
                plain.resize(size, 0);
            }
            bytes += decompressor
                .gzip_decompress(&compressed, &mut plain[..size])
                .with_context(|| entry.path().display().to_string())?;
            files += 1;
        }
    }
    println!("{files} files, {bytes} bytes");
    Ok(())
}

/// How a process is kept to some of the cores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pinning {
    /// By `taskset`, and by the tool's own `--threads`.
    Taskset,
    /// Only by the tool's own `--threads`.
    Threads,
}

impl Pinning {
    pub fn available() -> Self {
        let tried = Command::new("taskset").args(["-c", "0", "true"]).output();
        if tried.is_ok_and(|output| output.status.success()) { Self::Taskset } else { Self::Threads }
    }

    /// `command`, kept to the first `cores` cores.
    pub fn pin(self, cores: usize, command: Vec<OsString>) -> Vec<OsString> {
        match self {
            Self::Threads => command,
            Self::Taskset => {
                let list = format!("0-{}", cores - 1);
                let mut pinned: Vec<OsString> = vec!["taskset".into(), "-c".into(), list.into()];
                pinned.extend(command);
                pinned
            }
        }
    }
}

/// The command line that is timed.
pub fn sign_in(tool: &Path, folder: &Path, threads: usize) -> Vec<OsString> {
    vec![
        tool.into(),
        "sign-in".into(),
        folder.into(),
        "--format".into(),
        "json".into(),
        "--threads".into(),
        threads.to_string().into(),
    ]
}
