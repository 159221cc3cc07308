//! The findings of the cases.

use super::cases::DetectionCase;
use super::judging::detect;
use crate::finding::{Finding, RecordPlace};
use crate::formats::cloudtrail::Record;

impl DetectionCase {
    /// The finding that the record raises, if any.
    pub fn finding(&self) -> Option<Finding> {
        let json = self.json();
        let record =
            Record::parse(json.as_bytes()).unwrap_or_else(|error| panic!("case {:?}: {error}", self.name));
        detect(
            &record,
            &self.config(),
            RecordPlace { log_file: "s3://logs/case.json.gz", record: 0, delivered: None },
        )
    }
}
