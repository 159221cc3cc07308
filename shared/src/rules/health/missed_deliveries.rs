//! `watch.missed`: log files that were delivered and not read on delivery, as the nightly check finds them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::finding::health_finding;
use crate::finding::rule::{Rule, RuleKind};
use crate::finding::{Evidence, Finding, Subject};
use crate::severity::Severity;
use crate::text;

/// Log files were delivered and have no receipt.
pub static MISSED: Rule = Rule {
    id: "watch.missed",
    kind: RuleKind::Check,
    title: "Log files were missed",
    severity: Severity::Medium,
    severity_reason: "What they hold is judged now, but hours late. \
        HIGH where it is a tenth of all log files or more, for then events stopped for hours and may still, or where some cannot be read.",
    condition: "log files stand in the bucket, and nothing says that they were read when they were delivered",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "What could be read has been read now, and what was found there is told in mails of its own. What could not be read is told as `watch.could-not-look`; once it can be, the `make backfill` that is named above reads it, with `STACK=` and the stack's name.",
        "See whether the bucket still sends its events to EventBridge (`aws s3api get-bucket-notification-configuration`) and whether the stack's rule is enabled; for a bucket that is not the stack's own `make attach` puts it right.",
        "See whether messages wait in the delivery queue, or lie in its dead-letter queue: each names log files that no run could read. Once the cause is gone, move them back (`aws sqs start-message-move-task`).",
        "Find out who turned it off, if somebody did: a mail about `watch.tampered` may say so; else `aws cloudtrail lookup-events` knows `PutBucketNotification`, `DisableRule`, `PutRule`, `RemoveTargets` and `SetQueueAttributes`. Look at what they did in the hours of the log files that are named.",
        "A few at a time, and all of that is in order: look in the function's log for troubles of the state bucket at these hours. A log file that was read, but could not be noted as read, counts as missed as well.",
    ],
};

/// The most log files that a finding names.
const MAX_NAMED: usize = 3;

/// The deliveries of one bucket and period, compared with the receipts.
#[derive(Clone, Debug, Default)]
pub struct MissedDeliveries {
    /// How many log files were delivered in the period.
    pub delivered: u64,
    /// How many of them had no receipt, by the day of their folder.
    pub missed: BTreeMap<NaiveDate, u64>,
    /// How many of the missed ones could not be fetched now either.
    pub unfetched: u64,
    /// The first missed ones in the order of their names.
    pub first: BTreeSet<String>,
}

impl MissedDeliveries {
    /// How many were missed in all.
    pub fn count(&self) -> u64 {
        self.missed.values().sum()
    }

    /// Counts a missed log file, by its `s3://bucket/key`.
    pub fn add(&mut self, day: NaiveDate, uri: &str) {
        *self.missed.entry(day).or_default() += 1;
        self.first.insert(uri.to_owned());
        if self.first.len() > MAX_NAMED {
            self.first.pop_last();
        }
    }
}

