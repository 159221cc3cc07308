//! `iamwatch credential-report`: every form of report, its findings, its users, and its changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use iamwatch_tests::reports::{Columns, Report, User, of_many};
use iamwatch_tests::sample::report;
use serde_json::{Value, json};
use shared::gzip::pack;

use crate::hostile::{assert_no_formula, hostile};
use crate::program::{Folder, Run, check, command, run_in};

const ACCOUNT: &str = "111122223333";
const MADE: &str = "2026-04-01T08:00:00Z";

fn at(time: &str) -> chrono::DateTime<chrono::Utc> {
    time.parse().unwrap()
}

/// A user with a console password that was used the day before, and no second factor.
fn person(name: &str) -> User {
    User::new(name, at("2024-01-15T09:30:00Z"))
        .password(at("2026-03-01T08:00:00Z"), Some(at("2026-03-31T16:20:00Z")))
}

fn account(users: impl IntoIterator<Item = User>) -> Report {
    users.into_iter().fold(Report::new(ACCOUNT, at("2019-05-14T09:20:41Z")), Report::user)
}

/// One HIGH and one LOW finding: alice has no second factor, and carol has a password and a key.
fn some() -> String {
    let key = at("2026-03-20T00:00:00Z");
    account([person("alice"), person("bob").mfa(), person("carol").mfa().key(1, key, Some(key))]).csv()
}

/// Runs over `report.csv` as of the day on which it was made.
#[track_caller]
fn judged(folder: &Folder, arguments: &[&str]) -> Run {
    folder.run(&[&["credential-report", "report.csv", "--now", MADE], arguments].concat())
}

