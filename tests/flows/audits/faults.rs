//! A run that crashes at any step, and a state bucket or topic that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use iamwatch_tests::memory::{Clock, World};
use shared::config::Config;
use shared::formats::events::audit::Audit;
use shared::ports::StoredObject;
use shared::use_cases::audit_credentials;

use super::{MADE, NOW, OWN, at, hours_later, report, run, scheduled, settings};

fn world() -> World {
    let world = World::default();
    for account in [OWN, "444400000000"] {
        world.accounts.put(account, MADE, &report(account, &["alice", "bob+mfa"]));
    }
    world
}

fn config() -> Config {
    settings(&[("WATCHED_ACCOUNTS", "444400000000")])
}

/// What each alert reports, and how often it was published.
fn published(world: &World) -> BTreeMap<String, (String, usize)> {
    let mut published: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for alert in world.topic.published.borrow().iter() {
        published.entry(alert.id.clone()).or_insert((alert.subject.clone(), 0)).1 += 1;
    }
    published
}

#[test]
fn promise_1_the_run_after_a_crash_at_any_step_mails_everything() {
    run(async || {
        let steps = {
            let world = world();
            scheduled(&world, NOW, 1, &config()).await;
            world.steps.taken.get()
        };
        assert!(steps > 20, "{steps}");
        for last in 1..=steps {
            let world = world();
            world.steps.last.set(Some(last));
            let clock = Clock::new(at(NOW), Duration::from_secs(300));
            let audit = Audit::Scheduled { asked: at(NOW), receives: 1 };
            let (config, outside) = (config(), world.outside(&clock));
            tokio::select! {
                biased;
                _ = audit_credentials(&audit, &config, &world.accounts, &outside) => panic!("it outlived step {last}"),
                () = world.steps.crashed.notified() => {}
            }
            assert!(world.unmarked().is_empty(), "step {last}: {:?}", world.unmarked());
            let mailed = world.topic.published.borrow().len();
            world.steps.last.set(None);
            // Its lease has expired by then.
            let audit = Audit::Scheduled { asked: at(NOW), receives: 2 };
            let clock = Clock::new(at(&hours_later(1)), Duration::from_secs(300));
            let outside = world.outside(&clock);
            let audited = audit_credentials(&audit, &config, &world.accounts, &outside).await.unwrap();
            assert_eq!(audited.unfinished(), None, "step {last}");
            let alerts = published(&world);
            assert_eq!(alerts.len(), 1, "step {last}: {alerts:?}");
            let (subject, times) = alerts.values().next().unwrap();
            assert_eq!(subject, "[HIGH] Credentials: 2 new - 111122223333 +1 account");
            assert!(*times == 1 || mailed == 1, "step {last}: published {times} times");
            if *times > 1 {
                let mails = world.topic.mails();
                assert!(mails[1].contains("(This mail may repeat one"), "step {last}");
            }
            scheduled(&world, &hours_later(2), 1, &config).await;
            assert_eq!(
                published(&world).values().map(|(_, times)| times).sum::<usize>(),
                *times,
                "step {last}"
            );
        }
    });
}

#[test]
fn a_mail_that_sns_keeps_refusing_does_not_stop_later_checks() {
    run(async || {
        let world = world();
        world.topic.refuses.set(Some("Credentials: "));
        scheduled(&world, NOW, 1, &config()).await;
        world.accounts.put(OWN, &hours_later(3), &report(OWN, &["alice+mfa", "carol"]));
        let audited = scheduled(&world, &hours_later(4), 1, &config()).await;
        assert_eq!((audited.accounts.len(), audited.unfinished().is_some()), (2, true), "{audited:?}");
        world.topic.refuses.set(None);
        scheduled(&world, &hours_later(4), 2, &config()).await;
        assert_eq!(
            world.topic.subjects(),
            [
                "[HIGH] Credentials: 2 new - 111122223333 +1 account",
                "[HIGH] Credentials: 1 new, 1 resolved - 111122223333"
            ],
            "what was to be mailed then, and what has changed since"
        );
    });
}

#[test]
fn a_finding_resolved_before_its_mail_is_mailed_as_resolved() {
    run(async || {
        let world = world();
        world.topic.refuses.set(Some("Console password"));
        let one = settings(&[]);
        scheduled(&world, NOW, 1, &one).await;
        // The outbox entry is gone, so only the ledger knows of it.
        world.state.objects.borrow_mut().remove("audits/credential-report.json");
        world.accounts.put(OWN, &hours_later(3), &report(OWN, &["alice+mfa"]));
        world.topic.refuses.set(None);
        scheduled(&world, &hours_later(4), 1, &one).await;
        assert_eq!(
            world.topic.subjects(),
            ["[HIGH] Resolved: Console password without a second factor - alice - 111122223333"]
        );
    });
}

