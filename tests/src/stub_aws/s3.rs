//! S3: objects in memory, path-style addresses.
//!
//! Source: Amazon S3 API Reference, `GetObject`, `PutObject`, `DeleteObject`, `ListObjectsV2`, "Error Responses".

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::Method;
use percent_encoding::percent_decode_str;

use super::Operation;
use super::listing::{Listed, Listing, PAGE};
use crate::loopback::{Reply, Request};

pub(super) const XML: &str = "application/xml";

/// A bucket with versioning on.
#[derive(Clone, Debug)]
pub struct Bucket {
    account: String,
    objects: BTreeMap<String, Object>,
    versions: usize,
    pub(super) sends_checksums: bool,
    /// The most that a page of a listing has.
    pub(super) page: usize,
}

/// All that was ever put under a key.
#[derive(Clone, Debug, Default)]
pub struct Object {
    versions: BTreeMap<String, Version>,
    /// The version that one gets without naming one; none once it is deleted.
    current: Option<String>,
}

/// The object of one write.
#[derive(Clone, Debug)]
struct Version {
    content: Bytes,
    /// Another one for every write, also of the same content.
    etag: String,
    modified: DateTime<Utc>,
}

impl Object {
    fn current(&self) -> Option<&Version> {
        self.versions.get(self.current.as_ref()?)
    }
}

impl Bucket {
    pub(super) fn of(account: &str) -> Bucket {
        Bucket {
            account: account.to_owned(),
            objects: BTreeMap::new(),
            versions: 0,
            sends_checksums: false,
            page: PAGE,
        }
    }

    /// Gives the version.
    pub(super) fn put(&mut self, key: &str, content: Bytes) -> String {
        self.put_at(key, content, Utc::now())
    }

    /// The same as if it had been put then.
    pub(super) fn put_at(&mut self, key: &str, content: Bytes, modified: DateTime<Utc>) -> String {
        self.versions += 1;
        let version = format!("{:024}EXAMPLE", self.versions);
        let etag = format!("\"{:024x}{:08x}\"", self.versions, crc32(&content));
        let object = self.objects.entry(key.to_owned()).or_default();
        object.versions.insert(version.clone(), Version { content, etag, modified });
        object.current = Some(version.clone());
        version
    }

    pub(super) fn content(&self, key: &str) -> Option<Bytes> {
        Some(self.current(key)?.content.clone())
    }

    fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.current()
    }

    pub(super) fn delete(&mut self, key: &str) {
        if let Some(object) = self.objects.get_mut(key) {
            object.current = None;
        }
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let present = self.objects.iter().filter(|(_, object)| object.current.is_some());
        present.map(|(key, _)| key.clone()).collect()
    }

    fn listed(&self) -> BTreeMap<&str, Listed> {
        let listed = |version: &Version| Listed {
            bytes: version.content.len(),
            etag: version.etag.clone(),
            modified: version.modified,
        };
        let present = self.objects.iter().filter_map(|(key, object)| Some((key, object.current()?)));
        present.map(|(key, version)| (key.as_str(), listed(version))).collect()
    }
}

/// The S3 operation of a request.
#[derive(Debug)]
pub(super) struct Asked {
    action: Action,
    bucket: String,
    key: String,
    /// The account that the caller expects to own the bucket.
    owner: Option<String>,
}

#[derive(Debug)]
enum Action {
    Get { version: Option<String> },
    Put { content: Bytes, condition: Option<Condition> },
    Delete,
    List(Listing),
}

/// The precondition of a write.
#[derive(Debug)]
enum Condition {
    /// `If-None-Match: *`: no object of that key.
    Absent,
    /// `If-Match`: an object with this entity tag.
    Etag(String),
}

impl Condition {
    fn of(request: &Request) -> Result<Option<Condition>, Unknown> {
        match (request.header("if-none-match"), request.header("if-match")) {
            (None, None) => Ok(None),
            (Some("*"), None) => Ok(Some(Condition::Absent)),
            (None, Some(etag)) => Ok(Some(Condition::Etag(etag.to_owned()))),
            _ => Err(Unknown),
        }
    }

    /// Why S3 does not write, where it does not.
    fn refuses(&self, current: Option<&Version>) -> Option<(u16, &'static str)> {
        match (self, current) {
            (Condition::Absent, Some(_)) => Some((412, "PreconditionFailed")),
            (Condition::Etag(_), None) => Some((404, "NoSuchKey")),
            (Condition::Etag(etag), Some(version)) if *etag != version.etag => {
                Some((412, "PreconditionFailed"))
            }
            _ => None,
        }
    }
}

/// A condition that is not known here.
struct Unknown;

