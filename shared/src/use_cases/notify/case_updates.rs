//! Writing findings into the cases of their subjects, and with them the outbox entries of their notifications.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::outbox::Unrecorded;
use crate::finding::suppression::Suppressions;
use crate::finding::{Finding, Subject, stable_id};
use crate::mail;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::state::case::{self, Case, CaseFinding};
use crate::state::object::HoldsOutbox;
use crate::state::store::{Loaded, StateClient, random_id};

/// How many cases are read or written at the same time.
pub(super) const AT_ONCE: usize = 16;

/// The findings about one subject, on their way into its case.
pub(super) struct CaseUpdate {
    pub subject: Subject,
    /// The key of the case.
    pub key: String,
    pub findings: Vec<Finding>,
    /// The ids of the findings that a suppression matches.
    pub suppressed: BTreeSet<String>,
    /// The id of the notification of these findings, if they need one.
    pub alert_id: String,
    /// Whether that notification is rate-limited: then it is not published, and has no outbox entry.
    pub is_rate_limited: bool,
    /// The case as it was last read or written.
    pub loaded: Option<Loaded<Case>>,
    /// Why the findings are not notified yet.
    pub error: Option<AwsError>,
    /// How many of the findings the notification reports.
    pub reported: usize,
    /// Outcomes of publishing that are not recorded in the case yet.
    pub unrecorded: Unrecorded,
}

/// The cases as one run changes them.
#[derive(Clone, Copy)]
pub(super) struct Cases<'r, 'a, S, R> {
    pub state: &'r StateClient<'a, S, R>,
    /// When the run began to notify.
    pub now: DateTime<Utc>,
}

impl<S: StateStore, R: Runtime> Cases<'_, '_, S, R> {
    /// One update for each subject of these findings.
    pub fn by_subject(&self, findings: Vec<Finding>, suppressions: &Suppressions) -> Vec<CaseUpdate> {
        let by_subject = mail::by_subject(findings).into_iter();
        by_subject
            .filter_map(|findings| {
                let subject = findings.first()?.subject.clone();
                Some(self.update_of(subject, findings, suppressions))
            })
            .collect()
    }

    /// Updates without findings, of those of these sources of log files that no update is about yet.
    pub fn of_sources(&self, sources: BTreeSet<String>, updates: &[CaseUpdate]) -> Vec<CaseUpdate> {
        let sources = sources.into_iter().map(Subject::Source);
        let new = sources.filter(|source| updates.iter().all(|update| update.subject != *source));
        new.map(|source| self.update_of(source, Vec::new(), &Suppressions::default())).collect()
    }

    /// The update of one subject.
    pub fn update_of(
        &self,
        subject: Subject,
        findings: Vec<Finding>,
        suppressions: &Suppressions,
    ) -> CaseUpdate {
        let suppressed = findings.iter().filter(|finding| suppressions.matching(finding, self.now).is_some());
        CaseUpdate {
            key: case::key(&subject),
            subject,
            suppressed: suppressed.map(|finding| finding.id.clone()).collect(),
            findings,
            alert_id: random_id(self.state.runtime),
            is_rate_limited: false,
            loaded: None,
            error: None,
            reported: 0,
            unrecorded: Unrecorded::default(),
        }
    }

