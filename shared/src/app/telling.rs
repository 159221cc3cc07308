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

use chrono::{DateTime, Utc};
use futures_util::future::join;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::accepted::Accepted;
use super::budgets::{Hour, budget_of};
use super::memory::{Held, Memory, Object, TIME_TO_ANSWER, random_id};
use crate::alert::{self, Alert};
use crate::case::{self, Case, Seen};
use crate::config::{Budget, Config};
use crate::detections::{could_not_look, mails_held_back, state_bucket, state_unreadable};
use crate::finding::{Finding, Subject, stable_id};
use crate::ports::{AlertSink, Outside, Pace, StateStore, Taken, Trouble, TroubleKind};
use crate::rule::Severity;
use crate::suppress::Suppressions;

/// So many cases are read or written at the same time.
const AT_ONCE: usize = 16;

/// Without memory, so many alerts about one subject each are published in a run; all others share one more.
const MAX_WITHOUT_MEMORY: usize = 3;

/// What is kept of a run's time for publishing; where there is little, a third of it.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(8);

/// So many findings are written beside an alert that is held back.
const MAX_HELD_BACK_FINDINGS: usize = 200;

/// No mail is begun with less than this, so that there is time to note what became of it.
const TIME_TO_NOTE: Duration = Duration::from_secs(3);

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
    /// When it began to tell.
    now: DateTime<Utc>,
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
    /// The mails that were published, and those that certainly were not; neither is noted yet.
    told: BTreeSet<String>,
    released: BTreeSet<String>,
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
    /// `time_to_tell` is how much of the run's time is left for telling once all is read.
    pub fn new<L>(
        config: &'a Config,
        outside: &'a Outside<'a, L, S, A, P>,
        persistence: Persistence,
        time_to_tell: Duration,
    ) -> Self {
        Telling {
            config,
            alerts: outside.alerts,
            memory: Memory::new(outside.state, outside.pace, config, time_to_tell),
            account: outside.account,
            persistence,
            now: outside.pace.now(),
            mails: Vec::new(),
            untold: BTreeMap::new(),
            quiet: 0,
            accepted: 0,
        }
    }

    /// What is accepted, as far as it can be known.
    pub async fn load_accepted(&self) -> Result<Accepted, Trouble> {
        Accepted::load(&self.memory, self.account).await
    }

    /// Tells what is at or above `MAIL_MIN_SEVERITY`, and notes it.
    ///
    /// What iamwatch says about a source of log files, or about its own bucket, is not found again by a run
    /// that is handed the same log files. So each looks whether something about its `sources` is to be told.
    pub async fn tell(
        &mut self,
        mut findings: Vec<Finding>,
        sources: BTreeSet<String>,
        accepted: Result<Accepted, Trouble>,
    ) {
        findings.retain(|finding| is_mailed(finding, self.config));
        self.now = self.memory.pace.now();
        self.memory.reserve(TIME_TO_ANSWER + TIME_TO_PUBLISH.min(self.memory.pace.time_left() / 3));
        match accepted {
            Ok(accepted) => {
                findings.extend(accepted.findings.iter().cloned());
                self.tell_all(findings, sources, &accepted.suppressions).await;
                let is_untold = |id: &str| self.untold.contains_key(id);
                accepted.note(&self.memory, is_untold).await;
            }
            Err(trouble) if self.persistence == Persistence::Last => {
                findings.push(self.blind(&trouble));
                self.tell_all(findings, sources, &Suppressions::default()).await;
            }
            Err(trouble) => {
                let untold = findings.into_iter().map(|finding| (finding.id, trouble.clone()));
                self.untold.extend(untold);
            }
        }
    }

    /// What has to be told where the state bucket fails.
    fn blind(&self, trouble: &Trouble) -> Finding {
        let uri = self.memory.uri("");
        let what = format!("what iamwatch remembers could not be read or written: {}", trouble.answer);
        let mut finding = could_not_look(&uri, self.account, Severity::High, self.now, what, None);
        finding.subject = state_bucket(&uri);
        finding
    }

    /// What went wrong with the state bucket.
    pub fn state_troubles(&self) -> Vec<Trouble> {
        self.memory.take_troubles()
    }

    async fn tell_all(
        &mut self,
        findings: Vec<Finding>,
        sources: BTreeSet<String>,
        suppressions: &Suppressions,
    ) {
        let mut groups = self.grouped(findings, suppressions);
        let sources = sources.into_iter().map(Subject::Source);
        let sources: Vec<Subject> =
            sources.filter(|source| groups.iter().all(|group| group.subject != *source)).collect();
        groups.extend(sources.into_iter().map(|source| self.group(source, Vec::new(), suppressions)));
        let mut ours = [self.group(state_bucket(&self.memory.uri("")), Vec::new(), suppressions)];
        join(self.open(&mut groups), self.open(&mut ours)).await;
        ours[0].findings = self.spend(&mut groups).await;
        ours[0].findings.extend(self.unreadable_state());
        self.remember(&mut ours).await;
        if let Some(trouble) = &ours[0].trouble {
            // Nothing counts as told by a mail that is not even begun, and what cannot be read is not begun anew.
            let is_told_by_it = |group: &Group| {
                let was_unreadable = group.held.as_ref().is_some_and(|held| held.was_unreadable);
                group.fate == Fate::HoldBack || was_unreadable
            };
            for group in groups.iter_mut().filter(|group| is_told_by_it(group)) {
                (group.trouble, group.held) = (Some(trouble.clone()), None);
            }
        }
        self.remember(&mut groups).await;
        let discovered = self.unreadable_state();
        if !discovered.is_empty() {
            ours[0].findings.extend(discovered);
            ours[0].alert_id = random_id(self.memory.pace);
            self.remember(&mut ours).await;
        }

        self.memory.reserve(TIME_TO_ANSWER);
        groups.extend(ours);
        self.publish_all(&mut groups).await;
        // That there was no time for it is no trouble of the state bucket.
        if self.persistence == Persistence::Last && self.memory.has_failed() {
            self.publish_without_memory(&mut groups).await;
        }
        for group in &mut groups {
            self.note(group).await;
        }
        for group in groups {
            let accepted = group.accepted.len() as u64;
            self.accepted += accepted;
            match group.trouble {
                Some(trouble) => {
                    let ids = group.findings.into_iter().map(|finding| finding.id);
                    self.untold.extend(ids.map(|id| (id, trouble.clone())));
                }
                None => {
                    let quiet = group.findings.len().saturating_sub(group.mailed) as u64;
                    self.quiet += quiet.saturating_sub(accepted);
                }
            }
        }
    }

    fn grouped(&self, findings: Vec<Finding>, suppressions: &Suppressions) -> Vec<Group> {
        alert::group(findings)
            .into_iter()
            .filter_map(|findings| {
                let subject = findings.first()?.subject.clone();
                Some(self.group(subject, findings, suppressions))
            })
            .collect()
    }

    fn group(&self, subject: Subject, findings: Vec<Finding>, suppressions: &Suppressions) -> Group {
        let now = self.now;
        let hidden = findings.iter().filter(|finding| suppressions.hiding(finding, now).is_some());
        Group {
            key: case::key(&subject),
            subject,
            accepted: hidden.map(|finding| finding.id.clone()).collect(),
            findings,
            alert_id: random_id(self.memory.pace),
            fate: Fate::Publish,
            held: None,
            trouble: None,
            mailed: 0,
            told: BTreeSet::new(),
            released: BTreeSet::new(),
        }
    }

    /// What has to be told of objects that could not be read.
    fn unreadable_state(&self) -> Vec<Finding> {
        let now = self.now;
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
        let mut asked: Vec<(usize, Budget)> = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            // Who tells that mails are held back is not held back.
            if !matches!(group.subject, Subject::Source(_)) {
                asked.extend(self.draft(group, |_, untold| budget_of(untold)).map(|budget| (index, budget)));
            }
        }
        if asked.is_empty() {
            return Vec::new();
        }
        let alerts: Vec<(String, Budget)> =
            asked.iter().map(|(index, budget)| (groups[*index].grant_id(), *budget)).collect();
        let hour = Hour::of(self.now);
        let (key, grant) = (hour.key(), |hour: &mut Hour, _| hour.grant(&alerts, self.config));
        // Nobody can use up a budget that cannot be read.
        let Ok((granted, _)) = self.memory.update(&key, &hour, None, grant).await else {
            return Vec::new();
        };
        asked.retain(|(index, _)| !granted.contains(&groups[*index].grant_id()));

        let telling = &*self;
        let hold_back = asked.into_iter().map(|(index, budget)| {
            let (group, hour) = (&groups[index], &hour);
            async move { Some((index, budget, telling.hold_back(group, budget, hour).await?)) }
        });
        let held_back = stream::iter(hold_back).buffered(AT_ONCE).filter_map(std::future::ready);
        let held_back: Vec<(usize, Budget, Mailed)> = Box::pin(held_back).collect().await;
        let mut of_budget: BTreeMap<Budget, (Severity, u64)> = BTreeMap::new();
        for (index, budget, mailed) in held_back {
            let worst = groups[index].findings.iter().map(|finding| finding.severity).max();
            let (severity, alerts) = of_budget.entry(budget).or_insert((Severity::Low, 0));
            // Nobody is woken by what anyone can cause.
            if budget != Budget::Unauthenticated {
                *severity = worst.max(Some(*severity)).unwrap_or(Severity::Low);
            }
            *alerts += 1;
            groups[index].fate = Fate::HoldBack;
            self.mails.push(mailed);
        }
        let now = self.now;
        let finding = |(budget, (severity, alerts))| {
            let uri = self.memory.uri(&hour.overflow(budget));
            mails_held_back(budget, severity, alerts, &uri, now, self.account)
        };
        of_budget.into_iter().map(finding).collect()
    }

    /// Puts an alert where people look for it; nothing where that does not work.
    async fn hold_back(&self, group: &Group, budget: Budget, hour: &Hour) -> Option<Mailed> {
        let alert = self.draft(group, |case, untold| self.alert(case, untold, group))??;
        let findings = &group.findings[..group.findings.len().min(MAX_HELD_BACK_FINDINGS)];
        let left_out = group.findings.len() - findings.len();
        let content = json!({
            "format": case::FORMAT, "budget": budget.name(), "alert": alert, "findings": findings,
            "findings_left_out": left_out,
        });
        // A run that dies after this is followed by one that writes the same, under the same key.
        let mut ids = vec![group.grant_id()];
        ids.extend(group.findings.iter().map(|finding| finding.id.clone()));
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let key = format!("{}{}.json", hour.overflow(budget), stable_id(&ids));
        self.memory.create(&key, content.to_string().as_bytes()).await.ok()?;
        Some(Mailed { subject: alert.subject, outcome: Outcome::HeldBack })
    }

    /// What can be said of the mail that a group needs, as far as its case is known.
    fn draft<T>(&self, group: &Group, say: impl FnOnce(&Case, &[Seen<'_>]) -> T) -> Option<T> {
        let mut case = group.held.as_ref()?.object.clone();
        let now = self.now;
        let seen = group.seen();
        case.learn(&seen, now, self.config);
        let untold = case.untold(&seen, now, self.config);
        (!untold.is_empty()).then(|| say(&case, &untold))
    }

    fn alert(&self, case: &Case, untold: &[Seen<'_>], group: &Group) -> Option<Alert> {
        let unsaid = case.unsaid(untold, self.now);
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
        let (now, claim) = (self.now, &self.memory.claim);
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
        order.sort_by_cached_key(|group| Reverse(severity(group)));
        for group in order {
            for alert in claimed(group) {
                let published = self.publish(&alert, TIME_TO_NOTE).await;
                match &published {
                    Ok(()) => drop(group.told.insert(alert.id.clone())),
                    Err((trouble, taken)) => {
                        if *taken == Taken::No {
                            group.released.insert(alert.id.clone());
                        }
                        group.trouble = Some(trouble.clone());
                    }
                }
                let outcome =
                    published.map_or_else(|(trouble, _)| Outcome::Failed(trouble), |()| Outcome::Published);
                self.mails.push(Mailed { subject: alert.subject, outcome });
            }
            // A state bucket that does not answer must not use up the time of the others.
            if !self.memory.has_failed() {
                self.note(group).await;
            }
        }
    }

    /// Notes what became of the mails of a case.
    async fn note(&self, group: &mut Group) {
        let (told, released) = (std::mem::take(&mut group.told), std::mem::take(&mut group.released));
        if !told.is_empty() || !released.is_empty() {
            let new = Case::new(&group.subject);
            let noted = self.memory.update(&group.key, &new, group.held.clone(), |case, _| {
                case.told(&told);
                case.release(&released);
            });
            match noted.await {
                Ok(((), held)) => group.held = Some(held),
                // It is told again, for nobody else can know that it was told.
                Err(trouble) => group.trouble = Some(trouble),
            }
        }
        // While another run tells something about the same subject, nobody knows whether it will be told.
        let is_pending = group.held.as_ref().is_some_and(|held| held.object.has_pending());
        if is_pending && group.trouble.is_none() {
            let (call, answer) = (format!("telling {}", group.key), "another run is telling it".to_owned());
            group.trouble = Some(Trouble { kind: TroubleKind::OutOfTime, call, answer });
        }
    }

    /// Publishes an alert unless there is less time than that for it.
    async fn publish(&self, alert: &Alert, least: Duration) -> Result<(), (Trouble, Taken)> {
        let call = format!("publishing alert {}", alert.id);
        let ready = async {
            self.alerts.ready().await;
            Ok(())
        };
        let ready = self.memory.in_time("waiting for", "the topic", ready).await;
        if ready.is_err() || self.memory.time_left() < least {
            let answer = "no time is left in this run".to_owned();
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
        published.map(|_| ()).map_err(|trouble| (trouble, taken))
    }

    /// Publishes what could not be written down, or not be read.
    async fn publish_without_memory(&mut self, groups: &mut [Group]) {
        let about_us = state_bucket(&self.memory.uri(""));
        let is_said = groups.iter().any(|group| group.subject == about_us && !group.findings.is_empty());
        let mut waiting: Vec<&mut Group> = groups
            .iter_mut()
            // A case that is held was written, or another run is telling it.
            .filter(|group| group.held.is_none() && group.trouble.is_some() && !group.findings.is_empty())
            .collect();
        let Some(trouble) = waiting.first().and_then(|group| group.trouble.clone()) else { return };
        let mut blind = self.group(about_us, vec![self.blind(&trouble)], &Suppressions::default());
        if !is_said {
            waiting.push(&mut blind);
        }
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
            let outcome = match self.publish(&alert.repeated(), Duration::ZERO).await {
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
    /// What a budget grants its alert under: a run that dies before it has written the case has used up nothing,
    /// for the next finds the case as it was.
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
