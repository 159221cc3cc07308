//! The mails about credential reports: reports are judged day after day, and one mail reports the changes in all
//! accounts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use iamwatch_tests::reports::{Report, User, of_many};
use shared::config::Config;
use shared::finding::suppression::{PLACEHOLDERS, Suppressions};
use shared::finding::{Finding, Status};
use shared::formats::credential_report::CredentialReport;
use shared::mail::audit;
use shared::mail::audit::AuditSummary;
use shared::mail::{MAX_MESSAGE_BYTES, Mail};
use shared::ports::{AwsError, AwsErrorKind};
use shared::rules::checks;
use shared::rules::checks::ReportContext;
use shared::rules::health::account_check_failed;
use shared::rules::registry;
use shared::state::ledger::Ledger;

use super::{at, check, pasted, show, suppression_entries};

const PROD: &str = "111122223333";
const STAGING: &str = "444455556666";
const SANDBOX: &str = "777788889999";

/// When IAM made the report of day 0.
const MADE: &str = "2026-04-01T08:00:00Z";

fn config() -> Config {
    let names = "111122223333=prod,444455556666=staging";
    Config::from_lookup(|name| (name == "ACCOUNT_NAMES").then(|| names.to_owned())).unwrap()
}

fn made(day: i64) -> DateTime<Utc> {
    at(MADE) + TimeDelta::days(day)
}

/// The ledgers of the accounts.
#[derive(Default)]
struct Accounts {
    ledgers: BTreeMap<String, Ledger>,
    suppressed: u64,
}

impl Accounts {
    fn ledger(&mut self, account: &str) -> &mut Ledger {
        self.ledgers.entry(account.to_owned()).or_insert_with(|| Ledger::new(account))
    }

    /// Judges an account's report of a day.
    fn judge(&mut self, account: &str, report: &str, day: i64) {
        let (report, generated) = (CredentialReport::parse(report.as_bytes()).unwrap(), made(day));
        let key = format!("s3://iamwatch-state-{PROD}/reports/{account}/{}.csv.gz", generated.date_naive());
        let judged =
            checks::judge(&report, &ReportContext { account, generated, source: Some(&key) }, &config());
        let users = report.rows().len() as u64;
        self.ledger(account).record_judged(&judged, &[], users, generated, generated);
    }

    fn cannot_look(&mut self, account: &str, trouble: &AwsError, day: i64) {
        let finding = account_check_failed(account, trouble, made(day));
        self.ledger(account).could_not_look([&finding], made(day));
    }

    /// The findings to notify on a day, with due reminders; the ledgers record them as notified.
    fn notify(&mut self, day: i64) -> (Vec<Finding>, AuditSummary) {
        let ledgers = self.ledgers.values();
        let mut findings: Vec<Finding> =
            ledgers.clone().flat_map(|ledger| ledger.changes(registry::check_rule)).collect();
        for ledger in ledgers.clone() {
            let due = |finding: &Finding| ledger.is_due(&finding.id, made(day), &config());
            findings.extend(ledger.still_open(registry::check_rule).filter(due));
        }
        let generated = ledgers.clone().filter_map(Ledger::generated);
        let summary = AuditSummary {
            accounts: self.ledgers.len(),
            users: ledgers.clone().map(Ledger::users).sum(),
            generated: generated.clone().min().zip(generated.max()),
            open: ledgers.flat_map(|ledger| ledger.open_by_severity().into_values()).sum(),
            suppressed: self.suppressed,
            ledgers_at: Some(format!("s3://iamwatch-state-{PROD}/audits/credential-report/")),
        };
        let statuses: BTreeMap<String, Status> =
            findings.iter().map(|finding| (finding.id.clone(), finding.status.unwrap())).collect();
        self.ledgers.values_mut().for_each(|ledger| ledger.record_notified(&statuses, made(day)));
        (findings, summary)
    }
}

#[track_caller]
fn golden(name: &str, (findings, summary): &(Vec<Finding>, AuditSummary)) -> Mail {
    let mail = audit::mail(findings, summary, &config()).unwrap();
    expectorate::assert_contents(format!("snapshots/mails/audit-{name}.txt"), &show(&mail));
    check(&mail, findings);
    mail
}

/// The report of an account whose root user raises no finding.
fn account(account: &str, users: impl IntoIterator<Item = User>) -> String {
    let report = Report::new(account, at("2019-05-14T09:20:41Z"));
    users.into_iter().fold(report, Report::user).csv()
}

