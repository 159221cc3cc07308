//! Records in other forms than a delivered log file.
//!
//! A JSON array of records, one record a line, one record alone, the output of
//! `aws cloudtrail lookup-events` (each event holds its record as a JSON string), records wrapped by
//! EventBridge (`detail`), and objects whose `_raw` is the record as a string, also inside a `result`,
//! as log search tools export them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::scan::{Judge, Problem, ScanCounts, offset_of};

/// The largest depth of nested wrappings.
const MAX_WRAPPINGS: u8 = 4;

/// The most problems that are described; all are counted.
const MAX_PROBLEMS: usize = 8;

/// Passes every record of decompressed content to `judge`. An unreadable line does not affect the others.
pub fn read(content: &[u8], judge: &mut Judge<'_>) -> ScanCounts {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut export = Export { counts: ScanCounts::default(), shown: 0, judge };
    let mut rest = content;
    let mut line = 1;
    // Starting again after each broken line must not cost the square of the file's size.
    let mut budget = content.len().saturating_mul(4);
    loop {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        let fault = loop {
            match values.next() {
                None => break None,
                Some(Ok(value)) => export.value(value, 0),
                Some(Err(fault)) => break Some(fault),
            }
        };
        let Some(fault) = fault else { break };
        // The iterator is at the start of the broken value. Reading starts again after its first line.
        let begin = values.byte_offset();
        budget = budget.saturating_sub(offset_of(&fault, rest).saturating_sub(begin));
        let broken = rest[begin..].trim_ascii_start();
        line += lines(&rest[..rest.len() - broken.len()]);
        export.unreadable(no_json(&fault, line));
        let Some(end) = broken.iter().position(|byte| *byte == b'\n') else { break };
        if budget == 0 {
            export.problem(None, "is so broken that the rest of it was not read".to_owned());
            break;
        }
        rest = &broken[end..];
    }
    let Export { counts, shown, .. } = &mut export;
    let begin = content.trim_ascii_start().first();
    if begin.is_none() {
        export.problem(None, "is empty".to_owned());
    } else if *shown == 0 && !matches!(begin, Some(b'{' | b'[')) {
        // Other text: its lines are not broken records.
        *counts = ScanCounts::default();
        export.problem(None, "holds no CloudTrail record: it is no JSON".to_owned());
    } else if counts.records == 0 && counts.problems.is_empty() && !counts.has_records {
        export.problem(None, "holds no record".to_owned());
    }
    export.counts
}

fn lines(content: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', content).count()
}

/// The problem of the value that begins in this line. The parser's own position is relative to where it started, and
/// is not shown.
fn no_json(fault: &serde_json::Error, line: usize) -> String {
    let what = fault.to_string();
    let what = what.split_once(" at line ").map_or(&*what, |(what, _)| what);
    format!("is no JSON (it begins in line {line}): {what}")
}

struct Export<'e, 'j> {
    counts: ScanCounts,
    /// The number of records passed to `judge`.
    shown: u64,
    judge: &'e mut Judge<'j>,
}

/// The members that identify a wrapping.
#[derive(Deserialize)]
struct Wrapping<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow, rename = "Events")]
    events: Option<&'a RawValue>,
    #[serde(borrow, rename = "CloudTrailEvent")]
    cloud_trail_event: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail")]
    detail: Option<&'a RawValue>,
    #[serde(borrow, rename = "_raw")]
    raw: Option<&'a RawValue>,
    #[serde(borrow, rename = "result")]
    result: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventName")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventVersion")]
    event_version: Option<&'a RawValue>,
}

