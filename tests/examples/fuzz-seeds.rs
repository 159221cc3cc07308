//! Writes what the fuzzer starts from to `tests/fuzz/corpus`, a folder for each target: hostile log files,
//! broken ones, one record of every rule, and the forms in which people keep records.

use std::{fs, io, path::Path};

use iamwatch_tests::{fuzz, hostile};
use shared::rules::detections;

/// The fuzzer learns most from small inputs.
const MAX_BYTES: usize = 4 << 10;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, seed: usize, parts: &[&[u8]]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{seed:04}")), parts.concat())
    };
    let files = (0..1000).map(|seed| match seed % 3 {
        0 => hostile::broken_log_file(seed),
        _ => hostile::log_file(seed),
    });
    let small = files.filter(|file| file.len() < MAX_BYTES).take(300);
    for ((seed, file), how) in (0..).zip(small).zip((0..=u8::MAX).cycle()) {
        // The first four bytes say how a file is read: see the targets.
        write("scan", seed, &[&[how, how.wrapping_mul(7), how, how], &file])?;
        let how = [how, how.wrapping_mul(3), how, how.wrapping_mul(5)];
        write("log_file", seed, &[&how, &file])?;
        write("log_file", 1000 + seed, &[&[how[0], how[1], how[2] & !3, how[3]], &fuzz::gzip(&file)])?;
    }
    let cases = detections::table().flat_map(|detection| detection.cases);
    for (seed, case) in (0..).zip(cases) {
        let record = case.json();
        let text = serde_json::to_string(&record)?;
        write("record", seed, &[record.as_bytes()])?;
        let forms = [
            record.clone(),
            format!("[{record}]"),
            format!("{record}\n{{\"eventName\":\n{record}"),
            format!(r#"{{"Events":[{{"CloudTrailEvent":{text}}}]}}"#),
            format!(r#"{{"detail":{record}}}"#),
            format!(r#"{{"result":{{"_raw":{text}}}}}"#),
        ];
        write("export", seed, &[forms[seed % forms.len()].as_bytes()])?;
    }
    // Words that no mutation would find.
    let words = [
        "Records",
        "eventVersion",
        "eventName",
        "eventSource",
        "eventID",
        "eventTime",
        "userIdentity",
        "type",
        "Root",
        "IAMUser",
        "ConsoleLogin",
        "CheckMfa",
        "signin.amazonaws.com",
        "iam.amazonaws.com",
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "MFAUsed",
        "Success",
        "Failure",
        "userName",
        "policyDocument",
        "Statement",
        "CreateAccessKey",
        "StopLogging",
        "Events",
        "detail",
        "CloudTrailEvent",
        "_raw",
        "result",
    ];
    let mut dictionary: String = words.iter().map(|word| format!("\"\\\"{word}\\\"\"\n")).collect();
    for token in
        [r#",{\"eventVersion\""#, r#"{\"Records\":["#, "]}", "},{", "\\\\u0052", "\\\\ud800", "\\\\\\\""]
    {
        dictionary += &format!("\"{token}\"\n");
    }
    fs::write(corpus.join("words.dict"), dictionary)
}