/// A user who signed in the day before the first report.
fn person(name: &str) -> User {
    User::new(name, at("2024-01-15T09:30:00Z"))
        .password(at("2026-03-01T08:00:00Z"), Some(at("2026-03-31T16:20:00Z")))
}

/// A user with an access key that was used an hour before the first report.
fn machine(name: &str, key: &str) -> User {
    User::new(name, at("2023-01-15T09:30:00Z")).key(1, at(key), Some(at("2026-04-01T07:00:00Z")))
}

#[test]
fn promise_5_a_new_and_a_resolved_finding_of_one_user_read_well() {
    let mut accounts = Accounts::default();
    accounts.judge(PROD, &account(PROD, [person("alice"), person("bob").mfa()]), 0);
    let mail = golden("new", &accounts.notify(0));
    assert_eq!(mail.subject, "[HIGH] Console password without a second factor - alice - prod (111122223333)");
    let [entry] = &suppression_entries(&mail)[..] else { panic!("one entry: {}", mail.body) };
    assert_eq!(entry["principal"].as_str(), Some("alice"));

    accounts.judge(PROD, &account(PROD, [person("alice").mfa(), person("bob").mfa()]), 3);
    let mail = golden("resolved", &accounts.notify(3));
    assert!(mail.subject.starts_with("[HIGH] Resolved: "), "{}", mail.subject);
    assert!(suppression_entries(&mail).is_empty(), "a resolved finding has no entry");
}

#[test]
fn promise_5_the_first_report_of_an_account_is_one_mail() {
    let mut accounts = Accounts { suppressed: 2, ..Accounts::default() };
    accounts.judge(PROD, &of_many(PROD, made(0), 20, 11).csv(), 0);
    let notified = accounts.notify(0);
    assert!(notified.0.len() > 8, "{}", notified.0.len());
    golden("first-look", &notified);
}

#[test]
fn promise_5_changes_in_several_accounts_come_in_one_mail() {
    let mut accounts = Accounts::default();
    let root = User::root(at("2019-05-14T09:20:41Z"));
    let idle =
        |name| User::new(name, at("2020-05-14T09:20:41Z")).password(at("2025-11-02T08:00:00Z"), None).mfa();
    let prod = |root: &User, users: &[User]| {
        let report = Report::new(PROD, made(-900)).root(root.clone());
        users.iter().cloned().fold(report, Report::user).csv()
    };
    let users = [person("alice"), machine("svc-deploy", "2025-12-01T00:00:00Z"), idle("heidi")];
    accounts.judge(PROD, &prod(&root, &users), 0);
    accounts.judge(STAGING, &account(STAGING, [person("carol"), person("dan")]), 0);
    accounts.judge(SANDBOX, &account(SANDBOX, [machine("svc-old", "2025-12-01T00:00:00Z")]), 0);
    accounts.notify(0);
    // Carol and dan register devices; the sandbox's machine user is deleted.
    accounts.judge(STAGING, &account(STAGING, [person("carol").mfa(), person("dan").mfa()]), 1);
    accounts.judge(SANDBOX, &account(SANDBOX, []), 1);
    accounts.notify(1);
    // A week later: root has a key, heidi is deleted, dan has no device again, and two new users have none.
    let key = root.key(1, made(6), Some(made(7) - TimeDelta::hours(2)));
    accounts.judge(PROD, &prod(&key, &users[..2]), 7);
    accounts.judge(STAGING, &account(STAGING, [person("carol").mfa(), person("dan")]), 7);
    let new = [person("erin"), person("frank"), machine("svc-new", "2026-04-05T00:00:00Z")];
    accounts.judge(SANDBOX, &account(SANDBOX, new), 7);
    let notified = accounts.notify(7);
    let statuses: Vec<_> = notified.0.iter().filter_map(|finding| finding.status).collect();
    for status in [Status::New, Status::CameBack, Status::Resolved, Status::Still] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    golden("mixed", &notified);
}

#[test]
fn promise_5_resolved_and_open_findings_have_the_day_since_when() {
    let mut accounts = Accounts::default();
    accounts.judge(PROD, &account(PROD, [person("alice"), person("bob")]), 0);
    accounts.notify(0);
    accounts.judge(PROD, &account(PROD, [person("alice").mfa(), person("bob"), person("carol")]), 7);
    let notified = accounts.notify(7);
    let mail = golden("new-resolved-still", &notified);
    assert_eq!(mail.subject, "[HIGH] Credentials: 1 new, 1 resolved, 1 open - prod (111122223333)");
}

