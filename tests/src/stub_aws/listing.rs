//! S3: what a bucket holds, page by page.
//!
//! Source: Amazon S3 API Reference, `ListObjectsV2`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::s3::base64;
use crate::loopback::Reply;

/// As many as S3 puts into a page.
pub(super) const PAGE: usize = 1_000;

/// Characters that S3 does not encode in keys.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');

/// Which page is asked for.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) prefix: String,
    delimiter: Option<String>,
    start_after: Option<String>,
    /// The key, or the folder, that the page before ended with.
    behind: Option<String>,
    token: Option<String>,
    max_keys: usize,
    encodes: bool,
}

/// An object as a listing shows it.
pub(super) struct Listed {
    pub(super) bytes: usize,
    pub(super) etag: String,
    pub(super) modified: DateTime<Utc>,
}

/// The content of a page.
enum Entry<'a> {
    Object(&'a str, &'a Listed),
    Folder(&'a str),
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Entry::Object(name, _) | Entry::Folder(name) => name,
        }
    }
}

impl Listing {
    /// Nothing where the parameters ask for something else.
    pub(super) fn by(mut parameters: BTreeMap<String, String>) -> Option<Listing> {
        parameters.remove("x-id");
        if parameters.remove("list-type").as_deref() != Some("2") {
            return None;
        }
        let token = parameters.remove("continuation-token");
        let listing = Listing {
            prefix: parameters.remove("prefix").unwrap_or_default(),
            delimiter: parameters.remove("delimiter").filter(|delimiter| !delimiter.is_empty()),
            start_after: parameters.remove("start-after").filter(|key| !key.is_empty()),
            behind: token.as_deref().map(named_by).unwrap_or_default(),
            max_keys: match parameters.remove("max-keys") {
                Some(number) => number.parse().ok()?,
                None => PAGE,
            },
            encodes: match parameters.remove("encoding-type").as_deref() {
                None => false,
                Some("url") => true,
                Some(_) => return None,
            },
            token,
        };
        parameters.is_empty().then_some(listing)
    }

    /// `objects` are all that the bucket holds, in the order of their keys; `page` is the most of a page.
    pub(super) fn answer(&self, bucket: &str, objects: &BTreeMap<&str, Listed>, page: usize) -> Reply {
        if self.token.is_some() && self.behind.is_none() {
            let target = format!("s3://{bucket}/{}", self.prefix);
            return super::s3::error(400, "InvalidArgument", "The continuation token is incorrect", &target);
        }
        let most = self.max_keys.min(page);
        let mut entries = self.entries(objects, most + 1);
        let is_truncated = entries.len() > most && most > 0;
        entries.truncate(most);
        let next = entries.last().filter(|_| is_truncated).map(|last| token_for(last.name()));
        self.page(bucket, &entries, next.as_deref())
    }

    /// The first entry after the previous page, in order.
    fn entries<'a>(&self, objects: &'a BTreeMap<&str, Listed>, most: usize) -> Vec<Entry<'a>> {
        // A token decides where to begin.
        let after = self.behind.as_deref().or(self.start_after.as_deref());
        let start = match after {
            Some(after) if after >= self.prefix.as_str() => Bound::Excluded(after),
            _ => Bound::Included(self.prefix.as_str()),
        };
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for (key, object) in objects.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(self.prefix.as_str()) else { break };
            let folder = self.delimiter.as_deref().and_then(|delimiter| {
                let end = rest.find(delimiter)? + delimiter.len();
                Some(&key[..self.prefix.len() + end])
            });
            let entry = folder.map_or(Entry::Object(key, object), Entry::Folder);
            let stands = entries.last().map(Entry::name) == Some(entry.name());
            let stood = folder.is_some() && after.is_some_and(|after| after.starts_with(entry.name()));
            if !(stands || stood && self.behind.is_some()) {
                if entries.len() == most {
                    break;
                }
                entries.push(entry);
            }
        }
        entries
    }

    fn page(&self, bucket: &str, entries: &[Entry<'_>], next: Option<&str>) -> Reply {
        let mut body = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
        body += "\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        let mut element = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = write!(body, "<{name}>{value}</{name}>");
            }
        };
        element("Name", Some(bucket));
        element("Prefix", Some(&self.written(&self.prefix)));
        element("ContinuationToken", self.token.as_deref());
        element("NextContinuationToken", next);
        element("StartAfter", self.start_after.as_deref().map(|key| self.written(key)).as_deref());
        element("KeyCount", Some(&entries.len().to_string()));
        element("MaxKeys", Some(&self.max_keys.to_string()));
        element("Delimiter", self.delimiter.as_deref().map(|text| self.written(text)).as_deref());
        element("EncodingType", self.encodes.then_some("url"));
        element("IsTruncated", Some(if next.is_some() { "true" } else { "false" }));
        for entry in entries {
            let name = self.written(entry.name());
            match entry {
                Entry::Object(_, Listed { bytes, etag, modified }) => {
                    let modified = modified.to_rfc3339_opts(SecondsFormat::Millis, true);
                    let _ = write!(
                        body,
                        "<Contents><Key>{name}</Key><LastModified>{modified}</LastModified><ETag>{}</ETag><Size>{bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                        escaped(etag),
                    );
                }
                Entry::Folder(_) => {
                    let _ = write!(body, "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>");
                }
            }
        }
        body += "</ListBucketResult>";
        Reply::new(200, super::s3::XML, body).with("x-amz-request-id", "4442587FB7D0A2F9")
    }

    fn written(&self, text: &str) -> String {
        if self.encodes {
            return utf8_percent_encode(text, &KEPT).to_string().replace("%20", "+");
        }
        escaped(text)
    }
}

