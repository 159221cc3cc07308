//! Every setting: its name, unit, default and range, and what it changes.
//!
//! A setting has one name everywhere: the environment of a function, `--set NAME=VALUE`, the README.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::Error;
use crate::pattern::Pattern;
use crate::rule::Severity;
use crate::text::is_account_id;

/// A setting as a person sees it.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The value it has when nobody sets it, as one would write it.
    pub default: &'static str,
    /// What may be written.
    pub accepts: Accepts,
    /// What it changes.
    pub purpose: &'static str,
    /// Which programs read it.
    pub read_by: ReadBy,
}

/// What may be written as a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// A whole number of bytes, from the least to the most.
    Bytes(u64, u64),
    /// A whole number of something, from the least to the most.
    Count(u64, u64, &'static str),
    /// A list of account ids with names.
    AccountNames,
    /// A list of ranges of addresses.
    Cidrs,
    /// The name of a severity that is mailed.
    MailedSeverity,
    /// A list of names with `*`.
    Names,
    /// A number of mails for every budget.
    MailsPerHour,
}

/// Which programs read a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// The functions and the command line.
    All,
    /// The functions alone: the command line takes no notice.
    Functions,
    /// The command line alone.
    CommandLine,
}

impl Accepts {
    /// What would be right, with unit and range: it ends the sentence "it must be …".
    pub fn expected(self) -> String {
        match self {
            Accepts::Bytes(least, most) => format!("a whole number of bytes from {least} to {most}"),
            Accepts::Count(least, most, what) => format!("a whole number of {what} from {least} to {most}"),
            Accepts::MailsPerHour => format!(
                "a number of mails from 1 to {MAX_MAILS_PER_HOUR} for each of {}, such as {}",
                Budget::ALL.map(Budget::name).join(", "),
                MAILS_PER_HOUR.default
            ),
            Accepts::AccountNames => "a comma-separated list of 12-digit account ids, each once, with the name to show, such as 111122223333=prod".to_owned(),
            Accepts::Cidrs => "a comma-separated list of IPv4 or IPv6 ranges, such as 192.0.2.0/24,2001:db8::/32".to_owned(),
            Accepts::Names => "a comma-separated list of names, ids or ARNs, in which * stands for anything, such as iamwatch-*,my-log-bucket".to_owned(),
            Accepts::MailedSeverity => {
                let names: Vec<&str> = mailed_severities().map(Severity::name).collect();
                format!("one of {}", names.join(", "))
            }
        }
    }
}

/// The severities that somebody can be mailed about: INFORMATIONAL is only counted.
pub fn mailed_severities() -> impl Iterator<Item = Severity> {
    Severity::ALL.into_iter().filter(|severity| *severity > Severity::Informational)
}

/// The most that a limit can be set to: 1 TiB, beyond anything that S3 stores as one log file.
const MAX_LIMIT_BYTES: u64 = 1 << 40;

/// No mailbox has room for more.
const MAX_MAILS_PER_HOUR: u32 = 1000;

/// Every setting there is, by name.
pub const SETTINGS: &[Setting] = &[
    ACCOUNT_NAMES,
    ALLOWED_SIGN_IN_CIDRS,
    CALL_TIMEOUT_MILLIS,
    HIDDEN_NAME_FAILURES,
    MAILS_PER_HOUR,
    MAIL_MIN_SEVERITY,
    MAX_COMPRESSED_BYTES,
    MAX_DECOMPRESSED_BYTES,
    MAX_EXPORT_BYTES,
    MAX_IN_FLIGHT_BYTES,
    MAX_RECORD_BYTES,
    OWN_RESOURCES,
    QUIET_MINUTES,
    RETRY_PAUSE_MILLIS,
    TOLD_DAYS,
];

const ACCOUNT_NAMES: Setting = Setting {
    name: "ACCOUNT_NAMES",
    default: "",
    accepts: Accepts::AccountNames,
    purpose: "The names that mails show beside account ids.",
    read_by: ReadBy::All,
};

