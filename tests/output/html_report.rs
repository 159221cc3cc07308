//! The HTML report in a browser: untrusted text runs nothing, no request is sent, and the table can be sorted and
//! searched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use iamwatch_tests::browser::{self, Bait, Came};
use serde_json::{Value, json};
use shared::config::Config;
use shared::finding::RecordPlace;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::{Record, SignIn};
use shared::mail::html_report;
use shared::mail::html_report::ReportScope;
use shared::mail::html_report::overview::Overview;
use shared::rules::detections;
use tempfile::TempDir;

const TITLE: &str = "Backfill 2026-04-01 to 2026-04-02";

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

/// A failed sign-in with `who` in every field that an attacker can choose.
fn failure(id: usize, who: &str, time: &str) -> Value {
    json!({
        "eventID": id.to_string(), "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
        "eventTime": time, "responseElements": {"ConsoleLogin": "Failure"},
        "userIdentity": {"type": who, "userName": who}, "userAgent": who, "sourceIPAddress": who,
        "errorMessage": who, "awsRegion": who, "recipientAccountId": who,
    })
}

/// Root without a second factor.
fn root(id: usize, time: &str) -> Value {
    json!({
        "eventID": id.to_string(), "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
        "eventTime": time, "responseElements": {"ConsoleLogin": "Success"}, "userIdentity": {"type": "Root"},
        "additionalEventData": {"MFAUsed": "No"}, "recipientAccountId": "111122223333",
    })
}

/// A report in a temporary folder.
struct StoredReport {
    folder: TempDir,
    html: String,
}

impl StoredReport {
    fn of(records: &[Value], note: &str) -> StoredReport {
        let mut overview = Overview::new();
        for record in records {
            let json = record.to_string();
            let record = Record::parse(json.as_bytes()).unwrap();
            overview.sign_in(&record, &SignIn::of(&record).unwrap());
            let place = RecordPlace { log_file: note, record: 0, delivered: None };
            overview
                .finding(&detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap());
        }
        overview.note(note.to_owned());
        let scope = ReportScope {
            title: TITLE,
            sources: &[note.to_owned()],
            from: "2026-04-01".parse().ok(),
            to: "2026-04-02".parse().ok(),
            made_at: at("2026-04-03T00:00:00Z"),
            counts: Counts::default(),
            unfetched_log_files: 0,
            findings_at: Some(note),
        };
        let html = html_report::render(&overview, &scope, &Config::default());
        let report = StoredReport { folder: tempfile::tempdir().unwrap(), html };
        report.file("report.html", &report.html);
        report
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("report.html")
    }
}

/// Texts that would load or run something if they were markup.
fn live(url: &str) -> Vec<String> {
    [
        "<script>document.title='owned'</script>".to_owned(),
        format!("</script><script src='{url}/1'></script>"),
        format!("</title></style></textarea><img src='{url}/2' onerror=\"document.title='owned'\">"),
        format!("\"><svg onload=\"document.title='owned'\"><image href='{url}/3'/></svg>"),
        format!("' autofocus onfocus='document.title=1' style='background:url({url}/4)"),
        format!("]]>--><iframe src='{url}/5'></iframe><object data='{url}/6'></object>"),
        format!("<link rel=stylesheet href='{url}/7'><style>@import '{url}/8';</style>"),
        format!("<base href='{url}/'><meta http-equiv=refresh content='0;url={url}/9'>"),
        "javascript:document.title='owned'".to_owned(),
        "\u{202e}ecila\u{2066}\u{200b} ${document.title='owned'} {{7*7}}".to_owned(),
    ]
    .to_vec()
}

#[test]
fn promise_6_hostile_text_runs_nothing_in_a_browser() {
    let bait = Bait::new();
    let texts = live(&bait.url());
    let records: Vec<Value> =
        (0..).zip(&texts).map(|(id, text)| failure(id, text, "2026-04-01T08:00:00Z")).collect();
    let report = StoredReport::of(&records, &texts.concat());
    let opened = browser::open(&report.path(), "", &[]);
    assert_eq!(opened.title(), TITLE);
    assert_eq!(opened.console, [""; 0], "no error, and nothing that the policy blocked");
    assert_eq!(bait.came(), Came::default());
    for (element, count) in
        [("<script", 1), ("<style", 1), ("<img", 0), ("<iframe", 0), ("<base", 0), ("<a ", 0)]
    {
        assert_eq!(opened.dom.matches(element).count(), count, "{element}");
    }
    assert!(opened.dom.contains(&format!("{0} of {0} shown", texts.len())), "the report's script runs");
}

