//! The tar of one volume: what may be in it, and writing it anew for an engine.
//!
//! What is restored is never the bytes of the file but what was understood of them: an archive that two readers
//! understand differently cannot bring in anything that was not checked.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::engine::transfer::ROOT;

/// Keys of extended attributes in PAX headers.
const XATTR: &str = "SCHILY.xattr.";

/// Why the tar of a volume is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// One entry.
    #[error("{entry}: {why}")]
    Entry {
        /// Its path.
        entry: String,
        /// What is wrong with it.
        why: String,
    },
    /// The archive as such, or the way it came.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What was read of an entry.
struct Understood {
    /// Path below the root of the volume; empty for the root.
    path: PathBuf,
    kind: EntryType,
    header: Header,
    /// Target of a link; of a hard link below the root.
    link: Option<PathBuf>,
    xattrs: Vec<(String, Vec<u8>)>,
}

/// Reads a whole archive, refusing what no volume of a service holds. Returns the number of regular files.
pub(super) fn check(source: &mut dyn Read) -> Result<u64, Refusal> {
    walk(source, |_, _| Ok(()))
}

/// Reads a whole archive and writes it anew with its paths below `root`.
pub(super) fn rewrite(source: &mut dyn Read, output: impl Write, root: &str) -> Result<u64, Refusal> {
    let mut builder = Builder::new(output);
    let files = walk(source, |entry, data| append(&mut builder, entry, data, Path::new(root)))?;
    builder.into_inner()?.flush()?;
    Ok(files)
}

/// True as soon as there is anything in the volume.
pub(super) fn has_content(source: &mut dyn Read) -> Result<bool, Refusal> {
    for entry in tar::Archive::new(source).entries()? {
        let entry = entry?;
        if !below_root(&entry.path_bytes())?.as_os_str().is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn walk(
    mut source: &mut dyn Read,
    mut each: impl FnMut(&Understood, &mut dyn Read) -> io::Result<()>,
) -> Result<u64, Refusal> {
    let mut seen: BTreeMap<PathBuf, EntryType> = BTreeMap::new();
    let mut files = 0;
    let mut archive = tar::Archive::new(&mut source);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let understood = understand(&mut entry, &seen)?;
        files += u64::from(understood.kind == EntryType::Regular);
        let name = understood.path.display().to_string();
        let (mut bytes, size) = (0, entry.size());
        each(&understood, &mut Counting { inner: &mut entry, bytes: &mut bytes })?;
        bytes += io::copy(&mut entry, &mut io::sink())?;
        if bytes != size {
            return Err(refusal(name.as_bytes(), "it ends too early"));
        }
        seen.insert(understood.path, understood.kind);
    }
    if seen.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty").into());
    }
    // The empty blocks behind the last entry are part of what is measured.
    io::copy(&mut source, &mut io::sink())?;
    Ok(files)
}

fn understand<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    seen: &BTreeMap<PathBuf, EntryType>,
) -> Result<Understood, Refusal> {
    let name = entry.path_bytes().into_owned();
    let path = below_root(&name)?;
    let kind = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => EntryType::Regular,
        kind @ (EntryType::Directory | EntryType::Symlink | EntryType::Link | EntryType::Fifo) => kind,
        EntryType::Block | EntryType::Char => return Err(refusal(&name, "a device node")),
        other => {
            return Err(refusal(&name, &format!("a kind of entry that no volume holds ({:#04x})", other.as_byte())));
        }
    };
    if seen.contains_key(&path) {
        return Err(refusal(&name, "it is there twice"));
    }
    if path.as_os_str().is_empty() && kind != EntryType::Directory {
        return Err(refusal(&name, "the volume itself is no directory"));
    }
    // Written through a symbolic link, it would land outside of its directory.
    let through = path.ancestors().skip(1).find(|above| seen.get(*above).is_some_and(|kind| !kind.is_dir()));
    if let Some(through) = through {
        return Err(refusal(&name, &format!("it goes through {}, which is no directory", through.display())));
    }
    let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let link = match kind {
        EntryType::Symlink => Some(PathBuf::from(OsStr::from_bytes(&target))),
        EntryType::Link => {
            let target = below_root(&target)?;
            if seen.get(&target) != Some(&EntryType::Regular) {
                return Err(refusal(
                    &name,
                    &format!("a hard link to {}, which is no file before it", target.display()),
                ));
            }
            Some(target)
        }
        _ => None,
    };
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(entry.size());
    let from = entry.header();
    header.set_mode(from.mode()?);
    header.set_uid(from.uid()?);
    header.set_gid(from.gid()?);
    header.set_mtime(from.mtime()?);
    let mut xattrs = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let Ok(key) = extension.key() else { return Err(refusal(&name, "an attribute without a readable name")) };
        let number = || extension.value().ok().and_then(|text| text.parse().ok());
        match key {
            "uid" => header.set_uid(number().ok_or_else(|| refusal(&name, "its owner is no number"))?),
            "gid" => header.set_gid(number().ok_or_else(|| refusal(&name, "its group is no number"))?),
            key if key.starts_with(XATTR) => xattrs.push((key.to_owned(), extension.value_bytes().to_vec())),
            _ => {}
        }
    }
    Ok(Understood { path, kind, header, link, xattrs })
}

/// The path below [`ROOT`], or why it cannot be one.
fn below_root(name: &[u8]) -> Result<PathBuf, Refusal> {
    let mut components = Path::new(OsStr::from_bytes(name)).components();
    let first = components.next();
    if first != Some(Component::Normal(OsStr::new(ROOT))) || name.contains(&0) {
        return Err(refusal(name, "it lies outside of the volume"));
    }
    let mut path = PathBuf::new();
    for component in components {
        match component {
            Component::Normal(part) => path.push(part),
            _ => return Err(refusal(name, "it lies outside of the volume")),
        }
    }
    Ok(path)
}

fn refusal(entry: &[u8], why: &str) -> Refusal {
    Refusal::Entry { entry: String::from_utf8_lossy(entry).into_owned(), why: why.to_owned() }
}

fn append(builder: &mut Builder<impl Write>, entry: &Understood, data: &mut dyn Read, root: &Path) -> io::Result<()> {
    let below = |path: &Path| if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) };
    let mut header = entry.header.clone();
    builder.append_pax_extensions(entry.xattrs.iter().map(|(key, value)| (key.as_str(), value.as_slice())))?;
    let path = below(&entry.path);
    match (&entry.link, entry.kind) {
        (Some(target), EntryType::Link) => builder.append_link(&mut header, path, below(target)),
        (Some(target), _) => builder.append_link(&mut header, path, target),
        // The mark of a directory that older readers go by.
        (None, EntryType::Directory) => builder.append_data(&mut header, path.join(""), data),
        (None, _) => builder.append_data(&mut header, path, data),
    }
}

struct Counting<'a, R> {
    inner: R,
    bytes: &'a mut u64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        *self.bytes += count as u64;
        Ok(count)
    }
}
