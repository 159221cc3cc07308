//! Options that several commands have.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use shared::config::Config;
use shared::formats::cloudtrail::period::Period;
use shared::severity::Severity;

use super::help::PATHS;
use super::values::{date, severity};
use crate::s3_location::{S3Location, split_paths};

/// Which log files to read, and how.
#[derive(Args)]
pub struct ReadArgs {
    /// Log files, or folders of them at any depth
    #[arg(required = true, value_name = "PATH", long_help = PATHS)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// How many files to read at once [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
    /// Go on reading S3 where this file says that the same command ended early; where there is none, leave it there
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
}

impl ReadArgs {
    /// The paths on this machine.
    pub fn local_paths(&self) -> Vec<PathBuf> {
        split_paths(&self.paths).0
    }

    /// The paths in S3.
    pub fn s3_locations(&self) -> Vec<S3Location> {
        split_paths(&self.paths).1
    }

    /// Checks the paths against the other arguments, and the settings.
    pub fn check(&self, period: &PeriodArgs) -> anyhow::Result<()> {
        period.check()?;
        let locations = self.s3_locations();
        if locations.is_empty() && self.resume.is_some() {
            anyhow::bail!("--resume is for what is read from S3; a PATH must be s3://BUCKET/PREFIX");
        }
        locations.iter().try_for_each(|location| location.check(&period.period()))?;
        self.settings.config().map(|_| ())
    }
}

/// Which days count.
#[derive(Args)]
pub struct PeriodArgs {
    /// Only what happened on this day (UTC) or later
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<NaiveDate>,
    /// Only what happened on this day (UTC) or earlier
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Option<NaiveDate>,
}

impl PeriodArgs {
    /// The days, both included.
    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }

    fn check(&self) -> anyhow::Result<()> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                anyhow::bail!("--from is {from} and --to is {to}; --from must not be after --to")
            }
            _ => Ok(()),
        }
    }
}

/// Settings that differ from their defaults.
#[derive(Args, Clone)]
pub struct SettingsArgs {
    /// Change a setting; repeatable (--help lists the settings)
    #[arg(long = "set", value_name = "NAME=VALUE", long_help = "Change a setting listed below; repeatable")]
    pub set: Vec<String>,
}

impl SettingsArgs {
    /// All settings: the defaults, changed by `--set`.
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

/// Which findings count.
#[derive(Args)]
pub struct FilterArgs {
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
