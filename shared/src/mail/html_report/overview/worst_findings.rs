//! The findings that the report lists: the most severe ones, as many as a browser shows with ease.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::principal_label::{MAX_NAME_CHARS, PrincipalLabel};
use crate::bounded::{Limits, Ranked, WorstSet};
use crate::finding::Finding;
use crate::finding::rule::Rule;
use crate::finding::summary::refused;
use crate::severity::Severity;
use crate::text;

/// How many findings are listed.
const MAX_ROWS: usize = 5_000;

const MAX_PHRASE_CHARS: usize = 300;
const MAX_PLACE_CHARS: usize = 1_100;

/// One finding in the list. Its texts may be untrusted.
#[derive(Debug)]
pub(crate) struct ListedFinding {
    /// How bad it is.
    pub severity: Severity,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// The rule that raised it.
    pub rule: &'static Rule,
    /// Whether AWS refused the call.
    pub is_refused: bool,
    /// What the principal did, as a phrase after its name.
    pub what: String,
    /// The principal.
    pub principal: PrincipalLabel,
    /// The account, by id.
    pub account: String,
    /// The Region that the record names.
    pub region: String,
    /// The source address.
    pub address: String,
    /// The log file's URI or path.
    pub log_file: String,
    /// The record's index in `Records`.
    pub record: Option<u64>,
    /// How many more log files have the same event.
    pub also_in: usize,
}

impl Ranked for ListedFinding {
    /// Most severe first, then oldest first; without a time last.
    type Rank = (Reverse<Severity>, bool, Option<DateTime<Utc>>);

    fn rank(&self) -> Self::Rank {
        (Reverse(self.severity), self.time.is_none(), self.time)
    }
}

/// The most severe findings, by id.
#[derive(Debug)]
pub(super) struct WorstFindings(WorstSet<String, ListedFinding>);

impl Default for WorstFindings {
    fn default() -> WorstFindings {
        WorstFindings::with_at_most(MAX_ROWS)
    }
}

impl WorstFindings {
    fn with_at_most(rows: usize) -> WorstFindings {
        WorstFindings(WorstSet::new(Limits { spare_items: rows, ..Limits::of_items(rows) }))
    }

    /// Keeps the finding if few enough are worse. What is dropped is counted elsewhere, by rule.
    pub fn add(&mut self, finding: &Finding) {
        let Finding { account, region, source_ip, principal, evidence, .. } = finding;
        let cut = |text: &Option<String>, max_chars| {
            text.as_deref().map(|text| text::cut(text, max_chars)).unwrap_or_default()
        };
        let row = ListedFinding {
            severity: finding.severity,
            time: finding.time,
            rule: finding.rule,
            is_refused: refused(finding),
            what: text::cut(&finding.what, MAX_PHRASE_CHARS),
            principal: PrincipalLabel::of(principal.as_ref()),
            account: cut(account, MAX_NAME_CHARS),
            region: cut(region, MAX_NAME_CHARS),
            address: cut(source_ip, MAX_NAME_CHARS),
            log_file: cut(&evidence.log_file, MAX_PLACE_CHARS),
            record: evidence.record,
            also_in: evidence.also_in.len(),
        };
        drop(self.0.insert(finding.id.clone(), row));
    }

    /// The worst first.
    pub fn rows(&self) -> Vec<&ListedFinding> {
        self.0.sorted().into_iter().take(self.0.limits().items).map(|(_, row)| row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::finding::RecordPlace;
    use crate::rules::detections;

    fn failure(minute: u32) -> Finding {
        let json = format!(
            r#"{{"eventID": "{minute}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "eventTime": "2026-04-01T08:{minute:02}:00Z", "responseElements": {{"ConsoleLogin": "Failure"}}}}"#
        );
        let place = RecordPlace { log_file: "a.json", record: 0, delivered: None };
        detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap()
    }

    #[test]
    fn the_most_severe_findings_are_kept_in_any_order() {
        let severities = [Severity::Low, Severity::Critical, Severity::Medium, Severity::High];
        let findings = (0..40).map(|n| Finding { severity: severities[n as usize % 4], ..failure(n) });
        let findings: Vec<Finding> = findings.collect();
        let listed = |findings: &mut dyn Iterator<Item = &Finding>| {
            let mut worst = WorstFindings::with_at_most(15);
            for finding in findings {
                worst.add(finding);
                assert!(worst.0.len() <= 30);
            }
            worst.rows().iter().map(|row| (row.severity, row.time.unwrap())).collect::<Vec<_>>()
        };
        let rows = listed(&mut findings.iter());
        assert_eq!(rows, listed(&mut findings.iter().rev()));
        assert_eq!(rows.len(), 15);
        assert!(rows[..10].iter().all(|(severity, _)| *severity == Severity::Critical));
        assert!(rows[10..].iter().all(|(severity, _)| *severity == Severity::High));
        assert!(rows[..10].is_sorted() && rows[10..].is_sorted());
    }
}
