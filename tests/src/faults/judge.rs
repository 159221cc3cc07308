//! Whether a run kept the promises: nothing lost, nothing said twice, everything readable, nothing dropped.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::damage::leaves_notification_unknown;
use super::point::Kind;
use super::run::{Injected, Observed};
use super::{Expected, Need, Scenario};
use crate::stub_aws::{Call, Mail, Operation};

/// The words of a mail that may have been published before.
const MAY_REPEAT: &str = "may repeat";

/// The result of a run, as one letter of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was mailed once, and no message was retried.
    Unnoticed,
    /// The queue delivered a message again; everything was mailed once.
    Redelivered,
    /// A mail says that iamwatch could not look; everything else was mailed once.
    FailureMailed,
    /// A mail with an unknown outcome was published again, as the same alert, and says so.
    Repeated,
    /// In this race the call at which the fault was to happen did not come.
    NotReached,
    /// A promise was broken.
    Broken,
}

impl Verdict {
    /// All of them, as the table explains them.
    pub const ALL: [(Verdict, char, &str); 6] = [
        (Verdict::Unnoticed, '.', "mailed once, no message retried"),
        (Verdict::Redelivered, 'q', "mailed once, after the queue delivered a message again"),
        (Verdict::FailureMailed, 't', "mailed once, and the failure was mailed too"),
        (
            Verdict::Repeated,
            'r',
            "mailed again with the same alert_id and a repeat notice: its outcome was unknown",
        ),
        (Verdict::NotReached, '-', "two processes raced, and the call did not come"),
        (Verdict::Broken, 'X', "a promise was broken"),
    ];

    /// Its letter.
    pub fn letter(self) -> char {
        Verdict::ALL.into_iter().find(|(verdict, ..)| *verdict == self).map_or('?', |(_, letter, _)| letter)
    }
}

/// The judgement of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// In one letter.
    pub verdict: Verdict,
    /// How many expected mails never came.
    pub lost: usize,
    /// How many mails came again that must not.
    pub doubled: usize,
    /// How many mails were repeated because their outcome was unknown.
    pub repeated: usize,
    /// Every promise that was broken, in a sentence each.
    pub broken: Vec<String>,
}

