//! The entries of a file of suppressions that are in effect, and how those of two versions of the file differ.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::finding::suppression::{Suppression, Suppressions};
use crate::severity::Severity;

/// Entries in effect, by the values that they name and by `max_severity`, without those that others make superfluous.
pub(super) type EntriesInEffect<'a> =
    BTreeMap<Vec<(&'static str, String)>, BTreeMap<Severity, &'a Suppression>>;

/// Those of a file that have not expired.
pub(super) fn entries_in_effect(
    suppressions: &Suppressions,
    at: Option<DateTime<Utc>>,
) -> EntriesInEffect<'_> {
    let holds = |entry: &&Suppression| at.is_none_or(|at| !entry.has_expired(at));
    let mut all = EntriesInEffect::new();
    let mut entries: Vec<&Suppression> = suppressions.entries().iter().filter(holds).collect();
    entries.sort_by_key(|entry| entry.expires);
    for entry in entries {
        all.entry(entry.values()).or_default().insert(entry.max_severity(), entry);
    }
    for entries in all.values_mut() {
        let others: Vec<(Severity, NaiveDate)> =
            entries.iter().map(|(severity, entry)| (*severity, entry.expires)).collect();
        entries.retain(|severity, entry| {
            !others.iter().any(|(other, expires)| other > severity && *expires >= entry.expires)
        });
    }
    all
}

/// How the entries in effect differ.
pub(super) struct FileChange<'a> {
    /// Entries whose values none had before, the broad ones first.
    pub new: Vec<&'a Suppression>,
    /// Entries with the values of one before, and that one: the last day or the severity is another.
    pub other: Vec<(&'a Suppression, &'a Suppression)>,
    /// Entries whose values none has any more.
    pub gone: Vec<&'a Suppression>,
}

impl<'a> FileChange<'a> {
    /// Compares the entries of two versions of the file.
    pub fn between(before: &EntriesInEffect<'a>, after: &EntriesInEffect<'a>) -> FileChange<'a> {
        let mut change = FileChange { new: Vec::new(), other: Vec::new(), gone: Vec::new() };
        for (values, entries) in after {
            let Some(old) = before.get(values) else {
                change.new.extend(entries.values());
                continue;
            };
            for (severity, entry) in entries {
                match old.get(severity).or_else(|| old.values().next_back()) {
                    Some(old) if old.max_severity() == *severity && old.expires == entry.expires => {}
                    Some(old) => change.other.push((entry, old)),
                    None => change.new.push(entry),
                }
            }
        }
        for (values, entries) in before {
            let is_gone = |severity: &Severity, entry: &Suppression| match after.get(values) {
                None => true,
                Some(new) => {
                    !new.contains_key(severity)
                        && !change.other.iter().any(|(_, old)| std::ptr::eq(*old, entry))
                }
            };
            let gone = entries.iter().filter(|(severity, entry)| is_gone(severity, entry));
            change.gone.extend(gone.map(|(_, entry)| *entry));
        }
        for entries in [&mut change.new, &mut change.gone] {
            entries.sort_by_key(|entry| (!entry.is_broad(), entry.line));
        }
        change
    }
}

/// Whether an entry hides findings that none with the same values hid: it is new, lasts longer, or has another severity.
pub(super) fn hides_more(before: &EntriesInEffect<'_>, after: &EntriesInEffect<'_>) -> bool {
    let is_covered = |values: &[_], entry: &Suppression| {
        let mut old = before.get(values).into_iter().flat_map(BTreeMap::values);
        old.any(|old| old.max_severity() >= entry.max_severity() && old.expires >= entry.expires)
    };
    after.iter().any(|(values, entries)| entries.values().any(|entry| !is_covered(values, entry)))
}
