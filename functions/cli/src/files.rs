//! Which files are meant, and what they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shared::cloudtrail::key::ObjectKind;

/// What is to be read, and what is not.
#[derive(Default)]
pub struct Files {
    /// Files to read, with their sizes in bytes, in an order that does not depend on the arguments'.
    pub found: Vec<(PathBuf, u64)>,
    /// How many files were left alone, by what they are.
    pub skipped: BTreeMap<ObjectKind, u64>,
    /// What could not be looked at, in sentences.
    pub failed: Vec<String>,
}

impl Files {
    /// Everything under the paths. A file that is named itself is read whatever its name is.
    pub fn under(paths: &[PathBuf]) -> Files {
        let mut files = Files::default();
        for path in paths {
            let before = files.found.len();
            match fs::metadata(path) {
                Err(error) => files.fail(path, &error),
                Ok(metadata) if metadata.is_dir() => {
                    let failed_before = files.failed.len();
                    files.folder(path);
                    if files.found.len() == before && files.failed.len() == failed_before {
                        files.failed.push(format!(
                            "{}: there is no log file (.json or .json.gz) in it",
                            path.display()
                        ));
                    }
                }
                Ok(metadata) => files.file(path, &metadata),
            }
        }
        files.found.sort();
        files.found.dedup();
        files
    }

    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &error),
        };
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    self.fail(folder, &error);
                    continue;
                }
            };
            match fs::symlink_metadata(&path) {
                Err(error) => self.fail(&path, &error),
                Ok(metadata) if metadata.is_dir() => self.folder(&path),
                Ok(_) => self.in_folder(&path),
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
            // A link to a folder: what it leads to is read when it is named itself.
            Ok(metadata) if metadata.is_dir() => *self.skipped.entry(ObjectKind::Other).or_default() += 1,
            Ok(metadata) => self.file(path, &metadata),
        }
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        if metadata.is_file() {
            self.found.push((path.to_owned(), metadata.len()));
        } else {
            self.failed.push(format!("{}: it is neither a file nor a folder", path.display()));
        }
    }

    fn fail(&mut self, path: &Path, error: &std::io::Error) {
        self.failed.push(format!("{}: {error}", path.display()));
    }
}
