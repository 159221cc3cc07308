//! The iamwatch command line: the rules over local files, with no AWS account; with the feature `s3` also over a
//! bucket.
//!
//! | file | what it holds |
//! |---|---|
//! | `args.rs` | what can be written on the command line |
//! | `files.rs` | which files are meant, and what they are |
//! | `places.rs` | paths of this machine, and places in S3 |
//! | `reading.rs` | reading them, several at once, into whatever a command wants of them |
//! | `sign_in.rs` | `iamwatch sign-in`: findings |
//! | `sign_ins.rs` | `iamwatch sign-ins`: every sign-in |
//! | `records.rs` | `iamwatch records`: who used a service, when, from where, with which calls |
//! | `records/row.rs` | one call, as it is printed |
//! | `records/list.rs` | the list: one event once, and what it comes to |
//! | `s3.rs`, `s3/` | log files in S3 (`s3/absent.rs` where there is no AWS SDK) |
//! | `in_order.rs` | what several threads make, in the order of the files |
//! | `credential_report.rs` | `iamwatch credential-report`: findings |
//! | `report_file.rs` | the file that a credential report comes in |
//! | `users.rs` | `iamwatch credential-report --list`: every user |
//! | `html.rs` | writing the page that `--html` asks for |
//! | `findings.rs` | which findings count, and printing them |
//! | `rules.rs` | `iamwatch rules`: what is watched |
//! | `suppressions.rs` | what a person has accepted, and `iamwatch suppressions check` |
//! | `output.rs` | writing results so that nothing in them is executed |

mod args;
mod credential_report;
mod files;
mod findings;
mod html;
mod in_order;
mod output;
mod places;
mod reading;
mod records;
mod report_file;
mod rules;
#[cfg_attr(not(feature = "s3"), path = "s3/absent.rs")]
mod s3;
mod sign_in;
mod sign_ins;
mod suppressions;
mod users;

use std::process::ExitCode;

use args::Command;

/// Bad arguments (sysexits.h, `EX_USAGE`).
const EXIT_USAGE: u8 = 64;

/// How a command ended, when nothing kept it from its work.
pub enum End {
    /// Everything was looked at.
    Looked,
    /// A finding reaches `--fail-on`.
    Found,
    /// Something could not be looked at; it has been said on stderr.
    CouldNotLook,
    /// A file that an argument names is not what it must be; it has been said on stderr.
    Unusable,
}

impl End {
    /// What could not be looked at wins over what was found.
    fn of(could_not_look: bool, fails: bool) -> End {
        match (could_not_look, fails) {
            (true, _) => End::CouldNotLook,
            (false, true) => End::Found,
            (false, false) => End::Looked,
        }
    }
}

fn main() -> ExitCode {
    let command = match args::parse() {
        Ok(command) => command,
        Err(args::Unusable::Said(text)) => {
            output::note(&text);
            return ExitCode::from(EXIT_USAGE);
        }
        Err(args::Unusable::Help(text)) => {
            return match output::print(&text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
    };
    let end = match command {
        Command::SignIn(arguments) => sign_in::run(&arguments),
        Command::SignIns(arguments) => sign_ins::run(&arguments),
        Command::Records(arguments) => records::run(&arguments),
        Command::CredentialReport(arguments) => credential_report::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Suppressions(args::Suppressions::Check(arguments)) => suppressions::check(&arguments),
    };
    match end {
        Ok(End::Looked) => ExitCode::SUCCESS,
        Ok(End::Found) => ExitCode::from(1),
        Ok(End::CouldNotLook) => ExitCode::from(2),
        Ok(End::Unusable) => ExitCode::from(EXIT_USAGE),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::note(&format!("iamwatch: could not write the results: {error:#}"));
    ExitCode::from(2)
}
