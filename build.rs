//! Lays the drop-ins of `core/` ready for the wheel, as data: under names that nothing imports.

use std::env::var_os;
use std::fs::{copy, create_dir_all, read_dir};
use std::io::{self, Write, stdout};
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(var_os("OUT_DIR").unwrap_or_default()).join("dropins");
    create_dir_all(&folder)?;
    for entry in read_dir("core")? {
        let path = entry?.path();
        if let (Some(name), Some("py")) = (path.file_name(), path.extension().and_then(|end| end.to_str())) {
            // The folder itself changes whenever Python puts its own files there.
            writeln!(stdout(), "cargo::rerun-if-changed={}", path.display())?;
            let mut name = name.to_os_string();
            if name != "__init__.py" {
                name.push(".txt");
                copy(&path, folder.join(name))?;
            }
        }
    }
    Ok(())
}
