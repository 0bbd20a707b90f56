//! Events for programs: one JSON object a line on standard output, each with `at_ms`, the time since the run began.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::render::Consumer;
use crate::event::Event;
use crate::failure::{Evidence, Failure};

/// The renderer.
pub(super) struct Json<W>(pub(super) W);

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u128,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write + Send> Consumer for Json<W> {
    fn event(&mut self, at: Duration, event: &Event) -> io::Result<()> {
        // A millisecond is the unit of every time in the events.
        let mut line = serde_json::to_string(&Line { at_ms: at.as_millis(), event })?;
        line.push('\n');
        // One write a line and a flush: a program that follows must not wait for a full buffer.
        self.0.write_all(line.as_bytes())?;
        self.0.flush()
    }
}

/// A failure as the last object of the stream, `"event":"failed"`.
pub(super) fn failure(failure: &Failure) -> String {
    let shown = |one: &Evidence| serde_json::json!({ "title": one.title, "lines": one.lines });
    let evidence: Vec<_> = failure.evidence.iter().map(shown).collect();
    serde_json::json!({
        "event": "failed",
        "code": failure.code,
        "message": failure.message,
        "excerpt": failure.excerpt,
        "causes": failure.causes,
        "evidence": evidence,
        "hints": failure.hints,
    })
    .to_string()
}
