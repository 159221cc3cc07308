//! The file that a credential report comes in: the CSV, the same packed with gzip, or what
//! `aws iam get-credential-report` prints.
//!
//! Source: AWS CLI Command Reference, `iam get-credential-report`, output.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use shared::gzip::unpack;

/// The 5,000 users that an account can have come to 3 MB at most.
const MAX_BYTES: usize = 64 << 20;

/// A report as AWS makes it, and when that was.
pub struct ReportFile {
    /// The CSV.
    pub content: Vec<u8>,
    /// When AWS made it, where the file says so.
    pub generated: Option<DateTime<Utc>>,
}

/// What the AWS CLI prints.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Content")]
    content: String,
    #[serde(rename = "GeneratedTime")]
    generated: Option<DateTime<Utc>>,
}

impl ReportFile {
    /// Reads a file, or standard input where it is called `-`.
    pub fn read(path: &Path) -> anyhow::Result<ReportFile> {
        let content = if path == "-" { limited(io::stdin())? } else { limited(File::open(path)?)? };
        if content.starts_with(&[0x1f, 0x8b]) {
            let (content, packed) = unpack(&content, MAX_BYTES).map_err(anyhow::Error::msg)?;
            let file = ReportFile::of(content)?;
            return Ok(ReportFile { generated: file.generated.or(packed), ..file });
        }
        ReportFile::of(content)
    }

    fn of(content: Vec<u8>) -> anyhow::Result<ReportFile> {
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
        if !text.trim_ascii_start().starts_with(b"{") {
            return Ok(ReportFile { content, generated: None });
        }
        let answer: Answer =
            serde_json::from_slice(text).context("it is not what `aws iam get-credential-report` prints")?;
        let content = BASE64_STANDARD.decode(&answer.content).context("its Content is not Base64")?;
        Ok(ReportFile { content, generated: answer.generated })
    }
}

fn limited(file: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut content)?;
    if content.len() > MAX_BYTES {
        bail!("it has more than {MAX_BYTES} bytes, as no credential report has");
    }
    Ok(content)
}
