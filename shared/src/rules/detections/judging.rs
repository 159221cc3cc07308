//! Judging one record by the table.

use super::detection::{Detection, DetectionRaised};
use super::table::table;
use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::{Evidence, Finding, Principal, RecordPlace, Subject, masked, stable_id};
use crate::formats::cloudtrail::Record;
use crate::severity::Severity;

/// Parses and judges one record: the finding of its most specific rule; `None` if no rule matches.
///
/// # Errors
/// A phrase that says why no rule can judge the record.
pub fn judge(json: &[u8], config: &Config, place: RecordPlace<'_>) -> Result<Option<Finding>, String> {
    judge_record(&Record::parse(json)?, config, place)
}

/// Judges a parsed record.
///
/// # Errors
/// A phrase that says why no rule can judge the record.
pub fn judge_record(
    record: &Record<'_>,
    config: &Config,
    place: RecordPlace<'_>,
) -> Result<Option<Finding>, String> {
    match &record.unreadable {
        Some(reason) if wanted(record) => Err(reason.clone()),
        _ => Ok(detect(record, config, place)),
    }
}

/// Whether some rule may match the record.
pub fn wanted(record: &Record<'_>) -> bool {
    table().any(|detection| detection.scope.iter().any(|scope| scope.includes(record)))
}

/// The finding of the most specific rule that matches the record; `None` if none does.
pub fn detect(record: &Record<'_>, config: &Config, place: RecordPlace<'_>) -> Option<Finding> {
    table()
        .filter(|detection| detection.scope.iter().any(|scope| scope.includes(record)))
        .filter_map(|detection| Some((detection, (detection.matches)(record, config)?)))
        .find_map(|(detection, raised)| {
            let raised = if record.by_root() { raised_for_root(&detection.rule, raised)? } else { raised };
            Some((detection, raised))
        })
        .map(|(detection, raised)| finding(detection, raised, record, place))
}

/// What a rule of another family raises for an action of root is HIGH at least. Informational findings and sign-ins
/// of root are left to the family `root`.
fn raised_for_root(rule: &Rule, raised: DetectionRaised) -> Option<DetectionRaised> {
    match rule.family() {
        "root" => Some(raised),
        "sign-in" => None,
        _ if raised.severity == Severity::Informational => None,
        _ => Some(DetectionRaised { severity: raised.severity.max(Severity::High), ..raised }),
    }
}

fn finding(
    detection: &'static Detection,
    raised: DetectionRaised,
    record: &Record<'_>,
    place: RecordPlace<'_>,
) -> Finding {
    let rule = &detection.rule;
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let id = match (record.shared_event_id.as_deref(), record.event_key()) {
        // Each account that receives the event, or a corrected copy of it, has its own id for it.
        (Some(shared), _) => stable_id(&[rule.id, shared]),
        (None, Some(event)) => stable_id(&[rule.id, record.account().unwrap_or_default(), event]),
        // A record without an id is never merged with another: only its place identifies it.
        (None, None) => stable_id(&[rule.id, "", place.log_file, &place.record.to_string()]),
    };
    let distinct_event = detection.event_names.distinct_event(record);
    let subject = raised.subject.unwrap_or_else(|| Subject::of(record));
    Finding {
        account: record.account().map(str::to_owned),
        region: owned(&record.aws_region),
        resource: raised.resource,
        resource_kind: raised.resource_kind,
        principal: Principal::of(record),
        time: record.event_time,
        source_ip: owned(&record.source_ip_address),
        user_agent: owned(&record.user_agent),
        evidence: Evidence {
            log_file: Some(place.log_file.to_owned()),
            record: Some(place.record),
            event_id: owned(&record.event_id),
            original_event_id: owned(&record.original_event_id),
            event_source: Some(record.event_source.clone().into_owned()).filter(|source| !source.is_empty()),
            event_name: Some(record.event_name.clone().into_owned()).filter(|name| !name.is_empty()),
            error_code: owned(&record.error_code),
            error_message: owned(&record.error_message),
            access_key_id: record.user_identity.access_key_id.as_deref().map(masked),
            delivered: place.delivered,
            also_in: Vec::new(),
            object: None,
            facts: raised.facts.into(),
        },
        unauthenticated: raised.unauthenticated,
        distinct_event: distinct_event.map(|event| match &raised.second_resource {
            Some(resource) => format!("{event} ({resource})"),
            None => event,
        }),
        ..Finding::new(rule, raised.severity, id, subject, raised.what)
    }
    .with_summary()
}
