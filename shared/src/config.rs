//! Every setting: its name, unit, default and range, and what it changes.
//!
//! A setting has one name everywhere: the environment of a function, `--set NAME=VALUE`, the README.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::Error;
use crate::text::is_account_id;

/// A setting as a person sees it.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The value it has when nobody sets it, as one would write it.
    pub default: &'static str,
    /// What may be written, with unit and range: it ends the sentence "it must be …".
    pub expected: &'static str,
    /// What it changes.
    pub purpose: &'static str,
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "ACCOUNT_NAMES",
        default: "",
        expected: "a comma-separated list of 12-digit account ids, each once, with the name to show, such as 111122223333=prod",
        purpose: "The names that mails show beside account ids.",
    },
    Setting {
        name: "ALLOWED_SIGN_IN_CIDRS",
        default: "",
        expected: "a comma-separated list of IPv4 or IPv6 ranges, such as 192.0.2.0/24,2001:db8::/32",
        purpose: "Where people sign in from: a successful sign-in from any other address raises `sign-in.outside-allowed-addresses`. Empty: from anywhere.",
    },
    Setting {
        name: "MAX_COMPRESSED_BYTES",
        default: "67108864",
        expected: "a whole number of bytes from 1 to 18446744073709551615",
        purpose: "A log file larger than this as it is stored is read so far, then reported. The default is 64 MiB; CloudTrail's largest files have about 10.",
    },
    Setting {
        name: "MAX_DECOMPRESSED_BYTES",
        default: "1073741824",
        expected: "a whole number of bytes from 1 to 18446744073709551615",
        purpose: "A log file that unpacks to more than this is read so far, then reported. The default is 1 GiB; CloudTrail's largest files have 50 MB.",
    },
    Setting {
        name: "MAX_EXPORT_BYTES",
        default: "268435456",
        expected: "a whole number of bytes from 1 to 18446744073709551615",
        purpose: "Records in another form than a delivered log file are kept in memory whole; what unpacks to more than this is read so far, then reported. The default is 256 MiB.",
    },
    Setting {
        name: "MAX_RECORD_BYTES",
        default: "4194304",
        expected: "a whole number of bytes from 1024 to 1073741824",
        purpose: "A record larger than this is reported as unreadable; it is the most that one log file keeps in memory besides its window. The default is 4 MiB; CloudTrail's largest records have 256 KB.",
    },
];

/// All settings, read once at start; every later line trusts them.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `ACCOUNT_NAMES`, by account id.
    pub account_names: BTreeMap<String, String>,
    /// `ALLOWED_SIGN_IN_CIDRS`; empty means from anywhere.
    pub allowed_sign_in_cidrs: Vec<IpNet>,
    /// `MAX_COMPRESSED_BYTES`.
    pub max_compressed_bytes: u64,
    /// `MAX_DECOMPRESSED_BYTES`.
    pub max_decompressed_bytes: u64,
    /// `MAX_EXPORT_BYTES`.
    pub max_export_bytes: u64,
    /// `MAX_RECORD_BYTES`.
    pub max_record_bytes: usize,
}

impl Config {
    /// Reads every setting through `lookup`; what it does not have takes its default.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value that is out of its range.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, Error> {
        let read = |name: &str| {
            let setting = SETTINGS.iter().find(|setting| setting.name == name);
            let default = setting.map_or("", |setting| setting.default);
            let value = lookup(name).unwrap_or_else(|| default.to_owned());
            let expected = setting.map_or("", |setting| setting.expected);
            (value.clone(), Error::Setting { name: name.to_owned(), value, expected: expected.to_owned() })
        };
        fn parsed<T>((value, error): (String, Error), parse: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
            parse(value.trim()).ok_or(error)
        }
        Ok(Config {
            account_names: parsed(read("ACCOUNT_NAMES"), account_names)?,
            allowed_sign_in_cidrs: parsed(read("ALLOWED_SIGN_IN_CIDRS"), |value| {
                entries(value).map(cidr).collect()
            })?,
            max_compressed_bytes: parsed(read("MAX_COMPRESSED_BYTES"), bytes)?,
            max_decompressed_bytes: parsed(read("MAX_DECOMPRESSED_BYTES"), bytes)?,
            max_export_bytes: parsed(read("MAX_EXPORT_BYTES"), bytes)?,
            max_record_bytes: parsed(read("MAX_RECORD_BYTES"), |value| {
                value.parse().ok().filter(|bytes| (1024..=1 << 30).contains(bytes))
            })?,
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
            max_compressed_bytes: 64 << 20,
            max_decompressed_bytes: 1 << 30,
            max_export_bytes: 256 << 20,
            max_record_bytes: 4 << 20,
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

/// A range, or one address as the range of itself.
fn cidr(entry: &str) -> Option<IpNet> {
    entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
}

fn bytes(value: &str) -> Option<u64> {
    value.parse().ok().filter(|bytes| *bytes > 0)
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
            ("MAX_DECOMPRESSED_BYTES", "18446744073709551616"),
            ("MAX_RECORD_BYTES", "1023"),
            ("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/33"),
            ("ACCOUNT_NAMES", "1111=prod"),
            ("ACCOUNT_NAMES", "111122223333=a,111122223333=b"),
            ("ACCOUNT_NAMES", "111122223333="),
        ] {
            let message = with(name, value).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name} is {value:?}; it must be ")), "{message}");
        }
    }

    #[test]
    fn the_largest_cap_is_accepted() {
        assert_eq!(
            with("MAX_COMPRESSED_BYTES", &u64::MAX.to_string()).unwrap().max_compressed_bytes,
            u64::MAX
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
