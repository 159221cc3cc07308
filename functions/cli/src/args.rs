//! What can be written on the command line.

mod credential_report;
mod help;
mod records;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use shared::config::Config;
use shared::formats::cloudtrail::period::Period;
use shared::severity::Severity;
use shared::text;

pub use self::credential_report::{CredentialReport, ReportOutput};
pub use self::records::Records;

use self::help::{
    CREDENTIAL_REPORT_EXAMPLES, EXITS, PATHS, RECORDS_EXAMPLES, SIGN_IN_EXAMPLES, SIGN_INS_EXAMPLES,
    SUPPRESSIONS_EXAMPLES, with_settings,
};
use crate::places::{self, Location};
use crate::{html, suppressions};

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
    SignIn(SignIn),
    /// List every sign-in: when, who, outcome, MFA, from where, which account
    #[command(after_help = SIGN_INS_EXAMPLES, after_long_help = with_settings(SIGN_INS_EXAMPLES))]
    SignIns(SignIns),
    /// List calls: who used a service, when, from where, with which calls
    #[command(after_help = RECORDS_EXAMPLES, after_long_help = with_settings(RECORDS_EXAMPLES))]
    Records(Records),
    /// Tell which credentials are unprotected, old or unused, or list the users of an IAM credential report
    #[command(after_help = CREDENTIAL_REPORT_EXAMPLES, after_long_help = with_settings(CREDENTIAL_REPORT_EXAMPLES))]
    CredentialReport(CredentialReport),
    /// List every rule: id, severity, title, references
    Rules(Rules),
    /// Check a file of suppressions, and what each entry would hide in log files
    #[command(after_help = SUPPRESSIONS_EXAMPLES, subcommand)]
    Suppressions(Suppressions),
}

/// What to read.
#[derive(Args)]
pub struct Reading {
    /// Log files, or folders of them at any depth
    #[arg(required = true, value_name = "PATH", long_help = PATHS)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
    /// How many files to read at once [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
    /// Go on reading S3 where this file says that the same command ended early; where there is none, leave it there
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
}

impl Reading {
    /// Those of the paths that are on this machine.
    pub fn files(&self) -> Vec<PathBuf> {
        places::split(&self.paths).0
    }

    /// Those that are in S3.
    pub fn locations(&self) -> Vec<Location> {
        places::split(&self.paths).1
    }

    fn check(&self, days: &Days) -> anyhow::Result<()> {
        days.check()?;
        let locations = self.locations();
        if locations.is_empty() && self.resume.is_some() {
            anyhow::bail!("--resume is for what is read from S3; a PATH must be s3://BUCKET/PREFIX");
        }
        locations.iter().try_for_each(|location| location.check(&days.period()))
    }
}

/// When it happened.
#[derive(Args)]
pub struct Days {
    /// Only what happened on this day (UTC) or later
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Option<NaiveDate>,
    /// Only what happened on this day (UTC) or earlier
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub to: Option<NaiveDate>,
}

impl Days {
    /// The days.
    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }

    fn check(&self) -> anyhow::Result<()> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                anyhow::bail!("--from is {from} and --to is {to}; the first day must not be behind the last")
            }
            _ => Ok(()),
        }
    }
}

/// What is other than by default.
#[derive(Args)]
pub struct Settings {
    /// Change a setting; repeatable (--help lists the settings)
    #[arg(long = "set", value_name = "NAME=VALUE", long_help = "Change a setting listed below; repeatable")]
    pub set: Vec<String>,
}

/// Which findings count.
#[derive(Args)]
pub struct Counting {
    /// Leave out findings below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "INFORMATIONAL", value_parser = severity)]
    pub min_severity: Severity,
    /// Leave out what the entries of this file accept (mails print them)
    #[arg(long, value_name = "FILE")]
    pub suppressions: Option<PathBuf>,
    /// Exit with 1 when a finding has this severity or a higher one
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
}

/// `iamwatch sign-in`.
#[derive(Args)]
pub struct SignIn {
    #[command(flatten)]
    pub reading: Reading,
    /// How to print findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FindingFormat,
    /// Write a page with charts and a table of the findings into this file too; a browser opens it with no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub days: Days,
    #[command(flatten)]
    pub counting: Counting,
    /// The time at which entries have expired or not, and at which the page says it was made [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
}

