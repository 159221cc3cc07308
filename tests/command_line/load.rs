//! Many files, large files, little memory.

use std::fmt::Write as _;
use std::io::Read;

use iamwatch_tests::corpus::Corpus;

use crate::program::{Folder, command};
use crate::records::{failure, gzipped, sign_in};

#[test]
fn three_thousand_small_files_are_all_judged() {
    let folder = Folder::new();
    for number in 0..3_000 {
        let records = [
            sign_in(serde_json::json!({"eventID": format!("quiet-{number}")})),
            failure(&number.to_string()),
        ];
        folder.file(&format!("{}/{number}.json.gz", number % 50), gzipped(&records));
    }
    let run = folder.run(&["sign-in", ".", "--format", "json"]).exits(0);
    let run = run.says("Read 3000 log files: 6000 records, 6000 judged, 0 unreadable.\n3000 findings.\n");
    assert_eq!(run.lines().len(), 3_000);
    let run = folder.run(&["sign-ins", ".", "--format", "csv"]).exits(0).says("6000 sign-ins.");
    assert_eq!(run.stdout.lines().count(), 6_001);
}

/// A log file of about this many bytes before compression, and how many records it has. It repeats the same records,
/// each copy with an id of its own.
fn large(bytes: usize, seed: u64) -> (Vec<u8>, usize) {
    const PIECE: Corpus = Corpus { files: 1, fewest_records: 2_000, most_records: 2_000, seed: 0 };
    let corpus = Corpus { seed, ..PIECE };
    let piece = String::from_utf8(corpus.file(0)).unwrap();
    let records = piece.strip_prefix(r#"{"Records":["#).and_then(|piece| piece.strip_suffix("]}")).unwrap();
    let mut content = r#"{"Records":["#.to_owned();
    let mut copies = 0;
    while content.len() < bytes {
        if copies > 0 {
            content.push(',');
        }
        // Random ids begin with eight hexadecimal digits.
        let mut rest = records;
        while let Some(at) = rest.find(r#""eventID":""#) {
            let (before, after) = rest.split_at(at + r#""eventID":""#.len());
            let _ = write!(content, "{before}{copies:08x}");
            rest = &after[8..];
        }
        content += rest;
        copies += 1;
    }
    content += "]}";
    (content.into_bytes(), copies * corpus.records(0))
}

#[test]
fn a_log_file_of_60_mb_is_judged_to_its_end() {
    let (content, records) = large(60_000_000, 1);
    let folder = Folder::with("x.json", &content);
    let run = folder.run(&["sign-in", "x.json", "--format", "json"]).exits(0);
    let run = run.says(&format!("Read 1 log file: {records} records, {records} judged, 0 unreadable."));
    assert!(run.lines().len() > 10, "{}", run.lines().len());
}

#[cfg(target_os = "linux")]
#[test]
fn two_large_log_files_at_once_need_less_than_64_mib() {
    let folder = Folder::new();
    let mut total = 0;
    for (seed, name) in [(2, "plain.json"), (3, "gzip.json.gz")] {
        let (content, records) = large(50_000_000, seed);
        total += records;
        let compressed = name.ends_with(".gz").then(|| iamwatch_tests::corpus::gzip(&content).unwrap());
        folder.file(name, compressed.unwrap_or(content));
    }
    let arguments = ["sign-in", ".", "--format", "json", "--threads", "2"];
    let mut child = command(folder.path(), &arguments).spawn().unwrap();
    // Its output, which is not read yet, is more than a pipe holds: the program waits before its end, and can be
    // measured.
    let mut stderr = String::new();
    let mut notes = child.stderr.take().unwrap();
    while !stderr.contains("findings.\n") {
        let mut byte = [0];
        assert_eq!(notes.read(&mut byte).unwrap(), 1, "it ended: {stderr}");
        stderr.push(char::from(byte[0]));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains(&format!("Read 2 log files: {total} records, {total} judged")), "{stderr}");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel says its peak");
    let kib: usize = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    println!("{} findings, peak {:.1} MiB", stdout.lines().count(), kib as f64 / 1024.0);
    assert!(stdout.len() > 70_000, "it did not wait: {} bytes", stdout.len());
    assert!(kib < 64 << 10, "peak {kib} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn every_record_of_two_large_log_files_is_listed_within_64_mib() {
    let folder = Folder::new();
    let mut total = 0;
    for (seed, name) in [(4, "plain.json"), (5, "gzip.json.gz")] {
        let (content, records) = large(50_000_000, seed);
        total += records;
        let compressed = name.ends_with(".gz").then(|| iamwatch_tests::corpus::gzip(&content).unwrap());
        folder.file(name, compressed.unwrap_or(content));
    }
    let arguments = ["records", ".", "--format", "csv", "--threads", "2"];
    let mut child = command(folder.path(), &arguments).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut lines, mut kib, mut chunk) = (0, 0, vec![0; 1 << 16]);
    loop {
        let length = stdout.read(&mut chunk).unwrap();
        if length == 0 {
            break;
        }
        lines += chunk[..length].iter().filter(|byte| **byte == b'\n').count();
        // Measured before the program ends: after that there is nothing to measure.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<usize>().ok());
        kib = kib.max(peak.unwrap_or_default());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    println!("{lines} lines, peak {:.1} MiB", kib as f64 / 1024.0);
    assert_eq!(lines, 1 + total);
    assert!(kib > 1 << 10 && kib < 64 << 10, "peak {kib} KiB");
}
