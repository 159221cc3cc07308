//! Telling people: nothing lost, nothing said twice.
//!
//! What was found about one subject goes into its case ([`crate::case`]), and with it, in the same write, the
//! mails that have to tell it, as they will be sent, claimed by this run. Only then they are published, and
//! then noted as told. A run that ends in between leaves a claim that ends after it; the queue hands the same
//! log files to another run, which takes the mail over and publishes it as it stands. All findings are in
//! their cases before anything is published, and each mail belongs to one case.
//!
//! Where the state bucket does not answer, the queue is let try again first; then people are told without
//! memory, for nobody may silence iamwatch by taking its memory away.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::accepted::Accepted;
use super::budgets::{Hour, budget_of};
use super::memory::{Held, Memory, Object, random_id};
use crate::alert::{self, Alert};
use crate::case::{self, Case, Seen};
use crate::config::{Budget, Config};
use crate::detections::{mails_held_back, state_unreadable};
use crate::finding::{Finding, Subject, stable_id};
use crate::ports::{AlertSink, Outside, Pace, StateStore, Taken, Trouble, TroubleKind};
use crate::rule::Severity;
use crate::suppress::Suppressions;

/// So many cases are read or written at the same time.
const AT_ONCE: usize = 16;

/// What is kept of a run's time for telling without memory, where it comes to that; where there is less in all,
/// half of it.
const TIME_WITHOUT_MEMORY: Duration = Duration::from_secs(20);

/// Without memory, so many alerts about one subject each are published in a run; all others share one more.
const MAX_WITHOUT_MEMORY: usize = 10;

/// One alert, and what became of it.
#[derive(Debug)]
pub struct Mailed {
    /// Its subject.
    pub subject: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an alert.
#[derive(Debug)]
pub enum Outcome {
    /// It was published.
    Published,
    /// It has to be told again.
    Failed(Trouble),
    /// The hour's budget is used up: it stands in the state bucket.
    HeldBack,
    /// Nobody was to be told.
    Withheld,
}

/// How far a run goes to tell somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// Without memory nothing is told: what was found comes again.
    ComesAgain,
    /// It has come often, or will not come again: better told twice than not at all.
    Last,
}

/// The telling of one run.
pub(super) struct Telling<'a, S, A, P> {
    config: &'a Config,
    alerts: &'a A,
    memory: Memory<'a, S, P>,
    account: Option<&'a str>,
    persistence: Persistence,
    /// What became of each alert, in order.
    pub mails: Vec<Mailed>,
    /// The findings that are not told yet, by id, and why.
    pub untold: BTreeMap<String, Trouble>,
    /// How many findings were only counted.
    pub quiet: u64,
    /// How many findings a suppression hides.
    pub accepted: u64,
}

/// What was found about one subject.
struct Group {
    subject: Subject,
    key: String,
    findings: Vec<Finding>,
    /// Those that a suppression hides, by id.
    accepted: BTreeSet<String>,
    /// The id of the alert that tells it, where one has to.
    alert_id: String,
    fate: Fate,
    /// The case as it stands.
    held: Option<Held<Case>>,
    /// Why it is not told yet.
    trouble: Option<Trouble>,
    /// How many of its findings a mail tells.
    mailed: usize,
}

/// What is to become of the alert of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Publish,
    HoldBack,
}

impl Object for Case {
    fn read(content: &[u8], new: &Case) -> Result<Case, String> {
        Case::read(content, new)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        Case::content(self)
    }
}

/// The alerts about these findings, that are told to nobody.
pub(super) fn withheld(findings: Vec<Finding>, config: &Config) -> Vec<Mailed> {
    let findings = findings.into_iter().filter(|finding| is_mailed(finding, config)).collect();
    let alerts = alert::group(findings)
        .into_iter()
        .filter_map(|findings| alert::alert(findings, &[], String::new(), config));
    alerts.map(|alert| Mailed { subject: alert.subject, outcome: Outcome::Withheld }).collect()
}

