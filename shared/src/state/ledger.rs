//! What is remembered of the checks of one account: what stands, since when, and what people know of it.
//!
//! A finding of a check is there in every report until somebody mends it, so it is told when it comes, when
//! it goes and when it comes back. What has to be told follows from two things that are kept of each: whether
//! it stands, and what the last mail about it said. What could not be judged stays as it is.

mod previous;

pub use previous::Previous;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::finding::CheckOutcome;
use crate::finding::is_unjudged;
use crate::finding::rule::{CheckRule, Ends};
use crate::finding::{Evidence, EvidenceFacts, Finding, Principal, Status, Subject};
use crate::ports::MAX_STATE_BYTES;
use crate::severity::Severity;
use crate::state::format::{FORMAT, check_format, not_json};

/// What came and went, and nobody could be told, is told for so long.
const UNTOLD_KEPT: TimeDelta = TimeDelta::days(14);

/// What could not be looked at for so long is serious, be AWS only busy.
const SERIOUS_AFTER: TimeDelta = TimeDelta::hours(24);

/// A run is a little earlier on one day than on another.
const REMINDER_SLACK: TimeDelta = TimeDelta::hours(1);

/// Finds a rule by its id; `None` if this version has no such rule.
pub type RuleLookup = fn(&str) -> Option<CheckRule>;

/// What is remembered of the checks of one account: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    format: u32,
    account: String,
    /// When somebody last tried to look, whatever came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried: Option<DateTime<Utc>>,
    /// When the last report that was judged was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generated: Option<DateTime<Utc>>,
    /// Where that report stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    /// How many users that report was about.
    #[serde(default)]
    users: u64,
    /// When the last mail about it was published. Noting that always changes the object, so that it is not taken for
    /// noted in one that was not there for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailed: Option<DateTime<Utc>>,
    /// Whether it was begun anew over one that could not be read, and people may know what it calls new.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    may_repeat: bool,
    /// By the finding's id.
    entries: BTreeMap<String, Entry>,
}

/// One finding as it is remembered, without what another member says already: an account may have tens of
/// thousands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    severity: Severity,
    what: String,
    /// Where it is not the principal's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<Who>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    facts: Vec<(String, String)>,
    /// When the first report that shows it was made, and the last.
    since: DateTime<Utc>,
    seen: DateTime<Utc>,
    /// When the first report that no longer shows it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved: Option<DateTime<Utc>>,
    /// What people know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    /// Where it is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// The last mail that spoke of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    at: DateTime<Utc>,
    severity: Severity,
    /// Whether it said that the finding stands.
    stands: bool,
}

impl Ledger {
    /// That of an account which nobody has looked at.
    pub fn new(account: &str) -> Ledger {
        Ledger {
            format: FORMAT,
            account: account.to_owned(),
            tried: None,
            generated: None,
            report: None,
            users: 0,
            mailed: None,
            may_repeat: false,
            entries: BTreeMap::new(),
        }
    }

    /// Reads an object that must be about the same account as a new one.
    ///
    /// # Errors
    /// Why it is not.
    pub fn read(content: &[u8], new: &Ledger) -> Result<Ledger, String> {
        check_format(content)?;
        let ledger: Ledger = serde_json::from_slice(content).map_err(not_json)?;
        if ledger.account != new.account {
            return Err("it is about another account".to_owned());
        }
        Ok(ledger)
    }

