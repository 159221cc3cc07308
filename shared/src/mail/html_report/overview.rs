//! What happened over a range of log files, summed up for a [`page`]: sign-ins by time, address and principal, and
//! the findings. What it keeps is bounded, however many sign-ins there are.

mod seen;
mod top;
mod worst;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Utc};

pub(crate) use top::Ranking;
pub(crate) use worst::{Row, Who};

use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::{Finding, Principal, network_of};
use crate::formats::cloudtrail::{Outcome, Record, SignIn};
use crate::mail::html_report;
use crate::severity::Severity;
use crate::text;
use seen::Seen;
use top::Top;
use worst::{MAX_NAME_CHARS, Worst};

/// How many notes are kept; all are counted.
const MAX_NOTES: usize = 200;

/// How long a note is kept.
const MAX_NOTE_CHARS: usize = 1_000;

/// The years in which an event can have happened: CloudTrail began in 2013. What a chart spans must not be for one
/// record to say.
const YEARS: RangeInclusive<i32> = 2013..=2099;

const HOUR_SECONDS: i64 = 3_600;

/// What happened.
#[derive(Debug, Default)]
pub struct Overview {
    seen: Seen,
    /// By the hours since 1970.
    hours: BTreeMap<i64, Tally>,
    undated: Tally,
    addresses: Top<String>,
    principals: Top<(Who, String)>,
    rules: BTreeMap<(Severity, &'static str), (&'static Rule, u64)>,
    worst: Worst,
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    notes: Vec<String>,
    more_notes: u64,
}

/// Sign-ins by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Somebody is in.
    pub successes: u64,
    /// Somebody tried.
    pub failures: u64,
    /// The record does not say.
    pub unknown: u64,
}

impl Tally {
    fn one(outcome: Outcome) -> Tally {
        let is = |wanted| u64::from(outcome == wanted);
        Tally {
            successes: is(Outcome::Success),
            failures: is(Outcome::Failure),
            unknown: is(Outcome::Unknown),
        }
    }

    /// However they ended.
    pub fn all(self) -> u64 {
        self.successes + self.failures + self.unknown
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.successes += other.successes;
        self.failures += other.failures;
        self.unknown += other.unknown;
    }
}

impl Overview {
    /// Nothing so far.
    pub fn new() -> Overview {
        Overview::default()
    }

    /// Counts a sign-in. The same event again, in another log file, counts once: as the copy that came first has it.
    pub fn sign_in(&mut self, record: &Record<'_>, sign_in: &SignIn) {
        let account = record.account().unwrap_or_default();
        if let Some(event) = record.event_key()
            && !self.seen.is_new(&["sign-in", account, event])
        {
            return;
        }
        let tally = Tally::one(sign_in.outcome);
        match record.event_time.filter(is_plausible) {
            Some(time) => {
                *self.hours.entry(time.timestamp().div_euclid(HOUR_SECONDS)).or_default() += tally;
                self.reaches(time);
            }
            None => self.undated += tally,
        }
        let address = record.source_ip_address.as_deref().map(network_of).unwrap_or_default();
        self.addresses.add(text::cut(&address, MAX_NAME_CHARS), tally);
        let who = Who::of(Principal::of(record).as_ref());
        self.principals.add((who, text::cut(account, MAX_NAME_CHARS)), tally);
    }

    /// Takes in a finding. One of the same id again counts once: those of which several copies were read must have
    /// been merged.
    pub fn finding(&mut self, finding: &Finding) {
        if !self.seen.is_new(&["finding", &finding.id]) {
            return;
        }
        let key = (finding.severity, finding.rule.id);
        self.rules.entry(key).or_insert((finding.rule, 0)).1 += 1;
        if let Some(time) = finding.time.filter(is_plausible) {
            self.reaches(time);
        }
        self.worst.add(finding);
    }

    /// Takes in a sentence for the head of the page: what could not be looked at, or was left out. It may be
    /// untrusted.
    pub fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text::cut(&text, MAX_NOTE_CHARS));
        } else {
            self.more_notes += 1;
        }
    }

    /// The page.
    pub fn page(&self, about: &html_report::About<'_>, config: &Config) -> String {
        html_report::html(self, about, config)
    }

    fn reaches(&mut self, time: DateTime<Utc>) {
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }

    /// The sign-ins of each hour in which there are some, by its first moment.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (DateTime<Utc>, Tally)> {
        let at = |hour: i64| DateTime::from_timestamp(hour * HOUR_SECONDS, 0);
        self.hours.iter().filter_map(move |(hour, tally)| Some((at(*hour)?, *tally)))
    }

    /// Sign-ins whose time nobody can believe, or that have none.
    pub(crate) fn undated(&self) -> Tally {
        self.undated
    }

    /// All sign-ins.
    pub(crate) fn sign_ins(&self) -> Tally {
        let mut all = self.undated;
        self.hours.values().for_each(|tally| all += *tally);
        all
    }

    /// The addresses with the most failures; an empty one where the records name none.
    pub(crate) fn addresses(&self, count: usize) -> Ranking<'_, String> {
        self.addresses.ranking(count)
    }

    /// The principals with the most failures, and the account in which they tried.
    pub(crate) fn principals(&self, count: usize) -> Ranking<'_, (Who, String)> {
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
    pub(crate) fn listed(&self) -> Vec<&Row> {
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

    /// Whether there were more events than could be told from each other.
    pub(crate) fn may_count_twice(&self) -> bool {
        self.seen.has_forgotten()
    }
}

