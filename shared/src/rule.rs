//! What every rule says about itself, whatever it looks at: a [`Rule`] and its [`Severity`].

use serde::{Deserialize, Serialize};

use crate::{checks, detections};

/// How much a finding matters, on the five steps that OCSF and Security Hub use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Counted: the functions mail nobody, the command line shows it as it does the rest.
    Informational,
    /// Worth reading when there is time.
    Low,
    /// Worth reading today.
    Medium,
    /// Worth reading now.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Severity; 5] =
        [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The name as it stands in mails, JSON and settings.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Informational => "INFORMATIONAL",
            Severity::Low => "LOW",
            Severity::Medium => "MEDIUM",
            Severity::High => "HIGH",
            Severity::Critical => "CRITICAL",
        }
    }

    /// OCSF's `severity_id`: 1 (informational) to 5 (critical).
    pub fn id(self) -> u8 {
        match self {
            Severity::Informational => 1,
            Severity::Low => 2,
            Severity::Medium => 3,
            Severity::High => 4,
            Severity::Critical => 5,
        }
    }

    /// The severity of that name, in any casing.
    pub fn named(name: &str) -> Option<Severity> {
        Self::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(name))
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What kind of thing a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// CloudTrail records.
    Detection,
    /// Configuration, and iamwatch's own ability to look.
    Check,
    /// Two snapshots of IAM settings.
    Drift,
}

/// What a person or a program needs to know about a rule.
#[derive(Debug)]
pub struct Rule {
    /// `<family>.<kebab-case>`, named for what is wrong; never reused.
    pub id: &'static str,
    /// What it looks at.
    pub kind: Kind,
    /// What is wrong, in at most 48 ASCII characters: it stands in mail subjects.
    pub title: &'static str,
    /// The severity of most of its findings; single ones may be graded up or down.
    pub severity: Severity,
    /// Why that severity, and what grades a finding up or down: one or two sentences.
    pub severity_reason: &'static str,
    /// When the rule raises a finding: one sentence that follows "because".
    pub condition: &'static str,
    /// Where the rule is written down elsewhere: `cis:7.0/5.2`, `security-hub:IAM.5`,
    /// `mitre-attack:17/T1078.004`. Each names its version where the standard has one.
    pub references: &'static [&'static str],
    /// What to do next, in order; each step one or two sentences without a number.
    pub remediation: &'static [&'static str],
}

/// What every rule says about itself, by id: those over records, over the credential report, and about iamwatch.
pub fn all() -> Vec<&'static Rule> {
    let over_records = detections::table().map(|detection| &detection.rule);
    let over_report = checks::table().map(|check| &check.rule);
    let mut rules: Vec<&Rule> = over_records.chain(over_report).chain(detections::about_iamwatch()).collect();
    rules.sort_by_key(|rule| rule.id);
    rules
}

impl Rule {
    /// The part of the id before the dot.
    pub fn family(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(family, _)| family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_whole() {
        let mut ids = std::collections::BTreeSet::new();
        for rule in all() {
            assert!(ids.insert(rule.id), "{} stands twice", rule.id);
            let (family, name) = rule.id.split_once('.').unwrap();
            let kebab = |text: &str| {
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            };
            assert!(kebab(family) && kebab(name), "{} is not <family>.<kebab-case>", rule.id);
            assert!(rule.title.is_ascii() && rule.title.len() <= 48, "{}: title {:?}", rule.id, rule.title);
            assert!(
                !rule.severity_reason.is_empty() && !rule.condition.is_empty(),
                "{} says too little",
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