/// Judges a run.
pub fn judge(scenario: &Scenario, injected: Option<&Injected>, observed: &Observed) -> Judgement {
    let mut judged =
        Judgement { verdict: Verdict::Unnoticed, lost: 0, doubled: 0, repeated: 0, broken: Vec::new() };
    let met = injected
        .map(|Injected { point, .. }| point.in_run(&observed.calls).filter(|call| call.fault.is_some()));
    let reached = met.is_none_or(|call| call.is_some());
    let may_repeat = may_repeat(injected, met.flatten(), observed);

    let mut of_expectation: Vec<Vec<(usize, &Mail)>> = vec![Vec::new(); scenario.expected.len()];
    let mut added = vec![0; scenario.may_add.len()];
    for (n, mail) in observed.mails.iter().enumerate() {
        let subject = mail.subject.as_deref().unwrap_or_default();
        if let Some(expectation) = scenario.expected.iter().position(|expected| expected.subject.is(subject))
        {
            of_expectation[expectation].push((n, mail));
            continue;
        }
        match scenario.may_add.iter().position(|(may_add, _)| may_add.is(subject)) {
            Some(kind) if injected.is_some() => added[kind] += 1,
            _ => judged.broken.push(format!("a mail that nobody expects: {subject:?}")),
        }
    }
    for ((subject, most), added) in scenario.may_add.iter().zip(&added) {
        if added > most {
            judged.doubled += added - most;
            judged.broken.push(format!("{added} mails like {subject:?}, at most {most} may be added"));
        }
    }
    for (Expected { subject: expected, alerts, need }, mails) in scenario.expected.iter().zip(&of_expectation)
    {
        // Its mails, by the alert that they are copies of.
        let mut mailed: Vec<Vec<(usize, &Mail)>> = Vec::new();
        for (n, mail) in mails {
            let id = mail.attribute("alert_id");
            match mailed.iter_mut().find(|copies| copies[0].1.attribute("alert_id") == id) {
                Some(copies) => copies.push((*n, mail)),
                None => mailed.push(vec![(*n, mail)]),
            }
        }
        if mailed.len() < *alerts && (*need == Need::Always || injected.is_none()) {
            judged.lost += alerts - mailed.len();
            judged.broken.push(format!("lost: {} of {alerts} mails like \"{expected}\" came", mailed.len()));
        }
        for copies in &mailed[mailed.len().min(*alerts)..] {
            judged.doubled += copies.len();
            judged.broken.push(format!("mailed again under another alert_id: \"{expected}\""));
        }
        for copies in mailed.iter().take(*alerts) {
            let (_, first) = copies[0];
            for (n, mail) in &copies[1..] {
                let wrong = if *n >= observed.mails_before_again {
                    "when the same was delivered again"
                } else if !may_repeat(first, copies.len() - 1) {
                    "although it was known that it had been published"
                } else if !says_that_it_may_repeat(mail) {
                    "without saying that it may repeat"
                } else {
                    judged.repeated += 1;
                    continue;
                };
                judged.doubled += 1;
                judged.broken.push(format!("mailed again {wrong}: \"{expected}\""));
            }
        }
    }
    // One answer that is lost is about one mail; who is killed may have several on the way.
    let is_killed = injected.is_some_and(|injected| injected.damage.kills());
    if judged.repeated > 1 && !is_killed {
        judged.doubled += judged.repeated - 1;
        judged.broken.push(format!("{} mails came again, of which the fault was about one", judged.repeated));
    }
    judged.broken.extend(unreadable(observed));
    judged.broken.extend((scenario.also)(observed));
    judged.broken.extend(observed.stopped.iter().map(|why| format!("the run stopped: {why}")));
    for id in &observed.dropped {
        judged.broken.push(format!("message {id} was given up after too many receives"));
    }
    if observed.overdue > 0 {
        judged.broken.push(format!("no answer at the deadline, {} times", observed.overdue));
    }
    let unknown: BTreeSet<&str> = observed
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Unknown)
        .map(|call| &call.target[..])
        .collect();
    judged.broken.extend(unknown.into_iter().map(|target| format!("a call that nobody granted: {target}")));
    if !reached && !scenario.races() {
        judged.broken.push("the call at which the fault was to happen did not come".to_owned());
    }

    judged.verdict = if !judged.broken.is_empty() {
        Verdict::Broken
    } else if !reached {
        Verdict::NotReached
    } else if judged.repeated > 0 {
        Verdict::Repeated
    } else if added.iter().any(|added| *added > 0) {
        Verdict::FailureMailed
    } else if observed.redelivered > 0 {
        Verdict::Redelivered
    } else {
        Verdict::Unnoticed
    };
    judged
}

/// Whether a mail may be repeated so often: a killed process cannot know which of its publishes took effect, and
/// a process that lost the answer about one mail does not know about that one.
fn may_repeat<'a>(
    injected: Option<&'a Injected>,
    met: Option<&'a Call>,
    observed: &'a Observed,
) -> impl Fn(&Mail, usize) -> bool + 'a {
    let killed = injected.zip(met).filter(|(injected, _)| injected.damage.kills()).map(|(_, call)| call);
    let published_by_killed: BTreeSet<usize> = observed
        .calls
        .iter()
        .filter(|call| killed.is_some_and(|killed| killed.caller == call.caller))
        .filter_map(|call| call.mail)
        .collect();
    let unknown =
        injected.is_some_and(|Injected { point, damage }| leaves_notification_unknown(*damage, point));
    move |mail, times| {
        let by_killed = published_by_killed.iter().any(|n| observed.mails[*n].attributes == mail.attributes);
        times == 1 && (by_killed || unknown)
    }
}

/// It says so to people and to machines.
fn says_that_it_may_repeat(mail: &Mail) -> bool {
    let findings = mail.findings();
    mail.form_for("email").is_some_and(|text| text.contains(MAY_REPEAT))
        && findings.iter().all(|finding| finding["unmapped"]["may_repeat"] == true)
}

/// What is unreadable or unfinished in the state.
fn unreadable(observed: &Observed) -> Vec<String> {
    let mut broken = Vec::new();
    for (key, content) in &observed.state {
        // Quarantined objects hold any bytes. The files of a person, and copies of them, are TOML. Step Functions
        // wants a list of what it hands out.
        if key.starts_with("quarantine/") || !key.ends_with(".json") || key.ends_with("/items.json") {
            continue;
        }
        match serde_json::from_slice::<Value>(content) {
            Ok(object) if object["format"] != 1 => broken.push(format!("{key} has no format 1")),
            Ok(object) if has_pending(&object) => broken.push(format!("{key} still has something pending")),
            Ok(_) => {}
            Err(error) => broken.push(format!("{key} is no JSON: {error}")),
        }
    }
    broken
}

