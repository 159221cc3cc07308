//! What to read from S3, and why reading stops early.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use shared::config::Config;
use shared::formats::cloudtrail::period::Period;

use crate::args::{PeriodArgs, ReadArgs};
use crate::s3_location::S3Location;

/// The default of `MAX_IN_FLIGHT_BYTES`: some hundred log files at once, which needs fewer connections than any
/// system allows.
const IN_FLIGHT_BYTES: u64 = 24 << 20;

/// What to read.
pub struct S3Job<'a> {
    pub locations: Vec<S3Location>,
    pub period: Period,
    /// Only log files of these accounts; empty for all accounts.
    pub accounts: BTreeSet<String>,
    pub config: Config,
    /// The command and the arguments that decide what is read and collected. A checkpoint is only valid for the same.
    pub command: Value,
    /// The file of `--resume`.
    pub resume: Option<&'a Path>,
    /// Whether to show progress if stderr is a terminal.
    pub shows_progress: bool,
}

impl<'a> S3Job<'a> {
    /// The job of a command; `more` holds the arguments that other commands do not have.
    pub fn new(
        command: &str,
        args: &'a ReadArgs,
        period: &PeriodArgs,
        config: &Config,
        more: Value,
    ) -> S3Job<'a> {
        let set = &args.settings.set;
        let is_set =
            |name: &str| set.iter().any(|set| set.split_once('=').is_some_and(|(set, _)| set == name));
        let mut config = config.clone();
        if !is_set("MAX_IN_FLIGHT_BYTES") {
            config.max_in_flight_bytes = IN_FLIGHT_BYTES;
        }
        let command = json!({
            "command": command,
            "paths": args.paths,
            "set": set,
            "from": period.from,
            "to": period.to,
            "more": more,
        });
        S3Job {
            locations: args.s3_locations(),
            period: period.period(),
            accounts: BTreeSet::new(),
            config,
            command,
            resume: args.resume.as_deref(),
            shows_progress: true,
        }
    }
}

/// Why reading stops early.
pub enum StopReason {
    /// Ctrl-C.
    Interrupted,
    /// The reader of stdout closed it.
    StdoutClosed,
    /// No other call would succeed either: the message.
    Failed(String),
}