#[test]
fn promise_6_the_policy_blocks_markup_that_was_not_escaped() {
    let bait = Bait::new();
    let report = StoredReport::of(&[root(1, "2026-04-01T08:00:00Z")], "x");
    // A policy does not block a redirection.
    let live: Vec<String> = live(&bait.url()).into_iter().filter(|text| !text.contains("refresh")).collect();
    let through = report.html.replace("</main>", &format!("{}</main>", live.concat()));
    let opened = browser::open(&report.file("through.html", &through), "", &[]);
    assert!(opened.dom.contains("<img"), "it is markup");
    assert_eq!((opened.title(), bait.came().requests), (TITLE, 0));
    assert!(
        opened.console.iter().any(|line| line.contains("Content Security Policy")),
        "{:?}",
        opened.console
    );

    // Without the policy the same markup loads and runs.
    let (start, rest) = through.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let without = format!("{start}<meta name=\"x\"{rest}");
    let opened = browser::open(&report.file("without.html", &without), "", &[]);
    assert_eq!(opened.title(), "owned");
    assert!(bait.came().requests > 0);
}

/// The text of each visible row of the table of findings.
fn rows(dom: &str) -> Vec<String> {
    let body = dom.split_once("id=\"findings\"").unwrap().1.split_once("<tbody>").unwrap().1;
    let body = body.split_once("</tbody>").unwrap().0;
    let rows = body.split("</tr>").filter(|row| row.contains("<tr>"));
    rows.map(|row| {
        let text = row.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text.trim());
        text.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    })
    .collect()
}

fn three() -> StoredReport {
    let records = [
        failure(1, "bob", "2026-04-01T09:00:00Z"),
        root(2, "2026-04-02T08:00:00Z"),
        failure(3, "alice", "2026-04-01T10:00:00Z"),
    ];
    StoredReport::of(&records, "a.json")
}

#[test]
fn the_fragment_of_the_address_sorts_and_searches_the_table() {
    let report = three();
    for (fragment, expected, sorted) in [
        ("", &["root", "bob", "alice"][..], "data-column=\"severity\" aria-sort=\"descending\""),
        ("sort=severity", &["bob", "alice", "root"], "data-column=\"severity\" aria-sort=\"ascending\""),
        ("sort=time", &["bob", "alice", "root"], "data-column=\"time\" aria-sort=\"ascending\""),
        ("sort=-time", &["root", "alice", "bob"], "data-column=\"time\" aria-sort=\"descending\""),
        ("sort=who", &["alice", "bob", "root"], "data-column=\"who\" aria-sort=\"ascending\""),
        ("sort=nothing", &["root", "bob", "alice"], "data-column=\"severity\" aria-sort=\"descending\""),
        ("find=ALICE+sign-in", &["alice"], "data-column=\"severity\" aria-sort=\"descending\""),
        ("least=HIGH", &["root"], "data-column=\"severity\" aria-sort=\"descending\""),
        ("find=%3Cscript%3E&least=x", &[], "data-column=\"severity\" aria-sort=\"descending\""),
    ] {
        let opened = browser::open(&report.path(), fragment, &[]);
        let rows = rows(&opened.dom);
        assert_eq!(rows.len(), expected.len(), "{fragment}: {rows:?}");
        for (row, who) in rows.iter().zip(expected) {
            assert!(row.contains(who), "{fragment}: {rows:?}");
        }
        assert_eq!(opened.dom.matches(" aria-sort=\"").count(), 1, "{fragment}");
        assert!(opened.dom.contains(sorted), "{fragment}");
        assert!(opened.dom.contains(&format!("{} of 3 shown", expected.len())), "{fragment}");
        assert_eq!(opened.console, [""; 0], "{fragment}");
    }
}

