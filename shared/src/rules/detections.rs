//! The rules over CloudTrail records: a table of entries, one file a family, each entry with its cases.
//!
//! To add a rule, add its entry and its cases to its family's file. The order of [`table`] is the order of
//! precedence: a record raises the first rule that matches, so the more specific rule stands first.

#[cfg(any(test, feature = "cases"))]
#[expect(
    clippy::panic,
    reason = "only tests read the cases, and a case that is no record is a mistake in a test"
)]
pub mod cases;
mod credential_change;
mod grant;
mod identity_center;
mod root;
mod sign_in;
mod tampered;
mod trail;

use crate::config::Config;
use crate::finding::rule::Rule;
use crate::finding::{Evidence, Finding, Place, Principal, Subject, masked, stable_id};
use crate::formats::cloudtrail::Record;
use crate::formats::cloudtrail::sign_in::{Outcome, stated_outcome};
use crate::severity::Severity;

/// One rule over records.
pub struct Detection {
    /// What the rule says about itself.
    pub rule: Rule,
    /// Which records it may match. A record outside is never shown to the rule, nor even parsed.
    pub on: &'static [On],
    /// The finding's own part, where the rule matches.
    pub matches: fn(&Record<'_>, &Config) -> Option<Raised>,
    /// Records that raise it and records that leave it quiet.
    #[cfg(any(test, feature = "cases"))]
    pub cases: &'static [cases::Case],
}

/// Which records a rule may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every event of this `eventSource`.
    Source(&'static str),
    /// Every event of these `eventName`s, whatever their source.
    Names(&'static [&'static str]),
    /// Every event whose `userIdentity.type` is Root.
    Root,
}

impl On {
    /// Whether the record is one of these.
    pub fn includes(self, record: &Record<'_>) -> bool {
        match self {
            On::Source(source) => record.event_source == source,
            On::Names(names) => names.contains(&&*record.event_name),
            On::Root => record.user_identity.kind.as_deref() == Some("Root"),
        }
    }
}

/// What one rule says about one record.
#[derive(Debug, PartialEq)]
pub struct Raised {
    severity: Severity,
    what: String,
    resource: Option<String>,
    facts: Vec<(&'static str, String)>,
    subject: Option<Subject>,
    by_anyone: bool,
}

impl Raised {
    /// A finding of that severity; `what` is a phrase that follows the principal's name,
    /// such as "signed in to the console without a second factor".
    pub fn new(severity: Severity, what: impl Into<String>) -> Raised {
        Raised {
            severity,
            what: what.into(),
            resource: None,
            facts: Vec::new(),
            subject: None,
            by_anyone: false,
        }
    }

    /// Adds a fact that the rule looked at; an absent one is left out.
    pub fn fact(mut self, name: &'static str, value: Option<impl Into<String>>) -> Raised {
        self.facts.extend(value.map(|value| (name, value.into())));
        self
    }

    /// Names the ARN, or the name, of what the finding is about.
    pub fn resource(mut self, resource: Option<impl Into<String>>) -> Raised {
        self.resource = resource.map(Into::into);
        self
    }

    /// Counts the finding against something else than the principal or address of the record.
    pub fn subject(mut self, subject: Subject) -> Raised {
        self.subject = Some(subject);
        self
    }

    /// Says that anyone can cause it, without a password, a key or a session.
    pub fn by_anyone(mut self) -> Raised {
        self.by_anyone = true;
        self
    }
}

/// Every rule over records, in order of precedence.
pub fn table() -> impl Iterator<Item = &'static Detection> {
    [
        root::SPECIFIC,
        tampered::DETECTIONS,
        trail::DETECTIONS,
        credential_change::DETECTIONS,
        grant::DETECTIONS,
        identity_center::DETECTIONS,
        sign_in::DETECTIONS,
        root::ACTIVITY,
    ]
    .into_iter()
    .flatten()
}

/// Reads and judges one record: the finding of its most specific rule, or nothing.
///
/// # Errors
/// A phrase that says why no rule can judge the record.
pub fn judge(json: &[u8], config: &Config, place: Place<'_>) -> Result<Option<Finding>, String> {
    judge_record(&Record::parse(json)?, config, place)
}

