//! The findings about log files that could not be fetched.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::finding::Finding;
use crate::formats::events::delivery::LogFileObject;
use crate::mail::phrases;
use crate::ports::{AwsError, AwsErrorKind};
use crate::rules::health::could_not_look;
use crate::severity::Severity;

/// One finding for each bucket and severity.
pub(super) fn findings(
    unfetched: &BTreeMap<String, AwsError>,
    log_files: &BTreeMap<String, &LogFileObject>,
    late: &BTreeSet<String>,
    account: Option<&str>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut by_bucket: BTreeMap<(&str, Severity), Vec<(&LogFileObject, &AwsError)>> = BTreeMap::new();
    for (identity, error) in unfetched {
        let severity = match error.kind {
            AwsErrorKind::Denied | AwsErrorKind::NotFound => Severity::High,
            AwsErrorKind::Transient => Severity::Low,
            // An invocation may run out of time. A finding is due if that happens to the same log file again and again.
            AwsErrorKind::DeadlineExceeded if late.contains(identity) => Severity::Low,
            AwsErrorKind::DeadlineExceeded => continue,
        };
        let object = log_files[identity];
        by_bucket.entry((&object.bucket, severity)).or_default().push((object, error));
    }
    let finding = |((bucket, severity), unfetched): ((&str, Severity), Vec<(&LogFileObject, &AwsError)>)| {
        let (object, error) = unfetched[0];
        let what = phrases::delivered_log_files_not_fetched(unfetched.len(), bucket, &error.answer);
        could_not_look(bucket, account, severity, now, what, Some(object.uri()))
    };
    by_bucket.into_iter().map(finding).collect()
}
