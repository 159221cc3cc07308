//! Reads log files from S3, with the credentials of the person who runs the program.
//!
//! | file | what it holds |
//! |---|---|
//! | `s3/job.rs` | what to read, and why reading stops early |
//! | `s3/planning.rs` | lists the log files to read and divides them into batches |
//! | `s3/read.rs` | reads the batches, shows progress, stops and resumes |
//! | `s3/checkpoint.rs` | the file of `--resume` |
//! | `s3/sign_in_records.rs` | collects the records that `sign-in` and `sign-ins` need |
//! | `s3/record_list.rs` | lists the records that `records` selects |
//! | `s3/error_messages.rs` | AWS errors as messages for the person at the terminal |

mod checkpoint;
mod error_messages;
mod job;
mod planning;
mod read;
mod record_list;
mod sign_in_records;

use std::io::Write;

use serde_json::json;
use shared::config::Config;

use self::checkpoint::Checkpoint;
use self::job::S3Job;
use self::read::read;
use self::record_list::ListRecords;
use self::sign_in_records::{KeepRecords, SignInRecordReader};
use crate::args::{PeriodArgs, ReadArgs, RecordsArgs};
use crate::exit::Exit;
use crate::read_totals::{LogFileTotals, S3Records};
use crate::records::list::RecordList;
use crate::records::selector::RecordSelector;

/// Reads the sign-ins, and the records that raise a finding. `Err` if reading stopped early: how the command ends.
pub fn read_sign_in_records(
    command: &str,
    args: &ReadArgs,
    period: &PeriodArgs,
    config: &Config,
) -> anyhow::Result<Result<S3Records, Exit>> {
    let job = S3Job::new(command, args, period, config, json!({}));
    let reader = SignInRecordReader { config, period: job.period };
    let checkpoint = read(&job, &reader, &mut KeepRecords)?;
    Ok(checkpoint.map(|Checkpoint { state, counts, failures, .. }| {
        let findings = state.findings(config);
        S3Records { records: state.records, findings, totals: LogFileTotals { counts, failures } }
    }))
}

/// Lists the records that are selected, and answers whether everything was read. `Err` if reading stopped early: how
/// the command ends.
pub fn list_records<W: Write>(
    args: &RecordsArgs,
    selector: &RecordSelector<'_>,
    shows_progress: bool,
    list: &mut RecordList<W>,
) -> anyhow::Result<Result<bool, Exit>> {
    let RecordsArgs { event_source, event_name, principal, ip, account, error, format, read: paths, period } =
        args;
    let more = json!({
        "event_source": event_source,
        "event_name": event_name,
        "principal": principal,
        "ip": ip.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "account": account,
        "error": error,
        "format": format!("{format:?}"),
    });
    let job = S3Job::new("records", paths, period, selector.config, more);
    let job = S3Job { accounts: account.iter().cloned().collect(), shows_progress, ..job };
    let checkpoint = read(&job, selector, &mut ListRecords(list))?;
    Ok(checkpoint.map(|checkpoint| checkpoint.failures.is_empty()))
}

/// Deletes the file of `--resume` after the results were written: the same command then starts from the beginning.
pub fn delete_checkpoint(args: &ReadArgs) {
    if let Some(file) = &args.resume {
        let _ = std::fs::remove_file(file);
    }
}