impl Export<'_, '_> {
    fn value(&mut self, value: &RawValue, wrappings: u8) {
        let json = value.get();
        if wrappings > MAX_WRAPPINGS {
            return self.unreadable("is wrapped too many times".to_owned());
        }
        if json.starts_with('[') {
            // An empty list is valid: there are no such records.
            self.counts.has_records = true;
            match serde_json::from_str::<Vec<&RawValue>>(json) {
                Ok(elements) => elements.into_iter().for_each(|element| self.value(element, wrappings + 1)),
                Err(fault) => self.unreadable(format!("is no JSON: {fault}")),
            }
            return;
        }
        // An object with one of these members twice is read as a record, and the record's reader reports it.
        let wrapping =
            json.starts_with('{').then(|| serde_json::from_str::<Wrapping<'_>>(json).ok()).flatten();
        match wrapping {
            Some(Wrapping { event_name: None, event_source: None, event_version: None, .. }) | None
                if !json.starts_with('{') =>
            {
                self.unreadable("is neither an object nor a list".to_owned());
            }
            Some(Wrapping {
                event_name: None,
                event_source: None,
                event_version: None,
                records,
                events,
                cloud_trail_event,
                detail,
                raw,
                result,
            }) => {
                let lists = [records, events, detail, result];
                let texts = [cloud_trail_event, raw];
                if lists.iter().chain(&texts).all(Option::is_none) {
                    self.unreadable(
                        "is an object, but no CloudTrail record and nothing that holds one".to_owned(),
                    );
                }
                lists.into_iter().flatten().for_each(|inner| self.value(inner, wrappings + 1));
                texts.into_iter().flatten().for_each(|text| self.text(text, wrappings + 1));
            }
            Some(_) | None => self.record(json),
        }
    }

    /// A record, or a wrapping of one, as a JSON string.
    fn text(&mut self, text: &RawValue, wrappings: u8) {
        let inner = serde_json::from_str::<String>(text.get());
        let inner = inner.as_deref().map_err(ToString::to_string);
        match inner
            .and_then(|inner| serde_json::from_str::<&RawValue>(inner).map_err(|fault| fault.to_string()))
        {
            Ok(value) => self.value(value, wrappings),
            Err(fault) => self.unreadable(format!("holds a record as text that is no JSON: {fault}")),
        }
    }

    fn record(&mut self, json: &str) {
        let index = self.counts.records;
        self.counts.records += 1;
        self.shown += 1;
        if let Err(reason) = (self.judge)(index, json.as_bytes()) {
            self.counts.unreadable += 1;
            self.problem(Some(index), reason);
        }
    }

    fn unreadable(&mut self, reason: String) {
        let index = self.counts.records;
        self.counts.records += 1;
        self.counts.unreadable += 1;
        self.problem(Some(index), reason);
    }

    fn problem(&mut self, record: Option<u64>, reason: String) {
        if self.counts.problems.len() < MAX_PROBLEMS {
            self.counts.problems.push(Problem { record, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"eventVersion":"1.11","eventName":"ConsoleLogin","eventID":"1-EXAMPLE"}"#;

    fn records_of(content: &str) -> (Vec<String>, ScanCounts) {
        let mut records = Vec::new();
        let counts = read(content.as_bytes(), &mut |_, json| {
            records.push(String::from_utf8_lossy(json).into_owned());
            Ok(())
        });
        (records, counts)
    }

    #[test]
    fn every_form_of_stored_records_is_read() {
        let text = serde_json::to_string(RECORD).unwrap();
        for (name, content, count) in [
            ("one record", RECORD.to_owned(), 1),
            ("one record behind a byte order mark", format!("\u{feff}{RECORD}"), 1),
            ("a list", format!("[{RECORD}, {RECORD}]"), 2),
            ("one a line", format!("{RECORD}\n{RECORD}\r\n\n{RECORD}"), 3),
            (
                "lookup-events",
                format!(r#"{{"Events": [{{"EventId": "1", "CloudTrailEvent": {text}}}], "NextToken": "x"}}"#),
                1,
            ),
            (
                "EventBridge",
                format!(
                    r#"{{"version": "0", "detail-type": "AWS Console Sign In via CloudTrail", "detail": {RECORD}}}"#
                ),
                1,
            ),
            ("_raw", format!(r#"{{"_raw": {text}, "_time": 1}}"#), 1),
            (
                "_raw in a result, one a line",
                format!(
                    "{{\"preview\": false, \"result\": {{\"_raw\": {text}}}}}\n{{\"result\": {{\"_raw\": {text}}}}}"
                ),
                2,
            ),
        ] {
            let (records, counts) = records_of(&content);
            assert_eq!(records, vec![RECORD; count], "{name}");
            assert_eq!((counts.records, counts.unreadable), (count as u64, 0), "{name}");
        }
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        let (records, counts) =
            records_of(&format!("{RECORD}\n{{\"eventName\": \n{RECORD}\nnonsense\n{RECORD}"));
        assert_eq!((records.len(), counts.records, counts.unreadable), (3, 5, 2));
        let reasons: Vec<_> = counts.problems.iter().map(|problem| problem.reason.as_str()).collect();
        assert_eq!(reasons.len(), 2);
        assert!(reasons[0].starts_with("is no JSON (it begins in line 2): "), "{reasons:?}");
        assert!(reasons[1].starts_with("is no JSON (it begins in line 4): "), "{reasons:?}");
    }

    #[test]
    fn an_empty_list_is_an_answer() {
        for content in ["[]", r#"{"Events": [], "NextToken": null}"#, "[ ]\n[ ]"] {
            let (_, counts) = records_of(content);
            assert_eq!((counts.records, counts.problems), (0, Vec::new()), "{content}");
        }
    }

    #[test]
    fn a_judged_record_is_counted_even_if_it_is_refused_and_follows_other_text() {
        let counts = read(b"other text\n{\"eventName\": [5]}", &mut |_, json| {
            crate::formats::cloudtrail::Record::parse(json).map(drop)
        });
        assert_eq!((counts.records, counts.unreadable), (2, 2));
    }

    #[test]
    fn a_hundred_broken_lines_cost_only_themselves() {
        let (records, counts) = records_of(&format!("{RECORD}\n{{\"eventName\": nonsense}}\n").repeat(100));
        assert_eq!((records.len(), counts.records, counts.unreadable), (100, 200, 100));
    }

    #[test]
    fn content_without_a_record_is_reported() {
        for (content, reason) in [
            ("", "is empty"),
            (" \n\n", "is empty"),
            ("{}", "no CloudTrail record"),
            ("[42]", "neither an object nor a list"),
            ("42", "is no JSON"),
            ("h2 2026-04-01T00:00:00Z app/x 192.0.2.1:1\n".repeat(9).as_str(), "is no JSON"),
            (r#"{"_raw": "Apr  1 08:15:00 host sshd[1]: x"}"#, "no JSON"),
            (r#"{"detail": {"detail": {"detail": {"detail": {"detail": {}}}}}}"#, "too many times"),
        ] {
            let (records, counts) = records_of(content);
            assert!(records.is_empty(), "{content}");
            assert!(counts.problems[0].reason.contains(reason), "{content}: {:?}", counts.problems);
        }
    }

    #[test]
    fn a_hostile_file_of_unclosed_lines_ends_soon() {
        let (_, counts) = records_of(&"{\"a\":[\n".repeat(50_000));
        assert!(counts.problems.iter().any(|problem| problem.reason.contains("no JSON")));
        assert!(counts.problems.iter().any(|problem| problem.reason.contains("was not read")));
    }
}
