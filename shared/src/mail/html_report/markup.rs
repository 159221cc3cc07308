//! HTML under construction. Untrusted text cannot become markup.
//!
//! Markup comes from this program's source only. Everything else is text between tags: cleaned as in a mail, which makes
//! invisible characters visible, then escaped. No attribute holds untrusted text.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::severity::Severity;
use crate::text;

/// How many characters of a text are shown by default.
const MAX_CHARS: usize = 300;

/// HTML or SVG.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds markup from this program's source.
    pub fn raw(&mut self, markup: &'static str) -> &mut Markup {
        self.0.push_str(markup);
        self
    }

    /// Adds a text, which may be untrusted.
    pub fn text(&mut self, text: &str) -> &mut Markup {
        self.text_of(text, MAX_CHARS)
    }

    /// Adds at most `max_chars` characters of a text.
    pub fn text_of(&mut self, text: &str, max_chars: usize) -> &mut Markup {
        self.escaped(&text::clean_name(text, max_chars))
    }

    /// Adds a log file's path or URI, uncut, for people copy it. No browser makes a link of `s3://`.
    pub fn place(&mut self, place: &str) -> &mut Markup {
        const MAX_PLACE_CHARS: usize = 1_100;
        let path = match place.strip_prefix("s3://") {
            Some(path) => {
                self.0.push_str("s3://");
                path
            }
            None => place,
        };
        self.text_of(path, MAX_PLACE_CHARS)
    }

    /// Adds a count: `12,345`.
    pub fn count(&mut self, count: u64) -> &mut Markup {
        self.0.push_str(&grouped(count));
        self
    }

    /// Adds a number to an attribute of an SVG element.
    pub fn number(&mut self, number: f64) -> &mut Markup {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}", (number * 100.0).round() / 100.0);
        self
    }

    /// Adds a time as a `<time>` element.
    pub fn time(&mut self, time: DateTime<Utc>) -> &mut Markup {
        let (date_time, shown) = (time.format("%Y-%m-%dT%H:%M:%SZ"), time.format("%Y-%m-%d %H:%M:%S"));
        let _ = write!(self.0, "<time datetime=\"{date_time}\">{shown}</time>");
        self
    }

    /// Adds a severity in its colour.
    pub fn severity(&mut self, severity: Severity) -> &mut Markup {
        let class = severity.name().to_ascii_lowercase();
        let _ = write!(self.0, "<b class=\"severity {class}\">{severity}</b>");
        self
    }

    /// Adds a digest of a Content-Security-Policy. Characters other than letters, digits, `+`, `/`, `=` and `-` are dropped.
    pub fn digest(&mut self, digest: &str) -> &mut Markup {
        self.0.extend(digest.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=-".contains(*c)));
        self
    }

    /// The whole HTML.
    pub fn finish(self) -> String {
        self.0
    }

    fn escaped(&mut self, text: &str) -> &mut Markup {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '`' => self.0.push_str("&#96;"),
                other => self.0.push(other),
            }
        }
        self
    }
}

/// `12,345`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 log file`, `12,345 log files`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), text::noun(&count, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_visible_and_becomes_no_markup() {
        for (name, text, expected) in [
            ("a name", "dana@example.com", "dana@example.com"),
            ("a tag", "<script>alert(1)</script>", "[&lt;]script&gt;alert(1)[&lt;]/script&gt;"),
            ("an attribute", "\" onload='x' `y`", "&quot; onload=&#39;x&#39; &#96;y&#96;"),
            ("an entity", "&lt;b&gt;", "&amp;lt;b&amp;gt;"),
            ("the end of CDATA", "]]>", "]]&gt;"),
            ("a comment", "<!-- x -->", "[&lt;]!-- x --&gt;"),
            ("a link", "javascript:alert(1) https://evil", "javascript[:]alert(1) https[:]//evil"),
            ("right to left", "\u{202e}ecila", "\\u{202e}ecila"),
            ("controls", "a\0b\r\n\u{1b}[1m", "a\\0b\\r\\n\\u{1b}[1m"),
        ] {
            let mut markup = Markup::default();
            assert_eq!(markup.text(text).0, expected, "{name}");
        }
    }

    #[test]
    fn a_log_files_uri_is_not_cut() {
        for (place, expected) in [
            ("s3://logs/AWSLogs/1/a.json.gz", "s3://logs/AWSLogs/1/a.json.gz"),
            ("logs/a.json.gz", "logs/a.json.gz"),
            ("s3://logs/https://evil/<b>", "s3://logs/https[:]//evil/[&lt;]b&gt;"),
            ("https://evil/a.json", "https[:]//evil/a.json"),
        ] {
            assert_eq!(Markup::default().place(place).0, expected);
        }
        let long = format!("s3://logs/{}", "x".repeat(1_024));
        assert_eq!(Markup::default().place(&long).0, long);
    }

    #[test]
    fn counts_are_grouped_and_svg_numbers_rounded() {
        for (count, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), expected);
        }
        for (number, expected) in [(1.0, "1"), (1.0 / 3.0, "0.33"), (0.0, "0"), (959.999, "960")] {
            assert_eq!(Markup::default().number(number).0, expected);
        }
    }
}
