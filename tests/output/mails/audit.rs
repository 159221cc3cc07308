//! The mails about credential reports, as `credential-report` makes them: reports judged one after the other, what
//! changed from one to the next, one mail over all accounts.

use shared::rules::registry;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use iamwatch_tests::reports::{Report, User, of_many};
use shared::config::Config;
use shared::finding::suppression::{PLACEHOLDERS, Suppressions};
use shared::finding::{Finding, Status};
use shared::formats::credential_report::CredentialReport;
use shared::mail;
use shared::mail::{MAX_MESSAGE_BYTES, Mail, Standing};
use shared::ports::{AwsError, AwsErrorKind};
use shared::rules::checks;
use shared::rules::checks::About;
use shared::rules::health::account_check_failed;
use shared::state::ledger::Ledger;

use super::{at, check, pasted, show, silencing};

const PROD: &str = "111122223333";
const STAGING: &str = "444455556666";
const SANDBOX: &str = "777788889999";

/// When the first report is made; the next ones follow a day apart.
const MADE: &str = "2026-04-01T08:00:00Z";

fn config() -> Config {
    let names = "111122223333=prod,444455556666=staging";
    Config::from_lookup(|name| (name == "ACCOUNT_NAMES").then(|| names.to_owned())).unwrap()
}

fn made(day: i64) -> DateTime<Utc> {
    at(MADE) + TimeDelta::days(day)
}

/// What is remembered of the accounts, day by day.
#[derive(Default)]
struct Watch {
    ledgers: BTreeMap<String, Ledger>,
    accepted: u64,
}

impl Watch {
    fn ledger(&mut self, account: &str) -> &mut Ledger {
        self.ledgers.entry(account.to_owned()).or_insert_with(|| Ledger::new(account))
    }

    /// The report of an account on that day.
    fn looks(&mut self, account: &str, report: &str, day: i64) {
        let (report, generated) = (CredentialReport::parse(report.as_bytes()).unwrap(), made(day));
        let key = format!("s3://iamwatch-state-{PROD}/reports/{account}/{}.csv.gz", generated.date_naive());
        let judged = checks::judge(&report, &About { account, generated, source: Some(&key) }, &config());
        let users = report.rows().len() as u64;
        self.ledger(account).looked(&judged, &[], users, generated, generated);
    }

    fn cannot_look(&mut self, account: &str, trouble: &AwsError, day: i64) {
        let finding = account_check_failed(account, trouble, made(day));
        self.ledger(account).could_not_look([&finding], made(day));
    }

    /// What has to be told on that day, with those that people are reminded of, which are told by that.
    fn tells(&mut self, day: i64) -> (Vec<Finding>, Standing) {
        let ledgers = self.ledgers.values();
        let mut findings: Vec<Finding> =
            ledgers.clone().flat_map(|ledger| ledger.changes(registry::check_rule)).collect();
        for ledger in ledgers.clone() {
            let due = |finding: &Finding| ledger.is_due(&finding.id, made(day), &config());
            findings.extend(ledger.standing(registry::check_rule).filter(due));
        }
        let generated = ledgers.clone().filter_map(Ledger::generated);
        let standing = Standing {
            accounts: self.ledgers.len(),
            users: ledgers.clone().map(Ledger::users).sum(),
            generated: generated.clone().min().zip(generated.max()),
            open: ledgers.flat_map(|ledger| ledger.count().into_values()).sum(),
            accepted: self.accepted,
            kept: Some(format!("s3://iamwatch-state-{PROD}/audits/credential-report/")),
        };
        let said: BTreeMap<String, Status> =
            findings.iter().map(|finding| (finding.id.clone(), finding.status.unwrap())).collect();
        self.ledgers.values_mut().for_each(|ledger| ledger.told(&said, made(day)));
        (findings, standing)
    }
}

#[track_caller]
fn golden(name: &str, (findings, standing): &(Vec<Finding>, Standing)) -> Mail {
    let mail = mail::audit_mail(findings, standing, &config()).unwrap();
    expectorate::assert_contents(format!("snapshots/mails/audit-{name}.txt"), &show(&mail));
    check(&mail, findings);
    mail
}

/// An account with a well-kept root user.
fn account(account: &str, users: impl IntoIterator<Item = User>) -> String {
    let report = Report::new(account, at("2019-05-14T09:20:41Z"));
    users.into_iter().fold(report, Report::user).csv()
}

