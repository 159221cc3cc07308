//! A rule's cases: records that raise it, and records that leave it quiet.

use super::detect;
use crate::config::Config;
use crate::finding::{Finding, Place};
use crate::formats::cloudtrail::Record;
use crate::formats::cloudtrail::samples::BaseRecord;
use crate::severity::Severity;

/// One record, and what judging it must come to.
#[derive(Debug)]
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// How it differs from the record it starts from.
    pub record: BaseRecord,
    /// Settings that differ from their defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// What judging it must come to.
    pub expect: Expect,
}

/// The record that a case starts from, with the members to change in it as JSON:
/// objects are merged member by member, and null removes one (an RFC 7396 merge patch).
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// A successful console sign-in of the IAM user alice with a second factor.
    ConsoleSignIn(&'static str),
    /// A successful sign-in of an Identity Center user with password and one-time code.
    IdentityCenterSignIn(&'static str),
    /// A successful, not read-only API call by a role session of an administrator.
    ApiCall(&'static str),
    /// A successful console sign-in of root with a second factor.
    RootSignIn(&'static str),
    /// A successful, not read-only API call by root from the console.
    RootCall(&'static str),
}

/// What judging a record must come to.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// The rule beside which the case stands, at that severity.
    Raised(Severity),
    /// Another rule, which is more specific.
    Instead(&'static str),
    /// Nothing.
    Nothing,
}

impl Case {
    /// A case with every setting at its default.
    pub const fn new(name: &'static str, record: BaseRecord, expect: Expect) -> Case {
        Case { name, record, settings: &[], expect }
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

    /// What judging the record comes to.
    pub fn finding(&self) -> Option<Finding> {
        let json = self.json();
        let record =
            Record::parse(json.as_bytes()).unwrap_or_else(|error| panic!("case {:?}: {error}", self.name));
        detect(
            &record,
            &self.config(),
            Place { log_file: "s3://logs/case.json.gz", record: 0, delivered: None },
        )
    }
}
