//! Merges findings of one event that was found in several log files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::finding::Finding;

/// Merges findings with the same id into one, and sorts all by time. The order in which the log files were read
/// does not matter; their names only decide which of equal copies is the evidence.
pub fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut same: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        same.entry(finding.id.clone()).or_default().push(finding);
    }
    let mut merged: Vec<Finding> = same.into_values().filter_map(one_of).collect();
    merged.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    merged
}

/// One finding of several with the same id: a corrected copy before the original, then the more severe one, for
/// the same event may be less severe in another account.
fn one_of(mut findings: Vec<Finding>) -> Option<Finding> {
    if findings.len() > 1 {
        findings.sort_by_cached_key(|finding| {
            let Evidence { log_file, record, original_event_id, .. } = &finding.evidence;
            let content = (Reverse(finding.severity), content(finding));
            (original_event_id.is_none(), content, log_file.clone(), *record)
        });
    }
    let mut findings = findings.into_iter();
    let mut one = findings.next()?;
    let own = one.evidence.log_file.clone();
    let mut files: BTreeSet<String> = std::mem::take(&mut one.evidence.also_in).into_iter().collect();
    for Evidence { log_file, also_in, .. } in findings.map(|finding| finding.evidence) {
        files.extend(log_file.into_iter().chain(also_in));
    }
    one.evidence.also_in = files.into_iter().filter(|file| Some(file) != own.as_ref()).collect();
    Some(one)
}

/// What distinguishes copies of an event, apart from the file.
fn content(finding: &Finding) -> String {
    let Evidence { event_id, error_code, error_message, facts, .. } = &finding.evidence;
    let Finding { severity, summary, resource, source_ip, user_agent, .. } = finding;
    let shown = (severity, summary, resource, source_ip, user_agent);
    format!("{shown:?} {:?}", (event_id, error_code, error_message, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;
    use crate::finding::test_rules::FAILED;
    use crate::severity::Severity;

    /// A failed sign-in; a corrected copy names the original event.
    fn failure(log_file: &str, event_id: &str, original: Option<&str>, agent: &str) -> Finding {
        let owned = |text: &str| Some(text.to_owned());
        let id = original.unwrap_or(event_id).to_owned();
        let subject = Subject::Account("111122223333".to_owned());
        Finding {
            user_agent: owned(agent),
            evidence: Evidence {
                log_file: owned(log_file),
                event_id: owned(event_id),
                original_event_id: original.and_then(owned),
                ..Evidence::default()
            },
            ..Finding::new(&FAILED, Severity::Low, id, subject, "failed to sign in")
        }
    }

    #[test]
    fn the_corrected_copy_is_kept_whatever_the_files_are_called() {
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let original = |log_file| failure(log_file, "1", None, "unknown");
            let corrected = |log_file| failure(log_file, "2", Some("1"), "Firefox");
            let merged =
                merged(vec![original(first), corrected(second), corrected(second), original("c.json")]);
            assert_eq!(merged.len(), 1);
            assert_eq!(merged[0].user_agent.as_deref(), Some("Firefox"));
            assert_eq!(merged[0].evidence.log_file.as_deref(), Some(second));
            assert_eq!(merged[0].evidence.also_in, [first, "c.json"]);
        }
    }

    #[test]
    fn of_an_event_that_two_accounts_received_the_more_severe_finding_is_kept() {
        let copy = |severity| Finding { severity, ..failure("a.json", "1", None, "one") };
        for severities in
            [[Severity::Informational, Severity::Medium], [Severity::Medium, Severity::Informational]]
        {
            let merged = merged(severities.map(copy).to_vec());
            assert_eq!((merged.len(), merged[0].severity), (1, Severity::Medium));
        }
    }

    #[test]
    fn of_differing_copies_the_same_one_is_kept_whatever_the_files_are_called() {
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let merged = merged(vec![failure(first, "1", None, "one"), failure(second, "1", None, "other")]);
            assert_eq!((merged.len(), merged[0].user_agent.as_deref()), (1, Some("one")));
        }
    }
}
