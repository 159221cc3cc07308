//! The log files that are scanned: made once, and again when they would come out differently.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use iamwatch_tests::corpus::{Corpus, Written};
use serde_json::{Value, json};

/// The folder with the log files of `corpus`, made unless an earlier run made the same.
pub fn prepared(name: &str, corpus: &Corpus) -> anyhow::Result<(PathBuf, Written)> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let folder = target.join("corpus").join(name);
    let stamp = folder.with_extension("stamp.json");
    let parameters = format!("{corpus:?} {:016x}", corpus.fingerprint());
    if let Some(written) = read_stamp(&stamp, &parameters) {
        return Ok((folder, written));
    }
    for result in [fs::remove_file(&stamp), fs::remove_dir_all(&folder)] {
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let written = corpus.write_to(&folder)?;
    let content = json!({
        "parameters": parameters,
        "files": written.files,
        "records": written.records,
        "plain_bytes": written.plain_bytes,
        "gzip_bytes": written.gzip_bytes,
    });
    fs::write(&stamp, content.to_string())?;
    Ok((folder, written))
}

/// The files written before, if the stamp exists and is for `parameters`.
fn read_stamp(stamp: &Path, parameters: &str) -> Option<Written> {
    let stamp: Value = serde_json::from_slice(&fs::read(stamp).ok()?).ok()?;
    let number = |name: &str| usize::try_from(stamp[name].as_u64()?).ok();
    (stamp["parameters"] == parameters).then_some(())?;
    Some(Written {
        files: number("files")?,
        records: number("records")?,
        plain_bytes: number("plain_bytes")?,
        gzip_bytes: number("gzip_bytes")?,
    })
}
