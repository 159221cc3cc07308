//! Which span to compare next, and the findings about spans that cannot be compared.

use super::checkpoint::{ComparisonCheckpoint, KEY, NextSpan, Span};
use super::run::MissedRun;
use crate::finding::Finding;
use crate::mail::phrases;
use crate::ports::{AwsError, LogStore, NotificationSink, Runtime, StateStore};
use crate::rules::health::{could_not_look, state_bucket};
use crate::severity::Severity;
use crate::use_cases::notify::suppression_file::SuppressionFile;

impl<L: LogStore, S: StateStore, A: NotificationSink, P: Runtime> MissedRun<'_, L, S, A, P> {
    /// The span to compare next, which is noted in the checkpoint; `None` if there is none.
    pub(super) async fn next_span(
        &mut self,
        suppressions: &SuppressionFile,
    ) -> Result<Option<Span>, AwsError> {
        let (bucket, requested_at) = (self.buckets.0, self.requested_at);
        let new = ComparisonCheckpoint::new(bucket);
        let loaded = self.notifier.state_client.open(KEY, &new).await?;
        let now = self.notifier.state_client.runtime.now();
        let ahead = loaded.object.is_ahead(now).then(|| self.checkpoint_is_ahead());
        let next = loaded.object.clone().start(bucket, requested_at, now, loaded.was_unreadable);
        let skipped = match &next {
            NextSpan::Compare(_, skipped) => skipped.map(|skipped| self.span_skipped(skipped)),
            _ => None,
        };
        // A checkpoint that is reset, or a span that is skipped, is reported first.
        if loaded.was_unreadable || ahead.is_some() || skipped.is_some() {
            self.notify(ahead.into_iter().chain(skipped).collect(), suppressions).await?;
        }
        let change = |checkpoint: &mut ComparisonCheckpoint, was_lost| {
            checkpoint.start(bucket, requested_at, now, was_lost)
        };
        let (next, _) = self.notifier.state_client.update(KEY, &new, Some(loaded), change).await?;
        self.result.is_first |= next == NextSpan::First;
        Ok(match next {
            NextSpan::Compare(span, _) => Some(span),
            NextSpan::First | NextSpan::None => None,
        })
    }

    /// Notes that a span was compared and reported.
    pub(super) async fn end_span(&mut self, span: Span) -> Result<(), AwsError> {
        let (state_client, bucket) = (&self.notifier.state_client, self.buckets.0);
        let new = ComparisonCheckpoint::new(bucket);
        state_client.update(KEY, &new, None, |checkpoint, _| checkpoint.end(bucket, span)).await?;
        let since = self.result.compared.map_or(span.since, |(since, _)| since);
        self.result.compared = Some((since, span.until));
        Ok(())
    }

    /// The finding that a span is too old to be compared.
    fn span_skipped(&self, span: Span) -> Finding {
        let bucket = self.buckets.0;
        let what = phrases::deliveries_skipped(bucket, span.since, span.until);
        let now = self.notifier.state_client.runtime.now();
        could_not_look(bucket, self.ports.account, Severity::High, now, what, None)
    }

    /// The finding that the checkpoint has a time in the future.
    fn checkpoint_is_ahead(&self) -> Finding {
        let state_client = &self.notifier.state_client;
        let (uri, now) = (state_client.uri(KEY), state_client.runtime.now());
        let what = phrases::SWEEP_IN_THE_FUTURE.to_owned();
        let mut finding = could_not_look(&uri, self.ports.account, Severity::High, now, what, None);
        finding.subject = state_bucket(&uri);
        finding.evidence.object = Some(uri);
        finding
    }
}
