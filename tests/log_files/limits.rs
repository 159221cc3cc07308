//! Sizes: at the limits, beyond them, and as large as hostile files can be made.

use super::gzip::Member;
use super::*;
use shared::rules::registry;

fn limits(max_compressed_bytes: u64, max_decompressed_bytes: u64) -> Config {
    Config { max_compressed_bytes, max_decompressed_bytes, ..Config::default() }
}

#[test]
fn a_file_of_exactly_the_limits_is_clean_and_one_byte_more_is_reported() {
    let content = good_document();
    let plain = content.len() as u64;
    let compressed = gzip(&content);
    let stored = compressed.len() as u64;
    for (name, file, max_stored, max_plain, reason) in [
        ("plain, at both", &content, plain, plain, None),
        ("gzip, at both", &compressed, stored, plain, None),
        ("plain, one above as stored", &content, plain - 1, u64::MAX, Some("MAX_COMPRESSED_BYTES")),
        ("gzip, one above as stored", &compressed, stored - 1, u64::MAX, Some("MAX_COMPRESSED_BYTES")),
        ("plain, one above decompressed", &content, u64::MAX, plain - 1, Some("MAX_DECOMPRESSED_BYTES")),
        ("gzip, one above decompressed", &compressed, u64::MAX, plain - 1, Some("MAX_DECOMPRESSED_BYTES")),
        ("plain, no limits", &content, u64::MAX, u64::MAX, None),
        ("gzip, no limits", &compressed, u64::MAX, u64::MAX, None),
        ("gzip, as little as can be stored", &compressed, 1, u64::MAX, Some("MAX_COMPRESSED_BYTES")),
        ("gzip, as little as can be decompressed", &compressed, u64::MAX, 1, Some("MAX_DECOMPRESSED_BYTES")),
    ] {
        let config = limits(max_stored, max_plain);
        let whole = judge_with(&config, file);
        match reason {
            None => whole.assert_clean(name),
            Some(reason) => whole.assert_reported(name, reason),
        }
        let all_but_the_end = max_stored.min(max_plain) > 1;
        assert_eq!(whole.raised().len(), if all_but_the_end { 3 } else { 0 }, "{name}");
        for (piece_bytes, window_bytes) in [(1, 1), (7, 100), (1000, 1 << 18)] {
            let in_pieces = judge_in_pieces(&config, file, piece_bytes, window_bytes);
            assert_eq!(in_pieces.outcome(), whole.outcome(), "{name}, pieces of {piece_bytes}");
        }
    }
}

#[test]
fn the_records_before_a_limit_are_judged_wherever_it_is() {
    let content = document(&[sign_in("a"), sign_in("b"), sign_in("c")]);
    let record = sign_in("a").len();
    for limit in 1..content.len() {
        let whole = (limit.saturating_sub("{\"Records\":[".len()) + 1) / (record + 1);
        for (config, file) in [
            (limits(limit as u64, u64::MAX), content.clone()),
            (limits(u64::MAX, limit as u64), content.clone()),
            (limits(u64::MAX, limit as u64), gzip(&content)),
        ] {
            let judged = judge_with(&config, &file);
            judged.assert_reported(&format!("limit {limit}"), "COMPRESSED_BYTES");
            assert_eq!(judged.raised(), ["a", "b", "c"][..whole], "limit {limit}");
        }
    }
}

#[test]
fn a_gzip_bomb_ends_at_the_limit_and_is_reported() {
    let bomb = Member::of_many(&vec![0; 1 << 20], 1 << 10).bytes();
    assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
    let nested = [&b"{\"Records\":["[..], &vec![b'['; 1 << 20]].concat();
    let unread = Config { max_decompressed_bytes: 8 << 20, ..Config::default() };
    for (name, file) in [
        ("zero bytes", bomb),
        ("opening brackets", Member::of_many(&nested, 1 << 6).bytes()),
        ("quotes", Member::of_many(&vec![b'"'; 1 << 20], 1 << 6).bytes()),
        ("closing brackets", Member::of_many(&vec![b']'; 1 << 20], 1 << 6).bytes()),
        ("documents", Member::of_many(&b"{}".repeat(1 << 19), 1 << 6).bytes()),
        ("records", Member::of_many(&b"{\"Records\":[{},[],1]}".repeat(1 << 15), 1 << 6).bytes()),
    ] {
        let mut reader = LogFileReader::new(registry::prefilter(), &unread);
        let judged = judged(&unread, |judge| reader.read(&file, judge));
        judged.assert_reported(name, "MAX_DECOMPRESSED_BYTES");
        assert!(reader.buffer_bytes() < 20 << 20, "{name}: {} bytes", reader.buffer_bytes());
    }
}

