//! Writes the sample to `tests/fixtures/sample`, in place of the one that is there.

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
    Ok(())
}
