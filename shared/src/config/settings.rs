//! The table of settings: name, unit, default, range, and what each changes.

use super::values::{Budget, mailed_severities};
use crate::severity::Severity;

/// A setting as a person sees it.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The value if it is not set, as it would be written.
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
    /// The external id of a role.
    ExternalId,
}

/// Which programs read a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// The functions and the command line.
    All,
    /// Only the functions; the command line ignores it.
    Functions,
    /// Only the command line.
    CommandLine,
}

impl Accepts {
    /// The valid values, with unit and range, to end the sentence "it must be …".
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

/// The largest value of a size limit: 1 TiB, more than any log file in S3.
const MAX_LIMIT_BYTES: u64 = 1 << 40;

/// The largest number of mails in an hour: a mailbox holds no more.
pub(super) const MAX_MAILS_PER_HOUR: u32 = 1000;

/// The largest number of days: ten years.
pub(super) const MAX_DAYS: u32 = 3650;

/// Every setting, by name.
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

pub(super) const ACCESS_KEY_MAX_AGE_DAYS: Setting = Setting {
    name: "ACCESS_KEY_MAX_AGE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "An active access key that is older raises `access-key.unrotated`.",
    read_by: ReadBy::All,
};

pub(super) const ACCOUNT_NAMES: Setting = Setting {
    name: "ACCOUNT_NAMES",
    default: "",
    accepts: Accepts::AccountNames,
    purpose: "The names that mails show beside account ids.",
    read_by: ReadBy::All,
};

pub(super) const ALLOWED_SIGN_IN_CIDRS: Setting = Setting {
    name: "ALLOWED_SIGN_IN_CIDRS",
    default: "",
    accepts: Accepts::Cidrs,
    purpose: "Where people sign in from: a successful sign-in from any other address raises `sign-in.outside-allowed-addresses`. Empty: from anywhere.",
    read_by: ReadBy::All,
};

pub(super) const CALL_TIMEOUT_MILLIS: Setting = Setting {
    name: "CALL_TIMEOUT_MILLIS",
    default: "5000",
    accepts: Accepts::Count(100, 10_000, "milliseconds"),
    purpose: "How long AWS may take to begin to answer, or to go on with what it answers, before a call is given up and made again.",
    read_by: ReadBy::Functions,
};

pub(super) const CERTIFICATE_MAX_AGE_DAYS: Setting = Setting {
    name: "CERTIFICATE_MAX_AGE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "An active signing certificate of a user that is older raises `certificate.unrotated`.",
    read_by: ReadBy::All,
};

pub(super) const FLEET_ABOVE_LOG_FILES: Setting = Setting {
    name: "FLEET_ABOVE_LOG_FILES",
    default: "300000",
    accepts: Accepts::Count(1, 100_000_000, "log files"),
    purpose: "A backfill of more log files is read by the state machine, with many invocations at once; 64 KiB of a log file count for one more.",
    read_by: ReadBy::Functions,
};

pub(super) const HIDDEN_NAME_FAILURES: Setting = Setting {
    name: "HIDDEN_NAME_FAILURES",
    default: "10",
    accepts: Accepts::Count(1, 100, "failures"),
    purpose: "Failed sign-ins under names that no user has are mailed once so many came from one address; fewer are counted. (Most are typing errors.)",
    read_by: ReadBy::Functions,
};

pub(super) const IDLE_DAYS: Setting = Setting {
    name: "IDLE_DAYS",
    default: "90",
    accepts: Accepts::Days,
    purpose: "A user whose password and access keys were all not used for so long raises `user.idle`.",
    read_by: ReadBy::All,
};

pub(super) const MAILS_PER_HOUR: Setting = Setting {
    name: "MAILS_PER_HOUR",
    default: "CRITICAL=30,HIGH=20,MEDIUM=10,LOW=5,UNAUTHENTICATED=5",
    accepts: Accepts::MailsPerHour,
    purpose: "How many mails of each severity all accounts together may cause in an hour beyond their own reserves. Each account, its root user and what iamwatch says of itself have a reserve of a fifth of it. What anyone can cause without credentials, such as failed sign-ins, has a budget of its own. What is beyond is kept in the state bucket, and one mail says so.",
    read_by: ReadBy::Functions,
};

pub(super) const MAIL_MIN_SEVERITY: Setting = Setting {
    name: "MAIL_MIN_SEVERITY",
    default: "LOW",
    accepts: Accepts::MailedSeverity,
    purpose: "Findings below this severity are counted and published to nobody, but for those about iamwatch itself: the family `watch`. (The command line has `--min-severity`.)",
    read_by: ReadBy::Functions,
};

pub(super) const MAX_COMPRESSED_BYTES: Setting = Setting {
    name: "MAX_COMPRESSED_BYTES",
    default: "67108864",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "A log file larger than this as it is stored is read so far, then reported. The default is 64 MiB; CloudTrail's largest files have about 10.",
    read_by: ReadBy::All,
};

pub(super) const MAX_DECOMPRESSED_BYTES: Setting = Setting {
    name: "MAX_DECOMPRESSED_BYTES",
    default: "1073741824",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "A log file that unpacks to more than this is read so far, then reported. The default is 1 GiB; CloudTrail's largest files have 50 MB.",
    read_by: ReadBy::All,
};

pub(super) const MAX_EXPORT_BYTES: Setting = Setting {
    name: "MAX_EXPORT_BYTES",
    default: "268435456",
    accepts: Accepts::Bytes(1, MAX_LIMIT_BYTES),
    purpose: "Records in another form than a delivered log file are kept in memory whole; what unpacks to more than this is read so far, then reported. The default is 256 MiB. (The functions read delivered log files only.)",
    read_by: ReadBy::CommandLine,
};

pub(super) const MAX_IN_FLIGHT_BYTES: Setting = Setting {
    name: "MAX_IN_FLIGHT_BYTES",
    default: "67108864",
    accepts: Accepts::Bytes(1 << 20, 8 << 30),
    purpose: "How much memory the log files that are fetched at the same time may take together; one is always fetched. The default is 64 MiB.",
    read_by: ReadBy::Functions,
};

pub(super) const MAX_RECORD_BYTES: Setting = Setting {
    name: "MAX_RECORD_BYTES",
    default: "4194304",
    accepts: Accepts::Bytes(1024, 1 << 30),
    purpose: "A record larger than this is reported as unreadable; it is the most that one log file keeps in memory besides its window. The default is 4 MiB; CloudTrail's largest records have 256 KB.",
    read_by: ReadBy::All,
};

pub(super) const MEMBER_EXTERNAL_ID: Setting = Setting {
    name: "MEMBER_EXTERNAL_ID",
    default: "",
    accepts: Accepts::ExternalId,
    purpose: "What the role in another account wants to be told by whoever assumes it. Empty: nothing.",
    read_by: ReadBy::Functions,
};

pub(super) const MEMBER_ROLE_NAME: Setting = Setting {
    name: "MEMBER_ROLE_NAME",
    default: "iamwatch-member",
    accepts: Accepts::RoleName,
    purpose: "The role in each other account that iamwatch assumes to read its credential report, as `deploy/member-role.yaml` makes it.",
    read_by: ReadBy::Functions,
};

pub(super) const OWN_RESOURCES: Setting = Setting {
    name: "OWN_RESOURCES",
    default: "",
    accepts: Accepts::Names,
    purpose: "What iamwatch itself is made of: a change of it raises `watch.tampered`. The template fills it in.",
    read_by: ReadBy::All,
};

pub(super) const PASSWORD_EXPIRING_DAYS: Setting = Setting {
    name: "PASSWORD_EXPIRING_DAYS",
    default: "15",
    accepts: Accepts::Count(1, MAX_DAYS as u64, "days"),
    purpose: "A console password that must be changed within so many days raises `password.expiring`. (The console warns from 15 days on.)",
    read_by: ReadBy::All,
};

pub(super) const QUIET_MINUTES: Setting = Setting {
    name: "QUIET_MINUTES",
    default: "60",
    accepts: Accepts::Count(1, 1440, "minutes"),
    purpose: "Once a finding was mailed, others of the same rule, principal, resource, source address and, for changes, event name are only counted until none came for so long; the next mail says how many. What goes on is mailed again every day.",
    read_by: ReadBy::Functions,
};

pub(super) const REMIND_DAYS: Setting = Setting {
    name: "REMIND_DAYS",
    default: "CRITICAL=1,HIGH=7,MEDIUM=30,LOW=90",
    accepts: Accepts::DaysBySeverity,
    purpose: "What a check found and still stands is mailed again after so many days, by severity, all of it in one mail. 0: never.",
    read_by: ReadBy::Functions,
};

pub(super) const RETRY_PAUSE_MILLIS: Setting = Setting {
    name: "RETRY_PAUSE_MILLIS",
    default: "100",
    accepts: Accepts::Count(1, 1000, "milliseconds"),
    purpose: "The pause before a call that failed is made again; each next one is twice as long.",
    read_by: ReadBy::Functions,
};

pub(super) const ROOT_RECENTLY_USED_DAYS: Setting = Setting {
    name: "ROOT_RECENTLY_USED_DAYS",
    default: "1",
    accepts: Accepts::Count(1, MAX_DAYS as u64, "days"),
    purpose: "Root's password or an access key of root used within so many days before the report raises `root.recently-used`.",
    read_by: ReadBy::All,
};

pub(super) const TOLD_DAYS: Setting = Setting {
    name: "TOLD_DAYS",
    default: "400",
    accepts: Accepts::Count(30, 3650, "days"),
    purpose: "How long it is remembered what was mailed: a log file that is delivered again, or read again by a backfill, within that time is not mailed again.",
    read_by: ReadBy::Functions,
};

pub(super) const UNUSED_CREDENTIAL_DAYS: Setting = Setting {
    name: "UNUSED_CREDENTIAL_DAYS",
    default: "45",
    accepts: Accepts::Days,
    purpose: "A console password or an active access key that was not used for so long raises `password.unused`, `access-key.unused` or, where it never was, `password.never-used`, `access-key.never-used`. (45 is what the CIS benchmark says.)",
    read_by: ReadBy::All,
};

pub(super) const WATCHED_ACCOUNTS: Setting = Setting {
    name: "WATCHED_ACCOUNTS",
    default: "",
    accepts: Accepts::WatchedAccounts,
    purpose: "Whose credential reports are judged, besides those of the account that iamwatch runs in: the accounts listed, every open account of the organisation (`organization`), or those that `config/accounts.txt` in the state bucket lists, one a line (`file`).",
    read_by: ReadBy::Functions,
};