#[test]
fn after_a_crash_and_a_damaged_outbox_entry_the_next_mail_says_that_it_may_repeat() {
    run(async || {
        let steps = {
            let world = world();
            scheduled(&world, NOW, 1, &config()).await;
            world.steps.taken.get()
        };
        for last in 1..=steps {
            let world = world();
            world.steps.last.set(Some(last));
            let clock = Clock::new(at(NOW), Duration::from_secs(300));
            let audit = Audit::Scheduled { asked: at(NOW), receives: 1 };
            let (config, outside) = (config(), world.outside(&clock));
            tokio::select! {
                biased;
                _ = audit_credentials(&audit, &config, &world.accounts, &outside) => panic!("it outlived step {last}"),
                () = world.steps.crashed.notified() => {}
            }
            world.steps.last.set(None);
            let bulletin = world.state.objects.borrow().get("audits/credential-report.json").cloned();
            if let Some(bulletin) = bulletin {
                let damaged = StoredObject { content: "nonsense".into(), ..bulletin };
                world.state.objects.borrow_mut().insert("audits/credential-report.json".to_owned(), damaged);
            }
            let mails = || world.topic.mails().into_iter().filter(|mail| !mail.contains("could not look"));
            let mailed = mails().count();
            scheduled(&world, &hours_later(1), 1, &config).await;
            let after: Vec<String> = mails().skip(mailed).collect();
            assert!(mailed + after.len() >= 1, "step {last}: lost");
            if mailed > 0 {
                assert!(after.iter().all(|mail| mail.contains("(This mail may repeat one")), "step {last}");
            }
        }
    });
}

#[test]
fn while_the_lease_of_a_run_is_live_no_other_publishes_its_mail() {
    run(async || {
        let world = world();
        world.topic.hangs.set(true);
        let audited = scheduled(&world, NOW, 1, &config()).await;
        assert!(audited.unfinished().is_some());
        world.topic.hangs.set(false);
        let audited = scheduled(&world, NOW, 2, &config()).await;
        assert!(audited.unfinished().unwrap().answer.contains("another run"), "{audited:?}");
        assert!(world.topic.subjects().is_empty());
        let audited = scheduled(&world, &hours_later(1), 3, &config()).await;
        assert_eq!((audited.unfinished(), world.topic.subjects().len()), (None, 1));
    });
}

#[test]
fn a_mail_that_was_certainly_not_published_is_published_later_without_a_repeat_notice() {
    run(async || {
        let world = world();
        world.topic.refuses.set(Some("Credentials: "));
        let audited = scheduled(&world, NOW, 1, &config()).await;
        assert!(audited.unfinished().is_some());
        world.topic.refuses.set(None);
        let audited = scheduled(&world, NOW, 2, &config()).await;
        assert_eq!(audited.unfinished(), None);
        assert!(!world.topic.mails()[0].contains("may repeat"), "{}", world.topic.mails()[0]);
    });
}

#[test]
fn answers_of_the_state_bucket_that_are_lost_or_refused_once_change_nothing() {
    run(async || {
        for n in 0..30 {
            let world = world();
            world.state.loses.set(n);
            let mut receives = 1;
            while scheduled(&world, &hours_later(i64::from(receives)), receives, &config())
                .await
                .unfinished()
                .is_some()
            {
                receives += 1;
                assert!(receives < 40);
            }
            assert_eq!(published(&world).len(), 1, "{n} answers lost: {:?}", world.topic.subjects());
        }
        for n in 0..30 {
            let world = world();
            world.state.fails.set(n);
            let mut receives = 1;
            // Before the third receive nothing is published without state.
            while scheduled(&world, &hours_later(1), receives.min(2), &config()).await.unfinished().is_some()
            {
                receives += 1;
                assert!(receives < 40);
            }
            assert_eq!(published(&world).len(), 1, "{n} calls failed: {:?}", world.topic.subjects());
        }
    });
}

#[test]
fn open_findings_that_cannot_be_stored_are_mailed_with_that_notice() {
    run(async || {
        let world = world();
        world.state.refuses.set(Some("audits/credential-report/4444"));
        for receives in [1, 2] {
            let audited = scheduled(&world, NOW, receives, &config()).await;
            assert!(audited.to_do.contains_key("444400000000"), "{audited:?}");
            assert!(world.topic.subjects().is_empty());
        }
        let audited = scheduled(&world, NOW, 3, &config()).await;
        assert!(audited.unfinished().is_some());
        let subjects = world.topic.subjects();
        assert!(subjects[0].contains("Console password") && subjects[0].contains(OWN), "{subjects:?}");
        assert!(subjects[1].contains("iamwatch could not look - state"), "{subjects:?}");
        world.state.refuses.set(None);
        assert_eq!(scheduled(&world, NOW, 4, &config()).await.unfinished(), None);
        assert!(world.topic.subjects()[2].contains("444400000000"), "{:?}", world.topic.subjects());
    });
}

#[test]
fn if_state_stays_unavailable_findings_are_mailed_and_no_account_counts_as_checked() {
    run(async || {
        let world = world();
        world.state.fails.set(usize::MAX);
        for receives in [1, 2] {
            scheduled(&world, NOW, receives, &config()).await;
            assert!(world.topic.subjects().is_empty());
        }
        let audited = scheduled(&world, NOW, 3, &config()).await;
        assert!(audited.unfinished().is_some());
        let subjects = world.topic.subjects();
        assert!(
            !subjects.is_empty()
                && subjects.iter().all(|subject| subject.contains("iamwatch could not look")),
            "{subjects:?}"
        );
        world.state.fails.set(0);
        scheduled(&world, &hours_later(1), 4, &config()).await;
        assert!(
            world.topic.subjects().iter().any(|subject| subject.contains("2 new")),
            "{:?}",
            world.topic.subjects()
        );
    });
}
