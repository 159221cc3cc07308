//! What the tests of this layer share: rules, a finding and a notification made by hand.

use crate::finding::rule::{Rule, RuleKind};
use crate::finding::{Finding, Principal, Subject, stable_id};
use crate::notification::Notification;
use crate::severity::Severity;

/// A rule of this id.
pub const fn rule(id: &'static str) -> Rule {
    Rule {
        id,
        kind: RuleKind::Check,
        title: "A rule of the tests",
        severity: Severity::High,
        severity_reason: "It is for tests.",
        condition: "a test raises it",
        references: &[],
        remediation: &["Read the test."],
    }
}

/// The rule of [`sign_in`].
pub static WITHOUT_MFA: Rule = rule("sign-in.without-mfa");

/// Another rule.
pub static OTHER: Rule = rule("watch.other");

/// A sign-in of alice without a second factor.
pub fn sign_in() -> Finding {
    let subject = Subject::Principal {
        account: "111122223333".to_owned(),
        kind: "IAMUser".to_owned(),
        name: "alice".to_owned(),
    };
    let arn = "arn:aws:iam::111122223333:user/alice".to_owned();
    Finding {
        account: Some("111122223333".to_owned()),
        resource: Some(arn.clone()),
        principal: Some(Principal {
            kind: Some("IAMUser".to_owned()),
            name: Some("alice".to_owned()),
            arn: Some(arn),
            id: Some("alice".to_owned()),
            ..Principal::default()
        }),
        time: "2026-04-01T00:00:00Z".parse().ok(),
        source_ip: Some("192.0.2.1".to_owned()),
        ..Finding::new(&WITHOUT_MFA, Severity::High, stable_id(&["a"]), subject, "signed in")
    }
}

/// A notification of this id.
pub fn notification(id: &str) -> Notification {
    Notification {
        id: id.to_owned(),
        subject: "[HIGH] A rule of the tests - alice - 111122223333".to_owned(),
        message: r#"{"email":"Alice signed in.\n\nMore.","sms":"Alice signed in.","default":"[]"}"#
            .to_owned(),
        severity: Severity::High,
        status: crate::finding::Status::New,
        rules: vec![WITHOUT_MFA.id.to_owned()],
        accounts: vec!["111122223333".to_owned()],
    }
}
