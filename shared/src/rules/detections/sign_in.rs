//! The family `sign-in`: IAM users, federated people and OAuth clients at the console's door.
//!
//! Root and Identity Center have families of their own, which come first.
//! Sources: CloudTrail User Guide, "AWS Management Console sign-in events"; AWS Sign-In User Guide.

use super::calls::{calls, own_success};
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use crate::config::Config;
use crate::finding::Subject;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::Record;
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::formats::cloudtrail::sign_in;
use crate::formats::cloudtrail::sign_in::{Mfa, Outcome, SIGN_IN_SOURCE, SignIn, Way};
use crate::severity::Severity;
use crate::text::quoted;

const SIGN_IN_EVENTS_ONLY: &[RecordScope] = &[RecordScope::Source(SIGN_IN_SOURCE)];

pub(super) const DETECTIONS: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "sign-in.outside-allowed-addresses",
            kind: RuleKind::Detection,
            title: "Sign-in from outside the allowed addresses",
            severity: Severity::High,
            severity_reason: "Somebody is in, and came around the gateway that everybody is meant to use.",
            condition: "a sign-in succeeded from an address outside `ALLOWED_SIGN_IN_CIDRS`",
            references: &["mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask the person, by a way that is not email, whether they signed in from that address.",
                "If they did not: disable their console password and access keys, and revoke the sessions they have.",
                "Look in CloudTrail for what that address and that principal did since.",
                "If they did: have them use the gateway, or add the address to `ALLOWED_SIGN_IN_CIDRS`.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: outside_allowed_addresses,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "198.51.100.0/24")],
                ..DetectionCase::new("from another network", ConsoleSignIn("{}"), Raised(Severity::High))
            },
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/24")],
                ..DetectionCase::new("from the allowed network", ConsoleSignIn("{}"), Nothing)
            },
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "198.51.100.0/24")],
                ..DetectionCase::new(
                    "from an AWS service, which has no address to judge",
                    ConsoleSignIn(r#"{"sourceIPAddress": "signin.amazonaws.com"}"#),
                    Nothing,
                )
            },
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "198.51.100.0/24")],
                ..DetectionCase::new(
                    "a failure from another network is a failure",
                    ConsoleSignIn(
                        r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                    ),
                    Instead("sign-in.failed"),
                )
            },
            DetectionCase::new("nothing is set", ConsoleSignIn("{}"), Nothing),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.failed-mfa",
            kind: RuleKind::Detection,
            title: "Password right, second factor failed",
            severity: Severity::High,
            severity_reason: "AWS asks for the second factor only after the right password, so somebody has the password.",
            condition: "a console sign-in failed after the second factor had been asked for",
            references: &[
                "mitre-attack:17/T1621",
                "mitre-attack:17/T1110",
                "cis:7.0/5.6",
                "security-hub:CloudWatch.6",
            ],
            remediation: &[
                "Ask the person, by a way that is not email, whether they mistyped their code at that time.",
                "If they did not: somebody knows the password. Change it now, and look where else it was used.",
                "Look for further attempts from the same address against other users.",
                "If it keeps happening to a person who did it themselves, have them resynchronise or replace the device.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: failed_mfa,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "MFAUsed Yes on a failure",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed in capitals, as AWS also writes it",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "YES"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "CheckMfa itself failed",
                ConsoleSignIn(
                    r#"{"eventName": "CheckMfa", "responseElements": {"ConsoleLogin": null, "CheckMfa": "Failure"}, "additionalEventData": {"MFAUsed": null, "MfaType": "Virtual MFA"}, "userIdentity": {"arn": null}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "CheckMfa Success is no sign-in",
                ConsoleSignIn(
                    r#"{"eventName": "CheckMfa", "responseElements": {"ConsoleLogin": null, "CheckMfa": "Success"}, "additionalEventData": {"MFAUsed": null, "MfaType": "U2F MFA"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "a federated failure: MFAUsed means nothing there",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin", "userName": null}, "responseElements": {"ConsoleLogin": "Failure"}}"#,
                ),
                Instead("sign-in.failed"),
            ),
            DetectionCase::new(
                "the password was wrong",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Instead("sign-in.failed"),
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.denied-by-policy",
            kind: RuleKind::Detection,
            title: "Sign-in denied by a policy",
            severity: Severity::Medium,
            severity_reason: "Somebody who may know the password came from where, or as whom, the sign-in policies let nobody in. \
                HIGH where the second factor had been reached: only the policy kept them out.",
            condition: "a sign-in ended in failure, and AWS says that a policy denied it",
            references: &["security-hub:CloudWatch.6", "mitre-attack:17/T1078.004", "mitre-attack:17/T1110"],
            remediation: &[
                "Ask the person, by a way that is not email, whether they tried to sign in from that address.",
                "If they did not: somebody may know the password. Change it now, and look where else it was used.",
                "If they did: have them use the network that the policy allows, or change the sign-in policy.",
                "Look for further attempts from the same address, and for a success after them.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: denied,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "denied by a resource-based policy",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Authorization denied because of a resource-based policy"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "denied by a policy after the second factor had been asked for",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Authorization denied because of a resource-based policy"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "denied by a resource control policy",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Authorization denied because of a resource control policy"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "in other casing",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "authorization DENIED by something new"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a wrong password",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Failed authentication"}"#,
                ),
                Instead("sign-in.failed"),
            ),
            DetectionCase::new(
                "root has a rule of its own",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Authorization denied because of a resource-based policy"}"#,
                ),
                Instead("root.sign-in-failed"),
            ),
            DetectionCase::new("a success", ConsoleSignIn("{}"), Nothing),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.failed",
            kind: RuleKind::Detection,
            title: "Sign-in failed",
            severity: Severity::Medium,
            severity_reason: "One mistyped password is harmless and cannot be told from the first guess of many. \
                LOW where the user does not exist and AWS hides the name: anyone can cause that.",
            condition: "a sign-in ended in failure",
            references: &[
                "cis:7.0/5.6",
                "security-hub:CloudWatch.6",
                "mitre-attack:17/T1110",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Ask the person, by a way that is not email, whether they mistyped their password at that time.",
                "Look for further attempts from the same address, and for a success after them.",
                "If nobody owns up: change the password, and see that the user has a second factor.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: failed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a wrong password, as AWS writes it: no arn, an empty access key id",
                ConsoleSignIn(
                    r#"{"userIdentity": {"arn": null}, "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null}, "errorMessage": "Failed authentication"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "no such user: AWS hides the name",
                ConsoleSignIn(
                    r#"{"userIdentity": {"arn": null, "principalId": null, "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "No username found in supplied account", "eventType": "AwsConsoleSignin"}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "a federated failure: MFAUsed means nothing there",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin", "userName": null}, "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "`aws login`: success is not \"true\"",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "false", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:::devtools/same-device"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "`aws login`: an errorCode",
                ConsoleSignIn(
                    r#"{"eventName": "AuthorizeOAuth2Access", "eventType": "AwsApiCall", "responseElements": null, "errorCode": "AccessDeniedException", "additionalEventData": {"MFAUsed": null}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "`aws login`: a success",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "a directory sign-in",
                ConsoleSignIn(
                    r#"{"eventName": "ExternalIdPDirectoryLogin", "responseElements": {"ExternalIdPDirectoryLogin": "Failure"}, "additionalEventData": {"MFAUsed": null}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "an undocumented name, with its outcome in responseElements",
                ConsoleSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": {"ConsoleLogin": null, "PasskeyLogin": "Failure"}, "additionalEventData": {"MFAUsed": null}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "an undocumented name, with its outcome in serviceEventDetails",
                ConsoleSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": null, "serviceEventDetails": {"PasskeyLogin": "Failure"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the error text alone says that it failed",
                ConsoleSignIn(
                    r#"{"responseElements": null, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Failed authentication"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a failed change of the password is no failed sign-in",
                ConsoleSignIn(
                    r#"{"eventName": "PasswordUpdated", "responseElements": {"ConsoleLogin": null, "PasswordUpdated": "Failure"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "nor is a failed change of the email address",
                ConsoleSignIn(
                    r#"{"eventName": "EmailUpdated", "responseElements": {"ConsoleLogin": null, "EmailUpdated": "Failure"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "nor is a failed switch of role",
                ConsoleSignIn(
                    r#"{"eventName": "SwitchRole", "responseElements": {"ConsoleLogin": null, "SwitchRole": "Failure"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "nor is a refused sign-in token",
                ConsoleSignIn(
                    r#"{"eventName": "GetSigninToken", "responseElements": {"ConsoleLogin": null, "GetSigninToken": "Failure"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new("a success", ConsoleSignIn("{}"), Nothing),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.without-mfa",
            kind: RuleKind::Detection,
            title: "Console sign-in without MFA",
            severity: Severity::High,
            severity_reason: "A password alone opened the console, so whoever learns it is in.",
            condition: "an IAM user signed in to the console, and AWS says that no second factor was used",
            references: &[
                "cis:7.0/5.2",
                "cis:7.0/2.10",
                "security-hub:IAM.5",
                "security-hub:CloudWatch.3",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Ask the person, by a way that is not email, whether it was them.",
                "If it was not: delete the login profile, deactivate the access keys, and look at what the user did since.",
                "If it was: have them register a second factor today (IAM > Users > Security credentials).",
                "Deny everything but registering a device to people without one, by a policy on `aws:MultiFactorAuthPresent`.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: without_mfa,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "MFAUsed No",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed NO",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "NO"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new("with MFA", ConsoleSignIn("{}"), Nothing),
            DetectionCase::new(
                "with MFA, in capitals",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "YES"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "MFAUsed is absent: unknown is not no",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": null}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "a SAML sign-in: MFAUsed means nothing",
                ConsoleSignIn(
                    r#"{"additionalEventData": {"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::111122223333:saml-provider/corp"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "an Identity Center session",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/carol", "userName": null}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "a role session whose mfaAuthenticated is false",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin", "userName": null, "sessionContext": {"attributes": {"mfaAuthenticated": "false"}}}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "MFAUsed No, whatever the session says",
                ConsoleSignIn(
                    r#"{"userIdentity": {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed is empty: unknown is not no",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": ""}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "a Marketplace LoginTo changes nothing",
                ConsoleSignIn(
                    r#"{"additionalEventData": {"MFAUsed": "No", "LoginTo": "https://aws.amazon.com/marketplace/management"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the identity is null: the principal is unknown",
                ConsoleSignIn(r#"{"userIdentity": [], "additionalEventData": {"MFAUsed": "No"}}"#),
                Nothing,
            ),
            DetectionCase::new(
                "the identity has no type",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": null}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.federation-token",
            kind: RuleKind::Detection,
            title: "Console sign-in token made by a program",
            severity: Severity::Medium,
            severity_reason: "Turning keys into a console session is what thieves of keys do, and some home-made portals.",
            condition: "a sign-in token was handed out to a session that Identity Center did not open",
            references: &["mitre-attack:17/T1550.001", "mitre-attack:17/T1538"],
            remediation: &[
                "Find out whether a portal of your own signs people in for that principal from that address.",
                "If none does: revoke the principal's sessions and deactivate the access keys behind them.",
                "Look at the console sign-in that followed from the same or another address, and at what it did.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: federation_token,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "by a role session",
                ConsoleSignIn(
                    r#"{"eventName": "GetSigninToken", "userAgent": "python-urllib3/2.5", "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin", "userName": null, "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/Dev"}}}, "responseElements": {"ConsoleLogin": null, "GetSigninToken": "Success"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by a role whose name and user agent only look like Identity Center",
                ConsoleSignIn(
                    r#"{"eventName": "GetSigninToken", "userAgent": "Jersey/${project.version} (HttpUrlConnection 1.8.0)", "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/erin", "userName": null, "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef"}}}, "responseElements": {"ConsoleLogin": null, "GetSigninToken": "Success"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by Identity Center itself",
                ConsoleSignIn(
                    r#"{"eventName": "GetSigninToken", "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/carol", "userName": null, "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef"}}}, "responseElements": {"ConsoleLogin": null, "GetSigninToken": "Success"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.switch-role",
            kind: RuleKind::Detection,
            title: "Role switched in the console",
            severity: Severity::Informational,
            severity_reason: "People switch roles all day; worth having when something else is looked into.",
            condition: "somebody switched to a role in the console",
            references: &["mitre-attack:17/T1550.001"],
            remediation: &[
                "Nothing, as long as the person is meant to have that role.",
                "If they are not: remove their principal from the role's trust policy.",
                "Look in CloudTrail for what the role session did.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: switch_role,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a switch",
                ConsoleSignIn(
                    r#"{"eventName": "SwitchRole", "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Audit/alice", "userName": null}, "responseElements": {"ConsoleLogin": null, "SwitchRole": "Success"}, "additionalEventData": {"MFAUsed": null, "SwitchFrom": "arn:aws:iam::444455556666:user/alice", "RedirectTo": "https://console.aws.amazon.com/"}}"#,
                ),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "leaving the role again",
                ConsoleSignIn(
                    r#"{"eventName": "ExitRole", "responseElements": {"ConsoleLogin": null, "ExitRole": "Success"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.access-policy-changed",
            kind: RuleKind::Detection,
            title: "Rules for who may sign in changed",
            severity: Severity::Medium,
            severity_reason: "These rules decide from which networks people get in at all; they change rarely, and by few people.",
            condition: "a policy that decides who may sign in to the console, and from where, was written or deleted",
            references: &["mitre-attack:17/T1556.009"],
            remediation: &[
                "Ask the person, by a way that is not email, whether they meant to change who may sign in.",
                "Look at the policy as it is now: AWS Sign-In, in us-east-1, lists its resource permission statements.",
                "If nobody meant it: put the former policy back, then revoke the sessions of who changed it.",
                "Look for sign-ins since the change from networks that were kept out before.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Apart,
        matches: access_policy_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a statement was written",
                ApiCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "PutResourcePermissionStatement", "requestParameters": {"sid": "office"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a statement was deleted, its parameters a number",
                ApiCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "DeleteResourcePermissionStatement", "requestParameters": 5}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the configuration was written",
                ApiCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "PutConsoleAuthorizationConfiguration"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the call was refused",
                ApiCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "PutConsoleAuthorizationConfiguration", "errorCode": "AccessDeniedException"}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "it was only read",
                ApiCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "GetConsoleAuthorizationConfiguration", "readOnly": true}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "by root",
                RootCall(
                    r#"{"eventSource": "signin.amazonaws.com", "eventName": "PutConsoleAuthorizationConfiguration"}"#,
                ),
                Instead("root.activity"),
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "sign-in.unknown-event",
            kind: RuleKind::Detection,
            title: "Sign-in event of an unknown kind",
            severity: Severity::Informational,
            severity_reason: "AWS has begun to record something new; until it is understood, it is neither good nor bad.",
            condition: "`signin.amazonaws.com` recorded an event, or a way for a sign-in to end, that iamwatch does not know",
            references: &["mitre-attack:17/T1078.004"],
            remediation: &[
                "Look at the record in the CloudTrail console: does it say that somebody got in?",
                "Look for the event's name in the AWS Sign-In and CloudTrail user guides.",
                "Ask for a rule, with the record's shape and without its values.",
            ],
        },
        scope: SIGN_IN_EVENTS_ONLY,
        event_names: EventNames::Together,
        matches: unknown_event,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a new name",
                ConsoleSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": {"ConsoleLogin": null, "PasskeyLogin": "Success"}}"#,
                ),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "a new name without any outcome",
                ConsoleSignIn(r#"{"eventName": "BeginSignIn", "responseElements": null}"#),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "a console sign-in with neither success nor failure",
                ConsoleSignIn(r#"{"responseElements": {"ConsoleLogin": "Deferred"}}"#),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "a step that is known and means nothing",
                ConsoleSignIn(r#"{"eventName": "Logout", "responseElements": null}"#),
                Nothing,
            ),
            DetectionCase::new(
                "an event of another service",
                ApiCall(r#"{"eventName": "PasskeyLogin"}"#),
                Nothing,
            ),
        ],
    },
];

/// What a person signs in to.
pub(super) fn door(way: Way) -> &'static str {
    match way {
        Way::Console => "the AWS console",
        Way::IdentityCenter => "the IAM Identity Center portal",
        Way::OAuth => "AWS with an OAuth client (`aws login` or another tool)",
        Way::Other => "AWS",
    }
}

/// A finding about a sign-in, with what every sign-in says of itself.
pub(super) fn raised(severity: Severity, what: String, record: &Record<'_>) -> DetectionRaised {
    DetectionRaised::new(severity, what)
        .fact("mfa_used", record.additional("MFAUsed"))
        .fact("mfa_identifier", record.additional("MFAIdentifier"))
        .fact("mfa_type", record.additional("MfaType"))
        .fact("login_to", record.additional("LoginTo"))
        .fact("saml_provider_arn", record.additional("SamlProviderArn"))
        .fact("client_id", record.request("client_id"))
}

fn outside_allowed_addresses(record: &Record<'_>, config: &Config) -> Option<DetectionRaised> {
    let sign_in = SignIn::of(record)?;
    let address = record.source_ip_address.as_deref()?;
    let outside = config.sign_in_allowed_from(address) == Some(false);
    (sign_in.outcome == Outcome::Success && outside).then(|| {
        let what = format!("signed in to {} from outside the allowed addresses", door(sign_in.way));
        raised(Severity::High, what, record)
    })
}

fn failed_mfa(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = SignIn::of(record)?;
    let reached =
        sign_in.outcome == Outcome::Failure && sign_in.way == Way::Console && sign_in.mfa == Mfa::Yes;
    (reached && !sign_in::denied_by_policy(record)).then(|| {
        let what = "gave the right password to the AWS console and then failed the second factor".to_owned();
        raised(Severity::High, what, record)
    })
}

/// Whether AWS looks at the password before the policies, it does not say; it asks for the second factor
/// only after the right password.
fn denied(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = SignIn::of(record)?;
    (sign_in.outcome == Outcome::Failure && sign_in::denied_by_policy(record)).then(|| {
        let what = format!("was kept by a policy from signing in to {}", door(sign_in.way));
        match sign_in.mfa {
            Mfa::Yes => raised(Severity::High, what, record),
            Mfa::No | Mfa::Unknown => raised(Severity::Medium, what, record).unauthenticated(),
        }
    })
}

fn failed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = SignIn::of(record)?;
    if sign_in.outcome != Outcome::Failure {
        return None;
    }
    let severity = if sign_in::name_is_hidden(record) { Severity::Low } else { Severity::Medium };
    Some(raised(severity, format!("failed to sign in to {}", door(sign_in.way)), record).unauthenticated())
}

fn without_mfa(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = SignIn::of(record)?;
    let matches =
        sign_in.outcome == Outcome::Success && sign_in.way == Way::Console && sign_in.mfa == Mfa::No;
    matches.then(|| {
        raised(Severity::High, "signed in to the AWS console without a second factor".to_owned(), record)
    })
}

fn federation_token(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let handed_out = record.event_name == "GetSigninToken" && own_success(record);
    (handed_out && !sign_in::by_identity_center_session(record)).then(|| {
        let what = "was handed a console sign-in token by the federation endpoint".to_owned();
        raised(Severity::Medium, what, record)
    })
}

fn switch_role(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let switched = record.event_name == "SwitchRole" && own_success(record);
    switched.then(|| {
        DetectionRaised::new(Severity::Informational, "switched to this role in the console")
            .fact("switch_from", record.additional("SwitchFrom"))
            .fact("redirect_to", record.additional("RedirectTo"))
    })
}

fn access_policy_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    const NAMES: &[&str] = &[
        "PutConsoleAuthorizationConfiguration",
        "DeleteConsoleAuthorizationConfiguration",
        "PutResourcePermissionStatement",
        "DeleteResourcePermissionStatement",
    ];
    let changed = calls(record, SIGN_IN_SOURCE, NAMES) && record.call_succeeded();
    changed.then(|| {
        let what = format!("changed the rules for who may sign in ({})", record.event_name);
        DetectionRaised::new(Severity::Medium, what)
            .second_resource(record.request("statementId").or_else(|| record.request("sid")))
            .fact("sid", record.request("sid"))
            .fact("statement_id", record.request("statementId"))
    })
}

/// Mailed once for each name: the name is the subject, for every principal.
fn unknown_event(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let unknown_name = SignIn::of_unknown_name(record);
    let unknown_outcome = SignIn::of(record).is_some_and(|sign_in| sign_in.outcome == Outcome::Unknown);
    (unknown_name || unknown_outcome).then(|| {
        let which = if unknown_name {
            "of a kind that iamwatch does not know"
        } else {
            "whose outcome iamwatch cannot read"
        };
        let what = format!("caused the event {}, {which}", quoted(&record.event_name));
        raised(Severity::Informational, what, record)
            .resource(Some(record.event_name.to_string()))
            .subject(Subject::EventName(record.event_name.to_string()))
    })
}
