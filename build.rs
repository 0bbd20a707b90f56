//! Puts the stack into the binary: `src/scaffold` includes the archive that is written here.

#[path = "build/pack.rs"]
mod pack;

use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo sets no {name}")));
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let archive = PathBuf::from(variable("OUT_DIR")?).join("stack.tar.gz");
    for part in pack::PARTS {
        println!("cargo:rerun-if-changed={part}");
    }
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=build.rs");
    std::fs::write(archive, pack::pack(&root, &pack::list(&root)?)?)
}