/// Somebody who signed in the day before the first report.
fn person(name: &str) -> User {
    User::new(name, at("2024-01-15T09:30:00Z"))
        .password(at("2026-03-01T08:00:00Z"), Some(at("2026-03-31T16:20:00Z")))
}

/// Something with a key that it used an hour before the first report.
fn machine(name: &str, key: &str) -> User {
    User::new(name, at("2023-01-15T09:30:00Z")).key(1, at(key), Some(at("2026-04-01T07:00:00Z")))
}

#[test]
fn promise_5_what_is_new_and_what_is_resolved_of_one_user_reads_well() {
    let mut watch = Watch::default();
    watch.looks(PROD, &account(PROD, [person("alice"), person("bob").mfa()]), 0);
    let mail = golden("new", &watch.tells(0));
    assert_eq!(mail.subject, "[HIGH] Console password without a second factor - alice - prod (111122223333)");
    let [entry] = &silencing(&mail)[..] else { panic!("one entry: {}", mail.body) };
    assert_eq!(entry["principal"].as_str(), Some("alice"));

    watch.looks(PROD, &account(PROD, [person("alice").mfa(), person("bob").mfa()]), 3);
    let mail = golden("resolved", &watch.tells(3));
    assert!(mail.subject.starts_with("[HIGH] Resolved: "), "{}", mail.subject);
    assert!(silencing(&mail).is_empty(), "nothing stands there that could be silenced");
}

#[test]
fn promise_5_the_first_look_at_an_account_is_one_digest() {
    let mut watch = Watch { accepted: 2, ..Watch::default() };
    watch.looks(PROD, &of_many(PROD, made(0), 20, 11).csv(), 0);
    let told = watch.tells(0);
    assert!(told.0.len() > 8, "{}", told.0.len());
    golden("first-look", &told);
}

#[test]
fn promise_5_changes_in_several_accounts_come_in_one_mail() {
    let mut watch = Watch::default();
    let root = User::root(at("2019-05-14T09:20:41Z"));
    let idle =
        |name| User::new(name, at("2020-05-14T09:20:41Z")).password(at("2025-11-02T08:00:00Z"), None).mfa();
    let prod = |root: &User, users: &[User]| {
        let report = Report::new(PROD, made(-900)).root(root.clone());
        users.iter().cloned().fold(report, Report::user).csv()
    };
    let users = [person("alice"), machine("svc-deploy", "2025-12-01T00:00:00Z"), idle("heidi")];
    watch.looks(PROD, &prod(&root, &users), 0);
    watch.looks(STAGING, &account(STAGING, [person("carol"), person("dan")]), 0);
    watch.looks(SANDBOX, &account(SANDBOX, [machine("svc-old", "2025-12-01T00:00:00Z")]), 0);
    watch.tells(0);
    // Carol and dan register devices, the machine of the sandbox is gone.
    watch.looks(STAGING, &account(STAGING, [person("carol").mfa(), person("dan").mfa()]), 1);
    watch.looks(SANDBOX, &account(SANDBOX, []), 1);
    watch.tells(1);
    // A week later: root has a key, heidi is gone, dan has no device again, and two people came without one.
    let key = root.key(1, made(6), Some(made(7) - TimeDelta::hours(2)));
    watch.looks(PROD, &prod(&key, &users[..2]), 7);
    watch.looks(STAGING, &account(STAGING, [person("carol").mfa(), person("dan")]), 7);
    let new = [person("erin"), person("frank"), machine("svc-new", "2026-04-05T00:00:00Z")];
    watch.looks(SANDBOX, &account(SANDBOX, new), 7);
    let told = watch.tells(7);
    let statuses: Vec<_> = told.0.iter().filter_map(|finding| finding.status).collect();
    for status in [Status::New, Status::CameBack, Status::Resolved, Status::Still] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    golden("mixed", &told);
}

#[test]
fn promise_5_what_is_resolved_and_what_still_stands_is_told_since_when() {
    let mut watch = Watch::default();
    watch.looks(PROD, &account(PROD, [person("alice"), person("bob")]), 0);
    watch.tells(0);
    watch.looks(PROD, &account(PROD, [person("alice").mfa(), person("bob"), person("carol")]), 7);
    let told = watch.tells(7);
    let mail = golden("new-resolved-still", &told);
    assert_eq!(mail.subject, "[HIGH] Credentials: 1 new, 1 resolved, 1 open - prod (111122223333)");
}