impl<'a, S: StateStore, A: AlertSink, P: Pace> Telling<'a, S, A, P> {
    pub fn new<L>(
        config: &'a Config,
        outside: &'a Outside<'a, L, S, A, P>,
        persistence: Persistence,
    ) -> Self {
        Telling {
            config,
            alerts: outside.alerts,
            memory: Memory::new(outside.state, outside.pace, config),
            account: outside.account,
            persistence,
            mails: Vec::new(),
            untold: BTreeMap::new(),
            quiet: 0,
            accepted: 0,
        }
    }

    /// What is accepted, as far as it can be known.
    pub async fn load_accepted(&self) -> Result<Accepted, Trouble> {
        self.keep_time();
        Accepted::load(&self.memory, self.account).await
    }

    /// Tells what is at or above `MAIL_MIN_SEVERITY`, and notes it.
    pub async fn tell(&mut self, mut findings: Vec<Finding>, accepted: Result<Accepted, Trouble>) {
        self.keep_time();
        findings.retain(|finding| is_mailed(finding, self.config));
        match accepted {
            Ok(accepted) => {
                findings.extend(accepted.findings.iter().cloned());
                self.tell_all(findings, &accepted.suppressions).await;
                let is_untold = |id: &str| self.untold.contains_key(id);
                accepted.note(&self.memory, is_untold).await;
            }
            Err(_) if self.persistence == Persistence::Last => {
                self.tell_all(findings, &Suppressions::default()).await;
            }
            Err(trouble) => {
                let untold = findings.into_iter().map(|finding| (finding.id, trouble.clone()));
                self.untold.extend(untold);
            }
        }
    }

    /// Keeps time for telling without memory, of what there is.
    fn keep_time(&self) {
        if self.persistence == Persistence::Last {
            self.memory.keep(TIME_WITHOUT_MEMORY.min(self.memory.time_left() / 2));
        }
    }

    /// What went wrong with the state bucket.
    pub fn state_troubles(&self) -> Vec<Trouble> {
        self.memory.take_troubles()
    }

    async fn tell_all(&mut self, findings: Vec<Finding>, suppressions: &Suppressions) {
        let mut groups = self.grouped(findings, suppressions);
        self.open(&mut groups).await;
        let held_back = self.spend(&mut groups).await;
        let about_us = held_back.into_iter().chain(self.unreadable_state()).collect();
        let mut about_us = self.grouped(about_us, suppressions);
        self.open(&mut about_us).await;
        // That mails are held back is in its case before they count as told.
        self.remember(&mut about_us).await;
        self.remember(&mut groups).await;
        let mut discovered = self.grouped(self.unreadable_state(), suppressions);
        self.open(&mut discovered).await;
        self.remember(&mut discovered).await;

        let mut groups: Vec<Group> = groups.into_iter().chain(about_us).chain(discovered).collect();
        // What is published now is to be noted.
        self.memory.keep(Duration::ZERO);
        self.publish_all(&mut groups).await;
        if self.persistence == Persistence::Last {
            self.publish_without_memory(&mut groups).await;
        }
        for group in groups {
            let accepted = group.accepted.len() as u64;
            self.accepted += accepted;
            match group.trouble {
                Some(trouble) => {
                    let ids = group.findings.into_iter().map(|finding| finding.id);
                    self.untold.extend(ids.map(|id| (id, trouble.clone())));
                }
                None => self.quiet += (group.findings.len() - group.mailed) as u64 - accepted,
            }
        }
    }

    fn grouped(&self, findings: Vec<Finding>, suppressions: &Suppressions) -> Vec<Group> {
        let now = self.memory.pace.now();
        let of_one = |findings: Vec<Finding>| {
            let subject = findings.first()?.subject.clone();
            let hidden = findings.iter().filter(|finding| suppressions.hiding(finding, now).is_some());
            Some(Group {
                key: case::key(&subject),
                subject,
                accepted: hidden.map(|finding| finding.id.clone()).collect(),
                findings,
                alert_id: random_id(self.memory.pace),
                fate: Fate::Publish,
                held: None,
                trouble: None,
                mailed: 0,
            })
        };
        alert::group(findings).into_iter().filter_map(of_one).collect()
    }

