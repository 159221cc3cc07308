//! A check's cases: rows that raise it, and rows that leave it quiet.

use chrono::{DateTime, Utc};

use super::{About, judge};
use crate::config::Config;
use crate::finding::Judged;
use crate::formats::credential_report::{COLUMNS, CredentialReport};

/// When the reports of all cases were made.
pub const GENERATED: &str = "2026-04-01T08:15:00Z";

/// One row, and what judging it must come to.
#[derive(Debug)]
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// How it differs from the row it starts from.
    pub row: From,
    /// Settings that differ from their defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// What judging it must come to.
    pub expect: Expect,
}

/// The row that a case starts from, with the columns to change in it. No rule has anything to say of it as it
/// is.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// Root with password and second factor, not used for months.
    Root(&'static [(&'static str, &'static str)]),
    /// Alice with password and second factor, who signed in yesterday.
    Person(&'static [(&'static str, &'static str)]),
    /// The user deploy, without a password, with one access key of February that was used yesterday.
    Machine(&'static [(&'static str, &'static str)]),
}

/// What judging a row must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// So many findings of the rule beside which the case stands, and nothing of it is left unjudged.
    Raised(usize),
    /// No finding of that rule, and nothing of it is left unjudged.
    Nothing,
    /// No finding of that rule, for it could not look.
    CouldNotLook,
}

impl Case {
    /// A case with every setting at its default.
    pub const fn new(name: &'static str, row: From, expect: Expect) -> Case {
        Case { name, row, settings: &[], expect }
    }

    /// The whole report: root, and where the case is about another user, that one.
    pub fn csv(&self) -> String {
        match self.row {
            From::Root(_) => csv(&[self.row]),
            From::Person(_) | From::Machine(_) => csv(&[From::Root(&[]), self.row]),
        }
    }

    /// The settings.
    pub fn config(&self) -> Config {
        let lookup = |name: &str| {
            self.settings.iter().find(|(setting, _)| *setting == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).unwrap_or_else(|error| panic!("case {:?}: {error}", self.name))
    }

    /// What judging the report comes to.
    pub fn judged(&self) -> Judged {
        let report = CredentialReport::parse(self.csv().as_bytes())
            .unwrap_or_else(|error| panic!("case {:?}: {error}", self.name));
        judge(&report, &about(), &self.config())
    }
}

/// The moment at which the reports of all cases were made.
pub fn generated() -> DateTime<Utc> {
    GENERATED.parse().unwrap_or_else(|error| panic!("{GENERATED}: {error}"))
}

/// What the findings of all cases have in common.
pub fn about() -> About<'static> {
    About { account: "111122223333", generated: generated(), source: None }
}

/// A report of these rows, as AWS writes it: with 23 columns, without a line break at its end.
pub fn csv(rows: &[From]) -> String {
    let rows = rows.iter().map(|row| cells(*row).join(","));
    std::iter::once(COLUMNS.join(",")).chain(rows).collect::<Vec<_>>().join("\n")
}

/// The cells of a row, in the order of [`COLUMNS`].
pub fn cells(row: From) -> Vec<String> {
    let (base, changes) = match row {
        From::Root(changes) => (ROOT, changes),
        From::Person(changes) => (PERSON, changes),
        From::Machine(changes) => (MACHINE, changes),
    };
    let mut cells: Vec<String> = base.split(',').map(str::to_owned).collect();
    assert_eq!(cells.len(), COLUMNS.len(), "{base}");
    for (column, value) in changes {
        let place = COLUMNS.iter().position(|known| known == column);
        cells[place.unwrap_or_else(|| panic!("{column} is no column"))] = (*value).to_owned();
    }
    cells
}

const ROOT: &str = "<root_account>,arn:aws:iam::111122223333:root,2019-05-05T00:00:00+00:00,true,\
    2025-11-03T09:12:44+00:00,2024-01-05T10:00:00+00:00,not_supported,true,\
    false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";

const PERSON: &str = "alice,arn:aws:iam::111122223333:user/alice,2024-01-15T09:30:00+00:00,true,\
    2026-03-31T16:20:00+00:00,2026-02-20T08:00:00+00:00,N/A,true,\
    false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";

const MACHINE: &str = "deploy,arn:aws:iam::111122223333:user/ci/deploy,2024-03-01T00:00:00+00:00,false,\
    N/A,N/A,N/A,false,\
    true,2026-02-15T07:00:00+00:00,2026-03-31T23:59:00+00:00,us-east-1,s3,\
    false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";