#[test]
fn clicks_sort_keys_reach_the_headings_and_typed_text_is_searched() {
    // A page of the test acts on the report as a person would, and records what it shows.
    const PERSON: &str = r##"<!DOCTYPE html><title>x</title><iframe src="report.html"></iframe><script>
        const seen = [];
        const frame = document.querySelector("iframe");
        frame.onload = () => {
            const page = frame.contentDocument;
            const heads = [...page.querySelectorAll("#findings th[data-column] button")];
            const look = (what) => seen.push(what + ": " + [...page.querySelectorAll("#findings tbody tr")]
                .filter((row) => row.offsetParent).map((row) => row.cells[4].textContent.split(" ")[0]).join(" ")
                + " " + frame.contentWindow.location.hash);
            const type = (id, text) => {
                page.getElementById(id).value = text;
                page.getElementById(id).dispatchEvent(new Event("input"));
            };
            look("at first");
            heads[1].click();
            look("time");
            heads[1].click();
            look("time again");
            heads[4].focus();
            seen.push("focus: " + (page.activeElement === heads[4]) + " " + heads[4].tabIndex);
            heads[4].click();
            look("who");
            type("find", "bob");
            look("typed");
            type("find", "");
            type("least", "CRITICAL");
            look("chosen");
            document.title = seen.join("|");
        };
    </script>"##;
    let report = three();
    let person = report.file("person.html", PERSON);
    let opened = browser::open(&person, "", &["--allow-file-access-from-files"]);
    let seen: Vec<&str> = opened.title().split('|').collect();
    assert_eq!(
        seen,
        [
            "at first: root bob alice ",
            "time: bob alice root #sort=time",
            "time again: root alice bob #sort=-time",
            "focus: true 0",
            "who: alice bob root #sort=who",
            "typed: bob #sort=who&amp;find=bob",
            "chosen: root #sort=who&amp;least=CRITICAL",
        ]
    );
}

#[test]
fn without_scripts_the_table_is_whole_and_has_no_controls() {
    // The report is in a frame without scripts; the page around it reads it.
    const PERSON: &str = r##"<!DOCTYPE html><title>x</title>
        <iframe sandbox="allow-same-origin" src="report.html#sort=who&find=alice"></iframe><script>
        const frame = document.querySelector("iframe");
        frame.onload = () => {
            const page = frame.contentDocument;
            const rows = [...page.querySelectorAll("#findings tbody tr")].filter((row) => row.offsetParent);
            document.title = [
                ...rows.map((row) => row.cells[4].textContent.split(" ")[0]),
                page.getElementById("find").offsetParent === null,
                page.querySelectorAll("button").length,
            ].join(" ");
        };
    </script>"##;
    let report = three();
    let opened = browser::open(&report.file("person.html", PERSON), "", &["--allow-file-access-from-files"]);
    assert_eq!(opened.title(), "root bob alice true 0");
}

#[test]
fn five_thousand_findings_open_and_sort() {
    let time = |n: usize| format!("2026-04-01T{:02}:{:02}:{:02}Z", n / 3600, n / 60 % 60, n % 60);
    let records: Vec<Value> = (0..5_100).map(|n| failure(n, &format!("user-{n}"), &time(n))).collect();
    let report = StoredReport::of(&records, "a.json");
    let opened = browser::open(&report.path(), "sort=-who", &[]);
    let rows = rows(&opened.dom);
    assert_eq!(rows.len(), 5_000);
    assert!(rows[0].contains("user-4999 ") && rows[4_999].contains("user-0 "), "by number, not by letter");
    assert!(opened.dom.contains("These are the 5,000 most severe; 100 findings more are not listed here."));
}

#[test]
fn the_light_and_the_dark_scheme_look_different() {
    let report = three();
    let picture = |name: &str, options: &[&str]| {
        browser::picture(&report.path(), &Path::join(report.folder.path(), name), options)
    };
    let light = picture("light.png", &["--blink-settings=preferredColorScheme=1"]);
    let dark = picture("dark.png", &["--blink-settings=preferredColorScheme=0"]);
    for png in [&light, &dark] {
        assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000, "{} bytes", png.len());
    }
    assert_ne!(light, dark);
}
