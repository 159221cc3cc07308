//! The file of suppressions: it was changed, an entry expired, or it is invalid. Anyone who can write to it can
//! suppress notifications.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::changed_lines::{NumberedLines, changed_lines};
use super::entries_in_effect::{FileChange, entries_in_effect, hides_more};
use super::finding::health_finding;
use crate::finding::rule::{Rule, RuleKind};
use crate::finding::suppression::{Suppression, SuppressionProblem, Suppressions};
use crate::finding::{Evidence, Finding, Subject, stable_id};
use crate::severity::Severity;
use crate::text;

/// An entry's last day is over.
pub static SUPPRESSION_EXPIRED: Rule = Rule {
    id: "watch.suppression-expired",
    kind: RuleKind::Check,
    title: "Suppression has expired",
    severity: Severity::Low,
    severity_reason: "Nothing is missed: what it hid is told again. But somebody had a reason to accept it, and should say whether it still holds.",
    condition: "the last day of an entry in config/suppressions.toml is over",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "Ask whoever owns the entry whether what it hid is still there, and still accepted for the same reason.",
        "If it is: give the entry a new date in `expires`, at most a year ahead.",
        "If it is not, or nobody knows: delete the entry, and look at what is told from now on.",
    ],
};

/// The file was written, changed or deleted.
pub static SUPPRESSIONS_CHANGED: Rule = Rule {
    id: "watch.suppressions-changed",
    kind: RuleKind::Check,
    title: "Suppressions changed",
    severity: Severity::High,
    severity_reason: "Whoever changes the file decides what nobody is told. \
        LOW where nothing new is hidden, nor for longer, nor anything worse.",
    condition: "the file config/suppressions.toml was written, changed or deleted, or an entry of it hides less in this version of iamwatch",
    references: &["mitre-attack:17/T1562.008", "mitre-attack:17/T1562.001"],
    remediation: &[
        "Read what is hidden now: did somebody of yours mean to accept exactly that?",
        "Ask whoever keeps the file. S3 keeps its versions (`aws s3api list-object-versions`); who wrote one stands in CloudTrail's data events, where the trail records them.",
        "If nobody meant it: put the version before back, and find out who can write to the bucket. Somebody is about to do, or has done, what the new entries hide.",
        "What was hidden meanwhile is counted in each mail, and `iamwatch sign-in` without `--suppressions` shows it again.",
    ],
};

/// The file, or an entry of it, is invalid.
pub static SUPPRESSIONS_UNREADABLE: Rule = Rule {
    id: "watch.suppressions-unreadable",
    kind: RuleKind::Check,
    title: "Suppressions not understood",
    severity: Severity::High,
    severity_reason: "Nothing is missed, but what somebody has accepted is told as if it were new, and hides among it what is.",
    condition: "the file config/suppressions.toml, or an entry in it, is not written as it must be and so hides nothing",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "Mend the lines that are named here; each says what would be right.",
        "Check the file before it is uploaded: `iamwatch suppressions check FILE` names every fault.",
        "If nobody of yours wrote it so: find out who can write to the bucket.",
    ],
};

/// What to do if entries without `max_severity` no longer hide what they hid.
const NO_LONGER_CRITICAL_STEPS: &[&str] = &[
    "Read the entries that are named here. What they hide up to HIGH stays hidden; what is CRITICAL is told from now on.",
    "Where somebody meant to accept CRITICAL findings too: add `max_severity = \"CRITICAL\"` to that entry.",
    "Give every other entry the severity that its mail showed, as mails print it now.",
    "See what each entry hides: `iamwatch suppressions check FILE PATH...`, with log files and credential reports.",
];

/// The most entries, lines and problems of each kind that a finding lists.
const MAX_ENTRIES: usize = 5;
const MAX_LINES: usize = 15;
const MAX_UNLIMITED: usize = 20;
const MAX_PROBLEMS: usize = 10;

const MAX_LINE_CHARS: usize = 160;
const MAX_ENTRY_CHARS: usize = 280;

