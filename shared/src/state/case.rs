//! What is remembered about one subject: what was found and when, which mails are under way, what was told.
//!
//! A case is one small object of the state bucket. It is put together from facts, each counted once, and
//! which facts belong together depends on their times alone: the order in which they come, and how often,
//! changes nothing. An episode that was told stays so, and a late fact in or near it widens it and says
//! nothing. See `app/telling.rs` for how it is written and read.

mod backfill_digests;
mod episode;
mod facts;
mod index;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::format::{FORMAT, check_format, not_json};
use crate::config::Config;
use crate::finding::{Finding, Subject, stable_id};
use crate::formats::cloudtrail::key;
use crate::notification::Notification;
use crate::state::backfill::DigestCounts;
use crate::state::lease::Lease;
use crate::state::outbox::OutboxEntry;
use crate::text;

use backfill_digests::{Digest, Stretch, Stretches};
use episode::{Episode, MAX_NAME_CHARS, joined, short};
pub use facts::{Facts, MAX_KEPT, Number};
use index::{Index, Share};

/// Single facts are known for so long after the episode that they belong to, and after it became known; then
/// only how many they were.
const FACTS_KEPT: TimeDelta = TimeDelta::hours(48);

/// Of more episodes the oldest are forgotten, and of more facts it is only known about how many they are.
const MAX_EPISODES: usize = 1_000;
const MAX_FACTS: usize = 4_000;

/// So many mails of one case may be under way; until one of them is told, what is new has to wait.
pub const MAX_PENDING: usize = 4;

/// What is remembered about one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    format: u32,
    /// Whom it is about, for whoever reads the object.
    subject: String,
    episodes: Vec<Episode>,
    /// The mails that are under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<OutboxEntry>,
    /// What digests of backfills tell of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<Digest>,
}

/// A finding on its way into a case.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'f> {
    /// The finding.
    pub finding: &'f Finding,
    /// Whether a suppression hides it.
    pub accepted: bool,
}

/// A digest of a backfill.
#[derive(Clone, Copy, Debug)]
pub struct Teller<'a> {
    /// The id of its alert: the same however often it is begun.
    pub alert_id: &'a str,
    /// The backfill that it is of.
    pub run: &'a str,
    /// Whether nobody knows any more if what earlier digests of this backfill were to tell was told, for what it had
    /// noted is lost: then this one tells it.
    pub retells: bool,
}

impl Teller<'_> {
    fn tells_of(&self, digest: &Digest) -> bool {
        digest.alert_id == self.alert_id || (self.retells && digest.run == self.run)
    }
}

/// What the digest of a backfill makes of findings; what is accepted is neither.
#[derive(Clone, Debug, Default)]
pub struct Decided<'f> {
    /// Those that it tells.
    pub told: Vec<Seen<'f>>,
    /// Whether an earlier digest may have told some of them.
    pub retold: bool,
    /// How many others were notified before, or are counted only.
    pub counts: DigestCounts,
}

/// What was only counted since the last mail, of one episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// The rule's id.
    pub rule: String,
    /// How many.
    pub number: Number,
    /// From where, where it is one source.
    pub source: Option<String>,
    /// About what, where it is one resource.
    pub resource: Option<String>,
    /// From how many sources or about how many resources, where they are too many.
    pub alike: Option<Number>,
    /// When the first and the last of the whole episode happened.
    pub from: DateTime<Utc>,
    /// See `from`.
    pub to: DateTime<Utc>,
    /// Whether a suppression hides them.
    pub accepted: bool,
}

/// The key of a subject's case. A name is never part of it.
pub fn key(subject: &Subject) -> String {
    let (kind, account, parts): (&str, Option<&str>, Vec<&str>) = match subject {
        Subject::Principal { account, kind, name } => ("principal", Some(account), vec![account, kind, name]),
        Subject::Address { account, network } => ("address", Some(account), vec![account, network]),
        Subject::Account(account) => ("account", Some(account), vec![account]),
        Subject::LogFile(file) => ("log-file", key::account(file), vec![file]),
        Subject::Source(source) => ("source", None, vec![source]),
        Subject::EventName(name) => ("event-name", None, vec![name]),
    };
    let folder = account.filter(|account| text::is_account_id(account)).unwrap_or("any");
    format!("cases/{folder}/{kind}/{}.json", stable_id(&parts))
}

