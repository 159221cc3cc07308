//! Every rule there is.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::finding::rule::{COULD_NOT_LOOK_ID, CheckRule, Ends, Rule};
use crate::formats::cloudtrail::prefilter::Prefilter;
use crate::rules::detections::RecordScope;
use crate::rules::{checks, detections, health};

/// Every rule, sorted by id: over records, over the credential report, and about iamwatch itself.
pub fn all() -> Vec<&'static Rule> {
    let over_records = detections::table().map(|detection| &detection.rule);
    let over_report = checks::table().map(|check| &check.rule);
    let mut rules: Vec<&Rule> = over_records.chain(over_report).chain(health::RULES).collect();
    rules.sort_by_key(|rule| rule.id);
    rules
}

/// The prefilter for records that a detection may match.
pub fn prefilter() -> &'static Prefilter {
    static PREFILTER: LazyLock<Prefilter> = LazyLock::new(|| {
        let scopes = || detections::table().flat_map(|detection| detection.scope);
        let names = scopes().flat_map(|scope| match scope {
            RecordScope::Names(names) => *names,
            RecordScope::Source(_) | RecordScope::Root => &[],
        });
        let sources = scopes().filter_map(|scope| match scope {
            RecordScope::Source(source) => Some(*source),
            RecordScope::Names(_) | RecordScope::Root => None,
        });
        Prefilter::of_words(names.copied(), sources)
    });
    &PREFILTER
}

/// The rule of that id, as a ledger sees it; `None` if this version has none.
pub fn check_rule(id: &str) -> Option<CheckRule> {
    static RULES: LazyLock<HashMap<&str, CheckRule>> = LazyLock::new(|| {
        let of_rule = |rule: &'static Rule| {
            let remediation = match rule.id {
                COULD_NOT_LOOK_ID => health::CREDENTIAL_REPORT_STEPS,
                _ => rule.remediation,
            };
            (rule.id, CheckRule { rule, ends: Ends::WhenMended, remediation })
        };
        let mut rules: HashMap<&str, CheckRule> = all().into_iter().map(of_rule).collect();
        for check in checks::table() {
            rules.entry(check.rule.id).and_modify(|rule| rule.ends = check.ends);
        }
        rules
    });
    RULES.get(id).copied()
}

/// The rule of that id, if it can raise findings about a credential report: a check, or `watch.could-not-look`.
pub fn report_rule(id: &str) -> Option<CheckRule> {
    let judges_reports = id == COULD_NOT_LOOK_ID || checks::table().any(|check| check.rule.id == id);
    check_rule(id).filter(|_| judges_reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefilter_of_the_rules_is_fast() {
        assert!(prefilter().is_fast());
    }

    #[test]
    fn a_rule_that_raises_critical_findings_says_so() {
        let over_records = detections::table().flat_map(|detection| detection.cases);
        let over_reports = checks::table().flat_map(|check| check.cases);
        let findings = over_records
            .filter_map(|case| case.finding())
            .chain(over_reports.flat_map(|case| case.judged().findings));
        let mut critical = std::collections::BTreeSet::new();
        for finding in findings.filter(|finding| finding.severity == crate::severity::Severity::Critical) {
            assert!(finding.rule.can_be_critical(), "{}", finding.rule.id);
            critical.insert(finding.rule.id);
        }
        assert!(critical.len() > 8, "{critical:?}");
        let other = all().into_iter().find(|rule| rule.id == "root.certificate-active").unwrap();
        assert!(!other.can_be_critical());
    }

    #[test]
    fn every_rule_is_complete() {
        let mut ids = std::collections::BTreeSet::new();
        for rule in all() {
            assert!(ids.insert(rule.id), "{} is not unique", rule.id);
            let (family, name) = rule.id.split_once('.').unwrap();
            let kebab = |text: &str| {
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            };
            assert!(kebab(family) && kebab(name), "{} is not <family>.<kebab-case>", rule.id);
            assert!(rule.title.is_ascii() && rule.title.len() <= 48, "{}: title {:?}", rule.id, rule.title);
            assert!(
                !rule.severity_reason.is_empty() && !rule.condition.is_empty(),
                "{} has no reason or condition",
                rule.id
            );
            assert!(
                (2..=5).contains(&rule.remediation.len()),
                "{} has {} steps",
                rule.id,
                rule.remediation.len()
            );
            assert!(!rule.references.is_empty(), "{} has no reference", rule.id);
            for reference in rule.references {
                let (standard, item) = reference.split_once(':').unwrap();
                assert!(
                    ["cis", "security-hub", "mitre-attack"].contains(&standard) && !item.is_empty(),
                    "{reference}"
                );
            }
        }
    }
}
