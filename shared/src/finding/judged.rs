//! What judging a source of configuration came to: findings, and what could not be judged.

use super::finding::Finding;
use super::rule::COULD_NOT_LOOK_ID;

/// What judging a report came to.
#[derive(Debug, Default)]
pub struct Judged {
    /// What was found, what could not be judged included; no two have one id.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub gaps: Vec<Gap>,
}

/// What could not be judged: nothing of it may be taken for resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The rule; nothing is every rule.
    pub rule: Option<&'static str>,
    /// The name, as findings name the principal; nothing is everybody.
    pub principal: Option<String>,
}

/// Whether it is not known if a finding of that rule about that principal still stands. That something could
/// not be looked at is known.
pub fn is_unjudged(gaps: &[Gap], rule: &str, principal: Option<&str>) -> bool {
    rule != COULD_NOT_LOOK_ID
        && gaps.iter().any(|gap| {
            gap.rule.is_none_or(|of| of == rule)
                && gap.principal.as_deref().is_none_or(|of| Some(of) == principal)
        })
}