/// Judges one record that has been parsed.
///
/// # Errors
/// A phrase that says why no rule can judge the record.
pub fn judge_record(
    record: &Record<'_>,
    config: &Config,
    place: Place<'_>,
) -> Result<Option<Finding>, String> {
    match &record.unread {
        Some(reason) if wanted(record) => Err(reason.clone()),
        _ => Ok(detect(record, config, place)),
    }
}

/// Whether some rule may match the record.
pub fn wanted(record: &Record<'_>) -> bool {
    table().any(|detection| detection.on.iter().any(|on| on.includes(record)))
}

/// Judges one record that has been read: the finding of its most specific rule, or nothing.
pub fn detect(record: &Record<'_>, config: &Config, place: Place<'_>) -> Option<Finding> {
    table()
        .filter(|detection| detection.on.iter().any(|on| on.includes(record)))
        .filter_map(|detection| Some((&detection.rule, (detection.matches)(record, config)?)))
        .find_map(|(rule, raised)| {
            Some((rule, if record.by_root() { by_root(rule, raised)? } else { raised }))
        })
        .map(|(rule, raised)| finding(rule, raised, record, place))
}

/// What another family says of the account's own root is HIGH at least. What it has no more to say of than
/// that it happened, and every sign-in, is left to the rules of the family `root`.
fn by_root(rule: &Rule, raised: Raised) -> Option<Raised> {
    match rule.family() {
        "root" => Some(raised),
        "sign-in" => None,
        _ if raised.severity == Severity::Informational => None,
        _ => Some(Raised { severity: raised.severity.max(Severity::High), ..raised }),
    }
}

fn finding(rule: &'static Rule, raised: Raised, record: &Record<'_>, place: Place<'_>) -> Finding {
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let id = match (record.shared_event_id.as_deref(), record.event_key()) {
        // Each account that receives the event, or a corrected copy of it, has its own id for it.
        (Some(shared), _) => stable_id(&[rule.id, shared]),
        (None, Some(event)) => stable_id(&[rule.id, record.account().unwrap_or_default(), event]),
        // A record without an id is never merged with another: its place is all it has.
        (None, None) => stable_id(&[rule.id, "", place.log_file, &place.record.to_string()]),
    };
    let subject = raised.subject.unwrap_or_else(|| Subject::of(record));
    Finding {
        account: record.account().map(str::to_owned),
        region: owned(&record.aws_region),
        resource: raised.resource,
        principal: Principal::of(record),
        time: record.event_time,
        source_ip: owned(&record.source_ip_address),
        user_agent: owned(&record.user_agent),
        evidence: Evidence {
            log_file: Some(place.log_file.to_owned()),
            record: Some(place.record),
            event_id: owned(&record.event_id),
            original_event_id: owned(&record.original_event_id),
            event_source: Some(record.event_source.clone().into_owned()).filter(|source| !source.is_empty()),
            event_name: Some(record.event_name.clone().into_owned()).filter(|name| !name.is_empty()),
            error_code: owned(&record.error_code),
            error_message: owned(&record.error_message),
            access_key_id: record.user_identity.access_key_id.as_deref().map(masked),
            delivered: place.delivered,
            also_in: Vec::new(),
            object: None,
            facts: raised.facts.into(),
        },
        by_anyone: raised.by_anyone,
        ..Finding::new(rule, raised.severity, id, subject, raised.what)
    }
    .with_summary()
}

/// The `eventSource` of IAM.
const IAM: &str = "iam.amazonaws.com";

/// Whether the record is a call of one of these names to that service, whether or not it was refused.
fn calls(record: &Record<'_>, source: &str, names: &[&str]) -> bool {
    record.event_source == source && names.contains(&&*record.event_name)
}

/// Whether a sign-in event says of itself that it succeeded.
fn own_success(record: &Record<'_>) -> bool {
    stated_outcome(record) == Outcome::Success
}

#[cfg(test)]
mod tests {
    use super::cases::Expect;
    use super::*;
    use crate::formats::cloudtrail::sign_in::{HIDDEN_NAME, SignIn};

    #[test]
    fn every_rule_may_match_some_records() {
        for detection in table() {
            assert!(!detection.on.is_empty(), "{} matches nothing", detection.rule.id);
        }
    }

