//! A case: the state kept about one subject. What was found and when, its outbox entries, and what was notified.
//!
//! It is merged from facts, each counted once. Which facts form an episode depends on their times alone, not on their
//! order or on how often they come. An episode that was notified stays notified: a late fact in or near it widens it
//! without a mail. `use_cases/notify.rs` reads and writes cases.

mod backfill_digests;
mod episode;
mod facts;
mod finding;
mod index;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::format::{FORMAT, check_format, not_json};
use super::lease::Lease;
use super::object::{HoldsOutbox, StateObject};
use super::outbox::OutboxEntry;
use crate::config::Config;
use crate::finding::{Subject, stable_id};
use crate::formats::cloudtrail::key;
use crate::notification::Notification;
use crate::text;

pub use backfill_digests::{DigestIdentity, DigestSelection};
use backfill_digests::{DigestInterval, DigestIntervals, DigestRecord};
use episode::{Episode, MAX_NAME_CHARS, joined, short};
pub use facts::{FactCount, FactSet, MAX_KEPT};
pub use finding::CaseFinding;
use index::{EpisodeIndex, EpisodeShare};

/// How long the facts of an episode are kept after its end, and after it became known; then only their number is.
const FACTS_KEPT: TimeDelta = TimeDelta::hours(48);

/// The most episodes of a case; the oldest are forgotten first.
const MAX_EPISODES: usize = 1_000;

/// The most facts that a case keeps; of more it keeps a sample, which gives their number approximately.
const MAX_FACTS: usize = 4_000;

/// The most outbox entries of a case. What is new waits until one of them is notified.
pub const MAX_ENTRIES: usize = 4;

/// The state kept about one subject: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    format: u32,
    /// Its subject, for people.
    subject: String,
    episodes: Vec<Episode>,
    /// The notifications that have to be published.
    #[serde(default, rename = "pending", skip_serializing_if = "Vec::is_empty")]
    entries: Vec<OutboxEntry>,
    /// What the digests of backfills notify of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<DigestRecord>,
}

/// Facts of one episode that no mail has reported: they were deduplicated or suppressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeduplicatedFacts {
    /// The rule's id.
    pub rule: String,
    /// How many facts.
    pub number: FactCount,
    /// Their source, if all have the same.
    pub source: Option<String>,
    /// Their resource, if all have the same.
    pub resource: Option<String>,
    /// Their event, if all have the same and its name matters.
    pub event: Option<String>,
    /// How many sources, resources and events there are, if they are too many to be kept apart.
    pub alike: Option<FactCount>,
    /// When the whole episode began.
    pub from: DateTime<Utc>,
    /// When it ended.
    pub to: DateTime<Utc>,
    /// Whether a suppression matches them.
    pub suppressed: bool,
}

/// The key of a subject's case. It contains no name, only a hash.
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

/// The subject as the object names it, for people.
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

impl StateObject for Case {
    fn read(content: &[u8], new: &Case) -> Result<Case, String> {
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

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn outbox(&self) -> Vec<&OutboxEntry> {
        self.entries.iter().collect()
    }
}

impl HoldsOutbox for Case {
    fn outbox_mut(&mut self) -> Vec<&mut OutboxEntry> {
        self.entries.iter_mut().collect()
    }

    fn record_notified(&mut self, alert_id: &str, _: DateTime<Utc>) {
        self.entries.retain(|entry| entry.alert_id() != alert_id);
    }
}

impl Case {
    /// A case without facts.
    pub fn new(subject: &Subject) -> Case {
        let (episodes, entries, digests) = (Vec::new(), Vec::new(), Vec::new());
        Case { format: FORMAT, subject: name(subject), episodes, entries, digests }
    }

