//! Cuts a byte stream that arrives in arbitrary pieces into lines.

/// Collects pieces of one stream.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    rest: Vec<u8>,
}

impl LineBuffer {
    /// Adds a piece and returns the lines it completed, without their ends. Bytes that are not UTF-8 are replaced.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(piece);
        let Some(last) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let tail = self.rest.split_off(last + 1);
        let complete = std::mem::replace(&mut self.rest, tail);
        complete[..last].split(|byte| *byte == b'\n').map(text).collect()
    }

    /// True when a line has begun that has not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The unfinished last line.
    pub(super) fn finish(&mut self) -> Option<String> {
        self.is_open().then(|| text(&std::mem::take(&mut self.rest)))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::LineBuffer;

    #[test]
    fn pieces_become_lines() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.push(b"on"), [""; 0]);
        assert_eq!(buffer.push(b"e\r\ntwo\n\nth"), ["one", "two", ""]);
        assert!(buffer.is_open());
        assert_eq!(buffer.finish().as_deref(), Some("th"));
        assert_eq!(buffer.finish(), None);
    }
}
