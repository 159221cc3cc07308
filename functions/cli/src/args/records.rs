//! The arguments of `iamwatch records`.

use clap::Args;
use ipnet::IpNet;
use shared::finding::query::Query;
use shared::glob::Glob;

use super::formats::ListFormat;
use super::options::{PeriodArgs, ReadArgs};
use super::values::{account_id, address_range};

/// `iamwatch records`.
#[derive(Args)]
pub struct RecordsArgs {
    #[command(flatten)]
    pub read: ReadArgs,
    /// Only calls of this service, such as iam.amazonaws.com or, for short, iam; repeatable, * stands for anything
    #[arg(long, value_name = "SOURCE")]
    pub event_source: Vec<String>,
    /// Only calls of this name, such as CreateUser; repeatable, * stands for anything
    #[arg(long, value_name = "NAME")]
    pub event_name: Vec<String>,
    /// Only calls by this name, ARN, id or access key, of a user, role or session; repeatable, * stands for anything
    #[arg(long, value_name = "WHO")]
    pub principal: Vec<String>,
    /// Only calls from this address or range; repeatable
    #[arg(long, value_name = "ADDRESS", value_parser = address_range)]
    pub ip: Vec<IpNet>,
    /// Only calls in this account; repeatable
    #[arg(long, value_name = "ID", value_parser = account_id)]
    pub account: Vec<String>,
    /// Only calls that failed or were refused
    #[arg(long)]
    pub error: bool,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

impl RecordsArgs {
    /// The query of the arguments.
    pub fn query(&self) -> Query {
        let globs = |texts: &[String]| texts.iter().map(|text| Glob::of(text)).collect();
        let source = |text: &String| match text.contains(['.', '*']) {
            true => text.clone(),
            false => format!("{text}.amazonaws.com"),
        };
        let sources: Vec<String> = self.event_source.iter().map(source).collect();
        Query {
            event_sources: globs(&sources),
            event_names: globs(&self.event_name),
            principals: globs(&self.principal),
            addresses: self.ip.clone(),
            accounts: self.account.iter().cloned().collect(),
            period: self.period.period(),
            only_failed: self.error,
        }
    }
}
