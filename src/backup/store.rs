//! Moves content between an engine and a file. The archives are read and written by threads of their own, which meet the
//! engine's streams in pipes of bounded size: nothing is ever held as a whole.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};
use tokio_util::sync::CancellationToken;

use super::archive::{Reader, Writer};
use super::error::BackupError;
use super::holder::Holder;
use super::manifest::{BackupManifest, FileEntry, ImagesManifest, VolumeEntry};
use super::meter::{Meter, Tee, Tell};
use super::volume;
use crate::engine::backend::OutputFn;
use crate::engine::transfer::{ByteStream, Transfer};

/// Bytes that wait between a thread and the engine.
const PIPE: usize = 1 << 18;

/// Appends a volume to a backup and measures it.
pub async fn read_volume(
    engine: &dyn Transfer,
    project: &str,
    writer: Writer,
    entry: VolumeEntry,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<(Writer, VolumeEntry), BackupError> {
    let holder = Holder::make(engine, project, &entry.name, true).await?;
    let result = match engine.read_volume(&holder.name).await {
        Ok(stream) => pack(stream, writer, entry, tell, cancel).await,
        Err(error) => Err(error.into()),
    };
    holder.end(result).await
}

async fn pack(
    stream: ByteStream,
    mut writer: Writer,
    mut entry: VolumeEntry,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<(Writer, VolumeEntry), BackupError> {
    let mut source = incoming(stream, tell, cancel);
    let volume = entry.name.clone();
    let packed = blocking(cancel, move || {
        let path = writer.path().to_owned();
        let member = entry.member();
        let packed = writer.member(&member, |file| {
            let mut gzip = GzEncoder::new(io::BufWriter::with_capacity(1 << 16, file), Compression::fast());
            let files = volume::check(&mut Tee { inner: &mut source, copy: &mut gzip });
            gzip.finish()?.flush()?;
            Ok(files)
        });
        let unwritable = |source| BackupError::Write { path: path.clone(), source };
        let files = packed
            .map_err(unwritable)?
            .map_err(|error| BackupError::Volume { volume: volume.clone(), why: error.to_string() })?;
        let (bytes, sha256) = source.total();
        entry = VolumeEntry { bytes, files, sha256, ..entry };
        Ok((writer, entry))
    });
    packed.await
}

/// Appends a file of the project to a backup.
pub fn write_file(writer: &mut Writer, entry: &FileEntry, content: &[u8]) -> Result<(), BackupError> {
    let path = writer.path().to_owned();
    let written = writer.member(&entry.member(), |file| file.write_all(content));
    written.map_err(|source| BackupError::Write { path, source })
}

/// Reads a backup to its end and compares everything with the manifest. Returns where each volume begins in it,
/// then where each file does.
pub async fn check(
    reader: Arc<Reader>,
    manifest: BackupManifest,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<Vec<u64>, BackupError> {
    let token = cancel.clone();
    blocking(cancel, move || {
        let volumes = manifest.volumes.iter().map(VolumeEntry::member);
        let members: Vec<String> = volumes.chain(manifest.files.iter().map(FileEntry::member)).collect();
        let count = manifest.volumes.len();
        let wrap = |file| Meter::new(file, tell, token.clone());
        reader.walk(&members, wrap, |index, content| match manifest.volumes.get(index) {
            Some(entry) => unpack(content, entry, &token, |source| volume::check(source)),
            None => plain(content, manifest.files[index - count].bytes, &manifest.files[index - count].sha256, &token),
        })
    })
    .await
}

/// Reads an image archive to its end. Returns where the engine's archive begins in it.
pub async fn check_images(
    reader: Arc<Reader>,
    manifest: ImagesManifest,
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<u64, BackupError> {
    let token = cancel.clone();
    blocking(cancel, move || {
        let members = [ImagesManifest::MEMBER.to_owned()];
        let wrap = |file| Meter::new(file, tell, token.clone());
        let starts =
            reader.walk(&members, wrap, |_, content| plain(content, manifest.bytes, &manifest.sha256, &token))?;
        Ok(starts[0])
    })
    .await
}

/// Fills a fresh volume with what a backup has of it.
pub async fn write_volume(
    engine: &dyn Transfer,
    project: &str,
    volume: &str,
    part: (Arc<Reader>, u64, VolumeEntry),
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<(), BackupError> {
    let holder = Holder::make(engine, project, volume, false).await?;
    let root = engine.upload_root();
    let (near, far) = tokio::io::duplex(PIPE);
    let (reader, start, entry) = part;
    let mut output = SyncIoBridge::new(near);
    let token = cancel.clone();
    let feed = blocking(cancel, move || {
        let member = entry.member();
        let mut content = BufReader::new(reader.at(start)?);
        let fed = unpack(&mut content, &entry, &token, |source| {
            let mut told = Meter::new(source, tell, token.clone());
            volume::rewrite(&mut told, &mut output, root)
        });
        // Ends the engine's input: it is whole, or the volume is thrown away.
        drop(output);
        fed.map_err(|why| reader.damaged(&member, &why))
    });
    let stream: ByteStream = Box::pin(ReaderStream::with_capacity(far, PIPE));
    let (sent, given) = tokio::join!(engine.write_volume(&holder.name, stream), feed);
    // An engine that hangs up makes the other side fail as well: its reason is the one to tell.
    let result = match (sent, given) {
        (_, Err(BackupError::Interrupted)) => Err(BackupError::Interrupted),
        (Err(error), _) => Err(error.into()),
        (Ok(()), given) => given,
    };
    holder.end(result).await
}

/// Appends the engine's archive of these images; returns its size and SHA-256.
pub async fn save_images(
    engine: &dyn Transfer,
    mut writer: Writer,
    references: &[String],
    tell: Tell,
    cancel: &CancellationToken,
) -> Result<(Writer, u64, String), BackupError> {
    let mut source = incoming(engine.save_images(references).await?, tell, cancel);
    blocking(cancel, move || {
        let path = writer.path().to_owned();
        let written = writer.member(ImagesManifest::MEMBER, |file| io::copy(&mut source, file));
        written.map_err(|source| BackupError::Write { path, source })?;
        let (bytes, sha256) = source.total();
        Ok((writer, bytes, sha256))
    })
    .await
}

/// Hands the engine its archive back.
pub async fn load_images(
    engine: &dyn Transfer,
    reader: &Reader,
    (start, bytes): (u64, u64),
    tell: Tell,
    output: &OutputFn,
    cancel: &CancellationToken,
) -> Result<(), BackupError> {
    let content = Meter::new(reader.at(start)?.take(bytes), tell, cancel.clone());
    let (near, far) = tokio::io::duplex(PIPE);
    let feed = blocking(cancel, move || {
        let (mut content, mut output) = (content, SyncIoBridge::new(near));
        let copied = io::copy(&mut content, &mut output).and_then(|_| output.shutdown());
        // What the engine says of an input that ended early is clearer than that it hung up.
        Ok(copied.err())
    });
    let stream: ByteStream = Box::pin(ReaderStream::with_capacity(far, PIPE));
    let (sent, given) = tokio::join!(engine.load_images(stream, output), feed);
    match (sent, given?) {
        (Err(error), _) => Err(error.into()),
        (Ok(()), Some(error)) => Err(reader.damaged(ImagesManifest::MEMBER, &error.to_string())),
        (Ok(()), None) => Ok(()),
    }
}

/// A stream as something to read from, measured; it ends early when the user says so.
fn incoming(stream: ByteStream, tell: Tell, cancel: &CancellationToken) -> Meter<impl Read + Send + use<>> {
    let stream = stream.take_until(cancel.clone().cancelled_owned());
    Meter::new(SyncIoBridge::new(StreamReader::new(Box::pin(stream))), tell, cancel.clone())
}

/// Decompresses a volume, has it read, and compares it with its entry.
fn unpack(
    content: &mut dyn Read,
    entry: &VolumeEntry,
    cancel: &CancellationToken,
    read: impl FnOnce(&mut dyn Read) -> Result<u64, volume::Refusal>,
) -> Result<(), String> {
    let mut compressed = BufReader::with_capacity(1 << 16, content);
    let mut source = Meter::new(GzDecoder::new(&mut compressed), Arc::new(|_| ()), cancel.clone());
    let files = read(&mut source).map_err(|error| error.to_string())?;
    let (bytes, sha256) = source.total();
    if (bytes, files, sha256.as_str()) != (entry.bytes, entry.files, entry.sha256.as_str()) {
        return Err("its content is not what the manifest says".to_owned());
    }
    Ok(())
}

fn plain(content: &mut dyn Read, bytes: u64, sha256: &str, cancel: &CancellationToken) -> Result<(), String> {
    let mut source = Meter::new(content, Arc::new(|_| ()), cancel.clone());
    io::copy(&mut source, &mut io::sink()).map_err(|error| error.to_string())?;
    let (read, found) = source.total();
    if read < bytes {
        return Err("it ends too early".to_owned());
    }
    if (read, found.as_str()) != (bytes, sha256) {
        return Err("its content is not what the manifest says".to_owned());
    }
    Ok(())
}

/// Runs on a thread that may block. Whatever it says once the user has ended it, it was interrupted.
async fn blocking<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let ended = tokio::task::spawn_blocking(work).await;
    if cancel.is_cancelled() {
        return Err(BackupError::Interrupted);
    }
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
