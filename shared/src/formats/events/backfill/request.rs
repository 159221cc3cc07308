//! A request for a backfill: which past log files to read.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::formats::cloudtrail::key::is_region;
use crate::formats::cloudtrail::period::Period;
use crate::formats::events::queue::{input, shape};
use crate::text::is_account_id;

const EXPECTED_REQUEST: &str = r#"{"from": "2026-01-01", "to": "2026-03-31", "accounts": ["111122223333"], "regions": ["us-east-1"], "notify": "digest" or "none", "dry_run": true or false, "again": true or false}, all but from and to left out where they do not matter, or {"status": …} for how far one is, or {"test_mail": true}"#;

/// The first day of CloudTrail: no log file is older.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2013, 11, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// The largest number of days of one backfill.
const MAX_DAYS: i64 = 3_660;

/// The log files that a backfill reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The first day (UTC) of the events.
    pub from: NaiveDate,
    /// The last day (UTC), included.
    pub to: NaiveDate,
    /// The accounts; empty for all.
    pub accounts: BTreeSet<String>,
    /// The Regions; empty for all.
    pub regions: BTreeSet<String>,
}

impl Wanted {
    /// The days as a period.
    pub fn period(&self) -> Period {
        Period { from: Some(self.from), to: Some(self.to) }
    }

    /// Whether the log files of this account are included.
    pub fn includes_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    /// Whether the log files of this Region are included.
    pub fn includes_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }
}

/// A request by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillRequest {
    /// The log files to read.
    pub wanted: Wanted,
    /// Whether the digest is mailed.
    pub notify: bool,
    /// Whether only an estimate is requested.
    pub dry_run: bool,
    /// Whether a finished backfill starts again, to read log files that were delivered since.
    pub again: bool,
}

/// Strict, because a person wrote the payload: a member that is ignored may have been important.
pub(super) fn request(payload: &Value) -> Result<BackfillRequest, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        from: String,
        to: String,
        #[serde(default)]
        accounts: BTreeSet<String>,
        #[serde(default)]
        regions: BTreeSet<String>,
        notify: Option<String>,
        #[serde(default)]
        dry_run: bool,
        #[serde(default)]
        again: bool,
    }
    if !payload.is_object() {
        return Err(input("the request", &shape(payload), EXPECTED_REQUEST));
    }
    let Fields { from, to, accounts, regions, notify, dry_run, again } = Fields::deserialize(payload)
        .map_err(|error| input("the request", &error.to_string(), EXPECTED_REQUEST))?;
    let notify = match notify.as_deref() {
        None | Some("digest") => true,
        Some("none") => false,
        Some(other) => return Err(input("notify", other, "digest or none")),
    };
    let wanted = Wanted { from: day("from", &from)?, to: day("to", &to)?, accounts, regions };
    wanted.check_names()?;
    Ok(BackfillRequest { wanted, notify, dry_run, again })
}

fn day(name: &str, text: &str) -> Result<NaiveDate, Error> {
    // chrono accepts days such as 2026-4-1, which would give another run id.
    let day = text.parse().ok().filter(|day: &NaiveDate| day.to_string() == text);
    day.ok_or_else(|| input(name, text, "a day in UTC, such as 2026-01-01"))
}

impl Wanted {
    /// Checks the names of accounts and Regions.
    ///
    /// # Errors
    /// [`Error::Input`] with the valid values.
    pub fn check_names(&self) -> Result<(), Error> {
        if let Some(account) = self.accounts.iter().find(|account| !is_account_id(account)) {
            return Err(input("an account of the request", account, "a 12-digit account id"));
        }
        if let Some(region) = self.regions.iter().find(|region| !is_region(region)) {
            return Err(input("a Region of the request", region, "the name of a Region, such as us-east-1"));
        }
        Ok(())
    }

    /// Checks that the days are between the first day of CloudTrail and today, and not too many.
    ///
    /// # Errors
    /// [`Error::Input`] with the valid values.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let today = now.date_naive();
        let (from, to) = (self.from.to_string(), self.to.to_string());
        if self.from > self.to {
            return Err(input("from", &from, &format!("no later than to, which is {to}")));
        }
        if self.to > today {
            return Err(input("to", &to, &format!("no later than today, which is {today} in UTC")));
        }
        if self.from < FIRST_DAY {
            return Err(input("from", &from, &format!("{FIRST_DAY} or later: CloudTrail began on that day")));
        }
        let days = self.days();
        if days > MAX_DAYS {
            let expected = format!("at most {MAX_DAYS}, both days included");
            return Err(input("the number of days from from to to", &days.to_string(), &expected));
        }
        Ok(())
    }

    /// The number of days.
    pub fn days(&self) -> i64 {
        (self.to - self.from).num_days() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(from: &str, to: &str) -> Wanted {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        Wanted { from, to, accounts: BTreeSet::new(), regions: BTreeSet::new() }
    }

    #[test]
    fn a_range_has_bounds_and_a_sentence_for_each() {
        let now = "2026-04-01T00:00:01Z".parse().unwrap();
        for (from, to, said) in [
            ("2026-01-02", "2026-01-01", Some("from is \"2026-01-02\"; it must be no later than to")),
            ("2026-01-01", "2026-04-02", Some("it must be no later than today, which is 2026-04-01")),
            ("2026-04-01", "2026-04-01", None),
            ("2013-10-31", "2014-01-01", Some("it must be 2013-11-01 or later")),
            ("2013-11-01", "2023-11-08", None),
            ("2013-11-01", "2023-11-09", Some("is \"3661\"; it must be at most 3660")),
        ] {
            let checked = wanted(from, to).check(now).map_err(|error| error.to_string());
            match (checked, said) {
                (Ok(()), None) => {}
                (Err(message), Some(said)) => assert!(message.contains(said), "{message}"),
                (other, _) => panic!("{from} to {to}: {other:?}"),
            }
        }
    }
}
