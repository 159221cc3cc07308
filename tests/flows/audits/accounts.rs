//! Many accounts: the list, failures of one account, and continuing after a run without time.

use std::time::Duration;

use iamwatch_tests::memory::{Clock, World};
use shared::config::Config;
use shared::formats::events::audit::Audit;
use shared::formats::events::audit::AuditRequest;
use shared::ports::{Generation, StoredObject};
use shared::use_cases::audit_credentials;

use super::{MADE, NOW, OWN, at, hours_later, report, run, scheduled, settings};

fn account(n: usize) -> String {
    format!("4444{n:08}")
}

/// A world of this many accounts besides the own one, in each of which alice has no second factor.
fn world(others: usize) -> World {
    let world = World::default();
    for account in (0..others).map(account).chain([OWN.to_owned()]) {
        world.accounts.put(&account, MADE, &report(&account, &["alice"]));
    }
    *world.accounts.organization.borrow_mut() = Some((0..others).map(account).collect());
    world
}

fn organization() -> Config {
    settings(&[("WATCHED_ACCOUNTS", "organization")])
}

fn put_file(world: &World, content: &str) {
    let stored =
        StoredObject { content: content.to_owned().into(), tag: "\"file\"".to_owned(), modified: None };
    world.state.objects.borrow_mut().insert("config/accounts.txt".to_owned(), stored);
}

#[test]
fn the_accounts_come_from_the_setting_a_file_or_the_organization_and_include_the_own_one() {
    run(async || {
        for (name, value) in
            [("listed", "444400000000,444400000001"), ("in a file", "file"), ("organization", "organization")]
        {
            let world = world(2);
            put_file(&world, "# ours\n444400000000\n444400000001 # test\n");
            let audited = scheduled(&world, NOW, 1, &settings(&[("WATCHED_ACCOUNTS", value)])).await;
            assert_eq!((audited.accounts.len(), audited.unfinished()), (3, None), "{name}");
            assert_eq!(
                world.topic.subjects(),
                ["[HIGH] Credentials: 3 new - 111122223333 +2 accounts"],
                "{name}"
            );
        }
    });
}

#[test]
fn three_hundred_missing_roles_are_one_mail_and_the_other_accounts_go_on() {
    run(async || {
        let world = world(301);
        for n in 0..300 {
            world.accounts.reports.borrow_mut().remove(&account(n));
        }
        let audited = scheduled(&world, NOW, 1, &organization()).await;
        assert_eq!((audited.failed.len(), audited.accounts.len(), audited.unfinished()), (300, 2, None));
        assert_eq!(world.topic.subjects().len(), 1, "{:?}", world.topic.subjects());
        for hours in [4, 8, 24] {
            scheduled(&world, &hours_later(hours - 1), 1, &organization()).await;
        }
        assert_eq!(world.topic.subjects().len(), 1, "not 300 a day");
    });
}

#[test]
fn a_failed_list_of_accounts_is_mailed_and_the_previous_accounts_are_checked() {
    run(async || {
        let world = world(2);
        scheduled(&world, NOW, 1, &organization()).await;
        *world.accounts.organization.borrow_mut() = None;
        world.accounts.put(&account(1), &hours_later(3), &report(&account(1), &["alice", "bob"]));
        let audited = scheduled(&world, &hours_later(4), 1, &organization()).await;
        assert_eq!((audited.accounts.len(), audited.unfinished()), (3, None));
        assert_eq!(world.topic.subjects()[1], "[HIGH] Credentials: 2 new - 444400000001 +1 account");
        scheduled(&world, &hours_later(5), 1, &organization()).await;
        assert_eq!(world.topic.subjects().len(), 2);
        *world.accounts.organization.borrow_mut() = Some(vec![account(0), account(1)]);
        scheduled(&world, &hours_later(6), 1, &organization()).await;
        assert_eq!(world.topic.subjects()[2], "[HIGH] Resolved: iamwatch could not look - 111122223333");
    });
}

#[test]
fn a_line_of_the_file_that_is_no_account_is_mailed_and_the_others_are_checked() {
    run(async || {
        let world = world(1);
        put_file(&world, "444400000000\n4444-0000-0001\n");
        let audited = scheduled(&world, NOW, 1, &settings(&[("WATCHED_ACCOUNTS", "file")])).await;
        assert_eq!(audited.accounts.len(), 2);
        let mail = &world.topic.mails()[0];
        assert!(mail.contains("line 2") && mail.contains("12-digit"), "{mail}");
    });
}

#[test]
fn a_run_without_time_for_all_accounts_is_continued_and_one_mail_reports_all() {
    run(async || {
        let world = world(40);
        for report in world.accounts.reports.borrow_mut().values_mut() {
            report.before.extend([
                Ok(Generation::UnderWay),
                Ok(Generation::UnderWay),
                Ok(Generation::UnderWay),
            ]);
        }
        let mut receives = 0;
        loop {
            receives += 1;
            let clock = Clock::new(at(NOW), Duration::from_secs(40));
            let audit = Audit::Scheduled { asked: at(NOW), receives };
            let audited = audit_credentials(&audit, &organization(), &world.accounts, &world.outside(&clock))
                .await
                .unwrap();
            if audited.unfinished().is_none() {
                break;
            }
            assert!(world.topic.subjects().is_empty() && receives < 10, "{receives}: {audited:?}");
        }
        assert!(receives > 1, "{receives}");
        assert_eq!(world.topic.subjects(), ["[HIGH] Credentials: 41 new - 111122223333 +40 accounts"]);
    });
}

