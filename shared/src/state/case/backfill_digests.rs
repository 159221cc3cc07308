//! What the digests of backfills notify of a case. A digest whose run died is begun again, and must select the same.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::episode::{Episode, EpisodeKey, moment, reminds};
use super::finding::CaseFinding;
use super::index::EpisodeShare;
use crate::severity::Severity;
use crate::state::backfill::DigestCounts;

/// One digest of a backfill.
#[derive(Clone, Copy, Debug)]
pub struct DigestIdentity<'a> {
    /// The alert id of its mail: the same however often the digest is begun.
    pub alert_id: &'a str,
    /// Its backfill.
    pub run: &'a str,
    /// Whether the backfill's own state was lost, so that nobody knows what its earlier digests notified: then this one
    /// notifies that too.
    pub repeats: bool,
}

impl DigestIdentity<'_> {
    /// Whether this digest notifies what that one was to notify.
    pub fn covers(&self, digest: &DigestRecord) -> bool {
        digest.alert_id == self.alert_id || (self.repeats && digest.run == self.run)
    }
}

/// The findings that a digest notifies, and the numbers of the others. Suppressed findings are neither.
#[derive(Clone, Debug, Default)]
pub struct DigestSelection<'f> {
    /// The findings that it notifies.
    pub notified: Vec<CaseFinding<'f>>,
    /// Whether an earlier digest may have notified some of them.
    pub repeated: bool,
    /// How many of the others were notified before, or are counted only.
    pub counts: DigestCounts,
}

/// What one digest notifies of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestRecord {
    pub alert_id: String,
    /// Its backfill.
    pub run: String,
    /// When it was begun.
    pub at: DateTime<Utc>,
    pub stretches: Vec<DigestInterval>,
}

/// What a digest notifies of one episode, as the episode was then: others may widen it and notify more of it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestInterval {
    pub of: EpisodeKey,
    /// Whether its sources, resources and events are too many to be kept apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_many: bool,
    /// When its first fact happened.
    pub from: DateTime<Utc>,
    /// When its last fact happened.
    to: DateTime<Utc>,
    /// The notification of the episode before the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<NotifiedBefore>,
}

/// The notification of an episode before a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifiedBefore {
    severity: Severity,
    to: DateTime<Utc>,
}

impl DigestInterval {
    /// What a digest notifies of an episode, before the episode is marked.
    pub fn of(episode: &Episode, share: &EpisodeShare<'_>) -> DigestInterval {
        let before = episode
            .notified
            .as_ref()
            .map(|mailed| NotifiedBefore { severity: mailed.severity, to: mailed.to });
        let (of, of_many) = (episode.of.clone(), episode.alike.is_some());
        DigestInterval { of, of_many, from: share.from, to: share.to, before }
    }

    fn holds(&self, seen: &CaseFinding<'_>, at: DateTime<Utc>) -> bool {
        let was_told =
            |before: &NotifiedBefore| seen.finding.severity <= before.severity && !reminds(at, before.to);
        (self.from..=self.to).contains(&at) && !self.before.as_ref().is_some_and(was_told)
    }
}

/// What digests notify of a case, by key.
#[derive(Default)]
pub struct DigestIntervals<'c> {
    by_of: BTreeMap<&'c EpisodeKey, Vec<&'c DigestInterval>>,
    of_many: BTreeMap<(&'c str, bool, bool), Vec<&'c DigestInterval>>,
}

