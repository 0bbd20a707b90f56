//! Reads the text files of a project, which people write: none of them is large, and a device or a pipe without an end is none.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// Largest file that is read, in MiB: a hundred times what the largest stack needs.
const LARGEST: u64 = 16;

/// The text of a file. Beside what the operating system refuses, one that is too large is an error of its own words.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = LARGEST << 20;
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {LARGEST} MiB")));
    }
    Ok(text)
}
