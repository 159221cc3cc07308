//! Notifying people of findings: each at least once, and no episode twice.
//!
//! The findings about one subject are merged into its case ([`crate::state::case`]). In the same write the case gets an
//! outbox entry with the notification as it will be sent, leased by this run. Only then is it published, and recorded as
//! notified. If a run dies in between, its lease expires; the queue delivers the same log files to another run, which takes
//! the entry over. All findings are in their cases before anything is published, and each notification belongs to one case.
//!
//! If the state bucket fails, the queue retries first. Then the findings are published without deduplication: nobody may
//! silence iamwatch by taking its state away.

mod case_updates;
mod notifier;
mod outbox;
mod publishing;
mod rate_limiting;
mod result;
mod selection;
mod state_findings;
pub(super) mod suppression_file;

pub(super) use notifier::Notifier;
pub(super) use outbox::Unrecorded;
pub(super) use result::OnStateFailure;
pub use result::{NotificationOutcome, NotificationResult};
pub(super) use selection::{is_notified, not_requested};

use std::collections::BTreeSet;
use std::slice::from_mut;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;

use case_updates::{CaseUpdate, Cases};
use state_findings::{state_failure, unreadable_state};
use suppression_file::SuppressionFile;

use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::ports::{AwsError, NotificationSink, Runtime, StateStore};
use crate::rules::health::state_bucket;
use crate::state::store::{TIME_TO_ANSWER, random_id};

/// The part of a run's time that is kept for publishing; a third of the time left, if that is less.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(8);

impl<S: StateStore, N: NotificationSink, R: Runtime> Notifier<'_, S, N, R> {
    /// Notifies findings at or above `MAIL_MIN_SEVERITY`, and those about the suppression file.
    ///
    /// `sources` are sources of log files whose cases are looked at even without a finding: what iamwatch reports about a
    /// source, or about its own bucket, is not found again by a run that gets the same log files.
    pub async fn notify(
        &mut self,
        mut findings: Vec<Finding>,
        sources: BTreeSet<String>,
        suppressions: Result<&SuppressionFile, &AwsError>,
    ) {
        findings.retain(|finding| is_notified(finding, self.config));
        let runtime = self.state_client.runtime;
        let now = runtime.now();
        self.state_client.reserve(TIME_TO_ANSWER + TIME_TO_PUBLISH.min(runtime.time_left() / 3));
        match suppressions {
            Ok(file) => {
                findings.extend(file.findings.iter().cloned());
                self.notify_all(findings, sources, &file.suppressions, now).await;
                file.record_seen(&self.state_client, |id| self.not_notified.contains_key(id)).await;
            }
            Err(error) if self.on_state_failure == OnStateFailure::PublishWithoutState => {
                findings.push(state_failure(&self.state_client.uri(""), self.account, error, now));
                self.notify_all(findings, sources, &Suppressions::default(), now).await;
            }
            Err(error) => {
                let not_notified = findings.into_iter().map(|finding| (finding.id, error.clone()));
                self.not_notified.extend(not_notified);
            }
        }
    }

    async fn notify_all(
        &mut self,
        findings: Vec<Finding>,
        sources: BTreeSet<String>,
        suppressions: &Suppressions,
        now: DateTime<Utc>,
    ) {
        let (account, outbox) = (self.account, self.outbox());
        let cases = Cases { state: &self.state_client, now };
        let uri = self.state_client.uri("");
        let mut updates = cases.by_subject(findings, suppressions);
        updates.extend(cases.of_sources(sources, &updates));
        let mut own = cases.update_of(state_bucket(&uri), Vec::new(), suppressions);

        join(cases.load(&mut updates), cases.load(from_mut(&mut own))).await;
        let (rate_limited, mut results) = cases.limit_rate(&mut updates, account).await;
        own.findings = rate_limited;
        own.findings.extend(unreadable_state(&cases, account));
        cases.write(from_mut(&mut own)).await;
        own.fail_what_it_reports(&mut updates);
        cases.write(&mut updates).await;
        let damaged = unreadable_state(&cases, account);
        if !damaged.is_empty() {
            own.findings.extend(damaged);
            own.alert_id = random_id(self.state_client.runtime);
            cases.write(from_mut(&mut own)).await;
        }

        self.state_client.reserve(TIME_TO_ANSWER);
        updates.push(own);
        results.extend(outbox.publish_cases(&mut updates).await);
        // A run out of time is no failure of the state bucket.
        if self.on_state_failure == OnStateFailure::PublishWithoutState && self.state_client.has_failed() {
            let failure = |error: &AwsError| state_failure(&uri, account, error, now);
            results.extend(outbox.publish_without_state(&cases, &mut updates, failure).await);
        }
        for update in &mut updates {
            outbox.record_case(update).await;
        }
        self.mails.extend(results);
        updates.into_iter().for_each(|update| self.count(update));
    }

    fn count(&mut self, update: CaseUpdate) {
        let (findings, suppressed) = (update.findings.len() as u64, update.suppressed.len() as u64);
        self.suppressed += suppressed;
        match update.error {
            Some(error) => {
                let ids = update.findings.into_iter().map(|finding| finding.id);
                self.not_notified.extend(ids.map(|id| (id, error.clone())));
            }
            None => self.deduplicated += findings.saturating_sub(update.reported as u64 + suppressed),
        }
    }
}
