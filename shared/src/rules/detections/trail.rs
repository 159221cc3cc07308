//! The family `trail`: CloudTrail is set to record less, or nothing.
//!
//! Sources: CloudTrail API Reference, `StopLogging`, `DeleteTrail`, `UpdateTrail`, `PutEventSelectors`,
//! `AdvancedFieldSelector`. A refused attempt is a finding too, at a lower severity.

use serde_json::Value;

use super::calls::calls;
#[cfg(any(test, feature = "cases"))]
use super::cases::{DetectionCase, DetectionExpect::*};
use super::detection::{Detection, DetectionRaised, EventNames, RecordScope};
use crate::config::Config;
use crate::finding::rule::{Rule, RuleKind};
use crate::formats::cloudtrail::record::{Record, text, truth};
#[cfg(any(test, feature = "cases"))]
use crate::formats::cloudtrail::samples::BaseRecord::*;
use crate::severity::Severity;
use crate::text::quoted;

const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

pub(super) const DETECTIONS: &[Detection] = &[
    Detection {
        rule: Rule {
            id: "trail.stopped",
            kind: RuleKind::Detection,
            title: "CloudTrail trail stopped",
            severity: Severity::Critical,
            severity_reason: "From then on nothing is recorded, and iamwatch sees nothing either. MEDIUM where the attempt was refused.",
            condition: "somebody told a trail to stop recording",
            references: &[
                "cis:7.0/5.5",
                "security-hub:CloudTrail.1",
                "security-hub:CloudWatch.5",
                "mitre-attack:17/T1562.008",
            ],
            remediation: &[
                "Start the trail again: CloudTrail > Trails > the trail > Start logging.",
                "Ask the person, by a way that is not email, whether they meant to stop it.",
                "If they did not: revoke the sessions of that principal and deactivate its access keys.",
                "Look in the event history, which nobody can stop, for what was done meanwhile.",
                "Deny `cloudtrail:StopLogging` by a service control policy to everyone but a break-glass role.",
            ],
        },
        scope: &[RecordScope::Names(&["StopLogging"])],
        event_names: EventNames::Apart,
        matches: stopped,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "stopped, by name",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "stopped, the parameters null",
                ApiCall(r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}"#),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}, "errorCode": "AccessDenied"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "refused to root: its own severity is HIGH at least",
                RootCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "errorCode": "AccessDenied"}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "mq.amazonaws.com", "eventName": "StopLogging"}"#),
                Nothing,
            ),
            DetectionCase::new(
                "a trail was started",
                ApiCall(r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StartLogging"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "trail.deleted",
            kind: RuleKind::Detection,
            title: "CloudTrail trail deleted",
            severity: Severity::Critical,
            severity_reason: "From then on nothing is recorded, and iamwatch sees nothing either. MEDIUM where the attempt was refused.",
            condition: "somebody deleted a trail",
            references: &[
                "cis:7.0/5.5",
                "security-hub:CloudTrail.1",
                "security-hub:CloudWatch.5",
                "mitre-attack:17/T1562.008",
            ],
            remediation: &[
                "Create the trail again, for all Regions, into the same bucket and prefix.",
                "Ask the person, by a way that is not email, whether they meant to delete it.",
                "If they did not: revoke the sessions of that principal and deactivate its access keys.",
                "Look in the event history, which nobody can delete, for what was done meanwhile.",
                "Deny `cloudtrail:DeleteTrail` by a service control policy to everyone but a break-glass role.",
            ],
        },
        scope: &[RecordScope::Names(&["DeleteTrail"])],
        event_names: EventNames::Apart,
        matches: deleted,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "deleted, by ARN",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "requestParameters": {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}}"#,
                ),
                Raised(Severity::Critical),
            ),
            DetectionCase::new(
                "refused",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "errorCode": "TrailNotFoundException"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(r#"{"eventSource": "example.amazonaws.com", "eventName": "DeleteTrail"}"#),
                Nothing,
            ),
        ],
    },
    Detection {
        rule: Rule {
            id: "trail.narrowed",
            kind: RuleKind::Detection,
            title: "CloudTrail trail records less",
            severity: Severity::High,
            severity_reason: "What a trail no longer records, nobody sees. MEDIUM where it leaves out only reads, loses its validation or CloudWatch Logs, or \
                is told where its files go or which key encrypts them; LOW where it leaves out only KMS or RDS Data, as AWS suggests for their volume. \
                One step lower where the attempt was refused.",
            condition: "a trail was told to leave out management events, Regions, accounts, its validation or CloudWatch Logs, or where its files go and under which key",
            references: &[
                "cis:7.0/5.5",
                "cis:7.0/4.1",
                "security-hub:CloudTrail.1",
                "security-hub:CloudTrail.4",
                "security-hub:CloudWatch.5",
                "mitre-attack:17/T1562.008",
            ],
            remediation: &[
                "Look at the trail as it is now: all Regions, all management events, reads and writes, validation on, your own bucket.",
                "Ask the person, by a way that is not email, whether they meant to change it.",
                "If they did not: put the settings back, revoke the sessions of that principal and deactivate its access keys.",
                "Look in the event history for what was done meanwhile and may be missing from the files.",
                "Deny `cloudtrail:UpdateTrail` and `cloudtrail:PutEventSelectors` by a service control policy to everyone but a few.",
            ],
        },
        scope: &[RecordScope::Names(&["UpdateTrail", "PutEventSelectors"])],
        event_names: EventNames::Apart,
        matches: narrowed,
        #[cfg(any(test, feature = "cases"))]
        cases: &[
            DetectionCase::new(
                "one Region only",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "isMultiRegionTrail": false}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no global services, as text",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "includeGlobalServiceEvents": "False"}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no longer for the organisation",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "isOrganizationTrail": false}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no validation",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "enableLogFileValidation": false}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a bucket",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "s3BucketName": "elsewhere"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "a key, which may be unusable for others",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "kmsKeyId": "arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555EXAMPLE"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "no CloudWatch Logs",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "cloudWatchLogsLogGroupArn": ""}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "one Region only, refused",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "isMultiRegionTrail": false}, "errorCode": "AccessDenied"}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "nothing is narrowed",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "main", "isMultiRegionTrail": true, "includeGlobalServiceEvents": true, "enableLogFileValidation": true, "s3BucketName": "", "kmsKeyId": "", "cloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:trail:*"}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "the parameters of UpdateTrail are a list",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": [false]}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "another service's call of that name",
                ApiCall(
                    r#"{"eventSource": "example.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"isMultiRegionTrail": false}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "no management events",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": false, "dataResources": []}]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no writes",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "ReadOnly", "includeManagementEvents": true}]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "no reads",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "WriteOnly"}]}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "reads and writes in two selectors",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "WriteOnly"}, {"readWriteType": "ReadOnly"}, {"includeManagementEvents": false}]}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "KMS left out",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}]}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "all management events",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": []}]}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "the selectors are not shown",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"omitted": true, "originalSize": 120000, "reason": "requestParameters too large"}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "the selectors are numbers",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": 7, "eventSelectors": 8, "advancedEventSelectors": {}}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "advanced: all management events",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"name": "m", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]}]}}"#,
                ),
                Nothing,
            ),
            DetectionCase::new(
                "advanced: data events only",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]}]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "advanced: reads only",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "readOnly", "equals": ["true"]}]}]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "advanced: writes only",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "readOnly", "equals": ["false"]}]}]}}"#,
                ),
                Raised(Severity::Medium),
            ),
            DetectionCase::new(
                "advanced: KMS left out",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]}]}]}}"#,
                ),
                Raised(Severity::Low),
            ),
            DetectionCase::new(
                "advanced: sign-ins left out",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "eventSource", "notEquals": ["kms.amazonaws.com", "signin.amazonaws.com"]}]}]}}"#,
                ),
                Raised(Severity::High),
            ),
            DetectionCase::new(
                "advanced: one principal left out",
                ApiCall(
                    r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "requestParameters": {"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}, {"field": "userIdentity.arn", "notStartsWith": ["arn:aws:iam::111122223333:user/mallory"]}]}]}}"#,
                ),
                Raised(Severity::High),
            ),
        ],
    },
];

