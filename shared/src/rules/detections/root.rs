//! The family `root`: the account's own root user, and what others do to its credentials.
//!
//! Its specific rules come before all others, [`ACTIVITY`] after all others.
//! Sources: CloudTrail User Guide, "AWS Management Console sign-in events"; IAM User Guide, "Perform a
//! privileged task on an AWS Organizations member account" (`sts:AssumeRoot`), "AWS account root user".

use super::calls::{IAM, calls, own_success};
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use super::sign_in::{door, raised};
use crate::config::Config;
use crate::finding::masked;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::{Record, text};
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::formats::cloudtrail::sign_in::{
    Mfa, Outcome, SIGN_IN_SOURCE, SignIn, Way, denied_by_policy, stated_outcome,
};
use crate::severity::Severity;
use crate::text::quoted;

/// The value of `requestParameters.userName` for root. No IAM user can have it: it holds spaces.
const ROOT_USER: &str = "AWS ROOT USER";

const ROOT_RECORDS: &[RecordScope] = &[RecordScope::Root];

/// The parameters that name what a call of root changes; whatever its service is.
const AFFECTED: &[&str] = &[
    "userName",
    "roleName",
    "groupName",
    "policyArn",
    "bucketName",
    "functionName",
    "keyId",
    "accountId",
    "clusterName",
    "dBClusterIdentifier",
    "dBInstanceIdentifier",
    "domainName",
    "fileSystemId",
    "groupId",
    "hostedZoneId",
    "instanceId",
    "queueUrl",
    "repositoryName",
    "resourceArn",
    "secretId",
    "stackName",
    "tableName",
    "topicArn",
    "volumeId",
    "vpcId",
    "name",
];

const MFA_CALLS: &[&str] =
    &["EnableMFADevice", "DeactivateMFADevice", "ResyncMFADevice", "DeleteVirtualMFADevice"];

