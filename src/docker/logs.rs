//! Container logs: the engine sends frames of two streams; people want lines.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::connect::DockerEngine;
use super::lines::LineBuffer;
use crate::engine::backend::{LogLine, LogOptions, Result};

impl DockerEngine {
    pub(super) async fn tail_logs(&self, container: &str, tail: usize) -> Result<Vec<String>> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&tail.to_string()).build();
        let context = self.context(format!("read the logs of {container}"), format!("container {container}"));
        let mut frames = self.docker.logs(container, Some(options));
        let (mut out, mut err, mut lines) = (LineBuffer::default(), LineBuffer::default(), Vec::new());
        while let Some(frame) = frames.next().await {
            let (stderr, bytes) = split(frame.map_err(|error| context.error(error))?);
            lines.extend(if stderr { &mut err } else { &mut out }.push(&bytes));
        }
        lines.extend(out.finish());
        lines.extend(err.finish());
        Ok(lines)
    }

    pub(super) async fn stream_logs(
        &self,
        container: &str,
        options: &LogOptions,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<()> {
        let mut query = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true).follow(options.follow);
        if let Some(tail) = options.tail {
            query = query.tail(&tail.to_string());
        }
        if let Some(since) = options.since {
            // The wire format is 32 bits wide in this client; a time beyond it is "now or later" in any case.
            query = query.since(i32::try_from(since).unwrap_or(i32::MAX));
        }
        let context = self.context(format!("follow the logs of {container}"), format!("container {container}"));
        let mut frames = self.docker.logs(container, Some(query.build()));
        let (mut out, mut err) = (Stamped::new(false), Stamped::new(true));
        loop {
            let frame = tokio::select! {
                frame = frames.next() => frame,
                () = lines.closed() => return Ok(()),
            };
            let Some(frame) = frame else { break };
            let (stderr, bytes) = split(frame.map_err(|error| context.error(error))?);
            for line in if stderr { &mut err } else { &mut out }.push(&bytes) {
                if lines.send(line).await.is_err() {
                    return Ok(());
                }
            }
        }
        for line in [out.finish(), err.finish()].into_iter().flatten() {
            if lines.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Stream and bytes of a frame; a terminal's only stream counts as standard output.
pub(super) fn split(frame: LogOutput) -> (bool, bytes::Bytes) {
    match frame {
        LogOutput::StdErr { message } => (true, message),
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            (false, message)
        }
    }
}

/// Lines of one stream, each with a time stamp in front.
struct Stamped {
    stderr: bool,
    buffer: LineBuffer,
}

impl Stamped {
    fn new(stderr: bool) -> Self {
        Self { stderr, buffer: LineBuffer::default() }
    }

    fn push(&mut self, frame: &[u8]) -> Vec<LogLine> {
        // A line over 16 KiB comes in several frames, and the engine stamps each of them.
        let frame = if self.buffer.is_open() { without_stamp(frame) } else { frame };
        self.buffer.push(frame).into_iter().map(|line| parse(&line, self.stderr)).collect()
    }

    fn finish(&mut self) -> Option<LogLine> {
        self.buffer.finish().map(|line| parse(&line, self.stderr))
    }
}

fn parse(line: &str, stderr: bool) -> LogLine {
    match line.split_once(' ') {
        Some((time, text)) if is_stamp(time.as_bytes()) => {
            LogLine { time: time.to_owned(), stderr, text: text.to_owned() }
        }
        // An empty line is nothing but its stamp.
        None if is_stamp(line.as_bytes()) => LogLine { time: line.to_owned(), stderr, text: String::new() },
        _ => LogLine { time: String::new(), stderr, text: line.to_owned() },
    }
}

fn without_stamp(frame: &[u8]) -> &[u8] {
    match frame.iter().position(|byte| *byte == b' ') {
        Some(blank) if is_stamp(&frame[..blank]) => &frame[blank + 1..],
        _ => frame,
    }
}

/// Whether this looks like `2026-11-22T15:25:01.123456789Z` (Podman writes an offset instead of `Z`).
fn is_stamp(word: &[u8]) -> bool {
    word.len() >= 20
        && word[..4].iter().all(u8::is_ascii_digit)
        && (word[4], word[7], word[10], word[13], word[16]) == (b'-', b'-', b'T', b':', b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "2026-11-22T15:25:01.123456789Z";

    #[test]
    fn a_line_is_split_from_its_stamp() {
        let mut stream = Stamped::new(true);
        let lines = stream.push(format!("{STAMP} started in 2 s\n{STAMP} \n").as_bytes());
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].time.as_str(), lines[0].text.as_str()), (STAMP, "started in 2 s"));
        assert!(lines[0].stderr && lines[1].text.is_empty());
    }

    #[test]
    fn a_long_line_in_several_stamped_frames_is_one_line() {
        let mut stream = Stamped::new(false);
        assert!(stream.push(format!("{STAMP} abc").as_bytes()).is_empty());
        let lines = stream.push(format!("{STAMP} def\n").as_bytes());
        assert_eq!(lines[0].text, "abcdef");
    }

    #[test]
    fn an_unfinished_last_line_is_kept() {
        let mut stream = Stamped::new(false);
        assert!(stream.push(b"no stamp, no end").is_empty());
        assert_eq!(stream.finish().map(|line| line.text).as_deref(), Some("no stamp, no end"));
    }
}
