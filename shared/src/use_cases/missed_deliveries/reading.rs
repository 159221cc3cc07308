//! Reading missed log files.

use std::collections::BTreeSet;

use super::run::{MissedRun, SpanFindings};
use crate::formats::events::delivery::LogFileObject;
use crate::ports::{AwsError, AwsErrorKind, LogStore, NotificationSink, Runtime, StateStore};
use crate::use_cases::log_file_reader::out_of_time;
use crate::use_cases::sign_ins::{Trigger, Work, process};

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'_, L, S, A, P> {
    /// Reads log files as a delivery.
    ///
    /// # Errors
    /// [`AwsError`] if there is no time left. Other errors are noted in `found`.
    pub(super) async fn read(
        &mut self,
        objects: &[LogFileObject],
        found: &mut SpanFindings,
    ) -> Result<(), AwsError> {
        if self.ports.runtime.time_left() <= self.time_to_notify {
            return Err(out_of_time(&objects.first().map(LogFileObject::uri).unwrap_or_default()));
        }
        let (trigger, persistence, late) = (Trigger::MissedDeliveries, self.persistence, BTreeSet::new());
        let work = Work { objects, trigger, persistence, late: &late };
        let delivered = Box::pin(process(&work, Vec::new(), self.config, self.ports)).await;
        for error in delivered.unfetched.values() {
            match error.kind {
                AwsErrorKind::Denied => {
                    found.missed.unfetched += 1;
                    found.refused.get_or_insert_with(|| error.clone());
                }
                // One log file that AWS never returns must not block the comparison of all others.
                AwsErrorKind::Transient if self.is_late => found.missed.unfetched += 1,
                _ => drop(found.to_do.get_or_insert_with(|| error.clone())),
            }
        }
        if let Some(error) = delivered.unnotified.values().next() {
            found.to_do.get_or_insert_with(|| error.clone());
        }
        let out_of_time = delivered.failed().find(|(_, error)| error.kind == AwsErrorKind::DeadlineExceeded);
        let out_of_time = out_of_time.map(|(_, error)| error.clone());
        self.result.add(delivered);
        out_of_time.map_or(Ok(()), Err)
    }
}