/// The trail that a call names, by name or ARN.
fn trail<'r>(record: &'r Record<'_>) -> Option<std::borrow::Cow<'r, str>> {
    record.request("name").or_else(|| record.request("trailName"))
}

fn named(record: &Record<'_>) -> String {
    trail(record).map_or("a trail".to_owned(), |name| format!("the trail {}", quoted(&name)))
}

fn stopped(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    calls(record, CLOUDTRAIL, &["StopLogging"]).then(|| ended(record, "stopped", "stop"))
}

fn deleted(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    calls(record, CLOUDTRAIL, &["DeleteTrail"]).then(|| ended(record, "deleted", "delete"))
}

fn ended(record: &Record<'_>, did: &str, attempt: &str) -> DetectionRaised {
    let trail_named = named(record);
    let (severity, what) = if record.call_succeeded() {
        (Severity::Critical, format!("{did} {trail_named}"))
    } else {
        (Severity::Medium, format!("tried to {attempt} {trail_named}, and was refused"))
    };
    DetectionRaised::new(severity, what)
        .resource(trail(record))
        .resource_kind(Some("trail"))
        .fact("trail_name", trail(record))
}

/// One way in which a trail records less: a phrase that follows "it", and how bad that is.
type Loss = (Severity, String);

fn narrowed(record: &Record<'_>, _: &Config) -> Option<DetectionRaised> {
    let losses = if calls(record, CLOUDTRAIL, &["UpdateTrail"]) {
        lost_by_update(record)
    } else if calls(record, CLOUDTRAIL, &["PutEventSelectors"]) {
        lost_by_selectors(record)
    } else {
        return None;
    };
    let worst = losses.iter().map(|(severity, _)| *severity).max()?;
    let losses = losses.into_iter().map(|(_, loss)| loss).collect::<Vec<_>>().join(", ");
    let trail_named = named(record);
    let (severity, what) = if record.call_succeeded() {
        (worst, format!("changed {trail_named}: it {losses}"))
    } else {
        let severity = if worst == Severity::High { Severity::Medium } else { Severity::Low };
        (severity, format!("tried to change {trail_named}, so that it {losses}, and was refused"))
    };
    Some(
        DetectionRaised::new(severity, what)
            .resource(trail(record))
            .resource_kind(Some("trail"))
            .fact("trail_name", trail(record))
            .fact("s3_bucket_name", record.request("s3BucketName"))
            .fact("s3_key_prefix", record.request("s3KeyPrefix"))
            .fact("kms_key_id", record.request("kmsKeyId"))
            .fact("cloud_watch_logs_log_group_arn", record.request("cloudWatchLogsLogGroupArn")),
    )
}