    /// Merges findings into its episodes.
    pub fn merge(&mut self, findings: &[CaseFinding<'_>], now: DateTime<Utc>, config: &Config) {
        self.episodes.extend(findings.iter().map(|finding| Episode::of(finding, now)));
        let quiet = TimeDelta::from_std(config.quiet).unwrap_or(TimeDelta::MAX);
        self.episodes = joined(std::mem::take(&mut self.episodes), quiet);
    }

    /// Those of these merged findings that have to be notified now.
    pub fn to_notify<'f>(
        &self,
        seen: &[CaseFinding<'f>],
        now: DateTime<Utc>,
        config: &Config,
    ) -> Vec<CaseFinding<'f>> {
        let index = EpisodeIndex::of(&self.episodes);
        let needs_notification = |seen: &&CaseFinding<'f>| {
            let own = index.episode_of(seen, now);
            !seen.suppressed
                && own.is_some_and(|own| self.episodes[own].needs_notification(seen, now, config))
                && !index.was_notified_elsewhere(seen, own, now, &[])
                && !index.is_covered(seen, now, config)
        };
        seen.iter().filter(needs_notification).copied().collect()
    }

    /// Selects those of these merged findings that the digest of a backfill notifies, and marks them as notified. The
    /// same digest selects the same again, whatever was notified since.
    pub fn select_for_digest<'f>(
        &mut self,
        digest_id: &DigestIdentity<'_>,
        seen: &[CaseFinding<'f>],
        now: DateTime<Utc>,
        config: &Config,
    ) -> DigestSelection<'f> {
        let index = EpisodeIndex::of(&self.episodes);
        let own: Vec<&DigestRecord> = self.digests.iter().filter(|digest| digest_id.covers(digest)).collect();
        let before = DigestIntervals::of(own.iter().flat_map(|digest| &digest.stretches));
        let own: Vec<&str> = own.iter().map(|digest| &*digest.alert_id).chain([digest_id.alert_id]).collect();
        let repeated = own.iter().any(|alert_id| *alert_id != digest_id.alert_id);
        let (mut selection, mut new) =
            (DigestSelection { repeated, ..DigestSelection::default() }, Vec::new());
        for seen in seen.iter().filter(|seen| !seen.suppressed) {
            let episode = index.episode_of(seen, now);
            let elsewhere = index.was_notified_elsewhere(seen, episode, now, &own);
            let covered = index.is_covered(seen, now, config);
            let episode = episode.map(|episode| &self.episodes[episode]);
            if !elsewhere && before.hold(seen, now) {
                selection.notified.push(*seen);
            } else if !elsewhere
                && !covered
                && episode.is_some_and(|episode| episode.needs_notification(seen, now, config))
            {
                selection.notified.push(*seen);
                new.push(*seen);
            } else if elsewhere || covered || episode.is_some_and(|episode| episode.notified.is_some()) {
                selection.counts.known += 1;
            } else {
                selection.counts.counted_only += 1;
            }
        }
        let shares = index.shares(&new, now);
        let stretch =
            |(index, share): (&usize, &EpisodeShare<'_>)| DigestInterval::of(&self.episodes[*index], share);
        let stretches: Vec<DigestInterval> = shares.iter().map(stretch).collect();
        for (index, share) in &shares {
            let episode = &mut self.episodes[*index];
            episode.reported = episode.reported.saturating_add(share.ids.len() as u64);
            episode.mark_notified(digest_id.alert_id, share.severity, now, true);
        }
        match self.digests.iter_mut().find(|digest| digest.alert_id == digest_id.alert_id) {
            Some(noted) => noted.stretches.extend(stretches),
            None if stretches.is_empty() => {}
            None => {
                let (alert_id, run) = (digest_id.alert_id.to_owned(), digest_id.run.to_owned());
                self.digests.push(DigestRecord { alert_id, run, at: now, stretches });
            }
        }
        selection
    }

