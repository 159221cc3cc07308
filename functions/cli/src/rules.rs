//! `iamwatch rules`: what is watched.

use std::io::Write;

use serde_json::json;
use shared::rule;

use crate::End;
use crate::args::{Rules, RulesFormat};
use crate::output::stdout;

/// Prints every rule.
pub fn run(arguments: &Rules) -> anyhow::Result<End> {
    let rules = rule::all();
    let mut out = stdout();
    match arguments.format {
        RulesFormat::Json => {
            let rules: Vec<_> = rules
                .iter()
                .map(|rule| {
                    json!({
                        "rule": rule.id,
                        "severity": rule.severity,
                        "title": rule.title,
                        "references": rule.references,
                        "remediation": rule.remediation,
                    })
                })
                .collect();
            serde_json::to_writer_pretty(&mut out, &rules)?;
            writeln!(out)?;
        }
        RulesFormat::Table => {
            let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
            let titles = rules.iter().map(|rule| rule.title.len()).max().unwrap_or_default();
            let mut line = |id: &str, severity: &str, title: &str, references: &str| {
                writeln!(out, "{id:width$}  {severity:13}  {title:titles$}  {references}")
            };
            line("RULE", "SEVERITY", "TITLE", "REFERENCES")?;
            for rule in rules {
                line(rule.id, rule.severity.name(), rule.title, &rule.references.join(" "))?;
            }
        }
    }
    out.flush()?;
    Ok(End::Looked)
}
