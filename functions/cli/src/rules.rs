//! `iamwatch rules`: what is watched.

use std::io::Write;

use serde_json::json;
use shared::detections;

use crate::End;
use crate::args::{Rules, RulesFormat};
use crate::output::stdout;

/// Prints every rule.
pub fn run(arguments: &Rules) -> anyhow::Result<End> {
    let rules = detections::rules();
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
            for rule in rules {
                writeln!(
                    out,
                    "{:width$}  {:13}  {:titles$}  {}",
                    rule.id,
                    rule.severity,
                    rule.title,
                    rule.references.join(" ")
                )?;
            }
        }
    }
    out.flush()?;
    Ok(End::Looked)
}
