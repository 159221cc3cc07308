//! The family `identity-center`: people at the portal, and who is given what through it.
//!
//! Sources: IAM Identity Center User Guide, "Understanding IAM Identity Center sign-in events" and "Logging
//! IAM Identity Center API calls with AWS CloudTrail"; IAM Identity Center and Identity Store API References.

use super::calls::calls;
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use super::grant::{admin_policy, worst_grant};
use crate::config::Config;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::{Record, truth};
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::formats::cloudtrail::sign_in;
use crate::formats::cloudtrail::sign_in::{Mfa, Outcome, SIGN_IN_SOURCE, SignIn, Way};
use crate::formats::iam_policy::PolicyDocument;
use crate::severity::Severity;
use crate::text::quoted;

const SSO: &str = "sso.amazonaws.com";

/// The services that keep Identity Center's people and groups.
const DIRECTORIES: &[&str] = &["sso-directory.amazonaws.com", "identitystore.amazonaws.com"];

const IDENTITY_SOURCE_CALLS: &[&str] = &[
    "AssociateDirectory",
    "DisassociateDirectory",
    "EnableExternalIdPConfigurationForDirectory",
    "DisableExternalIdPConfigurationForDirectory",
];

const SETTINGS_CALLS: &[&str] = &["StartSSO", "UpdateSSOConfiguration", "UpdateSsoConfiguration"];

const MEMBERSHIP_CALLS: &[&str] = &["AddMemberToGroup", "CreateGroupMembership"];

const PERMISSION_SET_CALLS: &[&str] = &[
    "CreatePermissionSet",
    "AttachManagedPolicyToPermissionSet",
    "AttachCustomerManagedPolicyReferenceToPermissionSet",
    "PutInlinePolicyToPermissionSet",
    "DeletePermissionsBoundaryFromPermissionSet",
];