const ALLOWED_SIGN_IN_CIDRS: Setting = Setting {
    name: "ALLOWED_SIGN_IN_CIDRS",
    default: "",
    accepts: Accepts::Cidrs,
    purpose: "Where people sign in from: a successful sign-in from any other address raises `sign-in.outside-allowed-addresses`. Empty: from anywhere.",
    read_by: ReadBy::All,
};

const CALL_TIMEOUT_MILLIS: Setting = Setting {
    name: "CALL_TIMEOUT_MILLIS",
    default: "5000",
    accepts: Accepts::Count(100, 10_000, "milliseconds"),
    purpose: "How long AWS may take to begin to answer, or to go on with what it answers, before a call is given up and made again.",
    read_by: ReadBy::Functions,
};

const HIDDEN_NAME_FAILURES: Setting = Setting {
    name: "HIDDEN_NAME_FAILURES",
    default: "10",
    accepts: Accepts::Count(1, 100, "failures"),
    purpose: "Failed sign-ins under names that no user has are mailed once so many came from one address; fewer are counted. (Most are typing errors.)",
    read_by: ReadBy::Functions,
};

const MAILS_PER_HOUR: Setting = Setting {
    name: "MAILS_PER_HOUR",
    default: "CRITICAL=30,HIGH=20,MEDIUM=10,LOW=5,UNAUTHENTICATED=5",
    accepts: Accepts::MailsPerHour,
    purpose: "How many mails of each severity are published in an hour; what anyone can cause without credentials, such as failed sign-ins, has a budget of its own. What is beyond stands in the state bucket, and one mail says so.",
    read_by: ReadBy::Functions,
};

const MAIL_MIN_SEVERITY: Setting = Setting {
    name: "MAIL_MIN_SEVERITY",
    default: "LOW",
    accepts: Accepts::MailedSeverity,
    purpose: "Findings below this severity are counted and published to nobody, but for what iamwatch could not look at. (The command line has `--min-severity`.)",
    read_by: ReadBy::Functions,
};

const MAX_COMPRESSED_BYTES: Setting = Setting {
    name: "MAX_COMPRESSED_BYTES",
    default: "67108864",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "A log file larger than this as it is stored is read so far, then reported. The default is 64 MiB; CloudTrail's largest files have about 10.",
    read_by: ReadBy::All,
};

const MAX_DECOMPRESSED_BYTES: Setting = Setting {
    name: "MAX_DECOMPRESSED_BYTES",
    default: "1073741824",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "A log file that unpacks to more than this is read so far, then reported. The default is 1 GiB; CloudTrail's largest files have 50 MB.",
    read_by: ReadBy::All,
};

const MAX_EXPORT_BYTES: Setting = Setting {
    name: "MAX_EXPORT_BYTES",
    default: "268435456",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "Records in another form than a delivered log file are kept in memory whole; what unpacks to more than this is read so far, then reported. The default is 256 MiB. (The functions read delivered log files only.)",
    read_by: ReadBy::CommandLine,
};

const MAX_IN_FLIGHT_BYTES: Setting = Setting {
    name: "MAX_IN_FLIGHT_BYTES",
    default: "67108864",
    accepts: Accepts::Bytes(1 << 20, 8 << 30),
    purpose: "How much memory the log files that are fetched at the same time may take together; one is always fetched. The default is 64 MiB.",
    read_by: ReadBy::Functions,
};

const MAX_RECORD_BYTES: Setting = Setting {
    name: "MAX_RECORD_BYTES",
    default: "4194304",
    accepts: Accepts::Bytes(1024, 1 << 30),
    purpose: "A record larger than this is reported as unreadable; it is the most that one log file keeps in memory besides its window. The default is 4 MiB; CloudTrail's largest records have 256 KB.",
    read_by: ReadBy::All,
};

