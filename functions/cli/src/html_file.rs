//! Writes the HTML report of `--html`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};

/// Checks before anything is read that the report can be written to this file.
pub fn check(file: &Path) -> anyhow::Result<()> {
    // A rename replaces the file: it must not replace a device or a pipe.
    if file.exists() && !file.is_file() {
        bail!("--html {} is not a regular file; it must be one, or not exist", file.display());
    }
    let folder = folder(file);
    if !folder.is_dir() {
        bail!("--html {}: there is no folder {}", file.display(), folder.display());
    }
    Ok(())
}

/// Writes the report beside the file and renames it: until it is complete, the file keeps its content.
pub fn write(file: &Path, report: &str) -> anyhow::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = folder(file).join(name);
    let out = OpenOptions::new().write(true).create_new(true).open(&part);
    let written = out.and_then(|mut out| {
        let written = out
            .write_all(report.as_bytes())
            .and_then(|()| out.sync_all())
            .and_then(|()| fs::rename(&part, file));
        written.inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })
    });
    written.with_context(|| format!("the HTML report {}", file.display()))
}

/// The folder of the file, which need not exist.
fn folder(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
