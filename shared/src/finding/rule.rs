//! The description of a rule: id, title, severity, references and remediation.

use serde::Serialize;

use crate::severity::Severity;

/// The rule that reports what could not be checked. A [gap](super::Gap) never keeps its findings open.
pub const COULD_NOT_LOOK_ID: &str = "watch.could-not-look";

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
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
    pub kind: RuleKind,
    /// What is wrong, in at most 48 ASCII characters, for mail subjects.
    pub title: &'static str,
    /// The severity of most of its findings; single ones may be graded up or down.
    pub severity: Severity,
    /// Why that severity, and what grades a finding up or down: one or two sentences.
    pub severity_reason: &'static str,
    /// When the rule raises a finding: one sentence that follows "because".
    pub condition: &'static str,
    /// The same rule in other standards: `cis:7.0/5.2`, `security-hub:IAM.5`,
    /// `mitre-attack:17/T1078.004`. Each has the version of the standard, if there is one.
    pub references: &'static [&'static str],
    /// What to do next, in order; each step one or two sentences without a number.
    pub remediation: &'static [&'static str],
}

impl Rule {
    /// The part of the id before the dot.
    pub fn family(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(family, _)| family)
    }

    /// Whether a finding of it may be CRITICAL: `severity_reason` names every severity that one is graded to.
    pub fn can_be_critical(&self) -> bool {
        let critical = Severity::Critical.name();
        self.severity == Severity::Critical
            || self.severity_reason.replace("not CRITICAL", "").contains(critical)
    }
}

/// How a rule's findings come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The problem is corrected: a mail reports that it is resolved.
    WhenMended,
    /// They end with time: no mail reports that.
    ByItself,
}

/// A rule as a ledger sees it.
#[derive(Clone, Copy, Debug)]
pub struct CheckRule {
    /// Its description.
    pub rule: &'static Rule,
    /// How its findings come to an end.
    pub ends: Ends,
    /// What to do about one of its findings in an account's configuration.
    pub remediation: &'static [&'static str],
}