impl<'c> DigestIntervals<'c> {
    pub fn of(stretches: impl Iterator<Item = &'c DigestInterval>) -> DigestIntervals<'c> {
        let mut all = DigestIntervals::default();
        for stretch in stretches {
            let same = match stretch.of_many {
                false => all.by_of.entry(&stretch.of).or_default(),
                true => all.of_many.entry(stretch.of.kind()).or_default(),
            };
            same.push(stretch);
        }
        all
    }

    /// Whether they notify that finding.
    pub fn hold(&self, seen: &CaseFinding<'_>, now: DateTime<Utc>) -> bool {
        let (of, at) = (EpisodeKey::of(seen), moment(seen.finding, now));
        let own = self.by_of.get(&of).into_iter().flatten();
        let of_any_event = of.of_any_event().and_then(|of| self.by_of.get(&of)).into_iter().flatten();
        let of_many = self.of_many.get(&of.kind()).into_iter().flatten();
        own.chain(of_any_event).chain(of_many).any(|stretch| stretch.holds(seen, at))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::{Case, MAX_EPISODES};
    use super::*;
    use crate::config::Config;
    use crate::finding::{Finding, stable_id};
    use crate::state::lease::Lease;
    use crate::state::object::{HoldsOutbox, StateObject};
    use crate::state::tests_support::{notification, sign_in};

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        at("2026-04-03T12:00:00Z")
    }

    /// A sign-in without a second factor at that minute of January, from that address.
    fn finding(n: usize, minute: i64, source: &str) -> Finding {
        Finding {
            id: stable_id(&[&n.to_string()]),
            time: Some(at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minute)),
            source_ip: Some(source.to_owned()),
            ..sign_in()
        }
    }

    /// The same, told apart by its event.
    fn of_event(finding: Finding, event: usize) -> Finding {
        Finding { distinct_event: Some(format!("iam:{event}")), ..finding }
    }