impl Asked {
    /// Nothing where it is none of the four operations, or has a condition that is not known here.
    pub(super) fn by(request: &Request) -> Option<Asked> {
        let path = request.path.strip_prefix('/')?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let parameters = super::form(request.query.as_bytes());
        let known = |name: &String| matches!(name.as_str(), "x-id" | "versionId");
        if bucket.is_empty() || !(key.is_empty() || parameters.keys().all(known)) {
            return None;
        }
        if ["range", "if-modified-since"].iter().any(|name| request.header(name).is_some()) {
            return None;
        }
        let version = parameters.get("versionId").cloned();
        let action = match (&request.method, Condition::of(request).ok()?) {
            (&Method::GET, None) if key.is_empty() => Action::List(Listing::by(parameters)?),
            _ if key.is_empty() => return None,
            (&Method::GET, None) => Action::Get { version },
            (&Method::PUT, condition) => Action::Put { content: content(request)?, condition },
            (&Method::DELETE, None) if version.is_none() => Action::Delete,
            _ => return None,
        };
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        Some(Asked {
            action,
            bucket: decoded(bucket)?,
            key: decoded(key)?,
            owner: request.header("x-amz-expected-bucket-owner").map(str::to_owned),
        })
    }

    pub(super) fn operation(&self) -> Operation {
        match self.action {
            Action::Get { .. } => Operation::GetObject,
            Action::Put { .. } => Operation::PutObject,
            Action::Delete => Operation::DeleteObject,
            Action::List(_) => Operation::ListObjects,
        }
    }

    pub(super) fn target(&self) -> String {
        match &self.action {
            Action::List(listing) => format!("s3://{}/{}", self.bucket, listing.prefix),
            _ => format!("s3://{}/{}", self.bucket, self.key),
        }
    }

    pub(super) fn answer(self, buckets: &mut BTreeMap<String, Bucket>) -> Reply {
        let target = self.target();
        let refused = |status, code| super::error(Operation::GetObject, status, code, &target);
        let Some(bucket) = buckets.get_mut(&self.bucket) else {
            return refused(404, "NoSuchBucket");
        };
        if self.owner.is_some_and(|owner| owner != bucket.account) {
            return refused(403, "AccessDenied");
        }
        match self.action {
            Action::Get { version } => {
                let object = bucket.objects.get(&self.key);
                let Some(wanted) = version.as_ref().or(object.and_then(|object| object.current.as_ref()))
                else {
                    return refused(404, "NoSuchKey");
                };
                let Some(Version { content, etag, modified }) =
                    object.and_then(|object| object.versions.get(wanted))
                else {
                    return refused(404, "NoSuchVersion");
                };
                let reply = Reply::new(200, "application/json", content.clone())
                    .with("etag", etag)
                    .with("last-modified", &modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
                    .with("accept-ranges", "bytes")
                    .with("x-amz-server-side-encryption", "AES256")
                    .with("x-amz-version-id", wanted);
                if bucket.sends_checksums {
                    reply
                        .with("x-amz-checksum-crc32", &base64(&crc32(content).to_be_bytes()))
                        .with("x-amz-checksum-type", "FULL_OBJECT")
                } else {
                    reply
                }
            }
            Action::Put { content, condition } => {
                let current = bucket.current(&self.key);
                if let Some((status, code)) = condition.and_then(|condition| condition.refuses(current)) {
                    return refused(status, code);
                }
                let version = bucket.put(&self.key, content);
                let etag = bucket.current(&self.key).map(|written| written.etag.clone());
                Reply::empty(200).with("etag", &etag.unwrap_or_default()).with("x-amz-version-id", &version)
            }
            Action::Delete => {
                bucket.delete(&self.key);
                Reply::empty(204)
            }
            Action::List(listing) => listing.answer(&self.bucket, &bucket.listed(), bucket.page),
        }
    }
}

/// An error as S3 says it.
pub(super) fn error(status: u16, code: &str, message: &str, target: &str) -> Reply {
    let body = format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "\n<Error><Code>{code}</Code><Message>{message}</Message><Resource>{target}</Resource>",
            "<RequestId>4442587FB7D0A2F9</RequestId><HostId>EXAMPLE</HostId></Error>"
        ),
        code = code,
        message = message,
        target = target.replace('&', "&amp;").replace('<', "&lt;"),
    );
    Reply::new(status, XML, body).with("x-amz-request-id", "4442587FB7D0A2F9").with("x-amz-id-2", "EXAMPLE")
}

/// The content that a request puts, which may come in signed chunks with a trailer.
///
/// Source: Amazon S3 API Reference, "Signature calculations: transferring payload in multiple chunks".
fn content(request: &Request) -> Option<Bytes> {
    let chunked = request.header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
    if chunked { unchunked(&request.body) } else { Some(request.body.clone()) }
}

fn unchunked(mut rest: &[u8]) -> Option<Bytes> {
    let mut content = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let head = str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(head.split(';').next()?, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(content.into());
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn crc32(content: &[u8]) -> u32 {
    libdeflater::crc32(content)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, n| number << 8 | u32::from(group.get(n).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = char::from(DIGITS[(number >> (18 - 6 * place)) as usize & 63]);
            text.push(if place <= group.len() { digit } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_and_the_trailer_is_left_out() {
        let body = b"5\r\nhello\r\n1;chunk-signature=ad80\r\n!\r\n0\r\nx-amz-checksum-crc32:nUOOKg==\r\n\r\n";
        assert_eq!(unchunked(body).unwrap(), &b"hello!"[..]);
        assert_eq!(unchunked(b"0\r\n\r\n").unwrap(), &b""[..]);
        assert_eq!(unchunked(b"5\r\nhell"), None);
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
