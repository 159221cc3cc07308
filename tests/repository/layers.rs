//! Imports point one way: up the list of layers, and never in a circle.
//!
//! The layers are the modules of `shared/src/lib.rs`, in its order: a module may use only those above it, in its
//! tests too. Inside the core, the adapters and the command line tool no files import each other in a circle, inline
//! tests apart. A folder's own file (`checks.rs` of `checks/`) may use the files in the folder; these use each other,
//! never that file.

#![expect(clippy::panic, clippy::unwrap_used, reason = "only tests call these functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of the core, lowest first.
const LAYERS: &[&str] = &[
    "text",
    "glob",
    "gzip",
    "bounded",
    "error",
    "severity",
    "config",
    "formats",
    "finding",
    "notification",
    "ports",
    "state",
    "rules",
    "mail",
    "use_cases",
];

/// One source file of a crate.
struct Source {
    /// Its path from the repository's root.
    path: String,
    /// Its module: `["formats", "cloudtrail", "key"]`; empty for `lib.rs` and `main.rs`.
    module: Vec<String>,
    /// Its code without comments, up to its inline tests.
    code: String,
    /// Its inline tests.
    tests: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The path and the text of each source file of a folder, in the order of their paths.
pub(super) fn source_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(found.len() > 3, "{folder} has hardly any source files");
    found
}

fn sources(folder: &str) -> Vec<Source> {
    source_files(folder).iter().map(|(path, text)| source(folder, path, text)).collect()
}

fn source(folder: &str, path: &Path, text: &str) -> Source {
    let inside = path.strip_prefix(root().join(folder)).unwrap().with_extension("");
    let mut module: Vec<String> =
        inside.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod").collect();
    if module.len() == 1 && ["lib", "main"].contains(&&*module[0]) {
        module.clear();
    }
    // What follows `//` in a string is no import either.
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let text = lines.join("\n");
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    let is_test = module.last().is_some_and(|name| name == "tests");
    let end = if is_test { 0 } else { end };
    let path = format!("{folder}/{}", inside.with_extension("rs").display());
    Source { path, module, code: text[..end].to_owned(), tests: text[end..].to_owned() }
}

/// Every path that begins with `crate`, `super` or `self`, in `use` lines and elsewhere, with its groups
/// unfolded.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            unfold(&code[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path, and the content of its braces; returns how many bytes that were.
fn unfold(code: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let (depth, mut at) = (prefix.len(), 0);
    loop {
        let rest = &code[at..];
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word > 0 {
            prefix.push(rest[..word].to_owned());
            at += word;
        } else if rest.starts_with('{') {
            at += 1;
            loop {
                at += code[at..].len() - code[at..].trim_start().len();
                match code[at..].chars().next() {
                    Some('}') | None => break,
                    Some(c) if c.is_alphanumeric() || c == '_' || c == '{' => {
                        at += unfold(&code[at..], prefix, found);
                    }
                    Some(c) => at += c.len_utf8(),
                }
            }
            prefix.truncate(depth);
            return at + 1;
        } else {
            break;
        }
        if !code[at..].starts_with("::") {
            break;
        }
        at += 2;
    }
    found.push(prefix.clone());
    prefix.truncate(depth);
    at
}

/// The path from the crate's root; `None` where it stays inside the inline tests.
fn absolute(module: &[String], path: &[String], in_tests: bool) -> Option<Vec<String>> {
    if path[0] == "crate" {
        return Some(path[1..].to_vec());
    }
    let mut here = module.to_vec();
    if in_tests {
        here.push("tests".to_owned());
    }
    let mut rest = path;
    while let Some((first, others)) =
        rest.split_first().filter(|(first, _)| *first == "super" || *first == "self")
    {
        if first == "super" {
            here.pop()?;
        }
        rest = others;
    }
    here.extend(rest.iter().cloned());
    Some(here)
}

