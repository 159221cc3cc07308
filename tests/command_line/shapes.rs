//! Every file format that holds records.

use iamwatch_tests::corpus::gzip;
use serde_json::{Value, json};

use crate::program::Folder;
use crate::records::{failure, gzipped, log_file, without_mfa};

fn one_a_line(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

#[test]
fn every_format_of_records_is_read() {
    let (one, two) = (failure("1"), without_mfa("2"));
    let both = [one.clone(), two.clone()];
    let text = |record: &Value| record.to_string();
    let pretty = serde_json::to_string_pretty(&json!({"Records": both})).unwrap();
    let lookup = json!({"Events": [
        {"EventId": "1", "EventName": "ConsoleLogin", "Username": "alice", "CloudTrailEvent": text(&one)},
        {"EventId": "2", "EventName": "ConsoleLogin", "CloudTrailEvent": text(&two)},
    ], "NextToken": "EXAMPLE"});
    let event = |record: &Value| {
        json!({
            "version": "0", "id": "EXAMPLE", "detail-type": "AWS Console Sign In via CloudTrail",
            "source": "aws.signin", "account": "111122223333", "detail": record,
        })
    };
    let raw = |record: &Value| json!({"_raw": text(record), "_time": "2026-04-01T08:15:00.000+00:00"});
    let result = |record: &Value| json!({"preview": false, "result": {"_raw": text(record)}});
    for (name, content) in [
        ("a delivered log file, decompressed", log_file(&both)),
        ("a delivered log file, printed prettily", pretty.into_bytes()),
        ("a list", json!(both).to_string().into_bytes()),
        ("a list, printed prettily", serde_json::to_vec_pretty(&both).unwrap()),
        ("one record a line", one_a_line(&both).into_bytes()),
        ("one record a line, as Windows ends them", one_a_line(&both).replace('\n', "\r\n").into_bytes()),
        ("behind a byte order mark", format!("\u{feff}{}", one_a_line(&both)).into_bytes()),
        ("lookup-events", serde_json::to_vec_pretty(&lookup).unwrap()),
        ("EventBridge events, one a line", one_a_line(&both.each_ref().map(event)).into_bytes()),
        ("_raw, one a line", one_a_line(&both.each_ref().map(raw)).into_bytes()),
        ("result._raw, one a line", one_a_line(&both.each_ref().map(result)).into_bytes()),
        ("a list of _raw", json!(both.each_ref().map(raw)).to_string().into_bytes()),
        ("a log file for each line", [log_file(&both[..1]), log_file(&both[1..])].join(&b'\n')),
    ] {
        for (packing, content) in [("plain", content.clone()), ("gzip", gzip(&content).unwrap())] {
            // A file that an argument names may have any name.
            for file in ["x.json", "x.json.gz", "export", "export.log"] {
                let folder = Folder::with(file, &content);
                let run = folder.run(&["sign-in", file, "--format", "json"]);
                let said = format!("{name}, {packing}, as {file}: {}", run.stderr);
                let mut ids: Vec<Value> =
                    run.lines().iter().map(|line| line["evidence"]["event_id"].clone()).collect();
                ids.sort_by_key(ToString::to_string);
                assert_eq!(ids.iter().filter(|id| !id.is_null()).collect::<Vec<_>>(), ["1", "2"], "{said}");
                // CloudTrail writes one document per file; others are read and reported.
                let doubtful = name == "a log file for each line";
                assert_eq!(run.status, if doubtful { 2 } else { 0 }, "{said}");
            }
        }
    }
}

#[test]
fn one_record_alone_is_read() {
    for record in [failure("1").to_string(), serde_json::to_string_pretty(&failure("1")).unwrap()] {
        let folder = Folder::with("event.json", record);
        assert_eq!(
            folder.run(&["sign-in", "event.json", "--format", "json"]).exits(0).rules(),
            ["sign-in.failed"]
        );
    }
}

#[test]
fn all_members_of_a_gzip_file_are_judged() {
    let folder = Folder::with("x.json.gz", [gzipped(&[failure("1")]), gzipped(&[without_mfa("2")])].concat());
    let run = folder.run(&["sign-in", "x.json.gz", "--format", "json"]).exits(2);
    let rules = run.rules();
    for rule in ["sign-in.failed", "sign-in.without-mfa", "watch.log-file-unreadable"] {
        assert!(rules.iter().any(|raised| raised == rule), "{rule} is not in {rules:?}");
    }
}

#[test]
fn a_damaged_line_costs_only_itself_and_is_named() {
    let lines =
        format!("{}\n{{\"eventName\": \n{}\nnonsense\n{}\n", failure("1"), failure("2"), failure("3"));
    let folder = Folder::with("x.json", lines);
    let run = folder.run(&["sign-in", "x.json", "--format", "json"]).exits(2);
    let run = run.says("could not read x.json whole: record 1 is no JSON (it begins in line 2)");
    let run = run.says("Read 1 log file: 5 records, 3 judged, 2 unreadable.");
    let mut rules = run.rules();
    rules.sort();
    assert_eq!(rules, ["sign-in.failed", "sign-in.failed", "sign-in.failed", "watch.log-file-unreadable"]);
}

#[test]
fn a_damaged_record_in_a_log_file_costs_only_itself() {
    let mut twice = failure("2").to_string();
    twice.insert_str(1, r#""eventName":"DescribeInstances","#);
    let content = format!(r#"{{"Records":[{},{twice},{}]}}"#, failure("1"), failure("3"));
    let folder = Folder::with("x.json", content);
    let run = folder.run(&["sign-in", "x.json", "--format", "json"]).exits(2);
    let run = run.says("record 1 has two members named eventName").says("3 records, 2 judged, 1 unreadable");
    assert_eq!(run.rules().len(), 3);
    let run = folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(2);
    assert_eq!(run.says("record 1 has two members named eventName").lines().len(), 2);
}

#[test]
fn a_sign_in_that_is_unreadable_in_part_is_listed_and_reported() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let record = failure("1").to_string().replacen(
        "\"Firefox\"",
        &format!("\"Firefox\",\"requestParameters\":{deep}"),
        1,
    );
    let folder = Folder::with("x.json", format!(r#"{{"Records":[{record}]}}"#));
    let run = folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(2);
    let run = run.says("record 0 has requestParameters that cannot be read");
    assert_eq!(run.lines()[0]["who"], "alice");
}

#[test]
fn a_truncated_log_file_is_reported_and_judged_so_far() {
    let records: Vec<Value> = (0..200).map(|number| failure(&number.to_string())).collect();
    for (name, content) in [("x.json", log_file(&records)), ("x.json.gz", gzipped(&records))] {
        let folder = Folder::with(name, &content[..content.len() * 2 / 3]);
        let run = folder.run(&["sign-in", name, "--format", "json"]).exits(2);
        let rules = run.says(&format!("could not read {name} whole: ")).rules();
        assert!(rules.len() > 50, "{name}: {}", rules.len());
        assert!(rules.iter().any(|rule| rule == "watch.log-file-unreadable"), "{name}");
    }
}

#[test]
fn a_truncated_gzip_file_of_one_record_a_line_is_judged_so_far() {
    let lines: String = (0..40).map(|id| format!("{}\n", failure(&id.to_string()))).collect();
    let content = gzip(lines.as_bytes()).unwrap();
    let folder = Folder::with("x.json.gz", &content[..content.len() - 8]);
    let run =
        folder.run(&["sign-in", "x.json.gz", "--format", "json"]).exits(2).says("cannot be unpacked whole");
    assert!(run.rules().iter().filter(|rule| *rule == "sign-in.failed").count() >= 39);
}

#[test]
fn other_files_in_a_folder_are_skipped_and_counted_by_kind() {
    let folder = Folder::new();
    let name = "111122223333_CloudTrail_us-east-1_20260401T0820Z_EXAMPLE.json.gz";
    let day = "us-east-1/2026/04/01";
    folder.file(&format!("AWSLogs/111122223333/CloudTrail/{day}/{name}"), gzipped(&[failure("1")]));
    for (kind, count) in [("Digest", 1), ("Insight", 2), ("NetworkActivity", 3), ("Aggregated", 4)] {
        for number in 0..count {
            let name = name
                .replace("CloudTrail", &format!("CloudTrail-{kind}"))
                .replace("EXAMPLE", &number.to_string());
            folder.file(
                &format!("AWSLogs/111122223333/CloudTrail-{kind}/{day}/{name}"),
                gzipped(&[failure("no")]),
            );
        }
    }
    folder.file("AWSLogs/111122223333/Config/111122223333_Config_us-east-1_ConfigHistory_x.json.gz", "x");
    folder.file("AWSLogs/111122223333/vpcflowlogs/111122223333_vpcflowlogs_us-east-1_fl-1_x.log.gz", "x");
    folder.file("README.md", "x");
    let counts =
        "Skipped: 1 digest, 2 insight, 3 network activity, 4 aggregated, 2 of another service, 1 other.";
    let run = folder.run(&["sign-in", ".", "--format", "json"]).exits(0).says(counts);
    assert_eq!(run.rules(), ["sign-in.failed"]);

    // As `find . -name '*.json.gz'` would name them.
    let digest = format!(
        "AWSLogs/111122223333/CloudTrail-Digest/{day}/{}",
        name.replace("CloudTrail", "CloudTrail-Digest").replace("EXAMPLE", "0")
    );
    let log_file = format!("AWSLogs/111122223333/CloudTrail/{day}/{name}");
    let run = folder.run(&["sign-in", &digest, &log_file, "--format", "json"]).exits(0);
    assert_eq!(run.says("Skipped: 1 digest.").rules(), ["sign-in.failed"]);
    let run = folder.run(&["sign-in", &digest]).exits(2);
    run.says("could not look at anything: by their names, none of the files is a log file");
}

#[test]
fn files_without_records_are_reported() {
    let alb = "h2 2026-04-01T00:00:00Z app/x/EXAMPLE 192.0.2.1:443 \"GET https://a/ HTTP/2.0\"\n";
    for (name, content, reason) in [
        ("empty.json", Vec::new(), "it is empty"),
        ("blank.json", b" \n \n".to_vec(), "it is empty"),
        ("empty.json.gz", gzip(b"").unwrap(), "it is empty"),
        ("text.json", b"hello\nworld\n".to_vec(), "it holds no CloudTrail record: it is no JSON"),
        ("balancer.log", alb.repeat(1_000).into_bytes(), "it holds no CloudTrail record: it is no JSON"),
        (
            "balancer.log.gz",
            gzip(alb.repeat(1_000).as_bytes()).unwrap(),
            "it holds no CloudTrail record: it is no JSON",
        ),
        ("zeros.json", vec![0; 5_000], "it holds no CloudTrail record: it is no JSON"),
        ("object.json", b"{}".to_vec(), "no CloudTrail record and nothing that holds one"),
        (
            "config.json",
            br#"{"configurationItems": [{}]}"#.to_vec(),
            "no CloudTrail record and nothing that holds one",
        ),
        ("broken.json.gz", b"\x1f\x8b\x08\x00nothing of the kind".to_vec(), "unpacked"),
    ] {
        let folder = Folder::with(name, content);
        for command in ["sign-in", "sign-ins"] {
            let run = folder.run(&[command, name, "--format", "json"]).exits(2);
            run.says(&format!("could not read {name} whole: ")).says(reason);
        }
        let run = folder.run(&["sign-in", name, "--format", "json"]);
        assert_eq!(run.rules(), ["watch.log-file-unreadable"], "{name}");
    }
}

#[test]
fn a_file_with_no_records_is_no_failure() {
    for content in [r#"{"Records": []}"#, r#"{"Events": []}"#, "[]"] {
        let folder = Folder::with("x.json", content);
        let run = folder.run(&["sign-in", "x.json"]).exits(0).says("0 records");
        assert_eq!(run.stdout, "", "{content}");
    }
}
