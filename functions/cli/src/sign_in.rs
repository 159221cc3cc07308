//! `iamwatch sign-in`: the findings of log files.

use std::io::Write;

use chrono::Utc;
use shared::finding::Finding;
use shared::question::Period;
use shared::{alert, app};

use crate::args::SignIn;
use crate::output::stdout;
use crate::reading::read_all;
use crate::{End, findings, s3};

/// Reads, judges and prints.
pub fn run(arguments: &SignIn) -> anyhow::Result<End> {
    let config = arguments.reading.settings.config()?;
    let period = arguments.days.period();
    let read = read_all(&arguments.reading, &config, |name, read, findings: &mut Vec<Finding>| {
        let counts = app::judge_log_file(name, &config, findings, |judge| read(judge))?;
        findings.retain(|finding| is_within(period, finding));
        Ok(counts)
    });
    let remote = match s3::kept("sign-in", &arguments.reading, &arguments.days, &config)? {
        Ok(remote) => remote,
        Err(end) => return Ok(end),
    };
    let findings = app::merged(read.results.into_iter().flatten().chain(remote.findings).collect());
    let now = arguments.now.unwrap_or_else(Utc::now);
    let counted = findings::count(findings, &arguments.counting, now)?;

    let mut out = stdout();
    findings::print(&mut out, counted.findings, arguments.format, &config, |findings| {
        alert::group(findings).iter().filter_map(|findings| alert::mail(findings, &config)).collect()
    })?;
    out.flush()?;
    Ok(End::of(read.could_not_look || remote.could_not_look, counted.fails))
}

/// Whether a finding is about what happened then. What could not be looked at may have happened at any time.
pub fn is_within(period: Period, finding: &Finding) -> bool {
    finding.evidence.record.is_none() || period.holds(finding.time, finding.evidence.delivered)
}
