//! One text per value that Postgres and Spark agree on, and from it checksums that do not depend on the order of rows.
//!
//! The same definition stands in spark/lib/fingerprint.py; a checksum is the sum over all rows of the first eight
//! hexadecimal digits of the MD5 of the row's canonical text.

use super::clients::postgres::{quote, quote_qualified};

/// Canonical text of a column in Postgres SQL; NULL stays NULL. No session setting changes it.
pub fn text(column: &str, sql_type: &str) -> String {
    let name = quote(column);
    match base_type(sql_type).as_str() {
        "boolean" => format!("CASE WHEN {name} THEN 't' WHEN NOT {name} THEN 'f' END"),
        "date" => format!("({name} - DATE '1970-01-01')::text"),
        // extract() yields numeric, so no microsecond is lost.
        "timestamp" | "timestamptz" => format!("(extract(epoch FROM {name}) * 1000000)::bigint::text"),
        "real" | "double precision" => {
            format!("('x' || encode(float8send({name}::float8), 'hex'))::bit(64)::bigint::text")
        }
        // Length, colon, element: unlike JSON it needs no escapes, which the two sides write differently.
        array if array.ends_with("[]") => format!(
            "CASE WHEN {name} IS NOT NULL THEN coalesce((SELECT string_agg(coalesce(char_length(e::text) || ':' || \
             e::text, '-'), ',' ORDER BY n) FROM unnest({name}) WITH ORDINALITY AS u(e, n)), '') END"
        ),
        _ => format!("{name}::text"),
    }
}

/// SQL of a row's canonical text: columns joined by `|`, NULL as `\N`.
pub fn row_text<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let texts: Vec<String> =
        columns.into_iter().map(|(name, sql_type)| format!("coalesce({}, '\\N')", text(name, sql_type))).collect();
    format!("concat_ws('|', {})", texts.join(", "))
}

/// SQL of the checksum over all rows of a canonical text.
pub fn checksum(text: &str) -> String {
    format!("coalesce(sum(('x' || substr(md5({text}), 1, 8))::bit(32)::bigint), 0)::text")
}

/// A query for one row: count, checksum of `whole`, then a checksum for each of `parts`, all of one scan.
pub fn summary_query(schema: &str, table: &str, whole: &str, parts: &[String]) -> String {
    let sums: Vec<String> = std::iter::once(whole).chain(parts.iter().map(String::as_str)).map(checksum).collect();
    format!("SELECT count(*), {} FROM {}", sums.join(", "), quote_qualified(schema, table))
}

/// One spelling per type: pipeline.yml may write `int8`, the catalog says `bigint`. Lengths of text do not matter,
/// precision and scale of numbers do.
pub fn type_name(sql_type: &str) -> String {
    let lower = sql_type.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let (element, array) = lower.strip_suffix("[]").map_or((lower.as_str(), ""), |element| (element, "[]"));
    // `timestamp(3) with time zone` has its precision in the middle.
    let (base, arguments) = match (element.find('('), element.find(')')) {
        (Some(open), Some(close)) if open < close => {
            (format!("{}{}", element[..open].trim_end(), &element[close + 1..]), element[open..=close].replace(' ', ""))
        }
        _ => (element.to_owned(), String::new()),
    };
    let name = match base.as_str() {
        "int2" => "smallint",
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" | "double" => "double precision",
        "bool" => "boolean",
        "varchar" | "character varying" => "text",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "numeric" | "decimal" => return format!("numeric{arguments}{array}"),
        other => other,
    };
    format!("{name}{array}")
}

fn base_type(sql_type: &str) -> String {
    let name = type_name(sql_type);
    if name.starts_with("numeric") && !name.ends_with("[]") { "numeric".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_text() {
        assert_eq!(text("a", "numeric(12,2)"), r#""a"::text"#);
        assert_eq!(text("a", "bool"), r#"CASE WHEN "a" THEN 't' WHEN NOT "a" THEN 'f' END"#);
        assert_eq!(text("a", "timestamp(3) with time zone"), text("a", "timestamptz"));
        assert_eq!(text("a", "date"), r#"("a" - DATE '1970-01-01')::text"#);
        assert!(text("a", "varchar(20)[]").contains(r#"unnest("a")"#));
    }

    #[test]
    fn one_spelling_per_type() {
        assert_eq!(type_name("character varying(40)"), "text");
        assert_eq!(type_name("NUMERIC (12, 2)"), "numeric(12,2)");
        assert_eq!(type_name("int8[]"), "bigint[]");
        assert_eq!(type_name("timestamp with time zone"), "timestamptz");
    }

    #[test]
    fn a_row_is_its_columns_joined() {
        let row = row_text([("id", "bigint"), ("note", "text")]);
        assert_eq!(row, r#"concat_ws('|', coalesce("id"::text, '\N'), coalesce("note"::text, '\N'))"#);
    }
}