/// The subject as the object names it.
fn name(subject: &Subject) -> String {
    let name = match subject {
        Subject::Principal { account, kind, name } => format!("{kind} {name} of account {account}"),
        Subject::Address { account, network } => format!("{network} at account {account}"),
        Subject::Account(account) => format!("account {account}"),
        Subject::LogFile(file) => format!("log file {file}"),
        Subject::Source(source) => format!("source {source}"),
        Subject::EventName(name) => format!("event {name}"),
    };
    short(&name)
}

impl Case {
    /// The case of a subject of which nothing is known.
    pub fn new(subject: &Subject) -> Case {
        let (episodes, pending, digests) = (Vec::new(), Vec::new(), Vec::new());
        Case { format: FORMAT, subject: name(subject), episodes, pending, digests }
    }

    /// Reads an object that must be about the same subject as a new one.
    ///
    /// # Errors
    /// Why it is not.
    pub fn read(content: &[u8], new: &Case) -> Result<Case, String> {
        check_format(content)?;
        let case: Case = serde_json::from_slice(content).map_err(not_json)?;
        if case.subject != new.subject {
            return Err(format!("it is the case of \"{}\"", text::clean(&case.subject, MAX_NAME_CHARS)));
        }
        if case.episodes.iter().any(|episode| episode.from > episode.to) {
            return Err("an episode in it ends before it begins".to_owned());
        }
        Ok(case)
    }

