//! The arguments of `iamwatch records`, and what they ask.

use clap::Args;
use ipnet::IpNet;
use shared::finding::query::Query;
use shared::glob::Glob;

use super::{Days, ListFormat, Reading, account, range};

/// `iamwatch records`.
#[derive(Args)]
pub struct Records {
    #[command(flatten)]
    pub reading: Reading,
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
    #[arg(long, value_name = "ADDRESS", value_parser = range)]
    pub ip: Vec<IpNet>,
    /// Only calls in this account; repeatable
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Vec<String>,
    /// Only calls that failed or were refused
    #[arg(long)]
    pub error: bool,
    #[command(flatten)]
    pub days: Days,
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

impl Records {
    /// Which records are meant.
    pub fn question(&self) -> Query {
        let patterns = |texts: &[String]| texts.iter().map(|text| Glob::of(text)).collect();
        let source = |text: &String| match text.contains(['.', '*']) {
            true => text.clone(),
            false => format!("{text}.amazonaws.com"),
        };
        let sources: Vec<String> = self.event_source.iter().map(source).collect();
        Query {
            event_sources: patterns(&sources),
            event_names: patterns(&self.event_name),
            principals: patterns(&self.principal),
            addresses: self.ip.clone(),
            accounts: self.account.iter().cloned().collect(),
            period: self.days.period(),
            only_failed: self.error,
        }
    }
}
