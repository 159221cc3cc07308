//! Publishing the outbox entries of cases, and publishing without state.

use std::cmp::Reverse;
use std::time::Duration;

use super::case_updates::{CaseUpdate, Cases};
use super::outbox::Outbox;
use super::result::{NotificationOutcome, NotificationResult};
use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::mail;
use crate::ports::{AwsError, AwsErrorKind, NotificationSink, PublishError, Runtime, StateStore};
use crate::rules::health::state_bucket;
use crate::state::case::Case;
use crate::state::object::StateObject;

/// Without state, so many subjects have a notification of their own in a run; all others share one more.
const MAX_WITHOUT_STATE: usize = 3;

impl<S: StateStore, N: NotificationSink, R: Runtime> Outbox<'_, '_, S, N, R> {
    /// Publishes the entries that this run has leased, the worst first, and records their outcomes.
    pub(super) async fn publish_cases(&self, updates: &mut [CaseUpdate]) -> Vec<NotificationResult> {
        let token = &self.state.lease.token;
        let severity =
            |update: &CaseUpdate| update.leased_by(token).iter().map(|leased| leased.severity).max();
        let mut order: Vec<&mut CaseUpdate> = updates.iter_mut().collect();
        // A stable sort: among equals the order of the findings remains.
        order.sort_by_cached_key(|update| Reverse(severity(update)));
        let mut results = Vec::new();
        for update in order {
            for notification in update.leased_by(token) {
                let result = self.publish(notification, &mut update.unrecorded).await;
                if let NotificationOutcome::Failed(error) = &result.outcome {
                    update.error = Some(error.clone());
                }
                results.push(result);
            }
            // A state bucket that does not answer must not use up the time of the other notifications.
            if !self.state.has_failed() {
                self.record_case(update).await;
            }
        }
        results
    }

    /// Records the outcomes of a case's notifications.
    pub(super) async fn record_case(&self, update: &mut CaseUpdate) {
        let unrecorded = std::mem::take(&mut update.unrecorded);
        if !unrecorded.is_empty() {
            let (new, loaded) = (Case::new(&update.subject), update.loaded.clone());
            match self.record(&update.key, &new, loaded, &unrecorded, |_, _| ()).await {
                Ok(((), loaded)) => update.loaded = Some(loaded),
                // It is published again: no other run can know that it was published.
                Err(error) => update.error = Some(error),
            }
        }
        // Whether another run's entry about the same subject will be notified is not known.
        let has_entries = update.loaded.as_ref().is_some_and(|loaded| !loaded.object.outbox().is_empty());
        if has_entries && update.error.is_none() {
            update.error = Some(AwsError {
                kind: AwsErrorKind::DeadlineExceeded,
                call: format!("notifying {}", update.key),
                answer: "another run is publishing its notification".to_owned(),
            });
        }
    }

    /// Publishes the findings whose cases could not be read or written, without deduplication. `state_failure` makes the
    /// finding about the state bucket itself.
    pub(super) async fn publish_without_state(
        &self,
        cases: &Cases<'_, '_, S, R>,
        updates: &mut [CaseUpdate],
        state_failure: impl FnOnce(&AwsError) -> Finding,
    ) -> Vec<NotificationResult> {
        let own_subject = state_bucket(&self.state.uri(""));
        let is_reported =
            updates.iter().any(|update| update.subject == own_subject && !update.findings.is_empty());
        // A loaded case was written, or another run notifies its findings.
        let is_left = |update: &&mut CaseUpdate| {
            update.loaded.is_none() && update.error.is_some() && !update.findings.is_empty()
        };
        let mut alone: Vec<&mut CaseUpdate> = updates.iter_mut().filter(is_left).collect();
        let Some(error) = alone.first().and_then(|update| update.error.clone()) else { return Vec::new() };
        let mut own = cases.update_of(own_subject, vec![state_failure(&error)], &Suppressions::default());
        if !is_reported {
            alone.push(&mut own);
        }
        let together = alone.split_off(alone.len().min(MAX_WITHOUT_STATE));
        let mut results = Vec::new();
        for group in alone.into_iter().map(|update| vec![update]).chain([together]) {
            results.extend(self.publish_group(group).await);
        }
        results
    }

    /// Publishes the findings of several subjects in one notification that is in no outbox.
    async fn publish_group(&self, mut group: Vec<&mut CaseUpdate>) -> Option<NotificationResult> {
        let alert_id = group.first()?.alert_id.clone();
        let findings = group.iter().flat_map(|update| {
            update.findings.iter().filter(|finding| !update.suppressed.contains(&finding.id)).cloned()
        });
        let Some(notification) =
            mail::incident::notification(findings.collect(), &[], alert_id, self.state.config)
        else {
            group.iter_mut().for_each(|update| update.error = None);
            return None;
        };
        let outcome = match self.send(&notification.repeated(), Duration::ZERO).await {
            Ok(()) => {
                for update in &mut group {
                    update.error = None;
                    update.reported = update.findings.len() - update.suppressed.len();
                }
                NotificationOutcome::Published
            }
            Err(PublishError { error, .. }) => NotificationOutcome::Failed(error),
        };
        Some(NotificationResult { subject: notification.subject, outcome })
    }
}
