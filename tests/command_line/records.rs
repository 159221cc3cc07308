//! Records and files of them.

use iamwatch_tests::corpus;
use serde_json::{Value, json};

/// A console sign-in of alice with MFA, which raises nothing, changed by a merge patch (RFC 7396).
pub fn sign_in(patch: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAALICEEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "userName": "alice",
        },
        "eventTime": "2026-04-01T08:15:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "Firefox",
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MFAUsed": "Yes"},
        "eventID": "11111111-2222-4333-8444-555555EXAMPLE",
        "eventType": "AwsConsoleSignIn",
        "recipientAccountId": "111122223333",
    });
    merge(&mut record, patch);
    record
}

/// A failed sign-in of alice with that event id, which raises `sign-in.failed` (MEDIUM).
pub fn failure(id: &str) -> Value {
    sign_in(json!({
        "eventID": id,
        "errorMessage": "Failed authentication",
        "responseElements": {"ConsoleLogin": "Failure"},
        "additionalEventData": {"MFAUsed": "No"},
    }))
}

/// A successful sign-in of alice without MFA, which raises `sign-in.without-mfa` (HIGH).
pub fn without_mfa(id: &str) -> Value {
    sign_in(json!({"eventID": id, "additionalEventData": {"MFAUsed": "No"}}))
}

/// Root without MFA, which raises `root.sign-in-without-mfa` (CRITICAL).
pub fn root(id: &str) -> Value {
    sign_in(json!({
        "eventID": id,
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "userName": null},
        "additionalEventData": {"MFAUsed": "No"},
    }))
}

/// A log file before compression.
pub fn log_file(records: &[Value]) -> Vec<u8> {
    json!({"Records": records}).to_string().into_bytes()
}

/// A log file as CloudTrail delivers it.
pub fn gzipped(records: &[Value]) -> Vec<u8> {
    corpus::gzip(&log_file(records)).unwrap()
}

/// Changes a record by a merge patch.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge(&mut target[name], value);
        }
    }
}
