//! The page that `--html` writes beside the results.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Finds out before everything is read whether the page could be written there.
pub fn check(file: &Path) -> anyhow::Result<()> {
    if file.is_dir() {
        bail!("--html {} is a folder; it must be a file, which need not exist", file.display());
    }
    let folder = folder(file);
    if !folder.is_dir() {
        bail!("--html {}: there is no folder {}", file.display(), folder.display());
    }
    Ok(())
}

/// Writes the page; what stood in the file before stays until the page is whole.
pub fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = folder(file).join(name);
    written(&part, page)
        .and_then(|()| fs::rename(&part, file))
        .map_err(|error| {
            let _ = fs::remove_file(&part);
            error
        })
        .with_context(|| format!("the page {}", file.display()))
}

fn written(part: &PathBuf, page: &str) -> io::Result<()> {
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).open(part)?;
    out.write_all(page.as_bytes())?;
    out.sync_all()
}

/// Where the file is, or is to be.
fn folder(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
