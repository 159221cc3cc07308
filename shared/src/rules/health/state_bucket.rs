//! Objects of the state bucket that could not be read.

use chrono::{DateTime, Utc};

use super::could_not_look::could_not_look;
use crate::finding::{Evidence, Finding, Subject};
use crate::severity::Severity;

/// The subject of findings about the state bucket, from the URI of any object in it.
pub fn state_bucket(uri: &str) -> Subject {
    Subject::Source(uri.split('/').nth(2).unwrap_or(uri).to_owned())
}

/// An object of the state bucket is damaged. It was copied to `copy` and replaced by a new one.
pub fn state_unreadable(
    uri: &str,
    copy: &str,
    reason: &str,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Finding {
    let what = format!("what iamwatch remembers in {uri} could not be read, and is begun anew: {reason}");
    Finding {
        subject: state_bucket(uri),
        evidence: Evidence { object: Some(copy.to_owned()), ..Evidence::default() },
        ..could_not_look(uri, account, Severity::High, now, what, None)
    }
}
