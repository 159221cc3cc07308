//! Which changes are mailed, and which are not mailed again.

use std::collections::BTreeSet;

use iamwatch_tests::memory::World;
use shared::finding::Status;
use shared::formats::events::audit::AuditRequest;
use shared::ports::StoredObject;
use shared::severity::Severity;

use super::{MADE, NOW, OWN, at, by_hand, hours_later, look, report, run, scheduled, settings};

/// A report of this many hours later, at the time at which it is checked.
fn put(world: &World, hours: i64, users: &[&str]) -> String {
    let made = at(MADE) + chrono::TimeDelta::hours(hours);
    world.accounts.put(OWN, &made.to_rfc3339(), &report(OWN, users));
    hours_later(hours)
}

fn put_state(world: &World, key: &str, content: &str) {
    let (content, tag) = (content.to_owned().into(), format!("{content:?}"));
    world
        .state
        .objects
        .borrow_mut()
        .insert(key.to_owned(), StoredObject { content, tag, modified: Some(at(NOW)) });
}

#[test]
fn a_new_returning_or_resolved_finding_is_mailed_once() {
    run(async || {
        let world = World::default();
        for (hours, users, subject) in [
            (
                0,
                &["alice", "bob+mfa"][..],
                Some("[HIGH] Console password without a second factor - alice - 111122223333"),
            ),
            (4, &["alice", "bob+mfa"], None),
            (
                8,
                &["alice", "bob+mfa", "carol"],
                Some("[HIGH] Console password without a second factor - carol - 111122223333"),
            ),
            (
                12,
                &["alice+mfa", "bob+mfa", "carol"],
                Some("[HIGH] Resolved: Console password without a second factor - alice - 111122223333"),
            ),
            (16, &["alice+mfa", "bob+mfa", "carol"], None),
            (
                20,
                &["alice", "bob+mfa", "carol"],
                Some("[HIGH] Came back: Console password without a second factor - alice - 111122223333"),
            ),
            (24, &["alice+mfa", "bob", "dave"], Some("[HIGH] Credentials: 2 new, 2 resolved - 111122223333")),
            (28, &["alice+mfa", "bob", "dave"], None),
        ] {
            let now = put(&world, hours, users);
            let before = world.topic.subjects().len();
            let audited = look(&world, &now).await;
            assert_eq!(audited.unfinished(), None);
            let subjects = world.topic.subjects().split_off(before);
            assert_eq!(
                subjects,
                subject.map(str::to_owned).into_iter().collect::<Vec<_>>(),
                "{hours} hours later"
            );
        }
    });
}

#[test]
fn a_report_that_is_checked_again_mails_nothing_and_counts_open_findings() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice", "bob"]);
        let audited = look(&world, NOW).await;
        assert_eq!((audited.accounts.len(), audited.users, audited.findings[&Severity::High]), (1, 2, 2));
        assert_eq!(audited.notified[&Status::New], 2);
        assert_eq!(audited.generated, Some((at(MADE), at(MADE))));
        let audited = look(&world, &hours_later(1)).await;
        assert_eq!(
            (audited.findings[&Severity::High], audited.notified.len(), audited.mails.len()),
            (2, 0, 0)
        );
        assert_eq!(world.topic.subjects(), ["[HIGH] Credentials: 2 new - 111122223333"]);
    });
}

#[test]
fn an_older_report_than_the_one_before_changes_nothing() {
    run(async || {
        let world = World::default();
        let now = put(&world, 4, &["alice"]);
        look(&world, &now).await;
        put(&world, 0, &["bob"]);
        look(&world, &hours_later(5)).await;
        assert_eq!(world.topic.subjects().len(), 1);
    });
}

#[test]
fn the_mail_says_when_the_report_was_made_and_how_long_a_finding_stood() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        look(&world, NOW).await;
        let now = put(&world, 50, &["alice+mfa"]);
        look(&world, &now).await;
        let mails = world.topic.mails();
        assert!(mails[0].contains("made at 2026-04-01 08:00:00 UTC"), "{}", mails[0]);
        assert!(mails[1].contains("2026-04-01, 2 days"), "{}", mails[1]);
    });
}

