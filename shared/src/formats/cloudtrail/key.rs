//! The keys of CloudTrail's objects.
//!
//! Source: CloudTrail User Guide, "Finding your CloudTrail log files": keys are
//! `[prefix/]AWSLogs/[o-organisation/]account/CloudTrail/region/YYYY/MM/DD/` and then
//! `account_CloudTrail_region_YYYYMMDDTHHmmZ_random.json.gz`. The time is that of delivery.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::text::is_account_id;

/// The kind of an object, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A log file of management and data events, which iamwatch reads.
    LogFile,
    /// A digest for the validation of log files.
    Digest,
    /// CloudTrail Insights events.
    Insight,
    /// Network activity events of VPC endpoints.
    NetworkActivity,
    /// Aggregated data events.
    Aggregated,
    /// A log of another AWS service in the same folders: Config, load balancers, WAF.
    OtherService,
    /// Any other object, or a folder marker.
    Other,
}

impl ObjectKind {
    /// The kind's name in counts.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::LogFile => "log file",
            ObjectKind::Digest => "digest",
            ObjectKind::Insight => "insight",
            ObjectKind::NetworkActivity => "network activity",
            ObjectKind::Aggregated => "aggregated",
            ObjectKind::OtherService => "of another service",
            ObjectKind::Other => "other",
        }
    }

    /// The kind of the object with this key. The last of CloudTrail's folders in it counts: a trail's prefix is any
    /// text, and may contain `AWSLogs` too.
    pub fn of_key(key: &str) -> ObjectKind {
        let mut parts = key.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let folder = parts.find_map(|part| match part {
            "CloudTrail" => Some(ObjectKind::LogFile),
            "CloudTrail-Digest" => Some(ObjectKind::Digest),
            "CloudTrail-Insight" => Some(ObjectKind::Insight),
            "CloudTrail-NetworkActivity" => Some(ObjectKind::NetworkActivity),
            "CloudTrail-Aggregated" => Some(ObjectKind::Aggregated),
            _ => None,
        });
        match folder {
            Some(ObjectKind::LogFile) if !(name.ends_with(".json.gz") || name.ends_with(".json")) => {
                ObjectKind::Other
            }
            Some(kind) if !name.is_empty() => kind,
            _ => ObjectKind::of_name(name),
        }
    }

    /// The kind by the file name only, for copies outside of the folders.
    fn of_name(name: &str) -> ObjectKind {
        let mut parts = name.split('_');
        let (account, service, region) = (parts.next(), parts.next(), parts.next());
        match service {
            Some("CloudTrail") if name.ends_with(".json.gz") || name.ends_with(".json") => {
                ObjectKind::LogFile
            }
            Some("CloudTrail-Digest") => ObjectKind::Digest,
            Some("CloudTrail-Insight") => ObjectKind::Insight,
            Some("CloudTrail-NetworkActivity") => ObjectKind::NetworkActivity,
            Some("CloudTrail-Aggregated") => ObjectKind::Aggregated,
            // `111122223333_Config_us-east-1_…`, `111122223333_elasticloadbalancing_us-east-1_…`
            Some(service)
                if service != "CloudTrail"
                    && account.is_some_and(is_account_id)
                    && region.is_some_and(is_region) =>
            {
                ObjectKind::OtherService
            }
            _ => ObjectKind::Other,
        }
    }
}

