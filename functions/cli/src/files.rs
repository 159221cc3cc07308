//! Which files are meant, and what they are.
//!
//! In a folder, files are told apart by CloudTrail's own names; under any other name, what ends in `.json` or
//! `.json.gz` is read. A file that is named itself is read whatever it is called, except CloudTrail's digests and
//! the like: `iamwatch sign-in $(find logs -name '*.json.gz')` comes to the same as `iamwatch sign-in logs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use shared::formats::cloudtrail::key::ObjectKind;

/// A file to read.
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The device it is on, and its number there: the same by whichever path it is reached.
    identity: (u64, u64),
}

/// What is to be read, and what is not.
#[derive(Default)]
pub struct Files {
    /// Files to read, in an order that does not depend on the arguments'.
    pub found: Vec<Found>,
    /// How many files were left alone, by what they are.
    pub skipped: BTreeMap<ObjectKind, u64>,
    /// How many links to folders were not followed.
    pub folder_links: u64,
    /// What could not be looked at, in sentences.
    pub failed: Vec<String>,
}

impl Files {
    /// Everything under the paths.
    pub fn under(paths: &[PathBuf]) -> Files {
        let mut files = Files::default();
        for path in paths {
            let before = (files.found.len(), files.failed.len());
            match fs::metadata(path) {
                Err(error) => files.fail(path, &error),
                Ok(metadata) if metadata.is_dir() => {
                    files.folder(path);
                    if before == (files.found.len(), files.failed.len()) {
                        files.failed.push(format!(
                            "{}: there is no log file (.json or .json.gz) in it; \
                             a file with another ending is read when it is named itself",
                            path.display()
                        ));
                    }
                }
                Ok(metadata) => files.named(path, &metadata),
            }
        }
        if files.found.is_empty() && files.failed.is_empty() {
            files.failed.push("anything: by their names, none of the files is a log file".to_owned());
        }
        files.once_each();
        files
    }

    /// The same file may be reached by several of the paths: `logs`, `./logs`, `logs/a.json`.
    fn once_each(&mut self) {
        // As text: paths compare component by component, which takes its time for thousands of them.
        self.found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        let mut seen = BTreeSet::new();
        self.found.retain(|file| seen.insert(file.identity));
    }

    fn named(&mut self, path: &Path, metadata: &fs::Metadata) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match ObjectKind::of_key(&name) {
            ObjectKind::LogFile | ObjectKind::Other | ObjectKind::OtherService => self.file(path, metadata),
            kind => *self.skipped.entry(kind).or_default() += 1,
        }
    }

    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &error),
        };
        for entry in entries {
            let entry = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())));
            match entry {
                Err(error) => self.fail(folder, &error),
                Ok((kind, path)) if kind.is_dir() => self.folder(&path),
                // What it leads to is read when it is named itself: links may lead in circles.
                Ok((kind, path)) if kind.is_symlink() && path.is_dir() => self.folder_links += 1,
                Ok((_, path)) => self.in_folder(&path),
            }
        }
    }

    fn in_folder(&mut self, path: &Path) {
        let name = path.to_string_lossy();
        let kind = match ObjectKind::of_key(&name) {
            // Copied out of their folders and renamed, log files are still read.
            ObjectKind::Other if name.ends_with(".json") || name.ends_with(".json.gz") => ObjectKind::LogFile,
            kind => kind,
        };
        if kind != ObjectKind::LogFile {
            *self.skipped.entry(kind).or_default() += 1;
            return;
        }
        match fs::metadata(path) {
            Err(error) => self.fail(path, &error),
            Ok(metadata) => self.file(path, &metadata),
        }
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        if metadata.is_file() {
            let identity = (metadata.dev(), metadata.ino());
            self.found.push(Found { path: path.to_owned(), bytes: metadata.len(), identity });
        } else {
            self.failed.push(format!(
                "{}: it is neither a file nor a folder; save what it gives to a file and name that",
                path.display()
            ));
        }
    }

    fn fail(&mut self, path: &Path, error: &std::io::Error) {
        self.failed.push(format!("{}: {error}", path.display()));
    }
}
