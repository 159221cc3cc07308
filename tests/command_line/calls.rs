//! `iamwatch records`: every record that matches the query, and no other, each once and in order.

use iamwatch_tests::corpus::{Corpus, gzip};
use serde_json::{Value, json};

use crate::hostile::{assert_no_formula, hostile};
use crate::program::{Folder, run_in};
use crate::records::{failure, gzipped, log_file, sign_in};

const SOME: Corpus = Corpus { files: 40, fewest_records: 200, most_records: 1_500, seed: 8 };

/// A call of IAM by alice, changed by a merge patch.
fn call(id: &str, patch: Value) -> Value {
    let mut record = sign_in(json!({
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "eventType": "AwsApiCall",
        "eventID": id,
        "responseElements": null,
        "additionalEventData": null,
    }));
    crate::records::merge(&mut record, patch);
    record
}

/// One field of every line of JSON.
fn column(lines: &[Value], name: &str) -> Vec<String> {
    lines.iter().map(|line| line[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_record_that_a_full_parse_finds_is_listed_in_the_order_of_the_files() {
    let folder = Folder::new();
    let mut all: Vec<(String, Vec<Value>)> = Vec::new();
    for n in 0..SOME.files {
        let content = SOME.file(n);
        let mut parsed: Value = serde_json::from_slice(&content).unwrap();
        folder.file(&SOME.key(n), gzip(&content).unwrap());
        all.push((SOME.key(n), serde_json::from_value(parsed["Records"].take()).unwrap()));
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    type Matches = fn(&Value) -> bool;
    let queries: [(&[&str], Matches); 7] = [
        (&[], |_| true),
        (&["--event-source", "iam"], |record| record["eventSource"] == "iam.amazonaws.com"),
        (&["--event-source", "s*"], |record| {
            record["eventSource"].as_str().is_some_and(|source| source.starts_with('s'))
        }),
        (&["--event-name", "ConsoleLogin", "--event-name", "Desc*"], |record| {
            let name = record["eventName"].as_str().unwrap_or_default();
            name == "ConsoleLogin" || name.starts_with("Desc")
        }),
        (&["--event-source", "ec2.amazonaws.com", "--event-name", "*Instances"], |record| {
            record["eventSource"] == "ec2.amazonaws.com"
                && record["eventName"].as_str().is_some_and(|name| name.ends_with("Instances"))
        }),
        (&["--error"], |record| {
            record["errorCode"].is_string()
                || record["errorMessage"].is_string()
                || record["responseElements"]["ConsoleLogin"] == "Failure"
        }),
        (&["--event-name", "NobodyEverCalled"], |_| false),
    ];
    for (arguments, matches) in queries {
        let expected: Vec<(String, u64, String)> = all
            .iter()
            .flat_map(|(key, records)| (0..).zip(records).map(move |(index, record)| (key, index, record)))
            .filter(|(_, _, record)| matches(record))
            .map(|(key, index, record)| (format!("./{key}"), index, text(&record["eventID"])))
            .collect();
        for threads in ["1", "4"] {
            let with = [&["records", ".", "--format", "json", "--threads", threads], arguments].concat();
            let lines = folder.run(&with).exits(0).lines();
            let listed: Vec<(String, u64, String)> = lines
                .iter()
                .map(|line| {
                    (text(&line["log_file"]), line["record"].as_u64().unwrap(), text(&line["event_id"]))
                })
                .collect();
            assert_eq!(listed.len(), expected.len(), "{arguments:?}");
            assert!(listed == expected, "{arguments:?}: the order or the records differ");
        }
        println!("{arguments:?}: {}", expected.len());
        assert!(!expected.is_empty() || arguments.contains(&"NobodyEverCalled"), "{arguments:?}");
    }
}

#[test]
fn the_records_of_the_sample_are_those_of_the_golden_files() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(iamwatch_tests::sample::FOLDER);
    for format in ["table", "csv", "json"] {
        let query = [
            "--event-source",
            "iam",
            "--event-source",
            "signin",
            "--event-name",
            "C*",
            "--event-name",
            "*Polic*",
        ];
        let run =
            run_in(&sample, &[&["records", "AWSLogs", "--format", format], &query[..]].concat()).exits(2);
        expectorate::assert_contents(format!("snapshots/cli/records.{format}"), &run.stdout);
        expectorate::assert_contents("snapshots/cli/records.txt", &run.stderr);
    }
}

#[test]
fn different_options_narrow_the_query_and_repeated_ones_widen_it() {
    let role = json!({
        "type": "AssumedRole", "userName": null, "principalId": "AROADEVEXAMPLE:erin",
        "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin", "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {"sessionIssuer": {"userName": "Dev", "arn": "arn:aws:iam::111122223333:role/Dev"}},
    });
    let records = [
        call("1", json!({})),
        call("2", json!({"userIdentity": role, "sourceIPAddress": "2001:db8::7"})),
        call(
            "3",
            json!({"eventName": "DeleteUser", "errorCode": "AccessDenied", "eventTime": "2026-04-02T23:59:59Z"}),
        ),
        call(
            "4",
            json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "recipientAccountId": "444455556666"}),
        ),
        call(
            "5",
            json!({"sourceIPAddress": "cloudformation.amazonaws.com", "eventTime": "2026-04-03T00:00:00Z"}),
        ),
        failure("6"),
    ];
    let folder = Folder::with("x.json.gz", gzipped(&records));
    for (arguments, ids) in [
        (&[][..], "1 2 3 4 5 6"),
        (&["--event-source", "iam"], "1 2 3 5"),
        (&["--event-source", "iam.amazonaws.com", "--event-source", "sts"], "1 2 3 4 5"),
        (&["--event-name", "*User"], "1 2 3 5"),
        (&["--event-source", "iam", "--event-name", "AssumeRole"], ""),
        (&["--principal", "alice"], "1 3 4 5 6"),
        (&["--principal", "AIDAALICEEXAMPLE"], "1 3 4 5 6"),
        (&["--principal", "erin"], "2"),
        (&["--principal", "Dev"], "2"),
        (&["--principal", "ASIAEXAMPLE", "--principal", "bob"], "2"),
        (&["--principal", "arn:aws:sts::*:assumed-role/Dev/*"], "2"),
        (&["--principal", "ali"], ""),
        (&["--ip", "192.0.2.10"], "1 3 4 6"),
        (&["--ip", "2001:db8::/32"], "2"),
        (&["--ip", "192.0.2.0/24", "--ip", "2001:db8::7"], "1 2 3 4 6"),
        (&["--account", "444455556666"], "4"),
        (&["--error"], "3 6"),
        (&["--error", "--event-source", "iam"], "3"),
        (&["--from", "2026-04-02"], "3 5"),
        (&["--to", "2026-04-02"], "1 2 3 4 6"),
        (&["--from", "2026-04-02", "--to", "2026-04-02"], "3"),
    ] {
        let with = [&["records", "x.json.gz", "--format", "json"], arguments].concat();
        let lines = folder.run(&with).exits(0).lines();
        assert_eq!(column(&lines, "event_id").join(" "), ids, "{arguments:?}");
    }
}

#[test]
fn an_event_is_listed_once_and_its_corrected_copy_too() {
    let folder = Folder::new();
    folder.file(
        "a.json",
        log_file(&[call("1", json!({})), call("1", json!({"recipientAccountId": "444455556666"}))]),
    );
    let corrected = json!({"addendum": {"originalEventID": "1"}, "userAgent": "corrected"});
    folder.file("b.json", log_file(&[call("2", corrected), call("1", json!({}))]));
    let nameless = json!({"eventID": null});
    folder.file("c.json", log_file(&[call("", nameless.clone()), call("", nameless)]));
    let run = folder.run(&["records", ".", "--format", "json"]).exits(0);
    let run = run.says("5 records match at 2026-04-01T08:15:00Z. 1 copy of one of them was left out.\n");
    let lines = run.lines();
    assert_eq!(column(&lines, "event_id"), ["1", "1", "2", "", ""]);
    assert_eq!(column(&lines, "account")[..2], ["111122223333", "444455556666"]);
    assert_eq!(column(&lines, "user_agent")[2], "corrected");
}

#[test]
fn the_summary_counts_matches_and_names_times_callers_and_calls() {
    let at = |hour: u32| format!("2026-04-01T{hour:02}:00:00Z");
    let records: Vec<Value> = (1..=9)
        .map(|hour| {
            let who = if hour % 3 == 0 { "bob" } else { "alice" };
            let name = if hour == 4 { "DeleteUser" } else { "CreateUser" };
            call(
                &hour.to_string(),
                json!({"eventName": name, "eventTime": at(hour), "userIdentity": {"userName": who}}),
            )
        })
        .collect();
    let folder = Folder::with("x.json", log_file(&records));
    let run = folder.run(&["records", "x.json", "--event-source", "iam"]).exits(0);
    assert_eq!(
        run.stderr,
        "Read 1 log file: 9 records, 9 judged, 0 unreadable.\n\
         9 records match from 2026-04-01T01:00:00Z to 2026-04-01T09:00:00Z.\n\
         By alice 6, bob 3.\nCalls: iam:CreateUser 8, iam:DeleteUser 1.\n"
    );
    let none = folder.run(&["records", "x.json", "--event-name", "GetUser"]).exits(0);
    assert_eq!(none.stderr, "Read 1 log file: 9 records, 9 judged, 0 unreadable.\n0 records match.\n");
    assert_eq!(none.stdout.lines().count(), 1, "the headings");
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_listed() {
    let folder = Folder::with(
        "a.json",
        log_file(&[call("1", json!({})), json!({"eventName": [1]}), call("2", json!({}))]),
    );
    folder.file("b.json", "{\"Records\":[{\"eventVersion\":");
    folder.file("c.json", log_file(&[call("3", json!({}))]));
    let run = folder.run(&["records", ".", "gone", "--format", "csv"]).exits(2);
    let run = run.says("could not read ./a.json whole: ").says("could not read ./b.json whole: ");
    let run = run.says("could not look at gone: ");
    assert_eq!(run.stdout.lines().count(), 1 + 3);
}

#[test]
fn exports_are_queried_like_log_files() {
    let folder = Folder::with("x.jsonl", format!("{}\n{}\n", call("1", json!({})), failure("2")));
    let lines =
        folder.run(&["records", "x.jsonl", "--event-source", "iam", "--format", "json"]).exits(0).lines();
    assert_eq!(column(&lines, "event_id"), ["1"]);
}

#[test]
fn promise_6_hostile_text_stays_text_in_every_format() {
    for (name, text) in hostile() {
        let record = call(
            "id",
            json!({
                "userIdentity": {"type": text, "userName": text, "arn": text, "principalId": text},
                "eventSource": text, "eventName": text, "awsRegion": text, "eventID": text, "errorCode": text,
                "userAgent": text, "sourceIPAddress": text, "errorMessage": text, "recipientAccountId": text,
            }),
        );
        let folder = Folder::with("x.json", log_file(&[record]));
        let json = folder.run(&["records", "x.json", "--format", "json"]).exits(0).lines();
        for column in [
            "event_source",
            "event_name",
            "type",
            "who",
            "arn",
            "source_ip",
            "user_agent",
            "error",
            "event_id",
        ] {
            assert_eq!(json[0][column], json!(text), "{name}: {column}");
        }
        let csv = folder.run(&["records", "x.json", "--format", "csv"]).exits(0).stdout;
        assert_no_formula(name, &csv, 12);
        let table = folder.run(&["records", "x.json"]).exits(0).stdout;
        assert_eq!(table.lines().count(), 2, "{name}: {table}");
        assert!(!table.contains("https://evil") && !table.contains("www.evil"), "{name}: {table}");
        let run = folder.run(&["records", "x.json", &format!("--event-name={}", text.replace('\0', ""))]);
        assert!(run.exits(0).stdout.lines().count() <= 2, "{name}");
    }
}

#[test]
fn from_and_to_select_findings_and_sign_ins() {
    let on = |id: &str, day: &str| {
        let mut record = failure(id);
        record["eventTime"] = json!(format!("{day}T12:00:00Z"));
        record
    };
    let mut timeless = failure("4");
    timeless["eventTime"] = json!("some day");
    let records = [on("1", "2026-03-31"), on("2", "2026-04-01"), on("3", "2026-04-02"), timeless];
    let name = "111122223333_CloudTrail_us-east-1_20260402T0005Z_EXAMPLE.json.gz";
    let folder = Folder::with(name, gzipped(&records));
    folder.file("broken.json", "{\"Records\":[");
    for (days, ids, listed) in [
        (&[][..], "1 2 3 4", 4),
        (&["--from", "2026-04-01"], "2 3 4", 3),
        (&["--to", "2026-04-01"], "1 2", 2),
        (&["--from", "2026-04-01", "--to", "2026-04-01"], "2", 1),
        (&["--from", "2026-04-02", "--to", "2026-04-09"], "3 4", 2),
    ] {
        let arguments = [&["sign-in", ".", "--format", "json"], days].concat();
        let lines = folder.run(&arguments).exits(2).lines();
        let id = |line: &Value| line["evidence"]["event_id"].as_str().map(str::to_owned);
        let mut found: Vec<String> = lines.iter().filter_map(id).collect();
        found.sort();
        assert_eq!(found.join(" "), ids, "{days:?}");
        assert_eq!(lines.len(), listed + 1, "{days:?}: the unreadable file is reported");
        let arguments = [&["sign-ins", ".", "--format", "json"], days].concat();
        assert_eq!(folder.run(&arguments).exits(2).lines().len(), listed, "{days:?}");
    }
}

#[test]
fn arguments_that_cannot_be_used_exit_with_64() {
    let folder = Folder::with("x.json", log_file(&[failure("1")]));
    for (arguments, part) in [
        (&["records"][..], "<PATH>..."),
        (&["records", "x.json", "--from", "yesterday"], "it must be a day such as 2026-04-01"),
        (&["records", "x.json", "--to", "2026-02-30"], "it must be a day such as 2026-04-01"),
        (
            &["sign-in", "x.json", "--from", "2026-04-02", "--to", "2026-04-01"],
            "--from is 2026-04-02 and --to is 2026-04-01; --from must not be after --to",
        ),
        (
            &["records", "x.json", "--ip", "192.0.2.0/33"],
            "it must be an address or a range, such as 192.0.2.0/24",
        ),
        (&["records", "x.json", "--account", "prod"], "it must be an account id of 12 digits"),
        (&["records", "x.json", "--format", "text"], "[possible values: table, csv, json]"),
    ] {
        let run = folder.run(arguments).exits(64).says(part);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}