/// The names of the facts: each may be used only once in a finding.
const HIDDEN_NOW: [&str; MAX_ENTRIES] =
    ["hidden_now_1", "hidden_now_2", "hidden_now_3", "hidden_now_4", "hidden_now_5"];
const OTHER_DAY: [&str; MAX_ENTRIES] =
    ["other_day_1", "other_day_2", "other_day_3", "other_day_4", "other_day_5"];
const UNLIMITED: [&str; MAX_UNLIMITED] = [
    "no_longer_critical_1",
    "no_longer_critical_2",
    "no_longer_critical_3",
    "no_longer_critical_4",
    "no_longer_critical_5",
    "no_longer_critical_6",
    "no_longer_critical_7",
    "no_longer_critical_8",
    "no_longer_critical_9",
    "no_longer_critical_10",
    "no_longer_critical_11",
    "no_longer_critical_12",
    "no_longer_critical_13",
    "no_longer_critical_14",
    "no_longer_critical_15",
    "no_longer_critical_16",
    "no_longer_critical_17",
    "no_longer_critical_18",
    "no_longer_critical_19",
    "no_longer_critical_20",
];
const TOLD_AGAIN: [&str; MAX_ENTRIES] =
    ["told_again_1", "told_again_2", "told_again_3", "told_again_4", "told_again_5"];
const ADDED: [&str; MAX_LINES] = [
    "added_1", "added_2", "added_3", "added_4", "added_5", "added_6", "added_7", "added_8", "added_9",
    "added_10", "added_11", "added_12", "added_13", "added_14", "added_15",
];
const REMOVED: [&str; MAX_LINES] = [
    "removed_1",
    "removed_2",
    "removed_3",
    "removed_4",
    "removed_5",
    "removed_6",
    "removed_7",
    "removed_8",
    "removed_9",
    "removed_10",
    "removed_11",
    "removed_12",
    "removed_13",
    "removed_14",
    "removed_15",
];
const PROBLEMS: [&str; MAX_PROBLEMS] = [
    "problem_1",
    "problem_2",
    "problem_3",
    "problem_4",
    "problem_5",
    "problem_6",
    "problem_7",
    "problem_8",
    "problem_9",
    "problem_10",
];

/// An entry has expired: the same finding until its last day is changed.
pub fn suppression_expired(entry: &Suppression, file_uri: &str, account: Option<&str>) -> Finding {
    let id = entry.id();
    let mut facts = vec![("entry", entry_in_words(entry, "")), ("reason", entry.reason.clone())];
    facts.extend(entry.owner.clone().map(|owner| ("owner", owner)));
    facts.push(("expires", entry.expires.to_string()));
    facts.push(("line", entry.line.to_string()));
    let rule = &SUPPRESSION_EXPIRED;
    let what = format!("a suppression of {} has expired: what it hid is told again", entry.about());
    about_file(
        rule,
        rule.severity,
        &[&id],
        FileVersion { uri: file_uri, version: &id, time: entry.end() },
        account,
        what,
        facts,
    )
}

