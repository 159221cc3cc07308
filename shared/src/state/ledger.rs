//! A ledger: the findings of one account's checks, and what was notified of each.
//!
//! A check raises the same finding in every report until somebody fixes it. So a finding is notified when it is new, when
//! it is resolved and when it comes back. Two things are kept of each to know that: whether it is open, and what the last
//! mail about it reported. A finding that could not be judged stays as it is.

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

use super::format::{FORMAT, check_format, not_json};
use super::object::StateObject;

/// How long a resolved finding is kept of which nothing could be notified.
const NOT_NOTIFIED_KEPT: TimeDelta = TimeDelta::days(14);

/// An account that could not be looked at for so long is HIGH, even if AWS is only busy.
const SERIOUS_AFTER: TimeDelta = TimeDelta::hours(24);

/// Reminders come this much early, for runs do not begin at the same time each day.
const REMINDER_SLACK: TimeDelta = TimeDelta::hours(1);

/// Finds a rule by its id; `None` if this version has no such rule.
pub type RuleLookup = fn(&str) -> Option<CheckRule>;

/// The ledger of one account: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    format: u32,
    account: String,
    /// When a run last tried to look at the account, whether or not it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried: Option<DateTime<Utc>>,
    /// When the last judged report was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generated: Option<DateTime<Utc>>,
    /// The address of that report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    /// The number of users in that report.
    #[serde(default)]
    users: u64,
    /// When the last mail about the account was published. Recording a mail always changes the object, so that it is not
    /// taken for recorded in one that was missing for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailed: Option<DateTime<Utc>>,
    /// Whether it replaced a damaged one: what it calls new may have been notified before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    may_repeat: bool,
    /// By the finding's id.
    entries: BTreeMap<String, LedgerEntry>,
}

/// One finding, without what can be derived: an account may have tens of thousands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerEntry {
    rule: String,
    severity: Severity,
    what: String,
    /// `None` if it is the principal's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<LedgerPrincipal>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    facts: Vec<(String, String)>,
    /// When the first report that shows it was generated.
    since: DateTime<Utc>,
    /// When the last report that shows it was generated.
    seen: DateTime<Utc>,
    /// When the first report that no longer shows it was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved: Option<DateTime<Utc>>,
    /// What was last notified of it.
    #[serde(default, rename = "told", skip_serializing_if = "Option::is_none")]
    notified: Option<LastReport>,
}

/// The principal of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerPrincipal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    /// `None` if it is the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// The last mail that reported a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastReport {
    at: DateTime<Utc>,
    severity: Severity,
    /// Whether it reported the finding as open.
    #[serde(rename = "stands")]
    open: bool,
}

impl StateObject for Ledger {
    fn read(content: &[u8], new: &Ledger) -> Result<Ledger, String> {
        check_format(content)?;
        let ledger: Ledger = serde_json::from_slice(content).map_err(not_json)?;
        if ledger.account != new.account {
            return Err("it is about another account".to_owned());
        }
        Ok(ledger)
    }

    /// Of an object that would be too large the facts are left out, and then the users' ARNs: the report, which is kept,
    /// has them, and a finding without them is worth more than no ledger.
    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
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
        slim.entries
            .values_mut()
            .filter_map(|entry| entry.principal.as_mut())
            .for_each(|principal| principal.arn = None);
        serde_json::to_vec(&slim)
    }
}

impl Ledger {
    /// The ledger of an account that no run has looked at.
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

    /// Whether a run has certainly tried to look at the account since then. SQS gives the moment in milliseconds; within the
    /// same millisecond the account is looked at again.
    pub fn was_tried_since(&self, moment: DateTime<Utc>) -> bool {
        self.tried.is_some_and(|tried| tried - moment >= TimeDelta::milliseconds(1))
    }

    /// When a run last tried to look at the account.
    pub fn tried(&self) -> Option<DateTime<Utc>> {
        self.tried
    }

    /// When the last judged report was generated.
    pub fn generated(&self) -> Option<DateTime<Utc>> {
        self.generated
    }

    /// The number of users in that report.
    pub fn users(&self) -> u64 {
        self.users
    }

    /// Whether what it calls new may have been notified before.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Records that it replaced a damaged ledger.
    pub fn replaces_unreadable(&mut self) {
        self.may_repeat = true;
    }

