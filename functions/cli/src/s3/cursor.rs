//! Where reading a bucket stands, kept in a file so that the same command goes on there.

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

/// The form of the file; another one is not read.
const FORMAT: u32 = 1;

/// Where to leave it when nobody has said where.
pub const DEFAULT_FILE: &str = "iamwatch-resume.json";

/// Where reading stands.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor<K> {
    format: u32,
    /// The command and its arguments, as far as they decide what is read and what becomes of it.
    asked: Value,
    /// What is to be read, in its order; nothing before that is known.
    pub batches: Option<Vec<Batch>>,
    /// How many of them are done.
    pub batches_done: usize,
    /// The log files of the next one that are done: `s3://bucket/key`.
    pub done: BTreeSet<String>,
    /// What was read.
    pub counts: Counts,
    /// How many log files are done, and how many bytes these have as they are stored.
    pub objects: u64,
    pub bytes: u64,
    /// Objects that are no log files.
    pub skipped_objects: u64,
    /// What could not be looked at, in sentences.
    pub failed: Vec<String>,
    /// What the command has found.
    pub found: K,
}

/// What is read before it is noted that it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The bucket.
    pub bucket: String,
    /// What of it.
    pub stretches: Vec<KeyRange>,
}

impl Batch {
    /// How many log files it had when it was made.
    pub fn objects(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.objects).sum()
    }
}

impl<K: Default + Serialize + DeserializeOwned> Cursor<K> {
    /// Nothing is read yet.
    pub fn new(asked: Value) -> Cursor<K> {
        Cursor {
            format: FORMAT,
            asked,
            batches: None,
            batches_done: 0,
            done: BTreeSet::new(),
            counts: Counts::default(),
            objects: 0,
            bytes: 0,
            skipped_objects: 0,
            failed: Vec::new(),
            found: K::default(),
        }
    }

    /// What a file says; nothing where there is none.
    ///
    /// # Errors
    /// Why it cannot be gone on with.
    pub fn read(file: &Path, asked: &Value) -> anyhow::Result<Option<Cursor<K>>> {
        let content = match fs::read(file) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        };
        #[derive(Deserialize)]
        struct About {
            format: u32,
            asked: Value,
        }
        let wrong = || format!("--resume is {}; it must be a file that iamwatch left", file.display());
        let about: About = serde_json::from_slice(&content).with_context(wrong)?;
        if about.format != FORMAT {
            bail!("{}: its format is {}, not {FORMAT}", wrong(), about.format);
        }
        if about.asked != *asked {
            bail!(
                "--resume is {}, which is of another command; it must be given with the same arguments: it was left by {}, and this is {asked}",
                file.display(),
                about.asked
            );
        }
        serde_json::from_slice(&content).with_context(wrong).map(Some)
    }

    /// Writes it, for whoever runs the program alone to read: it holds records. A crash while it is written leaves
    /// what was there before.
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
