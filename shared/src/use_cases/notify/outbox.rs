//! The outbox: publishing what was written before, and recording what became of it.
//!
//! Whatever notifies keeps an object in the state bucket that holds its outbox entries ([`HoldsOutbox`]): the case of a
//! subject, the state of an audit, the state of a backfill. An entry goes through four steps:
//! 1. It is added with a lease of this run, in the same write as the facts that it reports ([`StateClient::update`], which
//!    also writes its marker).
//! 2. A run that finds an entry whose lease has expired takes it over ([`HoldsOutbox::take_over`]).
//! 3. The lease holder publishes it ([`Outbox::publish`]).
//! 4. The outcome is recorded ([`Outbox::record`]): notified (the entry leaves the outbox), certainly not published (the
//!    lease is released), or unknown (the entry stays as it is, and the next run marks it as "may repeat").

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::result::{NotificationOutcome, NotificationResult};
use crate::notification::Notification;
use crate::ports::{
    AwsError, AwsErrorKind, NotificationSink, PublishEffect, PublishError, Runtime, StateStore,
};
use crate::state::object::HoldsOutbox;
use crate::state::store::{Loaded, StateClient};

/// No entry is published with less time left, so that its outcome can be recorded.
const TIME_TO_RECORD: Duration = Duration::from_secs(3);

/// The outbox of one run.
#[derive(Clone, Copy)]
pub struct Outbox<'r, 'a, S, N, R> {
    /// Where the entries are.
    pub state: &'r StateClient<'a, S, R>,
    /// Where they are published.
    pub sink: &'r N,
}

/// Outcomes of publishing that are not recorded in the holder of the entries yet. An unknown outcome is not recorded.
#[derive(Debug, Default)]
pub struct Unrecorded {
    /// When each was published, by alert id.
    notified: BTreeMap<String, DateTime<Utc>>,
    /// The alert ids of those that were certainly not published.
    not_published: BTreeSet<String>,
}

impl Unrecorded {
    /// Whether there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.notified.is_empty() && self.not_published.is_empty()
    }
}

impl<S: StateStore, N: NotificationSink, R: Runtime> Outbox<'_, '_, S, N, R> {
    /// Publishes the notification of an entry that this run has leased.
    pub async fn publish(
        &self,
        notification: Notification,
        unrecorded: &mut Unrecorded,
    ) -> NotificationResult {
        let outcome = match self.send(&notification, TIME_TO_RECORD).await {
            Ok(()) => {
                unrecorded.notified.insert(notification.id, self.state.runtime.now());
                NotificationOutcome::Published
            }
            Err(PublishError { error, effect }) => {
                if effect == PublishEffect::None {
                    unrecorded.not_published.insert(notification.id);
                }
                NotificationOutcome::Failed(error)
            }
        };
        NotificationResult { subject: notification.subject, outcome }
    }

    /// Publishes a notification, unless less time than this is left for it. It is not tried again here: after an unknown
    /// outcome it may have been published.
    ///
    /// # Errors
    /// [`PublishError`], which says whether it may have been published all the same.
    pub async fn send(
        &self,
        notification: &Notification,
        min_time_left: Duration,
    ) -> Result<(), PublishError> {
        let ready = async {
            self.sink.ready().await;
            Ok(())
        };
        let ready = self.state.in_time("waiting for", "the topic", ready).await;
        if ready.is_err() || self.state.time_left() < min_time_left {
            let error = AwsError {
                kind: AwsErrorKind::DeadlineExceeded,
                call: format!("publishing alert {}", notification.id),
                answer: "no time is left in this run".to_owned(),
            };
            return Err(PublishError { error, effect: PublishEffect::None });
        }
        let mut effect = PublishEffect::Unknown;
        let publish = async {
            self.sink.publish(notification).await.map_err(|failed| {
                effect = failed.effect;
                failed.error
            })
        };
        let published = self.state.in_time("publishing alert", &notification.id, publish).await;
        published.map(drop).map_err(|error| PublishError { error, effect })
    }

    /// Records outcomes in the holder of the entries, with another change in the same write.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket. What was published and is not recorded is published again.
    pub async fn record<O: HoldsOutbox, T>(
        &self,
        key: &str,
        new: &O,
        loaded: Option<Loaded<O>>,
        unrecorded: &Unrecorded,
        mut also: impl FnMut(&mut O, bool) -> T,
    ) -> Result<(T, Loaded<O>), AwsError> {
        let token = &self.state.lease.token;
        let record = |holder: &mut O, was_unreadable| {
            for (alert_id, at) in &unrecorded.notified {
                holder.record_notified(alert_id, *at);
            }
            for alert_id in &unrecorded.not_published {
                holder.release(alert_id, token);
            }
            also(holder, was_unreadable)
        };
        self.state.update(key, new, loaded, record).await
    }
}
