//! The types of settings that are not plain numbers or texts.

use crate::severity::Severity;

/// The severities that can be mailed: INFORMATIONAL is only counted.
pub fn mailed_severities() -> impl Iterator<Item = Severity> {
    Severity::ALL.into_iter().filter(|severity| *severity > Severity::Informational)
}

/// An hourly limit of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// Mails whose worst finding has that severity.
    Of(Severity),
    /// Mails about findings that anyone can cause without credentials.
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
    /// The accounts of this list, which may be empty.
    Listed(Vec<String>),
    /// Every open account of the organisation.
    Organization,
    /// The accounts that a file in the state bucket lists.
    File,
}
