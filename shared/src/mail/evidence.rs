//! Where a person finds the record: the CloudTrail console, and the log file.
//!
//! Sources: CloudTrail User Guide, "Viewing details for an event"; AWS General Reference, "AWS partitions".

use super::layout::TextLayout;
use crate::finding::{Finding, partition};
use crate::text;

const MAX_PLACE_CHARS: usize = 300;

/// Writes the section "Look at it".
pub(super) fn look_at_it(layout: &mut TextLayout, finding: &Finding) {
    let evidence = &finding.evidence;
    let mut label = "Look at it";
    let mut line = |layout: &mut TextLayout, text: &str| layout.whole_field(std::mem::take(&mut label), text);
    if let Some(link) = console_link(finding) {
        line(layout, &link);
        let account = finding.account.as_deref().filter(|account| text::is_account_id(account));
        let account = account.map_or_else(|| "the account".to_owned(), |id| format!("account {id}"));
        line(layout, &format!("(sign in to {account} first; the console keeps 90 days)"));
    } else if let Some(event_id) = &evidence.event_id {
        line(layout, &format!("event id {}", text::clean(event_id, 100)));
    }
    if let Some(object) = evidence.object.as_deref() {
        match pasteable_uri(object) {
            Some(prefix) if prefix.ends_with('/') => {
                line(layout, &format!("aws s3 ls --recursive {prefix}"));
                line(layout, &format!("aws s3 cp --recursive {prefix} ."));
            }
            Some(uri) if uri.ends_with(".gz") => line(layout, &format!("aws s3 cp {uri} - | gunzip")),
            Some(uri) => line(layout, &format!("aws s3 cp {uri} -")),
            None => line(layout, &shown_path(object)),
        }
    }
    let Some(log_file) = evidence.log_file.as_deref() else {
        return;
    };
    let index = evidence.record.map(|record| format!("Records[{record}]"));
    if let Some(uri) = pasteable_uri(log_file) {
        let jq = index.map(|index| format!(" | jq '.{index}'")).unwrap_or_default();
        let gunzip = if uri.ends_with(".gz") { " | gunzip" } else { "" };
        line(layout, &format!("aws s3 cp {uri} -{gunzip}{jq}"));
    } else {
        let record = index.map(|index| format!(", {index}")).unwrap_or_default();
        line(layout, &format!("log file {}{record}", shown_path(log_file)));
    }
    match evidence.also_in.len() {
        0 => {}
        1 => line(layout, "(the same event stands in one more log file)"),
        more => line(layout, &format!("(the same event stands in {more} more log files)")),
    }
}

fn shown_path(path: &str) -> String {
    plain_path(path).map_or_else(|| text::clean(path, MAX_PLACE_CHARS), str::to_owned)
}

/// The record in the CloudTrail console; `None` if the Region or the event id is malformed, or the partition's console
/// is unknown.
pub(super) fn console_link(finding: &Finding) -> Option<String> {
    let region = finding.region.as_deref().filter(|region| is_region(region))?;
    let event_id = finding.evidence.event_id.as_deref()?;
    let valid = (1..=64).contains(&event_id.len())
        && event_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !valid {
        return None;
    }
    let principal = finding.principal.as_ref().map_or(&None, |principal| &principal.arn);
    let domain = match partition(&[principal, &finding.resource], &finding.region) {
        "aws" => "aws.amazon.com",
        "aws-cn" => "amazonaws.cn",
        "aws-us-gov" => "amazonaws-us-gov.com",
        _ => return None,
    };
    Some(format!("https://{region}.console.{domain}/cloudtrailv2/home?region={region}#/events/{event_id}"))
}

/// `us-east-1`, `us-gov-west-1`: words, then a number.
fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let word = |part: &&str| (2..=12).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    (2..=4).contains(&parts.len())
        && parts.iter().all(word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The URI if a shell reads it as one word and no part of its key looks like a link.
pub(super) fn pasteable_uri(log_file: &str) -> Option<&str> {
    let (bucket, key) = log_file.strip_prefix("s3://")?.split_once('/')?;
    let bucket_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let key_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.=+@:-".contains(&byte);
    let stem = key.strip_suffix(".gz").unwrap_or(key);
    let valid = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(bucket_byte)
        && key.len() <= 1024
        && key.bytes().all(key_byte)
        && text::clean(stem, usize::MAX) == stem;
    valid.then_some(log_file)
}

/// The path if it has only safe characters and nothing but a log file's ending looks like a link.
pub(super) fn plain_path(path: &str) -> Option<&str> {
    const ENDINGS: &[&str] = &[".json.gz", ".json", ".gz", ".zip"];
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.=+@-".contains(&byte);
    let stem = ENDINGS.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path);
    let plain = path.len() <= 1024 && path.bytes().all(safe) && text::clean(stem, usize::MAX) == stem;
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_words_and_a_number() {
        for (name, valid) in [
            ("us-east-1", true),
            ("us-gov-west-1", true),
            ("us-iso-east-1", true),
            ("ap-southeast-7", true),
            ("eusc-de-east-1", true),
            ("global", false),
            ("us-east-", false),
            ("us-east-1.evil", false),
            ("us-east-1/", false),
            ("US-EAST-1", false),
            ("", false),
        ] {
            assert_eq!(is_region(name), valid, "{name}");
        }
    }

    #[test]
    fn a_path_of_safe_characters_stays_as_it_is() {
        for (path, plain) in [
            ("logs/111122223333_CloudTrail_us-east-1_20260401T0820Z_Ab12.json.gz", true),
            ("/var/log/trail/a.json", true),
            ("s3://logs/AWSLogs/cut.json", false),
            ("logs/www.evil.com/a.json.gz", false),
            ("logs/evil.com", false),
            ("https://evil.example/a.json.gz", false),
            ("logs/a b.json.gz", false),
            ("logs/\u{202e}a.json.gz", false),
            ("logs/<b>.json.gz", false),
        ] {
            assert_eq!(plain_path(path).is_some(), plain, "{path}");
        }
    }

    #[test]
    fn only_a_uri_of_plain_characters_is_pasted() {
        let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/04/01/111122223333_CloudTrail_us-east-1_20260401T0820Z_Ab12.json.gz";
        for (uri, valid) in [
            (format!("s3://logs/{key}"), true),
            (format!("s3://logs.corp/{key}"), true),
            (format!("/tmp/{key}"), false),
            (format!("s3://logs/$(id)/{key}"), false),
            (format!("s3://logs/a b/{key}"), false),
            (format!("s3://logs/www.evil.com/{key}"), false),
            (format!("s3://logs/http://evil/{key}"), false),
            (format!("s3://-l;ogs/{key}"), false),
            ("s3://logs/x.json".to_owned(), true),
            ("s3://logs/evil.com".to_owned(), false),
        ] {
            assert_eq!(pasteable_uri(&uri).is_some(), valid, "{uri}");
        }
    }
}
