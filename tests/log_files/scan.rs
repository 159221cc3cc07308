//! The scan against the plain full parse: same records, same findings, at every window size.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use iamwatch_tests::{hostile, oracle};
use shared::config::Config;
use shared::finding::RecordPlace;
use shared::finding::query::Query;
use shared::formats::cloudtrail::Record;
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::prefilter::Prefilter;
use shared::formats::cloudtrail::scan::ScanCounts;
use shared::glob::Glob;
use shared::rules::detections;
use shared::rules::registry;

/// How many files: more in the long form (`make test-long`).
fn files(usually: u64) -> u64 {
    match std::env::var("IAMWATCH_SCAN_FILES") {
        Ok(files) => files.parse().expect("IAMWATCH_SCAN_FILES is a whole number"),
        Err(_) => usually,
    }
}

type Raised = Vec<(u64, &'static str, Option<String>)>;

/// Judges a file through windows of that size, delivered in pieces of that size; 0 reads it as a whole.
fn scan(config: &Config, file: &[u8], window_bytes: usize, piece_bytes: usize) -> (ScanCounts, Raised) {
    let mut reader = LogFileReader::new(registry::prefilter(), config);
    let mut raised = Vec::new();
    let mut judge = |index: u64, json: &[u8]| {
        let place = RecordPlace { log_file: "s3://logs/hostile.json", record: index, delivered: None };
        if let Some(finding) = detections::judge(json, config, place)? {
            raised.push((index, finding.rule.id, finding.evidence.event_id));
        }
        Ok(())
    };
    let counts = if window_bytes == 0 {
        reader.read(file, &mut judge)
    } else {
        let mut open = reader.open_with_windows_of(window_bytes);
        for piece in file.chunks(piece_bytes) {
            open.push(piece, &mut judge);
        }
        open.finish(&mut judge)
    };
    (counts, raised)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut file = vec![0; compressor.gzip_compress_bound(content.len())];
    let length = compressor.gzip_compress(content, &mut file).unwrap();
    file.truncate(length);
    file
}

#[test]
fn the_scan_judges_hostile_files_as_a_full_parse_does_at_every_window_size() {
    let config = Config::default();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut raised_in_all = 0;
    let mut unreadable_in_all = 0;
    for seed in 0..files(4_000) {
        let file = hostile::log_file(seed);
        let expected = oracle::judge(&file, &config).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        raised_in_all += expected.raised.len();
        unreadable_in_all += expected.unreadable.len();
        let windows = [0, rng.usize(1..130), rng.usize(130..2000), 1 << 18];
        for window in windows {
            let (counts, raised) = scan(&config, &file, window, rng.usize(1..file.len().max(2)));
            let text = || format!("{:?}", String::from_utf8_lossy(&file));
            assert_eq!(raised, expected.raised, "seed {seed}, window {window}: {}", text());
            assert_eq!(counts.records, expected.records, "seed {seed}, window {window}: {}", text());
            assert_eq!(
                counts.unreadable,
                expected.unreadable.len() as u64,
                "seed {seed}, window {window}: {counts:?} {}",
                text()
            );
            let of_the_file = counts.problems.iter().find(|problem| problem.record.is_none());
            assert_eq!(of_the_file, None, "seed {seed}, window {window}: {}", text());
        }
        let (compressed, raised) = scan(&config, &gzip(&file), 0, 1);
        assert_eq!((compressed.records, raised), (expected.records, expected.raised), "seed {seed}, gzip");
    }
    assert!(
        raised_in_all > 100 && unreadable_in_all > 10,
        "the files hold too little: {raised_in_all}, {unreadable_in_all}"
    );
}

#[test]
fn broken_files_come_to_the_same_at_every_window_size_and_never_hide_a_sound_record() {
    let mut rng = fastrand::Rng::with_seed(2);
    let mut reported = 0;
    for seed in 0..files(4_000) {
        let file = hostile::broken_log_file(seed);
        // Every other time nearly every record, or the text between two, is over the limit.
        let mut config = Config::default();
        if seed % 2 == 1 {
            config.max_record_bytes = rng.usize(20..1500);
        }
        let (counts, raised) = scan(&config, &file, 0, 1);
        let text = || format!("{} {:?}", config.max_record_bytes, String::from_utf8_lossy(&file));
        for window in [rng.usize(1..130), rng.usize(130..2000), 1 << 18] {
            let again = scan(&config, &file, window, rng.usize(1..file.len().max(2)));
            assert_eq!(again, (counts.clone(), raised.clone()), "seed {seed}, window {window}: {}", text());
        }
        reported += u64::from(!counts.problems.is_empty());
        match oracle::judge(&file, &config) {
            // Still valid JSON: then nothing but the findings may have changed.
            Ok(expected) if seed % 2 == 0 => {
                assert_eq!(raised, expected.raised, "seed {seed}: {}", text());
                assert_eq!(counts.records, expected.records, "seed {seed}: {}", text());
            }
            _ => assert!(counts.unreadable <= counts.records, "seed {seed}"),
        }
    }
    assert!(reported > 100, "only {reported} of the broken files were reported");
}

/// Queries of every kind, each with its prefilter.
fn queries() -> Vec<(Query, &'static Prefilter)> {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Glob::of(text)).collect();
    let asked = [
        (&[][..], &[][..]),
        (&["ConsoleLogin"], &[]),
        (&["DescribeInstances", "GetObject", ""], &[]),
        (&["Desc*", "*Object"], &[]),
        (&["DescribeInst*"], &[]),
        (&["*"], &[]),
        (&[], &["iam.amazonaws.com"]),
        (&[], &["ec2.amazonaws.com", "SIGNIN*"]),
        (&[], &["*n.amazonaws.com"]),
        (&["CreateAccessKey"], &["iam.amazonaws.com"]),
        (&["C*"], &["signin.amazonaws.com"]),
        (&["Nobody/ever \"asked\""], &[]),
        (&[], &["日本語", "nobody.amazonaws.com"]),
    ];
    let queries = asked.map(|(names, sources)| Query {
        event_names: patterns(names),
        event_sources: patterns(sources),
        ..Query::default()
    });
    let with_needles = |query: Query| {
        // As long as the process: a process has few queries.
        let prefilter: &'static Prefilter = Box::leak(Box::new(query.prefilter()));
        (query, prefilter)
    };
    queries.map(with_needles).into()
}

#[test]
fn a_query_finds_what_a_full_parse_finds_at_every_window_size() {
    let config = Config::default();
    let queries = queries();
    let mut rng = fastrand::Rng::with_seed(3);
    let mut found_in_all = vec![0; queries.len()];
    let mut skipped_in_all = vec![0; queries.len()];
    for seed in 0..files(4_000) {
        let file = hostile::log_file(seed);
        let records = oracle::records(&file).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let unreadable = records.iter().filter(|json| Record::parse(json).is_err()).count() as u64;
        for (number, (query, prefilter)) in queries.iter().enumerate() {
            let is_meant = |json: &[u8]| Record::parse(json).map(|record| query.is_about(&record, ""));
            let meant = |(_, json): &(u64, &Vec<u8>)| is_meant(json) == Ok(true);
            let expected: Vec<u64> = (0..).zip(&records).filter(meant).map(|(index, _)| index).collect();
            for window in [0, rng.usize(1..130), rng.usize(130..2000)] {
                let mut reader = LogFileReader::new(prefilter, &config);
                let mut found = Vec::new();
                let mut judge = |index: u64, json: &[u8]| {
                    is_meant(json).map(|meant| found.extend(meant.then_some(index)))
                };
                let counts = if window == 0 {
                    reader.read(&file, &mut judge)
                } else {
                    let mut open = reader.open_with_windows_of(window);
                    file.chunks(rng.usize(1..file.len().max(2)))
                        .for_each(|piece| open.push(piece, &mut judge));
                    open.finish(&mut judge)
                };
                let text = || format!("{query:?} {:?}", String::from_utf8_lossy(&file));
                assert_eq!(found, expected, "seed {seed}, window {window}: {}", text());
                assert_eq!(counts.records, records.len() as u64, "seed {seed}, window {window}: {}", text());
                assert_eq!(counts.unreadable, unreadable, "seed {seed}, window {window}: {}", text());
                skipped_in_all[number] += counts.skipped;
            }
            found_in_all[number] += expected.len();
        }
    }
    for ((query, _), (found, skipped)) in queries.iter().zip(found_in_all.iter().zip(&skipped_in_all)) {
        let nobody = query.event_names.iter().chain(&query.event_sources);
        let nobody = nobody.map(|asked| asked.written()).any(|asked| asked.to_lowercase().contains("nobody"));
        assert!(nobody || *found > 50, "the files hold too little of {query:?}: {found}");
        let everything = query.event_sources.is_empty()
            && (query.event_names.is_empty() || query.event_names.iter().any(|asked| asked.matches("")));
        assert!(everything || *skipped > 100, "every record is parsed for {query:?}: {skipped}");
    }
}
