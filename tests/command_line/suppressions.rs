//! `--suppressions`, and `iamwatch suppressions check`.

use iamwatch_tests::reports::{Report, User};
use serde_json::json;

use crate::program::Folder;
use crate::records::{failure, gzipped, root, sign_in, without_mfa};

const NOW: &str = "2026-04-02T00:00:00Z";

/// One finding each of MEDIUM, HIGH and CRITICAL, and a suppression file.
fn folder(suppressions: &str) -> Folder {
    let folder = Folder::with("logs/x.json.gz", gzipped(&[failure("1"), without_mfa("2"), root("3")]));
    folder.file("suppressions.toml", suppressions);
    folder
}

fn entry(rule: &str, more: &str) -> String {
    format!("[[suppression]]\nrule = \"{rule}\"\naccount = \"*\"\nreason = \"an exercise\"\n{more}\n")
}

#[test]
fn a_suppressed_finding_is_left_out_until_the_end_of_the_last_day() {
    let folder = folder(&entry("sign-in.without-mfa", "expires = \"2026-04-30\""));
    for (now, left, suppressed) in
        [(NOW, 2, "1 finding suppressed."), ("2026-05-01T00:00:00Z", 3, "0 findings suppressed.")]
    {
        let arguments =
            ["sign-in", "logs", "--format", "json", "--suppressions", "suppressions.toml", "--now", now];
        assert_eq!(folder.run(&arguments).exits(0).says(suppressed).lines().len(), left, "{now}");
    }
}

#[test]
fn a_suppressed_finding_does_not_fail_a_run() {
    let folder = folder(&entry("sign-in.without-mfa", "expires = \"2026-04-30\""));
    let run = |fail_on| {
        ["sign-in", "logs", "--suppressions", "suppressions.toml", "--now", NOW, "--fail-on", fail_on]
    };
    folder.run(&run("CRITICAL")).exits(1);
    let folder = Folder::with("logs/x.json.gz", gzipped(&[without_mfa("2")]));
    folder.file("suppressions.toml", entry("sign-in.without-mfa", "expires = \"2026-04-30\""));
    folder.run(&run("LOW")).exits(0);
}

#[test]
fn a_suppression_file_with_mistakes_is_a_bad_argument_and_every_mistake_is_named() {
    let bad = entry("sign-in.without-mfa", "") + &entry("sign-in.nothing", "expires = \"2026-04-30\"");
    let folder = folder(&bad);
    let run = folder.run(&["sign-in", "logs", "--suppressions", "suppressions.toml", "--now", NOW]).exits(64);
    let run = run.says("suppressions.toml: line 1: expires is missing");
    assert_eq!(run.says("suppressions.toml: line 6: rule is \"sign-in.nothing\"").stdout, "");
    folder
        .run(&["sign-in", "logs", "--suppressions", "none.toml"])
        .exits(64)
        .says("could not read none.toml");
    let run =
        folder.run(&["sign-in", "logs", "--suppressions", "suppressions.toml", "--now", "today"]).exits(64);
    run.says("it must be a date and time");
}

#[test]
fn check_prints_every_entry_and_what_it_would_suppress() {
    let good = entry("sign-in.without-mfa", "owner = \"ops\"\nexpires = \"2026-04-30\"");
    let expired = entry("sign-in.failed", "expires = 2026-03-01");
    let folder = folder(&(good + &expired));
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "--now", NOW]).exits(0);
    let about = "    up to HIGH, as it has no max_severity\n    broad: it names every account\n    \
                 broad: it names no principal, resource or address\n";
    let lines = format!(
        "line 1: sign-in.without-mfa holds until 2026-04-30: an exercise (ops)\n{about}\
         line 7: sign-in.failed expired on 2026-03-01: an exercise\n{about}"
    );
    assert_eq!(run.stdout, lines);
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "logs", "--now", NOW]).exits(0);
    assert!(run.stdout.contains("(ops); hides 1 finding\n"), "{}", run.stdout);
    assert!(run.stdout.contains("    hides HIGH IAM user alice signed in"), "{}", run.stdout);
    assert!(run.stdout.contains("an exercise; would hide 1 finding\n"), "{}", run.stdout);
    assert!(run.stdout.contains("    would hide MEDIUM IAM user alice failed"), "{}", run.stdout);
    assert!(run.stdout.ends_with("1 finding suppressed, 2 findings not\n"), "{}", run.stdout);
}