    /// What has to be told of objects that could not be read.
    fn unreadable_state(&self) -> Vec<Finding> {
        let now = self.memory.pace.now();
        let unreadable = self.memory.take_unreadable();
        unreadable
            .iter()
            .map(|object| state_unreadable(&object.uri, &object.copy, &object.reason, now, self.account))
            .collect()
    }

    /// Reads the cases.
    async fn open(&self, groups: &mut [Group]) {
        let memory = &self.memory;
        let open = groups.iter_mut().map(|group| async move {
            match memory.open(&group.key, &Case::new(&group.subject)).await {
                Ok(held) => group.held = Some(held),
                Err(trouble) => group.trouble = Some(trouble),
            }
        });
        stream::iter(open).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Decides which alerts the hour's budgets still allow, the worst first. The others are put where people
    /// look for them; what has to be told of that is the answer.
    async fn spend(&mut self, groups: &mut [Group]) -> Vec<Finding> {
        let mut drafts: Vec<(usize, Alert, Budget)> = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            drafts.extend(self.draft(group).map(|(alert, budget)| (index, alert, budget)));
        }
        if drafts.is_empty() {
            return Vec::new();
        }
        let asked: Vec<(String, Budget)> =
            drafts.iter().map(|(index, _, budget)| (groups[*index].grant_id(), *budget)).collect();
        let hour = Hour::of(self.memory.pace.now());
        let granted =
            self.memory.update(&hour.key(), &hour, None, |hour, _| hour.grant(&asked, self.config)).await;
        // Nobody can use up a budget that cannot be read.
        let Ok((granted, _)) = granted else { return Vec::new() };
        let mut held_back: BTreeMap<Budget, (Severity, BTreeSet<String>)> = BTreeMap::new();
        for (index, alert, budget) in drafts {
            // Who tells of held back mails is not held back.
            if granted.contains(&groups[index].grant_id())
                || matches!(groups[index].subject, Subject::Source(_))
            {
                continue;
            }
            let key = format!("{}{}.json", hour.overflow(budget), alert.id);
            let group = &groups[index];
            let content = json!({
                "format": case::FORMAT, "budget": budget.name(), "alert": alert, "findings": group.findings,
            });
            if self.memory.create(&key, content.to_string().as_bytes()).await.is_ok() {
                groups[index].fate = Fate::HoldBack;
                let (severity, alerts) = held_back.entry(budget).or_insert((alert.severity, BTreeSet::new()));
                *severity = alert.severity.max(*severity);
                alerts.insert(alert.id.clone());
                self.mails.push(Mailed { subject: alert.subject, outcome: Outcome::HeldBack });
            }
        }
        let now = self.memory.pace.now();
        let finding = |(budget, (severity, alerts)): (Budget, (Severity, BTreeSet<String>))| {
            let uri = self.memory.uri(&hour.overflow(budget));
            // Nobody is woken by what anyone can cause.
            let severity = if budget == Budget::Unauthenticated { Severity::Low } else { severity };
            mails_held_back(budget, severity, alerts.len() as u64, &uri, now, self.account)
        };
        held_back.into_iter().map(finding).collect()
    }

    /// The alert that a group needs, as far as its case is known.
    fn draft(&self, group: &Group) -> Option<(Alert, Budget)> {
        let mut case = group.held.as_ref()?.object.clone();
        let now = self.memory.pace.now();
        let seen = group.seen();
        case.learn(&seen, now, self.config);
        let untold = case.untold(&seen, now, self.config);
        let alert = self.alert(&case, &untold, group)?;
        Some((alert, budget_of(&untold)))
    }