/// Whether a member called `pending`, at any depth, has anything in it.
pub fn has_pending(value: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(items) => items.iter().any(has_pending),
        Value::Object(members) => {
            members.iter().any(|(name, value)| (name == "pending" && !empty(value)) || has_pending(value))
        }
        _ => false,
    }
}

/// The kinds of call that were seen in some run and at which nothing was tried, with who made them.
pub fn uncovered(seen: &BTreeMap<Kind, String>, tried: &BTreeSet<Kind>) -> Vec<String> {
    let uncovered = seen.iter().filter(|(kind, _)| !tried.contains(kind));
    uncovered
        .map(|((operation, target), run)| {
            format!("{operation:?} of {target} is called ({run}), but no scenario without faults calls it")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Scenario;
    use crate::faults::damage::Damage;
    use crate::faults::point::Point;
    use crate::stub_aws::{Attribute, Fault};

    const CASE: &str = "s3://example-state/cases/111122223333/user/ab.json";

    fn scenario() -> Scenario {
        Scenario::new("one", "sign-in").expect_mail("[HIGH] a* - b").expect_mail("[LOW] c - d")
    }

    fn mail(subject: &str, id: &str, text: &str) -> Mail {
        let attribute = Attribute { data_type: "String".to_owned(), value: id.to_owned() };
        Mail {
            subject: Some(subject.to_owned()),
            message: serde_json::json!({"email": text}).to_string(),
            attributes: [("alert_id".to_owned(), attribute)].into(),
            ..Mail::default()
        }
    }

    fn first() -> Mail {
        mail("[HIGH] a (+1 more) - b", "1", "Something.")
    }

    fn repeat() -> Mail {
        mail("[HIGH] a (+1 more) - b", "1", "This mail may repeat another.")
    }

    fn other() -> Mail {
        mail("[LOW] c - d", "2", "Something.")
    }

    fn call(operation: Operation, target: &str, fault: Option<Fault>, mail: Option<usize>) -> Call {
        let (target, caller) = (target.to_owned(), "ASIAPROCESS0001EXAMPLE".to_owned());
        Call { operation, target, fault, caller, answer_bytes: 0, mail }
    }

    fn observed(mails: &[Mail]) -> Observed {
        let state = [("cases/111122223333/user/ab.json", r#"{"format": 1, "pending": []}"#)];
        Observed {
            mails: mails.to_vec(),
            mails_before_again: mails.len(),
            state: state.map(|(key, content)| (key.to_owned(), content.into())).into(),
            ..Observed::default()
        }
    }

    /// A fault at the first such call, and the call.
    fn injected(operation: Operation, place: &str, damage: Damage) -> (Injected, Call) {
        let point = Point { operation, place: place.to_owned(), nth: 1, answer_bytes: 0 };
        let fault = damage.at(&point);
        (Injected { point, damage }, call(operation, place, fault, None))
    }

    fn says(judged: &Judgement, what: &str) {
        assert_eq!(judged.verdict, Verdict::Broken, "{judged:?}");
        assert!(judged.broken.iter().any(|broken| broken.contains(what)), "{what}: {:?}", judged.broken);
    }

    #[test]
    fn a_run_that_mails_everything_once_is_right() {
        let judged = judge(&scenario(), None, &observed(&[other(), first()]));
        assert_eq!((judged.verdict, judged.broken), (Verdict::Unnoticed, vec![]));
        let again = Observed { redelivered: 1, ..observed(&[other(), first()]) };
        assert_eq!(judge(&scenario(), None, &again).verdict, Verdict::Redelivered);
    }

    #[test]
    fn a_mail_that_never_came_is_lost() {
        let judged = judge(&scenario(), None, &observed(&[first()]));
        assert_eq!(judged.lost, 1);
        says(&judged, "lost: 0 of 1 mails like \"[LOW] c - d\" came");
    }

    #[test]
    fn of_several_alerts_with_the_same_subject_each_is_mailed_once() {
        let twice = Scenario::new("two", "sign-in").expect_mails(2, "[HIGH] a* - b");
        let second = mail("[HIGH] a - b", "2", "Something.");
        assert_eq!(judge(&twice, None, &observed(&[first(), second.clone()])).broken, [""; 0]);
        assert_eq!(judge(&twice, None, &observed(&[first()])).lost, 1);
        let third = mail("[HIGH] a - b", "3", "Something.");
        assert_eq!(judge(&twice, None, &observed(&[first(), second.clone(), third])).doubled, 1);
        assert_eq!(judge(&twice, None, &observed(&[first(), second.clone(), second])).doubled, 1);
    }

    #[test]
    fn a_mail_that_a_fault_may_prevent_is_lost_only_without_one() {
        let scenario = Scenario::new("one", "sign-in").expect_mail_if_undisturbed("[HIGH] a* - b");
        assert_eq!(judge(&scenario, None, &observed(&[])).lost, 1);
        let (kill, call) = injected(Operation::Publish, "arn", Damage::KillBefore);
        let run = Observed { calls: vec![call], ..observed(&[]) };
        assert_eq!(judge(&scenario, Some(&kill), &run).broken, [""; 0]);
    }

    #[test]
    fn the_other_expectations_of_a_scenario_are_checked() {
        let scenario = scenario().also(|observed| vec![format!("{} mails", observed.mails.len())]);
        says(&judge(&scenario, None, &observed(&[first(), other()])), "2 mails");
    }

    #[test]
    fn a_mail_that_came_again_is_doubled_unless_its_outcome_was_unknown() {
        let twice = [first(), other(), repeat()];
        let (cut, at_publish) = injected(Operation::Publish, "arn", Damage::CutAfter);
        let run = |mails: &[Mail], call: &Call| Observed { calls: vec![call.clone()], ..observed(mails) };

        says(&judge(&scenario(), None, &observed(&twice)), "although it was known");
        let judged = judge(&scenario(), Some(&cut), &run(&twice, &at_publish));
        assert_eq!((judged.verdict, judged.repeated, judged.doubled), (Verdict::Repeated, 1, 0));

        // It must say so, be the same alert, and be repeated at most once.
        let silent = [first(), other(), first()];
        says(
            &judge(&scenario(), Some(&cut), &run(&silent, &at_publish)),
            "without saying that it may repeat",
        );
        let renamed = [first(), other(), mail("[HIGH] a - b", "3", "This mail may repeat another.")];
        let judged = judge(&scenario(), Some(&cut), &run(&renamed, &at_publish));
        assert_eq!(judged.doubled, 1);
        says(&judged, "under another alert_id");
        let thrice = [first(), other(), repeat(), repeat()];
        assert_eq!(judge(&scenario(), Some(&cut), &run(&thrice, &at_publish)).doubled, 2);
        let late = Observed { mails_before_again: 2, ..run(&twice, &at_publish) };
        says(&judge(&scenario(), Some(&cut), &late), "when the same was delivered again");

        // An error says that nothing happened, and a lost read leaves nothing unknown.
        for (operation, place, damage, repeated) in [
            (Operation::Publish, "arn", Damage::Error(500), 0),
            (Operation::PutObject, CASE, Damage::Error(503), 0),
            (Operation::PutObject, CASE, Damage::HangAfter, 1),
            (Operation::GetObject, CASE, Damage::HangAfter, 0),
            (Operation::PutObject, "s3://example-state/budgets/", Damage::CutAfter, 0),
        ] {
            let (fault, call) = injected(operation, place, damage);
            let judged = judge(&scenario(), Some(&fault), &run(&twice, &call));
            assert_eq!(judged.repeated, repeated, "{operation:?} {place} {damage:?}: {:?}", judged.broken);
            assert_eq!(judged.verdict == Verdict::Broken, repeated == 0, "{operation:?} {place} {damage:?}");
        }
    }

    #[test]
    fn a_killed_process_may_have_repeated_only_what_it_had_published_itself() {
        let (kill, killed) = injected(Operation::GetObject, CASE, Damage::KillBefore);
        let published = call(Operation::Publish, "arn", None, Some(0));
        let mails = [first(), other(), repeat()];
        let run = Observed { calls: vec![published.clone(), killed.clone()], ..observed(&mails) };
        assert_eq!(judge(&scenario(), Some(&kill), &run).verdict, Verdict::Repeated);
        let by_another = Call { caller: "ASIAPROCESS0002EXAMPLE".to_owned(), ..published };
        let run = Observed { calls: vec![by_another, killed], ..observed(&mails) };
        says(&judge(&scenario(), Some(&kill), &run), "although it was known");
    }

    #[test]
    fn an_unexpected_mail_is_wrong_and_one_that_a_fault_may_add_is_counted() {
        let trouble = "[HIGH] iamwatch could not look - example-logs - 111122223333";
        let mails = [first(), other(), mail(trouble, "3", "")];
        says(&judge(&scenario(), None, &observed(&mails)), "nobody expects");
        let (denied, call) = injected(Operation::GetObject, "s3://example-logs/a", Damage::Error(403));
        let run = |mails: &[Mail]| Observed { calls: vec![call.clone()], ..observed(mails) };
        assert_eq!(judge(&scenario(), Some(&denied), &run(&mails)).verdict, Verdict::FailureMailed);
        let twice = [first(), other(), mail(trouble, "3", ""), mail(trouble, "4", "")];
        let judged = judge(&scenario(), Some(&denied), &run(&twice));
        assert_eq!(judged.doubled, 1);
        says(&judged, "at most 1");
        says(
            &judge(&scenario(), Some(&denied), &run(&[first(), other(), mail("x", "5", "")])),
            "nobody expects",
        );
    }

    #[test]
    fn a_dropped_unanswered_or_denied_call_is_wrong() {
        let right = observed(&[first(), other()]);
        let stopped = Observed { stopped: Some("it did not start".to_owned()), ..right.clone() };
        says(&judge(&scenario(), None, &stopped), "the run stopped: it did not start");
        let dropped = Observed { dropped: vec!["m1".to_owned()], ..right.clone() };
        says(&judge(&scenario(), None, &dropped), "message m1 was given up");
        let overdue = Observed { overdue: 1, ..right.clone() };
        says(&judge(&scenario(), None, &overdue), "no answer at the deadline");
        let unknown = call(Operation::Unknown, "POST /?Action=ListTopics", None, None);
        says(&judge(&scenario(), None, &Observed { calls: vec![unknown], ..right }), "nobody granted");
    }

    #[test]
    fn unreadable_or_unfinished_state_is_wrong() {
        for (name, key, content, wrong) in [
            ("a case", "cases/a.json", r#"{"format": 1, "told": [{"pending": null}]}"#, None),
            ("half an object", "cases/a.json", r#"{"format": 1"#, Some("is no JSON")),
            ("no format", "budgets/a.json", "{}", Some("has no format 1")),
            ("another format", "budgets/a.json", r#"{"format": 2}"#, Some("has no format 1")),
            ("pending", "cases/a.json", r#"{"format": 1, "pending": [{"alert_id": "1"}]}"#, Some("pending")),
            (
                "pending within",
                "cases/a.json",
                r#"{"format": 1, "a": [{"pending": {"b": 1}}]}"#,
                Some("pending"),
            ),
            ("what was put aside", "quarantine/a.json", "not JSON", None),
            ("what a person wrote", "config/suppressions.toml", "a = 1", None),
        ] {
            let state = [(key.to_owned(), content.into())].into();
            let run = Observed { state, ..observed(&[first(), other()]) };
            let judged = judge(&scenario(), None, &run);
            match wrong {
                Some(wrong) => says(&judged, wrong),
                None => assert_eq!(judged.broken, [""; 0], "{name}"),
            }
        }
    }

    #[test]
    fn a_fault_that_never_happened_proves_nothing() {
        let (fault, _) = injected(Operation::Publish, "arn", Damage::Error(500));
        let run = observed(&[first(), other()]);
        says(&judge(&scenario(), Some(&fault), &run), "did not come");
        let race = scenario().deliver_at_once(&[&["a"], &["b"]]);
        assert_eq!(judge(&race, Some(&fault), &run).verdict, Verdict::NotReached);
    }

    #[test]
    fn a_kind_of_call_without_a_fault_is_named() {
        let kind = |operation, target: &str| (operation, target.to_owned());
        let tried = BTreeSet::from([kind(Operation::GetObject, "a log file")]);
        let seen = [
            (kind(Operation::GetObject, "a log file"), "one".to_owned()),
            (kind(Operation::PutObject, "quarantine/ of the state bucket"), "corrupt/3/500".to_owned()),
        ];
        let uncovered = uncovered(&seen.into(), &tried);
        assert_eq!(uncovered.len(), 1, "{uncovered:?}");
        assert!(uncovered[0].starts_with("PutObject of quarantine/ of the state bucket"), "{uncovered:?}");
    }
}
