//! Notifying people: nothing lost, nothing said twice.
//!
//! What was found about one subject goes into its case ([`crate::state::case`]), and with it, in the same write, the
//! mails that have to tell it, as they will be sent, claimed by this run. Only then they are published, and
//! then noted as told. A run that ends in between leaves a claim that ends after it; the queue hands the same
//! log files to another run, which takes the mail over and publishes it as it stands. All findings are in
//! their cases before anything is published, and each mail belongs to one case.
//!
//! Where the state bucket does not answer, the queue is let try again first; then people are told without
//! memory, for nobody may silence iamwatch by taking its memory away.

mod publishing;
mod rate_limiting;
pub(super) mod suppression_file;

pub(super) use publishing::TIME_TO_NOTE;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use futures_util::stream::{self, StreamExt};

use super::notify::suppression_file::SuppressionFile;
use crate::config::Config;
use crate::finding::suppression::Suppressions;
use crate::finding::{Finding, Subject, stable_id};
use crate::mail;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::health::{could_not_look, state_bucket, state_unreadable};
use crate::severity::Severity;
use crate::state::case;
use crate::state::case::{Case, Seen};
use crate::state::store::{Loaded, Object, StateClient, TIME_TO_ANSWER, random_id};

/// So many cases are read or written at the same time.
const AT_ONCE: usize = 16;

/// What is kept of a run's time for publishing; where there is little, a third of it.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(8);

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
    Failed(AwsError),
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
pub(super) struct Notifier<'a, S, A, P> {
    config: &'a Config,
    alerts: &'a A,
    pub memory: StateClient<'a, S, P>,
    account: Option<&'a str>,
    persistence: Persistence,
    /// When it began to tell.
    now: DateTime<Utc>,
    /// What became of each alert, in order.
    pub mails: Vec<Mailed>,
    /// The findings that are not told yet, by id, and why.
    pub untold: BTreeMap<String, AwsError>,
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
    held: Option<Loaded<Case>>,
    /// Why it is not told yet.
    trouble: Option<AwsError>,
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
    let alerts = mail::by_subject(findings)
        .into_iter()
        .filter_map(|findings| mail::incident::notification(findings, &[], String::new(), config));
    alerts.map(|alert| Mailed { subject: alert.subject, outcome: Outcome::Withheld }).collect()
}

impl<'a, S: StateStore, A: NotificationSink, P: Runtime> Notifier<'a, S, A, P> {
    /// `time_to_tell` is how much of the run's time is left for telling once all is read.
    pub fn new<L>(
        config: &'a Config,
        outside: &'a Ports<'a, L, S, A, P>,
        persistence: Persistence,
        time_to_tell: Duration,
    ) -> Self {
        Notifier {
            config,
            alerts: outside.alerts,
            memory: StateClient::new(outside.state, outside.runtime, config, time_to_tell),
            account: outside.account,
            persistence,
            now: outside.runtime.now(),
            mails: Vec::new(),
            untold: BTreeMap::new(),
            quiet: 0,
            accepted: 0,
        }
    }

    /// What is accepted, as far as it can be known.
    pub async fn load_accepted(&self) -> Result<SuppressionFile, AwsError> {
        SuppressionFile::load(&self.memory, self.account).await
    }

    /// Tells what is at or above `MAIL_MIN_SEVERITY`, and notes it.
    ///
    /// What iamwatch says about a source of log files, or about its own bucket, is not found again by a run
    /// that is handed the same log files. So each looks whether something about its `sources` is to be told.
    pub async fn tell(
        &mut self,
        mut findings: Vec<Finding>,
        sources: BTreeSet<String>,
        accepted: Result<&SuppressionFile, &AwsError>,
    ) {
        findings.retain(|finding| is_mailed(finding, self.config));
        self.now = self.memory.runtime.now();
        self.memory.reserve(TIME_TO_ANSWER + TIME_TO_PUBLISH.min(self.memory.runtime.time_left() / 3));
        match accepted {
            Ok(accepted) => {
                findings.extend(accepted.findings.iter().cloned());
                self.tell_all(findings, sources, &accepted.suppressions).await;
                let is_untold = |id: &str| self.untold.contains_key(id);
                accepted.note(&self.memory, is_untold).await;
            }
            Err(trouble) if self.persistence == Persistence::Last => {
                findings.push(self.blind(trouble));
                self.tell_all(findings, sources, &Suppressions::default()).await;
            }
            Err(trouble) => {
                let untold = findings.into_iter().map(|finding| (finding.id, trouble.clone()));
                self.untold.extend(untold);
            }
        }
    }

    /// What has to be told where the state bucket fails.
    fn blind(&self, trouble: &AwsError) -> Finding {
        let uri = self.memory.uri("");
        let what = mail::phrases::state_unavailable(&trouble.answer);
        let mut finding = could_not_look(&uri, self.account, Severity::High, self.now, what, None);
        finding.subject = state_bucket(&uri);
        finding
    }

    /// What went wrong with the state bucket.
    pub fn state_troubles(&self) -> Vec<AwsError> {
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
            ours[0].alert_id = random_id(self.memory.runtime);
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
        mail::by_subject(findings)
            .into_iter()
            .filter_map(|findings| {
                let subject = findings.first()?.subject.clone();
                Some(self.group(subject, findings, suppressions))
            })
            .collect()
    }

    fn group(&self, subject: Subject, findings: Vec<Finding>, suppressions: &Suppressions) -> Group {
        let now = self.now;
        let hidden = findings.iter().filter(|finding| suppressions.matching(finding, now).is_some());
        Group {
            key: case::key(&subject),
            subject,
            accepted: hidden.map(|finding| finding.id.clone()).collect(),
            findings,
            alert_id: random_id(self.memory.runtime),
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

    /// What can be said of the mail that a group needs, as far as its case is known.
    fn draft<T>(&self, group: &Group, say: impl FnOnce(&Case, &[Seen<'_>]) -> T) -> Option<T> {
        let mut case = group.held.as_ref()?.object.clone();
        let now = self.now;
        let seen = group.seen();
        case.learn(&seen, now, self.config);
        let untold = case.untold(&seen, now, self.config);
        (!untold.is_empty()).then(|| say(&case, &untold))
    }

    fn alert(&self, case: &Case, untold: &[Seen<'_>], group: &Group) -> Option<Notification> {
        let unsaid = case.unsaid(untold, self.now);
        let findings = untold.iter().map(|seen| seen.finding.clone()).collect();
        mail::incident::notification(findings, &unsaid, group.alert_id.clone(), self.config)
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
    fn change(&self, case: &mut Case, was_unreadable: bool, group: &Group) -> Result<usize, AwsError> {
        let (now, claim) = (self.now, &self.memory.claim);
        let seen = group.seen();
        case.learn(&seen, now, self.config);
        case.take_over(claim, now);
        let untold = case.untold(&seen, now, self.config);
        let mailed = match self.alert(case, &untold, group) {
            None => Ok(0),
            Some(_) if case.is_full() => {
                let answer = "too many mails about the same subject are under way".to_owned();
                Err(AwsError {
                    kind: AwsErrorKind::DeadlineExceeded,
                    call: format!("telling {}", group.key),
                    answer,
                })
            }
            Some(alert) if group.fate == Fate::HoldBack => {
                case.mark(&alert, &untold, now);
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
pub(super) fn is_mailed(finding: &Finding, config: &Config) -> bool {
    finding.severity >= config.mail_min_severity || finding.rule.family() == "watch"
}
