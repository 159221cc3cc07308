//! The promises, over files damaged at random.

use iamwatch_tests::corpus::Corpus;
use iamwatch_tests::hostile;
use shared::formats::cloudtrail::counts;
use shared::rules::registry;

use super::*;

/// Records of everyday calls, every other one a sign-in.
fn realistic_records(seed: u64) -> Vec<String> {
    let corpus = Corpus { files: 1, fewest_records: 12, most_records: 12, seed };
    let document: serde_json::Value = serde_json::from_slice(&corpus.file(0)).unwrap();
    let count = document["Records"].as_array().unwrap().len();
    let content = String::from_utf8(corpus.file(0)).unwrap();
    let inner = content.strip_prefix("{\"Records\":[").and_then(|rest| rest.strip_suffix("]}")).unwrap();
    let records: Vec<String> = inner
        .split("{\"eventVersion\"")
        .skip(1)
        .map(|record| format!("{{\"eventVersion\"{}", record.trim_end_matches(',')))
        .collect();
    assert_eq!(records.len(), count);
    (0..)
        .zip(records)
        .flat_map(|(place, record)| [record, sign_in(format_args!("{place}-EXAMPLE"))])
        .collect()
}

/// Another byte: more often than by chance one that has a meaning in JSON.
fn other_byte(rng: &mut fastrand::Rng) -> u8 {
    if rng.bool() { b"\"\\{}[],:x \0\xff"[rng.usize(0..12)] } else { rng.u8(..) }
}

#[test]
fn promise_4_one_bad_record_spoils_only_itself() {
    let mut rng = fastrand::Rng::with_seed(4);
    let (mut files, mut kept, mut reported) = (0, 0, 0);
    for seed in 0..40 {
        let records = realistic_records(seed);
        let sound = judge(&document(&records));
        sound.assert_clean("before it is damaged");
        for _ in 0..150 {
            let bad = rng.usize(0..records.len());
            let mut record = records[bad].clone().into_bytes();
            let at = rng.usize(0..record.len());
            record[at] = other_byte(&mut rng);
            let before = document(&records[..bad]);
            let mut file = before[..before.len() - 2].to_vec();
            if bad > 0 {
                file.push(b',');
            }
            file.extend(&record);
            for record in &records[bad + 1..] {
                file.push(b',');
                file.extend(record.as_bytes());
            }
            file.extend(b"]}");
            let damaged = judge(&file);
            let of_the_bad = |event: &&str| bad % 2 == 1 && **event == format!("{}-EXAMPLE", bad / 2);
            let expected: Vec<&str> = sound.raised().into_iter().filter(|event| !of_the_bad(event)).collect();
            let raised = damaged.raised();
            let lost = expected.iter().filter(|event| !raised.contains(event)).count();
            files += 1;
            reported += u32::from(damaged.reported.is_some());
            kept += u32::from(lost == 0);
            if damaged.reported.is_none() {
                let damage = format!("seed {seed}: {:?}", String::from_utf8_lossy(&record));
                assert_eq!(lost, 0, "lost in silence, {damage}");
                assert_eq!(damaged.counts.records, sound.counts.records, "{damage}");
            }
        }
    }
    eprintln!("{kept} of {files} damaged files kept every other record; {reported} were reported");
    assert!(kept * 100 >= files * 99, "only {kept} of {files} damaged files kept every other record");
    assert!(reported > files / 10, "only {reported} of {files} were reported");
}

#[test]
fn a_damaged_byte_outside_of_the_records_is_reported() {
    let records = [sign_in("a"), sign_in("b"), sign_in("c")];
    let sound = document(&records);
    let length = records[0].len();
    let outside = (0..sound.len()).filter(|at| match at.checked_sub("{\"Records\":[".len()) {
        Some(at) => at % (length + 1) == length || at >= 3 * (length + 1) - 1,
        None => true,
    });
    for at in outside {
        for byte in 0..=u8::MAX {
            let mut file = sound.clone();
            if std::mem::replace(&mut file[at], byte) == byte {
                continue;
            }
            let damaged = judge(&file);
            damaged.assert_reported(&format!("byte {at} is {:?}", char::from(byte)), "");
            let raised = damaged.raised();
            let place = format!("byte {at} is {:?}: {raised:?}", char::from(byte));
            match byte {
                // The records seem to be those of another member, or of no member.
                _ if at < "{\"Records\":[".len() => {}
                // The records after it seem to be the elements of a list.
                b'[' => assert_eq!(raised[0], "a", "{place}"),
                _ => assert_eq!(raised, ["a", "b", "c"], "{place}"),
            }
        }
    }
}

#[test]
fn promise_4_one_bad_file_spoils_only_itself() {
    let good = [gzip(&good_document()), good_document()];
    let sound = judge(&good[0]);
    let config = Config::default();
    let mut reader = LogFileReader::new(registry::prefilter(), &config);
    let mut huge = document(&[&sign_in("x").replace("Mozilla", &"x".repeat(5 << 20))]);
    huge.truncate(huge.len() - 9);
    let mut bad = vec![
        Vec::new(),
        b"\x1f\x8b".to_vec(),
        b"not JSON".to_vec(),
        good[0][..good[0].len() / 2].to_vec(),
        [&good[0][..], &good[0]].concat(),
        [&good[0][..], b"garbage"].concat(),
        good[1][..good[1].len() / 2].to_vec(),
        b"{\"Records\":[{\"eventName\":\"\\".to_vec(),
        gzip(&huge),
        huge,
    ];
    bad.extend((0..300).map(hostile::broken_log_file));
    bad.extend((300..600).map(|seed| gzip(&hostile::broken_log_file(seed))));
    for (place, bad) in bad.iter().enumerate() {
        judged(&config, |judge| reader.read(bad, judge));
        for good in &good {
            let again = judged(&config, |judge| reader.read(good, judge));
            assert_eq!(again.outcome(), sound.outcome(), "behind bad file {place}");
        }
    }
}

#[test]
fn promise_1_every_record_is_judged_or_counted() {
    let mut rng = fastrand::Rng::with_seed(5);
    let mut in_all = counts::Counts::default();
    for seed in 0..4_000 {
        // `judge` holds the promise against each of these files.
        in_all += judge(&hostile::log_file(seed)).counts;
        in_all += judge(&hostile::broken_log_file(seed)).counts;
        let mut compressed = gzip(&hostile::log_file(seed));
        let at = rng.usize(0..compressed.len());
        match rng.u8(0..3) {
            0 => compressed[at] = rng.u8(..),
            1 => compressed.truncate(at),
            _ => compressed.insert(at, rng.u8(..)),
        }
        in_all += judge(&compressed).counts;
    }
    assert_eq!(in_all.records, in_all.judged + in_all.unreadable + in_all.skipped);
    assert!(in_all.skipped > 1_000, "{in_all:?}");
    assert_eq!(in_all.log_files, 12_000);
    assert!(in_all.unreadable > 1_000 && in_all.unreadable_log_files > 4_000, "{in_all:?}");
}