#[test]
fn a_gzip_bomb_of_a_gibibyte_ends_at_the_cap() {
    for (name, byte) in [("zero bytes", 0), ("opening brackets", b'[')] {
        let judged = judge(&Member::of_many(&vec![byte; 1 << 20], 1025).bytes());
        judged.assert_reported(name, "MAX_DECOMPRESSED_BYTES");
    }
}

#[test]
fn a_record_that_is_too_large_costs_only_itself_and_little_memory() {
    let config = Config::default();
    let text = "x".repeat(10 << 20);
    for (name, huge, reason) in [
        (
            "a long text",
            sign_in("huge").replace("Mozilla", &text),
            "record 1 is larger than MAX_RECORD_BYTES",
        ),
        (
            "many members",
            sign_in("huge").replace("null", &format!("[{}1]", "{},".repeat(3 << 20))),
            "record 1 is larger than MAX_RECORD_BYTES",
        ),
        (
            "white space in it",
            sign_in("huge").replace(":null", &format!(":{}null", " ".repeat(10 << 20))),
            "record 1 is larger than MAX_RECORD_BYTES",
        ),
        (
            "broken at its beginning",
            sign_in("huge").replace("Mozilla", &text).replace(":\"1.11\"", "\"1.11\""),
            "record 1 is no JSON",
        ),
    ] {
        let content = document(&[&sign_in("before"), &huge, &sign_in("after")]);
        for (way, file) in [("plain", content.clone()), ("gzip", gzip(&content))] {
            let mut reader = LogFileReader::new(registry::prefilter(), &config);
            let whole = judged(&config, |judge| reader.read(&file, judge));
            whole.assert_reported(name, reason);
            assert_eq!(whole.raised(), ["before", "after"], "{name}, {way}");
            let mut open = LogFileReader::new(registry::prefilter(), &config);
            let windowed = judged(&config, |judge| {
                let mut open = open.open();
                file.chunks(50_000).for_each(|piece| open.push(piece, judge));
                open.finish(judge)
            });
            assert_eq!(windowed.outcome(), whole.outcome(), "{name}, {way}");
            let bound = 2 * (config.max_record_bytes + (1 << 20));
            assert!(open.buffer_bytes() <= bound, "{name}, {way}: {} bytes", open.buffer_bytes());
        }
    }
}

#[test]
fn a_record_of_exactly_the_largest_size_is_judged_at_every_window_size() {
    let config = Config { max_record_bytes: 2048, ..Config::default() };
    for (size, reported) in
        [(2047, None), (2048, None), (2049, Some("record 1 is larger than")), (5000, Some("record 1"))]
    {
        let mut record = sign_in("x");
        record = record.replacen("Mozilla", &"x".repeat(size - record.len() + "Mozilla".len()), 1);
        assert_eq!(record.len(), size);
        for broken in [false, true] {
            let record = if broken { record.replacen("\"1.11\"", "1.11\"", 1) } else { record.clone() };
            let content = document(&[&sign_in("before"), &record, &sign_in("after")]);
            let whole = judge_with(&config, &content);
            if !broken {
                assert_eq!(whole.reported.is_some(), reported.is_some(), "{size}: {:?}", whole.reported);
            }
            for window_bytes in [1, 64, 100, 1000, 2048, 3000, 4096, 1 << 18] {
                let windowed = judge_in_pieces(&config, &content, 777, window_bytes);
                assert_eq!(
                    windowed.outcome(),
                    whole.outcome(),
                    "{size}, windows of {window_bytes}, broken: {broken}"
                );
            }
            assert_eq!(whole.raised().last(), Some(&"after"), "{size}, broken: {broken}");
        }
    }
}

#[test]
fn a_file_that_is_cut_in_a_record_that_is_too_large_does_not_pass_as_clean() {
    let config = Config::default();
    for size in [(4 << 20) - 100, 4 << 20, (4 << 20) + 100, (4 << 20) + (1 << 18), 9 << 20] {
        for start in [sign_in("x").split_once("Mozilla").unwrap().0, "\"text", "   ", "7777"] {
            let mut content = document(&[sign_in("a"), sign_in("b")]);
            content.truncate(content.len() - 2);
            content.extend(b",");
            content.extend(start.as_bytes());
            let last = *content.last().unwrap();
            content.resize(content.len() + size, last);
            let whole = judge_with(&config, &gzip(&content));
            whole.assert_reported(&format!("{size} bytes of {start:?}"), "");
            assert_eq!(whole.raised(), ["a", "b"]);
            let windowed = judge_in_pieces(&config, &content, 1 << 16, 1 << 18);
            assert_eq!(windowed.outcome(), whole.outcome(), "{size} bytes of {start:?}");
        }
    }
}

