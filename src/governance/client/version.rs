//! The server's version, and what depends on it.

use std::fmt;

/// The oldest version whose interface this client was made for.
pub const OLDEST: Version = Version { major: 1, minor: 2 };
/// The newest: later minor versions of the same major keep the interface.
pub const NEWEST: &str = "2.x";

/// Major and minor version; what follows makes no difference to the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
}

impl Version {
    /// Reads `2.0.5` or `1.2.0-SNAPSHOT`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self { major, minor })
    }

    /// True for versions that this client was made for.
    pub fn is_supported(self) -> bool {
        self >= OLDEST && self.major <= 2
    }

    /// The types that came after the first versions: `KafkaConnect`, `Spark`, `DeltaLake` with a configuration source.
    pub fn knows_stream_services(self) -> bool {
        self >= Self { major: 1, minor: 5 }
    }

    /// Where a table lies, and measurements with names of their own: read in the schemas of 2.0.
    pub fn knows_locations(self) -> bool {
        self.major >= 2
    }

    /// Name of the field with the owners of an entity: a list since 1.5, one reference before.
    pub fn owners_field(self) -> &'static str {
        if self >= (Self { major: 1, minor: 5 }) { "owners" } else { "owner" }
    }

    /// Name of the field with a view's text.
    pub fn view_field(self) -> &'static str {
        if self >= (Self { major: 1, minor: 6 }) { "schemaDefinition" } else { "viewDefinition" }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_minor_version_does_not_matter() {
        let parsed = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(parsed("2.0.5").as_deref(), Some("2.0"));
        assert_eq!(parsed("1.2.0-SNAPSHOT").as_deref(), Some("1.2"));
        assert_eq!(parsed("1.12-rc1").as_deref(), Some("1.12"));
        for text in ["", "2", "x.y", "2."] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let supported = |text| Version::parse(text).is_some_and(Version::is_supported);
        assert!(supported("1.2.0") && supported("1.12.10") && supported("2.1.0"));
        assert!(!supported("1.1.9") && !supported("0.13.0") && !supported("3.0.0"));
    }
}
