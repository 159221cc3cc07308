//! A rule's cases: records that raise it, and records that do not.

use crate::config::Config;
use crate::formats::cloudtrail::samples::BaseRecord;
use crate::severity::Severity;

/// One record, and what judging it must come to.
#[derive(Debug)]
pub struct DetectionCase {
    /// What is special about it.
    pub name: &'static str,
    /// How it differs from the record it starts from.
    pub record: BaseRecord,
    /// Settings that differ from their defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// The expected result.
    pub expect: DetectionExpect,
}

/// The expected result for a record.
#[derive(Clone, Copy, Debug)]
pub enum DetectionExpect {
    /// The rule that the case belongs to, at that severity.
    Raised(Severity),
    /// Another rule, which is more specific.
    Instead(&'static str),
    /// Nothing.
    Nothing,
}

impl DetectionCase {
    /// A case with every setting at its default.
    pub const fn new(name: &'static str, record: BaseRecord, expect: DetectionExpect) -> DetectionCase {
        DetectionCase { name, record, settings: &[], expect }
    }

    /// The JSON of the record.
    pub fn json(&self) -> String {
        self.record.json()
    }

    /// The settings.
    pub fn config(&self) -> Config {
        let lookup = |name: &str| {
            self.settings.iter().find(|(setting, _)| *setting == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).unwrap_or_else(|error| panic!("case {:?}: {error}", self.name))
    }
}