    /// The object's content. Where it would be too large, what the rules looked at, and then the users' paths, are
    /// left to the report, which is kept: a finding without them is worth more than no memory at all.
    ///
    /// # Errors
    /// Never: everything in it can be written as JSON.
    pub fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        let content = serde_json::to_vec(self)?;
        if content.len() <= MAX_STATE_BYTES {
            return Ok(content);
        }
        let mut slim = self.clone();
        slim.entries.values_mut().for_each(|entry| entry.facts.clear());
        let content = serde_json::to_vec(&slim)?;
        if content.len() <= MAX_STATE_BYTES {
            return Ok(content);
        }
        slim.entries.values_mut().filter_map(|entry| entry.principal.as_mut()).for_each(|who| who.arn = None);
        serde_json::to_vec(&slim)
    }

    /// Whether somebody has certainly tried to look since then: the moment is known to the millisecond, as SQS
    /// says when a message was sent, and looking once more is better than not at all.
    pub fn was_tried_since(&self, moment: DateTime<Utc>) -> bool {
        self.tried.is_some_and(|tried| tried - moment >= TimeDelta::milliseconds(1))
    }

    /// When somebody last tried to look.
    pub fn tried(&self) -> Option<DateTime<Utc>> {
        self.tried
    }

    /// When the last report that was judged was made.
    pub fn generated(&self) -> Option<DateTime<Utc>> {
        self.generated
    }

    /// How many users that report was about.
    pub fn users(&self) -> u64 {
        self.users
    }

    /// Whether people may know already what it calls new.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Notes that it was begun anew over one that could not be read.
    pub fn was_unreadable(&mut self) {
        self.may_repeat = true;
    }

    /// Takes in what a report shows, and what is to be told beside it. What could not be judged stays as it is, and
    /// so does everything where the report is older than the one before.
    pub fn looked(
        &mut self,
        judged: &CheckOutcome,
        beside: &[Finding],
        users: u64,
        generated: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        self.tried = Some(now);
        if self.generated.is_some_and(|before| before > generated) {
            return;
        }
        (self.generated, self.users) = (Some(generated), users);
        self.report = judged.findings.iter().find_map(|finding| finding.evidence.object.clone());
        let shown = || judged.findings.iter().chain(beside);
        for finding in shown() {
            self.stands(finding, generated);
        }
        let shown: BTreeSet<&str> = shown().map(|finding| &finding.id[..]).collect();
        for (id, entry) in &mut self.entries {
            let name = entry.principal.as_ref().and_then(|who| who.name.as_deref());
            let is_gone = !shown.contains(&id[..]) && !is_unjudged(&judged.gaps, &entry.rule, name);
            if is_gone && entry.resolved.is_none() {
                // That somebody could not look may be later than the report that could be had at last.
                entry.resolved = Some(generated.max(entry.seen));
            }
        }
    }

    /// Notes why nobody could look; nothing else changes.
    pub fn could_not_look<'f>(&mut self, why: impl IntoIterator<Item = &'f Finding>, now: DateTime<Utc>) {
        self.tried = Some(now);
        for finding in why {
            let before = self.entries.get(&finding.id).filter(|before| before.resolved.is_none());
            match before.is_some_and(|before| now - before.since >= SERIOUS_AFTER) {
                true => self.stands(&Finding { severity: Severity::High, ..finding.clone() }, now),
                false => self.stands(finding, now),
            }
        }
    }

    fn stands(&mut self, finding: &Finding, seen: DateTime<Utc>) {
        let before = self.entries.remove(&finding.id);
        let since = before.as_ref().filter(|before| before.resolved.is_none()).map(|before| before.since);
        let told = before.and_then(|before| before.told);
        let entry = Entry { told, since: since.unwrap_or(seen), ..Entry::of(finding, seen) };
        self.entries.insert(finding.id.clone(), entry);
    }

    /// What no mail has told yet: what is new, what came back, what was resolved.
    pub fn changes(&self, rules: RuleLookup) -> impl Iterator<Item = Finding> {
        self.findings(rules, Entry::change)
    }

    /// What stands and was told, whatever people need to be reminded of.
    pub fn standing(&self, rules: RuleLookup) -> impl Iterator<Item = Finding> {
        self.findings(rules, |entry, rule| {
            (entry.resolved.is_none() && entry.change(rule).is_none()).then_some(Status::Still)
        })
    }

    /// How much stands, by severity.
    pub fn count(&self) -> BTreeMap<Severity, u64> {
        let mut count = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| entry.resolved.is_none()) {
            *count.entry(entry.severity).or_default() += 1;
        }
        count
    }

    /// Whether people have to be reminded of a finding that stands.
    pub fn is_due(&self, id: &str, now: DateTime<Utc>, config: &Config) -> bool {
        let Some(Entry { told: Some(told), severity, .. }) = self.entries.get(id) else { return false };
        let days = config.remind_days.get(severity).copied().unwrap_or_default();
        let cadence = TimeDelta::days(days.into()) - REMINDER_SLACK;
        *severity > told.severity || (days > 0 && now - told.at >= cadence)
    }

    /// Notes what a mail said of these findings, by id.
    pub fn told(&mut self, said: &BTreeMap<String, Status>, at: DateTime<Utc>) {
        for (id, status) in said {
            if let Some(entry) = self.entries.get_mut(id) {
                let stands = *status != Status::Resolved;
                entry.told = Some(Told { at, severity: entry.severity, stands });
            }
        }
        self.mailed = Some(at);
        self.may_repeat = false;
    }

    /// Forgets what was resolved longer ago than it has to be remembered.
    pub fn forget(&mut self, now: DateTime<Utc>, config: &Config) {
        let told = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
        self.entries.retain(|_, entry| match (entry.resolved, &entry.told) {
            (None, _) => true,
            (Some(resolved), None) => now - resolved <= UNTOLD_KEPT,
            (Some(resolved), Some(_)) => now - resolved <= told,
        });
    }

    /// The findings of which something is to be said. What this version has no rule for, it says nothing of.
    fn findings(
        &self,
        rules: RuleLookup,
        status: impl Fn(&Entry, &CheckRule) -> Option<Status>,
    ) -> impl Iterator<Item = Finding> {
        let finding = move |(id, entry): (&String, &Entry)| {
            let rule = rules(&entry.rule)?;
            let status = status(entry, &rule)?;
            // What could not be judged this time stands in an earlier report.
            let report = self.report.as_ref().filter(|_| Some(entry.seen) == self.generated);
            let finding = entry.finding(id, &self.account, rule, status);
            Some(Finding { evidence: Evidence { object: report.cloned(), ..finding.evidence }, ..finding })
        };
        self.entries.iter().filter_map(finding)
    }
}

