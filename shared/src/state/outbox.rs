//! Outbox entries: notifications that are written before they are published, and who may publish them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::format::FORMAT;
use super::lease::Lease;
use crate::notification::Notification;

/// A notification that has to be published. Its holder drops it once it is published and recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxEntry {
    /// As it is published, whatever is found since.
    #[serde(rename = "alert")]
    notification: Notification,
    /// Whether an earlier run may have published it: the outcome is unknown.
    may_repeat: bool,
    /// Who may publish it; `None` if the next run may.
    #[serde(default, rename = "claim", skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
}

impl OutboxEntry {
    /// An entry that the holder of this lease is about to publish.
    pub fn leased(notification: Notification, may_repeat: bool, lease: &Lease) -> OutboxEntry {
        OutboxEntry { notification, may_repeat, lease: Some(lease.clone()) }
    }

    /// The id of its notification.
    pub fn alert_id(&self) -> &str {
        &self.notification.id
    }

    /// The notification as it has to be published: it says whether it may repeat one.
    pub fn notification(&self) -> Notification {
        if self.may_repeat { self.notification.repeated() } else { self.notification.clone() }
    }

    /// Takes the entry over, unless another run's lease is still live.
    pub fn take_over(&mut self, lease: &Lease, now: DateTime<Utc>) {
        match &self.lease {
            Some(held) if held.token == lease.token || held.is_live(now) => return,
            // Its run ended without recording an outcome.
            Some(_) => self.may_repeat = true,
            None => {}
        }
        self.lease = Some(lease.clone());
    }

    /// Whether the holder of this token has to publish it.
    pub fn is_leased_by(&self, token: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.token == token)
    }

    /// When the lease of another invocation ends; `None` if no lease is live.
    pub fn leased_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.lease.as_ref().filter(|lease| lease.is_live(now)).map(|lease| lease.until)
    }

    /// Leaves the entry to the next run: it was certainly not published.
    pub fn release(&mut self) {
        self.lease = None;
    }
}

/// The key of an entry's marker. Markers share one prefix, so that due entries are found without listing their holders.
///
/// A marker is written before its entry and deleted after the entry was recorded as notified. One whose deletion failed
/// is harmless: it names a holder without that entry.
pub fn marker_key(alert_id: &str) -> String {
    format!("outbox/{alert_id}.json")
}

/// The content of a marker: the key of the object that holds the entry.
pub fn marker(holder: &str) -> Vec<u8> {
    json!({"format": FORMAT, "object": holder}).to_string().into_bytes()
}

/// The alert ids of these entries.
pub fn alert_ids<'e>(entries: impl Iterator<Item = &'e OutboxEntry>) -> BTreeSet<String> {
    entries.map(|entry| entry.alert_id().to_owned()).collect()
}
