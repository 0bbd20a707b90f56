//! Values with a syntax of their own: durations, numbers of log lines, `service=count`.

use std::time::Duration;

use clap::ValueEnum;

/// Parses `90`, `90s`, `2m`, `1m30s`, `1h`, `500ms`; a bare number counts seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a duration such as 90s, 2m or 1h30m";
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| EXPECTED)?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let milliseconds: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(EXPECTED.to_owned()),
        };
        rest = &rest[letters..];
        let part = number.checked_mul(milliseconds).ok_or(EXPECTED)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or(EXPECTED)?;
    }
    if text.is_empty() { Err(EXPECTED.to_owned()) } else { Ok(total) }
}

/// How many of the last lines of a log are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Every line.
    All,
    /// The last so many.
    Last(usize),
}

impl Tail {
    /// The number, none for all.
    pub fn limit(self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Last(lines) => Some(lines),
        }
    }
}

impl std::str::FromStr for Tail {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::Last).map_err(|_| "expected a number of lines or `all`".to_owned())
    }
}

/// `SERVICE=N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// The service.
    pub service: String,
    /// How many containers it shall have.
    pub count: u32,
}

impl std::str::FromStr for Replicas {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected SERVICE=N, for example spark-worker=2";
        let (service, count) = text.split_once('=').ok_or(EXPECTED)?;
        let count = count.parse().map_err(|_| EXPECTED)?;
        if service.is_empty() { Err(EXPECTED.to_owned()) } else { Ok(Self { service: service.to_owned(), count }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        let parsed = ["90", "90s", "2m", "1h30m", "500ms", "0"].map(|text| duration(text).expect(text).as_millis());
        assert_eq!(parsed, [90_000, 90_000, 120_000, 5_400_000, 500, 0]);
        for wrong in ["", "s", "1x", "1.5h", "-3", "m5", "99999999999999999999d", "213503982334601d"] {
            assert!(duration(wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn a_tail_is_a_number_or_all() {
        assert_eq!("all".parse::<Tail>().expect("valid").limit(), None);
        assert_eq!("20".parse::<Tail>().expect("valid").limit(), Some(20));
        assert!("some".parse::<Tail>().is_err());
    }

    #[test]
    fn replicas_name_a_service_and_a_count() {
        let parsed: Replicas = "spark-worker=2".parse().expect("valid");
        assert_eq!(parsed, Replicas { service: "spark-worker".into(), count: 2 });
        for wrong in ["spark-worker", "=2", "kafka=", "kafka=-1", "kafka=two"] {
            assert!(wrong.parse::<Replicas>().is_err(), "{wrong} was accepted");
        }
    }
}

/// Who reads the servers for the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IngestWith {
    /// pipectl's own collectors
    Own,
    /// `openmetadata-ingestion`, unmodified
    Official,
}
