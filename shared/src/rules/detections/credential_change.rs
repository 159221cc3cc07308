//! The family `credential-change`: changes of passwords, second factors and access keys of IAM users.
//!
//! Root's own are in the family `root`. Sources: IAM API Reference; IAM User Guide, "AWS managed policies"
//! (`AWSCompromisedKeyQuarantineV3`).

use std::borrow::Cow;

use super::calls::{IAM, calls, kind_named};
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use crate::config::Config;
use crate::finding::masked;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::{Record, Text, text, truth};
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::severity::Severity;
use crate::text::quoted;

const QUARANTINE_CALLS: &[&str] = &[
    "AttachUserPolicy",
    "AttachRolePolicy",
    "AttachGroupPolicy",
    "PutUserPolicy",
    "PutRolePolicy",
    "PutGroupPolicy",
];

const QUARANTINE_LIFTS: &[&str] = &[
    "DetachUserPolicy",
    "DetachRolePolicy",
    "DetachGroupPolicy",
    "DeleteUserPolicy",
    "DeleteRolePolicy",
    "DeleteGroupPolicy",
];

const MFA_REMOVALS: &[&str] = &["DeactivateMFADevice", "DeleteVirtualMFADevice"];

const LOGIN_PROFILE_CALLS: &[&str] = &["CreateLoginProfile", "UpdateLoginProfile"];

const PASSWORD_POLICY_CALLS: &[&str] = &["UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"];