    /// The object's content.
    ///
    /// # Errors
    /// Never: everything in it can be written as JSON.
    pub fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Adds findings.
    pub fn learn(&mut self, seen: &[Seen<'_>], now: DateTime<Utc>, config: &Config) {
        self.episodes.extend(seen.iter().map(|seen| Episode::of(seen, now)));
        let quiet = TimeDelta::from_std(config.quiet).unwrap_or(TimeDelta::MAX);
        self.episodes = joined(std::mem::take(&mut self.episodes), quiet);
    }

    /// Those findings, of those that were learnt, of which a mail has to tell now.
    pub fn untold<'f>(&self, seen: &[Seen<'f>], now: DateTime<Utc>, config: &Config) -> Vec<Seen<'f>> {
        let index = Index::of(&self.episodes);
        let is_untold = |seen: &&Seen<'f>| {
            let own = index.episode_of(seen, now);
            !seen.accepted
                && own.is_some_and(|own| self.episodes[own].needs_mail(seen, now, config))
                && !index.was_told_elsewhere(seen, own, &[])
        };
        seen.iter().filter(is_untold).copied().collect()
    }

    /// Decides which of these findings, that were learnt, the digest of a backfill tells, and notes that people know
    /// them from now on. The same digest decides the same again, whatever was told since.
    pub fn digest<'f>(
        &mut self,
        teller: &Teller<'_>,
        seen: &[Seen<'f>],
        now: DateTime<Utc>,
        config: &Config,
    ) -> Decided<'f> {
        let index = Index::of(&self.episodes);
        let own: Vec<&Digest> = self.digests.iter().filter(|digest| teller.tells_of(digest)).collect();
        let before = Stretches::of(own.iter().flat_map(|digest| &digest.stretches));
        let own: Vec<&str> = own.iter().map(|digest| &*digest.alert_id).chain([teller.alert_id]).collect();
        let retold = own.iter().any(|alert_id| *alert_id != teller.alert_id);
        let (mut decided, mut new) = (Decided { retold, ..Decided::default() }, Vec::new());
        for seen in seen.iter().filter(|seen| !seen.accepted) {
            let episode = index.episode_of(seen, now);
            let elsewhere = index.was_told_elsewhere(seen, episode, &own);
            let episode = episode.map(|episode| &self.episodes[episode]);
            if !elsewhere && before.hold(seen, now) {
                decided.told.push(*seen);
            } else if !elsewhere && episode.is_some_and(|episode| episode.needs_mail(seen, now, config)) {
                decided.told.push(*seen);
                new.push(*seen);
            } else if elsewhere || episode.is_some_and(|episode| episode.mailed.is_some()) {
                decided.counts.known += 1;
            } else {
                decided.counts.counted_only += 1;
            }
        }
        let shares = index.shares(&new, now);
        let stretch = |(index, share): (&usize, &Share<'_>)| Stretch::of(&self.episodes[*index], share);
        let stretches: Vec<Stretch> = shares.iter().map(stretch).collect();
        for (index, share) in &shares {
            let episode = &mut self.episodes[*index];
            episode.said = episode.said.saturating_add(share.ids.len() as u64);
            episode.was_mailed(teller.alert_id, share.severity, now, true);
        }
        match self.digests.iter_mut().find(|digest| digest.alert_id == teller.alert_id) {
            Some(noted) => noted.stretches.extend(stretches),
            None if stretches.is_empty() => {}
            None => {
                let (alert_id, run) = (teller.alert_id.to_owned(), teller.run.to_owned());
                self.digests.push(Digest { alert_id, run, at: now, stretches });
            }
        }
        decided
    }

    /// Whether it is remembered that a finding was told.
    pub fn remembers(&self, told: &[Seen<'_>], now: DateTime<Utc>) -> bool {
        let index = Index::of(&self.episodes);
        told.iter().all(|seen| index.episode_of(seen, now).is_some())
    }

    /// What a mail about these findings has to say beside them.
    pub fn unsaid(&self, mailed: &[Seen<'_>], now: DateTime<Utc>) -> Vec<Unsaid> {
        let told = Index::of(&self.episodes).shares(mailed, now);
        let unsaid = self.episodes.iter().enumerate().filter_map(|(index, episode)| {
            let told = told.get(&index).map_or(0, |share| share.ids.len()) as u64;
            let Number { count, about } = episode.number();
            let count = count.saturating_sub(episode.said.saturating_add(told));
            (count > 0).then(|| Unsaid {
                rule: episode.of.rule.clone(),
                number: Number { count, about },
                source: episode.of.source.clone(),
                resource: episode.of.resource.clone(),
                alike: episode.alike.as_ref().map(Facts::number),
                from: episode.from,
                to: episode.to,
                accepted: episode.of.accepted,
            })
        });
        unsaid.collect()
    }

    /// Notes that a mail tells these findings, and of what it says beside them; nobody has to publish it, where
    /// it stands in the state bucket for people to find.
    pub fn mark(&mut self, alert: &Notification, mailed: &[Seen<'_>], now: DateTime<Utc>) {
        let told = Index::of(&self.episodes).shares(mailed, now);
        for (index, episode) in self.episodes.iter_mut().enumerate() {
            episode.said = episode.said.max(episode.number().count);
            if let Some(share) = told.get(&index) {
                episode.was_mailed(&alert.id, share.severity, now, false);
            }
        }
    }

    /// Puts a mail about these findings under way.
    pub fn begin(
        &mut self,
        alert: Notification,
        may_repeat: bool,
        mailed: &[Seen<'_>],
        claim: &Lease,
        now: DateTime<Utc>,
    ) {
        self.mark(&alert, mailed, now);
        self.pending.push(OutboxEntry::claimed(alert, may_repeat, claim));
    }

    /// Takes over the mails that nobody is publishing any more.
    pub fn take_over(&mut self, claim: &Lease, now: DateTime<Utc>) {
        self.pending.iter_mut().for_each(|pending| pending.take_over(claim, now));
    }

    /// The mails that the run of this token has to publish.
    pub fn claimed(&self, token: &str) -> Vec<Notification> {
        self.pending.iter().filter(|pending| pending.is_claimed_by(token)).map(OutboxEntry::alert).collect()
    }

    /// Whether mails are under way.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether there are so many mails under way that no other may be begun.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= MAX_PENDING
    }

    /// Notes that these mails were published.
    pub fn told(&mut self, alert_ids: &BTreeSet<String>) {
        self.pending.retain(|pending| !alert_ids.contains(pending.alert_id()));
    }

    /// Leaves these mails to the next run: it is certain that they were not published.
    pub fn release(&mut self, alert_ids: &BTreeSet<String>) {
        for pending in &mut self.pending {
            if alert_ids.contains(pending.alert_id()) {
                pending.release();
            }
        }
    }

    /// Forgets what is older than it has to be remembered, and what is too much. What was just learnt and has
    /// to be told must be in a mail before.
    pub fn forget(&mut self, now: DateTime<Utc>, config: &Config) {
        let told = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
        self.episodes.retain(|episode| match &episode.mailed {
            Some(mailed) => now - episode.to.max(mailed.at) <= told,
            None => now - episode.to.max(episode.learnt) <= FACTS_KEPT,
        });
        for episode in &mut self.episodes {
            if now - episode.to.max(episode.learnt) > FACTS_KEPT && episode.mailed.is_some() {
                episode.counted = Some(episode.number().count);
                episode.facts = Facts::default();
            }
        }
        let mut most = MAX_KEPT;
        while most > 1 && self.episodes.iter().map(|episode| episode.facts.kept()).sum::<usize>() > MAX_FACTS
        {
            most /= 2;
            self.episodes.iter_mut().for_each(|episode| episode.facts.shrink(most));
        }
        if self.episodes.len() > MAX_EPISODES {
            // What a backfill told is forgotten first, so that no backfill makes the live path say something twice; then
            // what anyone can cause, and what this run tells last.
            // Of what a backfill tells, that is what happened long ago: it has time to be begun again.
            self.episodes.sort_by_key(|episode| {
                let is_historic = episode.mailed.as_ref().is_some_and(|mailed| mailed.historic);
                let told = episode.mailed.as_ref().filter(|_| !is_historic).map(|mailed| mailed.at);
                (told == Some(now), !is_historic, !episode.of.by_anyone, told.max(Some(episode.to)))
            });
            self.episodes.drain(..self.episodes.len() - MAX_EPISODES);
            let index = Index::of(&self.episodes);
            for digest in &mut self.digests {
                digest.stretches.retain(|stretch| index.at(&stretch.of, stretch.from).is_some());
            }
        }
        self.digests.retain(|digest| now - digest.at <= told && !digest.stretches.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::episode::MAX_ALIKE;
    use super::*;
    use crate::formats::cloudtrail::samples::BaseRecord;
    use crate::rules::detections::cases::{Case as Record, Expect};
    use crate::severity::Severity;

    const NOW: &str = "2026-04-03T12:00:00Z";

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    /// A failed sign-in of alice, which anyone can cause.
    fn failure() -> Finding {
        let patch =
            r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#;
        let finding =
            Record::new("case", BaseRecord::ConsoleSignIn(patch), Expect::Nothing).finding().unwrap();
        Finding { by_anyone: true, ..finding }
    }

    /// The same at another minute of the first of April, from another address.
    fn numbered(n: u32, minute: u32, source: &str) -> Finding {
        Finding {
            id: stable_id(&[&n.to_string()]),
            time: Some(at("2026-04-01T00:00:00Z") + TimeDelta::minutes(minute.into())),
            source_ip: Some(source.to_owned()),
            ..failure()
        }
    }

    /// A case, and what its mails told, each a set of ids.
    struct Told {
        case: Case,
        mails: Vec<BTreeSet<String>>,
        now: DateTime<Utc>,
    }

    impl Told {
        fn new() -> Told {
            Told { case: Case::new(&failure().subject), mails: Vec::new(), now: at(NOW) }
        }

        /// One run: its mail is published and noted. The ids that it told.
        fn run(&mut self, findings: &[Finding]) -> BTreeSet<String> {
            self.run_with(findings, |_| false, &Config::default())
        }

        fn run_with(
            &mut self,
            findings: &[Finding],
            accepted: impl Fn(&Finding) -> bool,
            config: &Config,
        ) -> BTreeSet<String> {
            let now = self.now;
            let seen: Vec<Seen> =
                findings.iter().map(|finding| Seen { finding, accepted: accepted(finding) }).collect();
            self.case.learn(&seen, now, config);
            let untold = self.case.untold(&seen, now, config);
            let ids: BTreeSet<String> = untold.iter().map(|seen| seen.finding.id.clone()).collect();
            if !ids.is_empty() {
                let alert = alert(&format!("alert {}", self.mails.len()));
                self.case.begin(alert.clone(), false, &untold, &claim("run", NOW), now);
                self.mails.push(ids.clone());
                self.case.told(&[alert.id].into());
            }
            self.case.forget(now, config);
            let read = Case::read(&self.case.content().unwrap(), &Case::new(&failure().subject));
            assert_eq!(read.as_ref(), Ok(&self.case));
            ids
        }

        /// The case without what depends on which mail told what.
        fn known(&self) -> Case {
            let mut case = self.case.clone();
            for episode in &mut case.episodes {
                episode.said = 0;
                if let Some(mailed) = &mut episode.mailed {
                    mailed.alert_id.clear();
                    mailed.to = episode.to;
                }
            }
            case
        }
    }

    fn alert(id: &str) -> Notification {
        let finding = failure();
        crate::mail::incident::notification(vec![finding], &[], id.to_owned(), &Config::default()).unwrap()
    }

    fn claim(token: &str, until: &str) -> Lease {
        Lease { token: token.to_owned(), until: at(until) }
    }

    #[test]
    fn the_first_of_an_episode_is_mailed_and_repeats_are_counted_and_said_on_the_next_mail() {
        let mut told = Told::new();
        assert_eq!(told.run(&[numbered(1, 0, "192.0.2.1")]).len(), 1);
        for n in 2..6 {
            assert_eq!(
                told.run(&[numbered(n, (n - 1) * 59, "192.0.2.1")]).len(),
                0,
                "within an hour of the last"
            );
        }
        assert_eq!(told.run(&[numbered(1, 0, "192.0.2.1")]).len(), 0, "the same again");
        let next = [numbered(6, 10, "192.0.2.2")];
        let seen = [Seen { finding: &next[0], accepted: false }];
        told.case.learn(&seen, at(NOW), &Config::default());
        let unsaid = told.case.unsaid(&seen, at(NOW));
        assert_eq!(unsaid.len(), 1, "{unsaid:?}");
        assert_eq!(
            (unsaid[0].number, unsaid[0].source.as_deref()),
            (Number { count: 4, about: false }, Some("192.0.2.1"))
        );
        assert_eq!(told.run(&next).len(), 1, "from another address");
        assert!(told.case.unsaid(&[], at(NOW)).is_empty(), "each is said once");
        assert_eq!(told.run(&[numbered(7, 4 * 59 + 61, "192.0.2.1")]).len(), 1, "after an hour of quiet");
    }

    #[test]
    fn what_is_worse_new_or_goes_on_for_a_day_is_mailed_at_once() {
        let one = || numbered(1, 0, "192.0.2.1");
        let later = |n, minute| numbered(n, minute, "192.0.2.1");
        let bob = Finding { resource: Some("bob".to_owned()), ..later(2, 1) };
        let worse = Finding { severity: Severity::Critical, ..later(3, 1) };
        let other_network = Finding { source_ip: Some("2001:db8:0:1::1".to_owned()), ..later(4, 1) };
        for (name, first, second, mails) in [
            ("the same rule, address and resource", one(), later(2, 1), false),
            ("another resource", one(), bob, true),
            ("a higher severity", one(), worse.clone(), true),
            ("a lower severity", worse, later(5, 2), false),
            ("another network", one(), other_network.clone(), true),
            (
                "another address of the same IPv6 network",
                other_network,
                Finding { source_ip: Some("2001:db8:0:1:ffff::2".to_owned()), ..later(6, 1) },
                false,
            ),
            ("a late fact before what was told", later(7, 30), one(), false),
            ("long before what was told", later(7, 61), one(), true),
        ] {
            let mut told = Told::new();
            told.run(&[first]);
            assert_eq!(!told.run(&[second]).is_empty(), mails, "{name}");
        }
        let mut told = Told::new();
        let mailed: Vec<u32> =
            (0..60).filter(|n| !told.run(&[numbered(*n, n * 50, "192.0.2.1")]).is_empty()).collect();
        assert_eq!(mailed, [0, 29, 58], "every 24 hours");
    }

    #[test]
    fn hidden_names_are_mailed_at_their_threshold_and_what_is_accepted_never() {
        let hidden = |n: u32| {
            let mut finding = numbered(n, n, "192.0.2.1");
            finding.principal = Some(crate::finding::Principal { name_hidden: true, ..Default::default() });
            finding
        };
        let mut told = Told::new();
        for n in 0..9 {
            told.run(&[hidden(n), hidden(n)]);
        }
        assert!(told.mails.is_empty());
        assert_eq!(told.run(&[hidden(9)]).len(), 1);
        assert_eq!(told.run(&[hidden(10)]).len(), 0);

        let mut told = Told::new();
        let config = Config::default();
        assert!(told.run_with(&[numbered(1, 0, "192.0.2.1")], |_| true, &config).is_empty());
        let unsaid = told.case.unsaid(&[], at(NOW));
        assert!(unsaid.len() == 1 && unsaid[0].accepted, "a mail counts what was held back: {unsaid:?}");
        assert_eq!(told.run(&[numbered(2, 1, "192.0.2.1")]).len(), 1, "no longer accepted");
    }

    #[test]
    fn too_many_addresses_are_one_episode_of_about_so_many() {
        let mut told = Told::new();
        let address = |n: u32| format!("198.51.{}.{}", n / 250, n % 250);
        for n in 0..1_000 {
            told.run(&[numbered(n, n / 10, &address(n))]);
        }
        assert_eq!(told.mails.len(), MAX_ALIKE);
        assert_eq!(told.case.episodes.len(), 1);
        let episode = &told.case.episodes[0];
        let alike = episode.alike.as_ref().unwrap().number();
        assert!(alike.about && (800..1200).contains(&alike.count), "{alike:?}");
        assert!(told.case.content().unwrap().len() < 20_000);
        // Another rule is told all the same.
        let other =
            crate::rules::health::could_not_look("x", None, Severity::High, at(NOW), String::new(), None);
        assert_eq!(told.run(&[other]).len(), 1);
    }

    #[test]
    fn what_takes_credentials_is_never_told_as_one_of_many() {
        let mut told = Told::new();
        let mailed = (0..60).filter(|n| {
            let finding = numbered(*n, *n, &format!("198.51.100.{n}"));
            !told.run(&[Finding { by_anyone: false, ..finding }]).is_empty()
        });
        assert_eq!(mailed.count(), 60);
        // Nor does what anyone can cause keep it from being told.
        let mut told = Told::new();
        told.run(&[numbered(1, 0, "192.0.2.1")]);
        let earned = Finding { by_anyone: false, ..numbered(2, 1, "192.0.2.1") };
        assert_eq!(told.run(&[earned]).len(), 1);
    }

    #[test]
    fn promise_2_a_corrected_copy_with_another_time_or_address_says_nothing() {
        let mut told = Told::new();
        told.run(&[numbered(1, 0, "192.0.2.1")]);
        assert!(told.run(&[numbered(1, 500, "192.0.2.1")]).is_empty(), "another time");
        assert!(told.run(&[numbered(1, 0, "192.0.2.2")]).is_empty(), "another address");
        let worse = Finding { severity: Severity::Critical, ..numbered(1, 0, "192.0.2.3") };
        assert_eq!(told.run(&[worse]).len(), 1, "it is worse than was known");
    }

    #[test]
    fn a_forged_time_mutes_nothing() {
        let mut told = Told::new();
        let forged = Finding { time: Some(at("2027-01-01T00:00:00Z")), ..numbered(1, 0, "192.0.2.1") };
        told.run(&[forged]);
        assert_eq!(told.run(&[numbered(2, 0, "192.0.2.1")]).len(), 1);
    }

    #[test]
    fn what_is_told_now_is_not_forgotten_for_being_old() {
        let mut told = Told::new();
        for n in 0..MAX_EPISODES as u32 + 50 {
            told.run(&[numbered(n, n * 3 % 3_000, &format!("198.51.{}.{}", n / 250, n % 250))]);
            let finding =
                Finding { by_anyone: false, ..numbered(100_000 + n, 0, &format!("2001:db8:0:{n:x}::1")) };
            told.run(&[finding]);
        }
        assert!(told.case.episodes.len() <= MAX_EPISODES);
        let old = Finding { time: Some(at("2025-06-01T00:00:00Z")), ..numbered(7_000_000, 0, "192.0.2.1") };
        told.now += TimeDelta::hours(1);
        assert_eq!(told.run(std::slice::from_ref(&old)).len(), 1);
        assert!(told.run(&[old]).is_empty());
    }

    #[test]
    fn told_intervals_outlive_facts_and_end_after_the_days_that_are_set() {
        let mut told = Told::new();
        told.run(&[numbered(1, 0, "192.0.2.1"), numbered(2, 1, "192.0.2.1")]);
        let config = Config::default();
        told.case.forget(at("2026-05-01T00:00:00Z"), &config);
        let episode = &told.case.episodes[0];
        assert_eq!((episode.facts.kept(), episode.number().count), (0, 2));
        let before = told.case.clone();
        assert!(told.run(&[numbered(1, 0, "192.0.2.1")]).is_empty(), "a late copy");
        told.case.forget(at("2026-05-01T00:00:00Z"), &config);
        assert_eq!(told.case, before, "and it is not counted again");
        told.case.forget(at("2027-05-08T00:00:00Z"), &config);
        assert!(!told.case.episodes.is_empty());
        told.case.forget(at("2027-05-09T00:00:00Z"), &config);
        assert!(told.case.episodes.is_empty());
    }

    #[test]
    fn what_happened_long_before_it_was_delivered_is_counted_once_too() {
        let old = |n| Finding { time: Some(at("2025-03-01T00:00:00Z")), ..numbered(n, 0, "192.0.2.1") };
        let mut told = Told::new();
        assert_eq!(told.run(&[old(1)]).len(), 1);
        for _ in 0..3 {
            assert!(told.run(&[old(1), old(2)]).is_empty());
        }
        let unsaid = told.case.unsaid(&[], at(NOW));
        assert_eq!(unsaid[0].number, Number { count: 1, about: false }, "{unsaid:?}");
    }

    #[test]
    fn a_mail_is_taken_over_when_its_claim_is_over_and_says_that_it_may_repeat() {
        let finding = numbered(1, 0, "192.0.2.1");
        let seen = [Seen { finding: &finding, accepted: false }];
        let (one, other) = (claim("one", "2026-04-02T00:01:00Z"), claim("other", "2026-04-02T00:05:00Z"));
        let begun = || {
            let mut case = Case::new(&finding.subject);
            case.learn(&seen, at(NOW), &Config::default());
            case.begin(alert("7"), false, &seen, &one, at(NOW));
            case
        };
        let mut case = begun();
        assert!(case.untold(&seen, at(NOW), &Config::default()).is_empty(), "one mail is enough");
        case.take_over(&other, at("2026-04-02T00:00:59Z"));
        assert!(case.claimed("other").is_empty() && case.has_pending());
        case.take_over(&other, at("2026-04-02T00:01:00Z"));
        assert_eq!(case.claimed("other"), [alert("7").repeated()]);
        assert!(case.claimed("one").is_empty());
        case.told(&["7".to_owned()].into());
        assert!(!case.has_pending());

        let mut case = begun();
        case.release(&["7".to_owned()].into());
        case.take_over(&other, at(NOW));
        assert_eq!(case.claimed("other"), [alert("7")], "it was certainly not published");
    }

    #[test]
    fn a_key_holds_no_name_and_differs_for_every_subject() {
        let principal = |account: &str, name: &str| Subject::Principal {
            account: account.into(),
            kind: "IAMUser".into(),
            name: name.into(),
        };
        let subjects = [
            principal("111122223333", "../../config/suppressions.toml"),
            principal("111122223333", "alice"),
            principal("../config", "alice"),
            Subject::Address { account: "111122223333".into(), network: "alice".into() },
            Subject::Account("111122223333".into()),
            Subject::LogFile("alice".into()),
            Subject::Source("alice".into()),
            Subject::EventName("alice".into()),
        ];
        let keys: BTreeSet<String> = subjects.iter().map(key).collect();
        assert_eq!(keys.len(), subjects.len());
        for key in &keys {
            let parts: Vec<&str> = key.split('/').collect();
            let ["cases", folder, _, hash] = parts[..] else { panic!("{key}") };
            assert!(folder == "any" || folder == "111122223333", "{key}");
            assert!(hash.len() == 37 && hash.ends_with(".json"), "{key}");
        }
    }

    #[test]
    fn what_is_no_case_of_the_subject_is_refused_with_the_reason() {
        let new = Case::new(&failure().subject);
        let mut told = Told::new();
        told.run(&[numbered(1, 0, "192.0.2.1")]);
        let content = String::from_utf8(told.case.content().unwrap()).unwrap();
        let read = |content: &str| Case::read(content.as_bytes(), &new).unwrap_err();
        for (name, content, reason) in [
            ("nothing", String::new(), "not JSON as iamwatch writes it"),
            ("half", content[..content.len() / 2].to_owned(), "not JSON as iamwatch writes it"),
            (
                "newer",
                content.replace("\"format\":1", "\"format\":2,\"new\":[]"),
                "its format is 2; it must be 1",
            ),
            ("none", content.replace("\"format\":1,", ""), "its format is none; it must be 1"),
            ("another's", content.replace("alice", "mallory"), "it is the case of"),
            ("more", content.replace("\"format\":1", "\"format\":1,\"quiet\":true"), "unknown field"),
            (
                "backwards",
                content.replace(
                    "\"to\":\"2026-04-01T00:00:00Z\",\"facts",
                    "\"to\":\"2025-04-01T00:00:00Z\",\"facts",
                ),
                "ends before it begins",
            ),
        ] {
            assert!(read(&content).contains(reason), "{name}: {}", read(&content));
        }
    }

    #[derive(Clone, Debug)]
    struct Deliveries {
        findings: Vec<Finding>,
        /// Which findings come in which batch; every one comes, some more than once.
        batches: Vec<Vec<usize>>,
    }

    /// Findings of a day from some addresses, in batches that overlap.
    fn deliveries() -> impl Strategy<Value = Deliveries> {
        let findings = prop::collection::vec((0u32..1200, 0u32..30, 0u32..2), 1..60).prop_map(|facts| {
            let numbered = facts.into_iter().enumerate().map(|(n, (minute, source, rule))| {
                let finding = numbered(n as u32, minute, &format!("192.0.2.{source}"));
                let rule = if rule == 0 { finding.rule } else { &crate::rules::health::LOG_FILE_GONE };
                Finding { rule, ..finding }
            });
            numbered.collect::<Vec<_>>()
        });
        findings.prop_flat_map(|findings| {
            let count = findings.len();
            let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
            let again = prop::collection::vec(0..count, 0..count);
            (Just(findings), order, again, 1usize..8).prop_map(|(findings, order, again, size)| {
                let all: Vec<usize> = order.into_iter().chain(again).collect();
                Deliveries { findings, batches: all.chunks(size).map(<[usize]>::to_vec).collect() }
            })
        })
    }

    fn delivered(findings: &[Finding], batches: &[Vec<usize>]) -> Told {
        let mut told = Told::new();
        for batch in batches {
            let batch: Vec<Finding> = batch.iter().map(|index| findings[*index].clone()).collect();
            told.run(&batch);
        }
        told
    }

    proptest! {
        #[test]
        fn promise_2_any_order_number_and_batching_gives_the_same_case_and_nothing_twice(
            Deliveries { findings, batches } in deliveries(),
        ) {
            let told = delivered(&findings, &batches);
            let mut in_time: Vec<usize> = (0..findings.len()).collect();
            in_time.sort_by_key(|index| findings[*index].time);
            let one_by_one: Vec<Vec<usize>> = in_time.iter().map(|index| vec![*index]).collect();
            let in_order = delivered(&findings, &one_by_one);
            prop_assert_eq!(told.known(), in_order.known());
            prop_assert_eq!(told.known(), delivered(&findings, &[in_time.clone()]).known());

            // No finding is in two mails, and every episode is in one.
            let mailed: Vec<&String> = told.mails.iter().flatten().collect();
            prop_assert_eq!(mailed.iter().collect::<BTreeSet<_>>().len(), mailed.len());
            prop_assert!(told.case.episodes.iter().all(|episode| episode.mailed.is_some()));
            // The same findings in the same batches in another order within them are the same mails.
            let reversed: Vec<Vec<usize>> =
                batches.iter().map(|batch| batch.iter().rev().copied().collect()).collect();
            prop_assert_eq!(&delivered(&findings, &reversed).mails, &told.mails);
            // What comes again says nothing.
            let mails = told.mails.len();
            let mut again = told;
            again.run(&findings);
            prop_assert_eq!(again.mails.len(), mails);
        }

        #[test]
        fn in_order_of_time_each_episode_is_one_mail_however_it_is_cut_into_batches(
            Deliveries { findings, .. } in deliveries(),
            size in 1usize..20,
        ) {
            let mut in_time: Vec<usize> = (0..findings.len()).collect();
            in_time.sort_by_key(|index| findings[*index].time);
            let batches: Vec<Vec<usize>> = in_time.chunks(size).map(<[usize]>::to_vec).collect();
            let told = delivered(&findings, &batches);
            // Where there are too many addresses, the first of them are told one by one.
            prop_assume!(told.case.episodes.iter().all(|episode| episode.alike.is_none()));
            for episode in &told.case.episodes {
                let tell = |ids: &&BTreeSet<String>| {
                    let mut facts = Facts::default();
                    ids.iter().for_each(|id| facts.insert(id));
                    let (mine, both) = (episode.facts.clone(), facts.clone());
                    let mut union = mine.clone();
                    union.merge(both);
                    union.number().count < mine.number().count + facts.number().count
                };
                prop_assert_eq!(told.mails.iter().filter(tell).count(), 1, "{:?}", episode);
            }
        }
    }
}
