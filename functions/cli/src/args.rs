//! What can be written on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::config::Config;
use shared::rule::Severity;

/// Judge CloudTrail log files with the rules of iamwatch. No AWS account is needed.
#[derive(Parser)]
#[command(name = "iamwatch", version, after_help = EXITS, disable_help_subcommand = true)]
struct Iamwatch {
    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "\
Exit status:
  0   everything was looked at
  1   a finding reaches --fail-on
  2   something could not be looked at, as stderr says (this wins over 1)
  64  the arguments cannot be used";

/// One thing to do.
#[derive(Subcommand)]
pub enum Command {
    /// Tell who tried to get in: failed, without MFA, as root, in an odd way
    #[command(after_help = SIGN_IN_EXAMPLES)]
    SignIn(SignIn),
    /// List every sign-in: when, who, outcome, MFA, from where, which account
    #[command(after_help = SIGN_INS_EXAMPLES)]
    SignIns(SignIns),
    /// List every rule: id, severity, title, references
    Rules(Rules),
}

const SIGN_IN_EXAMPLES: &str = "\
Examples:
  iamwatch sign-in logs/                            the mails that would be sent
  iamwatch sign-in logs/ --format json | jq .rule   one finding a line
  iamwatch sign-in logs/ --min-severity HIGH --fail-on CRITICAL
  iamwatch sign-in logs/ --set ALLOWED_SIGN_IN_CIDRS=192.0.2.0/24 --set ACCOUNT_NAMES=111122223333=prod
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ConsoleLogin > events.json
  iamwatch sign-in events.json";

const SIGN_INS_EXAMPLES: &str = "\
Examples:
  iamwatch sign-ins logs/
  iamwatch sign-ins logs/ --format csv > sign-ins.csv";

/// What to read.
#[derive(Args)]
pub struct Reading {
    /// Log files, or folders of them at any depth: .json and .json.gz; what people keep records in is read too
    /// (lists, one record a line, `lookup-events` output, EventBridge events, `_raw` exports)
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Change a setting; repeatable. The README lists them
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// How many files to read at once [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
}

/// `iamwatch sign-in`.
#[derive(Args)]
pub struct SignIn {
    #[command(flatten)]
    pub reading: Reading,
    /// text: the mails, one for each subject; json: one finding a line; ocsf: one OCSF Detection Finding a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FindingFormat,
    /// Leave out findings below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "INFORMATIONAL", value_parser = severity)]
    pub min_severity: Severity,
    /// Exit with 1 when a finding has this severity or a higher one
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
}

/// `iamwatch sign-ins`.
#[derive(Args)]
pub struct SignIns {
    #[command(flatten)]
    pub reading: Reading,
    /// table, csv, or json: one sign-in a line
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// `iamwatch rules`.
#[derive(Args)]
pub struct Rules {
    /// table, or json: an array
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: RulesFormat,
}

/// How to write findings.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    /// The mails.
    Text,
    /// One finding a line.
    Json,
    /// One OCSF Detection Finding a line.
    Ocsf,
}

/// How to write a list.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Aligned columns.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One object a line.
    Json,
}

/// How to write the rules.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// Aligned columns.
    Table,
    /// One array.
    Json,
}

/// Why there is no command to run.
pub enum Unusable {
    /// Help or the version was asked for: it goes to stdout.
    Help(String),
    /// The arguments cannot be used: the reason goes to stderr.
    Said(String),
}

/// Reads the command line.
pub fn parse() -> Result<Command, Unusable> {
    let command = Iamwatch::try_parse().map(|iamwatch| iamwatch.command).map_err(|error| {
        let text = error.render().to_string();
        if error.use_stderr() { Unusable::Said(text.trim_end().to_owned()) } else { Unusable::Help(text) }
    })?;
    if let Command::SignIn(SignIn { reading, .. }) | Command::SignIns(SignIns { reading, .. }) = &command {
        // Said here, so that a bad setting ends as every other bad argument does.
        reading.config().map_err(|error| Unusable::Said(format!("iamwatch: {error:#}")))?;
    }
    Ok(command)
}

impl Reading {
    /// The settings that `--set` changes, over their defaults.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut settings = Vec::new();
        for setting in &self.settings {
            let Some((name, value)) = setting.split_once('=') else {
                anyhow::bail!("--set is {setting:?}; it must be NAME=VALUE");
            };
            Config::check_name(name)?;
            settings.push((name, value));
        }
        // The last one counts, as with every other option.
        let lookup = |name: &str| {
            settings.iter().rev().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        Ok(Config::from_lookup(lookup)?)
    }
}

fn severity(name: &str) -> Result<Severity, String> {
    let names = Severity::ALL.map(Severity::name).join(", ");
    Severity::named(name).ok_or_else(|| format!("it must be one of {names}"))
}
