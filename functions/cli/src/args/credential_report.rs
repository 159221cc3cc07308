//! The arguments of `iamwatch credential-report`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;

use super::formats::{FindingFormat, ListFormat, ReportFormat};
use super::help::REPORT_FILE;
use super::options::{FilterArgs, SettingsArgs};
use super::values::{account_id, time};

/// `iamwatch credential-report`.
#[derive(Args)]
pub struct CredentialReportArgs {
    /// The report: CSV, packed with gzip or not, or what the AWS CLI prints; - is standard input
    #[arg(long_help = REPORT_FILE)]
    pub file: PathBuf,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Say what is new, came back, still stands or is resolved since --format json printed this file
    #[arg(long, value_name = "FINDINGS")]
    pub previous: Option<PathBuf>,
    /// List the users instead of findings: password, MFA, last sign-in, keys, and what each raises
    #[arg(long, conflicts_with_all = ["previous", "min_severity", "suppressions", "fail_on"])]
    pub list: bool,
    /// How to print: findings as text, json or ocsf [default: text], the list as table, csv or json [default: table]
    #[arg(long)]
    pub format: Option<ReportFormat>,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// The time against which ages are judged, and at which entries have expired or not
    /// [default: when the report was made; where FILE does not say it, and for entries, now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
    /// The account, where the report does not name it in its ARNs
    #[arg(long, value_name = "ID", value_parser = account_id)]
    pub account: Option<String>,
}

/// What to print of a credential report.
pub enum ReportOutput {
    /// Its findings.
    Findings(FindingFormat),
    /// Its users.
    Users(ListFormat),
}

impl CredentialReportArgs {
    /// What to print.
    ///
    /// # Errors
    /// `--format` and `--list` do not fit.
    pub fn output(&self) -> anyhow::Result<ReportOutput> {
        use ReportOutput::{Findings, Users};
        Ok(match (self.list, self.format) {
            (false, None | Some(ReportFormat::Text)) => Findings(FindingFormat::Text),
            (false, Some(ReportFormat::Json)) => Findings(FindingFormat::Json),
            (false, Some(ReportFormat::Ocsf)) => Findings(FindingFormat::Ocsf),
            (true, None | Some(ReportFormat::Table)) => Users(ListFormat::Table),
            (true, Some(ReportFormat::Csv)) => Users(ListFormat::Csv),
            (true, Some(ReportFormat::Json)) => Users(ListFormat::Json),
            (false, Some(ReportFormat::Table | ReportFormat::Csv)) => {
                anyhow::bail!("--format must be text, json or ocsf; table and csv are for --list")
            }
            (true, Some(ReportFormat::Text | ReportFormat::Ocsf)) => {
                anyhow::bail!("--format must be table, csv or json for --list")
            }
        })
    }
}
