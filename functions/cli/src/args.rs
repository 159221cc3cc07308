//! The command line: its commands, and what is checked before one runs.

mod credential_report;
mod formats;
mod help;
mod options;
mod records;
mod values;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};

pub use self::credential_report::{CredentialReportArgs, ReportOutput};
pub use self::formats::{FindingFormat, ListFormat, RulesFormat};
pub use self::options::{FilterArgs, PeriodArgs, ReadArgs};
pub use self::records::RecordsArgs;

use self::help::{
    CREDENTIAL_REPORT_EXAMPLES, EXITS, RECORDS_EXAMPLES, SIGN_IN_EXAMPLES, SIGN_INS_EXAMPLES,
    SUPPRESSIONS_EXAMPLES, with_settings,
};
use self::options::SettingsArgs;
use self::values::time;
use crate::html_file;
use crate::s3_location::{self, S3Location};

/// Judge CloudTrail log files and IAM credential reports with the rules of iamwatch. No AWS account is needed.
#[derive(Parser)]
#[command(name = "iamwatch", version, after_help = EXITS, disable_help_subcommand = true)]
struct Iamwatch {
    #[command(subcommand)]
    command: Command,
}

/// One thing to do.
#[derive(Subcommand)]
pub enum Command {
    /// Tell who tried to get in: failed, without MFA, as root, in an odd way
    #[command(after_help = SIGN_IN_EXAMPLES, after_long_help = with_settings(SIGN_IN_EXAMPLES))]
    SignIn(SignInArgs),
    /// List every sign-in: when, who, outcome, MFA, from where, which account
    #[command(after_help = SIGN_INS_EXAMPLES, after_long_help = with_settings(SIGN_INS_EXAMPLES))]
    SignIns(SignInsArgs),
    /// List calls: who used a service, when, from where, with which calls
    #[command(after_help = RECORDS_EXAMPLES, after_long_help = with_settings(RECORDS_EXAMPLES))]
    Records(RecordsArgs),
    /// Tell which credentials are unprotected, old or unused, or list the users of an IAM credential report
    #[command(after_help = CREDENTIAL_REPORT_EXAMPLES, after_long_help = with_settings(CREDENTIAL_REPORT_EXAMPLES))]
    CredentialReport(CredentialReportArgs),
    /// List every rule: id, severity, title, references
    Rules(RulesArgs),
    /// Check a file of suppressions, and what each entry would hide in log files and reports
    #[command(after_help = SUPPRESSIONS_EXAMPLES, subcommand)]
    Suppressions(SuppressionsCommand),
}

/// `iamwatch sign-in`.
#[derive(Args)]
pub struct SignInArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// How to print findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FindingFormat,
    /// Write a page with charts and a table of the findings into this file too; a browser opens it with no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub period: PeriodArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// The time at which entries have expired or not, and at which the page says it was made [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
}

/// `iamwatch sign-ins`.
#[derive(Args)]
pub struct SignInsArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// `iamwatch suppressions`.
#[derive(Subcommand)]
pub enum SuppressionsCommand {
    /// Say of every entry whether it is understood, until when it holds, and what it would hide
    #[command(after_help = SUPPRESSIONS_EXAMPLES, after_long_help = with_settings(SUPPRESSIONS_EXAMPLES))]
    Check(SuppressionsCheckArgs),
}

/// `iamwatch suppressions check`.
#[derive(Args)]
pub struct SuppressionsCheckArgs {
    /// The file, as config/suppressions.toml
    pub file: PathBuf,
    /// Log files, folders of them, and credential reports, to show what each entry would hide in them
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// The time at which entries have expired or not, and as of which credential reports are judged [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
}

impl SuppressionsCheckArgs {
    /// How to read these log files.
    pub fn read(&self, paths: Vec<PathBuf>) -> ReadArgs {
        ReadArgs { paths, settings: self.settings.clone(), threads: None, resume: None }
    }
}

/// `iamwatch rules`.
#[derive(Args)]
pub struct RulesArgs {
    /// How to print the rules
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: RulesFormat,
}

/// Why there is no command to run.
pub enum ArgsError {
    /// Help or the version was asked for: the text is for stdout.
    Help(String),
    /// The arguments cannot be used: the reason is for stderr.
    Invalid(String),
}

/// Reads the command line.
pub fn parse() -> Result<Command, ArgsError> {
    let command = Iamwatch::try_parse().map(|iamwatch| iamwatch.command).map_err(|error| {
        let text = error.render().to_string();
        if error.use_stderr() {
            ArgsError::Invalid(text.trim_end().to_owned())
        } else {
            ArgsError::Help(text)
        }
    })?;
    command.check().map_err(|error| ArgsError::Invalid(format!("iamwatch: {error:#}")))?;
    Ok(command)
}

impl Command {
    /// Checks what the parser cannot: arguments that depend on each other, settings, and where output goes.
    fn check(&self) -> anyhow::Result<()> {
        match self {
            Command::SignIn(args) => {
                args.read.check(&args.period)?;
                args.html.as_deref().map_or(Ok(()), html_file::check)
            }
            Command::SignIns(args) => args.read.check(&args.period),
            Command::Records(args) => args.read.check(&args.period),
            Command::CredentialReport(args) => {
                args.output()?;
                args.settings.config().map(|_| ())
            }
            Command::Suppressions(SuppressionsCommand::Check(args)) => {
                match s3_location::split_paths(&args.paths).1.first() {
                    Some(S3Location { uri, .. }) => {
                        anyhow::bail!("{uri} is in S3; it must be on this machine")
                    }
                    None => args.settings.config().map(|_| ()),
                }
            }
            Command::Rules(_) => Ok(()),
        }
    }
}
