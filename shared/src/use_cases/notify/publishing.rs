//! Publishing what this run has claimed, noting it, and telling people without memory.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Group, Mailed, Notifier, Outcome};
use crate::finding::suppression::Suppressions;
use crate::mail;
use crate::notification::Notification;
use crate::ports::{AwsError, AwsErrorKind, NotificationSink, Runtime, StateStore, Taken};
use crate::rules::health::state_bucket;
use crate::state::case::Case;

/// Without memory, so many alerts about one subject each are published in a run; all others share one more.
const MAX_WITHOUT_MEMORY: usize = 3;

/// No mail is begun with less than this, so that there is time to note what became of it.
pub(crate) const TIME_TO_NOTE: Duration = Duration::from_secs(3);

impl<S: StateStore, A: NotificationSink, P: Runtime> Notifier<'_, S, A, P> {
    /// Publishes what this run has claimed, the worst first, and notes it.
    pub(super) async fn publish_all(&mut self, groups: &mut [Group]) {
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
    pub(super) async fn note(&self, group: &mut Group) {
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
            group.trouble = Some(AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer });
        }
    }

    /// Publishes an alert unless there is less time than that for it.
    pub(crate) async fn publish(
        &self,
        alert: &Notification,
        least: Duration,
    ) -> Result<(), (AwsError, Taken)> {
        let call = format!("publishing alert {}", alert.id);
        let ready = async {
            self.alerts.ready().await;
            Ok(())
        };
        let ready = self.memory.in_time("waiting for", "the topic", ready).await;
        if ready.is_err() || self.memory.time_left() < least {
            let answer = "no time is left in this run".to_owned();
            return Err((AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }, Taken::No));
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
    pub(super) async fn publish_without_memory(&mut self, groups: &mut [Group]) {
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
            let Some(alert) =
                mail::incident::notification(told.collect(), &[], first.alert_id.clone(), self.config)
            else {
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
