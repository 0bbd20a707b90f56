//! The frame: manifest first, then members, then the digest of the manifest. Written in one pass to `FILE.partial`: the room
//! of the manifest is reserved and filled at the end, a member's length is written when it is known.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::error::BackupError;
use super::manifest::{Head, Kind};

/// First member.
const MANIFEST: &str = "manifest.json";
/// Last member: the line that `sha256sum -c` wants.
const SEAL: &str = "manifest.sha256";
/// Unit of tar.
const BLOCK: u64 = 512;
/// An empty one: a place for a header, and two of them end a tar.
const EMPTY: [u8; 512] = [0; 512];
/// A manifest is never larger: what claims to be is damaged.
const MOST_MANIFEST: u64 = 16 << 20;

/// Writes such a file. Dropped before [`Writer::finish`], it leaves nothing.
pub struct Writer {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    room: u64,
    finished: bool,
}

impl Writer {
    /// Begins; `draft` is a manifest that is at least as long in writing as the final one.
    pub fn create(path: &Path, draft: &impl Serialize) -> Result<Self, BackupError> {
        if path.exists() {
            return Err(BackupError::Exists { path: path.to_owned() });
        }
        let failed = |source| BackupError::Write { path: path.to_owned(), source };
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        // What a killed run left. Its owner alone may read the new one, whatever is inside.
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&partial);
        let file = opened.map_err(failed)?;
        let mut writer = Self { file, partial, path: path.to_owned(), room: 0, finished: false };
        writer.reserve(draft).map_err(failed)?;
        Ok(writer)
    }

    fn reserve(&mut self, draft: &impl Serialize) -> io::Result<()> {
        self.room = (text(draft)?.len() as u64).next_multiple_of(BLOCK);
        self.file.write_all(&vec![0; usize::try_from(BLOCK + self.room).map_err(io::Error::other)?])
    }

    /// Adds a member; `write` gives its content.
    pub fn member<T>(&mut self, name: &str, write: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        let start = self.file.stream_position()?;
        self.file.write_all(&EMPTY)?;
        let value = write(&mut self.file)?;
        let end = self.file.stream_position()?;
        let length = end - start - BLOCK;
        self.file.write_all(&vec![0; usize::try_from(length.next_multiple_of(BLOCK) - length).unwrap_or_default()])?;
        let after = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(header(name, length)?.as_bytes())?;
        self.file.seek(SeekFrom::Start(after))?;
        Ok(value)
    }

    /// Writes the manifest and gives the file its name. Returns its size.
    pub fn finish(mut self, manifest: &impl Serialize) -> Result<u64, BackupError> {
        let failed = |path: &Path, source| BackupError::Write { path: path.to_owned(), source };
        let size = self.seal(manifest).map_err(|error| failed(&self.path, error))?;
        std::fs::rename(&self.partial, &self.path).map_err(|error| failed(&self.path, error))?;
        self.finished = true;
        sync_directory(&self.path).map_err(|error| failed(&self.path, error))?;
        Ok(size)
    }

    fn seal(&mut self, manifest: &impl Serialize) -> io::Result<u64> {
        let mut text = text(manifest)?;
        let room = usize::try_from(self.room).map_err(io::Error::other)?;
        if text.len() > room {
            return Err(io::Error::other("the manifest has outgrown its room"));
        }
        text.resize(room, b'\n');
        let line = format!("{:x}  {MANIFEST}\n", Sha256::digest(&text));
        self.member(SEAL, |file| file.write_all(line.as_bytes()))?;
        self.file.write_all(&EMPTY)?;
        self.file.write_all(&EMPTY)?;
        let size = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(header(MANIFEST, self.room)?.as_bytes())?;
        self.file.write_all(&text)?;
        self.file.sync_all()?;
        Ok(size)
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort on the way out of a failure that is reported; the next run removes it too.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

fn text(manifest: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(manifest)?;
    text.push(b'\n');
    Ok(text)
}

fn header(name: &str, length: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(length);
    header.set_mode(0o600);
    header.set_cksum();
    Ok(header)
}

/// A file whose name has changed is safe only once its directory is on the disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(directory)?.sync_all()
}

/// Reads such a file.
pub struct Reader {
    path: PathBuf,
    manifest: Vec<u8>,
    size: u64,
}

