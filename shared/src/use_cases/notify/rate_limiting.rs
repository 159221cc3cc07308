//! Holding back the mails that the hour's budgets no longer allow: they are written where people look for them.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::{AT_ONCE, Fate, Group, Mailed, Notifier, Outcome};
use crate::config::Budget;
use crate::finding::{Finding, Subject, stable_id};
use crate::ports::{NotificationSink, Runtime, StateStore};
use crate::rules::health::mails_rate_limited;
use crate::severity::Severity;
use crate::state::budgets::{Hour, budget_of};
use crate::state::format::FORMAT;

/// So many findings are written beside an alert that is held back.
const MAX_HELD_BACK_FINDINGS: usize = 200;

impl<S: StateStore, A: NotificationSink, P: Runtime> Notifier<'_, S, A, P> {
    /// Decides which alerts the hour's budgets still allow, the worst first. The others are put where people
    /// look for them; what has to be told of that is the answer.
    pub(super) async fn spend(&mut self, groups: &mut [Group]) -> Vec<Finding> {
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
            mails_rate_limited(budget, severity, alerts, &uri, now, self.account)
        };
        of_budget.into_iter().map(finding).collect()
    }

    /// Puts an alert where people look for it; nothing where that does not work.
    async fn hold_back(&self, group: &Group, budget: Budget, hour: &Hour) -> Option<Mailed> {
        let alert = self.draft(group, |case, untold| self.alert(case, untold, group))??;
        let findings = &group.findings[..group.findings.len().min(MAX_HELD_BACK_FINDINGS)];
        let left_out = group.findings.len() - findings.len();
        let content = json!({
            "format": FORMAT, "budget": budget.name(), "alert": alert, "findings": findings,
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
}
