//! A query over log files: which records are selected.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::finding::Principal;
use crate::formats::cloudtrail::period::Period;
use crate::formats::cloudtrail::prefilter::Prefilter;
use crate::formats::cloudtrail::{Outcome, Record, SignIn};
use crate::glob::Glob;

/// Selects the records that match every condition. A condition with several values matches if one of them does; one
/// without values always matches.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `eventSource`.
    pub event_sources: Vec<Glob>,
    /// `eventName`.
    pub event_names: Vec<Glob>,
    /// Who acted, by any name or id in the record.
    pub principals: Vec<Glob>,
    /// Source addresses. A source that is not an address, such as an AWS service, is in no range.
    pub addresses: Vec<IpNet>,
    /// The account that the record is about.
    pub accounts: BTreeSet<String>,
    /// When it happened.
    pub period: Period,
    /// Whether only calls that failed or were refused are selected.
    pub only_failed: bool,
}

impl Query {
    /// The prefilter for records that may be selected.
    pub fn prefilter(&self) -> Prefilter {
        let exact = |globs: &[Glob]| globs.iter().all(Glob::is_exact);
        match (&self.event_names[..], &self.event_sources[..]) {
            ([], []) => Prefilter::of_everything(),
            ([], sources) => Prefilter::of(&[], sources),
            // A record must match both conditions: searching for one of them is enough.
            (names, sources) if !sources.is_empty() && !exact(names) && exact(sources) => {
                Prefilter::of(&[], sources)
            }
            (names, _) => Prefilter::of(names, &[]),
        }
    }

    /// Whether a record of that log file is selected.
    pub fn is_about(&self, record: &Record<'_>, log_file: &str) -> bool {
        let one_of =
            |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        one_of(&self.event_sources, &record.event_source)
            && one_of(&self.event_names, &record.event_name)
            && self.period.holds(record.event_time, log_file)
            && (self.accounts.is_empty()
                || record.account().is_some_and(|account| self.accounts.contains(account)))
            && (self.addresses.is_empty() || self.is_from(record))
            && (self.principals.is_empty() || self.is_by(record))
            && (!self.only_failed || failed(record))
    }

    fn is_from(&self, record: &Record<'_>) -> bool {
        let address = record.source_ip_address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some_and(|address| {
            let canonical = address.to_canonical();
            self.addresses.iter().any(|range| range.contains(&address) || range.contains(&canonical))
        })
    }

    fn is_by(&self, record: &Record<'_>) -> bool {
        let identity = &record.user_identity;
        let principal = Principal::of(record).unwrap_or_default();
        let name = principal.name.as_deref();
        let id = identity.principal_id.as_deref();
        let session = matches!(identity.kind.as_deref(), Some("AssumedRole" | "FederatedUser"));
        let names = [
            name,
            // `Role/session`: by the session's name too, which may be a person's.
            name.filter(|_| session).and_then(|name| name.split_once('/')).map(|(_, session)| session),
            identity.arn.as_deref(),
            id,
            // `AROAEXAMPLE:session`
            id.and_then(|id| id.split_once(':')).map(|(role, _)| role),
            identity.access_key_id.as_deref(),
            identity.session_issuer_name.as_deref(),
            identity.session_issuer_arn.as_deref(),
            identity.identity_center_user_id.as_deref(),
            identity.invoked_by.as_deref(),
        ];
        let mut names = names.into_iter().flatten().filter(|name| !name.is_empty());
        names.any(|name| self.principals.iter().any(|glob| glob.matches(name)))
    }
}

