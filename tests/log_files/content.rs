//! Decompressed content: JSON that is no log file, and log files with elements that are no records.

use shared::formats::cloudtrail::key::ObjectKind;

use super::*;

/// A document whose `Records` hold the elements as they are written here, between two that raise something.
fn between(element: &str) -> Vec<u8> {
    document(&[&sign_in("before"), element, &sign_in("after")])
}

#[test]
fn a_document_without_one_array_of_records_is_reported() {
    let one = sign_in("a");
    let list = format!("[{one}]");
    for (name, content, records, raised, reason) in [
        ("an empty object", "{}".to_owned(), 0, 0, "has no Records"),
        ("null", "null".to_owned(), 0, 0, "is no JSON"),
        ("text", "\"Records\"".to_owned(), 0, 0, "is no JSON"),
        ("a list of records", list.clone(), 0, 0, "a JSON array at its top level"),
        ("one record", one.clone(), 0, 0, "has no Records"),
        ("Records missing", format!(r#"{{"records":{list}}}"#), 0, 0, "has no Records"),
        ("Records null", r#"{"Records":null}"#.to_owned(), 0, 0, "Records that are no array"),
        ("Records an object", format!(r#"{{"Records":{one}}}"#), 0, 0, "Records that are an object"),
        ("Records text", r#"{"Records":"[]"}"#.to_owned(), 0, 0, "Records that are no array"),
        ("Records null, then more", r#"{"Records":null,"x":[]}"#.to_owned(), 0, 0, "no array"),
        ("Records twice", format!(r#"{{"Records":{list},"Records":{list}}}"#), 2, 2, "two members named"),
        ("Records empty, then again", format!(r#"{{"Records":[],"Records":{list}}}"#), 1, 1, "two members"),
        ("Records null, then right", format!(r#"{{"Records":null,"Records":{list}}}"#), 1, 1, "no array"),
        ("Records in another member", format!(r#"{{"x":{{"Records":{list}}}}}"#), 0, 0, "has no Records"),
        ("Records in a list", format!(r#"[{{"Records":{list}}}]"#), 0, 0, "a JSON array at its top level"),
        ("two documents", format!(r#"{{"Records":{list}}}{{"Records":{list}}}"#), 2, 2, "more behind"),
        ("two lines", format!("{{\"Records\":{list}}}\n{{\"Records\":{list}}}\n"), 2, 2, "more behind"),
        ("garbage behind", format!(r#"{{"Records":{list}}}x"#), 1, 1, "more behind"),
        ("a bracket too many", format!(r#"{{"Records":{list}}}}}"#), 1, 1, "closes nothing"),
        ("a bracket too few", format!(r#"{{"Records":{list}"#), 1, 1, "is cut"),
        ("a byte order mark", format!("\u{feff}{{\"Records\":{list}}}"), 1, 1, "is no JSON"),
        ("a comma too many", format!(r#"{{"Records":[{one},]}}"#), 1, 1, "no JSON between its records"),
        ("a comma too few", format!(r#"{{"Records":[{one}{one}]}}"#), 2, 2, "no JSON between its records"),
        ("a comma before", format!(r#"{{"Records":[,{one}]}}"#), 1, 1, "no JSON between its records"),
        ("no colon", format!(r#"{{"Records" {list}}}"#), 0, 0, "no JSON outside its records"),
    ] {
        let judged = judge(content.as_bytes());
        judged.assert_reported(name, reason);
        assert_eq!((judged.counts.records, judged.raised().len()), (records, raised), "{name}");
    }
    for (name, content, records) in [
        ("no record", r#"{"Records":[]}"#.to_owned(), 0),
        ("white space everywhere", format!(" {{ \"Records\" :\r\n[\t{one} , {one} ] }} \n"), 2),
        ("other members", format!(r#"{{"a":[{{"Records":[{{}}]}}],"Records":{list},"z":"]}}"}}"#), 1),
        ("Records spelled with an escape", format!(r#"{{"\u0052ecords":{list}}}"#), 1),
    ] {
        let judged = judge(content.as_bytes());
        judged.assert_clean(name);
        assert_eq!((judged.counts.records, judged.raised().len()), (records, records as usize), "{name}");
    }
}

#[test]
fn an_element_that_is_no_record_is_reported_with_its_place_and_the_others_are_judged() {
    let deep = format!(r#"{{"eventName":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (name, element, reason) in [
        ("null", "null", "record 1 is no object but null"),
        ("a number", "-1.5e3", "record 1 is no object"),
        ("true", "true", "record 1 is no object"),
        ("text", r#""},{\"eventName\":\"ConsoleLogin\"}""#, "record 1 is no object"),
        ("a list", &format!("[{}]", sign_in("x")), "record 1 is no readable JSON object"),
        ("an empty list", "[]", "record 1 is no readable JSON object"),
        ("eventName a number in a list", r#"{"eventName":[5]}"#, "record 1 has eventName that is neither"),
        ("eventSource an object", r#"{"eventSource":{"a":1}}"#, "record 1 has eventSource that is neither"),
        (
            "eventName twice",
            r#"{"eventName":"a","eventName":"ConsoleLogin"}"#,
            "has two members named eventName",
        ),
        ("a colon too few", r#"{"eventName" "ConsoleLogin"}"#, "record 1 is no readable JSON object"),
        ("nested 100,000 deep", &deep, "record 1 has eventName that is neither"),
        (
            "parameters nested too deep to be judged",
            &sign_in("x").replace(
                "\"requestParameters\":null",
                &format!("\"requestParameters\":{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            ),
            "record 1 has requestParameters that cannot be read",
        ),
        (
            "a lone surrogate in the name",
            r#"{"eventName":"\ud800"}"#,
            "record 1 has eventName that is neither",
        ),
        (
            "a control character",
            "{\"eventName\":\"Console\x01Login\"}",
            "record 1 is no readable JSON object",
        ),
        ("a line break in text", "{\"eventName\":\"Console\nLogin\"}", "record 1 is no readable JSON object"),
        (
            "a zero byte between members",
            "{\"eventName\":\"a\",\0\"b\":1}",
            "record 1 is no readable JSON object",
        ),
        ("an unknown escape", r#"{"eventName":"a","b":"\x"}"#, "record 1 is no readable JSON object"),
    ] {
        let judged = judge(&between(element));
        judged.assert_reported(name, reason);
        assert_eq!(judged.raised(), ["before", "after"], "{name}");
        assert_eq!(
            (judged.counts.records, judged.counts.unreadable),
            (3, 1),
            "{name}: {:?}",
            judged.reported
        );
        assert_eq!(judged.findings[1].evidence.record, Some(2), "{name}");
    }
}

#[test]
fn several_elements_that_are_no_records_are_each_counted() {
    let judged = judge(&between("1, null,\"a,b\" ,true"));
    judged.assert_reported("four in a row", "record 4 is no object");
    assert_eq!((judged.counts.records, judged.counts.unreadable), (6, 4));
    assert_eq!(judged.raised(), ["before", "after"]);
}

#[test]
fn invalid_utf_8_costs_its_record_and_no_other() {
    for (name, bytes) in [
        ("a byte that is never valid", &b"\xff"[..]),
        ("a character that is cut", b"\xe6\x97"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("an overlong form", b"\xc0\xaf"),
    ] {
        for unwatched in [true, false] {
            let record = if unwatched { UNWATCHED.to_owned() } else { sign_in("x") };
            let mut file = between(&record);
            let place = String::from_utf8_lossy(&file).find(&record).unwrap() + record.len() - 30;
            let place = place + file[place..].iter().position(|byte| *byte == b':').unwrap() + 2;
            file.splice(place..place, bytes.iter().copied());
            let judged = judge(&file);
            judged.assert_reported(name, "record 1 has invalid UTF-8 at its byte");
            assert_eq!(judged.raised(), ["before", "after"], "{name}");
            assert_eq!((judged.counts.records, judged.counts.unreadable), (3, 1), "{name}");
        }
    }
}

#[test]
fn a_record_is_judged_without_the_facts_that_are_missing_or_of_another_type() {
    for (name, from, to) in [
        ("time missing", r#""eventTime":"2026-04-01T08:15:00Z","#, ""),
        ("time null", r#""2026-04-01T08:15:00Z""#, "null"),
        ("time of another type", r#""2026-04-01T08:15:00Z""#, r#"{"seconds":5}"#),
        ("time unreadable", "2026-04-01T08:15:00Z", "2026-13-01T08:15:00Z"),
        ("time with an escape that is none", "2026-04-01T08:15:00Z", "\\ud800"),
    ] {
        let judged = judge(&between(&sign_in("x").replace(from, to)));
        judged.assert_clean(name);
        assert_eq!(judged.raised(), ["before", "x", "after"], "{name}");
        assert_eq!(judged.findings[1].time, None, "{name}");
        assert!(judged.findings[0].time.is_some());
    }
    for (name, from, to) in [
        ("id missing", r#""eventID":"x","#, ""),
        ("id null", r#""eventID":"x""#, r#""eventID":null"#),
        ("id empty", r#""eventID":"x""#, r#""eventID":"""#),
        ("id of another type", r#""eventID":"x""#, r#""eventID":["x"]"#),
    ] {
        let record = sign_in("x").replace(from, to);
        let judged = judge(&document(&[&record, &record]));
        judged.assert_clean(name);
        assert_eq!(judged.raised(), ["?", "?"], "{name}");
        assert_ne!(judged.findings[0].id, judged.findings[1].id, "{name}: two records without an id are two");
    }
    for (name, from, to) in [
        ("address", r#""192.0.2.10""#, "null"),
        ("agent", r#""userAgent":"#, r#""agent":"#),
        ("region", r#""us-east-1""#, "[]"),
        ("account", r#""recipientAccountId":"111122223333""#, r#""recipientAccountId":{}"#),
        ("additional data", r#""additionalEventData":{"#, r#""additionalEventData":7,"x":{"#),
        ("every key of another member twice", r#""readOnly":false"#, r#""readOnly":1,"readOnly":[]"#),
    ] {
        let judged = judge(&between(&sign_in("x").replace(from, to)));
        judged.assert_clean(name);
        assert_eq!(judged.raised(), ["before", "x", "after"], "{name}");
    }
}

#[test]
fn a_name_or_source_with_escapes_is_the_same_name_or_source() {
    for from in ["ConsoleLogin", "signin.amazonaws.com", "eventName", "eventSource"] {
        for (place, character) in from.char_indices() {
            let mut spelled = from.to_owned();
            spelled.replace_range(place..=place, &format!("\\u{:04x}", u32::from(character)));
            // The name alone, and the source alone, must be enough to have the record parsed.
            let record = sign_in("x").replace(&format!("\"{from}\""), &format!("\"{spelled}\""));
            let record = record.replace("\"Root\"", "\"IAMUser\"").replace("\"Yes\"", "\"No\"");
            for (name, record) in [
                (spelled.clone(), record.clone()),
                (
                    format!("{spelled}, a name that is not known"),
                    record.replace("\"ConsoleLogin\",", "\"Console\","),
                ),
            ] {
                let judged = judge(&document(&[&record]));
                judged.assert_clean(&name);
                assert_eq!(judged.raised(), ["x"], "{name}");
            }
        }
    }
}

#[test]
fn an_object_that_only_looks_like_a_record_raises_nothing() {
    let inner = sign_in("inner");
    let text = inner.replace('"', "\\\"");
    for (name, parameters) in [
        ("in the parameters", inner.clone()),
        ("in a list in the parameters", format!("[1,{inner},{inner}]")),
        ("as Records in the parameters", format!(r#"{{"Records":[{inner}]}}"#)),
        ("in text", format!("\"{text}\"")),
        ("in text that seems to end the record", format!("\"}}}}]}},{text}\"")),
    ] {
        let outer = UNWATCHED.replace("{\"filterSet\"", &format!("{{\"x\":{parameters},\"filterSet\""));
        let judged = judge(&between(&outer));
        judged.assert_clean(name);
        assert_eq!((judged.raised(), judged.counts.records), (vec!["before", "after"], 3), "{name}");
    }
}

#[test]
fn digest_and_insight_files_are_recognised_by_their_keys_and_reported_if_read() {
    for (folder, kind) in [
        ("CloudTrail", ObjectKind::LogFile),
        ("CloudTrail-Digest", ObjectKind::Digest),
        ("CloudTrail-Insight", ObjectKind::Insight),
        ("CloudTrail-NetworkActivity", ObjectKind::NetworkActivity),
        ("CloudTrail-Aggregated", ObjectKind::Aggregated),
        ("Config", ObjectKind::OtherService),
    ] {
        let name = NAME.replace("/CloudTrail/", &format!("/{folder}/")).replace("_CloudTrail_", "_x_");
        assert_eq!(ObjectKind::of_key(&name), kind, "{folder}");
    }
    let digest = br#"{"awsAccountId":"111122223333","digestStartTime":"2026-04-01T07:20:00Z","logFiles":[{"s3Bucket":"logs","s3Object":"x","hashValue":"0"}]}"#;
    judge(&gzip(digest)).assert_reported("a digest", "has no Records");
}
