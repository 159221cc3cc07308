//! README and `docs/`, held to the code, the template and the Makefile. `make docs` writes their generated parts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

#[path = "../../shared/examples/docs/pages.rs"]
mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use iamwatch_tests::repository;
use shared::config::SETTINGS;

const TEMPLATE: &str = include_str!("../../template.yaml");
const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// README and every page of `docs/`, by path.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(repository().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut paths: Vec<PathBuf> = docs.chain([repository().join("README.md")]).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of a page inside blocks of code of that language, or outside all of them.
fn lines<'p>(page: &'p str, language: Option<&str>) -> Vec<&'p str> {
    let mut inside: Option<&str> = None;
    let mut found = Vec::new();
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(name), None) => inside = Some(name),
            (Some(_), Some(_)) => inside = None,
            (None, _) if inside == language => found.push(line),
            (None, _) => {}
        }
    }
    found
}

/// The text between backticks in a line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn the_generated_parts_are_those_of_the_code() {
    for page in pages::current(&repository()).unwrap() {
        expectorate::assert_contents(page.path, &page.content);
    }
}

#[test]
fn the_readme_is_read_in_five_minutes_and_no_line_needs_a_wide_screen() {
    for (path, page) in documents() {
        let is_readme = path.ends_with("README.md");
        assert!(!is_readme || page.lines().count() <= 150, "README has {} lines", page.lines().count());
        for line in lines(&page, None).into_iter().chain(lines(&page, Some("sh"))) {
            let may_be_long = line.starts_with('|') || line.contains("https://");
            assert!(line.chars().count() <= 120 || may_be_long, "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_make_target_and_option_that_the_pages_name_exists() {
    let makefile = fs::read_to_string(repository().join("Makefile")).unwrap();
    // The golden help pages are what the program prints.
    let help =
        ["", "-sign-in", "-sign-ins", "-records", "-credential-report", "-rules", "-suppressions-check"]
            .map(|page| repository().join(format!("tests/snapshots/cli/help{page}.txt")))
            .map(|path| fs::read_to_string(path).unwrap());
    let is_option =
        |word: &str| help.iter().any(|page| page.split([' ', ',', '\n', '[']).any(|it| it == word));
    let (mut targets, mut options) = (BTreeSet::new(), BTreeSet::new());
    for (path, page) in documents() {
        let spans: Vec<&str> = lines(&page, None).into_iter().flat_map(code).collect();
        let commands = lines(&page, Some("sh"));
        for command in spans.iter().chain(&commands) {
            if let Some(target) = command
                .strip_prefix("make ")
                .and_then(|rest| rest.split_whitespace().next().filter(|it| *it != "#"))
            {
                let exists = makefile.contains(&format!("\n{target}:"));
                assert!(exists, "{}: there is no `make {target}`", path.display());
                targets.insert(target.to_owned());
            }
        }
        let ours = commands.iter().filter_map(|line| line.split_once("/iamwatch ")).map(|(_, rest)| rest);
        let ours = ours.map(|rest| rest.split([';', '|', '#', '>']).next().unwrap());
        for command in ours.chain(spans.into_iter().filter(|span| span.starts_with("--"))) {
            for option in command.split([' ', '=']).filter(|word| word.len() > 2 && word.starts_with("--")) {
                assert!(is_option(option), "{}: no help page has {option}", path.display());
                options.insert(option.to_owned());
            }
        }
    }
    assert!(
        targets.contains("demo") && targets.contains("test") && options.len() > 10,
        "{targets:?} {options:?}"
    );
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for (path, page) in documents() {
        for line in lines(&page, None) {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.filter(|target| !target.starts_with("https://")) {
                count += 1;
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { path.clone() } else { path.with_file_name("").join(file) };
                assert!(file.exists(), "{}: {target} does not exist", path.display());
                if !anchor.is_empty() {
                    let linked = fs::read_to_string(&file).unwrap();
                    let found = lines(&linked, None)
                        .into_iter()
                        .any(|line| anchor_of(line) == Some(anchor.to_owned()));
                    assert!(found, "{}: {target} has no such heading", path.display());
                }
            }
        }
    }
    assert!(count > 100, "{count} links");
}

/// GitHub makes the anchor of a heading of its letters and digits, and of `-` for each space.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.to_lowercase().replace(' ', "-");
    Some(kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect())
}

/// The names directly below a section of the template.
fn names_in(section: &str) -> Vec<(&'static str, &'static str)> {
    let (_, rest) = TEMPLATE.split_once(&format!("\n{section}:\n")).unwrap();
    let end = rest.find("\n\n").filter(|_| section == "Parameters").unwrap_or(rest.len());
    let lines: Vec<&str> = rest[..end].lines().collect();
    let named = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("  ")?.strip_suffix(':')?;
        (!name.starts_with(' ')).then_some((name, pair[1].trim()))
    });
    named.collect()
}

