//! Whatever goes wrong at any one AWS call of a function, no alert is lost and none is mailed twice.
//!
//! `make test-faults` runs it; `make test-faults FAULTS="SCENARIO/POINT/FAULT --show"` one run of it. `src/faults.rs`
//! says how it works, the other files here hold the scenarios: one file a function.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod backfill;
mod credential_report;
mod sign_in;

use std::process::ExitCode;

use clap::Parser;
use iamwatch_tests::faults::campaign::{Plan, prove};
use nix::sys::resource::{UsageWho, getrusage};

#[derive(Parser)]
#[command(about = "Lets every AWS call of the functions fail in every way, and says what came of it")]
struct Arguments {
    /// SCENARIO/POINT/FAULT: only these; each part may be left out or be `*`, a point is its number in the table or a part of its name
    only: Option<String>,
    /// How many runs at the same time, most of which wait
    #[arg(long, default_value_t = 1000)]
    at_once: usize,
    /// How many invocations at the same time, many of which wait for an answer that does not come
    #[arg(long, default_value_t = 128)]
    working: usize,
    /// Show the calls, mails, state and log of every run
    #[arg(long)]
    show: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { only, at_once, working, show } = Arguments::parse();
    let plan = Plan { only, at_once, working, show };
    let scenarios = [sign_in::scenarios(), credential_report::scenarios(), backfill::scenarios()].concat();
    let report = prove(scenarios, &plan).await;
    println!("{}\n{}", report.table, report.figures());
    if let (Some(own), Some(functions)) =
        (cpu_seconds(UsageWho::RUSAGE_SELF), cpu_seconds(UsageWho::RUSAGE_CHILDREN))
    {
        println!("CPU seconds: {own} of this program, {functions} of the functions");
    }
    if report.broken.is_empty() && report.runs > 0 {
        return ExitCode::SUCCESS;
    }
    for broken in &report.broken {
        println!("\n{broken}");
    }
    println!("\nSee one again: make test-faults FAULTS=\"SCENARIO/POINT/FAULT --show\"");
    ExitCode::FAILURE
}

fn cpu_seconds(who: UsageWho) -> Option<i64> {
    let usage = getrusage(who).ok()?;
    Some(usage.user_time().tv_sec() + usage.system_time().tv_sec())
}
