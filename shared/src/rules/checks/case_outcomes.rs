//! The outcomes of the cases.

use super::cases::{CheckCase, about};
use super::judging::judge;
use crate::finding::CheckOutcome;
use crate::formats::credential_report::CredentialReport;

impl CheckCase {
    /// The findings and gaps of the report.
    pub fn judged(&self) -> CheckOutcome {
        let report = CredentialReport::parse(self.csv().as_bytes())
            .unwrap_or_else(|error| panic!("case {:?}: {error}", self.name));
        judge(&report, &about(), &self.config())
    }
}
