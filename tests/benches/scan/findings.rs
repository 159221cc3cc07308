//! A fast answer must also be the right one.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::process::sign_in;

/// `(rule, event id)` of a finding.
type Findings = BTreeSet<(String, String)>;

/// The findings that `iamwatch sign-in` must report about the log files in a folder.
type Oracle = fn(&Path) -> anyhow::Result<Findings>;

/// A full parse of every record, which has nothing to be fast with and so nothing to be wrong with.
/// `None` leaves out the comparison and nothing else.
const ORACLE: Option<Oracle> = None;

/// Fails unless the tool's findings about `folder` are those of [`ORACLE`].
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
    let Some(oracle) = ORACLE else {
        println!("{} lines of findings, compared with nothing", lines.lines().count());
        return Ok(());
    };
    let expected = oracle(folder)?;
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

/// The rule and the event id of one line of output.
fn finding(line: &str) -> anyhow::Result<(String, String)> {
    let finding: Value = serde_json::from_str(line).with_context(|| format!("not a finding: {line}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    Ok((text(&finding["rule"]), text(&finding["evidence"]["event_id"])))
}
