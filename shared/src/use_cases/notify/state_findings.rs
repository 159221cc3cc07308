//! Findings about the state bucket itself.

use chrono::{DateTime, Utc};

use super::case_updates::Cases;
use crate::finding::Finding;
use crate::mail::phrases;
use crate::ports::{AwsError, Runtime, StateStore};
use crate::rules::health::{could_not_look, state_bucket, state_unreadable};
use crate::severity::Severity;

/// The findings about objects found damaged since the last call.
pub(super) fn unreadable_state<S: StateStore, R: Runtime>(
    cases: &Cases<'_, '_, S, R>,
    account: Option<&str>,
) -> Vec<Finding> {
    let unreadable = cases.state.take_unreadable();
    let finding = unreadable
        .iter()
        .map(|object| state_unreadable(&object.uri, &object.copy, &object.reason, cases.now, account));
    finding.collect()
}

/// The finding about a state bucket that fails.
pub(super) fn state_failure(
    uri: &str,
    account: Option<&str>,
    error: &AwsError,
    now: DateTime<Utc>,
) -> Finding {
    let what = phrases::state_unavailable(&error.answer);
    let mut finding = could_not_look(uri, account, Severity::High, now, what, None);
    finding.subject = state_bucket(uri);
    finding
}