#[test]
fn promise_5_three_thousand_findings_are_one_mail_that_says_what_it_leaves_out() {
    let mut watch = Watch::default();
    watch.looks(PROD, &of_many(PROD, made(0), 5_000, 1).csv(), 0);
    let (mut findings, standing) = watch.tells(0);
    findings.truncate(3_000);
    assert_eq!(findings.len(), 3_000);
    let told = (findings, standing);
    let mail = golden("3000-findings", &told);
    assert!(mail.body.lines().count() < 400, "{}", mail.body.lines().count());
    let alert = mail::audit(told.0, &told.1, "0123456789abcdef".to_owned(), &config()).unwrap();
    assert!(alert.message.len() < MAX_MESSAGE_BYTES, "{}", alert.message.len());
    let forms: serde_json::Value = serde_json::from_str(&alert.message).unwrap();
    let documents: Vec<serde_json::Value> = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
    let left_out = documents.last().unwrap()["unmapped"]["findings_left_out"].as_u64().unwrap();
    assert_eq!(documents.len() as u64 + left_out, 3_000);
}

#[test]
fn promise_3_an_account_that_could_not_be_looked_at_reads_well() {
    let refused = AwsError {
        kind: AwsErrorKind::Denied,
        call: format!("sts:AssumeRole arn:aws:iam::{STAGING}:role/iamwatch-member"),
        answer: format!(
            "AccessDenied: User: arn:aws:sts::{PROD}:assumed-role/iamwatch-CredentialReportRole-EXAMPLE/iamwatch-credential-report is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{STAGING}:role/iamwatch-member (HTTP 403, request 0123EXAMPLE)"
        ),
    };
    let mut watch = Watch::default();
    watch.looks(PROD, &account(PROD, [person("alice").mfa()]), 0);
    watch.cannot_look(STAGING, &refused, 0);
    let mail = golden("account-not-looked-at", &watch.tells(0));
    assert!(silencing(&mail).is_empty(), "it cannot be silenced");

    let mut unreadable = Watch::default();
    let alice = person("alice").with("mfa_active", "perhaps");
    let csv = account(PROD, [alice, person("bob").mfa()]) + "\ncarol";
    unreadable.looks(PROD, &csv, 0);
    golden("not-judged", &unreadable.tells(0));
}

#[test]
fn promise_6_hostile_names_in_a_report_stay_text() {
    let names = [
        "alice,\"=cmd|' /C calc'!A0",
        "<b>no action is needed</b>",
        "www.evil.com",
        "\u{202e}ecila\u{1b}[2J",
        "bob: has a second factor. See https://evil.example/ok",
        "*",
    ];
    let mut watch = Watch::default();
    watch.looks(PROD, &account(PROD, names.map(person)), 0);
    let told = watch.tells(0);
    let mail = golden("hostile", &told);
    let pasted: Vec<_> = silencing(&mail).iter().map(|entry| entry["principal"].clone()).collect();
    assert_eq!(pasted, ["www.evil.com".into()], "what IAM would not accept as a name is not pasted");
    for finding in told.0 {
        let one = [finding];
        check(&mail::audit_mail(&one, &told.1, &config()).unwrap(), &one);
    }
}

#[test]
fn every_rule_over_the_report_has_a_mail_that_keeps_the_promises_and_can_be_silenced() {
    let now = at("2026-04-02T00:00:00Z");
    let mut silenced = 0;
    for case in checks::table().flat_map(|check| check.cases) {
        for finding in case.judged().findings {
            for status in [None, Some(Status::CameBack), Some(Status::Resolved), Some(Status::Still)] {
                let finding = Finding { status, since: finding.time, ..finding.clone() };
                let one = std::slice::from_ref(&finding);
                let mail = mail::audit_mail(one, &Standing::default(), &config()).unwrap();
                check(&mail, one);
                let edited = pasted(&mail)
                    .replace(PLACEHOLDERS.0, "an exercise")
                    .replace(PLACEHOLDERS.1, "2026-04-30");
                let suppressions = Suppressions::parse(&edited, &registry::all(), now);
                assert_eq!(suppressions.problems(), [], "{edited}");
                let hides = suppressions.hiding(&finding, now).is_some();
                let can_be = finding.rule.family() != "watch" && status != Some(Status::Resolved);
                assert_eq!(hides, can_be, "{}: {edited}", case.name);
                silenced += usize::from(hides);
            }
        }
    }
    assert!(silenced > 100, "{silenced}");
}
