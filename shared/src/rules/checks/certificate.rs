//! The family `certificate`, over the report: X.509 signing certificates of IAM users.
//!
//! Source: IAM User Guide, "Generate credential reports for your AWS account", `cert_1_active` and what follows.

#[cfg(any(test, feature = "cases"))]
use super::cases::{CheckCase, CheckExpect::*};
use super::check::{Check, CheckInput, RowScope};
use super::verdict::{CERTIFICATE_SLOTS, CheckVerdict, Credential, days};
use crate::finding::rule::Ends;
use crate::finding::rule::{Rule, RuleKind};
#[cfg(any(test, feature = "cases"))]
use crate::formats::credential_report::samples::BaseRow::{Machine, Person};
use crate::formats::credential_report::{Certificate, Row};
use crate::severity::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: Rule {
            id: "certificate.active",
            kind: RuleKind::Check,
            title: "User has an active signing certificate",
            severity: Severity::Low,
            severity_reason: "It is a credential that nobody looks after, but hardly any service still takes one.",
            condition: "an IAM user has an X.509 signing certificate that is active",
            references: &["mitre-attack:17/T1552.004", "mitre-attack:17/T1098.001"],
            remediation: &[
                "Ask the user's owner what signs with it: `aws iam list-signing-certificates --user-name USER` shows it.",
                "Deactivate it: `aws iam update-signing-certificate --user-name USER --certificate-id CERTIFICATE --status Inactive`.",
                "Delete it once nothing is missed: `aws iam delete-signing-certificate --user-name USER --certificate-id CERTIFICATE`.",
            ],
        },
        scope: RowScope::Users,
        columns: &["cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"],
        ends: Ends::WhenMended,
        judge: active,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "one",
                Machine(&[("cert_1_active", "true"), ("cert_1_last_rotated", "2026-03-01T00:00:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "two, in capitals",
                Machine(&[
                    ("cert_1_active", "TRUE"),
                    ("cert_1_last_rotated", "2026-03-01T00:00:00Z"),
                    ("cert_2_active", "TRUE"),
                    ("cert_2_last_rotated", "2026-03-02T00:00:00Z"),
                ]),
                Raised(2),
            ),
            CheckCase::new("one of which no date is known", Machine(&[("cert_2_active", "true")]), Raised(1)),
            CheckCase::new(
                "an inactive one",
                Person(&[("cert_1_last_rotated", "2012-03-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase::new("none", Person(&[]), Nothing),
            CheckCase::new("neither yes nor no", Person(&[("cert_1_active", "N/A")]), CouldNotLook),
        ],
    },
    Check {
        rule: Rule {
            id: "certificate.unrotated",
            kind: RuleKind::Check,
            title: "Signing certificate is old",
            severity: Severity::Low,
            severity_reason: "The longer its private key lives, the more copies of it there are; but hardly any service still takes one.",
            condition: "an IAM user has an active X.509 signing certificate that was made, activated or deactivated more than `CERTIFICATE_MAX_AGE_DAYS` days before the report",
            references: &["mitre-attack:17/T1552.004"],
            remediation: &[
                "Ask the user's owner what signs with it; a role can do nearly all of that.",
                "If nothing else can, upload a new one: `aws iam upload-signing-certificate --user-name USER`.",
                "Deactivate the old one, and delete it once nothing is missed: `aws iam delete-signing-certificate --user-name USER --certificate-id CERTIFICATE`.",
            ],
        },
        scope: RowScope::Users,
        columns: &[
            "password_enabled",
            "cert_1_active",
            "cert_1_last_rotated",
            "cert_2_active",
            "cert_2_last_rotated",
        ],
        ends: Ends::WhenMended,
        judge: unrotated,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "the day after the limit",
                Machine(&[("cert_1_active", "true"), ("cert_1_last_rotated", "2025-12-31T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "exactly at the limit",
                Machine(&[("cert_1_active", "true"), ("cert_1_last_rotated", "2026-01-01T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "an inactive one",
                Machine(&[("cert_2_last_rotated", "2012-03-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase {
                settings: &[("CERTIFICATE_MAX_AGE_DAYS", "PEOPLE=365,MACHINES=90")],
                ..CheckCase::new(
                    "a person's, within the limit for people",
                    Person(&[("cert_1_active", "true"), ("cert_1_last_rotated", "2025-12-31T08:15:00Z")]),
                    Nothing,
                )
            },
            CheckCase::new("created at an unknown time", Machine(&[("cert_1_active", "true")]), CouldNotLook),
        ],
    },
];

/// The certificates that can be used.
pub(super) fn active_certificates(row: &Row) -> impl Iterator<Item = (Credential, &Certificate)> {
    let certificates = CERTIFICATE_SLOTS.iter().zip(&row.certificates);
    certificates
        .filter(|(_, it)| it.active.is_yes())
        .map(|(slot, it)| (Credential { slot, last_rotated: it.last_rotated.value().copied() }, it))
}

fn active(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    for (credential, _) in active_certificates(input.row) {
        verdict.raise_about(credential, "has an active signing certificate");
    }
}

fn unrotated(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let max_days = input.limit(input.config.certificate_max_age);
    for (credential, certificate) in active_certificates(input.row) {
        let Some(date) = verdict.needed(&certificate.last_rotated, credential.slot.last_rotated) else {
            continue;
        };
        let age_days = input.age_days(date);
        if age_days > max_days {
            let what = format!("has had the same active signing certificate for {}", days(age_days));
            verdict.raise_about(credential, what);
            verdict.fact("age_days", age_days);
            verdict.fact("max_days", max_days);
        }
    }
}
