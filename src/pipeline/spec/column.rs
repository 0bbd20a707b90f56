//! Column types: those that the pipeline carries from Debezium's JSON to both databases, under one name each.

/// Types without parameters.
const SIMPLE: [&str; 15] = [
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "boolean",
    "text",
    "uuid",
    "jsonb",
    "date",
    "timestamp",
    "timestamptz",
    "text[]",
    "integer[]",
    "bigint[]",
];

/// Other names that Postgres knows for them.
const ALIASES: [(&str, &str); 13] = [
    ("int2", "smallint"),
    ("int", "integer"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("float4", "real"),
    ("double", "double precision"),
    ("float8", "double precision"),
    ("bool", "boolean"),
    ("varchar", "text"),
    ("character varying", "text"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
    ("int[]", "integer[]"),
];

/// The one name of a type (`int8` is `bigint`, `decimal(12, 2)` is `numeric(12,2)`); the error says what is wrong with it.
pub fn canonical_type(text: &str) -> Result<String, String> {
    let name = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let (base, parameters) = match name.split_once('(') {
        Some((base, rest)) => {
            let parameters = rest.strip_suffix(')').ok_or_else(|| unknown(text))?;
            (base.trim_end(), Some(parameters))
        }
        None => (name.as_str(), None),
    };
    match (base, parameters) {
        ("numeric" | "decimal", Some(parameters)) => numeric(text, parameters),
        ("numeric" | "decimal", None) => {
            Err(format!("`{text}` needs its precision and scale here: write it like numeric(12,2)"))
        }
        ("varchar" | "character varying", Some(length)) if length.trim().parse::<u32>().is_ok() => {
            Ok("text".to_owned())
        }
        ("varchar[]", None) => Ok("text[]".to_owned()),
        (_, None) => {
            let base = ALIASES.iter().find(|(alias, _)| *alias == base).map_or(base, |(_, name)| name);
            if SIMPLE.contains(&base) { Ok(base.to_owned()) } else { Err(unknown(text)) }
        }
        _ => Err(unknown(text)),
    }
}

fn numeric(text: &str, parameters: &str) -> Result<String, String> {
    let (precision, scale) = parameters.split_once(',').unwrap_or((parameters, "0"));
    match (precision.trim().parse::<u32>(), scale.trim().parse::<u32>()) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok(format!("numeric({precision},{scale})")),
        _ => Err(format!("`{text}` needs a precision of 1 to 38 and a scale within it")),
    }
}

fn unknown(text: &str) -> String {
    format!("`{text}` is not a type that the pipeline carries")
}

/// All names, for a hint.
pub(super) fn known() -> String {
    format!("{}, numeric(p,s), varchar(n)", SIMPLE.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_name() {
        let cases = [
            ("bigint", "bigint"),
            ("INT8", "bigint"),
            ("int[]", "integer[]"),
            ("varchar(40)", "text"),
            ("character varying", "text"),
            ("timestamp  with time zone", "timestamptz"),
            ("decimal(12, 2)", "numeric(12,2)"),
            ("numeric(5)", "numeric(5,0)"),
        ];
        for (text, name) in cases {
            assert_eq!(canonical_type(text).as_deref(), Ok(name), "{text}");
        }
        for text in
            ["money", "numeric", "numeric(39,2)", "numeric(2,3)", "numeric(a)", "varchar(x)", "date(", "date(3)", ""]
        {
            assert!(canonical_type(text).is_err(), "{text}");
        }
    }
}