    /// Takes in the findings of a report, and those to notify beside it. What could not be judged stays as it is; so does
    /// everything if the report is older than the last.
    pub fn record_judged(
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
            self.record_open(finding, generated);
        }
        let shown: BTreeSet<&str> = shown().map(|finding| &finding.id[..]).collect();
        for (id, entry) in &mut self.entries {
            let name = entry.principal.as_ref().and_then(|who| who.name.as_deref());
            let is_gone = !shown.contains(&id[..]) && !is_unjudged(&judged.gaps, &entry.rule, name);
            if is_gone && entry.resolved.is_none() {
                // An account that could not be looked at may be later than the report that could be fetched at last.
                entry.resolved = Some(generated.max(entry.seen));
            }
        }
    }

    /// Records why the account could not be looked at. Nothing else changes.
    pub fn could_not_look<'f>(&mut self, why: impl IntoIterator<Item = &'f Finding>, now: DateTime<Utc>) {
        self.tried = Some(now);
        for finding in why {
            let before = self.entries.get(&finding.id).filter(|before| before.resolved.is_none());
            match before.is_some_and(|before| now - before.since >= SERIOUS_AFTER) {
                true => self.record_open(&Finding { severity: Severity::High, ..finding.clone() }, now),
                false => self.record_open(finding, now),
            }
        }
    }

    fn record_open(&mut self, finding: &Finding, seen: DateTime<Utc>) {
        let before = self.entries.remove(&finding.id);
        let since = before.as_ref().filter(|before| before.resolved.is_none()).map(|before| before.since);
        let notified = before.and_then(|before| before.notified);
        let entry = LedgerEntry { notified, since: since.unwrap_or(seen), ..LedgerEntry::of(finding, seen) };
        self.entries.insert(finding.id.clone(), entry);
    }

    /// The findings that are new, resolved or came back since the last mail about them.
    pub fn changes(&self, rules: RuleLookup) -> impl Iterator<Item = Finding> {
        self.findings(rules, LedgerEntry::change)
    }

    /// The open findings that were notified.
    pub fn still_open(&self, rules: RuleLookup) -> impl Iterator<Item = Finding> {
        self.findings(rules, |entry, rule| {
            (entry.resolved.is_none() && entry.change(rule).is_none()).then_some(Status::Still)
        })
    }

    /// The number of open findings by severity.
    pub fn open_by_severity(&self) -> BTreeMap<Severity, u64> {
        let mut count = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| entry.resolved.is_none()) {
            *count.entry(entry.severity).or_default() += 1;
        }
        count
    }

    /// Whether a reminder of an open finding is due.
    pub fn is_due(&self, id: &str, now: DateTime<Utc>, config: &Config) -> bool {
        let Some(LedgerEntry { notified: Some(notified), severity, .. }) = self.entries.get(id) else {
            return false;
        };
        let days = config.remind_days.get(severity).copied().unwrap_or_default();
        let cadence = TimeDelta::days(days.into()) - REMINDER_SLACK;
        *severity > notified.severity || (days > 0 && now - notified.at >= cadence)
    }

    /// Records what a mail reported of these findings, by id.
    pub fn record_notified(&mut self, reported: &BTreeMap<String, Status>, at: DateTime<Utc>) {
        for (id, status) in reported {
            if let Some(entry) = self.entries.get_mut(id) {
                let open = *status != Status::Resolved;
                entry.notified = Some(LastReport { at, severity: entry.severity, open });
            }
        }
        self.mailed = Some(at);
        self.may_repeat = false;
    }

    /// Forgets findings that were resolved longer ago than they have to be kept.
    pub fn forget(&mut self, now: DateTime<Utc>, config: &Config) {
        let kept = TimeDelta::from_std(config.told).unwrap_or(TimeDelta::MAX);
        self.entries.retain(|_, entry| match (entry.resolved, &entry.notified) {
            (None, _) => true,
            (Some(resolved), None) => now - resolved <= NOT_NOTIFIED_KEPT,
            (Some(resolved), Some(_)) => now - resolved <= kept,
        });
    }

    /// The findings to which `status` gives one. Findings of rules that this version does not have are left out.
    fn findings(
        &self,
        rules: RuleLookup,
        status: impl Fn(&LedgerEntry, &CheckRule) -> Option<Status>,
    ) -> impl Iterator<Item = Finding> {
        let finding = move |(id, entry): (&String, &LedgerEntry)| {
            let rule = rules(&entry.rule)?;
            let status = status(entry, &rule)?;
            // A finding that could not be judged this time is in an earlier report.
            let report = self.report.as_ref().filter(|_| Some(entry.seen) == self.generated);
            let finding = entry.finding(id, &self.account, rule, status);
            Some(Finding { evidence: Evidence { object: report.cloned(), ..finding.evidence }, ..finding })
        };
        self.entries.iter().filter_map(finding)
    }
}

