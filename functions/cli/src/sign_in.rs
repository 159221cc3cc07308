//! `iamwatch sign-in`: the findings of log files.

use std::io::Write;

use chrono::Utc;
use shared::finding::Finding;
use shared::{alert, app, ocsf};

use crate::End;
use crate::args::{FindingFormat, SignIn};
use crate::output::{counted, json_line, note, stdout};
use crate::reading::read_all;
use crate::suppressions;

/// Reads, judges and prints.
pub fn run(arguments: &SignIn) -> anyhow::Result<End> {
    let config = arguments.reading.config()?;
    let read = read_all(&arguments.reading, &config, |name, read, findings: &mut Vec<Finding>| {
        app::judge_log_file(name, &config, findings, |judge| read(judge))
    });
    let mut findings = app::merged(read.results.into_iter().flatten().collect());
    if let Some(file) = &arguments.suppressions {
        let now = arguments.now.unwrap_or_else(Utc::now);
        let accepted = suppressions::read(file, now)?;
        let all = findings.len();
        findings.retain(|finding| accepted.hiding(finding, now).is_none());
        note(&format!("{} suppressed.", counted((all - findings.len()) as u64, "finding")));
    }
    let reaches = |severity| findings.iter().any(|finding| finding.severity >= severity);
    let found = arguments.fail_on.is_some_and(reaches);
    let all = findings.len();
    findings.retain(|finding| finding.severity >= arguments.min_severity);
    let left_out = all - findings.len();
    let mut found_in_all = format!("{}.", counted(findings.len() as u64, "finding"));
    if left_out > 0 {
        found_in_all += &format!(" {left_out} more below {} left out.", arguments.min_severity);
    }
    note(&found_in_all);

    let mut out = stdout();
    match arguments.format {
        FindingFormat::Json => findings.iter().try_for_each(|finding| json_line(&mut out, finding))?,
        FindingFormat::Ocsf => {
            findings
                .iter()
                .try_for_each(|finding| json_line(&mut out, &ocsf::detection_finding(finding, &config)))?;
        }
        FindingFormat::Text => {
            for findings in alert::group(findings) {
                let Some(mail) = alert::mail(&findings, &config) else { continue };
                writeln!(out, "{}\nSubject: {}\n\n{}", "=".repeat(78), mail.subject, mail.body)?;
            }
        }
    }
    out.flush()?;
    Ok(match (read.could_not_look, found) {
        (true, _) => End::CouldNotLook,
        (false, true) => End::Found,
        (false, false) => End::Looked,
    })
}