const OWN_RESOURCES: Setting = Setting {
    name: "OWN_RESOURCES",
    default: "",
    accepts: Accepts::Names,
    purpose: "What iamwatch itself is made of: a change of it raises `watch.tampered`. The template fills it in.",
    read_by: ReadBy::All,
};

const QUIET_MINUTES: Setting = Setting {
    name: "QUIET_MINUTES",
    default: "60",
    accepts: Accepts::Count(1, 1440, "minutes"),
    purpose: "Once a finding was mailed, others of the same rule, principal, resource and source address are only counted until none came for so long; the next mail says how many. What goes on is mailed again every day.",
    read_by: ReadBy::Functions,
};

const RETRY_PAUSE_MILLIS: Setting = Setting {
    name: "RETRY_PAUSE_MILLIS",
    default: "100",
    accepts: Accepts::Count(1, 1000, "milliseconds"),
    purpose: "The pause before a call that failed is made again; each next one is twice as long.",
    read_by: ReadBy::Functions,
};

const TOLD_DAYS: Setting = Setting {
    name: "TOLD_DAYS",
    default: "400",
    accepts: Accepts::Count(30, 3650, "days"),
    purpose: "How long it is remembered what was mailed: a log file that is delivered again, or read again by a backfill, within that time is not mailed again.",
    read_by: ReadBy::Functions,
};

/// What mails of an hour are counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// Mails whose worst finding has that severity.
    Of(Severity),
    /// Mails whose findings anyone can cause, without credentials.
    Unauthenticated,
}

impl Budget {
    /// Every budget, in the order in which the setting is written.
    pub const ALL: [Budget; 5] = [
        Budget::Of(Severity::Critical),
        Budget::Of(Severity::High),
        Budget::Of(Severity::Medium),
        Budget::Of(Severity::Low),
        Budget::Unauthenticated,
    ];

    /// Its name in settings, mails and the state bucket.
    pub fn name(self) -> &'static str {
        match self {
            Budget::Of(severity) => severity.name(),
            Budget::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// All settings, read once at start; every later line trusts them.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `ACCOUNT_NAMES`, by account id.
    pub account_names: BTreeMap<String, String>,
    /// `ALLOWED_SIGN_IN_CIDRS`; empty means from anywhere.
    pub allowed_sign_in_cidrs: Vec<IpNet>,
    /// `CALL_TIMEOUT_MILLIS`.
    pub call_timeout: Duration,
    /// `HIDDEN_NAME_FAILURES`.
    pub hidden_name_failures: u64,
    /// `MAILS_PER_HOUR`: every budget is there.
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
    /// `OWN_RESOURCES`, in lower case.
    pub own_resources: Vec<Pattern>,
    /// `QUIET_MINUTES`.
    pub quiet: Duration,
    /// `RETRY_PAUSE_MILLIS`.
    pub retry_pause: Duration,
    /// `TOLD_DAYS`.
    pub told: Duration,
}

impl Config {
    /// Reads every setting through `lookup`; what it does not have takes its default.
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
        Ok(Config {
            account_names: parsed(&ACCOUNT_NAMES, value(&ACCOUNT_NAMES), account_names)?,
            allowed_sign_in_cidrs: parsed(&ALLOWED_SIGN_IN_CIDRS, value(&ALLOWED_SIGN_IN_CIDRS), |value| {
                entries(value).map(cidr).collect()
            })?,
            call_timeout: number(&CALL_TIMEOUT_MILLIS).map(Duration::from_millis)?,
            hidden_name_failures: number(&HIDDEN_NAME_FAILURES)?,
            mails_per_hour: parsed(&MAILS_PER_HOUR, value(&MAILS_PER_HOUR), mails_per_hour)?,
            mail_min_severity: parsed(&MAIL_MIN_SEVERITY, value(&MAIL_MIN_SEVERITY), |value| {
                mailed_severities().find(|severity| severity.name() == value)
            })?,
            max_compressed_bytes: number(&MAX_COMPRESSED_BYTES)?,
            max_decompressed_bytes: number(&MAX_DECOMPRESSED_BYTES)?,
            max_export_bytes: number(&MAX_EXPORT_BYTES)?,
            max_in_flight_bytes: number(&MAX_IN_FLIGHT_BYTES)?,
            max_record_bytes: number(&MAX_RECORD_BYTES)? as usize,
            own_resources: parsed(&OWN_RESOURCES, value(&OWN_RESOURCES), names)?,
            quiet: minutes(&QUIET_MINUTES)?,
            retry_pause: number(&RETRY_PAUSE_MILLIS).map(Duration::from_millis)?,
            told: number(&TOLD_DAYS).map(|days| Duration::from_secs(86_400 * days))?,
        })
    }

