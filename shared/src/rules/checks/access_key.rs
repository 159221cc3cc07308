//! The family `access-key`, over the report: access keys of IAM users.
//!
//! Sources: CIS AWS Foundations Benchmark 7.0, 2.11 and 2.12, and 6.0, 2.12; AWS Security Hub, IAM.3, IAM.8 and
//! IAM.22; IAM User Guide, "Manage access keys for IAM users".

#[cfg(any(test, feature = "cases"))]
use super::cases::{CheckCase, CheckExpect::*};
use super::check::{Check, CheckInput, RowScope};
use super::verdict::{CheckVerdict, Credential, KEY_SLOTS, days};
use crate::finding::rule::Ends;
use crate::finding::rule::{Rule, RuleKind};
#[cfg(any(test, feature = "cases"))]
use crate::formats::credential_report::samples::BaseRow::{Machine, Person};
use crate::formats::credential_report::{AccessKey, Cell, Row};
use crate::severity::Severity;

const UNUSED: &[&str] = &[
    "cis:7.0/2.11",
    "cis:5.0/1.11",
    "cis:3.0/1.12",
    "security-hub:IAM.22",
    "security-hub:IAM.8",
    "mitre-attack:17/T1078.004",
];

/// All that an unused key is judged by: what it may be used for depends on whether the user is a person.
const USE_COLUMNS: &[&str] = &[
    "password_enabled",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: Rule {
            id: "access-key.unrotated",
            kind: RuleKind::Check,
            title: "Access key is old",
            severity: Severity::Medium,
            severity_reason: "The longer a key lives, the more copies of it there are, and each of them is enough.",
            condition: "an IAM user has an active access key that was made, activated or deactivated more than `ACCESS_KEY_MAX_AGE_DAYS` days before the report",
            references: &[
                "cis:7.0/2.12",
                "cis:5.0/1.13",
                "cis:3.0/1.14",
                "security-hub:IAM.3",
                "mitre-attack:17/T1552.001",
            ],
            remediation: &[
                "See whether a role can do the work: on AWS itself, from a CI system by OpenID Connect, from elsewhere by IAM Roles Anywhere.",
                "If not, make a second key (`aws iam create-access-key --user-name USER`) and give it to whatever uses the first.",
                "Deactivate the old key (`aws iam update-access-key --status Inactive`), and wait until `aws iam get-access-key-last-used` shows that nothing needs it.",
                "Delete it: `aws iam delete-access-key --user-name USER --access-key-id KEY`.",
            ],
        },
        scope: RowScope::Users,
        columns: &[
            "password_enabled",
            "access_key_1_active",
            "access_key_1_last_rotated",
            "access_key_2_active",
            "access_key_2_last_rotated",
        ],
        ends: Ends::WhenMended,
        judge: unrotated,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "the day after the limit",
                Machine(&[("access_key_1_last_rotated", "2025-12-31T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "exactly at the limit",
                Machine(&[("access_key_1_last_rotated", "2026-01-01T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "the second key, in capitals",
                Machine(&[
                    ("access_key_2_active", "TRUE"),
                    ("access_key_2_last_rotated", "2025-01-01T00:00:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "both keys",
                Machine(&[
                    ("access_key_1_last_rotated", "2025-02-01T00:00:00Z"),
                    ("access_key_2_active", "true"),
                    ("access_key_2_last_rotated", "2025-01-01T00:00:00Z"),
                ]),
                Raised(2),
            ),
            CheckCase::new(
                "an inactive key keeps its date",
                Machine(&[
                    ("access_key_1_active", "false"),
                    ("access_key_1_last_rotated", "2025-01-01T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase {
                settings: &[("ACCESS_KEY_MAX_AGE_DAYS", "PEOPLE=1,MACHINES=365")],
                ..CheckCase::new(
                    "a machine's, within the limit for machines",
                    Machine(&[("access_key_1_last_rotated", "2025-12-31T08:15:00Z")]),
                    Nothing,
                )
            },
            CheckCase {
                settings: &[("ACCESS_KEY_MAX_AGE_DAYS", "PEOPLE=90,MACHINES=365")],
                ..CheckCase::new(
                    "a person's, beyond the limit for people",
                    Person(&[
                        ("access_key_1_active", "true"),
                        ("access_key_1_last_rotated", "2025-12-31T08:15:00Z"),
                    ]),
                    Raised(1),
                )
            },
            CheckCase::new("no keys", Person(&[]), Nothing),
            CheckCase::new(
                "created at an unknown time",
                Machine(&[("access_key_1_last_rotated", "N/A")]),
                CouldNotLook,
            ),
            CheckCase::new(
                "no date",
                Machine(&[("access_key_1_last_rotated", "2026-02-30T00:00:00Z")]),
                CouldNotLook,
            ),
            CheckCase::new(
                "made in a year to come",
                Machine(&[("access_key_1_last_rotated", "2027-01-01T00:00:00Z")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "access-key.unused",
            kind: RuleKind::Check,
            title: "Access key is not used",
            severity: Severity::Medium,
            severity_reason: "Nobody would miss the key, and nobody would notice that somebody else uses it.",
            condition: "an IAM user has an active access key that was last used `UNUSED_CREDENTIAL_DAYS` days or more before the report",
            references: UNUSED,
            remediation: &[
                "Ask the user's owner what the key was for.",
                "Deactivate it: `aws iam update-access-key --user-name USER --access-key-id KEY --status Inactive`.",
                "Delete it once nothing is missed: `aws iam delete-access-key --user-name USER --access-key-id KEY`.",
            ],
        },
        scope: RowScope::Users,
        columns: USE_COLUMNS,
        ends: Ends::WhenMended,
        judge: unused,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "exactly at the limit",
                Machine(&[("access_key_1_last_used_date", "2026-02-15T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "an hour before the limit",
                Machine(&[("access_key_1_last_used_date", "2026-02-15T09:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "a day before the limit",
                Machine(&[("access_key_1_last_used_date", "2026-02-16T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "the other key was used: each is judged by its own date",
                Machine(&[
                    ("access_key_2_active", "true"),
                    ("access_key_2_last_rotated", "2026-01-15T07:00:00Z"),
                    ("access_key_2_last_used_date", "2026-01-20T00:00:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "an inactive key",
                Machine(&[
                    ("access_key_1_active", "false"),
                    ("access_key_1_last_used_date", "2025-01-01T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "never, which another rule says",
                Machine(&[("access_key_1_last_used_date", "N/A")]),
                Nothing,
            ),
            CheckCase {
                settings: &[("UNUSED_CREDENTIAL_DAYS", "PEOPLE=1,MACHINES=90")],
                ..CheckCase::new(
                    "within the limit for machines",
                    Machine(&[("access_key_1_last_used_date", "2026-02-01T08:15:00Z")]),
                    Nothing,
                )
            },
            CheckCase::new(
                "nothing is said",
                Machine(&[("access_key_1_last_used_date", "not_supported")]),
                CouldNotLook,
            ),
            CheckCase::new("no date", Machine(&[("access_key_1_last_used_date", "")]), CouldNotLook),
        ],
    },
    Check {
        rule: Rule {
            id: "access-key.never-used",
            kind: RuleKind::Check,
            title: "Access key was never used",
            severity: Severity::Medium,
            severity_reason: "Nobody would miss the key, and it lies where somebody once put it.",
            condition: "an IAM user has an active access key that was made, activated or deactivated `UNUSED_CREDENTIAL_DAYS` days or more before the report, and IAM knows of no use of it",
            references: UNUSED,
            remediation: &[
                "Ask the user's owner what the key was made for.",
                "Delete it: `aws iam delete-access-key --user-name USER --access-key-id KEY`.",
            ],
        },
        scope: RowScope::Users,
        columns: USE_COLUMNS,
        ends: Ends::WhenMended,
        judge: never_used,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "exactly at the limit",
                Machine(&[
                    ("access_key_1_last_used_date", "N/A"),
                    ("access_key_1_last_rotated", "2026-02-15T08:15:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "an hour before the limit",
                Machine(&[
                    ("access_key_1_last_used_date", "N/A"),
                    ("access_key_1_last_rotated", "2026-02-15T09:15:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "in the words of a password that was never used",
                Machine(&[
                    ("access_key_1_last_used_date", "no_information"),
                    ("access_key_1_last_rotated", "2026-02-15T08:15:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "used",
                Machine(&[("access_key_1_last_rotated", "2025-01-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "an inactive key",
                Machine(&[
                    ("access_key_1_active", "false"),
                    ("access_key_1_last_used_date", "N/A"),
                    ("access_key_1_last_rotated", "2025-01-01T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "created at an unknown time",
                Machine(&[("access_key_1_last_used_date", "N/A"), ("access_key_1_last_rotated", "N/A")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "access-key.two-active",
            kind: RuleKind::Check,
            title: "User has two active access keys",
            severity: Severity::Low,
            severity_reason: "Two keys are for the hours in which one replaces the other; later one of them is forgotten.",
            condition: "both access keys of an IAM user are active",
            references: &["cis:6.0/2.12", "cis:5.0/1.12", "cis:3.0/1.13", "mitre-attack:17/T1098.001"],
            remediation: &[
                "See which of them is used: `aws iam list-access-keys --user-name USER`, then `aws iam get-access-key-last-used` for each.",
                "Deactivate the other one, and delete it once nothing is missed.",
                "Where both are used for different things: make a user, or better a role, for each.",
            ],
        },
        scope: RowScope::Users,
        columns: &["access_key_1_active", "access_key_2_active"],
        ends: Ends::WhenMended,
        judge: two_active,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new("both", Machine(&[("access_key_2_active", "true")]), Raised(1)),
            CheckCase::new("one", Machine(&[]), Nothing),
            CheckCase::new(
                "one, and one that is inactive",
                Machine(&[("access_key_2_last_rotated", "2026-01-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase::new("none", Person(&[]), Nothing),
            CheckCase::new("neither yes nor no", Machine(&[("access_key_2_active", "yes")]), CouldNotLook),
        ],
    },
];

/// The keys that can be used.
pub(super) fn active_keys(row: &Row) -> impl Iterator<Item = (Credential, &AccessKey)> {
    let keys = KEY_SLOTS.iter().zip(&row.access_keys);
    keys.filter(|(_, key)| key.active.is_yes())
        .map(|(slot, key)| (Credential { slot, last_rotated: key.last_rotated.value().copied() }, key))
}

fn unrotated(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let max_days = input.limit(input.config.access_key_max_age);
    for (credential, key) in active_keys(input.row) {
        let Some(date) = verdict.needed(&key.last_rotated, credential.slot.last_rotated) else {
            continue;
        };
        let age_days = input.age_days(date);
        if age_days > max_days {
            verdict.raise_about(
                credential,
                format!("has had the same active access key for {}", days(age_days)),
            );
            verdict.fact("age_days", age_days);
            verdict.fact("max_days", max_days);
        }
    }
}

fn unused(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let max_days = input.limit(input.config.unused_credential);
    for (credential, key) in active_keys(input.row) {
        if was_never_used(key) {
            continue;
        }
        let Some(date) = verdict.needed(&key.last_used, credential.slot.last_used) else {
            continue;
        };
        let unused_days = input.age_days(date);
        if unused_days >= max_days {
            verdict.raise_about(
                credential,
                format!("has not used an active access key for {}", days(unused_days)),
            );
            verdict.fact("unused_days", unused_days);
            verdict.fact("max_days", max_days);
        }
    }
}

/// As CIS judges it: what was never used is as long unused as it is old.
fn never_used(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let max_days = input.limit(input.config.unused_credential);
    for (credential, key) in active_keys(input.row) {
        if !was_never_used(key) {
            continue;
        }
        let Some(date) = verdict.needed(&key.last_rotated, credential.slot.last_rotated) else {
            continue;
        };
        let age_days = input.age_days(date);
        if age_days >= max_days {
            verdict.raise_about(
                credential,
                format!("has had an active access key for {} without ever using it", days(age_days)),
            );
            verdict.fact("age_days", age_days);
            verdict.fact("max_days", max_days);
        }
    }
}

fn two_active(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    if active_keys(input.row).count() == 2 {
        verdict.raise("has two active access keys");
    }
}

/// AWS writes `N/A`; `no_information` is what it writes of passwords.
pub(super) fn was_never_used(key: &AccessKey) -> bool {
    matches!(key.last_used, Cell::NotApplicable | Cell::NoInformation)
}
