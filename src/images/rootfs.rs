//! The root file system under every image: pulled where a container registry answers, made from Debian's packages where
//! none does.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc;

use super::catalogue::{Image, ROOTFS_SCRIPT};
use crate::engine::backend::{Backend, BackendError, OutputFn, ProgressFn};

/// What is pulled; `make.sh` makes the equivalent.
const UPSTREAM: &str = "debian:trixie-slim";
/// A registry that has not begun to send by then is taken for absent.
const PULL_PATIENCE: Duration = Duration::from_secs(8);
/// The tool that the script needs and Debian's package of the same name.
const TOOL: &str = "mmdebstrap";
/// Lines of the script's output that a failure shows.
const KEPT_LINES: usize = 30;

/// Gets the root file system and tags it.
pub(super) async fn provide(
    backend: &dyn Backend,
    image: &Image,
    progress: &ProgressFn,
    output: &OutputFn,
) -> Result<String, BackendError> {
    let reference = image.reference();
    let refusal = match pull(backend, progress).await {
        Ok(()) => {
            // What tells the next run that the image is there comes last.
            backend.tag(UPSTREAM, &image.latest()).await?;
            backend.tag(UPSTREAM, &reference).await?;
            return Ok(format!("pulled {UPSTREAM}"));
        }
        Err(reason) => reason,
    };
    output(&format!("{UPSTREAM} cannot be pulled ({refusal}); making the root file system from Debian's packages"));
    if !on_path(TOOL) {
        return Err(BackendError::Refused {
            operation: format!("make {}", image.repository),
            message: format!(
                "{UPSTREAM} cannot be pulled ({refusal}) and {TOOL}, which makes it from Debian's packages, is not \
                 installed; run: sudo apt-get install -y {TOOL} debian-archive-keyring"
            ),
        });
    }
    progress(0, 0, "making the root file system from Debian's packages");
    let dir = tempfile::tempdir().map_err(|error| failed(image, &error.to_string(), Vec::new()))?;
    let archive = dir.path().join("rootfs.tar");
    run(image, &archive, output).await?;
    progress(0, 0, "importing the root file system");
    backend.import(&archive, &image.latest()).await?;
    backend.tag(&image.latest(), &reference).await?;
    Ok("made from Debian's packages".to_owned())
}

/// Pulls, giving up on a registry that does not even begin. The error is a reason for people.
async fn pull(backend: &dyn Backend, progress: &ProgressFn) -> Result<(), String> {
    progress(0, 0, &format!("pulling {UPSTREAM}"));
    let (sender, mut events) = mpsc::unbounded_channel();
    let forward = move |done: u64, total: u64, word: &str| {
        // Bytes only: "trying again" is not a sign of life. A closed receiver means that nobody waits any more.
        if total > 0 {
            let _ = sender.send((done, total, word.to_owned()));
        }
    };
    let mut pulling = std::pin::pin!(backend.pull(UPSTREAM, &forward));
    let mut patience = std::pin::pin!(tokio::time::sleep(PULL_PATIENCE));
    let mut begun = false;
    loop {
        tokio::select! {
            result = &mut pulling => return result.map_err(|error| match error {
                BackendError::Refused { message, .. } => message,
                other => other.to_string(),
            }),
            Some((done, total, word)) = events.recv() => {
                begun = true;
                progress(done, total, &word);
            }
            () = &mut patience, if !begun => {
                return Err(format!("no registry answered within {} s", PULL_PATIENCE.as_secs()));
            }
        }
    }
}

async fn run(image: &Image, archive: &Path, output: &OutputFn) -> Result<(), BackendError> {
    let script = image.origin.dir().join(ROOTFS_SCRIPT);
    let io = |error: std::io::Error| failed(image, &format!("{}: {error}", script.display()), Vec::new());
    let mut child = tokio::process::Command::new("bash")
        .arg(&script)
        .arg(archive)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io)?;
    let (sender, mut lines) = mpsc::channel(64);
    let readers = [
        child.stdout.take().map(|stream| forward_lines(stream, sender.clone())),
        child.stderr.take().map(|stream| forward_lines(stream, sender)),
    ];
    let mut kept = Vec::new();
    while let Some(line) = lines.recv().await {
        output(&line);
        if kept.len() == KEPT_LINES {
            kept.remove(0);
        }
        kept.push(line);
    }
    for reader in readers.into_iter().flatten() {
        reader.await.map_err(|error| failed(image, &error.to_string(), Vec::new()))?.map_err(io)?;
    }
    let status = child.wait().await.map_err(io)?;
    if status.success() {
        return Ok(());
    }
    Err(failed(image, &format!("{ROOTFS_SCRIPT} ended with {status}; it needs root and Debian's archive"), kept))
}

fn forward_lines(
    stream: impl AsyncRead + Send + Unpin + 'static,
    sender: mpsc::Sender<String>,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await? {
            if sender.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    })
}

fn failed(image: &Image, message: &str, output: Vec<String>) -> BackendError {
    BackendError::Build {
        image: image.reference(),
        step: ROOTFS_SCRIPT.to_owned(),
        message: message.to_owned(),
        output,
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
