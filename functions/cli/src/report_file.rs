//! The file that holds a credential report: the CSV, the CSV compressed with gzip, or the output of
//! `aws iam get-credential-report`.
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

/// An account has at most 5,000 users; their report has at most 3 MB.
const MAX_BYTES: usize = 64 << 20;

/// A credential report, and when AWS made it.
pub struct ReportFile {
    /// The CSV.
    pub content: Vec<u8>,
    /// When AWS made it; `None` if the file does not say.
    pub generated: Option<DateTime<Utc>>,
}

/// The output of the AWS CLI.
#[derive(Deserialize)]
struct CliOutput {
    #[serde(rename = "Content")]
    content: String,
    #[serde(rename = "GeneratedTime")]
    generated: Option<DateTime<Utc>>,
}

impl ReportFile {
    /// Reads a file, or standard input if the path is `-`.
    pub fn read(path: &Path) -> anyhow::Result<ReportFile> {
        let content = if path == "-" { read_limited(io::stdin())? } else { read_limited(File::open(path)?)? };
        if content.starts_with(&[0x1f, 0x8b]) {
            let (content, header_time) = unpack(&content, MAX_BYTES).map_err(anyhow::Error::msg)?;
            let file = ReportFile::of(content)?;
            return Ok(ReportFile { generated: file.generated.or(header_time), ..file });
        }
        ReportFile::of(content)
    }

    fn of(content: Vec<u8>) -> anyhow::Result<ReportFile> {
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
        if !text.trim_ascii_start().starts_with(b"{") {
            return Ok(ReportFile { content, generated: None });
        }
        let output: CliOutput =
            serde_json::from_slice(text).context("it is not what `aws iam get-credential-report` prints")?;
        let content = BASE64_STANDARD.decode(&output.content).context("its Content is not Base64")?;
        Ok(ReportFile { content, generated: output.generated })
    }
}

fn read_limited(file: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut content)?;
    if content.len() > MAX_BYTES {
        bail!("it has more than {MAX_BYTES} bytes, as no credential report has");
    }
    Ok(content)
}
