//! Finding CloudTrail's folders in a bucket that may hold anything.

use std::cell::Cell;

use iamwatch_tests::memory::{Pieces, World};
use shared::config::Config;
use shared::ports::{AwsError, AwsErrorKind, Listing, ListingPage, LogStore, OpenObject};
use shared::use_cases::{Unplanned, plan};

use super::{ACCOUNT, OTHER, clock, days, folder, key, planned, put, put_empty, run, stretches};

const DAY: &str = "2026/04/01";

#[test]
fn log_files_are_found_wherever_a_trail_puts_them() {
    run(async || {
        for prefix in ["", "trail/", "a trail/of/mine/", "AWSLogs/", "CloudTrail/", "/", "é%20+/"] {
            let world = World::default();
            let organization = folder("o-exampleorg1/444400000000", "eu-central-1", DAY);
            let plain = format!("{prefix}{}", key(ACCOUNT, "us-east-1", DAY, "a"));
            let of_member = format!(
                "{prefix}{organization}444400000000_CloudTrail_eu-central-1_20260401T0820Z_a.json.gz"
            );
            put_empty(&world, &[&plain, &of_member]);
            let plan = planned(&world, "", &days("2026-04-01", "2026-04-01")).await.unwrap();
            let plain = format!("{prefix}{}", folder(ACCOUNT, "us-east-1", DAY));
            let of_member = format!("{prefix}{organization}");
            assert_eq!(stretches(&plan), [(&*plain, 1), (&*of_member, 1)], "{prefix}");
            assert_eq!((plan.objects(), plan.bucket.as_str()), (2, "logs"));
        }
    });
}

#[test]
fn two_trails_into_one_bucket_are_both_found() {
    run(async || {
        let world = World::default();
        let one = key(ACCOUNT, "us-east-1", DAY, "a");
        let other = format!("second/{one}");
        put_empty(&world, &[one, other]);
        let plan = planned(&world, "", &days("2026-04-01", "2026-04-01")).await.unwrap();
        assert_eq!(plan.objects(), 2);
        let plan = planned(&world, "second", &days("2026-04-01", "2026-04-01")).await.unwrap();
        assert_eq!(stretches(&plan), [(&*format!("second/{}", folder(ACCOUNT, "us-east-1", DAY)), 1)]);
    });
}

#[test]
fn a_day_of_margin_on_each_side_belongs_to_the_range_and_no_other_day() {
    run(async || {
        let world = World::default();
        for day in
            ["2025/12/30", "2025/12/31", "2026/01/01", "2026/02/28", "2026/03/01", "2026/03/02", "2026/03/03"]
        {
            put_empty(&world, &[key(ACCOUNT, "us-east-1", day, "a"), key(ACCOUNT, "us-east-1", day, "b")]);
        }
        let plan = planned(&world, "", &days("2026-01-01", "2026-03-01")).await.unwrap();
        let region = format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/");
        let found = stretches(&plan);
        let found: Vec<_> = found
            .iter()
            .map(|(prefix, objects)| (prefix.strip_prefix(&*region).unwrap(), *objects))
            .collect();
        assert_eq!(found, [("2025/12/31/", 2), ("2026/01/01/", 2), ("2026/02/28/", 2), ("2026/03/", 4)]);
        assert_eq!(plan.items[0].ranges[3].days, Some((1, 2)));
        assert_eq!(plan.estimate(None).days, 5);
    });
}

