//! `iamwatch rules`: every rule.

use std::io::Write;

use serde_json::json;
use shared::finding::rule::Rule;
use shared::rules::registry;

use crate::args::{RulesArgs, RulesFormat};
use crate::exit::Exit;
use crate::output::{self, stdout};

/// Prints every rule.
pub fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    let rules = registry::all();
    let mut out = stdout();
    match args.format {
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
    Ok(Exit::Complete)
}
