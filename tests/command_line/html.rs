//! The HTML report of `sign-in --html`. What a browser makes of it is tested in `output/html_report.rs`.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::hostile::hostile;
use crate::program::{Folder, dangerous, run_in};
use crate::records::{failure, gzipped, log_file, merge, root, sign_in, without_mfa};

const NOW: &str = "2026-04-02T00:00:00Z";

/// Runs in the folder, and returns the report.
#[track_caller]
fn report(folder: &Folder, arguments: &[&str]) -> String {
    folder.run(&[&["sign-in", "--now", NOW, "--html", "report.html"], arguments].concat()).exits(0);
    fs::read_to_string(folder.path().join("report.html")).unwrap()
}

#[test]
fn the_report_over_the_sample_is_that_of_the_golden_file() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(iamwatch_tests::sample::FOLDER);
    let folder = Folder::new();
    let report = folder.path().join("report.html");
    let arguments = ["sign-in", "AWSLogs", "--now", NOW, "--set", "ACCOUNT_NAMES=111122223333=prod"];
    let without = run_in(&sample, &arguments).exits(2);
    let with = run_in(&sample, &[&arguments[..], &["--html", report.to_str().unwrap()]].concat()).exits(2);
    assert_eq!((with.stdout, with.stderr), (without.stdout, without.stderr), "all else stays as it is");
    expectorate::assert_contents("snapshots/cli/sign-in.html", &markup(&fs::read_to_string(report).unwrap()));
}

/// The report without its style and its script, which are files of their own, and without their checksums.
fn markup(report: &str) -> String {
    let mut rest = report;
    let mut markup = String::new();
    for (begin, end, placeholder) in [
        ("script-src 'sha256-", "'", "…"),
        ("style-src 'sha256-", "'", "…"),
        ("<style>\n", "</style>", "…\n"),
        ("<script>\n", "</script>", "…\n"),
    ] {
        let (before, after) = rest.split_once(begin).unwrap();
        let (replaced, _) = after.split_once(end).unwrap();
        assert!(!replaced.is_empty(), "{begin}");
        markup += &[before, begin, placeholder].concat();
        rest = &after[replaced.len()..];
    }
    markup + rest
}

#[test]
fn every_sign_in_is_in_the_report_once_whatever_the_files_and_their_order() {
    let (quiet, fails) = (sign_in(json!({"eventID": "1"})), failure("2"));
    let folder = Folder::with("a.json.gz", gzipped(&[quiet.clone(), fails.clone(), without_mfa("3")]));
    folder.file("b.json", log_file(&[fails.clone(), quiet.clone()]));
    let two = report(&folder, &["a.json.gz", "b.json"]);
    assert!(two.contains("<dt>Sign-ins</dt><dd>3: 1 failed, 2 succeeded</dd>"), "{two}");
    assert!(two.contains("and in 1 more log file"), "{two}");
    assert_eq!(two, report(&folder, &["a.json.gz", "b.json", "--threads", "1"]));

    let folder = Folder::with("a.json", log_file(&[quiet]));
    let one = report(&folder, &["a.json"]);
    assert!(one.contains("<dt>Sign-ins</dt><dd>1: 0 failed, 1 succeeded</dd>"), "{one}");
    assert!(one.contains("<dt>Findings</dt><dd>0</dd>") && one.contains("No finding."), "{one}");
    assert!(one.contains("Every log file and every record that was found could be read."), "{one}");
}

#[test]
fn the_report_names_what_is_left_out_and_what_could_not_be_looked_at() {
    let folder = Folder::with("x.json", log_file(&[failure("1"), root("2"), without_mfa("3")]));
    folder.file(
        "suppressions.toml",
        "[[suppression]]\nrule = \"sign-in.without-mfa\"\naccount = \"*\"\nreason = \"x\"\nexpires = \"2026-06-01\"\n",
    );
    let all = ["x.json", "--suppressions", "suppressions.toml", "--min-severity", "HIGH"];
    let report = report(&folder, &all);
    assert!(report.contains("<li>1 finding not listed: suppressed</li>"), "{report}");
    assert!(report.contains("<li>1 finding not listed: below HIGH</li>"), "{report}");
    assert!(report.contains("<dt>Findings</dt><dd>1 "), "{report}");
    assert!(report.contains("<dt>Sign-ins</dt><dd>3: "), "a suppressed sign-in is still counted: {report}");

    folder.file("cut.json", &log_file(&[failure("4")])[..300]);
    folder.run(&["sign-in", "x.json", "cut.json", "gone.json", "--html", "report.html"]).exits(2);
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let gaps = "<b>Not everything could be looked at.</b> 1 log file or folder could not be had, 1 log file could not be";
    assert!(report.contains(gaps), "{report}");
    assert!(
        report.contains("<li>could not look at gone.json: ")
            && report.contains("<li>could not read cut.json")
    );
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_and_costs_no_results() {
    let folder = Folder::with("x.json", log_file(&[failure("1")]));
    for (file, said) in [
        (".", "--html . is not a regular file; it must be one, or not exist"),
        ("/dev/null", "--html /dev/null is not a regular file; it must be one, or not exist"),
        ("none/report.html", "--html none/report.html: there is no folder none"),
        ("x.json/report.html", "--html x.json/report.html: there is no folder x.json"),
    ] {
        let run = folder.run(&["sign-in", "x.json", "--html", file]).exits(64).says(said);
        assert_eq!(run.stdout, "", "{file}");
    }
    // No file can be created there.
    let run = folder.run(&["sign-in", "x.json", "--format", "json", "--html", "/proc/report.html"]).exits(2);
    assert_eq!(run.rules(), ["sign-in.failed"]);
    run.says("could not write the results: the HTML report /proc/report.html: ");
}

#[test]
fn a_report_replaces_the_previous_one_and_leaves_no_other_file() {
    let folder = Folder::with("x.json", log_file(&[failure("1")]));
    folder.file("report.html", "before");
    assert!(report(&folder, &["x.json"]).starts_with("<!DOCTYPE html>"));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["report.html", "x.json"]);
}

#[test]
fn promise_6_text_of_an_attacker_is_visible_text_in_the_report() {
    for (name, text) in hostile() {
        let mut record = failure("1");
        merge(
            &mut record,
            json!({
                "userIdentity": {"type": text, "userName": text, "arn": text},
                "userAgent": text, "sourceIPAddress": text, "errorMessage": text, "awsRegion": text,
                "recipientAccountId": text,
            }),
        );
        let folder = Folder::with("x.json", log_file(&[record]));
        let report = report(&folder, &["x.json"]);
        let unseen: Vec<char> = report.chars().filter(|character| dangerous(*character)).collect();
        assert!(unseen.is_empty(), "{name}: {unseen:?}");
        for live in ["<script>alert", "<img", "https://evil", "www.evil", "javascript:"] {
            assert!(!report.contains(live), "{name}: {live}");
        }
        assert!(report.len() < 60_000, "{name}: {} bytes", report.len());
    }
}
