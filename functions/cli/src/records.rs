//! `iamwatch records`: who used a service, when, from where, with which calls.
//!
//! Rows are printed while files are read, in the order of the files' paths and, within a file, in its own (those of S3
//! in the order in which the log files arrive): memory does not depend on how many there are.

pub mod list;
mod row;

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use shared::config::Config;
use shared::finding::query::Query;
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::prefilter::Prefilter;

pub use self::list::{Line, List};

use self::row::Row;
use crate::args::{ListFormat, Records};
use crate::in_order::InOrder;
use crate::output::{nobody_reads, stdout};
use crate::reading::{Asked, read_each};
use crate::{End, s3};

/// What the one question of this process asks for.
static NEEDLES: OnceLock<Prefilter> = OnceLock::new();

/// What is asked, and how it is answered.
pub struct Asking<'a> {
    question: Query,
    pub prefilter: &'static Prefilter,
    format: ListFormat,
    pub config: &'a Config,
}

impl Asking<'_> {
    /// The line of one record, if it is asked for.
    ///
    /// # Errors
    /// A phrase that says why it cannot be read.
    pub fn line(&self, log_file: &str, index: u64, json: &[u8]) -> Result<Option<Line>, String> {
        let record = Record::parse(json)?;
        if !self.question.is_about(&record, log_file) {
            return Ok(None);
        }
        let row = Row::of(&record, log_file, index);
        let mut text = Vec::new();
        row.write(&mut text, self.format, self.config).map_err(|error| error.to_string())?;
        let (event, time) = (list::event(&record), record.event_time);
        Ok(Some(Line { event, time, who: row.who(), call: row.call(), text }))
    }
}

/// Reads and lists.
pub fn run(arguments: &Records) -> anyhow::Result<End> {
    let config = arguments.reading.settings.config()?;
    let question = arguments.question();
    let prefilter = NEEDLES.get_or_init(|| question.prefilter());
    let asking = Asking { question, prefilter, format: arguments.format, config: &config };
    let is_live = std::io::stdout().is_terminal();
    let mut list = List::new(stdout(), is_live);
    let goes_on = arguments.reading.resume.as_ref().is_some_and(|file| file.exists());
    if !goes_on {
        let mut head = Vec::new();
        row::head(&mut head, arguments.format)?;
        list.head(&head);
        list = files(arguments, &asking, list, is_live);
    }
    // A bar and rows would write over each other.
    let remote = s3::list(arguments, &asking, !is_live, &mut list)?;
    let could_not_look = list.so_far.could_not_look;
    list.end()?;
    Ok(match remote {
        Ok(also) => {
            s3::forget(&arguments.reading);
            End::of(could_not_look || also, false)
        }
        Err(End::Looked) => End::of(could_not_look, false),
        Err(end) => end,
    })
}

/// Lists what is on this machine.
fn files<W: Write + Send>(arguments: &Records, asking: &Asking<'_>, list: List<W>, is_live: bool) -> List<W> {
    let list = InOrder::new(list);
    let asked = Asked { prefilter: asking.prefilter, shows_progress: !is_live, has_enough: &nobody_reads };
    let read = read_each(&arguments.reading, asking.config, &asked, |number, name, read, (): &mut ()| {
        let mut file = list.file(number);
        let mut judged = 0;
        let counts = read(&mut |index, json| {
            let line = asking.line(name, index, json)?;
            judged += 1;
            line.into_iter().for_each(|line| file.add(line));
            Ok(())
        })?;
        Ok(Counts::of(&counts, judged))
    });
    let mut list = list.into_sink();
    list.so_far.could_not_look = read.could_not_look;
    list
}
