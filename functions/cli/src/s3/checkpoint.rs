//! The file of `--resume`: how far a bucket was read, for the same command to resume.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::formats::cloudtrail::counts::Counts;
use shared::state::backfill::KeyRange;

/// The version of the file's format. Other versions are refused.
const FORMAT: u32 = 1;

/// The file that is written if reading stops early without `--resume`.
pub const DEFAULT_FILE: &str = "iamwatch-resume.json";

/// How far a bucket was read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint<S> {
    format: u32,
    /// The command that it belongs to: see [`super::job::S3Job::command`].
    #[serde(rename = "asked")]
    command: Value,
    /// What to read, in order; `None` until it is planned.
    pub batches: Option<Vec<S3Batch>>,
    /// How many batches were read.
    pub batches_done: usize,
    /// The log files of the next batch that were read: `s3://bucket/key`.
    pub done: BTreeSet<String>,
    /// What was read, as records and log files.
    pub counts: Counts,
    /// How many log files were read or failed.
    pub objects: u64,
    /// Their stored size in bytes.
    pub bytes: u64,
    /// How many objects are no log files.
    pub skipped_objects: u64,
    /// One sentence for each log file that could not be read, or not as a whole.
    #[serde(rename = "failed")]
    pub failures: Vec<String>,
    /// What the command collected.
    #[serde(rename = "found")]
    pub state: S,
}

/// Log files that are read before the checkpoint counts them as one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Batch {
    /// The bucket.
    pub bucket: String,
    /// The parts of it to read.
    #[serde(rename = "stretches")]
    pub key_ranges: Vec<KeyRange>,
}

impl S3Batch {
    /// How many log files it had when it was planned.
    pub fn objects(&self) -> u64 {
        self.key_ranges.iter().map(|key_range| key_range.objects).sum()
    }
}

impl<S: Default + Serialize + DeserializeOwned> Checkpoint<S> {
    /// The start: nothing is planned or read.
    pub fn new(command: Value) -> Checkpoint<S> {
        Checkpoint {
            format: FORMAT,
            command,
            batches: None,
            batches_done: 0,
            done: BTreeSet::new(),
            counts: Counts::default(),
            objects: 0,
            bytes: 0,
            skipped_objects: 0,
            failures: Vec::new(),
            state: S::default(),
        }
    }

    /// Reads a file; `None` if it does not exist.
    ///
    /// # Errors
    /// The file cannot be read, is no checkpoint, has another format, or belongs to another command.
    pub fn read(file: &Path, command: &Value) -> anyhow::Result<Option<Checkpoint<S>>> {
        let content = match fs::read(file) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        };
        #[derive(Deserialize)]
        struct Header {
            format: u32,
            #[serde(rename = "asked")]
            command: Value,
        }
        let wrong = || format!("--resume is {}; it must be a file that iamwatch left", file.display());
        let header: Header = serde_json::from_slice(&content).with_context(wrong)?;
        if header.format != FORMAT {
            bail!("{}: its format is {}, not {FORMAT}", wrong(), header.format);
        }
        if header.command != *command {
            bail!(
                "--resume is {}, which belongs to another command; the arguments must be the same: they were {}, and are {command}",
                file.display(),
                header.command
            );
        }
        serde_json::from_slice(&content).with_context(wrong).map(Some)
    }

    /// Replaces the file. Only its owner may read it: it holds records. A crash leaves either the old or the new
    /// content.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let beside = PathBuf::from(format!("{}.new", file.display()));
        let write = || -> anyhow::Result<()> {
            let _ = fs::remove_file(&beside);
            let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            new.write_all(&serde_json::to_vec(self)?)?;
            new.sync_all()?;
            Ok(fs::rename(&beside, file)?)
        };
        write().with_context(|| format!("could not write {}", file.display()))
    }
}
