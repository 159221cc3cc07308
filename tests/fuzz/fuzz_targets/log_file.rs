//! A file as it is stored, compressed or not, whole and in pieces, within limits: the same, and never more than
//! the limits allow.
//!
//! The first four bytes of an input say how it is read: piece, limit, compression, and the damage to the compressed bytes.

#![no_main]

use iamwatch_tests::fuzz::{gzip, judged, judged_in_pieces};
use libfuzzer_sys::fuzz_target;
use shared::config::Config;
use shared::rules::health::unreadable_log_file;

fuzz_target!(|input: &[u8]| {
    let Some(([piece, limit, packing, damage], rest)) = input.split_first_chunk::<4>() else { return };
    let mut config = Config::default();
    match limit % 4 {
        1 => config.max_decompressed_bytes = 1 + 16 * u64::from(*limit),
        2 => config.max_compressed_bytes = 1 + 4 * u64::from(*limit),
        _ => {}
    }
    let mut file = match packing % 4 {
        0 => rest.to_vec(),
        1 => gzip(rest),
        2 => [gzip(rest), rest.to_vec()].concat(),
        _ => {
            let (one, two) = rest.split_at(rest.len() / 2);
            [gzip(one), gzip(two)].concat()
        }
    };
    let at = usize::from(*damage) * file.len() / 256;
    match packing / 4 % 4 {
        1 => file.truncate(at),
        2 if at < file.len() => file[at] ^= 1 << (packing / 16 % 8),
        3 => file.insert(at, *damage),
        _ => {}
    }
    let whole = judged(&config, &file);
    let window_bytes = 1 + 5 * usize::from(*piece);
    let in_pieces = judged_in_pieces(&config, &file, 1 + usize::from(*piece), window_bytes);
    assert_eq!(whole, in_pieces, "pieces of {}", 1 + usize::from(*piece));
    let counts = &whole.counts;
    assert!(counts.unreadable <= counts.records);
    assert!(counts.unreadable == 0 || !counts.problems.is_empty());
    assert!(counts.has_records || !counts.problems.is_empty());
    assert_eq!(unreadable_log_file("s3://logs/x", counts).is_some(), !counts.problems.is_empty());
});
