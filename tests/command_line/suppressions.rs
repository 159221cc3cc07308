//! `--suppressions`, and `iamwatch suppressions check`.

use crate::program::Folder;
use crate::records::{failure, gzipped, root, without_mfa};

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
    let lines = "line 1: sign-in.without-mfa holds until 2026-04-30: an exercise (ops)\n\
                 line 7: sign-in.failed expired on 2026-03-01: an exercise\n";
    assert_eq!(run.stdout, lines);
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "logs", "--now", NOW]).exits(0);
    assert!(run.stdout.contains("(ops); hides 1 finding\n"), "{}", run.stdout);
    assert!(run.stdout.contains("an exercise; would hide 1 finding\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("1 finding suppressed, 2 findings not\n"), "{}", run.stdout);
}

#[test]
fn check_exits_with_2_if_an_entry_is_not_understood_and_checks_the_rest() {
    let folder =
        folder(&(entry("sign-in.without-mfa", "") + &entry("sign-in.failed", "expires = \"2026-04-30\"")));
    let run = folder.run(&["suppressions", "check", "suppressions.toml", "--now", NOW]).exits(2);
    assert_eq!(run.says("line 1: expires is missing").stdout.lines().count(), 1);
    folder.run(&["suppressions", "check", "none.toml"]).exits(2).says("could not read none.toml");
}