#[test]
fn one_mail_reminds_of_open_findings_at_the_interval_of_their_severity() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        look(&world, NOW).await;
        let now = put(&world, 24 * 3, &["alice", "bob"]);
        look(&world, &now).await;
        let now = put(&world, 24 * 7 - 4, &["alice", "bob"]);
        look(&world, &now).await;
        assert_eq!(world.topic.subjects().len(), 2, "not yet");
        let now = put(&world, 24 * 7, &["alice", "bob"]);
        look(&world, &now).await;
        assert_eq!(world.topic.subjects()[2], "[HIGH] Credentials: 2 open - 111122223333", "both at once");
        let now = put(&world, 24 * 8, &["alice", "bob"]);
        look(&world, &now).await;
        assert_eq!(world.topic.subjects().len(), 3);
        let never = settings(&[("REMIND_DAYS", "CRITICAL=0,HIGH=0,MEDIUM=0,LOW=0")]);
        let now = put(&world, 24 * 100, &["alice", "bob"]);
        scheduled(&world, &now, 1, &never).await;
        let reminded = world.topic.subjects().split_off(3);
        assert!(reminded.iter().all(|subject| !subject.contains("still")), "{reminded:?}");
    });
}

#[test]
fn a_failed_check_is_mailed_once_and_resolves_nothing() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        look(&world, NOW).await;
        world.accounts.reports.borrow_mut().clear();
        for hours in [4, 8, 12] {
            let audited = look(&world, &hours_later(hours)).await;
            assert_eq!((audited.failed.len(), audited.accounts.len(), audited.unfinished()), (1, 0, None));
        }
        assert_eq!(world.topic.subjects()[1], "[HIGH] iamwatch could not look - 111122223333");
        assert_eq!(world.topic.subjects().len(), 2);
        let now = put(&world, 16, &["alice+mfa"]);
        look(&world, &now).await;
        assert_eq!(world.topic.subjects()[2], "[HIGH] Credentials: 2 resolved - 111122223333");
    });
}

#[test]
fn an_invalid_report_is_refused_whole() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        look(&world, NOW).await;
        let whole = report(OWN, &["alice"]);
        let without_root: Vec<&str> =
            whole.lines().filter(|line| !line.starts_with("<root_account>")).collect();
        let header = whole.lines().next().unwrap();
        for (hours, content) in [(4, ""), (8, "nonsense"), (12, header), (16, &without_root.join("\n"))] {
            let made = (at(MADE) + chrono::TimeDelta::hours(hours)).to_rfc3339();
            world.accounts.put(OWN, &made, content);
            let audited = look(&world, &hours_later(hours)).await;
            assert_eq!((audited.failed.len(), audited.unfinished()), (1, None), "{content:?}");
        }
        assert_eq!(
            world.topic.subjects(),
            [
                "[HIGH] Console password without a second factor - alice - 111122223333",
                "[HIGH] iamwatch could not look - 111122223333"
            ]
        );
    });
}

#[test]
fn a_suppressed_finding_is_mailed_once_its_suppression_expires() {
    run(async || {
        let world = World::default();
        let file = "[[suppression]]\nrule = \"password.mfa-disabled\"\naccount = \"111122223333\"\nprincipal = \"alice\"\nreason = \"known\"\nexpires = \"2026-04-02\"\n";
        put_state(&world, "config/suppressions.toml", file);
        put(&world, 0, &["alice", "bob"]);
        let audited = look(&world, NOW).await;
        assert_eq!(audited.suppressed, 1);
        let subjects = world.topic.subjects();
        assert_eq!(subjects.len(), 2, "{subjects:?}");
        assert!(subjects[0].contains("] Suppressions changed - "), "{subjects:?}");
        assert_eq!(subjects[1], "[HIGH] Console password without a second factor - bob - 111122223333");
        assert!(world.topic.mails()[1].contains("; 1 more is suppressed"), "{}", world.topic.mails()[1]);
        let now = put(&world, 48, &["alice", "bob"]);
        look(&world, &now).await;
        let subjects: BTreeSet<String> = world.topic.subjects().split_off(2).into_iter().collect();
        assert!(
            subjects.contains("[HIGH] Console password without a second factor - alice - 111122223333"),
            "{subjects:?}"
        );
    });
}

#[test]
fn findings_below_the_minimum_severity_are_counted_and_not_mailed() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        let config = settings(&[("MAIL_MIN_SEVERITY", "CRITICAL")]);
        let audited = scheduled(&world, NOW, 1, &config).await;
        assert_eq!((audited.findings[&Severity::High], world.topic.subjects().len()), (1, 0));
        look(&world, &hours_later(1)).await;
        assert_eq!(world.topic.subjects().len(), 1, "the setting was changed back");
    });
}

