//! What an object of the state bucket is, and what those of them can do that hold outbox entries.

use chrono::{DateTime, Utc};

use super::lease::Lease;
use super::outbox::OutboxEntry;
use crate::notification::Notification;

/// An object of the state bucket.
pub trait StateObject: Clone + PartialEq {
    /// Parses an object that must be about the same as `new`.
    ///
    /// # Errors
    /// Why it is not.
    fn read(content: &[u8], new: &Self) -> Result<Self, String>;

    /// The object's content.
    ///
    /// # Errors
    /// Never, unless a value cannot be written as JSON.
    fn content(&self) -> Result<Vec<u8>, serde_json::Error>;

    /// The outbox entries whose notifications have to be published. Each has a marker before it is written.
    fn outbox(&self) -> Vec<&OutboxEntry> {
        Vec::new()
    }
}

/// An object of the state bucket with outbox entries.
pub trait HoldsOutbox: StateObject {
    /// The entries of [`StateObject::outbox`], to be changed.
    fn outbox_mut(&mut self) -> Vec<&mut OutboxEntry>;

    /// Records that the notification of this id was published at that time: its entry leaves the outbox.
    fn record_notified(&mut self, alert_id: &str, at: DateTime<Utc>);

    /// Takes over the entries whose lease has expired.
    fn take_over(&mut self, lease: &Lease, now: DateTime<Utc>) {
        self.outbox_mut().into_iter().for_each(|entry| entry.take_over(lease, now));
    }

    /// The notifications that the holder of this token has to publish.
    fn leased_by(&self, token: &str) -> Vec<Notification> {
        let entries = self.outbox().into_iter();
        entries.filter(|entry| entry.is_leased_by(token)).map(OutboxEntry::notification).collect()
    }

    /// Releases an entry, if it is leased by this token.
    fn release(&mut self, alert_id: &str, token: &str) {
        let entries = self.outbox_mut().into_iter();
        entries
            .filter(|entry| entry.alert_id() == alert_id && entry.is_leased_by(token))
            .for_each(OutboxEntry::release);
    }
}
