//! The result of checking a source of configuration: findings, and gaps.

use super::finding::Finding;
use super::rule::COULD_NOT_LOOK_ID;

/// The result of checking a source of configuration.
#[derive(Debug, Default)]
pub struct CheckOutcome {
    /// What was found, including `watch.could-not-look` for each gap; ids are unique.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub gaps: Vec<Gap>,
}

/// Something that could not be judged: no finding about it may be resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The rule; `None` for every rule.
    pub rule: Option<&'static str>,
    /// The name of the principal, as in findings; `None` for everybody.
    pub principal: Option<String>,
}

/// Whether it is unknown if a finding of that rule about that principal is still open. For `watch.could-not-look`
/// it is always known.
pub fn is_unjudged(gaps: &[Gap], rule: &str, principal: Option<&str>) -> bool {
    rule != COULD_NOT_LOOK_ID
        && gaps.iter().any(|gap| {
            gap.rule.is_none_or(|of| of == rule)
                && gap.principal.as_deref().is_none_or(|of| Some(of) == principal)
        })
}
