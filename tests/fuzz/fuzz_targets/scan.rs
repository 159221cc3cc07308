//! Decompressed content, whole and through windows: the same records, findings and counts; and where it is valid
//! JSON, those of the plain full parse.
//!
//! The first four bytes of an input say how it is read: window, piece, largest record.

#![no_main]

use iamwatch_tests::fuzz::{judged, judged_in_pieces};
use iamwatch_tests::oracle;
use libfuzzer_sys::fuzz_target;
use shared::config::Config;

fuzz_target!(|input: &[u8]| {
    let Some(([window, piece, record, kind], content)) = input.split_first_chunk::<4>() else { return };
    let mut config = Config::default();
    if kind % 2 == 1 {
        config.max_record_bytes = 20 + 8 * usize::from(*record);
    }
    // Beyond what one byte can say, windows differ in nothing but their number.
    let window_bytes = 1 + 3 * usize::from(*window);
    let whole = judged(&config, content);
    let windowed = judged_in_pieces(&config, content, 1 + usize::from(*piece), window_bytes);
    assert_eq!(whole, windowed, "windows of {window_bytes}");
    if kind % 2 == 0
        && !content.starts_with(b"\x1f\x8b")
        && let Ok(expected) = oracle::judge(content, &config)
    {
        assert_eq!(whole.raised, expected.raised);
        assert_eq!(whole.counts.records, expected.records);
        assert_eq!(whole.counts.unreadable, expected.unreadable.len() as u64);
        assert!(whole.counts.problems.iter().all(|problem| problem.record.is_some()), "{:?}", whole.counts);
    }
});