pub(super) const DETECTIONS: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "credential-change.leaked-key-quarantined",
            kind: RuleKind::Detection,
            title: "AWS found a leaked access key",
            severity: Severity::Critical,
            severity_reason: "AWS attaches this policy when it finds an access key in public; the policy stops some calls, not all.",
            condition: "the policy with which AWS quarantines a leaked access key was put on a principal",
            references: &["mitre-attack:17/T1552.001", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Deactivate every access key of that user now (IAM > Users > Security credentials); delete them when nothing breaks.",
                "Look in CloudTrail for what the keys did since they leaked: new users, keys, roles, instances.",
                "Read the mail and the support case that AWS sent: they say where the key was found. Remove it there.",
                "Give the program a role, or a new key that is kept in a secret store.",
                "Leave the quarantine policy in place until the old keys are gone.",
            ],
        },
        scope: &[RecordScope::Names(QUARANTINE_CALLS)],
        event_names: EventNames::Apart,
        matches: leaked_key_quarantined,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "the managed policy, third version",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the managed policy, first version",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the inline policy of earlier years, by the user's own hand as CloudTrail shows it",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "userIdentity": {"type": "IAMUser", "userName": "svc-backup"}, "requestParameters": {"userName": "svc-backup", "policyName": "AWSExposedCredentialPolicy_DO_NOT_REMOVE", "policyDocument": "{}"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "a policy of one's own with that name",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::111122223333:policy/AWSCompromisedKeyQuarantineV3"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "errorCode": "AccessDenied", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "it is detached again",
                ApiCall(
                    r#"{"eventName": "DetachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}}"#,
                ),
                Instead("credential-change.quarantine-lifted"),
            ),
            DetectionCase::new(
                "the policy's ARN is a number",
                ApiCall(r#"{"eventName": "AttachUserPolicy", "requestParameters": {"policyArn": 7}}"#),
                Instead("grant.policy-changed"),
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "credential-change.quarantine-lifted",
            kind: RuleKind::Detection,
            title: "Quarantine of a leaked key lifted",
            severity: Severity::High,
            severity_reason: "Whoever found the key in public can do again what the quarantine stopped, unless the key is gone.",
            condition: "the policy with which AWS quarantines a leaked access key was taken off a principal",
            references: &["mitre-attack:17/T1552.001", "mitre-attack:17/T1098"],
            remediation: &[
                "See that every key the user had when it was quarantined is deleted (IAM > Users > Security credentials).",
                "If one is still there: deactivate it now, and attach the quarantine policy again.",
                "Ask whoever lifted it, by a way that is not email, whether they meant to.",
                "Look in CloudTrail for what that user did since.",
            ],
        },
        scope: &[RecordScope::Names(QUARANTINE_LIFTS)],
        event_names: EventNames::Apart,
        matches: quarantine_lifted,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "detached",
                ApiCall(
                    r#"{"eventName": "DetachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the inline policy of earlier years was deleted",
                ApiCall(
                    r#"{"eventName": "DeleteUserPolicy", "requestParameters": {"userName": "svc-backup", "policyName": "AWSExposedCredentialPolicy_DO_NOT_REMOVE"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "another policy",
                ApiCall(
                    r#"{"eventName": "DetachUserPolicy", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "DetachUserPolicy", "errorCode": "AccessDenied", "requestParameters": {"userName": "svc-backup", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "credential-change.mfa-removed",
            kind: RuleKind::Detection,
            title: "Second factor removed from a user",
            severity: Severity::High,
            severity_reason: "Without its second factor a password alone is enough, also when the user removed it: a stolen session does the same. \
                LOW for a virtual device that was deleted, since it had to be deactivated first.",
            condition: "an MFA device of an IAM user was deactivated or deleted",
            references: &[
                "cis:7.0/2.10",
                "security-hub:IAM.5",
                "security-hub:IAM.19",
                "mitre-attack:17/T1556.006",
            ],
            remediation: &[
                "Ask the user and whoever removed it, by a way that is not email, whether the device was replaced.",
                "See that the user has another device registered. If it has none and still a password, register one today.",
                "If nobody owns up: change the user's password, deactivate its access keys and those of who removed the device.",
                "Look for sign-ins of that user since.",
            ],
        },
        scope: &[RecordScope::Names(MFA_REMOVALS)],
        event_names: EventNames::Apart,
        matches: mfa_removed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "deactivated for another user",
                ApiCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "deactivated by the user",
                ApiCall(
                    r#"{"eventName": "DeactivateMFADevice", "userIdentity": {"type": "IAMUser", "userName": "alice"}, "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by root: not root's own device",
                RootCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(r#"{"eventName": "DeactivateMFADevice"}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a virtual device was deleted",
                ApiCall(
                    r#"{"eventName": "DeleteVirtualMFADevice", "requestParameters": {"serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "DeactivateMFADevice", "errorCode": "AccessDenied", "requestParameters": {"userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "registered",
                ApiCall(r#"{"eventName": "EnableMFADevice", "requestParameters": {"userName": "alice"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "example.amazonaws.com", "eventName": "DeactivateMFADevice"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "credential-change.login-profile-changed",
            kind: RuleKind::Detection,
            title: "Console password set for a user",
            severity: Severity::Medium,
            severity_reason: "Administrators do it for newcomers, and thieves to come back as somebody else. \
                HIGH where the password need not be changed: whoever set it can go on using it.",
            condition: "somebody gave another IAM user a console password, or changed it; or a user did so to itself: a first password, \
                or another one with a long-lived access key",
            references: &["mitre-attack:17/T1098", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask whoever set it, by a way that is not email, whether they meant to, and for whom.",
                "If they did not: delete that login profile, and deactivate the credentials of who set it.",
                "Look for sign-ins of that user since, and from where.",
                "Where it was meant: have the user change the password and register a second factor.",
            ],
        },
        scope: &[RecordScope::Names(LOGIN_PROFILE_CALLS)],
        event_names: EventNames::Apart,
        matches: login_profile_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "set, to be changed at the first sign-in",
                ApiCall(
                    r#"{"eventName": "CreateLoginProfile", "requestParameters": {"userName": "alice", "passwordResetRequired": true}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "set, and can be kept",
                ApiCall(
                    r#"{"eventName": "CreateLoginProfile", "requestParameters": {"userName": "alice", "passwordResetRequired": false}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "changed, and not a word about keeping it: IAM's default is no",
                ApiCall(r#"{"eventName": "UpdateLoginProfile", "requestParameters": {"userName": "alice"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by another IAM user",
                ApiCall(
                    r#"{"eventName": "UpdateLoginProfile", "userIdentity": {"type": "IAMUser", "userName": "mallory"}, "requestParameters": {"userName": "alice", "passwordResetRequired": "true"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by a role session that bears the user's name",
                ApiCall(
                    r#"{"eventName": "UpdateLoginProfile", "userIdentity": {"userName": "alice", "arn": "arn:aws:sts::111122223333:assumed-role/Admin/alice"}, "requestParameters": {"userName": "alice", "passwordResetRequired": true}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by root: HIGH at least",
                RootCall(
                    r#"{"eventName": "CreateLoginProfile", "requestParameters": {"userName": "alice", "passwordResetRequired": true}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the user is a list: its owner is unknown",
                ApiCall(
                    r#"{"eventName": "CreateLoginProfile", "requestParameters": {"userName": ["alice"]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a first password by the user itself: who has a stolen key does that",
                ApiCall(
                    r#"{"eventName": "CreateLoginProfile", "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": "AKIAALICEEXAMPLE1234"}, "requestParameters": {"userName": "alice"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "changed by the user itself, with a long-lived key",
                ApiCall(
                    r#"{"eventName": "UpdateLoginProfile", "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": "AKIAALICEEXAMPLE1234"}, "requestParameters": {"userName": "alice"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "only the answer names the user",
                ApiCall(
                    r#"{"eventName": "CreateLoginProfile", "requestParameters": {"passwordResetRequired": true}, "responseElements": {"loginProfile": {"userName": "alice"}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by the user, in other casing: IAM does not distinguish them",
                ApiCall(
                    r#"{"eventName": "UpdateLoginProfile", "userIdentity": {"type": "IAMUser", "userName": "alice"}, "requestParameters": {"userName": "Alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "UpdateLoginProfile", "errorCode": "AccessDenied", "requestParameters": {"userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "removed",
                ApiCall(r#"{"eventName": "DeleteLoginProfile", "requestParameters": {"userName": "alice"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "example.amazonaws.com", "eventName": "UpdateLoginProfile", "requestParameters": {"userName": "alice"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "credential-change.access-key-for-other",
            kind: RuleKind::Detection,
            title: "Access key created for another user",
            severity: Severity::Medium,
            severity_reason: "Administrators do it for programs, and thieves to come back as somebody else; a key lasts until somebody deletes it.",
            condition: "somebody created an access key for another IAM user",
            references: &["mitre-attack:17/T1098.001", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask whoever created it, by a way that is not email, whether they meant to, and for which program.",
                "If they did not: deactivate that key, and the credentials of who created it.",
                "Look in CloudTrail for what the new key did.",
                "Where it was meant: see whether a role would do, and that the key is kept in a secret store.",
            ],
        },
        scope: &[RecordScope::Names(&["CreateAccessKey"])],
        event_names: EventNames::Apart,
        matches: access_key_for_other,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "by a role session",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "requestParameters": {"userName": "svc-backup"}, "responseElements": {"accessKey": {"userName": "svc-backup", "accessKeyId": "AKIABACKUPEXAMPLE123", "status": "Active"}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by a role session that bears the user's name",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"userName": "svc-backup", "arn": "arn:aws:sts::111122223333:assumed-role/Admin/svc-backup"}, "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by another IAM user",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"type": "IAMUser", "userName": "mallory"}, "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "only the answer names the user",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"type": "IAMUser", "userName": "mallory"}, "responseElements": {"accessKey": {"userName": "svc-backup"}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by root: HIGH at least",
                RootCall(
                    r#"{"eventName": "CreateAccessKey", "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by a principal that the record does not name",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": null, "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "for oneself, named",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"type": "IAMUser", "userName": "alice"}, "requestParameters": {"userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "for oneself, the parameters null",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"type": "IAMUser", "userName": "alice"}, "responseElements": {"accessKey": {"userName": "alice"}}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "for oneself: nothing names anyone else",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "userIdentity": {"type": "IAMUser", "userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "CreateAccessKey", "errorCode": "LimitExceeded", "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "credential-change.password-policy-changed",
            kind: RuleKind::Detection,
            title: "Account password policy changed",
            severity: Severity::Medium,
            severity_reason: "It rules every console password of the account and changes once in years. HIGH where it was deleted: AWS's short default holds again.",
            condition: "the account's password policy was changed or deleted",
            references: &["cis:7.0/2.8", "cis:7.0/2.9", "security-hub:IAM.7", "mitre-attack:17/T1556"],
            remediation: &[
                "Look at the password policy as it is now: IAM > Account settings. CIS asks for 14 characters and 24 passwords remembered.",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: put the former policy back, and deactivate the credentials of who changed it.",
                "Look for passwords that were set since.",
            ],
        },
        scope: &[RecordScope::Names(PASSWORD_POLICY_CALLS)],
        event_names: EventNames::Apart,
        matches: password_policy_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "changed",
                ApiCall(
                    r#"{"eventName": "UpdateAccountPasswordPolicy", "requestParameters": {"minimumPasswordLength": 8, "requireSymbols": false}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "changed, the parameters a text",
                ApiCall(r#"{"eventName": "UpdateAccountPasswordPolicy", "requestParameters": "none"}"#),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "deleted",
                ApiCall(r#"{"eventName": "DeleteAccountPasswordPolicy"}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "DeleteAccountPasswordPolicy", "errorCode": "NoSuchEntityException"}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "read",
                ApiCall(r#"{"eventName": "GetAccountPasswordPolicy", "readOnly": true}"#),
                Nothing,
            ),
        ],
    },
];

/// Whether an IAM user acted on itself. A role session is never the user, whatever its name; IAM does not
/// distinguish names by casing.
fn acts_on_itself(record: &Record<'_>, target: &str) -> bool {
    let identity = &record.user_identity;
    identity.kind.as_deref() == Some("IAMUser")
        && identity.user_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(target))
}

/// A user as a phrase names it.
fn named(user: &Text<'_>) -> String {
    user.as_deref().map_or("somebody whom the record does not name".to_owned(), quoted)
}

fn leaked_key_quarantined(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, QUARANTINE_CALLS) || !record.call_succeeded() {
        return None;
    }
    if !names_quarantine(record) {
        return None;
    }
    let target = target(record);
    let what =
        format!("put AWS's quarantine policy on {}: an access key was found in public", named(&target));
    Some(about_quarantine(DetectionRaised::new(Severity::Critical, what), target, record))
}

fn quarantine_lifted(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let lifted = calls(record, IAM, QUARANTINE_LIFTS) && record.call_succeeded();
    (lifted && names_quarantine(record)).then(|| {
        let target = target(record);
        let what = format!("took AWS's quarantine policy for a leaked access key off {}", named(&target));
        about_quarantine(DetectionRaised::new(Severity::High, what), target, record)
    })
}

fn target<'r>(record: &'r Record<'_>) -> Text<'r> {
    ["userName", "roleName", "groupName"].into_iter().find_map(|name| record.request(name))
}

fn about_quarantine(raised: DetectionRaised, target: Text<'_>, record: &Record<'_>) -> DetectionRaised {
    raised
        .resource(target.clone())
        .resource_kind(kind_named(record))
        .fact("target", target)
        .fact("policy_arn", record.request("policyArn"))
        .fact("policy_name", record.request("policyName"))
}

/// Whether the policy that a call is about is one with which AWS quarantines a leaked key.
fn names_quarantine(record: &Record<'_>) -> bool {
    let policy_arn = record.request("policyArn");
    let of_aws = policy_arn.as_deref().is_some_and(|arn| {
        arn.split_once(":aws:policy/")
            .is_some_and(|(_, name)| name.starts_with("AWSCompromisedKeyQuarantine"))
    });
    let policy_name = record.request("policyName");
    let inline = policy_name.as_deref().is_some_and(|name| {
        name == "AWSExposedCredentialPolicy_DO_NOT_REMOVE" || name.starts_with("AWSCompromisedKeyQuarantine")
    });
    of_aws || inline
}

fn mfa_removed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, MFA_REMOVALS) || !record.call_succeeded() {
        return None;
    }
    let serial = record.request("serialNumber");
    let user = record.request("userName");
    let raised = if record.event_name == "DeactivateMFADevice" {
        let what = match user.as_deref() {
            Some(user) if acts_on_itself(record, user) => "removed a second factor of its own".to_owned(),
            _ => format!("removed a second factor of {}", named(&user)),
        };
        DetectionRaised::new(Severity::High, what)
    } else {
        let device = serial.as_deref().map_or("that the record does not name".to_owned(), quoted);
        DetectionRaised::new(Severity::Low, format!("deleted the virtual MFA device {device}"))
    };
    Some(
        raised
            .resource(user.clone().or_else(|| serial.clone()))
            .resource_kind(user.is_some().then_some("user"))
            .fact("target_user", user)
            .fact("serial_number", serial),
    )
}

fn login_profile_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, LOGIN_PROFILE_CALLS) || !record.call_succeeded() {
        return None;
    }
    let created = record.event_name == "CreateLoginProfile";
    let user =
        record.request("userName").or_else(|| text(&record.response_elements["loginProfile"]["userName"]));
    let itself = user.as_deref().is_some_and(|user| acts_on_itself(record, user));
    // In the console a user changes its own password; a key that gives its user one is a stolen key's way in.
    let long_lived_key =
        record.user_identity.access_key_id.as_deref().is_some_and(|key| key.starts_with("AKIA"));
    if itself && !created && !long_lived_key {
        return None;
    }
    let to_be_changed = truth(&record.request_parameters["passwordResetRequired"]);
    let verb = if created { "set a" } else { "changed the" };
    let kept = if to_be_changed == Some(true) { "" } else { " that need not be changed at the next sign-in" };
    let whom = if itself { "itself".to_owned() } else { named(&user) };
    let what = format!("{verb} console password for {whom}{kept}");
    let severity = if to_be_changed == Some(true) { Severity::Medium } else { Severity::High };
    Some(
        DetectionRaised::new(severity, what)
            .resource(user.clone())
            .resource_kind(Some("user"))
            .fact("target_user", user)
            .fact("password_reset_required", to_be_changed.map(|it| it.to_string())),
    )
}

fn access_key_for_other(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, &["CreateAccessKey"]) || !record.call_succeeded() {
        return None;
    }
    let key = &record.response_elements["accessKey"];
    let user = record.request("userName").or_else(|| text(&key["userName"]));
    let own = match user.as_deref() {
        Some(user) => acts_on_itself(record, user),
        // A key for no named user is the caller's own.
        None => record.user_identity.kind.as_deref() == Some("IAMUser"),
    };
    if own {
        return None;
    }
    let what = format!("created an access key for {}", named(&user));
    Some(
        DetectionRaised::new(Severity::Medium, what)
            .resource(user.clone())
            .resource_kind(Some("user"))
            .fact("target_user", user)
            .fact("target_access_key_id", text(&key["accessKeyId"]).as_deref().map(masked)),
    )
}

fn password_policy_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, PASSWORD_POLICY_CALLS) || !record.call_succeeded() {
        return None;
    }
    if record.event_name == "DeleteAccountPasswordPolicy" {
        return Some(DetectionRaised::new(Severity::High, "deleted the account's password policy"));
    }
    let raised = DetectionRaised::new(Severity::Medium, "changed the account's password policy");
    let fact =
        |raised: DetectionRaised, (fact, name)| raised.fact(fact, record.request(name).map(Cow::into_owned));
    let facts = [
        ("minimum_password_length", "minimumPasswordLength"),
        ("password_reuse_prevention", "passwordReusePrevention"),
        ("max_password_age", "maxPasswordAge"),
        ("require_symbols", "requireSymbols"),
        ("require_numbers", "requireNumbers"),
        ("require_uppercase_characters", "requireUppercaseCharacters"),
        ("require_lowercase_characters", "requireLowercaseCharacters"),
        ("allow_users_to_change_password", "allowUsersToChangePassword"),
        ("hard_expiry", "hardExpiry"),
    ];
    Some(facts.into_iter().fold(raised, fact))
}
