//! Diagnostics of pipectl itself (`-vv`, or `PIPECTL_LOG=filter`): to standard error, without tearing the progress display.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use super::Ui;

/// Variable with a filter such as `pipectl=debug,bollard=trace`.
pub const LOG_VARIABLE: &str = "PIPECTL_LOG";

/// Installs the subscriber; a second call is ignored (tests). `level` counts the `-v`.
pub(super) fn install(ui: &Ui, level: u8) {
    let default = match level {
        0 | 1 => "pipectl=warn",
        2 => "pipectl=debug",
        _ => "pipectl=trace,bollard=debug",
    };
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let ui = ui.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || Lines { ui: ui.clone(), buffer: Vec::new() })
        .finish();
    // Only fails when one is installed already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Collects one record and prints it as a whole.
struct Lines {
    ui: Ui,
    buffer: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.ui.say(String::from_utf8_lossy(&self.buffer).trim_end());
    }
}
