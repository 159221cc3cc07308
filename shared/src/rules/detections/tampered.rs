//! The family `watch`, over records: changes to the resources of iamwatch itself.
//!
//! `OWN_RESOURCES` says what that is. A call is about one of them when a parameter of it names one: by its
//! name, its id, its URL or its ARN. A stack includes whatever
//! CloudFormation has named after it. Sources: the API References of the services, for the names of calls and
//! parameters; Lambda Developer Guide, "Logging Lambda API calls", for the dates in Lambda's event names.

use serde_json::Value;

#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use crate::config::Config;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::Record;
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::glob::Glob;
use crate::severity::Severity;
use crate::text::quoted;

/// Calls that change how iamwatch works or what it is allowed, but can be undone.
const CHANGES: &[&str] = &[
    // The function, what feeds it, and who may call it.
    "UpdateFunctionCode20150331v2",
    "UpdateFunctionConfiguration20150331v2",
    "PutFunctionConcurrency20171031",
    "PutFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
    "PutFunctionRecursionConfig",
    "PutRuntimeManagementConfig",
    "CreateEventSourceMapping20150331",
    "UpdateEventSourceMapping20150331",
    "CreateFunctionUrlConfig",
    "UpdateFunctionUrlConfig",
    "AddPermission20150331v2",
    "RemovePermission20150331v2",
    // Rules and schedules.
    "PutRule",
    "PutTargets",
    "RemoveTargets",
    "UpdateSchedule",
    // Queues and topics; SQS and SNS share the names of two.
    "SetQueueAttributes",
    "AddPermission",
    "RemovePermission",
    "SetTopicAttributes",
    "SetSubscriptionAttributes",
    "Subscribe",
    "Unsubscribe",
    "PutDataProtectionPolicy",
    // Keys.
    "PutKeyPolicy",
    // Roles.
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "UpdateAssumeRolePolicy",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    // Buckets: the state, and where log files come from.
    "PutBucketNotification",
    "PutBucketLifecycle",
    "DeleteBucketLifecycle",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketVersioning",
    "PutBucketEncryption",
    "DeleteBucketEncryption",
    "PutBucketPublicAccessBlock",
    "DeleteBucketPublicAccessBlock",
    "PutBucketOwnershipControls",
    "PutBucketReplication",
    "PutBucketAcl",
    // Alarms and logs.
    "PutMetricAlarm",
    "DisableAlarmActions",
    "SetAlarmState",
    "PutRetentionPolicy",
    // The state machine and its executions: the findings of a stopped backfill are not mailed.
    "UpdateStateMachine",
    "StopExecution",
    // The stack.
    "UpdateStack",
    "ExecuteChangeSet",
    "SetStackPolicy",
];

/// Calls after which iamwatch sees or mails nothing, or has lost something.
const ENDS: &[&str] = &[
    "DeleteFunction20150331",
    "DeleteEventSourceMapping20150331",
    "DisableRule",
    "DeleteRule",
    "DeleteSchedule",
    "DeleteQueue",
    "PurgeQueue",
    "DeleteTopic",
    "DisableKey",
    "ScheduleKeyDeletion",
    "DeleteRole",
    "DeleteBucket",
    "DeleteAlarms",
    "DeleteLogGroup",
    "DeleteStateMachine",
    "DeleteStack",
];

/// Which of both a setting was changed to, where the call does either.
const SWITCHES_OFF: &[(&str, &str, &str)] = &[
    ("PutFunctionConcurrency20171031", "reservedConcurrentExecutions", "0"),
    ("UpdateEventSourceMapping20150331", "enabled", "false"),
    ("PutRule", "state", "DISABLED"),
    ("UpdateSchedule", "state", "DISABLED"),
];

/// The parameters that name what a call is about, and what kind of thing that is if it is a name and no ARN. Any other
/// may name us without being about us: a policy of another bucket, the environment of another function.
const NAMING: &[(&str, &str)] = &[
    ("alarmName", "alarm"),
    ("alarmNames", "alarm"),
    ("bucketName", "bucket"),
    ("eventSourceArn", "event-source"),
    ("executionArn", "execution"),
    ("functionName", "function"),
    ("keyId", "key"),
    ("logGroupName", "log-group"),
    ("name", "rule"),
    ("queueUrl", "queue"),
    ("roleName", "role"),
    ("rule", "rule"),
    ("stackName", "stack"),
    ("stateMachineArn", "state-machine"),
    ("subscriptionArn", "subscription"),
    ("topicArn", "topic"),
];

