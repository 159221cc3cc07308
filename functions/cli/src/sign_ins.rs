//! `iamwatch sign-ins`: every sign-in, with or without a finding.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;
use shared::config::Config;
use shared::finding::Principal;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::sign_in::SIGN_IN_SOURCE;
use shared::formats::cloudtrail::{Mfa, Outcome, Record, SignIn};
use shared::state::backfill::KeptRecord;

use crate::args::{ListFormat, SignIns};
use crate::output::{self, cell, counted, csv_cell, json_line, note, stdout};
use crate::reading::read_all;
use crate::{End, s3};

/// The columns, as CSV and JSON name them.
const COLUMNS: [&str; 8] = ["time", "type", "who", "outcome", "mfa", "source_ip", "account", "event"];

/// One sign-in; facts that the record does not give are empty cells in CSV, and absent in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Row {
    #[serde(skip_serializing_if = "String::is_empty")]
    time: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    who: String,
    outcome: &'static str,
    mfa: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_ip: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    account: String,
    event: String,
    /// Whether nobody is named because AWS hides the name: no user of that name exists.
    #[serde(skip)]
    who_hidden: bool,
    #[serde(skip)]
    event_key: Option<String>,
    /// Whether a later, corrected copy of the record was read.
    #[serde(skip)]
    corrected: bool,
    /// Tells records without an id from each other.
    #[serde(skip)]
    place: Option<(String, u64)>,
}

/// Reads and lists.
pub fn run(arguments: &SignIns) -> anyhow::Result<End> {
    let config = arguments.reading.settings.config()?;
    let period = arguments.days.period();
    let read = read_all(&arguments.reading, &config, |name, read, rows: &mut Vec<Row>| {
        let mut judged = 0;
        let counts = read(&mut |index, json| {
            let record = Record::parse(json)?;
            let sign_in = SignIn::of(&record).filter(|_| period.holds(record.event_time, name));
            rows.extend(sign_in.map(|sign_in| row(&record, sign_in, name, index)));
            match record.unread {
                Some(reason) if record.event_source == SIGN_IN_SOURCE => Err(reason),
                _ => {
                    judged += 1;
                    Ok(())
                }
            }
        })?;
        Ok(Counts::of(&counts, judged))
    });
    let remote = match s3::kept("sign-ins", &arguments.reading, &arguments.days, &config)? {
        Ok(remote) => remote,
        Err(end) => return Ok(end),
    };
    let of_kept = |kept: &KeptRecord| {
        let record = Record::parse(kept.json.get().as_bytes()).ok()?;
        Some(row(&record, SignIn::of(&record)?, &kept.log_file, kept.record))
    };
    let mut seen = BTreeSet::new();
    let mut rows: Vec<Row> = read.results.into_iter().flatten().collect();
    rows.extend(remote.records.iter().filter_map(of_kept));
    // The same event may stand in several log files; a corrected copy says more than the first one.
    rows.sort_by(|a, b| b.corrected.cmp(&a.corrected).then_with(|| a.cmp(b)));
    rows.retain(|row| row.event_key.is_none() || seen.insert((row.account.clone(), row.event_key.clone())));
    rows.sort();
    note(&format!("{}.", counted(rows.len() as u64, "sign-in")));

    let mut out = stdout();
    match arguments.format {
        ListFormat::Json => rows.iter().try_for_each(|row| json_line(&mut out, row))?,
        ListFormat::Csv => {
            output::csv(&mut out, &COLUMNS, rows.iter().map(|row| row.cells().map(csv_cell)))?;
        }
        ListFormat::Table => {
            let cells: Vec<[String; 8]> = std::iter::once(COLUMNS.map(|column| column.to_uppercase()))
                .chain(rows.iter().map(|row| row.shown(&config)))
                .collect();
            output::table(&mut out, &cells)?;
        }
    }
    out.flush()?;
    s3::forget(&arguments.reading);
    Ok(End::of(read.could_not_look || !remote.failed.is_empty(), false))
}

impl Row {
    fn cells(&self) -> [&str; 8] {
        [
            &self.time,
            &self.kind,
            &self.who,
            self.outcome,
            self.mfa,
            &self.source_ip,
            &self.account,
            &self.event,
        ]
    }

    /// The cells as a person reads them.
    fn shown(&self, config: &Config) -> [String; 8] {
        let mut cells = self.cells().map(cell);
        if self.who_hidden {
            cells[2] = "(hidden by AWS)".to_owned();
        }
        if let Some(name) = config.account_names.get(&self.account) {
            cells[6] = format!("{} ({})", cell(name), cells[6]);
        }
        cells
    }
}

fn row(record: &Record<'_>, sign_in: SignIn, name: &str, index: u64) -> Row {
    let principal = Principal::of(record).unwrap_or_default();
    let event_key = record.event_key().map(str::to_owned);
    Row {
        time: record.event_time.map(output::time).unwrap_or_default(),
        kind: principal.kind.unwrap_or_default(),
        who_hidden: principal.name_hidden,
        corrected: record.original_event_id.is_some(),
        who: principal.name.or(principal.arn).unwrap_or_default(),
        outcome: match sign_in.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Unknown => "unknown",
        },
        mfa: match sign_in.mfa {
            Mfa::Yes => "yes",
            Mfa::No => "no",
            Mfa::Unknown => "unknown",
        },
        source_ip: record.source_ip_address.as_deref().unwrap_or_default().to_owned(),
        account: record.account().unwrap_or_default().to_owned(),
        event: record.event_name.clone().into_owned(),
        place: event_key.is_none().then(|| (name.to_owned(), index)),
        event_key,
    }
}
