//! Reading what was planned: every log file once, and no other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use iamwatch_tests::memory::{Attempt, Clock, World};
use proptest::prelude::*;
use shared::config::Config;
use shared::ports::{AwsError, AwsErrorKind};
use shared::state::backfill::{KeyRange, PlanItem};
use shared::use_cases::{ReadLogFile, RecordConsumer, scan};

use super::{ACCOUNT, OTHER, at, days, folder, key, log_file, planned, put, put_empty, run, sign_in};

const DAY: &str = "2026/04/01";

/// Counts records.
struct Records;

impl RecordConsumer for Records {
    type Output = u64;

    fn begin(&self, _: &str) -> u64 {
        0
    }

    fn record(&self, made: &mut u64, _: u64, _: &[u8]) -> Result<(), String> {
        *made += 1;
        Ok(())
    }
}

/// The result of a scan, and of each log file, by its URI.
type Read = (Result<u64, AwsError>, BTreeMap<String, Result<u64, AwsError>>);

async fn read_with(world: &World, stretches: &[KeyRange], config: &Config) -> Read {
    let clock = Clock::new(at("2026-04-10T08:00:00Z"), Duration::from_secs(60));
    let mut read = BTreeMap::new();
    let mut done = |ReadLogFile { uri, result: made, .. }: ReadLogFile<u64>| {
        let before = read.insert(uri.clone(), made.map(|(records, _)| records));
        assert_eq!(before, None, "{uri} is read once");
    };
    let ends_with = Duration::from_secs(10);
    let scanned = scan("logs", stretches, &Records, config, &world.logs, &clock, ends_with, &mut done).await;
    (scanned, read)
}

async fn read(world: &World, stretches: &[KeyRange]) -> Read {
    read_with(world, stretches, &Config::default()).await
}

fn stretch(prefix: &str) -> KeyRange {
    KeyRange { prefix: prefix.to_owned(), ..KeyRange::default() }
}

