//! The calls at which something can go wrong, as a run without faults makes them.

use std::collections::BTreeMap;
use std::fmt;

use super::{LOGS, STATE};
use crate::stub_aws::{Call, Operation, Which};

/// Folders of the state bucket whose objects have the same keys in every run. All others may be named by the
/// hour or by chance: there it counts which call to the folder it is.
const STABLE_FOLDERS: &[&str] = &["audits", "backfills", "config", "cases", "seen", "sweep.json"];

/// One call of a run: the n-th of an operation to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The operation.
    pub operation: Operation,
    /// The target, or its beginning if the rest differs from run to run.
    pub place: String,
    /// Which of these calls, counted from 1.
    pub nth: usize,
    /// How long the body of the answer is, in bytes.
    pub answer_bytes: usize,
}

/// A kind of call that a scenario must cover: the operation and the kind of target.
pub type Kind = (Operation, String);

impl Point {
    /// The calls of a run, each as a point, in order.
    pub fn of_run(calls: &[Call]) -> Vec<Point> {
        let mut seen: BTreeMap<(Operation, String), usize> = BTreeMap::new();
        let point = |call: &Call| {
            let place = place(&call.target);
            let nth = seen.entry((call.operation, place.clone())).or_default();
            *nth += 1;
            Point { operation: call.operation, place, nth: *nth, answer_bytes: call.answer_bytes }
        };
        calls.iter().map(point).collect()
    }

    /// The calls that a fault at this point is for.
    pub fn which(&self) -> Which {
        Which::every(self.operation).about(&self.place).nth(self.nth)
    }

    /// The call that a run made at this point, if it came so far.
    pub fn in_run<'a>(&self, calls: &'a [Call]) -> Option<&'a Call> {
        let here = |call: &&Call| call.operation == self.operation && call.target.contains(&self.place);
        calls.iter().filter(here).nth(self.nth - 1)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        (self.operation, kind_of(&self.place))
    }

    /// The folder of the state bucket that it is about, if it is about one.
    pub fn state_folder(&self) -> Option<&str> {
        folder(&self.place)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { operation, place, nth, .. } = self;
        let place = place.strip_prefix("s3://").unwrap_or(place);
        // CloudTrail's keys say little before the name.
        let place = place.rsplit_once("/AWSLogs/").map_or(place, |(_, key)| key);
        let is_whole = place.starts_with(STATE) || place.ends_with('/');
        let place = if is_whole { place } else { place.rsplit('/').next().unwrap_or(place) };
        write!(f, "{operation:?} {place} #{nth}")
    }
}

/// The kind of a call.
pub fn kind(call: &Call) -> Kind {
    (call.operation, kind_of(&call.target))
}

fn kind_of(target: &str) -> String {
    if target.starts_with(&format!("s3://{LOGS}/")) {
        return "a log file".to_owned();
    }
    folder(target).map_or_else(|| target.to_owned(), |folder| format!("{folder}/ of the state bucket"))
}

fn folder(target: &str) -> Option<&str> {
    let key = target.strip_prefix("s3://")?.strip_prefix(STATE)?.strip_prefix('/')?;
    key.split('/').next()
}

fn place(target: &str) -> String {
    match folder(target) {
        Some(folder) if !STABLE_FOLDERS.contains(&folder) => format!("s3://{STATE}/{folder}/"),
        _ => target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: Operation, target: &str) -> Call {
        let target = target.to_owned();
        Call { operation, target, fault: None, caller: String::new(), answer_bytes: 9, mail: None }
    }

    #[test]
    fn every_call_of_a_run_is_a_point_that_is_found_again_in_another_hour() {
        let calls = [
            call(Operation::GetObject, "s3://example-logs/a.json.gz"),
            call(Operation::GetObject, "s3://example-state/budgets/2026-04-01T08.json"),
            call(Operation::PutObject, "s3://example-state/budgets/2026-04-01T08.json"),
            call(Operation::GetObject, "s3://example-state/budgets/2026-04-01T08.json"),
            call(Operation::Publish, "arn:aws:sns:us-east-1:111122223333:findings"),
        ];
        let points = Point::of_run(&calls);
        assert_eq!(points.len(), calls.len());
        assert_eq!(points.iter().map(|point| point.nth).collect::<Vec<_>>(), [1, 1, 1, 2, 1]);
        let later: Vec<Call> = calls
            .iter()
            .map(|call| Call { target: call.target.replace("T08", "T09"), ..call.clone() })
            .collect();
        for (point, call) in points.iter().zip(&later) {
            assert_eq!(point.in_run(&later), Some(call), "{point}");
            assert_eq!(point.kind(), kind(call), "{point}");
        }
        assert_eq!(points[3].in_run(&later[..3]), None);
        assert_eq!(points[3].state_folder(), Some("budgets"));
    }
}
