//! The markers of outbox entries: written before the entries, deleted after they were recorded as notified.

use std::time::Duration;

use super::StateClient;
use crate::ports::{AwsError, AwsErrorKind, Precondition, Runtime, StateStore, WriteOutcome};
use crate::state::outbox::{OutboxEntry, alert_ids, marker, marker_key};

/// A deletion that takes longer is given up, for notifications may wait behind it.
const MAX_DELETE_TIME: Duration = Duration::from_secs(1);

impl<S: StateStore, R: Runtime> StateClient<'_, S, R> {
    /// Writes the markers of the entries that a change of their holder leases to this run. `false` if another write of one
    /// is in progress.
    pub(super) async fn write_markers(
        &self,
        holder: &str,
        before: &[&OutboxEntry],
        after: &[&OutboxEntry],
    ) -> Result<bool, AwsError> {
        let is_leased = |entry: &&&OutboxEntry| entry.is_leased_by(&self.lease.token);
        let marked = alert_ids(before.iter().filter(is_leased).copied());
        for alert_id in alert_ids(after.iter().filter(is_leased).copied()).difference(&marked) {
            let key = marker_key(alert_id);
            // It may exist: an earlier attempt or an earlier run wrote the same.
            match self.write(&key, &marker(holder), Precondition::Absent).await {
                Ok(WriteOutcome::Written(_) | WriteOutcome::Conflict) => {}
                Ok(WriteOutcome::InProgress) => return Ok(false),
                // Only the answer may be lost.
                Err(error) if error.kind == AwsErrorKind::Transient => {
                    if self.in_time("reading", &key, self.store.read(&key)).await?.is_none() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Deletes the markers of entries that were recorded as notified. One that stays is harmless: see [`marker_key`].
    pub(super) async fn delete_markers(&self, alert_ids: impl Iterator<Item = &String>) {
        for alert_id in alert_ids {
            if !self.keeps_markers.get() {
                let key = marker_key(alert_id);
                let time = self.time_left().min(MAX_DELETE_TIME);
                let deleted = self.within(time, "deleting", &key, self.store.delete(&key)).await;
                self.keeps_markers.set(deleted.is_err());
            }
        }
    }
}
