//! How a command ends, and its exit status.

use std::process::ExitCode;

use crate::output::note;

/// How a command ended.
pub enum Exit {
    /// Everything was looked at: 0.
    Complete,
    /// A finding reaches `--fail-on`: 1.
    FailOn,
    /// Something could not be looked at; stderr names it: 2.
    CouldNotLook,
    /// The arguments, or a file that they name, cannot be used; stderr says why: 64.
    ///
    /// Source: sysexits.h, `EX_USAGE`.
    Usage,
}

impl Exit {
    /// What could not be looked at wins over what was found.
    pub fn of(could_not_look: bool, reaches_fail_on: bool) -> Exit {
        match (could_not_look, reaches_fail_on) {
            (true, _) => Exit::CouldNotLook,
            (false, true) => Exit::FailOn,
            (false, false) => Exit::Complete,
        }
    }

    /// Writes the error to stderr.
    pub fn usage(error: &anyhow::Error) -> Exit {
        note(&format!("iamwatch: {error:#}"));
        Exit::Usage
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Complete => 0,
            Exit::FailOn => 1,
            Exit::CouldNotLook => 2,
            Exit::Usage => 64,
        })
    }
}