pub(super) const DETECTIONS: &[Detection] = &[Detection {
    rule: Rule {
        id: "watch.tampered",
        kind: RuleKind::Detection,
        title: "iamwatch itself was changed",
        severity: Severity::High,
        severity_reason: "Whoever silences the watcher is not seen afterwards. CRITICAL where it was ended or switched off, MEDIUM where the attempt was refused, LOW where CloudFormation did it, as every deployment does.",
        condition: "somebody changed, switched off or deleted a part of iamwatch, or what it is fed by or may do",
        references: &["mitre-attack:17/T1562.001", "mitre-attack:17/T1562.008"],
        remediation: &[
            "If you have just deployed iamwatch, this is the trace of it: see that the principal and the time are yours.",
            "Otherwise ask the person, by a way that is not email, whether they meant to change it.",
            "Put it back as it was: deploy the stack again, then `make check STACK=…`.",
            "Judge again what was delivered meanwhile: invoke the function by hand for the log files of that time.",
            "If nobody meant to: revoke the sessions of that principal, and look at what it did before and after.",
        ],
    },
    scope: &[RecordScope::Names(CHANGES), RecordScope::Names(ENDS)],
    event_names: EventNames::Apart,
    matches: tampered,
    #[cfg(any(test, feature = "cases"))]
    cases: &[
        own(
            "the function's code",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionCode20150331v2", "requestParameters": {"functionName": "iamwatch-SignInFunction-AbCd1234EfGh"}}"#,
            Raised(Severity::High),
        ),
        own(
            "by its ARN, of a version",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionConfiguration20150331v2", "requestParameters": {"functionName": "arn:aws:lambda:us-east-1:111122223333:function:iamwatch-SignInFunction-AbCd1234EfGh:3"}}"#,
            Raised(Severity::High),
        ),
        own(
            "throttled to nothing",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "PutFunctionConcurrency20171031", "requestParameters": {"functionName": "iamwatch-SignInFunction-AbCd1234EfGh", "reservedConcurrentExecutions": 0}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "no longer fed; only the answer names the function",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateEventSourceMapping20150331", "requestParameters": {"uUID": "a-b-c", "enabled": false}, "responseElements": {"functionArn": "arn:aws:lambda:us-east-1:111122223333:function:iamwatch-SignInFunction-AbCd1234EfGh"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "another function takes messages from our queue",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "CreateEventSourceMapping20150331", "requestParameters": {"eventSourceArn": "arn:aws:sqs:us-east-1:111122223333:iamwatch-DeliveryQueue-AbCd1234EfGh", "functionName": "thief"}}"#,
            Raised(Severity::High),
        ),
        own(
            "the rule disabled",
            r#"{"eventSource": "events.amazonaws.com", "eventName": "DisableRule", "requestParameters": {"name": "iamwatch-DeliveryRule-AbCd1234EfGh"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "the rule written again, disabled",
            r#"{"eventSource": "events.amazonaws.com", "eventName": "PutRule", "requestParameters": {"name": "iamwatch-DeliveryRule-AbCd1234EfGh", "state": "DISABLED"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "the queue, by its URL",
            r#"{"eventSource": "sqs.amazonaws.com", "eventName": "PurgeQueue", "requestParameters": {"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/iamwatch-DeliveryQueue-AbCd1234EfGh"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "a subscription ended",
            r#"{"eventSource": "sns.amazonaws.com", "eventName": "Unsubscribe", "requestParameters": {"subscriptionArn": "arn:aws:sns:us-east-1:111122223333:iamwatch-FindingsTopic-AbCd1234EfGh:aaaaaaaa-1111-4222-8333-bbbbbbEXAMPLE"}}"#,
            Raised(Severity::High),
        ),
        own(
            "the key, by its id",
            r#"{"eventSource": "kms.amazonaws.com", "eventName": "DisableKey", "requestParameters": {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "the function's role: not a grant",
            r#"{"eventName": "PutRolePolicy", "requestParameters": {"roleName": "iamwatch-SignInRole-AbCd1234EfGh", "policyName": "x", "policyDocument": "{\"Version\": \"2012-10-17\", \"Statement\": []}"}}"#,
            Raised(Severity::High),
        ),
        own(
            "the log bucket's notifications",
            r#"{"eventSource": "s3.amazonaws.com", "eventName": "PutBucketNotification", "requestParameters": {"bucketName": "example-logs", "NotificationConfiguration": {}}}"#,
            Raised(Severity::High),
        ),
        own(
            "the state bucket, whose name is the stack's in lower case",
            r#"{"eventSource": "s3.amazonaws.com", "eventName": "PutBucketLifecycle", "requestParameters": {"bucketName": "iamwatch-statebucket-abcd1234efgh"}}"#,
            Raised(Severity::High),
        ),
        own(
            "an alarm among others",
            r#"{"eventSource": "monitoring.amazonaws.com", "eventName": "DeleteAlarms", "requestParameters": {"alarmNames": ["other", "iamwatch-DeadLetterAlarm-AbCd1234EfGh"]}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "the stack itself, by its ARN",
            r#"{"eventSource": "cloudformation.amazonaws.com", "eventName": "DeleteStack", "requestParameters": {"stackName": "arn:aws:cloudformation:us-east-1:111122223333:stack/iamwatch/aaaaaaaa-1111"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "the stack itself, by its name",
            r#"{"eventSource": "cloudformation.amazonaws.com", "eventName": "UpdateStack", "requestParameters": {"stackName": "iamwatch"}}"#,
            Raised(Severity::High),
        ),
        own(
            "another stack whose name ours begins with",
            r#"{"eventSource": "cloudformation.amazonaws.com", "eventName": "DeleteStack", "requestParameters": {"stackName": "iam"}}"#,
            Nothing,
        ),
        own(
            "the state machine, of a version",
            r#"{"eventSource": "states.amazonaws.com", "eventName": "UpdateStateMachine", "requestParameters": {"stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:iamwatch-backfill:3", "definition": "HIDDEN_DUE_TO_SECURITY_REASONS"}}"#,
            Raised(Severity::High),
        ),
        own(
            "the state machine deleted",
            r#"{"eventSource": "states.amazonaws.com", "eventName": "DeleteStateMachine", "requestParameters": {"stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:iamwatch-backfill"}}"#,
            Raised(Severity::Critical),
        ),
        own(
            "a backfill stopped",
            r#"{"eventSource": "states.amazonaws.com", "eventName": "StopExecution", "requestParameters": {"executionArn": "arn:aws:states:us-east-1:111122223333:execution:iamwatch-backfill:2026-01-01_2026-03-31_0123456789abcdef-1"}}"#,
            Raised(Severity::High),
        ),
        own(
            "a part of a backfill stopped",
            r#"{"eventSource": "states.amazonaws.com", "eventName": "StopExecution", "requestParameters": {"executionArn": "arn:aws:states:us-east-1:111122223333:execution:iamwatch-backfill/scan:aaaaaaaa-1111-4222-8333-bbbbbbEXAMPLE"}}"#,
            Raised(Severity::High),
        ),
        own(
            "the state machine of another stack, whose name begins with ours",
            r#"{"eventSource": "states.amazonaws.com", "eventName": "DeleteStateMachine", "requestParameters": {"stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:iamwatch-test-backfill"}}"#,
            Nothing,
        ),
        own(
            "the queue of another stack, whose name begins with ours",
            r#"{"eventSource": "sqs.amazonaws.com", "eventName": "DeleteQueue", "requestParameters": {"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/iamwatch-test-DeadLetterQueue-AbCd1234EfGh"}}"#,
            Nothing,
        ),
        own(
            "by a deployment",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionCode20150331v2", "sourceIPAddress": "cloudformation.amazonaws.com", "userAgent": "cloudformation.amazonaws.com", "userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}, "requestParameters": {"functionName": "iamwatch-SignInFunction-AbCd1234EfGh"}}"#,
            Raised(Severity::Low),
        ),
        own(
            "by a caller whose user agent is CloudFormation",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionCode20150331v2", "userAgent": "cloudformation.amazonaws.com", "requestParameters": {"functionName": "iamwatch-SignInFunction-AbCd1234EfGh"}}"#,
            Raised(Severity::High),
        ),
        own(
            "refused",
            r#"{"eventSource": "sns.amazonaws.com", "eventName": "DeleteTopic", "errorCode": "AuthorizationError", "requestParameters": {"topicArn": "arn:aws:sns:us-east-1:111122223333:iamwatch-FindingsTopic-AbCd1234EfGh"}}"#,
            Raised(Severity::Medium),
        ),
        own(
            "another function",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "DeleteFunction20150331", "requestParameters": {"functionName": "shop-Checkout"}}"#,
            Nothing,
        ),
        own(
            "another function, which names our topic",
            r#"{"eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionConfiguration20150331v2", "requestParameters": {"functionName": "shop", "description": "iamwatch-x", "environment": {"variables": {"TOPIC": "arn:aws:sns:us-east-1:111122223333:iamwatch-FindingsTopic-AbCd1234EfGh"}}}}"#,
            Nothing,
        ),
        DetectionCase::new(
            "nothing is known to be ours",
            ApiCall(
                r#"{"eventSource": "lambda.amazonaws.com", "eventName": "DeleteFunction20150331", "requestParameters": {"functionName": "iamwatch-SignInFunction-AbCd1234EfGh"}}"#,
            ),
            Nothing,
        ),
    ],
}];