    /// Whether it still has the episodes of these findings.
    pub fn remembers(&self, notified: &[CaseFinding<'_>], now: DateTime<Utc>) -> bool {
        let index = EpisodeIndex::of(&self.episodes);
        notified.iter().all(|seen| index.episode_of(seen, now).is_some())
    }

    /// What a mail about these findings reports beside them.
    pub fn deduplicated(&self, notified: &[CaseFinding<'_>], now: DateTime<Utc>) -> Vec<DeduplicatedFacts> {
        let shares = EpisodeIndex::of(&self.episodes).shares(notified, now);
        let deduplicated = self.episodes.iter().enumerate().filter_map(|(index, episode)| {
            let notified = shares.get(&index).map_or(0, |share| share.ids.len()) as u64;
            let FactCount { count, about } = episode.number();
            let count = count.saturating_sub(episode.reported.saturating_add(notified));
            (count > 0).then(|| DeduplicatedFacts {
                rule: episode.of.rule.clone(),
                number: FactCount { count, about },
                source: episode.of.source.clone(),
                resource: episode.of.resource.clone(),
                event: episode.of.event.clone(),
                alike: episode.alike.as_ref().map(FactSet::number),
                from: episode.from,
                to: episode.to,
                suppressed: episode.of.suppressed,
            })
        });
        deduplicated.collect()
    }

    /// Marks these findings, and what a mail reports beside them, as notified by this notification.
    pub fn mark(&mut self, notification: &Notification, notified: &[CaseFinding<'_>], now: DateTime<Utc>) {
        let shares = EpisodeIndex::of(&self.episodes).shares(notified, now);
        for (index, episode) in self.episodes.iter_mut().enumerate() {
            episode.reported = episode.reported.max(episode.number().count);
            if let Some(share) = shares.get(&index) {
                episode.mark_notified(&notification.id, share.severity, now, false);
            }
        }
    }

    /// Marks these findings as notified, and adds an outbox entry for their notification.
    pub fn add_entry(
        &mut self,
        notification: Notification,
        may_repeat: bool,
        notified: &[CaseFinding<'_>],
        lease: &Lease,
        now: DateTime<Utc>,
    ) {
        self.mark(&notification, notified, now);
        self.entries.push(OutboxEntry::leased(notification, may_repeat, lease));
    }

    /// Whether it has as many outbox entries as it may have.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
    }

    /// Forgets what is older than it has to be kept, and what is too much. Merged findings that have to be notified must
    /// be in an outbox entry before.
    pub fn forget(&mut self, now: DateTime<Utc>, config: &Config) {
        let told = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
        self.episodes.retain(|episode| match &episode.notified {
            Some(mailed) => now - episode.to.max(mailed.at) <= told,
            None => now - episode.to.max(episode.learnt) <= FACTS_KEPT,
        });
        for episode in &mut self.episodes {
            if now - episode.to.max(episode.learnt) > FACTS_KEPT && episode.notified.is_some() {
                episode.counted = Some(episode.number().count);
                episode.facts = FactSet::default();
            }
        }
        let mut most = MAX_KEPT;
        while most > 1 && self.episodes.iter().map(|episode| episode.facts.kept()).sum::<usize>() > MAX_FACTS
        {
            most /= 2;
            self.episodes.iter_mut().for_each(|episode| episode.facts.shrink(most));
        }
        if self.episodes.len() > MAX_EPISODES {
            // What a backfill notified is forgotten first, so that no backfill makes the live path notify twice; then what
            // anyone can cause without credentials; what this run notifies is forgotten last. Of what a backfill notifies,
            // that is what happened longest ago: a backfill has time to be begun again.
            self.episodes.sort_by_key(|episode| {
                let is_historic = episode.notified.as_ref().is_some_and(|mailed| mailed.historic);
                let told = episode.notified.as_ref().filter(|_| !is_historic).map(|mailed| mailed.at);
                (told == Some(now), !is_historic, !episode.of.unauthenticated, told.max(Some(episode.to)))
            });
            self.episodes.drain(..self.episodes.len() - MAX_EPISODES);
            let index = EpisodeIndex::of(&self.episodes);
            for digest in &mut self.digests {
                digest.stretches.retain(|stretch| index.at(&stretch.of, stretch.from).is_some());
            }
        }
        self.digests.retain(|digest| now - digest.at <= told && !digest.stretches.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::episode::MAX_ALIKE;
    use super::*;
    use crate::finding::Finding;
    use crate::severity::Severity;
    use crate::state::tests_support::{OTHER, notification, sign_in};

    const NOW: &str = "2026-04-03T12:00:00Z";

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    /// A failed sign-in of alice, which anyone can cause.
    fn failure() -> Finding {
        Finding { severity: Severity::Medium, unauthenticated: true, ..sign_in() }
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

    /// The same from one address, told apart by its event.
    fn event(n: u32, minute: u32, event: &str) -> Finding {
        let distinct_event = Some(event.to_owned());
        Finding { distinct_event, unauthenticated: false, ..numbered(n, minute, "192.0.2.1") }
    }

    /// A case, and what its mails told, each a set of ids.
    struct CaseHistory {
        case: Case,
        mails: Vec<BTreeSet<String>>,
        now: DateTime<Utc>,
    }

    impl CaseHistory {
        fn new() -> CaseHistory {
            CaseHistory { case: Case::new(&failure().subject), mails: Vec::new(), now: at(NOW) }
        }

        /// One run: its mail is published and noted. The ids that it told.
        fn run(&mut self, findings: &[Finding]) -> BTreeSet<String> {
            self.run_with(findings, |_| false, &Config::default())
        }

        fn run_with(
            &mut self,
            findings: &[Finding],
            suppressed: impl Fn(&Finding) -> bool,
            config: &Config,
        ) -> BTreeSet<String> {
            let now = self.now;
            let seen: Vec<CaseFinding> = findings
                .iter()
                .map(|finding| CaseFinding { finding, suppressed: suppressed(finding) })
                .collect();
            self.case.merge(&seen, now, config);
            let untold = self.case.to_notify(&seen, now, config);
            let ids: BTreeSet<String> = untold.iter().map(|seen| seen.finding.id.clone()).collect();
            if !ids.is_empty() {
                let notification = notification(&format!("alert {}", self.mails.len()));
                let alert_id = notification.id.clone();
                self.case.add_entry(notification, false, &untold, &lease("run", NOW), now);
                self.mails.push(ids.clone());
                self.case.record_notified(&alert_id, now);
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
                episode.reported = 0;
                if let Some(notified) = &mut episode.notified {
                    notified.alert_id.clear();
                    notified.to = episode.to;
                }
            }
            case
        }
    }

    fn lease(token: &str, until: &str) -> Lease {
        Lease { token: token.to_owned(), until: at(until) }
    }

    #[test]
    fn the_first_of_an_episode_is_mailed_and_repeats_are_counted_and_said_on_the_next_mail() {
        let mut history = CaseHistory::new();
        assert_eq!(history.run(&[numbered(1, 0, "192.0.2.1")]).len(), 1);
        for n in 2..6 {
            assert_eq!(
                history.run(&[numbered(n, (n - 1) * 59, "192.0.2.1")]).len(),
                0,
                "within an hour of the last"
            );
        }
        assert_eq!(history.run(&[numbered(1, 0, "192.0.2.1")]).len(), 0, "the same again");
        let next = [numbered(6, 10, "192.0.2.2")];
        let seen = [CaseFinding { finding: &next[0], suppressed: false }];
        history.case.merge(&seen, at(NOW), &Config::default());
        let deduplicated = history.case.deduplicated(&seen, at(NOW));
        assert_eq!(deduplicated.len(), 1, "{deduplicated:?}");
        assert_eq!(
            (deduplicated[0].number, deduplicated[0].source.as_deref()),
            (FactCount { count: 4, about: false }, Some("192.0.2.1"))
        );
        assert_eq!(history.run(&next).len(), 1, "from another address");
        assert!(history.case.deduplicated(&[], at(NOW)).is_empty(), "each is said once");
        assert_eq!(history.run(&[numbered(7, 4 * 59 + 61, "192.0.2.1")]).len(), 1, "after an hour of quiet");
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
            ("another event", event(1, 0, "iam:UpdateUser"), event(2, 50, "iam:CreateUser"), true),
            ("the same event", event(1, 0, "iam:CreateUser"), event(2, 50, "iam:CreateUser"), false),
            (
                "another address of the same IPv6 network",
                other_network,
                Finding { source_ip: Some("2001:db8:0:1:ffff::2".to_owned()), ..later(6, 1) },
                false,
            ),
            ("a late fact before what was told", later(7, 30), one(), false),
            ("long before what was told", later(7, 61), one(), true),
        ] {
            let mut history = CaseHistory::new();
            history.run(&[first]);
            assert_eq!(!history.run(&[second]).is_empty(), mails, "{name}");
        }
        let mut history = CaseHistory::new();
        let mailed: Vec<u32> =
            (0..60).filter(|n| !history.run(&[numbered(*n, n * 50, "192.0.2.1")]).is_empty()).collect();
        assert_eq!(mailed, [0, 29, 58], "every 24 hours");
    }

    #[test]
    fn hidden_names_are_mailed_at_their_threshold_and_what_is_accepted_never() {
        let hidden = |n: u32| {
            let mut finding = numbered(n, n, "192.0.2.1");
            finding.principal = Some(crate::finding::Principal { name_hidden: true, ..Default::default() });
            finding
        };
        let mut history = CaseHistory::new();
        for n in 0..9 {
            history.run(&[hidden(n), hidden(n)]);
        }
        assert!(history.mails.is_empty());
        assert_eq!(history.run(&[hidden(9)]).len(), 1);
        assert_eq!(history.run(&[hidden(10)]).len(), 0);

        let mut history = CaseHistory::new();
        let config = Config::default();
        assert!(history.run_with(&[numbered(1, 0, "192.0.2.1")], |_| true, &config).is_empty());
        let deduplicated = history.case.deduplicated(&[], at(NOW));
        assert!(
            deduplicated.len() == 1 && deduplicated[0].suppressed,
            "a mail counts what was held back: {deduplicated:?}"
        );
        assert_eq!(history.run(&[numbered(2, 1, "192.0.2.1")]).len(), 1, "no longer accepted");
    }

    #[test]
    fn too_many_addresses_are_one_episode_of_about_so_many() {
        let mut history = CaseHistory::new();
        let address = |n: u32| format!("198.51.{}.{}", n / 250, n % 250);
        for n in 0..1_000 {
            history.run(&[numbered(n, n / 10, &address(n))]);
        }
        assert_eq!(history.mails.len(), MAX_ALIKE);
        assert_eq!(history.case.episodes.len(), 1);
        let episode = &history.case.episodes[0];
        let alike = episode.alike.as_ref().unwrap().number();
        assert!(alike.about && (800..1200).contains(&alike.count), "{alike:?}");
        assert!(history.case.content().unwrap().len() < 20_000);
        // Another rule is told all the same.
        let other = Finding { rule: &OTHER, ..sign_in() };
        assert_eq!(history.run(&[other]).len(), 1);
    }

    #[test]
    fn events_without_number_make_no_case_without_bound() {
        let name = |n: u32| format!("iam:{}{n}", "x".repeat(10_000));
        let mut history = CaseHistory::new();
        for n in 0..200 {
            history.run(&[Finding { unauthenticated: true, ..event(n, n, &name(n)) }]);
        }
        assert_eq!((history.mails.len(), history.case.episodes.len()), (MAX_ALIKE, 1));
        assert_eq!(history.case.episodes[0].of.event, None, "it is of many events");
        let alike = history.case.episodes[0].alike.as_ref().unwrap().number();
        assert!(alike.about && (160..240).contains(&alike.count), "{alike:?}");
        assert!(history.case.content().unwrap().len() < 20_000);
        // Those that take credentials are mailed, and the oldest are forgotten.
        let mut history = CaseHistory::new();
        let most = MAX_EPISODES as u32 + 100;
        let many: Vec<Finding> = (0..most).map(|n| event(n, n, &name(n))).collect();
        assert_eq!(history.run(&many).len(), many.len());
        assert_eq!(history.case.episodes.len(), MAX_EPISODES);
        assert!(history.case.content().unwrap().len() < 1_000_000);
    }

    #[test]
    fn what_an_earlier_version_notified_covers_any_event_in_its_time_and_none_later() {
        let old = |n, minute| Finding { distinct_event: None, ..event(n, minute, "") };
        let create = |n, minute| event(n, minute, "iam:CreateUser");
        let worse = |n, minute| Finding { severity: Severity::Critical, ..create(n, minute) };
        let (kept, forgotten) = (false, true);
        for (name, facts, finding, mails) in [
            ("the same fact", kept, create(2, 30), false),
            ("the same fact, and its facts are forgotten", forgotten, create(2, 30), false),
            ("another fact in its time", kept, create(3, 20), true),
            ("another fact in its time, and its facts are forgotten", forgotten, create(3, 20), false),
            ("a worse one", forgotten, worse(3, 20), true),
            ("the same, but worse", kept, worse(2, 30), true),
            ("a minute later", forgotten, create(3, 31), true),
            (
                "a minute before",
                forgotten,
                Finding { time: Some(at("2026-03-31T23:59:00Z")), ..create(3, 0) },
                true,
            ),
            ("from elsewhere", forgotten, Finding { source_ip: None, ..create(3, 20) }, true),
        ] {
            let mut history = CaseHistory::new();
            history.now = at("2026-04-01T01:00:00Z");
            assert_eq!(history.run(&[old(1, 0), old(2, 30)]).len(), 2);
            if facts == forgotten {
                history.now += TimeDelta::days(3);
                history.run(&[]);
                assert_eq!(history.case.episodes[0].facts.kept(), 0);
            }
            let before = history.case.episodes[0].clone();
            let finding = [finding];
            assert_eq!(!history.run(&finding).is_empty(), mails, "{name}");
            assert!(history.run(&finding).is_empty(), "{name}: again");
            assert!(history.case.episodes.contains(&before), "{name}: it is as it was");
        }
        // An episode that nobody was notified of covers nothing.
        let mut history = CaseHistory::new();
        history.case.merge(
            &[CaseFinding { finding: &old(1, 0), suppressed: false }],
            history.now,
            &Config::default(),
        );
        assert_eq!(history.run(&[create(1, 0)]).len(), 1);
    }

    #[test]
    fn of_more_facts_than_an_earlier_version_kept_none_is_mailed_again() {
        let old = |n| Finding { distinct_event: None, ..event(n, n % 60, "") };
        let mut history = CaseHistory::new();
        assert_eq!(history.run(&(0..1_000).map(old).collect::<Vec<_>>()).len(), 1_000);
        let again: Vec<Finding> = (0..1_000).map(|n| event(n, n % 60, &format!("iam:{}", n % 7))).collect();
        assert!(history.run(&again).is_empty());
    }

    #[test]
    fn what_takes_credentials_is_never_told_as_one_of_many() {
        let mut history = CaseHistory::new();
        let mailed = (0..60).filter(|n| {
            let finding = numbered(*n, *n, &format!("198.51.100.{n}"));
            !history.run(&[Finding { unauthenticated: false, ..finding }]).is_empty()
        });
        assert_eq!(mailed.count(), 60);
        // Nor does what anyone can cause keep it from being told.
        let mut history = CaseHistory::new();
        history.run(&[numbered(1, 0, "192.0.2.1")]);
        let earned = Finding { unauthenticated: false, ..numbered(2, 1, "192.0.2.1") };
        assert_eq!(history.run(&[earned]).len(), 1);
    }

    #[test]
    fn promise_2_a_corrected_copy_with_another_time_or_address_says_nothing() {
        let mut history = CaseHistory::new();
        history.run(&[numbered(1, 0, "192.0.2.1")]);
        assert!(history.run(&[numbered(1, 500, "192.0.2.1")]).is_empty(), "another time");
        assert!(history.run(&[numbered(1, 0, "192.0.2.2")]).is_empty(), "another address");
        let worse = Finding { severity: Severity::Critical, ..numbered(1, 0, "192.0.2.3") };
        assert_eq!(history.run(&[worse]).len(), 1, "it is worse than was known");
    }

    #[test]
    fn a_forged_time_mutes_nothing() {
        let mut history = CaseHistory::new();
        let forged = Finding { time: Some(at("2027-01-01T00:00:00Z")), ..numbered(1, 0, "192.0.2.1") };
        history.run(&[forged]);
        assert_eq!(history.run(&[numbered(2, 0, "192.0.2.1")]).len(), 1);
        // Nor when that time has come: it counts as happened when it was seen.
        let tomorrow = at(NOW) + TimeDelta::days(1);
        let forged = Finding { time: Some(tomorrow), ..numbered(3, 0, "192.0.2.2") };
        assert_eq!(history.run(&[forged]).len(), 1);
        assert!(history.case.episodes.iter().all(|episode| episode.to <= at(NOW)));
        history.now = tomorrow;
        let real = Finding { time: Some(tomorrow - TimeDelta::minutes(10)), ..numbered(4, 0, "192.0.2.2") };
        assert_eq!(history.run(&[real]).len(), 1);
    }

    #[test]
    fn of_episodes_that_a_late_fact_joins_the_higher_severity_was_told() {
        let of = |n, minute, severity| Finding { severity, ..numbered(n, minute, "192.0.2.1") };
        for (first, second) in
            [(Severity::Medium, Severity::Critical), (Severity::Critical, Severity::Medium)]
        {
            let mut history = CaseHistory::new();
            history.run(&[of(1, 0, first)]);
            history.run(&[of(2, 100, second)]);
            assert_eq!((history.mails.len(), history.case.episodes.len()), (2, 2));
            assert!(history.run(&[of(3, 50, Severity::High)]).is_empty(), "{first:?}, {second:?}");
            assert_eq!(history.case.episodes.len(), 1);
            assert!(history.run(&[of(4, 60, Severity::High)]).is_empty(), "{first:?}, {second:?}");
        }
    }

    #[test]
    fn what_is_told_now_is_not_forgotten_for_being_old() {
        let mut history = CaseHistory::new();
        for n in 0..MAX_EPISODES as u32 + 50 {
            history.run(&[numbered(n, n * 3 % 3_000, &format!("198.51.{}.{}", n / 250, n % 250))]);
            let finding = Finding {
                unauthenticated: false,
                ..numbered(100_000 + n, 0, &format!("2001:db8:0:{n:x}::1"))
            };
            history.run(&[finding]);
        }
        assert!(history.case.episodes.len() <= MAX_EPISODES);
        let old = Finding { time: Some(at("2025-06-01T00:00:00Z")), ..numbered(7_000_000, 0, "192.0.2.1") };
        history.now += TimeDelta::hours(1);
        assert_eq!(history.run(std::slice::from_ref(&old)).len(), 1);
        assert!(history.run(&[old]).is_empty());
    }

    #[test]
    fn told_intervals_outlive_facts_and_end_after_the_days_that_are_set() {
        let mut history = CaseHistory::new();
        history.run(&[numbered(1, 0, "192.0.2.1"), numbered(2, 1, "192.0.2.1")]);
        let config = Config::default();
        history.case.forget(at("2026-05-01T00:00:00Z"), &config);
        let episode = &history.case.episodes[0];
        assert_eq!((episode.facts.kept(), episode.number().count), (0, 2));
        let before = history.case.clone();
        assert!(history.run(&[numbered(1, 0, "192.0.2.1")]).is_empty(), "a late copy");
        history.case.forget(at("2026-05-01T00:00:00Z"), &config);
        assert_eq!(history.case, before, "and it is not counted again");
        history.case.forget(at("2027-05-08T00:00:00Z"), &config);
        assert!(!history.case.episodes.is_empty());
        history.case.forget(at("2027-05-09T00:00:00Z"), &config);
        assert!(history.case.episodes.is_empty());
    }

    #[test]
    fn what_happened_long_before_it_was_delivered_is_counted_once_too() {
        let old = |n| Finding { time: Some(at("2025-03-01T00:00:00Z")), ..numbered(n, 0, "192.0.2.1") };
        let mut history = CaseHistory::new();
        assert_eq!(history.run(&[old(1)]).len(), 1);
        for _ in 0..3 {
            assert!(history.run(&[old(1), old(2)]).is_empty());
        }
        let deduplicated = history.case.deduplicated(&[], at(NOW));
        assert_eq!(deduplicated[0].number, FactCount { count: 1, about: false }, "{deduplicated:?}");
    }

    #[test]
    fn a_mail_is_taken_over_when_its_claim_is_over_and_says_that_it_may_repeat() {
        let finding = numbered(1, 0, "192.0.2.1");
        let seen = [CaseFinding { finding: &finding, suppressed: false }];
        let (one, other) = (lease("one", "2026-04-02T00:01:00Z"), lease("other", "2026-04-02T00:05:00Z"));
        let begun = || {
            let mut case = Case::new(&finding.subject);
            case.merge(&seen, at(NOW), &Config::default());
            case.add_entry(notification("7"), false, &seen, &one, at(NOW));
            case
        };
        let mut case = begun();
        assert!(case.to_notify(&seen, at(NOW), &Config::default()).is_empty(), "one mail is enough");
        case.take_over(&other, at("2026-04-02T00:00:59Z"));
        assert!(case.leased_by("other").is_empty() && !case.outbox().is_empty());
        case.take_over(&other, at("2026-04-02T00:01:00Z"));
        assert_eq!(case.leased_by("other"), [notification("7").repeated()]);
        assert!(case.leased_by("one").is_empty());
        // A lease that no invocation can have keeps no other from publishing.
        for until in ["2026-04-02T00:26:00Z", "2099-01-01T00:00:00Z"] {
            let mut case = begun();
            case.take_over(&lease("poison", until), at("2026-04-02T00:02:00Z"));
            case.take_over(&other, at("2026-04-02T00:05:59Z"));
            assert_eq!(case.leased_by("other"), [notification("7").repeated()], "{until}");
        }
        case.record_notified("7", at(NOW));
        assert!(case.outbox().is_empty());

        let mut case = begun();
        case.release("7", "one");
        case.take_over(&other, at(NOW));
        assert_eq!(case.leased_by("other"), [notification("7")], "it was certainly not published");
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
        let mut history = CaseHistory::new();
        history.run(&[numbered(1, 0, "192.0.2.1")]);
        let content = String::from_utf8(history.case.content().unwrap()).unwrap();
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

    /// Findings of a day from some addresses, of one rule also by event, in batches that overlap.
    fn deliveries() -> impl Strategy<Value = Deliveries> {
        let facts = (0u32..1200, 0u32..30, 0u32..2, prop::option::of(0u32..3));
        let findings = prop::collection::vec(facts, 1..60).prop_map(|facts| {
            let numbered = facts.into_iter().enumerate().map(|(n, (minute, source, rule, event))| {
                let finding = numbered(n as u32, minute, &format!("192.0.2.{source}"));
                let rule = if rule == 0 { finding.rule } else { &OTHER };
                let distinct_event =
                    event.filter(|_| rule.id == OTHER.id).map(|event| format!("iam:{event}"));
                Finding { rule, distinct_event, ..finding }
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

    fn delivered(findings: &[Finding], batches: &[Vec<usize>]) -> CaseHistory {
        let mut history = CaseHistory::new();
        for batch in batches {
            let batch: Vec<Finding> = batch.iter().map(|index| findings[*index].clone()).collect();
            history.run(&batch);
        }
        history
    }

    proptest! {
        #[test]
        fn promise_2_any_order_number_and_batching_gives_the_same_case_and_nothing_twice(
            Deliveries { findings, batches } in deliveries(),
        ) {
            let history = delivered(&findings, &batches);
            let mut in_time: Vec<usize> = (0..findings.len()).collect();
            in_time.sort_by_key(|index| findings[*index].time);
            let one_by_one: Vec<Vec<usize>> = in_time.iter().map(|index| vec![*index]).collect();
            let in_order = delivered(&findings, &one_by_one);
            prop_assert_eq!(history.known(), in_order.known());
            prop_assert_eq!(history.known(), delivered(&findings, &[in_time.clone()]).known());

            // No finding is in two mails, and every episode is in one.
            let mailed: Vec<&String> = history.mails.iter().flatten().collect();
            prop_assert_eq!(mailed.iter().collect::<BTreeSet<_>>().len(), mailed.len());
            prop_assert!(history.case.episodes.iter().all(|episode| episode.notified.is_some()));
            // The same findings in the same batches in another order within them are the same mails.
            let reversed: Vec<Vec<usize>> =
                batches.iter().map(|batch| batch.iter().rev().copied().collect()).collect();
            prop_assert_eq!(&delivered(&findings, &reversed).mails, &history.mails);
            // What comes again says nothing.
            let mails = history.mails.len();
            let mut again = history;
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
            let history = delivered(&findings, &batches);
            // Where there are too many addresses, the first of them are told one by one.
            prop_assume!(history.case.episodes.iter().all(|episode| episode.alike.is_none()));
            for episode in &history.case.episodes {
                let tell = |ids: &&BTreeSet<String>| {
                    let mut facts = FactSet::default();
                    ids.iter().for_each(|id| facts.insert(id));
                    let (mine, both) = (episode.facts.clone(), facts.clone());
                    let mut union = mine.clone();
                    union.merge(both);
                    union.number().count < mine.number().count + facts.number().count
                };
                prop_assert_eq!(history.mails.iter().filter(tell).count(), 1, "{:?}", episode);
            }
        }
    }
}