pub(super) const SPECIFIC: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "root.sign-in-without-mfa",
            kind: RuleKind::Detection,
            title: "Root signed in without MFA",
            severity: Severity::Critical,
            severity_reason: "Root can do everything, nothing can stop it, and a password alone was enough.",
            condition: "root signed in, and AWS says that no second factor was used",
            references: &[
                "cis:7.0/2.5",
                "cis:7.0/5.2",
                "cis:7.0/5.3",
                "security-hub:IAM.9",
                "security-hub:CloudWatch.1",
                "security-hub:CloudWatch.3",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Call whoever keeps the root password, now, and ask whether it was them.",
                "If it was not: take the account back by the password recovery of root, and change root's mail password first.",
                "Look in CloudTrail for what root did since: new users, keys, roles, stopped trails.",
                "If it was: register two security keys for root today (account menu > Security credentials).",
                "In an organisation: delete the root credentials of member accounts (IAM > Root access management).",
            ],
        },
        scope: ROOT_RECORDS,
        event_names: EventNames::Together,
        matches: sign_in_without_mfa,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "MFAUsed No",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": "No", "MFAIdentifier": null}}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "MFAUsed NO",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": "NO"}}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "MFAUsed No, whatever the session says",
                RootSignIn(
                    r#"{"userIdentity": {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "MFAUsed is something new: present and not yes",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": "Skipped"}}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the account has an alias, which AWS gives as root's user name",
                RootSignIn(
                    r#"{"userIdentity": {"userName": "example-corp"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new("with MFA", RootSignIn("{}"), Instead("root.sign-in")),
            DetectionCase::new(
                "a wrong password",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Instead("root.sign-in-failed"),
            ),
            DetectionCase::new(
                "an IAM user called root is not root",
                ConsoleSignIn(
                    r#"{"userIdentity": {"userName": "root", "arn": "arn:aws:iam::111122223333:user/root"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Instead("sign-in.without-mfa"),
            ),
            DetectionCase::new(
                "another service's event of that name",
                ApiCall(r#"{"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "root.sign-in",
            kind: RuleKind::Detection,
            title: "Root signed in",
            severity: Severity::High,
            severity_reason: "Root is for the few tasks that nothing else can do, so each sign-in has somebody who can explain it. \
                CRITICAL from outside `ALLOWED_SIGN_IN_CIDRS`.",
            condition: "root signed in, with a second factor or without a word about one",
            references: &[
                "cis:7.0/2.7",
                "cis:7.0/5.3",
                "security-hub:CloudWatch.1",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Call whoever keeps the root password, and ask whether it was them and for which task.",
                "If it was not: take the account back by the password recovery of root, and change root's mail password first.",
                "Look in CloudTrail for what root did since: new users, keys, roles, stopped trails.",
                "If it was: have the task done by a role next time, where AWS allows it.",
            ],
        },
        scope: ROOT_RECORDS,
        event_names: EventNames::Together,
        matches: sign_in,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new("with MFA", RootSignIn("{}"), Raised(Severity::High)),
            DetectionCase::new(
                "with MFA, in the capitals that AWS writes for root",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": "YES"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed is absent: unknown is not no",
                RootSignIn(r#"{"additionalEventData": null}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed is a list: unknown",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": ["No"]}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the account has an alias, which AWS gives as root's user name",
                RootSignIn(r#"{"userIdentity": {"userName": "example-corp"}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "in another Region",
                RootSignIn(r#"{"awsRegion": "us-west-2"}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "with `aws login`",
                RootSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "readOnly": true, "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:::devtools/same-device", "grant_type": "authorization_code"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "with an OAuth client from elsewhere",
                RootSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:us-east-1:111122223333:external-client/x"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "with an OAuth client that the record does not name",
                RootSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a token is refreshed: there is no sign-in",
                RootSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:::devtools/same-device", "grant_type": "refresh_token"}}"#,
                ),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "by an undocumented way",
                RootSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": {"ConsoleLogin": null, "PasskeyLogin": "Success"}}"#,
                ),
                Instead("root.activity"),
            ),
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "198.51.100.0/24")],
                ..DetectionCase::new(
                    "from outside the allowed addresses",
                    RootSignIn("{}"),
                    Raised(Severity::Critical),
                )
            },
            DetectionCase {
                settings: &[("ALLOWED_SIGN_IN_CIDRS", "192.0.2.0/24")],
                ..DetectionCase::new("from the allowed addresses", RootSignIn("{}"), Raised(Severity::High))
            },
            DetectionCase::new(
                "it does not say how it ended",
                RootSignIn(r#"{"responseElements": {"ConsoleLogin": "Deferred"}}"#),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "asked for the second factor: not in yet",
                RootSignIn(
                    r#"{"eventName": "CheckMfa", "responseElements": {"ConsoleLogin": null, "CheckMfa": "Success"}, "additionalEventData": {"MFAUsed": null, "MfaType": "U2F MFA"}, "userIdentity": {"arn": null}}"#,
                ),
                Instead("root.activity"),
            ),
            DetectionCase::new("an IAM user", ConsoleSignIn("{}"), Nothing),
        ],
    },
    Detection {
        rule: Rule {
            id: "root.sign-in-failed",
            kind: RuleKind::Detection,
            title: "Root sign-in failed",
            severity: Severity::High,
            severity_reason: "Few people know root's mail address, and fewer have a reason to use it. \
                CRITICAL where the second factor was reached: whoever tried knows the password.",
            condition: "somebody tried to sign in as root and failed",
            references: &[
                "cis:7.0/5.3",
                "cis:7.0/5.6",
                "security-hub:CloudWatch.1",
                "security-hub:CloudWatch.6",
                "mitre-attack:17/T1110",
                "mitre-attack:17/T1078.004",
            ],
            remediation: &[
                "Call whoever keeps the root password, and ask whether it was them.",
                "If it was not and the second factor was reached: change the root password now, from a computer you trust.",
                "Look for further attempts from the same address, here and in your other accounts.",
                "See that root has two security keys and that the mailbox behind it has a second factor.",
            ],
        },
        scope: ROOT_RECORDS,
        event_names: EventNames::Together,
        matches: sign_in_failed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a wrong password",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Failed authentication"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "MFAUsed is absent",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": null}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the second factor was reached",
                RootSignIn(r#"{"responseElements": {"ConsoleLogin": "Failure"}}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the second factor was reached, in capitals",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "YES"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "CheckMfa itself failed",
                RootSignIn(
                    r#"{"eventName": "CheckMfa", "responseElements": {"ConsoleLogin": null, "CheckMfa": "Failure"}, "additionalEventData": {"MFAUsed": null, "MfaType": "Virtual MFA"}, "userIdentity": {"arn": null}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "denied by a policy",
                RootSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}, "errorMessage": "Authorization denied because of a resource control policy"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by an undocumented way",
                RootSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": {"ConsoleLogin": null, "PasskeyLogin": "Failure"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "with `aws login`",
                RootSignIn(
                    r#"{"eventName": "AuthorizeOAuth2Access", "eventType": "AwsApiCall", "responseElements": null, "errorCode": "AccessDeniedException", "additionalEventData": null}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new("a success", RootSignIn("{}"), Instead("root.sign-in")),
            DetectionCase::new(
                "an IAM user",
                ConsoleSignIn(
                    r#"{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                Instead("sign-in.failed"),
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "root.password-recovery",
            kind: RuleKind::Detection,
            title: "Root password recovery",
            severity: Severity::High,
            severity_reason: "Whoever reads root's mail can set a new password for root. \
                CRITICAL when one was set; MEDIUM when the request failed.",
            condition: "somebody asked for a new root password, or set one, by way of root's mailbox",
            references: &["cis:7.0/2.7", "mitre-attack:17/T1078.004", "mitre-attack:17/T1098"],
            remediation: &[
                "Call whoever keeps the root password, and ask whether they asked for a new one.",
                "If they did not: secure the mailbox first (new password, second factor, no forwarding rules), then set a new root password.",
                "Look for a root sign-in after this, and for what root did.",
                "In an organisation: delete the root credentials of member accounts, so that none can be recovered.",
            ],
        },
        scope: &[RecordScope::Source(SIGN_IN_SOURCE)],
        event_names: EventNames::Apart,
        matches: password_recovery,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "asked for",
                RootSignIn(
                    r#"{"eventName": "PasswordRecoveryRequested", "responseElements": {"ConsoleLogin": null, "PasswordRecoveryRequested": "Success"}, "additionalEventData": null}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "requested by a principal that AWS does not name",
                RootSignIn(
                    r#"{"eventName": "PasswordRecoveryRequested", "responseElements": null, "userIdentity": null}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a new password was set",
                RootSignIn(
                    r#"{"eventName": "PasswordRecoveryCompleted", "responseElements": {"ConsoleLogin": null, "PasswordRecoveryCompleted": "Success"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the request failed",
                RootSignIn(
                    r#"{"eventName": "PasswordRecoveryRequested", "responseElements": {"ConsoleLogin": null, "PasswordRecoveryRequested": "Failure"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "setting one failed",
                RootSignIn(
                    r#"{"eventName": "PasswordRecoveryCompleted", "responseElements": null, "errorMessage": "Failed authentication"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "another service's event of that name",
                ApiCall(r#"{"eventName": "PasswordRecoveryRequested"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "root.credentials-changed",
            kind: RuleKind::Detection,
            title: "Root's credentials changed",
            severity: Severity::Critical,
            severity_reason: "A password, second factor, access key or mail address of root is the whole account. \
                HIGH where another principal or an `sts:AssumeRoot` session did it, since organisations remove root's credentials that way; \
                MEDIUM for a virtual device that another principal deleted, since AWS lets them delete only one that is not in use.",
            condition: "root's own password, second factor, access key, signing certificate or mail address was changed",
            references: &[
                "cis:7.0/2.4",
                "cis:7.0/2.5",
                "security-hub:IAM.4",
                "security-hub:IAM.9",
                "mitre-attack:17/T1098.001",
                "mitre-attack:17/T1556.006",
            ],
            remediation: &[
                "Call whoever keeps the root credentials, and ask whether they made this change.",
                "If they did not: take the account back by the password recovery of root, and change root's mail password first; \
                 if the mail address was changed, open a case with AWS Support from another account.",
                "Under root's security credentials, delete every access key and every second factor that is not yours.",
                "Look in CloudTrail for what root did before and since.",
                "If they did: see that root has no access key, and two security keys.",
            ],
        },
        scope: &[
            RecordScope::Root,
            RecordScope::Names(MFA_CALLS),
            RecordScope::Names(&["AcceptPrimaryEmailUpdate"]),
        ],
        event_names: EventNames::Apart,
        matches: credentials_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "the password, as the sign-in service records it",
                RootSignIn(
                    r#"{"eventName": "PasswordUpdated", "responseElements": {"ConsoleLogin": null, "PasswordUpdated": "Success"}, "additionalEventData": null}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the password, as IAM records it",
                RootCall(r#"{"eventName": "ChangePassword"}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the password was not changed after all",
                RootSignIn(
                    r#"{"eventName": "PasswordUpdated", "responseElements": {"ConsoleLogin": null, "PasswordUpdated": "Failure"}}"#,
                ),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "an IAM user's own password",
                ApiCall(
                    r#"{"eventName": "ChangePassword", "userIdentity": {"type": "IAMUser", "userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "the mail address",
                RootSignIn(
                    r#"{"eventName": "EmailUpdated", "responseElements": {"ConsoleLogin": null, "EmailUpdated": "Success"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the mail address, as an API call",
                RootCall(
                    r#"{"eventSource": "account.amazonaws.com", "eventName": "UpdateAccountEmailAddress"}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "the mail address of a member account, by its organisation",
                ApiCall(
                    r#"{"eventSource": "account.amazonaws.com", "eventName": "AcceptPrimaryEmailUpdate", "requestParameters": {"accountId": "444455556666"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a second factor was registered: AWS's own example",
                RootCall(
                    r#"{"eventName": "EnableMFADevice", "requestParameters": {"userName": "AWS ROOT USER", "serialNumber": "arn:aws:iam::111122223333:mfa/root-account-mfa-device"}, "userIdentity": {"userName": "AWS ROOT USER"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "a second factor was removed, under a name of its own",
                RootCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"serialNumber": "arn:aws:iam::111122223333:mfa/phone"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "a second factor was resynchronised",
                RootCall(r#"{"eventName": "ResyncMFADevice", "requestParameters": null}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "root's virtual device was deleted",
                RootCall(
                    r#"{"eventName": "DeleteVirtualMFADevice", "requestParameters": {"serialNumber": "arn:aws:iam::111122223333:mfa/root-account-mfa-device"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "root's virtual device was deleted by another",
                ApiCall(
                    r#"{"eventName": "DeleteVirtualMFADevice", "requestParameters": {"serialNumber": "arn:aws:iam::111122223333:mfa/root-account-mfa-device"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "root's second factor was removed by another",
                ApiCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"userName": "AWS ROOT USER", "serialNumber": "arn:aws:iam::111122223333:mfa/phone"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a user's device that has the name of root's",
                ApiCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/root-account-mfa-device"}}"#,
                ),
                Instead("credential-change.mfa-removed"),
            ),
            DetectionCase::new(
                "root removed a user's second factor",
                RootCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Instead("credential-change.mfa-removed"),
            ),
            DetectionCase::new(
                "root registered a second factor for a user",
                RootCall(
                    r#"{"eventName": "EnableMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "an access key: requestParameters is null",
                RootCall(
                    r#"{"eventName": "CreateAccessKey", "requestParameters": null, "responseElements": {"accessKey": {"accessKeyId": "AKIAROOTEXAMPLE12345", "status": "Active"}}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "an access key: requestParameters names no user",
                RootCall(
                    r#"{"eventName": "CreateAccessKey", "requestParameters": {"userName": null, "x": 1}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "an access key: requestParameters is a number",
                RootCall(r#"{"eventName": "CreateAccessKey", "requestParameters": 5}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "an access key was switched off",
                RootCall(
                    r#"{"eventName": "UpdateAccessKey", "requestParameters": {"accessKeyId": "AKIAROOTEXAMPLE12345", "status": "Inactive"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "an access key was deleted",
                RootCall(
                    r#"{"eventName": "DeleteAccessKey", "requestParameters": {"accessKeyId": "AKIAROOTEXAMPLE12345"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "root made an access key for a user",
                RootCall(
                    r#"{"eventName": "CreateAccessKey", "requestParameters": {"userName": "svc-backup"}}"#,
                ),
                Instead("credential-change.access-key-for-other"),
            ),
            DetectionCase::new(
                "root gave itself a password",
                RootCall(r#"{"eventName": "CreateLoginProfile", "requestParameters": null}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "a session of sts:AssumeRoot gave root a password",
                RootCall(
                    r#"{"eventName": "CreateLoginProfile", "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a session of sts:AssumeRoot removed root's password",
                RootCall(
                    r#"{"eventName": "DeleteLoginProfile", "userIdentity": {"sessionContext": {"assumedRoot": true}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a session of sts:AssumeRoot removed root's second factor",
                RootCall(
                    r#"{"eventName": "DeactivateMFADevice", "requestParameters": {"serialNumber": "arn:aws:iam::111122223333:mfa/phone"}, "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the call was refused",
                RootCall(r#"{"eventName": "CreateAccessKey", "errorCode": "AccessDenied"}"#),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "refused to a session of sts:AssumeRoot",
                RootCall(
                    r#"{"eventName": "DeleteLoginProfile", "errorCode": "NoSuchEntity", "userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                RootCall(r#"{"eventSource": "workmail.amazonaws.com", "eventName": "ChangePassword"}"#),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "a user's own second factor",
                ApiCall(
                    r#"{"eventName": "EnableMFADevice", "requestParameters": {"userName": "alice", "serialNumber": "arn:aws:iam::111122223333:mfa/alice-phone"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "root.assumed",
            kind: RuleKind::Detection,
            title: "Root session opened in a member account",
            severity: Severity::Medium,
            severity_reason: "It gives a short session of root in a member account, for one named task; few people may, and rarely need it. \
                LOW for the task that can only read.",
            condition: "`sts:AssumeRoot` gave somebody a root session in an account of the organisation",
            references: &["cis:7.0/2.1.1", "mitre-attack:17/T1548.005", "mitre-attack:17/T1078.004"],
            remediation: &[
                "Ask the person, by a way that is not email, for which task they needed root in that account.",
                "If they did not do it: revoke the sessions of that principal and deactivate its access keys.",
                "Look in the member account's records for what the session did (`assumedRoot` is true there).",
                "Allow `sts:AssumeRoot` only to the few who need it, and only with the task policies they need.",
            ],
        },
        scope: &[RecordScope::Names(&["AssumeRoot"])],
        event_names: EventNames::Apart,
        matches: assumed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "to delete root's credentials",
                ApiCall(
                    r#"{"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot", "requestParameters": {"targetPrincipal": "444455556666", "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "only to look",
                ApiCall(
                    r#"{"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot", "requestParameters": {"targetPrincipal": "444455556666", "taskPolicyArn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(r#"{"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot"}"#),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot", "errorCode": "AccessDenied", "requestParameters": {"targetPrincipal": "444455556666"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventName": "AssumeRoot"}"#),
                Nothing,
            ),
        ],
    },
];

pub(super) const ACTIVITY: &[Detection] = &[Detection {
    rule: Rule {
        id: "root.activity",
        kind: RuleKind::Detection,
        title: "Root was used",
        severity: Severity::High,
        severity_reason: "What root does is not limited by any policy of its account, and should be rare. \
            LOW for what only reads, for the steps of a sign-in and for tokens that the console fetches or a tool refreshes.",
        condition: "root did, or tried, something that no other rule names",
        references: &["cis:7.0/2.7", "cis:7.0/5.3", "security-hub:CloudWatch.1", "mitre-attack:17/T1078.004"],
        remediation: &[
            "Call whoever keeps the root password, and ask whether it was them and for which task.",
            "If it was not: take the account back by the password recovery of root, and change root's mail password first.",
            "Look in CloudTrail for everything root did around that time.",
            "If it was: have the task done by a role next time, where AWS allows it.",
        ],
    },
    scope: ROOT_RECORDS,
    event_names: EventNames::ApartUnless(is_minor),
    matches: activity,
    #[cfg(any(test, feature = "cases"))]
    cases: &[
        DetectionCase::new("a write", RootCall(r#"{"eventName": "CreateUser"}"#), Raised(Severity::High)),
        DetectionCase::new("a read", RootCall(r#"{"readOnly": true}"#), Raised(Severity::Low)),
        DetectionCase::new("a read, as text", RootCall(r#"{"readOnly": "True"}"#), Raised(Severity::Low)),
        DetectionCase::new(
            "readOnly is absent, so it may be a write",
            RootCall(r#"{"readOnly": null}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "a refused call",
            RootCall(r#"{"eventName": "DeleteBucket", "errorCode": "AccessDenied"}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "the account has an alias, which AWS gives as root's user name",
            RootCall(r#"{"userIdentity": {"userName": "example-corp"}}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "a console action",
            RootCall(r#"{"eventType": "AwsConsoleAction", "requestID": null}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "assumedRoot is false",
            RootCall(r#"{"userIdentity": {"sessionContext": {"assumedRoot": "false"}}}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "invokedBy is empty, so no service made the call",
            RootCall(r#"{"userIdentity": {"invokedBy": ""}}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "a rule that only counts has less to say",
            RootCall(
                r#"{"eventName": "DeletePolicy", "requestParameters": {"policyArn": "arn:aws:iam::111122223333:policy/x"}}"#,
            ),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "an unknown sign-in event",
            RootSignIn(r#"{"eventName": "BeginSignIn", "responseElements": null}"#),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "an undocumented sign-in event, which succeeded",
            RootSignIn(
                r#"{"eventName": "PasskeyLogin", "responseElements": {"ConsoleLogin": null, "PasskeyLogin": "Success"}}"#,
            ),
            Raised(Severity::High),
        ),
        DetectionCase::new(
            "a token is refreshed",
            RootSignIn(
                r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:::devtools/same-device", "grant_type": "refresh_token"}}"#,
            ),
            Raised(Severity::Low),
        ),
        DetectionCase::new(
            "the console fetches a token of its own",
            RootSignIn(
                r#"{"eventName": "CreateOAuth2Token", "eventType": "AwsApiCall", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}, "requestParameters": {"client_id": "arn:aws:signin:::console/canvas"}}"#,
            ),
            Raised(Severity::Low),
        ),
        DetectionCase::new(
            "asked for the second factor, on the way in",
            RootSignIn(
                r#"{"eventName": "CheckMfa", "responseElements": {"ConsoleLogin": null, "CheckMfa": "Success"}, "additionalEventData": {"MFAUsed": null, "MfaType": "Virtual MFA"}}"#,
            ),
            Raised(Severity::Low),
        ),
        DetectionCase::new(
            "signing out",
            RootSignIn(r#"{"eventName": "Logout", "responseElements": null}"#),
            Raised(Severity::Low),
        ),
        DetectionCase::new(
            "a session of sts:AssumeRoot",
            RootCall(r#"{"userIdentity": {"sessionContext": {"assumedRoot": "true"}}}"#),
            Nothing,
        ),
        DetectionCase::new(
            "a service in root's name",
            RootCall(r#"{"userIdentity": {"invokedBy": "autoscaling.amazonaws.com"}}"#),
            Nothing,
        ),
        DetectionCase::new("an event of AWS's own", RootCall(r#"{"eventType": "AwsServiceEvent"}"#), Nothing),
        DetectionCase::new(
            "an event of AWS's own, in lower case",
            RootCall(r#"{"eventType": "awsserviceevent"}"#),
            Nothing,
        ),
        DetectionCase::new(
            "the type is a list",
            RootCall(r#"{"userIdentity": {"type": ["Root"]}}"#),
            Nothing,
        ),
        DetectionCase::new("no principal is named", RootCall(r#"{"userIdentity": null}"#), Nothing),
        DetectionCase::new(
            "stopping a trail has its own rule",
            RootCall(r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}"#),
            Instead("trail.stopped"),
        ),
    ],
}];

/// A sign-in of root. Opening the console as root is a finding even if `sts:AssumeRoot` is behind it.
fn root_sign_in(record: &Record<'_>) -> Option<SignIn> {
    let root = record.user_identity.kind.as_deref() == Some("Root");
    SignIn::of(record).filter(|_| root)
}

/// Whether root authorised a tool that had no session of root before. The console fetches tokens of its own after
/// every sign-in, and a refreshed token belongs to a sign-in that was already a finding.
///
/// Source: AWS Sign-In User Guide, "CloudTrail integration": `requestParameters.client_id` and `grant_type`.
fn lets_a_tool_in(record: &Record<'_>) -> bool {
    let refreshed =
        record.request("grant_type").is_some_and(|grant| grant.eq_ignore_ascii_case("refresh_token"));
    let client = record.request("client_id").filter(|client| !client.trim().is_empty());
    // An unnamed client is not known to be the console's.
    let tool =
        client.is_none_or(|client| client.contains(":devtools/") || client.contains("external-client"));
    tool && !refreshed
}

fn sign_in_without_mfa(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = root_sign_in(record)?;
    (sign_in.outcome == Outcome::Success && sign_in.mfa == Mfa::No).then(|| {
        let what = format!("signed in to {} without a second factor", door(sign_in.way));
        raised(Severity::Critical, what, record)
    })
}

fn sign_in(record: &Record<'_>, config: &Config) -> Option<DetectionRaised> {
    let sign_in = root_sign_in(record).filter(|sign_in| sign_in.outcome == Outcome::Success)?;
    let no_sign_in =
        SignIn::of_unknown_name(record) || (sign_in.way == Way::OAuth && !lets_a_tool_in(record));
    if no_sign_in {
        return None;
    }
    let address = record.source_ip_address.as_deref().unwrap_or_default();
    let outside = config.sign_in_allowed_from(address) == Some(false);
    let factor = match sign_in.mfa {
        Mfa::Yes => "with a second factor",
        Mfa::No => "without a second factor",
        Mfa::Unknown => "(AWS does not say whether with a second factor)",
    };
    let from = if outside { ", from outside the allowed addresses" } else { "" };
    let severity = if outside { Severity::Critical } else { Severity::High };
    Some(raised(severity, format!("signed in to {} {factor}{from}", door(sign_in.way)), record))
}

fn sign_in_failed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let sign_in = root_sign_in(record).filter(|sign_in| sign_in.outcome == Outcome::Failure)?;
    let second_factor = sign_in.way == Way::Console && sign_in.mfa == Mfa::Yes;
    let what = if denied_by_policy(record) {
        format!("was kept by a policy from signing in to {}", door(sign_in.way))
    } else if second_factor {
        "gave the right password to the AWS console and then failed the second factor".to_owned()
    } else {
        format!("failed to sign in to {}", door(sign_in.way))
    };
    // The second factor is asked for only after the right password.
    Some(if second_factor {
        raised(Severity::Critical, what, record)
    } else {
        raised(Severity::High, what, record).unauthenticated()
    })
}

/// Only root's password can be recovered by mail, so the request was about root.
fn password_recovery(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let requested = calls(record, SIGN_IN_SOURCE, &["PasswordRecoveryRequested"]);
    if !requested && !calls(record, SIGN_IN_SOURCE, &["PasswordRecoveryCompleted"]) {
        return None;
    }
    let failed = !record.call_succeeded() || stated_outcome(record) == Outcome::Failure;
    let (severity, what) = match (requested, failed) {
        (true, false) => (Severity::High, "asked for a new root password by mail"),
        (true, true) => (Severity::Medium, "asked for a new root password by mail, and failed"),
        (false, false) => (Severity::Critical, "set a new root password by way of root's mailbox"),
        (false, true) => {
            (Severity::Medium, "tried to set a new root password by way of root's mailbox, and failed")
        }
    };
    let raised = raised(severity, what.to_owned(), record);
    // Completing it takes the content of root's mail; requesting it takes only root's mail address.
    Some(if requested { raised.unauthenticated() } else { raised })
}

fn credentials_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let assumed = record.user_identity.assumed_root == Some(true)
        && record.user_identity.kind.as_deref() == Some("Root");
    let what = change_to_root(record, record.by_root() || assumed)?;
    let (severity, by) = if record.by_root() {
        (Severity::Critical, "")
    } else if assumed {
        (Severity::High, ", in a session opened with sts:AssumeRoot")
    } else if record.event_name == "DeleteVirtualMFADevice" {
        (Severity::Medium, "")
    } else {
        (Severity::High, "")
    };
    let key = record.request("accessKeyId").or(text(&record.response_elements["accessKey"]["accessKeyId"]));
    let account = record.request("accountId");
    let account = account.as_deref().or(record.account());
    Some(
        DetectionRaised::new(severity, format!("{what}{by}"))
            .resource(account.map(|account| format!("root of {account}")))
            .fact("serial_number", record.request("serialNumber"))
            .fact("root_access_key_id", key.as_deref().map(masked))
            .fact("status", record.request("status"))
            .fact("target_account", record.request("accountId")),
    )
}

/// What was done to root's credentials: a phrase that follows the name of who did it.
fn change_to_root(record: &Record<'_>, root_acts: bool) -> Option<&'static str> {
    if &*record.event_source == SIGN_IN_SOURCE {
        return match &*record.event_name {
            _ if !root_acts || !own_success(record) => None,
            "PasswordUpdated" => Some("changed root's password"),
            "EmailUpdated" => Some("changed root's mail address"),
            _ => None,
        };
    }
    if !record.call_succeeded() {
        return None;
    }
    match &*record.event_name {
        "AcceptPrimaryEmailUpdate" if record.event_source == "account.amazonaws.com" => {
            return Some("changed root's mail address");
        }
        "UpdateAccountEmailAddress" if root_acts => return Some("changed root's mail address"),
        _ => {}
    }
    let serial = record.request("serialNumber");
    let roots_device = serial.is_some_and(|serial| serial.ends_with(":mfa/root-account-mfa-device"));
    let on_root = match record.request("userName") {
        Some(name) => name == ROOT_USER,
        None => root_acts || roots_device,
    };
    if record.event_source != IAM || !on_root {
        return None;
    }
    match &*record.event_name {
        "ChangePassword" => Some("changed root's password"),
        "CreateLoginProfile" => Some("gave root a password"),
        "UpdateLoginProfile" => Some("changed root's password"),
        "DeleteLoginProfile" => Some("removed root's password"),
        "CreateAccessKey" => Some("made an access key for root"),
        "UpdateAccessKey" => Some("switched an access key of root on or off"),
        "DeleteAccessKey" => Some("deleted an access key of root"),
        "UploadSigningCertificate" => Some("gave root a signing certificate"),
        "UpdateSigningCertificate" => Some("switched a signing certificate of root on or off"),
        "DeleteSigningCertificate" => Some("deleted a signing certificate of root"),
        "EnableMFADevice" => Some("registered a second factor for root"),
        "DeactivateMFADevice" => Some("removed a second factor of root"),
        "ResyncMFADevice" => Some("resynchronised a second factor of root"),
        // The request names no user: root deletes other people's devices too.
        "DeleteVirtualMFADevice" if roots_device => {
            Some("deleted the virtual device of root's second factor")
        }
        _ => None,
    }
}

fn assumed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, "sts.amazonaws.com", &["AssumeRoot"]) || !record.call_succeeded() {
        return None;
    }
    let target = record.request("targetPrincipal");
    let policy = &record.request_parameters["taskPolicyArn"];
    let task_policy = text(policy).or_else(|| text(&policy["arn"]));
    let reads = task_policy
        .as_deref()
        .is_some_and(|arn| arn.ends_with(":aws:policy/root-task/IAMAuditRootUserCredentials"));
    let task = task_policy.as_deref().and_then(|arn| arn.rsplit('/').next());
    let what = format!(
        "opened a root session in {}{}",
        target
            .as_deref()
            .map_or("a member account".to_owned(), |target| format!("the account {}", quoted(target))),
        task.map(|task| format!(" for the task {}", quoted(task))).unwrap_or_default()
    );
    let severity = if reads { Severity::Low } else { Severity::Medium };
    Some(
        DetectionRaised::new(severity, what)
            .resource(target.clone())
            .fact("target_principal", target)
            .fact("task_policy_arn", task_policy),
    )
}

fn activity(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !record.by_root() {
        return None;
    }
    let severity = if is_minor(record) { Severity::Low } else { Severity::High };
    let call = quoted(record.service()) + ":" + &quoted(&record.event_name);
    let what = if record.event_source == SIGN_IN_SOURCE {
        format!("caused the sign-in event {}", quoted(&record.event_name))
    } else if record.call_succeeded() {
        format!("used {call}")
    } else {
        format!("tried to use {call}, and was refused")
    };
    let affected = AFFECTED.iter().find_map(|name| record.request(name)).filter(|_| !is_minor(record));
    Some(
        DetectionRaised::new(severity, what)
            .second_resource(affected)
            .fact("read_only", record.read_only.map(|it| it.to_string())),
    )
}

/// Whether the record of root's activity only reads, or is a step of a sign-in.
fn is_minor(record: &Record<'_>) -> bool {
    let step_of_sign_in = calls(record, SIGN_IN_SOURCE, &["Authenticate", "Logout"])
        || (calls(record, SIGN_IN_SOURCE, &["CheckMfa"]) && own_success(record))
        || (calls(record, SIGN_IN_SOURCE, &["CreateOAuth2Token"]) && !lets_a_tool_in(record));
    step_of_sign_in || record.read_only == Some(true)
}
