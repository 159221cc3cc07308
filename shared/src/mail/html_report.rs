//! One page about past log files: a single HTML file that opens in a browser with no network.
//!
//! Whoever made the records that it shows may have written anything into them, so the page is safe three times
//! over: all that was read is cleaned and escaped text between tags (see `markup.rs`), never an attribute, a style, a
//! script or a link; its Content-Security-Policy lets nothing run or be loaded but the style and the script that are
//! written here, by their digests; and that script makes text of text and asks for nothing. Without it the page can be
//! read, but not sorted.
//!
//! Source: W3C, "Content Security Policy Level 3", hash sources and delivery by a `<meta>` element.

mod chart;
mod findings;
mod head;
mod markup;
pub mod overview;
mod ranking;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::formats::cloudtrail::counts::Counts;
use crate::mail::html_report::overview::Overview;
use markup::Markup;

const STYLE: &str = include_str!("html_report/page.css");
const SCRIPT: &str = include_str!("html_report/page.js");

/// What the page says of itself, beside what its [`Overview`] holds. Any text may be untrusted.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Its head line: `Backfill 2026-01-01 to 2026-03-31`.
    pub title: &'a str,
    /// What was looked at: a bucket, accounts, Regions, paths; one thing each.
    pub sources: &'a [String],
    /// The first day (UTC) that was asked for; nothing where it is whatever the log files hold.
    pub from: Option<NaiveDate>,
    /// The last day, itself included.
    pub to: Option<NaiveDate>,
    /// When the page was made.
    pub made_at: DateTime<Utc>,
    /// What was read.
    pub counts: Counts,
    /// How many log files, or folders of them, could not be had.
    pub unread_log_files: u64,
    /// Where all findings stand, one a line; nothing where they stand nowhere.
    pub findings_at: Option<&'a str>,
}

