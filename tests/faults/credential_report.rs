//! The scenarios of the function `credential-report`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use iamwatch_tests::faults::run::Observed;
use iamwatch_tests::faults::{Message, STATE, Scenario};
use iamwatch_tests::reports::of_people;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stub_aws::{AccountReport, Organization, StubAws};

const MEMBER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::444455556666:role/iamwatch-member";

/// A console user without a second factor, which is all that is wrong in these reports.
const RULE: &str = "password.mfa-disabled";

/// Every scenario.
pub fn scenarios() -> Vec<Scenario> {
    vec![
        first_report(),
        mended_and_new(),
        refused_by_iam(),
        organization(),
        accounts_in_a_file(),
        corrupt(),
        at_once(),
    ]
}

/// After a fault it may take another run to mail everything, and a failed check is mailed and resolved.
fn scenario(name: &str) -> Scenario {
    let mut scenario = Scenario::new(name, "credential-report");
    scenario.later = vec![Message::of_schedule("later")];
    scenario
        .may_add("*iamwatch could not look - 4444*", 2)
        .may_add("*iamwatch could not look - 1111*", 2)
        .may_add("*] Credentials: *", 4)
        .may_add("*Console password*", 3)
}

/// The credential report of an account with these people: see [`of_people`].
fn report(account: &str, users: &[&str]) -> AccountReport {
    report_of(account, users, TimeDelta::hours(1))
}

fn report_of(account: &str, users: &[&str], age: TimeDelta) -> AccountReport {
    let now = Utc::now();
    AccountReport::made(of_people(account, now, users).csv(), now - age)
}

fn put(aws: &StubAws, users: &[&str]) {
    aws.put_report(ACCOUNT, report(ACCOUNT, users));
}

fn put_member(aws: &StubAws) {
    aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
    aws.let_assume(ROLE, Some("iamwatch-example"));
}

fn of_one(name: &str) -> String {
    format!("[HIGH] Console password without a second factor - {name} - {ACCOUNT}")
}

/// What mails report of users without a second factor, and under which alert ids.
fn mailed_changes(observed: &Observed) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut mailed_changes: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for mail in &observed.mails {
        let id = mail.attribute("alert_id").unwrap_or_default();
        for finding in mail.findings().iter().filter(|finding| finding["metadata"]["event_code"] == RULE) {
            let text = |pointer: &str| {
                finding.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
            };
            let user = text("/resources/0/uid").rsplit('/').next().unwrap_or_default().to_owned();
            mailed_changes.entry((user, text("/activity_name"))).or_default().insert(id.to_owned());
        }
    }
    mailed_changes
}

/// Each of these was mailed by one alert, and nothing else was: above all, nothing counts as resolved that is not.
fn mailed_exactly(observed: &Observed, expected: &[(&str, &str)]) -> Vec<String> {
    let mailed_changes = mailed_changes(observed);
    let expected: BTreeSet<(String, String)> =
        expected.iter().map(|(user, what)| ((*user).to_owned(), (*what).to_owned())).collect();
    let lost =
        expected.iter().filter(|it| !mailed_changes.contains_key(it)).map(|it| format!("lost: {it:?}"));
    let twice = mailed_changes
        .iter()
        .filter(|(_, ids)| ids.len() > 1)
        .map(|(it, ids)| format!("{it:?} was mailed by {ids:?}"));
    let wrong = mailed_changes
        .keys()
        .filter(|it| !expected.contains(it))
        .map(|it| format!("mailed, but not expected: {it:?}"));
    lost.chain(twice).chain(wrong).collect()
}

fn first_report() -> Scenario {
    scenario("report-first")
        .prepared(|aws| put(aws, &["alice", "bob+mfa"]))
        .schedule()
        .expect_mail_if_undisturbed(of_one("alice"))
        .also(|observed| mailed_exactly(observed, &[("alice", "Create")]))
}

