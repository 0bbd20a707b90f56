//! What a verification found, as data for the screen, `--json` and `--junit`.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// Everything that was verified.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// True when every hop and every check succeeded.
    pub ok: bool,
    /// Marker of this run, part of every row that it wrote.
    pub run: String,
    /// Duration.
    pub elapsed_ms: u64,
    /// Rows that were followed from the source on.
    pub followed: Vec<Followed>,
    /// Comparisons of whole tables.
    pub checks: Vec<Check>,
    /// What was left out of a comparison, and why.
    pub notes: Vec<String>,
}

/// One change of one row, followed through the pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Followed {
    /// Source table.
    pub table: String,
    /// `insert`, `update` or `delete`.
    pub operation: Operation,
    /// Key of the row.
    pub key: Value,
    /// Offset of the change in its topic, once it was seen there.
    pub offset: Option<i64>,
    /// Where it was seen, in the pipeline's order.
    pub hops: Vec<Hop>,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A new row.
    Insert,
    /// A changed row.
    Update,
    /// A removed row.
    Delete,
}

/// A place on a row's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The Kafka topic.
    Topic,
    /// The Delta change log.
    ChangeLog,
    /// The merged Delta table.
    Delta,
    /// The destination table.
    Destination,
}

/// Arrival at one place.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// Where.
    pub place: Place,
    /// What was expected and seen; `ms` counts from the commit at the source.
    #[serde(flatten)]
    pub check: Check,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What must be.
    pub expected: String,
    /// What is.
    pub seen: String,
    /// How long it took.
    pub ms: u64,
}

impl Operation {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Place {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::ChangeLog => "change log",
            Self::Delta => "Delta table",
            Self::Destination => "destination",
        }
    }
}

impl Followed {
    /// True when it was seen everywhere.
    pub fn is_ok(&self) -> bool {
        self.hops.iter().all(|hop| hop.check.ok)
    }
}

impl VerifyReport {
    /// Hops and checks in order.
    pub fn all_checks(&self) -> impl Iterator<Item = &Check> {
        let hops = self.followed.iter().flat_map(|followed| followed.hops.iter().map(|hop| &hop.check));
        hops.chain(&self.checks)
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.all_checks().filter(|check| !check.ok)
    }

    /// The report in the `JUnit` format that CI systems read.
    pub fn to_junit(&self) -> String {
        let (mut cases, mut total, mut failed) = (String::new(), 0, 0);
        for check in self.all_checks() {
            total += 1;
            let (name, seconds) = (escape(&check.name), seconds(check.ms));
            let _ = write!(cases, "  <testcase classname=\"pipectl.verify\" name=\"{name}\" time=\"{seconds}\"");
            if check.ok {
                cases.push_str("/>\n");
                continue;
            }
            failed += 1;
            let text = escape(&format!("expected {}, seen {}", check.expected, check.seen));
            let _ = write!(cases, ">\n    <failure message=\"{text}\"/>\n  </testcase>\n");
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"pipectl verify\" tests=\"{total}\" failures=\"{failed}\" time=\"{}\">\n{cases}</testsuite>\n",
            seconds(self.elapsed_ms)
        )
    }
}

/// The report, as `JUnit` XML, of a verification that could not be carried out: CI that shows only reports shows why.
pub fn junit_of_error(message: &str, elapsed_ms: u64) -> String {
    let (message, time) = (escape(message), seconds(elapsed_ms));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"pipectl verify\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"{time}\">\n  \
         <testcase classname=\"pipectl.verify\" name=\"verify\" time=\"{time}\">\n    \
         <error message=\"{message}\"/>\n  </testcase>\n</testsuite>\n"
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// XML text: the five entities, and no control characters, which XML 1.0 cannot hold even escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            sign if sign.is_control() => escaped.push(' '),
            sign => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, ok: bool, ms: u64) -> Check {
        Check { name: name.into(), ok, expected: "5 rows".into(), seen: "<4> \"rows\"".into(), ms }
    }

    #[test]
    fn junit_counts_and_escapes() {
        let report = VerifyReport {
            elapsed_ms: 2005,
            checks: vec![check("a & b", true, 12), check("c", false, 1500)],
            ..VerifyReport::default()
        };
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="pipectl verify" tests="2" failures="1" time="2.005">
  <testcase classname="pipectl.verify" name="a &amp; b" time="0.012"/>
  <testcase classname="pipectl.verify" name="c" time="1.500">
    <failure message="expected 5 rows, seen &lt;4&gt; &quot;rows&quot;"/>
  </testcase>
</testsuite>
"#;
        assert_eq!(report.to_junit(), expected);
        assert_eq!(report.failures().count(), 1);
    }

    #[test]
    fn junit_says_why_nothing_could_be_verified() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="pipectl verify" tests="1" failures="0" errors="1" time="120.004">
  <testcase classname="pipectl.verify" name="verify" time="120.004">
    <error message="no answer from &lt;kafka&gt;"/>
  </testcase>
</testsuite>
"#;
        assert_eq!(junit_of_error("no answer from <kafka>", 120_004), expected);
    }

    #[test]
    fn a_hop_is_a_check_with_a_place() {
        let hop = Hop { place: Place::ChangeLog, check: check("insert", true, 7) };
        let json = serde_json::to_value(&hop).expect("plain data");
        assert_eq!(json["place"], "change-log");
        assert_eq!(json["ms"], 7);
    }
}
