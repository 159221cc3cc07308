//! Writing results so that nothing in them is executed: not by a terminal, not by a spreadsheet.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use shared::text;

/// The most characters of one cell.
const MAX_CELL_CHARS: usize = 200;

/// The most characters of a path or of an error that are shown.
const MAX_NOTE_CHARS: usize = 400;

/// How many things that are wrong are named; all are counted.
const MAX_NOTES: usize = 20;

/// Standard output, buffered. Whoever reads it may have enough before the end, as `head` has: nothing is
/// wrong then, and what is left is for nobody.
pub fn stdout() -> BufWriter<impl Write> {
    BufWriter::new(Patient(io::stdout()))
}

/// Whether whoever read stdout had enough: what takes long may end then.
pub fn nobody_reads() -> bool {
    NOBODY_READS.load(Ordering::Relaxed)
}

static NOBODY_READS: AtomicBool = AtomicBool::new(false);

struct Patient(Stdout);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                NOBODY_READS.store(true, Ordering::Relaxed);
                Ok(bytes.len())
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// Writes text to stdout.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Says something to the person at the terminal, apart from results. A lost note must not end the work.
pub fn note(text: &str) {
    let mut inert = String::with_capacity(text.len());
    for character in text.chars() {
        // An argument or a file's name may be part of it.
        if character != '\n' && text::steers(character) {
            inert.extend(character.escape_unicode());
        } else {
            inert.push(character);
        }
    }
    let _ = writeln!(io::stderr(), "{inert}");
}

/// Writes a value as one line of JSON. Characters that a terminal might obey are written as escapes, which
/// JSON reads back as the same text.
pub fn json_line(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, InertFormatter);
    value.serialize(&mut serializer)?;
    Ok(out.write_all(b"\n")?)
}

/// JSON without line breaks and without characters that steer a terminal or hide text.
struct InertFormatter;

impl Formatter for InertFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, character) in fragment.char_indices().filter(|(_, character)| text::steers(*character)) {
            CompactFormatter.write_string_fragment(writer, &fragment[plain..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + character.len_utf8();
        }
        CompactFormatter.write_string_fragment(writer, &fragment[plain..])
    }
}

/// A cell of a list: one visible line in which a name can still be found by searching for it.
pub fn cell(cell: &str) -> String {
    text::clean_name(cell, MAX_CELL_CHARS)
}

/// A cell that no spreadsheet takes for a formula, nor splits into cells of which one is: where the
/// separator is `;`, as it is in half of Europe, quotes around the cell do not hold it together.
///
/// Source: OWASP, "CSV Injection".
pub fn csv_cell(text: &str) -> String {
    let mut safe = String::new();
    let mut may_begin_a_formula = true;
    for character in cell(text).chars() {
        match character {
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' if may_begin_a_formula => {
                safe.push('\'');
                may_begin_a_formula = false;
            }
            ' ' | '"' | '\'' => {}
            _ => may_begin_a_formula = matches!(character, ';' | ','),
        }
        safe.push(character);
    }
    safe
}

/// Rows in aligned columns; the first one holds the heads.
pub fn table<const COLUMNS: usize>(out: &mut impl Write, rows: &[[String; COLUMNS]]) -> anyhow::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}

/// Comma-separated values; each cell must have gone through [`csv_cell`].
pub fn csv<const COLUMNS: usize>(
    out: &mut impl Write,
    heads: &[&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(heads)?;
    for row in rows {
        csv.write_record(row)?;
    }
    Ok(csv.flush()?)
}

/// Says of each thing what is wrong with it. The first are named, the others counted.
pub fn note_each(failures: &[String], noun: &str) {
    for failure in failures.iter().take(MAX_NOTES) {
        // No terminal follows such a link, and a person may want to paste it.
        let inert = text::clean_name(failure, MAX_NOTE_CHARS).replace("s3[:]//", "s3://");
        note(&format!("iamwatch: {inert}"));
    }
    if let Some(more @ 1..) = failures.len().checked_sub(MAX_NOTES) {
        note(&format!("iamwatch: and so on, {}", counted(more as u64, noun)));
    }
}

/// A moment as lists show it.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `1 record`, `2 records`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
