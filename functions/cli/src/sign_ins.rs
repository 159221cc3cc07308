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
use shared::text::counted;

use crate::args::{ListFormat, SignInsArgs};
use crate::exit::Exit;
use crate::local_read::read_files;
use crate::output::{self, cell, csv_cell, json_line, note, stdout};
use crate::s3;

/// The columns, as CSV and JSON name them.
const COLUMNS: [&str; 8] = ["time", "type", "who", "outcome", "mfa", "source_ip", "account", "event"];

/// One sign-in. Absent facts are empty cells in CSV, and absent in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct SignInRow {
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
    /// Whether AWS hides the name: no user of that name exists.
    #[serde(skip)]
    who_hidden: bool,
    #[serde(skip)]
    event_key: Option<String>,
    /// Whether the record is a corrected copy of an earlier one.
    #[serde(skip)]
    corrected: bool,
    /// Log file and index, for a record without an id: two such records are two rows.
    #[serde(skip)]
    position: Option<(String, u64)>,
}

/// Reads and lists.
pub fn run(args: &SignInsArgs) -> anyhow::Result<Exit> {
    let config = args.read.settings.config()?;
    let period = args.period.period();
    let local = read_files(&args.read, &config, |name, read, rows: &mut Vec<SignInRow>| {
        let mut judged = 0;
        let counts = read(&mut |index, json| {
            let record = Record::parse(json)?;
            let sign_in = SignIn::of(&record).filter(|_| period.holds(record.event_time, name));
            rows.extend(sign_in.map(|sign_in| row(&record, sign_in, name, index)));
            match record.unreadable {
                Some(reason) if record.event_source == SIGN_IN_SOURCE => Err(reason),
                _ => {
                    judged += 1;
                    Ok(())
                }
            }
        })?;
        Ok(Counts::of(&counts, judged))
    });
    let from_s3 = match s3::read_sign_in_records("sign-ins", &args.read, &args.period, &config)? {
        Ok(records) => records,
        Err(exit) => return Ok(exit),
    };
    let kept_row = |kept: &KeptRecord| {
        let record = Record::parse(kept.json.get().as_bytes()).ok()?;
        Some(row(&record, SignIn::of(&record)?, &kept.log_file, kept.record))
    };
    let mut seen = BTreeSet::new();
    let mut rows: Vec<SignInRow> = local.results.into_iter().flatten().collect();
    rows.extend(from_s3.records.iter().filter_map(kept_row));
    // Several log files may hold the same event; a corrected copy comes first and is kept.
    rows.sort_by(|a, b| b.corrected.cmp(&a.corrected).then_with(|| a.cmp(b)));
    rows.retain(|row| row.event_key.is_none() || seen.insert((row.account.clone(), row.event_key.clone())));
    rows.sort();
    note(&format!("{}.", counted(rows.len() as u64, "sign-in", "sign-ins")));

    let mut out = stdout();
    match args.format {
        ListFormat::Json => rows.iter().try_for_each(|row| json_line(&mut out, row))?,
        ListFormat::Csv => {
            output::csv(&mut out, &COLUMNS, rows.iter().map(|row| row.cells().map(csv_cell)))?;
        }
        ListFormat::Table => {
            let cells: Vec<[String; 8]> = std::iter::once(COLUMNS.map(|column| column.to_uppercase()))
                .chain(rows.iter().map(|row| row.table_cells(&config)))
                .collect();
            output::table(&mut out, &cells)?;
        }
    }
    out.flush()?;
    s3::delete_checkpoint(&args.read);
    let is_complete = local.totals.is_complete() && from_s3.totals.is_complete();
    Ok(Exit::of(!is_complete, false))
}

impl SignInRow {
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

    /// The cells of the table.
    fn table_cells(&self, config: &Config) -> [String; 8] {
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

fn row(record: &Record<'_>, sign_in: SignIn, name: &str, index: u64) -> SignInRow {
    let principal = Principal::of(record).unwrap_or_default();
    let event_key = record.event_key().map(str::to_owned);
    SignInRow {
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
        position: event_key.is_none().then(|| (name.to_owned(), index)),
        event_key,
    }
}
