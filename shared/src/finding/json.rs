//! How the members of a finding are written as JSON.

use chrono::{DateTime, Utc};
use serde::Serializer;

/// Whether a text is absent or empty, which JSON does not distinguish: neither is written.
pub(super) fn absent(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

/// The text, unless it is absent or empty.
pub(crate) fn known(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// A moment to the second, in UTC with a `Z`.
pub(super) fn rfc3339<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&time.format("%Y-%m-%dT%H:%M:%SZ")),
        None => serializer.serialize_none(),
    }
}