#[cfg(any(test, feature = "cases"))]
const fn own(
    name: &'static str,
    patch: &'static str,
    expect: super::cases::DetectionExpect,
) -> DetectionCase {
    const OWN: &[(&str, &str)] = &[(
        "OWN_RESOURCES",
        "stack/iamwatch/*,iamwatch-backfill,example-logs,1234abcd-12ab-34cd-56ef-1234567890ab",
    )];
    DetectionCase { name, record: ApiCall(patch), settings: OWN, expect }
}

fn tampered(record: &Record<'_>, config: &Config) -> Option<DetectionRaised> {
    if config.own_resources.is_empty() {
        return None;
    }
    let parameters = NAMING.iter().flat_map(|(parameter, kind)| {
        texts(&record.request_parameters[*parameter]).map(move |value| (value, *kind))
    });
    // An event source mapping is named by an id of its own.
    let function = texts(&record.response_elements["functionArn"]).map(|value| (value, "function"));
    let (ours, kind) = parameters.chain(function).find(|(value, _)| is_ours(value, &config.own_resources))?;
    let name = &*record.event_name;
    let kind = if kind == "rule" && name.contains("Schedule") { "schedule" } else { kind };
    let ends = ENDS.contains(&name) || switches_off(record);
    // Only AWS can say who it acts for; any caller can choose the user agent.
    let deployed = record.user_identity.invoked_by.as_deref() == Some("cloudformation.amazonaws.com");
    let severity = match (record.error_code.is_some(), deployed, ends) {
        (true, ..) => Severity::Medium,
        (false, true, _) => Severity::Low,
        (false, false, true) => Severity::Critical,
        (false, false, false) => Severity::High,
    };
    let by = if deployed { " by way of CloudFormation, as a deployment does" } else { "" };
    let did = if record.error_code.is_some() { "tried to change" } else { "changed" };
    let what = format!("{did} iamwatch itself with {}{by}", quoted(name));
    Some(DetectionRaised::new(severity, what).resource(Some(ours)).resource_kind(Some(kind)))
}

