//! One finding for several that say the same of one event.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::finding::Finding;

/// Makes one finding of those that say the same of the same event, found in several log files, and puts
/// all in order of time. The order in which the log files were read changes nothing; what the files are
/// called decides no more than which of equal copies is the evidence.
pub fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut same: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        same.entry(finding.id.clone()).or_default().push(finding);
    }
    let mut merged: Vec<Finding> = same.into_values().filter_map(one_of).collect();
    merged.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    merged
}

/// One finding for several of one id. A corrected copy says more than the first one; in another account the
/// same event may matter less.
fn one_of(mut findings: Vec<Finding>) -> Option<Finding> {
    if findings.len() > 1 {
        findings.sort_by_cached_key(|finding| {
            let Evidence { log_file, record, original_event_id, .. } = &finding.evidence;
            let said = (Reverse(finding.severity), content(finding));
            (original_event_id.is_none(), said, log_file.clone(), *record)
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

/// What a finding says, whichever file it was read from.
fn content(finding: &Finding) -> String {
    let Evidence { event_id, error_code, error_message, facts, .. } = &finding.evidence;
    let Finding { severity, summary, resource, source_ip, user_agent, .. } = finding;
    let said = (severity, summary, resource, source_ip, user_agent);
    format!("{said:?} {:?}", (event_id, error_code, error_message, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::finding::Place;
    use crate::rules::detections;
    use crate::severity::Severity;

    fn finding(log_file: &str, json: &str) -> Finding {
        let place = Place { log_file, record: 0, delivered: None };
        detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap()
    }

    fn failure(id: &str, agent: &str, addendum: &str) -> String {
        format!(
            r#"{{"eventID": "{id}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "recipientAccountId": "111122223333", "userIdentity": {{"type": "IAMUser", "userName": "alice"}},
                "responseElements": {{"ConsoleLogin": "Failure"}}, "userAgent": "{agent}"{addendum}}}"#
        )
    }

    #[test]
    fn the_corrected_copy_speaks_for_an_event_whatever_the_files_are_called() {
        let original = failure("1", "unknown", "");
        let corrected = failure("2", "Firefox", r#", "addendum": {"originalEventID": "1"}"#);
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let merged = merged(vec![
                finding(first, &original),
                finding(second, &corrected),
                finding(second, &corrected),
                finding("c.json", &original),
            ]);
            assert_eq!(merged.len(), 1);
            assert_eq!(merged[0].user_agent.as_deref(), Some("Firefox"));
            assert_eq!(merged[0].evidence.log_file.as_deref(), Some(second));
            assert_eq!(merged[0].evidence.also_in, [first, "c.json"]);
        }
    }

    #[test]
    fn the_worst_speaks_for_an_event_that_two_accounts_received() {
        let copy = |severity| Finding { severity, ..finding("a.json", &failure("1", "one", "")) };
        for severities in
            [[Severity::Informational, Severity::Medium], [Severity::Medium, Severity::Informational]]
        {
            let merged = merged(severities.map(copy).to_vec());
            assert_eq!((merged.len(), merged[0].severity), (1, Severity::Medium));
        }
    }

    #[test]
    fn of_differing_copies_the_same_one_speaks_whatever_the_files_are_called() {
        let (one, other) = (failure("1", "one", ""), failure("1", "other", ""));
        for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
            let merged = merged(vec![finding(first, &one), finding(second, &other)]);
            assert_eq!((merged.len(), merged[0].user_agent.as_deref()), (1, Some("one")));
        }
    }
}
