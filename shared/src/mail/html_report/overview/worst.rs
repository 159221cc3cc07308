//! The findings that a page lists: the most severe ones, and no more of them than a browser shows with ease.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use crate::bounded::{Limits, Ranked, WorstSet};
use crate::finding::rule::Rule;
use crate::finding::{Finding, Principal};
use crate::mail;
use crate::severity::Severity;
use crate::text;

/// How many findings are listed.
const MAX_ROWS: usize = 5_000;

/// A name or an address is kept up to this length; AWS makes none that is longer.
pub(super) const MAX_NAME_CHARS: usize = 256;
const MAX_PHRASE_CHARS: usize = 300;
const MAX_PLACE_CHARS: usize = 1_100;

/// One finding as it is listed. Every text is as somebody wrote it.
#[derive(Debug)]
pub(crate) struct Row {
    /// How bad it is.
    pub severity: Severity,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// The rule that raised it.
    pub rule: &'static Rule,
    /// Whether AWS refused what the title says.
    pub refused: &'static str,
    /// What the principal did: a phrase that follows its name.
    pub what: String,
    /// Who acted.
    pub who: Who,
    /// The account that it is about.
    pub account: String,
    /// The Region that the record names.
    pub region: String,
    /// Where it came from.
    pub address: String,
    /// The log file.
    pub log_file: String,
    /// The record's place in it.
    pub record: Option<u64>,
    /// In how many more log files the same event stands.
    pub also_in: usize,
}

impl Ranked for Row {
    /// Most severe first, then oldest first; without a time last.
    type Rank = (Reverse<Severity>, bool, Option<DateTime<Utc>>);

    fn rank(&self) -> Self::Rank {
        (Reverse(self.severity), self.time.is_none(), self.time)
    }
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The name, else the ARN, and AWS's type of it.
    Named {
        /// As somebody wrote it.
        name: String,
        /// As AWS writes it.
        kind: String,
    },
    /// Nobody of whom AWS knows: it hides the name.
    Hidden,
    /// The record does not say.
    Unknown,
}

impl Who {
    /// The principal as a page names it.
    pub fn of(principal: Option<&Principal>) -> Who {
        let Some(principal) = principal else {
            return Who::Unknown;
        };
        let kind = principal.kind.as_deref().unwrap_or_default();
        match principal.name.as_deref().or(principal.arn.as_deref()) {
            Some(name) => Who::Named {
                name: text::cut(if principal.root_session { "root session" } else { name }, MAX_NAME_CHARS),
                kind: text::cut(kind, MAX_NAME_CHARS),
            },
            None if principal.name_hidden => Who::Hidden,
            None => Who::Unknown,
        }
    }
}

/// The most severe findings, by id.
#[derive(Debug)]
pub(super) struct Worst(WorstSet<String, Row>);

impl Default for Worst {
    fn default() -> Worst {
        Worst::with_at_most(MAX_ROWS)
    }
}

impl Worst {
    fn with_at_most(rows: usize) -> Worst {
        Worst(WorstSet::new(Limits { spare_items: rows, ..Limits::of_items(rows) }))
    }

    /// Keeps the finding if few enough are worse. What is dropped is counted elsewhere, by rule.
    pub fn add(&mut self, finding: &Finding) {
        let Finding { account, region, source_ip, principal, evidence, .. } = finding;
        let kept = |text: &Option<String>, max_chars| {
            text.as_deref().map(|text| text::cut(text, max_chars)).unwrap_or_default()
        };
        let row = Row {
            severity: finding.severity,
            time: finding.time,
            rule: finding.rule,
            refused: mail::attempt(finding),
            what: text::cut(&finding.what, MAX_PHRASE_CHARS),
            who: Who::of(principal.as_ref()),
            account: kept(account, MAX_NAME_CHARS),
            region: kept(region, MAX_NAME_CHARS),
            address: kept(source_ip, MAX_NAME_CHARS),
            log_file: kept(&evidence.log_file, MAX_PLACE_CHARS),
            record: evidence.record,
            also_in: evidence.also_in.len(),
        };
        drop(self.0.insert(finding.id.clone(), row));
    }

    /// The worst first.
    pub fn rows(&self) -> Vec<&Row> {
        self.0.sorted().into_iter().take(self.0.limits().items).map(|(_, row)| row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::finding::Place;
    use crate::rules::detections;

    fn failure(minute: u32) -> Finding {
        let json = format!(
            r#"{{"eventID": "{minute}", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
                "eventTime": "2026-04-01T08:{minute:02}:00Z", "responseElements": {{"ConsoleLogin": "Failure"}}}}"#
        );
        let place = Place { log_file: "a.json", record: 0, delivered: None };
        detections::judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap()
    }

    #[test]
    fn the_most_severe_are_kept_whatever_the_order() {
        let severities = [Severity::Low, Severity::Critical, Severity::Medium, Severity::High];
        let findings = (0..40).map(|n| Finding { severity: severities[n as usize % 4], ..failure(n) });
        let findings: Vec<Finding> = findings.collect();
        let listed = |findings: &mut dyn Iterator<Item = &Finding>| {
            let mut worst = Worst::with_at_most(15);
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
