//! Gzip-compressed objects of the state bucket. The header of a credential report holds the time at which AWS
//! generated it.
//!
//! Source: RFC 1952, section 2.3.1, `MTIME`.

use std::io::{self, Read, Write};

use chrono::{DateTime, Utc};
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::Serialize;

/// Compresses a report.
///
/// # Errors
/// Never: writing to memory cannot fail.
pub fn pack(content: &[u8], generated: DateTime<Utc>) -> io::Result<Vec<u8>> {
    let made = u32::try_from(generated.timestamp()).unwrap_or_default();
    let mut encoder = GzBuilder::new().mtime(made).write(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

/// Serialises a value as JSON and compresses it.
///
/// # Errors
/// If it cannot be serialised.
pub fn pack_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    serde_json::to_writer(&mut encoder, value)?;
    encoder.finish()
}

/// The decompressed content, and the time in the header if there is one.
///
/// # Errors
/// A phrase that says why it cannot be decompressed.
pub fn unpack(compressed: &[u8], max_bytes: usize) -> Result<(Vec<u8>, Option<DateTime<Utc>>), String> {
    let mut decoder = GzDecoder::new(compressed);
    let mut content = Vec::new();
    let read = decoder.by_ref().take(max_bytes as u64 + 1).read_to_end(&mut content);
    read.map_err(|error| format!("it cannot be unpacked whole: {error}"))?;
    if content.len() > max_bytes {
        return Err(format!("it unpacks to more than {max_bytes} bytes"));
    }
    let made = decoder.header().map(|header| header.mtime()).filter(|made| *made > 0);
    if !decoder.into_inner().is_empty() {
        return Err("something stands behind the end of what was packed".to_owned());
    }
    Ok((content, made.and_then(|made| DateTime::from_timestamp(made.into(), 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> DateTime<Utc> {
        "2026-04-01T08:15:00Z".parse().unwrap()
    }

    #[test]
    fn content_is_compressed_and_decompressed_with_its_time() {
        let compressed = pack(b"user,arn", made()).unwrap();
        assert_eq!(unpack(&compressed, 8).unwrap(), (b"user,arn".to_vec(), Some(made())));
        let timeless = pack(b"user,arn", DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(unpack(&timeless, 8).unwrap().1, None, "0 is RFC 1952's word for no time");
    }

    #[test]
    fn a_damaged_gzip_stream_is_an_error_and_gives_no_part() {
        let compressed = pack(b"user,arn\nalice,x", made()).unwrap();
        for (name, compressed, max_bytes, said) in [
            ("cut short", &compressed[..compressed.len() - 1], 100, "cannot be unpacked whole"),
            (
                "a bit flipped",
                &[&compressed[..15], &[compressed[15] ^ 4], &compressed[16..]].concat(),
                100,
                "unpacked",
            ),
            ("too large", &compressed[..], 15, "more than 15 bytes"),
            ("two in one", &[&compressed[..], &compressed].concat(), 100, "behind the end"),
            ("no gzip", b"user,arn", 100, "cannot be unpacked whole"),
        ] {
            let error = unpack(compressed, max_bytes).unwrap_err();
            assert!(error.contains(said), "{name}: {error}");
        }
    }
}
