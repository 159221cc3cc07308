//! No secret of a record is printed, whichever field holds it.

use serde_json::{Value, json};
use shared::rules::detections::table;

use crate::program::Folder;
use crate::records::{log_file, merge};

/// The value of every secret and of every field that is not needed.
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYSECRETKEY";
const KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";

#[test]
fn promise_7_no_format_prints_a_secret_or_a_whole_record() {
    let mut records: Vec<Value> = Vec::new();
    for (place, case) in table().flat_map(|detection| detection.cases).enumerate() {
        let mut record: Value = serde_json::from_str(&case.json()).unwrap();
        // Added if the member is absent or an object; what the rule reads stays.
        for name in ["requestParameters", "responseElements", "additionalEventData"] {
            if record[name].is_object() || record[name].is_null() {
                let secrets = json!({"password": SECRET, "newPassword": SECRET, "sessionToken": SECRET,
                    "credentials": {"secretAccessKey": SECRET, "sessionToken": SECRET},
                    "accessKey": {"secretAccessKey": SECRET}});
                merge(&mut record, json!({ name: secrets }));
            }
        }
        merge(
            &mut record,
            json!({"eventID": format!("{place}-EXAMPLE"), "somethingNew": SECRET, "tlsDetails": {"x": SECRET}}),
        );
        if record["userIdentity"].is_object() {
            merge(&mut record, json!({"userIdentity": {"accessKeyId": KEY_ID, "credentialId": SECRET}}));
        }
        records.push(record);
    }
    records.push(json!(format!("password={SECRET}")));
    let folder = Folder::with("x.json", log_file(&records));
    for (arguments, lines) in [
        (["sign-in", "x.json", "--format", "json"], 100),
        (["sign-in", "x.json", "--format", "ocsf"], 100),
        (["sign-in", "x.json", "--format", "text"], 100),
        (["sign-ins", "x.json", "--format", "json"], 20),
        (["sign-ins", "x.json", "--format", "table"], 20),
    ] {
        let run = folder.run(&arguments).exits(2);
        assert!(run.stdout.lines().count() >= lines, "{arguments:?} says too little to prove anything");
        for output in [&run.stdout, &run.stderr] {
            assert!(!output.contains(SECRET) && !output.contains(KEY_ID), "{arguments:?}");
        }
    }
}
