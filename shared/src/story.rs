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

use crate::cloudtrail::{Outcome, Record, SignIn};
use crate::config::Config;
use crate::finding::{Finding, Principal, network_of};
use crate::page;
use crate::rule::{Rule, Severity};
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
pub struct Story {
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

impl Story {
    /// Nothing so far.
    pub fn new() -> Story {
        Story::default()
    }

    /// Counts a sign-in. The same event again, in another log file, counts once.
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
    pub fn page(&self, about: &page::About<'_>, config: &Config) -> String {
        page::html(self, about, config)
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
