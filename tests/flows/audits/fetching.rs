//! Getting a report: waiting, expiry, refusal, and time that is up.

use std::time::Duration;

use iamwatch_tests::memory::{Clock, World};
use shared::config::Config;
use shared::formats::events::audit::Audit;
use shared::ports::{AwsErrorKind, Generation};
use shared::use_cases::audit_credentials;

use super::{MADE, NOW, OWN, at, hours_later, look, report, run, scheduled};

fn world() -> World {
    let world = World::default();
    world.accounts.put(OWN, MADE, &report(OWN, &["alice"]));
    world
}

#[test]
fn a_report_that_is_not_ready_is_waited_for_with_growing_pauses() {
    run(async || {
        let world = world();
        let under_way = std::iter::repeat_n(Ok(Generation::UnderWay), 4);
        world.accounts.reports.borrow_mut().get_mut(OWN).unwrap().before.extend(under_way);
        let began = tokio::time::Instant::now();
        let audited = look(&world, NOW).await;
        assert_eq!((audited.unfinished(), world.accounts.asked.get()), (None, 5));
        assert_eq!(began.elapsed().as_secs(), 2 + 4 + 8 + 16);
        assert_eq!(world.topic.subjects().len(), 1);
    });
}

#[test]
fn a_report_that_is_gone_expired_or_still_being_made_when_it_is_fetched_is_asked_for_again() {
    run(async || {
        let world = world();
        let not_yet =
            [Err(AwsErrorKind::NotFound), Ok(()), Err(AwsErrorKind::Transient), Err(AwsErrorKind::NotFound)];
        world.accounts.reports.borrow_mut().get_mut(OWN).unwrap().not_yet.extend(not_yet);
        let audited = look(&world, NOW).await;
        assert_eq!((audited.unfinished(), world.accounts.asked.get()), (None, 5));
    });
}

#[test]
fn a_report_that_aws_does_not_deliver_in_time_is_retried_and_then_mailed() {
    run(async || {
        for before in [Ok(Generation::UnderWay), Err(AwsErrorKind::Transient)] {
            let world = world();
            world
                .accounts
                .reports
                .borrow_mut()
                .get_mut(OWN)
                .unwrap()
                .before
                .extend(std::iter::repeat_n(before, 100));
            for receives in [1, 2] {
                let audited = scheduled(&world, NOW, receives, &Config::default()).await;
                assert!(audited.to_do.contains_key(OWN) && audited.unfinished().is_some(), "{audited:?}");
                assert!(world.topic.subjects().is_empty());
            }
            assert_eq!(world.accounts.asked.get(), 18, "nine times a try");
            let audited = scheduled(&world, NOW, 3, &Config::default()).await;
            assert_eq!((audited.unfinished(), audited.failed.len()), (None, 1));
            assert_eq!(world.topic.subjects(), ["[LOW] iamwatch could not look - 111122223333"]);
        }
    });
}

#[test]
fn a_refusal_is_mailed_at_once() {
    run(async || {
        let world = world();
        world.accounts.reports.borrow_mut().get_mut(OWN).unwrap().before.push_back(Err(AwsErrorKind::Denied));
        look(&world, NOW).await;
        assert_eq!(world.topic.subjects(), ["[HIGH] iamwatch could not look - 111122223333"]);
        look(&world, &hours_later(1)).await;
        assert_eq!(world.topic.subjects()[1], "[HIGH] Credentials: 1 new, 1 resolved - 111122223333");
    });
}

#[test]
fn a_report_of_another_account_is_refused() {
    run(async || {
        let world = world();
        look(&world, NOW).await;
        world.accounts.put(OWN, &hours_later(3), &report("444455556666", &[]));
        let audited = look(&world, &hours_later(4)).await;
        assert!(audited.failed[OWN].answer.contains("its ARNs are of account 444455556666"), "{audited:?}");
        assert_eq!(world.topic.subjects().len(), 2, "nothing is resolved: {:?}", world.topic.subjects());
    });
}

#[test]
fn checking_stops_while_there_is_time_to_publish() {
    run(async || {
        let world = world();
        let under_way = std::iter::repeat_n(Ok(Generation::UnderWay), 100);
        world.accounts.reports.borrow_mut().get_mut(OWN).unwrap().before.extend(under_way);
        let clock = Clock::new(at(NOW), Duration::from_secs(80));
        let audit = Audit::Scheduled { asked: at(NOW), receives: 1 };
        let began = tokio::time::Instant::now();
        let outside = world.outside(&clock);
        let audited = audit_credentials(&audit, &Config::default(), &world.accounts, &outside).await.unwrap();
        assert!(audited.to_do.contains_key(OWN));
        assert!(began.elapsed() <= Duration::from_secs(50), "{:?}", began.elapsed());
    });
}

#[test]
fn an_account_that_was_not_checked_for_a_day_is_serious_even_if_aws_is_only_busy() {
    run(async || {
        let world = world();
        let busy = std::iter::repeat_n(Err(AwsErrorKind::Transient), 1000);
        world.accounts.reports.borrow_mut().get_mut(OWN).unwrap().before.extend(busy);
        for hours in [0, 4, 23, 25, 28] {
            scheduled(&world, &hours_later(hours), 3, &Config::default()).await;
        }
        assert_eq!(
            world.topic.subjects(),
            [
                "[LOW] iamwatch could not look - 111122223333",
                "[HIGH] Still: iamwatch could not look - 111122223333"
            ]
        );
    });
}

#[test]
fn an_old_or_future_report_is_refused() {
    run(async || {
        let world = world();
        let audited = scheduled(&world, &hours_later(30), 3, &Config::default()).await;
        assert!(audited.failed[OWN].answer.contains("was made at 2026-04-01 08:00 UTC"), "{audited:?}");
        let world = self::world();
        let audited = scheduled(&world, &hours_later(-30), 3, &Config::default()).await;
        assert!(audited.failed[OWN].answer.contains("was made at 2026-04-01 08:00 UTC"), "{audited:?}");
    });
}

#[test]
fn accounts_without_time_are_left_to_the_next_receive() {
    run(async || {
        for seconds in [0, 1, 4, 5, 10, 20] {
            let world = world();
            world
                .accounts
                .reports
                .borrow_mut()
                .get_mut(OWN)
                .unwrap()
                .before
                .extend(std::iter::repeat_n(Ok(Generation::UnderWay), 100));
            let clock = Clock::new(at(NOW), Duration::from_secs(seconds));
            let audit = Audit::Scheduled { asked: at(NOW), receives: 1 };
            let began = tokio::time::Instant::now();
            let audited =
                audit_credentials(&audit, &Config::default(), &world.accounts, &world.outside(&clock))
                    .await
                    .unwrap();
            assert!(audited.unfinished().is_some(), "{seconds}: {audited:?}");
            assert!(began.elapsed() <= Duration::from_secs(seconds), "{seconds}");
            assert!(world.topic.subjects().is_empty());
        }
    });
}
