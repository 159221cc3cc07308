//! Any bytes as an export: no panic, and every record is shown or counted as unreadable.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::formats::cloudtrail::{Record, export};

fuzz_target!(|input: &[u8]| {
    let mut shown = 0;
    let mut refused = 0;
    let counts = export::read(input, &mut |index, json| {
        assert!(index >= shown);
        shown += 1;
        Record::parse(json).map(drop).inspect_err(|_| refused += 1)
    });
    assert!(shown <= counts.records);
    assert_eq!(counts.records - counts.unreadable, shown - refused);
    assert!(counts.records > 0 || !counts.problems.is_empty());
    assert!(counts.unreadable == 0 || !counts.problems.is_empty());
});
