//! The budgets of an hour: how many notifications may be published.
//!
//! The noise of one account uses up no mails of another. An account has a reserve of its own for each severity, a fifth
//! of that severity's budget; its root user has one for each rule; what iamwatch says of itself there has another. Beyond
//! its reserve each of them draws on the budget, which all share, up to a half of it. Of either, one sender gets a half: a
//! user, or a role with all its sessions. What anyone can cause without credentials has a budget of its own, in which the
//! less severe never keeps the more severe waiting.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::object::StateObject;
use crate::config::{Budget, Config};
use crate::finding::{Subject, stable_id};
use crate::formats::cloudtrail::key;
use crate::severity::Severity;
use crate::state::case::CaseFinding;
use crate::state::format::{FORMAT, check_format, not_json};
use crate::text;

/// What part of a budget each account has for itself.
const RESERVE_PART: usize = 5;

/// The notifications granted in one hour: an object of the state bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hour {
    format: u32,
    /// `2026-04-01T08Z`
    hour: String,
    /// By budget, then by share.
    #[serde(default)]
    grants: BTreeMap<String, BTreeMap<String, Vec<Grant>>>,
    /// What versions without shares wrote. They and this version count apart within the hour of an upgrade.
    #[serde(default, rename = "granted", skip_serializing)]
    _granted: IgnoredAny,
}

/// One granted notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// Its name; a retry has the same.
    id: String,
    /// A hash of the sender's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    severity: Severity,
    /// Whether it was granted from the share's reserve, not from the budget that all share.
    reserved: bool,
}

/// A notification that asks for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// Its name; a retry has the same.
    pub id: String,
    /// The budget.
    pub budget: Budget,
    /// The severity of the worst finding.
    pub severity: Severity,
    /// Whose reserve it draws on: a kind and an account, such as `account/111122223333`; of root also the rule.
    share: String,
    /// Who caused it: a user, or a role with all its sessions; `None` for root, which is the only sender of its share.
    sender: Option<String>,
}

impl PartialEq for Hour {
    fn eq(&self, other: &Hour) -> bool {
        (self.format, &self.hour, &self.grants) == (other.format, &other.hour, &other.grants)
    }
}