#[test]
fn a_folder_that_only_looks_like_one_of_cloudtrail_is_not_followed() {
    run(async || {
        let world = World::default();
        let good = key(ACCOUNT, "us-east-1", DAY, "a");
        put_empty(&world, &[&good]);
        let odd = [
            good.replace(ACCOUNT, "11112222333"),
            good.replace(ACCOUNT, "1111222233334"),
            good.replace(ACCOUNT, "11112222333x"),
            good.replace(ACCOUNT, ".."),
            good.replace("/us-east-1/", "/us-east-1x/"),
            good.replace("/us-east-1/", "/../"),
            good.replace("/us-east-1/", "/US-EAST-1/"),
            good.replace("/2026/", "/02026/"),
            good.replace("/2026/", "/2026x/"),
            good.replace("/04/", "/4/"),
            good.replace("/04/", "/13/"),
            good.replace("/04/01/", "/04/1/"),
            good.replace("/04/01/", "/04/01x/"),
            good.replace("/04/01/", "/04/00/"),
            good.replace("/04/01/", "/04//"),
            good.replace("/CloudTrail/", "/CloudTrail-Digest/"),
            good.replace("/CloudTrail/", "/CloudTrail-Insight/"),
            good.replace("/CloudTrail/", "/CloudTrailX/"),
            good.replace("/CloudTrail/", "/Config/"),
            good.replace("AWSLogs/", "AWSLogs/o-exampleorg1/o-exampleorg2/"),
            good.replace("AWSLogs/", "AWSLogs/aws-account-id="),
            good.replace("AWSLogs/", "awslogs/"),
            format!("{}{ACCOUNT}_note.txt", folder(ACCOUNT, "us-east-1", DAY)),
            folder(ACCOUNT, "us-east-1", DAY),
            folder(ACCOUNT, "us-east-1", "2026/04"),
        ];
        put_empty(&world, &odd);
        let plan = planned(&world, "", &days("2026-03-01", "2026-04-05")).await.unwrap();
        assert_eq!(stretches(&plan), [(&*folder(ACCOUNT, "us-east-1", DAY), 1)]);
    });
}

#[test]
fn a_prefix_may_end_anywhere_in_the_layout() {
    run(async || {
        let world = World::default();
        for account in [ACCOUNT, OTHER] {
            for region in ["us-east-1", "us-west-2"] {
                let of = |day| key(account, region, day, "a");
                put_empty(&world, &["2025/12/31", DAY, "2026/04/02", "2026/05/01"].map(of));
            }
        }
        for (prefix, objects) in [
            ("", 12),
            ("AWSLogs", 12),
            ("AWSLogs/", 12),
            ("AWSLogs/111122223333", 6),
            ("AWSLogs/111122223333/CloudTrail/", 6),
            ("AWSLogs/111122223333/CloudTrail/us-west-2/", 3),
            ("AWSLogs/111122223333/CloudTrail/us-west-2/2026/", 3),
            ("AWSLogs/111122223333/CloudTrail/us-west-2/2026/04", 2),
            ("AWSLogs/111122223333/CloudTrail/us-west-2/2026/04/02/", 1),
            ("AWSLogs/111122223333/CloudTrail/us-west-2/2025/", 0),
        ] {
            let plan = planned(&world, prefix, &days("2026-04-01", "2026-04-30")).await;
            assert_eq!(plan.unwrap().objects(), objects, "{prefix}");
        }
    });
}

#[test]
fn only_the_requested_accounts_and_regions_are_listed() {
    run(async || {
        let world = World::default();
        for account in [ACCOUNT, OTHER] {
            put_empty(&world, &["us-east-1", "us-west-2"].map(|region| key(account, region, DAY, "a")));
        }
        put(&world, &format!("AWSLogs/{ACCOUNT}/Config/us-north-9/2026/4/1/x.json.gz"), Vec::new());
        let asked = |accounts: &[&str], regions: &[&str]| {
            let mut wanted = days("2026-04-01", "2026-04-01");
            wanted.accounts = accounts.iter().map(|account| (*account).to_owned()).collect();
            wanted.regions = regions.iter().map(|region| (*region).to_owned()).collect();
            wanted
        };
        for (accounts, regions, objects) in [
            (&[] as &[&str], &[] as &[&str], 4),
            (&[OTHER], &[], 2),
            (&[ACCOUNT, OTHER], &["us-east-1"], 2),
            (&[ACCOUNT], &["us-west-2"], 1),
        ] {
            let plan = planned(&world, "", &asked(accounts, regions)).await.unwrap();
            assert_eq!(plan.objects(), objects, "{accounts:?} {regions:?}");
        }
        for (accounts, regions, said) in [
            (
                &["555500000000"] as &[&str],
                &[] as &[&str],
                "an account of the request is \"555500000000\"; it must be one whose log files are in s3://logs/: 111122223333, 444400000000",
            ),
            (
                &[ACCOUNT],
                &["us-north-9"],
                "a Region of the request is \"us-north-9\"; it must be one of which log files are in s3://logs/: us-east-1, us-west-2",
            ),
        ] {
            let unplanned = planned(&world, "", &asked(accounts, regions)).await.unwrap_err();
            assert_eq!(unplanned.to_string(), said);
            assert!(matches!(unplanned, Unplanned::Unfit(_)));
        }
    });
}

