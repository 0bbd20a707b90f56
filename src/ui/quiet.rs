//! `--quiet`: warnings only; failures are printed by whoever ends the command.

use std::io::{self, Write};
use std::time::Duration;

use super::render::Consumer;
use crate::event::Event;

/// The renderer.
pub(super) struct Quiet<W>(pub(super) W);

impl<W: Write + Send> Consumer for Quiet<W> {
    fn event(&mut self, _at: Duration, event: &Event) -> io::Result<()> {
        if let Event::Warning { text, hint } = event {
            writeln!(self.0, "{}", super::failure::warning(text, hint.as_deref()))?;
        }
        Ok(())
    }
}
