//! Lists the records of log files in S3 that `iamwatch records` selects.

use std::io::Write;

use shared::formats::cloudtrail::prefilter::Prefilter;
use shared::formats::cloudtrail::scan;
use shared::use_cases::RecordConsumer;

use super::read::LogFileConsumer;
use crate::records::list::{RecordLine, RecordList, RecordTotals};
use crate::records::selector::RecordSelector;
use crate::reorder_buffer::OrderedSink;

/// The selected records of one log file.
pub struct FileLines {
    log_file: String,
    lines: Vec<RecordLine>,
}

impl RecordConsumer for RecordSelector<'_> {
    type Output = FileLines;

    fn begin(&self, uri: &str) -> FileLines {
        FileLines { log_file: uri.to_owned(), lines: Vec::new() }
    }

    fn record(&self, file: &mut FileLines, index: u64, json: &[u8]) -> Result<(), String> {
        file.lines.extend(self.line(&file.log_file, index, json)?);
        Ok(())
    }

    fn prefilter(&self) -> &'static Prefilter {
        self.prefilter
    }
}

/// Writes the lines of each log file to the list.
pub struct ListRecords<'l, W>(pub &'l mut RecordList<W>);

impl<W: Write> LogFileConsumer<RecordTotals, FileLines> for ListRecords<'_, W> {
    fn resume(&mut self, totals: &RecordTotals) {
        self.0.totals = totals.clone();
    }

    fn take(&mut self, _: &mut RecordTotals, file: FileLines, _: &scan::ScanCounts) {
        file.lines.into_iter().for_each(|line| self.0.take(line));
    }

    fn flush(&mut self, totals: &mut RecordTotals) -> anyhow::Result<()> {
        self.0.flush()?;
        *totals = self.0.totals.clone();
        Ok(())
    }
}