/// The page.
pub(crate) fn html(story: &Overview, about: &About<'_>, config: &Config) -> String {
    let mut page = Markup::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Before all that it is to hold for.
    page.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-",
    );
    page.digest(&digest(SCRIPT)).raw("'; style-src 'sha256-").digest(&digest(STYLE));
    page.raw("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    // Some browsers make links of what looks like a telephone number, as an account does.
    page.raw(
        "<meta name=\"format-detection\" content=\"telephone=no, date=no, address=no, email=no, url=no\">\n",
    );
    page.raw("<title>")
        .text(about.title)
        .raw("</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
    head::write(&mut page, story, about);
    page.raw("<main>\n");
    if story.rules().next().is_some() {
        page.raw("<section>\n<h2>Findings by rule</h2>\n");
        findings::by_rule(&mut page, story);
        page.raw("</section>\n");
    }
    page.raw("<section>\n<h2>Sign-ins</h2>\n");
    if story.sign_ins().all() == 0 {
        page.raw("<p>No sign-in.</p>\n");
    } else {
        chart::draw(&mut page, story, about.from, about.to);
        page.raw("<div class=\"pair\">\n");
        ranking::by_address(&mut page, story);
        ranking::by_principal(&mut page, story, config);
        page.raw("</div>\n");
    }
    page.raw("</section>\n<section>\n<h2>Findings, one by one</h2>\n");
    findings::table(&mut page, story, about, config);
    page.raw("</section>\n</main>\n<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.finish()
}

/// The account as the reader knows it.
fn account(page: &mut Markup, account: &str, config: &Config) {
    match config.account_names.get(account) {
        Some(name) => page.text(name).raw(" <span class=\"small\">").text(account).raw("</span>"),
        None => page.text(account),
    };
}

/// What a browser compares with the content of a `<style>` or `<script>` element.
fn digest(content: &str) -> String {
    STANDARD.encode(Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::finding::{Finding, Place};
    use crate::formats::cloudtrail::{Record, SignIn};
    use crate::rules::detections;

    fn at(time: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(time).unwrap().to_utc()
    }

    fn about<'a>(title: &'a str, sources: &'a [String]) -> About<'a> {
        About {
            title,
            sources,
            from: None,
            to: None,
            made_at: at("2026-04-02T00:00:00Z"),
            counts: Counts { log_files: 1, records: 1, judged: 1, ..Counts::default() },
            unread_log_files: 0,
            findings_at: None,
        }
    }

    /// A failed sign-in in which all that somebody may choose is that text.
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

    fn story(records: &[String], log_file: &str) -> Overview {
        let mut story = Overview::new();
        for json in records {
            let record = Record::parse(json.as_bytes()).unwrap();
            story.sign_in(&record, &SignIn::of(&record).unwrap());
            let place = Place { log_file, record: 7, delivered: None };
            story.finding(&detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap());
        }
        story
    }

    /// A page on which that text stands wherever a text can.
    fn page_of(text: &str) -> String {
        let mut story = story(&[failure(1, text)], text);
        story.note(text.to_owned());
        let sources = [text.to_owned()];
        let about = About { findings_at: Some(text), ..about(text, &sources) };
        let account_names = BTreeMap::from([(text.to_owned(), text.to_owned())]);
        story.page(&about, &Config { account_names, ..Config::default() })
    }

    /// Every tag with its attributes, as a browser sees them: what stands in a style or script is no tag.
    fn tags(page: &str) -> Vec<&str> {
        let mut tags = Vec::new();
        let mut rest = page;
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
    fn promise_6_what_somebody_wrote_changes_no_tag_and_no_attribute() {
        let plain = page_of("alice");
        for text in HOSTILE {
            let page = page_of(text);
            assert_eq!(tags(&page), tags(&plain), "{text}");
            let unseen: Vec<char> = page.chars().filter(|c| *c != '\n' && crate::text::steers(*c)).collect();
            assert!(unseen.is_empty(), "{text}: {unseen:?}");
        }
        for tag in tags(&plain) {
            assert!(!tag.contains("alice") && !tag.contains("href") && !tag.contains("src="), "{tag}");
            assert!(!tag.contains(" style=") && !tag.contains(" on"), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn promise_6_no_text_at_all_changes_a_tag(text in "[<>\"'&;/!a-z`= \u{0}-\u{1f}\u{202e}]{1,40}|\\PC{1,40}") {
            let (page, plain) = (page_of(&text), page_of("alice"));
            prop_assert_eq!(tags(&page), tags(&plain));
        }
    }

    #[test]
    fn the_policy_allows_the_style_and_the_script_that_are_there_and_nothing_else() {
        let page = page_of("alice");
        let between = |start: &str, end: &str| {
            assert_eq!((page.matches(start).count(), page.matches(end).count()), (1, 1), "{start}");
            page.split_once(start).unwrap().1.split_once(end).unwrap().0
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
        let before = page.split_once("<meta http-equiv").unwrap().0;
        assert!(!before.contains("<title") && !before.contains("<style"), "the policy comes first: {before}");
    }

    #[test]
    fn the_script_and_the_style_ask_for_nothing_and_make_no_markup() {
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
    fn the_digest_is_that_of_the_standard() {
        // CSP Level 3, section 8.4: an example that browsers agree on.
        assert_eq!(digest("alert('Hello, world.');"), "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn every_tag_that_is_opened_is_closed() {
        const VOID: [&str; 6] = ["!DOCTYPE", "meta", "br", "input", "rect/", "line/"];
        let page = page_of("alice");
        let mut open = Vec::new();
        for tag in tags(&page) {
            let name = tag.trim_start_matches('<').split([' ', '>']).next().unwrap();
            if let Some(name) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
            } else if !VOID.contains(&name) && !tag.ends_with("/>") {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn what_could_not_be_looked_at_is_said_and_so_is_that_all_could() {
        let story = Overview::new();
        let counts = |counts| About { counts, ..about("x", &[]) };
        let read = Counts { log_files: 2, records: 9, judged: 9, ..Counts::default() };
        for (name, about, said) in [
            ("all", counts(read), "Every log file and every record that was found could be read."),
            ("nothing", counts(Counts::default()), "No log file was read."),
            (
                "a file",
                counts(Counts { unreadable_log_files: 1, unreadable: 2, ..read }),
                "<b>Not everything could be looked at.</b> 1 log file could not be read whole, 2 records could not be read.",
            ),
            (
                "a file that is gone",
                About { unread_log_files: 1, ..counts(read) },
                "<b>Not everything could be looked at.</b> 1 log file or folder could not be had.",
            ),
        ] {
            let page = story.page(&about, &Config::default());
            assert!(page.contains(said), "{name}: {page}");
            assert_eq!(page.contains("Every log file"), name == "all", "{name}");
        }
    }

    #[test]
    fn findings_that_are_not_listed_are_counted_and_said() {
        let one = story(&[failure(1, "alice")], "a.json");
        assert!(!one.page(&about("x", &[]), &Config::default()).contains("most severe"));
        let place = Place { log_file: "a.json", record: 0, delivered: None };
        let json = failure(1, "alice");
        let finding = detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap();
        let mut story = Overview::new();
        for n in 0..10_001 {
            story.finding(&Finding { id: n.to_string(), ..finding.clone() });
        }
        let about = About { findings_at: Some("s3://state/findings.jsonl.gz"), ..about("x", &[]) };
        let page = story.page(&about, &Config::default());
        assert!(
            page.contains("These are the 5,000 most severe; 5,001 findings more are not listed here."),
            "said"
        );
        assert!(page.contains("All stand in <code>s3://state/findings.jsonl.gz</code>."), "said where");
        assert_eq!(page.matches("Records[").count(), 5_000);
        assert!(page.contains("<dt>Findings</dt><dd>10,001"), "counted");
    }

    #[test]
    fn accounts_are_named_as_the_reader_knows_them() {
        let account_names = BTreeMap::from([("111122223333".to_owned(), "prod".to_owned())]);
        let page = story(&[failure(1, "111122223333")], "a.json")
            .page(&about("x", &[]), &Config { account_names, ..Config::default() });
        assert!(page.contains("prod <span class=\"small\">111122223333</span>"), "{page}");
    }
}
