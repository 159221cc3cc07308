//! The README tells the same story as the code. `make bless` writes its tables.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use shared::rules::registry;
use std::fs;
use std::path::Path;

use shared::config::SETTINGS;

/// The README with the lines between its two markers replaced.
fn with_section(readme: &str, name: &str, lines: &[String]) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("the README has no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the README has no {end}"));
    format!("{before}{begin}{}\n{end}{after}", lines.join("\n"))
}

fn rules() -> Vec<String> {
    let head = ["| rule | severity | what is told |", "|---|---|---|"].map(str::to_owned);
    let rows = registry::all().into_iter().map(|rule| {
        let mut condition = rule.condition.to_owned();
        condition[..1].make_ascii_uppercase();
        format!("| `{}` | {} | {condition} |", rule.id, rule.severity)
    });
    head.into_iter().chain(rows).collect()
}

fn settings() -> Vec<String> {
    let head =
        ["| setting | default | what it must be | what it changes |", "|---|---|---|---|"].map(str::to_owned);
    let rows = SETTINGS.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { "empty".to_owned() } else { format!("`{}`", setting.default) };
        format!("| `{}` | {default} | {} | {} |", setting.name, setting.accepts.expected(), setting.purpose)
    });
    head.into_iter().chain(rows).collect()
}

#[test]
fn the_readme_lists_every_rule_and_every_setting_as_the_code_has_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let expected = with_section(&with_section(&readme, "rules", &rules()), "settings", &settings());
    expectorate::assert_contents(path, &expected);
}

#[test]
fn every_make_target_and_option_that_the_readme_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    let named = readme.split(['`', '\n']).filter_map(|piece| piece.strip_prefix("make "));
    let targets: Vec<&str> = named.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(targets.contains(&"demo") && targets.contains(&"test"), "{targets:?}");
    for target in targets {
        assert!(
            makefile.contains(&format!("\n{target}:")),
            "README names `make {target}`, which does not exist"
        );
    }
    // The golden help pages are what the program prints.
    let help =
        ["", "-sign-in", "-sign-ins", "-records", "-credential-report", "-rules", "-suppressions-check"]
            .map(|page| read(&format!("tests/snapshots/cli/help{page}.txt")));
    // The commands of other programs have options of their own.
    let mut of_another = false;
    let ours = readme.lines().filter(|line| {
        of_another = line.starts_with("aws ") || of_another && line.starts_with("  ");
        !of_another
    });
    let words = ours.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == '`' || c == '='));
    let options: Vec<&str> = words.filter(|word| word.len() > 3 && word.starts_with("--")).collect();
    assert!(options.len() > 5, "{options:?}");
    for option in options {
        let known = |page: &String| page.split([' ', ',', '\n', '[']).any(|word| word == option);
        assert!(help.iter().any(known), "README names {option}, which no help page has");
    }
}
