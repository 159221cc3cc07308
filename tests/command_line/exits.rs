//! Exit status, notes on stderr, and what cannot be looked at.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use crate::program::{Folder, Run, check, command};
use crate::records::{failure, gzipped, log_file, root, sign_in, without_mfa};

/// MEDIUM, HIGH and CRITICAL, one of each.
fn three() -> Folder {
    Folder::with("logs/x.json.gz", gzipped(&[failure("1"), without_mfa("2"), root("3")]))
}

#[test]
fn findings_below_min_severity_are_left_out_and_counted() {
    let folder = three();
    for (severity, left) in [("INFORMATIONAL", 3), ("low", 3), ("MEDIUM", 3), ("High", 2), ("critical", 1)] {
        let run = folder.run(&["sign-in", "logs", "--format", "json", "--min-severity", severity]).exits(0);
        assert_eq!(run.lines().len(), left, "{severity}");
        match 3 - left {
            0 => assert!(!run.stderr.contains("left out"), "{}", run.stderr),
            out => drop(run.says(&format!("{out} more below {} left out.", severity.to_uppercase()))),
        }
    }
}

#[test]
fn fail_on_exits_with_1_when_a_finding_reaches_it() {
    let folder = Folder::with("x.json", log_file(&[failure("1"), without_mfa("2")]));
    for (fail_on, status) in [("LOW", 1), ("MEDIUM", 1), ("HIGH", 1), ("CRITICAL", 0)] {
        for format in ["text", "json", "ocsf"] {
            folder.run(&["sign-in", "x.json", "--fail-on", fail_on, "--format", format]).exits(status);
        }
    }
    folder.run(&["sign-in", "x.json"]).exits(0);
    let left_out = ["sign-in", "x.json", "--min-severity", "CRITICAL", "--fail-on", "LOW"];
    assert_eq!(folder.run(&left_out).exits(1).stdout, "", "what is not shown is found all the same");
}

#[test]
fn exit_2_wins_over_1() {
    let folder = three();
    let run = folder.run(&["sign-in", "logs", "gone.json", "--fail-on", "LOW", "--format", "json"]);
    assert_eq!(run.exits(2).says("could not look at gone.json: ").lines().len(), 3, "the rest is judged");
}

#[test]
fn without_findings_stdout_is_empty_and_the_status_is_0() {
    let folder = Folder::with("x.json.gz", gzipped(&[sign_in(Value::Object(Default::default()))]));
    for format in ["text", "json", "ocsf"] {
        let run = folder.run(&["sign-in", "x.json.gz", "--format", format, "--fail-on", "LOW"]).exits(0);
        assert_eq!(run.stdout, "");
        assert_eq!(run.stderr, "Read 1 log file: 1 record, 1 judged, 0 unreadable.\n0 findings.\n");
    }
}

