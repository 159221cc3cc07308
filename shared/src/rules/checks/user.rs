//! The family `user`, over the report: what an IAM user has and does as a whole.
//!
//! Sources: AWS Security Hub, IAM.8; AWS Config, `iam-user-unused-credentials-check`; IAM User Guide, "Security
//! best practices in IAM".

use chrono::{DateTime, Utc};

use super::access_key::{active_keys, was_never_used};
#[cfg(any(test, feature = "cases"))]
use super::cases::{CheckCase, CheckExpect::*};
use super::check::{Check, CheckInput, RowScope};
use super::verdict::{CheckVerdict, Credential, days};
use crate::finding::rule::Ends;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::credential_report::Cell;
#[cfg(any(test, feature = "cases"))]
use crate::formats::credential_report::samples::BaseRow::{Machine, Person};
use crate::severity::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: Rule {
            id: "user.password-and-key",
            kind: RuleKind::Check,
            title: "User has both a password and an access key",
            severity: Severity::Low,
            severity_reason: "The key goes around the second factor that the password may ask for; nothing is wrong with either by itself.",
            condition: "an IAM user has a console password and an active access key",
            references: &["mitre-attack:17/T1078.004", "mitre-attack:17/T1552.001"],
            remediation: &[
                "Ask the user what the key is for: people at a terminal can use `aws login` or IAM Identity Center instead.",
                "Where a program uses it: give the program a role, or a user of its own without a password.",
                "Then delete the key: `aws iam delete-access-key --user-name USER --access-key-id KEY`.",
            ],
        },
        scope: RowScope::Users,
        columns: &["password_enabled", "access_key_1_active", "access_key_2_active"],
        ends: Ends::WhenMended,
        judge: password_and_key,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "a password and the first key",
                Person(&[("access_key_1_active", "true")]),
                Raised(1),
            ),
            CheckCase::new(
                "a password and both keys",
                Person(&[("access_key_1_active", "TRUE"), ("access_key_2_active", "TRUE")]),
                Raised(1),
            ),
            CheckCase::new(
                "a password",
                Person(&[("access_key_1_last_rotated", "2026-01-01T00:00:00Z")]),
                Nothing,
            ),
            CheckCase::new("a key", Machine(&[]), Nothing),
            CheckCase::new("neither yes nor no", Person(&[("access_key_1_active", "")]), CouldNotLook),
        ],
    },
    Check {
        rule: Rule {
            id: "user.idle",
            kind: RuleKind::Check,
            title: "User is idle",
            severity: Severity::Low,
            severity_reason: "It sums up what the rules about its single credentials say, so that the user can be deleted as a whole.",
            condition: "an IAM user has a password or an active access key, and the last use of anything it has was `IDLE_DAYS` days or more before the report; what was never used counts from the day on which it was made",
            references: &[
                "cis:7.0/2.11",
                "cis:5.0/1.11",
                "cis:3.0/1.12",
                "security-hub:IAM.8",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Ask whoever the user belongs to whether it is still needed.",
                "If not, take its password (`aws iam delete-login-profile --user-name USER`) and deactivate its access keys.",
                "Delete the user once nothing is missed: `aws iam delete-user --user-name USER`, after all that belongs to it.",
            ],
        },
        scope: RowScope::Users,
        columns: &[
            "password_enabled",
            "password_last_used",
            "password_last_changed",
            "access_key_1_active",
            "access_key_1_last_rotated",
            "access_key_1_last_used_date",
            "access_key_2_active",
            "access_key_2_last_rotated",
            "access_key_2_last_used_date",
        ],
        ends: Ends::WhenMended,
        judge: idle,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "exactly at the limit",
                Person(&[("password_last_used", "2026-01-01T08:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "an hour before the limit",
                Person(&[("password_last_used", "2026-01-01T09:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "a day before the limit",
                Person(&[("password_last_used", "2026-01-02T08:15:00Z")]),
                Nothing,
            ),
            CheckCase::new(
                "a key is used",
                Person(&[
                    ("password_last_used", "2025-12-31T08:15:00Z"),
                    ("access_key_2_active", "true"),
                    ("access_key_2_last_rotated", "2025-01-01T00:00:00Z"),
                    ("access_key_2_last_used_date", "2026-03-31T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "a key that is inactive now was used",
                Person(&[
                    ("password_last_used", "2025-12-31T08:15:00Z"),
                    ("access_key_1_last_used_date", "2026-03-31T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "an old key that was changed lately and last used long ago",
                Machine(&[("access_key_1_last_used_date", "2025-06-01T00:00:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "never used, and old",
                Machine(&[
                    ("access_key_1_last_rotated", "2025-12-31T08:15:00Z"),
                    ("access_key_1_last_used_date", "N/A"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "never used, and young",
                Person(&[
                    ("password_last_used", "no_information"),
                    ("password_last_changed", "2026-03-30T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "the password never used and old, the key never used and young",
                Person(&[
                    ("password_last_used", "no_information"),
                    ("password_last_changed", "2025-01-01T00:00:00Z"),
                    ("access_key_1_active", "true"),
                    ("access_key_1_last_rotated", "2026-03-30T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase::new(
                "nothing that could be used",
                Machine(&[
                    ("access_key_1_active", "false"),
                    ("access_key_1_last_used_date", "2020-01-01T00:00:00Z"),
                ]),
                Nothing,
            ),
            CheckCase {
                settings: &[("IDLE_DAYS", "PEOPLE=30,MACHINES=3650")],
                ..CheckCase::new(
                    "a machine, within the limit for machines",
                    Machine(&[("access_key_1_last_used_date", "2025-06-01T00:00:00Z")]),
                    Nothing,
                )
            },
            CheckCase::new(
                "never used, and created at an unknown time",
                Person(&[("password_last_used", "no_information"), ("password_last_changed", "N/A")]),
                CouldNotLook,
            ),
            CheckCase::new("no date", Person(&[("password_last_used", "today")]), CouldNotLook),
        ],
    },
];

fn password_and_key(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    if input.row.password.enabled.is_yes() && active_keys(input.row).next().is_some() {
        verdict.raise("has a console password and an active access key");
    }
}

/// The latest use of anything counts, of what cannot be used any more too. What was never used counts from when
/// it was made, as in the rules about single credentials.
fn idle(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let row = input.row;
    let password = &row.password;
    let uses = [&password.last_used, &row.access_keys[0].last_used, &row.access_keys[1].last_used];
    let mut since: Vec<Option<DateTime<Utc>>> = uses.iter().map(|cell| cell.value().copied()).collect();
    let mut unknown = uses.iter().any(|cell| matches!(cell, Cell::Missing | Cell::Unreadable(_)));
    let mut unjudged = CheckVerdict::default();
    let mut of_credential = |never_used: bool, made: &Cell<_>, made_column, used: &Cell<_>, used_column| {
        let date = match never_used {
            true => unjudged.needed(made, made_column),
            false => unjudged.needed(used, used_column),
        };
        unknown |= date.is_none();
        since.push(date);
    };
    if password.enabled.is_yes() {
        let never_used = matches!(password.last_used, Cell::NoInformation | Cell::NotApplicable);
        let (made, used) = (&password.last_changed, &password.last_used);
        of_credential(never_used, made, "password_last_changed", used, "password_last_used");
    }
    for (Credential { slot, .. }, key) in active_keys(row) {
        let (made, used) = (&key.last_rotated, &key.last_used);
        of_credential(was_never_used(key), made, slot.last_rotated, used, slot.last_used);
    }
    if !password.enabled.is_yes() && active_keys(row).next().is_none() {
        return;
    }
    let max_days = input.limit(input.config.idle);
    let idle_days = since.into_iter().flatten().max().map(|latest| input.age_days(latest));
    match idle_days {
        // It is not idle, for any value of the unknown dates.
        Some(idle_days) if idle_days < max_days => {}
        // One of them could be a later one.
        _ if unknown => verdict.unjudged.extend(unjudged.unjudged),
        Some(idle_days) => {
            verdict.raise(format!("has used no password and no access key for {}", days(idle_days)));
            verdict.fact("unused_days", idle_days);
            verdict.fact("max_days", max_days);
        }
        // Of what it has, each has a date or is not known.
        None => {}
    }
}
