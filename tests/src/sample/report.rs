//! The sample's credential report: account 111122223333 on the evening of the day of the log files.

#![allow(clippy::expect_used, reason = "a test stops at the first thing that is not so")]

use chrono::{DateTime, Utc};

use crate::reports::{Report, User};

/// Its path, below this crate.
pub const FILE: &str = "fixtures/sample-credential-report.csv";

/// When it was made, which a bare CSV file does not say.
pub const GENERATED: &str = "2026-04-01T16:00:00Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().expect("the times of the sample are times")
}

/// The report.
pub fn report() -> Report {
    let root = User::root(at("2019-05-14T09:20:41Z"))
        .with("mfa_active", "false")
        .with("password_last_used", "2026-04-01T10:13:55+00:00");
    // The password policy wants a new password every 90 days.
    let person = |name: &str, created: &str, changed: &str, used: Option<&str>| {
        let changed = at(changed);
        let user = User::new(name, at(created)).password(changed, used.map(at));
        user.password_until(changed + chrono::TimeDelta::days(90))
    };
    let machine = |name: &str, created: &str| User::new(name, at(created));
    Report::new("111122223333", at("2019-05-14T09:20:41Z"))
        .root(root)
        .user(person("alice", "2024-01-15T09:30:00Z", "2026-02-20T08:11:09Z", Some("2026-04-01T08:03:40Z")))
        .user(person("bob", "2022-09-01T07:55:13Z", "2026-01-13T10:02:37Z", Some("2026-03-30T07:41:02Z")))
        .user(
            person("carol", "2023-03-06T08:00:20Z", "2026-03-02T09:15:44Z", Some("2026-04-01T11:10:44Z"))
                .mfa(),
        )
        .user(
            person("heidi", "2021-06-14T12:30:00Z", "2025-07-08T06:58:12Z", Some("2025-09-30T15:20:31Z"))
                .mfa()
                .key(1, at("2021-06-14T12:34:08Z"), Some(at("2023-02-17T10:00:00Z"))),
        )
        .user(person("ivan", "2026-01-26T13:00:00Z", "2026-01-26T13:00:05Z", None).mfa())
        .user(
            person("mallory", "2025-02-03T08:00:00Z", "2026-02-09T08:20:50Z", Some("2026-03-31T08:05:00Z"))
                .mfa()
                .key(1, at("2026-02-09T08:30:00Z"), Some(at("2026-04-01T14:00:00Z"))),
        )
        .user(machine("svc-ami", "2014-03-11T10:00:00Z").certificate(1, at("2014-03-11T10:04:26Z")))
        .user(
            machine("svc-backup", "2022-11-21T10:40:00Z")
                .key(1, at("2022-11-21T10:41:30Z"), Some(at("2026-04-01T02:15:00Z")))
                .key(2, at("2026-04-01T13:58:01Z"), None),
        )
        .user(machine("svc-deploy", "2024-05-06T11:12:13Z").key(
            1,
            at("2026-03-04T09:00:00Z"),
            Some(at("2026-04-01T15:42:00Z")),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_in_the_repository_is_the_one_that_is_made() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(kept, report().csv(), "run the example `make-sample`");
    }
}