#[test]
fn bad_arguments_exit_with_64_and_name_what_would_be_right() {
    let folder = three();
    for (arguments, part) in [
        (&[][..], "Usage: iamwatch <COMMAND>"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["sign-in"], "<PATH>..."),
        (&["sign-ins"], "<PATH>..."),
        (&["rules", "logs"], "unexpected argument 'logs'"),
        (&["sign-in", "logs", "--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["sign-in", "logs", "--format", "xml"], "[possible values: text, json, ocsf]"),
        (&["sign-ins", "logs", "--format", "text"], "[possible values: table, csv, json]"),
        (
            &["sign-in", "logs", "--min-severity", "bad"],
            "it must be one of INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL",
        ),
        (&["sign-in", "logs", "--fail-on", ""], "--fail-on"),
        (&["sign-in", "logs", "--threads", "0"], "--threads"),
        (&["sign-in", "logs", "--set", "MAX_RECORD_BYTES"], "it must be NAME=VALUE"),
        (
            &["sign-in", "logs", "--set", "MAX_BYTES=1"],
            "\"MAX_BYTES\" is no setting; the settings are ACCESS_KEY_MAX_AGE_DAYS, ",
        ),
        (
            &["sign-ins", "logs", "--set", "MAX_RECORD_BYTES=1"],
            "MAX_RECORD_BYTES is \"1\"; it must be a whole number of bytes from 1024 to 1073741824",
        ),
        (
            &["sign-in", "logs", "--set", "ALLOWED_SIGN_IN_CIDRS=192.0.2.0/33"],
            "it must be a comma-separated list",
        ),
    ] {
        let run = folder.run(arguments).exits(64).says(part);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_exit_with_0_on_stdout() {
    let folder = Folder::new();
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["sign-in", "--help"],
        &["sign-ins", "-h"],
        &["rules", "-h"],
    ] {
        let run = folder.run(arguments).exits(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{arguments:?}: {run:?}");
    }
}

#[test]
fn a_path_that_cannot_be_looked_at_exits_with_2_and_is_named() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("empty/deep")).unwrap();
    std::fs::create_dir(folder.path().join("x.json.gz")).unwrap();
    folder.file("texts/notes.txt", "hello");
    folder.file("balancer/111122223333_elasticloadbalancing_us-east-1_app.x_x.log.gz", "h2 2026-04-01");
    for (path, reason) in [
        ("empty", "there is no log file (.json or .json.gz) in it"),
        ("x.json.gz", "there is no log file"),
        ("texts", "a file with another ending is read when it is named itself"),
        ("balancer", "there is no log file"),
        ("missing", "No such file"),
        ("missing/x.json.gz", "No such file"),
    ] {
        for command in ["sign-in", "sign-ins"] {
            let run = folder.run(&[command, path, "--format", "json"]).exits(2);
            let run = run.says(&format!("iamwatch: could not look at {path}: ")).says(reason);
            assert_eq!(run.stdout, "", "{path}");
        }
    }
    folder.run(&["sign-in", "balancer"]).says("Skipped: 1 of another service.");
    folder.run(&["sign-in", "texts"]).says("Skipped: 1 other.");
}

#[test]
fn many_files_that_cannot_be_read_are_counted_and_the_first_are_named() {
    let folder = Folder::new();
    for number in 0..50 {
        folder.file(&format!("{number:02}.json"), "");
    }
    let run = folder.run(&["sign-in", ".", "--format", "json"]).exits(2);
    let run = run.says("could not read ./19.json whole: it is empty\niamwatch: and so on, 30 more files\n");
    assert_eq!(run.stderr.lines().count(), 20 + 1 + 2, "{}", run.stderr);
    assert_eq!(run.lines().len(), 50, "each is a finding");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_cannot_be_opened_costs_only_itself() {
        let folder = three();
        symlink("nowhere", folder.path().join("logs/dangling.json.gz")).unwrap();
        std::fs::create_dir(folder.path().join("logs/folder.json.gz")).unwrap();
        let run = folder.run(&["sign-in", "logs", "--format", "json"]).exits(2);
        let run = run.says("could not look at logs/dangling.json.gz: ");
        assert_eq!((run.lines().len(), run.stderr.matches("could not").count()), (3, 1));
    }

    #[test]
    fn a_file_and_a_folder_without_permission_are_named() {
        let folder = three();
        folder.file("logs/locked.json", log_file(&[failure("4")]));
        folder.file("logs/closed/x.json", log_file(&[failure("5")]));
        let locked = |mode| {
            for path in ["logs/locked.json", "logs/closed"] {
                let permissions = std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(folder.path().join(path), permissions).unwrap();
            }
        };
        locked(0);
        // Root can read every file.
        let by_root = std::fs::read(folder.path().join("logs/locked.json")).is_ok();
        let run = folder.run(&["sign-in", "logs", "--format", "json"]);
        locked(0o700);
        if by_root {
            run.exits(0);
        } else {
            let run = run.exits(2).says("logs/locked.json: ").says("logs/closed: ");
            assert_eq!(run.lines().len(), 3);
        }
    }

    #[test]
    fn a_pipe_is_not_opened() {
        let folder = three();
        for path in ["logs/pipe.json.gz", "pipe"] {
            let made = std::process::Command::new("mkfifo").arg(folder.path().join(path)).status();
            assert!(made.unwrap().success());
        }
        let run = folder.run(&["sign-in", "logs", "pipe", "/dev/null", "--format", "json"]).exits(2);
        let run = run.says("could not look at logs/pipe.json.gz: it is neither a file nor a folder");
        let run = run.says("could not look at pipe: ").says("could not look at /dev/null: ");
        assert_eq!(run.lines().len(), 3);
    }

    #[test]
    fn links_to_folders_are_reported_and_never_followed_in_circles() {
        let folder = three();
        symlink(".", folder.path().join("logs/loop")).unwrap();
        symlink("../logs", folder.path().join("logs/again")).unwrap();
        symlink("x.json.gz", folder.path().join("logs/same.json.gz")).unwrap();
        let run = folder.run(&["sign-in", "logs", "--format", "json"]).exits(0);
        let run = run.says("Read 1 log file: 3 records").says("2 links to folders (name them");
        assert_eq!(run.lines().len(), 3);
        let named = folder.run(&["sign-in", "logs/loop", "--format", "json"]).exits(0);
        assert_eq!(named.lines().len(), 3, "a link that is named is followed");
        symlink("circle", folder.path().join("circle")).unwrap();
        folder.run(&["sign-in", "circle"]).exits(2).says("could not look at circle: ");
    }

    #[test]
    fn results_that_cannot_be_written_exit_with_2() {
        let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
        for arguments in [
            &["sign-in", "logs"][..],
            &["sign-ins", "logs", "--format", "csv"],
            &["records", "logs", "--format", "json"],
            &["rules"],
            &["--help"],
        ] {
            let folder = three();
            let mut command = command(folder.path(), arguments);
            let output = command.stdout(full.try_clone().unwrap()).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
            assert!(stderr.contains("iamwatch: could not write the results: "), "{stderr}");
        }
    }
}

#[test]
fn closing_stdout_early_is_no_error() {
    let records: Vec<Value> = (0..3_000).map(|number| failure(&number.to_string())).collect();
    let folder = Folder::with("x.json", log_file(&records));
    for (arguments, status) in [
        (&["sign-in", "x.json", "--format", "json"][..], 0),
        (&["sign-in", "x.json", "--format", "ocsf", "--fail-on", "LOW"], 1),
        (&["sign-in", "x.json", "gone.json"], 2),
        (&["sign-ins", "x.json"], 0),
        (&["sign-ins", "x.json", "--format", "csv"], 0),
        (&["sign-ins", "x.json", "--format", "json"], 0),
        (&["records", "x.json"], 0),
        (&["records", "x.json", "--format", "json"], 0),
        (&["rules"], 0),
        (&["rules", "--format", "json"], 0),
        (&["sign-in", "--help"], 0),
    ] {
        let mut child = command(folder.path(), arguments).spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let run = Run { status: child.wait().unwrap().code().unwrap(), stdout: first, stderr };
        check(&run);
        assert!(!run.stderr.contains("ipe"), "{arguments:?}: {}", run.stderr);
        run.exits(status);
    }
}

#[test]
fn results_go_to_stdout_and_notes_to_stderr() {
    let folder = three();
    let run = folder.run(&["sign-in", "logs", "--format", "json"]).exits(0);
    assert_eq!(run.stderr, "Read 1 log file: 3 records, 3 judged, 0 unreadable.\n3 findings.\n");
    let run = folder.run(&["sign-ins", "logs", "--format", "csv"]).exits(0);
    assert_eq!(run.stderr, "Read 1 log file: 3 records, 3 judged, 0 unreadable.\n3 sign-ins.\n");
    assert_eq!(run.stdout.lines().count(), 4);
}
