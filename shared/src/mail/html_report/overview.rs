//! What happened over a range of log files: sign-ins by time, address and principal, and findings. Its memory is bounded.

mod event_hashes;
mod outcome_counts;
mod principal_label;
mod top_counts;
mod worst_findings;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Utc};

pub(crate) use outcome_counts::OutcomeCounts;
pub(crate) use principal_label::PrincipalLabel;
pub(crate) use top_counts::Ranking;
pub(crate) use worst_findings::ListedFinding;

use crate::finding::rule::Rule;
use crate::finding::{Finding, Principal, network_of};
use crate::formats::cloudtrail::{Record, SignIn};
use crate::severity::Severity;
use crate::text;
use event_hashes::EventHashes;
use principal_label::MAX_NAME_CHARS;
use top_counts::TopCounts;
use worst_findings::WorstFindings;

/// How many notes are kept; all are counted.
const MAX_NOTES: usize = 200;

/// How many characters of a note are kept.
const MAX_NOTE_CHARS: usize = 1_000;

/// The years in which an event can have happened: CloudTrail began in 2013. One record with a wrong time must not
/// stretch the chart.
const YEARS: RangeInclusive<i32> = 2013..=2099;

const HOUR_SECONDS: i64 = 3_600;

/// The summary of the log files that were read.
#[derive(Debug, Default)]
pub struct Overview {
    seen: EventHashes,
    /// By hours since 1970.
    hours: BTreeMap<i64, OutcomeCounts>,
    undated: OutcomeCounts,
    addresses: TopCounts<String>,
    principals: TopCounts<(PrincipalLabel, String)>,
    rules: BTreeMap<(Severity, &'static str), (&'static Rule, u64)>,
    worst: WorstFindings,
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    notes: Vec<String>,
    more_notes: u64,
}

impl Overview {
    /// An empty summary.
    pub fn new() -> Overview {
        Overview::default()
    }

    /// Counts a sign-in. Copies of one event in several log files count once: the first copy.
    pub fn sign_in(&mut self, record: &Record<'_>, sign_in: &SignIn) {
        let account = record.account().unwrap_or_default();
        if let Some(event) = record.event_key()
            && !self.seen.is_new(&["sign-in", account, event])
        {
            return;
        }
        let tally = OutcomeCounts::one(sign_in.outcome);
        match record.event_time.filter(is_plausible) {
            Some(time) => {
                *self.hours.entry(time.timestamp().div_euclid(HOUR_SECONDS)).or_default() += tally;
                self.extend_span(time);
            }
            None => self.undated += tally,
        }
        let address = record.source_ip_address.as_deref().map(network_of).unwrap_or_default();
        self.addresses.add(text::cut(&address, MAX_NAME_CHARS), tally);
        let who = PrincipalLabel::of(Principal::of(record).as_ref());
        self.principals.add((who, text::cut(account, MAX_NAME_CHARS)), tally);
    }

    /// Adds a finding. Findings of one id count once; the caller merges copies.
    pub fn finding(&mut self, finding: &Finding) {
        if !self.seen.is_new(&["finding", &finding.id]) {
            return;
        }
        let key = (finding.severity, finding.rule.id);
        self.rules.entry(key).or_insert((finding.rule, 0)).1 += 1;
        if let Some(time) = finding.time.filter(is_plausible) {
            self.extend_span(time);
        }
        self.worst.add(finding);
    }

    /// Adds a sentence to the head of the report: what could not be looked at, or was left out. The text may be untrusted.
    pub fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text::cut(&text, MAX_NOTE_CHARS));
        } else {
            self.more_notes += 1;
        }
    }

    fn extend_span(&mut self, time: DateTime<Utc>) {
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }

    /// Each hour with sign-ins, by its start.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (DateTime<Utc>, OutcomeCounts)> {
        let at = |hour: i64| DateTime::from_timestamp(hour * HOUR_SECONDS, 0);
        self.hours.iter().filter_map(move |(hour, tally)| Some((at(*hour)?, *tally)))
    }

    /// Sign-ins with no time or an impossible one.
    pub(crate) fn undated(&self) -> OutcomeCounts {
        self.undated
    }

    /// All sign-ins.
    pub(crate) fn sign_ins(&self) -> OutcomeCounts {
        let mut all = self.undated;
        self.hours.values().for_each(|tally| all += *tally);
        all
    }

    /// The addresses with the most failures; an empty one for records without an address.
    pub(crate) fn addresses(&self, count: usize) -> Ranking<'_, String> {
        self.addresses.ranking(count)
    }

    /// The principals with the most failures, each with the account of the sign-ins.
    pub(crate) fn principals(&self, count: usize) -> Ranking<'_, (PrincipalLabel, String)> {
        self.principals.ranking(count)
    }

    /// How many findings there are of each rule and severity, most severe first.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (Severity, &'static Rule, u64)> {
        let mut rules: Vec<_> =
            self.rules.iter().map(|((severity, _), (rule, count))| (*severity, *rule, *count)).collect();
        rules.sort_by_key(|(severity, rule, count)| (std::cmp::Reverse((*severity, *count)), rule.id));
        rules.into_iter()
    }

    /// The findings that are listed, most severe first.
    pub(crate) fn listed(&self) -> Vec<&ListedFinding> {
        self.worst.rows()
    }

    /// The time of the first and of the last sign-in or finding.
    pub(crate) fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.span
    }

    /// The notes that were kept, and how many more there were.
    pub(crate) fn notes(&self) -> (&[String], u64) {
        (&self.notes, self.more_notes)
    }

    /// Whether there were more events than are remembered: copies of the others are counted again.
    pub(crate) fn may_count_twice(&self) -> bool {
        self.seen.has_overflowed()
    }
}

