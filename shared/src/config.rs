//! Every setting: its name, unit, default and range, and what it changes.
//!
//! A setting has one name everywhere: the environment of a function, `--set NAME=VALUE`, the README.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::Error;
use crate::glob::Glob;
use crate::severity::Severity;
use crate::text::{iam_name, is_account_id};

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
    /// A number of days, or one for people and one for machines.
    Days,
    /// A number of days for every severity that is mailed.
    DaysBySeverity,
    /// Which accounts there are.
    WatchedAccounts,
    /// The name of a role.
    RoleName,
    /// What a role wants to be told by whoever assumes it.
    ExternalId,
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
            Accepts::Days => format!(
                "a whole number of days from 1 to {MAX_DAYS}, or one for users with a console password and one for those without, such as PEOPLE=90,MACHINES=365"
            ),
            Accepts::DaysBySeverity => format!(
                "a whole number of days from 0 (never) to {MAX_DAYS} for each of CRITICAL, HIGH, MEDIUM, LOW, such as {}",
                REMIND_DAYS.default
            ),
            Accepts::WatchedAccounts => "empty, a comma-separated list of 12-digit account ids, the word organization, or the word file".to_owned(),
            Accepts::RoleName => "the name of a role, with its path where it has one, such as iamwatch-member".to_owned(),
            Accepts::ExternalId => "empty, or 2 to 1224 of the characters A-Z, a-z, 0-9 and +=,.@:/_-".to_owned(),
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

/// Nobody waits longer than ten years.
const MAX_DAYS: u32 = 3650;

/// Every setting there is, by name.
pub const SETTINGS: &[Setting] = &[
    ACCESS_KEY_MAX_AGE_DAYS,
    ACCOUNT_NAMES,
    ALLOWED_SIGN_IN_CIDRS,
    CALL_TIMEOUT_MILLIS,
    CERTIFICATE_MAX_AGE_DAYS,
    FLEET_ABOVE_LOG_FILES,
    HIDDEN_NAME_FAILURES,
    IDLE_DAYS,
    MAILS_PER_HOUR,
    MAIL_MIN_SEVERITY,
    MAX_COMPRESSED_BYTES,
    MAX_DECOMPRESSED_BYTES,
    MAX_EXPORT_BYTES,
    MAX_IN_FLIGHT_BYTES,
    MAX_RECORD_BYTES,
    MEMBER_EXTERNAL_ID,
    MEMBER_ROLE_NAME,
    OWN_RESOURCES,
    PASSWORD_EXPIRING_DAYS,
    QUIET_MINUTES,
    REMIND_DAYS,
    RETRY_PAUSE_MILLIS,
    ROOT_RECENTLY_USED_DAYS,
    TOLD_DAYS,
    UNUSED_CREDENTIAL_DAYS,
    WATCHED_ACCOUNTS,
];

const ACCESS_KEY_MAX_AGE_DAYS: Setting = Setting {
    name: "ACCESS_KEY_MAX_AGE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "An active access key that is older raises `access-key.unrotated`.",
    read_by: ReadBy::All,
};

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

const CERTIFICATE_MAX_AGE_DAYS: Setting = Setting {
    name: "CERTIFICATE_MAX_AGE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "An active signing certificate of a user that is older raises `certificate.unrotated`.",
    read_by: ReadBy::All,
};

const FLEET_ABOVE_LOG_FILES: Setting = Setting {
    name: "FLEET_ABOVE_LOG_FILES",
    default: "300000",
    accepts: Accepts::Count(1, 100_000_000, "log files"),
    purpose: "A backfill of more log files is read by the state machine, with many invocations at once; 64 KiB of a log file count for one more.",
    read_by: ReadBy::Functions,
};