fn mended_and_new() -> Scenario {
    scenario("report-mended")
        .prepared(|aws| aws.put_report(ACCOUNT, report_of(ACCOUNT, &["alice"], TimeDelta::hours(5))))
        .schedule()
        .then(|aws| put(aws, &["alice+mfa", "bob"]))
        .schedule()
        .expect_mail_if_undisturbed(of_one("alice"))
        .expect_mail_if_undisturbed(format!("[HIGH] Credentials: 1 new, 1 resolved - {ACCOUNT}"))
        .also(|observed| {
            // If the first report could not be fetched, alice was never known.
            let known = mailed_changes(observed).contains_key(&("alice".to_owned(), "Create".to_owned()));
            let expected = [("bob", "Create"), ("alice", "Create"), ("alice", "Close")];
            mailed_exactly(observed, if known { &expected } else { &expected[..1] })
        })
}

/// Everything is denied at first; then the report has to be made.
fn refused_by_iam() -> Scenario {
    scenario("report-refused")
        .schedule()
        .then(|aws| aws.put_report(ACCOUNT, report(ACCOUNT, &["alice"]).in_place_of_an_old_one().after(2)))
        .schedule()
        .expect_mail_if_undisturbed(format!("[HIGH] iamwatch could not look - {ACCOUNT}"))
        .expect_mail_if_undisturbed(format!("[HIGH] Credentials: 1 new, 1 resolved - {ACCOUNT}"))
        .also(|observed| mailed_exactly(observed, &[("alice", "Create")]))
}

fn organization() -> Scenario {
    scenario("report-organization")
        .with("WATCHED_ACCOUNTS", "organization")
        .with("MEMBER_EXTERNAL_ID", "iamwatch-example")
        .prepared(|aws| {
            put(aws, &["alice"]);
            put_member(aws);
            aws.put_organization(Organization::of(&[ACCOUNT, MEMBER], 1));
        })
        .schedule()
        .expect_mail_if_undisturbed(format!("[HIGH] Credentials: 2 new - {ACCOUNT} +1 account"))
        .also(|observed| mailed_exactly(observed, &[("alice", "Create"), ("mallory", "Create")]))
}

/// What a person writes: the accounts, and the suppressions for them.
fn accounts_in_a_file() -> Scenario {
    let expires = Utc::now() + TimeDelta::days(30);
    let suppressed = format!(
        "[[suppression]]\nrule = \"{RULE}\"\naccount = \"{ACCOUNT}\"\nprincipal = \"alice\"\nreason = \"an exercise\"\nexpires = \"{}\"\n",
        expires.format("%Y-%m-%d")
    );
    let mut scenario = scenario("report-files")
        .with("WATCHED_ACCOUNTS", "file")
        .with("MEMBER_EXTERNAL_ID", "iamwatch-example")
        .prepared(|aws| {
            put(aws, &["alice"]);
            put_member(aws);
        })
        .schedule()
        .expect_mail("*] Suppressions changed - config/suppressions.toml - *")
        .expect_mail_if_undisturbed(format!(
            "[HIGH] Console password without a second factor - mallory - {MEMBER}"
        ))
        .also(|observed| mailed_exactly(observed, &[("mallory", "Create")]));
    for (key, content) in
        [("config/accounts.txt", MEMBER.into()), ("config/suppressions.toml", suppressed.into_bytes())]
    {
        scenario.objects.push((STATE, key.to_owned(), content));
    }
    scenario
}

/// Mails may be repeated, for the state of the earlier ones is lost; that is mailed too.
fn corrupt() -> Scenario {
    scenario("report-corrupt")
        .prepared(|aws| {
            put(aws, &["alice"]);
            aws.put(STATE, &format!("audits/credential-report/{ACCOUNT}.json"), "{\"format\": 7}");
            aws.put(STATE, "audits/credential-report.json", "nonsense");
        })
        .schedule()
        .expect_mail("*] iamwatch could not look*example-state*")
        .expect_mail_if_undisturbed(of_one("alice"))
        .also(|observed| mailed_exactly(observed, &[("alice", "Create")]))
}

/// Two schedules, or one that was delivered twice.
fn at_once() -> Scenario {
    scenario("report-at-once")
        .prepared(|aws| put(aws, &["alice"]))
        .schedule_at_once()
        .expect_mail_if_undisturbed(of_one("alice"))
        .also(|observed| mailed_exactly(observed, &[("alice", "Create")]))
}