impl StateObject for Hour {
    fn read(content: &[u8], new: &Hour) -> Result<Hour, String> {
        check_format(content)?;
        let hour: Hour = serde_json::from_slice(content).map_err(not_json)?;
        if hour.hour != new.hour {
            return Err(format!("it is about another hour than {}", new.hour));
        }
        Ok(hour)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Hour {
    /// The hour of that moment, with nothing granted.
    pub fn of(now: DateTime<Utc>) -> Hour {
        let hour = now.format("%Y-%m-%dT%HZ").to_string();
        Hour { format: FORMAT, hour, grants: BTreeMap::new(), _granted: IgnoredAny }
    }

    /// Its key.
    pub fn key(&self) -> String {
        format!("budgets/{}.json", self.hour)
    }

    /// The prefix of the notifications beyond a budget.
    pub fn overflow(&self, budget: Budget) -> String {
        format!("overflow/{}/{}/", self.hour, budget.name())
    }

    /// Whether each of these notifications is granted, in their order. One that was granted before is granted again. The
    /// most severe are considered first.
    pub fn grant(&mut self, requests: &[GrantRequest], config: &Config) -> Vec<bool> {
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(requests[*index].severity));
        let mut granted = vec![false; requests.len()];
        for index in order {
            granted[index] = self.grant_one(&requests[index], config);
        }
        granted
    }

    fn grant_one(&mut self, request: &GrantRequest, config: &Config) -> bool {
        let budget = config.mails_per_hour.get(&request.budget).copied().unwrap_or(u32::MAX) as usize;
        let reserve = (budget / RESERVE_PART).max(1);
        let shares = self.grants.entry(request.budget.name().to_owned()).or_default();
        if shares.get(&request.share).is_some_and(|grants| grants.iter().any(|grant| grant.id == request.id))
        {
            return true;
        }
        // Of what anyone can cause, only the same and what is worse counts.
        let counts =
            |grant: &&Grant| request.budget != Budget::Unauthenticated || grant.severity >= request.severity;
        let drawn = shares.values().flatten().filter(|grant| !grant.reserved).filter(counts).count();
        let own = shares.entry(request.share.clone()).or_default();
        let number = |reserved: bool, sender: Option<&str>| {
            let grants = own.iter().filter(counts).filter(|grant| grant.reserved == reserved);
            grants.filter(|grant| sender.is_none_or(|sender| grant.sender.as_deref() == Some(sender))).count()
        };
        let half = |of: usize| of.div_ceil(2);
        let sender_has = |reserved: bool, most: usize| {
            request.sender.as_deref().is_none_or(|sender| number(reserved, Some(sender)) < most)
        };
        let reserved = number(true, None) < reserve && sender_has(true, half(reserve));
        let shared =
            drawn < budget && number(false, None) < half(budget) && sender_has(false, half(half(budget)));
        if reserved || shared {
            let GrantRequest { id, severity, sender, .. } = request.clone();
            own.push(Grant { id, sender, severity, reserved });
        }
        reserved || shared
    }
}

impl GrantRequest {
    /// The request of a notification about these findings of one subject; `id` is its name.
    pub fn of(id: String, subject: &Subject, findings: &[CaseFinding<'_>]) -> GrantRequest {
        let severity_of = |unauthenticated: bool| {
            let findings = findings.iter().map(|of_case| of_case.finding);
            let findings = findings.filter(|finding| finding.unauthenticated == unauthenticated);
            findings.map(|finding| finding.severity.max(Severity::Low)).max()
        };
        let is_own = findings.iter().all(|of_case| of_case.finding.rule.family() == "watch");
        let (account, is_root) = match subject {
            Subject::Principal { account, kind, .. } => (&**account, kind == "Root"),
            Subject::Address { account, .. } | Subject::Account(account) => (&**account, false),
            Subject::LogFile(file) => (key::account(file).unwrap_or_default(), false),
            Subject::Source(_) | Subject::EventName(_) => ("", false),
        };
        let account = if text::is_account_id(account) { account } else { "unknown" };
        let kind = match (is_root, is_own) {
            (true, _) => "root",
            (false, true) => "watch",
            (false, false) => "account",
        };
        let (budget, severity) = match severity_of(false) {
            Some(severity) => (Budget::Of(severity), severity),
            None => (Budget::Unauthenticated, severity_of(true).unwrap_or(Severity::Low)),
        };
        let mut share = format!("{kind}/{account}");
        // Whoever knows root's mail address can cause failures, which must not hide a password recovery.
        if is_root && let Some(worst) = findings.iter().max_by_key(|of_case| of_case.finding.severity) {
            share = format!("{share}/{}", worst.finding.rule.id);
        }
        GrantRequest { id, budget, severity, share, sender: (!is_root).then(|| sender(subject)) }
    }
}

/// A hash of the sender's name: an attacker chooses the names of sessions, so those of one role are one sender.
fn sender(subject: &Subject) -> String {
    match subject {
        Subject::Principal { account, kind, name } if kind == "AssumedRole" => {
            // arn:aws:sts::111122223333:assumed-role/Role/session
            let role = name.rsplit_once('/').map_or(&**name, |(role, _)| role);
            stable_id(&[account, kind, role])
        }
        // Whoever calls `GetFederationToken` chooses the name.
        Subject::Principal { account, kind, .. } if kind == "FederatedUser" => stable_id(&[account, kind]),
        Subject::Principal { account, kind, name } => stable_id(&[account, kind, name]),
        Subject::LogFile(file) => stable_id(&[key::account(file).unwrap_or_default()]),
        Subject::Address { account, network } => stable_id(&[account, network]),
        Subject::Account(name) | Subject::Source(name) | Subject::EventName(name) => stable_id(&[name]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::finding::rule::Rule;
    use crate::state::tests_support::{OTHER, WITHOUT_MFA, rule, sign_in};

    const ACCOUNT: &str = "111122223333";
    const NEIGHBOUR: &str = "444455556666";

    static RECOVERY: Rule = rule("root.password-recovery");

    fn hour() -> Hour {
        Hour::of("2026-04-01T08:59:59Z".parse().unwrap())
    }

    fn user(account: &str, name: &str) -> Subject {
        let (account, name) = (account.to_owned(), name.to_owned());
        Subject::Principal { account, kind: "IAMUser".to_owned(), name }
    }

    fn session(account: &str, role: &str, session: usize) -> Subject {
        let name = format!("arn:aws:sts::{account}:assumed-role/{role}/{session}");
        Subject::Principal { account: account.to_owned(), kind: "AssumedRole".to_owned(), name }
    }

    fn root(account: &str) -> Subject {
        let (account, name) = (account.to_owned(), "root".to_owned());
        Subject::Principal { account, kind: "Root".to_owned(), name }
    }

    fn request(number: usize, subject: &Subject, finding: &Finding) -> GrantRequest {
        GrantRequest::of(
            format!("{number} {subject:?} {} {}", finding.severity, finding.rule.id),
            subject,
            &[CaseFinding { finding, suppressed: false }],
        )
    }

    fn of_severity(severity: Severity) -> Finding {
        Finding { severity, ..sign_in() }
    }

    /// How many of so many notifications are granted, one after the other.
    fn granted(hour: &mut Hour, number: usize, of: impl Fn(usize) -> (Subject, Finding)) -> usize {
        let config = Config::default();
        let mut each = |n: usize| {
            let (subject, finding) = of(n);
            hour.grant(&[request(n, &subject, &finding)], &config)[0]
        };
        (0..number).filter(|n| each(*n)).count()
    }

    #[test]
    fn one_account_leaves_every_other_its_reserve_and_half_of_the_budget() {
        let mut hour = hour();
        let high = || of_severity(Severity::High);
        // Of 20 mails: a reserve of 4, and half of the budget.
        assert_eq!(granted(&mut hour, 10_000, |n| (user(ACCOUNT, &n.to_string()), high())), 14);
        assert_eq!(granted(&mut hour, 10_000, |n| (user("777788889999", &n.to_string()), high())), 14);
        // The budget is used up now, and everybody else has the reserve.
        for account in 0..100 {
            let account = format!("{account:012}");
            assert_eq!(granted(&mut hour, 10, |n| (user(&account, &n.to_string()), high())), 4, "{account}");
        }
        assert_eq!(
            granted(&mut hour, 10, |_| (user(NEIGHBOUR, "alice"), of_severity(Severity::Critical))),
            10
        );
    }

    #[test]
    fn the_sessions_of_one_role_are_one_sender_and_leave_half_to_the_others_of_the_account() {
        let mut hour = hour();
        let critical = || of_severity(Severity::Critical);
        // Of 30 mails: half of the reserve of 6, and a quarter of the budget.
        assert_eq!(granted(&mut hour, 1_000, |n| (session(ACCOUNT, "app", n), critical())), 3 + 8);
        assert_eq!(granted(&mut hour, 1_000, |n| (session(ACCOUNT, "other", n), critical())), 3 + 7);
    }

    #[test]
    fn federated_users_of_an_account_are_one_sender_and_so_are_its_log_files() {
        let mut hour = hour();
        let high = || of_severity(Severity::High);
        let federated = |n: usize| {
            let name = format!("arn:aws:sts::{ACCOUNT}:federated-user/{n}");
            Subject::Principal { account: ACCOUNT.to_owned(), kind: "FederatedUser".to_owned(), name }
        };
        assert_eq!(granted(&mut hour, 1_000, |n| (federated(n), high())), 2 + 5);
        let file = |account: &str, n: usize| {
            Subject::LogFile(format!("s3://logs/a/{account}_CloudTrail_us-east-1_20260401T0800Z_{n}.json.gz"))
        };
        let own = || Finding { rule: &OTHER, ..high() };
        for account in [ACCOUNT, "777788889999", "000011112222", NEIGHBOUR] {
            assert!(granted(&mut hour, 1_000, |n| (file(account, n), own())) >= 2, "{account}");
        }
    }

    #[test]
    fn root_and_what_iamwatch_says_of_itself_have_reserves_of_their_own() {
        let mut hour = hour();
        let critical = || of_severity(Severity::Critical);
        for account in [ACCOUNT, "777788889999", "000011112222"] {
            granted(&mut hour, 1_000, |n| (user(account, &n.to_string()), critical()));
        }
        assert_eq!(granted(&mut hour, 10, |_| (root(ACCOUNT), critical())), 6);
        let own = || Finding { rule: &OTHER, ..critical() };
        assert_eq!(granted(&mut hour, 3, |_| (user(ACCOUNT, "alice"), own())), 3);
        assert_eq!(granted(&mut hour, 3, |_| (user(ACCOUNT, "alice"), critical())), 0);
    }

    #[test]
    fn of_what_anyone_can_cause_the_less_severe_keeps_nothing_more_severe_waiting() {
        let mut hour = hour();
        let anyone = |severity| Finding { unauthenticated: true, ..of_severity(severity) };
        let hidden = |n: usize| Subject::Address { account: ACCOUNT.to_owned(), network: n.to_string() };
        // Of 5 mails: a reserve of 1, and half of the budget.
        assert_eq!(granted(&mut hour, 1_000, |n| (hidden(n), anyone(Severity::Medium))), 1 + 3);
        assert_eq!(granted(&mut hour, 1_000, |n| (hidden(n), anyone(Severity::Low))), 0);
        assert_eq!(granted(&mut hour, 1_000, |n| (hidden(n), anyone(Severity::High))), 1 + 3);
        let failed = || Finding { rule: &WITHOUT_MFA, ..anyone(Severity::High) };
        assert_eq!(granted(&mut hour, 1_000, |_| (root(ACCOUNT), failed())), 1 + 2, "what is left of 5");
        let recovery = || Finding { rule: &RECOVERY, ..anyone(Severity::High) };
        assert_eq!(granted(&mut hour, 1, |_| (root(ACCOUNT), recovery())), 1, "beside failures of root");
        assert_eq!(granted(&mut hour, 1, |_| (user(ACCOUNT, "a"), of_severity(Severity::Low))), 1);
    }

    #[test]
    fn the_most_severe_is_granted_first_and_what_was_granted_is_granted_again() {
        let mut config = Config::default();
        config.mails_per_hour.insert(Budget::Unauthenticated, 1);
        let of = |n: usize, severity| {
            let finding = Finding { unauthenticated: true, ..of_severity(severity) };
            request(n, &user(ACCOUNT, &n.to_string()), &finding)
        };
        let requests =
            [of(1, Severity::Low), of(2, Severity::Low), of(3, Severity::Medium), of(4, Severity::High)];
        let mut hour = hour();
        assert_eq!(hour.grant(&requests, &config), [false, false, true, true]);
        let content = hour.content().unwrap();
        let mut again = Hour::read(&content, &Hour::of("2026-04-01T08:00:00Z".parse().unwrap())).unwrap();
        assert_eq!(again.grant(&requests, &config), [false, false, true, true]);
        let error = Hour::read(&content, &Hour::of("2026-04-01T09:00:00Z".parse().unwrap())).unwrap_err();
        assert_eq!(error, "it is about another hour than 2026-04-01T09Z");
        assert_eq!(
            (hour.key(), hour.overflow(Budget::Unauthenticated)),
            ("budgets/2026-04-01T08Z.json".to_owned(), "overflow/2026-04-01T08Z/UNAUTHENTICATED/".to_owned())
        );
    }

    #[test]
    fn what_a_version_without_shares_has_written_is_read() {
        let content =
            br#"{"format": 1, "hour": "2026-04-01T08Z", "granted": {"HIGH": ["0123456789abcdef"]}}"#;
        assert_eq!(Hour::read(content, &hour()), Ok(hour()));
    }
}