#[test]
fn check_exits_with_2_if_an_entry_is_not_understood_and_checks_the_rest() {
    let folder =
        folder(&(entry("sign-in.without-mfa", "") + &entry("sign-in.failed", "expires = \"2026-04-30\"")));
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "--now", NOW]).exits(2);
    let out = run.says("line 1: expires is missing").stdout;
    assert_eq!(out.lines().filter(|line| line.starts_with("line ")).count(), 1, "{out}");
    folder.run(&["suppressions", "check", "none.toml"]).exits(2).says("could not read none.toml");
}

/// Alice has no second factor, nor has root.
fn report() -> String {
    let at = |time: &str| time.parse().unwrap();
    let alice = User::new("alice", at("2024-01-15T09:30:00Z"))
        .password(at("2026-03-01T08:00:00Z"), Some(at("2026-03-31T16:20:00Z")));
    let root = User::root(at("2019-05-14T09:20:41Z")).with("mfa_active", "false");
    Report::new("111122223333", at("2019-05-14T09:20:41Z")).root(root).user(alice).csv()
}

fn exact(rule: &str, more: &str) -> String {
    entry(rule, &format!("{more}\nexpires = \"2026-04-30\"")).replace("\"*\"", "\"111122223333\"")
}

#[test]
fn check_takes_credential_reports_beside_log_files_and_shows_what_each_entry_would_hide() {
    let file = exact("password.mfa-disabled", "resource = \"user/alice\"")
        + &exact("root.mfa-disabled", "principal = \"root\"")
        + &exact("root.mfa-disabled", "principal = \"root\"\nmax_severity = \"CRITICAL\"")
        + &exact("sign-in.failed", "principal = \"alice\"");
    let folder = folder(&file);
    folder.file("report.csv", report());
    folder.file("report.json", cli_output());
    for report in ["report.csv", "report.json"] {
        let arguments = ["suppressions", "check", "suppressions.toml", "logs", report, "--now", NOW];
        let out = folder.run(&arguments).exits(0).stdout;
        let entries: Vec<&str> = out.split("line ").skip(1).collect();
        for (entry, line) in [
            (0, "; hides 1 finding\n"),
            (0, "    hides HIGH IAM user alice has a console password"),
            (1, "; hides 0 findings\n"),
            (1, "    worse, so not hidden: CRITICAL The root user"),
            (2, "; hides 1 finding\n"),
            (2, "    up to CRITICAL\n"),
            (2, "    hides CRITICAL The root user"),
            (3, "    hides MEDIUM IAM user alice failed"),
        ] {
            assert!(entries[entry].contains(line), "{report}: {line:?} in {out}");
        }
        assert!(!out.contains("broad"), "{out}");
        assert!(out.contains("\n3 findings suppressed, "), "{out}");
    }
    folder.file("broken.csv", "user,arn\n");
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "broken.csv", "--now", NOW]);
    run.exits(2).says("could not look at broken.csv: ");
}