    #[test]
    fn every_rule_has_a_case_that_raises_it_and_one_that_leaves_it_quiet() {
        for detection in table() {
            let raised = |case: &cases::Case| matches!(case.expect, Expect::Raised(_));
            assert!(detection.cases.iter().any(raised), "{} is never raised", detection.rule.id);
            assert!(!detection.cases.iter().all(raised), "{} is never quiet", detection.rule.id);
        }
    }

    #[test]
    fn every_case_raises_what_it_says() {
        for detection in table() {
            for case in detection.cases {
                let found = case.finding();
                let found = found.as_ref().map(|finding| (finding.rule.id, finding.severity));
                let name = format!("{}: {}", detection.rule.id, case.name);
                match case.expect {
                    Expect::Raised(severity) => {
                        assert_eq!(found, Some((detection.rule.id, severity)), "{name}")
                    }
                    Expect::Instead(rule) => {
                        assert_eq!(found.map(|(rule, _)| rule), Some(rule), "{name}")
                    }
                    Expect::Nothing => assert_eq!(found, None, "{name}"),
                }
            }
        }
    }

    /// Where only some of a rule's cases are by anyone, the others stand beside it.
    #[test]
    fn anyone_can_cause_what_takes_no_password_and_nothing_else() {
        const BY_ANYONE: &[(&str, &[&str])] = &[
            (
                "identity-center.failed",
                &["a wrong code", "a security key, in lower case", "the codes of a device that runs wrong"],
            ),
            ("root.password-recovery", &["a new password was set", "setting one failed"]),
            (
                "root.sign-in-failed",
                &[
                    "the second factor was reached",
                    "the second factor was reached, in capitals",
                    "CheckMfa itself failed",
                    "root has a rule of its own",
                ],
            ),
            ("sign-in.denied-by-policy", &["denied by a policy after the second factor had been asked for"]),
            ("sign-in.failed", &[]),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for case in table().flat_map(|detection| detection.cases) {
            let Some(finding) = case.finding() else { continue };
            let rule = BY_ANYONE.iter().find(|(rule, _)| *rule == finding.rule.id);
            let expected = rule.is_some_and(|(_, not)| !not.contains(&case.name));
            assert_eq!(finding.by_anyone, expected, "{}: {}", finding.rule.id, case.name);
            seen.insert((finding.rule.id, case.name));
            if finding.by_anyone {
                let json = case.json();
                let record = Record::parse(json.as_bytes()).unwrap();
                let failed = SignIn::of(&record).is_some_and(|it| it.outcome == Outcome::Failure);
                assert!(failed || record.event_name == "PasswordRecoveryRequested", "{}", case.name);
            }
        }
        for (rule, not) in BY_ANYONE {
            assert!(not.iter().all(|name| seen.contains(&(*rule, *name))), "{rule} lost a case");
        }
    }

    #[test]
    fn an_empty_member_of_a_record_is_absent_in_the_finding() {
        for name in ["", HIDDEN_NAME] {
            let mut record: serde_json::Value = serde_json::from_str(
                r#"{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "userIdentity": {"type": "", "arn": "", "accountId": "", "principalId": "", "invokedBy": ""}, "awsRegion": "", "sourceIPAddress": "", "userAgent": "", "recipientAccountId": "", "eventID": "", "errorMessage": "", "responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "", "LoginTo": ""}}"#,
            )
            .unwrap();
            record["userIdentity"]["userName"] = name.into();
            let json = record.to_string();
            let place = Place { log_file: "x.json", record: 0, delivered: None };
            let finding = judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap();
            let json = serde_json::to_string(&finding).unwrap();
            assert!(!json.contains(r#":"""#) && !json.contains("{}"), "{json}");
            let summary = &finding.summary;
            assert!(!summary.contains("account") && !summary.contains("  "), "{summary}");
        }
    }

    #[test]
    fn an_event_that_two_accounts_receive_has_one_id() {
        let id = |account: &str, event: &str, more: &str| {
            let json = format!(
                r#"{{"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "recipientAccountId": "{account}", "eventID": "{event}"{more}}}"#
            );
            let place = Place { log_file: "x", record: 0, delivered: None };
            judge(json.as_bytes(), &Config::default(), place).unwrap().unwrap().id
        };
        let shared = r#", "sharedEventID": "shared""#;
        let corrected = r#", "sharedEventID": "shared", "addendum": {"originalEventID": "one"}"#;
        let one = id("111122223333", "one", shared);
        for (name, other, same) in [
            ("its twin", id("444455556666", "two", shared), true),
            ("a corrected copy", id("111122223333", "three", corrected), true),
            ("a corrected copy of the twin", id("444455556666", "four", corrected), true),
            ("another event", id("111122223333", "one", r#", "sharedEventID": "another""#), false),
            ("no shared id", id("111122223333", "one", ""), false),
            ("an empty shared id", id("111122223333", "shared", r#", "sharedEventID": """#), false),
        ] {
            assert_eq!(one == other, same, "{name}");
        }
        assert_ne!(id("111122223333", "one", ""), id("444455556666", "one", ""), "without a shared id");
    }

    /// Facts stand beside the members of [`Evidence`] in a finding's JSON; a second member of one name is lost.
    #[test]
    fn no_fact_takes_the_name_of_another_member_of_the_evidence() {
        for case in table().flat_map(|detection| detection.cases) {
            let Some(finding) = case.finding() else { continue };
            let mut seen = std::collections::BTreeSet::from(crate::finding::EVIDENCE_MEMBERS);
            for (name, _) in &finding.evidence.facts.0 {
                assert!(seen.insert(name), "{}: {:?}: {name}", finding.rule.id, case.name);
            }
        }
    }

    /// Every string, number and object of a record may be replaced by anything else.
    #[test]
    fn no_wrong_type_anywhere_in_a_record_makes_a_rule_panic() {
        for case in table().flat_map(|detection| detection.cases) {
            let record: serde_json::Value = serde_json::from_str(&case.json()).unwrap();
            let mut paths = Vec::new();
            leaves(&record, String::new(), &mut paths);
            for path in paths {
                for hostile in
                    ["null", "7", "true", "[]", "{}", "[[\"x\"],null]", r#"{"a":{"b":[1]}}"#, r#""%""#]
                {
                    let mut record = record.clone();
                    *record.pointer_mut(&path).unwrap() = serde_json::from_str(hostile).unwrap();
                    let json = record.to_string();
                    let Ok(record) = Record::parse(json.as_bytes()) else { continue };
                    detect(&record, &case.config(), Place { log_file: "x", record: 0, delivered: None });
                }
            }
        }
    }

    /// What a request says may be a sentence that reads as our own: it stands in quotes, however it is cut.
    #[test]
    fn no_text_of_a_request_stands_outside_quotes_in_a_sentence() {
        let mut quoted = 0;
        for case in table().flat_map(|detection| detection.cases) {
            let record: serde_json::Value = serde_json::from_str(&case.json()).unwrap();
            let mut paths = Vec::new();
            leaves(&record, String::new(), &mut paths);
            paths.retain(|path| {
                path.starts_with("/requestParameters/") || path.starts_with("/responseElements/")
            });
            for path in paths {
                for long in ["", &" and on".repeat(80)] {
                    let mut record = record.clone();
                    *record.pointer_mut(&path).unwrap() =
                        format!("x\" as planned. This was a drill{long}. \"drill").into();
                    let json = record.to_string();
                    let Ok(record) = Record::parse(json.as_bytes()) else { continue };
                    let place = Place { log_file: "x", record: 0, delivered: None };
                    let Some(finding) = detect(&record, &case.config(), place) else { continue };
                    let shown = crate::text::clean(&finding.what, 300);
                    quoted += usize::from(shown.contains('"'));
                    let outside: String = shown.split('"').step_by(2).collect();
                    let name = format!("{}: {:?}: {path}: {shown}", finding.rule.id, case.name);
                    assert!(!outside.contains("drill") && !outside.contains("planned"), "{name}");
                }
            }
        }
        assert!(quoted > 20, "{quoted} sentences with quotes");
    }

    /// The JSON pointers of every member of objects within objects.
    fn leaves(value: &serde_json::Value, path: String, paths: &mut Vec<String>) {
        for (name, member) in value.as_object().into_iter().flatten() {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            paths.push(path.clone());
            leaves(member, path, paths);
        }
    }
}
