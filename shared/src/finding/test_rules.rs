//! Rules for inline tests: those of `rules/` are in a layer below.

use crate::finding::rule::{Rule, RuleKind};
use crate::severity::Severity;

pub(crate) static FAILED: Rule = rule("sign-in.failed", "Console sign-in failed", Severity::Low);
pub(crate) static WITHOUT_MFA: Rule =
    rule("sign-in.without-mfa", "Console sign-in without MFA", Severity::High);
pub(crate) static ADMIN_ATTACHED: Rule =
    rule("grant.admin-policy-attached", "Administrator policy attached", Severity::High);
pub(crate) static PORTAL_FAILED: Rule =
    rule("identity-center.failed", "Identity Center sign-in failed", Severity::Low);

/// One rule of each family that the tests name.
pub(crate) static ALL: [&Rule; 7] = [
    &FAILED,
    &WITHOUT_MFA,
    &rule("sign-in.failed-mfa", "Second factor failed", Severity::High),
    &ADMIN_ATTACHED,
    &rule("root.sign-in", "Root signed in", Severity::High),
    &rule("trail.stopped", "CloudTrail trail stopped", Severity::Critical),
    &rule("watch.tampered", "iamwatch was changed", Severity::High),
];

const fn rule(id: &'static str, title: &'static str, severity: Severity) -> Rule {
    Rule {
        id,
        kind: RuleKind::Detection,
        title,
        severity,
        severity_reason: "",
        condition: "",
        references: &["cis:7.0/5.3"],
        remediation: &["Ask the user."],
    }
}
