//! What became of a notification, and what a run does if the state bucket fails.

use crate::ports::AwsError;

/// One notification, and what became of it.
#[derive(Debug)]
pub struct NotificationResult {
    /// Its subject.
    pub subject: String,
    /// What became of it.
    pub outcome: NotificationOutcome,
}

/// What became of a notification.
#[derive(Debug)]
pub enum NotificationOutcome {
    /// It was published.
    Published,
    /// It was not published, or may not have been; a later run publishes it.
    Failed(AwsError),
    /// The hour's budget is used up: it was written to the state bucket instead.
    RateLimited,
    /// The request asks for no notifications.
    NotRequested,
}

/// What to do when state is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStateFailure {
    /// Notify nothing: the queue delivers the same findings again.
    Retry,
    /// Publish without deduplication: the findings came often, or will not come again.
    PublishWithoutState,
}
