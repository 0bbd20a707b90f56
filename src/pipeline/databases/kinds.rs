//! Which types of a destination take the values of which types of a source.

use crate::pipeline::spec::{limit, type_name};

/// Whole numbers by width.
const WHOLE: [&str; 3] = ["smallint", "integer", "bigint"];
/// Types whose values are written as text that another type may read.
const TEXTS: [&str; 2] = ["text", "char"];

/// True where a column of type `there` takes every value of a column declared as `declared`. `there` is as the database's catalog
/// writes it; a type that Postgres does not come with is left to the database.
pub fn takes(declared: &str, there: &str, there_is_enum: bool) -> bool {
    let there = type_name(there);
    if declared == there || there_is_enum {
        return true;
    }
    match (declared.strip_suffix("[]"), there.strip_suffix("[]")) {
        (Some(declared), Some(there)) => return takes(declared, there, false),
        (Some(_), None) => return matches!(there.as_str(), "text" | "json" | "jsonb"),
        (None, Some(_)) => return false,
        (None, None) => {}
    }
    let (from, to) = (base(declared), base(&there));
    // Of its own or an extension's: citext, for example.
    if crate::pipeline::spec::canonical_type(&there).is_err() {
        return true;
    }
    match (from, to) {
        (_, "text") => from != "bytea",
        ("numeric", "numeric") => digits(declared, &there),
        (from, "numeric") if WHOLE.contains(&from) => there == "numeric" || holds_whole(from, &there),
        ("smallint" | "integer" | "real", "double precision")
        | ("smallint", "real")
        | ("date", "timestamp")
        | ("json" | "jsonb", "json" | "jsonb")
        | ("inet" | "cidr", "inet") => true,
        // What is in a text is known to whoever declares it as something that is written as text.
        (from, "uuid" | "json" | "jsonb" | "inet" | "cidr" | "macaddr" | "char") if TEXTS.contains(&from) => true,
        ("enum", to) => TEXTS.contains(&to),
        (from, to) => match (place(from), place(to)) {
            (Some(from), Some(to)) => from <= to,
            _ => false,
        },
    }
}

/// True where a column of type `there` keeps every value of the source's column as long and as exact as it is. Both are as the
/// databases' catalogs write them: how a value travels depends on neither length nor precision.
pub fn holds(source: &str, there: &str) -> bool {
    let family = |kind: &str| {
        let name = type_name(kind);
        match base(name.trim_end_matches("[]")) {
            "text" | "char" => Some("text"),
            "time" | "timestamp" | "timestamptz" => Some("time"),
            _ => None,
        }
    };
    let (Some(from), Some(to)) = (family(source), family(there)) else { return true };
    match (limit(source), limit(there)) {
        (_, None) => true,
        // Postgres keeps six digits of a second where nothing is said.
        (None, Some(digits)) => from == "time" && digits >= 6,
        (Some(wanted), Some(kept)) => from != to || wanted <= kept,
    }
}

fn place(whole: &str) -> Option<usize> {
    WHOLE.iter().position(|known| *known == whole)
}

fn base(kind: &str) -> &str {
    kind.split('(').next().unwrap_or(kind)
}

/// Precision and scale of `numeric(p,s)`; nothing without them.
fn parameters(kind: &str) -> Option<(u32, u32)> {
    let inner = kind.split_once('(')?.1.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    Some((precision.parse().ok()?, scale.parse().ok()?))
}

/// Digits before and behind the point both have to fit, or the database rounds.
fn digits(from: &str, to: &str) -> bool {
    match (parameters(from), parameters(to)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some((precision, scale)), Some((wide, fine))) => {
            scale <= fine && i64::from(precision) - i64::from(scale) <= i64::from(wide) - i64::from(fine)
        }
    }
}

fn holds_whole(whole: &str, numeric: &str) -> bool {
    let needed = match whole {
        "smallint" => 5,
        "integer" => 10,
        _ => 19,
    };
    parameters(numeric).is_none_or(|(precision, scale)| i64::from(precision) - i64::from(scale) >= needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_takes_itself_and_what_is_narrower() {
        let taken = [
            ("bigint", "bigint"),
            ("integer", "bigint"),
            ("integer", "numeric"),
            ("integer", "numeric(12,2)"),
            ("numeric(12,2)", "numeric(14,2)"),
            ("numeric(12,2)", "numeric"),
            ("real", "double precision"),
            ("text", "character varying(40)"),
            ("text", "uuid"),
            ("text", "citext"),
            ("uuid", "text"),
            ("json", "jsonb"),
            ("text[]", "text[]"),
            ("integer[]", "bigint[]"),
            ("text[]", "jsonb"),
            ("enum", "character varying"),
            ("date", "timestamp without time zone"),
        ];
        for (declared, there) in taken {
            assert!(takes(declared, there, false), "{declared} into {there}");
        }
        assert!(takes("enum", "mood", true) && takes("text", "mood", true));
    }

    #[test]
    fn what_is_shorter_or_coarser_does_not_hold_everything() {
        let held = [
            ("text", "text"),
            ("character varying(40)", "character varying(40)"),
            ("character varying(40)", "character varying(80)"),
            ("character varying(40)[]", "text[]"),
            ("character(6)", "character varying(6)"),
            ("timestamp(3) without time zone", "timestamp without time zone"),
            ("timestamp without time zone", "timestamp(6) without time zone"),
            ("time(0) without time zone", "time(3) without time zone"),
            ("date", "timestamp(0) without time zone"),
            ("uuid", "character varying(36)"),
            ("integer", "numeric(12,2)"),
        ];
        for (source, there) in held {
            assert!(holds(source, there), "{source} in {there}");
        }
        let cut = [
            ("text", "character varying(255)"),
            ("character varying(40)", "character varying(20)"),
            ("character(6)", "character(4)"),
            ("character varying(40)[]", "character varying(20)[]"),
            ("timestamp with time zone", "timestamp(0) with time zone"),
            ("timestamp(6) without time zone", "timestamp(3) without time zone"),
            ("time without time zone", "time(3) without time zone"),
        ];
        for (source, there) in cut {
            assert!(!holds(source, there), "{source} in {there}");
        }
    }

    #[test]
    fn what_would_be_cut_rounded_or_refused_is_not_taken() {
        let refused = [
            ("bigint", "integer"),
            ("bigint", "double precision"),
            ("numeric", "numeric(12,2)"),
            ("numeric(12,2)", "numeric(12,4)"),
            ("bigint", "numeric(12,0)"),
            ("text", "integer"),
            ("timestamp", "timestamptz"),
            ("timestamp", "date"),
            ("boolean", "integer"),
            ("text", "text[]"),
            ("text[]", "integer[]"),
            ("bytea", "text"),
        ];
        for (declared, there) in refused {
            assert!(!takes(declared, there, false), "{declared} into {there}");
        }
    }
}
