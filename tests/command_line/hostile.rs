//! Text of an attacker stays text. `program::check` checks after every run that no output holds a control character
//! other than the line break, or a character that changes the direction of text.

use serde_json::{Value, json};

use crate::program::Folder;
use crate::records::{failure, log_file, merge};

/// Names that an attacker may choose to execute something in the program that shows a list.
pub fn hostile() -> Vec<(&'static str, String)> {
    [
        ("terminal escapes", "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1;31malice"),
        ("C1 controls", "\u{9b}31m\u{90}q\u{9c}alice\u{85}"),
        ("bidi", "\u{202e}ecila\u{202c}\u{2067}x\u{2069}\u{200f}\u{61c}"),
        ("invisible", "al\u{200b}ice\u{feff}\u{ad}\u{2060}\u{e0041}\u{3164}"),
        ("line breaks", "alice\r\nSubject: all is well\r\n\r\n2026-04-01T00:00:00Z,IAMUser,bob"),
        ("line separators", "a\u{2028}b\u{2029}c\u{b}d\u{c}e"),
        ("a formula", "=cmd|' /C calc'!A0"),
        ("a formula behind a space", " =cmd|' /C calc'!A0"),
        ("a formula behind a quote", "\"=cmd|' /C calc'!A0"),
        ("a formula behind quotes and spaces", "' \" '@SUM(A1:A9)"),
        ("a formula behind a tab", "\t+1+1"),
        ("a formula behind a separator", "alice;=cmd|' /C calc'!A0"),
        ("a formula behind a closed cell", "alice\",\"=cmd|' /C calc'!A0"),
        ("a wide formula", "＝1＋1"),
        ("a minus", "-2+3+cmd|' /C calc'!A0"),
        ("HTML", "<script>alert(1)</script><img src=x onerror=alert(1)>"),
        ("a URL", "https://evil.example/login www.evil.com javascript:alert(1)"),
        ("an escape that was written out", "\\u{1b}[2J \\n \\u001b"),
        ("JSON", "\"},{\"rule\":\"x\"}\n{\"rule\": \"forged\"}"),
        ("nothing but spaces", "   "),
        ("zero", "alice\0bob"),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.to_owned()))
    .chain([("10 KB", format!("a{}z", "xy\u{1b}".repeat(3_500)))])
    .collect()
}

/// A failed sign-in with this text in every field that an attacker can choose.
fn record(text: &str) -> Value {
    let mut record = failure("id-EXAMPLE");
    merge(
        &mut record,
        json!({
            "userIdentity": {"type": text, "userName": text, "arn": text, "accessKeyId": text, "principalId": text},
            "userAgent": text, "sourceIPAddress": text, "errorMessage": text, "awsRegion": text,
            "recipientAccountId": text,
            "additionalEventData": {"LoginTo": text},
        }),
    );
    record
}

#[test]
fn promise_6_json_and_ocsf_hold_the_exact_text_with_escapes() {
    for (name, text) in hostile() {
        let folder = Folder::with("x.json", log_file(&[record(&text)]));
        let lines = folder.run(&["sign-in", "x.json", "--format", "json"]).exits(0).lines();
        assert_eq!(lines.len(), 1, "{name}");
        let line = &lines[0];
        for said in [
            &line["principal"]["name"],
            &line["principal"]["type"],
            &line["user_agent"],
            &line["source_ip"],
            &line["account"],
            &line["region"],
            &line["evidence"]["error_message"],
            &line["evidence"]["login_to"],
        ] {
            assert_eq!(said, &text, "{name}");
        }
        let summary = line["summary"].as_str().unwrap();
        assert!(!summary.contains("://") && !summary.contains('\n'), "{name}: {summary}");
        assert_eq!(
            folder.run(&["sign-in", "x.json", "--format", "ocsf"]).exits(0).lines().len(),
            1,
            "{name}"
        );

        let lines = folder.run(&["sign-ins", "x.json", "--format", "json"]).exits(0).lines();
        assert_eq!((lines.len(), &lines[0]["who"]), (1, &json!(text)), "{name}");
    }
}

#[test]
fn promise_6_a_mail_has_one_subject_and_no_live_link_whatever_the_name() {
    for (name, text) in hostile() {
        let folder = Folder::with("x.json", log_file(&[record(&text)]));
        let mail = folder.run(&["sign-in", "x.json"]).exits(0).stdout;
        assert_eq!(mail.lines().filter(|line| line.starts_with("Subject: ")).count(), 1, "{name}: {mail}");
        for live in ["https://evil", "www.evil", "<script", "<img", "javascript:"] {
            assert!(!mail.contains(live), "{name}: {live} in {mail}");
        }
        assert!(mail.len() < 40_000, "{name}: {} bytes", mail.len());
    }
}