#[test]
fn a_layer_of_the_core_uses_only_the_layers_above_it() {
    let page = fs::read_to_string(root().join("shared/src/lib.rs")).unwrap();
    let named = |line: &str| Some(line.strip_prefix("//! | [`")?.split_once('`')?.0.to_lowercase());
    let documented: Vec<String> = page.lines().filter_map(named).collect();
    assert_eq!(documented, LAYERS, "the table in lib.rs lists the layers in their order");
    let level = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut upward = BTreeSet::new();
    for Source { path, module, code, tests } in sources("shared/src") {
        let Some(own) = module.first().and_then(|layer| level(layer)) else { continue };
        for (code, in_tests) in [(code, false), (tests, true)] {
            for used in paths(&code).iter().filter_map(|path| absolute(&module, path, in_tests)) {
                let name = used.first().map(String::as_str).unwrap_or_default();
                // `crate::Error` is re-exported by `lib.rs`.
                let name = if name == "Error" { "error" } else { name };
                if level(name).is_some_and(|used| used > own) {
                    upward.insert(format!("{path} uses {}", used.join("::")));
                }
            }
        }
    }
    assert!(upward.is_empty(), "imports that point the wrong way:\n{}", Vec::from_iter(upward).join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let folders = ["shared/src", "shared/aws/src", "functions/cli/src"];
    let circles: Vec<String> = folders.into_iter().flat_map(circles).collect();
    assert!(circles.is_empty(), "files that import each other in a circle:\n{}", circles.join("\n"));
}

/// Each circle as the files that are in it.
fn circles(folder: &str) -> Vec<String> {
    let sources = sources(folder);
    let by_module: BTreeMap<&[String], usize> =
        sources.iter().enumerate().map(|(index, source)| (&source.module[..], index)).collect();
    let file_of = |path: &[String]| (0..=path.len()).rev().find_map(|end| by_module.get(&path[..end]));
    let mut uses: Vec<BTreeSet<usize>> = Vec::new();
    for (own, Source { module, code, .. }) in sources.iter().enumerate() {
        let absolute = paths(code).into_iter().filter_map(|path| absolute(module, &path, false));
        // What a folder's file takes from a file in the folder by its bare name: `use checks::Check;`.
        let bare = bare_imports(code).into_iter().map(|path| [&module[..], &path].concat());
        let used = absolute.chain(bare).filter_map(|path| file_of(&path).copied());
        uses.push(used.filter(|used| *used != own && !sources[*used].module.is_empty()).collect());
    }
    let reached = |from: usize| {
        let (mut seen, mut waiting) = (BTreeSet::new(), Vec::from_iter(uses[from].clone()));
        while let Some(next) = waiting.pop() {
            if seen.insert(next) {
                waiting.extend(&uses[next]);
            }
        }
        seen
    };
    let reached: Vec<BTreeSet<usize>> = (0..sources.len()).map(reached).collect();
    let mut circles = BTreeSet::new();
    for from in 0..sources.len() {
        let circle: Vec<&str> = (0..sources.len())
            .filter(|to| reached[from].contains(to) && reached[*to].contains(&from))
            .map(|to| &*sources[to].path)
            .collect();
        if !circle.is_empty() {
            circles.insert(circle.join(", "));
        }
    }
    circles.into_iter().collect()
}

/// `use name::…` at the beginning of a line.
fn bare_imports(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with("pub") {
            unfold(&code[at + 4..], &mut Vec::new(), &mut found);
        }
    }
    found.retain(|path| path.first().is_some_and(|first| !["crate", "super", "self"].contains(&&**first)));
    found
}

#[test]
fn imports_are_found_however_they_are_written() {
    let code = "use crate::{a::{self, B}, c};\npub(crate) use super::d::*;\nlet x = crate::e::F::new(self::g::H);\nuse mycrate::i;";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        ["crate::a::self", "crate::a::B", "crate::c", "crate::e::F::new", "super::d", "self::g::H"]
    );
    let module = ["m".to_owned(), "n".to_owned()];
    let of = |path: &str, in_tests| {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        absolute(&module, &path, in_tests).map(|path| path.join("::"))
    };
    assert_eq!(of("super::x", false).as_deref(), Some("m::x"));
    assert_eq!(of("super::x", true).as_deref(), Some("m::n::x"));
    assert_eq!(of("super::super::x", false).as_deref(), Some("x"));
    assert_eq!(of("super::super::super::x", false), None);
}
