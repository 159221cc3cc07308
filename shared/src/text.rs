//! Untrusted text made safe to show.
//!
//! User names, session names, user agents, error texts and object keys are chosen by anyone. Every such text goes
//! through [`clean`] before it is part of a mail: the result is one line of visible characters without live links.
//! Text that a person is asked to paste must also pass [`iam_name`] or [`arn`], which allow only what IAM allows.
//!
//! Sources: Unicode UAX #9 (bidirectional controls) and UAX #44 (`Default_Ignorable_Code_Point`);
//! IANA's root zone database for the endings; IAM User Guide, "IAM and AWS STS quotas", for names.

mod id;
mod plural;

pub use id::stable_id;
pub use plural::{counted, noun};

/// How many characters around a character decide whether it is part of a link.
const CONTEXT_CHARS: usize = 80;

/// The least length at which a cut text shows how many characters were left out.
const MIN_CHARS_FOR_COUNT: usize = 64;

/// The most characters of a name or ARN in a sentence.
const MAX_BARE_CHARS: usize = 100;

/// The most characters of any other text in a sentence. A sentence with two such texts is not long enough to be
/// cut in the middle, which could remove an opening quote.
const MAX_QUOTED_CHARS: usize = 60;

/// URI schemes that mail programs turn into links even without `//`.
const SCHEMES: &[&str] = &[
    "blob",
    "callto",
    "data",
    "facetime",
    "file",
    "http",
    "https",
    "javascript",
    "magnet",
    "mailto",
    "sip",
    "skype",
    "sms",
    "tel",
    "vbscript",
    "xmpp",
];

/// Top-level domains of more than two letters that mail programs recognise. Every two-letter one counts.
const ENDINGS: &str = "\
    agency app arpa art asia bank best bid biz blog business buzz cafe casa cat center cfd chat click \
    cloud club codes com company coop cyou date dev digital download earth edu email exchange fit fun \
    fyi global gov group help host icu info ink int jobs life link live loan lol ltd mail media mil mobi \
    mom monster mov name net network news ninja one onion online org page party plus pro pub quest \
    racing rest review rocks run sale sbs security services shop site skin social solutions space store \
    stream studio support surf systems team tech tel today tools top trade travel uno video vip wang \
    watch web website wiki win work works world wtf xxx xyz zip zone";

/// Untrusted text as one line that is safe to show, of at most `max_chars` characters.
///
/// - Invisible, direction-changing, line-breaking and combining characters become escapes:
///   `\n`, `\u{202e}`. A backslash becomes two, so that an escape cannot be forged. A space at an end or
///   after a space becomes `\u{20}`.
/// - Links become inert: `https[:]//`, `www[.]`, `example[.]com`, `mailto[:]`; and `<`, which opens a tag
///   wherever a mail is shown as HTML, becomes `[<]`. Only the bare name of an AWS service
///   (`cloudformation.amazonaws.com`) stays as it is.
/// - A text that is too long is cut in the middle, where the number of missing characters is shown.
pub fn clean(text: &str, max_chars: usize) -> String {
    let dots = if is_service_name(text) { Dots::AsTheyAre } else { Dots::Inert };
    cleaned(text, max_chars, dots)
}

/// The same for a terminal or a spreadsheet, where only `://` and `www.` make a link. Other dots are kept, and a
/// search for `dana@example.com` finds it.
pub fn clean_name(text: &str, max_chars: usize) -> String {
    cleaned(text, max_chars, Dots::InertAfterWww)
}

/// Which dots can make a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    Inert,
    InertAfterWww,
    AsTheyAre,
}

fn cleaned(text: &str, max_chars: usize, dots: Dots) -> String {
    if text.len() <= max_chars && is_harmless(text) {
        return text.to_owned();
    }
    let (chars, skipped) = ends(text, max_chars);
    if skipped == 0 {
        let mut shown = String::with_capacity(text.len());
        (0..chars.len()).for_each(|at| push_visible(&mut shown, &chars, at, dots));
        if shown.chars().count() <= max_chars {
            return shown;
        }
    }
    let unit = |at| {
        let mut unit = String::new();
        push_visible(&mut unit, &chars, at, dots);
        unit
    };
    let units: Vec<String> = (0..chars.len()).map(unit).collect();
    cut_units(&units, skipped, max_chars)
}

