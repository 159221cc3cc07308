//! An entry of the table of rules over records.

#[cfg(any(test, feature = "cases"))]
use super::cases::DetectionCase;
use crate::config::Config;
use crate::finding::Subject;
use crate::finding::rule::Rule;
use crate::formats::cloudtrail::Record;
use crate::severity::Severity;

/// One rule over records.
pub struct Detection {
    /// The rule.
    pub rule: Rule,
    /// Which records it may match. Other records are not shown to the rule, nor parsed.
    pub scope: &'static [RecordScope],
    /// Whether findings of different event names may be deduplicated with each other.
    pub event_names: EventNames,
    /// What the rule raises for a record; `None` if it does not match.
    pub matches: fn(&Record<'_>, &Config) -> Option<DetectionRaised>,
    /// Records that raise it and records that do not.
    #[cfg(any(test, feature = "cases"))]
    pub cases: &'static [DetectionCase],
}

/// Which records a rule may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordScope {
    /// Every event of this `eventSource`.
    Source(&'static str),
    /// Every event of these `eventName`s, of any source.
    Names(&'static [&'static str]),
    /// Every event whose `userIdentity.type` is Root.
    Root,
}

impl RecordScope {
    /// Whether the record is in the scope.
    pub fn includes(self, record: &Record<'_>) -> bool {
        match self {
            RecordScope::Source(source) => record.event_source == source,
            RecordScope::Names(names) => names.contains(&&*record.event_name),
            RecordScope::Root => record.user_identity.kind.as_deref() == Some("Root"),
        }
    }
}

/// Whether a rule's findings of different event names may be deduplicated with each other.
#[derive(Clone, Copy, Debug)]
pub enum EventNames {
    /// They may: one sign-in has several events, and a failed one is tried again by another way.
    Together,
    /// They may not: a write is no repetition of another write.
    Apart,
    /// They may if this holds for the records of all of them; else they may not.
    ApartUnless(fn(&Record<'_>) -> bool),
}

impl EventNames {
    /// What stands for the event name of all records that may be deduplicated with each other.
    const MINOR: &str = "reads and steps of a sign-in";

    /// The event that findings must have in common to be deduplicated with each other, such as `iam:CreateUser`.
    pub(super) fn distinct_event(self, record: &Record<'_>) -> Option<String> {
        match self {
            EventNames::Together => None,
            EventNames::ApartUnless(is_minor) if is_minor(record) => Some(EventNames::MINOR.to_owned()),
            // Services share event names: `iam:CreateUser` is no repetition of `transfer:CreateUser`.
            EventNames::Apart | EventNames::ApartUnless(_) => {
                Some(format!("{}:{}", record.service(), record.event_name))
            }
        }
    }
}

/// What one rule raises for one record: the part of the finding that the rule decides.
#[derive(Debug, PartialEq)]
pub struct DetectionRaised {
    pub(super) severity: Severity,
    pub(super) what: String,
    pub(super) resource: Option<String>,
    pub(super) second_resource: Option<String>,
    pub(super) resource_kind: Option<&'static str>,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) subject: Option<Subject>,
    pub(super) unauthenticated: bool,
}

impl DetectionRaised {
    /// A finding of that severity; `what` is a phrase that follows the principal's name,
    /// such as "signed in to the console without a second factor".
    pub fn new(severity: Severity, what: impl Into<String>) -> DetectionRaised {
        DetectionRaised {
            severity,
            what: what.into(),
            resource: None,
            second_resource: None,
            resource_kind: None,
            facts: Vec::new(),
            subject: None,
            unauthenticated: false,
        }
    }

    /// Adds a fact that the rule looked at, if it is present.
    pub fn fact(mut self, name: &'static str, value: Option<impl Into<String>>) -> DetectionRaised {
        self.facts.extend(value.map(|value| (name, value.into())));
        self
    }

    /// Sets the ARN or name of what the finding is about.
    pub fn resource(mut self, resource: Option<impl Into<String>>) -> DetectionRaised {
        self.resource = resource.map(Into::into);
        self
    }

    /// Sets the name of another thing that the finding is about: findings about different ones are not deduplicated with
    /// each other.
    pub fn second_resource(mut self, resource: Option<impl Into<String>>) -> DetectionRaised {
        self.second_resource = resource.map(Into::into);
        self
    }

    /// Sets what the resource names if it is a name and no ARN: users, roles and groups may have the same names.
    pub fn resource_kind(mut self, kind: Option<&'static str>) -> DetectionRaised {
        self.resource_kind = kind;
        self
    }

    /// Sets a subject other than the principal or source address of the record.
    pub fn subject(mut self, subject: Subject) -> DetectionRaised {
        self.subject = Some(subject);
        self
    }

    /// Marks that anyone can cause it, without a password, a key or a session.
    pub fn unauthenticated(mut self) -> DetectionRaised {
        self.unauthenticated = true;
        self
    }
}