pub(super) const DETECTIONS: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "identity-center.failed",
            kind: RuleKind::Detection,
            title: "Identity Center sign-in failed",
            severity: Severity::Medium,
            severity_reason: "One mistyped password is harmless and cannot be told from the first guess of many. \
                HIGH where the second factor failed: the password had passed. LOW where no such user exists: anyone can cause that.",
            condition: "a factor did not pass at the IAM Identity Center portal",
            references: &["mitre-attack:17/T1110", "mitre-attack:17/T1621", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask the person, by a way that is not email, whether they mistyped at that time.",
                "If they did not and it was the second factor: somebody knows the password. Reset it now (IAM Identity Center > Users).",
                "Look for further attempts from the same address, and for a success after them.",
                "Where it keeps happening: see that the directory allows no sign-in without a second factor.",
            ],
        },
        scope: &[RecordScope::Source(SIGN_IN_SOURCE)],
        event_names: EventNames::Together,
        matches: failed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a wrong password",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a wrong code",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "TOTP"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a security key, in lower case",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "failure"}, "additionalEventData": {"CredentialType": "webauthn"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the codes of a device that runs wrong",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "RESYNC_TOTP"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no such user: AWS hides the name",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD", "UserName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "userIdentity": {"onBehalfOf": null}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "the old shape: type Unknown, with the user's name",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD", "UserName": null}, "userIdentity": {"type": "Unknown", "principalId": "111122223333", "userName": "carol", "onBehalfOf": null}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the factor is not named",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Failure"}, "additionalEventData": 4}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the whole sign-in failed, which AWS says it never records",
                IdentityCenterSignIn(
                    r#"{"serviceEventDetails": {"UserAuthentication": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new("a success", IdentityCenterSignIn("{}"), Nothing),
            DetectionCase::new(
                "one factor passed",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Success"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "a factor was asked for",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialChallenge", "serviceEventDetails": {"UserAuthentication": null, "CredentialChallenge": "Success"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "it does not say how it ended",
                IdentityCenterSignIn(r#"{"serviceEventDetails": null}"#),
                Instead("sign-in.unknown-event"),
            ),
            DetectionCase::new(
                "another service's event of that name",
                IdentityCenterSignIn(
                    r#"{"eventSource": "example.amazonaws.com", "serviceEventDetails": {"UserAuthentication": "Failure"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.single-factor",
            kind: RuleKind::Detection,
            title: "Identity Center sign-in with one factor",
            severity: Severity::High,
            severity_reason: "A password or a mailed code alone opened every account the person is assigned to. \
                LOW where they enrolled a device during this sign-in.",
            condition: "somebody signed in to the IAM Identity Center portal with a password or a mailed code alone",
            references: &["mitre-attack:17/T1078.004", "mitre-attack:17/T1556.006"],
            remediation: &[
                "Ask the person, by a way that is not email, whether it was them.",
                "If it was not: disable the user (IAM Identity Center > Users), end its sessions, and look at what it did.",
                "If it was: have them register a second factor today.",
                "Require one of everybody: IAM Identity Center > Settings > Authentication > every sign-in, block those without a device.",
            ],
        },
        scope: &[RecordScope::Source(SIGN_IN_SOURCE)],
        event_names: EventNames::Together,
        matches: single_factor,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a password alone",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "PASSWORD"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a mailed code alone",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "EMAIL_OTP"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a password alone; the type is still Unknown",
                IdentityCenterSignIn(
                    r#"{"userIdentity": {"type": "Unknown"}, "additionalEventData": {"CredentialType": " password "}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a password alone; the old shape with the user's name",
                IdentityCenterSignIn(
                    r#"{"userIdentity": {"type": "Unknown", "principalId": "111122223333", "userName": "carol", "onBehalfOf": null}, "additionalEventData": {"CredentialType": "PASSWORD", "UserName": null}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a device was enrolled during this sign-in",
                IdentityCenterSignIn(
                    r#"{"additionalEventData": {"CredentialType": "PASSWORD", "DeviceEnrollmentRequired": "true"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "198.51.100.0/24")],
                ..DetectionCase::new(
                    "from outside the allowed addresses",
                    IdentityCenterSignIn(
                        r#"{"additionalEventData": {"CredentialType": "PASSWORD", "DeviceEnrollmentRequired": "true"}}"#,
                    ),
                    Instead("sign-in.outside-allowed-addresses"),
                )
            },
            DetectionCase::new("password and code", IdentityCenterSignIn("{}"), Nothing),
            DetectionCase::new(
                "password and security key",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "PASSWORD,WEBAUTHN"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "an external identity provider: it may have asked for a second factor",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "EXTERNAL_IDP"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "the factors are not named: unknown is not one",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": null}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "the factors are an empty text",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": " , "}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "the factors are a list",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": ["PASSWORD"]}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "only one factor of the sign-in so far",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"UserAuthentication": null, "CredentialVerification": "Success"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.identity-source-changed",
            kind: RuleKind::Detection,
            title: "Identity Center's identity source changed",
            severity: Severity::High,
            severity_reason: "Whoever runs the identity source decides who everybody is, in every account of the organisation.",
            condition: "the directory or identity provider behind IAM Identity Center was exchanged, enabled or disabled",
            references: &["mitre-attack:17/T1484.002", "mitre-attack:17/T1556.007"],
            remediation: &[
                "Look at IAM Identity Center > Settings > Identity source: is it yours?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: put the former source back, end all sessions, and revoke those of who changed it.",
                "Look for sign-ins with CredentialType EXTERNAL_IDP since, and at what those people did.",
            ],
        },
        scope: &[RecordScope::Names(IDENTITY_SOURCE_CALLS)],
        event_names: EventNames::Apart,
        matches: identity_source_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "another directory",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AssociateDirectory", "requestParameters": {"directoryId": "d-9067EXAMPLE"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "an external identity provider",
                ApiCall(
                    r#"{"eventSource": "sso-directory.amazonaws.com", "eventName": "EnableExternalIdPConfigurationForDirectory", "requestParameters": ["d"]}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "DisassociateDirectory", "errorCode": "AccessDenied"}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "example.amazonaws.com", "eventName": "AssociateDirectory"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.settings-changed",
            kind: RuleKind::Detection,
            title: "Identity Center's settings changed",
            severity: Severity::Medium,
            severity_reason: "They decide how everybody signs in, and change rarely. LOW for a new group, which has no access yet.",
            condition: "IAM Identity Center was turned on, its settings were changed, or a group was made in it",
            references: &["mitre-attack:17/T1556.006", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at IAM Identity Center > Settings (or Groups): is it as it should be, second factor included?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: put the former settings back, and revoke the sessions of who changed them.",
            ],
        },
        scope: &[RecordScope::Names(SETTINGS_CALLS), RecordScope::Names(&["CreateGroup"])],
        event_names: EventNames::Apart,
        matches: settings_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "turned on",
                ApiCall(r#"{"eventSource": "sso.amazonaws.com", "eventName": "StartSSO"}"#),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "changed",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "UpdateSsoConfiguration", "requestParameters": {"mfaMode": "DISABLED"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a group",
                ApiCall(
                    r#"{"eventSource": "identitystore.amazonaws.com", "eventName": "CreateGroup", "requestParameters": {"identityStoreId": "d-9067EXAMPLE", "displayName": "ops"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new("a group of IAM's", ApiCall(r#"{"eventName": "CreateGroup"}"#), Nothing),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "UpdateSsoConfiguration", "errorCode": "AccessDenied"}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.access-assigned",
            kind: RuleKind::Detection,
            title: "Access assigned in Identity Center",
            severity: Severity::Medium,
            severity_reason: "A person or group can enter an account it could not enter before. \
                LOW for a new member of a group, which is everyday work.",
            condition: "a permission set was assigned to somebody in an account, or somebody was put into a group",
            references: &["mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at IAM Identity Center > AWS accounts (or Groups): is the assignment one that should be?",
                "Ask whoever made it, by a way that is not email, whether they meant to.",
                "If they did not: remove the assignment, end that person's sessions, and revoke those of who made it.",
            ],
        },
        scope: &[RecordScope::Names(&["CreateAccountAssignment"]), RecordScope::Names(MEMBERSHIP_CALLS)],
        event_names: EventNames::Apart,
        matches: access_assigned,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "an account",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "CreateAccountAssignment", "requestParameters": {"instanceArn": "arn:aws:sso:::instance/ssoins-EXAMPLE", "targetId": "444455556666", "targetType": "AWS_ACCOUNT", "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-EXAMPLE/ps-EXAMPLE", "principalType": "USER", "principalId": "90670000ab-carol-EXAMPLE"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "an account, the parameters null",
                ApiCall(r#"{"eventSource": "sso.amazonaws.com", "eventName": "CreateAccountAssignment"}"#),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a group, by the Identity Store's API",
                ApiCall(
                    r#"{"eventSource": "identitystore.amazonaws.com", "eventName": "CreateGroupMembership", "requestParameters": {"groupId": "g-EXAMPLE", "memberId": {"userId": "90670000ab-carol-EXAMPLE"}}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "a group, in the console",
                ApiCall(
                    r#"{"eventSource": "sso-directory.amazonaws.com", "eventName": "AddMemberToGroup", "requestParameters": {"groupId": 7, "member": "90670000ab-carol-EXAMPLE"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "by root: HIGH at least",
                RootCall(
                    r#"{"eventSource": "sso-directory.amazonaws.com", "eventName": "AddMemberToGroup"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "QuickSight's groups",
                ApiCall(
                    r#"{"eventSource": "quicksight.amazonaws.com", "eventName": "CreateGroupMembership"}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "CreateAccountAssignment", "errorCode": "AccessDeniedException"}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.admin-permission-set",
            kind: RuleKind::Detection,
            title: "Permission set made an administrator's",
            severity: Severity::High,
            severity_reason: "Everybody who has that permission set becomes an administrator wherever they have it. \
                MEDIUM for PowerUserAccess, which leaves out IAM; one step lower on a condition.",
            condition: "a permission set was given AdministratorAccess, IAMFullAccess or PowerUserAccess, or an inline policy that allows \
                everything, everything but a few actions, all of IAM, or actions of IAM with which one can give oneself more, on all resources",
            references: &["security-hub:IAM.1", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at IAM Identity Center > Permission sets: who has this one, and in which accounts?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: detach the policy, provision the permission set again, and end the sessions of those who have it.",
                "Look in those accounts for what sessions of that permission set did since.",
            ],
        },
        scope: &[RecordScope::Names(&[
            "AttachManagedPolicyToPermissionSet",
            "PutInlinePolicyToPermissionSet",
        ])],
        event_names: EventNames::Apart,
        matches: admin_permission_set,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "AdministratorAccess",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "requestParameters": {"permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-EXAMPLE/ps-EXAMPLE", "managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "AdministratorAccess in China",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "requestParameters": {"managedPolicyArn": "arn:aws-cn:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "an inline policy that allows everything",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet", "requestParameters": {"permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-EXAMPLE/ps-EXAMPLE", "inlinePolicy": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "IAMFullAccess",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "requestParameters": {"managedPolicyArn": "arn:aws:iam::aws:policy/IAMFullAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "PowerUserAccess",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "requestParameters": {"managedPolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "an inline policy that allows all of IAM",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet", "requestParameters": {"inlinePolicy": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iam:*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "an inline policy that allows all but some",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet", "requestParameters": {"inlinePolicy": "{\"Statement\": [{\"Effect\": \"Allow\", \"NotAction\": \"s3:*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "an inline policy that allows everything on a condition",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet", "requestParameters": {"inlinePolicy": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "an inline policy that cannot be read",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet", "requestParameters": {"inlinePolicy": "{\"Statement\""}}"#,
                ),
                Instead("identity-center.permission-set-changed"),
            ),
            DetectionCase::new(
                "ReadOnlyAccess",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "requestParameters": {"managedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
                ),
                Instead("identity-center.permission-set-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachManagedPolicyToPermissionSet", "errorCode": "AccessDenied", "requestParameters": {"managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "identity-center.permission-set-changed",
            kind: RuleKind::Detection,
            title: "Permission set given more",
            severity: Severity::Medium,
            severity_reason: "Everybody who has that permission set may do more, in every account where they have it.",
            condition: "a permission set was created, given a policy, or freed of its permissions boundary",
            references: &["mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at IAM Identity Center > Permission sets: is what it allows now what it should?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: take the change back, provision the permission set again, and revoke the sessions of who changed it.",
            ],
        },
        scope: &[RecordScope::Names(PERMISSION_SET_CALLS)],
        event_names: EventNames::Apart,
        matches: permission_set_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a policy of one's own",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "AttachCustomerManagedPolicyReferenceToPermissionSet", "requestParameters": {"permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-EXAMPLE/ps-EXAMPLE", "customerManagedPolicyReference": {"name": "ops", "path": "/"}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a new one",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "CreatePermissionSet", "requestParameters": {"name": "ops"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutInlinePolicyToPermissionSet"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "CreatePermissionSet", "errorCode": "ConflictException"}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "lakeformation.amazonaws.com", "eventName": "CreatePermissionSet"}"#,
                ),
                Nothing,
            ),
        ],
    },
];

fn portal_sign_in(record: &Record<'_>) -> Option<SignIn> {
    SignIn::of(record).filter(|sign_in| sign_in.way == Way::IdentityCenter)
}

fn raised(severity: Severity, what: String, record: &Record<'_>) -> DetectionRaised {
    DetectionRaised::new(severity, what)
        .fact("identity_store_arn", record.user_identity.identity_store_arn.clone())
        .fact("credential_type", record.additional("CredentialType"))
        .fact("device_enrollment_required", record.additional("DeviceEnrollmentRequired"))
        .fact("auth_workflow_id", record.additional("AuthWorkflowID"))
        .fact("user_id", record.user_identity.identity_center_user_id.clone())
        .fact("login_to", record.additional("LoginTo"))
}

fn failed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    portal_sign_in(record).filter(|sign_in| sign_in.outcome == Outcome::Failure)?;
    let second = sign_in::credential_types(record)
        .iter()
        .any(|factor| matches!(factor.as_str(), "TOTP" | "WEBAUTHN" | "RESYNC_TOTP"));
    Some(if second {
        let what = "passed the password at the IAM Identity Center portal and then failed the second factor";
        raised(Severity::High, what.to_owned(), record)
    } else {
        let severity = if sign_in::name_is_hidden(record) { Severity::Low } else { Severity::Medium };
        raised(severity, "failed to sign in to the IAM Identity Center portal".to_owned(), record)
            .unauthenticated()
    })
}

/// From outside the allowed addresses, `sign-in.outside-allowed-addresses` has more to say.
fn single_factor(record: &Record<'_>, config: &Config) -> Option<DetectionRaised> {
    let sign_in = portal_sign_in(record)?;
    let address = record.source_ip_address.as_deref().unwrap_or_default();
    let outside = config.sign_in_allowed_from(address) == Some(false);
    if sign_in.outcome != Outcome::Success || sign_in.mfa != Mfa::No || outside {
        return None;
    }
    let enrolled = truth(&record.additional_event_data["DeviceEnrollmentRequired"]) == Some(true);
    Some(if enrolled {
        let what = "signed in to the IAM Identity Center portal with one factor, and enrolled a second one";
        raised(Severity::Low, what.to_owned(), record)
    } else {
        let what = "signed in to the IAM Identity Center portal with one factor alone";
        raised(Severity::High, what.to_owned(), record)
    })
}

fn identity_source_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let of_identity_center = calls(record, SSO, IDENTITY_SOURCE_CALLS)
        || DIRECTORIES.iter().any(|source| calls(record, source, IDENTITY_SOURCE_CALLS));
    (of_identity_center && record.call_succeeded()).then(|| {
        let change = match &*record.event_name {
            "AssociateDirectory" => "connected a directory to IAM Identity Center",
            "DisassociateDirectory" => "disconnected the directory of IAM Identity Center",
            "EnableExternalIdPConfigurationForDirectory" => {
                "let an external identity provider sign people in to IAM Identity Center"
            }
            _ => "turned off the external identity provider of IAM Identity Center",
        };
        DetectionRaised::new(Severity::High, change)
            .resource(record.request("directoryId"))
            .fact("directory_id", record.request("directoryId"))
    })
}

fn settings_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let changed = calls(record, SSO, SETTINGS_CALLS);
    let group = DIRECTORIES.iter().any(|source| calls(record, source, &["CreateGroup"]));
    ((changed || group) && record.call_succeeded()).then(|| {
        let (severity, what) = match &*record.event_name {
            "CreateGroup" => (Severity::Low, "made a group in IAM Identity Center"),
            "StartSSO" => (Severity::Medium, "turned on IAM Identity Center"),
            _ => (Severity::Medium, "changed the settings of IAM Identity Center"),
        };
        let name = ["displayName", "groupName"].into_iter().find_map(|name| record.request(name));
        DetectionRaised::new(severity, what)
            .resource(record.request("identityStoreId").or_else(|| record.request("instanceArn")))
            .second_resource(name.clone())
            .fact("group_name", name)
    })
}

fn access_assigned(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !record.call_succeeded() {
        return None;
    }
    if calls(record, SSO, &["CreateAccountAssignment"]) {
        let account = record.request("targetId");
        let kind = record.request("principalType");
        let is_group = kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("GROUP"));
        let what = format!(
            "assigned a permission set in {} to a {} of IAM Identity Center",
            account
                .as_deref()
                .map_or("an account".to_owned(), |account| format!("the account {}", quoted(account))),
            if is_group { "group" } else { "user" },
        );
        let raised = DetectionRaised::new(Severity::Medium, what)
            .resource(record.request("principalId"))
            .second_resource(account.clone())
            .fact("target_account", account)
            .fact("permission_set_arn", record.request("permissionSetArn"))
            .fact("principal_type", kind)
            .fact("principal_id", record.request("principalId"));
        return Some(raised);
    }
    DIRECTORIES.iter().any(|source| calls(record, source, MEMBERSHIP_CALLS)).then(|| {
        let member = &record.request_parameters["memberId"]["userId"];
        DetectionRaised::new(Severity::Low, "put somebody into a group of IAM Identity Center")
            .resource(record.request("groupId"))
            .second_resource(member.as_str())
            .fact("group_id", record.request("groupId"))
            .fact("member_id", member.as_str())
    })
}

fn admin_permission_set(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !record.call_succeeded() {
        return None;
    }
    let raised = if calls(record, SSO, &["AttachManagedPolicyToPermissionSet"]) {
        let arn = record.request("managedPolicyArn")?;
        let (policy, severity) = admin_policy(&arn)?;
        DetectionRaised::new(severity, format!("gave a permission set the policy {policy}"))
            .fact("policy_arn", Some(&*arn))
    } else if calls(record, SSO, &["PutInlinePolicyToPermissionSet"]) {
        let document = PolicyDocument::read(&record.request_parameters["inlinePolicy"])?;
        let (severity, allows) = worst_grant(&document, Severity::High)?;
        DetectionRaised::new(severity, format!("gave a permission set a policy that allows {allows}"))
    } else {
        return None;
    };
    Some(with_permission_set(raised, record))
}

fn permission_set_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let changed = calls(record, SSO, PERMISSION_SET_CALLS) && record.call_succeeded();
    changed.then(|| {
        let change = match &*record.event_name {
            "CreatePermissionSet" => "created a permission set",
            "DeletePermissionsBoundaryFromPermissionSet" => {
                "freed a permission set of its permissions boundary"
            }
            _ => "gave a permission set another policy",
        };
        let raised = DetectionRaised::new(Severity::Medium, change)
            .second_resource(record.request("name"))
            .fact("policy_arn", record.request("managedPolicyArn"))
            .fact("permission_set_name", record.request("name"));
        with_permission_set(raised, record)
    })
}

fn with_permission_set(raised: DetectionRaised, record: &Record<'_>) -> DetectionRaised {
    let arn = record.request("permissionSetArn");
    raised.resource(arn.clone()).fact("permission_set_arn", arn)
}