/// Whether the call failed or was refused; for a sign-in, whether it failed.
fn failed(record: &Record<'_>) -> bool {
    !record.call_succeeded() || SignIn::of(record).is_some_and(|sign_in| sign_in.outcome == Outcome::Failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    const CALL: &str = r#"{
        "eventTime": "2026-04-01T08:15:00Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser",
        "sourceIPAddress": "192.0.2.10", "recipientAccountId": "111122223333", "errorCode": "AccessDenied",
        "userIdentity": {
            "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/erin@example.com",
            "principalId": "AROADEVEXAMPLE:erin@example.com", "accessKeyId": "ASIAEXAMPLE", "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"userName": "Dev", "arn": "arn:aws:iam::111122223333:role/Dev"}}
        }
    }"#;

    fn globs(texts: &[&str]) -> Vec<Glob> {
        texts.iter().map(|text| Glob::of(text)).collect()
    }

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_record_is_selected_if_it_matches_every_condition() {
        let record = Record::parse(CALL.as_bytes()).unwrap();
        let any = Query::default;
        let by = |names: &[&str]| Query { principals: globs(names), ..any() };
        let from = |range: &str| Query { addresses: vec![range.parse().unwrap()], ..any() };
        for (name, query, selected) in [
            ("no condition", any(), true),
            ("source", Query { event_sources: globs(&["iam.amazonaws.com"]), ..any() }, true),
            ("another source", Query { event_sources: globs(&["sts.amazonaws.com"]), ..any() }, false),
            ("one of two names", Query { event_names: globs(&["DeleteUser", "Create*"]), ..any() }, true),
            (
                "source but not name",
                Query {
                    event_sources: globs(&["iam.amazonaws.com"]),
                    event_names: globs(&["DeleteUser"]),
                    ..any()
                },
                false,
            ),
            ("role and session", by(&["Dev/erin@example.com"]), true),
            ("session", by(&["erin@*"]), true),
            ("role", by(&["Dev"]), true),
            ("role's ARN", by(&["arn:aws:iam::*:role/Dev"]), true),
            ("session's ARN", by(&["arn:aws:sts::*/erin@example.com"]), true),
            ("role's id", by(&["AROADEVEXAMPLE"]), true),
            ("access key", by(&["ASIAEXAMPLE"]), true),
            ("another principal", by(&["frank@example.com", "erin"]), false),
            ("an empty name", by(&[""]), false),
            ("address", from("192.0.2.10/32"), true),
            ("range", from("192.0.2.0/24"), true),
            ("mapped range", from("::/0"), false),
            ("another range", from("198.51.100.0/24"), false),
            ("account", Query { accounts: ["111122223333".to_owned()].into(), ..any() }, true),
            ("another account", Query { accounts: ["444455556666".to_owned()].into(), ..any() }, false),
            ("failed", Query { only_failed: true, ..any() }, true),
            (
                "on that day",
                Query { period: Period { from: day("2026-04-01"), to: day("2026-04-01") }, ..any() },
                true,
            ),
            ("later", Query { period: Period { from: day("2026-04-02"), to: None }, ..any() }, false),
            ("before", Query { period: Period { from: None, to: day("2026-03-31") }, ..any() }, false),
        ] {
            assert_eq!(query.is_about(&record, ""), selected, "{name}");
        }
    }

    #[test]
    fn a_condition_on_an_absent_member_does_not_match_but_the_day_may_come_from_the_log_file() {
        let record = Record::parse(br#"{"sourceIPAddress": "sns.amazonaws.com"}"#).unwrap();
        let any = Query::default;
        let period = Period { from: day("2026-04-01"), to: day("2026-04-01") };
        let delivered = |time: &str| format!("111122223333_CloudTrail_us-east-1_{time}_x.json.gz");
        for (name, query, log_file, selected) in [
            ("any principal", Query { principals: globs(&["*"]), ..any() }, String::new(), false),
            (
                "any address",
                Query { addresses: vec!["0.0.0.0/0".parse().unwrap()], ..any() },
                String::new(),
                false,
            ),
            ("failed", Query { only_failed: true, ..any() }, String::new(), false),
            ("an unknown day", Query { period, ..any() }, String::new(), true),
            ("the log file's day", Query { period, ..any() }, delivered("20260401T2359Z"), true),
            ("its folder's day", Query { period, ..any() }, "2026/04/01/x.json.gz".to_owned(), true),
            ("another day", Query { period, ..any() }, delivered("20260402T0000Z"), false),
        ] {
            assert_eq!(query.is_about(&record, &log_file), selected, "{name}");
        }
    }

    #[test]
    fn a_sign_in_may_fail_without_an_error_code() {
        let record = r#"{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn",
            "responseElements": {"ConsoleLogin": "Failure"}}"#;
        let record = Record::parse(record.as_bytes()).unwrap();
        assert!(Query { only_failed: true, ..Query::default() }.is_about(&record, ""));
    }
}
