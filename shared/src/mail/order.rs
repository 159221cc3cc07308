//! The order of findings in a mail, and the findings of each mail.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::finding::{Finding, Subject};

/// The findings of each subject, the worst first. The result does not depend on the order of `findings`.
pub fn by_subject(findings: Vec<Finding>) -> Vec<Vec<Finding>> {
    let mut by_subject: BTreeMap<Subject, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        by_subject.entry(finding.subject.clone()).or_default().push(finding);
    }
    let mut groups: Vec<Vec<Finding>> = by_subject.into_values().collect();
    for group in &mut groups {
        sort(group);
    }
    // Stable: groups of the same severity and time stay in the order of their subjects.
    groups.sort_by_key(|group| group.first().map(urgency));
    groups
}

/// Sorts findings, the worst first.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
}

/// The same findings, the worst first.
pub(super) fn sorted(findings: &[Finding]) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    findings
}

/// Most severe first, then oldest first; without a time last.
fn urgency(finding: &Finding) -> impl Ord + use<> {
    (Reverse(finding.severity), finding.time.is_none(), finding.time)
}

/// A total order: no two findings of one run share id and place.
fn order(finding: &Finding) -> impl Ord + '_ {
    (urgency(finding), &finding.id, &finding.evidence.log_file, finding.evidence.record)
}
