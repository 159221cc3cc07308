//! The iamwatch command line: the rules over local files, with no AWS account.
//!
//! | file | what it holds |
//! |---|---|
//! | `args.rs` | what can be written on the command line |
//! | `files.rs` | which files are meant, and what they are |
//! | `reading.rs` | reading them, several at once, into whatever a command wants of them |
//! | `sign_in.rs` | `iamwatch sign-in`: findings |
//! | `sign_ins.rs` | `iamwatch sign-ins`: every sign-in |
//! | `rules.rs` | `iamwatch rules`: what is watched |
//! | `suppressions.rs` | what a person has accepted, and `iamwatch suppressions check` |
//! | `output.rs` | writing results so that nothing in them is executed |

mod args;
mod files;
mod output;
mod reading;
mod rules;
mod sign_in;
mod sign_ins;
mod suppressions;

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
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Suppressions(args::Suppressions::Check(arguments)) => suppressions::check(&arguments),
    };
    match end {
        Ok(End::Looked) => ExitCode::SUCCESS,
        Ok(End::Found) => ExitCode::from(1),
        Ok(End::CouldNotLook) => ExitCode::from(2),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::note(&format!("iamwatch: could not write the results: {error:#}"));
    ExitCode::from(2)
}