/// Whether every character is safe in any context. Most texts are, and skip the check of each character.
fn is_harmless(text: &str) -> bool {
    let harmless = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\\<.:".contains(&byte);
    text.bytes().all(harmless) && !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ")
}

/// Untrusted text unchanged, of at most `max_chars` characters, for machine formats that escape it.
pub fn cut(text: &str, max_chars: usize) -> String {
    let (chars, skipped) = ends(text, max_chars);
    let units: Vec<String> = chars.into_iter().map(String::from).collect();
    cut_units(&units, skipped, max_chars)
}

/// Cleaned text with `?` for each non-ASCII character, for subjects and text messages.
pub fn ascii(cleaned: &str) -> String {
    cleaned.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// The text if it is a valid IAM name of a user, role or group, which is safe to paste. Else `None`.
pub fn iam_name(text: &str) -> Option<&str> {
    ((1..=128).contains(&text.len()) && text.bytes().all(is_name_byte)).then_some(text)
}

/// Whether the text is an AWS account id: twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text if it is an ARN of IAM names, colons and single slashes only, which is safe to paste. Else `None`.
/// IAM allows any visible ASCII character in a path, `*` and `://` included.
pub fn arn(text: &str) -> Option<&str> {
    let lower = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (scheme, partition, service, region, account) = (next(), next(), next(), next(), next());
    let resource = next();
    let valid = text.len() <= 1024
        && scheme == "arn"
        && (partition == "aws" || partition.starts_with("aws-"))
        && !service.is_empty()
        && [partition, service, region, account].into_iter().all(lower)
        && !resource.is_empty()
        && !resource.contains("//")
        && resource.bytes().all(|byte| is_name_byte(byte) || byte == b':' || byte == b'/');
    valid.then_some(text)
}

/// Untrusted text as part of a sentence, which is cleaned as a whole later. A valid IAM name, a path of such names or
/// a plain ARN is not quoted. Any other text is put in double quotes and cut to `MAX_QUOTED_CHARS` after cleaning.
/// A double quote inside becomes a single one and cannot close the quotes; an escape would be escaped again when
/// the sentence is cleaned.
pub fn quoted(text: &str) -> String {
    if text.split('/').all(|part| iam_name(part).is_some()) || arn(text).is_some() {
        return cut(text, MAX_BARE_CHARS);
    }
    let mut shown = text.to_owned();
    let mut max_chars = MAX_QUOTED_CHARS;
    while max_chars > 0 && clean(&shown, usize::MAX).chars().count() > MAX_QUOTED_CHARS {
        shown = cut(text, max_chars);
        max_chars -= 4;
    }
    let single = |c: char| if looks_like_a_double_quote(c) { '\'' } else { c };
    format!("\"{}\"", shown.chars().map(single).collect::<String>())
}

/// The byte positions of the dots that make a link in a mail program.
pub fn link_dots(text: &str) -> Vec<usize> {
    let chars: Vec<char> = text.chars().collect();
    let bytes = text.char_indices().map(|(byte, _)| byte);
    bytes.enumerate().filter(|(at, _)| dot_links(&chars, *at)).map(|(_, byte)| byte).collect()
}

/// Whether the text is exactly the DNS name of an AWS service. A longer name under `amazonaws.com` may be anyone's
/// bucket.
fn is_service_name(text: &str) -> bool {
    text.strip_suffix(".amazonaws.com").is_some_and(|service| {
        !service.is_empty()
            && service.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// The characters that can be shown, with enough context, and the number of characters between them.
fn ends(text: &str, max_chars: usize) -> (Vec<char>, usize) {
    let count = text.chars().count();
    let window = max_chars.saturating_add(CONTEXT_CHARS);
    if count <= window.saturating_mul(2) {
        return (text.chars().collect(), 0);
    }
    let chars = text.chars().take(window).chain(text.chars().skip(count - window)).collect();
    (chars, count - 2 * window)
}

/// Joins the units. If they are too long, only as many from both ends as fit.
fn cut_units(units: &[String], skipped: usize, max_chars: usize) -> String {
    let length = |unit: &String| unit.chars().count();
    if skipped == 0 && units.iter().map(length).sum::<usize>() <= max_chars {
        return units.concat();
    }
    let marker = |left_out: usize| match max_chars {
        MIN_CHARS_FOR_COUNT.. => format!("[... {left_out} characters left out ...]"),
        8.. => "[...]".to_owned(),
        _ => "...".chars().take(max_chars).collect(),
    };
    let room = max_chars - marker(units.len() + skipped).len();
    let fit = |room: usize, units: &mut dyn Iterator<Item = &String>| {
        let mut used = 0;
        let count = units.take_while(|unit| {
            used += length(unit);
            used <= room
        });
        count.count()
    };
    let head = fit(room.div_ceil(2), &mut units.iter());
    let head_chars: usize = units[..head].iter().map(length).sum();
    let tail = fit(room - head_chars, &mut units[head..].iter().rev());
    let left_out = units.len() + skipped - head - tail;
    [&units[..head].concat(), &marker(left_out), &units[units.len() - tail..].concat()]
        .map(String::as_str)
        .concat()
}

/// Appends one character in its safe form.
fn push_visible(shown: &mut String, chars: &[char], at: usize, dots: Dots) {
    let c = chars[at];
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '\'' | '"' => shown.push(c),
        ' ' if at == 0 || at + 1 == chars.len() || chars[at - 1] == ' ' => shown.push_str("\\u{20}"),
        '<' => shown.push_str("[<]"),
        '.' if dots == Dots::Inert && dot_links(chars, at) => shown.push_str("[.]"),
        '.' if dots == Dots::InertAfterWww && after_www(chars, at) => shown.push_str("[.]"),
        ':' if colon_links(chars, at) => shown.push_str("[:]"),
        _ if looks_like_a_dot(c) || looks_like_nothing(c) => shown.extend(c.escape_unicode()),
        // The standard library's table: controls, formats, separators, marks that combine, unassigned.
        _ => shown.extend(c.escape_debug()),
    }
}

/// Whether a character is a control, direction, separator or combining character.
pub fn steers(c: char) -> bool {
    // Most characters are ASCII, and the printable ones are not escaped, except quotes and the backslash.
    c.is_ascii_control() || !c.is_ascii() && (looks_like_nothing(c) || c.escape_debug().count() > 1)
}

/// Dots in international domain names besides the full stop. Source: UTS #46, section 2.3.
fn looks_like_a_dot(c: char) -> bool {
    matches!(c, '\u{2024}' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Characters that look like the end of a quotation.
fn looks_like_a_double_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{275d}' | '\u{275e}' | '\u{ff02}'
    )
}

/// Letters and symbols without a visible glyph.
fn looks_like_nothing(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// Whether the dot is before a top-level domain or after `www`.
fn dot_links(chars: &[char], at: usize) -> bool {
    if chars[at] != '.' || at == 0 || chars[at - 1] == ' ' {
        return false;
    }
    let label: String = chars[at + 1..].iter().take(64).take_while(|c| c.is_alphanumeric()).collect();
    let label = label.to_ascii_lowercase();
    let after = chars.get(at + 1 + label.chars().count()..).unwrap_or_default();
    let letters = label.bytes().all(|byte| byte.is_ascii_alphabetic());
    let ending = letters && (label.len() == 2 || ENDINGS.split(' ').any(|ending| ending == label))
        || !label.is_ascii()
        || label == "xn" && after.starts_with(&['-', '-']);
    ending || after_www(chars, at)
}

fn after_www(chars: &[char], at: usize) -> bool {
    at >= 3 && chars[at - 3..at].iter().all(|c| c.eq_ignore_ascii_case(&'w'))
}

/// Whether the colon ends a URI scheme.
fn colon_links(chars: &[char], at: usize) -> bool {
    if chars[at] != ':' {
        return false;
    }
    if chars[at + 1..].starts_with(&['/', '/']) {
        return true;
    }
    // The text before may be shown as an escape: neither a letter that becomes one nor the letter that an
    // escape ends in (`\t` before `el:`) may hide the word that is read.
    let before = &chars[at.saturating_sub(16)..at];
    let written: String = before.iter().collect();
    let shown: String = before.iter().flat_map(|c| c.escape_debug()).collect();
    let last_word = |text: &str| {
        let word = text.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        word.to_ascii_lowercase()
    };
    [written, shown].iter().any(|text| SCHEMES.contains(&last_word(text).as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invisible_characters_become_escapes() {
        for (name, text, shown) in [
            ("a line break", "alice\r\nSubject: all is well", "alice\\r\\nSubject: all is well"),
            ("a tab", "a\tb", "a\\tb"),
            ("a terminal escape", "\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a C1 control", "\u{9b}31mred", "\\u{9b}31mred"),
            ("right to left", "\u{202e}ecila", "\\u{202e}ecila"),
            ("an isolate", "\u{2067}x\u{2069}", "\\u{2067}x\\u{2069}"),
            ("zero width", "al\u{200b}ice\u{feff}", "al\\u{200b}ice\\u{feff}"),
            ("a soft hyphen", "al\u{ad}ice", "al\\u{ad}ice"),
            ("a line separator", "a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d"),
            ("no-break and wide spaces", "a\u{a0}b\u{3000}c", "a\\u{a0}b\\u{3000}c"),
            ("stacked marks", "e\u{301}\u{301}", "e\\u{301}\\u{301}"),
            ("tags", "a\u{e0041}", "a\\u{e0041}"),
            ("blank letters", "\u{3164}\u{2800}", "\\u{3164}\\u{2800}"),
            ("zero", "a\0b", "a\\0b"),
            ("an escape that was written out", "\\u{202e}\\n", "\\\\u{202e}\\\\n"),
            ("spaces at the ends and in a row", " a  b ", "\\u{20}a \\u{20}b\\u{20}"),
            ("letters of other scripts", "Zoë 東京 Жук", "Zoë 東京 Жук"),
            ("quotes", "it's \"x\"", "it's \"x\""),
            ("a formula", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
            ("nothing", "", ""),
        ] {
            assert_eq!(clean(text, 200), shown, "{name}");
        }
    }

    #[test]
    fn links_become_inert_and_the_rest_stays_readable() {
        for (text, shown) in [
            ("https://evil.example/x", "https[:]//evil.example/x"),
            ("HTTP://EVIL.COM", "HTTP[:]//EVIL[.]COM"),
            ("x:://y", "x:[:]//y"),
            ("www.example", "www[.]example"),
            ("see evil.com.", "see evil[.]com."),
            ("login.aws.amazon.com.evil.co.uk/a", "login.aws.amazon[.]com.evil[.]co[.]uk/a"),
            ("evil.xn--p1ai", "evil[.]xn--p1ai"),
            ("пример.рф", "пример[.]рф"),
            ("evil\u{3002}com", "evil\\u{3002}com"),
            ("alice@example.com", "alice@example[.]com"),
            ("mailto:a", "mailto[:]a"),
            ("\u{730}mailto:a", "\\u{730}mailto[:]a"),
            ("é\nmailto:a", "é\\nmailto[:]a"),
            ("\tel:5", "\\tel[:]5"),
            ("hotel:5", "hotel:5"),
            ("JavaScript:alert(1)", "JavaScript[:]alert(1)"),
            ("data:text/html,x", "data[:]text/html,x"),
            ("tel:+1", "tel[:]+1"),
            ("<script>alert(1)</script>", "[<]script>alert(1)[<]/script>"),
            ("bucket.s3.amazonaws.com", "bucket.s3.amazonaws[.]com"),
            // What stays as it is.
            ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com"),
            ("alice.smith", "alice.smith"),
            ("198.51.100.23", "198.51.100.23"),
            ("2001:db8::1", "2001:db8::1"),
            (
                "arn:aws:iam::111122223333:user/ops/alice.smith",
                "arn:aws:iam::111122223333:user/ops/alice.smith",
            ),
            (
                "aws-cli/2.31.0 md/awscrt#0.27.6 python#3.13.7",
                "aws-cli/2.31.0 md/awscrt#0.27.6 python#3.13.7",
            ),
            ("metadata:x, .NET CLR 2.0", "metadata:x, .NET CLR 2.0"),
            ("Done. It worked.", "Done. It worked."),
        ] {
            assert_eq!(clean(text, 200), shown);
        }
    }

    #[test]
    fn a_name_is_unquoted_in_a_sentence_and_other_text_is_in_quotes_it_cannot_close() {
        for (text, shown) in [
            ("alice", "alice"),
            ("team/logs", "team/logs"),
            ("arn:aws:iam::111122223333:role/ops/build", "arn:aws:iam::111122223333:role/ops/build"),
            ("", "\"\""),
            ("main as planned. This was a drill", "\"main as planned. This was a drill\""),
            ("main\" as planned. \"", "\"main' as planned. '\""),
            ("main\u{201d} as \u{ff02}planned", "\"main' as 'planned\""),
            ("a\\\"b", "\"a\\\\'b\""),
            ("https://evil.example", "\"https[:]//evil.example\""),
        ] {
            assert_eq!(clean(&quoted(text), 300), shown);
        }
        for hostile in ["\u{202e}\"".repeat(500), "x y".repeat(500), "\\\n".repeat(500), "a".repeat(5000)] {
            let sentence = clean(&quoted(&hostile), 300);
            assert!(sentence.chars().count() <= 102, "{sentence}");
            assert!(
                sentence.matches('"').count() == if sentence.starts_with('a') { 0 } else { 2 },
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_name_in_a_list_keeps_the_dots_that_no_terminal_links() {
        for (text, shown) in [
            ("dana@example.com", "dana@example.com"),
            ("logs/x.json.gz", "logs/x.json.gz"),
            ("www.evil.com", "www[.]evil.com"),
            ("https://evil.com", "https[:]//evil.com"),
            ("mailto:evil@evil.com", "mailto[:]evil@evil.com"),
            ("<b>\u{202e}\n", "[<]b>\\u{202e}\\n"),
        ] {
            assert_eq!(clean_name(text, 200), shown);
        }
    }

    #[test]
    fn long_text_is_cut_in_the_middle_and_says_by_how_much() {
        let long = format!("{}{}{}", "a".repeat(40), "b".repeat(10_160), "z".repeat(40));
        let shown = clean(&long, 120);
        assert_eq!(shown.len(), 120);
        assert!(shown.starts_with(&"a".repeat(40)) && shown.ends_with(&"z".repeat(40)), "{shown}");
        assert!(shown.contains("b[... 10155 characters left out ...]b"), "{shown}");
        assert_eq!(clean(&long, 20), "aaaaaaaa[...]zzzzzzz");
        assert_eq!(clean(&long, 2), "..");
        assert_eq!(clean(&long, 0), "");
        assert_eq!(cut("\r\n0123456789", 8), "\r\n[...]9");
        assert_eq!(clean(&"\n".repeat(20), 14), "\\n\\n[...]\\n\\n", "an escape is never cut in two");
    }

    #[test]
    fn only_names_that_iam_allows_can_be_pasted() {
        for (text, valid) in [
            ("alice", true),
            ("a.b+c=d,e@f-g_h", true),
            ("", false),
            ("*", false),
            ("alice*", false),
            ("a b", false),
            ("a\"b", false),
            ("a\nb", false),
            ("Zoë", false),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            assert_eq!(iam_name(text).is_some(), valid, "{text:?}");
        }
        for (text, valid) in [
            ("arn:aws:iam::111122223333:user/ops/alice", true),
            ("arn:aws-us-gov:sts::111122223333:assumed-role/Dev/erin@x", true),
            ("arn:aws:cloudtrail:us-east-1:111122223333:trail/main", true),
            ("arn:aws:signin:::devtools/same-device", true),
            ("arn:aws:iam::111122223333:user/*", false),
            ("arn:aws:iam::111122223333:user/a\"", false),
            ("arn:aws:iam::111122223333:user/http://evil/a", false),
            ("arn:aws:iam::111122223333:", false),
            ("arn:evil:iam::111122223333:user/a", false),
            ("arn:aws:iam", false),
        ] {
            assert_eq!(arn(text).is_some(), valid, "{text:?}");
        }
    }

    /// Text made of what attackers use, more often than chance would.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            "[ -~]{0,12}",
            prop::sample::select(vec![
                "://",
                ":",
                "/",
                "//",
                ".",
                "www.",
                "com",
                ".com",
                "\\",
                "\r\n",
                "\u{1b}[2J",
                "\u{202e}",
                "\u{200b}",
                "<",
                "  ",
                "mailto:",
                "\u{2028}",
                "{",
                "}",
                "[.]",
                "a",
                "\u{301}",
                "*",
                "\"",
                "]]",
                "'''",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    fn forbidden(c: char) -> bool {
        c.is_control()
            || (c.is_whitespace() && c != ' ')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}' | '<')
    }

    proptest! {
        #[test]
        fn cleaned_text_is_one_visible_line_without_links(text in hostile(), max in 0_usize..300) {
            let shown = clean(&text, max);
            prop_assert!(!shown.contains(forbidden) || shown.replace("[<]", "").find(forbidden).is_none(), "{shown:?}");
            prop_assert!(shown.chars().count() <= max);
            prop_assert!(!shown.contains("://") && !shown.to_ascii_lowercase().contains("www."));
            prop_assert!(!shown.starts_with(' ') && !shown.ends_with(' ') && !shown.contains("  "));
            prop_assert!(ascii(&shown).is_ascii() && ascii(&shown).chars().count() == shown.chars().count());
        }

        #[test]
        fn harmless_characters_are_shown_unchanged(text in "[ -~]{0,40}") {
            let chars: Vec<char> = text.chars().collect();
            for dots in [Dots::Inert, Dots::InertAfterWww, Dots::AsTheyAre] {
                let mut shown = String::new();
                (0..chars.len()).for_each(|at| push_visible(&mut shown, &chars, at, dots));
                prop_assert!(!is_harmless(&text) || shown == text, "{shown}");
            }
        }

        #[test]
        fn cleaning_twice_changes_nothing_but_escapes(text in hostile()) {
            let text = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            let once = clean(&text, usize::MAX);
            let twice = clean(&once, usize::MAX);
            prop_assert_eq!(twice.replace("[[<]]", "[<]"), once.replace('\\', "\\\\"));
        }

        #[test]
        fn different_texts_stay_different_where_nothing_is_cut(one in hostile(), other in hostile()) {
            let marked = |text: &str| text.contains(['[', ']']);
            if one != other && !marked(&one) && !marked(&other) {
                prop_assert_ne!(clean(&one, usize::MAX), clean(&other, usize::MAX));
            }
        }

        #[test]
        fn a_cut_keeps_both_ends(text in "[a-z]{0,400}", max in 0_usize..300) {
            let shown = cut(&text, max);
            prop_assert!(shown.len() <= max);
            if text.len() <= max {
                prop_assert_eq!(shown, text);
            } else if max >= 5 {
                prop_assert!(shown.starts_with(&text[..1]) && shown.ends_with(&text[text.len() - 1..]));
            }
        }
    }
}