    fn alert(&self, case: &Case, untold: &[Seen<'_>], group: &Group) -> Option<Alert> {
        let unsaid = case.unsaid(untold, self.memory.pace.now());
        let findings = untold.iter().map(|seen| seen.finding.clone()).collect();
        alert::alert(findings, &unsaid, group.alert_id.clone(), self.config)
    }

    /// Writes the findings into their cases, and with them the mails that have to tell them.
    async fn remember(&self, groups: &mut [Group]) {
        let remember = groups.iter_mut().filter(|group| group.trouble.is_none()).map(|group| async move {
            let held = group.held.take();
            let new = Case::new(&group.subject);
            let change = |case: &mut Case, was_unreadable| self.change(case, was_unreadable, group);
            let written = self.memory.update(&group.key, &new, held, change).await;
            match written {
                Ok((Ok(mailed), held)) => (group.mailed, group.held) = (mailed, Some(held)),
                Ok((Err(trouble), held)) => (group.trouble, group.held) = (Some(trouble), Some(held)),
                Err(trouble) => group.trouble = Some(trouble),
            }
        });
        stream::iter(remember).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// What a group's findings change in its case; how many of them a mail tells. What this run has written
    /// before, it knows by its claim.
    fn change(&self, case: &mut Case, was_unreadable: bool, group: &Group) -> Result<usize, Trouble> {
        let (now, claim) = (self.memory.pace.now(), &self.memory.claim);
        let seen = group.seen();
        case.learn(&seen, now, self.config);
        case.take_over(claim, now);
        let untold = case.untold(&seen, now, self.config);
        let mailed = match self.alert(case, &untold, group) {
            None => Ok(0),
            Some(_) if case.is_full() => {
                let answer = "too many mails about the same subject are under way".to_owned();
                Err(Trouble { kind: TroubleKind::OutOfTime, call: format!("telling {}", group.key), answer })
            }
            Some(alert) if group.fate == Fate::HoldBack => {
                case.hold_back(&alert, &untold, now);
                Ok(untold.len())
            }
            Some(alert) => {
                case.begin(alert, was_unreadable, &untold, claim, now);
                Ok(untold.len())
            }
        };
        case.forget(now, self.config);
        mailed
    }

    /// Publishes what this run has claimed, the worst first, and notes it.
    async fn publish_all(&mut self, groups: &mut [Group]) {
        let token = self.memory.claim.token.clone();
        let claimed = |group: &Group| match &group.held {
            Some(held) => held.object.claimed(&token),
            None => Vec::new(),
        };
        let severity = |group: &Group| claimed(group).iter().map(|alert| alert.severity).max();
        let mut order: Vec<&mut Group> = groups.iter_mut().collect();
        // Stable: among equals the order of the findings remains.
        order.sort_by_key(|group| Reverse(severity(group)));
        for group in order {
            if group.held.is_none() || group.trouble.is_some() && claimed(group).is_empty() {
                continue;
            }
            let (mut told, mut released) = (BTreeSet::new(), BTreeSet::new());
            for alert in claimed(group) {
                let published = self.publish(&alert).await;
                match &published {
                    Ok(()) => drop(told.insert(alert.id.clone())),
                    Err((trouble, taken)) => {
                        if *taken == Taken::No {
                            released.insert(alert.id.clone());
                        }
                        group.trouble = Some(trouble.clone());
                    }
                }
                let outcome =
                    published.map_or_else(|(trouble, _)| Outcome::Failed(trouble), |()| Outcome::Published);
                self.mails.push(Mailed { subject: alert.subject, outcome });
            }
            if told.is_empty() && released.is_empty() {
                self.wait_for_others(group);
                continue;
            }
            let new = Case::new(&group.subject);
            let held = group.held.take();
            let noted = self.memory.update(&group.key, &new, held, |case, _| {
                case.told(&told);
                case.release(&released);
            });
            match noted.await {
                Ok(((), held)) => group.held = Some(held),
                // It is told again, for nobody else can know that it was told.
                Err(trouble) => group.trouble = Some(trouble),
            }
            self.wait_for_others(group);
        }
    }

    /// While another run tells something about the same subject, nobody knows whether it will be told.
    fn wait_for_others(&self, group: &mut Group) {
        let is_pending = group.held.as_ref().is_some_and(|held| held.object.has_pending());
        if is_pending && group.trouble.is_none() {
            let (call, answer) = (format!("telling {}", group.key), "another run is telling it".to_owned());
            group.trouble = Some(Trouble { kind: TroubleKind::OutOfTime, call, answer });
        }
    }

    async fn publish(&self, alert: &Alert) -> Result<(), (Trouble, Taken)> {
        // What is not begun is certainly not taken.
        if self.memory.time_left().is_zero() {
            let (call, answer) =
                (format!("publishing alert {}", alert.id), "no time is left in this run".to_owned());
            return Err((Trouble { kind: TroubleKind::OutOfTime, call, answer }, Taken::No));
        }
        let mut taken = Taken::Unknown;
        let publish = async {
            self.alerts.publish(alert).await.map_err(|unpublished| {
                taken = unpublished.taken;
                unpublished.trouble
            })
        };
        let published = self.memory.in_time("publishing alert", &alert.id, publish).await;
        published.map(|_| ()).map_err(|trouble| {
            let taken = if trouble.kind == TroubleKind::OutOfTime { Taken::No } else { taken };
            (trouble, taken)
        })
    }

    /// Publishes what could not be written down, or not be read.
    async fn publish_without_memory(&mut self, groups: &mut [Group]) {
        let mut waiting: Vec<&mut Group> = groups
            .iter_mut()
            .filter(|group| {
                let failed =
                    |trouble: &Trouble| trouble.kind != TroubleKind::OutOfTime || self.memory.has_failed();
                group.trouble.as_ref().is_some_and(failed)
            })
            .filter(|group| group.held.is_none())
            .collect();
        let others = waiting.split_off(waiting.len().min(MAX_WITHOUT_MEMORY));
        let alone = waiting.into_iter().map(|group| vec![group]);
        for mut groups in alone.chain([others]) {
            let told = groups.iter().flat_map(|group| {
                group.findings.iter().filter(|finding| !group.accepted.contains(&finding.id)).cloned()
            });
            let Some(first) = groups.first() else { continue };
            let Some(alert) = alert::alert(told.collect(), &[], first.alert_id.clone(), self.config) else {
                groups.iter_mut().for_each(|group| group.trouble = None);
                continue;
            };
            let outcome = match self.publish(&alert.repeated()).await {
                Ok(()) => {
                    for group in &mut groups {
                        group.trouble = None;
                        group.mailed = group.findings.len() - group.accepted.len();
                    }
                    Outcome::Published
                }
                Err((trouble, _)) => Outcome::Failed(trouble),
            };
            self.mails.push(Mailed { subject: alert.subject, outcome });
        }
    }
}

impl Group {
    /// What the next mail of the case is counted under: the same until its case is written, so that runs that
    /// die before use up no budget.
    fn grant_id(&self) -> String {
        let tag = self.held.as_ref().and_then(|held| held.tag.as_deref());
        stable_id(&[&self.key, tag.unwrap_or_default()])
    }

    fn seen(&self) -> Vec<Seen<'_>> {
        let accepted = |finding: &Finding| self.accepted.contains(&finding.id);
        self.findings.iter().map(|finding| Seen { finding, accepted: accepted(finding) }).collect()
    }
}

/// Whether somebody is told. What iamwatch could not look at is told whatever the least severity is:
/// silence must mean that nothing was found.
fn is_mailed(finding: &Finding, config: &Config) -> bool {
    finding.severity >= config.mail_min_severity || finding.rule.family() == "watch"
}