#[test]
fn a_missing_folder_is_an_error_and_days_without_log_files_are_not() {
    run(async || {
        let world = World::default();
        let nothing = "where the log files are is \"s3://logs/\"; it must be a bucket, or a folder of one, that has CloudTrail's folders in it";
        let wanted = days("2026-04-01", "2026-04-01");
        let message = planned(&world, "", &wanted).await.unwrap_err().to_string();
        assert!(message.starts_with(nothing), "{message}");
        put(&world, "notes.txt", Vec::new());
        put(&world, &format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/us-east-1/{DAY}/x.json.gz"), Vec::new());
        let message = planned(&world, "", &wanted).await.unwrap_err().to_string();
        assert!(message.starts_with(nothing), "{message}");
        put_empty(&world, &[key(ACCOUNT, "us-east-1", "2026/01/01", "a")]);
        let plan = planned(&world, "", &wanted).await.unwrap();
        assert_eq!((plan.objects(), plan.items.len()), (0, 0));
        let message = planned(&world, "elsewhere", &wanted).await.unwrap_err().to_string();
        assert!(message.contains("s3://logs/elsewhere/"), "{message}");
    });
}

#[test]
fn a_failed_listing_is_retried_and_reported_if_it_keeps_failing() {
    run(async || {
        let world = World::default();
        put_empty(&world, &[key(ACCOUNT, "us-east-1", DAY, "a")]);
        let wanted = days("2026-04-01", "2026-04-01");
        for failures in 1..=4 {
            world.logs.listing_fails.set(failures);
            let plan = planned(&world, "", &wanted).await.unwrap();
            assert_eq!(plan.objects(), 1, "{failures} failures");
        }
        world.logs.listing_fails.set(5);
        match planned(&world, "", &wanted).await.unwrap_err() {
            Unplanned::AwsError(trouble) => assert_eq!(trouble.kind, AwsErrorKind::Transient),
            other => panic!("{other:?}"),
        }
        world.logs.listing_fails.set(0);
        world.logs.refuses_to_list.set(Some("/2026/"));
        let message = planned(&world, "", &wanted).await.unwrap_err().to_string();
        assert!(message.contains("us-east-1/2026/") && message.contains("AccessDenied"), "{message}");
    });
}

#[test]
fn the_same_bucket_has_the_same_plan() {
    run(async || {
        let world = World::default();
        for day in 1..=9 {
            for account in [ACCOUNT, OTHER] {
                let day = format!("2026/04/{day:02}");
                put_empty(
                    &world,
                    &["us-east-1", "eu-central-1"].map(|region| key(account, region, &day, "a")),
                );
            }
        }
        let wanted = days("2026-04-02", "2026-04-08");
        let first = planned(&world, "", &wanted).await.unwrap();
        world.logs.listing_fails.set(3);
        assert_eq!(planned(&world, "", &wanted).await.unwrap(), first);
        let stretches = stretches(&first);
        assert!(stretches.is_sorted() && stretches.iter().all(|(_, objects)| *objects == 9), "{stretches:?}");
        assert_eq!(stretches.len(), 4);
    });
}

/// A bucket that never ends.
struct Endless {
    /// The content of every folder.
    folders: &'static [&'static str],
    pages: Cell<usize>,
}

impl LogStore for Endless {
    type Body = Pieces;

    async fn open(&self, _: &str, _: &str, _: Option<&str>) -> Result<OpenObject<Pieces>, AwsError> {
        panic!("nothing is read while it is planned")
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<ListingPage, AwsError> {
        self.pages.set(self.pages.get() + 1);
        let folders = self.folders.iter().map(|name| format!("{}{name}/", listing.prefix)).collect();
        let next = Some(format!("page {}", self.pages.get()));
        Ok(ListingPage { objects: Vec::new(), folders, next })
    }
}

#[test]
fn listing_a_large_bucket_without_log_files_is_given_up_with_a_hint_about_the_prefix() {
    run(async || {
        for folders in [&["deeper"] as &[&str], &["one", "other"], &["AWSLogs", "x"], &[]] {
            let logs = Endless { folders, pages: Cell::new(0) };
            let wanted = days("2026-04-01", "2026-04-01");
            let unplanned = plan("logs", "", &wanted, &Config::default(), &logs, &clock()).await.unwrap_err();
            assert!(logs.pages.get() < 5_000, "{folders:?}: {} pages", logs.pages.get());
            let said = "where the log files are is \"s3://logs/\"; it must be the prefix that stands before AWSLogs/";
            assert!(unplanned.to_string().starts_with(said), "{folders:?}: {unplanned}");
        }
    });
}
