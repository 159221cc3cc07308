//! The iamwatch command line: the rules over local files, with no AWS account; with the feature `s3` also over a
//! bucket.
//!
//! | file | what it holds |
//! |---|---|
//! | `args.rs`, `args/` | the command line: commands, options, help texts |
//! | `exit.rs` | exit statuses |
//! | `sign_in.rs` | `iamwatch sign-in`: findings in log files |
//! | `sign_ins.rs` | `iamwatch sign-ins`: every sign-in |
//! | `records.rs`, `records/` | `iamwatch records`: every record that matches a query |
//! | `credential_report.rs` | `iamwatch credential-report`: findings in a credential report |
//! | `report_file.rs` | the file that holds a credential report |
//! | `users.rs`, `users/` | `iamwatch credential-report --list`: every user |
//! | `rules.rs` | `iamwatch rules`: every rule |
//! | `suppressions.rs` | suppression files, and `iamwatch suppressions check` |
//! | `findings.rs` | filters and prints findings |
//! | `html_file.rs` | writes the HTML report of `--html` |
//! | `local_files.rs` | which local files to read |
//! | `local_read.rs` | reads local files, several at once |
//! | `reorder_buffer.rs` | puts what several threads produce into the order of the files |
//! | `s3_location.rs` | distinguishes S3 locations from local paths |
//! | `s3.rs`, `s3/` | reads log files from S3 (`s3/without_sdk.rs` if the AWS SDK is not built in) |
//! | `read_totals.rs` | what was read and what could not be, the same for local files and S3 |
//! | `output.rs`, `progress.rs` | stdout, stderr and progress bars, safe against hostile text |

mod args;
mod credential_report;
mod exit;
mod findings;
mod html_file;
mod local_files;
mod local_read;
mod output;
mod progress;
mod read_totals;
mod records;
mod reorder_buffer;
mod report_file;
mod rules;
#[cfg_attr(not(feature = "s3"), path = "s3/without_sdk.rs")]
mod s3;
mod s3_location;
mod sign_in;
mod sign_ins;
mod suppressions;
mod users;

use std::process::ExitCode;

use args::{ArgsError, Command, SuppressionsCommand};
use exit::Exit;

fn main() -> ExitCode {
    let exit = match args::parse() {
        Ok(command) => run(&command),
        Err(ArgsError::Help(text)) => output::print(&text).map(|()| Exit::Complete),
        Err(ArgsError::Invalid(text)) => {
            output::note(&text);
            Ok(Exit::Usage)
        }
    };
    let exit = exit.unwrap_or_else(|error| {
        output::note(&format!("iamwatch: could not write the results: {error:#}"));
        Exit::CouldNotLook
    });
    exit.into()
}

/// # Errors
/// Results could not be written.
fn run(command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::SignIn(args) => sign_in::run(args),
        Command::SignIns(args) => sign_ins::run(args),
        Command::Records(args) => records::run(args),
        Command::CredentialReport(args) => credential_report::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Suppressions(SuppressionsCommand::Check(args)) => suppressions::check(args),
    }
}
