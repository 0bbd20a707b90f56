//! Column types under the names that the catalog has for them.

use serde_json::{Map, Value, json};

/// Postgres' own names (`format_type`) without parameters.
const POSTGRES: [(&str, &str); 29] = [
    ("smallint", "SMALLINT"),
    ("integer", "INT"),
    ("bigint", "BIGINT"),
    ("numeric", "NUMERIC"),
    ("real", "FLOAT"),
    ("double precision", "DOUBLE"),
    ("money", "MONEY"),
    ("boolean", "BOOLEAN"),
    ("text", "TEXT"),
    ("character varying", "VARCHAR"),
    ("character", "CHAR"),
    ("uuid", "UUID"),
    ("json", "JSON"),
    ("jsonb", "JSON"),
    ("date", "DATE"),
    ("time without time zone", "TIME"),
    ("time with time zone", "TIME"),
    ("timestamp", "TIMESTAMP"),
    ("timestamptz", "TIMESTAMPZ"),
    ("timestamp without time zone", "TIMESTAMP"),
    ("timestamp with time zone", "TIMESTAMPZ"),
    ("interval", "INTERVAL"),
    ("bytea", "BYTEA"),
    ("inet", "INET"),
    ("cidr", "CIDR"),
    ("macaddr", "MACADDR"),
    ("xml", "XML"),
    ("tsvector", "TSVECTOR"),
    ("pg_lsn", "PG_LSN"),
];
/// Spark's names.
const SPARK: [(&str, &str); 15] = [
    ("tinyint", "TINYINT"),
    ("smallint", "SMALLINT"),
    ("int", "INT"),
    ("bigint", "BIGINT"),
    ("float", "FLOAT"),
    ("double", "DOUBLE"),
    ("decimal", "DECIMAL"),
    ("boolean", "BOOLEAN"),
    ("string", "STRING"),
    ("binary", "BINARY"),
    ("date", "DATE"),
    ("timestamp", "TIMESTAMPZ"),
    ("timestamp_ntz", "TIMESTAMP"),
    ("struct", "STRUCT"),
    ("map", "MAP"),
];
/// Digits of Spark's widest decimal; a number that may have more is text there.
const MOST_DIGITS: u64 = 38;
/// Longest text that a type without a length may hold, for types that must have one.
const UNBOUNDED: u64 = 65_535;

/// A column of a Postgres table.
pub(super) fn postgres(name: &str, kind: &str) -> Map<String, Value> {
    let element = kind.strip_suffix("[]").map(|element| word(&POSTGRES, &base(element)));
    column(name, kind, element.unwrap_or_else(|| word(&POSTGRES, &base(kind))), element.is_some(), kind)
}

/// A column of a Spark table.
pub(super) fn spark(name: &str, kind: &str) -> Map<String, Value> {
    let element = kind.strip_prefix("array<").and_then(|rest| rest.strip_suffix('>'));
    let element = element.map(|element| word(&SPARK, &base(element)));
    column(name, kind, element.unwrap_or_else(|| word(&SPARK, &base(kind))), element.is_some(), kind)
}

/// Spark's type for a column that pipeline.yml declares: the table in `spark/lib/column_types.py`.
pub(super) fn spark_type(declared: &str) -> String {
    if let Some(element) = declared.strip_suffix("[]") {
        return format!("array<{}>", spark_type(element));
    }
    match declared {
        "smallint" | "bigint" | "boolean" | "date" => declared.to_owned(),
        "integer" => "int".to_owned(),
        "real" => "float".to_owned(),
        "double precision" => "double".to_owned(),
        "bytea" => "binary".to_owned(),
        "timestamp" => "timestamp_ntz".to_owned(),
        "timestamptz" => "timestamp".to_owned(),
        other => match other.strip_prefix("numeric(") {
            Some(digits) if parameters(other).next() <= Some(MOST_DIGITS) => format!("decimal({digits}"),
            _ => "string".to_owned(),
        },
    }
}

/// The type of a field in a change event, as the connector is configured (`decimal.handling.mode=string`,
/// `time.precision.mode=microseconds`), for a column that pipeline.yml declares.
pub(super) fn event(declared: &str) -> &'static str {
    match declared {
        "smallint" | "integer" | "date" => "INT",
        "bigint" | "time" | "timestamp" => "LONG",
        "real" => "FLOAT",
        "double precision" => "DOUBLE",
        "boolean" => "BOOLEAN",
        array if array.ends_with("[]") => "ARRAY",
        _ => "STRING",
    }
}