fn cli_output() -> String {
    use base64::Engine as _;
    let content = base64::prelude::BASE64_STANDARD.encode(report());
    json!({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": NOW}).to_string()
}

#[test]
fn check_says_that_a_bare_name_is_broad() {
    for (resource, broad) in [("app", true), ("role/app", false)] {
        let folder = folder(&exact("grant.admin-policy-attached", &format!("resource = \"{resource}\"")));
        let run = folder.run(&["suppressions", "check", "suppressions.toml", "--now", NOW]).exits(0);
        assert_eq!(run.stdout.contains("broad: its resource is a bare name"), broad, "{}", run.stdout);
    }
}

#[test]
fn an_entry_for_a_deployment_hides_no_deletion() {
    let function = "iamwatch-SignInFunction-AbCd1234EfGh";
    let call = |id: &str, name: &str, by: Option<&str>| {
        sign_in(json!({
            "eventID": id,
            "eventType": "AwsApiCall",
            "eventSource": "lambda.amazonaws.com",
            "eventName": name,
            "userIdentity": {"invokedBy": by},
            "requestParameters": {"functionName": function},
            "responseElements": null,
            "additionalEventData": null,
        }))
    };
    let deployed = call("1", "UpdateFunctionCode20150331v2", Some("cloudformation.amazonaws.com"));
    let changed = call("2", "UpdateFunctionCode20150331v2", None);
    let deleted = call("3", "DeleteFunction20150331", None);
    let more = format!("principal = \"alice\"\nresource = \"{function}\"");
    for (name, more, left) in [
        ("as the version before printed it", more.clone(), &["CRITICAL"][..]),
        ("as the mail prints it", more + "\nmax_severity = \"LOW\"", &["CRITICAL", "HIGH"]),
    ] {
        let folder =
            Folder::with("x.json.gz", gzipped(&[deployed.clone(), changed.clone(), deleted.clone()]));
        folder.file("suppressions.toml", exact("watch.tampered", &more));
        let run = folder.run(&[
            "sign-in",
            "x.json.gz",
            "--format",
            "json",
            "--set",
            "OWN_RESOURCES=iamwatch-*",
            "--suppressions",
            "suppressions.toml",
            "--now",
            NOW,
        ]);
        let severities: Vec<_> = run.exits(0).lines().iter().map(|line| line["severity"].clone()).collect();
        assert_eq!(severities, left, "{name}");
    }
}

#[test]
fn an_entry_about_a_role_hides_no_user_of_the_same_name() {
    let attach = |id: &str, name: &str, parameter: &str| {
        sign_in(json!({
            "eventID": id,
            "eventType": "AwsApiCall",
            "eventSource": "iam.amazonaws.com",
            "eventName": name,
            "requestParameters": {parameter: "app", "policyArn": "arn:aws:iam::aws:policy/IAMFullAccess"},
            "responseElements": null,
            "additionalEventData": null,
        }))
    };
    let records = [attach("1", "AttachRolePolicy", "roleName"), attach("2", "AttachUserPolicy", "userName")];
    for (resource, left) in [
        ("role/app", &["2"][..]),
        ("user/app", &["1"]),
        ("arn:aws:iam::111122223333:role/ci/app", &["2"]),
        ("app", &[]),
    ] {
        let folder = Folder::with("x.json.gz", gzipped(&records));
        folder.file(
            "suppressions.toml",
            exact("grant.admin-policy-attached", &format!("resource = \"{resource}\"")),
        );
        let arguments =
            ["sign-in", "x.json.gz", "--format", "json", "--suppressions", "suppressions.toml", "--now", NOW];
        let run = folder.run(&arguments).exits(0);
        let ids: Vec<_> = run.lines().iter().map(|line| line["evidence"]["event_id"].clone()).collect();
        assert_eq!(ids, left, "{resource}");
    }
}

#[test]
fn an_entry_that_names_root_as_the_mail_shows_it_works_and_says_up_to_which_severity() {
    for (more, hidden) in [("", false), ("\nmax_severity = \"CRITICAL\"", true)] {
        let folder = Folder::with("report.csv", report());
        folder.file("suppressions.toml", exact("root.mfa-disabled", &format!("principal = \"root\"{more}")));
        let arguments = [
            "credential-report",
            "report.csv",
            "--format",
            "json",
            "--now",
            NOW,
            "--suppressions",
            "suppressions.toml",
        ];
        let rules = folder.run(&arguments).exits(0).rules();
        assert_eq!(!rules.contains(&"root.mfa-disabled".to_owned()), hidden, "{more}: {rules:?}");
    }
}