fn lost_by_update(record: &Record<'_>) -> Vec<Loss> {
    let mut losses = Vec::new();
    for (name, severity, loss) in [
        ("isMultiRegionTrail", Severity::High, "records one Region only"),
        ("includeGlobalServiceEvents", Severity::High, "leaves out IAM, STS and other global services"),
        ("isOrganizationTrail", Severity::High, "leaves out the organisation's member accounts"),
        ("enableLogFileValidation", Severity::Medium, "no longer shows whether its files were tampered with"),
    ] {
        if truth(&record.request_parameters[name]) == Some(false) {
            losses.push((severity, loss.to_owned()));
        }
    }
    // Whether it is another bucket than before, the record does not say.
    let given = |name: &str| record.request(name).filter(|value| !value.is_empty());
    let place = match (given("s3BucketName"), given("s3KeyPrefix")) {
        (Some(bucket), Some(prefix)) => Some(format!("the bucket {}", quoted(&format!("{bucket}/{prefix}")))),
        (Some(bucket), None) => Some(format!("the bucket {}", quoted(&bucket))),
        (None, Some(prefix)) => Some(format!("the prefix {}", quoted(&prefix))),
        (None, None) => None,
    };
    losses.extend(place.map(|place| (Severity::Medium, format!("sends its files to {place}"))));
    if given("kmsKeyId").is_some() {
        losses.push((Severity::Medium, "encrypts its files with a key that is named anew".to_owned()));
    }
    if record.request("cloudWatchLogsLogGroupArn").is_some_and(|group| group.trim().is_empty()) {
        losses.push((Severity::Medium, "no longer writes to CloudWatch Logs".to_owned()));
    }
    losses
}

/// What one event selector records of the management events.
struct Selector {
    reads: bool,
    writes: bool,
    limits: Vec<Limit>,
}

/// What a selector leaves out.
struct Limit {
    says: String,
    /// Only the two services whose volume AWS suggests to leave out.
    only_volume: bool,
}

