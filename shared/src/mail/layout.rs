//! Plain text in aligned columns, as wide as a mail program shows without breaking lines of its own.

/// The width of a line, where the words allow it: a word is never broken, so that it can be copied.
const WIDTH: usize = 78;

/// The width of the labels on the left.
const LABEL_WIDTH: usize = 12;

/// Text under construction. What comes from a record must have been cleaned before.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// One line exactly as it is.
    pub fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.0.push('\n');
    }

    /// Text over the whole width.
    pub fn paragraph(&mut self, text: &str) {
        self.wrapped("", "", text);
    }

    /// A label and its text; without a label, more text under the one before.
    pub fn field(&mut self, label: &str, text: &str) {
        self.wrapped(&format!("{label:LABEL_WIDTH$}"), &" ".repeat(LABEL_WIDTH), text);
    }

    /// The same without breaking the line: for what is clicked or pasted as a whole.
    pub fn whole_field(&mut self, label: &str, text: &str) {
        self.line(&format!("{label:LABEL_WIDTH$}{text}"));
    }

    /// Numbered steps.
    pub fn steps(&mut self, steps: &[&str]) {
        for (number, step) in (1..).zip(steps) {
            self.wrapped(&format!("{number:3}. "), "     ", step);
        }
    }

    /// Columns as wide as their widest cell, each row indented a little.
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

    /// What was written.
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
