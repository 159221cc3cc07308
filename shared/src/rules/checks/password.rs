//! The family `password`, over the report: console passwords of IAM users.
//!
//! Sources: CIS AWS Foundations Benchmark 7.0, 2.10 and 2.11; AWS Security Hub, IAM.5, IAM.8, IAM.17 and IAM.22;
//! IAM User Guide, "Set an account password policy for IAM users".

use chrono::TimeDelta;

#[cfg(any(test, feature = "cases"))]
use super::cases::{CheckCase, CheckExpect::*};
use super::check::{Check, CheckInput, RowScope};
use super::verdict::{CheckVerdict, days};
use crate::finding::rule::Ends;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::credential_report::Cell;
#[cfg(any(test, feature = "cases"))]
use crate::formats::credential_report::samples::BaseRow::{Machine, Person};
use crate::severity::Severity;

const UNUSED: &[&str] = &[
    "cis:7.0/2.11",
    "cis:5.0/1.11",
    "cis:3.0/1.12",
    "security-hub:IAM.22",
    "security-hub:IAM.8",
    "mitre-attack:17/T1078.004",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: Rule {
            id: "password.mfa-disabled",
            kind: RuleKind::Check,
            title: "Console password without a second factor",
            severity: Severity::High,
            severity_reason: "A password that was guessed, reused or given away is enough to sign in.",
            condition: "an IAM user has a console password and no second factor",
            references: &[
                "cis:7.0/2.10",
                "cis:5.0/1.9",
                "cis:3.0/1.10",
                "security-hub:IAM.5",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Ask the user to register a passkey or security key (account menu > Security credentials).",
                "Where the user only needs access keys: take the password away, `aws iam delete-login-profile --user-name USER`.",
                "Have a policy deny everything but registering a device to who signed in without one (`aws:MultiFactorAuthPresent`).",
                "For people: IAM Identity Center needs no IAM users.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "mfa_active"],
        ends: Ends::WhenMended,
        judge: mfa_disabled,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new("no device", Person(&[("mfa_active", "false")]), Raised(1)),
            CheckCase::new(
                "no device, in capitals",
                Person(&[("password_enabled", "TRUE"), ("mfa_active", "FALSE")]),
                Raised(1),
            ),
            CheckCase::new("a device", Person(&[]), Nothing),
            CheckCase::new("no password", Machine(&[]), Nothing),
            CheckCase::new("neither yes nor no", Person(&[("mfa_active", "?")]), CouldNotLook),
            CheckCase::new(
                "of the password nothing is said",
                Person(&[("password_enabled", "not_supported"), ("mfa_active", "false")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "password.unused",
            kind: RuleKind::Check,
            title: "Console password is not used",
            severity: Severity::Medium,
            severity_reason: "Nobody would miss the password, and nobody would notice that somebody else uses it.",
            condition: "an IAM user has a console password that was last used `UNUSED_CREDENTIAL_DAYS` days or more before the report",
            references: UNUSED,
            remediation: &[
                "Ask the user, or whoever they work for, whether they still need to sign in.",
                "If not, take the password away: `aws iam delete-login-profile --user-name USER`.",
                "Where the user is not needed at all: delete it, after its access keys.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "password_last_used"],
        ends: Ends::WhenMended,
        judge: unused,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "exactly at the limit",
                Person(&[("password_last_used", "2026-02-15T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "a second before the limit",
                Person(&[("password_last_used", "2026-02-15T08:15:01Z")]),
                Nothing,
            ),
            CheckCase::new(
                "a day before the limit",
                Person(&[("password_last_used", "2026-02-16T08:15:00Z")]),
                Nothing,
            ),
            CheckCase {
                settings: &[("UNUSED_CREDENTIAL_DAYS", "PEOPLE=90,MACHINES=1")],
                ..CheckCase::new(
                    "within the limit for people",
                    Person(&[("password_last_used", "2026-02-01T08:15:00Z")]),
                    Nothing,
                )
            },
            CheckCase::new("yesterday", Person(&[]), Nothing),
            CheckCase::new(
                "never, which another rule says",
                Person(&[("password_last_used", "no_information")]),
                Nothing,
            ),
            CheckCase::new(
                "no password any more",
                Machine(&[("password_last_used", "2025-01-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "a year to come is no use",
                Person(&[("password_last_used", "2027-01-01T00:00:00Z")]),
                CouldNotLook,
            ),
            CheckCase::new("no date", Person(&[("password_last_used", "yesterday")]), CouldNotLook),
            CheckCase::new(
                "nothing is said",
                Person(&[("password_last_used", "not_supported")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "password.never-used",
            kind: RuleKind::Check,
            title: "Console password was never used",
            severity: Severity::Medium,
            severity_reason: "Nobody would miss the password, and whoever was sent it may still have it in a mail.",
            condition: "an IAM user has a console password that was set `UNUSED_CREDENTIAL_DAYS` days or more before the report, and IAM knows of no use of it",
            references: UNUSED,
            remediation: &[
                "Ask the user, or whoever they work for, whether they need to sign in.",
                "If not, take the password away: `aws iam delete-login-profile --user-name USER`.",
                "If so, set a new one to be changed at once: `aws iam update-login-profile --user-name USER --password-reset-required`.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "password_last_used", "password_last_changed"],
        ends: Ends::WhenMended,
        judge: never_used,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "exactly at the limit",
                Person(&[
                    ("password_last_used", "No_Information"),
                    ("password_last_changed", "2026-02-15T08:15:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "an hour before the limit",
                Person(&[
                    ("password_last_used", "no_information"),
                    ("password_last_changed", "2026-02-15T09:15:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "N/A, where there is a password, is no use either",
                Person(&[("password_last_used", "N/A"), ("password_last_changed", "2026-02-14T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new("used", Person(&[("password_last_changed", "2025-01-01T00:00:00Z")]), Nothing),
            CheckCase::new("no password", Machine(&[]), Nothing),
            // A user may be years older than its password: its age says nothing.
            CheckCase::new(
                "set at an unknown time",
                Person(&[("password_last_used", "no_information"), ("password_last_changed", "N/A")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "password.expired",
            kind: RuleKind::Check,
            title: "Console password has expired",
            severity: Severity::Low,
            severity_reason: "IAM asks for a new one at the next sign-in; until then the old one stands.",
            condition: "an IAM user has a console password that had to be changed before the report was made",
            references: &["security-hub:IAM.17", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask the user to sign in and change the password.",
                "Where the user does not sign in any more, take the password away: `aws iam delete-login-profile --user-name USER`.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "password_next_rotation"],
        ends: Ends::WhenMended,
        judge: expired,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "a day ago",
                Person(&[("password_next_rotation", "2026-03-31T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "in the very second of the report",
                Person(&[("password_next_rotation", "2026-04-01T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "a second later",
                Person(&[("password_next_rotation", "2026-04-01T08:15:01Z")]),
                Nothing,
            ),
            CheckCase::new("passwords do not expire", Person(&[]), Nothing),
            CheckCase::new(
                "no password",
                Machine(&[("password_next_rotation", "2026-03-31T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new("no date", Person(&[("password_next_rotation", "soon")]), CouldNotLook),
            CheckCase::new(
                "nothing is said",
                Person(&[("password_next_rotation", "no_information")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "password.expiring",
            kind: RuleKind::Check,
            title: "Console password expires soon",
            severity: Severity::Low,
            severity_reason: "Nothing is wrong yet; whoever does not sign in often is not warned by the console.",
            condition: "an IAM user has a console password that must be changed within `PASSWORD_EXPIRING_DAYS` days after the report",
            references: &["security-hub:IAM.17", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask the user to change the password (account menu > Security credentials).",
                "Where the password policy forbids users to do so: an administrator has to set a new one in time.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "password_next_rotation"],
        ends: Ends::ByItself,
        judge: expiring,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "tomorrow",
                Person(&[("password_next_rotation", "2026-04-02T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "exactly at the limit",
                Person(&[("password_next_rotation", "2026-04-16T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "a second more",
                Person(&[("password_next_rotation", "2026-04-16T08:15:01Z")]),
                Nothing,
            ),
            CheckCase::new(
                "expired, which another rule says",
                Person(&[("password_next_rotation", "2026-04-01T08:15:00Z")]),
                Nothing,
            ),
            CheckCase {
                settings: &[("PASSWORD_EXPIRING_DAYS", "1")],
                ..CheckCase::new(
                    "in two days, with a limit of one",
                    Person(&[("password_next_rotation", "2026-04-03T08:15:00Z")]),
                    Nothing,
                )
            },
            CheckCase::new(
                "no password",
                Machine(&[("password_next_rotation", "2026-04-02T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new("no date", Person(&[("password_next_rotation", "")]), CouldNotLook),
        ],
    },
];

fn mfa_disabled(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    if input.row.password.enabled.is_yes() && input.row.mfa_active.is_no() {
        verdict.raise("has a console password and no second factor");
    }
}

fn unused(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let password = &input.row.password;
    if !password.enabled.is_yes() || matches!(password.last_used, Cell::NoInformation | Cell::NotApplicable) {
        return;
    }
    let Some(date) = verdict.needed(&password.last_used, "password_last_used") else {
        return;
    };
    let (unused_days, max_days) = (input.age_days(date), input.limit(input.config.unused_credential));
    if unused_days >= max_days {
        verdict.raise(format!("has not used the console password for {}", days(unused_days)));
        verdict.fact("unused_days", unused_days);
        verdict.fact("max_days", max_days);
    }
}

/// As CIS judges it: what was never used is as long unused as it is old.
fn never_used(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let password = &input.row.password;
    if !password.enabled.is_yes() || !matches!(password.last_used, Cell::NoInformation | Cell::NotApplicable)
    {
        return;
    }
    let Some(date) = verdict.needed(&password.last_changed, "password_last_changed") else {
        return;
    };
    let (age_days, max_days) = (input.age_days(date), input.limit(input.config.unused_credential));
    if age_days >= max_days {
        verdict.raise(format!("has had a console password for {} without ever using it", days(age_days)));
        verdict.fact("age_days", age_days);
        verdict.fact("max_days", max_days);
    }
}

fn expired(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let Some(date) = must_be_changed_by(input, verdict) else {
        return;
    };
    if date <= input.generated {
        verdict.raise(format!("has a console password that expired on {}", date.date_naive()));
        verdict.fact("expired_days", input.age_days(date));
    }
}

fn expiring(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let Some(date) = must_be_changed_by(input, verdict) else {
        return;
    };
    let left = date - input.generated;
    let max_days = i64::from(input.config.password_expiring_days);
    if left > TimeDelta::zero() && left <= TimeDelta::days(max_days) {
        verdict.raise(format!("has a console password that expires on {}", date.date_naive()));
        verdict.fact("days_left", left.num_days());
        verdict.fact("max_days", max_days);
    }
}

/// `None` if there is no password, or if passwords do not expire.
fn must_be_changed_by(
    input: &CheckInput<'_>,
    verdict: &mut CheckVerdict,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let password = &input.row.password;
    if !password.enabled.is_yes() || password.next_rotation == Cell::NotApplicable {
        return None;
    }
    verdict.needed(&password.next_rotation, "password_next_rotation")
}
