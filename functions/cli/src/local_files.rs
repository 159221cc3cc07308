//! Which local files to read.
//!
//! In a folder, log files are recognised by CloudTrail's own names; of all other names, those that end in `.json` or
//! `.json.gz` are read. A file that an argument names is read whatever its name, except CloudTrail's digests and the
//! like: `iamwatch sign-in $(find logs -name '*.json.gz')` reads the same as `iamwatch sign-in logs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use shared::formats::cloudtrail::key::ObjectKind;

use crate::read_totals::not_read;

/// A file to read.
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Device and inode: the same for every path to the file.
    identity: (u64, u64),
}

/// Which files to read, and which not.
#[derive(Default)]
pub struct FileSelection {
    /// Files to read, sorted by path.
    pub files: Vec<LocalFile>,
    /// How many files are not read, by kind.
    pub skipped: BTreeMap<ObjectKind, u64>,
    /// How many links to folders are not followed.
    pub folder_links: u64,
    /// A sentence for each path that cannot be read.
    pub failures: Vec<String>,
}

impl FileSelection {
    /// Selects the files at and below the paths.
    pub fn under(paths: &[PathBuf]) -> FileSelection {
        let mut selection = FileSelection::default();
        for path in paths {
            let before = (selection.files.len(), selection.failures.len());
            match fs::metadata(path) {
                Err(error) => selection.fail(path, &error),
                Ok(metadata) if metadata.is_dir() => {
                    selection.add_folder(path);
                    if before == (selection.files.len(), selection.failures.len()) {
                        selection.failures.push(not_read(
                            path.display(),
                            "there is no log file (.json or .json.gz) in it; \
                             a file with another ending is read when it is named itself",
                        ));
                    }
                }
                Ok(metadata) => selection.add_named(path, &metadata),
            }
        }
        if selection.files.is_empty() && selection.failures.is_empty() {
            selection.failures.push(not_read("anything", "by their names, none of the files is a log file"));
        }
        selection.sort_and_deduplicate();
        selection
    }

    /// Several paths may lead to the same file: `logs`, `./logs`, `logs/a.json`.
    fn sort_and_deduplicate(&mut self) {
        // As text: paths compare component by component, which is slow for thousands of them.
        self.files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        let mut seen = BTreeSet::new();
        self.files.retain(|file| seen.insert(file.identity));
    }

    fn add_named(&mut self, path: &Path, metadata: &fs::Metadata) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match ObjectKind::of_key(&name) {
            ObjectKind::LogFile | ObjectKind::Other | ObjectKind::OtherService => {
                self.add_file(path, metadata)
            }
            kind => *self.skipped.entry(kind).or_default() += 1,
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &error),
        };
        for entry in entries {
            let entry = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())));
            match entry {
                Err(error) => self.fail(folder, &error),
                Ok((kind, path)) if kind.is_dir() => self.add_folder(&path),
                // Links may form a circle; the target is read if an argument names it.
                Ok((kind, path)) if kind.is_symlink() && path.is_dir() => self.folder_links += 1,
                Ok((_, path)) => self.add_if_log_file(&path),
            }
        }
    }

    fn add_if_log_file(&mut self, path: &Path) {
        let name = path.to_string_lossy();
        let kind = match ObjectKind::of_key(&name) {
            // Log files that were renamed or copied elsewhere are still read.
            ObjectKind::Other if name.ends_with(".json") || name.ends_with(".json.gz") => ObjectKind::LogFile,
            kind => kind,
        };
        if kind != ObjectKind::LogFile {
            *self.skipped.entry(kind).or_default() += 1;
            return;
        }
        match fs::metadata(path) {
            Err(error) => self.fail(path, &error),
            Ok(metadata) => self.add_file(path, &metadata),
        }
    }

    fn add_file(&mut self, path: &Path, metadata: &fs::Metadata) {
        if metadata.is_file() {
            let identity = (metadata.dev(), metadata.ino());
            self.files.push(LocalFile { path: path.to_owned(), bytes: metadata.len(), identity });
        } else {
            self.failures.push(not_read(
                path.display(),
                "it is neither a file nor a folder; save its content to a file and name that file",
            ));
        }
    }

    fn fail(&mut self, path: &Path, error: &std::io::Error) {
        self.failures.push(not_read(path.display(), error));
    }
}