fn is_plausible(time: &DateTime<Utc>) -> bool {
    YEARS.contains(&time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(story: &mut Overview, id: &str, account: &str, outcome: &str, others: &str) {
        let json = format!(
            r#"{{"eventID": "{id}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "recipientAccountId": "{account}", "eventTime": "2026-04-01T08:15:00Z",
                "responseElements": {{"ConsoleLogin": "{outcome}"}}{others}}}"#
        );
        let record = Record::parse(json.as_bytes()).unwrap();
        story.sign_in(&record, &SignIn::of(&record).unwrap());
    }

    #[test]
    fn the_same_sign_in_counts_once_and_one_without_an_id_always() {
        let mut story = Overview::new();
        for (id, account, others) in [
            ("1", "111122223333", ""),
            ("1", "111122223333", ""),
            ("2", "111122223333", r#", "addendum": {"originalEventID": "1"}"#),
            ("1", "444455556666", ""),
            ("", "111122223333", ""),
            ("", "111122223333", ""),
        ] {
            learn(&mut story, id, account, "Failure", others);
        }
        assert_eq!(story.sign_ins(), Tally { failures: 4, ..Tally::default() });
        assert!(!story.may_count_twice());
    }

    #[test]
    fn the_sums_by_time_by_address_and_by_principal_are_the_same() {
        let mut story = Overview::new();
        for n in 0..300 {
            let outcome = ["Success", "Failure", "other"][n % 3];
            let others = format!(
                r#", "sourceIPAddress": "2001:db8:{:x}::{n:x}", "userIdentity": {{"type": "IAMUser", "userName": "user-{}"}}, "eventTime": "2026-04-{:02}T08:00:00Z""#,
                n % 40,
                n % 50,
                n % 40
            );
            learn(&mut story, &n.to_string(), "111122223333", outcome, &others);
        }
        let all = Tally { successes: 100, failures: 100, unknown: 100 };
        assert_eq!(story.sign_ins(), all);
        assert!(story.undated().all() > 0, "there is no April 31 and no April 0");
        let (addresses, principals) = (story.addresses(15), story.principals(15));
        assert_eq!((addresses.first.len(), addresses.others), (15, Some(25)), "IPv6 by its /64");
        assert_eq!((principals.first.len(), principals.others), (15, Some(35)));
        let sum = |first: Vec<Tally>, mut rest: Tally| {
            first.into_iter().for_each(|tally| rest += tally);
            rest
        };
        let tallies = addresses.first.iter().map(|(_, tally)| *tally).collect();
        assert_eq!(sum(tallies, addresses.rest), all);
        let tallies = principals.first.iter().map(|(_, tally)| *tally).collect();
        assert_eq!(sum(tallies, principals.rest), all);
    }

    #[test]
    fn users_of_the_same_name_in_two_accounts_are_two() {
        let mut story = Overview::new();
        for (n, account) in ["111122223333", "444455556666", "444455556666"].iter().enumerate() {
            let alice = r#", "userIdentity": {"type": "IAMUser", "userName": "alice"}"#;
            learn(&mut story, &n.to_string(), account, "Failure", alice);
        }
        let counts = story.principals(15).first.iter().map(|(_, tally)| tally.failures).collect::<Vec<_>>();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn a_name_that_aws_hides_is_nobodys() {
        let mut story = Overview::new();
        let hidden = r#", "userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}"#;
        learn(&mut story, "1", "111122223333", "Failure", hidden);
        assert_eq!(story.principals(1).first[0].0.0, Who::Hidden);
    }

    #[test]
    fn notes_are_bounded_and_all_are_counted() {
        let mut story = Overview::new();
        for _ in 0..MAX_NOTES + 5 {
            story.note("x".repeat(5_000));
        }
        let (notes, more) = story.notes();
        assert_eq!((notes.len(), more), (MAX_NOTES, 5));
        assert!(notes.iter().all(|note| note.chars().count() <= MAX_NOTE_CHARS));
    }
}