/// The output of the AWS CLI.
fn cli_output(csv: &str) -> String {
    use base64::Engine as _;
    let content = base64::prelude::BASE64_STANDARD.encode(csv);
    json!({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2026-04-01T08:00:00+00:00"})
        .to_string()
}

fn fixtures() -> PathBuf {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(report::FILE);
    sample.parent().unwrap().to_owned()
}

#[track_caller]
fn over_the_sample(arguments: &[&str]) -> Run {
    let name = Path::new(report::FILE).file_name().unwrap().to_str().unwrap();
    let sample = ["credential-report", name, "--now", report::GENERATED];
    run_in(&fixtures(), &[&sample, arguments].concat())
}

#[test]
fn the_output_over_the_sample_is_that_of_the_golden_files() {
    for (name, arguments) in [
        ("txt", &[][..]),
        ("json", &["--format", "json"]),
        ("ocsf", &["--format", "ocsf"]),
        ("table", &["--list"]),
        ("csv", &["--list", "--format", "csv"]),
        ("users.json", &["--list", "--format", "json"]),
    ] {
        let run = over_the_sample(arguments).exits(0);
        expectorate::assert_contents(format!("snapshots/cli/credential-report.{name}"), &run.stdout);
    }
    let run = over_the_sample(&["--fail-on", "CRITICAL"]).exits(1);
    let notes = "Read the report of account 111122223333: 10 rows, 0 unreadable.\n\
                 Judged as of 2026-04-01 16:00 UTC, as --now says.\n17 findings.\n";
    assert_eq!(run.stderr, notes);
}

#[test]
fn a_line_of_json_holds_the_documented_facts_the_most_severe_first() {
    let folder = Folder::with("report.csv", some());
    let lines = judged(&folder, &["--format", "json"]).exits(0).lines();
    let rule =
        shared::rules::registry::all().into_iter().find(|rule| rule.id == "password.mfa-disabled").unwrap();
    assert_eq!(
        lines[0],
        json!({
            "id": shared::finding::stable_id(&["password.mfa-disabled", ACCOUNT, "alice", ""]),
            "rule": "password.mfa-disabled",
            "kind": "check",
            "severity": "HIGH",
            "title": "Console password without a second factor",
            "summary": "IAM user alice has a console password and no second factor in account 111122223333, as of the report of 2026-04-01 08:00 UTC.",
            "account": ACCOUNT,
            "resource": "arn:aws:iam::111122223333:user/alice",
            "principal": {"type": "IAMUser", "name": "alice", "arn": "arn:aws:iam::111122223333:user/alice"},
            "time": MADE,
            "evidence": {"object": "report.csv", "password_enabled": "true", "mfa_active": "false"},
            "references": rule.references,
            "remediation": rule.remediation,
            "what": "has a console password and no second factor",
        })
    );
    let rules: Vec<_> = lines.iter().map(|line| line["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["password.mfa-disabled", "user.password-and-key"]);
    let ocsf = judged(&folder, &["--format", "ocsf"]).exits(0).lines();
    let id = |line: &Value| line["finding_info"]["uid"].clone();
    assert_eq!(ocsf.iter().map(id).collect::<Vec<_>>(), [lines[0]["id"].clone(), lines[1]["id"].clone()]);
}

#[test]
fn every_form_of_a_report_is_judged_as_of_when_it_was_made() {
    let (csv, when) = (some(), "Judged as of 2026-04-01 08:00 UTC, when the report was made.");
    let plain = Folder::with("report.csv", &csv);
    let expected = judged(&plain, &["--format", "json"]).exits(0).says("as --now says").stdout;
    for (name, content) in [
        ("kept in the state bucket", pack(csv.as_bytes(), at(MADE)).unwrap()),
        ("as the AWS CLI prints it", cli_output(&csv).into_bytes()),
        (
            "the same with spaces around and a byte order mark",
            format!("\u{feff}\n {}\n", cli_output(&csv)).into_bytes(),
        ),
        (
            "the same, compressed at another time",
            pack(cli_output(&csv).as_bytes(), at("2026-04-02T00:00:00Z")).unwrap(),
        ),
    ] {
        let folder = Folder::with("report.csv", content);
        let run = folder.run(&["credential-report", "report.csv", "--format", "json"]).exits(0).says(when);
        assert_eq!(run.stdout, expected, "{name}");
        let run = folder.run(&["credential-report", "report.csv", "--now", "2026-05-01T00:00:00Z"]).exits(0);
        run.says("Judged as of 2026-05-01 00:00 UTC, as --now says.");
    }
    // Long ago: no date of it is in the future.
    let old =
        Report::new(ACCOUNT, at("2019-05-14T09:20:41Z")).user(User::new("x", at("2019-05-15T00:00:00Z")));
    let run = Folder::with("report.csv", old.csv()).run(&["credential-report", "report.csv"]).exits(0);
    run.says(", the current time, as report.csv does not say when it was made: give --now.");
}

#[test]
fn standard_input_is_read_if_the_file_is_a_dash() {
    for content in
        [some().into_bytes(), pack(some().as_bytes(), at(MADE)).unwrap(), cli_output(&some()).into_bytes()]
    {
        let folder = Folder::with("report", content);
        let input = File::open(folder.path().join("report")).unwrap();
        let arguments = ["credential-report", "-", "--now", MADE, "--format", "json"];
        let Output { status, stdout, stderr } =
            command(folder.path(), &arguments).stdin(input).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Run { status: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) };
        check(&run);
        let lines = run.exits(0).lines();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["evidence"].get("object"), None, "nothing there can be looked at again");
    }
    let run = Folder::new().run(&["credential-report", "-"]).exits(2);
    run.says("could not look at standard input: it is empty");
}

#[test]
fn rows_that_cannot_be_judged_exit_with_2_and_the_rest_is_judged() {
    let report = account([person("alice"), person("bob").mfa()]);
    let csv = report.csv();
    let without_mfa = csv.replace("mfa_active", "second_factor");
    for (name, csv, said) in [
        ("no root", report.clone().without_root().csv(), "the report has no row of it"),
        ("a row cut off", format!("{csv}\ncarol,arn:aws:iam::111122223333:user/carol,"), "Line 5 (carol)"),
        (
            "a cell that says nothing",
            account([person("alice"), person("bob").with("mfa_active", "?")]).csv(),
            "by password.mfa-disabled: mfa_active is \"?\"",
        ),
        ("16 columns", report.clone().columns(Columns::Sixteen).csv(), "does not have the column"),
        (
            "two rows that differ",
            account([person("alice"), person("bob").mfa(), person("bob")]).csv(),
            "several rows of bob that differ",
        ),
        (
            "more keys than it shows",
            account([person("alice").with("additional_credentials_info", "3 keys")])
                .columns(Columns::TwentyThree)
                .csv(),
            "more access keys",
        ),
        (
            "a use in a year to come",
            account([
                person("alice"),
                person("bob").mfa().with("password_last_used", "2027-01-01T00:00:00Z"),
            ])
            .csv(),
            "password_last_used is",
        ),
    ] {
        let folder = Folder::with("report.csv", csv);
        let run = judged(&folder, &["--format", "json", "--fail-on", "LOW"]).exits(2);
        let run = run.says("iamwatch: could not judge all of report.csv: ").says(said);
        let rules = run.rules();
        for rule in ["password.mfa-disabled", "watch.could-not-look"] {
            assert!(rules.iter().any(|raised| raised == rule), "{name}: {rules:?}");
        }
        let list = judged(&folder, &["--list"]).exits(2).says(said).stdout;
        assert!(list.contains("\nalice "), "{name}: {list}");
        let left_out = judged(&folder, &["--min-severity", "CRITICAL"]).exits(2).says(said);
        assert_eq!(left_out.stdout, "", "{name}");
    }
    let folder = Folder::with("report.csv", without_mfa);
    let run = judged(&folder, &["--format", "json"])
        .exits(2)
        .says("nothing could be judged by password.mfa-disabled for 2 users".replacen('n', "N", 1).as_str());
    assert!(!run.rules().iter().any(|rule| rule == "password.mfa-disabled"), "what is not there is no 'no'");
}

#[test]
fn a_file_that_is_no_report_exits_with_2_and_prints_nothing() {
    let csv = some();
    let header = csv.lines().next().unwrap();
    let compressed = pack(csv.as_bytes(), at(MADE)).unwrap();
    for (name, content, said) in [
        ("empty", Vec::new(), "it is empty"),
        ("only a header", header.as_bytes().to_vec(), "it has no row that can be read"),
        (
            "a header and a line that is no row",
            format!("{header}\nalice").into_bytes(),
            "it has no row that can be read",
        ),
        ("another CSV", b"name,age\nalice,3".to_vec(), "with the column user"),
        ("text", b"hello".to_vec(), "with the column user"),
        ("Base64 alone", b"dXNlcixhcm4=".to_vec(), "with the column user"),
        ("UTF-16", b"\xff\xfeu\0s\0".to_vec(), "it must be UTF-8"),
        ("cut short", compressed[..compressed.len() - 9].to_vec(), "it cannot be unpacked whole"),
        (
            "another answer",
            br#"{"State": "STARTED"}"#.to_vec(),
            "it is not what `aws iam get-credential-report` prints",
        ),
        (
            "cut short by the AWS CLI",
            cli_output(&csv).into_bytes()[..500].to_vec(),
            "get-credential-report` prints: EOF",
        ),
        (
            "no Base64",
            br#"{"Content": "?", "GeneratedTime": "2026-04-01T08:00:00Z"}"#.to_vec(),
            "its Content is not Base64",
        ),
        (
            "no time",
            cli_output(&csv).replace("2026-04-01T", "today ").into_bytes(),
            "get-credential-report` prints: ",
        ),
    ] {
        let folder = Folder::with("report.csv", content);
        for more in [&["--format", "json", "--fail-on", "LOW"][..], &["--list"]] {
            let run =
                judged(&folder, more).exits(2).says("iamwatch: could not look at report.csv: ").says(said);
            assert_eq!(run.stdout, "", "{name}");
        }
    }
    let folder = Folder::new();
    judged(&folder, &[]).exits(2).says("could not look at report.csv: No such file");
    folder.run(&["credential-report", "."]).exits(2).says("could not look at .: ");
}

#[test]
fn arguments_that_cannot_be_used_exit_with_64() {
    let folder = Folder::with("report.csv", some());
    folder.file("findings.json", "{}\n");
    folder.file("suppressions.toml", "[[suppression]]\n");
    for (arguments, said) in [
        (&["--list", "--format", "ocsf"][..], "--format must be table, csv or json for --list"),
        (&["--list", "--format", "text"], "--format must be table, csv or json for --list"),
        (&["--format", "table"], "--format must be text, json or ocsf"),
        (&["--format", "csv"], "--format must be text, json or ocsf"),
        (&["--format", "xml"], "[possible values: text, json, ocsf, table, csv]"),
        (&["--list", "--previous", "findings.json"], "cannot be used with"),
        (&["--list", "--fail-on", "LOW"], "cannot be used with"),
        (&["--list", "--min-severity", "LOW"], "cannot be used with"),
        (&["--list", "--suppressions", "suppressions.toml"], "cannot be used with"),
        (&["--previous", "gone.json"], "could not read gone.json: No such file"),
        (&["--previous", "findings.json"], "findings.json: line 1 is no finding as "),
        (&["--previous", "report.csv"], "report.csv: line 1 is no finding as "),
        (&["--suppressions", "suppressions.toml"], "suppressions.toml: line 1: "),
        (&["--account", "1111"], "it must be an account id of 12 digits"),
        (&["--set", "IDLE_DAYS=0"], "IDLE_DAYS is \"0\"; it must be a whole number of days"),
        (&["report.csv"], "unexpected argument"),
    ] {
        let run = judged(&folder, arguments).exits(64).says(said);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    folder.run(&["credential-report"]).exits(64).says("<FILE>");
    folder
        .run(&["credential-report", "report.csv", "--now", "today"])
        .exits(64)
        .says("such as 2026-04-01T00:00:00Z");
}

#[test]
fn settings_severities_and_suppressions_decide_what_counts() {
    let key = at("2025-12-01T00:00:00Z");
    let machine = User::new("svc", at("2024-01-01T00:00:00Z")).key(1, key, Some(at("2026-03-31T00:00:00Z")));
    let folder = Folder::with("report.csv", account([person("alice"), machine]).csv());
    folder.file("suppressions.toml", "[[suppression]]\nrule = \"password.mfa-disabled\"\naccount = \"111122223333\"\nprincipal = \"alice\"\nreason = \"x\"\nexpires = \"2026-04-30\"\n");
    let suppressed = ["--suppressions", "suppressions.toml"];
    for (arguments, status, rules, said) in [
        (
            &["--fail-on", "HIGH"][..],
            1,
            &["password.mfa-disabled", "access-key.unrotated"][..],
            "2 findings.",
        ),
        (&["--fail-on", "CRITICAL"], 0, &["password.mfa-disabled", "access-key.unrotated"], "2 findings."),
        (
            &["--set", "ACCESS_KEY_MAX_AGE_DAYS=PEOPLE=90,MACHINES=365"],
            0,
            &["password.mfa-disabled"],
            "1 finding.",
        ),
        (&["--min-severity", "HIGH"], 0, &["password.mfa-disabled"], "1 more below HIGH left out."),
        (&suppressed, 0, &["access-key.unrotated"], "1 finding suppressed.\n1 finding."),
        (
            &["--fail-on", "HIGH", suppressed[0], suppressed[1]],
            0,
            &["access-key.unrotated"],
            "1 finding suppressed.",
        ),
    ] {
        let run = judged(&folder, &[&["--format", "json"], arguments].concat()).exits(status).says(said);
        assert_eq!(run.rules(), rules, "{arguments:?}");
    }
    let mail = judged(&folder, &suppressed).exits(0).stdout;
    assert!(mail.contains("; 1 more is suppressed\n"), "{mail}");
    let clean = Folder::with("report.csv", account([person("bob").mfa()]).csv());
    assert_eq!(judged(&clean, &[]).exits(0).says("0 findings.").stdout, "");
}

#[test]
fn an_account_can_be_given_if_the_report_does_not_name_it() {
    let without_arn = |line: &str| {
        let (user, rest) = line.split_once(',').unwrap();
        format!("{user},{}\n", rest.split_once(',').unwrap().1)
    };
    let csv: String = some().lines().map(without_arn).collect();
    let folder = Folder::with("report.csv", csv);
    let id = |run: Run| (run.lines()[0]["id"].clone(), run.lines()[0]["account"].clone());
    let unknown = judged(&folder, &["--format", "json"]).says("Read the report of an unknown account: ");
    let (nobodys, none) = id(unknown);
    let named =
        judged(&folder, &["--format", "json", "--account", ACCOUNT]).says("of account 111122223333: ");
    let (ours, account) = id(named);
    assert_eq!((none, account), (Value::Null, json!(ACCOUNT)));
    assert_ne!(nobodys, ours);
    let folder = Folder::with("report.csv", some());
    let run = judged(&folder, &["--format", "json", "--account", "444455556666"]).exits(0);
    let run = run.says("the report's ARNs name account 111122223333, and --account is 444455556666");
    assert_eq!(run.lines()[0]["account"], "444455556666");
}

/// The sample of the previous day: bob and root had second factors, svc-backup one key, and there was one more user.
fn the_day_before() -> Folder {
    let sample = report::report().csv();
    let row = |name: &str| sample.lines().find(|row| row.starts_with(name)).unwrap().to_owned();
    let bob = row("bob,").replace("+00:00,false,false,", "+00:00,true,false,");
    let root = "<root_account>,arn:aws:iam::111122223333:root,2019-05-14T09:20:41+00:00,true,2026-01-12T09:00:00+00:00,2019-05-14T09:20:41+00:00,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
    let left = row("alice,").replace("alice", "grace");
    let alice = row("alice,").replace("2026-04-01T08:03:40", "2026-03-30T08:03:40");
    let csv = sample
        .replace(&row("bob,"), &bob)
        .replace(&row("<root_account>"), root)
        .replace(&row("alice,"), &format!("{alice}\n{left}"))
        .replace("true,2026-04-01T13:58:01+00:00,N/A", "false,N/A,N/A")
        .replace("2026-04-01T", "2026-03-31T");
    let folder = Folder::with("before.csv", csv);
    folder.file("after.csv", sample);
    let run =
        folder.run(&["credential-report", "before.csv", "--now", "2026-03-31T16:00:00Z", "--format", "json"]);
    folder.file("findings.json", run.exits(0).stdout);
    folder
}

#[test]
fn compared_with_previous_findings_the_status_is_new_or_resolved() {
    let folder = the_day_before();
    let compared = |arguments: &[&str]| {
        let after =
            ["credential-report", "after.csv", "--now", report::GENERATED, "--previous", "findings.json"];
        folder.run(&[&after, arguments].concat()).exits(0)
    };
    let json = compared(&["--format", "json"]);
    expectorate::assert_contents("snapshots/cli/credential-report-previous.json", &json.stdout);
    let said = "18 findings: 4 new, 1 resolved, 13 still open.\n";
    assert!(json.stderr.ends_with(said), "{}", json.stderr);
    let of = |status: &str| -> Vec<(String, String)> {
        let lines = json.lines().into_iter().filter(|line| line["status"] == status);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        lines.map(|line| (text(&line["principal"]["name"]), text(&line["rule"]))).collect()
    };
    let pair = |name: &str, rule: &str| (name.to_owned(), rule.to_owned());
    assert_eq!(
        of("new"),
        [
            pair("root", "root.mfa-disabled"),
            pair("bob", "password.mfa-disabled"),
            pair("root", "root.recently-used"),
            pair("svc-backup", "access-key.two-active"),
        ]
    );
    assert_eq!(of("resolved"), [pair("grace", "password.mfa-disabled")]);
    let resolved = json.lines().into_iter().find(|line| line["status"] == "resolved").unwrap();
    assert_eq!(
        (&resolved["since"], &resolved["time"]),
        (&json!("2026-03-31T16:00:00Z"), &json!(report::GENERATED))
    );
    assert!(json.lines().iter().all(|line| line["since"].is_string()));
    expectorate::assert_contents("snapshots/cli/credential-report-previous.txt", &compared(&[]).stdout);
    let ocsf = compared(&["--format", "ocsf"]).lines();
    let closed = ocsf.iter().filter(|line| line["activity_name"] == "Close").count();
    assert_eq!((ocsf.len(), closed), (18, 1));
    // A resolved finding does not fail a run, nor does one below --min-severity count.
    folder.file("after.csv", account([person("bob").mfa()]).csv());
    let run = folder.run(&[
        "credential-report",
        "after.csv",
        "--now",
        MADE,
        "--previous",
        "findings.json",
        "--fail-on",
        "LOW",
        "--min-severity",
        "HIGH",
        "--format",
        "json",
    ]);
    assert!(
        run.exits(0).lines().iter().all(|line| line["status"] == "resolved" && line["severity"] == "HIGH")
    );
}

#[test]
fn over_several_days_a_finding_that_came_back_is_recognised() {
    let folder = Folder::new();
    let mut statuses = Vec::new();
    for (day, alice) in
        [person("alice"), person("alice"), person("alice").mfa(), person("alice").mfa(), person("alice")]
            .into_iter()
            .enumerate()
    {
        folder.file("report.csv", account([alice]).csv());
        let (file, before) = (format!("{day}.json"), format!("{}.json", day.saturating_sub(1)));
        let now = format!("2026-04-0{}T08:00:00Z", day + 1);
        let mut arguments = vec!["credential-report", "report.csv", "--now", &now, "--format", "json"];
        if day > 0 {
            arguments.extend(["--previous", &before]);
        }
        let run = folder.run(&arguments).exits(0);
        statuses.push(run.lines().first().map(|line| (line["status"].clone(), line["since"].clone())));
        // A resolved finding stays in the output, for the next run to see that it came back.
        if run.stdout.is_empty() {
            std::fs::copy(folder.path().join(&before), folder.path().join(&file)).unwrap();
        } else {
            folder.file(&file, run.stdout);
        }
    }
    let since = |status: &str, day: u8| Some((json!(status), json!(format!("2026-04-0{day}T08:00:00Z"))));
    let never_compared = Some((Value::Null, Value::Null));
    assert_eq!(
        statuses,
        [never_compared, since("still", 1), since("resolved", 1), None, since("came-back", 5)]
    );
}

#[test]
fn promise_3_a_finding_that_cannot_be_judged_is_not_resolved() {
    let folder = Folder::with("report.csv", account([person("alice"), person("bob")]).csv());
    folder.file("findings.json", judged(&folder, &["--format", "json"]).exits(0).stdout);
    for (name, csv) in [
        ("a cell", account([person("alice").with("mfa_active", "?"), person("bob").mfa()]).csv()),
        ("a row", account([person("bob").mfa()]).csv() + "\nalice,arn:aws:iam::111122223333:user/alice"),
        (
            "another row of the same user",
            account([
                person("alice").mfa(),
                person("alice").mfa().with("password_last_used", MADE),
                person("bob").mfa(),
            ])
            .csv(),
        ),
    ] {
        folder.file("report.csv", csv);
        let run = judged(&folder, &["--format", "json", "--previous", "findings.json"]).exits(2);
        let status = |who: &str| {
            let lines = run.lines().into_iter();
            lines
                .filter(|line| line["principal"]["name"] == who && line["rule"] == "password.mfa-disabled")
                .map(|line| line["status"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (status("alice"), status("bob")),
            (vec![json!("still")], vec![json!("resolved")]),
            "{name}"
        );
    }
    // A file that is no report resolves nothing.
    folder.file("report.csv", "");
    assert_eq!(judged(&folder, &["--format", "json", "--previous", "findings.json"]).exits(2).stdout, "");
}

#[test]
fn lines_about_other_accounts_are_passed_over() {
    let folder = Folder::with("report.csv", some().replace(ACCOUNT, "444455556666"));
    folder.file("findings.json", judged(&folder, &["--format", "json"]).exits(0).stdout);
    folder.file("report.csv", some());
    let run = judged(&folder, &["--format", "json", "--previous", "findings.json"]).exits(0);
    let run = run.says("Ignored 2 lines of --previous about other accounts or rules.\n2 findings: 2 new.");
    assert!(run.lines().iter().all(|line| line["status"] == "new"));
}

#[test]
fn the_list_shows_why_there_is_no_value() {
    let root = User::root_of_old(at("2019-05-14T09:20:41Z"));
    let never = person("never").with("password_last_used", "no_information");
    let odd = person("odd")
        .with("mfa_active", "perhaps")
        .with("password_last_used", "N/A")
        .with("password_next_rotation", "soon");
    let key = User::new("key", at("2024-01-01T00:00:00Z")).key(1, at("2026-03-02T08:00:00Z"), None);
    let key = key
        .key(2, at("2026-03-02T08:00:00Z"), Some(at("2026-03-03T08:00:00Z")))
        .key_made_inactive(2, at("2026-03-30T08:00:00Z"));
    let users = [odd, never, key, User::new("Nothing", at("2024-01-01T00:00:00Z"))];
    let folder = Folder::with("report.csv", account(users).root(root).csv());

    let lines = judged(&folder, &["--list", "--format", "json"]).exits(2).lines();
    let names: Vec<_> = lines.iter().map(|line| line["user"].as_str().unwrap()).collect();
    assert_eq!(names, ["root", "key", "never", "Nothing", "odd"], "root first, then by name");
    for (line, pointer, value) in [
        (0, "/password/enabled", json!("not_supported")),
        (0, "/password/next_rotation", json!("not_supported")),
        (0, "/type", json!("Root")),
        (1, "/password/enabled", json!(false)),
        (1, "/password/last_used", json!("N/A")),
        (1, "/access_keys/0/active", json!(true)),
        (1, "/access_keys/0/age_days", json!(30)),
        (1, "/access_keys/0/last_used", json!("N/A")),
        (1, "/access_keys/1/active", json!(false)),
        (1, "/access_keys/1/unused_days", json!(29)),
        (2, "/password/last_used", json!("no_information")),
        (4, "/mfa_active", json!({"unreadable": "perhaps"})),
        (4, "/password/next_rotation", json!({"unreadable": "soon"})),
    ] {
        assert_eq!(lines[line].pointer(pointer), Some(&value), "{} {pointer}", lines[line]);
    }
    let table = judged(&folder, &["--list"]).exits(2).stdout;
    expectorate::assert_contents("snapshots/cli/credential-report-odd.table", &table);
    let csv = judged(&folder, &["--list", "--format", "csv"]).exits(2).stdout;
    expectorate::assert_contents("snapshots/cli/credential-report-odd.csv", &csv);
    let old = Folder::with("report.csv", account([person("alice")]).columns(Columns::Sixteen).csv());
    let line = judged(&old, &["--list", "--format", "json"]).exits(2).lines().remove(1);
    assert_eq!(line["access_keys"][0].get("last_used"), None, "what the report has no column for is absent");
}

#[test]
fn the_list_distinguishes_the_root_user_from_a_user_called_root() {
    let folder = Folder::with("report.csv", account([person("root"), person("(root)")]).csv());
    let lines = judged(&folder, &["--list", "--format", "json"]).exits(0).lines();
    let said: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["type"].as_str().unwrap(),
                line["user"].as_str().unwrap(),
                line["findings"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(said, [("Root", "root", 0), ("IAMUser", "(root)", 1), ("IAMUser", "root", 1)]);
}

#[test]
fn promise_6_text_in_a_report_stays_text() {
    for (name, text) in hostile() {
        let user = person(&text).with("arn", &text).with("additional_credentials_info", &text);
        let folder = Folder::with("report.csv", account([user]).columns(Columns::TwentyThree).csv());
        // Some of them are no row, which is reported.
        let csv = judged(&folder, &["--list", "--format", "csv"]).exits(2).stdout;
        assert_no_formula(name, &csv, 22);
        let table = judged(&folder, &["--list"]).exits(2).stdout;
        assert!((2..=3).contains(&table.lines().count()), "{name}: {table}");
        let mail = judged(&folder, &[]).exits(2).stdout;
        assert_eq!(mail.lines().filter(|line| line.starts_with("Subject: ")).count(), 1, "{name}: {mail}");
        for shown in [&csv, &table, &mail] {
            for live in ["https://evil", "www.evil", "<script", "<img", "javascript:"] {
                assert!(!shown.contains(live), "{name}: {live} in {shown}");
            }
        }
        for arguments in [&["--format", "json"][..], &["--format", "ocsf"], &["--list", "--format", "json"]] {
            assert!(!judged(&folder, arguments).exits(2).lines().is_empty(), "{name}");
        }
        folder.file("findings.json", judged(&folder, &["--format", "json"]).stdout);
        folder.file("report.csv", account([]).columns(Columns::TwentyThree).csv());
        judged(&folder, &["--previous", "findings.json"]).exits(0).says(" resolved.");
    }
}

#[test]
fn user_names_with_commas_are_listed_whole() {
    let csv = account([person("alice,x=1"), person("bob")]).csv();
    for csv in [csv.clone(), csv.replace('"', "")] {
        let folder = Folder::with("report.csv", csv);
        let lines = judged(&folder, &["--list", "--format", "json"]).exits(0).lines();
        assert_eq!((lines.len(), &lines[1]["user"]), (3, &json!("alice,x=1")));
    }
}

#[test]
fn five_thousand_users_are_judged_and_listed_whole_and_in_the_same_order_every_time() {
    let folder = Folder::with("report.csv", of_many(ACCOUNT, at(MADE), 5_000, 7).csv());
    let json = judged(&folder, &["--format", "json"]).exits(0).says("5001 rows, 0 unreadable.");
    let mut ids: Vec<String> = json.lines().iter().map(|line| line["id"].to_string()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == all && all > 2_500, "{all} findings, {} ids", ids.len());
    assert_eq!(judged(&folder, &["--format", "json"]).stdout, json.stdout);
    let severities: Vec<_> =
        json.lines().iter().map(|line| line["severity"].as_str().unwrap().to_owned()).collect();
    assert!(severities.is_sorted_by_key(|name| std::cmp::Reverse(shared::severity::Severity::named(name))));

    let list = judged(&folder, &["--list", "--format", "json"]).exits(0).lines();
    let listed: u64 = list.iter().map(|line| line["findings"].as_u64().unwrap()).sum();
    assert_eq!((list.len(), listed), (5_001, all as u64));
    let mail = judged(&folder, &[]).exits(0).stdout;
    assert!(mail.len() < 100_000 && mail.contains("more\n"), "{}", mail.len());
    // Compared with itself, every finding is still open.
    folder.file("findings.json", json.stdout);
    let run = judged(&folder, &["--format", "json", "--previous", "findings.json"]).exits(0);
    run.says(&format!("{all} findings: {all} still open."));
}

#[cfg(unix)]
#[test]
fn results_that_cannot_be_written_exit_with_2() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let folder = Folder::with("report.csv", some());
    for more in [&[][..], &["--format", "json"], &["--list"], &["--list", "--format", "csv"]] {
        let arguments = [&["credential-report", "report.csv", "--now", MADE], more].concat();
        let mut command = command(folder.path(), &arguments);
        let output = command.stdout(Stdio::from(full.try_clone().unwrap())).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {stderr}");
        assert!(stderr.contains("iamwatch: could not write the results: "), "{stderr}");
    }
}