impl Entry {
    fn of(finding: &Finding, seen: DateTime<Utc>) -> Entry {
        let who = |principal: &Principal| {
            let Principal { kind, name, arn, id, .. } = principal.clone();
            let id = id.filter(|id| Some(id) != name.as_ref());
            Who { kind, name, arn, id }
        };
        let facts = &finding.evidence.facts.0;
        let arn = finding.principal.as_ref().and_then(|principal| principal.arn.as_ref());
        Entry {
            rule: finding.rule.id.to_owned(),
            severity: finding.severity,
            what: finding.what.clone(),
            resource: finding.resource.clone().filter(|resource| Some(resource) != arn),
            principal: finding.principal.as_ref().map(who),
            facts: facts.iter().map(|(name, value)| (name.clone().into_owned(), value.clone())).collect(),
            since: seen,
            seen,
            resolved: None,
            told: None,
        }
    }

    /// What people have to be told, by what they know.
    fn change(&self, rule: &CheckRule) -> Option<Status> {
        match (&self.told, self.resolved) {
            (None, None) => Some(Status::New),
            (Some(Told { stands: true, .. }), Some(_)) if rule.ends == Ends::ByItself => None,
            // It came and went before anybody could be told.
            (None | Some(Told { stands: true, .. }), Some(_)) => Some(Status::Resolved),
            (Some(Told { stands: false, .. }), None) => Some(Status::CameBack),
            _ => None,
        }
    }

