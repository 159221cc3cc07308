//! `iamwatch records`: who used a service, when, from where, with which calls.
//!
//! Rows are printed while files are read, in the order of the files' paths and, within a file, in its own: memory
//! does not depend on how many there are.

mod list;
mod row;

use std::io::IsTerminal;
use std::sync::OnceLock;

use shared::app::Counts;
use shared::cloudtrail::needles::Needles;
use shared::cloudtrail::{Record, key};

use self::list::{Line, List};
use self::row::Row;
use crate::End;
use crate::args::Records;
use crate::in_order::InOrder;
use crate::output::{nobody_reads, stdout};
use crate::reading::{Asked, read_each};

/// What the one question of this process asks for.
static NEEDLES: OnceLock<Needles> = OnceLock::new();

/// Reads and lists.
pub fn run(arguments: &Records) -> anyhow::Result<End> {
    let config = arguments.reading.settings.config()?;
    let question = arguments.question();
    let needles = NEEDLES.get_or_init(|| question.needles());
    let is_live = std::io::stdout().is_terminal();
    let mut list = List::new(stdout(), is_live);
    let mut head = Vec::new();
    row::head(&mut head, arguments.format)?;
    list.head(&head);
    let list = InOrder::new(list);

    // A bar and rows would write over each other.
    let asked = Asked { needles, shows_progress: !is_live, has_enough: &nobody_reads };
    let read = read_each(&arguments.reading, &config, &asked, |number, name, read, (): &mut ()| {
        let mut file = list.file(number);
        let delivered = key::delivered(name);
        let mut judged = 0;
        let counts = read(&mut |index, json| {
            let record = Record::parse(json)?;
            judged += 1;
            if question.is_about(&record, delivered) {
                let row = Row::of(&record, name, index);
                let mut text = Vec::new();
                row.write(&mut text, arguments.format, &config).map_err(|error| error.to_string())?;
                let (event, time) = (list::event(&record), record.event_time);
                file.add(Line { event, time, who: row.who(), call: row.call(), text });
            }
            Ok(())
        })?;
        Ok(Counts::of(&counts, judged))
    });
    list.into_sink().end()?;
    Ok(End::of(read.could_not_look, false))
}
