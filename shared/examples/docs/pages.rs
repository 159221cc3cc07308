//! The parts of the documentation that are made from the code and from golden files.
//!
//! A part stands between the lines `<!-- NAME -->` and `<!-- end of NAME -->` of its page; the rest of the page is
//! written by hand.

use std::path::{Path, PathBuf};
use std::{fs, io};

use shared::config::{ReadBy, SETTINGS, Setting};
use shared::finding::rule::{CheckRule, Ends, Rule, RuleKind};
use shared::rules::registry;

/// Generated lines are wrapped at this many characters, unless one word is longer.
const WIDTH: usize = 118;

/// A page as it should be.
pub struct Page {
    /// Where it stands.
    pub path: PathBuf,
    /// All of it.
    pub content: String,
}

/// A page's name, the name of a part of it, and what makes that part from the repository's root folder.
type Part = (&'static str, &'static str, fn(&Path) -> io::Result<String>);

const PARTS: &[Part] = &[
    ("README.md", "mail", |root| golden(root, "mails/without-mfa.txt")),
    ("docs/cli.md", "help", |root| golden(root, "cli/help.txt")),
    ("docs/notifications.md", "audit", |root| golden(root, "mails/audit-new-resolved-still.txt")),
    ("docs/rules.md", "table of rules", |_| Ok(table_of_rules())),
    ("docs/rules.md", "rules", |_| Ok(rules())),
    ("docs/settings.md", "table of settings", |_| Ok(table_of_settings())),
    ("docs/settings.md", "settings", |_| Ok(settings())),
];

/// Every page with generated parts, as it should be. `root` is the repository's root folder.
///
/// # Errors
/// A page or a golden file cannot be read, or a page lacks the two lines around a part.
pub fn current(root: &Path) -> io::Result<Vec<Page>> {
    let mut pages: Vec<Page> = Vec::new();
    for (name, part, make) in PARTS {
        let path = root.join(name);
        if pages.last().is_none_or(|page| page.path != path) {
            let content = fs::read_to_string(&path)?;
            pages.push(Page { path, content });
        }
        if let Some(page) = pages.last_mut() {
            let made = make(root)?;
            page.content = with_part(&page.content, part, &made)
                .ok_or_else(|| io::Error::other(format!("{name} has no part \"{part}\"")))?;
        }
    }
    Ok(pages)
}

/// The page with that part replaced; `None` if the page has no such part.
fn with_part(page: &str, name: &str, made: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{made}{end}{after}"))
}

/// A golden file as a block of text.
fn golden(root: &Path, name: &str) -> io::Result<String> {
    let content = fs::read_to_string(root.join("tests/snapshots").join(name))?;
    Ok(format!("```text\n{}\n```\n", content.trim_end()))
}

fn table_of_rules() -> String {
    let mut table = "| rule | severity | title |\n|---|---|---|\n".to_owned();
    for rule in registry::all() {
        table += &format!("| {} | {} | {} |\n", link_to_rule(rule), rule.severity, escaped(rule.title));
    }
    table
}

/// A section for each rule, under a heading for each family.
fn rules() -> String {
    let mut family = "";
    let mut text = String::new();
    for rule in registry::all() {
        if rule.family() != family {
            family = rule.family();
            text += &format!("## {family}\n\n");
        }
        text += &section_of_rule(rule);
    }
    // The end marker follows the last line.
    format!("{}\n", text.trim_end())
}

fn section_of_rule(rule: &Rule) -> String {
    let over = match (rule.kind, rule.family()) {
        (_, "watch") => "about iamwatch itself",
        (RuleKind::Detection, _) => "over CloudTrail records",
        (RuleKind::Check, _) => "over the credential report",
        (RuleKind::Drift, _) => "over two snapshots of IAM settings",
    };
    let mut text = format!("### {}\n\n", rule.id);
    text += &wrapped(&format!("**{}.** {}, {over}.", rule.title, rule.severity), "", "");
    text += &wrapped(&format!("Raised when {}.", rule.condition), "- ", "  ");
    text += &wrapped(&format!("Why {}: {}", rule.severity, rule.severity_reason), "- ", "  ");
    let as_check = registry::report_rule(rule.id);
    if let Some(end) = as_check.and_then(how_it_ends) {
        text += &wrapped(end, "- ", "  ");
    }
    text += "- What to do:\n";
    text += &steps(rule.remediation);
    // One rule has other steps where it is about a credential report.
    if let Some(CheckRule { remediation, .. }) =
        as_check.filter(|check| check.remediation != rule.remediation)
    {
        text += "- What to do if it is about a credential report:\n";
        text += &steps(remediation);
    }
    text += &wrapped(&format!("References: {}.", references(rule)), "- ", "  ");
    text + "\n"
}

/// What a mail says when a finding over the credential report is over.
fn how_it_ends(check: CheckRule) -> Option<&'static str> {
    match (check.rule.family(), check.ends) {
        ("watch", _) => None,
        (_, Ends::WhenMended) => Some("A mail says when it is resolved."),
        (_, Ends::ByItself) => Some("It is over after some time; no mail says that."),
    }
}

fn steps(steps: &[&str]) -> String {
    let numbered = (1..).zip(steps);
    numbered.map(|(number, step)| wrapped(step, &format!("  {number}. "), "     ")).collect()
}

