//! A finding for machines: an OCSF Detection Finding.
//!
//! Source: OCSF schema 1.5.0, class 2004 "Detection Finding", with the profile "cloud".
//!
//! Texts are those of the record, cut to a maximum length: who shows them must escape them. Only `message` and
//! `finding_info.desc` are cleaned, for they are the mail's sentence. `created_time` is absent, for it is unknown here.

use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::finding::rule::RuleKind;
use crate::finding::{Finding, Principal, Status};
use crate::severity::Severity;
use crate::text;

/// The version of the OCSF schema.
pub const VERSION: &str = "1.5.0";

/// CloudTrail itself cuts a user agent at 1 KB and request parameters at 100 KB.
const MAX_TEXT_CHARS: usize = 1024;

/// The OCSF Detection Finding of a finding.
pub fn detection_finding(finding: &Finding, config: &Config) -> Value {
    let rule = finding.rule;
    // OCSF requires a time: without one, it is that of the delivery, else the epoch, and `unmapped` has `time_unknown`.
    let time = finding.time.or(finding.evidence.delivered).unwrap_or_default();
    // A finding that is still open was published as new before.
    let (activity_id, activity, status_id, status) = match finding.status {
        None | Some(Status::New | Status::CameBack) => (1, "Create", 1, "New"),
        Some(Status::Still) => (2, "Update", 1, "New"),
        Some(Status::Resolved) => (3, "Close", 4, "Resolved"),
    };
    let first_seen = finding.since.or(finding.time);
    let mut document = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_400 + activity_id,
        "type_name": format!("Detection Finding: {activity}"),
        "severity_id": finding.severity.id(),
        "severity": severity_caption(finding.severity),
        "status_id": status_id,
        "status": status,
        "time": time.timestamp_millis(),
        "time_dt": rfc3339(time),
        "message": finding.summary,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "event_code": rule.id,
            "uid": finding.id,
            "product": {
                "name": "iamwatch",
                "vendor_name": "iamwatch",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "finding_info": {
            "uid": finding.id,
            "title": rule.title,
            "desc": finding.summary,
            "types": [rule.family()],
            "data_sources": data_source(finding),
            "first_seen_time": first_seen.map(|time| time.timestamp_millis()),
            "first_seen_time_dt": first_seen.map(rfc3339),
            "last_seen_time": finding.time.map(|time| time.timestamp_millis()),
            "last_seen_time_dt": finding.time.map(rfc3339),
            "analytic": {
                "uid": rule.id,
                "name": rule.title,
                "desc": rule.condition,
                "category": rule.family(),
                "type_id": 1,
                "type": "Rule",
            },
        },
        "cloud": {
            "provider": "AWS",
            "region": finding.region,
            "account": finding.account.as_deref().map(|account| self::account(account, config)),
        },
        "api": api(finding),
        "resources": resources(finding),
        "evidences": [evidence(finding)],
        "remediation": {
            "desc": finding.remediation.join("\n"),
            "references": rule.references,
        },
        "unmapped": unmapped(finding),
    });
    tidy(&mut document);
    document
}

/// The same for a finding of a backfill: `unmapped.historic` is true.
pub fn historic_finding(finding: &Finding, config: &Config) -> Value {
    let mut document = detection_finding(finding, config);
    document["unmapped"]["historic"] = true.into();
    document
}