    fn finding(&self, id: &str, account: &str, rule: CheckRule, status: Status) -> Finding {
        let CheckRule { rule, remediation, .. } = rule;
        let entry = self.clone();
        let principal = |Who { kind, name, arn, id }| {
            let id = id.or_else(|| name.clone());
            Principal { kind, name, arn, id, ..Principal::default() }
        };
        let arn = self.principal.as_ref().and_then(|who| who.arn.clone());
        let facts = entry.facts.into_iter().map(|(name, value)| (Cow::Owned(name), value));
        let subject = Subject::Account(account.to_owned());
        Finding {
            status: Some(status),
            since: Some(self.since),
            account: Some(account.to_owned()),
            resource: entry.resource.or(arn),
            principal: entry.principal.map(principal),
            time: Some(self.resolved.unwrap_or(self.seen)),
            evidence: Evidence { facts: EvidenceFacts(facts.collect()), ..Evidence::default() },
            remediation,
            ..Finding::new(rule, self.severity, id.to_owned(), subject, entry.what)
        }
        .with_summary()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::formats::credential_report::CredentialReport;
    use crate::rules::checks::ReportContext;
    use crate::rules::{checks, registry};

    const ACCOUNT: &str = "111122223333";
    const START: &str = "2026-04-01T08:00:00Z";

    fn hour(hours: i64) -> DateTime<Utc> {
        START.parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hours)
    }

