//! Every setting: its name, unit, default and range, and what it changes.
//!
//! A setting has one name everywhere: the environment of a function, `--set NAME=VALUE`, the documentation.

mod parsers;
mod settings;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::Error;
use crate::glob::Glob;
use crate::severity::Severity;
use parsers::*;
use settings::*;
pub use settings::{Accepts, ReadBy, SETTINGS, Setting};
pub use values::{Budget, Days, WatchedAccounts, mailed_severities};

/// All settings, read once at start; every later line trusts them.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `ACCESS_KEY_MAX_AGE_DAYS`.
    pub access_key_max_age: Days,
    /// `ACCOUNT_NAMES`, by account id.
    pub account_names: BTreeMap<String, String>,
    /// `ALLOWED_SIGN_IN_CIDRS`; empty means from anywhere.
    pub allowed_sign_in_cidrs: Vec<IpNet>,
    /// `CALL_TIMEOUT_MILLIS`.
    pub call_timeout: Duration,
    /// `CERTIFICATE_MAX_AGE_DAYS`.
    pub certificate_max_age: Days,
    /// `FLEET_ABOVE_LOG_FILES`.
    pub fleet_above_log_files: u64,
    /// `HIDDEN_NAME_FAILURES`.
    pub hidden_name_failures: u64,
    /// `IDLE_DAYS`.
    pub idle: Days,
    /// `MAILS_PER_HOUR`, with every budget.
    pub mails_per_hour: BTreeMap<Budget, u32>,
    /// `MAIL_MIN_SEVERITY`.
    pub mail_min_severity: Severity,
    /// `MAX_COMPRESSED_BYTES`.
    pub max_compressed_bytes: u64,
    /// `MAX_DECOMPRESSED_BYTES`.
    pub max_decompressed_bytes: u64,
    /// `MAX_EXPORT_BYTES`.
    pub max_export_bytes: u64,
    /// `MAX_IN_FLIGHT_BYTES`.
    pub max_in_flight_bytes: u64,
    /// `MAX_RECORD_BYTES`.
    pub max_record_bytes: usize,
    /// `MEMBER_EXTERNAL_ID`.
    pub member_external_id: Option<String>,
    /// `MEMBER_ROLE_NAME`.
    pub member_role_name: String,
    /// `OWN_RESOURCES`, in lower case.
    pub own_resources: Vec<Glob>,
    /// `PASSWORD_EXPIRING_DAYS`.
    pub password_expiring_days: u32,
    /// `QUIET_MINUTES`.
    pub quiet: Duration,
    /// `REMIND_DAYS`, with every severity that is mailed; 0 is never.
    pub remind_days: BTreeMap<Severity, u32>,
    /// `RETRY_PAUSE_MILLIS`.
    pub retry_pause: Duration,
    /// `ROOT_RECENTLY_USED_DAYS`.
    pub root_recently_used_days: u32,
    /// `TOLD_DAYS`.
    pub told: Duration,
    /// `UNUSED_CREDENTIAL_DAYS`.
    pub unused_credential: Days,
    /// `WATCHED_ACCOUNTS`.
    pub watched_accounts: WatchedAccounts,
}

