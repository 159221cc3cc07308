//! Writes results and notes in such a way that no terminal or spreadsheet executes anything in them.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use shared::text;

/// The most characters that are shown of one cell.
const MAX_CELL_CHARS: usize = 200;

/// The most characters that are shown of one note.
const MAX_NOTE_CHARS: usize = 400;

/// How many failures are named; the others are counted.
const MAX_NOTES: usize = 20;

/// Standard output, buffered. If the reader closes it early, as `head` does, the rest is discarded without an error.
pub fn stdout() -> BufWriter<impl Write> {
    BufWriter::new(PipeTolerant(io::stdout()))
}

/// Whether the reader closed stdout: further work is of no use.
pub fn stdout_is_closed() -> bool {
    STDOUT_IS_CLOSED.load(Ordering::Relaxed)
}

static STDOUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);

struct PipeTolerant(Stdout);

impl Write for PipeTolerant {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                STDOUT_IS_CLOSED.store(true, Ordering::Relaxed);
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

/// Writes a note to stderr. An error is ignored: a lost note must not end the command.
pub fn note(text: &str) {
    let mut inert = String::with_capacity(text.len());
    for character in text.chars() {
        // The note may hold an argument or a file name.
        if character != '\n' && text::steers(character) {
            inert.extend(character.escape_unicode());
        } else {
            inert.push(character);
        }
    }
    let _ = writeln!(io::stderr(), "{inert}");
}

/// Writes a value as one line of JSON. Characters that steer a terminal are escaped; a JSON parser reads the same text.
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

/// Text as a cell of a table: one visible line, and names can still be searched for.
pub fn cell(cell: &str) -> String {
    text::clean_name(cell, MAX_CELL_CHARS)
}

/// Text as a cell of a CSV file that no spreadsheet takes for a formula, nor splits into cells of which one is a
/// formula: where the separator is `;`, as in half of Europe, the quotes do not protect the cell.
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

/// Writes rows in aligned columns; the first row holds the headings.
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

/// Writes comma-separated values. Each cell must come from [`csv_cell`].
pub fn csv<const COLUMNS: usize>(
    out: &mut impl Write,
    headings: &[&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(headings)?;
    for row in rows {
        csv.write_record(row)?;
    }
    Ok(csv.flush()?)
}

/// Writes failures to stderr: the first [`MAX_NOTES`] in full, then the number of the others.
pub fn note_each(failures: &[String], one: &str, many: &str) {
    for failure in failures.iter().take(MAX_NOTES) {
        // A terminal does not open such a link, and a person may want to paste it.
        let inert = text::clean_name(failure, MAX_NOTE_CHARS).replace("s3[:]//", "s3://");
        note(&format!("iamwatch: {inert}"));
    }
    if let Some(more @ 1..) = failures.len().checked_sub(MAX_NOTES) {
        note(&format!("iamwatch: and so on, {}", text::counted(more, one, many)));
    }
}

/// A time as lists show it.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
