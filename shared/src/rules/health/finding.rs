//! The constructor of the findings about iamwatch itself.

use crate::finding::rule::Rule;
use crate::finding::{Finding, Subject, stable_id};
use crate::severity::Severity;

/// A finding without an actor and without a summary yet. Its id is made of the rule's id and `identity`.
pub(super) fn health_finding(
    rule: &'static Rule,
    severity: Severity,
    identity: &[&str],
    subject: Subject,
    what: String,
) -> Finding {
    Finding::new(rule, severity, stable_id(&[&[rule.id], identity].concat()), subject, what)
}