fn severity_caption(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn data_source(finding: &Finding) -> Option<[&'static str; 1]> {
    match finding.rule.kind {
        RuleKind::Detection => Some(["AWS CloudTrail"]),
        RuleKind::Check if finding.rule.family() != "watch" => Some(["IAM credential report"]),
        RuleKind::Check | RuleKind::Drift => None,
    }
}

/// The name is required: it is the id if none is configured.
fn account(id: &str, config: &Config) -> Value {
    let name = config.account_names.get(id).map_or(id, String::as_str);
    json!({"uid": id, "name": name, "type_id": 10, "type": "AWS Account"})
}

/// The call that the record is about.
fn api(finding: &Finding) -> Option<Value> {
    let evidence = &finding.evidence;
    evidence.event_name.as_deref().map(|name| {
        json!({
            "operation": name,
            "response": {"error": evidence.error_code, "error_message": evidence.error_message},
        })
    })
}

/// The resource of the finding; without one, the principal.
fn resources(finding: &Finding) -> Option<Value> {
    let (region, partition) = (&finding.region, |arn: &str| arn.split(':').nth(1).map(str::to_owned));
    if let Some(resource) = finding.resource.as_deref() {
        return Some(if let Some(arn) = text::arn(resource) {
            json!([{"uid": arn, "cloud_partition": partition(arn), "region": region}])
        } else {
            json!([{"name": resource, "region": region}])
        });
    }
    let Principal { kind, name, arn, .. } = finding.principal.as_ref()?;
    let partition = arn.as_deref().and_then(text::arn).and_then(partition);
    (name.is_some() || arn.is_some()).then(
        || json!([{"uid": arn, "name": name, "type": kind, "cloud_partition": partition, "region": region}]),
    )
}

/// Who did it, from where and with what.
fn evidence(finding: &Finding) -> Value {
    let actor = finding.principal.as_ref().map(|principal| {
        json!({"user": {
            "uid": principal.arn,
            "name": principal.name,
            "type": principal.kind,
            "type_id": principal.kind.as_ref().map(|_| 99),
            "credential_uid": finding.evidence.access_key_id,
        }})
    });
    let source = finding.source_ip.as_deref().map(|source| match source.parse::<IpAddr>() {
        Ok(address) => json!({"ip": address.to_string()}),
        Err(_) => json!({"name": source}),
    });
    json!({
        "api": api(finding),
        "actor": actor,
        "src_endpoint": source,
        "data": {
            "event_source": finding.evidence.event_source,
            "event_id": finding.evidence.event_id,
            "source_ip": finding.source_ip,
            "user_agent": finding.user_agent,
        },
    })
}

/// What OCSF has no attribute for, under the names of the finding's own JSON.
fn unmapped(finding: &Finding) -> Value {
    let mut facts = serde_json::to_value(&finding.evidence).unwrap_or_default();
    if let (Value::Object(facts), None) = (&mut facts, finding.time) {
        facts.insert("time_unknown".to_owned(), Value::Bool(true));
    }
    facts
}

/// Removes absent and empty values, and cuts texts that are too long.
fn tidy(value: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match value {
        Value::String(long) if long.len() > MAX_TEXT_CHARS => *long = text::cut(long, MAX_TEXT_CHARS),
        Value::Array(items) => {
            items.iter_mut().for_each(tidy);
            items.retain(|item| !empty(item));
        }
        Value::Object(members) => {
            members.values_mut().for_each(tidy);
            let kept: Map<String, Value> =
                std::mem::take(members).into_iter().filter(|(_, value)| !empty(value)).collect();
            *members = kept;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::test_rules::WITHOUT_MFA;
    use crate::finding::{Evidence, Subject};

    /// A finding about which nothing is known but its log file.
    fn bare() -> Finding {
        let subject = Subject::Account("unknown account".to_owned());
        let what = "signed in to the console without a second factor";
        let evidence =
            Evidence { log_file: Some("s3://logs/case.json.gz".to_owned()), ..Evidence::default() };
        Finding { evidence, ..Finding::new(&WITHOUT_MFA, Severity::High, "0".repeat(32), subject, what) }
    }

    fn by_alice() -> Finding {
        let owned = |text: &str| Some(text.to_owned());
        Finding {
            account: owned("111122223333"),
            region: owned("us-east-1"),
            principal: Some(Principal {
                kind: owned("IAMUser"),
                name: owned("alice"),
                arn: owned("arn:aws:iam::111122223333:user/alice"),
                ..Principal::default()
            }),
            time: "2026-04-01T08:15:00Z".parse().ok(),
            source_ip: owned("192.0.2.10"),
            evidence: Evidence {
                record: Some(0),
                event_id: owned("11111111-2222-4333-8444-555555EXAMPLE"),
                event_source: owned("signin.amazonaws.com"),
                event_name: owned("ConsoleLogin"),
                facts: vec![("mfa_used", "No".to_owned())].into(),
                ..bare().evidence
            },
            ..bare()
        }
    }

    fn document(finding: Finding) -> Value {
        detection_finding(&finding.with_summary(), &Config::default())
    }

    fn no_null(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty() && items.iter().all(no_null),
            Value::Object(members) => !members.is_empty() && members.values().all(no_null),
            _ => true,
        }
    }

    #[test]
    fn facts_are_in_the_attributes_that_ocsf_has_for_them() {
        let document = document(by_alice());
        for (pointer, value) in [
            ("/class_uid", json!(2004)),
            ("/severity_id", json!(4)),
            ("/severity", json!("High")),
            ("/time", json!(1_775_031_300_000_i64)),
            ("/time_dt", json!("2026-04-01T08:15:00Z")),
            ("/metadata/event_code", json!("sign-in.without-mfa")),
            ("/finding_info/analytic/uid", json!("sign-in.without-mfa")),
            ("/cloud/account/uid", json!("111122223333")),
            ("/cloud/region", json!("us-east-1")),
            ("/resources/0/uid", json!("arn:aws:iam::111122223333:user/alice")),
            ("/resources/0/cloud_partition", json!("aws")),
            ("/evidences/0/actor/user/name", json!("alice")),
            ("/evidences/0/src_endpoint/ip", json!("192.0.2.10")),
            ("/unmapped/event_id", json!("11111111-2222-4333-8444-555555EXAMPLE")),
            ("/unmapped/log_file", json!("s3://logs/case.json.gz")),
            ("/unmapped/record", json!(0)),
            ("/unmapped/mfa_used", json!("No")),
        ] {
            assert_eq!(document.pointer(pointer), Some(&value), "{pointer}");
        }
        assert_eq!(document.pointer("/finding_info/uid"), document.pointer("/metadata/uid"));
    }

    #[test]
    fn absent_facts_stay_absent() {
        let document = document(bare());
        assert!(no_null(&document), "{document:#}");
        for pointer in [
            "/cloud/account",
            "/cloud/region",
            "/resources",
            "/evidences/0/actor",
            "/finding_info/first_seen_time",
        ] {
            assert_eq!(document.pointer(pointer), None, "{pointer}");
        }
        assert_eq!(document["time"], json!(0));
        assert_eq!(document.pointer("/unmapped/time_unknown"), Some(&json!(true)));
    }

    #[test]
    fn untrusted_text_is_kept_as_it_is_up_to_a_maximum_length() {
        let name = Some("a\r\n\u{202e}<b>".to_owned());
        let principal = Some(Principal { name, ..by_alice().principal.unwrap() });
        let document = document(Finding { principal, ..by_alice() });
        assert_eq!(document.pointer("/evidences/0/actor/user/name"), Some(&json!("a\r\n\u{202e}<b>")));
        let mut long = json!({"list": ["x".repeat(100_000)]});
        tidy(&mut long);
        let cut = long["list"][0].as_str().unwrap();
        assert!(cut.len() <= MAX_TEXT_CHARS && cut.contains(" characters left out "), "{cut}");
    }
}
