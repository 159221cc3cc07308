//! Plain text in aligned columns, no wider than mail programs show without wrapping.

/// The width of a line in characters. A longer word is not broken, for people copy it.
const WIDTH: usize = 78;

/// The width of the labels on the left.
const LABEL_WIDTH: usize = 12;

/// A text under construction. Text from a record must be cleaned before it is added.
#[derive(Default)]
pub(super) struct TextLayout(String);

impl TextLayout {
    /// Adds a line as it is.
    pub fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.0.push('\n');
    }

    /// Adds text over the whole width.
    pub fn paragraph(&mut self, text: &str) {
        self.wrapped("", "", text);
    }

    /// Adds a label and its text; with an empty label, more text under the label before.
    pub fn field(&mut self, label: &str, text: &str) {
        self.wrapped(&format!("{label:LABEL_WIDTH$}"), &" ".repeat(LABEL_WIDTH), text);
    }

    /// Adds a label and a text that is not wrapped: a link or a command.
    pub fn whole_field(&mut self, label: &str, text: &str) {
        self.line(&format!("{label:LABEL_WIDTH$}{text}"));
    }

    /// Adds numbered steps.
    pub fn steps(&mut self, steps: &[&str]) {
        for (number, step) in (1..).zip(steps) {
            self.wrapped(&format!("{number:3}. "), "     ", step);
        }
    }

    /// Adds a table: each column as wide as its widest cell, each row indented.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = vec![0; rows.iter().map(Vec::len).max().unwrap_or(0)];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            self.line(format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end());
        }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.0
    }

    fn wrapped(&mut self, first: &str, others: &str, text: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = others.to_owned();
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(line.trim_end());
    }
}
