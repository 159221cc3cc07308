//! The section of a mail about a rule: why it raised its findings, and what to do.

use std::collections::BTreeSet;

use super::layout::TextLayout;
use crate::finding::Finding;
use crate::finding::rule::Rule;

/// How many rules are explained in a mail about many findings.
const MAX_RULES: usize = 6;

/// Explains the first rules and names the others.
pub(super) fn explain_first(layout: &mut TextLayout, findings: &[&Finding]) {
    let by_rule = by_rule(findings);
    for (rule, of_rule) in by_rule.iter().take(MAX_RULES) {
        layout.gap();
        explain(layout, rule, of_rule);
    }
    let others: BTreeSet<&str> = by_rule.iter().skip(MAX_RULES).map(|(rule, _)| rule.id).collect();
    if !others.is_empty() {
        layout.gap();
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        layout.paragraph(&format!(
            "For the others ({others}): `iamwatch rules --format json` says what to do."
        ));
    }
}

/// Explains one rule to the reader of its findings.
pub(super) fn explain(layout: &mut TextLayout, rule: &Rule, findings: &[&Finding]) {
    let severities: BTreeSet<_> = findings.iter().map(|finding| finding.severity).collect();
    let severities: Vec<&str> = severities.iter().rev().map(|severity| severity.name()).collect();
    layout.field("Rule", rule.id);
    layout.field("Because", &format!("{}.", rule.condition));
    layout.field("Severity", &format!("{}. {}", severities.join(", "), rule.severity_reason));
    layout.field("See also", &references(rule));
    layout.gap();
    layout.line("What to do");
    layout.steps(findings.first().map_or(rule.remediation, |finding| finding.remediation));
}

/// The rule's references as people cite them, each standard once: `MITRE ATT&CK 17: T1078.004`.
fn references(rule: &Rule) -> String {
    let mut cited: Vec<(String, Vec<String>)> = Vec::new();
    let mut last_version = "";
    for id in rule.references {
        let (standard, item) = id.split_once(':').unwrap_or((id, ""));
        let (version, item) = item.split_once('/').unwrap_or(("", item));
        let (standard, item) = match standard {
            // Each version numbers its controls differently.
            "cis" if version == last_version => ("CIS AWS Foundations Benchmark".to_owned(), item.to_owned()),
            "cis" => ("CIS AWS Foundations Benchmark".to_owned(), format!("{version}: {item}")),
            "mitre-attack" => (format!("MITRE ATT&CK {version}:"), item.to_owned()),
            "security-hub" => ("AWS Security Hub:".to_owned(), item.to_owned()),
            other => (format!("{other}:"), item.to_owned()),
        };
        last_version = version;
        match cited.last_mut() {
            Some((last, items)) if *last == standard => items.push(item),
            _ => cited.push((standard, vec![item])),
        }
    }
    let standards = cited.into_iter().map(|(standard, items)| format!("{standard} {}", items.join(", ")));
    standards.collect::<Vec<_>>().join("; ")
}

/// The findings of each rule, in the order in which the rules first appear.
pub(super) fn by_rule<'a>(findings: &[&'a Finding]) -> Vec<(&'static Rule, Vec<&'a Finding>)> {
    let mut groups: Vec<(&'static Rule, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|(rule, _)| rule.id == finding.rule.id) {
            Some((_, group)) => group.push(finding),
            None => groups.push((finding.rule, vec![finding])),
        }
    }
    groups
}