    /// Loads the cases.
    pub async fn load(&self, updates: &mut [CaseUpdate]) {
        let load = updates.iter_mut().map(|update| async move {
            match self.state.open(&update.key, &Case::new(&update.subject)).await {
                Ok(loaded) => update.loaded = Some(loaded),
                Err(error) => update.error = Some(error),
            }
        });
        stream::iter(load).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Writes the findings into their cases, and with them the outbox entries of the notifications that they need.
    pub async fn write(&self, updates: &mut [CaseUpdate]) {
        let pending = updates.iter_mut().filter(|update| update.error.is_none());
        let write = pending.map(|update| async move {
            let (new, loaded) = (Case::new(&update.subject), update.loaded.take());
            let change = |case: &mut Case, was_unreadable| self.change(case, was_unreadable, update);
            let written = self.state.update(&update.key, &new, loaded, change).await;
            match written {
                Ok((Ok(reported), loaded)) => (update.reported, update.loaded) = (reported, Some(loaded)),
                Ok((Err(error), loaded)) => (update.error, update.loaded) = (Some(error), Some(loaded)),
                Err(error) => update.error = Some(error),
            }
        });
        stream::iter(write).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Merges the findings into the case. Returns how many of them a notification reports.
    ///
    /// If the answer to an earlier write was lost, the case holds the findings already: they need no notification then, and
    /// their outbox entry is known by this run's lease.
    fn change(&self, case: &mut Case, was_unreadable: bool, update: &CaseUpdate) -> Result<usize, AwsError> {
        let (now, config, lease) = (self.now, self.state.config, &self.state.lease);
        let findings = update.case_findings();
        case.merge(&findings, now, config);
        case.take_over(lease, now);
        let to_notify = case.to_notify(&findings, now, config);
        let reported = match self.notification(case, &to_notify, update) {
            None => Ok(0),
            Some(_) if case.is_full() => Err(AwsError {
                kind: AwsErrorKind::DeadlineExceeded,
                call: format!("notifying {}", update.key),
                answer: "too many mails about the same subject are in the outbox".to_owned(),
            }),
            Some(notification) if update.is_rate_limited => {
                case.mark(&notification, &to_notify, now);
                Ok(to_notify.len())
            }
            Some(notification) => {
                case.add_entry(notification, was_unreadable, &to_notify, lease, now);
                Ok(to_notify.len())
            }
        };
        case.forget(now, config);
        reported
    }

    /// Looks at the notification that the findings need, before their case is written. `None` if they need none, or the
    /// case is not known.
    pub fn preview<T>(
        &self,
        update: &CaseUpdate,
        view: impl FnOnce(&Case, &[CaseFinding<'_>]) -> T,
    ) -> Option<T> {
        let mut case = update.loaded.as_ref()?.object.clone();
        let findings = update.case_findings();
        case.merge(&findings, self.now, self.state.config);
        let to_notify = case.to_notify(&findings, self.now, self.state.config);
        (!to_notify.is_empty()).then(|| view(&case, &to_notify))
    }

    /// The notification of these findings; `None` if there are none.
    pub fn notification(
        &self,
        case: &Case,
        to_notify: &[CaseFinding<'_>],
        update: &CaseUpdate,
    ) -> Option<Notification> {
        let deduplicated = case.deduplicated(to_notify, self.now);
        let findings = to_notify.iter().map(|of_case| of_case.finding.clone()).collect();
        mail::incident::notification(findings, &deduplicated, update.alert_id.clone(), self.state.config)
    }
}

impl CaseUpdate {
    /// The name under which a budget grants its notification. It depends on the case's tag: a run that dies before it has
    /// written the case uses up nothing, for the next run has the same name.
    pub fn grant_id(&self) -> String {
        let tag = self.loaded.as_ref().and_then(|loaded| loaded.tag.as_deref());
        stable_id(&[&self.key, tag.unwrap_or_default()])
    }

    /// If the mail about the state bucket has no outbox entry, fails the updates that it reports: rate-limited notifications
    /// do not count as notified, and damaged cases are not replaced.
    pub fn fail_what_it_reports(&self, updates: &mut [CaseUpdate]) {
        let Some(error) = &self.error else { return };
        let was_unreadable =
            |update: &CaseUpdate| update.loaded.as_ref().is_some_and(|loaded| loaded.was_unreadable);
        for update in updates.iter_mut().filter(|update| update.is_rate_limited || was_unreadable(update)) {
            (update.error, update.loaded) = (Some(error.clone()), None);
        }
    }

    /// The notifications of the case that the holder of this token has to publish.
    pub fn leased_by(&self, token: &str) -> Vec<Notification> {
        self.loaded.as_ref().map_or_else(Vec::new, |loaded| loaded.object.leased_by(token))
    }

    /// The findings as the case takes them in.
    fn case_findings(&self) -> Vec<CaseFinding<'_>> {
        let suppressed = |finding: &Finding| self.suppressed.contains(&finding.id);
        let findings = self.findings.iter();
        findings.map(|finding| CaseFinding { finding, suppressed: suppressed(finding) }).collect()
    }
}