    /// How a user stands in a report.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum User {
        Absent,
        WithMfa,
        WithoutMfa,
        /// The cell says neither.
        Unreadable,
    }

    fn judged(users: &[User], generated: DateTime<Utc>) -> CheckOutcome {
        let mut csv = "user,arn,password_enabled,mfa_active\n<root_account>,arn:aws:iam::111122223333:root,false,false\n".to_owned();
        for (n, user) in users.iter().enumerate() {
            let mfa = match user {
                User::Absent => continue,
                User::WithMfa => "true",
                User::WithoutMfa => "false",
                User::Unreadable => "perhaps",
            };
            csv += &format!("user{n},arn:aws:iam::{ACCOUNT}:user/user{n},true,{mfa}\n");
        }
        let report = CredentialReport::parse(csv.as_bytes()).unwrap();
        let about = ReportContext { account: ACCOUNT, generated, source: Some("s3://state/report.csv.gz") };
        let mut judged = checks::judge(&report, &about, &Config::default());
        // The columns that the other checks need are not there.
        judged.findings.retain(|finding| finding.rule.id == RULE);
        judged
    }

    const RULE: &str = "password.mfa-disabled";

    /// What happens to a ledger.
    #[derive(Clone, Debug)]
    enum Step {
        Look(Vec<User>),
        CouldNotLook,
        /// A mail is put together now, and noted so many steps later, if it is published.
        Mail {
            noted_after: usize,
            is_published: bool,
        },
        Forget,
    }

    fn step() -> impl Strategy<Value = Step> {
        let user = prop::sample::select(vec![
            User::Absent,
            User::WithMfa,
            User::WithoutMfa,
            User::WithoutMfa,
            User::Unreadable,
        ]);
        prop_oneof![
            4 => prop::collection::vec(user, 3).prop_map(Step::Look),
            1 => Just(Step::CouldNotLook),
            3 => (0..3_usize, any::<bool>()).prop_map(|(noted_after, is_published)| Step::Mail { noted_after, is_published }),
            1 => Just(Step::Forget),
        ]
    }

    fn could_not_look() -> Finding {
        let trouble = crate::ports::AwsError {
            kind: crate::ports::AwsErrorKind::Denied,
            call: "sts:AssumeRole".to_owned(),
            answer: "AccessDenied".to_owned(),
        };
        crate::rules::health::account_check_failed(ACCOUNT, &trouble, hour(0))
    }

    #[test]
    fn a_look_within_the_millisecond_of_the_question_may_have_been_before_it() {
        let mut ledger = Ledger::new("111122223333");
        let asked: DateTime<Utc> = "2026-04-01T08:00:00.500Z".parse().unwrap();
        for (micros, since) in [(-1, false), (0, false), (999, false), (1000, true), (5000, true)] {
            ledger.could_not_look(std::iter::empty(), asked + TimeDelta::microseconds(micros));
            assert_eq!(ledger.was_tried_since(asked), since, "{micros}");
        }
    }

    proptest! {
        /// People know, once a mail is noted, what stood when it was put together; the next says what has changed since.
        /// Nobody is told that something is new, came back or is resolved who knows it.
        #[test]
        fn promise_2_what_people_know_and_what_stands_come_together_and_nothing_is_said_twice(
            steps in prop::collection::vec(step(), 1..40)
        ) {
            let (config, mut now) = (Config::default(), 0);
            let mut ledger = Ledger::new(ACCOUNT);
            // What people know of each finding: whether it stands.
            let mut known: BTreeMap<String, bool> = BTreeMap::new();
            // What stands, as far as it could be judged.
            let mut stands: BTreeSet<String> = BTreeSet::new();
            let mut under_way: Option<(usize, BTreeMap<String, Status>)> = None;
            for step in &steps {
                now += 4;
                if let Some((left, said)) = under_way.take() {
                    match left {
                        0 => ledger.told(&said, hour(now)),
                        _ => under_way = Some((left - 1, said)),
                    }
                }
                match step {
                    Step::Look(users) => {
                        let judged = judged(users, hour(now));
                        ledger.looked(&judged, &[], 3, hour(now), hour(now));
                        stands.retain(|id| ledger.entries.get(id).is_some_and(|entry| {
                            let name = entry.principal.as_ref().and_then(|who| who.name.as_deref());
                            is_unjudged(&judged.gaps, &entry.rule, name)
                        }));
                        stands.extend(judged.findings.iter().map(|finding| finding.id.clone()));
                    }
                    Step::CouldNotLook => {
                        let finding = could_not_look();
                        ledger.could_not_look([&finding], hour(now));
                        stands.insert(finding.id);
                    }
                    // One mail at a time is under way.
                    Step::Mail { .. } if under_way.is_some() => {}
                    Step::Mail { noted_after, is_published } => {
                        let changes: Vec<Finding> = ledger.changes(registry::check_rule).collect();
                        let mut said = BTreeMap::new();
                        for finding in &changes {
                            let status = finding.status.unwrap();
                            prop_assert_eq!(status != Status::Resolved, stands.contains(&finding.id), "{:?}", finding.summary);
                            prop_assert!(said.insert(finding.id.clone(), status).is_none());
                        }
                        if *is_published {
                            for (id, status) in &said {
                                let before = known.insert(id.clone(), *status != Status::Resolved);
                                let expected: &[Option<bool>] = match status {
                                    Status::New => &[None],
                                    Status::CameBack => &[Some(false)],
                                    // What came and went untold is told as that.
                                    Status::Resolved => &[None, Some(true)],
                                    Status::Still => &[Some(true)],
                                };
                                prop_assert!(expected.contains(&before), "{status:?} although {before:?} was known");
                            }
                            under_way = Some((*noted_after, said));
                        }
                    }
                    Step::Forget => ledger.forget(hour(now), &config),
                }
                let read = Ledger::read(&ledger.content().unwrap(), &Ledger::new(ACCOUNT));
                prop_assert_eq!(read.as_ref(), Ok(&ledger));
            }
            if let Some((_, said)) = under_way {
                ledger.told(&said, hour(now));
            }
            let said = ledger.changes(registry::check_rule).map(|finding| (finding.id, finding.status.unwrap())).collect();
            ledger.told(&said, hour(now));
            prop_assert!(ledger.changes(registry::check_rule).next().is_none());
            let told: BTreeSet<String> = ledger.standing(registry::check_rule).map(|finding| finding.id).collect();
            prop_assert_eq!(told, stands);
        }
    }

    #[test]
    fn that_something_has_passed_by_itself_is_no_news() {
        for (rule, told) in [("root.recently-used", 0), ("password.expiring", 0), (RULE, 1)] {
            let rule = registry::all().into_iter().find(|known| known.id == rule).unwrap();
            let mut shown = judged(&[User::WithoutMfa], hour(0));
            shown.findings[0] = Finding { rule, ..shown.findings[0].clone() };
            let mut ledger = Ledger::new(ACCOUNT);
            ledger.looked(&shown, &[], 1, hour(0), hour(0));
            ledger.told(&[(shown.findings[0].id.clone(), Status::New)].into(), hour(0));
            ledger.looked(&judged(&[User::WithMfa], hour(4)), &[], 1, hour(4), hour(4));
            assert_eq!(ledger.changes(registry::check_rule).count(), told, "{}", rule.id);
        }
    }

    #[test]
    fn a_finding_that_is_remembered_is_the_same_again() {
        let judged = judged(&[User::WithoutMfa], hour(0));
        let mut ledger = Ledger::new(ACCOUNT);
        ledger.looked(&judged, &[], 1, hour(0), hour(0));
        let json = |finding: &Finding| serde_json::to_value(finding).unwrap();
        let mut expected = json(&judged.findings[0]);
        expected["status"] = "new".into();
        expected["since"] = START.into();
        assert_eq!(json(&ledger.changes(registry::check_rule).next().unwrap()), expected);
        assert_eq!(
            ledger.changes(registry::check_rule).next().unwrap().principal,
            judged.findings[0].principal
        );
        let root = Finding { evidence: Evidence::default(), ..could_not_look() };
        ledger.could_not_look([&root], hour(1));
        assert_eq!(ledger.count()[&Severity::High], 2);
    }

    #[test]
    fn an_account_of_5000_users_with_everything_wrong_and_the_longest_names_fits_into_an_object() {
        // Source: IAM User Guide, "IAM and AWS STS quotas": names of 64, paths of 512 characters.
        let of_one = judged(&[User::WithoutMfa], hour(0)).findings.remove(0);
        let columns = (0..6).map(|n| (Cow::Owned(format!("access_key_{n}_last_rotated")), START.to_owned()));
        let facts = EvidenceFacts(columns.collect());
        let finding = |n: usize| {
            let name = format!("{:x<64}", n / 14);
            let arn = format!("arn:aws:iam::{ACCOUNT}:user/{}/{name}", "p".repeat(510));
            let principal = Principal {
                name: Some(name),
                arn: Some(arn.clone()),
                ..of_one.principal.clone().unwrap_or_default()
            };
            let evidence = Evidence { facts: facts.clone(), ..Evidence::default() };
            let (id, resource) = (crate::finding::stable_id(&[&n.to_string()]), Some(arn));
            Finding { id, resource, principal: Some(principal), evidence, ..of_one.clone() }
        };
        let judged = CheckOutcome { findings: (0..70_000).map(finding).collect(), gaps: Vec::new() };
        let mut ledger = Ledger::new(ACCOUNT);
        ledger.looked(&judged, &[], 5_000, hour(0), hour(0));
        let said = judged.findings.iter().map(|finding| (finding.id.clone(), Status::New)).collect();
        ledger.told(&said, hour(0));
        let content = ledger.content().unwrap();
        assert!(content.len() <= MAX_STATE_BYTES, "{}", content.len());
        let read = Ledger::read(&content, &Ledger::new(ACCOUNT)).unwrap();
        assert_eq!(
            (
                read.entries.len(),
                read.changes(registry::check_rule).count(),
                read.standing(registry::check_rule).count()
            ),
            (70_000, 0, 70_000)
        );
    }

    #[test]
    fn what_is_no_ledger_of_this_account_is_refused_with_what_is_wrong() {
        let new = Ledger::new(ACCOUNT);
        let other = String::from_utf8(Ledger::new("444455556666").content().unwrap()).unwrap();
        for (content, said) in [
            ("", "it is not JSON as iamwatch writes it"),
            ("[]", "it is not JSON as iamwatch writes it"),
            ("{}", "its format is none; it must be 1"),
            (r#"{"format": 2}"#, "its format is 2; it must be 1"),
            (r#"{"format": 1}"#, "missing field `account`"),
            (&other, "it is about another account"),
        ] {
            let error = Ledger::read(content.as_bytes(), &new).unwrap_err();
            assert!(error.contains(said), "{content}: {error}");
        }
    }
}
