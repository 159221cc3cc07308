//! Writes the sample to `tests/fixtures/sample` and its credential report beside it, in place of what is there.

use std::{fs, io, path::Path};

use iamwatch_tests::{corpus, sample};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(sample::FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (key, content) in sample::objects()? {
        corpus::write(&folder, &key, &content)?;
    }
    let report = sample::report::report().csv();
    corpus::write(Path::new(env!("CARGO_MANIFEST_DIR")), sample::report::FILE, report.as_bytes())?;
    Ok(())
}
