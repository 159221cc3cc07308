//! `iamwatch rules`: what is watched.

use shared::rules::registry;
use std::io::Write;

use serde_json::json;
use shared::finding::rule::Rule;

use crate::End;
use crate::args::{Rules, RulesFormat};
use crate::output::{self, stdout};

/// Prints every rule.
pub fn run(arguments: &Rules) -> anyhow::Result<End> {
    let rules = registry::all();
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
            let head = ["RULE", "SEVERITY", "TITLE", "REFERENCES"].map(str::to_owned);
            let row = |rule: &&Rule| {
                [rule.id, rule.severity.name(), rule.title, &rule.references.join(" ")].map(str::to_owned)
            };
            let rows: Vec<_> = std::iter::once(head).chain(rules.iter().map(row)).collect();
            output::table(&mut out, &rows)?;
        }
    }
    out.flush()?;
    Ok(End::Looked)
}