/// Log files of a bucket and period that were not read on delivery: one finding for each bucket and period;
/// `None` if there are none.
pub fn missed_deliveries(
    bucket: &str,
    account: Option<&str>,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
    deliveries: &MissedDeliveries,
) -> Option<Finding> {
    let (missed, delivered, unfetched) = (deliveries.count(), deliveries.delivered, deliveries.unfetched);
    let (first_day, last_day) = (deliveries.missed.keys().next()?, deliveries.missed.keys().next_back()?);
    let minute = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
    let (from, to) = (minute(since), minute(until));
    let log_files = text::noun(&delivered, "log file", "log files");
    let (were, they) = if missed == 1 { ("was", "it was") } else { ("were", "they were") };
    let now = match unfetched {
        0 => format!("{they} read by the nightly sweep"),
        _ if unfetched == missed => "nor can be by the nightly sweep".to_owned(),
        _ => format!("{} by the nightly sweep, {unfetched} cannot be", missed.saturating_sub(unfetched)),
    };
    let what = format!(
        "{missed} of {delivered} {log_files} that bucket {bucket} was given from {from} to {to} UTC {were} not read on delivery: {now}"
    );
    let severity = if unfetched > 0 || missed * 10 >= delivered { Severity::High } else { Severity::Medium };
    let second = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let by_day: Vec<String> =
        deliveries.missed.iter().map(|(day, count)| format!("{day}: {count}")).collect();
    let names: Vec<&str> = deliveries.first.iter().filter_map(|uri| uri.rsplit('/').next()).collect();
    let mut facts = vec![
        ("delivered", delivered.to_string()),
        ("missed", missed.to_string()),
        ("missed_by_day", by_day.join(", ")),
        ("such_as", names.join(", ")),
    ];
    if unfetched > 0 {
        facts.push(("unread", unfetched.to_string()));
        facts.push(("read_with", format!("make backfill STACK=name FROM={first_day} TO={last_day}")));
    }
    let identity = [bucket, &second(since), &second(until)];
    let subject = Subject::Source(bucket.to_owned());
    let finding = Finding {
        account: account.map(str::to_owned),
        // The period is part of the resource: findings of two periods are never deduplicated.
        resource: Some(format!("{bucket} from {} to {}", second(since), second(until))),
        time: Some(until),
        evidence: Evidence {
            log_file: deliveries.first.first().cloned(),
            facts: facts.into(),
            ..Evidence::default()
        },
        ..health_finding(&MISSED, severity, &identity, subject, what)
    };
    Some(finding.with_summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_severity_grows_with_the_share_of_missed_log_files() {
        let time = ("2026-04-01T02:00:00Z".parse().unwrap(), "2026-04-02T02:00:00Z".parse().unwrap());
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 4, day).unwrap();
        for (name, delivered, missed_files, unfetched, severity) in [
            ("none", 1_000, 0, 0, None),
            ("one of many", 1_000, 1, 0, Some(Severity::Medium)),
            ("less than a tenth", 1_000, 99, 0, Some(Severity::Medium)),
            ("a tenth", 1_000, 100, 0, Some(Severity::High)),
            ("all", 1, 1, 0, Some(Severity::High)),
            ("one that cannot be fetched", 1_000, 1, 1, Some(Severity::High)),
        ] {
            let mut deliveries = MissedDeliveries { delivered, unfetched, ..MissedDeliveries::default() };
            for n in 0..missed_files {
                deliveries.add(day(1 + n % 2), &format!("s3://logs/{:02}", 99 - n % 100));
            }
            let finding = missed_deliveries("logs", None, time, &deliveries);
            assert_eq!(finding.as_ref().map(|finding| finding.severity), severity, "{name}");
            let Some(finding) = finding else { continue };
            assert!(deliveries.first.len() <= MAX_NAMED, "{name}");
            assert_eq!(finding.evidence.log_file, deliveries.first.first().cloned(), "{name}");
            let first = finding.summary.split(' ').next().unwrap();
            assert_eq!(first, missed_files.to_string(), "{name}: {}", finding.summary);
            let backfill = finding
                .evidence
                .facts
                .0
                .iter()
                .any(|(_, value)| value.starts_with("make backfill STACK=name FROM="));
            assert_eq!(backfill, unfetched > 0, "{name}");
        }
    }

    #[test]
    fn each_period_has_a_finding_of_its_own() {
        let at = |time: &str| time.parse().unwrap();
        let mut deliveries = MissedDeliveries { delivered: 1, ..MissedDeliveries::default() };
        deliveries.add(NaiveDate::from_ymd_opt(2026, 4, 1).unwrap(), "s3://logs/a");
        let of = |time| missed_deliveries("logs", None, time, &deliveries).unwrap();
        let one = of((at("2026-04-01T02:00:00Z"), at("2026-04-02T02:00:00Z")));
        let next = of((at("2026-04-02T02:00:00Z"), at("2026-04-03T02:00:00Z")));
        assert_ne!((&one.id, &one.resource), (&next.id, &next.resource));
        assert_eq!(one.id, of((at("2026-04-01T02:00:00Z"), at("2026-04-02T02:00:00Z"))).id);
    }
}
