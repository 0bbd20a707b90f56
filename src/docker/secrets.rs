//! Secrets of a container as the archive that the engine takes. Pure.

use std::io;

use tar::{Builder, Header};

use crate::engine::backend::SecretFile;

/// The files, with their owners and modes.
pub(super) fn archive(files: &[SecretFile]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for file in files {
        let content = file.content.reveal();
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_uid(file.uid.into());
        header.set_gid(file.gid.into());
        header.set_mode(file.mode);
        archive.append_data(&mut header, &file.name, content)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn owner_and_mode_are_as_asked_for() {
        let file = SecretFile { name: "key".into(), uid: 7, gid: 8, mode: 0o440, content: "hunter2".into() };
        let bytes = archive(&[file]).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mode().unwrap()), (7, 8, 0o440));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!((entry.path().unwrap().to_str(), text.as_str()), (Some("key"), "hunter2"));
    }
}