    /// Refuses names that are no setting, such as a misspelt `--set`.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], with the names there are.
    pub fn check_name(name: &str) -> Result<(), Error> {
        if SETTINGS.iter().any(|setting| setting.name == name) {
            return Ok(());
        }
        let known = SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ");
        Err(Error::UnknownSetting { name: name.to_owned(), known })
    }

    /// Whether somebody may sign in from there. An address that is none cannot be judged.
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
            account_names: BTreeMap::new(),
            allowed_sign_in_cidrs: Vec::new(),
            call_timeout: Duration::from_secs(5),
            hidden_name_failures: 10,
            mails_per_hour: Budget::ALL.into_iter().zip([30, 20, 10, 5, 5]).collect(),
            mail_min_severity: Severity::Low,
            max_compressed_bytes: 64 << 20,
            max_decompressed_bytes: 1 << 30,
            max_export_bytes: 256 << 20,
            max_in_flight_bytes: 64 << 20,
            max_record_bytes: 4 << 20,
            own_resources: Vec::new(),
            quiet: Duration::from_secs(60 * 60),
            retry_pause: Duration::from_millis(100),
            told: Duration::from_secs(400 * 86_400),
        }
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Nothing where an entry is not as it must be, or an account has two names.
fn account_names(list: &str) -> Option<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    for entry in entries(list) {
        let (account, name) = entry.split_once('=')?;
        let (account, name) = (account.trim(), name.trim());
        let valid = is_account_id(account) && !name.is_empty();
        if !valid || names.insert(account.to_owned(), name.to_owned()).is_some() {
            return None;
        }
    }
    Some(names)
}

/// In lower case, for a bucket's name is the stack's in lower case. A bare `*` would be everything.
fn names(list: &str) -> Option<Vec<Pattern>> {
    let name = |entry: &str| {
        entry.bytes().any(|byte| byte != b'*').then(|| Pattern::of(&entry.to_ascii_lowercase()))
    };
    entries(list).map(name).collect()
}

/// A range, or one address as the range of itself.
fn cidr(entry: &str) -> Option<IpNet> {
    entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Nothing where a budget is missing, unknown or named twice.
fn mails_per_hour(list: &str) -> Option<BTreeMap<Budget, u32>> {
    let mut mails = BTreeMap::new();
    for entry in entries(list) {
        let (name, count) = entry.split_once('=')?;
        let budget = Budget::ALL.into_iter().find(|budget| budget.name() == name.trim())?;
        let count = count.trim().parse().ok().filter(|count| (1..=MAX_MAILS_PER_HOUR).contains(count))?;
        if mails.insert(budget, count).is_some() {
            return None;
        }
    }
    (mails.len() == Budget::ALL.len()).then_some(mails)
}

fn within(value: &str, accepts: Accepts) -> Option<u64> {
    let (Accepts::Bytes(least, most) | Accepts::Count(least, most, _)) = accepts else { return None };
    value.parse().ok().filter(|number| (least..=most).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, Error> {
        Config::from_lookup(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_table_and_the_defaults_tell_the_same_story() {
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
