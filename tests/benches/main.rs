//! The benchmarks, in one program: what they have in common is compiled and linked once.
//!
//! `make bench` builds what they measure and runs them all; one of them by itself is
//! `cargo bench -p iamwatch-tests --bench speed -- scan --tool target/release/iamwatch`.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

mod backfill;
mod cold_start;
mod credential_report;
mod scan;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures how fast iamwatch is, how soon it starts and how large it is")]
struct Arguments {
    /// The argument that `cargo bench` passes to every benchmark
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// Start, size and invocation of the functions' released binaries
    ColdStart(cold_start::Arguments),
    /// iamwatch over a credential report of 5,000 users
    CredentialReport(credential_report::Arguments),
    /// iamwatch over generated log files, against gunzip alone
    Scan(scan::Arguments),
    /// Reading log files through the AWS SDK from an S3 that takes 20 ms to answer
    Backfill(backfill::Arguments),
    /// Decompress every log file in a folder, and nothing else
    #[command(hide = true)]
    GunzipAlone { folder: PathBuf },
    /// Run one command and print what it used
    #[command(hide = true)]
    Measure {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Be S3 until stdin ends
    #[command(hide = true)]
    ServeS3,
}

fn main() -> anyhow::Result<()> {
    match &Arguments::parse().which {
        Which::ColdStart(arguments) => cold_start::run(arguments),
        Which::CredentialReport(arguments) => credential_report::run(arguments),
        Which::Scan(arguments) => scan::run(arguments),
        Which::Backfill(arguments) => backfill::run(arguments),
        Which::GunzipAlone { folder } => scan::process::gunzip_alone(folder),
        Which::Measure { command } => scan::process::measure(command),
        Which::ServeS3 => backfill::serve::serve(),
    }
}