    fn seen(findings: &[Finding]) -> Vec<CaseFinding<'_>> {
        findings.iter().map(|finding| CaseFinding { finding, suppressed: false }).collect()
    }

    fn ids(told: &[CaseFinding<'_>]) -> BTreeSet<String> {
        told.iter().map(|seen| seen.finding.id.clone()).collect()
    }

    fn new_case() -> Case {
        Case::new(&finding(0, 0, "192.0.2.1").subject)
    }

    /// A live run whose mail is published: what that tells.
    fn live(case: &mut Case, alert_id: &str, findings: &[Finding]) -> BTreeSet<String> {
        let (now, config, seen) = (now(), Config::default(), seen(findings));
        case.merge(&seen, now, &config);
        let untold = case.to_notify(&seen, now, &config);
        if !untold.is_empty() {
            let lease = Lease { token: "run".to_owned(), until: now };
            case.add_entry(notification(alert_id), false, &untold, &lease, now);
            case.record_notified(alert_id, now);
        }
        case.forget(now, &config);
        ids(&untold)
    }

    fn digest_id(alert_id: &str) -> DigestIdentity<'_> {
        DigestIdentity { alert_id, run: "a backfill", repeats: false }
    }

    /// The digest of a backfill, as far as it is written: what it tells.
    fn digest(case: &mut Case, alert_id: &str, findings: &[Finding]) -> BTreeSet<String> {
        let (now, config, seen) = (now(), Config::default(), seen(findings));
        case.merge(&seen, now, &config);
        let selection = case.select_for_digest(&digest_id(alert_id), &seen, now, &config);
        case.forget(now, &config);
        let read = Case::read(&case.content().unwrap(), &new_case()).unwrap();
        assert_eq!(&read, case);
        assert_eq!(
            selection.notified.len() as u64 + selection.counts.known + selection.counts.counted_only,
            findings.len() as u64
        );
        ids(&selection.notified)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Live(Vec<bool>),
        /// One of the digests, and whether its run dies before its mail is out.
        Digest(usize, bool),
    }

    const FINDINGS: usize = 60;
    const DIGESTS: usize = 3;

    /// Five episodes of each of two events at each of two addresses, three findings each, within half an hour.
    fn episode(n: usize) -> usize {
        n % 20
    }

    fn some() -> impl Strategy<Value = Vec<bool>> {
        prop_oneof![
            prop::collection::vec(prop::bool::weighted(0.2), FINDINGS),
            prop::collection::vec(prop::bool::weighted(0.9), FINDINGS),
        ]
    }

    proptest! {
        #[test]
        fn promise_2_however_findings_are_divided_between_mails_and_digests_each_episode_is_told_once(
            of_digests in prop::collection::vec(some(), DIGESTS),
            steps in prop::collection::vec(
                prop_oneof![
                    some().prop_map(Step::Live),
                    (0..DIGESTS, any::<bool>()).prop_map(|(digest, dies)| Step::Digest(digest, dies)),
                ],
                1..12,
            ),
        ) {
            let all: Vec<Finding> = (0..FINDINGS)
                .map(|n| {
                    let (kind, minute) = (episode(n) % 4, (episode(n) / 4 * 300 + n / 20 * 12) as i64);
                    of_event(finding(n, minute, &format!("192.0.2.{}", kind % 2)), kind / 2)
                })
                .collect();
            let these = |which: &[bool]| -> Vec<Finding> {
                all.iter().zip(which).filter(|(_, is_in)| **is_in).map(|(finding, _)| finding.clone()).collect()
            };
            let mut case = new_case();
            let mut begun: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
            let mut mails: Vec<BTreeSet<String>> = Vec::new();
            let mut done: BTreeSet<usize> = BTreeSet::new();
            let mut seen: BTreeSet<String> = BTreeSet::new();
            // Whoever began a digest ends it, at last.
            let ends: Vec<Step> = (0..DIGESTS).map(|digest| Step::Digest(digest, false)).collect();
            let to_the_end = steps.len();
            for (n, step) in steps.iter().chain(&ends).enumerate() {
                match step {
                    Step::Live(which) => {
                        let findings = these(which);
                        mails.push(live(&mut case, &format!("live {n}"), &findings));
                        seen.extend(findings.into_iter().map(|finding| finding.id));
                    }
                    Step::Digest(digest, _) if done.contains(digest) => {}
                    Step::Digest(digest, _) if n >= to_the_end && !begun.contains_key(digest) => {}
                    Step::Digest(number, dies) => {
                        let findings = these(&of_digests[*number]);
                        let told = digest(&mut case, &format!("digest {number}"), &findings);
                        if let Some(before) = begun.insert(*number, told.clone()) {
                            prop_assert_eq!(&before, &told, "begun again it tells the same");
                        }
                        seen.extend(findings.into_iter().map(|finding| finding.id));
                        if !dies {
                            done.insert(*number);
                            mails.push(told);
                        }
                    }
                }
            }
            for episode in 0..20 {
                let of_episode: BTreeSet<String> =
                    (0..FINDINGS).filter(|n| self::episode(*n) == episode).map(|n| all[n].id.clone()).collect();
                let telling = mails.iter().filter(|mail| !mail.is_disjoint(&of_episode)).count();
                prop_assert_eq!(telling, usize::from(!seen.is_disjoint(&of_episode)), "episode {}", episode);
            }
        }
    }

    #[test]
    fn what_was_told_is_not_told_by_a_digest_unless_it_is_worse_or_went_on_for_a_day() {
        let one = || finding(1, 0, "192.0.2.1");
        let worse = Finding { severity: Severity::Critical, ..finding(2, 1, "192.0.2.1") };
        let hourly = |n: usize| finding(n, n as i64 * 50, "192.0.2.1");
        for (name, first, then, told) in [
            ("the same", vec![one()], vec![one()], 0),
            ("near it", vec![one()], vec![finding(2, 59, "192.0.2.1")], 0),
            ("an hour before", vec![hourly(2)], vec![finding(9, 39, "192.0.2.1")], 1),
            ("from elsewhere", vec![one()], vec![finding(2, 0, "192.0.2.2")], 1),
            ("worse", vec![one()], vec![one(), worse], 1),
            ("for a day", vec![hourly(0)], (0..40).map(hourly).collect(), 11),
            ("before, up to what was told", vec![hourly(40)], (0..40).map(hourly).collect(), 0),
        ] {
            for live_first in [true, false] {
                let mut case = new_case();
                let (before, after) = match live_first {
                    true => (live(&mut case, "live", &first), digest(&mut case, "digest", &then)),
                    false => (digest(&mut case, "other", &first), digest(&mut case, "digest", &then)),
                };
                assert_eq!((before.len(), after.len()), (first.len(), told), "{name}");
                let unchanged = case.clone();
                assert_eq!(digest(&mut case, "digest", &then), after, "{name}: begun again");
                assert_eq!(case, unchanged, "{name}: begun again");
                assert!(digest(&mut case, "next", &then).is_empty(), "{name}: by another one");
                assert!(live(&mut case, "late", &then).is_empty(), "{name}: delivered again");
            }
        }
    }

    #[test]
    fn a_digest_that_an_earlier_version_began_notifies_the_same() {
        let old: Vec<Finding> = (0..6).map(|n| finding(n, n as i64 * 20, "192.0.2.1")).collect();
        let new: Vec<Finding> =
            old.iter().enumerate().map(|(n, finding)| of_event(finding.clone(), n % 2)).collect();
        for live_before in [false, true] {
            let mut case = new_case();
            if live_before {
                assert_eq!(live(&mut case, "live", &old[..3]).len(), 3);
            }
            let told = digest(&mut case, "digest", &old);
            assert_eq!(told.len(), if live_before { 0 } else { 6 });
            // A live run of that version notifies of something worse there, before the digest is begun again.
            let worse = Finding { severity: Severity::Critical, ..finding(60, 50, "192.0.2.1") };
            assert_eq!(live(&mut case, "worse", &[worse]).len(), 1);
            assert_eq!(digest(&mut case, "digest", &new), told, "begun again");
            assert!(digest(&mut case, "next", &new).is_empty(), "by another one");
            assert!(live(&mut case, "late", &new).is_empty(), "delivered again");
        }
    }

    #[test]
    fn what_an_earlier_digest_of_the_same_backfill_may_not_have_told_is_told_where_nobody_knows() {
        let findings: Vec<Finding> = (0..3).map(|n| finding(n, n as i64 * 200, "192.0.2.1")).collect();
        let (now, config, seen) = (now(), Config::default(), seen(&findings));
        let mut case = new_case();
        assert_eq!(live(&mut case, "live", &findings[..1]).len(), 1);
        assert_eq!(digest(&mut case, "first", &findings).len(), 2);
        let told = |case: &mut Case, alert_id, run, repeats| {
            let selection =
                case.select_for_digest(&DigestIdentity { alert_id, run, repeats }, &seen, now, &config);
            ids(&selection.notified)
        };
        assert_eq!(told(&mut case, "x", "another", true).len(), 0, "it is nobody else's");
        assert_eq!(told(&mut case, "y", "a backfill", false).len(), 0, "it was told");
        let of_first = ids(&seen[1..]);
        assert_eq!(told(&mut case, "second", "a backfill", true), of_first, "but not what was told live");
        assert_eq!(told(&mut case, "second", "a backfill", true), of_first, "begun again");
        assert_eq!(told(&mut case, "third", "a backfill", false).len(), 0);
    }

    #[test]
    fn what_a_live_run_tells_between_two_attempts_changes_nothing_of_a_digest() {
        let findings: Vec<Finding> = (0..3).map(|n| finding(n, n as i64 * 200, "192.0.2.1")).collect();
        let mut case = new_case();
        let told = digest(&mut case, "digest", &findings);
        assert_eq!(told.len(), 3);
        // It makes one episode of the first two, and tells of something worse there.
        let bridge: Vec<Finding> = (50..54).map(|n| finding(n, (n as i64 - 49) * 45, "192.0.2.1")).collect();
        assert!(live(&mut case, "live", &bridge).is_empty());
        let worse = Finding { severity: Severity::Critical, ..finding(60, 100, "192.0.2.1") };
        assert_eq!(live(&mut case, "worse", &[worse]).len(), 1);
        assert_eq!(digest(&mut case, "digest", &findings), told);
        assert!(digest(&mut case, "another", &findings).is_empty());
    }

    #[test]
    fn too_few_failures_under_unknown_names_are_counted_and_what_is_accepted_is_left_to_its_entry() {
        let hidden = |n: usize| Finding {
            principal: Some(crate::finding::Principal { name_hidden: true, ..Default::default() }),
            unauthenticated: true,
            ..finding(n, n as i64, "192.0.2.1")
        };
        let few: Vec<Finding> = (0..9).map(hidden).collect();
        let mut case = new_case();
        assert!(digest(&mut case, "digest", &few).is_empty());
        assert_eq!(digest(&mut case, "next", &(0..10).map(hidden).collect::<Vec<_>>()).len(), 10);

        let (findings, config) = ([finding(1, 0, "192.0.2.1")], Config::default());
        let accepted = [CaseFinding { finding: &findings[0], suppressed: true }];
        let mut case = new_case();
        case.merge(&accepted, now(), &config);
        assert!(case.select_for_digest(&digest_id("digest"), &accepted, now(), &config).notified.is_empty());
        assert_eq!(digest(&mut case, "next", &findings).len(), 1, "no longer accepted");
    }

    #[test]
    fn what_was_only_counted_before_a_digest_is_still_said_by_the_next_mail() {
        let mut case = new_case();
        live(&mut case, "live", &[finding(0, 0, "192.0.2.1")]);
        live(&mut case, "quiet", &[finding(1, 5, "192.0.2.1"), finding(2, 6, "192.0.2.1")]);
        let told = [finding(0, 0, "192.0.2.1"), finding(3, 0, "192.0.2.2"), finding(4, 1, "192.0.2.2")];
        assert_eq!(digest(&mut case, "digest", &told).len(), 2);
        digest(&mut case, "digest", &told);
        let unsaid = case.deduplicated(&[], now());
        assert_eq!(unsaid.len(), 1, "{unsaid:?}");
        assert_eq!((unsaid[0].number.count, unsaid[0].source.as_deref()), (2, Some("192.0.2.1")));
    }

    #[test]
    fn promise_2_however_much_a_digest_tells_a_live_run_says_nothing_twice() {
        let mut case = new_case();
        let told = [Finding { unauthenticated: true, ..finding(0, 0, "192.0.2.1") }];
        assert_eq!(live(&mut case, "live", &told).len(), 1);
        case.episodes[0].notified.as_mut().unwrap().at -= TimeDelta::days(1);
        let many: Vec<Finding> =
            (1..MAX_EPISODES + 50).map(|n| finding(n, n as i64 * 100, "192.0.2.2")).collect();
        digest(&mut case, "digest", &many);
        assert_eq!(case.episodes.len(), MAX_EPISODES);
        assert!(live(&mut case, "live again", &told).is_empty());
    }

    #[test]
    fn more_than_a_case_remembers_is_told_again_and_costs_no_live_memory() {
        let recent = Finding { time: Some(now() - TimeDelta::hours(1)), ..finding(9_999, 0, "192.0.2.1") };
        let mut case = new_case();
        live(&mut case, "live", std::slice::from_ref(&recent));
        let many: Vec<Finding> =
            (0..MAX_EPISODES + 50).map(|n| finding(n, n as i64 * 100, "192.0.2.1")).collect();
        let told = digest(&mut case, "digest", &many);
        assert_eq!(told.len(), many.len());
        assert!(!case.remembers(&seen(&many), now()) && case.remembers(&seen(&many[100..]), now()));
        assert_eq!(digest(&mut case, "digest", &many), told, "begun again");
        let again = digest(&mut case, "next", &many);
        assert!((1..=51).contains(&again.len()), "{}", again.len());
        assert!(live(&mut case, "late", &[recent]).is_empty());
        assert!(case.episodes.len() <= MAX_EPISODES && case.digests.len() <= 2);
        let noted: usize = case.digests.iter().map(|digest| digest.stretches.len()).sum();
        assert!(noted <= MAX_EPISODES, "{noted}");
        case.forget(now() + TimeDelta::days(401), &Config::default());
        assert_eq!(case, new_case(), "in the end it is as if nothing had been");
    }

    #[test]
    fn many_thousand_findings_of_one_subject_are_decided_upon_without_comparing_each_with_all() {
        // Each from its own network at its own time: nothing is one of many, for it takes credentials.
        let many: Vec<Finding> = (0..20_000)
            .map(|n| finding(n, n as i64 * 2, &format!("2001:db8:{:x}:{:x}::1", n / 256, n % 256)))
            .collect();
        let mut case = new_case();
        assert_eq!(digest(&mut case, "digest", &many).len(), many.len());
    }
}