/// Text in XML, as S3 writes it: control characters by their number.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => written += "&amp;",
            '<' => written += "&lt;",
            '>' => written += "&gt;",
            '"' => written += "&quot;",
            _ if character.is_control() => {
                let _ = write!(written, "&#x{:x};", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written
}

/// Opaque to the caller, as S3's own.
fn token_for(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}/{}", base64(&[0xfb, 0xff, 0xfe]))
}

fn named_by(token: &str) -> Option<String> {
    let (hex, _) = token.split_once('/')?;
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parameters: &[(&str, &str)], page: usize) -> Vec<Vec<String>> {
        let keys = ["a", "b/1", "b/2", "b/c/3", "b0", "c/1", "d"];
        let listed = || Listed { bytes: 1, etag: "\"e\"".to_owned(), modified: DateTime::UNIX_EPOCH };
        let objects: BTreeMap<&str, Listed> = keys.into_iter().map(|key| (key, listed())).collect();
        let mut asked: BTreeMap<String, String> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        asked.insert("list-type".to_owned(), "2".to_owned());
        let mut pages = Vec::new();
        loop {
            let listing = Listing::by(asked.clone()).unwrap();
            let entries = listing.entries(&objects, page + 1);
            let name = |entry: &Entry<'_>| entry.name().to_owned();
            pages.push(entries.iter().take(page).map(name).collect());
            if entries.len() <= page {
                return pages;
            }
            asked.insert("continuation-token".to_owned(), token_for(entries[page - 1].name()));
        }
    }

    #[test]
    fn pages_follow_one_another_and_a_folder_is_on_one_of_them() {
        let all = [&["a", "b/1", "b/2"][..], &["b/c/3", "b0", "c/1"], &["d"]];
        assert_eq!(names(&[], 3), all);
        assert_eq!(names(&[("delimiter", "/")], 2), [&["a", "b/"][..], &["b0", "c/"], &["d"]]);
        assert_eq!(names(&[("prefix", "b/"), ("delimiter", "/")], 1), [["b/1"], ["b/2"], ["b/c/"]]);
        assert_eq!(names(&[("prefix", "b/"), ("start-after", "b/1")], 9), [["b/2", "b/c/3"]]);
        assert_eq!(names(&[("prefix", "b/"), ("start-after", "a")], 9), [["b/1", "b/2", "b/c/3"]]);
        assert_eq!(names(&[("delimiter", "/"), ("start-after", "b/1")], 9), [["b/", "b0", "c/", "d"]]);
        assert_eq!(names(&[("prefix", "x")], 9), [[""; 0]]);
    }

    #[test]
    fn a_request_other_than_list_objects_v2_is_refused() {
        let by = |parameters: &[(&str, &str)]| {
            Listing::by(
                parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            )
        };
        assert!(by(&[("list-type", "2"), ("x-id", "ListObjectsV2")]).is_some());
        for parameters in [
            &[][..],
            &[("list-type", "1")],
            &[("list-type", "2"), ("fetch-owner", "true")],
            &[("list-type", "2"), ("max-keys", "many")],
        ] {
            assert!(by(parameters).is_none(), "{parameters:?}");
        }
    }
}
