//! Conditions on a record that rules of several families share.

use crate::formats::cloudtrail::Record;
use crate::formats::cloudtrail::sign_in::{Outcome, stated_outcome};

/// The `eventSource` of IAM.
pub(super) const IAM: &str = "iam.amazonaws.com";

/// Whether the record is a call of one of these names to that service, refused or not.
pub(super) fn calls(record: &Record<'_>, source: &str, names: &[&str]) -> bool {
    record.event_source == source && names.contains(&&*record.event_name)
}

/// The kind of what a call to IAM is about, by the parameter that names it; `None` if none of them does.
pub(super) fn kind_named(record: &Record<'_>) -> Option<&'static str> {
    let kinds = [("userName", "user"), ("groupName", "group"), ("roleName", "role")];
    kinds.into_iter().find(|(parameter, _)| record.request(parameter).is_some()).map(|(_, kind)| kind)
}

/// Whether the record of a sign-in event states that it succeeded.
pub(super) fn own_success(record: &Record<'_>) -> bool {
    stated_outcome(record) == Outcome::Success
}
