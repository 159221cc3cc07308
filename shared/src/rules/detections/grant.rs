//! The family `grant`: who is given what in IAM: administrators' policies, trust, identity providers.
//!
//! Sources: IAM API Reference; CIS AWS Foundations Benchmark 7.0, 5.4; CloudTrail User Guide, "CloudTrail
//! record contents" (`requestParameters.omitted`).

use super::calls::{IAM, calls, kind_named};
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use crate::config::Config;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::{Record, Text, text, truth};
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::formats::iam_policy::{AdminGrant, PolicyDocument, Reach, Trusted};
use crate::severity::Severity;
use crate::text::quoted;

/// The calls that carry a document of IAM's, which can be blown up until CloudTrail leaves it out.
const DOCUMENT_CALLS: &[&str] = &[
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateRole",
    "CreateSAMLProvider",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "UpdateAssumeRolePolicy",
    "UpdateSAMLProvider",
];

const ATTACHING_CALLS: &[&str] = &["AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy"];

const WRITING_CALLS: &[&str] =
    &["CreatePolicy", "CreatePolicyVersion", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"];

/// Source: CIS AWS Foundations Benchmark 7.0, 5.4.
const POLICY_CALLS: &[&str] = &[
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeleteGroupPolicy",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRolePolicy",
    "DeleteUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "SetDefaultPolicyVersion",
];

const TRUST_CALLS: &[&str] = &["CreateRole", "UpdateAssumeRolePolicy"];

const PROVIDER_CALLS: &[&str] = &[
    "AddClientIDToOpenIDConnectProvider",
    "CreateOpenIDConnectProvider",
    "CreateSAMLProvider",
    "DeleteOpenIDConnectProvider",
    "DeleteSAMLProvider",
    "RemoveClientIDFromOpenIDConnectProvider",
    "UpdateOpenIDConnectProviderThumbprint",
    "UpdateSAMLProvider",
];

const BOUNDARY_CALLS: &[&str] = &["DeleteRolePermissionsBoundary", "DeleteUserPermissionsBoundary"];

const BOUNDARY_PUTS: &[&str] = &["PutRolePermissionsBoundary", "PutUserPermissionsBoundary"];

pub(super) const DETECTIONS: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "grant.hidden-request",
            kind: RuleKind::Detection,
            title: "IAM change hidden by its size",
            severity: Severity::High,
            severity_reason: "CloudTrail leaves out what is larger than 100 KB; a policy is made that large to hide what it says.",
            condition: "a call to IAM succeeded whose parameters CloudTrail left out for their size",
            references: &["cis:7.0/5.4", "mitre-attack:17/T1562.008"],
            remediation: &[
                "Look at the policy, role or provider as it is now: the record does not say which, the time and the principal lead to it.",
                "Ask whoever did it, by a way that is not email, what is in it and why it is that large.",
                "If nobody can say: delete it, revoke the sessions of that principal and deactivate its access keys.",
                "Look in CloudTrail for what that principal did before and since.",
            ],
        },
        scope: &[RecordScope::Names(DOCUMENT_CALLS)],
        event_names: EventNames::Apart,
        matches: hidden_request,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "an inline policy",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "requestParameters": {"omitted": true, "originalSize": 131072, "reason": "requestParameters too large"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a trust policy, omitted as text",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"omitted": "true"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by root",
                RootCall(r#"{"eventName": "CreatePolicy", "requestParameters": {"omitted": true}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "not omitted",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "requestParameters": {"omitted": false, "policyDocument": "{\"Statement\": []}"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "errorCode": "LimitExceeded", "requestParameters": {"omitted": true}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "iot.amazonaws.com", "eventName": "CreatePolicy", "requestParameters": {"omitted": true}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.admin-policy-attached",
            kind: RuleKind::Detection,
            title: "Administrator's policy attached",
            severity: Severity::High,
            severity_reason: "Whoever has it owns the account. CRITICAL for a user, whose keys do not expire; MEDIUM for PowerUserAccess, which leaves out IAM; \
                LOW where Identity Center provisions a permission set, which is told where the set was changed.",
            condition: "AdministratorAccess, IAMFullAccess or PowerUserAccess was attached to a user, group or role",
            references: &["cis:7.0/5.4", "security-hub:CloudWatch.4", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Ask whoever attached it, by a way that is not email, whether they meant to, and why that much.",
                "If they did not: detach it, revoke the sessions of both principals and deactivate their access keys.",
                "Look in CloudTrail for what the principal that was given it did since.",
                "Where it was meant: attach a policy that allows only what is needed, or make it a role for which people need a second factor.",
            ],
        },
        scope: &[RecordScope::Names(ATTACHING_CALLS)],
        event_names: EventNames::Apart,
        matches: admin_policy_attached,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "to a user",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "mallory", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "to a role, in GovCloud",
                ApiCall(
                    r#"{"eventName": "AttachRolePolicy", "requestParameters": {"roleName": "build", "policyArn": "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "to a group, all of IAM",
                ApiCall(
                    r#"{"eventName": "AttachGroupPolicy", "requestParameters": {"groupName": "ops", "policyArn": "arn:aws:iam::aws:policy/IAMFullAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "to a user, all but IAM",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "mallory", "policyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the user is not named",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": 7, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "Identity Center provisions a permission set",
                ApiCall(
                    r#"{"eventName": "AttachRolePolicy", "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForSSO/AWS-SSO", "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO", "userName": "AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "a role that only has the name of Identity Center's",
                ApiCall(
                    r#"{"eventName": "AttachRolePolicy", "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForSSO/AWS-SSO", "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/AWSServiceRoleForSSO", "userName": "AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a policy of one's own with that name",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "requestParameters": {"userName": "mallory", "policyArn": "arn:aws:iam::111122223333:policy/AdministratorAccess"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "a policy for one service whose name begins so",
                ApiCall(
                    r#"{"eventName": "AttachRolePolicy", "requestParameters": {"roleName": "amplify", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess-Amplify"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "AttachUserPolicy", "errorCode": "AccessDenied", "requestParameters": {"userName": "mallory", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "detached",
                ApiCall(
                    r#"{"eventName": "DetachUserPolicy", "requestParameters": {"userName": "mallory", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "example.amazonaws.com", "eventName": "AttachUserPolicy", "requestParameters": {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.admin-policy-written",
            kind: RuleKind::Detection,
            title: "Policy that allows everything written",
            severity: Severity::High,
            severity_reason: "Whoever has it owns the account. CRITICAL for the inline policy of a user, whose keys do not expire; \
                One step lower on a condition, and MEDIUM for a version that is not yet the default; \
                LOW where Identity Center provisions a permission set, which is told where the set was changed.",
            condition: "a policy was written that allows everything, everything but a few actions, all of IAM, or actions of IAM \
                with which one can give oneself more, on all resources",
            references: &["cis:7.0/2.14", "cis:7.0/5.4", "security-hub:IAM.1", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Ask whoever wrote it, by a way that is not email, whether they meant to, and why that much.",
                "If they did not: delete it, revoke the sessions of both principals and deactivate their access keys.",
                "See to whom the policy is attached (IAM > Policies > Entities attached), and what they did since.",
                "Where it was meant: allow only the actions and resources that are needed.",
            ],
        },
        scope: &[RecordScope::Names(WRITING_CALLS)],
        event_names: EventNames::Apart,
        matches: admin_policy_written,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "inline, for a user",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "mallory", "policyName": "p", "policyDocument": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "inline, for a role, percent-encoded",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "requestParameters": {"roleName": "build", "policyName": "p", "policyDocument": "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%5B%22*%22%5D%2C%22Resource%22%3A%22*%22%7D%7D"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "inline, for a group, all of IAM",
                ApiCall(
                    r#"{"eventName": "PutGroupPolicy", "requestParameters": {"groupName": "ops", "policyName": "p", "policyDocument": "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"iam:*\", \"s3:Get*\"], \"Resource\": [\"*\"]}}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a managed policy that allows all but some",
                ApiCall(
                    r#"{"eventName": "CreatePolicy", "requestParameters": {"policyName": "p", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"NotAction\": \"organizations:*\", \"Resource\": \"*\"}]}"}, "responseElements": {"policy": {"arn": "arn:aws:iam::111122223333:policy/p"}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "the document is JSON itself",
                ApiCall(
                    r#"{"eventName": "CreatePolicy", "requestParameters": {"policyName": "p", "policyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a new default version",
                ApiCall(
                    r#"{"eventName": "CreatePolicyVersion", "requestParameters": {"policyArn": "arn:aws:iam::111122223333:policy/p", "setAsDefault": true, "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a version that is not yet the default",
                ApiCall(
                    r#"{"eventName": "CreatePolicyVersion", "requestParameters": {"policyArn": "arn:aws:iam::111122223333:policy/p", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "on a condition",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "alice", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "for a role, on a condition",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "all of IAM, on all that IAM keeps",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "mallory", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iam:*\", \"Resource\": \"arn:aws:iam::111122223333:*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "attaching any policy to anyone",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "mallory", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iam:Attach*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "Identity Center provisions a permission set",
                ApiCall(
                    r#"{"eventName": "PutRolePolicy", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "one action on all resources",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "alice", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:ListAllMyBuckets\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "everything is denied",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "alice", "policyDocument": "{\"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Instead("grant.policy-changed"),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "errorCode": "AccessDenied", "requestParameters": {"userName": "mallory", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "IoT's policies",
                ApiCall(
                    r#"{"eventSource": "iot.amazonaws.com", "eventName": "CreatePolicy", "requestParameters": {"policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.trust-changed",
            kind: RuleKind::Detection,
            title: "A role's trust changed",
            severity: Severity::Medium,
            severity_reason: "A trust policy decides who can become the role. CRITICAL where anyone can, HIGH where a whole other account can; \
                one step lower on a condition. LOW where Identity Center provisions a permission set.",
            condition: "a role's trust policy was changed, or a role was created that anyone, another account or a principal of one can assume, \
                or whose trust cannot be read",
            references: &["mitre-attack:17/T1098.003", "mitre-attack:17/T1484.002"],
            remediation: &[
                "Look at IAM > Roles > the role > Trust relationships: do you know everyone in it?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: put the former trust policy back, revoke the role's sessions, and those of who changed it.",
                "Look in CloudTrail for who assumed the role since, and for what they did.",
                "Where another account is meant: name one role of it, and ask for an `sts:ExternalId`.",
            ],
        },
        scope: &[RecordScope::Names(TRUST_CALLS)],
        event_names: EventNames::Apart,
        matches: trust_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "anyone",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "anyone, on a condition",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"sts:AssumeRole\", \"Condition\": {\"StringEquals\": {\"aws:PrincipalOrgID\": \"o-example\"}}}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a whole other account",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:root\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a whole other account, on a condition",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"444455556666\"}, \"Action\": \"sts:AssumeRole\", \"Condition\": {\"StringEquals\": {\"sts:ExternalId\": \"x\"}}}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "one role of another account",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:role/ci\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the account itself",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::111122223333:root\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the document cannot be read",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "requestParameters": {"roleName": "build", "policyDocument": "%7B"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(r#"{"eventName": "UpdateAssumeRolePolicy"}"#),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a new role for a whole other account",
                ApiCall(
                    r#"{"eventName": "CreateRole", "requestParameters": {"roleName": "support", "assumeRolePolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:root\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a new role for one user of another account",
                ApiCall(
                    r#"{"eventName": "CreateRole", "requestParameters": {"roleName": "support", "assumeRolePolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:user/mallory\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a new role whose trust cannot be read",
                ApiCall(
                    r#"{"eventName": "CreateRole", "requestParameters": {"roleName": "support", "assumeRolePolicyDocument": "{\"Statement"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "Identity Center provisions a permission set",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "a new role for the account itself",
                ApiCall(
                    r#"{"eventName": "CreateRole", "requestParameters": {"roleName": "build", "assumeRolePolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"arn:aws:iam::111122223333:root\", \"arn:aws:iam::111122223333:role/ci\"]}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "a new role for a service",
                ApiCall(
                    r#"{"eventName": "CreateRole", "requestParameters": {"roleName": "build", "assumeRolePolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"ec2.amazonaws.com\"}, \"Action\": \"sts:AssumeRole\"}]}"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "UpdateAssumeRolePolicy", "errorCode": "AccessDenied", "requestParameters": {"roleName": "build"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "example.amazonaws.com", "eventName": "UpdateAssumeRolePolicy"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.identity-provider-changed",
            kind: RuleKind::Detection,
            title: "IAM identity provider changed",
            severity: Severity::High,
            severity_reason: "Whoever runs a provider decides who may become the roles that trust it. MEDIUM where something was taken away.",
            condition: "a SAML or OpenID Connect provider of the account was created, changed or deleted, not by Identity Center itself",
            references: &["mitre-attack:17/T1484.002", "mitre-attack:17/T1556.007"],
            remediation: &[
                "Look at IAM > Identity providers: do you know this one, and who runs it?",
                "Ask whoever changed it, by a way that is not email, whether they meant to.",
                "If they did not: delete the provider or put its former metadata back, and revoke the sessions of who changed it.",
                "Look for AssumeRoleWithSAML and AssumeRoleWithWebIdentity through it since, and for what those sessions did.",
            ],
        },
        scope: &[RecordScope::Names(PROVIDER_CALLS)],
        event_names: EventNames::Apart,
        matches: identity_provider_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a new SAML provider",
                ApiCall(
                    r#"{"eventName": "CreateSAMLProvider", "requestParameters": {"name": "corp2", "sAMLMetadataDocument": "<x/>"}, "responseElements": {"sAMLProviderArn": "arn:aws:iam::111122223333:saml-provider/corp2"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "new metadata",
                ApiCall(
                    r#"{"eventName": "UpdateSAMLProvider", "requestParameters": {"sAMLProviderArn": "arn:aws:iam::111122223333:saml-provider/corp"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a new OpenID Connect provider",
                ApiCall(
                    r#"{"eventName": "CreateOpenIDConnectProvider", "requestParameters": {"url": "https://idp.example.com"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "one more audience, the parameters a list",
                ApiCall(r#"{"eventName": "AddClientIDToOpenIDConnectProvider", "requestParameters": [1]}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "deleted",
                ApiCall(
                    r#"{"eventName": "DeleteSAMLProvider", "requestParameters": {"sAMLProviderArn": "arn:aws:iam::111122223333:saml-provider/corp"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by a role that only has the name of Identity Center's",
                ApiCall(
                    r#"{"eventName": "UpdateSAMLProvider", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/AWSServiceRoleForSSO", "userName": "AWSServiceRoleForSSO"}}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "by Identity Center itself",
                ApiCall(
                    r#"{"eventName": "CreateSAMLProvider", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO", "userName": "AWSServiceRoleForSSO"}}}, "requestParameters": {"name": "AWSSSO_0123456789abcdef_DO_NOT_DELETE"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "refused",
                ApiCall(r#"{"eventName": "CreateSAMLProvider", "errorCode": "EntityAlreadyExists"}"#),
                Nothing,
            ),
            DetectionCase::new(
                "read",
                ApiCall(r#"{"eventName": "GetSAMLProvider", "readOnly": true}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.boundary-removed",
            kind: RuleKind::Detection,
            title: "Permissions boundary removed",
            severity: Severity::High,
            severity_reason: "A boundary is the fence around what a user or role can ever be given; without it every policy counts in full. \
                LOW where Identity Center provisions a permission set.",
            condition: "the permissions boundary of a user or role was removed",
            references: &["mitre-attack:17/T1098.003"],
            remediation: &[
                "Ask whoever removed it, by a way that is not email, whether they meant to.",
                "If they did not: put the boundary back, revoke the sessions of both principals and deactivate their access keys.",
                "Look in CloudTrail for what the principal without its boundary did since.",
                "Deny the removal of boundaries by a service control policy to everyone but a few.",
            ],
        },
        scope: &[RecordScope::Names(BOUNDARY_CALLS)],
        event_names: EventNames::Apart,
        matches: boundary_removed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "of a user",
                ApiCall(
                    r#"{"eventName": "DeleteUserPermissionsBoundary", "requestParameters": {"userName": "mallory"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "of a role that the record does not name",
                ApiCall(
                    r#"{"eventName": "DeleteRolePermissionsBoundary", "requestParameters": {"roleName": null}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "DeleteUserPermissionsBoundary", "errorCode": "AccessDenied", "requestParameters": {"userName": "mallory"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "Identity Center provisions a permission set",
                ApiCall(
                    r#"{"eventName": "DeleteRolePermissionsBoundary", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "one was set",
                ApiCall(
                    r#"{"eventName": "PutUserPermissionsBoundary", "requestParameters": {"userName": "alice"}}"#,
                ),
                Instead("grant.boundary-changed"),
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.boundary-changed",
            kind: RuleKind::Detection,
            title: "Permissions boundary set or changed",
            severity: Severity::Low,
            severity_reason: "A boundary limits what a user or role can ever be given; another one may limit less. \
                HIGH where it is a policy of administrators, which is no limit at all.",
            condition: "a user, role or permission set was given a permissions boundary, or another one",
            references: &["mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at the boundary as it is now: does it limit what it should?",
                "Ask whoever set it, by a way that is not email, whether they meant to.",
                "If they did not: put the former boundary back, and revoke the sessions of both principals.",
            ],
        },
        scope: &[
            RecordScope::Names(BOUNDARY_PUTS),
            RecordScope::Names(&["PutPermissionsBoundaryToPermissionSet"]),
        ],
        event_names: EventNames::Apart,
        matches: boundary_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "no limit at all",
                ApiCall(
                    r#"{"eventName": "PutUserPermissionsBoundary", "requestParameters": {"userName": "mallory", "permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "a policy of one's own",
                ApiCall(
                    r#"{"eventName": "PutRolePermissionsBoundary", "requestParameters": {"roleName": "build", "permissionsBoundary": "arn:aws:iam::111122223333:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "no limit at all, for a permission set",
                ApiCall(
                    r#"{"eventSource": "sso.amazonaws.com", "eventName": "PutPermissionsBoundaryToPermissionSet", "requestParameters": {"permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-EXAMPLE/ps-EXAMPLE", "permissionsBoundary": {"managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "Identity Center provisions a permission set",
                ApiCall(
                    r#"{"eventName": "PutRolePermissionsBoundary", "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"}}}, "requestParameters": {"roleName": "AWSReservedSSO_Admin_0123456789abcdef", "permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(r#"{"eventName": "PutUserPermissionsBoundary"}"#),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventName": "PutUserPermissionsBoundary", "errorCode": "AccessDenied", "requestParameters": {"userName": "alice"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "example.amazonaws.com", "eventName": "PutRolePermissionsBoundary"}"#,
                ),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.group-member-added",
            kind: RuleKind::Detection,
            title: "User put into an IAM group",
            severity: Severity::Low,
            severity_reason: "The user may do what the group may; what that is, the record does not say.",
            condition: "an IAM user was put into a group",
            references: &["cis:7.0/5.4", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Look at IAM > User groups > the group: what may it do, and should this user?",
                "Ask whoever did it, by a way that is not email, whether they meant to.",
                "If they did not: take the user out again, and deactivate the credentials of both.",
            ],
        },
        scope: &[RecordScope::Names(&["AddUserToGroup"])],
        event_names: EventNames::Apart,
        matches: group_member_added,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "a user",
                ApiCall(
                    r#"{"eventName": "AddUserToGroup", "requestParameters": {"userName": "mallory", "groupName": "admins"}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "the parameters are null",
                ApiCall(r#"{"eventName": "AddUserToGroup"}"#),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(r#"{"eventName": "AddUserToGroup", "errorCode": "NoSuchEntityException"}"#),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "example.amazonaws.com", "eventName": "AddUserToGroup"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "grant.policy-changed",
            kind: RuleKind::Detection,
            title: "IAM policy changed",
            severity: Severity::Informational,
            severity_reason: "Policies change all day; worth having when something else is looked into. \
                MEDIUM where the policy that was written, or the version that now counts, is not in the record, so that nobody can say what it allows.",
            condition: "an IAM policy was written, attached, detached or deleted, or another version of it counts",
            references: &["cis:7.0/5.4", "security-hub:CloudWatch.4", "mitre-attack:17/T1098.003"],
            remediation: &[
                "Nothing, as long as whoever did it is meant to change policies.",
                "Where the policy cannot be read from the record: look at it in IAM.",
                "If nobody meant it: take the change back, and deactivate the credentials of who made it.",
            ],
        },
        scope: &[RecordScope::Names(POLICY_CALLS)],
        event_names: EventNames::Apart,
        matches: policy_changed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "attached",
                ApiCall(
                    r#"{"eventName": "AttachRolePolicy", "requestParameters": {"roleName": "build", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
                ),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "another version counts: what it allows is not in the record",
                ApiCall(
                    r#"{"eventName": "SetDefaultPolicyVersion", "requestParameters": {"policyArn": "arn:aws:iam::111122223333:policy/p", "versionId": "v2"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "deleted, the parameters null",
                ApiCall(r#"{"eventName": "DeletePolicy"}"#),
                Raised(Severity::Informational),
            ),
            DetectionCase::new(
                "written, and cannot be read",
                ApiCall(
                    r#"{"eventName": "PutUserPolicy", "requestParameters": {"userName": "mallory", "policyDocument": "{\"Statement\": [{\"Eff"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "written, the document a number",
                ApiCall(
                    r#"{"eventName": "CreatePolicy", "requestParameters": {"policyName": "p", "policyDocument": 7}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "by root: it has a rule of its own",
                RootCall(r#"{"eventName": "DeletePolicy"}"#),
                Instead("root.activity"),
            ),
            DetectionCase::new(
                "by root, and cannot be read: HIGH at least",
                RootCall(r#"{"eventName": "PutUserPolicy", "requestParameters": {"policyDocument": []}}"#),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(r#"{"eventName": "DeletePolicy", "errorCode": "DeleteConflict"}"#),
                Nothing,
            ),
            DetectionCase::new(
                "Organizations' policies",
                ApiCall(r#"{"eventSource": "organizations.amazonaws.com", "eventName": "CreatePolicy"}"#),
                Nothing,
            ),
        ],
    },
];

/// Whether Identity Center's own service-linked role acted: only AWS can create roles under that path.
fn by_identity_center_itself(record: &Record<'_>) -> bool {
    let role = record.user_identity.session_role();
    role.is_some_and(|role| role.starts_with("aws-service-role/sso.amazonaws.com/"))
}

/// One step less severe.
fn one_lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
        Severity::Informational => Severity::Informational,
    }
}

/// The name and severity of an AWS managed policy for administrators.
/// `None` for any other policy. A customer managed policy may have any name, so the account counts too.
pub(super) fn admin_policy(arn: &str) -> Option<(&str, Severity)> {
    // arn:aws:iam::aws:policy/AdministratorAccess
    let (_, policy) = arn.split_once(":iam::aws:policy/")?;
    match policy {
        "AdministratorAccess" | "IAMFullAccess" => Some((policy, Severity::High)),
        "PowerUserAccess" => Some((policy, Severity::Medium)),
        _ => None,
    }
}

/// The statement of a policy that makes most of an administrator: how bad that is, and what it allows,
/// as a phrase that follows "allows". Nothing where no statement does.
pub(super) fn worst_grant(document: &PolicyDocument, everything: Severity) -> Option<(Severity, String)> {
    let severity = |grant: &AdminGrant| {
        let severity = match grant.reach {
            Reach::Everything => everything,
            Reach::AllButSome | Reach::AllOfIam | Reach::Escalation => Severity::High,
        };
        if grant.conditional { one_lower(severity) } else { severity }
    };
    let grants = document.admin_grants();
    let worst = grants.iter().max_by_key(|grant| (severity(grant), grant.reach))?;
    let allows = match worst.reach {
        Reach::Everything => "everything on all resources",
        Reach::AllButSome => "everything but a few actions on all resources",
        Reach::AllOfIam => "all of IAM on all resources",
        Reach::Escalation => "actions of IAM with which one can give oneself more on all resources",
    };
    let on_condition = if worst.conditional { ", on a condition" } else { "" };
    Some((severity(worst), format!("{allows}{on_condition}")))
}

/// The user, group or role that a call is about.
fn target<'r>(record: &'r Record<'_>) -> Text<'r> {
    ["userName", "groupName", "roleName"].into_iter().find_map(|name| record.request(name))
}

/// The kind of principal that a call is about, as its name says.
fn kind_of_target(record: &Record<'_>) -> &'static str {
    let name = &*record.event_name;
    if name.contains("User") {
        "user"
    } else if name.contains("Group") {
        "group"
    } else {
        "role"
    }
}

fn named(record: &Record<'_>) -> String {
    let kind = kind_of_target(record);
    target(record).map_or(format!("a {kind} that the record does not name"), |name| {
        format!("the {kind} {}", quoted(&name))
    })
}

fn with_target(raised: DetectionRaised, record: &Record<'_>) -> DetectionRaised {
    let policy = record
        .request("policyArn")
        .or_else(|| text(&record.response_elements["policy"]["arn"]))
        .or_else(|| record.request("policyName"));
    raised
        .resource(target(record).or_else(|| policy.clone()))
        .resource_kind(kind_named(record).or(Some("policy")))
        .fact("target", target(record))
        .fact("policy", policy)
}

fn hidden_request(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let omitted = truth(&record.request_parameters["omitted"]) == Some(true);
    (omitted && calls(record, IAM, DOCUMENT_CALLS) && record.call_succeeded()).then(|| {
        let what =
            format!("used iam:{} with parameters too large for CloudTrail to record", record.event_name);
        DetectionRaised::new(Severity::High, what)
            .fact("original_size", record.request("originalSize"))
            .fact("omitted_for", record.request("reason"))
    })
}

fn admin_policy_attached(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, ATTACHING_CALLS) || !record.call_succeeded() {
        return None;
    }
    let arn = record.request("policyArn")?;
    let (policy, severity) = admin_policy(&arn)?;
    let to_user = record.event_name == "AttachUserPolicy";
    let severity = match policy {
        _ if by_identity_center_itself(record) => Severity::Low,
        "AdministratorAccess" if to_user => Severity::Critical,
        _ => severity,
    };
    let what = format!("attached {policy} to {}", named(record));
    Some(with_target(DetectionRaised::new(severity, what), record))
}

fn admin_policy_written(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, WRITING_CALLS) || !record.call_succeeded() {
        return None;
    }
    let document = PolicyDocument::read(&record.request_parameters["policyDocument"])?;
    let waits = record.event_name == "CreatePolicyVersion"
        && truth(&record.request_parameters["setAsDefault"]) != Some(true);
    let for_user = record.event_name == "PutUserPolicy";
    let everything = if for_user { Severity::Critical } else { Severity::High };
    let (severity, allows) = worst_grant(&document, everything)?;
    let severity = if by_identity_center_itself(record) {
        Severity::Low
    } else if waits {
        Severity::Medium
    } else {
        severity
    };
    let policy = match &*record.event_name {
        "CreatePolicy" => "wrote a policy".to_owned(),
        "CreatePolicyVersion" if waits => "wrote a version of a policy, not yet its default,".to_owned(),
        "CreatePolicyVersion" => "wrote a version of a policy".to_owned(),
        _ => format!("wrote a policy of {}", named(record)),
    };
    Some(with_target(DetectionRaised::new(severity, format!("{policy} that allows {allows}")), record))
}

fn trust_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, TRUST_CALLS) || !record.call_succeeded() {
        return None;
    }
    let created = record.event_name == "CreateRole";
    let document = if created { "assumeRolePolicyDocument" } else { "policyDocument" };
    let document = PolicyDocument::read(&record.request_parameters[document]);
    let trusted = document.as_ref().map(PolicyDocument::trusted).unwrap_or_default();
    let graded = trusted.into_iter().filter_map(|(trusted, conditional)| {
        let (severity, on_condition, whom) = match trusted {
            Trusted::Anyone => (Severity::Critical, Severity::High, "anyone".to_owned()),
            Trusted::Account(account) if record.account() != Some(&*account) => {
                (Severity::High, Severity::Medium, format!("everyone whom the account {account} lets"))
            }
            Trusted::Principal { account, .. } if record.account() != Some(&*account) => {
                (Severity::Medium, Severity::Medium, format!("a principal of the account {account}"))
            }
            // Those of one's own account, services and providers: the rule's own severity.
            Trusted::Account(_) | Trusted::Principal { .. } | Trusted::Other(_) => return None,
        };
        Some((if conditional { on_condition } else { severity }, conditional, whom))
    });
    let role = record.request("roleName");
    let named = role.as_deref().map_or("a role".to_owned(), |role| format!("the role {}", quoted(role)));
    let verb = if created { "created" } else { "changed the trust of" };
    let (severity, what) = match graded.max() {
        Some((severity, conditional, whom)) => {
            let on_condition = if conditional { ", on a condition" } else { "" };
            (severity, format!("{verb} {named}: {whom} can assume it{on_condition}"))
        }
        None if document.is_none() => {
            (Severity::Medium, format!("{verb} {named}; whom it trusts cannot be read from the record"))
        }
        None if created => return None,
        None => (Severity::Medium, format!("{verb} {named}")),
    };
    let severity = if by_identity_center_itself(record) { Severity::Low } else { severity };
    Some(
        DetectionRaised::new(severity, what)
            .resource(role.clone())
            .resource_kind(Some("role"))
            .fact("role_name", role),
    )
}

fn identity_provider_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let changed = calls(record, IAM, PROVIDER_CALLS) && record.call_succeeded();
    if !changed || by_identity_center_itself(record) {
        return None;
    }
    let provider = ["sAMLProviderArn", "openIDConnectProviderArn"]
        .into_iter()
        .find_map(|name| record.request(name).or_else(|| text(&record.response_elements[name])))
        .or_else(|| record.request("name"))
        .or_else(|| record.request("url"));
    let taken_away = record.event_name.starts_with("Delete") || record.event_name.starts_with("Remove");
    let severity = if taken_away { Severity::Medium } else { Severity::High };
    let did = match &*record.event_name {
        name if name.starts_with("Create") => "created",
        name if name.starts_with("Delete") => "deleted",
        _ => "changed",
    };
    let named = provider.as_deref().map_or("that the record does not name".to_owned(), quoted);
    Some(
        DetectionRaised::new(severity, format!("{did} the identity provider {named}"))
            .resource(provider.clone())
            .resource_kind(record.request("name").map(|_| "saml-provider"))
            .fact("provider", provider)
            .fact("client_id", record.request("clientID")),
    )
}

fn boundary_removed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    (calls(record, IAM, BOUNDARY_CALLS) && record.call_succeeded()).then(|| {
        let what = format!("removed the permissions boundary of {}", named(record));
        let severity = if by_identity_center_itself(record) { Severity::Low } else { Severity::High };
        with_target(DetectionRaised::new(severity, what), record)
    })
}

fn boundary_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let permission_set = calls(record, "sso.amazonaws.com", &["PutPermissionsBoundaryToPermissionSet"]);
    if !(permission_set || calls(record, IAM, BOUNDARY_PUTS)) || !record.call_succeeded() {
        return None;
    }
    let boundary = &record.request_parameters["permissionsBoundary"];
    let arn = text(boundary).or_else(|| text(&boundary["managedPolicyArn"]));
    let of_admins = arn.as_deref().and_then(admin_policy).filter(|_| !by_identity_center_itself(record));
    let severity = if of_admins.is_some() { Severity::High } else { Severity::Low };
    let whose = if permission_set { "a permission set".to_owned() } else { named(record) };
    let what = match of_admins {
        Some((policy, _)) => {
            format!("made {policy} the permissions boundary of {whose}, which is hardly a limit")
        }
        None => format!("set the permissions boundary of {whose}"),
    };
    let set = record.request("permissionSetArn");
    let raised = DetectionRaised::new(severity, what)
        .resource(target(record).or_else(|| set.clone()))
        .resource_kind(kind_named(record))
        .fact("target", target(record))
        .fact("permission_set_arn", set)
        .fact("permissions_boundary", arn);
    Some(raised)
}

fn group_member_added(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    (calls(record, IAM, &["AddUserToGroup"]) && record.call_succeeded()).then(|| {
        let (user, group) = (record.request("userName"), record.request("groupName"));
        let what = format!(
            "put {} into {}",
            user.as_deref().map_or("a user".to_owned(), |user| format!("the user {}", quoted(user))),
            group.as_deref().map_or("a group".to_owned(), |group| format!("the group {}", quoted(group))),
        );
        DetectionRaised::new(Severity::Low, what)
            .resource(user.clone())
            .second_resource(group.clone())
            .resource_kind(Some("user"))
            .fact("target_user", user)
            .fact("group_name", group)
    })
}

fn policy_changed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    if !calls(record, IAM, POLICY_CALLS) || !record.call_succeeded() {
        return None;
    }
    let unreadable = WRITING_CALLS.contains(&&*record.event_name)
        && PolicyDocument::read(&record.request_parameters["policyDocument"]).is_none();
    let (severity, what) = if unreadable {
        (Severity::Medium, "wrote a policy that cannot be read from the record".to_owned())
    } else if record.event_name == "SetDefaultPolicyVersion" {
        (
            Severity::Medium,
            "made another version of a policy count, whose content is not in the record".to_owned(),
        )
    } else {
        (Severity::Informational, format!("changed a policy (iam:{})", record.event_name))
    };
    Some(with_target(DetectionRaised::new(severity, what), record))
}
