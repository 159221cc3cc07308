//! `make docs`: writes the parts of the documentation that are made from the code. A test holds them to it.

mod pages;

use std::io::Write;
use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in pages::current(&root)? {
        if fs::read_to_string(&page.path)? == page.content {
            continue;
        }
        fs::write(&page.path, page.content)?;
        writeln!(io::stdout(), "wrote {}", page.path.display())?;
    }
    Ok(())
}