impl LedgerEntry {
    fn of(finding: &Finding, seen: DateTime<Utc>) -> LedgerEntry {
        let stored = |principal: &Principal| {
            let Principal { kind, name, arn, id, .. } = principal.clone();
            let id = id.filter(|id| Some(id) != name.as_ref());
            LedgerPrincipal { kind, name, arn, id }
        };
        let facts = &finding.evidence.facts.0;
        let arn = finding.principal.as_ref().and_then(|principal| principal.arn.as_ref());
        LedgerEntry {
            rule: finding.rule.id.to_owned(),
            severity: finding.severity,
            what: finding.what.clone(),
            resource: finding.resource.clone().filter(|resource| Some(resource) != arn),
            principal: finding.principal.as_ref().map(stored),
            facts: facts.iter().map(|(name, value)| (name.clone().into_owned(), value.clone())).collect(),
            since: seen,
            seen,
            resolved: None,
            notified: None,
        }
    }

    /// What has to be notified of it, after what was notified before.
    fn change(&self, rule: &CheckRule) -> Option<Status> {
        match (&self.notified, self.resolved) {
            (None, None) => Some(Status::New),
            (Some(LastReport { open: true, .. }), Some(_)) if rule.ends == Ends::ByItself => None,
            // It was new and resolved before anything was notified.
            (None | Some(LastReport { open: true, .. }), Some(_)) => Some(Status::Resolved),
            (Some(LastReport { open: false, .. }), None) => Some(Status::CameBack),
            _ => None,
        }
    }

