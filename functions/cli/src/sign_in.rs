//! `iamwatch sign-in`: the findings in log files.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::finding;
use shared::finding::Finding;
use shared::formats::cloudtrail;
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::period::Period;
use shared::mail;
use shared::mail::html_report::overview::Overview;
use shared::mail::html_report::{self, ReportScope};
use shared::rules::log_file;
use shared::text::counted;

use crate::args::SignInArgs;
use crate::exit::Exit;
use crate::findings::{self, FilteredFindings, FindingFilter};
use crate::local_read::{LocalResults, read_files};
use crate::output::stdout;
use crate::read_totals::LogFileTotals;
use crate::{html_file, s3};

/// Reads, judges and prints, and writes the HTML report if `--html` is given.
pub fn run(args: &SignInArgs) -> anyhow::Result<Exit> {
    let filter = match FindingFilter::load(&args.filter, args.now) {
        Ok(filter) => filter,
        Err(error) => return Ok(Exit::usage(&error)),
    };
    let config = args.read.settings.config()?;
    let period = args.period.period();
    let overview = args.html.as_ref().map(|_| Mutex::new(Overview::new()));
    let local = read_files(&args.read, &config, |name, read, findings: &mut Vec<Finding>| {
        let counts = log_file::judge_log_file(name, &config, findings, |judge| match &overview {
            None => read(judge),
            Some(overview) => read(&mut |index, json| {
                add_sign_in(overview, period, name, json);
                judge(index, json)
            }),
        })?;
        findings.retain(|finding| is_within(period, finding));
        Ok(counts)
    });
    let from_s3 = match s3::read_sign_in_records("sign-in", &args.read, &args.period, &config)? {
        Ok(records) => records,
        Err(exit) => return Ok(exit),
    };
    if let Some(overview) = &overview {
        for kept in &from_s3.records {
            add_sign_in(overview, period, &kept.log_file, kept.json.get().as_bytes());
        }
    }
    let LocalResults { results, mut totals } = local;
    totals.add(from_s3.totals);
    let is_complete = totals.is_complete();
    let findings = finding::merged(results.into_iter().flatten().chain(from_s3.findings).collect());
    let all = findings.len() as u64;
    let now = args.now.unwrap_or_else(Utc::now);
    let filtered = filter.apply(findings, now);
    let report = overview.map(|overview| {
        let overview = overview.into_inner().unwrap_or_else(PoisonError::into_inner);
        render_report(args, overview, &filtered, all, totals, now, &config)
    });

    let mut out = stdout();
    findings::print(&mut out, filtered.findings, args.format, &config, |findings| {
        mail::by_subject(findings)
            .iter()
            .filter_map(|findings| mail::incident::mail(findings, &config))
            .collect()
    })?;
    out.flush()?;
    if let Some((file, report)) = args.html.as_deref().zip(report) {
        html_file::write(file, &report)?;
    }
    s3::delete_checkpoint(&args.read);
    Ok(Exit::of(!is_complete, filtered.reaches_fail_on))
}

/// The report of `--html`; `all` counts the findings before they were filtered.
fn render_report(
    args: &SignInArgs,
    mut overview: Overview,
    filtered: &FilteredFindings,
    all: u64,
    LogFileTotals { counts, failures }: LogFileTotals,
    now: DateTime<Utc>,
    config: &Config,
) -> String {
    filtered.findings.iter().for_each(|finding| overview.finding(finding));
    let unfetched = (failures.len() as u64).saturating_sub(counts.unreadable_log_files);
    failures.into_iter().for_each(|sentence| overview.note(sentence));
    let below = all - filtered.suppressed - filtered.findings.len() as u64;
    for (count, why) in [
        (filtered.suppressed, "not listed: suppressed".to_owned()),
        (below, format!("not listed: below {}", args.filter.min_severity)),
    ] {
        if count > 0 {
            overview.note(format!("{} {why}", counted(count, "finding", "findings")));
        }
    }
    let paths = args.read.paths.iter().map(|path| path.display().to_string());
    let Period { from, to } = args.period.period();
    let scope = ReportScope {
        title: "Sign-ins and findings",
        sources: &paths.collect::<Vec<_>>(),
        from,
        to,
        made_at: now,
        counts,
        unfetched_log_files: unfetched,
        findings_at: None,
    };
    html_report::render(&overview, &scope, config)
}

/// Adds the record to the overview if it is a sign-in of the period. The judge reports unreadable records.
fn add_sign_in(overview: &Mutex<Overview>, period: Period, log_file: &str, json: &[u8]) {
    if let Ok(record) = Record::parse(json)
        && let Some(sign_in) = cloudtrail::SignIn::of(&record)
        && period.holds(record.event_time, log_file)
    {
        overview.lock().unwrap_or_else(PoisonError::into_inner).sign_in(&record, &sign_in);
    }
}

/// Whether the finding belongs to the period. One about a log file always does: what is unreadable has no time.
fn is_within(period: Period, finding: &Finding) -> bool {
    let log_file = finding.evidence.log_file.as_deref().unwrap_or_default();
    finding.evidence.record.is_none() || period.holds(finding.time, log_file)
}
