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
mod ranking;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};

use crate::app::Counts;
use crate::config::Config;
use crate::story::Story;
use markup::Markup;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the page says of itself, beside what its [`Story`] holds. Any text may be untrusted.
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
pub(crate) fn html(story: &Story, about: &About<'_>, config: &Config) -> String {
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
    page.raw("<main>\n<section>\n<h2>Sign-ins</h2>\n");
    if story.sign_ins().all() == 0 {
        page.raw("<p>No sign-in.</p>\n");
    } else {
        chart::draw(&mut page, story, about.from, about.to);
        page.raw("<div class=\"pair\">\n");
        ranking::by_address(&mut page, story);
        ranking::by_principal(&mut page, story, config);
        page.raw("</div>\n");
    }
    page.raw("</section>\n<section>\n<h2>Findings</h2>\n");
    if story.rules().next().is_some() {
        findings::by_rule(&mut page, story);
    }
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