const HIDDEN_NAME_FAILURES: Setting = Setting {
    name: "HIDDEN_NAME_FAILURES",
    default: "10",
    accepts: Accepts::Count(1, 100, "failures"),
    purpose: "Failed sign-ins under names that no user has are mailed once so many came from one address; fewer are counted. (Most are typing errors.)",
    read_by: ReadBy::Functions,
};

const IDLE_DAYS: Setting = Setting {
    name: "IDLE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "A user whose password and access keys were all not used for so long raises `user.idle`.",
    read_by: ReadBy::All,
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

const MEMBER_EXTERNAL_ID: Setting = Setting {
    name: "MEMBER_EXTERNAL_ID",
    default: "",
    accepts: Accepts::ExternalId,
    purpose: "What the role in another account wants to be told by whoever assumes it. Empty: nothing.",
    read_by: ReadBy::Functions,
};

const MEMBER_ROLE_NAME: Setting = Setting {
    name: "MEMBER_ROLE_NAME",
    default: "iamwatch-member",
    accepts: Accepts::RoleName,
    purpose: "The role in each other account that iamwatch assumes to read its credential report, as `deploy/member-role.yaml` makes it.",
    read_by: ReadBy::Functions,
};

const OWN_RESOURCES: Setting = Setting {
    name: "OWN_RESOURCES",
    default: "",
    accepts: Accepts::Names,
    purpose: "What iamwatch itself is made of: a change of it raises `watch.tampered`. The template fills it in.",
    read_by: ReadBy::All,
};

const PASSWORD_EXPIRING_DAYS: Setting = Setting {
    name: "PASSWORD_EXPIRING_DAYS",
    default: "15",
    accepts: Accepts::Count(1, MAX_DAYS as u64, "days"),
    purpose: "A console password that must be changed within so many days raises `password.expiring`. (The console warns from 15 days on.)",
    read_by: ReadBy::All,
};

const QUIET_MINUTES: Setting = Setting {
    name: "QUIET_MINUTES",
    default: "60",
    accepts: Accepts::Count(1, 1440, "minutes"),
    purpose: "Once a finding was mailed, others of the same rule, principal, resource and source address are only counted until none came for so long; the next mail says how many. What goes on is mailed again every day.",
    read_by: ReadBy::Functions,
};

const REMIND_DAYS: Setting = Setting {
    name: "REMIND_DAYS",
    default: "CRITICAL=1,HIGH=7,MEDIUM=30,LOW=90",
    accepts: Accepts::DaysBySeverity,
    purpose: "What a check found and still stands is mailed again after so many days, by severity, all of it in one mail. 0: never.",
    read_by: ReadBy::Functions,
};

const RETRY_PAUSE_MILLIS: Setting = Setting {
    name: "RETRY_PAUSE_MILLIS",
    default: "100",
    accepts: Accepts::Count(1, 1000, "milliseconds"),
    purpose: "The pause before a call that failed is made again; each next one is twice as long.",
    read_by: ReadBy::Functions,
};

const ROOT_RECENTLY_USED_DAYS: Setting = Setting {
    name: "ROOT_RECENTLY_USED_DAYS",
    default: "1",
    accepts: Accepts::Count(1, MAX_DAYS as u64, "days"),
    purpose: "Root's password or an access key of root used within so many days before the report raises `root.recently-used`.",
    read_by: ReadBy::All,
};

const TOLD_DAYS: Setting = Setting {
    name: "TOLD_DAYS",
    default: "400",
    accepts: Accepts::Count(30, 3650, "days"),
    purpose: "How long it is remembered what was mailed: a log file that is delivered again, or read again by a backfill, within that time is not mailed again.",
    read_by: ReadBy::Functions,
};

const UNUSED_CREDENTIAL_DAYS: Setting = Setting {
    name: "UNUSED_CREDENTIAL_DAYS",
    default: "45",
    accepts: Accepts::Days,
    purpose: "A console password or an active access key that was not used for so long raises `password.unused`, `access-key.unused` or, where it never was, `password.never-used`, `access-key.never-used`. (45 is what the CIS benchmark says.)",
    read_by: ReadBy::All,
};

const WATCHED_ACCOUNTS: Setting = Setting {
    name: "WATCHED_ACCOUNTS",
    default: "",
    accepts: Accepts::WatchedAccounts,
    purpose: "Whose credential reports are judged, besides those of the account that iamwatch runs in: the accounts listed, every open account of the organisation (`organization`), or those that `config/accounts.txt` in the state bucket lists, one a line (`file`).",
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

/// A number of days for users with a console password, and one for those without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// For users with a console password.
    pub people: u32,
    /// For users without one.
    pub machines: u32,
}

impl Days {
    /// The same for both.
    pub const fn all(days: u32) -> Days {
        Days { people: days, machines: days }
    }
}

/// Which accounts are watched, besides the one that iamwatch runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchedAccounts {
    /// These; none where it is empty.
    Listed(Vec<String>),
    /// Every open account of the organisation.
    Organization,
    /// Those that a file in the state bucket lists.
    File,
}

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
    /// `REMIND_DAYS`: every severity that is mailed is there; 0 is never.
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
fn names(list: &str) -> Option<Vec<Glob>> {
    let name =
        |entry: &str| entry.bytes().any(|byte| byte != b'*').then(|| Glob::of(&entry.to_ascii_lowercase()));
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

/// One number for all, or one for each: nothing where one is missing, unknown or named twice.
fn days(value: &str) -> Option<Days> {
    let number = |text: &str| text.trim().parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    if let Some(days) = number(value) {
        return Some(Days::all(days));
    }
    let (mut people, mut machines) = (None, None);
    for entry in entries(value) {
        let (name, days) = entry.split_once('=')?;
        let whose = match name.trim() {
            "PEOPLE" => &mut people,
            "MACHINES" => &mut machines,
            _ => return None,
        };
        if whose.replace(number(days)?).is_some() {
            return None;
        }
    }
    Some(Days { people: people?, machines: machines? })
}

/// Nothing where a severity is missing, unknown or named twice.
fn days_by_severity(list: &str) -> Option<BTreeMap<Severity, u32>> {
    let mut all = BTreeMap::new();
    for entry in entries(list) {
        let (name, days) = entry.split_once('=')?;
        let severity = mailed_severities().find(|severity| severity.name() == name.trim())?;
        let days = days.trim().parse().ok().filter(|days| *days <= MAX_DAYS)?;
        if all.insert(severity, days).is_some() {
            return None;
        }
    }
    (all.len() == mailed_severities().count()).then_some(all)
}

/// Accounts are given in any order; one that stands twice is watched once.
fn watched_accounts(value: &str) -> Option<WatchedAccounts> {
    match value {
        "organization" => return Some(WatchedAccounts::Organization),
        "file" => return Some(WatchedAccounts::File),
        _ => {}
    }
    let account = |entry: &str| is_account_id(entry).then(|| entry.to_owned());
    let accounts: Option<BTreeSet<String>> = entries(value).map(account).collect();
    Some(WatchedAccounts::Listed(accounts?.into_iter().collect()))
}

/// Source: IAM API Reference, `CreateRole`, `RoleName` and `Path`.
fn role_name(value: &str) -> Option<String> {
    let name = value.rsplit('/').next().unwrap_or(value);
    let path = value.split('/').rev().skip(1).all(|part| iam_name(part).is_some());
    (iam_name(name).is_some() && name.len() <= 64 && value.len() <= 512 && path).then(|| value.to_owned())
}

/// Source: STS API Reference, `AssumeRole`, `ExternalId`.
fn external_id(value: &str) -> Option<Option<String>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@:/_-".contains(&byte);
    match value {
        "" => Some(None),
        _ => {
            ((2..=1224).contains(&value.len()) && value.bytes().all(allowed)).then(|| Some(value.to_owned()))
        }
    }
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