    fn finding(&self, id: &str, account: &str, rule: CheckRule, status: Status) -> Finding {
        let CheckRule { rule, remediation, .. } = rule;
        let entry = self.clone();
        let principal = |LedgerPrincipal { kind, name, arn, id }| {
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
    use crate::finding::Gap;
    use crate::finding::rule::{COULD_NOT_LOOK_ID, Rule};
    use crate::finding::stable_id;
    use crate::state::tests_support::rule;

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

    /// A user without a second factor, as the check raises it.
    fn without_mfa(n: usize, generated: DateTime<Utc>) -> Finding {
        let name = format!("user{n}");
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
        let id = stable_id(&[ACCOUNT, RULE.id, &name]);
        let subject = Subject::Account(ACCOUNT.to_owned());
        let facts = vec![(Cow::Borrowed("mfa_active"), "false".to_owned())];
        let finding = Finding {
            account: Some(ACCOUNT.to_owned()),
            resource: Some(arn.clone()),
            principal: Some(Principal {
                kind: Some("IAMUser".to_owned()),
                id: Some(name.clone()),
                name: Some(name),
                arn: Some(arn),
                ..Principal::default()
            }),
            time: Some(generated),
            evidence: Evidence {
                object: Some("s3://state/report.csv.gz".to_owned()),
                facts: EvidenceFacts(facts),
                ..Evidence::default()
            },
            ..Finding::new(&RULE, RULE.severity, id, subject, "has no second factor")
        };
        finding.with_summary()
    }

    fn judged(users: &[User], generated: DateTime<Utc>) -> CheckOutcome {
        let mut judged = CheckOutcome::default();
        for (n, user) in users.iter().enumerate() {
            match user {
                User::Absent | User::WithMfa => {}
                User::WithoutMfa => judged.findings.push(without_mfa(n, generated)),
                User::Unreadable => {
                    judged.gaps.push(Gap { rule: Some(RULE.id), principal: Some(format!("user{n}")) });
                }
            }
        }
        judged
    }

    static RULE: Rule = rule("password.mfa-disabled");
    static COULD_NOT_LOOK: Rule = rule(COULD_NOT_LOOK_ID);
    static EXPIRING: Rule = rule("password.expiring");

    /// The rules of these tests.
    fn rules(id: &str) -> Option<CheckRule> {
        let rule = [&RULE, &COULD_NOT_LOOK, &EXPIRING].into_iter().find(|rule| rule.id == id)?;
        let ends = if rule.id == EXPIRING.id { Ends::ByItself } else { Ends::WhenMended };
        Some(CheckRule { rule, ends, remediation: rule.remediation })
    }

    /// What happens to a ledger.
    #[derive(Clone, Debug)]
    enum LedgerStep {
        Look(Vec<User>),
        CouldNotLook,
        /// A mail is put together now, and noted so many steps later, if it is published.
        Mail {
            noted_after: usize,
            is_published: bool,
        },
        Forget,
    }

    fn step() -> impl Strategy<Value = LedgerStep> {
        let user = prop::sample::select(vec![
            User::Absent,
            User::WithMfa,
            User::WithoutMfa,
            User::WithoutMfa,
            User::Unreadable,
        ]);
        prop_oneof![
            4 => prop::collection::vec(user, 3).prop_map(LedgerStep::Look),
            1 => Just(LedgerStep::CouldNotLook),
            3 => (0..3_usize, any::<bool>()).prop_map(|(noted_after, is_published)| LedgerStep::Mail { noted_after, is_published }),
            1 => Just(LedgerStep::Forget),
        ]
    }

    fn could_not_look() -> Finding {
        let subject = Subject::Account(ACCOUNT.to_owned());
        let id = stable_id(&[ACCOUNT, COULD_NOT_LOOK.id]);
        Finding {
            account: Some(ACCOUNT.to_owned()),
            time: Some(hour(0)),
            ..Finding::new(&COULD_NOT_LOOK, COULD_NOT_LOOK.severity, id, subject, "sts:AssumeRole failed")
        }
    }

    #[test]
    fn a_look_within_the_millisecond_of_the_request_may_have_been_before_it() {
        let mut ledger = Ledger::new("111122223333");
        let asked: DateTime<Utc> = "2026-04-01T08:00:00.500Z".parse().unwrap();
        for (micros, since) in [(-1, false), (0, false), (999, false), (1000, true), (5000, true)] {
            ledger.could_not_look(std::iter::empty(), asked + TimeDelta::microseconds(micros));
            assert_eq!(ledger.was_tried_since(asked), since, "{micros}");
        }
    }

    proptest! {
        /// Once a mail is recorded, the next reports only what has changed since it was made. No change is notified twice.
        #[test]
        fn promise_2_each_change_is_notified_once_and_what_was_notified_agrees_with_what_is_open(
            steps in prop::collection::vec(step(), 1..40)
        ) {
            let (config, mut now) = (Config::default(), 0);
            let mut ledger = Ledger::new(ACCOUNT);
            // What was notified of each finding: whether it is open.
            let mut known: BTreeMap<String, bool> = BTreeMap::new();
            // The open findings, as far as they could be judged.
            let mut open: BTreeSet<String> = BTreeSet::new();
            let mut in_outbox: Option<(usize, BTreeMap<String, Status>)> = None;
            for step in &steps {
                now += 4;
                if let Some((left, said)) = in_outbox.take() {
                    match left {
                        0 => ledger.record_notified(&said, hour(now)),
                        _ => in_outbox = Some((left - 1, said)),
                    }
                }
                match step {
                    LedgerStep::Look(users) => {
                        let judged = judged(users, hour(now));
                        ledger.record_judged(&judged, &[], 3, hour(now), hour(now));
                        open.retain(|id| ledger.entries.get(id).is_some_and(|entry| {
                            let name = entry.principal.as_ref().and_then(|who| who.name.as_deref());
                            is_unjudged(&judged.gaps, &entry.rule, name)
                        }));
                        open.extend(judged.findings.iter().map(|finding| finding.id.clone()));
                    }
                    LedgerStep::CouldNotLook => {
                        let finding = could_not_look();
                        ledger.could_not_look([&finding], hour(now));
                        open.insert(finding.id);
                    }
                    // One mail at a time is in the outbox.
                    LedgerStep::Mail { .. } if in_outbox.is_some() => {}
                    LedgerStep::Mail { noted_after, is_published } => {
                        let changes: Vec<Finding> = ledger.changes(rules).collect();
                        let mut said = BTreeMap::new();
                        for finding in &changes {
                            let status = finding.status.unwrap();
                            prop_assert_eq!(status != Status::Resolved, open.contains(&finding.id), "{:?}", finding.summary);
                            prop_assert!(said.insert(finding.id.clone(), status).is_none());
                        }
                        if *is_published {
                            for (id, status) in &said {
                                let before = known.insert(id.clone(), *status != Status::Resolved);
                                let expected: &[Option<bool>] = match status {
                                    Status::New => &[None],
                                    Status::CameBack => &[Some(false)],
                                    // What was new and resolved before any mail is notified as resolved.
                                    Status::Resolved => &[None, Some(true)],
                                    Status::Still => &[Some(true)],
                                };
                                prop_assert!(expected.contains(&before), "{status:?} although {before:?} was known");
                            }
                            in_outbox = Some((*noted_after, said));
                        }
                    }
                    LedgerStep::Forget => ledger.forget(hour(now), &config),
                }
                let read = Ledger::read(&ledger.content().unwrap(), &Ledger::new(ACCOUNT));
                prop_assert_eq!(read.as_ref(), Ok(&ledger));
            }
            if let Some((_, said)) = in_outbox {
                ledger.record_notified(&said, hour(now));
            }
            let said = ledger.changes(rules).map(|finding| (finding.id, finding.status.unwrap())).collect();
            ledger.record_notified(&said, hour(now));
            prop_assert!(ledger.changes(rules).next().is_none());
            let notified: BTreeSet<String> = ledger.still_open(rules).map(|finding| finding.id).collect();
            prop_assert_eq!(notified, open);
        }
    }

    #[test]
    fn a_finding_that_ends_by_itself_is_not_notified_as_resolved() {
        for (rule, changes) in [(&EXPIRING, 0), (&RULE, 1)] {
            let mut shown = judged(&[User::WithoutMfa], hour(0));
            shown.findings[0].rule = rule;
            let mut ledger = Ledger::new(ACCOUNT);
            ledger.record_judged(&shown, &[], 1, hour(0), hour(0));
            ledger.record_notified(&[(shown.findings[0].id.clone(), Status::New)].into(), hour(0));
            ledger.record_judged(&judged(&[User::WithMfa], hour(4)), &[], 1, hour(4), hour(4));
            assert_eq!(ledger.changes(rules).count(), changes, "{}", rule.id);
        }
    }

    #[test]
    fn a_finding_that_is_remembered_is_the_same_again() {
        let judged = judged(&[User::WithoutMfa], hour(0));
        let mut ledger = Ledger::new(ACCOUNT);
        ledger.record_judged(&judged, &[], 1, hour(0), hour(0));
        let json = |finding: &Finding| serde_json::to_value(finding).unwrap();
        let mut expected = json(&judged.findings[0]);
        expected["status"] = "new".into();
        expected["since"] = START.into();
        assert_eq!(json(&ledger.changes(rules).next().unwrap()), expected);
        assert_eq!(ledger.changes(rules).next().unwrap().principal, judged.findings[0].principal);
        let root = Finding { evidence: Evidence::default(), ..could_not_look() };
        ledger.could_not_look([&root], hour(1));
        assert_eq!(ledger.open_by_severity()[&Severity::High], 2);
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
            let (id, resource) = (stable_id(&[&n.to_string()]), Some(arn));
            Finding { id, resource, principal: Some(principal), evidence, ..of_one.clone() }
        };
        let judged = CheckOutcome { findings: (0..70_000).map(finding).collect(), gaps: Vec::new() };
        let mut ledger = Ledger::new(ACCOUNT);
        ledger.record_judged(&judged, &[], 5_000, hour(0), hour(0));
        let said = judged.findings.iter().map(|finding| (finding.id.clone(), Status::New)).collect();
        ledger.record_notified(&said, hour(0));
        let content = ledger.content().unwrap();
        assert!(content.len() <= MAX_STATE_BYTES, "{}", content.len());
        let read = Ledger::read(&content, &Ledger::new(ACCOUNT)).unwrap();
        assert_eq!(
            (read.entries.len(), read.changes(rules).count(), read.still_open(rules).count()),
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