impl Config {
    /// Reads every setting through `lookup`. A setting for which it returns `None` has its default.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value that is out of its range.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, Error> {
        let value = |setting: &Setting| lookup(setting.name).unwrap_or_else(|| setting.default.to_owned());
        fn parsed<T>(
            setting: &Setting,
            value: String,
            parse: impl Fn(&str) -> Option<T>,
        ) -> Result<T, Error> {
            parse(value.trim()).ok_or_else(|| Error::Setting {
                name: setting.name.to_owned(),
                expected: setting.accepts.expected(),
                value,
            })
        }
        let number =
            |setting: &Setting| parsed(setting, value(setting), |value| within(value, setting.accepts));
        let minutes = |setting: &Setting| number(setting).map(|minutes| Duration::from_secs(60 * minutes));
        let in_days = |setting: &Setting| parsed(setting, value(setting), days);
        Ok(Config {
            access_key_max_age: in_days(&ACCESS_KEY_MAX_AGE_DAYS)?,
            account_names: parsed(&ACCOUNT_NAMES, value(&ACCOUNT_NAMES), account_names)?,
            allowed_sign_in_cidrs: parsed(&ALLOWED_SIGN_IN_CIDRS, value(&ALLOWED_SIGN_IN_CIDRS), |value| {
                entries(value).map(cidr).collect()
            })?,
            call_timeout: number(&CALL_TIMEOUT_MILLIS).map(Duration::from_millis)?,
            certificate_max_age: in_days(&CERTIFICATE_MAX_AGE_DAYS)?,
            fleet_above_log_files: number(&FLEET_ABOVE_LOG_FILES)?,
            hidden_name_failures: number(&HIDDEN_NAME_FAILURES)?,
            idle: in_days(&IDLE_DAYS)?,
            mails_per_hour: parsed(&MAILS_PER_HOUR, value(&MAILS_PER_HOUR), mails_per_hour)?,
            mail_min_severity: parsed(&MAIL_MIN_SEVERITY, value(&MAIL_MIN_SEVERITY), |value| {
                mailed_severities().find(|severity| severity.name() == value)
            })?,
            max_compressed_bytes: number(&MAX_COMPRESSED_BYTES)?,
            max_decompressed_bytes: number(&MAX_DECOMPRESSED_BYTES)?,
            max_export_bytes: number(&MAX_EXPORT_BYTES)?,
            max_in_flight_bytes: number(&MAX_IN_FLIGHT_BYTES)?,
            max_record_bytes: number(&MAX_RECORD_BYTES)? as usize,
            member_external_id: parsed(&MEMBER_EXTERNAL_ID, value(&MEMBER_EXTERNAL_ID), external_id)?,
            member_role_name: parsed(&MEMBER_ROLE_NAME, value(&MEMBER_ROLE_NAME), role_name)?,
            own_resources: parsed(&OWN_RESOURCES, value(&OWN_RESOURCES), names)?,
            password_expiring_days: number(&PASSWORD_EXPIRING_DAYS)? as u32,
            quiet: minutes(&QUIET_MINUTES)?,
            remind_days: parsed(&REMIND_DAYS, value(&REMIND_DAYS), days_by_severity)?,
            retry_pause: number(&RETRY_PAUSE_MILLIS).map(Duration::from_millis)?,
            root_recently_used_days: number(&ROOT_RECENTLY_USED_DAYS)? as u32,
            told: number(&TOLD_DAYS).map(|days| Duration::from_secs(86_400 * days))?,
            unused_credential: in_days(&UNUSED_CREDENTIAL_DAYS)?,
            watched_accounts: parsed(&WATCHED_ACCOUNTS, value(&WATCHED_ACCOUNTS), watched_accounts)?,
        })
    }

    /// Refuses a name that is not a setting, such as a misspelt `--set`.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], which lists the valid names.
    pub fn check_name(name: &str) -> Result<(), Error> {
        if SETTINGS.iter().any(|setting| setting.name == name) {
            return Ok(());
        }
        let known = SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ");
        Err(Error::UnknownSetting { name: name.to_owned(), known })
    }

    /// Whether a sign-in from this address is allowed. `None` if the setting is empty or this is not an IP address.
    pub fn sign_in_allowed_from(&self, address: &str) -> Option<bool> {
        if self.allowed_sign_in_cidrs.is_empty() {
            return None;
        }
        let address: IpAddr = address.parse().ok()?;
        let address = address.to_canonical();
        Some(self.allowed_sign_in_cidrs.iter().any(|range| range.contains(&address)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            access_key_max_age: Days::all(90),
            account_names: BTreeMap::new(),
            allowed_sign_in_cidrs: Vec::new(),
            call_timeout: Duration::from_secs(5),
            certificate_max_age: Days::all(90),
            fleet_above_log_files: 300_000,
            hidden_name_failures: 10,
            idle: Days::all(90),
            mails_per_hour: Budget::ALL.into_iter().zip([30, 20, 10, 5, 5]).collect(),
            mail_min_severity: Severity::Low,
            max_compressed_bytes: 64 << 20,
            max_decompressed_bytes: 1 << 30,
            max_export_bytes: 256 << 20,
            max_in_flight_bytes: 64 << 20,
            max_record_bytes: 4 << 20,
            member_external_id: None,
            member_role_name: "iamwatch-member".to_owned(),
            own_resources: Vec::new(),
            password_expiring_days: 15,
            quiet: Duration::from_secs(60 * 60),
            remind_days: mailed_severities().zip([90, 30, 7, 1]).collect(),
            retry_pause: Duration::from_millis(100),
            root_recently_used_days: 1,
            told: Duration::from_secs(400 * 86_400),
            unused_credential: Days::all(45),
            watched_accounts: WatchedAccounts::Listed(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, Error> {
        Config::from_lookup(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_table_and_the_defaults_agree() {
        assert_eq!(Config::from_lookup(|_| None).unwrap(), Config::default());
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
    }

    #[test]
    fn a_bad_value_is_refused_with_the_name_the_value_and_what_would_be_right() {
        for (name, value) in [
            ("MAX_COMPRESSED_BYTES", "0"),
            ("MAX_COMPRESSED_BYTES", "64MB"),
            ("MAX_DECOMPRESSED_BYTES", "1099511627777"),
            ("MAX_IN_FLIGHT_BYTES", "1048575"),
            ("MAIL_MIN_SEVERITY", "INFORMATIONAL"),
            ("MAIL_MIN_SEVERITY", "low"),
            ("MAX_RECORD_BYTES", "1023"),
            ("QUIET_MINUTES", "0"),
            ("TOLD_DAYS", "29"),
            ("MAILS_PER_HOUR", "CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10"),
            ("MAILS_PER_HOUR", "CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10,UNAUTHENTICATED=0"),
            ("MAILS_PER_HOUR", "CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10,LOW=9,UNAUTHENTICATED=5"),
            ("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/33"),
            ("ACCOUNT_NAMES", "1111=prod"),
            ("ACCOUNT_NAMES", "111122223333=a,111122223333=b"),
            ("ACCOUNT_NAMES", "111122223333="),
            ("OWN_RESOURCES", "iamwatch-*,*"),
            ("ACCESS_KEY_MAX_AGE_DAYS", "0"),
            ("ACCESS_KEY_MAX_AGE_DAYS", "ninety"),
            ("ACCESS_KEY_MAX_AGE_DAYS", "PEOPLE=90"),
            ("UNUSED_CREDENTIAL_DAYS", "PEOPLE=90,PEOPLE=90,MACHINES=90"),
            ("PASSWORD_EXPIRING_DAYS", "3651"),
            ("REMIND_DAYS", "CRITICAL=1,HIGH=7,MEDIUM=30"),
            ("REMIND_DAYS", "CRITICAL=1,HIGH=7,MEDIUM=30,LOW=3651"),
            ("WATCHED_ACCOUNTS", "1111"),
            ("WATCHED_ACCOUNTS", "organisation"),
            ("MEMBER_ROLE_NAME", ""),
            ("MEMBER_ROLE_NAME", "arn:aws:iam::111122223333:role/x"),
            ("MEMBER_EXTERNAL_ID", "a b"),
        ] {
            let message = with(name, value).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name} is {value:?}; it must be ")), "{message}");
        }
    }

    #[test]
    fn the_ends_of_a_range_are_accepted() {
        for setting in SETTINGS {
            let (Accepts::Bytes(least, most) | Accepts::Count(least, most, _)) = setting.accepts else {
                continue;
            };
            for value in [least, most] {
                assert!(with(setting.name, &value.to_string()).is_ok(), "{} = {value}", setting.name);
            }
        }
    }

    #[test]
    fn people_and_machines_may_have_as_many_days_or_each_its_own() {
        for (value, people, machines) in
            [("30", 30, 30), ("PEOPLE=30,MACHINES=365", 30, 365), (" MACHINES = 365 , PEOPLE = 30 ", 30, 365)]
        {
            let config = with("ACCESS_KEY_MAX_AGE_DAYS", value).unwrap();
            assert_eq!(config.access_key_max_age, Days { people, machines }, "{value}");
        }
        assert_eq!(
            with("REMIND_DAYS", "LOW=0,CRITICAL=2,HIGH=3,MEDIUM=4").unwrap().remind_days[&Severity::Low],
            0
        );
    }

    #[test]
    fn accounts_are_listed_or_found_out() {
        for (value, watched) in [
            ("", WatchedAccounts::Listed(vec![])),
            (
                "444455556666, 111122223333,444455556666",
                WatchedAccounts::Listed(vec!["111122223333".into(), "444455556666".into()]),
            ),
            ("organization", WatchedAccounts::Organization),
            ("file", WatchedAccounts::File),
        ] {
            assert_eq!(with("WATCHED_ACCOUNTS", value).unwrap().watched_accounts, watched, "{value}");
        }
        assert_eq!(
            with("MEMBER_ROLE_NAME", "audit/iamwatch-member").unwrap().member_role_name,
            "audit/iamwatch-member"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names_there_are() {
        let message = Config::check_name("MAX_BYTES").unwrap_err().to_string();
        assert!(
            message.contains("\"MAX_BYTES\" is no setting") && message.contains("MAX_RECORD_BYTES"),
            "{message}"
        );
    }

    #[test]
    fn addresses_are_allowed_by_range_also_when_ipv4_is_written_as_ipv6() {
        let config = with("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/24, 2001:db8::/32, 198.51.100.7").unwrap();
        for (address, allowed) in [
            ("192.0.2.200", Some(true)),
            ("::ffff:192.0.2.200", Some(true)),
            ("192.0.3.1", Some(false)),
            ("2001:db8:1::1", Some(true)),
            ("198.51.100.7", Some(true)),
            ("198.51.100.8", Some(false)),
            ("cloudformation.amazonaws.com", None),
            ("AWS Internal", None),
        ] {
            assert_eq!(config.sign_in_allowed_from(address), allowed, "{address}");
        }
        assert_eq!(Config::default().sign_in_allowed_from("203.0.113.1"), None, "nothing set");
    }
}
