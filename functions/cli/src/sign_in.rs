//! `iamwatch sign-in`: the findings of log files.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use shared::finding;
use shared::finding::Finding;
use shared::formats::cloudtrail;
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::period::Period;
use shared::mail;
use shared::mail::html_report::overview::Overview;
use shared::mail::html_report::{self, ReportScope};
use shared::rules::log_file;

use crate::args::SignIn;
use crate::output::{counted, stdout};
use crate::reading::{Outcome, read_all};
use crate::{End, findings, html, s3};

/// Reads, judges and prints, and writes the page where one is wanted.
pub fn run(arguments: &SignIn) -> anyhow::Result<End> {
    let config = arguments.reading.settings.config()?;
    let period = arguments.days.period();
    let story = arguments.html.as_ref().map(|_| Mutex::new(Overview::new()));
    let read = read_all(&arguments.reading, &config, |name, read, findings: &mut Vec<Finding>| {
        let counts = log_file::judge_log_file(name, &config, findings, |judge| match &story {
            None => read(judge),
            Some(story) => read(&mut |index, json| {
                learn(story, period, name, json);
                judge(index, json)
            }),
        })?;
        findings.retain(|finding| is_within(period, finding));
        Ok(counts)
    });
    let remote = match s3::kept("sign-in", &arguments.reading, &arguments.days, &config)? {
        Ok(remote) => remote,
        Err(end) => return Ok(end),
    };
    if let Some(story) = &story {
        for kept in &remote.records {
            learn(story, period, &kept.log_file, kept.json.get().as_bytes());
        }
    }
    let Outcome { results, mut counts, mut failed, could_not_look } = read;
    let could_not_look = could_not_look || !remote.failed.is_empty();
    counts += remote.counts;
    failed.extend(remote.failed);
    let findings = finding::merged(results.into_iter().flatten().chain(remote.findings).collect());
    let all = findings.len() as u64;
    let now = arguments.now.unwrap_or_else(Utc::now);
    let found = findings::count(findings, &arguments.counting, now)?;
    let page = story.map(|story| {
        let mut story = story.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.findings.iter().for_each(|finding| story.finding(finding));
        let unread = (failed.len() as u64).saturating_sub(counts.unreadable_log_files);
        failed.into_iter().for_each(|sentence| story.note(sentence));
        let below = all - found.accepted - found.findings.len() as u64;
        for (count, why) in [
            (found.accepted, "not listed: accepted by a suppression".to_owned()),
            (below, format!("not listed: below {}", arguments.counting.min_severity)),
        ] {
            if count > 0 {
                story.note(format!("{} {why}", counted(count, "finding")));
            }
        }
        let paths = arguments.reading.paths.iter().map(|path| path.display().to_string());
        let scope = ReportScope {
            title: "Sign-ins and findings",
            sources: &paths.collect::<Vec<_>>(),
            from: period.from,
            to: period.to,
            made_at: now,
            counts,
            unfetched_log_files: unread,
            findings_at: None,
        };
        html_report::render(&story, &scope, &config)
    });

    let mut out = stdout();
    findings::print(&mut out, found.findings, arguments.format, &config, |findings| {
        mail::by_subject(findings)
            .iter()
            .filter_map(|findings| mail::incident::mail(findings, &config))
            .collect()
    })?;
    out.flush()?;
    if let Some((file, page)) = arguments.html.as_deref().zip(page) {
        html::write(file, &page)?;
    }
    s3::forget(&arguments.reading);
    Ok(End::of(could_not_look, found.fails))
}

/// Counts the record if it is a sign-in of that time. What cannot be read is for the judge to say.
fn learn(story: &Mutex<Overview>, period: Period, log_file: &str, json: &[u8]) {
    if let Ok(record) = Record::parse(json)
        && let Some(sign_in) = cloudtrail::SignIn::of(&record)
        && period.holds(record.event_time, log_file)
    {
        story.lock().unwrap_or_else(PoisonError::into_inner).sign_in(&record, &sign_in);
    }
}

/// Whether a finding is about what happened then. What could not be looked at may have happened at any time.
pub fn is_within(period: Period, finding: &Finding) -> bool {
    let log_file = finding.evidence.log_file.as_deref().unwrap_or_default();
    finding.evidence.record.is_none() || period.holds(finding.time, log_file)
}
