//! Selects the records that match a query, and formats them.

use std::sync::OnceLock;

use shared::config::Config;
use shared::finding::query::Query;
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::prefilter::Prefilter;

use super::list::{RecordLine, event_hash};
use super::row::RecordRow;
use crate::args::ListFormat;

/// The prefilter of the only query of this process.
static PREFILTER: OnceLock<Prefilter> = OnceLock::new();

/// A query, and how to print the records that match it.
pub struct RecordSelector<'a> {
    query: Query,
    /// Which records are parsed.
    pub prefilter: &'static Prefilter,
    format: ListFormat,
    /// The settings.
    pub config: &'a Config,
}

impl RecordSelector<'_> {
    /// The selector of a query. A process can have only one query.
    pub fn new(query: Query, format: ListFormat, config: &Config) -> RecordSelector<'_> {
        let prefilter = PREFILTER.get_or_init(|| query.prefilter());
        RecordSelector { query, prefilter, format, config }
    }

    /// The line of one record; `None` if it does not match.
    ///
    /// # Errors
    /// Why the record is unreadable, as a phrase.
    pub fn line(&self, log_file: &str, index: u64, json: &[u8]) -> Result<Option<RecordLine>, String> {
        let record = Record::parse(json)?;
        if !self.query.is_about(&record, log_file) {
            return Ok(None);
        }
        let row = RecordRow::of(&record, log_file, index);
        let mut text = Vec::new();
        row.write(&mut text, self.format, self.config).map_err(|error| error.to_string())?;
        let (event, time) = (event_hash(&record), record.event_time);
        Ok(Some(RecordLine { event, time, who: row.who(), call: row.call(), text }))
    }
}
