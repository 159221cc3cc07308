//! The page that `--html` writes beside the results.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};

/// Finds out before everything is read whether the page could be written there.
pub fn check(file: &Path) -> anyhow::Result<()> {
    // Another file takes its place, which must not be that of a device or a pipe.
    if file.exists() && !file.is_file() {
        bail!("--html {} is no ordinary file; it must be one, or not exist", file.display());
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
    let out = OpenOptions::new().write(true).create_new(true).open(&part);
    let whole = out.and_then(|mut out| {
        let whole = out
            .write_all(page.as_bytes())
            .and_then(|()| out.sync_all())
            .and_then(|()| fs::rename(&part, file));
        whole.inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })
    });
    whole.with_context(|| format!("the page {}", file.display()))
}

/// Where the file is, or is to be.
fn folder(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