#[test]
fn two_runs_at_once_mail_once() {
    run(async || {
        for first in 0..40 {
            let world = World::default();
            put(&world, 0, &["alice", "bob"]);
            let delayed = async {
                for _ in 0..first {
                    tokio::task::yield_now().await;
                }
                look(&world, NOW).await
            };
            let (one, other) = futures_util::join!(delayed, look(&world, NOW));
            assert_eq!(world.topic.subjects(), ["[HIGH] Credentials: 2 new - 111122223333"]);
            // The run without the lease is retried, and finds nothing to do.
            assert!(one.unfinished().is_none() || other.unfinished().is_none());
            assert_eq!(look(&world, NOW).await.unfinished(), None);
            assert_eq!(world.topic.subjects().len(), 1);
        }
    });
}

#[test]
fn unreadable_state_is_mailed_and_recreated_and_the_mail_says_that_it_may_repeat() {
    run(async || {
        for (key, content) in [
            (format!("audits/credential-report/{OWN}.json"), "{\"format\": 99}"),
            (format!("audits/credential-report/{OWN}.json"), "garbage"),
            ("audits/credential-report.json".to_owned(), "[]"),
        ] {
            let world = World::default();
            put(&world, 0, &["alice"]);
            look(&world, NOW).await;
            put_state(&world, &key, content);
            let now = put(&world, 4, &["alice"]);
            let audited = look(&world, &now).await;
            assert_eq!(audited.unfinished(), None);
            let subjects = world.topic.subjects().split_off(1);
            assert!(subjects[0].contains("iamwatch could not look"), "{subjects:?}");
            let of_account = key.ends_with(&format!("{OWN}.json"));
            assert_eq!(subjects.len(), 1 + usize::from(of_account), "{key}: {subjects:?}");
            if of_account {
                assert!(
                    world.topic.mails()[2].contains("(This mail may repeat one"),
                    "{}",
                    world.topic.mails()[2]
                );
            }
            let copies =
                world.state.objects.borrow().keys().filter(|copy| copy.starts_with("quarantine/")).count();
            assert_eq!(copies, 1);
        }
    });
}

#[test]
fn a_report_is_kept_by_its_day_and_can_be_judged_again() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        look(&world, NOW).await;
        let now = put(&world, 24, &["alice", "bob"]);
        look(&world, &now).await;
        let objects = world.state.objects.borrow().clone();
        let kept: Vec<&String> = objects.keys().filter(|key| key.starts_with("reports/")).collect();
        assert_eq!(
            kept,
            [&format!("reports/{OWN}/2026-04-01.csv.gz"), &format!("reports/{OWN}/2026-04-02.csv.gz")]
        );
        for (date, users) in [("2026-04-01", 1), ("2026-04-02", 2)] {
            let request = AuditRequest { accounts: vec![], date: Some(date.parse().unwrap()), notify: false };
            let audited = by_hand(&world, &now, request).await;
            assert_eq!(
                (audited.findings[&Severity::High], audited.listed.len()),
                (users, users as usize),
                "{date}"
            );
        }
        let request =
            AuditRequest { accounts: vec![], date: Some("2026-03-01".parse().unwrap()), notify: false };
        let audited = by_hand(&world, &now, request).await;
        assert!(audited.failed[OWN].to_string().contains("no report of that day was kept"), "{audited:?}");
        assert_eq!(
            (world.topic.subjects().len(), world.state.objects.borrow().clone()),
            (2, objects),
            "nothing was changed"
        );
    });
}

#[test]
fn a_person_can_check_without_a_mail() {
    run(async || {
        let world = World::default();
        put(&world, 0, &["alice"]);
        let without_mail = AuditRequest { accounts: vec![OWN.to_owned()], date: None, notify: false };
        let audited = by_hand(&world, NOW, without_mail).await;
        assert_eq!((audited.findings[&Severity::High], audited.listed[0].status), (1, Some(Status::New)));
        assert!(world.topic.subjects().is_empty() && world.state.objects.borrow().is_empty());
        let loud = AuditRequest { accounts: vec![], date: None, notify: true };
        by_hand(&world, NOW, loud.clone()).await;
        by_hand(&world, NOW, loud).await;
        assert_eq!(
            world.topic.subjects(),
            ["[HIGH] Console password without a second factor - alice - 111122223333"]
        );
    });
}