/// The references of a rule as links, each standard named once.
fn references(rule: &Rule) -> String {
    let mut cited: Vec<(String, Vec<String>)> = Vec::new();
    for id in rule.references {
        let (standard, item) = id.split_once(':').unwrap_or((id, ""));
        let (version, numbered) = item.split_once('/').unwrap_or(("", item));
        let (standard, item) = match standard {
            "cis" => (format!("CIS AWS Foundations Benchmark {version}"), numbered.to_owned()),
            "security-hub" => ("AWS Security Hub".to_owned(), link_to_control(item)),
            "mitre-attack" => (format!("MITRE ATT&CK {version}"), link_to_technique(version, numbered)),
            other => (other.to_owned(), item.to_owned()),
        };
        match cited.iter_mut().find(|(name, _)| *name == standard) {
            Some((_, items)) => items.push(item),
            None => cited.push((standard, vec![item])),
        }
    }
    let standards = cited.into_iter().map(|(standard, items)| format!("{standard}: {}", items.join(", ")));
    standards.collect::<Vec<_>>().join("; ")
}

/// `IAM.5` is a section of the page of the IAM controls.
fn link_to_control(id: &str) -> String {
    let service = id.split('.').next().unwrap_or(id).to_lowercase();
    let anchor = id.to_lowercase().replace('.', "-");
    format!(
        "[{id}](https://docs.aws.amazon.com/securityhub/latest/userguide/{service}-controls.html#{anchor})"
    )
}

/// `T1078.004` is a page below that of `T1078`.
fn link_to_technique(version: &str, id: &str) -> String {
    format!("[{id}](https://attack.mitre.org/versions/v{version}/techniques/{}/)", id.replace('.', "/"))
}

fn table_of_settings() -> String {
    let mut table = "| setting | default | read by |\n|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        table +=
            &format!("| {} | {} | {} |\n", link_to_setting(setting, ""), default(setting), read_by(setting));
    }
    table
}

/// A section for each setting.
fn settings() -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        text += &format!("### {}\n\n", setting.name);
        text += &wrapped(setting.purpose, "", "");
        text += &wrapped(&format!("Default: {}.", default(setting)), "- ", "  ");
        text += &wrapped(&format!("It must be {}.", in_code(&setting.accepts.expected())), "- ", "  ");
        text += &wrapped(&format!("Read by {}.", read_by(setting)), "- ", "  ");
        if setting.read_by != ReadBy::CommandLine {
            let parameter = match setting.name {
                // It lists the resources of the stack, which no person has to name.
                "OWN_RESOURCES" => "Set by template.yaml; it is no parameter of the stack.".to_owned(),
                name => format!("Parameter of the stack: `{}`.", parameter(name)),
            };
            text += &wrapped(&parameter, "- ", "  ");
        }
        text += "\n";
    }
    format!("{}\n", text.trim_end())
}

fn default(setting: &Setting) -> String {
    if setting.default.is_empty() { "empty".to_owned() } else { format!("`{}`", setting.default) }
}

fn read_by(setting: &Setting) -> &'static str {
    match setting.read_by {
        ReadBy::All => "functions and command line",
        ReadBy::Functions => "functions",
        ReadBy::CommandLine => "command line",
    }
}

/// `MAX_RECORD_BYTES` is the parameter `MaxRecordBytes`.
fn parameter(setting: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    setting.split('_').map(word).collect()
}

/// The characters that may be written, as code: some of them mean something in Markdown.
fn in_code(expected: &str) -> String {
    match expected.split_once("of the characters ") {
        Some((before, characters)) => format!("{before}of the characters `{characters}`"),
        None => expected.to_owned(),
    }
}

/// GitHub makes a heading's anchor of its letters, digits, `-` and `_`.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || "-_".contains(*c);
    heading.to_lowercase().chars().filter(kept).collect()
}

fn link_to_rule(rule: &Rule) -> String {
    format!("[`{}`](rules.md#{})", rule.id, anchor(rule.id))
}

fn link_to_setting(setting: &Setting, page: &str) -> String {
    format!("[`{}`]({page}#{})", setting.name, anchor(setting.name))
}

/// Text with line breaks, the first line after `first`, each other one after `rest`. Rules and settings that it names
/// become links. What is between backticks stays on one line, so that it can be pasted.
fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let (mut lines, mut line) = (String::new(), first.to_owned());
    let mut is_empty = true;
    for word in words(&escaped(text)) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &format!("{}\n", line.trim_end());
            line = rest.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += &word;
        is_empty = false;
    }
    let end = if first.is_empty() { "\n\n" } else { "\n" };
    lines + line.trim_end() + end
}

/// What line breaks may come between.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split(' ') {
        match words.last_mut() {
            Some(last) if last.matches('`').count() % 2 == 1 => {
                last.push(' ');
                last.push_str(piece);
            }
            _ => words.push(piece.to_owned()),
        }
    }
    words
}

/// Text as Markdown: what is between backticks stays as it is, or becomes a link.
fn escaped(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(index, piece)| {
        if index % 2 == 0 {
            return piece.replace('<', "\\<");
        }
        let rule = registry::all().into_iter().find(|rule| rule.id == piece).map(link_to_rule);
        let setting = SETTINGS.iter().find(|setting| setting.name == piece);
        let setting = setting.map(|setting| link_to_setting(setting, "settings.md"));
        rule.or(setting).unwrap_or_else(|| format!("`{piece}`"))
    });
    pieces.collect()
}
