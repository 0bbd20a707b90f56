//! Durations in Go's notation: `1m30s`, `1.5s`, `100ms`.

use std::time::Duration;

use crate::model::error::ModelError;
use crate::model::yaml::Node;

/// Nanoseconds of each unit; a unit that is the start of another comes after it.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// A duration in a file.
pub(crate) fn read(node: &Node, what: &str) -> Result<Duration, ModelError> {
    let text = node.loose(what)?;
    parse(text).map_err(|reason| {
        node.error(format!("{what} is no duration: `{text}` {reason}")).hint("write it like 30s, 1m30s or 500ms")
    })
}

/// Parses a duration; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err("is empty");
    }
    if rest.starts_with('-') {
        return Err("is negative");
    }
    let mut nanoseconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| "has no number where one is needed")?;
        rest = &rest[digits..];
        if rest.is_empty() {
            return Err("has no unit");
        }
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit)).ok_or("has an unknown unit")?;
        nanoseconds += number * factor;
        rest = &rest[unit.len()..];
    }
    // Also keeps the result inside what the engine takes, a signed 64-bit count of nanoseconds.
    if nanoseconds > 9e18 {
        return Err("is too long");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    Ok(Duration::from_nanos(nanoseconds.round() as u64))
}

/// A duration as [`parse`] reads it, in the largest units that fit.
pub fn format(duration: Duration) -> String {
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(nanoseconds / 1_000_000), "ms"),
        (u64::from(nanoseconds / 1_000 % 1_000), "us"),
        (u64::from(nanoseconds % 1_000), "ns"),
    ];
    let text: Vec<String> =
        parts.iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_gos_notation() {
        let cases = [("30s", 30_000), ("1m30s", 90_000), ("1.5s", 1_500), ("100ms", 100), ("1h", 3_600_000), ("0", 0)];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "30", "s", "1d", "-1s", "1s2", "1.2.3s", "99999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_it_writes_it_reads() {
        for text in ["0s", "1h2m3s", "250ms", "1s500ms", "5us"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
