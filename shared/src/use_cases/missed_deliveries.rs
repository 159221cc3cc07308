//! Missed deliveries: log files that were delivered, and have no receipt of being read.
//!
//! Every night the objects that were put into the bucket since the previous comparison, up to an hour ago, are compared
//! with the receipts ([`crate::state::receipts`]). Log files without a receipt are read as a delivery, and one mail says
//! how many there were. The receipts of log files that were read here say so: after a crash the comparison continues
//! behind them, and still counts them. Backfills that were started and that nobody finishes are reported too.

mod abandoned_backfills;
mod checkpoint;
mod comparing;
mod reading;
mod result;
mod run;
mod spans;

pub use result::MissedDeliveriesResult;

use super::notify::suppression_file::SuppressionFile;
use crate::config::Config;
use crate::formats::events::backfill::{MissedDeliveryRequest, MissedDeliveryScope};
use crate::ports::{AwsError, LogStore, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::health;

use checkpoint::Span;
use run::{ComparisonStop, MissedRun, SpanFindings};

/// Reads missed log files, and notifies people of their findings and of how many were missed.
///
/// `state_bucket` is the name of the bucket behind [`Ports::state`]: its receipts are listed.
pub async fn read_missed<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime>(
    request: &MissedDeliveryRequest,
    log_bucket: &str,
    state_bucket: &str,
    config: &Config,
    ports: &Ports<'_, L, S, A, P>,
) -> MissedDeliveriesResult {
    let mut run = MissedRun::new(request, (log_bucket, state_bucket), config, ports);
    let ended = Box::pin(run.all()).await;
    run.end(ended).await
}

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'_, L, S, A, P> {
    async fn all(&mut self) -> Result<(), AwsError> {
        let suppressions = self.notifier.load_suppressions().await?;
        let compared = match self.scope {
            MissedDeliveryScope::Everything => Box::pin(self.compare_log_files(&suppressions)).await,
            MissedDeliveryScope::Backfills => Ok(()),
        };
        // Findings of old backfills do not wait for log files that cannot be read.
        let finished = Box::pin(self.report_abandoned_backfills(&suppressions)).await;
        compared.and(finished)
    }

    /// Compares one span after another; an unfinished one comes first.
    async fn compare_log_files(&mut self, suppressions: &SuppressionFile) -> Result<(), AwsError> {
        while let Some(span) = self.next_span(suppressions).await? {
            match Box::pin(self.compare_span(span, suppressions)).await {
                Ok(()) => self.end_span(span).await?,
                Err(ComparisonStop::Unfinished(error)) => return Err(error),
                Err(ComparisonStop::CannotCompare(why)) => {
                    self.result.could_not_look = Some(why);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Compares a span, reads its missed log files, and notifies of how many there were.
    async fn compare_span(
        &mut self,
        span: Span,
        suppressions: &SuppressionFile,
    ) -> Result<(), ComparisonStop> {
        let mut found = SpanFindings::default();
        if let Err(stop) = self.compare_days(span, &mut found).await {
            return Err(self.report_stop(stop, suppressions).await);
        }
        self.result.delivered += found.missed.delivered;
        self.result.missed += found.missed.count();
        if let Some(error) = found.to_do.or(found.refused.filter(|_| !self.is_late)) {
            return Err(error.into());
        }
        self.result.unfetched += found.missed.unfetched;
        let (bucket, account) = (self.buckets.0, self.ports.account);
        let missed = health::missed_deliveries(bucket, account, (span.since, span.until), &found.missed);
        Ok(self.notify(missed.into_iter().collect(), suppressions).await?)
    }

    /// Compares the log files of a span, one day's folders after another, and reads those without a receipt.
    async fn compare_days(&mut self, span: Span, found: &mut SpanFindings) -> Result<(), ComparisonStop> {
        for (day, ranges) in self.ranges_by_day(span).await? {
            self.compare_day(day, &ranges, span, found).await?;
        }
        Ok(())
    }
}
