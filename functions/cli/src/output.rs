//! Writing results so that nothing in them is executed: not by a terminal, not by a spreadsheet.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use shared::text;

/// Standard output, buffered.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Writes text to stdout.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Says something to the person at the terminal, apart from results. A lost note must not end the work.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
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

/// A cell that no spreadsheet takes for a formula.
///
/// Source: OWASP, "CSV Injection".
pub fn csv_cell(cell: &str, max_chars: usize) -> String {
    let cell = text::clean(cell, max_chars);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
