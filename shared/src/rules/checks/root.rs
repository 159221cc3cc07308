//! The family `root`, over the report: what the root user has, and when it was used.
//!
//! Sources: CIS AWS Foundations Benchmark 7.0, 2.4, 2.5 and 2.7; AWS Security Hub, IAM.4 and IAM.9; IAM User
//! Guide, "Root user best practices for your AWS account".

use super::access_key::active_keys;
#[cfg(any(test, feature = "cases"))]
use super::cases::{CheckCase, CheckExpect::*};
use super::certificate::active_certificates;
use super::check::{Check, CheckInput, RowScope};
use super::verdict::{CheckVerdict, Credential, days};
use crate::finding::rule::Ends;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::credential_report::Cell;
#[cfg(any(test, feature = "cases"))]
use crate::formats::credential_report::samples::BaseRow::Root;
use crate::severity::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check {
        rule: Rule {
            id: "root.access-key-active",
            kind: RuleKind::Check,
            title: "Root has an active access key",
            severity: Severity::Critical,
            severity_reason: "Whoever has the key can do everything, from anywhere, without a second factor, and no policy of the account stops it.",
            condition: "root has an access key that is active",
            references: &[
                "cis:7.0/2.4",
                "cis:5.0/1.3",
                "cis:3.0/1.4",
                "security-hub:IAM.4",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "See what the key is used for: the report names the service and the Region, CloudTrail the calls.",
                "Give whatever uses it a role of its own that may do only that.",
                "Sign in as root, deactivate the key (account menu > Security credentials), and delete it once nothing is missed.",
                "In an organisation: delete the root credentials of member accounts (IAM > Root access management).",
            ],
        },
        scope: RowScope::Root,
        columns: &[
            "access_key_1_active",
            "access_key_1_last_rotated",
            "access_key_2_active",
            "access_key_2_last_rotated",
        ],
        ends: Ends::WhenMended,
        judge: access_key_active,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "the first key",
                Root(&[
                    ("access_key_1_active", "true"),
                    ("access_key_1_last_rotated", "2024-01-05T10:00:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "the second key, in capitals",
                Root(&[
                    ("access_key_2_active", "TRUE"),
                    ("access_key_2_last_rotated", "2024-01-05T10:00:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "both keys, made in the same second",
                Root(&[
                    ("access_key_1_active", "true"),
                    ("access_key_1_last_rotated", "2024-01-05T10:00:00Z"),
                    ("access_key_2_active", "true"),
                    ("access_key_2_last_rotated", "2024-01-05T10:00:00Z"),
                ]),
                Raised(2),
            ),
            CheckCase::new(
                "a key of which no date is known",
                Root(&[("access_key_1_active", "true")]),
                Raised(1),
            ),
            CheckCase::new(
                "an inactive key, which keeps its date",
                Root(&[("access_key_1_last_rotated", "2024-01-05T10:00:00Z")]),
                Nothing,
            ),
            CheckCase::new("neither yes nor no", Root(&[("access_key_1_active", "maybe")]), CouldNotLook),
            CheckCase::new(
                "a word that is no yes and no no",
                Root(&[("access_key_1_active", "N/A")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "root.mfa-disabled",
            kind: RuleKind::Check,
            title: "Root has no second factor",
            severity: Severity::Critical,
            severity_reason: "A password, or whoever reads root's mail and sets a new one, is enough for everything in the account.",
            condition: "root has no second factor, and has, or may have, a password or an active access key",
            references: &[
                "cis:7.0/2.5",
                "cis:5.0/1.4",
                "cis:3.0/1.5",
                "security-hub:IAM.9",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Sign in as root and register two security keys or passkeys, kept in different places (account menu > Security credentials).",
                "See that the mailbox behind root, by which its password can be set anew, has a second factor too.",
                "In an organisation: delete the root credentials of member accounts (IAM > Root access management); without any, this finding goes.",
            ],
        },
        scope: RowScope::Root,
        columns: &["password_enabled", "mfa_active", "access_key_1_active", "access_key_2_active"],
        ends: Ends::WhenMended,
        judge: mfa_disabled,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new("a password", Root(&[("mfa_active", "false")]), Raised(1)),
            CheckCase::new(
                "of the password nothing is said, as older reports do: it may be there",
                Root(&[("mfa_active", "false"), ("password_enabled", "not_supported")]),
                Raised(1),
            ),
            CheckCase::new(
                "no password, but a key",
                Root(&[
                    ("mfa_active", "FALSE"),
                    ("password_enabled", "FALSE"),
                    ("access_key_2_active", "TRUE"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "no credentials at all, as new member accounts of an organisation have none",
                Root(&[("mfa_active", "false"), ("password_enabled", "false")]),
                Nothing,
            ),
            CheckCase::new("a second factor", Root(&[]), Nothing),
            CheckCase::new(
                "a second factor, and of the password nothing is said",
                Root(&[("password_enabled", "not_supported")]),
                Nothing,
            ),
            CheckCase::new("neither yes nor no", Root(&[("mfa_active", "")]), CouldNotLook),
            CheckCase::new(
                "of the second factor nothing is said",
                Root(&[("mfa_active", "not_supported")]),
                CouldNotLook,
            ),
            CheckCase::new(
                "no second factor, and the password cannot be read",
                Root(&[("mfa_active", "false"), ("password_enabled", "?")]),
                CouldNotLook,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "root.recently-used",
            kind: RuleKind::Check,
            title: "Root was used recently",
            severity: Severity::High,
            severity_reason: "Root is for the few tasks that nothing else can do, so each use has somebody who can explain it.",
            condition: "root's password or one of its access keys was used within `ROOT_RECENTLY_USED_DAYS` days before the report",
            references: &["cis:7.0/2.7", "cis:5.0/1.6", "cis:3.0/1.7", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask whoever keeps the root password whether it was them, and for which task.",
                "If it was not: take the account back by the password recovery of root, and change root's mail password first.",
                "Look in CloudTrail for what root did: new users, keys, roles, stopped trails.",
                "If it was: have the task done by a role next time, where AWS allows it.",
            ],
        },
        scope: RowScope::Root,
        columns: &[
            "password_last_used",
            "access_key_1_active",
            "access_key_1_last_used_date",
            "access_key_2_active",
            "access_key_2_last_used_date",
        ],
        ends: Ends::ByItself,
        judge: recently_used,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "the password, an hour before",
                Root(&[("password_last_used", "2026-04-01T07:15:00+00:00")]),
                Raised(1),
            ),
            CheckCase::new(
                "the second key today, the password long ago",
                Root(&[("access_key_2_last_used_date", "2026-04-01T07:15:00Z")]),
                Raised(1),
            ),
            CheckCase::new(
                "the first key, and never the password",
                Root(&[
                    ("password_last_used", "no_information"),
                    ("access_key_1_last_used_date", "2026-03-31T23:00:00Z"),
                ]),
                Raised(1),
            ),
            CheckCase::new(
                "an hour after the report, by another clock",
                Root(&[("password_last_used", "2026-04-01T09:15:00Z")]),
                Raised(1),
            ),
            // Two days but a second: with the report up to four hours old and a run a day no use falls between.
            CheckCase::new(
                "exactly at the limit, in whole days",
                Root(&[("password_last_used", "2026-03-30T08:15:01Z")]),
                Raised(1),
            ),
            CheckCase::new("the day after", Root(&[("password_last_used", "2026-03-30T08:15:00Z")]), Nothing),
            CheckCase::new("months ago", Root(&[]), Nothing),
            CheckCase::new("never", Root(&[("password_last_used", "No_Information")]), Nothing),
            CheckCase::new("no password", Root(&[("password_last_used", "N/A")]), Nothing),
            CheckCase {
                settings: &[("ROOT_RECENTLY_USED_DAYS", "365")],
                ..CheckCase::new("months ago, with a limit of a year", Root(&[]), Raised(1))
            },
            CheckCase::new(
                "in a year to come",
                Root(&[("password_last_used", "2027-04-01T07:15:00Z")]),
                CouldNotLook,
            ),
            CheckCase::new(
                "before there was AWS",
                Root(&[("password_last_used", "1970-01-01T00:00:00Z")]),
                CouldNotLook,
            ),
            CheckCase::new("nothing is said", Root(&[("password_last_used", "not_supported")]), CouldNotLook),
            CheckCase::new(
                "nothing is said of an active key",
                Root(&[("access_key_2_active", "true"), ("access_key_2_last_used_date", "not_supported")]),
                CouldNotLook,
            ),
            CheckCase::new(
                "nothing is said of an inactive key",
                Root(&[("access_key_2_last_used_date", "not_supported")]),
                Nothing,
            ),
            CheckCase::new("an active key, never", Root(&[("access_key_1_active", "true")]), Nothing),
            CheckCase::new(
                "an active key, never, in the words of a password",
                Root(&[("access_key_1_active", "true"), ("access_key_1_last_used_date", "no_information")]),
                Nothing,
            ),
        ],
    },
    Check {
        rule: Rule {
            id: "root.certificate-active",
            kind: RuleKind::Check,
            title: "Root has an active signing certificate",
            severity: Severity::High,
            severity_reason: "Whoever has its private key can sign requests as root without a second factor; few services still take one, so it is not CRITICAL.",
            condition: "root has an X.509 signing certificate that is active",
            references: &["mitre-attack:17/T1552.004", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Find out who made it and for what: only very old tools for EC2 images sign with one.",
                "Sign in as root, deactivate it (account menu > Security credentials), and delete it once nothing is missed.",
            ],
        },
        scope: RowScope::Root,
        columns: &["cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"],
        ends: Ends::WhenMended,
        judge: certificate_active,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            CheckCase::new(
                "one",
                Root(&[("cert_2_active", "true"), ("cert_2_last_rotated", "2012-01-05T10:00:00Z")]),
                Raised(1),
            ),
            CheckCase::new("one of which no date is known", Root(&[("cert_1_active", "TRUE")]), Raised(1)),
            CheckCase::new(
                "an inactive one",
                Root(&[("cert_1_last_rotated", "2012-01-05T10:00:00Z")]),
                Nothing,
            ),
            CheckCase::new("neither yes nor no", Root(&[("cert_1_active", "no")]), CouldNotLook),
        ],
    },
];

fn access_key_active(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    for (credential, key) in active_keys(input.row) {
        let age_days = key.last_rotated.value().map(|date| input.age_days(*date));
        match age_days {
            Some(age_days) => {
                verdict
                    .raise_about(credential, format!("has had an active access key for {}", days(age_days)));
                verdict.fact("age_days", age_days);
            }
            None => verdict.raise_about(credential, "has an active access key"),
        }
    }
}

/// Without any credential there is nothing to protect: CIS and Security Hub let that pass too.
fn mfa_disabled(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    if !input.row.mfa_active.is_no() {
        return;
    }
    let key = active_keys(input.row).next().is_some();
    match (&input.row.password.enabled, key) {
        (Cell::Value(true), _) => verdict.raise("has a password and no second factor"),
        (Cell::NotSupported, _) => {
            verdict.raise("has no second factor and may have a password (which the report does not say)");
        }
        (_, true) => verdict.raise("has an active access key and no second factor"),
        (_, false) => {}
    }
}

/// The latest use counts: an old sign-in must not hide today's use of a key, nor yesterday's use today's.
fn recently_used(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    let row = input.row;
    let [key_1, key_2] = &row.access_keys;
    if row.password.last_used == Cell::NotSupported {
        verdict.unjudged.push("password_last_used");
    }
    for (Credential { slot, .. }, key) in active_keys(row) {
        if key.last_used == Cell::NotSupported {
            verdict.unjudged.push(slot.last_used);
        }
    }
    let uses = [
        (row.password.last_used.value(), "its password"),
        (key_1.last_used.value(), "an access key"),
        (key_2.last_used.value(), "an access key"),
    ];
    let latest =
        uses.into_iter().filter_map(|(date, with)| Some((*date?, with))).max_by_key(|(date, _)| *date);
    let Some((date, with)) = latest else {
        return;
    };
    let unused_days = input.age_days(date);
    if unused_days <= i64::from(input.config.root_recently_used_days) {
        verdict.raise_use(date, format!("used {with} on {}", date.format("%Y-%m-%d at %H:%M UTC")));
        verdict.fact("unused_days", unused_days);
    }
}

fn certificate_active(input: &CheckInput<'_>, verdict: &mut CheckVerdict) {
    for (credential, _) in active_certificates(input.row) {
        verdict.raise_about(credential, "has an active signing certificate");
    }
}