#[test]
fn promise_5_three_thousand_findings_are_one_mail_that_counts_what_it_leaves_out() {
    let mut accounts = Accounts::default();
    accounts.judge(PROD, &of_many(PROD, made(0), 5_000, 1).csv(), 0);
    let (mut findings, summary) = accounts.notify(0);
    findings.truncate(3_000);
    assert_eq!(findings.len(), 3_000);
    let notified = (findings, summary);
    let mail = golden("3000-findings", &notified);
    assert!(mail.body.lines().count() < 400, "{}", mail.body.lines().count());
    let notification =
        audit::notification(notified.0, &notified.1, "0123456789abcdef".to_owned(), &config()).unwrap();
    assert!(notification.message.len() < MAX_MESSAGE_BYTES, "{}", notification.message.len());
    let forms: serde_json::Value = serde_json::from_str(&notification.message).unwrap();
    let documents: Vec<serde_json::Value> = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
    let left_out = documents.last().unwrap()["unmapped"]["findings_left_out"].as_u64().unwrap();
    assert_eq!(documents.len() as u64 + left_out, 3_000);
}

#[test]
fn promise_3_a_mail_about_an_account_that_could_not_be_checked_reads_well() {
    let refused = AwsError {
        kind: AwsErrorKind::Denied,
        call: format!("sts:AssumeRole arn:aws:iam::{STAGING}:role/iamwatch-member"),
        answer: format!(
            "AccessDenied: User: arn:aws:sts::{PROD}:assumed-role/iamwatch-CredentialReportRole-EXAMPLE/iamwatch-credential-report is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{STAGING}:role/iamwatch-member (HTTP 403, request 0123EXAMPLE)"
        ),
    };
    let mut accounts = Accounts::default();
    accounts.judge(PROD, &account(PROD, [person("alice").mfa()]), 0);
    accounts.cannot_look(STAGING, &refused, 0);
    let mail = golden("account-not-looked-at", &accounts.notify(0));
    assert!(suppression_entries(&mail).is_empty(), "it cannot be suppressed");

    let mut unreadable = Accounts::default();
    let alice = person("alice").with("mfa_active", "perhaps");
    let csv = account(PROD, [alice, person("bob").mfa()]) + "\ncarol";
    unreadable.judge(PROD, &csv, 0);
    golden("not-judged", &unreadable.notify(0));
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
    let mut accounts = Accounts::default();
    accounts.judge(PROD, &account(PROD, names.map(person)), 0);
    let notified = accounts.notify(0);
    let mail = golden("hostile", &notified);
    let pasted: Vec<_> = suppression_entries(&mail).iter().map(|entry| entry["principal"].clone()).collect();
    assert_eq!(pasted, ["www.evil.com".into()], "only IAM names are pasted");
    for finding in notified.0 {
        let one = [finding];
        check(&audit::mail(&one, &notified.1, &config()).unwrap(), &one);
    }
}

#[test]
fn every_check_has_a_safe_mail_and_can_be_suppressed() {
    let now = at("2026-04-02T00:00:00Z");
    let mut suppressed = 0;
    for case in checks::table().flat_map(|check| check.cases) {
        for finding in case.judged().findings {
            for status in [None, Some(Status::CameBack), Some(Status::Resolved), Some(Status::Still)] {
                let finding = Finding { status, since: finding.time, ..finding.clone() };
                let one = std::slice::from_ref(&finding);
                let mail = audit::mail(one, &AuditSummary::default(), &config()).unwrap();
                check(&mail, one);
                let edited = pasted(&mail)
                    .replace(PLACEHOLDERS.0, "an exercise")
                    .replace(PLACEHOLDERS.1, "2026-04-30");
                let suppressions = Suppressions::parse(&edited, &registry::all(), now);
                assert_eq!(suppressions.problems(), [], "{edited}");
                let is_suppressed = suppressions.matching(&finding, now).is_some();
                let can_be = finding.rule.family() != "watch" && status != Some(Status::Resolved);
                assert_eq!(is_suppressed, can_be, "{}: {edited}", case.name);
                suppressed += usize::from(is_suppressed);
            }
        }
    }
    assert!(suppressed > 100, "{suppressed}");
}
