//! Ctrl-C and SIGTERM: the first asks the run to stop where it can be resumed, the second ends the program at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Ui;
use crate::exit;

/// Said after the first signal by commands that change something.
pub const STOPPING: &str = "stopping: no new operations are started, press Ctrl-C again to end at once";

/// Installs the handlers; `message` is printed after the first signal.
pub(super) fn install(ui: Ui, message: Option<&'static str>) -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancelled.is_cancelled() {
                ui.restore_terminal();
                std::process::exit(i32::from(exit::INTERRUPTED));
            }
            // Said first: what the cancelled run says last must not come before it.
            if let Some(message) = message {
                ui.say(message);
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}
