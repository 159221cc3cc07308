//! CloudTrail's folders: which of them may have wanted log files.
//!
//! Source: CloudTrail User Guide, "Finding your CloudTrail log files".

use chrono::{Datelike, NaiveDate};

use crate::formats::cloudtrail::key::is_region;
use crate::formats::events::backfill::Wanted;
use crate::text::is_account_id;

/// The first day and the last.
pub(super) type DayRange = (NaiveDate, NaiveDate);

/// A folder of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// The prefix of its keys, with the final `/`; empty for the bucket itself.
    pub path: String,
    pub level: Level,
    account: Option<String>,
    region: Option<String>,
    /// Year, month and day, as far as its path has them.
    date: (Option<i32>, Option<u32>, Option<u32>),
}

/// What a folder contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Anything: it may be part of a trail's prefix.
    Outside,
    /// `AWSLogs/`: organisations and accounts.
    Logs,
    /// Of an organisation: accounts.
    Organization,
    /// `CloudTrail/` of an account: Regions.
    Trail,
    /// Years.
    Region,
    /// Months.
    Year,
    /// Days, and in them log files.
    Month,
    /// Log files.
    Day,
}

impl Folder {
    /// The folder of that path. A trail's prefix is free text, and may even hold another `AWSLogs`: the last that is
    /// followed by what CloudTrail writes counts.
    pub fn of(path: String) -> Folder {
        let parts: Vec<&str> = path.split_terminator('/').collect();
        let logs = (0..parts.len()).rev().filter(|at| parts[*at] == "AWSLogs");
        let inside = logs.into_iter().find_map(|at| inside(&parts[at + 1..]));
        let mut folder = inside.unwrap_or_else(|| at(Level::Outside));
        folder.path = path;
        // An account keeps the logs of other services as well.
        if folder.level == Level::Trail && !folder.path.ends_with("/CloudTrail/") {
            folder.path.push_str("CloudTrail/");
        }
        folder
    }

    /// A folder inside this one; `None` if it can have no log files of CloudTrail.
    pub fn child(&self, path: String) -> Option<Folder> {
        let name = path.strip_prefix(&self.path)?.strip_suffix('/')?;
        // Flow logs in the style of Hive: a folder for each hour.
        let is_odd = name.contains('/') || (self.level == Level::Logs && name.contains('='));
        let child = (!is_odd).then(|| Folder::of(path))?;
        let may_be_prefix = matches!(self.level, Level::Outside | Level::Logs);
        (child.level != Level::Outside || may_be_prefix).then_some(child)
    }

    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether it may have wanted log files.
    pub fn is_wanted(&self, wanted: &Wanted, days: DayRange) -> bool {
        let account = self.account.as_ref().is_none_or(|account| wanted.includes_account(account));
        let region = self.region.as_ref().is_none_or(|region| wanted.includes_region(region));
        account && region && self.days(days).is_some()
    }

    /// Which of these days it may have; `None` if it has none.
    pub fn days(&self, (first, last): DayRange) -> Option<DayRange> {
        let (begin, end) = match self.date {
            (Some(year), None, _) => {
                (NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?)
            }
            (Some(year), Some(month), None) => {
                let begin = NaiveDate::from_ymd_opt(year, month, 1)?;
                (begin, begin.with_day(u32::from(begin.num_days_in_month()))?)
            }
            (Some(year), Some(month), Some(day)) => {
                let day = NaiveDate::from_ymd_opt(year, month, day)?;
                (day, day)
            }
            (None, ..) => (first, last),
        };
        let (begin, end) = (begin.max(first), end.min(last));
        (begin <= end).then_some((begin, end))
    }

    /// The prefix of the days of its month, if it is a month or a day.
    pub fn month(&self) -> Option<&str> {
        match self.level {
            Level::Month => Some(&self.path),
            Level::Day => self.path.get(..self.path.len() - "01/".len()),
            _ => None,
        }
    }
}

fn at(level: Level) -> Folder {
    Folder { path: String::new(), level, account: None, region: None, date: (None, None, None) }
}

