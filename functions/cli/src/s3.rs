//! Log files in S3, read with the credentials of whoever runs the program.
//!
//! | file | what it holds |
//! |---|---|
//! | `s3.rs` | what each command wants of it |
//! | `s3/planning.rs` | what is to be read, divided |
//! | `s3/reading.rs` | reading, progress, and ending early |
//! | `s3/cursor.rs` | where reading stands, so that the same command goes on there |
//! | `s3/kept.rs` | what is kept of log files for findings and sign-ins |
//! | `s3/said.rs` | what AWS says went wrong, for people |

mod cursor;
mod kept;
mod planning;
mod reading;
mod said;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::cloudtrail::period::Period;
use shared::formats::cloudtrail::prefilter::Prefilter;
use shared::formats::cloudtrail::scan;
use shared::use_cases::RecordConsumer;

use self::cursor::Cursor;
use self::kept::{Keeper, Kept, KeptOfFile};
use self::reading::{Taker, read};
use crate::End;
use crate::args::{Days, Reading, Records};
use crate::in_order::Sink;
use crate::places::Location;
use crate::reading::Remote;
use crate::records::list::SoFar;
use crate::records::{Asking, Line, List};

/// So much of what is read at the same time is held, where no setting says otherwise: some hundred log files, for
/// which every system lets a program have connections enough.
const IN_FLIGHT_BYTES: u64 = 24 << 20;

/// The sign-ins, and what raises a finding, of the places in S3; where reading them ended early, how the command ends.
pub fn kept(
    command: &str,
    reading: &Reading,
    days: &Days,
    config: &Config,
) -> anyhow::Result<Result<Remote, End>> {
    let errand = Errand::of(command, reading, days, BTreeSet::new(), config, json!({}));
    let keeper = Keeper { config, period: errand.period };
    let read = read(&errand, &keeper, &mut IntoKept)?;
    Ok(read.map(|Cursor { found, counts, failed, .. }| {
        let findings = found.findings(config);
        Remote { records: found.records, findings, counts, failed }
    }))
}

struct IntoKept;

impl Taker<Kept, KeptOfFile> for IntoKept {
    fn take(&mut self, found: &mut Kept, made: KeptOfFile, counts: &scan::Counts) {
        found.take(made, counts);
    }
}

/// Forgets where reading stood, now that the results are where they belong: the same command begins anew.
pub fn forget(reading: &Reading) {
    if let Some(file) = &reading.resume {
        let _ = std::fs::remove_file(file);
    }
}

/// Lists the calls that are asked for of the places in S3, and answers whether something could not be looked at; where
/// reading them ended early, how the command ends.
pub fn list<W: Write>(
    arguments: &Records,
    asking: &Asking<'_>,
    shows_progress: bool,
    list: &mut List<W>,
) -> anyhow::Result<Result<bool, End>> {
    let Records { event_source, event_name, principal, ip, account, error, format, reading, days } =
        arguments;
    let more = json!({
        "event_source": event_source,
        "event_name": event_name,
        "principal": principal,
        "ip": ip.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "account": account,
        "error": error,
        "format": format!("{format:?}"),
    });
    let accounts = account.iter().cloned().collect();
    let errand = Errand::of("records", reading, days, accounts, asking.config, more);
    let errand = Errand { shows_progress, ..errand };
    let read = read(&errand, asking, &mut IntoList(list))?;
    Ok(read.map(|cursor| !cursor.failed.is_empty()))
}

struct IntoList<'l, W>(&'l mut List<W>);

impl<W: Write> Taker<SoFar, Asked> for IntoList<'_, W> {
    fn go_on(&mut self, found: &SoFar) {
        self.0.so_far = found.clone();
    }

    fn take(&mut self, _: &mut SoFar, made: Asked, _: &scan::Counts) {
        made.lines.into_iter().for_each(|line| self.0.take(line));
    }

    fn settle(&mut self, found: &mut SoFar) -> anyhow::Result<()> {
        self.0.flush()?;
        *found = self.0.so_far.clone();
        Ok(())
    }
}

/// The calls of one log file that are asked for.
pub struct Asked {
    log_file: String,
    lines: Vec<Line>,
}

impl RecordConsumer for Asking<'_> {
    type Output = Asked;

    fn begin(&self, uri: &str) -> Asked {
        Asked { log_file: uri.to_owned(), lines: Vec::new() }
    }

    fn record(&self, made: &mut Asked, index: u64, json: &[u8]) -> Result<(), String> {
        made.lines.extend(self.line(&made.log_file, index, json)?);
        Ok(())
    }

    fn prefilter(&self) -> &'static Prefilter {
        self.prefilter
    }
}

/// What is to be read.
struct Errand<'a> {
    locations: Vec<Location>,
    period: Period,
    /// Only the log files of these accounts; of all where it is empty.
    accounts: BTreeSet<String>,
    config: Config,
    /// The command and its arguments, as far as they decide what is read and what becomes of it.
    asked: Value,
    /// What `--resume` says.
    resume: Option<&'a Path>,
    /// Whether a progress bar may be shown where stderr is a terminal.
    shows_progress: bool,
}

impl<'a> Errand<'a> {
    fn of(
        command: &str,
        reading: &'a Reading,
        days: &Days,
        accounts: BTreeSet<String>,
        config: &Config,
        more: Value,
    ) -> Errand<'a> {
        let set = &reading.settings.set;
        let is_set =
            |name: &str| set.iter().any(|set| set.split_once('=').is_some_and(|(set, _)| set == name));
        let mut config = config.clone();
        if !is_set("MAX_IN_FLIGHT_BYTES") {
            config.max_in_flight_bytes = IN_FLIGHT_BYTES;
        }
        let asked = json!({
            "command": command,
            "paths": reading.paths,
            "set": set,
            "from": days.from,
            "to": days.to,
            "more": more,
        });
        Errand {
            locations: reading.locations(),
            period: days.period(),
            accounts,
            config,
            asked,
            resume: reading.resume.as_deref(),
            shows_progress: true,
        }
    }
}
