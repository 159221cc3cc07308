//! One line per finding and event, for any order, number and names of the files.

use iamwatch_tests::corpus::Corpus;
use serde_json::{Value, json};

use crate::program::Folder;
use crate::records::{failure, gzipped, log_file, sign_in, without_mfa};

#[test]
fn json_never_groups_caps_or_deduplicates_findings() {
    let records: Vec<Value> = (0..500).map(|number| failure(&format!("id-{number:03}"))).collect();
    let folder = Folder::with("x.json", log_file(&records));
    for format in ["json", "ocsf"] {
        let run = folder.run(&["sign-in", "x.json", "--format", format]).exits(0).says("500 findings.");
        assert_eq!(run.lines().len(), 500, "{format}");
    }
    let mails = folder.run(&["sign-in", "x.json"]).exits(0).stdout;
    assert_eq!(mails.matches("\nSubject: ").count(), 1, "the mail is one");
}

#[test]
fn promise_2_an_event_in_several_files_is_one_line_that_names_the_others() {
    let folder = Folder::new();
    for name in ["b.json.gz", "a/x.json.gz", "c.json.gz"] {
        folder.file(name, gzipped(&[sign_in(json!({"eventID": "0"})), without_mfa("same")]));
    }
    folder.file("other.json.gz", gzipped(&[without_mfa("other")]));
    // The same file by two paths, and an event twice in one file, count as one file.
    folder.file("twice.json", log_file(&[failure("twice"), failure("twice")]));
    let run = folder.run(&["sign-in", ".", "a", "b.json.gz", "./b.json.gz", "--format", "json"]).exits(0);
    let evidence: Vec<(String, Value)> = run
        .lines()
        .iter()
        .map(|line| {
            let evidence = &line["evidence"];
            (evidence["event_id"].as_str().unwrap().to_owned(), evidence["also_in"].clone())
        })
        .collect();
    assert_eq!(evidence.len(), 3, "{evidence:?}");
    let also_in = |id: &str| evidence.iter().find(|(event, _)| event == id).unwrap().1.clone();
    assert_eq!(also_in("same").as_array().unwrap().len(), 2);
    assert_eq!((also_in("other"), also_in("twice")), (Value::Null, Value::Null));

    let sign_ins = folder.run(&["sign-ins", ".", "--format", "json"]).exits(0).lines();
    assert_eq!(sign_ins.len(), 4, "0, same, other, twice");
}

#[test]
fn the_same_event_id_in_two_accounts_is_two_events() {
    let mut elsewhere = without_mfa("same");
    elsewhere["recipientAccountId"] = json!("444455556666");
    let folder = Folder::with("x.json", log_file(&[without_mfa("same"), elsewhere]));
    assert_eq!(folder.run(&["sign-in", "x.json", "--format", "json"]).exits(0).lines().len(), 2);
    assert_eq!(folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(0).lines().len(), 2);
}

#[test]
fn records_without_an_id_are_never_merged() {
    let mut record = without_mfa("");
    record.as_object_mut().unwrap().remove("eventID");
    let folder = Folder::new();
    for name in ["a.json", "b.json"] {
        folder.file(name, log_file(&[record.clone(), record.clone()]));
    }
    for command in ["sign-in", "sign-ins"] {
        let run = folder.run(&[command, "a.json", "b.json", "--format", "json"]).exits(0);
        assert_eq!(run.lines().len(), 4, "{command}");
        let again = folder.run(&[command, ".", "./a.json", "b.json", "--format", "json"]).exits(0);
        assert_eq!(again.lines().len(), 4, "{command}: the same files by other paths");
    }
}

#[test]
fn a_corrected_copy_replaces_its_original() {
    let mut corrected = without_mfa("copy");
    corrected["addendum"] = json!({"reason": "UPDATED_DATA", "originalEventID": "original"});
    corrected["userAgent"] = json!("Corrected");
    for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
        let folder = Folder::new();
        folder.file(first, log_file(&[without_mfa("original")]));
        folder.file(second, log_file(&[corrected.clone()]));
        let lines = folder.run(&["sign-in", ".", "--format", "json"]).exits(0).lines();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["user_agent"], "Corrected");
        assert_eq!(lines[0]["evidence"]["event_id"], "copy");
        assert_eq!(lines[0]["evidence"]["original_event_id"], "original");
        assert_eq!(lines[0]["evidence"]["also_in"], json!([format!("./{first}")]));
        assert_eq!(folder.run(&["sign-ins", ".", "--format", "json"]).exits(0).lines().len(), 1);
    }
}

const FEW: Corpus = Corpus { files: 40, fewest_records: 50, most_records: 400, seed: 11 };

#[test]
fn neither_the_order_of_the_arguments_nor_the_threads_change_the_output() {
    let folder = Folder::new();
    FEW.write_to(folder.path()).unwrap();
    folder.file("without-id/x.json", log_file(&[json!({}), without_mfa("")]));
    let mut names: Vec<String> = (0..FEW.files).map(|n| FEW.key(n)).collect();
    names.push("without-id/x.json".to_owned());
    for command in [&["sign-in"][..], &["sign-in", "--format", "json"], &["sign-ins"]] {
        let run = |names: &[&str], threads: &str| {
            let mut arguments = command.to_vec();
            arguments.extend(names);
            arguments.extend(["--threads", threads]);
            let run = folder.run(&arguments);
            (run.status, run.stdout, run.stderr)
        };
        let mut shuffled: Vec<&str> = names.iter().map(String::as_str).collect();
        let expected = run(&shuffled, "1");
        assert!(expected.1.lines().count() > 4, "{command:?}: too little to compare: {}", expected.1);
        shuffled.reverse();
        assert_eq!(run(&shuffled, "1"), expected, "{command:?}");
        for threads in ["2", "8"] {
            fastrand::Rng::with_seed(threads.len() as u64).shuffle(&mut shuffled);
            assert_eq!(run(&shuffled, threads), expected, "{command:?}, {threads} threads");
        }
    }
}

#[test]
fn file_names_change_nothing_but_the_log_file_of_the_evidence() {
    let (delivered, renamed) = (Folder::new(), Folder::new());
    for n in 0..FEW.files {
        let content = FEW.file(n);
        delivered.file(&FEW.key(n), iamwatch_tests::corpus::gzip(&content).unwrap());
        renamed.file(&format!("{}.json", (n * 7919) % 1009), content);
    }
    let findings = |folder: &Folder| {
        let mut lines = folder.run(&["sign-in", ".", "--format", "json"]).exits(0).lines();
        for line in &mut lines {
            for of_the_file in ["log_file", "delivered"] {
                line["evidence"].as_object_mut().unwrap().remove(of_the_file);
            }
        }
        lines
    };
    let expected = findings(&delivered);
    assert!(expected.len() > 3, "too little to compare: {expected:?}");
    assert_eq!(findings(&renamed), expected);
    assert_eq!(
        renamed.run(&["sign-ins", "."]).exits(0).stdout,
        delivered.run(&["sign-ins", "."]).exits(0).stdout
    );
}