fn lost_by_selectors(record: &Record<'_>) -> Vec<Loss> {
    let list = |name: &str| record.request_parameters[name].as_array().filter(|list| !list.is_empty());
    let selectors: Vec<Selector> = match (list("advancedEventSelectors"), list("eventSelectors")) {
        (Some(selectors), _) => selectors.iter().filter_map(advanced).collect(),
        (None, Some(selectors)) => selectors.iter().filter_map(basic).collect(),
        (None, None) => {
            return vec![(Severity::Medium, "has event selectors that the record does not show".into())];
        }
    };
    let reads = selectors.iter().any(|selector| selector.reads);
    let writes = selectors.iter().any(|selector| selector.writes);
    let mut losses = Vec::new();
    match (reads, writes) {
        (true, true) => {}
        (false, true) => {
            losses.push((Severity::Medium, "no longer records management events that read".into()))
        }
        (true, false) => {
            losses.push((Severity::High, "no longer records management events that write".into()))
        }
        (false, false) => losses.push((Severity::High, "no longer records management events".into())),
    }
    let whole = |kind: fn(&Selector) -> bool| {
        selectors.iter().any(|selector| kind(selector) && selector.limits.is_empty())
    };
    if (reads && !whole(|selector| selector.reads)) || (writes && !whole(|selector| selector.writes)) {
        let limits: Vec<&Limit> = selectors.iter().flat_map(|selector| &selector.limits).collect();
        // Only the worst is in the sentence: a sentence with all of them could be of any length.
        if let Some(worst) = limits.iter().find(|limit| !limit.only_volume).or(limits.first()) {
            let severity = if worst.only_volume { Severity::Low } else { Severity::High };
            let more = match limits.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more such limits"),
            };
            losses.push((severity, format!("records management events only where {}{more}", worst.says)));
        }
    }
    losses
}

fn is_volume(source: &str) -> bool {
    matches!(source, "kms.amazonaws.com" | "rdsdata.amazonaws.com")
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).map(std::borrow::Cow::into_owned).collect()
}

/// `None` if the selector records no management events. By default it does, reads and writes.
fn basic(selector: &Value) -> Option<Selector> {
    if truth(&selector["includeManagementEvents"]) == Some(false) {
        return None;
    }
    let kind = text(&selector["readWriteType"]).unwrap_or_default();
    let limits = texts(&selector["excludeManagementEventSources"]).into_iter().map(|source| Limit {
        only_volume: is_volume(&source),
        says: format!("eventSource is not {}", quoted(&source)),
    });
    Some(Selector {
        reads: !kind.eq_ignore_ascii_case("WriteOnly"),
        writes: !kind.eq_ignore_ascii_case("ReadOnly"),
        limits: limits.collect(),
    })
}

/// `None` if the selector records no management events.
fn advanced(selector: &Value) -> Option<Selector> {
    let fields = selector["fieldSelectors"].as_array()?;
    let is = |field: &Value, name: &str| field["field"].as_str() == Some(name);
    let management = fields.iter().any(|field| {
        is(field, "eventCategory") && texts(&field["equals"]).iter().any(|value| value == "Management")
    });
    if !management {
        return None;
    }
    let mut found = Selector { reads: true, writes: true, limits: Vec::new() };
    for field in fields.iter().filter(|field| !is(field, "eventCategory")) {
        if is(field, "readOnly") {
            let equals = texts(&field["equals"]);
            found.reads &= equals.is_empty() || equals.iter().any(|value| value == "true");
            found.writes &= equals.is_empty() || equals.iter().any(|value| value == "false");
            continue;
        }
        let name = field["field"].as_str().unwrap_or("an unreadable field");
        for (operator, values) in field.as_object().into_iter().flatten().filter(|(key, _)| *key != "field") {
            let values = texts(values);
            if values.is_empty() {
                continue;
            }
            found.limits.push(Limit {
                only_volume: name == "eventSource"
                    && operator == "notEquals"
                    && values.iter().all(|source| is_volume(source)),
                says: format!(
                    "the field {} {}",
                    quoted(name),
                    quoted(&format!("{operator} {}", values.join(" ")))
                ),
            });
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_pass_for_our_own_words() {
        const HOSTILE: &str =
            r#"main\" as planned in change 4711. This was a drill, and there is nothing to do. \"x"#;
        let name = r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "errorCode": "AccessDenied", "requestParameters": {"name": "HOSTILE"}}"#;
        let bucket = r#"{"eventSource": "cloudtrail.amazonaws.com", "eventName": "UpdateTrail", "requestParameters": {"name": "HOSTILE", "isMultiRegionTrail": false, "includeGlobalServiceEvents": false, "isOrganizationTrail": false, "enableLogFileValidation": false, "s3BucketName": "HOSTILE", "s3KeyPrefix": "HOSTILE"}}"#;
        for json in [name, bucket] {
            let json = json.replace("HOSTILE", HOSTILE);
            let record = Record::parse(json.as_bytes()).unwrap();
            let config = Config::default();
            let what = deleted(&record, &config).or_else(|| narrowed(&record, &config)).unwrap().what;
            let shown = crate::text::clean(&what, 300);
            // Outside the quotes there is nothing of it, wherever the sentence is cut.
            let outside: String = shown.split('"').step_by(2).collect();
            assert!(!outside.contains("4711") && !outside.contains("drill"), "{shown}");
            assert_eq!(shown.matches('"').count() % 2, 0, "{shown}");
        }
    }
}
