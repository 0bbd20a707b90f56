//! One text per value that Postgres and Spark agree on, and from it checksums that do not depend on the order of rows.
//!
//! spark/lib/fingerprint.py has the table of these texts and Spark's side of it; a checksum is the sum over all rows of the first
//! eight hexadecimal digits of the MD5 of the row's canonical text.

use super::clients::postgres::{quote, quote_qualified};
use super::spec::{Infinity, type_name};

/// Canonical text of a column in Postgres SQL; NULL stays NULL. No session setting changes it.
pub fn text(column: &str, sql_type: &str, infinity: Infinity) -> String {
    let name = quote(column);
    let kind = type_name(sql_type);
    match kind.strip_suffix("[]") {
        // Length, colon, element: unlike JSON it needs no escapes, which the two sides write differently.
        Some(element) => format!(
            "CASE WHEN {name} IS NOT NULL THEN coalesce((SELECT string_agg(coalesce(char_length(x) || ':' || x, '-'), ',' \
             ORDER BY n) FROM (SELECT {} AS x, n FROM unnest({name}) WITH ORDINALITY AS u(e, n)) AS t), '') END",
            scalar("e", element, infinity)
        ),
        None => scalar(&name, &kind, infinity),
    }
}

/// The same of a value that is no array, given as SQL.
fn scalar(value: &str, kind: &str, infinity: Infinity) -> String {
    // What the pipeline makes NULL on the way is NULL for the comparison, too.
    let finite = |text: &str| match infinity {
        Infinity::Null => format!("CASE WHEN isfinite({value}) THEN {text} END"),
        Infinity::Stop => format!("CASE WHEN isfinite({value}) THEN {text} ELSE {value}::text END"),
    };
    match kind {
        "boolean" => format!("CASE WHEN {value} THEN 't' WHEN NOT {value} THEN 'f' END"),
        "date" => finite(&format!("({value} - DATE '1970-01-01')::text")),
        // extract() yields numeric, so no microsecond is lost and none is too many.
        "timestamp" | "timestamptz" => finite(&format!("trunc(extract(epoch FROM {value}) * 1000000)::text")),
        "time" => format!("to_char({value}, 'HH24:MI:SS.US')"),
        "interval" => {
            let fields =
                ["year", "month", "day", "hour", "minute"].map(|field| format!("extract({field} FROM {value})"));
            let seconds = format!("trim_scale(extract(second FROM {value}))");
            format!(
                "CASE WHEN {value} IS NOT NULL THEN format('P%sY%sM%sDT%sH%sM%sS', {}, {seconds}) END",
                fields.join(", ")
            )
        }
        "real" | "double precision" => {
            format!("('x' || encode(float8send({value}::float8), 'hex'))::bit(64)::bigint::text")
        }
        "bytea" => format!("encode({value}, 'hex')"),
        // A cast to text would drop the blanks of char(n) and add /32 to an address.
        kind if kind == "inet" || kind == "char" || kind.starts_with("char(") => {
            format!("CASE WHEN {value} IS NOT NULL THEN concat({value}) END")
        }
        _ => format!("{value}::text"),
    }
}

/// SQL of a row's canonical text: columns joined by `|`, NULL as `\N`.
pub fn row_text<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>, infinity: Infinity) -> String {
    let texts: Vec<String> = columns
        .into_iter()
        .map(|(name, sql_type)| format!("coalesce({}, '\\N')", text(name, sql_type, infinity)))
        .collect();
    format!("concat_ws('|', {})", texts.join(", "))
}

/// The same of columns whose canonical texts are SQL already.
pub fn row_of(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("coalesce({text}, '\\N')")).collect();
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

/// True when a column declared as `declared` can be compared with one that the destination's catalog calls `there`. An enum has a
/// name of its own there, or is text.
pub fn comparable(declared: &str, there: &str) -> bool {
    declared == "enum" || type_name(there) == type_name(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(sql_type: &str) -> String {
        text("a", sql_type, Infinity::Stop)
    }

    #[test]
    fn each_type_has_its_text() {
        assert_eq!(stop("numeric(12,2)"), r#""a"::text"#);
        assert_eq!(stop("bool"), r#"CASE WHEN "a" THEN 't' WHEN NOT "a" THEN 'f' END"#);
        assert_eq!(stop("timestamp(3) with time zone"), stop("timestamptz"));
        assert_eq!(stop("char(6)"), stop("inet"));
        assert!(stop("varchar(20)[]").contains(r#"SELECT e::text AS x, n FROM unnest("a")"#));
        assert!(stop("date[]").contains("(e - DATE '1970-01-01')::text"));
    }

    #[test]
    fn infinity_is_null_only_where_the_pipeline_makes_it_so() {
        let date = r#"("a" - DATE '1970-01-01')::text"#;
        assert_eq!(stop("date"), format!(r#"CASE WHEN isfinite("a") THEN {date} ELSE "a"::text END"#));
        assert_eq!(text("a", "date", Infinity::Null), format!(r#"CASE WHEN isfinite("a") THEN {date} END"#));
    }

    #[test]
    fn an_enum_is_compared_under_any_name() {
        assert!(comparable("enum", "mood") && comparable("enum", "text"));
        assert!(comparable("char(6)", "character(6)") && !comparable("char(6)", "character(7)"));
        assert!(comparable("numeric(60,20)", "numeric(60,20)") && !comparable("numeric", "numeric(12,2)"));
    }

    #[test]
    fn a_row_is_its_columns_joined() {
        let row = row_text([("id", "bigint"), ("note", "text")], Infinity::Stop);
        assert_eq!(row, r#"concat_ws('|', coalesce("id"::text, '\N'), coalesce("note"::text, '\N'))"#);
        assert_eq!(
            row_of(&[r#""id"::text"#.to_owned(), r#""note"::text"#.to_owned()]),
            row,
            "whoever writes the texts"
        );
    }
}