/// `iamwatch sign-ins`.
#[derive(Args)]
pub struct SignIns {
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub days: Days,
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// `iamwatch suppressions`.
#[derive(Subcommand)]
pub enum Suppressions {
    /// Say of every entry whether it is understood, until when it holds, and what it would hide
    Check(Check),
}

/// `iamwatch suppressions check`.
#[derive(Args)]
pub struct Check {
    /// The file, as config/suppressions.toml
    pub file: PathBuf,
    /// Log files, or folders of them, to count in what each entry would hide
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The time at which entries have expired or not [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
}

/// `iamwatch rules`.
#[derive(Args)]
pub struct Rules {
    /// How to print the rules
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: RulesFormat,
}

/// How to write findings.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    /// The mails that would be sent: one for each principal or address, with what to do next.
    Text,
    /// One finding a line, never grouped or left out.
    Json,
    /// One OCSF Detection Finding a line.
    Ocsf,
}

/// How to write what stands in a credential report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The mail that would be sent, with what to do next.
    Text,
    /// One finding, or one user, a line.
    Json,
    /// One OCSF Detection Finding a line.
    Ocsf,
    /// Users in aligned columns.
    Table,
    /// Users as comma-separated values with a header.
    Csv,
}

/// How to write a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
    // Said here, so that what they hold ends as every other bad argument does.
    command.check().map_err(|error| Unusable::Said(format!("iamwatch: {error:#}")))?;
    Ok(command)
}

impl Command {
    /// Reads what the arguments name and hold, for what is wrong with it.
    fn check(&self) -> anyhow::Result<()> {
        let (settings, counting) = match self {
            Command::SignIn(SignIn { reading, days, counting, now, html, .. }) => {
                reading.check(days)?;
                html.as_deref().map_or(Ok(()), html::check)?;
                (&reading.settings, Some((counting, now)))
            }
            Command::SignIns(SignIns { reading, days, .. })
            | Command::Records(Records { reading, days, .. }) => {
                reading.check(days)?;
                (&reading.settings, None)
            }
            Command::CredentialReport(arguments) => {
                arguments.output()?;
                (&arguments.settings, Some((&arguments.counting, &arguments.now)))
            }
            Command::Suppressions(Suppressions::Check(Check { paths, .. })) => {
                return match places::split(paths).1.first() {
                    Some(Location { uri, .. }) => anyhow::bail!("{uri} is in S3; it must be on this machine"),
                    None => Ok(()),
                };
            }
            Command::Rules(_) => return Ok(()),
        };
        if let Some((Counting { suppressions: Some(file), .. }, now)) = counting {
            suppressions::read(file, now.unwrap_or_else(Utc::now))?;
        }
        settings.config().map(|_| ())
    }
}

impl Check {
    /// What to read, where something is to be counted.
    pub fn reading(&self) -> Option<Reading> {
        let paths = self.paths.clone();
        (!paths.is_empty()).then(|| Reading {
            paths,
            settings: Settings { set: Vec::new() },
            threads: None,
            resume: None,
        })
    }
}

impl Settings {
    /// The settings that `--set` changes, over their defaults.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut settings = Vec::new();
        for setting in &self.set {
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

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| "it must be a date and time such as 2026-04-01T00:00:00Z".to_owned())
}

fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "it must be a day such as 2026-04-01".to_owned())
}

fn range(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    let parsed = text.parse::<IpNet>().or_else(|_| address());
    parsed.map_err(|_| "it must be an address or a range, such as 192.0.2.0/24".to_owned())
}

fn account(text: &str) -> Result<String, String> {
    match text::is_account_id(text) {
        true => Ok(text.to_owned()),
        false => Err("it must be an account id of 12 digits".to_owned()),
    }
}

fn severity(name: &str) -> Result<Severity, String> {
    let names = Severity::ALL.map(Severity::name).join(", ");
    Severity::named(name).ok_or_else(|| format!("it must be one of {names}"))
}