#[test]
fn a_large_value_outside_of_the_records_is_reported_and_the_records_are_judged() {
    let config = Config { max_record_bytes: 4096, ..Config::default() };
    let (a, b) = (sign_in("a"), sign_in("b"));
    for filling in [" ".repeat(5000), "1,".repeat(2500)] {
        for (name, content, raised) in [
            ("before the document", format!(r#"{filling}{{"Records":[{a},{b}]}}"#), 2),
            ("before the first record", format!(r#"{{"Records":[{filling}{a},{b}]}}"#), 2),
            ("between records", format!(r#"{{"Records":[{a},{filling}{b}]}}"#), 2),
            ("behind the last record", format!(r#"{{"Records":[{a},{b}{filling}]}}"#), 2),
            ("behind Records", format!(r#"{{"Records":[{a},{b}]{filling}}}"#), 2),
            ("behind the document", format!(r#"{{"Records":[{a},{b}]}}{filling}"#), 2),
            ("in another member", format!(r#"{{"x":["{filling}"],"Records":[{a},{b}]}}"#), 2),
            ("in a text before Records", format!(r#"{{"x":"{filling}","Records":[{a},{b}]}}"#), 0),
        ] {
            let whole = judge_with(&config, content.as_bytes());
            whole.assert_reported(name, "has more than MAX_RECORD_BYTES (4096) outside of its records");
            assert_eq!(whole.raised().len(), raised, "{name}");
            for window_bytes in [1, 100, 1000, 5000, 1 << 18] {
                let windowed = judge_in_pieces(&config, content.as_bytes(), 1000, window_bytes);
                assert_eq!(windowed.outcome(), whole.outcome(), "{name}, windows of {window_bytes}");
            }
        }
    }
}

#[test]
fn a_file_of_many_faults_does_not_cost_its_size_squared() {
    const START: &str = ",{\"eventVersion\"";
    let config = Config { max_record_bytes: 1 << 16, ..Config::default() };
    for (name, content) in [
        ("records that never end", format!("{{\"Records\":[1{}", format!("{START}x").repeat(200_000))),
        (
            "records in records",
            format!("{{\"Records\":[1{}{}]}}", format!("{START}x").repeat(2_000), "}".repeat(2_000))
                .repeat(50),
        ),
        ("stray quotes", format!("{{\"Records\":[1{}", format!("{START}:\"x,\"\"}}").repeat(100_000))),
        (
            "records that close too much",
            format!("{{\"Records\":[1{}", format!("{START}]}}}}}}").repeat(100_000)),
        ),
        (
            "records that close too little",
            format!("{{\"Records\":[1{}", format!("{START}:[{{}}").repeat(100_000)),
        ),
    ] {
        let judged = judge_with(&config, content.as_bytes());
        judged.assert_reported(name, "record ");
    }
}

#[test]
fn a_file_beyond_the_largest_that_cloudtrail_delivers_is_read_whole() {
    let unwatched: String = format!("{UNWATCHED},").repeat(1000);
    let part = format!("{unwatched}{},", sign_in("x"));
    let parts = (55 << 20) / part.len() + 1;
    let content = format!("{{\"Records\":[{}{}]}}", part.repeat(parts), sign_in("last")).into_bytes();
    assert!(content.len() > 55 << 20);
    let whole = judge(&content);
    whole.assert_clean("plain");
    assert_eq!(whole.counts.records as usize, parts * 1001 + 1);
    assert_eq!(whole.raised().len(), parts + 1);
    let mut reader = LogFileReader::new(registry::prefilter(), &Config::default());
    let file = gzip(&content);
    let compressed = judged(&Config::default(), |judge| {
        let mut open = reader.open();
        file.chunks(1 << 18).for_each(|piece| open.push(piece, judge));
        open.finish(judge)
    });
    assert_eq!(compressed.outcome(), whole.outcome());
    assert!(reader.buffer_bytes() < 1 << 20, "{} bytes", reader.buffer_bytes());
}