/// Whether the call switches off what it is about.
fn switches_off(record: &Record<'_>) -> bool {
    SWITCHES_OFF.iter().any(|(name, parameter, off)| {
        let value = match &record.request_parameters[*parameter] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        record.event_name == *name && value == *off
    })
}

/// A text, or those of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str)
}

/// Whether a text is one of the names, or ends in one, as an ARN does after its account, and a URL.
fn is_ours(text: &str, ours: &[Glob]) -> bool {
    if text.len() > 2048 {
        return false;
    }
    let text = text.to_ascii_lowercase();
    // arn:aws:lambda:us-east-1:111122223333:function:name:3
    let name = match text.strip_prefix("arn:") {
        Some(rest) => rest.splitn(5, ':').last().unwrap_or_default(),
        None => text.strip_prefix("https://").and_then(|url| url.rsplit('/').next()).unwrap_or(&text),
    };
    // A stack may be named by its ARN, stack/name/id, or by its name alone.
    let stack = format!("stack/{name}/");
    let parts = || [name, &stack].into_iter().chain(name.split([':', '/']));
    let is_one = |part: &str| ours.iter().any(|pattern| pattern.matches(part));
    parts().any(is_one) || parts().filter_map(stack_of).any(|stack| is_one(&format!("stack/{stack}/")))
}

/// The stack that a name says it was made for. CloudFormation makes stack-LogicalId-random, where only the stack's name has
/// a `-` in it, and the random end 12 characters or 13; so the stack `iamwatch` does not take what `iamwatch-test` is made
/// of for its own.
fn stack_of(name: &str) -> Option<&str> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut parts = name.rsplitn(3, '-');
    let (random, id, stack) = (parts.next()?, parts.next()?, parts.next()?);
    (is_word(random) && random.len() >= 12 && is_word(id)).then_some(stack)
}
