//! Parsers of option values. An error says what would be right; clap writes the option and its value before it.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use ipnet::IpNet;
use shared::severity::Severity;
use shared::text;

pub fn time(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| "it must be a date and time such as 2026-04-01T00:00:00Z".to_owned())
}

pub fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "it must be a day such as 2026-04-01".to_owned())
}

pub fn address_range(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    let parsed = text.parse::<IpNet>().or_else(|_| address());
    parsed.map_err(|_| "it must be an address or a range, such as 192.0.2.0/24".to_owned())
}

pub fn account_id(text: &str) -> Result<String, String> {
    match text::is_account_id(text) {
        true => Ok(text.to_owned()),
        false => Err("it must be an account id of 12 digits".to_owned()),
    }
}

pub fn severity(name: &str) -> Result<Severity, String> {
    let names = Severity::ALL.map(Severity::name).join(", ");
    Severity::named(name).ok_or_else(|| format!("it must be one of {names}"))
}