#[test]
fn every_log_file_of_a_key_range_is_read_once_over_all_pages() {
    run(async || {
        let world = World::default();
        for name in 0..50 {
            put(
                &world,
                &key(ACCOUNT, "us-east-1", DAY, &format!("{name:02}")),
                log_file(&[sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")]),
            );
        }
        let folder = folder(ACCOUNT, "us-east-1", DAY);
        put(&world, &format!("{folder}note.txt"), Vec::new());
        put(&world, &folder, Vec::new());
        let (scanned, read) = read(&world, &[stretch(&folder)]).await;
        assert_eq!(scanned, Ok(2));
        assert_eq!(read.len(), 50);
        assert!(read.values().all(|records| *records == Ok(1)));
        assert_eq!(world.logs.opened.borrow().len(), 50);
    });
}

#[test]
fn a_key_range_begins_after_one_key_and_ends_with_another() {
    run(async || {
        let world = World::default();
        let of = |name: &str| key(ACCOUNT, "us-east-1", DAY, name);
        put_empty(&world, &["a", "b", "c", "d", "e", "f", "g"].map(of));
        let folder = folder(ACCOUNT, "us-east-1", DAY);
        for (after, until, expected) in [
            (None, Some("c"), "abc"),
            (Some("c"), Some("d"), "d"),
            (Some("d"), None, "efg"),
            (Some("bb"), Some("dd"), "cd"),
            (Some("g"), None, ""),
            (None, Some("0"), ""),
        ] {
            let bounded = KeyRange { after: after.map(of), until: until.map(of), ..stretch(&folder) };
            let (scanned, read) = read(&world, &[bounded]).await;
            assert_eq!(scanned, Ok(0));
            let names = ["a", "b", "c", "d", "e", "f", "g"];
            let names: String = names
                .into_iter()
                .filter(|name| read.contains_key(&format!("s3://logs/{}", of(name))))
                .collect();
            assert_eq!((names.as_str(), read.len()), (expected, expected.len()), "{after:?} to {until:?}");
        }
    });
}

#[test]
fn a_key_range_of_days_has_exactly_the_log_files_of_these_days() {
    run(async || {
        let world = World::default();
        let month = format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/04/");
        let within = ["02/a.json.gz", "02/~.json.gz", "03/a.json.gz", "04/a.json.gz"];
        let others = [
            "01/a.json.gz",
            "02",
            "02.json.gz",
            "02x/a.json.gz",
            "03x.json.gz",
            "040/a.json.gz",
            "05/a.json.gz",
        ];
        for name in within.iter().chain(&others) {
            put(&world, &format!("{month}{name}"), log_file(&[]));
        }
        let (scanned, read) = read(&world, &[KeyRange { days: Some((2, 4)), ..stretch(&month) }]).await;
        assert_eq!(scanned, Ok(0));
        let mut names: Vec<&str> = read.keys().map(|uri| uri.split_once("/2026/04/").unwrap().1).collect();
        names.sort_unstable();
        assert_eq!(names, within);
    });
}

#[test]
fn a_log_file_that_cannot_be_read_costs_no_other() {
    run(async || {
        let world = World::default();
        let of = |name: &str| key(ACCOUNT, "us-east-1", DAY, name);
        let uri = |name: &str| format!("s3://logs/{}", of(name));
        let good = log_file(&[sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")]);
        put(&world, &of("good"), good.clone());
        put(&world, &of("nonsense"), b"nonsense".to_vec());
        world.logs.put(&uri("refused"), [Attempt::Fails(AwsErrorKind::Denied, "AccessDenied")]);
        world.logs.put(&uri("gone"), [Attempt::Fails(AwsErrorKind::NotFound, "NoSuchKey")]);
        world.logs.put(&uri("cut"), [Attempt::CutTo(good[..9].to_vec(), good.len() as u64)]);
        let whole = Attempt::Whole(good.clone(), 3);
        world.logs.put(&uri("cut once"), [Attempt::CutTo(Vec::new(), good.len() as u64), whole]);
        let (scanned, read) = read(&world, &[stretch(&folder(ACCOUNT, "us-east-1", DAY))]).await;
        assert_eq!(scanned, Ok(0));
        let kind = |name: &str| read[&uri(name)].as_ref().map_err(|trouble| trouble.kind).copied();
        assert_eq!(kind("good"), Ok(1));
        assert_eq!(kind("nonsense"), Ok(0), "it was read, and is counted as unreadable");
        assert_eq!(kind("refused"), Err(AwsErrorKind::Denied));
        assert_eq!(kind("gone"), Err(AwsErrorKind::NotFound));
        assert_eq!(kind("cut"), Err(AwsErrorKind::Transient));
        assert_eq!(kind("cut once"), Ok(1));
    });
}

#[test]
fn a_listing_that_goes_on_failing_is_an_error_that_names_it() {
    run(async || {
        let world = World::default();
        let regions = ["eu-central-1", "us-east-1"];
        put_empty(&world, &regions.map(|region| key(ACCOUNT, region, DAY, "a")));
        let stretches = regions.map(|region| stretch(&folder(ACCOUNT, region, DAY)));
        world.logs.listing_fails.set(4);
        assert_eq!(read(&world, &stretches).await.0, Ok(0));
        world.logs.refuses_to_list.set(Some("us-east-1"));
        let trouble = read(&world, &stretches).await.0.unwrap_err();
        assert!(trouble.kind == AwsErrorKind::Denied && trouble.call.contains("us-east-1"), "{trouble}");
    });
}

#[test]
fn a_scan_ends_in_time_even_if_calls_hang() {
    run(async || {
        let world = World::default();
        put_empty(&world, &[key(ACCOUNT, "us-east-1", DAY, "a")]);
        let silent = format!("s3://logs/{}", key(ACCOUNT, "us-east-1", DAY, "b"));
        world.logs.put(&silent, [Attempt::SilentAfter(Vec::new(), 10)]);
        let began = tokio::time::Instant::now();
        let (scanned, read) = read(&world, &[stretch(&folder(ACCOUNT, "us-east-1", DAY))]).await;
        assert_eq!(scanned.unwrap_err().kind, AwsErrorKind::DeadlineExceeded);
        assert_eq!((began.elapsed(), read.len()), (Duration::from_secs(50), 1));
    });
}

#[test]
fn concurrent_reads_use_the_whole_byte_budget() {
    run(async || {
        let world = World::default();
        let large = log_file(&vec![sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z"); 10]);
        let padded = |name: usize| [large.clone(), vec![b' '; 200_000 + name]].concat();
        for name in 0..100 {
            put(&world, &key(ACCOUNT, "us-east-1", DAY, &format!("{name:03}")), padded(name));
        }
        let config = Config { max_in_flight_bytes: 2 << 20, ..Config::default() };
        let (scanned, read) =
            read_with(&world, &[stretch(&folder(ACCOUNT, "us-east-1", DAY))], &config).await;
        assert_eq!((scanned, read.len()), (Ok(0), 100));
        let most = world.logs.open_bytes.most.get();
        assert!((1 << 20..2 << 20).contains(&most), "{most} bytes at once");
    });
}

/// A reader that asks for no records.
struct Nothing(Cell<u64>);

impl RecordConsumer for Nothing {
    type Output = ();

    fn begin(&self, _: &str) {
        self.0.set(self.0.get() + 1);
    }

    fn record(&self, _: &mut (), _: u64, _: &[u8]) -> Result<(), String> {
        Err("is none that anybody can read".to_owned())
    }
}

#[test]
fn an_unreadable_log_file_is_read_twice_and_counted() {
    run(async || {
        let world = World::default();
        put(
            &world,
            &key(ACCOUNT, "us-east-1", DAY, "a"),
            log_file(&[sign_in(ACCOUNT, "alice", "2026-04-01T08:15:00Z")]),
        );
        let (reader, clock) = (Nothing(Cell::new(0)), super::clock());
        let mut unreadable = 0;
        let stretches = [stretch(&folder(ACCOUNT, "us-east-1", DAY))];
        let mut done = |scanned: ReadLogFile<()>| unreadable += scanned.result.unwrap().1.unreadable;
        let (config, ends_with) = (Config::default(), Duration::from_secs(1));
        scan("logs", &stretches, &reader, &config, &world.logs, &clock, ends_with, &mut done).await.unwrap();
        assert_eq!((unreadable, reader.0.get()), (1, 2));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn plan_and_scan_read_exactly_the_log_files_of_the_range(
        prefix in prop::sample::select(vec!["", "p/", "p/q r/", "AWSLogs/", "é/"]),
        objects in prop::collection::btree_set(
            (
                prop::sample::select(vec![ACCOUNT, OTHER, "o-exampleorg1/555500000000", "66660000000"]),
                prop::sample::select(vec!["us-east-1", "eu-central-1", "nowhere"]),
                0u64..12,
                0u8..7,
                prop::sample::select(vec!["CloudTrail", "CloudTrail", "CloudTrail", "CloudTrail-Digest", "Config"]),
                prop::sample::select(vec!["json.gz", "json.gz", "json", "txt"]),
            ),
            1..60,
        ),
        from in 2u64..9,
        length in 1u64..4,
        cut in 1usize..5,
    ) {
        run(async || {
            let world = World::default();
            let first = "2026-03-26".parse::<chrono::NaiveDate>().unwrap();
            let day = |number: u64| first + chrono::Days::new(number);
            let mut expected = Vec::new();
            put_empty(&world, &[format!("{prefix}{}", key(ACCOUNT, "us-east-1", "2020/01/01", "a"))]);
            for (account, region, number, name, service, end) in &objects {
                let folder = format!("{prefix}AWSLogs/{account}/{service}/{region}/{}/", day(*number).format("%Y/%m/%d"));
                let uri = format!("s3://logs/{folder}{name}.{end}");
                world.logs.put(&uri, [Attempt::Whole(log_file(&[]), 100)]);
                let is_meant = account.len() != 11 && *region != "nowhere" && *service == "CloudTrail" && *end != "txt";
                if is_meant && (from - 1..=from + length).contains(number) {
                    expected.push(uri);
                }
            }
            expected.sort();
            let wanted = days(&day(from).to_string(), &day(from + length - 1).to_string());
            let plan = planned(&world, "", &wanted).await.unwrap();
            assert_eq!(plan.objects(), expected.len() as u64);
            let mut all = Vec::new();
            for PlanItem { ranges: stretches } in &plan.items {
                // However they are divided.
                for stretches in stretches.chunks(cut) {
                    all.extend(read(&world, stretches).await.1.into_keys());
                }
            }
            all.sort();
            assert_eq!(all, expected);
        });
    }
}