#[test]
fn promise_6_a_row_of_the_table_is_one_line_of_bounded_length() {
    for (name, text) in hostile() {
        let folder = Folder::with("x.json", log_file(&[record(&text)]));
        let table = folder.run(&["sign-ins", "x.json"]).exits(0).stdout;
        assert_eq!(table.lines().count(), 2, "{name}: {table}");
        assert!(table.lines().all(|line| line.chars().count() < 8 * 202), "{name}");
        assert!(!table.contains("https://evil") && !table.contains("www.evil"), "{name}: {table}");
    }
}

/// No cell is a formula, whichever separator a spreadsheet uses.
#[track_caller]
pub fn assert_no_formula(name: &str, list: &str, columns: usize) {
    for separator in [b',', b';'] {
        let mut csv =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(list.as_bytes());
        for row in csv.records() {
            let row = row.unwrap();
            assert!(separator == b';' || row.len() == columns, "{name}: {row:?}");
            for cell in &row {
                let begins = cell.trim_start_matches([' ', '"']);
                assert!(
                    !begins.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']),
                    "{name}: {cell:?}"
                );
                assert!(cell.chars().count() <= 220 || separator == b';', "{name}: {cell:?}");
            }
        }
    }
}

#[test]
fn promise_6_no_csv_cell_is_a_formula_or_more_than_one_cell() {
    for (name, text) in hostile() {
        let folder = Folder::with("x.json", log_file(&[record(&text)]));
        let list = folder.run(&["sign-ins", "x.json", "--format", "csv"]).exits(0).stdout;
        assert_eq!(list.lines().count(), 2, "{name}: {list}");
        assert_no_formula(name, &list, 8);
    }
}

#[test]
fn promise_6_a_harmless_name_is_not_changed() {
    for name in ["alice", "dana@example.com", "o'neill", "Zoë", "東京", "a-b_c+d=e,f.g"] {
        let mut record = failure("1");
        record["userIdentity"]["userName"] = json!(name);
        let folder = Folder::with("x.json", log_file(&[record]));
        let table = folder.run(&["sign-ins", "x.json"]).exits(0).stdout;
        assert!(table.contains(&format!("  {name}  ")), "{table}");
        let list = folder.run(&["sign-ins", "x.json", "--format", "csv"]).exits(0).stdout;
        let row = csv::Reader::from_reader(list.as_bytes()).records().next().unwrap().unwrap();
        assert_eq!(&row[2], name);
    }
}

#[cfg(unix)]
#[test]
fn promise_6_file_names_stay_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    for (n, name) in
        [&b"\x1b[2J\r\nSubject: x.json"[..], b"\xff\xfe.json", b"\xfe\xff.json", "\u{202e}x.json".as_bytes()]
            .into_iter()
            .enumerate()
    {
        let mut record = failure("");
        record.as_object_mut().unwrap().remove("eventID");
        // The last one is damaged too, so that a note names it.
        let content = log_file(&[record]);
        std::fs::write(
            folder.path().join(OsStr::from_bytes(name)),
            &content[..content.len() - usize::from(n == 3)],
        )
        .unwrap();
    }
    let json = folder.run(&["sign-in", ".", "--format", "json"]).exits(2);
    assert_eq!(
        json.rules().iter().filter(|rule| *rule == "sign-in.failed").count(),
        4,
        "two names that are no Unicode stay two"
    );
    json.says("could not read ./\\u{202e}x.json whole");
    for format in ["text", "ocsf"] {
        folder.run(&["sign-in", ".", "--format", format]).exits(2);
    }
    assert_eq!(folder.run(&["sign-ins", "."]).exits(2).stdout.lines().count(), 5);
}

#[test]
fn promise_6_arguments_in_messages_stay_text() {
    let folder = Folder::new();
    for argument in ["\u{1b}[2J", "--x\u{202e}y", "a\r\nb"] {
        folder.run(&["sign-in", argument]);
        folder.run(&["sign-in", ".", "--set", argument]).exits(64);
        folder.run(&["sign-in", ".", "--format", argument]).exits(64);
        folder.run(&[argument]).exits(64);
    }
}