/// The file was changed; `None` if it was not. `None` as content is an absent file, `modified` is when S3 received
/// the later one.
pub fn suppressions_changed(
    before: Option<&str>,
    after: Option<&str>,
    rules: &[&'static Rule],
    file_uri: &str,
    modified: Option<DateTime<Utc>>,
    account: Option<&str>,
) -> Option<Finding> {
    if before == after {
        return None;
    }
    // Without the time it is unknown which entries have expired, and which dates are too far ahead.
    let parsed = |content: Option<&str>| {
        let latest = modified.unwrap_or(DateTime::<Utc>::MAX_UTC);
        Suppressions::parse(content.unwrap_or_default(), rules, latest)
    };
    let (hid, hides) = (parsed(before), parsed(after));
    let (hid, hides) = (entries_in_effect(&hid, modified), entries_in_effect(&hides, modified));
    let FileChange { new, other, gone } = FileChange::between(&hid, &hides);
    let broad = new.iter().filter(|entry| entry.is_broad()).count();
    let severity = if hides_more(&hid, &hides) { SUPPRESSIONS_CHANGED.severity } else { Severity::Low };
    let (removed, added) = changed_lines(before.unwrap_or_default(), after.unwrap_or_default());

    let mut facts = vec![("lines", lines_in_words(added.len(), removed.len()))];
    let until = |entry: &&Suppression| {
        entry_in_words(entry, &format!(", up to {}, until {}", entry.max_severity(), entry.expires))
    };
    list(&mut facts, &HIDDEN_NOW, "hidden_now_more", new.iter().map(until).collect());
    list(&mut facts, &OTHER_DAY, "other_day_more", other.iter().map(instead).collect());
    list(&mut facts, &TOLD_AGAIN, "told_again_more", gone.iter().map(until).collect());
    let numbered = |lines: NumberedLines<'_>| {
        let shown = |line: &str| text::cut(line.trim_end(), MAX_LINE_CHARS);
        lines.into_iter().map(|(number, line)| format!("line {number}: {}", shown(line))).collect()
    };
    list(&mut facts, &ADDED, "added_more", numbered(added));
    list(&mut facts, &REMOVED, "removed_more", numbered(removed));

    let done = match (before, after) {
        (None, _) => "written where there was none",
        (_, None) => "deleted",
        _ => "changed",
    };
    let effect = effect_in_words(&new, broad, &other, gone.len());
    let what = format!("the file of suppressions was {done}: {effect}");
    let presence = |content: Option<&str>| if content.is_some() { "present" } else { "absent" };
    let time = modified.map(|modified| modified.to_rfc3339()).unwrap_or_default();
    // The same two contents at another time are another change.
    let change = stable_id(&[
        presence(before),
        before.unwrap_or_default(),
        presence(after),
        after.unwrap_or_default(),
        &time,
    ]);
    let file = FileVersion { uri: file_uri, version: &change, time: modified };
    Some(about_file(&SUPPRESSIONS_CHANGED, severity, &[file_uri, &change], file, account, what, facts))
}