/// The folder by its path after `AWSLogs/`; `None` if CloudTrail writes no such folder.
fn inside(parts: &[&str]) -> Option<Folder> {
    let (is_organization, parts) = match parts.split_first() {
        Some((first, rest)) if is_organization(first) => (true, rest),
        _ => (false, parts),
    };
    let Some((account, parts)) = parts.split_first() else {
        return Some(at(if is_organization { Level::Organization } else { Level::Logs }));
    };
    if !is_account_id(account) || parts.first().is_some_and(|service| *service != "CloudTrail") {
        return None;
    }
    let mut folder = at(Level::Trail);
    folder.account = Some((*account).to_owned());
    for (depth, part) in parts.iter().skip(1).enumerate() {
        folder.level = match depth {
            0 if is_region(part) => {
                folder.region = Some((*part).to_owned());
                Level::Region
            }
            1 => {
                folder.date.0 = Some(number(part, 4)?.cast_signed());
                Level::Year
            }
            2 => {
                folder.date.1 = Some(number(part, 2).filter(|month| (1..=12).contains(month))?);
                Level::Month
            }
            3 => {
                folder.date.2 = Some(number(part, 2)?);
                folder.days((NaiveDate::MIN, NaiveDate::MAX))?;
                Level::Day
            }
            _ => return None,
        };
    }
    Some(folder)
}

fn is_organization(name: &str) -> bool {
    name.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// A number with exactly this many digits.
pub(super) fn number(text: &str, digits: usize) -> Option<u32> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_by_their_paths() {
        for (path, level, account, region) in [
            ("", Level::Outside, None, None),
            ("logs/", Level::Outside, None, None),
            ("/", Level::Outside, None, None),
            ("logs/AWSLogs/", Level::Logs, None, None),
            ("AWSLogs/o-exampleorg1/", Level::Organization, None, None),
            ("AWSLogs/o-exampleorg1/111122223333/", Level::Trail, Some("111122223333"), None),
            ("AWSLogs/111122223333/CloudTrail/", Level::Trail, Some("111122223333"), None),
            (
                "AWSLogs/111122223333/CloudTrail/us-gov-west-1/",
                Level::Region,
                Some("111122223333"),
                Some("us-gov-west-1"),
            ),
            (
                "AWSLogs/x/AWSLogs/111122223333/CloudTrail/us-east-1/2026/",
                Level::Year,
                Some("111122223333"),
                Some("us-east-1"),
            ),
            (
                "AWSLogs/111122223333/CloudTrail/us-east-1/2026/02/",
                Level::Month,
                Some("111122223333"),
                Some("us-east-1"),
            ),
            (
                "AWSLogs/111122223333/CloudTrail/us-east-1/2024/02/29/",
                Level::Day,
                Some("111122223333"),
                Some("us-east-1"),
            ),
        ] {
            let folder = Folder::of(path.to_owned());
            assert_eq!((folder.level, folder.account(), folder.region()), (level, account, region), "{path}");
        }
        for path in [
            "AWSLogs/11112222333/",
            "AWSLogs/o-short/",
            "AWSLogs/o-EXAMPLEORG1/",
            "AWSLogs/111122223333/CloudTrail-Digest/",
            "AWSLogs/111122223333/CloudTrail/../",
            "AWSLogs/111122223333/CloudTrail/us-east-1x/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/26/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/13/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/2/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/02/30/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/02/+1/",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/02/01/deeper/",
            "awslogs/111122223333/CloudTrail/us-east-1/",
        ] {
            assert_eq!(Folder::of(path.to_owned()).level, Level::Outside, "{path}");
        }
    }

    #[test]
    fn in_cloudtrails_folders_only_its_own_are_followed() {
        for (parent, child, followed) in [
            ("", "AWSLogs/", true),
            ("", "my logs/", true),
            ("", "/", true),
            ("AWSLogs/", "AWSLogs/111122223333/", true),
            ("AWSLogs/", "AWSLogs/a prefix/", true),
            ("AWSLogs/", "AWSLogs/aws-account-id=111122223333/", false),
            ("AWSLogs/o-exampleorg1/", "AWSLogs/o-exampleorg1/111122223333/", true),
            ("AWSLogs/o-exampleorg1/", "AWSLogs/o-exampleorg1/Config/", false),
            ("AWSLogs/111122223333/CloudTrail/", "AWSLogs/111122223333/CloudTrail/eu-central-1/", true),
            ("AWSLogs/111122223333/CloudTrail/", "AWSLogs/111122223333/CloudTrail/../", false),
            ("AWSLogs/111122223333/CloudTrail/", "elsewhere/", false),
        ] {
            let is_followed = Folder::of(parent.to_owned()).child(child.to_owned()).is_some();
            assert_eq!(is_followed, followed, "{child}");
        }
    }
}
