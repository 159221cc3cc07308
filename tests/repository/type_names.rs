//! A public type name means one thing, whichever crate it is in.

use std::collections::BTreeMap;

use super::layers::source_files;

/// Names that mean one thing in each program: its answer, and its entry point.
const ONE_PER_CRATE: &[&str] = &["Error"];

/// The name of a type that a line declares as `pub` or `pub(…)`.
fn public_type(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub")?;
    let line = match line.strip_prefix('(') {
        Some(line) => line.split_once(')')?.1,
        None => line,
    };
    let words = ["struct ", "enum ", "trait ", "type "];
    let name = words.into_iter().find_map(|word| line.strip_prefix(' ')?.strip_prefix(word))?;
    Some(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
}

#[test]
fn no_public_type_name_is_used_twice() {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["shared/src", "shared/aws/src", "functions"] {
        for (path, text) in source_files(folder) {
            for name in text.lines().filter_map(public_type) {
                declared.entry(name.to_owned()).or_default().push(path.display().to_string());
            }
        }
    }
    assert!(declared.len() > 100, "{} public types were found", declared.len());
    declared.retain(|name, paths| paths.len() > 1 && !ONE_PER_CRATE.contains(&&name[..]));
    let twice: Vec<String> =
        declared.iter().map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect();
    assert!(twice.is_empty(), "public type names with several meanings:\n{}", twice.join("\n"));
}

#[test]
fn public_types_are_found_however_they_are_declared() {
    for (line, name) in [
        ("pub struct Case {", Some("Case")),
        ("    pub(crate) enum Way {", Some("Way")),
        ("pub(in crate::a) type RuleLookup = fn();", Some("RuleLookup")),
        ("pub trait Body<'a> {", Some("Body")),
        ("struct Case {", None),
        ("pub fn struct_of() {", None),
    ] {
        assert_eq!(public_type(line), name, "{line}");
    }
}