/// Whether a text has the form of a Region name.
pub(crate) fn is_region(text: &str) -> bool {
    text.matches('-').count() >= 2
        && text.ends_with(|end: char| end.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The account of a log file, from its name.
pub fn account(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?;
    let (account, rest) = name.split_once('_')?;
    (is_account_id(account) && rest.starts_with("CloudTrail")).then_some(account)
}

/// When a log file was delivered, from its name.
pub fn delivered(key: &str) -> Option<DateTime<Utc>> {
    let name = key.rsplit('/').next()?;
    let time = name.split('_').rev().nth(1)?;
    NaiveDateTime::parse_from_str(&format!("{}00Z", time.strip_suffix('Z')?), "%Y%m%dT%H%M%SZ")
        .ok()
        .map(|time| time.and_utc())
}

/// The day of a log file's folder, or the day of its delivery if it is not in such a folder.
pub fn day(key: &str) -> Option<NaiveDate> {
    let mut folders = key.rsplit('/').skip(1);
    let mut number = |digits| {
        let folder = folders.next()?;
        let is_number = folder.len() == digits && folder.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| folder.parse::<u16>().ok()).flatten()
    };
    let mut of_folder = || {
        let (day, month, year) = (number(2)?, number(2)?, number(4)?);
        NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
    };
    of_folder().or_else(|| delivered(key).map(|time| time.date_naive()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_files_differ_from_digest_and_insight_files() {
        const NAME: &str =
            "2026/04/01/111122223333_CloudTrail_us-east-1_20260401T0820Z_AbCdEf0123456789.json.gz";
        for (key, kind) in [
            (format!("AWSLogs/111122223333/CloudTrail/us-east-1/{NAME}"), ObjectKind::LogFile),
            (format!("AWSLogs/o-exampleorg/111122223333/CloudTrail/us-east-1/{NAME}"), ObjectKind::LogFile),
            (format!("a prefix/b/AWSLogs/111122223333/CloudTrail/us-gov-west-1/{NAME}"), ObjectKind::LogFile),
            (
                format!("CloudTrail-Digest/AWSLogs/111122223333/CloudTrail/cn-north-1/{NAME}"),
                ObjectKind::LogFile,
            ),
            (format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{NAME}"), ObjectKind::Digest),
            (format!("AWSLogs/111122223333/CloudTrail-Insight/us-east-1/{NAME}"), ObjectKind::Insight),
            (
                format!("AWSLogs/111122223333/CloudTrail-NetworkActivity/us-east-1/{NAME}"),
                ObjectKind::NetworkActivity,
            ),
            (format!("AWSLogs/111122223333/CloudTrail-Aggregated/us-east-1/{NAME}"), ObjectKind::Aggregated),
            ("AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/".to_owned(), ObjectKind::Other),
            ("AWSLogs/111122223333/Config/us-east-1/x.json.gz".to_owned(), ObjectKind::Other),
            (
                "AWSLogs/111122223333/Config/us-east-1/2026/4/1/ConfigHistory/111122223333_Config_us-east-1_ConfigHistory_20260401T000000Z_x.json.gz".to_owned(),
                ObjectKind::OtherService,
            ),
            ("111122223333_elasticloadbalancing_us-east-1_app.x_x.log.gz".to_owned(), ObjectKind::OtherService),
            ("111122223333_export_us-east-1.json".to_owned(), ObjectKind::Other),
            ("my_export.json".to_owned(), ObjectKind::Other),
            (
                "111122223333_CloudTrail_us-east-1_20260401T0820Z_AbCdEf0123456789.json.gz".to_owned(),
                ObjectKind::LogFile,
            ),
            (
                "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260401T0820Z.json.gz".to_owned(),
                ObjectKind::Digest,
            ),
            (String::new(), ObjectKind::Other),
        ] {
            assert_eq!(ObjectKind::of_key(&key), kind, "{key}");
        }
    }

    #[test]
    fn the_day_is_that_of_the_folder_before_that_of_the_name() {
        const NAME: &str = "111122223333_CloudTrail_us-east-1_20260402T0001Z_AbCdEf0123456789.json.gz";
        for (key, day) in [
            (format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/{NAME}"), Some("2026-04-01")),
            (format!("2026/04/01/{NAME}"), Some("2026-04-01")),
            (format!("2026/04/{NAME}"), Some("2026-04-02")),
            (format!("2026/13/01/{NAME}"), Some("2026-04-02")),
            (format!("2026/+4/01/{NAME}"), Some("2026-04-02")),
            (NAME.to_owned(), Some("2026-04-02")),
            ("2026/04/01/x.json.gz".to_owned(), Some("2026-04-01")),
            ("x.json.gz".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(super::day(&key), day.map(|day| day.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn the_time_of_delivery_is_in_the_name() {
        let key = "x/111122223333_CloudTrail_us-east-1_20260401T0820Z_AbCdEf0123456789.json.gz";
        assert_eq!(delivered(key).unwrap().to_rfc3339(), "2026-04-01T08:20:00+00:00");
        for none in ["", "a.json", "111122223333_CloudTrail_us-east-1_20261301T0820Z_x.json.gz", "_é_Z_"] {
            assert_eq!(delivered(none), None, "{none}");
        }
    }
}