impl Reader {
    /// Reads the manifest, and checks that this is such a file, whole to its last member, and not from the future.
    pub fn open(path: &Path, kind: Kind, known: u32) -> Result<Self, BackupError> {
        let expected = match kind {
            Kind::Backup => "backup of pipectl",
            Kind::Images => "archive of images of pipectl",
        };
        let unreadable = |source| BackupError::Read { path: path.to_owned(), source };
        let foreign = |why: &str| BackupError::Foreign { path: path.to_owned(), expected, why: why.to_owned() };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut archive = tar::Archive::new(BufReader::new(file));
        let mut entries = archive.entries().map_err(unreadable)?;
        let Some(Ok(mut first)) = entries.next() else { return Err(foreign("it is not a tar")) };
        if first.path_bytes() != MANIFEST.as_bytes() || first.size() > MOST_MANIFEST {
            return Err(foreign(&format!("its first member is not {MANIFEST}")));
        }
        let damaged = |why: String| BackupError::Damaged { path: path.to_owned(), member: MANIFEST.to_owned(), why };
        let mut manifest = Vec::new();
        let read = first.read_to_end(&mut manifest).map_err(|error| damaged(error.to_string()))?;
        if read as u64 != first.size() {
            return Err(damaged("it ends too early".to_owned()));
        }
        let head: Head = serde_json::from_slice(&manifest).map_err(|error| damaged(error.to_string()))?;
        if head.kind != kind {
            return Err(foreign(match head.kind {
                Kind::Backup => "it is a backup: `pipectl restore` reads it",
                Kind::Images => "it holds images: `pipectl images load` reads it",
            }));
        }
        if head.format > known {
            return Err(BackupError::Newer { path: path.to_owned(), found: head.format, known });
        }
        Ok(Self { path: path.to_owned(), manifest, size })
    }

    /// The manifest.
    pub fn manifest<T: DeserializeOwned>(&self) -> Result<T, BackupError> {
        serde_json::from_slice(&self.manifest).map_err(|error| self.damaged(MANIFEST, &error.to_string()))
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Goes through the whole file: exactly these members, in this order, each handed to `check`, then the seal.
    /// `wrap` sees every byte of the file. Returns where each member's content begins.
    pub fn walk<R: Read>(
        &self,
        members: &[String],
        wrap: impl FnOnce(File) -> R,
        mut check: impl FnMut(usize, &mut dyn Read) -> Result<(), String>,
    ) -> Result<Vec<u64>, BackupError> {
        let unreadable = |source| BackupError::Read { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(unreadable)?;
        let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 16, wrap(file)));
        let mut expected = [MANIFEST].into_iter().chain(members.iter().map(String::as_str)).chain([SEAL]).enumerate();
        let mut starts = Vec::new();
        for entry in archive.entries().map_err(unreadable)? {
            let place = expected.next();
            let name = place.map_or("its end", |(_, name)| name);
            let mut entry = entry.map_err(|error| self.damaged(name, &error.to_string()))?;
            let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some((index, name)) = place else { return Err(self.damaged(&found, "it does not belong there")) };
            if found != name || entry.header().entry_type() != tar::EntryType::Regular {
                return Err(self.damaged(&found, &format!("{name} should stand in its place")));
            }
            let (start, size) = (entry.raw_file_position(), entry.size());
            let mut content = Counted { inner: &mut entry, bytes: 0 };
            let verdict = match index {
                0 => self.same_manifest(&mut content),
                _ if index > members.len() => self.sealed(&mut content),
                _ => check(index - 1, &mut content),
            };
            verdict.map_err(|why| self.damaged(name, &why))?;
            let rest =
                io::copy(&mut content, &mut io::sink()).map_err(|error| self.damaged(name, &error.to_string()))?;
            if content.bytes != size {
                return Err(self.damaged(name, "it ends too early"));
            }
            if rest > 0 {
                return Err(self.damaged(name, &format!("{rest} bytes too many at its end")));
            }
            starts.push(start);
        }
        match expected.next() {
            Some((_, missing)) => Err(self.damaged(missing, "it is missing, the file was cut off")),
            None => Ok(starts.drain(1..=members.len()).collect()),
        }
    }

    fn same_manifest(&self, content: &mut dyn Read) -> Result<(), String> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes == self.manifest { Ok(()) } else { Err("it changes while it is read".to_owned()) }
    }

    fn sealed(&self, content: &mut dyn Read) -> Result<(), String> {
        let mut line = String::new();
        content.take(1024).read_to_string(&mut line).map_err(|error| error.to_string())?;
        let wanted = format!("{:x}  {MANIFEST}\n", Sha256::digest(&self.manifest));
        if line == wanted { Ok(()) } else { Err(format!("{MANIFEST} is not what was written")) }
    }

    /// The content of a member from where [`Reader::walk`] found it.
    pub fn at(&self, start: u64) -> Result<File, BackupError> {
        let unreadable = |source| BackupError::Read { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(unreadable)?;
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        Ok(file)
    }

    /// The error of a part that is not as it was written.
    pub fn damaged(&self, member: &str, why: &str) -> BackupError {
        BackupError::Damaged { path: self.path.clone(), member: member.to_owned(), why: why.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}
