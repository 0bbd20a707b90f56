//! Sizes in Docker's notation: `512m`, `1g`, `1.5gb`, powers of 1024.

use crate::model::error::ModelError;
use crate::model::yaml::Node;

/// A size in a file.
pub(crate) fn read(node: &Node, what: &str) -> Result<u64, ModelError> {
    let text = node.loose(what)?;
    parse(text).ok_or_else(|| node.error(format!("{what} is no size: `{text}`")).hint("write it like 512m or 1g"))
}

/// Parses a size; none when it is not one.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let power = match unit.strip_suffix('b').map_or(unit, |unit| unit.strip_suffix('i').unwrap_or(unit)) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    // The engine takes a signed 64-bit count.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (bytes < 9e18).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dockers_notation() {
        let cases = [
            ("1024", 1024),
            ("64b", 64),
            ("512k", 512 << 10),
            ("300m", 300 << 20),
            ("1g", 1 << 30),
            ("1.5GB", 3 << 29),
            ("2GiB", 2 << 30),
            ("2 gb", 2 << 30),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "g", "1x", "-1m", "1.2.3", "99999999p"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
