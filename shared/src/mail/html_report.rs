//! The HTML report about past log files: one file, which a browser shows without a network.
//!
//! Records are untrusted. The report is safe in three ways: all that was read is cleaned and escaped text between tags
//! (`markup.rs`), never an attribute, a style, a script or a link; its Content-Security-Policy allows only the style and
//! the script below, by their digests; the script sorts and filters text and sends no request. Without the script the
//! report can be read, but not sorted.
//!
//! Source: W3C, "Content Security Policy Level 3", hash sources and delivery by a `<meta>` element.

mod chart;
mod findings;
mod head;
mod markup;
mod names;
pub mod overview;
mod ranking;
mod scope;

pub use scope::ReportScope;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::config::Config;
use markup::Markup;
use overview::Overview;

const STYLE: &str = include_str!("html_report/report.css");
const SCRIPT: &str = include_str!("html_report/report.js");

/// The report as HTML.
pub fn render(overview: &Overview, scope: &ReportScope<'_>, config: &Config) -> String {
    let mut report = Markup::default();
    report.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // The policy comes before everything it applies to.
    report.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-",
    );
    report.digest(&digest(SCRIPT)).raw("'; style-src 'sha256-").digest(&digest(STYLE));
    report
        .raw("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    report.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    report.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    // Some browsers make links of telephone numbers, and account ids look like them.
    report.raw(
        "<meta name=\"format-detection\" content=\"telephone=no, date=no, address=no, email=no, url=no\">\n",
    );
    report
        .raw("<title>")
        .text(scope.title)
        .raw("</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
    head::write(&mut report, overview, scope);
    report.raw("<main>\n");
    if overview.rules().next().is_some() {
        report.raw("<section>\n<h2>Findings by rule</h2>\n");
        findings::by_rule(&mut report, overview);
        report.raw("</section>\n");
    }
    report.raw("<section>\n<h2>Sign-ins</h2>\n");
    if overview.sign_ins().all() == 0 {
        report.raw("<p>No sign-in.</p>\n");
    } else {
        chart::draw(&mut report, overview, scope.from, scope.to);
        report.raw("<div class=\"pair\">\n");
        ranking::by_address(&mut report, overview);
        ranking::by_principal(&mut report, overview, config);
        report.raw("</div>\n");
    }
    report.raw("</section>\n<section>\n<h2>Findings, one by one</h2>\n");
    findings::table(&mut report, overview, scope, config);
    report.raw("</section>\n</main>\n<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    report.finish()
}

/// The digest that a browser compares with the content of a `<style>` or `<script>` element.
fn digest(content: &str) -> String {
    STANDARD.encode(Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::finding::{Finding, RecordPlace};
    use crate::formats::cloudtrail::counts::Counts;
    use crate::formats::cloudtrail::{Record, SignIn};
    use crate::rules::detections;

    fn at(time: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(time).unwrap().to_utc()
    }

    fn scope<'a>(title: &'a str, sources: &'a [String]) -> ReportScope<'a> {
        ReportScope {
            title,
            sources,
            from: None,
            to: None,
            made_at: at("2026-04-02T00:00:00Z"),
            counts: Counts { log_files: 1, records: 1, judged: 1, ..Counts::default() },
            unfetched_log_files: 0,
            findings_at: None,
        }
    }

    /// A failed sign-in with `text` in every field that an attacker can choose.
    fn failure(id: usize, text: &str) -> String {
        json!({
            "eventID": id.to_string(), "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
            "eventTime": "2026-04-01T08:00:00Z", "responseElements": {"ConsoleLogin": "Failure"},
            "userIdentity": {"type": text, "userName": text, "arn": text, "principalId": text},
            "userAgent": text, "sourceIPAddress": text, "errorMessage": text, "awsRegion": text,
            "recipientAccountId": text,
        })
        .to_string()
    }

    fn overview(records: &[String], log_file: &str) -> Overview {
        let mut overview = Overview::new();
        for json in records {
            let record = Record::parse(json.as_bytes()).unwrap();
            overview.sign_in(&record, &SignIn::of(&record).unwrap());
            let place = RecordPlace { log_file, record: 7, delivered: None };
            overview
                .finding(&detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap());
        }
        overview
    }

    /// A report with `text` wherever a report shows a text.
    fn report_of(text: &str) -> String {
        let mut overview = overview(&[failure(1, text)], text);
        overview.note(text.to_owned());
        let sources = [text.to_owned()];
        let scope = ReportScope { findings_at: Some(text), ..scope(text, &sources) };
        let account_names = BTreeMap::from([(text.to_owned(), text.to_owned())]);
        render(&overview, &scope, &Config { account_names, ..Config::default() })
    }

    /// Every tag with its attributes, as a browser parses them: the content of a style or script has no tags.
    fn tags(report: &str) -> Vec<&str> {
        let mut tags = Vec::new();
        let mut rest = report;
        while let Some(start) = rest.find('<') {
            let end = start + rest[start..].find('>').unwrap() + 1;
            let tag = &rest[start..end];
            tags.push(tag);
            rest = &rest[end..];
            if let Some(raw @ ("style" | "script")) =
                tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'))
            {
                rest = &rest[rest.find(&format!("</{raw}>")).unwrap()..];
            }
        }
        tags
    }

    const HOSTILE: &[&str] = &[
        "<script>document.title='owned'</script>",
        "</script><script>document.title='owned'</script>",
        "</style></title></textarea><img src=x onerror=alert(1)>",
        "\"onload=\"alert(1)",
        "' onmouseover='alert(1)' x='",
        "]]><svg onload=alert(1)>",
        "--><!-- <![CDATA[",
        "javascript:alert(1)",
        "https://evil.example/ www.evil.example",
        "&lt;script&gt;&#60;script&#x3e;",
        "url(https://evil.example/x) @import 'x'",
        "\u{202e}ecila\u{2066}\u{200b}",
        "a\0b\r\nc\u{b}d\u{85}\u{2028}",
        "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
        "   ",
    ];

    #[test]
    fn promise_6_untrusted_text_changes_no_tag_and_no_attribute() {
        let plain = report_of("alice");
        for text in HOSTILE {
            let report = report_of(text);
            assert_eq!(tags(&report), tags(&plain), "{text}");
            let unseen: Vec<char> =
                report.chars().filter(|c| *c != '\n' && crate::text::steers(*c)).collect();
            assert!(unseen.is_empty(), "{text}: {unseen:?}");
        }
        for tag in tags(&plain) {
            assert!(!tag.contains("alice") && !tag.contains("href") && !tag.contains("src="), "{tag}");
            assert!(!tag.contains(" style=") && !tag.contains(" on"), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn promise_6_random_text_changes_no_tag(text in "[<>\"'&;/!a-z`= \u{0}-\u{1f}\u{202e}]{1,40}|\\PC{1,40}") {
            let (report, plain) = (report_of(&text), report_of("alice"));
            prop_assert_eq!(tags(&report), tags(&plain));
        }
    }

    #[test]
    fn the_policy_allows_only_the_style_and_the_script_of_the_report() {
        let report = report_of("alice");
        let between = |start: &str, end: &str| {
            assert_eq!((report.matches(start).count(), report.matches(end).count()), (1, 1), "{start}");
            report.split_once(start).unwrap().1.split_once(end).unwrap().0
        };
        let (style, script) = (between("<style>", "</style>"), between("<script>", "</script>"));
        let policy = between(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"",
            "\">\n<meta name=\"referrer\"",
        );
        let expected = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            STANDARD.encode(Sha256::digest(script)),
            STANDARD.encode(Sha256::digest(style)),
        );
        assert_eq!(policy, expected);
        let before = report.split_once("<meta http-equiv").unwrap().0;
        assert!(!before.contains("<title") && !before.contains("<style"), "the policy comes first: {before}");
    }

    #[test]
    fn the_script_and_the_style_send_no_request_and_make_no_markup() {
        for (name, source) in [("style", STYLE), ("script", SCRIPT)] {
            for part in [
                "</",
                "<!--",
                "http",
                "//evil",
                "url(",
                "@import",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval",
                "Function(",
                "fetch",
                "XMLHttpRequest",
                "import(",
                "WebSocket",
                "\r",
            ] {
                assert!(!source.contains(part), "{name}: {part}");
            }
        }
    }

    #[test]
    fn the_digest_is_the_one_in_the_standard() {
        // CSP Level 3, section 8.4: an example that browsers agree on.
        assert_eq!(digest("alert('Hello, world.');"), "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn every_opened_tag_is_closed() {
        const VOID: [&str; 6] = ["!DOCTYPE", "meta", "br", "input", "rect/", "line/"];
        let report = report_of("alice");
        let mut open = Vec::new();
        for tag in tags(&report) {
            let name = tag.trim_start_matches('<').split([' ', '>']).next().unwrap();
            if let Some(name) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
            } else if !VOID.contains(&name) && !tag.ends_with("/>") {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let ids: Vec<&str> =
            report.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn the_head_reports_what_could_not_be_looked_at_or_that_nothing_is_missing() {
        let overview = Overview::new();
        let counts = |counts| ReportScope { counts, ..scope("x", &[]) };
        let read = Counts { log_files: 2, records: 9, judged: 9, ..Counts::default() };
        for (name, scope, expected) in [
            ("all", counts(read), "Every log file and every record that was found could be read."),
            ("nothing", counts(Counts::default()), "No log file was read."),
            (
                "a file",
                counts(Counts { unreadable_log_files: 1, unreadable: 2, ..read }),
                "<b>Not everything could be looked at.</b> 1 log file could not be read whole, 2 records could not be read.",
            ),
            (
                "a file that is gone",
                ReportScope { unfetched_log_files: 1, ..counts(read) },
                "<b>Not everything could be looked at.</b> 1 log file or folder could not be had.",
            ),
        ] {
            let report = render(&overview, &scope, &Config::default());
            assert!(report.contains(expected), "{name}: {report}");
            assert_eq!(report.contains("Every log file"), name == "all", "{name}");
        }
    }

    #[test]
    fn findings_that_are_not_listed_are_counted() {
        let one = overview(&[failure(1, "alice")], "a.json");
        assert!(!render(&one, &scope("x", &[]), &Config::default()).contains("most severe"));
        let place = RecordPlace { log_file: "a.json", record: 0, delivered: None };
        let json = failure(1, "alice");
        let finding = detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap();
        let mut overview = Overview::new();
        for n in 0..10_001 {
            overview.finding(&Finding { id: n.to_string(), ..finding.clone() });
        }
        let scope = ReportScope { findings_at: Some("s3://state/findings.jsonl.gz"), ..scope("x", &[]) };
        let report = render(&overview, &scope, &Config::default());
        assert!(
            report.contains("These are the 5,000 most severe; 5,001 findings more are not listed here."),
            "the number of the others"
        );
        assert!(report.contains("All stand in <code>s3://state/findings.jsonl.gz</code>."), "the URI");
        assert_eq!(report.matches("Records[").count(), 5_000);
        assert!(report.contains("<dt>Findings</dt><dd>10,001"), "counted");
    }

    #[test]
    fn accounts_have_their_configured_names() {
        let account_names = BTreeMap::from([("111122223333".to_owned(), "prod".to_owned())]);
        let overview = overview(&[failure(1, "111122223333")], "a.json");
        let report = render(&overview, &scope("x", &[]), &Config { account_names, ..Config::default() });
        assert!(report.contains("prod <span class=\"small\">111122223333</span>"), "{report}");
    }
}