#[test]
fn accounts_that_leave_are_mailed_once_each_time() {
    run(async || {
        let world = world(3);
        scheduled(&world, NOW, 1, &organization()).await;
        *world.accounts.organization.borrow_mut() = Some(vec![account(1)]);
        for hours in [3, 7, 20] {
            scheduled(&world, &hours_later(hours), 1, &organization()).await;
        }
        let mailed = world.topic.mails().split_off(1);
        for gone in [account(0), account(2)] {
            let of_it =
                |mail: &&String| mail.contains(&format!("ccount {gone} is no longer among the watched"));
            assert_eq!(mailed.iter().filter(of_it).count(), 1, "{mailed:#?}");
        }
        *world.accounts.organization.borrow_mut() = Some(vec![account(1), account(2)]);
        scheduled(&world, &hours_later(40), 1, &organization()).await;
        let before = world.topic.subjects().len();
        *world.accounts.organization.borrow_mut() = Some(vec![account(1)]);
        scheduled(&world, &hours_later(60), 1, &organization()).await;
        assert_eq!(world.topic.subjects().len(), before + 1, "it left again: {:?}", world.topic.subjects());
    });
}

#[test]
fn accounts_that_no_run_had_time_for_come_first_in_the_next() {
    run(async || {
        let world = world(40);
        let mut looked = std::collections::BTreeSet::new();
        for hours in [0, 4, 8, 12, 16, 20] {
            // Each run of the schedule has one try, and time for some accounts only.
            for report in world.accounts.reports.borrow_mut().values_mut() {
                report.before = std::iter::repeat_n(Ok(Generation::UnderWay), 3).collect();
            }
            let clock = Clock::new(at(&hours_later(hours)), Duration::from_secs(40));
            let audit = Audit::Scheduled { asked: at(&hours_later(hours)), receives: 1 };
            let outside = world.outside(&clock);
            let audited =
                audit_credentials(&audit, &organization(), &world.accounts, &outside).await.unwrap();
            assert!((1..41).contains(&audited.accounts.len()), "{}", audited.accounts.len());
            looked.extend(audited.accounts);
        }
        assert_eq!(looked.len(), 41);
    });
}

#[test]
fn from_the_third_receive_on_known_changes_are_mailed_before_all_accounts_are_checked() {
    run(async || {
        let world = world(1);
        let under_way = std::iter::repeat_n(Ok(Generation::UnderWay), 1000);
        world.accounts.reports.borrow_mut().get_mut(&account(0)).unwrap().before.extend(under_way);
        for (receives, mails) in [(1, 0), (2, 0), (3, 1)] {
            let clock = Clock::new(at(NOW), Duration::from_secs(40));
            let audit = Audit::Scheduled { asked: at(NOW), receives };
            let outside = world.outside(&clock);
            let audited =
                audit_credentials(&audit, &organization(), &world.accounts, &outside).await.unwrap();
            assert!(audited.to_do.contains_key(&account(0)), "{audited:?}");
            assert_eq!(world.topic.subjects().len(), mails, "{receives}");
        }
    });
}

#[test]
fn a_failed_list_of_accounts_is_an_error_for_a_request_by_hand() {
    run(async || {
        let world = world(1);
        *world.accounts.organization.borrow_mut() = None;
        let clock = Clock::new(at(NOW), Duration::from_secs(300));
        let audit = Audit::ByHand(AuditRequest { accounts: vec![], date: None, notify: false });
        let outside = world.outside(&clock);
        let audited = audit_credentials(&audit, &organization(), &world.accounts, &outside).await.unwrap();
        let said = audited.unfinished().unwrap().to_string();
        assert!(said.contains("which accounts are watched") && said.contains("AccessDenied"), "{said}");
    });
}

#[test]
fn a_person_can_ask_for_watched_accounts_only() {
    run(async || {
        let world = world(2);
        let clock = Clock::new(at(NOW), Duration::from_secs(300));
        let ask = |account: &str| {
            Audit::ByHand(AuditRequest { accounts: vec![account.to_owned()], date: None, notify: false })
        };
        let (config, outside) = (organization(), world.outside(&clock));
        let audited = audit_credentials(&ask(&account(1)), &config, &world.accounts, &outside).await.unwrap();
        assert_eq!(audited.accounts, [account(1)].into());
        let error =
            audit_credentials(&ask("999900000000"), &config, &world.accounts, &outside).await.unwrap_err();
        assert!(
            error.to_string().starts_with("an account of the request is \"999900000000\"; it must be"),
            "{error}"
        );
    });
}
