//! Rate limiting: notifications beyond the hour's budgets are written to the state bucket, where people find them.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::case_updates::{AT_ONCE, CaseUpdate, Cases};
use super::result::{NotificationOutcome, NotificationResult};
use crate::config::Budget;
use crate::finding::{Finding, Subject, stable_id};
use crate::ports::{Runtime, StateStore};
use crate::rules::health::mails_rate_limited;
use crate::severity::Severity;
use crate::state::budgets::{GrantRequest, Hour};
use crate::state::case::{Case, CaseFinding};
use crate::state::format::FORMAT;

/// The most findings that are written beside a rate-limited notification.
const MAX_FINDINGS: usize = 200;

impl<S: StateStore, R: Runtime> Cases<'_, '_, S, R> {
    /// Marks the updates whose notifications the hour's budgets no longer allow, the worst first, and writes these
    /// notifications to `overflow/`. Returns the findings that report the rate limiting, and what became of the
    /// notifications.
    pub(super) async fn limit_rate(
        &self,
        updates: &mut [CaseUpdate],
        account: Option<&str>,
    ) -> (Vec<Finding>, Vec<NotificationResult>) {
        let mut requests: Vec<(usize, GrantRequest)> = Vec::new();
        for (index, update) in updates.iter().enumerate() {
            // The mail that reports rate limiting is not rate-limited itself.
            if !matches!(update.subject, Subject::Source(_)) {
                let request = |_: &Case, to_notify: &[CaseFinding<'_>]| {
                    GrantRequest::of(update.grant_id(), &update.subject, to_notify)
                };
                requests.extend(self.preview(update, request).map(|request| (index, request)));
            }
        }
        if requests.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let (indices, requests): (Vec<usize>, Vec<GrantRequest>) = requests.into_iter().unzip();
        let hour = Hour::of(self.now);
        let grant = |hour: &mut Hour, _| hour.grant(&requests, self.state.config);
        // A budget that cannot be read limits nothing.
        let Ok((granted, _)) = self.state.update(&hour.key(), &hour, None, grant).await else {
            return (Vec::new(), Vec::new());
        };
        let limited = indices.into_iter().zip(&requests).zip(granted).filter(|(_, granted)| !granted);
        let overflow = limited.map(|((index, request), _)| {
            let (update, hour) = (&updates[index], &hour);
            async move { Some((index, request, self.write_overflow(update, request.budget, hour).await?)) }
        });
        let overflow = stream::iter(overflow).buffered(AT_ONCE).filter_map(std::future::ready);
        let overflow: Vec<(usize, &GrantRequest, NotificationResult)> = Box::pin(overflow).collect().await;
        let mut results = Vec::new();
        let mut by_budget: BTreeMap<Budget, (Severity, u64)> = BTreeMap::new();
        for (index, request, result) in overflow {
            let (severity, count) = by_budget.entry(request.budget).or_insert((Severity::Low, 0));
            // What anyone can cause without credentials wakes nobody.
            if request.budget != Budget::Unauthenticated {
                *severity = request.severity.max(*severity);
            }
            *count += 1;
            updates[index].is_rate_limited = true;
            results.push(result);
        }
        let finding = |(budget, (severity, count))| {
            let uri = self.state.uri(&hour.overflow(budget));
            mails_rate_limited(budget, severity, count, &uri, self.now, account)
        };
        (by_budget.into_iter().map(finding).collect(), results)
    }

    /// Writes a notification to `overflow/`; `None` if that fails.
    async fn write_overflow(
        &self,
        update: &CaseUpdate,
        budget: Budget,
        hour: &Hour,
    ) -> Option<NotificationResult> {
        let notification =
            self.preview(update, |case, to_notify| self.notification(case, to_notify, update))??;
        let findings = &update.findings[..update.findings.len().min(MAX_FINDINGS)];
        let left_out = update.findings.len() - findings.len();
        let content = json!({
            "format": FORMAT, "budget": budget.name(), "alert": notification, "findings": findings,
            "findings_left_out": left_out,
        });
        // A run that dies after this is followed by one that writes the same under the same key.
        let mut ids = vec![update.grant_id()];
        ids.extend(update.findings.iter().map(|finding| finding.id.clone()));
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let key = format!("{}{}.json", hour.overflow(budget), stable_id(&ids));
        self.state.create(&key, content.to_string().as_bytes()).await.ok()?;
        let outcome = NotificationOutcome::RateLimited;
        Some(NotificationResult { subject: notification.subject, outcome })
    }
}
