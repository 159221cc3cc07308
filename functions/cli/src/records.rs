//! `iamwatch records`: who used a service, when, from where, with which calls.
//!
//! Rows are printed while files are read, so memory does not depend on their number: local files in the order of
//! their paths, records in the order of the file, log files from S3 in the order in which they arrive.

pub mod list;
mod row;
pub mod selector;

use std::io::{IsTerminal, Write};

use shared::formats::cloudtrail::counts::Counts;

use self::list::RecordList;
use self::selector::RecordSelector;
use crate::args::RecordsArgs;
use crate::exit::Exit;
use crate::local_read::{LocalReadOptions, read_numbered_files};
use crate::output::{stdout, stdout_is_closed};
use crate::reorder_buffer::ReorderBuffer;
use crate::s3;

/// Reads and lists.
pub fn run(args: &RecordsArgs) -> anyhow::Result<Exit> {
    let config = args.read.settings.config()?;
    let selector = RecordSelector::new(args.query(), args.format, &config);
    let is_terminal = std::io::stdout().is_terminal();
    let mut list = RecordList::new(stdout(), is_terminal);
    let is_resumed = args.read.resume.as_ref().is_some_and(|file| file.exists());
    if !is_resumed {
        let mut headings = Vec::new();
        row::write_headings(&mut headings, args.format)?;
        list.write(&headings);
        list = list_local_files(args, &selector, list, is_terminal);
    }
    // A progress bar and rows would overwrite each other.
    let from_s3 = s3::list_records(args, &selector, !is_terminal, &mut list)?;
    let could_not_look = list.totals.could_not_look;
    list.end()?;
    Ok(match from_s3 {
        Ok(is_complete) => {
            s3::delete_checkpoint(&args.read);
            Exit::of(could_not_look || !is_complete, false)
        }
        Err(Exit::Complete) => Exit::of(could_not_look, false),
        Err(exit) => exit,
    })
}

fn list_local_files<W: Write + Send>(
    args: &RecordsArgs,
    selector: &RecordSelector<'_>,
    list: RecordList<W>,
    is_terminal: bool,
) -> RecordList<W> {
    let buffer = ReorderBuffer::new(list);
    let options = LocalReadOptions {
        prefilter: selector.prefilter,
        shows_progress: !is_terminal,
        stops: &stdout_is_closed,
    };
    let config = selector.config;
    let local = read_numbered_files(&args.read, config, &options, |number, name, read, (): &mut ()| {
        let mut file = buffer.file(number);
        let mut judged = 0;
        let counts = read(&mut |index, json| {
            let line = selector.line(name, index, json)?;
            judged += 1;
            line.into_iter().for_each(|line| file.add(line));
            Ok(())
        })?;
        Ok(Counts::of(&counts, judged))
    });
    let mut list = buffer.into_sink();
    list.totals.could_not_look = !local.totals.is_complete();
    list
}
