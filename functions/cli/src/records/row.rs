//! One record, as it is printed.

use std::io::Write;

use serde::Serialize;
use shared::config::Config;
use shared::finding::Principal;
use shared::formats::cloudtrail::{Outcome, Record, SignIn};

use crate::args::ListFormat;
use crate::output::{self, cell, csv_cell, json_line};

/// The columns, as CSV names them.
const COLUMNS: [&str; 12] = [
    "time",
    "event_source",
    "event_name",
    "type",
    "who",
    "arn",
    "source_ip",
    "user_agent",
    "region",
    "account",
    "error",
    "event_id",
];

/// The columns of the table with their minimal widths in characters. They are fixed, as rows are printed before later
/// rows are known.
const TABLE: [(&str, usize); 7] = [
    ("TIME", 20),
    ("ACCOUNT", 12),
    ("REGION", 14),
    ("SOURCE_IP", 15),
    ("CALL", 32),
    ("WHO", 28),
    ("ERROR", 0),
];

/// One record. Absent facts are empty cells in CSV, and absent in JSON.
#[derive(Serialize)]
pub struct RecordRow<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    time: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    who: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    arn: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_ip: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_agent: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    region: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_id: &'a str,
    log_file: &'a str,
    record: u64,
    /// Whether AWS hides the name: no user of that name exists.
    #[serde(skip)]
    who_hidden: bool,
}

impl<'a> RecordRow<'a> {
    /// The row of the record with this index in the log file.
    pub fn of(record: &'a Record<'_>, log_file: &'a str, index: u64) -> RecordRow<'a> {
        let principal = Principal::of(record).unwrap_or_default();
        let arn = principal.arn.unwrap_or_default();
        let outcome = SignIn::of(record).map(|sign_in| sign_in.outcome);
        let error = record.error_code.as_deref().or(record.error_message.as_deref());
        RecordRow {
            time: record.event_time.map(output::time).unwrap_or_default(),
            event_source: &record.event_source,
            event_name: &record.event_name,
            kind: principal.kind.unwrap_or_default(),
            who: principal.name.unwrap_or_else(|| arn.clone()),
            arn,
            source_ip: record.source_ip_address.as_deref().unwrap_or_default(),
            user_agent: record.user_agent.as_deref().unwrap_or_default(),
            region: record.aws_region.as_deref().unwrap_or_default(),
            account: record.account().unwrap_or_default(),
            error: error.unwrap_or(if outcome == Some(Outcome::Failure) { "Failure" } else { "" }),
            event_id: record.event_id.as_deref().unwrap_or_default(),
            log_file,
            record: index,
            who_hidden: principal.name_hidden,
        }
    }

    /// Who called, as a cell of the table.
    pub fn who(&self) -> String {
        match (self.who_hidden, &*self.who, &*self.kind) {
            (true, ..) => "(hidden by AWS)".to_owned(),
            (false, "", "") => "(unknown)".to_owned(),
            (false, "", kind) => cell(kind),
            (false, who, _) => cell(who),
        }
    }

    /// What was called, as a cell of the table: `iam:CreateUser`.
    pub fn call(&self) -> String {
        let service = self.event_source.strip_suffix(".amazonaws.com").unwrap_or(self.event_source);
        cell(&format!("{service}:{}", self.event_name))
    }

    /// Writes the row in the format.
    pub fn write(&self, out: &mut Vec<u8>, format: ListFormat, config: &Config) -> anyhow::Result<()> {
        match format {
            ListFormat::Json => json_line(out, self),
            ListFormat::Csv => write_csv_line(out, self.cells().map(csv_cell)),
            ListFormat::Table => write_table_line(out, &self.table_cells(config)),
        }
    }

    fn cells(&self) -> [&str; COLUMNS.len()] {
        [
            &self.time,
            self.event_source,
            self.event_name,
            &self.kind,
            &self.who,
            &self.arn,
            self.source_ip,
            self.user_agent,
            self.region,
            self.account,
            self.error,
            self.event_id,
        ]
    }

    fn table_cells(&self, config: &Config) -> [String; TABLE.len()] {
        let account = match config.account_names.get(self.account) {
            Some(name) => format!("{} ({})", cell(name), cell(self.account)),
            None => cell(self.account),
        };
        let (source_ip, region, error) = (cell(self.source_ip), cell(self.region), cell(self.error));
        [self.time.clone(), account, region, source_ip, self.call(), self.who(), error]
    }
}

/// Writes the headings above the rows; JSON has none.
pub fn write_headings(out: &mut Vec<u8>, format: ListFormat) -> anyhow::Result<()> {
    match format {
        ListFormat::Json => Ok(()),
        ListFormat::Csv => write_csv_line(out, COLUMNS.map(str::to_owned)),
        ListFormat::Table => write_table_line(out, &TABLE.map(|(heading, _)| heading.to_owned())),
    }
}

/// Each cell must come from [`csv_cell`].
fn write_csv_line(out: &mut Vec<u8>, cells: [String; COLUMNS.len()]) -> anyhow::Result<()> {
    let mut csv = csv::WriterBuilder::new().buffer_capacity(512).from_writer(out);
    csv.write_record(cells)?;
    Ok(csv.flush()?)
}

/// A cell that is longer than its column moves the cells after it.
fn write_table_line(out: &mut Vec<u8>, cells: &[String; TABLE.len()]) -> anyhow::Result<()> {
    let padded: Vec<String> =
        cells.iter().zip(TABLE).map(|(cell, (_, width))| format!("{cell:width$}")).collect();
    Ok(writeln!(out, "{}", padded.join("  ").trim_end())?)
}