fn is_plausible(time: &DateTime<Utc>) -> bool {
    YEARS.contains(&time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_sign_in(overview: &mut Overview, id: &str, account: &str, outcome: &str, others: &str) {
        let json = format!(
            r#"{{"eventID": "{id}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "recipientAccountId": "{account}", "eventTime": "2026-04-01T08:15:00Z",
                "responseElements": {{"ConsoleLogin": "{outcome}"}}{others}}}"#
        );
        let record = Record::parse(json.as_bytes()).unwrap();
        overview.sign_in(&record, &SignIn::of(&record).unwrap());
    }

    #[test]
    fn the_same_sign_in_counts_once_and_one_without_an_id_always() {
        let mut overview = Overview::new();
        for (id, account, others) in [
            ("1", "111122223333", ""),
            ("1", "111122223333", ""),
            ("2", "111122223333", r#", "addendum": {"originalEventID": "1"}"#),
            ("1", "444455556666", ""),
            ("", "111122223333", ""),
            ("", "111122223333", ""),
        ] {
            add_sign_in(&mut overview, id, account, "Failure", others);
        }
        assert_eq!(overview.sign_ins(), OutcomeCounts { failures: 4, ..OutcomeCounts::default() });
        assert!(!overview.may_count_twice());
    }

    #[test]
    fn the_sums_by_time_by_address_and_by_principal_are_the_same() {
        let mut overview = Overview::new();
        for n in 0..300 {
            let outcome = ["Success", "Failure", "other"][n % 3];
            let others = format!(
                r#", "sourceIPAddress": "2001:db8:{:x}::{n:x}", "userIdentity": {{"type": "IAMUser", "userName": "user-{}"}}, "eventTime": "2026-04-{:02}T08:00:00Z""#,
                n % 40,
                n % 50,
                n % 40
            );
            add_sign_in(&mut overview, &n.to_string(), "111122223333", outcome, &others);
        }
        let all = OutcomeCounts { successes: 100, failures: 100, unknown: 100 };
        assert_eq!(overview.sign_ins(), all);
        assert!(overview.undated().all() > 0, "there is no April 31 and no April 0");
        let (addresses, principals) = (overview.addresses(15), overview.principals(15));
        assert_eq!((addresses.first.len(), addresses.others), (15, Some(25)), "IPv6 by its /64");
        assert_eq!((principals.first.len(), principals.others), (15, Some(35)));
        let sum = |first: Vec<OutcomeCounts>, mut rest: OutcomeCounts| {
            first.into_iter().for_each(|tally| rest += tally);
            rest
        };
        let tallies = addresses.first.iter().map(|(_, tally)| *tally).collect();
        assert_eq!(sum(tallies, addresses.rest), all);
        let tallies = principals.first.iter().map(|(_, tally)| *tally).collect();
        assert_eq!(sum(tallies, principals.rest), all);
    }

    #[test]
    fn users_of_one_name_in_two_accounts_are_two_principals() {
        let mut overview = Overview::new();
        for (n, account) in ["111122223333", "444455556666", "444455556666"].iter().enumerate() {
            let alice = r#", "userIdentity": {"type": "IAMUser", "userName": "alice"}"#;
            add_sign_in(&mut overview, &n.to_string(), account, "Failure", alice);
        }
        let counts =
            overview.principals(15).first.iter().map(|(_, tally)| tally.failures).collect::<Vec<_>>();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn a_name_that_aws_hides_is_shown_as_hidden() {
        let mut overview = Overview::new();
        let hidden = r#", "userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}"#;
        add_sign_in(&mut overview, "1", "111122223333", "Failure", hidden);
        assert_eq!(overview.principals(1).first[0].0.0, PrincipalLabel::Hidden);
    }

    #[test]
    fn notes_are_bounded_and_all_are_counted() {
        let mut overview = Overview::new();
        for _ in 0..MAX_NOTES + 5 {
            overview.note("x".repeat(5_000));
        }
        let (notes, more) = overview.notes();
        assert_eq!((notes.len(), more), (MAX_NOTES, 5));
        assert!(notes.iter().all(|note| note.chars().count() <= MAX_NOTE_CHARS));
    }
}