/// Entries that hid CRITICAL findings before there was `max_severity`, and no longer do: one finding for each content;
/// `None` if there are none. `before` is the file as that version of iamwatch saw it, `after` is the file now.
pub fn critical_no_longer_hidden(
    before: &str,
    after: (&Suppressions, &str),
    rules: &[&'static Rule],
    file_uri: &str,
    modified: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Option<Finding> {
    let (suppressions, content) = after;
    let before = Suppressions::parse(before, rules, now);
    let known: BTreeSet<String> = before.entries().iter().map(Suppression::id).collect();
    let hid_critical = |entry: &&Suppression| {
        !entry.states_max_severity()
            && !entry.has_expired(now)
            && known.contains(&entry.id())
            && rules.iter().any(|rule| rule.can_be_critical() && entry.selects(rule))
    };
    let entries: Vec<&Suppression> = suppressions.entries().iter().filter(hid_critical).collect();
    let (count, hides) = match entries.len() {
        0 => return None,
        1 => ("1 entry".to_owned(), "has no max_severity and no longer hides"),
        many => (format!("{many} entries"), "have no max_severity and no longer hide"),
    };
    let what = format!("{count} of the file of suppressions {hides} CRITICAL findings");
    let mut facts = Vec::new();
    let shown = |entry: &&Suppression| format!("line {}: {}", entry.line, entry_in_words(entry, ""));
    list(&mut facts, &UNLIMITED, "no_longer_critical_more", entries.iter().map(shown).collect());
    let version = stable_id(&["max_severity", content]);
    let file = FileVersion { uri: file_uri, version: &version, time: modified };
    let identity = [file_uri, &version];
    let finding = about_file(&SUPPRESSIONS_CHANGED, Severity::Low, &identity, file, account, what, facts);
    Some(Finding { remediation: NO_LONGER_CRITICAL_STEPS, ..finding })
}

/// The file, or some of its entries, are invalid: one finding for each content; `None` if all of it is valid.
pub fn suppressions_unreadable(
    problems: &[SuppressionProblem],
    content: &str,
    file_uri: &str,
    modified: Option<DateTime<Utc>>,
    account: Option<&str>,
) -> Option<Finding> {
    let first = problems.first()?;
    let faults = match problems.len() {
        1 => format!("a fault, in line {},", first.line),
        more => format!("{more} faults, the first in line {},", first.line),
    };
    let what = format!("the file of suppressions has {faults} and hides less than it says");
    let mut facts = Vec::new();
    let shown = |problem: &SuppressionProblem| text::cut(&problem.to_string(), MAX_ENTRY_CHARS);
    list(&mut facts, &PROBLEMS, "problems_more", problems.iter().map(shown).collect());
    let version = stable_id(&[content]);
    let file = FileVersion { uri: file_uri, version: &version, time: modified };
    let rule = &SUPPRESSIONS_UNREADABLE;
    Some(about_file(rule, rule.severity, &[file_uri, &version], file, account, what, facts))
}

/// What a finding is about: one version of the file, or one entry of it, and since when.
struct FileVersion<'a> {
    uri: &'a str,
    version: &'a str,
    time: Option<DateTime<Utc>>,
}

fn about_file(
    rule: &'static Rule,
    severity: Severity,
    identity: &[&str],
    file: FileVersion<'_>,
    account: Option<&str>,
    what: String,
    facts: Vec<(&'static str, String)>,
) -> Finding {
    // Without the bucket's name, as people know it: config/suppressions.toml.
    let key =
        file.uri.strip_prefix("s3://").and_then(|uri| uri.split_once('/')).map_or(file.uri, |(_, key)| key);
    let subject = Subject::Source(key.to_owned());
    Finding {
        account: account.map(str::to_owned),
        resource: Some(format!("{key}#{}", file.version.get(..8).unwrap_or(file.version))),
        time: file.time,
        evidence: Evidence { object: Some(file.uri.to_owned()), facts: facts.into(), ..Evidence::default() },
        ..health_finding(rule, severity, identity, subject, what)
    }
    .with_summary()
}

/// `rule sign-in.failed, account 111122223333, up to CRITICAL instead of HIGH, until 2026-04-30`.
fn instead((entry, old): &(&Suppression, &Suppression)) -> String {
    let instead_of =
        |new: String, old: String| if new == old { new } else { format!("{new} instead of {old}") };
    let severity = instead_of(entry.max_severity().to_string(), old.max_severity().to_string());
    let until = instead_of(entry.expires.to_string(), old.expires.to_string());
    entry_in_words(entry, &format!(", up to {severity}, until {until}"))
}

/// Adds the first values as facts, and how many more there are.
fn list(
    facts: &mut Vec<(&'static str, String)>,
    names: &[&'static str],
    name_of_more: &'static str,
    mut values: Vec<String>,
) {
    let more = values.len().saturating_sub(names.len());
    values.truncate(names.len());
    facts.extend(names.iter().copied().zip(values));
    facts.extend((more > 0).then(|| (name_of_more, format!("and {more} more"))));
}

/// `rule sign-in.failed, account 111122223333, principal alice`.
fn entry_in_words(entry: &Suppression, and: &str) -> String {
    let values: Vec<String> = entry.values().iter().map(|(key, value)| format!("{key} {value}")).collect();
    text::cut(&values.join(", "), MAX_ENTRY_CHARS - and.len()) + and
}

/// `2 new entries hide findings, 1 of them broadly; 1 entry hides nothing any more`.
fn effect_in_words(
    new: &[&Suppression],
    broad: usize,
    other: &[(&Suppression, &Suppression)],
    gone: usize,
) -> String {
    let entries = |count: usize, one: &str, many: &str| match count {
        0 => None,
        count => Some(text::counted(count, one, many)),
    };
    let broadly = match broad {
        0 => "",
        _ if broad == new.len() => " broadly",
        _ => &format!(", {broad} of them broadly"),
    };
    let other_day = other.iter().filter(|(entry, old)| entry.expires != old.expires).count();
    let other_severity =
        other.iter().filter(|(entry, old)| entry.max_severity() != old.max_severity()).count();
    let effects = [
        entries(new.len(), "new entry hides findings", "new entries hide findings").map(|new| new + broadly),
        entries(other_day, "entry holds until another day", "entries hold until another day"),
        entries(other_severity, "entry hides up to another severity", "entries hide up to another severity"),
        entries(gone, "entry hides nothing any more", "entries hide nothing any more"),
    ];
    let effects: Vec<String> = effects.into_iter().flatten().collect();
    if effects.is_empty() { "it hides the same as before".to_owned() } else { effects.join("; ") }
}

fn lines_in_words(added: usize, removed: usize) -> String {
    match (added, removed) {
        (0, 0) => "none but empty ones, or only their order or ends".to_owned(),
        _ => format!("{added} added, {removed} removed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "s3://iamwatch-state-111122223333/config/suppressions.toml";

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn entry(principal: &str, expires: &str) -> String {
        format!(
            "[[suppression]]\nrule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"{principal}\"\nreason = \"an exercise\"\nexpires = \"{expires}\"\n"
        )
    }

    fn changed(before: Option<&str>, after: Option<&str>, modified: &str) -> Option<Finding> {
        suppressions_changed(
            before,
            after,
            &crate::rules::registry::all(),
            FILE,
            Some(at(modified)),
            Some("111122223333"),
        )
    }

    fn fact(finding: &Finding, name: &str) -> Option<String> {
        finding.evidence.facts.0.iter().find(|(fact, _)| *fact == name).map(|(_, value)| value.clone())
    }

    const NOW: &str = "2026-04-02T12:00:00Z";

    #[test]
    fn a_change_lists_what_is_suppressed_now_and_what_no_longer_is() {
        let (alice, bob) = (entry("alice", "2026-04-30"), entry("bob", "2026-04-30"));
        let both = format!("{alice}\n{bob}");
        let any = entry("*", "2026-04-30");
        let up_to = |severity| alice.clone() + &format!("max_severity = \"{severity}\"\n");
        for (name, before, after, severity, expected) in [
            (
                "an entry more",
                Some(&alice[..]),
                Some(&both[..]),
                Severity::High,
                "was changed: 1 new entry hides findings",
            ),
            (
                "a broad one",
                Some(&alice),
                Some(&any),
                Severity::High,
                "was changed: 1 new entry hides findings broadly; 1 entry hides nothing any more",
            ),
            (
                "an entry less",
                Some(&both),
                Some(&bob),
                Severity::Low,
                "was changed: 1 entry hides nothing any more",
            ),
            (
                "another order",
                Some(&both),
                Some(&format!("{bob}\n{alice}")),
                Severity::Low,
                "was changed: it hides the same as before",
            ),
            (
                "line ends",
                Some(&both),
                Some(&both.replace('\n', "\r\n")),
                Severity::Low,
                "was changed: it hides the same as before",
            ),
            (
                "the first file",
                None,
                Some(&both),
                Severity::High,
                "was written where there was none: 2 new entries hide findings",
            ),
            ("no file", Some(&both), None, Severity::Low, "was deleted: 2 entries hide nothing any more"),
            (
                "an empty file",
                None,
                Some(""),
                Severity::Low,
                "was written where there was none: it hides the same as before",
            ),
            (
                "no TOML any more",
                Some(&both),
                Some("[["),
                Severity::Low,
                "was changed: 2 entries hide nothing any more",
            ),
            (
                "an entry that has expired",
                None,
                Some(&entry("alice", "2026-04-01")),
                Severity::Low,
                "was written where there was none: it hides the same as before",
            ),
            (
                "an earlier day",
                Some(&alice),
                Some(&entry("alice", "2026-04-03")),
                Severity::Low,
                "was changed: 1 entry holds until another day",
            ),
            (
                "a broad one among others",
                None,
                Some(&format!("{both}{any}")),
                Severity::High,
                "was written where there was none: 3 new entries hide findings, 1 of them broadly",
            ),
            (
                "a severity more",
                Some(&alice),
                Some(&up_to("CRITICAL")),
                Severity::High,
                "was changed: 1 entry hides up to another severity",
            ),
            (
                "the severity that was meant",
                Some(&alice),
                Some(&up_to("HIGH")),
                Severity::Low,
                "was changed: it hides the same as before",
            ),
            (
                "a lower severity",
                Some(&up_to("CRITICAL")),
                Some(&up_to("LOW")),
                Severity::Low,
                "was changed: 1 entry hides up to another severity",
            ),
            (
                "a lower severity for longer",
                Some(&up_to("CRITICAL")),
                Some(&up_to("LOW").replace("04-30", "05-31")),
                Severity::High,
                "was changed: 1 entry holds until another day; 1 entry hides up to another severity",
            ),
            (
                "a lower severity for longer beside the other",
                Some(&up_to("CRITICAL")),
                Some(&(up_to("CRITICAL") + &up_to("LOW").replace("04-30", "05-31"))),
                Severity::High,
                "was changed: 1 entry holds until another day; 1 entry hides up to another severity",
            ),
            (
                "one of two with the same values",
                Some(&(up_to("CRITICAL") + &up_to("LOW").replace("04-30", "05-31"))),
                Some(&up_to("LOW").replace("04-30", "05-31")),
                Severity::Low,
                "was changed: 1 entry hides nothing any more",
            ),
            (
                "what another one hides already",
                Some(&alice),
                Some(&(alice.clone() + &up_to("LOW"))),
                Severity::Low,
                "was changed: it hides the same as before",
            ),
            (
                "a later day",
                Some(&alice),
                Some(&entry("alice", "2026-06-30")),
                Severity::High,
                "was changed: 1 entry holds until another day",
            ),
        ] {
            let finding = changed(before, after, NOW).unwrap();
            assert_eq!(finding.what, format!("the file of suppressions {expected}"), "{name}");
            assert_eq!(finding.severity, severity, "{name}");
        }
        assert!(changed(Some(&alice), Some(&alice), NOW).is_none() && changed(None, None, NOW).is_none());
    }

    #[test]
    fn entries_that_no_longer_hide_critical_findings_are_named() {
        let of = |rule: &str, more: &str| {
            format!(
                "[[suppression]]\n{rule}\naccount = \"111122223333\"\nresource = \"x\"\n{more}\nreason = \"x\"\nexpires = \"2026-04-30\"\n"
            )
        };
        let (tampered, failed) = (of("rule = \"watch.tampered\"", ""), of("rule = \"sign-in.failed\"", ""));
        let stated = of("rule = \"trail.stopped\"", "max_severity = \"CRITICAL\"");
        let family = of("family = \"grant\"", "");
        let over = of("rule = \"trail.deleted\"", "").replace("04-30", "04-01");
        let before = [&tampered, &failed, &stated, &family, &over].map(String::as_str).concat();
        let found = |before: &str, after: &str| {
            let (rules, now) = (crate::rules::registry::all(), at(NOW));
            let suppressions = Suppressions::parse(after, &rules, now);
            assert_eq!(suppressions.problems(), []);
            critical_no_longer_hidden(before, (&suppressions, after), &rules, FILE, Some(now), now, None)
        };
        let finding = found(&before, &before).unwrap();
        assert_eq!(finding.rule.id, "watch.suppressions-changed");
        assert_eq!(
            finding.what,
            "2 entries of the file of suppressions have no max_severity and no longer hide CRITICAL findings"
        );
        assert_eq!(
            [1, 2, 3].map(|n| fact(&finding, &format!("no_longer_critical_{n}"))),
            [
                Some("line 1: rule watch.tampered, account 111122223333, resource x".to_owned()),
                Some("line 22: family grant, account 111122223333, resource x".to_owned()),
                None
            ]
        );
        assert!(found(&before, &stated).is_none() && found(&failed, &failed).is_none());
        assert!(found("", &tampered).is_none(), "written since");
        assert!(found(&(failed.clone() + &tampered), &tampered).unwrap().what.starts_with("1 entry"));
        let all: String = (0..30).map(|n| tampered.replace("\"x\"\n\n", &format!("\"x{n}\"\n\n"))).collect();
        let finding = found(&all, &all).unwrap();
        assert_eq!(fact(&finding, "no_longer_critical_more").as_deref(), Some("and 10 more"));
    }

    #[test]
    fn every_change_has_a_finding_of_its_own_even_the_same_change_made_again() {
        let (one, other) = ("# one\n", "# other\n");
        let first = changed(Some(one), Some(other), NOW).unwrap();
        let again = changed(Some(one), Some(other), NOW).unwrap();
        assert_eq!((&first.id, &first.resource), (&again.id, &again.resource));
        let mut ids = std::collections::BTreeSet::from([first.id]);
        let mut resources = std::collections::BTreeSet::from([first.resource]);
        for (name, finding) in [
            ("back", changed(Some(other), Some(one), NOW)),
            ("the same again, later", changed(Some(one), Some(other), "2026-04-03T12:00:00Z")),
            ("to nothing", changed(Some(one), Some(""), NOW)),
            ("deleted", changed(Some(one), None, NOW)),
            ("written", changed(None, Some(one), NOW)),
        ] {
            let finding = finding.unwrap();
            assert!(ids.insert(finding.id) && resources.insert(finding.resource), "{name}");
        }
    }

    #[test]
    fn a_large_or_hostile_file_makes_a_small_mail_quickly() {
        let many = |word: &str| (0..40_000).map(|n| format!("# {word} {n}\n")).collect::<String>();
        let long = format!("# {}", "\u{202e}x".repeat(200_000));
        let alternating = "a\nb\n".repeat(200_000);
        for (name, before, after) in [
            ("every line another", many("one"), many("two")),
            ("one long line", String::new(), long),
            ("the same few lines in another order", alternating.clone(), alternating.replace("a\nb", "b\na")),
            ("nothing but entries", String::new(), entry("*", "2026-04-30").repeat(8000)),
        ] {
            let finding = changed(Some(&before), Some(&after), NOW).unwrap();
            let size: usize =
                finding.evidence.facts.0.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(size < 20_000, "{name}: {size}");
        }
        let finding = changed(None, Some(&many("one")), NOW).unwrap();
        assert_eq!(fact(&finding, "lines").as_deref(), Some("40000 added, 0 removed"));
        assert_eq!(fact(&finding, "added_15").as_deref(), Some("line 15: # one 14"));
        assert_eq!(fact(&finding, "added_more").as_deref(), Some("and 39985 more"));
    }

    #[test]
    fn an_expired_entry_is_one_finding_until_its_last_day_is_changed() {
        let finding = |file: &str| {
            let suppressions = Suppressions::parse(file, &crate::rules::registry::all(), at(NOW));
            let entry = suppressions.expired(at(NOW)).last().unwrap();
            suppression_expired(entry, FILE, Some("111122223333"))
        };
        let bob = finding(&entry("bob", "2026-04-01"));
        assert_eq!(bob.time, Some(at("2026-04-02T00:00:00Z")));
        let below = finding(&(entry("alice", "2026-03-01") + &entry("bob", "2026-04-01")));
        assert_eq!((&bob.id, &bob.resource), (&below.id, &below.resource));
        for other in [entry("carol", "2026-04-01"), entry("bob", "2026-03-31")] {
            let other = finding(&other);
            assert!(other.id != bob.id && other.resource != bob.resource, "{}", other.summary);
        }
    }

    #[test]
    fn an_invalid_file_is_one_finding_for_each_content() {
        let finding = |content: &str| {
            let suppressions = Suppressions::parse(content, &crate::rules::registry::all(), at(NOW));
            suppressions_unreadable(suppressions.problems(), content, FILE, Some(at(NOW)), None)
        };
        assert!(finding("# fine\n").is_none());
        let one = finding("[[").unwrap();
        assert_eq!(one.id, finding("[[").unwrap().id);
        let many = "[[suppression]]\n".repeat(1000);
        let many = finding(&many).unwrap();
        assert!(many.id != one.id && many.resource != one.resource);
        assert_eq!(
            many.what,
            "the file of suppressions has 1000 faults, the first in line 1, and hides less than it says"
        );
        assert_eq!(fact(&many, "problems_more").as_deref(), Some("and 990 more"));
    }
}
