//! Sample records of the shapes that the rules read, for tests.

use serde_json::{Map, Value, json};

/// A sample record, with what to change in it as an RFC 7396 merge patch: objects are merged member by member,
/// and null removes a member.
#[derive(Clone, Copy, Debug)]
pub enum BaseRecord {
    /// A successful console sign-in of the IAM user alice with a second factor.
    ConsoleSignIn(&'static str),
    /// A successful sign-in of an Identity Center user with password and one-time code.
    IdentityCenterSignIn(&'static str),
    /// A successful, not read-only API call by a role session of an administrator.
    ApiCall(&'static str),
    /// A successful console sign-in of root with a second factor.
    RootSignIn(&'static str),
    /// A successful, not read-only API call by root from the console.
    RootCall(&'static str),
}

impl BaseRecord {
    /// The JSON of the changed record.
    ///
    /// # Panics
    /// If the patch is not JSON.
    pub fn json(self) -> String {
        let (mut record, patch) = match self {
            BaseRecord::ConsoleSignIn(patch) => (console_sign_in(), patch),
            BaseRecord::IdentityCenterSignIn(patch) => (identity_center_sign_in(), patch),
            BaseRecord::ApiCall(patch) => (api_call(), patch),
            BaseRecord::RootSignIn(patch) => (root_sign_in(), patch),
            BaseRecord::RootCall(patch) => (root_call(), patch),
        };
        match serde_json::from_str(patch) {
            Ok(patch) => merge(&mut record, patch),
            Err(error) => panic!("the patch {patch:?} is not JSON: {error}"),
        }
        record.to_string()
    }
}

/// Source: RFC 7396, "JSON Merge Patch".
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

fn console_sign_in() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAALICEEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "",
            "userName": "alice"
        },
        "eventTime": "2026-04-01T08:15:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "requestParameters": null,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {
            "LoginTo": "https://console.aws.amazon.com/console/home",
            "MobileVersion": "No",
            "MFAIdentifier": "arn:aws:iam::111122223333:mfa/alice-phone",
            "MFAUsed": "Yes"
        },
        "eventID": "11111111-2222-4333-8444-555555EXAMPLE",
        "readOnly": false,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management"
    })
}

fn identity_center_sign_in() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IdentityCenterUser",
            "accountId": "111122223333",
            "onBehalfOf": {
                "userId": "90670000ab-carol-EXAMPLE",
                "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-9067EXAMPLE"
            },
            "credentialId": "session-EXAMPLE"
        },
        "eventTime": "2026-04-01T08:15:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": "UserAuthentication",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.20",
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
        "requestParameters": null,
        "responseElements": null,
        "additionalEventData": {
            "AuthWorkflowID": "aaaaaaaa-1111-4222-8333-bbbbbbEXAMPLE",
            "LoginTo": "https://d-9067EXAMPLE.awsapps.com/start",
            "CredentialType": "PASSWORD,TOTP",
            "UserName": "carol"
        },
        "requestID": "cccccccc-1111-4222-8333-ddddddEXAMPLE",
        "eventID": "22222222-3333-4444-8555-666666EXAMPLE",
        "readOnly": false,
        "eventType": "AwsServiceEvent",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "serviceEventDetails": {"UserAuthentication": "Success"},
        "eventCategory": "Management"
    })
}

fn api_call() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAADMINEXAMPLE:dora",
            "arn": "arn:aws:sts::111122223333:assumed-role/Admin/dora",
            "accountId": "111122223333",
            "accessKeyId": "ASIADORAEXAMPLE12345",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAADMINEXAMPLE",
                    "arn": "arn:aws:iam::111122223333:role/Admin",
                    "accountId": "111122223333",
                    "userName": "Admin"
                },
                "attributes": {"creationDate": "2026-04-01T08:00:00Z", "mfaAuthenticated": "false"}
            }
        },
        "eventTime": "2026-04-01T08:15:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "ListUsers",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.30",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13.7",
        "requestParameters": null,
        "responseElements": null,
        "requestID": "eeeeeeee-1111-4222-8333-ffffffEXAMPLE",
        "eventID": "33333333-4444-4555-8666-777777EXAMPLE",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management"
    })
}

fn root_sign_in() -> Value {
    let mut record = console_sign_in();
    record["userIdentity"] = json!({
        "type": "Root",
        "principalId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": ""
    });
    record["additionalEventData"]["MFAIdentifier"] =
        json!("arn:aws:iam::111122223333:mfa/root-account-mfa-device");
    record["eventID"] = json!("44444444-5555-4666-8777-888888EXAMPLE");
    record
}

fn root_call() -> Value {
    let mut record = api_call();
    record["userIdentity"] = json!({
        "type": "Root",
        "principalId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": "ASIAROOTEXAMPLE12345",
        "sessionContext": {
            "sessionIssuer": {},
            "webIdFederationData": {},
            "attributes": {"creationDate": "2026-04-01T08:00:00Z", "mfaAuthenticated": "true"}
        }
    });
    record["eventID"] = json!("55555555-6666-4777-8888-999999EXAMPLE");
    record
}