fn column(name: &str, kind: &str, word: &str, is_array: bool, display: &str) -> Map<String, Value> {
    let mut column = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("dataType".to_owned(), json!(if is_array { "ARRAY" } else { word })),
        ("dataTypeDisplay".to_owned(), json!(display)),
    ]);
    if is_array {
        column.insert("arrayDataType".to_owned(), json!(word));
        return column;
    }
    let mut numbers = parameters(kind);
    match word {
        "NUMERIC" | "DECIMAL" => {
            for key in ["precision", "scale"] {
                if let Some(number) = numbers.next() {
                    column.insert(key.to_owned(), json!(number));
                }
            }
        }
        // The catalog refuses these without a length.
        "VARCHAR" | "CHAR" | "BINARY" => {
            let length = numbers.next().unwrap_or(if word == "CHAR" { 1 } else { UNBOUNDED });
            column.insert("dataLength".to_owned(), json!(length));
        }
        _ => {}
    }
    column
}

/// The name without its parameters; Postgres has them in the middle of `timestamp(3) without time zone`.
fn base(kind: &str) -> String {
    match (kind.find(['(', '<']), kind.rfind([')', '>'])) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &kind[..start], &kind[end + 1..]),
        _ => kind.to_owned(),
    }
}

fn word(table: &'static [(&str, &str)], base: &str) -> &'static str {
    table.iter().find(|(name, _)| *name == base).map_or("UNKNOWN", |(_, word)| word)
}

fn parameters(kind: &str) -> impl Iterator<Item = u64> {
    let inside = kind.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    inside.split(',').filter_map(|number| number.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(column: Map<String, Value>) -> String {
        Value::Object(column).to_string()
    }

    #[test]
    fn postgres_types() {
        let cases = [
            ("numeric(12,2)", r#""NUMERIC","dataTypeDisplay":"numeric(12,2)","precision":12,"scale":2}"#),
            ("text[]", r#""ARRAY","dataTypeDisplay":"text[]","arrayDataType":"TEXT"}"#),
            ("character varying(40)", r#""VARCHAR","dataTypeDisplay":"character varying(40)","dataLength":40}"#),
            ("character varying", r#""VARCHAR","dataTypeDisplay":"character varying","dataLength":65535}"#),
            ("timestamp(3) with time zone", r#""TIMESTAMPZ","dataTypeDisplay":"timestamp(3) with time zone"}"#),
            ("numeric", r#""NUMERIC","dataTypeDisplay":"numeric"}"#),
            ("my_enum", r#""UNKNOWN","dataTypeDisplay":"my_enum"}"#),
        ];
        for (kind, rest) in cases {
            assert_eq!(json_of(postgres("c", kind)), format!(r#"{{"name":"c","dataType":{rest}"#), "{kind}");
        }
    }

    #[test]
    fn declared_types_on_their_way() {
        let ways: Vec<String> = [
            "integer",
            "numeric(12,2)",
            "numeric(60,20)",
            "timestamptz",
            "text[]",
            "numeric(5,0)[]",
            "jsonb",
            "bigint",
            "date",
            "time",
            "char(6)",
            "bytea",
        ]
        .iter()
        .map(|declared| {
            let spark = spark_type(declared);
            let word = self::spark("c", &spark)["dataType"].as_str().unwrap_or_default().to_owned();
            format!("{declared} {} {spark} {word}", event(declared))
        })
        .collect();
        assert_eq!(
            ways,
            [
                "integer INT int INT",
                "numeric(12,2) STRING decimal(12,2) DECIMAL",
                "numeric(60,20) STRING string STRING",
                "timestamptz STRING timestamp TIMESTAMPZ",
                "text[] ARRAY array<string> ARRAY",
                "numeric(5,0)[] ARRAY array<decimal(5,0)> ARRAY",
                "jsonb STRING string STRING",
                "bigint LONG bigint BIGINT",
                "date INT date DATE",
                "time LONG string STRING",
                "char(6) STRING string STRING",
                "bytea STRING binary BINARY",
            ]
        );
    }
}