#[test]
fn every_alarm_is_explained_and_counted() {
    let alarms: Vec<&str> = names_in("Resources")
        .into_iter()
        .filter(|(_, kind)| kind.ends_with("::Alarm"))
        .map(|(name, _)| name)
        .collect();
    let explained = OPERATIONS.lines().filter_map(|line| line.strip_prefix("#### ")).collect::<BTreeSet<_>>();
    assert_eq!(alarms.iter().copied().collect::<BTreeSet<_>>(), explained);
    let picture = fs::read_to_string(repository().join("docs/flow.svg")).unwrap();
    assert!(
        picture.contains(&format!("; {} alarms<", alarms.len())),
        "docs/flow.svg: {} alarms",
        alarms.len()
    );
    assert!(
        OPERATIONS.contains(&format!("| {} × US$ 0.10 |", alarms.len())),
        "cost of {} alarms",
        alarms.len()
    );
}

#[test]
fn every_metric_prefix_and_parameter_is_explained() {
    let source = include_str!("../../shared/aws/src/metrics.rs");
    let metrics: Vec<&str> = source.split("(\"").skip(1).filter_map(metric).collect();
    assert!(metrics.len() > 15, "{metrics:?}");
    let prefixes: Vec<&str> =
        TEMPLATE.lines().filter_map(|line| line.trim().strip_prefix("Prefix: ")).collect();
    assert!(prefixes.contains(&"cases/"), "{prefixes:?}");
    for name in metrics {
        assert!(OPERATIONS.contains(&format!("`{name}`")), "docs/operations.md lacks the metric {name}");
    }
    for prefix in prefixes {
        assert!(OPERATIONS.contains(&format!("| `{prefix}")), "docs/operations.md lacks the prefix {prefix}");
    }
    let deploy = include_str!("../../docs/deploy.md");
    let of_settings: BTreeSet<String> = SETTINGS.iter().map(|setting| parameter(setting.name)).collect();
    for (name, _) in names_in("Parameters") {
        let is_explained = of_settings.contains(name) || deploy.contains(&format!("| `{name}` |"));
        assert!(is_explained, "docs/deploy.md lacks the parameter {name}");
    }
}

/// The name of a metric, from where it begins in the source.
fn metric(source: &str) -> Option<&str> {
    let (name, rest) = source.split_once("\", \"")?;
    let unit = rest.split('"').next()?;
    (["Count", "Seconds"].contains(&unit) && name.chars().all(char::is_alphanumeric)).then_some(name)
}

/// `MAX_RECORD_BYTES` is the parameter `MaxRecordBytes`.
fn parameter(setting: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    setting.split('_').map(word).collect()
}

#[test]
fn the_names_in_the_code_of_contributing_exist() {
    let mut sources = String::new();
    let mut folders = vec![repository().join("shared/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            match entry.unwrap().path() {
                path if path.is_dir() => folders.push(path),
                path => sources += &fs::read_to_string(path).unwrap(),
            }
        }
    }
    let words = |code: &str| -> BTreeSet<String> {
        let is_separator = |character: char| !character.is_ascii_alphanumeric() && character != '_';
        code.split(is_separator).map(str::to_owned).collect()
    };
    let known = words(&sources);
    let contributing = fs::read_to_string(repository().join("docs/contributing.md")).unwrap();
    let code = lines(&contributing, Some("rust")).into_iter();
    let code = code.filter(|line| !line.contains("// ") && !line.contains("r#\""));
    // What stands between quotes is text.
    let code: String = code.flat_map(|line| line.split('"').step_by(2)).collect::<Vec<_>>().join(" ");
    // Not constants: the example of a setting is one that does not exist.
    let is_type = |word: &String| {
        word.starts_with(char::is_uppercase) && word.contains(|character: char| character.is_lowercase())
    };
    let names: BTreeSet<String> = words(&code).into_iter().filter(is_type).collect();
    assert!(names.contains("DetectionCase"), "{names:?}");
    assert_eq!(names.difference(&known).collect::<Vec<_>>(), [""; 0]);
}
