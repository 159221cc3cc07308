//! A fast answer must also be the right one.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;
use iamwatch_tests::oracle;
use serde_json::Value;
use shared::config::Config;

use super::process::sign_in;

/// `(rule, event id)` of a finding.
type Findings = BTreeSet<(String, String)>;

/// Fails unless the tool's findings about `folder` are those of a full parse.
pub fn check(tool: &Path, folder: &Path) -> anyhow::Result<()> {
    let path = folder.with_extension("findings.jsonl");
    let command = sign_in(tool, folder, 2);
    Command::new(&command[0])
        .args(&command[1..])
        .stdout(fs::File::create(&path)?)
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("{} did not start", tool.display()))?;
    let lines = fs::read_to_string(&path)?;
    let found: Findings = lines.lines().map(finding).collect::<Result<_, _>>()?;
    ensure!(!found.is_empty(), "{} reported no findings about {}", tool.display(), folder.display());
    let expected = full_parse(folder)?;
    for (rule, event_id) in expected.difference(&found) {
        println!("missed: {rule} {event_id}");
    }
    for (rule, event_id) in found.difference(&expected) {
        println!("wrong: {rule} {event_id}");
    }
    if found != expected {
        bail!("the findings about {} differ from those of a full parse", folder.display());
    }
    println!("{} lines of findings, equal to those of a full parse", lines.lines().count());
    Ok(())
}

/// The findings of a full parse of every record, which has nothing to be fast with.
fn full_parse(folder: &Path) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    let mut folders = vec![folder.to_owned()];
    let config = Config::default();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut json = Vec::new();
            GzDecoder::new(fs::File::open(&path)?).read_to_end(&mut json)?;
            let judged = oracle::judge(&json, &config).with_context(|| path.display().to_string())?;
            ensure!(judged.unreadable.is_empty(), "{} holds unreadable records", path.display());
            findings.extend(
                judged.raised.into_iter().map(|(_, rule, id)| (rule.to_owned(), id.unwrap_or_default())),
            );
        }
    }
    Ok(findings)
}

/// The rule and the event id of one line of output.
fn finding(line: &str) -> anyhow::Result<(String, String)> {
    let finding: Value = serde_json::from_str(line).with_context(|| format!("not a finding: {line}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    Ok((text(&finding["rule"]), text(&finding["evidence"]["event_id"])))
}
